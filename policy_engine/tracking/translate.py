"""MLflow's JSON into records: the one place that knows the shape of both."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from types import NoneType
from typing import Any, NamedTuple, Self

from policy_engine.evidence.commit import commit_in
from policy_engine.evidence.record import (
    Cell,
    DatasetRecord,
    Invalid,
    Metric,
    ModelMetricRecord,
    ModelRecord,
    PrimaryMetric,
    RunRecord,
    Text,
    VersionRecord,
    metric_value,
)
from policy_engine.source.foreign import json_table, json_value, yaml_value
from policy_engine.source.split_table import split_table
from policy_engine.tracking.store import Json, ReadFailed

LONGEST_PARAM = 6000
LONGEST_TAG = 8000
"""MLflow cuts longer texts off without a mark (characters)."""

_LONGEST_KEPT = 20_000
"""Characters of a dataset's profile and schema that are remembered: 256 pairs, 5 to 20 MB."""
_GOALS = {"true": "maximize", "false": "minimize"}
_CONTEXT = "mlflow.data.context"
_STATUS = {"UPLOAD_FAILED": "FAILED"}  # as MLflow's client names it


def run_record(run: Json, experiment: Json | None) -> RunRecord:
    """Return a run's facts: everything that the answer about the run itself holds."""
    info, data = run["info"], run.get("data") or {}
    return RunRecord(
        run_id=info["run_id"],
        run_name=info.get("run_name") or None,
        experiment_id=info.get("experiment_id"),
        experiment=experiment.get("name") if experiment else None,
        primary_metric=primary_metric(experiment) if experiment else None,
        status=info.get("status") or "UNKNOWN",
        lifecycle=info.get("lifecycle_stage") or "active",
        start_time=moment_of(info.get("start_time")),
        end_time=moment_of(info.get("end_time")),
        params=_texts(data.get("params"), LONGEST_PARAM),
        tags=_texts(data.get("tags"), LONGEST_TAG),
        metrics={m["key"]: metric_value(m.get("value")) for m in data.get("metrics") or ()},
        datasets=tuple(_dataset(d) for d in (run.get("inputs") or {}).get("dataset_inputs") or ()),
    )


def model_record(model: Json) -> ModelRecord:
    """Return what MLflow says of a logged model, without its files."""
    info = model["info"]
    status = str(info.get("status", "")).removeprefix("LOGGED_MODEL_")
    return ModelRecord(
        model_id=info["model_id"],
        name=info.get("name") or "",
        status=_STATUS.get(status, status),
        versions=_versions(_pairs(info.get("tags")).get("mlflow.modelVersions")),
        created=moment_of(info.get("creation_timestamp_ms")),
        metrics=tuple(
            _model_metric(each)
            for each in sorted((model.get("data") or {}).get("metrics") or (), key=_logged_at)
        ),
    )


def mlmodel_facts(text: str) -> dict[str, Any]:
    """Return an MLmodel file as plain values.

    Raises:
        Unreadable: If it is not YAML mapping.
    """
    try:
        facts = yaml_value(text)
    except ValueError as e:
        raise ReadFailed(f"the MLmodel file cannot be read ({e}); log the model again") from e
    if not isinstance(facts, dict) or not isinstance(facts.get("flavors"), dict):
        raise ReadFailed("the MLmodel file names no flavors; log the model again")
    return facts


def table_columns(text: str) -> dict[str, tuple[Cell, ...]] | Invalid:
    """Return a table in pandas' "split" JSON by column, or why it is none. NaN becomes null."""
    try:
        table = split_table(text)
        if table is not None:
            return {name: _cells(table.pop(name)) for name in tuple(table)}  # one copy at a time
        table = json_table(text)
        names, rows = table["columns"], table["data"]
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            return Invalid(invalid="its columns are not texts, each once")
        if any(len(row) != len(names) for row in rows):
            return Invalid(invalid="a row has another length than the columns")
        if not rows:
            return Invalid(invalid="it has no rows")
        columns = zip(*rows, strict=True)
        return {name: _cells(column) for name, column in zip(names, columns, strict=True)}
    except (ValueError, TypeError, KeyError, RecursionError):  # json.dumps of a deep cell
        return Invalid(
            invalid="it is not a table in pandas' split JSON, as mlflow.log_table writes it"
        )


def importance_values(text: str) -> dict[str, Metric] | Invalid:
    """Return importances by feature, or why the file is none."""
    try:
        values = json_value(text)
    except ValueError:
        values = None
    if not isinstance(values, dict) or not values:
        return Invalid(invalid="it is not JSON object of feature and number")
    return {str(feature): metric_value(value) for feature, value in values.items()}


def _cells(column: Sequence[object]) -> tuple[Cell, ...]:
    kinds = set(map(type, column))
    plain: Any = column
    if kinds <= {str, bool, int, NoneType} or (kinds <= {float} and all(map(isfinite, plain))):
        return tuple(plain)  # as they are: nothing to look at
    return tuple(map(_cell, column))


def _cell(value: object) -> Cell:
    """Return a table's cell; what is neither text nor a finite number is shown as text or null."""
    if isinstance(value, float) and not isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return json.dumps(value, sort_keys=True)


def plain_json(value: Any) -> Any:
    """Return YAML's values as JSON's: dates as text, NaN as its name, keys as text."""
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, bool, int, float)) else str(value)


