"""The evidence file, version 1: what was read about each candidate, as plain frozen records.

A value stands as itself; what was absent has no key; `{"invalid": why}` and `{"unreadable": why}`
stand for the two other results of a read. No record holds NaN or infinity as a number.
Policies do not see these records but the views of `policy_engine.evidence` on them.
"""

import hashlib
import json
import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

LARGEST_FLOAT = 1.7976931348623157e308
"""MLflow's SQL store keeps an infinity as this number: a metric of this size is no measurement."""


class Record(BaseModel):
    """Frozen, closed and strict: an unknown key is an error, "0.9" and `true` are no numbers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class Invalid(Record):
    """It is there, and it is no usable value: NaN, infinity, cut-off text, a wrong shape."""

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
NeedName = Literal[
    "model",
    "files",
    "registry",
    "datasets",
    "predictions",
    "importance",
    "metric_history",
    "repeats",
    "children",
    "baseline",
    "history",
    "later",
    "change",
    "traces",
]
"""A kind of evidence, as `policy_engine.evidence.Needs` names it."""


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


class RunRecord(Record):
    """One run: its facts, its last metrics, its inputs, its model. Times are UTC."""

    run_id: str
    run_name: str | None = None
    experiment_id: str | None = None
    experiment: str | None = None
    primary_metric: PrimaryMetric | None = None
    status: str = "FINISHED"
    lifecycle: str = "active"
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None
    params: dict[str, Text] = {}
    tags: dict[str, Text] = {}
    metrics: dict[str, Metric] = {}
    datasets: tuple[DatasetRecord, ...] = ()
    model: ModelRecord | Gap | None = None
    files: tuple[FileRecord, ...] | Gap | None = None
    aliases: dict[str, str] | Gap | None = None
    children: "tuple[RunRecord, ...] | Gap | None" = None
    repeats: "tuple[RunRecord, ...] | Gap | None" = None
    predictions: TableRecord | Gap | None = None
    importance: ImportanceRecord | Gap | None = None
    tries: Annotated[int, Field(ge=1)] | Gap | None = None
    series: dict[str, SeriesRecord] | None = None


class PassedOver(Record):
    """A run, or a whole rule, that was not taken as the baseline, and why."""

    rule: str
    why: str


class BaselineRecord(Record):
    """The outcome of one list of baseline rules for one metric.

    `commits` is how many the candidate's commit has that the baseline's has not; None: git cannot
    tell.
    """

    rules: tuple[Plain, ...]
    metric: str | None = None
    found_by: str | None = None
    among: int | None = None
    passed_over: tuple[PassedOver, ...] = ()
    run: RunRecord | Unreadable | None = None
    commits: int | None = Field(default=None, ge=0)


NAMED_BASELINE = "--baseline"
"""`found_by` of a baseline that the command named; it serves every policy file."""


class CandidateRecord(Record):
    """A candidate, and all that was read to judge it.

    `policy_files` are those that it was chosen for, where they chose differently; None: all.
    """

    run: RunRecord
    model_name: str | None = None
    baselines: tuple[BaselineRecord, ...] = ()
    history: tuple[RunRecord, ...] | Unreadable | None = None
    later: tuple[RunRecord, ...] | Unreadable | None = None
    notes: tuple[str, ...] = ()
    policy_files: tuple[str, ...] | None = None


class ChangeRecord(Record):
    """The pull request: whose it is, where it stands, what it touches.

    `later_paths` holds, for each earlier commit of the pull request, the paths that changed after
    it. `paths` is None where git could not tell what the change touches.
    """

    pull_request: int | None = None
    repository: str | None = None
    author: str | None = None
    head_sha: str | None = None
    merge_sha: str | None = None
    base_sha: str | None = None
    labels: tuple[str, ...] = ()
    paths: tuple[str, ...] | None = None
    later_paths: dict[str, tuple[str, ...]] = {}


class EvidenceRecord(Record):
    """Everything that was read for one check.

    `absent` says why there is no candidate at all, `unreadable` why none could be read.
    `named` is true when the candidates were named by a flag rather than found by commit.
    `mlflow` is the version of the server that was read, as far as it had to be known: `2.16.2`, or
    `3` for one that keeps logged models; None for a store without a server.
    `for_proposal` was read for the policies that a pull request proposes, where they need other
    evidence than the trusted ones; it decides nothing, and has no part in the digest.
    """

    schema_: Literal["policy-engine/evidence/v1"] = Field(
        default="policy-engine/evidence/v1", alias="schema"
    )
    needs: tuple[NeedName, ...] = ()
    collected_at: AwareDatetime | None = None
    named: bool = True
    change: ChangeRecord | None = None
    candidates: tuple[CandidateRecord, ...] = ()
    absent: str | None = None
    unreadable: str | None = None
    mlflow: str | None = None
    for_proposal: "EvidenceRecord | None" = None

    @property
    def digest(self) -> str:
        """`sha256:` of the canonical JSON of what judges: not when it was read, nor from whom."""
        # Without defaults: a field that a later release adds changes no digest of today.
        facts = self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        )
        facts.pop("collected_at", None)
        facts.pop("for_proposal", None)
        facts.pop("mlflow", None)
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """Return the evidence file's content."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def to_text(self) -> str:
        """Return the evidence file as text; keys in order, one newline at the end."""
        return json.dumps(self.as_json(), indent=2, sort_keys=True, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read an evidence file.

        Raises:
            pydantic.ValidationError: If it is not one of this version.
        """
        return cls.model_validate_json(text)
