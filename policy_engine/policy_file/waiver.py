"""Who may pass a finding that blocks: until when, up to which value, by whose approval."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Any

from policy_engine.evidence import Measurement
from policy_engine.evidence.record import ModelRecord, RunRecord
from policy_engine.log import UNSEEN
from policy_engine.policy import Finding, Limit
from policy_engine.policy_file.keys import WaiverKeys
from policy_engine.policy_file.outdated import Outdated
from policy_engine.quantities import Quantity
from policy_engine.quantities.words import first_few
from policy_engine.source.problems import Problems, Spot

_UNSEEN = re.compile(rf"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff{UNSEEN}]")

LONGEST = timedelta(days=90)
"""How far ahead a waiver may expire: an exception that is needed for longer is a new limit."""
SOON = timedelta(days=14)
"""How long before its last day a waiver is said to expire soon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """One waiver, well formed; whether it holds is a matter of the finding and the day.

    Attributes:
        keys: What it says.
        ceiling: Its ceiling as it was written.
        key: The path of keys to it, such as `waivers[0]`.
        at: Where it stands.
        expires_at: Where its last day stands.
        files: The policy files that it is for.
        unbound: Why it is for nothing: no binding has its id. None: one has, or that is not known.
        outdated: The old name that it gives as its id, if it does.
    """

    keys: WaiverKeys
    ceiling: str | None
    key: str
    at: Spot
    expires_at: Spot
    files: tuple[str, ...]
    unbound: str | None = None
    outdated: Outdated | None = None

    def to_dict(self, why: str | None = None) -> dict[str, Any]:
        """Return it as the report shows it; `why` says why it was not used."""
        return {
            **dict(self.keys),
            "ceiling": self.ceiling,
            "expires": self.keys.expires.isoformat(),
            "where": f"{self.at.file}:{self.at.line}",
            "why": why,
        }

    def has_expired(self, now: datetime) -> bool:
        """Say whether its last day (UTC) is over."""
        return now >= self._end

    def expires_soon(self, now: datetime) -> bool:
        """Say whether its last day is at most 14 days away, and not over."""
        return not self.has_expired(now) and self._end <= now + SOON

    def why_not_for(self, run: RunRecord) -> str | None:
        """Return why a run is not what it is for; None: it is."""
        if self.keys.run is not None:
            return None if run.run_id == self.keys.run else f"it is for the run {self.keys.run}"
        version, model = self.keys.version, run.model
        of = f"the version {version}" if version else f"models named {self.keys.model}"
        if not isinstance(model, ModelRecord):
            return f"it is for {of}, and the candidate has no logged model"
        if version is not None:
            names = {f"{each.name}/{each.version}" for each in model.versions}
            mine = version in names
        else:
            names = {model.name, *(each.name for each in model.versions)}
            mine = any(fnmatchcase(name, self.keys.model or "") for name in names)
        called = first_few(sorted(names), 3) or model.name
        return None if mine else f"it is for {of}, and the candidate is {called}"

    def why_not(self, finding: Finding) -> str | None:
        """Return why it does not cover what a finding measured; None: it does."""
        if self.keys.part is not None and finding.part != self.keys.part:
            return f"it is for the part '{self.keys.part}'"
        limit, measured, ceiling = finding.limit, finding.measured, self.keys.ceiling
        if limit is None:
            return None if ceiling is None else "it has a ceiling, and the finding measured nothing"
        if ceiling is None:
            return "the finding has a limit, so the waiver needs a `ceiling`"
        if not ceiling.is_in(limit.unit):
            return f"its ceiling {self.ceiling} is not in the finding's unit, {limit.unit}"
        if measured is None:
            return "the finding measured nothing that its ceiling could cover"
        return self._beyond(measured, limit, ceiling)

    def _beyond(self, measured: Measurement, limit: Limit, ceiling: Quantity) -> str | None:
        within = Limit(ceiling.value, limit.unit, "<=" if limit.op in {"<=", "<"} else ">=")
        if measured.unit == limit.unit and within.holds(measured.value):
            return None
        return f"{measured} is beyond its ceiling {self.ceiling}"

    @property
    def _end(self) -> datetime:
        return datetime.combine(self.keys.expires, time(), UTC) + timedelta(days=1)


def refuse_too_far_ahead(waivers: Iterable[Waiver], now: datetime) -> None:
    """Refuse waivers that expire more than 90 days after `now`.

    Raises:
        PolicyFileError: With all of them.
    """
    furthest = now.astimezone(UTC).date() + LONGEST
    problems = Problems()
    for waiver in waivers:
        if waiver.keys.expires > furthest:
            problems.add(
                waiver.expires_at,
                f"{waiver.key}.expires",
                f"{waiver.keys.expires} is more than {LONGEST.days} days ahead",
                f"write {furthest} or earlier, and renew it for as long as it is needed",
                str(waiver.keys.expires),
            )
    problems.raise_any()


def is_same_person(one: str, other: str) -> bool:
    """Say whether two logins name one person, with or without `@`, in any case."""
    return _compared(one) == _compared(other)


def _compared(login: str) -> str:
    """Return a login without what nobody sees in it, nor how it is written."""
    plain = unicodedata.normalize("NFKC", _UNSEEN.sub("", login))
    return plain.strip().lstrip("@").casefold()
