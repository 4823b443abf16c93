"""`record`: a policy test of a real run."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.commands.test import TESTS
from policy_engine.cli.options import seconds, text_option, timeout_option, tracking_uri_option
from policy_engine.log import progress


@command("record", "policy-engine record --run 8f0c… --policies policies/fraud.yaml")
@text_option("--run", required=True, metavar="ID", help="The run.")
@text_option(
    "--policies",
    default="policies",
    metavar="PATH",
    help="The policy file that judges it.",
)
@text_option("--name", metavar="TEXT", help="The case's name.")
@text_option(
    "--output",
    metavar="FILE",
    help="A new file of policy tests, instead of stdout.",
)
@click.option(
    "--rows",
    is_flag=True,
    help="Keep rows of predictions that are numbers, without ids; labels are counted anyway.",
)
@tracking_uri_option
@timeout_option("30s")
def record_command(
    run: str, policies: str, timeout: str, *, rows: bool, **given: str | None
) -> None:
    """Make a policy test of a real run: its evidence without names, and today's outcomes."""
    from datetime import UTC, datetime
    from pathlib import Path

    from policy_engine import check, policy_tests
    from policy_engine.cli.output import write
    from policy_engine.errors import UsageError

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
    path = output or f"{TESTS}/recorded.yaml"
    name = given["name"] or f"recorded on {now.date()}"
    with progress() as say:
        say("judging the run, and what is kept of it")
        text = policy_tests.recorded(loaded, evidence, path, name, now, rows=rows)
    write(text, Path(output) if output else None, f"--output {output}")
    click.echo("read it through before you commit it: no list knows your names", err=True)
