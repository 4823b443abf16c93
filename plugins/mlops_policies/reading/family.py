"""Which family a model is of: deep, simple, ensemble or rule. The one place that knows the names.

A flavor says what stored the model, a tag what its author calls it, autologging what was fitted.
A tag never makes a model simple that a deep flavor or a neural estimator shows to be deep.
"""

import ast
import re
from collections.abc import Collection, Mapping
from enum import StrEnum

from policy_engine.evidence import Run

FAMILY_TAG = "model.family"
"""The tag in which training says the family, such as `linear`, `tree`, `deep` or `ensemble`."""
TRAIN_SIMPLE = (
    "train a linear or a tree model in this experiment, on the candidate's evaluation data, say "
    f'so: mlflow.set_tag("{FAMILY_TAG}", "tree"), and check again: the candidate need not be '
    "trained again"
)
"""What to do where a deep model has no simple one beside it."""
KIND_TAG = "baseline.kind"
"""The tag in which training says that a run is a baseline, and of which kind."""

DEEP_FLAVORS = (
    "pytorch",
    "tensorflow",
    "keras",
    "transformers",
    "sentence_transformers",
    "paddle",
)
"""MLflow flavors that store neural networks and nothing else."""
SIMPLE_FLAVORS = frozenset("sklearn xgboost lightgbm catboost statsmodels prophet pmdarima".split())
"""MLflow flavors of linear and tree models. `sklearn` has neural ones too: see `family_of_run`.
onnx, python_function and the others may hold anything: there the tag must say it."""

_COMMON = re.compile(r"[^a-z0-9]+")


class Family(StrEnum):
    """What a model is, as far as difference 7 asks: deep learning, or something that comes first.

    `simple` is a linear model, a tree, trees of one library, naive Bayes or nearest neighbours;
    `ensemble` several models of any kind put together; `rule` a constant, chance or a rule of
    thumb, which no training made.
    """

    DEEP = "deep"
    SIMPLE = "simple"
    ENSEMBLE = "ensemble"
    RULE = "rule"


_WORDS: Mapping[Family, str] = {
    Family.DEEP: "deep deep-learning neural neural-network nn dnn mlp cnn rnn lstm gru gan "
    "transformer transformers bert llm foundation pretrained autoencoder pytorch torch tensorflow "
    "keras sentence-transformers paddle",
    Family.SIMPLE: "simple simple-model linear linear-regression logistic logistic-regression glm "
    "gam ridge lasso tree trees decision-tree random-forest forest gbm gbdt boosting "
    "gradient-boosting boosted-trees xgboost lightgbm catboost naive-bayes nb knn "
    "nearest-neighbours nearest-neighbors svm arima prophet",
    Family.ENSEMBLE: "ensemble stacking stacked voting blend blending",
    Family.RULE: "rule rules heuristic simple-heuristic zero-rule constant dummy random human",
}
_BY_WORD = {word: family for family, words in _WORDS.items() for word in words.split()}

_SIMPLE_ESTIMATORS = (
    "Logistic Linear Ridge Lasso Lars ElasticNet SGD Perceptron PassiveAggressive Poisson "
    "Gamma Tweedie Huber Quantile RANSAC TheilSen BayesianRidge ARD OrthogonalMatching "
    "MultiTaskLasso MultiTaskElasticNet DecisionTree ExtraTree RandomForest GradientBoosting "
    "HistGradientBoosting AdaBoost Gaussian Multinomial Complement Bernoulli Categorical "
    "KNeighbors RadiusNeighbors NearestCentroid SVC SVR NuSVC NuSVR QuadraticDiscriminant "
    "KernelRidge PLS Isotonic XGB LGBM CatBoost"
)
# Estimator classes as autologging names them, by how the name begins; the first that fits counts.
_ESTIMATORS = (
    (Family.RULE, "Dummy"),
    (Family.ENSEMBLE, "Stacking Voting Bagging"),
    (Family.DEEP, "MLP Keras Torch TabNet NeuralNet Skorch"),
    (Family.SIMPLE, _SIMPLE_ESTIMATORS),
)
_STARTS = tuple((start, family) for family, names in _ESTIMATORS for start in names.split())
_DEEP_MODULES = frozenset("torch tensorflow keras scikeras skorch pytorch_tabnet paddle".split())
_NOT_PREDICTORS = frozenset({"BernoulliRBM"})
_INNER = ("estimator", "base_estimator", "steps", "regressor", "classifier")
"""Arguments in which a pipeline, a search or a calibration holds the estimator that predicts."""


