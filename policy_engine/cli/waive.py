"""The waivers for what blocks, as YAML: all of them but the approval."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from itertools import starmap
from pathlib import Path

from policy_engine.errors import UsageError
from policy_engine.judging.report_file import read_report
from policy_engine.policy import Level, Outcome
from policy_engine.policy_file.waiver import LONGEST
from policy_engine.render.way_out import is_waivable
from policy_engine.report import Effect, Judged, Report, RunRef
from policy_engine.source.problems import PolicyFileError
from policy_engine.source.yaml_source import MappingNode, SequenceNode, load_yaml

_DIGITS = 12  # of a ceiling; the report's floats have up to 17, rounded either way
_APPROVAL = '# approved_by: "@…"  # someone else than the author of the change; refused without'


@dataclass(frozen=True, slots=True)
class Stanza:
    """A waiver as lines of YAML, without its place in a file."""

    lines: tuple[str, ...]

    def entry(self, indent: str) -> str:
        """Return one entry of the list."""
        first, *rest = self.lines
        return "".join([f"{indent}- {first}\n", *(f"{indent}  {line}\n" for line in rest)])


def section(stanzas: Iterable[Stanza]) -> str:
    """Return the section of a file that holds the waivers."""
    return "waivers:\n" + "".join(each.entry("  ") for each in stanzas)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverRequest:
    """Which findings to waive, and what no report says."""

    each: bool
    id: str | None
    part: str | None
    run: str | None
    kind: str
    reason: str
    owner: str
    ticket: str
    expires: str

    def write(self, report: Path, now: datetime) -> tuple[Stanza, ...]:
        """Return the waiver of the one finding that this asks for, or of each that can be waived.

        Args:
            report: A report in JSON.
            now: The moment from which a waiver holds at most 90 days.

        Raises:
            UsageError: If there is no such report or finding, if there are several and each was
                not asked for, or if nothing waives it.
        """
        self._check_expires(now.astimezone(UTC).date())
        found = self._blocking(read_report(report))
        return tuple(dict.fromkeys(starmap(self._stanza, found)))

    def _stanza(self, candidate: RunRef, finding: Judged) -> Stanza:
        lines = [f"id: {_quoted(finding.id)}"]
        if finding.part is not None:
            lines.append(f"part: {_quoted(finding.part)}")
        lines.append(f"{self.kind}: {_quoted(self._target(candidate))}")
        ceiling = _ceiling(finding)
        if ceiling is not None:
            lines.append(f"ceiling: {ceiling}")
        lines += [
            f"reason: {_quoted(self.reason)}",
            f"owner: {_quoted(self.owner)}",
            _APPROVAL,
            f"ticket: {_quoted(self.ticket)}",
            f"expires: {self.expires}",
        ]
        return Stanza(tuple(lines))

    def _check_expires(self, today: date) -> None:
        try:
            last = date.fromisoformat(self.expires)
        except ValueError as e:
            raise UsageError(f"--expires {self.expires} is not a day; write 2027-01-31") from e
        if not today <= last <= today + LONGEST:
            raise UsageError(
                f"--expires {last} is not within the next {LONGEST.days} days: "
                f"{today} to {today + LONGEST}"
            )

    def _blocking(self, report: Report) -> list[tuple[RunRef, Judged]]:
        found = [
            (subject.candidate, finding)
            for subject in report.subjects
            for finding in subject.findings
            if subject.candidate is not None
            and finding.effect is Effect.BLOCK
            and self._asks_for(subject.candidate, finding)
        ]
        if not found:
            raise UsageError("the report has no such finding that blocks: nothing to waive")
        if self.each and (can_be := [each for each in found if is_waivable(each[1])]):
            return can_be
        if len(found) > 1 and not self.each:
            listed = "".join(f"\n  {_named(*each)}" for each in found)
            raise UsageError(
                f"{len(found)} findings block; say --all, or name one by --id, --part and --run:"
                f"{listed}"
            )
        _refuse_what_nothing_waives(found[0][1])
        return found

    def _asks_for(self, candidate: RunRef, finding: Judged) -> bool:
        return (
            self.id in (None, finding.id)
            and self.part in (None, finding.part)
            and self.run in (None, candidate.run_id)
        )

    def _target(self, candidate: RunRef) -> str:
        registered = candidate.registered
        known = {
            "run": candidate.run_id,
            "version": registered,
            "model": registered.rpartition("/")[0] if registered else candidate.model,
        }
        value = known[self.kind]
        if value is None:
            raise UsageError(f"the run has no {self.kind} to waive for; say --for run")
        # A model's name is read as a glob: it must match itself and nothing else.
        return (
            "".join(f"[{c}]" if c in "*?[" else c for c in value) if self.kind == "model" else value
        )


def append(stanzas: Sequence[Stanza], path: Path) -> None:
    """Add waivers to a file: as the last entries of its `waivers:`, or with that section.

    Raises:
        UsageError: If the file cannot be read or written, or its waivers do not stand last in it,
            an entry to a line.
    """
    try:
        old = path.read_text("utf-8") if path.exists() else "version: 1\n"
        path.write_text(_appended(stanzas, old, str(path)), "utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{path}: {e}") from e
    except PolicyFileError as e:
        raise UsageError(str(e)) from e


def _appended(stanzas: Sequence[Stanza], old: str, path: str) -> str:
    root = load_yaml(old.encode(), path)
    end = "" if old.endswith("\n") else "\n"
    items = root.items if isinstance(root, MappingNode) else {}
    if "waivers" not in items:
        return old + end + section(stanzas)
    node = items["waivers"].node
    lines = old.splitlines()
    first = lines[node.at.line - 1] if isinstance(node, SequenceNode) and node.nodes else ""
    is_last = list(items)[-1] == "waivers"
    if not (is_last and first.lstrip().startswith("- ")):
        raise UsageError(f"{path}: `waivers:` is not the last list there; paste the waiver by hand")
    indent = first[: len(first) - len(first.lstrip())]
    return old + end + "".join(each.entry(indent) for each in stanzas)


def _refuse_what_nothing_waives(finding: Judged) -> None:
    if finding.outcome is Outcome.ERROR:
        raise UsageError(f"'{finding.id}' is an error: nothing waives that")
    if finding.level is Level.MANDATORY:
        raise UsageError(f"'{finding.id}' is mandatory: nothing waives it")
    if finding.limit is not None and finding.measured is None:
        raise UsageError(f"'{finding.id}' measured nothing: no ceiling can cover it")


def _named(candidate: RunRef, finding: Judged) -> str:
    part = f" --part {finding.part}" if finding.part is not None else ""
    return f"--id {finding.id}{part} --run {candidate.run_id}"


def _ceiling(finding: Judged) -> str | None:
    """Return the measured value, exact or rounded to what covers it; None without a limit."""
    measured, limit = finding.measured, finding.limit
    if measured is None or limit is None:
        return None
    outward = ROUND_CEILING if limit.op in {"<=", "<"} else ROUND_FLOOR
    value = Context(_DIGITS, outward).create_decimal(measured.value)
    if measured.unit == "%":
        return f"{_plain(value * 100)}%"
    if measured.unit == "B":
        return _quoted(_bytes(value))
    return _quoted(f"{_plain(value)} {measured.unit}") if measured.unit else _plain(value)


def _bytes(value: Decimal) -> str:
    for name, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if value >= size and not value % (size // 1000):
            return f"{_plain(value / size)} {name}"
    return f"{_plain(value)} B"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _quoted(text: str) -> str:
    """Return a text that YAML reads as this text and nothing else."""
    return json.dumps(text, ensure_ascii=False)
