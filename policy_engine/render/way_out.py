"""How a merge that is blocked can still be had: what blocks is fixed, or it is waived."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from policy_engine.policy import Level, Outcome
from policy_engine.report import Effect, Judged, Report, Subject

COMMAND = "policy-engine waive --from report.json"
"""It writes a waiver; what it lacks it says itself."""
_REPORT = "--format json=report.json"
CHOSEN = {"reason": "WHY", "owner": "@WHO", "ticket": "TICKET", "expires": "DAY"}
"""The flags of which a person must say the value, and the word that stands for it until then.

No day is proposed: what is decided again tomorrow must say the same as today.
"""

BREAK = " \\\n  "
"""Where a command goes on in the next line."""

_ID = re.compile(r"[a-z][a-z0-9-]{0,80}")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9=._-]{0,80}")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")
_PATH = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]|/(?=[A-Za-z0-9_])){0,200}")
_QUOTED = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9=._ (),:+/-]{0,200}")
"""What is a plain text between single quotes, to a shell and to a page, and leads nowhere else."""


class WayOut(NamedTuple):
    """What can be done about what blocks.

    Attributes:
        blocking: The findings that block.
        waivable: Those of them that a waiver can let pass.
    """

    blocking: Sequence[Judged]
    waivable: Sequence[Judged]

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
    return WayOut(blocking, list(filter(is_waivable, blocking)))


def waiver_file(subject: Subject) -> str:
    """Return where the waivers for a policy file stand; in capitals what a shell could misread."""
    path = subject.policy_file
    if not (_PATH.fullmatch(path) or _QUOTED.fullmatch(path)):
        return "FOLDER/waivers.yaml"
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}waivers.yaml"


def waive_lines(subject: Subject, report: Report) -> list[str]:
    """Return the commands that make the report again, and from it the waivers; empty for none.

    They are read by a shell, and may be quoted anywhere: each text that others chose is a plain
    name, or a word in capitals stands for it. So do the words that a person has to choose. Each is
    broken once, so that a comment shows it whole.
    """
    waivable = way_out(subject.findings).waivable
    run = subject.candidate
    if not waivable or run is None:
        return []
    id_ = _safe(run.run_id, _RUN, "RUN")
    profile = report.policies.profile
    named = f" --profile {_safe(profile, _ID, 'PROFILE')}" if profile else ""
    which = f" --run {id_}" if len(report.subjects) > 1 else ""
    which += " --all" if len(waivable) > 1 else _options(waivable[0])
    kind = "" if run.registered or run.model else " --for run"
    target = _word(waiver_file(subject), "FILE")
    chosen = " ".join(f'--{flag} "{word}"' for flag, word in CHOSEN.items())
    policies = _word(subject.policy_file, "FILE")
    return [
        f"policy-engine check --run {id_}{named}{BREAK}--policies {policies} {_REPORT}",
        f"{COMMAND}{which}{kind} --append {target}{BREAK}{chosen}",
    ]


def is_waivable(finding: Judged) -> bool:
    """Say whether `waive` writes a waiver for what blocks."""
    return (
        finding.level is Level.OVERRIDABLE
        and finding.outcome is not Outcome.ERROR
        and (finding.limit is None or finding.measured is not None)  # what a ceiling covers
    )


def _options(finding: Judged) -> str:
    """Return the flags of `waive` that name a finding."""
    named = f" --id {_safe(finding.id, _ID, 'ID')}"
    return named if finding.part is None else f"{named} --part {_word(finding.part, 'PART')}"


def _word(text: str, otherwise: str) -> str:
    """Return a path or a part as a shell reads it as one word."""
    if _PATH.fullmatch(text) or _PART.fullmatch(text):
        return text
    return f"'{text}'" if _QUOTED.fullmatch(text) else otherwise


def _safe(text: str, plain: re.Pattern[str], otherwise: str) -> str:
    return text if plain.fullmatch(text) else otherwise
