"""`backtest`: what policies would have done."""

import sys
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.looking_back import FORMATS, UNREADABLE, formatting, opened, write
from policy_engine.cli.options import (
    count_option,
    demanding,
    policies_option,
    seconds,
    text_option,
    timeout_option,
    tracking_uri_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from policy_engine.history.backtest import Asked, Backtest, Step
    from policy_engine.history.elsewhere import Texts
    from policy_engine.policy_file.profiles import Demands

DONE, NOTHING, INTERRUPTED = 0, 4, 130


@command("backtest", "policy-engine backtest --experiment 'fraud*' --since 90d")
@text_option("--experiment", required=True, metavar="NAME", help="Its name, or a glob.")
@text_option("--since", metavar="SPAN", help="Judge runs that ended within it (90d).")
@policies_option
@demanding
@text_option(
    "--against",
    metavar="PATH|REF",
    help="Other policy files, or the same of a commit: what would newly be blocked.",
)
@count_option(
    "--limit",
    metavar="RUNS",
    help="Judge at most so many, the oldest first.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 16),
    default=2,
    show_default=True,
    help="Pages of runs that are asked for at the same time.",
)
@text_option(
    "--dask",
    metavar="SCHEDULER",
    help="Hand experiments to the workers of a Dask cluster (tcp://host:8786).",
)
@click.option(
    "--full", is_flag=True, help="Read each run's files and rows too: several requests a run."
)
@click.option(
    "--pass-over",
    is_flag=True,
    help="Try the next baseline rule where one has no history (alias, tag, commit).",
)
@text_option(
    "--resume",
    metavar="FILE",
    help="Note judged runs here; where it is there, go on from it.",
)
@formatting
@tracking_uri_option
@timeout_option("1h")
def backtest_command(formats: tuple[str, ...], timeout: str, **given: Any) -> int:
    """Judge past runs as if each were a candidate then: what would these policies have done?

    A run's baseline is what the rules would have found on that day, and nothing of its future is
    used. What has no history in MLflow is counted as not replayed. Nothing is published.
    """
    from policy_engine.cli import output
    from policy_engine.errors import UsageError
    from policy_engine.history.backtest import backtest
    from policy_engine.history.dask_cluster import workers
    from policy_engine.history.elsewhere import Work, backtest_by
    from policy_engine.history.plain import plain_backtest
    from policy_engine.history.told import sections
    from policy_engine.http.deadline import Deadline
    from policy_engine.log import progress
    from policy_engine.policy_file.profiles import Demands
    from policy_engine.render.links import Links
    from policy_engine.tracking.store import NotFound, ReadFailed

    places = output.places(formats, FORMATS)
    with redirect_stdout(sys.stderr):
        demands = Demands(given["require"], given["profile"])
        asked, texts = _asked(given, demands)
        deadline = Deadline(seconds("--timeout", timeout))
        uri, store = opened(given["tracking_uri"], deadline)
        try:
            with progress() as say:
                tell = _telling(say)
                if given["dask"] is None:
                    result = backtest(store, deadline, asked, tell)
                else:
                    work = Work.of(asked, texts, demands, uri)
                    with workers(given["dask"], deadline) as executor:
                        result = backtest_by(executor, store, deadline, asked, work, tell)
        except NotFound as e:
            raise UsageError(str(e)) from e
        except ReadFailed as e:
            click.echo(str(e), err=True)
            return UNREADABLE
    write(places, sections(result, Links(mlflow=uri)), plain_backtest(result))
    return _code(result)


def _code(result: "Backtest") -> int:
    if result.ended == "interrupted":
        return INTERRUPTED
    if result.ended is not None and not result.ended.startswith("--limit"):
        return UNREADABLE
    return DONE if result.tallies[0].runs else NOTHING


def _asked(given: dict[str, Any], demands: "Demands") -> tuple["Asked", tuple["Texts", ...]]:
    """Return what is asked, and the texts of each side's policies."""
    from datetime import UTC, datetime, timedelta
    from pathlib import Path

    from policy_engine.history.against import other_side
    from policy_engine.history.backtest import Asked
    from policy_engine.loading import load_texts
    from policy_engine.policy_file import policy_paths

    root, now = Path(), datetime.now(UTC)
    for option in ("limit", "resume") if given["dask"] is not None else ():
        if given[option] is not None:
            raise click.UsageError(
                f"--{option} needs runs in their order, and --dask judges experiments side by "
                f"side: leave out one of them"
            )
    names = [", ".join(given["policies"])]
    texts: list[Texts] = [policy_paths(given["policies"], root)]
    if given["against"] is not None:
        texts.append(other_side(given["against"], given["policies"], root))
        names.append(given["against"])
    sides = [load_texts(*each, demands).policies for each in texts]
    since = None
    if given["since"] is not None:
        span = seconds("--since", given["since"])
        try:
            since = now - timedelta(seconds=span)
        except OverflowError as e:
            raise click.BadParameter("it begins before the year 1", param_hint="--since") from e
    asked = Asked(
        sides=tuple(sides),
        names=tuple(names),
        experiment=given["experiment"],
        since=since,
        limit=given["limit"],
        skips=given["pass_over"],
        at=now,
        concurrency=given["concurrency"],
        resume=Path(given["resume"]) if given["resume"] else None,
        whole_s=60.0 if given["full"] else None,
    )
    return asked, tuple(texts)


def _telling(say: "Callable[[str], None]") -> "Callable[[Step], None]":
    """Return what says how far it is, how fast, and how long it may yet take."""
    began = time.monotonic()

    def tell(step: "Step") -> None:
        took = max(time.monotonic() - began, 0.001)
        left = f", about {took / step.done - took:.0f} s left" if step.done > 0 else ""
        say(
            f"{step.runs:,} runs read, {step.judged:,} judged, {step.runs / took:.0f} a second"
            f"{left} (experiment {step.experiment} of {step.experiments})"
        )

    return tell