def family_of_tag(tag: str) -> Family | None:
    """Return the family that a text of the tag `model.family` names; None if it is not known."""
    return _BY_WORD.get(_COMMON.sub("-", tag.strip().lower()).strip("-"))


def family_of_run(run: Run) -> Family | None:
    """Return the family that a run's facts tell, without its model; None if they do not.

    Read are the tag `model.family` and, from scikit-learn's autologging, the tag `estimator_class`
    with the parameters `steps` of a pipeline and `estimator` of a search. A tag `baseline.kind`
    says it where neither does. A neural estimator is deep whatever the tag says.
    """
    fitted = _fitted(run)
    if fitted is Family.DEEP:
        return fitted
    said = run.tags.get(FAMILY_TAG)
    if said is not None:
        return family_of_tag(said)
    return fitted or family_of_tag(run.tags.get(KIND_TAG, ""))


def family_of_model(
    run: Run, flavors: Collection[str], deep: Collection[str] = DEEP_FLAVORS
) -> Family | None:
    """Return the family of a run's logged model; None where only a tag could say it and none does.

    Args:
        run: The run, for its tags and what was fitted.
        flavors: What the model's MLmodel file names.
        deep: The flavors that are deep.
    """
    if not set(deep).isdisjoint(flavors):
        return Family.DEEP
    told = family_of_run(run)
    if told is not None or FAMILY_TAG in run.tags:
        return told
    return None if SIMPLE_FLAVORS.isdisjoint(flavors) else Family.SIMPLE


def _fitted(run: Run) -> Family | None:
    """Return the family of the estimator that autologging saw, looked for inside a pipeline."""
    path = run.tags.get("estimator_class", "")
    if path.partition(".")[0] in _DEEP_MODULES:
        return Family.DEEP
    outer = _family_of_class(path.rpartition(".")[2])
    if outer is not None or not path:
        return outer
    held = (run.params[name] for name in _INNER if name in run.params)
    inner = next((found for text in held if (found := _innermost(text)) is not None), "")
    return _family_of_class(inner)


def _family_of_class(name: str) -> Family | None:
    if name in _NOT_PREDICTORS:
        return None
    return next((family for start, family in _STARTS if name.startswith(start)), None)


def _innermost(text: str) -> str | None:
    """Return the class of the estimator that predicts in a `repr` of scikit-learn's.

    It is parsed and never run. A text that scikit-learn cut off (`...`) is not an expression: None.
    """
    try:
        node: ast.AST = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    while True:
        if isinstance(node, (ast.List, ast.Tuple)) and node.elts:
            node = node.elts[-1]  # of the steps the last, of a step (name, estimator) the estimator
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            held = {word.arg: word.value for word in node.keywords}
            inner = next((held[name] for name in _INNER if name in held), None)
            if inner is None or _family_of_class(node.func.id) is not None:
                return node.func.id
            node = inner
        else:
            return None


def tags_that_say(family: Family) -> dict[str, tuple[str, ...]]:
    """Return the tags by which a run says its family, with globs of their values.

    For a search of runs; `family_of_run` looks closer, into pipelines and searches too.
    """
    # A word may be written with a hyphen, an underscore or a space.
    words = tuple(word.replace("-", "?") for word in _WORDS[family].split())
    starts = tuple(f"*.{start}*" for start, each in _STARTS if each is family)
    return {FAMILY_TAG: words, "estimator_class": starts}
