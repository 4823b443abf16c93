"""`init`: a first gate for a repository."""

import sys
from typing import TYPE_CHECKING, get_args

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import seconds, text_option, timeout_option, tracking_uri_option

if TYPE_CHECKING:
    from policy_engine.cli.init import ProposedFile, Seen
    from policy_engine.cli.init.numbers import Point


@command("init", "policy-engine init --tracking-uri http://127.0.0.1:5000")
@tracking_uri_option
@click.option("--yes", is_flag=True, help="Ask nothing: write what is proposed.")
@timeout_option("30s")
@text_option("--backtest", metavar="FILE", help="Quote the limits that a backtest found.")
def init_command(
    tracking_uri: str | None, timeout: str, backtest: str | None, *, yes: bool
) -> None:
    """Propose a first policy file, its test and the workflow, and write them here.

    It looks at the code and at what MLflow tracked. Files that exist are kept as they are.
    """
    from dataclasses import replace
    from pathlib import Path

    from policy_engine import loading
    from policy_engine.cli import init
    from policy_engine.tracking import address

    if not yes and not sys.stdin.isatty():
        raise click.UsageError("there is nobody to ask here: say --yes to write what is proposed")
    root, limits = Path(), _limits(backtest)
    uri = address.tracking_uri(tracking_uri) or None
    seen = init.look(root, uri, seconds("--timeout", timeout))
    proposal = replace(init.propose(root, seen), limits=limits)
    _tell(seen, proposal)
    if not yes:
        proposal = _asked(proposal)
    for each in init.write_proposal(proposal, root):
        click.echo(f"kept     {each.path}: {each.kept}" if each.kept else f"wrote    {each.path}")
    for file in loading.load(("policies",)).policies.files:
        click.echo(f"valid    {file.path}, {len(file.bindings)} policies")
    for line in init.conclusion(seen, proposal, uri, seconds("--timeout", timeout)):
        click.echo(line)


def _limits(backtest: str | None) -> tuple[str, ...]:
    """Return what a backtest's file says of limits: where it is from, then a sentence a limit."""
    from pathlib import Path

    if backtest is None:
        return ()
    from policy_engine.history.quoting import quoted

    found = quoted(Path(backtest))
    return found.source, *(f"{id_} {s}" for (_, id_), said in found.limits.items() for s in said)


def _tell(seen: "Seen", proposal: "ProposedFile") -> None:
    """Say what was found, on stderr: it is a note."""
    from policy_engine.quantities.words import count

    found = seen.survey
    if seen.trouble:
        click.echo(f"tracking: not asked or not readable ({seen.trouble})", err=True)
    elif not found.runs:
        click.echo("tracking: no FINISHED run yet", err=True)
    else:
        whose = "of this repository's commits" if found.is_ours else "of no commit known here"
        runs = f"{count(found.runs, 'FINISHED run')} in experiment {found.experiment}"
        click.echo(f"tracking: {runs}, {whose}", err=True)
    click.echo(f"metric:   {_or_none(proposal, found.why_metric)}", err=True)
    click.echo(f"baseline: {_baseline(proposal, found.champion)}", err=True)
    click.echo(f"training: {', '.join(proposal.paths) or 'no file imports mlflow'}", err=True)
    click.echo(f"models:   {', '.join(proposal.models) or 'none seen'}", err=True)


def _or_none(proposal: "ProposedFile", why: str | None) -> str:
    from policy_engine.cli.init.numbers import written
    from policy_engine.quantities.words import first_few

    if proposal.metric is None and proposal.of_training:
        seen = first_few(proposal.of_training, 2)
        return f"none of evaluation rows; the runs log only {seen}, of the rows that training saw"
    if proposal.metric is None:
        return "none seen; the experiment's primary metric counts"
    point = proposal.point
    pointed = f"; a point is {written(point.value)}, {point.why}" if point else ""
    return f"{proposal.metric} ({why}{pointed})"


def _baseline(proposal: "ProposedFile", champion: str | None) -> str:
    if champion:
        return f"alias champion of {champion}, else the merge base"
    if proposal.alias:
        return f"alias {proposal.alias}, which no version has yet, else the merge base"
    return "the merge base: no model is registered yet"


def _asked(proposal: "ProposedFile") -> "ProposedFile":
    """Return the proposal as whoever sits there wants it."""
    from dataclasses import replace

    from policy_engine.cli.init import slug
    from policy_engine.evidence.metrics import Goal, known

    name = click.prompt("Name of the policy file", proposal.name, err=True)
    metric = _or_nothing("Metric that counts (- for none)", proposal.metric)
    goal = proposal.goal if metric == proposal.metric else None
    if metric is not None and known(metric) is None and goal is None:
        ways: click.Choice[Goal] = click.Choice(get_args(Goal))
        goal = click.prompt("Its better direction", type=ways, err=True)
    if metric != proposal.metric:
        proposal = replace(proposal, values=(), point=None)
    point = _asked_point(metric, proposal.point)
    alias = _or_nothing("Alias of the version in use (- for none)", proposal.alias)
    paths = _or_nothing("Paths of training (globs, - for all)", " ".join(proposal.paths) or None)
    return replace(
        proposal,
        name=slug(name),
        metric=metric,
        goal=goal,
        point=point,
        alias=alias,
        paths=tuple(paths.split()) if paths else (),
    )


def _asked_point(metric: str | None, proposed: "Point | None") -> "Point | None":
    """Return what a point of the metric is, where its name does not say it."""
    from policy_engine.cli.init.numbers import Point, positive, written
    from policy_engine.evidence.metrics import known

    kind = known(metric) if metric else None
    if metric is None or (kind and kind.point is not None):
        return None
    question = "One point of it: the least difference that matters (- for 1 % of the baseline's)"
    answer = _or_nothing(question, written(proposed.value) if proposed else None)
    if answer is None or (proposed and answer == written(proposed.value)):
        return proposed if answer else None
    value = positive(answer)
    if value is None:
        raise click.UsageError(f"one point must be a number above 0, not '{answer}'")
    return Point(value, "what you said")


def _or_nothing(question: str, proposed: str | None) -> str | None:
    """Return what is answered; `-` is nothing."""
    answer = str(click.prompt(question, proposed or "-", err=True))
    return None if answer == "-" else answer
