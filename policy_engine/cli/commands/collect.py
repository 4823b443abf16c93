"""`collect`: the evidence of a check, saved."""

from typing import Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.collecting import collecting, options_of
from policy_engine.cli.options import text_option


@command("collect", "policy-engine collect --commit HEAD --output evidence.json")
@collecting
@text_option("--output", required=True, metavar="FILE", help="Where the evidence goes.")
def collect_command(output: str, **given: Any) -> int:
    """Read the evidence and save it: `check --evidence FILE` judges it without MLflow."""
    from pathlib import Path

    from policy_engine import check

    evidence = check.collect(options_of(given, save_evidence=Path(output)))
    say = evidence.unreadable or evidence.absent
    click.echo(f"{len(evidence.candidates)} candidate(s) in {output}", err=True)
    if say:
        click.echo(say, err=True)
    if evidence.unreadable:
        return 3
    # A change that needs no run has no candidate, and nothing is absent.
    return 4 if not evidence.candidates and (evidence.named or evidence.absent) else 0
