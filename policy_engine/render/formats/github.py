"""The report as a job's log in GitHub Actions: the worst ten of each level as annotations.

They stand on the policy file's lines: errors, warnings, and notices of what is waived. The verdict
comes last.
"""

from policy_engine.quantities.words import count
from policy_engine.render.annotations import NOWHERE, Annotation, Severity, annotate
from policy_engine.render.escape import command_data, command_property
from policy_engine.render.rows import verdict_line
from policy_engine.report import Report

MOST = 10
"""GitHub shows so many errors a step, and so many warnings; the rest it drops."""

_COMMANDS: dict[Severity, str] = {"failure": "error", "warning": "warning", "notice": "notice"}


def as_github(report: Report, *, elsewhere: str = "the job summary and the JSON report") -> str:
    """Return the report as a job's log in GitHub Actions: workflow commands, the verdict last.

    Args:
        report: The report.
        elsewhere: Where to find what GitHub would not show, in our own words.
    """
    everything = annotate(report)
    shown, left_out = [], []
    for severity, name in _COMMANDS.items():
        several = [each for each in everything if each.severity == severity]
        shown += several[:MOST]
        left_out += [count(len(several) - MOST, f"more {name}")] if len(several) > MOST else []
    lines = [_command(each) for each in shown]
    if left_out:
        lines.append(f"{', '.join(left_out)}: see {elsewhere}")
    return "\n".join([*lines, verdict_line(report)]) + "\n"


def _command(each: Annotation) -> str:
    place = "" if each.path == NOWHERE else f"file={command_property(each.path)},line={each.line},"
    title = command_property(each.title)
    return f"::{_COMMANDS[each.severity]} {place}title={title}::{command_data(each.message)}"
