"""The frameworks of the wall: what trains each, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework with the training script of a team that uses it.

    Attributes:
        name: What its makers call it; the column of the reviewed tables.
        script: Its script is `training/train_<script>.py`.
        metric: The metric that the team logs of its evaluation rows, as a policy file says it.
        is_small: Whether the environment of the tests has it, so that `make test` trains it. There
            policy-engine is installed, and tags the run; in the others' environment it is not.
        needs_torch: Whether it trains with PyTorch, which no lock of ours brings.
    """

    name: str
    script: str
    metric: str = "{name: val_accuracy, goal: maximize}"
    is_small: bool = False
    needs_torch: bool = False

    def __str__(self) -> str:
        return self.script


FRAMEWORKS = (
    Framework("scikit-learn", "sklearn", is_small=True),
    Framework("XGBoost", "xgboost", is_small=True),
    Framework("LightGBM", "lightgbm", is_small=True),
    Framework("CatBoost", "catboost"),
    Framework("statsmodels", "statsmodels"),
    Framework("Prophet", "prophet", metric="{name: val_rmse, goal: minimize, point: 1}"),
    Framework("PyTorch", "pytorch", needs_torch=True),
    Framework("Lightning", "lightning", needs_torch=True),
    Framework("transformers", "transformers", needs_torch=True),
    Framework("LangChain", "langchain"),
    Framework("ResponsesAgent", "agent"),
    Framework("ChatAgent", "chat_agent"),
)
