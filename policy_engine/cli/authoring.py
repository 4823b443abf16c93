"""`waive`: what platform engineers write beside policies, begun for them."""

from pathlib import Path

import click

from policy_engine.cli.app import command, filled


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
@click.option("--owner", callback=filled, required=True, metavar="NAME", help="Who mends it.")
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

    from policy_engine import stanza  # noqa: PLC0415

    written = stanza.Request(
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
        stanza.append(written, Path(append))
        click.echo(f"added to {append}; whoever approves it fills in approved_by", err=True)
