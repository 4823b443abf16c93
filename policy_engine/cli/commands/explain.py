"""`explain`: one policy, or what policy files come to."""

import textwrap
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import demanding, text_option
from policy_engine.cli.plugins_of import plugins_of

if TYPE_CHECKING:
    from collections.abc import Iterator


@command("explain", "policy-engine explain model-size-budget")
@click.argument("names", nargs=-1, metavar="[POLICY] [PATH]...")
@click.option(
    "--effective", is_flag=True, help="Print policy files as merged, each value with its origin."
)
@text_option(
    "--backtest",
    metavar="FILE",
    help="With --effective: the limits that would have blocked 1, 5, 10 % of past runs.",
)
@demanding
def explain_command(
    names: tuple[str, ...], *, effective: bool, backtest: str | None, **asked: Any
) -> None:
    """Explain a policy: why it exists, its settings, what it reads, an example.

    With PATHS, policies of the plugins that these policy files name are known too. With
    --effective, PATHS alone (policies/ by default): each file with all that it extends.
    """
    from policy_engine.cli import catalogue

    if effective:
        click.echo("\n\n".join(_effective(names or ("policies",), asked, backtest)))
    elif backtest is not None:
        raise click.UsageError("--backtest goes with --effective: it is about limits of files")
    elif any(asked.values()):
        flag = "--require" if asked["require"] else "--profile"
        raise click.UsageError(f"{flag} goes with --effective: a policy is the same in every pack")
    elif names:
        click.echo(catalogue.explain_policy(names[0], plugins_of(names[1:]).policies))
    else:
        raise click.UsageError("name a policy, or say --effective for what policy files come to")


def _effective(
    paths: tuple[str, ...], asked: dict[str, Any], backtest: str | None
) -> "Iterator[str]":
    from pathlib import Path

    from policy_engine import loading
    from policy_engine.policy_file import effective
    from policy_engine.policy_file.profiles import Demands

    loaded = loading.load(paths, demands=Demands(**asked))
    files = zip(loaded.policies.files, loaded.drafts, strict=True)
    if backtest is None:
        yield from effective.effective_file(files, loaded.plugins.packs)
        return
    from policy_engine.history.quoting import quoted

    found = quoted(Path(backtest))
    is_same = found.digest == loaded.policies.digest
    others = "" if is_same else ", which judged by other policies than these"
    told = f"Limits that would have blocked past runs are of {found.source}{others}."
    yield "\n".join(f"# {line}" for line in textwrap.wrap(told, effective.WIDTH - 2))
    yield from effective.effective_file(files, loaded.plugins.packs, found.limits)
