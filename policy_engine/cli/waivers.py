"""`waivers`: who waived what until when, out of many reports."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tabulate import tabulate

from policy_engine.judging.report_file import read_report
from policy_engine.report import Report


class ReportedWaiver(NamedTuple):
    """A waiver as a report tells of it.

    Attributes:
        expires: Its last day.
        state: `used`, `unused` or `expired`.
        id: The binding's id, with the part.
        target: The model, run or version that it is for.
        approved_by: Who approved it.
        owner: Who fixes what it waives.
        ticket: Where that is planned.
        where: The report, and file and line of the waiver.
    """

    expires: str
    state: str
    id: str
    target: str
    approved_by: str
    owner: str
    ticket: str
    where: str


def waivers_table(paths: Iterable[str]) -> str:
    """Return the waivers of these reports as a table, the first to expire first.

    Raises:
        UsageError: If one of them is not a report.
    """
    found = sorted(each for path in paths for each in _of_report(path, read_report(Path(path))))
    if not found:
        return "no waivers"
    return tabulate(
        found,
        headers=[name.replace("_", " ") for name in ReportedWaiver._fields],
        disable_numparse=True,
    )


def _of_report(path: str, report: Report) -> Iterator[ReportedWaiver]:
    findings = (finding for subject in report.subjects for finding in subject.findings)
    used = [finding.waiver for finding in findings if finding.waiver is not None]
    states = (
        ("used", used),
        ("expired", report.waivers.expired),
        ("unused", report.waivers.unused),
    )
    seen: set[str] = set()
    for state, waivers in states:
        for waiver in waivers:
            if waiver["where"] not in seen:
                seen.add(waiver["where"])
                yield _reported(path, state, waiver)


def _reported(path: str, state: str, waiver: dict[str, Any]) -> ReportedWaiver:
    part = f" ({waiver['part']})" if waiver.get("part") else ""
    target = next((waiver[kind] for kind in ("model", "run", "version") if waiver.get(kind)), "")
    named = {name: str(waiver.get(name) or "") for name in ("approved_by", "owner", "ticket")}
    where = f"{path}: {waiver['where']}"
    return ReportedWaiver(
        waiver["expires"], state, f"{waiver['id']}{part}", str(target), **named, where=where
    )
