"""`publish`: what tells GitHub of a report that another job wrote."""

from pathlib import Path
from typing import Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.publishing import publisher, publishing


@command("verdict", "policy-engine verdict report.json")
@click.argument("report", metavar="REPORT.json")
def verdict_command(report: str) -> int:
    """Say what a saved report decides; the exit code is the report's own, 2 where there is none.

    Plugins run in the process of a check, and can end it: as the last step of a job this command
    makes sure that green was written down. Remove the file before the check.
    """
    from policy_engine.cli.output import print_text  # noqa: PLC0415
    from policy_engine.judging.report_file import read_report  # noqa: PLC0415

    read = read_report(Path(report))
    print_text(f"{read.verdict.value} (exit code {int(read.exit_code)})\n")
    return int(read.exit_code)


@command("publish", "policy-engine publish report.json --comment always")
@click.argument("report", metavar="REPORT.json")
@publishing
def publish_command(report: str, **given: Any) -> int:
    """Publish a saved report; the exit code is the report's own.

    The pull request is the one of this job's event. After another workflow (`workflow_run`) it is
    found by the head commit, never out of the file, and the file counts as a claim: its policies as
    not trusted, its values as logged.
    """
    tell = publisher({**given, "publish": True}, [f"json={report}"])
    with tell.watching():
        from policy_engine.github.received import read_for_job  # noqa: PLC0415

        read = read_for_job(Path(report))
    tell.publish(read)
    return int(read.exit_code)
