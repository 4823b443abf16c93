"""`waivers`: who waived what until when."""

import click

from policy_engine.cli.app import command


@command("waivers", "policy-engine waivers reports/*.json")
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...")
def waivers_command(reports: tuple[str, ...]) -> None:
    """List who waived what until when, out of reports in JSON; the first to expire first."""
    from policy_engine.cli.waivers import waivers_table

    click.echo(waivers_table(reports))
