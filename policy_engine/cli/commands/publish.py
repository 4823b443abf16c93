"""`publish`: GitHub is told of a report that another job wrote."""

from typing import Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.publishing import publisher, publishing


@command("publish", "policy-engine publish report.json --comment always")
@click.argument("report", metavar="REPORT.json")
@publishing
def publish_command(report: str, **given: Any) -> int:
    """Publish a saved report; the exit code is the report's own.

    The pull request is the one of this job's event. After another workflow (`workflow_run`) it is
    found by the head commit, never out of the file, and the file counts as a claim: its policies as
    not trusted, its values as logged.
    """
    from pathlib import Path

    tell = publisher({**given, "publish": True}, [f"json={report}"])
    with tell.watching():
        from policy_engine.github.received import read_for_job

        read = read_for_job(Path(report))
    tell.publish(read)
    return int(read.exit_code)
