"""`verdict`: what a saved report decides."""

import click

from policy_engine.cli.app import command


@command("verdict", "policy-engine verdict report.json")
@click.argument("report", metavar="REPORT.json")
def verdict_command(report: str) -> int:
    """Say what a saved report decides; the exit code is the report's own, 2 where there is none.

    Plugins run in the process of a check, and can end it: as the last step of a job this command
    makes sure that green was written down. Remove the file before the check.
    """
    from pathlib import Path

    from policy_engine.cli.output import print_text
    from policy_engine.judging.report_file import read_report

    read = read_report(Path(report))
    print_text(f"{read.verdict.value} (exit code {int(read.exit_code)})\n")
    return int(read.exit_code)
