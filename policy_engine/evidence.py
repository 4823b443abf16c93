"""What a policy sees: a case, its runs and models, and measurements that carry unit and grade.

Each read has four results. A value is returned; the three others are raised, so that a policy
cannot take one for another:

- `MissingEvidence`: it is not there (finding `missing`);
- `InvalidEvidence`: it is there and unusable, such as NaN (finding `fail`);
- `UnreadableEvidence`: it could not be read (finding `error`).
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import Flag, StrEnum, auto
from types import MappingProxyType
from typing import TypeVar, cast

from policy_engine.errors import PolicyEngineError
from policy_engine.metrics import Goal, known
from policy_engine.quantities import Margin, Rate, show
from policy_engine.records import (
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    DatasetRecord,
    FileRecord,
    Invalid,
    ModelRecord,
    NeedName,
    RunRecord,
    Unreadable,
    VersionRecord,
)

T = TypeVar("T")

Dataset = DatasetRecord
Artifact = FileRecord
Change = ChangeRecord

_SETTERS = {"parameter": "log_param", "tag": "set_tag"}
_END = "let the run end by itself (with mlflow.start_run(): …)"


class EvidenceError(PolicyEngineError):
    """Evidence that is not a value; `remedy` says what would make it one."""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        """Say what is wrong in one sentence, and how to mend it in another."""
        super().__init__(message)
        self.remedy = remedy


class MissingEvidence(EvidenceError):  # noqa: N818 (a state, named in the contract)
    """It concerns this model and is not there."""


class InvalidEvidence(EvidenceError):  # noqa: N818
    """It is there and is no usable value."""


class UnreadableEvidence(EvidenceError):  # noqa: N818
    """It could not be read, so nothing can be said."""


class UndeclaredNeed(EvidenceError):  # noqa: N818
    """A policy read evidence that its `needs` do not name: a fault of the policy."""


class NotApplicable(PolicyEngineError):  # noqa: N818
    """The evidence or the policy file shows that this does not concern the model."""


class Needs(Flag):
    """The kinds of evidence that a policy reads; `RUN` is always read."""

    RUN = auto()
    MODEL = auto()
    FILES = auto()
    REGISTRY = auto()
    DATASETS = auto()
    PREDICTIONS = auto()
    IMPORTANCE = auto()
    METRIC_HISTORY = auto()
    CHILDREN = auto()
    BASELINE = auto()
    HISTORY = auto()
    CHANGE = auto()
    TRACES = auto()

    @property
    def names(self) -> tuple[NeedName, ...]:
        """The needs as the evidence file writes them: lower case, sorted, without `run`."""
        named = sorted(n.name.lower() for n in self if n.name and n is not Needs.RUN)
        return cast("tuple[NeedName, ...]", tuple(named))

    @classmethod
    def of(cls, names: Iterable[str]) -> "Needs":
        """Return the needs with these names (any case)."""
        needs = cls.RUN
        for name in names:
            needs |= cls[name.upper()]
        return needs


class Grade(StrEnum):
    """How far a value can be trusted."""

    LOGGED = "logged"
    RECOMPUTED = "recomputed"
    MEASURED = "measured"
    ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class Measurement:
    """A finite number with its unit, how it is known, and from where.

    Raises:
        InvalidEvidence: If the value is NaN or infinite.
    """

    value: Decimal
    unit: str
    grade: Grade = Grade.LOGGED
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse what no limit could judge."""
        if not self.value.is_finite():
            raise InvalidEvidence(f"{self.source or 'a value'} is {self.value}, not a number")

    def __str__(self) -> str:
        return show(self.value, self.unit)


@dataclass(frozen=True, slots=True)
class Metric:
    """The metric that the policy file judges by.

    Attributes:
        name: Its name in MLflow.
        goal: The direction that is better.
        point: One point in the metric's units; None where nobody said.
        source: Where name and direction come from.
    """

    name: str
    goal: Goal
    point: Decimal | None
    source: str

    def gain(self, candidate: "Run", baseline: "Run") -> Decimal:
        """Return how much better the candidate is, in the metric's units (negative: worse)."""
        difference = candidate.metric(self.name).value - baseline.metric(self.name).value
        return difference if self.goal == "maximize" else -difference

    def distance(self, margin: Margin) -> Decimal:
        """Return a margin in the metric's units.

        Raises:
            MissingEvidence: If it is in points and the metric has none.
        """
        return margin.amount * self.required_point if margin.in_points else margin.amount

    @property
    def perfect(self) -> Decimal | None:
        """The best value there is (its units); None where its name does not tell."""
        kind = known(self.name)
        return kind.perfect if kind else None

    @property
    def required_point(self) -> Decimal:
        """One point in the metric's units.

        Raises:
            MissingEvidence: If the metric is not known by name and the file sets none.
        """
        if self.point is None:
            raise MissingEvidence(
                f"nobody said what one point of {self.name} is",
                f"set `metric: {{name: {self.name}, goal: {self.goal}, point: …}}` "
                "in the policy file, in the metric's own units",
            )
        return self.point


