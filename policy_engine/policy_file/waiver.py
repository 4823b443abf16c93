"""Who may pass a finding that blocks: until when, up to which value, by whose approval."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

from policy_engine.evidence import Measurement
from policy_engine.evidence.record import ModelRecord, RunRecord
from policy_engine.policy import Finding, Limit
from policy_engine.quantities import Quantity
from policy_engine.source.problems import Problems, Spot

LONGEST = timedelta(days=90)
"""How far ahead a waiver may expire: an exception that is needed for longer is a new limit."""
SOON = timedelta(days=14)
"""How long before its last day a waiver is said to expire soon."""

Kind = Literal["model", "run", "version"]


class Target(NamedTuple):
    """What a waiver is for: a model (glob on its logged or registered name), a run, a version."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One waiver, well formed; whether it holds is a matter of the finding and the day.

    Attributes:
        id: The binding's id.
        target: What it is for.
        part: The only part that it is for; None: any.
        ceiling: The value up to which it holds; due where the finding has a limit.
        written: The ceiling as it was written.
        reason: Why.
        owner: Who mends what it waives.
        approved_by: Who approved it.
        ticket: Where that is planned.
        expires: Its last day (UTC).
        key: The path of keys to it, such as `waivers[0]`.
        at: Where it stands.
        expires_at: Where its last day stands.
        files: The policy files that it is for.
    """

    id: str
    target: Target
    part: str | None
    ceiling: Quantity | None
    written: str | None
    reason: str
    owner: str
    approved_by: str
    ticket: str
    expires: date
    key: str
    at: Spot
    expires_at: Spot
    files: tuple[str, ...]

    def to_dict(self, why: str | None = None) -> dict[str, Any]:
        """Return it as the report shows it; `why` says why it was not used."""
        return {
            "id": self.id,
            "part": self.part,
            "model": self.target.value if self.target.kind == "model" else None,
            "run": self.target.value if self.target.kind == "run" else None,
            "version": self.target.value if self.target.kind == "version" else None,
            "ceiling": self.written,
            "reason": self.reason,
            "owner": self.owner,
            "approved_by": self.approved_by,
            "ticket": self.ticket,
            "expires": self.expires.isoformat(),
            "where": f"{self.at.file}:{self.at.line}",
            "why": why,
        }

    def has_expired(self, now: datetime) -> bool:
        """Say whether its last day (UTC) is over."""
        return now >= self._end

    def expires_soon(self, now: datetime) -> bool:
        """Say whether its last day is at most 14 days away, and not over."""
        return not self.has_expired(now) and self._end <= now + SOON

    def concerns(self, run: RunRecord) -> bool:
        """Say whether a run is what it is for."""
        if self.target.kind == "run":
            return run.run_id == self.target.value
        model = run.model
        if not isinstance(model, ModelRecord):
            return False
        if self.target.kind == "version":
            return any(f"{v.name}/{v.version}" == self.target.value for v in model.versions)
        names = {model.name, *(version.name for version in model.versions)}
        return any(fnmatchcase(name, self.target.value) for name in names)

    def why_not(self, finding: Finding) -> str | None:
        """Return why it does not cover what a finding measured; None: it does."""
        if self.part is not None and finding.part != self.part:
            return f"it is for the part '{self.part}'"
        limit, measured, ceiling = finding.limit, finding.measured, self.ceiling
        if limit is None:
            return None if ceiling is None else "it has a ceiling, and the finding measured nothing"
        if ceiling is None:
            return "the finding has a limit, so the waiver needs a `ceiling`"
        if not ceiling.is_in(limit.unit):
            return f"its ceiling {self.written} is not in the finding's unit, {limit.unit}"
        if measured is None:
            return "the finding measured nothing that its ceiling could cover"
        return self._beyond(measured, limit, ceiling)

    def _beyond(self, measured: Measurement, limit: Limit, ceiling: Quantity) -> str | None:
        within = Limit(ceiling.value, limit.unit, "<=" if limit.op in {"<=", "<"} else ">=")
        if measured.unit == limit.unit and within.holds(measured.value):
            return None
        return f"{measured} is beyond its ceiling {self.written}"

    @property
    def _end(self) -> datetime:
        return datetime.combine(self.expires, time(), UTC) + timedelta(days=1)


def refuse_too_far_ahead(waivers: Iterable[Waiver], now: datetime) -> None:
    """Refuse waivers that expire more than 90 days after `now`.

    Raises:
        PolicyFileError: With all of them.
    """
    furthest = now.astimezone(UTC).date() + LONGEST
    problems = Problems()
    for waiver in waivers:
        if waiver.expires > furthest:
            problems.add(
                waiver.expires_at,
                f"{waiver.key}.expires",
                f"{waiver.expires} is more than {LONGEST.days} days ahead",
                f"write {furthest} or earlier, and renew it for as long as it is needed",
                str(waiver.expires),
            )
    problems.raise_any()


def is_same_person(one: str, other: str) -> bool:
    """Say whether two logins name one person, with or without `@`, in any case."""
    return one.strip().removeprefix("@").casefold() == other.strip().removeprefix("@").casefold()
