"""`new-plugin`: an organisation's own policies, begun."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import text_option


@command("new-plugin", "policy-engine new-plugin acme-policies")
@click.argument("name")
@text_option(
    "--folder",
    metavar="FOLDER",
    help="Where it goes: a new or empty folder (NAME by default).",
)
def new_plugin_command(name: str, folder: str | None) -> None:
    """Write a complete plugin distribution: a policy, its tests, a README, CI.

    Its tests pass as soon as it is installed: change the policy, and keep the rest.
    """
    from pathlib import Path

    from policy_engine.cli.new_plugin import new_plugin

    home = Path(folder or name)
    for file in new_plugin(name, home):
        click.echo(f"wrote {file.as_posix()}")
    click.echo(f"next: cd {home.as_posix()}, pip install --editable '.[test]', pytest", err=True)
