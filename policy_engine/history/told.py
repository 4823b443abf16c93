"""A backtest as headings, sentences and tables, which each format writes in its own way."""

from collections.abc import Iterable
from dataclasses import dataclass

from policy_engine.history.backtest import Backtest
from policy_engine.history.replay import NOT_REPLAYED
from policy_engine.history.tally import (
    SHARES,
    Numbers,
    PastRun,
    PolicyTally,
    Spread,
    Tally,
    reasons,
)
from policy_engine.history.then import WITHOUT_HISTORY
from policy_engine.quantities import MEASURES, count, listed, show
from policy_engine.quantities.units import CURRENCY
from policy_engine.render.links import Links
from policy_engine.report import RunRef

_BARS = " ▁▂▃▄▅▆▇█"
_MARK = "|"
_SHOWN = 20
"""Runs that are named; JSON has more of them."""
_OWN = "its own"
"""A limit that was another for each run."""
_FALSE_ALARMS = (
    "False alarms: of runs with the code, data and parameters (seeds aside) of an earlier run that "
    "passed, the share that failed; with its 95 % bound."
)
_PICTURES = (
    f"`{_MARK}` marks the limit among the runs, from the least to the greatest. A limit that "
    "was another for each run is 100%, and the numbers are shares of it."
)
_UNREPLAYED = (
    "What MLflow keeps without its history, or what was not read, is taken from no run's future: "
    "such judgements are counted here."
)
_INSTEAD = (
    "For a baseline of then, put `- best: {within: 90d}` behind such a rule, and look back with "
    "--pass-over: it tries the next rule."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What it says.
        is_ours: Whether no part of it is text that others wrote.
        link: Where it leads; an address that we built.
    """

    text: str
    is_ours: bool = False
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with sentences, and a table.

    Attributes:
        title: The heading.
        sentences: Plain text, which may quote others.
        head: The columns' titles.
        rows: The table's rows.
    """

    title: str
    sentences: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


def sections(result: Backtest, links: Links) -> list[Section]:
    """Return all that there is to say, the most important first."""
    told = [_headline(result)]
    if result.tallies[0].runs:
        told += [_policies(tally, result.asked.names[n]) for n, tally in enumerate(result.tallies)]
        told += [_newly(result, links), _limits(result.tallies[0])]
        told.append(_not_replayed(result.tallies[0]))
    told.append(_runs(result))
    return [each for each in told if each.sentences or each.rows]


def headline(result: Backtest) -> str:
    """Return what it came to, in a sentence."""
    tally, name = result.tallies[0], f"'{result.asked.names[0]}'"
    if not tally.runs:
        return "no past run was judged"
    sentence = (
        f"{name} would have blocked {tally.blocked:,} of {count(tally.runs, 'past run')} "
        f"({_share(tally.blocked, tally.runs)})"
    )
    if len(result.tallies) > 1:
        other = result.tallies[1]
        sentence += (
            f"; '{result.asked.names[1]}' {other.blocked:,} "
            f"({_share(other.blocked, max(1, other.runs))})"
        )
    return sentence


def _headline(result: Backtest) -> Section:
    said = [f"{headline(result)}."]
    if result.ended is not None:
        said.append(
            f"Not all runs were judged: {result.ended}. What follows is of those that were."
        )
    if any(tally.policies for tally in result.tallies) and result.asked.whole_s is None:
        said.append(
            "Only what pages of runs hold was read. Policies that need a model's files or rows "
            "are `not replayed`; --full reads these too, run by run."
        )
    return Section("Backtest", tuple(said))


def _policies(tally: Tally, name: str) -> Section:
    head = ("policy", "blocks", "pass", "fail", "missing", "inconclusive", "error")
    return Section(
        f"What '{name}' would have said",
        (_FALSE_ALARMS,),
        (*head, "not replayed", "n/a", "false alarms"),
        tuple(_policy(each) for each in tally.worst_first()),
    )


def _policy(tally: PolicyTally) -> tuple[Cell, ...]:
    counted = ("pass", "fail", "missing", "inconclusive", "error", NOT_REPLAYED, "not-applicable")
    numbers = [tally.blocked, *(tally.outcomes[each] for each in counted)]
    bounds = tally.alarm_bounds
    alarms = (
        f"{tally.alarms} of {tally.repeats} ({_share(tally.alarms, tally.repeats)}, at most "
        f"{show(bounds.upper, '%')})"
        if bounds is not None
        else ""
    )
    return (
        Cell(tally.id),
        *(Cell(f"{number:,}" if number else "·", is_ours=True) for number in numbers),
        Cell(alarms, is_ours=True),
    )


def _newly(result: Backtest, links: Links) -> Section:
    newly, names = result.newly, result.asked.names
    against = f" and '{names[1]}' would not" if len(names) > 1 else ""
    shown = newly.runs[:_SHOWN]
    more = newly.count - len(shown)
    cut = (f"The first {len(shown)} are named; {more:,} more are counted.",) if more else ()
    return Section(
        f"Runs that '{names[0]}' would block{against}: {newly.count:,}",
        (*cut, *(() if newly.count else ("None.",))),
        ("run", "ended", "blocked by"),
        tuple(
            (_run(run, links), Cell(run.ended[:16], is_ours=True), Cell(listed(list(ids))))
            for run, ids in shown
        ),
    )


def _run(run: PastRun, links: Links) -> Cell:
    ref = RunRef(
        run_id=run.run_id,
        run_name=run.name,
        experiment=None,
        model_id=None,
        model=None,
        registered=None,
        commit=None,
    )
    name = f"{run.name} ({run.run_id[:8]})" if run.name else run.run_id
    return Cell(name, link=links.run(ref))


def _limits(tally: Tally) -> Section:
    shares = tuple(f"blocks {share:.0%}" for share in SHARES)
    rows = tuple(
        _limit(policy, numbers, spread)
        for policy in tally.worst_first()
        for numbers in policy.numbers.values()
        if (spread := numbers.spread) is not None
    )
    return Section(
        "Limits, and what past runs measured",
        (_PICTURES,) if rows else (),
        ("policy", "limit", "beyond it", "runs", "quartiles", *shares),
        rows,
    )


def _limit(policy: PolicyTally, numbers: Numbers, spread: Spread) -> tuple[Cell, ...]:
    part = f" {numbers.part}" if numbers.part else ""
    limit = _OWN if numbers.limit is None else amount(spread.limit, spread.unit)
    return (
        Cell(f"{policy.id}{part}"),
        Cell(f"{spread.op} {limit}"),
        Cell(f"{numbers.beyond:,} of {len(numbers.values):,}", is_ours=True),
        Cell(_picture(spread), is_ours=True),
        Cell(_amounts(spread.quartiles, spread.unit)),
        *(Cell(amount(spread.blocking(share), spread.unit)) for share in SHARES),
    )


def _picture(spread: Spread) -> str:
    """Return the distribution as bars, with the limit drawn in."""
    bins = spread.bins
    most = max(bins)
    bars = [_BARS[-(-number * (len(_BARS) - 1) // most)] for number in bins]
    at = min(spread.bin_of_limit, len(bars))
    before = at if spread.op in {">=", ">"} else at + 1
    return "".join([*bars[:before], _MARK, *bars[before:]]).replace(" ", "_")


def amount(value: float, unit: str) -> str:
    """Return a number with its unit; the name of a metric is none that must be said each time."""
    is_unit = unit in {"%", "pt"} or unit in MEASURES or CURRENCY.match(unit)
    return show(value, unit if is_unit else "")


def _amounts(values: Iterable[float], unit: str) -> str:
    return ", ".join(amount(value, unit) for value in values)


def _not_replayed(tally: Tally) -> Section:
    found = list(reasons(tally))
    is_of_a_rule = any(why.startswith(tuple(WITHOUT_HISTORY.values())) for why, _ in found)
    said = (_UNREPLAYED, *((_INSTEAD,) if is_of_a_rule else ()))
    return Section(
        "Not replayed",
        said if found else (),
        ("why", "judgements"),
        tuple((Cell(why), Cell(f"{number:,}", is_ours=True)) for why, number in found),
    )


def _runs(result: Backtest) -> Section:
    rows = [(Cell(name), Cell(f"{n:,}", is_ours=True)) for name, n in result.experiments.items()]
    rows += [
        (Cell(f"left out: {why}"), Cell(f"{number:,}", is_ours=True))
        for why, number in sorted(result.left_out.items(), key=lambda item: -item[1])
    ]
    if result.tallies[0].unclaimed:
        unclaimed = f"{result.tallies[0].unclaimed:,}"
        rows.append((Cell("for no policy file"), Cell(unclaimed, is_ours=True)))
    return Section("Runs", (), ("experiment", "runs"), tuple(rows))


def _share(part: int, whole: int) -> str:
    return show(part / whole, "%")
