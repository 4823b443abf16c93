"""`validate`, `list`, `explain`, `plugins`: what policies and policy files say."""

from typing import TYPE_CHECKING

import click

from policy_engine.cli.app import command, requiring

if TYPE_CHECKING:
    from policy_engine.plugins import Plugins


@command("validate", "policy-engine validate policies/fraud.yaml")
@click.argument("paths", nargs=-1)
@requiring
def validate_command(paths: tuple[str, ...], require: tuple[str, ...]) -> None:
    """Check policy files: every problem at once, with file, line and remedy."""
    from policy_engine import check  # noqa: PLC0415

    for file in check.load(paths or ("policies",), require=require).policies.files:
        click.echo(f"{file.path}: valid, {_count(len(file.bindings))}")


@command("list", "policy-engine list")
@click.argument("paths", nargs=-1)
def list_command(paths: tuple[str, ...]) -> None:
    """List the policies that policy files can bind; with PATHS, those of their plugins too."""
    from policy_engine import catalogue  # noqa: PLC0415

    click.echo(catalogue.listing(_plugins(paths).policies))


@command("explain", "policy-engine explain model-size-budget")
@click.argument("policy")
@click.argument("paths", nargs=-1)
def explain_command(policy: str, paths: tuple[str, ...]) -> None:
    """Explain a policy: why it exists, its settings, what it reads, an example.

    With PATHS, policies of the plugins that these policy files name are known too.
    """
    from policy_engine import catalogue  # noqa: PLC0415

    click.echo(catalogue.explain(policy, _plugins(paths).policies))


@command("plugins", "policy-engine plugins policies/")
@click.argument("paths", nargs=-1)
def plugins_command(paths: tuple[str, ...]) -> None:
    """List the plugins that load: always, and for these policy files."""
    from policy_engine import catalogue, plugins  # noqa: PLC0415

    click.echo(catalogue.plugin_table(_plugins(paths).loaded, plugins.installed()))


def _plugins(paths: tuple[str, ...]) -> "Plugins":
    """Return the built-in plugins, and those that the policy files at these paths name."""
    from policy_engine import check, plugins  # noqa: PLC0415

    return check.load(paths).plugins if paths else plugins.load()


def _count(policies: int) -> str:
    return "1 policy" if policies == 1 else f"{policies} policies"
