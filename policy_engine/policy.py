"""What a plugin author imports: a policy, its findings, their outcomes.

    class ModelSizeBudget(Policy, name="model-size-budget"):
        \"\"\"The model fits its size budget.\"\"\"

        needs = Needs.MODEL
        max_size: Bytes = Field(description="Largest sum of the model's files (bytes).")

        def evaluate(self, case: Case) -> Iterator[Finding]:
            yield Finding.judge(
                case.candidate.model.size, "<=", self.max_size, "model size", remedy="prune it"
            )

The class is its own schema, its documentation and its judgement.
"""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import ge, gt, le, lt
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypedDict,
    Unpack,
    get_args,
)

from pydantic import BaseModel, ConfigDict, Field

from policy_engine.errors import PluginError, PolicyEngineError
from policy_engine.evidence import (
    Case,
    EvidenceError,
    InvalidEvidence,
    Measurement,
    Metric,
    MissingEvidence,
    Needs,
    NotApplicable,
    UnreadableEvidence,
)
from policy_engine.quantities import Margin, not_exact, show_both

if TYPE_CHECKING:
    from policy_engine.statistics import Spread

__all__ = [
    "Deferred",
    "Ending",
    "Field",
    "Finding",
    "Former",
    "GainSpread",
    "Interval",
    "Level",
    "Limit",
    "Op",
    "Outcome",
    "Pack",
    "Policy",
    "part",
]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


class Outcome(StrEnum):
    """What a policy found out."""

    PASS = "pass"
    FAIL = "fail"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not-applicable"
    ERROR = "error"


class Level(StrEnum):
    """What a finding may do to a merge; set where the policy is bound, unknown to the policy."""

    ADVISORY = "advisory"
    OVERRIDABLE = "overridable"
    MANDATORY = "mandatory"


Op = Literal["<=", ">=", "<", ">"]
OPS: tuple[str, ...] = get_args(Op)
_WORDS: dict[str, str] = {"<=": "at most", ">=": "at least", "<": "below", ">": "above"}
_HOLDS: dict[str, Callable[[Decimal, Decimal], bool]] = {"<=": le, ">=": ge, "<": lt, ">": gt}


@dataclass(frozen=True, slots=True)
class Limit:
    """The bound of a measured value; it holds or it does not, in exact decimal arithmetic."""

    value: Decimal
    unit: str
    op: Op = "<="

    def __post_init__(self) -> None:
        """Refuse a bound that nothing could respect.

        Raises:
            TypeError: If it is no `Decimal`.
            ValueError: If it is NaN or infinite, or there is no such operator.
        """
        if not isinstance(self.value, Decimal):
            raise TypeError(not_exact(self.value, "the limit"))
        if self.op not in OPS:
            raise ValueError(f"there is no operator {self.op!r}: choose from {', '.join(OPS)}")
        if not self.value.is_finite():
            raise ValueError(f"a limit is {self.value}, not a number")

    def holds(self, value: Decimal) -> bool:
        """Say whether a value respects the bound; equality is enough for `<=` and `>=`."""
        return _HOLDS[self.op](value, self.value)


class Interval(NamedTuple):
    """Where the true difference between candidate and baseline lies, by the test that decided.

    Attributes:
        low: Its lower end (in `unit`; above 0 is better, whatever the metric's direction).
        high: Its upper end.
        unit: `pt`, or empty for the metric's own units.
        confidence: How often such an interval holds the true difference (a share).
        shown: Whether the test showed that the difference is not 0.
        on: What was compared, such as `899 shared rows`.
    """

    low: Decimal
    high: Decimal
    unit: str
    confidence: Decimal
    shown: bool
    on: str


class GainSpread(NamedTuple):
    """How far the gain of a candidate varies, as the test sees it that would judge it.

    Attributes:
        metric: What is gained, with its point.
        spread: How far it varies, on how many rows or seeds.
        test: The test and what it counted.
        where: On what, such as `1,000 shared rows`.
    """

    metric: Metric
    spread: "Spread"
    test: str
    where: str


