"""How a merge that is blocked can still be had: what blocks is fixed, or it is waived."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from policy_engine.policy import Level, Outcome
from policy_engine.report import Effect, Judged

COMMAND = "policy-engine waive --from report.json"
"""It writes a waiver; what it lacks it says itself."""

_ID = re.compile(r"[a-z][a-z0-9-]{0,80}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9=._-]{0,80}")


class WayOut(NamedTuple):
    """What can be done about what blocks.

    Attributes:
        blocking: The findings that block.
        waivable: Those of them that a waiver can let pass.
    """

    blocking: Sequence[Judged]
    waivable: Sequence[Judged]

    @property
    def options(self) -> list[str]:
        """The flags of `waive` that name each that can be waived, once."""
        return list(dict.fromkeys(map(_options, self.waivable)))

    @property
    def words(self) -> str:
        """What to do, before the command where one helps."""
        if not self.waivable:
            return "fix what blocks; none of it can be waived"
        which = "it" if len(self.blocking) == 1 else "each" if self.is_whole else "what may be"
        return f"fix what blocks, or waive {which}"

    @property
    def is_whole(self) -> bool:
        """Whether all that blocks can be waived."""
        return len(self.waivable) == len(self.blocking)


def way_out(findings: Iterable[Judged]) -> WayOut:
    """Return what blocks, and what of it can be waived."""
    blocking = [f for f in findings if f.effect is Effect.BLOCK]
    waivable = [
        f for f in blocking if f.level is Level.OVERRIDABLE and f.outcome is not Outcome.ERROR
    ]
    return WayOut(blocking, waivable)


def _options(finding: Judged) -> str:
    """Return the flags of `waive` that name a finding; in capitals what a shell could misread."""
    id_ = finding.id if _ID.fullmatch(finding.id) else "ID"
    if finding.part is None:
        return f"--id {id_}"
    return f"--id {id_} --part {finding.part if _PART.fullmatch(finding.part) else 'PART'}"
