"""A report that another job left, as this job may take it."""

import os
from collections.abc import Mapping
from pathlib import Path

from policy_engine.github.event import EventError, read_event
from policy_engine.judging.report_file import as_claimed, read_report
from policy_engine.report import Report


def read_for_job(path: Path, environ: Mapping[str, str] | None = None) -> Report:
    """Return a saved report; after a workflow that ran a change's own code, it is a claim.

    Raises:
        ReportFileError: If it is not a report of ours, or at odds with itself.
    """
    report = read_report(path)
    return as_claimed(report) if _is_claim(os.environ if environ is None else environ) else report


def _is_claim(environ: Mapping[str, str]) -> bool:
    try:
        event = read_event(environ)
    except EventError:
        return True  # nothing says who wrote it
    return event is None or event.is_second_stage
