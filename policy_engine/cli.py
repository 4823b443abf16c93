"""The command: arguments in, exit code out. It decides nothing, and imports late."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from datetime import datetime

    from policy_engine.check import Options
    from policy_engine.plugins import Plugins

EXAMPLES = {
    "check": "policy-engine check --run 8f0c… --tracking-uri http://127.0.0.1:5000",
    "collect": "policy-engine collect --commit HEAD --output evidence.json",
    "validate": "policy-engine validate policies/fraud.yaml",
    "list": "policy-engine list",
    "explain": "policy-engine explain model-size-budget",
    "plugins": "policy-engine plugins policies/",
    "demo": "policy-engine demo",
}


def filled(_context: click.Context, _option: click.Parameter, value: Any) -> Any:
    """Refuse an empty text: `--commit "$SHA"` without a SHA must not judge another commit."""
    texts = value if isinstance(value, tuple) else (value,)
    if any(text is not None and not text.strip() for text in texts):
        raise click.BadParameter("it is empty; is a variable not set?")
    return value


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Example: {EXAMPLES['check']}",
)
@click.version_option(package_name="policy-engine")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, *, debug: bool) -> None:
    """Fail a pull request when its model is not worth merging, and say why with numbers.

    Exit codes: 0 may merge, 1 a policy blocks, 2 usage or policy file wrong, 3 could not decide,
    4 nothing was evaluated.
    """
    context.obj = debug


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return the decorator for a command whose help ends with its example."""
    return cli.command(name, epilog=f"Example: {EXAMPLES[name]}")


def collecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `check` and `collect` share."""
    options = [
        click.option(
            "--run", "runs", callback=filled, multiple=True, metavar="ID", help="Candidate run."
        ),
        click.option(
            "--model",
            "models",
            callback=filled,
            multiple=True,
            metavar="URI",
            help="Candidate model.",
        ),
        click.option(
            "--commit", callback=filled, metavar="SHA", help="Judge the runs of this commit."
        ),
        click.option(
            "--baseline",
            callback=filled,
            metavar="RUN",
            help="The run to beat, whatever the rules say.",
        ),
        click.option(
            "--policies",
            callback=filled,
            multiple=True,
            default=("policies",),
            show_default=False,
            metavar="PATH",
            help="Policy file or folder (policies/ by default).",
        ),
        click.option(
            "--tracking-uri", callback=filled, metavar="URI", help="Else MLFLOW_TRACKING_URI."
        ),
        click.option("--timeout", default="30s", show_default=True, help="Limit of all reads."),
        click.option("--wait", default="0s", show_default=True, help="Wait for a run to come."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command("check")
@collecting
@click.option(
    "--evidence", callback=filled, metavar="FILE", help="Judge saved evidence; MLflow is not asked."
)
@click.option(
    "--format",
    "formats",
    callback=filled,
    multiple=True,
    default=("text",),
    metavar="NAME[=FILE]",
    help="text, markdown, json, or a plugin's; one without =FILE goes to stdout.",
)
@click.option(
    "--save-evidence", callback=filled, metavar="FILE", help="Keep the evidence, to judge it again."
)
@click.option(
    "--at",
    callback=filled,
    metavar="TIME",
    help="Judge as of this moment (ISO 8601; no zone is UTC).",
)
def check_command(
    formats: tuple[str, ...], evidence: str | None, save_evidence: str | None, **given: Any
) -> int:
    """Judge candidates and print the verdict; the exit code is the gate."""
    from policy_engine import check, output  # noqa: PLC0415 (--help must not pay for them)

    options = _options(given, evidence=evidence, save_evidence=save_evidence)
    loaded = check.load(options.policies, options.root)
    outputs = output.parse(formats, loaded.plugins.renderers)
    output.load_ahead()
    report = check.check(options, loaded)
    output.write(report, outputs)
    return int(report.exit_code)


@command("collect")
@collecting
@click.option(
    "--output", callback=filled, required=True, metavar="FILE", help="Where the evidence goes."
)
def collect_command(output: str, **given: Any) -> int:
    """Read the evidence and save it: `check --evidence FILE` judges it without MLflow."""
    from policy_engine import check  # noqa: PLC0415

    evidence = check.collect(_options(given, save_evidence=output))
    say = evidence.unreadable or evidence.absent
    click.echo(f"{len(evidence.candidates)} candidate(s) in {output}", err=True)
    if say:
        click.echo(say, err=True)
    if evidence.unreadable:
        return 3
    # A change that owes no run has no candidate, and nothing is absent.
    return 4 if not evidence.candidates and (evidence.named or evidence.absent) else 0


@command("validate")
@click.argument("paths", nargs=-1)
def validate_command(paths: tuple[str, ...]) -> None:
    """Check policy files: every problem at once, with file, line and remedy."""
    from policy_engine import check  # noqa: PLC0415

    for file in check.load(paths or ("policies",)).policies.files:
        click.echo(f"{file.path}: valid, {_count(len(file.bindings))}")


@command("list")
@click.argument("paths", nargs=-1)
def list_command(paths: tuple[str, ...]) -> None:
    """List the policies that policy files can bind; with PATHS, those of their plugins too."""
    from policy_engine import catalogue  # noqa: PLC0415

    click.echo(catalogue.listing(_plugins(paths).policies))


@command("explain")
@click.argument("policy")
@click.argument("paths", nargs=-1)
def explain_command(policy: str, paths: tuple[str, ...]) -> None:
    """Explain a policy: why it exists, its settings, what it reads, an example.

    With PATHS, policies of the plugins that these policy files name are known too.
    """
    from policy_engine import catalogue  # noqa: PLC0415

    click.echo(catalogue.explain(policy, _plugins(paths).policies))


@command("plugins")
@click.argument("paths", nargs=-1)
def plugins_command(paths: tuple[str, ...]) -> None:
    """List the plugins that load: always, and for these policy files."""
    from policy_engine import catalogue, plugins  # noqa: PLC0415

    click.echo(catalogue.plugin_table(_plugins(paths).loaded, plugins.installed()))


@command("demo")
@click.option("--folder", default="policy-engine-demo", show_default=True, metavar="FOLDER")
def demo_command(folder: str) -> int:
    """Train real models into an embedded MLflow store and judge four pull requests."""
    from policy_engine import demo  # noqa: PLC0415

    return demo.run(Path(folder))


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; every error that a user can act on is one plain sentence."""
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=arguments, prog_name="policy-engine", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as e:
        e.show()
        sys.exit(2)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)
    except Exception as e:
        if debug:
            raise
        from policy_engine import crash  # noqa: PLC0415

        sys.exit(crash.explain(e))
    except SystemExit:
        # Our commands return their code. Whoever else exits here must not choose it.
        click.echo("policy-engine: a plugin called exit(); nothing was decided", err=True)
        sys.exit(3)
    sys.exit(code or 0)


def _plugins(paths: tuple[str, ...]) -> "Plugins":
    """Return the built-in plugins, and those that the policy files at these paths name."""
    from policy_engine import check, plugins  # noqa: PLC0415

    return check.load(paths).plugins if paths else plugins.load()


def _options(given: dict[str, Any], **more: str | None) -> "Options":
    from policy_engine.check import Options  # noqa: PLC0415

    evidence, save = more.get("evidence"), more.get("save_evidence")
    return Options(
        runs=given["runs"],
        models=given["models"],
        commit=given["commit"],
        evidence=Path(evidence) if evidence else None,
        baseline=given["baseline"],
        policies=given["policies"],
        tracking_uri=given["tracking_uri"],
        timeout_s=_seconds("--timeout", given["timeout"]),
        wait_s=_seconds("--wait", given["wait"]),
        save_evidence=Path(save) if save else None,
        at=_moment(given.get("at")),
    )


def _count(policies: int) -> str:
    return "1 policy" if policies == 1 else f"{policies} policies"


def _seconds(flag: str, text: str) -> float:
    from policy_engine.quantities import parse_duration  # noqa: PLC0415

    try:
        return float(parse_duration(text))
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint=flag) from e


def _moment(text: str | None) -> "datetime | None":
    from datetime import UTC, datetime  # noqa: PLC0415

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter(f"'{text}' is no ISO 8601 time", param_hint="--at") from e
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