def primary_metric(experiment: Json) -> PrimaryMetric | None:
    """Return the experiment's own primary metric, if its tags name one."""
    tags = _pairs(experiment.get("tags"))
    name = tags.get("mlflow.experiment.primaryMetric.name")
    if not name:
        return None
    greater = tags.get("mlflow.experiment.primaryMetric.greaterIsBetter", "").lower()
    return PrimaryMetric.model_validate({"name": name, "goal": _GOALS.get(greater)})


def tags_of(run: Json) -> dict[str, str]:
    """Return a run's tags."""
    return _pairs((run.get("data") or {}).get("tags"))


def tagged_commit(run: Json) -> str | None:
    """Return the commit that a run says it was trained on."""
    found = commit_in(tags_of(run))
    return found[0] if found else None


def moment_of(milliseconds: Any) -> datetime | None:
    """Return epoch milliseconds as UTC; None for a time that is not set (MLflow may say 0)."""
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None
    except (ValueError, OverflowError, OSError):
        return None


def _pairs(items: Iterable[Json] | None) -> dict[str, str]:
    return {item["key"]: str(item.get("value", "")) for item in items or ()}


def _texts(items: Iterable[Json] | None, longest: int) -> dict[str, Text]:
    return {
        key: value
        if len(value) < longest
        else Invalid(invalid=f"cut off by MLflow at {longest} characters")
        for key, value in _pairs(items).items()
    }


def _versions(text: str | None) -> tuple[VersionRecord, ...]:
    """Return the registered versions that a model's tag lists, each once, oldest first."""
    try:
        listed = json_value(text) if text else []
        pairs = {(str(v["name"]), str(v["version"])) for v in listed}
    except (ValueError, TypeError, KeyError):
        return ()
    ordered = sorted(pairs, key=lambda pair: (*_size(pair[1]), pair[0]))
    return tuple(VersionRecord(name=name, version=version) for name, version in ordered)


def _size(digits: str) -> tuple[int, str]:
    """Return what sorts whole numbers as such, of any length; what is none goes first."""
    number = digits.lstrip("0") if digits.isdecimal() else ""
    return len(number), number


def _dataset(item: Json) -> DatasetRecord:
    dataset, tags = item.get("dataset") or {}, _pairs(item.get("tags"))
    profile, schema = _text(dataset.get("profile")), _text(dataset.get("schema"))
    is_long = len(profile) + len(schema) > _LONGEST_KEPT
    facts = (_Facts.of if is_long else _kept_facts)(profile, schema)
    return DatasetRecord(
        name=dataset.get("name") or "",
        digest=dataset.get("digest") or None,
        context=tags.pop(_CONTEXT, None),
        source_type=dataset.get("source_type") or None,
        source=dataset.get("source") or None,
        rows=facts.rows,
        columns=facts.columns,
        types=facts.types,
        elements=facts.elements,
        tags=tags,
    )


class _Facts(NamedTuple):
    """What a dataset's profile and schema say."""

    rows: int | None
    columns: tuple[str, ...] | None
    types: tuple[str, ...] | None
    elements: int | None

    @classmethod
    def of(cls, profile_text: str, schema_text: str) -> Self:
        """Return what two texts say, or nothing where they are no JSON objects."""
        profile, schema = _object(profile_text), _object(schema_text)
        listed = schema.get("mlflow_colspec")
        columns = (
            [c for c in listed if isinstance(c, Mapping)] if isinstance(listed, list) else None
        )
        return cls(
            rows=_rows(profile),
            columns=None if columns is None else tuple(str(c.get("name", "")) for c in columns),
            types=_types(columns),
            elements=max(
                _counts(profile.get("features_size"), profile.get("targets_size")), default=None
            ),
        )


@lru_cache(256)
def _kept_facts(profile_text: str, schema_text: str) -> _Facts:
    """Return what two texts say; many runs log the same dataset."""
    return _Facts.of(profile_text, schema_text)


def _rows(profile: Mapping[str, Any]) -> int | None:
    """Return the rows of a dataset: as its profile says, or the first length of its arrays."""
    shape = profile.get("features_shape")
    if isinstance(shape, Mapping):
        shape = next(iter(shape.values()), None)
    first = shape[0] if isinstance(shape, list) and shape else None
    return next(iter(_counts(profile.get("num_rows"), first)), None)


def _counts(*values: Any) -> list[int]:
    """Return what is a count among values, and among the values of mappings."""
    flat = [v for each in values for v in (each.values() if isinstance(each, Mapping) else [each])]
    return [v for v in flat if type(v) is int and v >= 0]


def _types(columns: list[Mapping[str, Any]] | None) -> tuple[str, ...] | None:
    """Return the type of each column, with a `?` where it may be null; None unless all say one."""
    if columns is None or not all(isinstance(c.get("type"), str) for c in columns):
        return None
    return tuple(f"{c['type']}{'' if c.get('required', True) is True else '?'}" for c in columns)


def _logged_at(metric: Json) -> int:
    """Return when a metric was logged (epoch milliseconds), so that the last value is the last."""
    return int(metric.get("timestamp") or 0)


def _model_metric(item: Json) -> ModelMetricRecord:
    return ModelMetricRecord(
        key=str(item["key"]),
        value=metric_value(item.get("value")),
        dataset=item.get("dataset_name") or None,
        digest=item.get("dataset_digest") or None,
        run_id=item.get("run_id") or None,
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(text: str) -> dict[str, Any]:
    """Return the JSON object in a text, or nothing: MLflow keeps these as free text."""
    try:
        value = json_value(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}
