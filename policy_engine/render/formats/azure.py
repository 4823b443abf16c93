"""The report as a job's log in Azure Pipelines: errors and warnings on the policy file's lines.

What is waived is a plain line: Azure knows no notice. The verdict comes last.
"""

from policy_engine.render.annotations import NOWHERE, Annotation, Severity, annotate
from policy_engine.render.escape import azure_data, azure_property
from policy_engine.render.rows import verdict_line
from policy_engine.report import Report

_TYPES: dict[Severity, str] = {"failure": "error", "warning": "warning"}


def as_azure(report: Report) -> str:
    """Return the report as a job's log in Azure Pipelines: log commands, the verdict last."""
    return "\n".join([*map(_line, annotate(report)), verdict_line(report)]) + "\n"


def _line(each: Annotation) -> str:
    told = f"{each.title}\n{each.message}"
    kind = _TYPES.get(each.severity)
    if kind is None:
        return told.replace("\n", "; ")
    place = f"sourcepath={azure_property(each.path)};linenumber={each.line};"
    place = "" if each.path == NOWHERE else place
    return f"##vso[task.logissue type={kind};{place}]{azure_data(told)}"
