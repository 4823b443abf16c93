"""The report: verdict, subjects, findings. Everything that people see is rendered from it."""

import math
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, Literal, NamedTuple

from policy_engine.evidence import Grade, Measurement
from policy_engine.evidence.metrics import Goal
from policy_engine.evidence.record import PassedOver
from policy_engine.policy import Interval, Level, Limit, Outcome

_EXACT = 2**53
SCHEMA = "policy-engine/report/v1"


class Effect(StrEnum):
    """What a finding does to the merge."""

    NONE = "none"
    WARN = "warn"
    BLOCK = "block"
    WAIVED = "waived"


class Verdict(StrEnum):
    """What a subject, or the whole report, comes to; in the order in which one hides another."""

    ERROR = "error"
    NOT_EVALUATED = "not-evaluated"
    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"
    NOT_APPLICABLE = "not-applicable"


class ExitCode(IntEnum):
    """What the command returns; the same for every format."""

    MAY_MERGE = 0
    BLOCKED = 1
    USAGE = 2
    UNDECIDED = 3
    NOT_EVALUATED = 4
    INTERRUPTED = 130


EXIT_CODES = {
    Verdict.ERROR: ExitCode.UNDECIDED,
    Verdict.NOT_EVALUATED: ExitCode.NOT_EVALUATED,
    Verdict.FAIL: ExitCode.BLOCKED,
    Verdict.WARN: ExitCode.MAY_MERGE,
    Verdict.PASS: ExitCode.MAY_MERGE,
    Verdict.NOT_APPLICABLE: ExitCode.MAY_MERGE,
}


@dataclass(frozen=True, slots=True)
class Where:
    """The user's own line: path from the repository's root (POSIX), line from 1."""

    file: str
    line: int


class Judged(NamedTuple):
    """A finding with what its binding makes of it.

    `id` is the binding's, `policy` the policy's name, `plugin` the module that provides it;
    `level` is the effective one, which may rise on the day `enforce_from`; `owner` is whom to ask.
    The rest is the finding's (see `policy_engine.policy.Finding`).
    """

    id: str
    part: str | None
    policy: str
    plugin: str
    level: Level
    outcome: Outcome
    effect: Effect
    message: str
    measured: Measurement | None
    limit: Limit | None
    baseline: Measurement | None
    remedy: str | None
    waiver: dict[str, Any] | None
    where: Where
    detail: str | None = None
    about: str | None = None
    interval: Interval | None = None
    owner: str | None = None
    enforce_from: date | None = None

    @property
    def whole(self) -> str:
        """The detail where there is one, else the message."""
        return self.detail or self.message

    def holds(self, text: str) -> bool:
        """Say whether message or detail hold a text."""
        return text in self.message or text in self.whole

    def as_claim(self) -> "Judged":
        """Return it with values known by the word of the job that wrote them, and no better."""
        return self._replace(measured=_claimed(self.measured), baseline=_claimed(self.baseline))


