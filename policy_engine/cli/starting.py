"""`init`: a first gate for a repository."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from policy_engine.cli.app import command, filled

if TYPE_CHECKING:
    from policy_engine.cli.init import ProposedFile, Seen


@command("init", "policy-engine init --tracking-uri http://127.0.0.1:5000")
@click.option("--tracking-uri", callback=filled, metavar="URI", help="Else MLFLOW_TRACKING_URI.")
@click.option("--yes", is_flag=True, help="Ask nothing: write what is proposed.")
@click.option("--timeout", default="30s", show_default=True, help="Limit of all reads.")
def init_command(tracking_uri: str | None, timeout: str, *, yes: bool) -> None:
    """Propose a first policy file, its test and the workflow, and write them here.

    It looks at the code and at what MLflow tracked. Files that exist are kept as they are.
    """
    from policy_engine import loading  # noqa: PLC0415
    from policy_engine.cli import init  # noqa: PLC0415
    from policy_engine.cli.publishing import seconds  # noqa: PLC0415

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask here: say --yes to write what is proposed")
    root = Path()
    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    seen = init.look(root, uri, seconds("--timeout", timeout))
    proposal = init.propose(root, seen)
    _tell(seen, proposal)
    if not yes:
        proposal = _asked(proposal)
    for each in init.write_proposal(proposal, root):
        click.echo(f"kept     {each.path}: {each.kept}" if each.kept else f"wrote    {each.path}")
    for file in loading.load(("policies",)).policies.files:
        click.echo(f"valid    {file.path}, {len(file.bindings)} policies")
    click.echo("next     read the policy file; then `policy-engine test`, `policy-engine doctor`")


def _tell(seen: "Seen", proposal: "ProposedFile") -> None:
    """Say what was found, on stderr: it is a note."""
    found = seen.survey
    if seen.trouble:
        click.echo(f"tracking: not asked or not readable ({seen.trouble})", err=True)
    elif not found.runs:
        click.echo("tracking: no FINISHED run yet", err=True)
    else:
        whose = "of this repository's commits" if found.is_ours else "of no commit known here"
        runs = f"{found.runs} FINISHED runs in experiment {found.experiment}"
        click.echo(f"tracking: {runs}, {whose}", err=True)
    click.echo(f"metric:   {_or_none(proposal.metric, found.why_metric)}", err=True)
    click.echo(f"baseline: {_baseline(proposal, found.champion)}", err=True)
    click.echo(f"training: {', '.join(proposal.paths) or 'no file imports mlflow'}", err=True)
    click.echo(f"models:   {', '.join(proposal.models) or 'none seen'}", err=True)


def _or_none(metric: str | None, why: str | None) -> str:
    return f"{metric} ({why})" if metric else "none seen; the experiment's primary metric counts"


def _baseline(proposal: "ProposedFile", champion: str | None) -> str:
    if proposal.alias:
        return f"alias {proposal.alias} of {champion}, else the merge base"
    return "the merge base: no registered model has the alias champion"


def _asked(proposal: "ProposedFile") -> "ProposedFile":
    """Return the proposal as whoever sits there wants it."""
    from policy_engine.cli.init import slug  # noqa: PLC0415
    from policy_engine.evidence.metrics import Goal, known  # noqa: PLC0415

    name = click.prompt("Name of the policy file", proposal.name, err=True)
    metric = _or_nothing("Metric that counts (- for none)", proposal.metric)
    goal = proposal.goal if metric == proposal.metric else None
    if metric is not None and known(metric) is None and goal is None:
        ways: click.Choice[Goal] = click.Choice(get_args(Goal))
        goal = click.prompt("Its better direction", type=ways, err=True)
    alias = _or_nothing("Alias of the version in use (- for none)", proposal.alias)
    paths = _or_nothing("Paths of training (globs, - for all)", " ".join(proposal.paths) or None)
    return replace(
        proposal,
        name=slug(name),
        metric=metric,
        goal=goal,
        alias=alias,
        paths=tuple(paths.split()) if paths else (),
    )


def _or_nothing(question: str, proposed: str | None) -> str | None:
    """Return what is answered; `-` is nothing."""
    answer = str(click.prompt(question, proposed or "-", err=True))
    return None if answer == "-" else answer
