"""`backtest` and `audit`: what policies would have done, and what models come to today."""

import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import command, demanding, filled

if TYPE_CHECKING:
    from policy_engine.history.backtest import Asked, Backtest, Step
    from policy_engine.history.elsewhere import Texts
    from policy_engine.history.told import Section

_FORMATS = ("text", "json", "markdown", "html")
_WIDEST = 200
DONE, UNREADABLE, NOTHING, INTERRUPTED = 0, 3, 4, 130


def _formatting(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--format",
        "formats",
        callback=filled,
        multiple=True,
        default=("text",),
        metavar="NAME[=FILE]",
        help=f"{', '.join(_FORMATS)}; one without =FILE goes to stdout.",
    )(function)


@command("backtest", "policy-engine backtest --experiment 'fraud*' --since 90d")
@click.option(
    "--experiment", callback=filled, required=True, metavar="NAME", help="Its name, or a glob."
)
@click.option(
    "--since", callback=filled, metavar="SPAN", help="Judge runs that ended within it (90d)."
)
@click.option(
    "--policies",
    callback=filled,
    multiple=True,
    default=("policies",),
    show_default=False,
    metavar="PATH",
    help="Policy file or folder (policies/ by default).",
)
@click.option(
    "--against",
    callback=filled,
    metavar="PATH|REF",
    help="Other policy files, or the same of a commit: what would newly be blocked.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="RUNS",
    help="Judge at most so many, the oldest first.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 16),
    default=2,
    show_default=True,
    help="Experiments whose pages are read at the same time.",
)
@click.option(
    "--dask",
    callback=filled,
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
@click.option(
    "--resume",
    callback=filled,
    metavar="FILE",
    help="Note judged runs here; where it is there, go on from it.",
)
@_formatting
@click.option("--tracking-uri", callback=filled, metavar="URI", help="Else MLFLOW_TRACKING_URI.")
@click.option("--timeout", default="1h", show_default=True, help="Limit of all reads.")
def backtest_command(formats: tuple[str, ...], timeout: str, **given: Any) -> int:
    """Judge past runs as if each were a candidate then: what would these policies have done?

    A run's baseline is what the rules would have found on that day, and nothing of its future is
    used. What has no history in MLflow is counted as not replayed. Nothing is published.
    """
    from policy_engine.cli.publishing import seconds  # noqa: PLC0415
    from policy_engine.errors import UsageError  # noqa: PLC0415
    from policy_engine.history.backtest import backtest  # noqa: PLC0415
    from policy_engine.history.dask_cluster import workers  # noqa: PLC0415
    from policy_engine.history.elsewhere import Work, backtest_by  # noqa: PLC0415
    from policy_engine.history.plain import plain_backtest  # noqa: PLC0415
    from policy_engine.history.told import sections  # noqa: PLC0415
    from policy_engine.http.deadline import Deadline  # noqa: PLC0415
    from policy_engine.render.links import Links  # noqa: PLC0415
    from policy_engine.tracking.store import NotFound, ReadFailed  # noqa: PLC0415

    outputs = _outputs(formats)
    with redirect_stdout(sys.stderr):
        asked, texts = _asked(given)
        deadline = Deadline(seconds("--timeout", timeout))
        uri, store = _opened(given["tracking_uri"], deadline)
        telling = Telling()
        try:
            if given["dask"] is None:
                result = backtest(store, deadline, asked, telling.tell)
            else:
                work = Work.of(asked, texts, uri)
                with workers(given["dask"], deadline) as executor:
                    result = backtest_by(executor, store, deadline, asked, work, telling.tell)
        except NotFound as e:
            raise UsageError(str(e)) from e
        except ReadFailed as e:
            click.echo(str(e), err=True)
            return UNREADABLE
        finally:
            telling.end()
    _write(outputs, sections(result, Links(mlflow=uri)), plain_backtest(result))
    return _code(result)


@command("audit", "policy-engine audit --alias champion --format html=audit.html")
@click.option(
    "--alias", callback=filled, default="champion", show_default=True, help="Alias, or a glob."
)
@click.option(
    "--model", callback=filled, default="*", metavar="GLOB", help="Registered names; all of them."
)
@click.option(
    "--policies",
    callback=filled,
    multiple=True,
    default=("policies",),
    show_default=False,
    metavar="PATH",
    help="Policy file or folder (policies/ by default).",
)
@demanding
@_formatting
@click.option("--tracking-uri", callback=filled, metavar="URI", help="Else MLFLOW_TRACKING_URI.")
@click.option("--timeout", default="30min", show_default=True, help="Limit of all reads.")
def audit_command(formats: tuple[str, ...], timeout: str, **given: Any) -> int:
    """Judge every registered model's aliased versions today, the worst first.

    The exit code is that of a check of all of them. What needs a baseline or a pull request is not
    asked. Models that no policy file is for are listed, and so are waivers with their last day.
    """
    from datetime import UTC, datetime  # noqa: PLC0415

    from policy_engine.cli.publishing import seconds  # noqa: PLC0415
    from policy_engine.history.audit import Asked, audit  # noqa: PLC0415
    from policy_engine.history.audit_told import audit_sections, plain_audit  # noqa: PLC0415
    from policy_engine.http.deadline import Deadline  # noqa: PLC0415
    from policy_engine.judging.evaluate import Context  # noqa: PLC0415
    from policy_engine.loading import load  # noqa: PLC0415
    from policy_engine.policy_file.profiles import Demands  # noqa: PLC0415
    from policy_engine.render.links import Links  # noqa: PLC0415
    from policy_engine.report import Engine, PolicySource  # noqa: PLC0415
    from policy_engine.tracking.store import ReadFailed  # noqa: PLC0415

    outputs = _outputs(formats)
    now = datetime.now(UTC).replace(microsecond=0)
    with redirect_stdout(sys.stderr):
        loaded = load(given["policies"], Path(), Demands(given["require"], given["profile"]))
        deadline = Deadline(seconds("--timeout", timeout))
        uri, store = _opened(given["tracking_uri"], deadline)
        source = PolicySource(loaded.policies.digest, trusted=True)
        asked = Asked(
            loaded.policies,
            given["model"],
            given["alias"],
            Context(now, source, Engine("", ())),
            loaded.plugins.resolve_baseline,
        )
        telling = Telling()
        try:
            found = audit(store, deadline, asked, telling.count)
        except ReadFailed as e:
            click.echo(str(e), err=True)
            return UNREADABLE
        finally:
            telling.end()
    _write(outputs, audit_sections(found, now, Links(mlflow=uri)), plain_audit(found))
    return int(found.exit_code)


def _code(result: "Backtest") -> int:
    if result.ended == "interrupted":
        return INTERRUPTED
    if result.ended is not None and not result.ended.startswith("--limit"):
        return UNREADABLE
    return DONE if result.tallies[0].runs else NOTHING


def _asked(given: dict[str, Any]) -> tuple["Asked", tuple["Texts", ...]]:
    """Return what is asked, and the texts of each side's policies."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from policy_engine.cli.publishing import seconds  # noqa: PLC0415
    from policy_engine.history.against import other_side  # noqa: PLC0415
    from policy_engine.history.backtest import Asked  # noqa: PLC0415
    from policy_engine.loading import load_texts  # noqa: PLC0415
    from policy_engine.policy_file import policy_paths  # noqa: PLC0415

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
    sides = [load_texts(*each).policies for each in texts]
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


def _opened(uri: str | None, deadline: Any) -> tuple[str, Any]:
    import os  # noqa: PLC0415

    from policy_engine.errors import UsageError  # noqa: PLC0415
    from policy_engine.tracking.opening import open_store  # noqa: PLC0415
    from policy_engine.tracking.store import NoSuchStore, ReadFailed  # noqa: PLC0415

    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or ""
    try:
        return uri, open_store(uri, deadline)
    except (NoSuchStore, ReadFailed) as e:
        raise UsageError(str(e)) from e


class Telling:
    """A line on how far it is, on a terminal alone."""

    def __init__(self) -> None:
        """Begin now."""
        self._began = time.monotonic()
        self._is_shown = sys.stderr.isatty()

    def tell(self, step: "Step") -> None:
        """Show how far it is, how fast, and how long it may yet take."""
        if not self._is_shown:
            return
        took = max(time.monotonic() - self._began, 0.001)
        left = f", about {took / step.done - took:.0f} s left" if step.done > 0 else ""
        line = (
            f"{step.runs:,} runs read, {step.judged:,} judged, {step.runs / took:.0f} a second"
            f"{left} (experiment {step.experiment} of {step.experiments})"
        )
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def count(self, done: int, of: int) -> None:
        """Show how many of how many are done."""
        if self._is_shown:
            sys.stderr.write(f"\r\x1b[K{done:,} of {of:,} judged")
            sys.stderr.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")


def _outputs(formats: tuple[str, ...]) -> list[tuple[str, str | None]]:
    pairs = [(name, file or None) for name, _, file in (each.partition("=") for each in formats)]
    for name, _ in pairs:
        if name not in _FORMATS:
            raise click.BadParameter(
                f"'{name}' is none of {', '.join(_FORMATS)}", param_hint="--format"
            )
    if sum(file is None for _, file in pairs) > 1:
        raise click.BadParameter("two formats go to stdout; give one a file", param_hint="--format")
    return pairs


def _write(
    outputs: list[tuple[str, str | None]], told: "list[Section]", plain: dict[str, Any]
) -> None:
    import shutil  # noqa: PLC0415

    from policy_engine.cli import output  # noqa: PLC0415
    from policy_engine.errors import UsageError  # noqa: PLC0415
    from policy_engine.history.formats import FORMATS, as_json, as_text  # noqa: PLC0415

    for name, file in outputs:
        if name == "json":
            text = as_json(plain)
        elif name == "text" and file is None:
            text = as_text(told, min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST))
        else:
            text = FORMATS[name](told)
        if file is None:
            output.print_text(text)
            continue
        try:
            Path(file).write_text(text, "utf-8")
        except OSError as e:
            raise UsageError(f"{file}: {e.strerror}") from e
