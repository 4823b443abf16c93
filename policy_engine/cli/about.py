"""`validate`, `list`, `explain`, `schema`, `plugins`: what policies and policy files say."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import command, demanding, filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy_engine.plugins import Plugins


@command("validate", "policy-engine validate policies/fraud.yaml")
@click.argument("paths", nargs=-1)
@click.option("--fix", is_flag=True, help="Write old names anew, as plugins call things today.")
@demanding
def validate_command(paths: tuple[str, ...], *, fix: bool, **asked: Any) -> None:
    """Check policy files: every problem at once, with file, line and remedy."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from policy_engine import check  # noqa: PLC0415
    from policy_engine.change.situation import idle_globs  # noqa: PLC0415
    from policy_engine.judging.subjects import on_training_rows  # noqa: PLC0415
    from policy_engine.judging.uncounted import without_point  # noqa: PLC0415
    from policy_engine.policy_file.outdated import refuse_outdated  # noqa: PLC0415
    from policy_engine.policy_file.profiles import Demands  # noqa: PLC0415
    from policy_engine.policy_file.waiver import refuse_too_far_ahead  # noqa: PLC0415
    from policy_engine.quantities import count  # noqa: PLC0415

    paths = paths or ("policies",)
    policies = check.load(paths, demands=Demands(**asked)).policies
    if fix and policies.outdated:
        from policy_engine.cli.fix import fix_files  # noqa: PLC0415

        fix_files(policies.outdated)
        policies = check.load(paths, demands=Demands(**asked)).policies
    refuse_too_far_ahead(policies.waivers, datetime.now(UTC))
    refuse_outdated(policies.outdated, datetime.now(UTC))
    for file in policies.files:
        click.echo(f"{file.path}: valid, {count(len(file.bindings), 'policy')}")
    for file in policies.files:
        notes = on_training_rows(file.metric.name) if file.metric else ()
        for sentence in (*notes, *without_point(file)):
            click.echo(f"note: {file.path}: {sentence}", err=True)
    for sentence in (*idle_globs(Path(), policies.files), *policies.to_look_after()):
        click.echo(f"note: {sentence}", err=True)


@command("list", "policy-engine list")
@click.argument("paths", nargs=-1)
def list_command(paths: tuple[str, ...]) -> None:
    """List the policies that policy files can bind; with PATHS, those of their plugins too."""
    from policy_engine.cli import catalogue  # noqa: PLC0415

    click.echo(catalogue.policy_listing(_plugins(paths).policies))


@command("explain", "policy-engine explain model-size-budget")
@click.argument("names", nargs=-1, metavar="[POLICY] [PATH]...")
@click.option(
    "--effective", is_flag=True, help="Print policy files as merged, each value with its origin."
)
@click.option(
    "--backtest",
    callback=filled,
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
    from policy_engine.cli import catalogue  # noqa: PLC0415

    if effective:
        click.echo("\n\n".join(_effective(names or ("policies",), asked, backtest)))
    elif backtest is not None:
        raise click.UsageError("--backtest goes with --effective: it is about limits of files")
    elif any(asked.values()):
        flag = "--require" if asked["require"] else "--profile"
        raise click.UsageError(f"{flag} goes with --effective: a policy is the same in every pack")
    elif names:
        click.echo(catalogue.explain_policy(names[0], _plugins(names[1:]).policies))
    else:
        raise click.UsageError("name a policy, or say --effective for what policy files come to")


@command("schema", "policy-engine schema policies/ > policies/policy-file.schema.json")
@click.argument("paths", nargs=-1)
@click.option(
    "--of",
    "kind",
    type=click.Choice(["policies", "tests", "waivers", "log"]),
    default="policies",
    show_default=True,
    help="Of policy files, of policy tests, of waivers.yaml, or of a line of `check --log`.",
)
def schema_command(paths: tuple[str, ...], kind: str) -> None:
    """Print the JSON Schema of policy files, for editors; with PATHS, their plugins' too."""
    from policy_engine import plugins  # noqa: PLC0415
    from policy_engine.policy_file import schema  # noqa: PLC0415
    from policy_engine.policy_tests.schema import policy_tests_schema  # noqa: PLC0415

    if kind == "log":
        from policy_engine.render.log_line import LogLine  # noqa: PLC0415

        made = LogLine.model_json_schema()
    elif kind == "waivers":
        made = schema.waivers_schema()
    elif kind == "tests":
        made = policy_tests_schema()
    else:
        loaded = plugins.load_plugins(_named(paths)) if paths else plugins.load_plugins()
        made = schema.policy_file_schema(loaded.policies, loaded.packs, loaded.baseline_rules)
    click.echo(schema.schema_text(made), nl=False)


@command("plugins", "policy-engine plugins policies/")
@click.argument("paths", nargs=-1)
def plugins_command(paths: tuple[str, ...]) -> None:
    """List the plugins that load: always, and for these policy files."""
    from policy_engine import plugins  # noqa: PLC0415
    from policy_engine.cli import catalogue  # noqa: PLC0415

    click.echo(catalogue.plugin_table(_plugins(paths).loaded, plugins.installed()))


def _effective(
    paths: tuple[str, ...], asked: dict[str, Any], backtest: str | None
) -> "Iterator[str]":
    from policy_engine import loading  # noqa: PLC0415
    from policy_engine.policy_file import effective  # noqa: PLC0415
    from policy_engine.policy_file.profiles import Demands  # noqa: PLC0415

    loaded = loading.load(paths, demands=Demands(**asked))
    files = zip(loaded.policies.files, loaded.drafts, strict=True)
    if backtest is None:
        yield from effective.effective_file(files, loaded.plugins.packs)
        return
    from policy_engine.history.quoting import quoted  # noqa: PLC0415

    found = quoted(Path(backtest))
    is_same = found.digest == loaded.policies.digest
    others = "" if is_same else ", which judged by other policies than these"
    told = f"Limits that would have blocked past runs are of {found.source}{others}."
    yield "\n".join(f"# {line}" for line in textwrap.wrap(told, effective.WIDTH - 2))
    yield from effective.effective_file(files, loaded.plugins.packs, found.limits)


def _named(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return the plugins that policy files name; what else they say may be half written."""
    from policy_engine.policy_file import named_plugins, policy_paths  # noqa: PLC0415

    return named_plugins(*policy_paths(paths, Path()))


def _plugins(paths: tuple[str, ...]) -> "Plugins":
    """Return the built-in plugins, and those that the policy files at these paths name."""
    from policy_engine import check, plugins  # noqa: PLC0415

    return check.load(paths).plugins if paths else plugins.load_plugins()
