"""The evidence file, version 1: what was read about each candidate, as plain frozen records.

Its runs are made of the records of `parts`. Policies do not see them but the views of
`policy_engine.evidence` on them, as far as their `needs` open them.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Flag
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AwareDatetime, Field

from policy_engine.evidence.parts import (
    LARGEST_FLOAT,
    Cell,
    DatasetRecord,
    FileRecord,
    Gap,
    ImportanceRecord,
    Invalid,
    Metric,
    ModelMetricRecord,
    ModelRecord,
    Plain,
    PointRecord,
    PrimaryMetric,
    Record,
    SeriesRecord,
    TableRecord,
    Text,
    Unreadable,
    VersionRecord,
    metric_value,
)

__all__ = [
    "EVERYTHING",
    "LARGEST_FLOAT",
    "NAMED_BASELINE",
    "BaselineRecord",
    "CandidateRecord",
    "Cell",
    "ChampionRecord",
    "ChangeRecord",
    "DatasetRecord",
    "EvidenceRecord",
    "FileRecord",
    "Gap",
    "ImportanceRecord",
    "Invalid",
    "KindOfEvidence",
    "Metric",
    "ModelMetricRecord",
    "ModelRecord",
    "Needs",
    "PassedOver",
    "Plain",
    "PointRecord",
    "PrimaryMetric",
    "Record",
    "RunRecord",
    "SeriesRecord",
    "TableRecord",
    "Text",
    "Unreadable",
    "VersionRecord",
    "metric_value",
]


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
    params: dict[str, Text] = Field(default={})
    tags: dict[str, Text] = Field(default={})
    metrics: dict[str, Metric] = Field(default={})
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
    later_paths: dict[str, tuple[str, ...]] = Field(default={})


@dataclass(frozen=True, slots=True, kw_only=True)
class KindOfEvidence:
    """One kind of evidence: all that is known of it, but for its field, its view and its reader.

    Attributes:
        opens: What a policy sees with it.
        lies: Where MLflow keeps it.
        grade: How its values are known.
        asked: Of which runs it is asked for: with the run itself, of candidate and baseline, or
            of the candidate alone.
        field: The field of `RunRecord`, else of `CandidateRecord`, that holds it.
        log: Python that leaves it in a run.
        none: What a read finds where there is nothing to find; policy tests that leave it out mean
            that. None: there is no such field.
        kept: Whether `record` keeps what is plain of it; otherwise no part of it leaves.
    """

    opens: str
    lies: str
    field: str
    asked: Literal["with the run", "of each run", "of the candidate"] = "of each run"
    grade: str = ""
    log: str | None = None
    none: list[Any] | dict[str, Any] | None = None
    kept: bool = False


class Needs(Flag):
    """The kinds of evidence that a policy reads; `RUN` is always read."""

    kind: KindOfEvidence

    def __new__(cls, kind: KindOfEvidence) -> Self:
        """Give each row of the table the next bit."""
        need = object.__new__(cls)
        need._value_ = 1 << len(cls.__members__)
        need.kind = kind
        return need

    RUN = KindOfEvidence(
        opens="status, start and end, parameters, last metrics, tags, the experiment's name and "
        "primary metric",
        lies="the run, the experiment",
        grade="logged",
        asked="with the run",
        field="run",
        kept=True,
    )
    MODEL = KindOfEvidence(
        opens="the one READY logged model: name, registered versions, stored files with sizes, "
        "the MLmodel file",
        lies="the logged model, its artifacts, `MLmodel`",
        grade="size: measured",
        field="model",
        log='mlflow.sklearn.log_model(model, name="model")  # or another flavor',
        kept=True,
    )
    DATASETS = KindOfEvidence(
        opens="name, digest, context, source, rows, columns",
        lies="the run's inputs",
        grade="logged",
        asked="with the run",
        field="datasets",
        log='mlflow.log_input(dataset, context="training")',
        kept=True,
    )
    FILES = KindOfEvidence(
        opens="the run's own artifacts, with sizes; the model's small texts (requirements, input "
        "example)",
        lies="the run's and the model's artifacts",
        grade="sizes from the listing",
        field="files",
        log='mlflow.log_artifact("report.html")',
        none=[],
        kept=True,
    )
    REGISTRY = KindOfEvidence(
        opens="aliases of the registered model",
        lies="the registered model",
        field="aliases",
        none={},
    )
    CHILDREN = KindOfEvidence(
        opens="child runs, run facts only",
        lies="runs tagged with this one as parent; under 1,000",
        grade="logged",
        field="children",
        log="with mlflow.start_run(nested=True):\n        ...  # a child run, if any",
        none=[],
        kept=True,
    )
    REPEATS = KindOfEvidence(
        opens="runs of the same commit, failed and deleted ones too, run facts only",
        lies="the experiment",
        grade="logged",
        field="repeats",
        none=[],
        kept=True,
    )
    PREDICTIONS = KindOfEvidence(
        opens="a table of rows: `row_id`, `target`, `prediction`, and more",
        lies="`policy_engine/predictions.json` of the run, else `mlflow.models.evaluate`'s own "
        "table; else those of a run that evaluated its model; 64 MB at most",
        grade="logged",
        field="predictions",
    )
    IMPORTANCE = KindOfEvidence(
        opens="a number for each feature",
        lies="`policy_engine/importance.json`, else autologging's `feature_importance_*.json`",
        grade="logged",
        field="importance",
        kept=True,
    )
    BASELINE = KindOfEvidence(
        opens="the same as of the candidate, of the baseline",
        lies="as above",
        grade="as above",
        asked="of the candidate",
        field="baselines",
        kept=True,
    )
    HISTORY = KindOfEvidence(
        opens="FINISHED runs of the experiment that ended before this one began, 180 days, 200 at "
        "most, run facts only",
        lies="the experiment",
        grade="logged",
        asked="of the candidate",
        field="history",
        kept=True,
    )
    LATER = KindOfEvidence(
        opens="FINISHED runs of the experiment that ended after this one began, up to the "
        "collection, 200 at most, run facts only",
        lies="the experiment",
        grade="logged",
        asked="of the candidate",
        field="later",
        kept=True,
    )
    CHANGE = KindOfEvidence(
        opens="the pull request: number, author, labels, head, paths; how many of its runs were "
        "tried",
        lies="GitHub's event file, git",
        asked="of the candidate",
        field="tries",
        kept=True,
    )

    @property
    def names(self) -> tuple[str, ...]:
        """The needs as the evidence file writes them: lower case, sorted, without `run`."""
        return tuple(sorted(n.name.lower() for n in self if n.name and n is not Needs.RUN))

    @classmethod
    def of(cls, names: Iterable[str]) -> "Needs":
        """Return the needs with these names (any case)."""
        needs = cls.RUN
        for name in names:
            needs |= cls[name.upper()]
        return needs


EVERYTHING = Needs.RUN | ~Needs.RUN
"""All kinds of evidence."""

if TYPE_CHECKING:
    NeedName = str
else:
    NeedName = Literal[tuple(n.name.lower() for n in Needs if n is not Needs.RUN)]

_SLICE = 1 << 20
"""Characters that are hashed at once."""


class EvidenceRecord(Record):
    """Everything that was read for one check.

    `absent` says why there is no candidate at all, `unreadable` why none could be read.
    `named` is true when the candidates were named by a flag rather than found by commit.
    `mlflow` is the version of the server that was read, as far as it had to be known: `2.16.2`, or
    `3` for one that keeps logged models; None for a store without a server.
    `for_proposal` was read for the policies that a pull request proposes, where they need other
    evidence than the trusted ones; `champions` for those of them that the change needs no run. Both
    decide nothing, and have no part in the digest.
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
    champions: "tuple[ChampionRecord, ...] | None" = None

    @property
    def digest(self) -> str:
        """`sha256:` of the canonical JSON of what judges: not when it was read, nor from whom."""
        # Without defaults: a field that a later release adds changes no digest of today.
        facts = self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude_defaults=True
        )
        facts.pop("collected_at", None)
        facts.pop("for_proposal", None)
        facts.pop("champions", None)
        facts.pop("mlflow", None)
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False)
        del facts  # with a table of a million rows, each copy is large
        digest = hashlib.sha256()
        for start in range(0, len(text), _SLICE):
            digest.update(text[start : start + _SLICE].encode())
        return "sha256:" + digest.hexdigest()

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


class ChampionRecord(Record):
    """The champion that some policy files name by a rule, read as a candidate of theirs."""

    policy_files: tuple[str, ...]
    rule: str | None = None
    evidence: EvidenceRecord


EvidenceRecord.model_rebuild()
