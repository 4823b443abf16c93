"""Writes docs/explanation/statistics.md: how often our verdicts are wrong, and how often right.

    python benchmarks/simulate.py            # a quarter of an hour; or: make simulate
    python benchmarks/simulate.py --trials 4000 --output -

Everything is seeded: the same NumPy and SciPy write the same page.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.rates import ALPHA, Rate, Scenario, rates
from benchmarks.scenarios import SCENARIOS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "statistics.md"
TRIALS = 40_000

_INTRODUCTION = """\
<!-- Written by benchmarks/simulate.py (make simulate); change that instead. -->

# How far a verdict can be trusted

A gate that compares two numbers of one test set is wrong about as often as a coin. Ours asks for
proof, and here is what that is worth:

- **Promised: false passes.** A model that is no better passes `significant-improvement` in at most
  {percent} of checks, and one that loses exactly the margin passes `no-regression` in as many.
- **Promised: false fails.** A model that is as good as its baseline, as fair or as quick as its
  limit fails a rule that tests it in at most {percent} of checks. That is `alpha`; a policy file
  sets it.
- **Counted so.** The {percent} is of one rule in one check. Its metrics, slices and groups share it
  where any of them can fail; two rules do not, so ten rules of equal models fail more often.
- **Not shown is not equal.** What the rows do not decide is `inconclusive`: 66 % of equal models on
  1,000 rows, 15 % on 5,000. It says how many rows would decide.
- **Found.** On 1,000 rows of which 8 % differ, a gain of 3 pt is shown in 95 % of checks, of 2 pt
  in 69 %, of 1 pt in 26 %. What is smaller takes more rows, not more tries.
- **Picked winners must show more.** The best of M baselines, of M recipes of a search or of M
  earlier runs is lucky: it is judged at alpha/M. With `spend` all tries on a test set share alpha.
- **Not promised: numbers.** Rules that say "a point comparison" or "compared as numbers" test
  nothing; how often chance decides them is in the tables.
- **Not promised: rows that belong together** without a `cluster` column (23 % false wins; the
  finding says so where ids or moments repeat), the log-loss of an over-sure model (10 % at 1,000
  rows, 8 % at 3,000), and test sets unlike what comes.
- **Not promised: seeds that were not seen.** A recipe whose seeds diverge at times looks better
  while they do not: 24 % false wins on 5 seeds. No test of five numbers notices what is not there.
- **Where a promise is not kept**, this page says so and by how much: {broken}

Each line is simulated {trials:,} times, the more expensive ones fewer (the last column says how
often). `±` is the simulation's own standard error. "At most" is the error that the test promises;
a rate that lies above it by more than two `±` is in the list above. Alpha is {alpha:.2f}.
"Theory" is the power that a formula gives. Lines with neither show what comparing plain numbers
does, or what a verdict does where theory has no simple answer.

Reproduce it:

```
make simulate
```
"""
_CLOSING = """
## What the tables say

- **Promises that are only near.** Tango's and Newcombe's bounds, the ratio's score test and the
  bootstrap are exact for many rows, not for few: their error may lie a little above {alpha:.2f}, as
  the tables show, or below. McNemar's exact test is never above.
- **Exact McNemar costs power**: up to 4 points of power less than the formula, which is of the test
  that is exact only for many rows. The rows that are said to be needed allow for that.
- **A margin of less than one row** (0, say) is judged by McNemar's exact test: Tango's bounds would
  be wrong in up to 6 % of cases.
- **The bootstrap under 50 rows of the rarer class** is not to be trusted, and BCa less than
  percentiles: such comparisons are `inconclusive`, and percentiles are the default.
- **A loss within the margin** is no promise: it fails where McNemar shows a loss and the one in the
  data exceeds the margin. Of losses of half the margin 4 % do on 10,000 rows and 18 % on 2,000; of
  losses of just the margin up to half do.
- **Classes of few rows.** Metrics of all classes take 100 rows that tell as much as if each class
  weighed alike, or outside the largest class. Of a class of n rows a resample shows (n - 1)/n of
  the variance, so resamples are moved away from the gain by what each class lacks. Without that,
  balanced accuracy with classes of nine rows passed a loss of the margin in 5.8 %.
- **Where the models differ on few rows**, or few rows weigh most, its interval is too narrow. Under
  30 differing rows (or clusters), and under 100 effective rows (50 of the rarer class, 20 differing
  ones, 20 clusters), a comparison is `inconclusive`. The numbers are ours: round ones that keep the
  rates above at alpha or near it, where the plain interval does not.
