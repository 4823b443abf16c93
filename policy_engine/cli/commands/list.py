"""`list`: the policies that there are."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.plugins_of import plugins_of


@command("list", "policy-engine list")
@click.argument("paths", nargs=-1)
def list_command(paths: tuple[str, ...]) -> None:
    """List the policies that policy files can bind; with PATHS, those of their plugins too."""
    from policy_engine.cli import catalogue

    click.echo(catalogue.policy_listing(plugins_of(paths).policies))