class Model:
    """A logged model of a run."""

    __slots__ = ("_record",)

    def __init__(self, record: ModelRecord) -> None:
        """See `record` through the four results of a read."""
        self._record = record

    @property
    def model_id(self) -> str:
        """MLflow's id, `m-` and 32 hexadecimal digits."""
        return self._record.model_id

    @property
    def name(self) -> str:
        """The name that it was logged under."""
        return self._record.name

    @property
    def status(self) -> str:
        """READY, PENDING or FAILED."""
        return self._record.status

    @property
    def versions(self) -> tuple[VersionRecord, ...]:
        """Its registered versions, newest last."""
        return self._record.versions

    @property
    def size(self) -> Measurement:
        """The sum of its stored files (B).

        Raises:
            MissingEvidence: If no file is stored; never 0 B.
        """
        size = _value(self._record.size, f"the size of model '{self.name}'")
        if not size:
            raise MissingEvidence(
                f"model '{self.name}' has no stored files",
                "log the model again and check that the upload ended",
            )
        return Measurement(Decimal(size), "B", Grade.MEASURED, "artifact listing")

    @property
    def logged_size(self) -> int | None:
        """What MLflow's client wrote as its size (bytes; without the environment files), if so."""
        return self._record.logged_size

    @property
    def files(self) -> tuple[Artifact, ...]:
        """Its stored files, with sizes in bytes."""
        return _value(self._record.files, f"the files of model '{self.name}'")

    @property
    def flavors(self) -> tuple[str, ...]:
        """The flavors that its MLmodel file names."""
        return _value(self._record.flavors, f"the MLmodel file of model '{self.name}'")