def _claimed(value: Measurement | None) -> Measurement | None:
    return None if value is None else replace(value, grade=Grade.LOGGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRef:
    """Which run, model and commit; None for what is not known."""

    run_id: str
    run_name: str | None
    experiment: str | None
    model_id: str | None
    model: str | None
    registered: str | None
    commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineRef(RunRef):
    """The baseline, and the rule that found it.

    Attributes:
        found_by: The rule.
        trained: When its training ended (UTC); None where the run does not say.
        commits: How many commits the candidate has that it has not; None where git cannot tell.
    """

    found_by: str
    trained: datetime | None = None
    commits: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A run by what its training brought and cost.

    Attributes:
        role: Which run it is.
        run_id: Its id.
        metric: The metric that counts, in its own units.
        cost: What its training cost, in the unit of the trade-off.
        run_name: What the run is called, if it is.
    """

    role: Literal["candidate", "baseline", "earlier"]
    run_id: str
    metric: Decimal
    cost: Decimal
    run_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """Gain against cost: the candidate among its baseline and earlier runs. It judges nothing.

    Attributes:
        metric: The name of the metric that counts.
        goal: Its direction that is better.
        unit: What training is counted in: a currency, or `s` for its duration.
        points: The candidate first, then the baseline, then earlier runs, newest first.
    """

    metric: str
    goal: Goal
    unit: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One quantity of the candidate beside the baseline's. It judges nothing.

    Attributes:
        what: The metric's name, `model size`, `training cost`, or what a finding is `about`.
        unit: `B`, `s`, a currency, or empty for a metric in its own units.
        baseline: The baseline's value; None where it is not known.
        candidate: The candidate's; None where it is not known, and `difference` says why.
        difference: What lies between them, as people say it: `+0.33 pt, may be chance`.
        effect: The worst that a finding about it does to the merge; None: no policy is about it.
        interval: Where the true difference lies, by the test that decided.
    """

    what: str
    unit: str
    baseline: Decimal | None
    candidate: Decimal | None
    difference: str
    effect: Effect | None
    interval: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One policy file on one candidate. Without a candidate, `reason` says why."""

    policy_file: str
    verdict: Verdict
    reason: str | None
    candidate: RunRef | None
    baseline: BaselineRef | None
    passed_over: tuple[PassedOver, ...]
    notes: tuple[str, ...]
    findings: tuple[Judged, ...]
    trade_off: TradeOff | None = None
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgingText:
    """A policy file or pack that judged.

    Attributes:
        path: Of the file; of a pack, its name.
        digest: `sha256:` of its bytes, without its waivers.
        plugin: The distribution that brings the pack; None for a file.
    """

    path: str
    digest: str
    plugin: str | None = None


@dataclass(frozen=True, slots=True)
class PolicySource:
    """Which policies judged: digest, git ref, and whether they are the default branch's own.

    `texts` names each file and pack that was drawn on; it is the same whatever flags were given.
    `profile` is the one that was laid over the bindings.
    """

    digest: str
    ref: str | None = None
    trusted: bool = False
    texts: tuple[JudgingText, ...] = ()
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A finding that the proposed policies would judge otherwise; None: it is not there."""

    policy_file: str
    run_id: str
    id: str
    part: str | None
    outcome: Outcome | None
    effect: Effect | None
    proposed_outcome: Outcome | None
    proposed_effect: Effect | None


class Strictness(StrEnum):
    """What an edit makes of a rule, the worst first.

    `neither`: nobody can tell from the files alone which of the two lets more merge.
    """

    LOOSER = "looser"
    NEITHER = "neither"
    TIGHTER = "tighter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One difference between the policies that judge and those that are proposed.

    Attributes:
        policy_file: The file that it is of, as the proposal names it where it is there.
        key: The path of keys, such as `policies.metric-threshold.min`.
        change: What was done to it.
        strictness: What that makes of the rule.
        level: Of a binding, as it judges today; None for what is not a binding.
        before: The value that judges, as YAML in one line; None where there is none.
        after: The proposed value.
        was: Where the value that judges stands; None where there is none.
        where: Where the proposed one stands.
    """

    policy_file: str
    key: str
    change: Literal["removed", "changed", "added"]
    strictness: Strictness
    level: Level | None = None
    before: str | None
    after: str | None
    was: Where | None
    where: Where | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """What a proposed policy file would make of today's champion; it decides nothing.

    Attributes:
        found_by: The baseline rule that names it; None where none does.
        today: What the file that judges makes of it; None where there is no such file.
        left_out: The bindings that are not asked: they compare, or read the change.
        proposed: The champion as a candidate of the proposed file.
    """

    found_by: str | None
    today: Verdict | None
    left_out: tuple[str, ...]
    proposed: Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What the policies that a pull request proposes would decide; they decide nothing yet.

    Attributes:
        digest: Of the proposed policy files; None where they are not valid.
        verdict: What they would come to; None where they could not judge.
        problem: Why they could not judge, as `validate` says it.
        findings: How many findings were compared.
        changed: Those that would come out otherwise.
        edits: What is edited in the policies themselves, what loosens them first.
        more_edits: How many edits more there are than `edits` names.
        champions: What the edited policy files would make of the champion, where the change needs
            them no run.
    """

    digest: str | None
    verdict: Verdict | None
    problem: str | None
    findings: int
    changed: tuple[Changed, ...]
    edits: tuple[Edit, ...] = ()
    more_edits: int = 0
    champions: tuple[Champion, ...] = ()


@dataclass(frozen=True, slots=True)
class WaiverUse:
    """Waivers to look after, by id."""

    expiring: tuple[dict[str, Any], ...] = ()
    expired: tuple[dict[str, Any], ...] = ()
    unused: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed distribution whose plugins took part.

    Attributes:
        name: Its name.
        version: Its version.
        record: `sha256:` over the files that it installed; None where nobody recorded that, as of
            an editable one.
    """

    name: str
    version: str
    record: str | None


@dataclass(frozen=True, slots=True)
class Engine:
    """The engine's version, and the plugins that took part (`name version`)."""

    version: str
    plugins: tuple[str, ...]
    distributions: tuple[Distribution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The decision, complete: from it follow every output and the exit code."""

    verdict: Verdict
    exit_code: ExitCode
    subjects: tuple[Subject, ...]
    policies: PolicySource
    evidence_digest: str
    engine: Engine
    evaluated_at: datetime
    waivers: WaiverUse = field(default_factory=WaiverUse)
    proposal: Proposal | None = None
    mlflow: str | None = None
    """The version of the server that the evidence is from, as far as it had to be known."""

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values, every key always there (`null` for none)."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict.value,
            "exit_code": int(self.exit_code),
            "subjects": [_json(asdict(subject)) for subject in self.subjects],
            "policies": _json(asdict(self.policies)),
            "evidence": {"digest": self.evidence_digest, "mlflow": self.mlflow},
            "waivers": _json(asdict(self.waivers)),
            "proposal": _json(asdict(self.proposal)) if self.proposal else None,
            "engine": _json(asdict(self.engine)),
            "evaluated_at": _moment(self.evaluated_at),
        }

    def _repr_html_(self) -> str:
        """Show the report as a table in a notebook."""
        # A report shows itself in a notebook; nothing else here knows how it is rendered.
        from policy_engine.render.notebook import notebook_table  # noqa: PLC0415

        return notebook_table(self)


def _number(value: Decimal) -> int | float:
    """Return a whole number as one as far as every reader of JSON tells it from its neighbours.

    Beyond, it is what a reader makes of it: the nearest 64-bit float.
    """
    if value == value.to_integral_value() and abs(value) <= _EXACT:
        return int(value)
    nearest = float(value)
    return int(value) if math.isinf(nearest) else nearest


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: Any) -> Any:
    """Return plain JSON values: decimals as numbers, enums as their text, tuples as lists."""
    if isinstance(value, PassedOver):
        value = value.model_dump()
    if isinstance(value, (Judged, Interval)):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item) for item in value]
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, date):
        return _moment(value) if isinstance(value, datetime) else value.isoformat()
    return value
