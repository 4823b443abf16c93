"""What the demo trains: scikit-learn's bundled data, and five models with a fixed random state.

It imports scikit-learn, so the story imports it late, in an environment made for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC


@dataclass(frozen=True, slots=True)
class Data:
    """A bundled data set, and what its publisher says of it.

    Attributes:
        name: The data set, the experiment and the registered model.
        load: Returns features and target.
        owner: Who collected it.
        purpose: What it was collected for.
        slices: Returns, for a frame of features, the name of a slice column and its numbers; the
            rows are cut into three slices of like size by them.
        licence: Its SPDX identifier.
    """

    name: str
    load: Callable[..., Any]
    owner: str
    purpose: str
    slices: Callable[[Any], tuple[str, Any]]
    licence: str = "CC-BY-4.0"


@dataclass(frozen=True, slots=True)
class DemoRecipe:
    """What is trained: an estimator on a data set, and how its training script stores it.

    Attributes:
        run_name: What MLflow calls the run.
        data: What it learns from.
        family: The tag `model.family`.
        estimator: Returns the model before training.
        skops: Whether it is stored as skops, or else as a pickle.
        skops_types: Types that skops must be told to trust.
        has_example: Whether an example of its input is stored with it.
        is_probed: Whether the script serves it for a moment. Without an example to send that
            breaks the script off, and its run fails.
    """

    run_name: str
    data: Data
    family: str
    estimator: Callable[[], Any]
    skops: bool = False
    skops_types: tuple[str, ...] = ()
    has_example: bool = True
    is_probed: bool = False


DIGITS = Data(
    "digits",
    load_digits,
    owner="E. Alpaydin and C. Kaynak",
    purpose="optical recognition of handwritten digits",
    slices=lambda features: ("ink", features.sum(axis=1)),
)
TUMOURS = Data(
    "tumours",
    load_breast_cancer,
    owner="W. Wolberg, O. Mangasarian and W. Street",
    purpose="diagnosis of breast cancer",
    slices=lambda features: ("size", features["mean radius"]),
)

CHAMPION = DemoRecipe(
    "champion", DIGITS, "forest", lambda: RandomForestClassifier(60, random_state=0)
)
TUNED_SVM = DemoRecipe(
    "pr-1-tuned-svm",
    DIGITS,
    "svm",
    lambda: GridSearchCV(SVC(), {"C": [1, 3, 10], "gamma": [0.0005, 0.001]}, cv=3),
    skops=True,
    is_probed=True,
)
MANY_TREES = DemoRecipe(
    "pr-2-many-trees", DIGITS, "forest", lambda: RandomForestClassifier(1000, random_state=0)
)
NEW_QUESTION = DemoRecipe(
    "pr-3-tumours",
    TUMOURS,
    "boosting",
    lambda: GradientBoostingClassifier(random_state=0),
    skops=True,
    skops_types=("sklearn.tree._tree.Tree",),
)
NETWORK = DemoRecipe(
    "pr-4-network",
    DIGITS,
    "mlp",
    # Of 16 neurons, it loses to the forest from any random start; the demo's outcome hangs on none.
    lambda: MLPClassifier((16,), random_state=0),
    has_example=False,
    is_probed=True,
)