class Run:
    """A run as one policy may see it: what its `needs` name, and nothing else."""

    __slots__ = ("_needs", "_record", "role")

    def __init__(self, record: RunRecord, needs: Needs, role: str = "candidate") -> None:
        """See `record` as `role` (candidate, baseline, …), restricted to `needs`."""
        self._record = record
        self._needs = needs
        self.role = role

    @property
    def run_id(self) -> str:
        """MLflow's id, 32 hexadecimal digits."""
        return self._record.run_id

    @property
    def run_name(self) -> str | None:
        """The name that people gave it."""
        return self._record.run_name

    @property
    def experiment(self) -> str | None:
        """The name of its experiment."""
        return self._record.experiment

    @property
    def status(self) -> str:
        """RUNNING, SCHEDULED, FINISHED, FAILED or KILLED."""
        return self._record.status

    @property
    def lifecycle(self) -> str:
        """Active or deleted."""
        return self._record.lifecycle

    @property
    def start_time(self) -> datetime:
        """When it began (UTC), as the training client said."""
        return _present(self._record.start_time, f"the {self.role} run has no start time", _END)

    @property
    def end_time(self) -> datetime:
        """When it ended (UTC), as the training client said."""
        return _present(self._record.end_time, f"the {self.role} run has no end time", _END)

    @property
    def duration(self) -> Measurement:
        """From start to end (s); the training client wrote both times."""
        span = self.end_time - self.start_time
        seconds = Decimal(span.days * 86400 + span.seconds) + Decimal(span.microseconds) / 10**6
        if seconds < 0:
            raise InvalidEvidence(f"the {self.role} run ends before it starts")
        return Measurement(seconds, "s", Grade.LOGGED, "run start and end")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of its metrics."""
        return tuple(self._record.metrics)

    def metric(self, name: str) -> Measurement:
        """Return the last value of a metric, in the metric's own units.

        Raises:
            MissingEvidence: If the run has no such metric; names the nearest.
            InvalidEvidence: If it is NaN or infinite, or lies outside the range that its name says.
        """
        value = self._record.metrics.get(name)
        if value is None:
            raise MissingEvidence(
                f"the {self.role} run has no metric {name}{_nearest(name, self._record.metrics)}",
                f'log it: mlflow.log_metric("{name}", value)',
            )
        if isinstance(value, Invalid):
            raise InvalidEvidence(
                f"metric {name} of the {self.role} run is {value.invalid}",
                "find out why training logged it, and log a finite number",
            )
        number = Decimal(repr(value))
        kind = known(name)
        if kind is not None and kind.bounded and not 0 <= number <= 1:
            raise InvalidEvidence(
                f"metric {name} of the {self.role} run is {value}; it lies in [0, 1] by definition",
                "log it as a fraction",
            )
        return Measurement(number, name, Grade.LOGGED, f"metric {name}")

    def param(self, name: str) -> str:
        """Return a parameter, as text.

        Raises:
            MissingEvidence: If the run has no such parameter; names the nearest.
        """
        return self._text(self._record.params, "parameter", name)

    def tag(self, name: str) -> str:
        """Return a tag, as text.

        Raises:
            MissingEvidence: If the run has no such tag; names the nearest.
        """
        return self._text(self._record.tags, "tag", name)

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that are whole (a tag that MLflow cut off is left out)."""
        return MappingProxyType({k: v for k, v in self._record.tags.items() if isinstance(v, str)})

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters that are whole (one that MLflow cut off is left out)."""
        whole = {k: v for k, v in self._record.params.items() if isinstance(v, str)}
        return MappingProxyType(whole)

    @property
    def model(self) -> Model:
        """Its logged model. Needs `MODEL`.

        Raises:
            MissingEvidence: If the run logged none that is READY.
            UnreadableEvidence: If it logged several and the policy file names none.
        """
        self._declared(Needs.MODEL)
        record = self._record.model
        if record is None:
            raise MissingEvidence(
                f"the {self.role} run has no logged model that is READY",
                "log it: mlflow.<flavor>.log_model(model, name=…), and see that it ends READY",
            )
        return Model(_value(record, f"the model of the {self.role} run"))

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """Its dataset inputs. Needs `DATASETS`."""
        self._declared(Needs.DATASETS)
        return self._record.datasets

    @property
    def files(self) -> tuple[Artifact, ...]:
        """Its stored files (not its models'), with sizes in bytes. Needs `FILES`."""
        self._declared(Needs.FILES)
        return _value(self._record.files, f"the files of the {self.role} run")

    @property
    def aliases(self) -> Mapping[str, str]:
        """Alias to version of the registered model that its model belongs to. Needs `REGISTRY`."""
        self._declared(Needs.REGISTRY)
        return _value(self._record.aliases, f"the registered model of the {self.role} run")

    @property
    def children(self) -> tuple["Run", ...]:
        """Its child runs, run facts only. Needs `CHILDREN`."""
        self._declared(Needs.CHILDREN)
        records = _value(self._record.children, f"the child runs of the {self.role} run")
        return tuple(Run(child, Needs.RUN, f"child of the {self.role}") for child in records)

    def _declared(self, need: Needs) -> None:
        if need not in self._needs:
            raise UndeclaredNeed(
                f"the policy reads {need.name} of the {self.role} without declaring it",
                f"add `Needs.{need.name}` to the policy's `needs`",
            )

    def _text(self, texts: Mapping[str, str | Invalid], kind: str, name: str) -> str:
        value = texts.get(name)
        if value is None:
            raise MissingEvidence(
                f"the {self.role} run has no {kind} {name}{_nearest(name, texts)}"
            )
        if isinstance(value, Invalid):
            raise InvalidEvidence(
                f"{kind} {name} of the {self.role} run is {value.invalid}", "log a shorter text"
            )
        return value


@dataclass(frozen=True, slots=True)
class Case:
    """All that one policy may judge: candidate, baseline, history, change, settings and `now`.

    Attributes:
        evidence: What was read of the candidate.
        needs: What the judging policy declares; everything else is closed to it.
        metric_setting: The file's `metric:`, resolved; None: the experiment's own tags decide.
        found: The baseline rules' outcome; None when no rule was asked.
        prices: Hourly prices by instance; `default` for any other.
        first_run: Whether the policy file says that there can be no baseline yet.
        change: The pull request, where there is one.
        now: The moment of judgement (UTC); a policy has no other clock.
    """

    evidence: CandidateRecord
    needs: Needs
    metric_setting: Metric | None = None
    found: BaselineRecord | None = None
    prices: Mapping[str, Rate] = field(default_factory=dict)
    first_run: bool = False
    change_record: ChangeRecord | None = None
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def candidate(self) -> Run:
        """The run under judgement."""
        return Run(self.evidence.run, self.needs)

    @property
    def has_baseline(self) -> bool:
        """Whether a rule found a baseline."""
        return self.found is not None and self.found.run is not None

    @property
    def baseline(self) -> Run:
        """The run that the candidate must beat. Needs `BASELINE`.

        Raises:
            MissingEvidence: If no rule found one; names what was passed over.
            NotApplicable: If the policy file declares `first_run` and there can be none yet.
        """
        if Needs.BASELINE not in self.needs:
            raise UndeclaredNeed(
                "the policy reads the baseline without declaring it",
                "add `Needs.BASELINE` to the policy's `needs`",
            )
        record = self.found.run if self.found else None
        if isinstance(record, Unreadable):
            raise UnreadableEvidence(f"the baseline could not be read: {record.unreadable}")
        if record is not None:
            return Run(record, self.needs, "baseline")
        if self.first_run and not self._has_earlier_version():
            raise NotApplicable("the policy file declares first_run: there is no baseline yet")
        raise MissingEvidence(*self._no_baseline())

    @property
    def metric(self) -> Metric:
        """The metric that counts: the policy file's, else the experiment's primary metric.

        Raises:
            MissingEvidence: If neither says one, or nobody says its direction.
        """
        if self.metric_setting is not None:
            return self.metric_setting
        primary = self.evidence.run.primary_metric
        if primary is None:
            raise MissingEvidence(
                "neither the policy file nor the experiment says which metric counts",
                "set `metric: {name: …, goal: maximize}` in the policy file",
            )
        return resolve_metric(primary.name, primary.goal, None, "the experiment's tags")

    @property
    def history(self) -> tuple[Run, ...]:
        """Earlier FINISHED runs of the experiment, newest first, facts only. Needs `HISTORY`."""
        if Needs.HISTORY not in self.needs:
            raise UndeclaredNeed(
                "the policy reads the history without declaring it",
                "add `Needs.HISTORY` to the policy's `needs`",
            )
        records = _value(self.evidence.history, "the earlier runs of the experiment")
        return tuple(Run(record, Needs.RUN, "earlier") for record in records)

    @property
    def change(self) -> Change:
        """The pull request. Needs `CHANGE`.

        Raises:
            MissingEvidence: Outside a pull request.
        """
        if Needs.CHANGE not in self.needs:
            raise UndeclaredNeed(
                "the policy reads the change without declaring it",
                "add `Needs.CHANGE` to the policy's `needs`",
            )
        return _present(
            self.change_record,
            "there is no pull request to read",
            "run the check in a workflow of the pull request",
        )

    def _has_earlier_version(self) -> bool:
        model = self.evidence.run.model
        if isinstance(model, (Invalid, Unreadable)):
            raise UnreadableEvidence(
                "the candidate's model could not be read: nobody can say whether first_run holds"
            )
        versions = model.versions if model is not None else ()
        return any(v.version.isdecimal() and int(v.version) > 1 for v in versions)

    def _no_baseline(self) -> tuple[str, str]:
        remedy = (
            "set an alias on the registered model, or add a rule under `baseline:`; "
            "for the very first model say `first_run: true`"
        )
        if self.found is None or not self.found.rules:
            return "the policy file has no `baseline:` rule, so there is no baseline", remedy
        why = "; ".join(f"{p.rule}: {p.why}" for p in self.found.passed_over)
        if self.first_run:
            why += "; first_run is declared, but the registered model has earlier versions"
        return f"no baseline ({why})", remedy


def resolve_metric(name: str, goal: Goal | None, point: Decimal | None, source: str) -> Metric:
    """Return the metric with the direction and the point that its name or its owner gives.

    Raises:
        MissingEvidence: If nobody says the direction.
    """
    kind = known(name)
    direction = goal or (kind.goal if kind else None)
    if direction is None:
        raise MissingEvidence(
            f"nobody says whether a greater {name} is better",
            f"set `metric: {{name: {name}, goal: maximize}}` (or minimize) in the policy file",
        )
    if point is None and kind is not None:
        point = kind.point
    return Metric(name, direction, point, source)


def _value(reading: "T | Invalid | Unreadable | None", what: str) -> T:
    """Return the value of a read, or raise what it is instead."""
    if reading is None:
        raise MissingEvidence(f"{what} is not recorded", "log the run again with MLflow 3")
    if isinstance(reading, Invalid):
        raise InvalidEvidence(f"{what} is invalid: {reading.invalid}", "log it again")
    if isinstance(reading, Unreadable):
        raise UnreadableEvidence(
            f"{what} could not be read: {reading.unreadable}", "mend that, then check again"
        )
    return reading


def _present(value: T | None, message: str, remedy: str) -> T:
    if value is None:
        raise MissingEvidence(message, remedy)
    return value


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names)[:1000], n=3, cutoff=0.5)
    return f"; nearest names: {', '.join(near)}" if near else ""
