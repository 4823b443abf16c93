"""`waive`: waivers for what blocks."""

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import text_option


@command(
    "waive",
    "policy-engine waive --from report.json --reason pruning --owner @ana --ticket ML-12 "
    "--expires 2027-01-31",
)
@text_option(
    "--from",
    "source",
    required=True,
    metavar="FILE",
    help="A report (--format json).",
)
@click.option("--all", "each", is_flag=True, help="One for each finding that can be waived.")
@text_option("--id", "id_", metavar="ID", help="The binding that blocks.")
@text_option("--part", metavar="PART", help="The part of it.")
@text_option("--run", metavar="ID", help="The run that it blocks.")
@click.option(
    "--for",
    "kind",
    type=click.Choice(["model", "run", "version"]),
    default="model",
    show_default=True,
    help="What it holds for.",
)
@text_option("--reason", required=True, metavar="TEXT", help="Why.")
@text_option("--owner", required=True, metavar="NAME", help="Who fixes it.")
@text_option("--ticket", required=True, metavar="ID", help="Where that is planned.")
@text_option(
    "--expires",
    required=True,
    metavar="DAY",
    help="Its last day (2027-01-31), at most 90 days ahead.",
)
@text_option("--append", metavar="FILE", help="Add it to this file instead of printing it.")
def waive_command(source: str, append: str | None, each: bool, **given: str | None) -> None:
    """Write the waiver for a finding that blocks, or for each; somebody else approves it.

    Whoever approves it adds `approved_by`. Without it the file is refused.
    """
    from datetime import UTC, datetime
    from pathlib import Path

    from policy_engine.cli import waive
    from policy_engine.quantities.words import count
    from policy_engine.render.way_out import CHOSEN

    for flag, word in CHOSEN.items():
        if given[flag] == word:
            raise click.BadParameter(
                f"'{word}' stands for what you have to say", param_hint=f"--{flag}"
            )
    written = waive.WaiverRequest(
        each=each,
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
        click.echo(waive.section(written), nl=False)
    else:
        waive.append(written, Path(append))
        told = f"{count(len(written), 'waiver')} added to {append}; whoever approves "
        click.echo(f"{told}{'it' if len(written) == 1 else 'them'} fills in approved_by", err=True)