class Finding(NamedTuple):
    """One judged fact.

    Attributes:
        outcome: What was found.
        message: One plain sentence with the numbers, of at most 100 characters where names allow.
        part: Tells the findings of one policy apart, such as `size` and `growth`.
        measured: The value that was judged.
        limit: Its bound, in the same unit.
        baseline: The same quantity of the baseline.
        remedy: What to do first, in one sentence; for every outcome but `pass`.
        detail: Everything that checks the message by hand: test, counts, bounds. It repeats what
            the message says, so that it can be read alone. None: the message says it all.
        about: The quantity that was judged, as the list of changes calls it: a metric's name,
            `model size`, `training cost`, `training time`, `p95 latency`, or one of your own.
        interval: Where the true difference of that quantity lies, if it was tested.
    """

    outcome: Outcome
    message: str
    part: str | None = None
    measured: Measurement | None = None
    limit: Limit | None = None
    baseline: Measurement | None = None
    remedy: str | None = None
    detail: str | None = None
    about: str | None = None
    interval: Interval | None = None

    @classmethod
    def judge(  # noqa: PLR0913 (a finding's own fields)
        cls,
        measured: Measurement,
        op: Op,
        limit: Decimal | int,
        what: str,
        *,
        part: str | None = None,
        baseline: Measurement | None = None,
        remedy: str | None = None,
        note: str = "",
    ) -> "Finding":
        """Pass if `measured op limit` holds, else fail; the message states both numbers.

        Args:
            measured: The value.
            op: How it must stand to the limit.
            limit: The bound, in the value's unit.
            what: What was measured, as the message's subject ("model size").
            part: The part of the policy that this is.
            baseline: The same quantity of the baseline.
            remedy: What would fix a failure.
            note: More to say in the detail, behind the two numbers.

        Raises:
            TypeError: If the limit is a float.
            ValueError: If there is no such operator.
        """
        if isinstance(limit, float):
            raise TypeError(not_exact(limit, "the limit"))
        bound = Limit(Decimal(limit), measured.unit, op)
        passed = bound.holds(measured.value)
        value, against = show_both(measured.value, bound.value, measured.unit)
        if what == measured.unit:  # a metric is its own unit: say its name once
            value, against = value.removesuffix(f" {what}"), against.removesuffix(f" {what}")
        message = f"{what} is {value}; it must be {_WORDS[op]} {against}"
        return cls(
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            message=message,
            part=part,
            measured=measured,
            limit=bound,
            baseline=baseline,
            remedy=None if passed else remedy,
            detail=message + note if note else None,
            about=what,
        )

    @property
    def whole(self) -> str:
        """The detail where there is one, else the message: everything that the finding says."""
        return self.detail or self.message

    def holds(self, text: str) -> bool:
        """Say whether message or detail hold a text."""
        return text in self.message or text in self.whole

    def saying(self, more: str) -> "Finding":
        """Return the finding with more in its detail, behind what it says."""
        return self._replace(detail=self.whole + more)


_OUTCOMES: Mapping[type[PolicyEngineError], Outcome] = {
    NotApplicable: Outcome.NOT_APPLICABLE,
    MissingEvidence: Outcome.MISSING,
    InvalidEvidence: Outcome.FAIL,
    UnreadableEvidence: Outcome.ERROR,
}
"""What a read that gave no value comes to."""


def part(name: str, judge: Callable[[], Finding]) -> Finding:
    """Return what `judge` finds, as the part `name`; so is evidence that is no value.

    A policy of several parts yields one finding for each, whatever the evidence of the others is.

    Raises:
        UndeclaredNeed: If the policy reads what it does not declare; that concerns all its parts.
    """
    try:
        found = judge()
        return found if found.part is not None else found._replace(part=name)
    except (NotApplicable, EvidenceError) as e:
        finding = finding_of(e, name)
        if finding is None:
            raise
        return finding


def finding_of(error: BaseException, part: str | None = None) -> Finding | None:
    """Return the finding that evidence which is not a value comes to; None for any other error."""
    for kind, outcome in _OUTCOMES.items():
        if isinstance(error, kind):
            remedy = getattr(error, "remedy", None)
            return Finding(outcome=outcome, part=part, message=str(error), remedy=remedy)
    return None


