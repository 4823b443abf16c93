"""`check`: what decides whether a pull request may merge."""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import EXAMPLE, command
from policy_engine.cli.collecting import collecting, options_of
from policy_engine.cli.options import format_option, text_option
from policy_engine.cli.publishing import publisher, publishing
from policy_engine.judging.moment_of_judgement import YEARS
from policy_engine.render import FORMATS, TERMINAL

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@command("check", EXAMPLE)
@collecting
@text_option("--evidence", metavar="FILE", help="Judge saved evidence; MLflow is not asked.")
@format_option(f"{', '.join(FORMATS)}, or a plugin's.", TERMINAL)
@click.option(
    "--verbose", "-v", is_flag=True, help="Show every finding in a table, with test and bounds."
)
@text_option("--save-evidence", metavar="FILE", help="Keep the evidence, to judge it again.")
@text_option(
    "--log",
    metavar="FILE",
    help="Append a line of JSON on this check, an error too; `-`: the last line of stdout.",
)
@text_option(
    "--at",
    metavar="TIME",
    help="Judge as of this moment (ISO 8601; no zone is UTC).",
)
@click.option(
    "--publish/--no-publish",
    default=None,
    help="Tell GitHub; the default in a job of GitHub Actions.",
)
@publishing
def check_command(
    formats: tuple[str, ...],
    evidence: str | None,
    save_evidence: str | None,
    at: str | None,
    verbose: bool,
    log: str | None,
    **given: Any,
) -> int:
    """Judge candidates and print the verdict; the exit code is the gate."""
    tell = publisher(given, formats)
    from policy_engine.cli.check_log import CheckLog

    checking = CheckLog(log, given["require"], given["profile"])
    with tell.watching(), checking.writing() as line:
        from policy_engine import check
        from policy_engine.cli import output

        options = options_of(
            given,
            evidence=_path(evidence),
            save_evidence=_path(save_evidence),
            at=_moment(at),
        )
        with redirect_stdout(sys.stderr):  # stdout is the report's, whatever a plugin prints
            loaded = check.prepared(options)
            line.prepared(loaded.job.event)
            outputs = output.parse_formats(formats, loaded.plugins.renderers)
            report = check.check(options, loaded)
            line.checked(report)
        output.write_report(report, outputs, verbose=verbose)
    tell.publish(report, loaded.job.event)
    return int(report.exit_code)


def _path(text: str | None) -> "Path | None":
    from pathlib import Path

    return Path(text) if text else None


def _moment(text: str | None) -> "datetime | None":
    from datetime import UTC, datetime

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter(f"'{text}' is not an ISO 8601 time", param_hint="--at") from e
    if moment.year not in YEARS:
        years = f"{YEARS[0]} to {YEARS[-1]}"
        raise click.BadParameter(f"'{text}' lies outside the years {years}", param_hint="--at")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
