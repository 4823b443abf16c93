"""What a run is made of in the evidence file, as plain frozen records: values, files, models.

A value stands as itself; what was absent has no key; `{"invalid": why}` and `{"unreadable": why}`
stand for the two other results of a read. No record holds NaN or infinity as a number.
"""

import json
import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

LARGEST_FLOAT = 1.7976931348623157e308
"""MLflow's SQL store keeps an infinity as this number: no metric is really of this size."""


class Record(BaseModel):
    """Frozen, closed and strict: an unknown key is an error, "0.9" and `true` are not numbers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class Invalid(Record):
    """It is there, and it is not a usable value: NaN, infinity, cut-off text, a wrong shape."""

    invalid: str


class Unreadable(Record):
    """It could not be read: network, authentication, over a size cap, ambiguous."""

    unreadable: str


def _plain_json(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse NaN and infinity at any depth: they have no JSON, so no digest."""
    try:
        json.dumps(value, allow_nan=False, default=str)
    except TypeError as e:
        raise ValueError(str(e)) from e
    return value


Gap = Invalid | Unreadable
Metric = Annotated[float, Field(gt=-LARGEST_FLOAT, lt=LARGEST_FLOAT)] | Invalid
Text = str | Invalid
Cell = str | bool | int | float | None
Plain = Annotated[dict[str, Any], AfterValidator(_plain_json)]
"""A mapping of JSON values."""


def metric_value(value: object) -> Metric:
    """Return a stored metric as a finite number, or as the invalid value that it is.

    Args:
        value: What MLflow answered: a number, or the text "NaN" / "Infinity".
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        text = str(value)
        return Invalid(invalid=text if text in {"NaN", "Infinity", "-Infinity"} else "not a number")
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 308 digits
        number = math.inf if value > 0 else -math.inf
    if math.isnan(number):
        return Invalid(invalid="NaN")
    if math.isinf(number) or abs(number) >= LARGEST_FLOAT:
        return Invalid(invalid="Infinity" if number > 0 else "-Infinity")
    return number


class FileRecord(Record):
    """One stored file: path from its root (POSIX), size in bytes (None: the store did not say)."""

    path: str
    size: int | None = Field(default=None, ge=0)


class DatasetRecord(Record):
    """One dataset input of a run, as MLflow keeps it.

    `types` are MLflow's of `columns`, one each, with a `?` behind where a cell may be null.
    `elements` is the size of the largest array of a numpy dataset, which has no named columns.
    """

    name: str
    digest: str | None = None
    context: str | None = None
    source_type: str | None = None
    source: str | None = None
    rows: int | None = Field(default=None, ge=0)
    columns: tuple[str, ...] | None = None
    types: tuple[str, ...] | None = None
    elements: int | None = Field(default=None, ge=0)
    tags: dict[str, str] = {}


class VersionRecord(Record):
    """One registered version of a model."""

    name: str
    version: str


class ModelMetricRecord(Record):
    """A metric that was logged for a model: on which dataset, by which run."""

    key: str
    value: Metric
    dataset: str | None = None
    digest: str | None = None
    run_id: str | None = None


class TableRecord(Record):
    """A logged table by column; all columns have one length. NaN is null.

    `dataset` is the digest of the one dataset that it is known to be of; None: nobody says one.
    """

    run_id: str
    source: str
    dataset: str | None = None
    columns: dict[str, tuple[Cell, ...]]


class ImportanceRecord(Record):
    """How much each feature counts, by a file that says it in numbers.

    `values` is None where only pictures were found; `pictures` are their paths.
    """

    source: str | None = None
    values: dict[str, Metric] | None = None
    pictures: tuple[str, ...] = ()


class ModelRecord(Record):
    """A logged model, its registered versions and what its MLmodel file says."""

    model_id: str
    name: str
    status: str = "READY"
    size: Annotated[int, Field(ge=0)] | Gap | None = None
    logged_size: int | None = Field(default=None, ge=0)
    files: tuple[FileRecord, ...] | Gap | None = None
    flavors: tuple[str, ...] | Gap | None = None
    mlmodel: Plain | Gap | None = None
    texts: dict[str, str | Gap] | None = None
    created: AwareDatetime | None = None
    metrics: tuple[ModelMetricRecord, ...] = ()
    versions: tuple[VersionRecord, ...] = ()


class PointRecord(Record):
    """A value of a metric, and the step that it was logged at."""

    step: int
    value: Metric


class SeriesRecord(Record):
    """What is known of a metric that was logged several times.

    `highest` and `lowest` are of the finite values. `at_model` is the last value up to the step of
    the run's model; None where no value is that early, or nobody says the model's step.
    """

    count: Annotated[int, Field(ge=1)]
    highest: PointRecord | None = None
    lowest: PointRecord | None = None
    at_model: PointRecord | None = None


class PrimaryMetric(Record):
    """The experiment's own primary metric, from its tags (training code can write them)."""

    name: str
    goal: Literal["maximize", "minimize"] | None = None
