"""`plan`: how many rows or seeds a rule needs, before anybody labels them."""

import sys
from contextlib import redirect_stdout
from typing import Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import (
    count_option,
    seconds,
    text_option,
    timeout_option,
    tracking_uri_option,
)

NOTHING, UNREADABLE = 4, 3
_WIDEST = 80


def _points(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    """Read `1pt`, or a bare number above 0 in the metric's units."""
    from decimal import Decimal

    from policy_engine.quantities import parse_margin

    if value is None:
        return None
    try:
        margin = parse_margin(Decimal(value) if _is_number(value) else value)
    except ValueError as e:
        raise click.BadParameter(str(e)) from e
    if not margin.amount > 0:
        raise click.BadParameter(f"{value}: it must be above 0")
    return margin


def _share(_context: click.Context, _option: click.Parameter, value: str | None) -> Any:
    """Read `8%` as a fraction above 0 and under 1."""
    from policy_engine.quantities import parse_percent

    if value is None:
        return None
    try:
        share = float(parse_percent(value))
    except ValueError as e:
        raise click.BadParameter(str(e)) from e
    if not 0 < share < 1:
        raise click.BadParameter(f"{value}: it must lie between 0% and 100%")
    return share


def _is_number(text: str) -> bool:
    from decimal import Decimal

    try:
        return Decimal(text).is_finite()
    except ArithmeticError:
        return False


@command("plan", "policy-engine plan --metric accuracy --margin 1pt --differing 8%")
@text_option("--metric", required=True, metavar="NAME", help="As it is logged.")
@click.option(
    "--margin",
    callback=_points,
    metavar="POINTS",
    help="The loss that no-regression accepts (1pt, or the metric's units).",
)
@click.option(
    "--effect",
    callback=_points,
    metavar="POINTS",
    help="Instead: the true gain that significant-improvement should show.",
)
@click.option(
    "--differing",
    callback=_share,
    metavar="PERCENT",
    help="On how many of the rows one of both models alone is right (8%).",
)
@click.option(
    "--deviation",
    callback=_points,
    metavar="POINTS",
    help="Instead: the standard deviation of the metric over seeds; seeds are planned.",
)
@text_option("--run", metavar="ID", help="Instead: a logged run to learn it from …")
@text_option("--baseline", metavar="ID", help="… and the run to compare it with.")
@click.option("--seeds", is_flag=True, help="Learn from the seeds of both, not from their rows.")
@count_option(
    "--rows",
    metavar="COUNT",
    help="The rows (or seeds a side) that there are: what they could show.",
)
@count_option(
    "--slices",
    metavar="COUNT",
    help="So many slices too, each by no-slice-regression under Holm.",
)
@click.option(
    "--power", callback=_share, default="80%", show_default=True, metavar="PERCENT", help="Chance."
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.05,
    show_default=True,
    help="One-sided error of the test.",
)
@click.option(
    "--goal",
    type=click.Choice(["maximize", "minimize"]),
    help="Which direction is better, where the name does not tell.",
)
@text_option("--positive", metavar="CLASS", help="The positive class, if not 1.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False),
    metavar="FILE.svg",
    help="Draw the power over the rows too (pip install policy-engine[html]).",
)
@tracking_uri_option
@timeout_option("30s")
def plan_command(**given: Any) -> int:
    """Say how many rows or seeds a rule needs, and what those that there are could show.

    How far a gain varies is a share of differing rows, a standard deviation over seeds, or learned
    from two logged runs by the test that the policy would use. Nothing is judged.
    """
    from pathlib import Path

    from policy_engine.cli import output, plan
    from policy_engine.evidence import EvidenceError, UnreadableEvidence

    given["timeout"] = seconds("--timeout", given["timeout"])
    given["picture"] = Path(given["picture"]) if given["picture"] else None
    asked = plan.Asked(**given)
    try:
        with redirect_stdout(sys.stderr):  # stdout is the answer's, whatever a plugin prints
            text = plan.planned(asked, _WIDEST)
    except EvidenceError as e:
        remedy = f"; {e.remedy}" if e.remedy else ""
        click.echo(f"policy-engine: {e}{remedy}", err=True)
        return UNREADABLE if isinstance(e, UnreadableEvidence) else NOTHING
    output.print_text(text)
    return 0
