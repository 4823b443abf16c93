"""`check` and `collect`: what decides whether a pull request may merge."""

import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import EXAMPLE, command, demanding, filled
from policy_engine.cli.publishing import publisher, publishing, seconds
from policy_engine.judging.moment_of_judgement import YEARS
from policy_engine.render import FORMATS, TERMINAL

if TYPE_CHECKING:
    from datetime import datetime

    from policy_engine.check import Options


def collecting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that `check` and `collect` share."""
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
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
        demanding,
        click.option(
            "--trusted-ref",
            callback=filled,
            metavar="REF",
            help="The commit whose policies judge; else as the CI system's variables say.",
        ),
        click.option(
            "--tracking-uri", callback=filled, metavar="URI", help="Else MLFLOW_TRACKING_URI."
        ),
        click.option(
            "--registry-uri",
            callback=filled,
            metavar="URI",
            help="Else MLFLOW_REGISTRY_URI, else as MLflow.",
        ),
        click.option(
            "--timeout",
            default="30s",
            show_default=True,
            help="Limit of all reads; of judging too, 10s at least.",
        ),
        click.option("--wait", default="0s", show_default=True, help="Wait for a run to come."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command("check", EXAMPLE)
@collecting
@click.option(
    "--evidence", callback=filled, metavar="FILE", help="Judge saved evidence; MLflow is not asked."
)
@click.option(
    "--format",
    "formats",
    callback=filled,
    multiple=True,
    default=(TERMINAL,),
    metavar="NAME[=FILE]",
    help=f"{', '.join(FORMATS)}, or a plugin's.",
)
@click.option(
    "--verbose", "-v", is_flag=True, help="Show every finding in a table, with test and bounds."
)
@click.option(
    "--save-evidence", callback=filled, metavar="FILE", help="Keep the evidence, to judge it again."
)
@click.option(
    "--log",
    callback=filled,
    metavar="FILE",
    help="Append a line of JSON on this check, an error too; `-`: the last line of stdout.",
)
@click.option(
    "--at",
    callback=filled,
    metavar="TIME",
    help="Judge as of this moment (ISO 8601; no zone is UTC).",
)
@click.option(
    "--publish/--no-publish",
    default=None,
    help="Tell GitHub; the default in a job of GitHub Actions.",
)
@publishing
def check_command(
    formats: tuple[str, ...],
    evidence: str | None,
    save_evidence: str | None,
    verbose: bool,
    log: str | None,
    **given: Any,
) -> int:
    """Judge candidates and print the verdict; the exit code is the gate."""
    tell = publisher(given, formats)
    from policy_engine.cli.check_log import CheckLog  # noqa: PLC0415 (--help must not pay for them)

    checking = CheckLog(log, given["require"], given["profile"])
    with tell.watching(), checking.writing() as line:
        from policy_engine import check  # noqa: PLC0415 (--help must not pay for them)
        from policy_engine.cli import output  # noqa: PLC0415 (--help must not pay for them)

        options = options_of(given, evidence=evidence, save_evidence=save_evidence)
        with redirect_stdout(sys.stderr):  # stdout is the report's, whatever a plugin prints
            loaded = check.prepared(options)
            line.prepared(loaded.job.event)
            outputs = output.parse_formats(formats, loaded.plugins.renderers)
            report = check.check(options, loaded)
            line.checked(report)
        output.write_report(report, outputs, verbose=verbose)
    tell.publish(report, loaded.job.event)
    return int(report.exit_code)


@command("collect", "policy-engine collect --commit HEAD --output evidence.json")
@collecting
@click.option(
    "--output", callback=filled, required=True, metavar="FILE", help="Where the evidence goes."
)
def collect_command(output: str, **given: Any) -> int:
    """Read the evidence and save it: `check --evidence FILE` judges it without MLflow."""
    from policy_engine import check  # noqa: PLC0415

    evidence = check.collect(options_of(given, save_evidence=output))
    say = evidence.unreadable or evidence.absent
    click.echo(f"{len(evidence.candidates)} candidate(s) in {output}", err=True)
    if say:
        click.echo(say, err=True)
    if evidence.unreadable:
        return 3
    # A change that needs no run has no candidate, and nothing is absent.
    return 4 if not evidence.candidates and (evidence.named or evidence.absent) else 0


def options_of(given: dict[str, Any], **more: str | None) -> "Options":
    """Return the options of a check that the flags give."""
    from policy_engine.check import Options  # noqa: PLC0415

    evidence, save = more.get("evidence"), more.get("save_evidence")
    return Options(
        runs=given["runs"],
        models=given["models"],
        commit=given["commit"],
        evidence=Path(evidence) if evidence else None,
        baseline=given["baseline"],
        policies=given["policies"],
        require=given["require"],
        profile=given["profile"],
        trusted_ref=given["trusted_ref"],
        tracking_uri=given["tracking_uri"],
        registry_uri=given["registry_uri"],
        timeout_s=seconds("--timeout", given["timeout"]),
        wait_s=seconds("--wait", given["wait"]),
        save_evidence=Path(save) if save else None,
        at=_moment(given.get("at")),
    )


def _moment(text: str | None) -> "datetime | None":
    from datetime import UTC, datetime  # noqa: PLC0415

    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as e:
        raise click.BadParameter(f"'{text}' is not an ISO 8601 time", param_hint="--at") from e
    if moment.year not in YEARS:
        years = f"{YEARS[0]} to {YEARS[-1]}"
        raise click.BadParameter(f"'{text}' lies outside the years {years}", param_hint="--at")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
