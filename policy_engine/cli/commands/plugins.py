"""`plugins`: the plugins that load."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.plugins_of import plugins_of


@command("plugins", "policy-engine plugins policies/")
@click.argument("paths", nargs=-1)
def plugins_command(paths: tuple[str, ...]) -> None:
    """List the plugins that load: always, and for these policy files."""
    from policy_engine import plugins
    from policy_engine.cli import catalogue

    click.echo(catalogue.plugin_table(plugins_of(paths).loaded, plugins.installed()))