- **Models that hardly differ** by an error of numbers or a mean of row values are bounded by what
  rows that were seen could cost, since nothing else is known: of numbers, what the worst constant
  within those seen costs on average. A model that says what it never said here, on rows so rare
  that none was drawn, is not noticed: 0 instead of numbers 15 deviations above it, on 30,000 rows,
  passes in 48 %.
- **Rare disasters.** A log-loss has no bound: on 300 rows an over-sure model that is no better wins
  in 16 % where the sample holds none of its errors. The bounds allow for the error that no row
  showed, at -log(alpha)/n of its cost, which leaves none of these. It costs nothing with scores as
  usual; with very sharp ones 8 points of power at 300 rows (32 to 24 %), none at 1,000. Where the
  sample holds a few of them, or the other scores give no sign of them, nothing notices: with such
  errors on 1 of 300 rows about 45 % of equal models win on 300 rows.
- **From 5,000 rows on nothing is resampled** where each row would be drawn on its own. The bounds
  are those that the bootstrap comes to; the tables say how often it says otherwise of the same
  rows, where the methods hand over. An area under the precision-recall curve needs 500 rows of the
  rarer class for it: with 50, a gain was called too large in 7 to 11 % of cases.
- **Groups that are treated alike look unequal** on 100 rows each more often than not; the finding
  says with how many rows they seldom would.
- **One test set wears out.** Several tries on the same rows find a winner among equals; spending
  alpha over the tries does not. Where too few resamples lie beyond so small a level, the bounds are
  the jackknife's, corrected for skewness: at 0.0005 and less they are passed two to three times as
  often as they say, which the sum over the tries bears.
- **Seeds.** Welch's test holds its level where the spreads differ, and where both recipes diverge;
  an exact permutation test does not (18 % where the recipe of fewer seeds varies more), so we do
  not use it. With seeds that are skewed against each other Welch's level is 12 %.
- **Times of requests** are judged by counting them, whatever their distribution. What makes all
  requests of a moment slow shifts both bounds: +25 % leaves room for 10 %.
"""


def main() -> None:
    """Simulate, and write the page."""
    parser = argparse.ArgumentParser(description="Simulate the error rates of our verdicts.")
    parser.add_argument("--trials", type=int, default=TRIALS, help="of the cheapest scenario")
    parser.add_argument("--output", default=str(PAGE), help="the page; - is standard output")
    arguments = parser.parse_args()
    page = "\n".join(_page(arguments.trials)) + "\n"
    if arguments.output == "-":
        print(page)
    else:
        Path(arguments.output).write_text(page, encoding="utf-8")


def _page(trials: int) -> Iterator[str]:
    found = {scenario.name: _told(scenario, trials) for scenario in SCENARIOS}
    every = [rate for each in found.values() for rate in each]
    yield _INTRODUCTION.format(
        trials=trials, alpha=ALPHA, percent=f"{100 * ALPHA:g} %", broken=_broken(every)
    )
    for name, each in found.items():
        yield f"## {name}\n"
        yield "| what is true | what is said | rate | ± | at most | theory | trials |"
        yield "|---|---|---:|---:|---:|---:|---:|"
        yield from map(_line, each)
        yield ""
    yield _CLOSING.format(alpha=ALPHA).strip()


def _told(scenario: Scenario, trials: int) -> list[Rate]:
    """Return the rates of a scenario, and say on stderr which one is being simulated."""
    print(scenario.name, file=sys.stderr)
    return rates(scenario, trials)


def _broken(found: Sequence[Rate]) -> str:
    """Return which promises the simulation does not show kept, one a line."""
    promised = [(rate, rate.at_most) for rate in found if rate.at_most is not None]
    over = [rate for rate, most in promised if rate.rate > most + 2 * rate.error]
    if not over:
        return f"none of {len(promised)} rates lies above it by more than two standard errors."
    lines = [
        f"  - {_percent(rate.rate)} ± {_percent(rate.error, 2)}: {rate.verdict} ({rate.world})"
        for rate in over
    ]
    told = (
        f"{len(over)} of {len(promised)} rates lie above it by more than two standard errors "
        "(of rates that are exactly at it, one in forty does by chance):"
    )
    return "\n".join([told, *lines])


def _line(rate: Rate) -> str:
    columns = (
        rate.world,
        rate.verdict,
        _percent(rate.rate),
        _percent(rate.error, 2),
        _percent(rate.at_most),
        _percent(rate.theory),
        f"{rate.trials:,}",
    )
    return f"| {' | '.join(columns)} |"


def _percent(share: float | None, decimals: int = 1) -> str:
    return "" if share is None else f"{100 * share:.{decimals}f} %"


if __name__ == "__main__":
    main()
