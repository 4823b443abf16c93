"""How much each feature counts, wherever a run says it in numbers; and which inputs those cover."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from mlops_policies.reading.language import language_model
from policy_engine.evidence import (
    Importance,
    InvalidEvidence,
    MissingEvidence,
    Model,
    NotApplicable,
    Run,
    json_value,
)
from policy_engine.quantities import exact, first_few

METHOD_TAG = "explanation.method"
PREFIX = "importance."
REMEDY = (
    'log numbers: policy_engine.training.log_importance(values, method="permutation"), also '
    'mean absolute SHAP values (method="shap")'
)
_AUTOLOGGED = re.compile(r"feature_importance_(?P<method>gain|weight|split)\.json\Z")
_SEPARATORS = tuple("_=[. :")
"""What stands between an input's name and what an encoder made of it."""
_TWO = 2
_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Importances:
    """Importances by feature, as they were logged.

    Attributes:
        values: Finite numbers, at least one.
        method: How they were found; None where nobody says.
        source: Where they lie.
        is_sparse: Whether features without a number are unused (importance 0), as in the files that
            autologging writes for boosted trees.
    """

    values: Mapping[str, Decimal]
    method: str | None
    source: str
    is_sparse: bool


def importances_of(run: Run) -> Importances:
    """Return the importances of a run: of its file, else of its metrics `importance.<feature>`.

    Raises:
        MissingEvidence: If nothing says them in numbers; pictures are not read.
        NotApplicable: If nothing does, and the model is an agent or a language-model pipeline.
        InvalidEvidence: If one is not a finite number.
    """
    pictures: tuple[str, ...] = ()
    try:
        record = run.importance
    except MissingEvidence:
        record = None
    if record is not None:
        pictures = record.pictures
        if record.values is not None:
            return _of_file(run, record)
    metrics = [name for name in run.metrics if name.startswith(PREFIX)]
    if metrics:
        values = {name.removeprefix(PREFIX): run.metric(name).value for name in metrics}
        return Importances(values, _tagged(run), f"metrics {PREFIX}<feature>", is_sparse=False)
    if pictures:
        raise MissingEvidence(
            f"only SHAP images found: not machine-readable ({', '.join(pictures[:_MOST_NAMED])})",
            REMEDY,
        )
    kind = language_model(run)
    if kind is not None:
        raise NotApplicable(f"the {run.role} is {kind}: it has no features to weigh")
    raise MissingEvidence(f"the {run.role} run has no feature importances", REMEDY)


def inputs_of(model: Model) -> tuple[str, ...] | int:
    """Return the names of the model's inputs; of a tensor without names, how many there are.

    Raises:
        MissingEvidence: If the signature does not tell the inputs.
    """
    signature = model.mlmodel.get("signature")
    text = signature.get("inputs") if isinstance(signature, Mapping) else None
    try:
        inputs = json_value(text) if isinstance(text, str) else text
    except ValueError:
        inputs = None
    specs = [each for each in inputs or () if isinstance(each, Mapping)]
    names = tuple(str(each["name"]) for each in specs if each.get("name") is not None)
    if names:
        return names
    width = _width(specs[0]) if len(specs) == 1 else len(specs)
    if not width:
        raise MissingEvidence(
            f"the signature of model '{model.name}' does not say which inputs it has",
            "log the model with its input columns: "
            "log_model(model, input_example=X_train[:5]), X_train a frame",
        )
    return width


def uncovered(inputs: Iterable[str], features: Iterable[str]) -> list[str]:
    """Return the inputs for which no feature speaks.

    A feature may have the name that an encoder gave it: `num__age`, `cat__city_Berlin`. It speaks
    for the longest input that fits. LightGBM writes `mean_radius` for the input `mean radius`.
    """
    left = dict.fromkeys(inputs)
    known = sorted(left, key=lambda name: (-len(name), " " in name))
    for feature in features:
        for name in known:
            spelled = {name, name.replace(" ", "_")}
            if any(_is_of(form, each) for form in _forms(feature) for each in spelled):
                left.pop(name, None)
                break
    return list(left)


def _of_file(run: Run, record: Importance) -> Importances:
    source, logged = record.source or "a file", record.values or {}
    values, bad = {}, []
    for name, value in logged.items():
        if isinstance(value, (int, float)):
            values[name] = exact(value)
        else:
            bad.append(f"{name} is {value.invalid}")
    if bad:
        raise InvalidEvidence(
            f"feature importances of the {run.role} run are not finite numbers: "
            f"{first_few(bad, _MOST_NAMED)}",
            "find out why, and log finite numbers",
        )
    autologged = _AUTOLOGGED.search(source)
    method = autologged["method"] if autologged else _tagged(run)
    return Importances(values, method, source, is_sparse=autologged is not None)


def _tagged(run: Run) -> str | None:
    return run.tags.get(METHOD_TAG, "").strip() or None


def _width(spec: Mapping[str, object]) -> int | None:
    """Return how many features a tensor of rows has; None of any other shape."""
    tensor = spec.get("tensor-spec")
    shape = tensor.get("shape") if isinstance(tensor, Mapping) else None
    if not isinstance(shape, list) or len(shape) != _TWO or not isinstance(shape[1], int):
        return None
    return shape[1] if shape[1] > 0 else None


def _forms(feature: str) -> Iterable[str]:
    """Yield a feature's name, and what is left of it behind each `__`."""
    yield feature
    while "__" in feature:
        feature = feature.partition("__")[2]
        yield feature


def _is_of(feature: str, name: str) -> bool:
    return feature == name or (
        feature.startswith(name) and feature[len(name) :].startswith(_SEPARATORS)
    )
