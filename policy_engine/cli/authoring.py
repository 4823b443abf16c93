"""`test`, `record`, `waive`: what platform engineers write beside policies."""

from pathlib import Path

import click

from policy_engine.cli.app import command, filled
from policy_engine.log import progress

_TESTS = "policies/tests"


@command(
    "waive",
    "policy-engine waive --from report.json --reason pruning --owner @ana --ticket ML-12 "
    "--expires 2027-01-31",
)
@click.option(
    "--from",
    "source",
    callback=filled,
    required=True,
    metavar="FILE",
    help="A report (--format json).",
)
@click.option("--id", "id_", callback=filled, metavar="ID", help="The binding that blocks.")
@click.option("--part", callback=filled, metavar="PART", help="The part of it.")
@click.option("--run", callback=filled, metavar="ID", help="The run that it blocks.")
@click.option(
    "--for",
    "kind",
    type=click.Choice(["model", "run", "version"]),
    default="model",
    show_default=True,
    help="What it holds for.",
)
@click.option("--reason", callback=filled, required=True, metavar="TEXT", help="Why.")
@click.option("--owner", callback=filled, required=True, metavar="NAME", help="Who fixes it.")
@click.option(
    "--ticket", callback=filled, required=True, metavar="ID", help="Where that is planned."
)
@click.option(
    "--expires",
    callback=filled,
    required=True,
    metavar="DAY",
    help="Its last day (2027-01-31), at most 90 days ahead.",
)
@click.option(
    "--append", callback=filled, metavar="FILE", help="Add it to this file instead of printing it."
)
def waive_command(source: str, append: str | None, **given: str | None) -> None:
    """Write the waiver for a finding that blocks; somebody else approves it.

    Whoever approves it adds `approved_by`. Without it the file is refused.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from policy_engine.cli import waive  # noqa: PLC0415

    written = waive.WaiverRequest(
        id=given["id_"],
        part=given["part"],
        run=given["run"],
        kind=given["kind"] or "model",
        reason=given["reason"] or "",
        owner=given["owner"] or "",
        ticket=given["ticket"] or "",
        expires=given["expires"] or "",
    ).write(Path(source), datetime.now(UTC))
    if append is None:
        click.echo(written.text(), nl=False)
    else:
        waive.append(written, Path(append))
        click.echo(f"added to {append}; whoever approves it fills in approved_by", err=True)


@command("waivers", "policy-engine waivers reports/*.json")
@click.argument("reports", nargs=-1, required=True, metavar="REPORT...")
def waivers_command(reports: tuple[str, ...]) -> None:
    """List who waived what until when, out of reports in JSON; the first to expire first."""
    from policy_engine.cli.waivers import waivers_table  # noqa: PLC0415

    click.echo(waivers_table(reports))


@command("test", "policy-engine test policies/tests --require-coverage")
@click.argument("paths", nargs=-1)
@click.option(
    "--require-coverage",
    is_flag=True,
    help="Fail where no case shows a bound policy to pass, to fail and to miss its evidence.",
)
@click.option(
    "--format",
    "formats",
    callback=filled,
    multiple=True,
    default=("text",),
    metavar="NAME[=FILE]",
    help="text, junit; one without =FILE goes to stdout.",
)
def test_command(
    paths: tuple[str, ...], formats: tuple[str, ...], *, require_coverage: bool
) -> int:
    """Judge the cases of policy tests (policies/tests/ by default); 1 where one differs."""
    from policy_engine import policy_tests  # noqa: PLC0415
    from policy_engine.quantities.words import count  # noqa: PLC0415

    root = Path()
    given = paths or ((_TESTS,) if (root / _TESTS).exists() else ())
    outputs = _outputs(formats)
    tests = policy_tests.read_tests(given, root)
    cases = sum(len(test.cases) for test in tests)
    results: list[policy_tests.Result] = []
    with progress() as say:
        for result in (each for test in tests for each in policy_tests.judged(test)):
            results.append(result)
            say(f"judged {len(results)} of {count(cases, 'case')}")
    lacking = policy_tests.untested(tests, results, root) if require_coverage else []
    for name, file in outputs:
        render = policy_tests.tests_as_junit if name == "junit" else policy_tests.tests_as_text
        _write(render(results, lacking), file)
    if not results:
        return 4
    return 1 if lacking or any(result.differences for result in results) else 0


@command("record", "policy-engine record --run 8f0c… --policies policies/fraud.yaml")
@click.option("--run", callback=filled, required=True, metavar="ID", help="The run.")
@click.option(
    "--policies",
    callback=filled,
    default="policies",
    metavar="PATH",
    help="The policy file that judges it.",
)
@click.option("--name", callback=filled, metavar="TEXT", help="The case's name.")
@click.option(
    "--output",
    callback=filled,
    metavar="FILE",
    help="A new file of policy tests, instead of stdout.",
)
@click.option(
    "--rows",
    is_flag=True,
    help="Keep rows of predictions that are numbers, without ids; labels are counted anyway.",
)
@click.option("--tracking-uri", callback=filled, metavar="URI", help="Else MLFLOW_TRACKING_URI.")
@click.option("--timeout", default="30s", show_default=True, help="Limit of all reads.")
def record_command(
    run: str, policies: str, timeout: str, *, rows: bool, **given: str | None
) -> None:
    """Make a policy test of a real run: its evidence without names, and today's outcomes."""
    from datetime import UTC, datetime  # noqa: PLC0415

    from policy_engine import check, policy_tests  # noqa: PLC0415
    from policy_engine.cli.publishing import seconds  # noqa: PLC0415
    from policy_engine.errors import UsageError  # noqa: PLC0415

    output = given["output"]
    if output is not None and Path(output).exists():
        raise UsageError(f"{output} is there already; name a new file")
    now = datetime.now(UTC).replace(microsecond=0)
    loaded = check.load((policies,))
    if len(loaded.policies.files) != 1:
        names = ", ".join(file.path for file in loaded.policies.files)
        raise UsageError(f"a case is of one policy file: name one of {names} by --policies")
    options = check.Options(
        runs=(run,),
        policies=(policies,),
        tracking_uri=given["tracking_uri"],
        timeout_s=seconds("--timeout", timeout),
        at=now,
    )
    with progress() as say:
        say("reading the run")
        evidence = check.collect(options)
    path = output or f"{_TESTS}/recorded.yaml"
    name = given["name"] or f"recorded on {now.date()}"
    with progress() as say:
        say("judging the run, and what is kept of it")
        text = policy_tests.recorded(loaded, evidence, path, name, now, rows=rows)
    _write(text, output)
    click.echo("read it through before you commit it: no list knows your names", err=True)


def _outputs(formats: tuple[str, ...]) -> list[tuple[str, str | None]]:
    pairs = [(name, file or None) for name, _, file in (each.partition("=") for each in formats)]
    for name, _ in pairs:
        if name not in {"text", "junit"}:
            raise click.BadParameter(f"'{name}' is none of text, junit", param_hint="--format")
    if sum(file is None for _, file in pairs) > 1:
        raise click.BadParameter("two formats go to stdout; give one a file", param_hint="--format")
    return pairs


def _write(text: str, file: str | None) -> None:
    from policy_engine.errors import UsageError  # noqa: PLC0415

    if file is None:
        click.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, "utf-8")
    except OSError as e:
        raise UsageError(f"{file}: {e.strerror}") from e