@dataclass(frozen=True, slots=True)
class Former:
    """A name that something had: policy files may write it until its last day, and are told.

        OLD = Former("time-budget", until=date(2027, 6, 30))

        class TrainingTime(Policy, name="training-time", formerly=OLD):
            max_time: Annotated[Duration, Former("limit", until=date(2027, 6, 30))] = Field(…)

    Attributes:
        name: The old name.
        until: The last day (UTC) on which it is read.
    """

    name: str
    until: date

    def __post_init__(self) -> None:
        """Refuse a day that is none."""
        _refuse_no_day(self.until)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a policy (`ends=`) or of a setting (in `Annotated`), without a successor.

    Attributes:
        until: The last day (UTC) on which it is read.
        instead: What to do, as a remedy.
    """

    until: date
    instead: str

    def __post_init__(self) -> None:
        """Refuse a day that is none."""
        _refuse_no_day(self.until)


def _refuse_no_day(until: object) -> None:
    if not isinstance(until, date) or isinstance(until, datetime):
        raise PluginError(f"the last day is {until!r:.60}: write date(2027, 6, 30)")


class Pack(NamedTuple):
    """A pack that had other names.

    Attributes:
        path: Its YAML file.
        formerly: The names.
    """

    path: Path
    formerly: tuple[Former, ...] = ()


class _Said(TypedDict, total=False):
    """What a policy class says of itself, beside its fields."""

    name: str
    formerly: Former | tuple[Former, ...]
    ends: Ending


class Policy(BaseModel):
    """A rule that judges one case; its fields are its settings, each with unit and description.

    A subclass states `name=` (kebab-case, never reused; `formerly=` and `ends=` change it without
    haste), `needs`, a docstring whose first line says
    what is true of a model that passes, and `evaluate`.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        defer_build=True,  # most policies are never bound: each schema is built when it is
    )

    policy_name: ClassVar[str] = ""
    policy_formerly: ClassVar[tuple["Former", ...]] = ()
    policy_ends: ClassVar["Ending | None"] = None
    needs: ClassVar[Needs] = Needs.RUN

    def __init_subclass__(cls, **kwargs: Unpack["_Said"]) -> None:
        """Accept what a class says of itself; it is checked when the fields are known."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Check what the class says of itself.

        Raises:
            PluginError: If its name is not kebab-case.
        """
        super().__pydantic_init_subclass__()
        name, formerly = kwargs.get("name"), kwargs.get("formerly", ())
        if name is None:
            return
        cls.policy_formerly = (formerly,) if isinstance(formerly, Former) else tuple(formerly)
        cls.policy_ends = kwargs.get("ends")
        for each in (name, *(former.name for former in cls.policy_formerly)):
            if not _NAME.match(each):
                raise PluginError(
                    f"policy name '{each}' is not kebab-case, such as model-size-budget"
                )
        cls.policy_name = name

    def reads(self) -> Needs:
        """Return the needs that these settings really have: `needs`, or fewer."""
        return self.needs

    def needs_point(self) -> bool:
        """Say whether these settings count in points, and so need what a point of the metric is."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return any(isinstance(v, Margin) and v.in_points and v.amount > 0 for v in values)

    def rules(self) -> tuple[tuple[dict[str, Any], ...], ...]:
        """Return baseline rules of the policy's own; `case.against` returns what they find."""
        return ()

    def gain_spread(self, case: Case) -> GainSpread:
        """Return how far the gain that it tests varies, for `policy-engine plan`.

        Raises:
            NotApplicable: If it tests no gain.
            MissingEvidence: If the evidence does not tell.
        """
        raise NotApplicable(f"{self.policy_name} tests no gain of {case.candidate.run_id}")

    @abstractmethod
    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield at least one finding on the case; pure: no clock, no environment, no I/O.

        Raises:
            MissingEvidence, InvalidEvidence, UnreadableEvidence: Let them pass; the engine turns
                them into findings, and keeps those that were yielded before.
        """
        raise NotImplementedError  # pragma: no cover (the engine refuses a class without it)


class Deferred(NamedTuple):
    """A policy that is imported only when a policy file binds it, or a command describes it.

    A plugin of many policies registers them so: a check then loads those that it asks, and no more.

    Attributes:
        name: The policy's `name=`.
        place: Where its class is, as `module:Class`.
        formerly: What the class says under `formerly=`.
    """

    name: str
    place: str
    formerly: tuple[Former, ...] = ()
