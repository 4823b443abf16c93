"""Writes docs/explanation/statistics.md: how often our verdicts are wrong, and how often right.

    python benchmarks/simulate.py            # about five minutes; or: make simulate
    python benchmarks/simulate.py --trials 4000 --output -

Everything is seeded: the same NumPy and SciPy write the same page.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.rates import ALPHA, Rate, rates
from benchmarks.scenarios import SCENARIOS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "statistics.md"
TRIALS = 40_000

_INTRODUCTION = """\
<!-- Written by benchmarks/simulate.py (make simulate); change that instead. -->

# How far a verdict can be trusted

A gate that compares two numbers of one test set is wrong about as often as a coin. This page shows
what our verdicts do instead, in worlds whose truth is known: models that are equal and must not be
called better or worse, and models that differ and should be found.

Each line is simulated {trials:,} times, the dearer ones fewer (the last column says how often). `±`
is the simulation's own standard error. "At most" is the error that the test promises; a verdict
breaks its promise if its rate lies above that by more than about three `±`. Alpha is {alpha:.2f}.
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
  that is exact only for many rows.
- **A margin of less than one row** (0, say) is judged by McNemar's exact test: Tango's bounds would
  be wrong in up to 6 % of cases.
- **The bootstrap under 50 rows of the rarer class** is not to be trusted, and BCa less than
  percentiles: such comparisons are `inconclusive`, and percentiles are the default.
- **Where the models differ on few rows**, or few rows weigh most, its interval is too narrow. Under
  30 differing rows (or clusters), and under 100 effective rows (50 of the rarer class, 20 differing
  ones, 20 clusters), a comparison is `inconclusive`. The numbers are ours: round ones that keep the
  rates above at alpha or near it, where the plain interval does not.
- **From 5,000 rows on nothing is resampled** where each row would be drawn on its own. The bounds
  are those that the bootstrap comes to; the tables say how often it says otherwise of the same
  rows, where the methods hand over. An area under the precision-recall curve needs 500 rows of the
  rarer class for it: with 50, a gain was called too large in 7 to 11 % of cases.
- **Groups that are treated alike look unequal** on 100 rows each more often than not; the finding
  says with how many rows they seldom would.
- **One test set wears out.** Several tries on the same rows find a winner among equals; spending
  alpha over the tries does not.
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
    yield _INTRODUCTION.format(trials=trials, alpha=ALPHA)
    for scenario in SCENARIOS:
        print(scenario.name, file=sys.stderr)
        yield f"## {scenario.name}\n"
        yield "| what is true | what is said | rate | ± | at most | theory | trials |"
        yield "|---|---|---:|---:|---:|---:|---:|"
        yield from map(_line, rates(scenario, trials))
        yield ""
    yield _CLOSING.format(alpha=ALPHA).strip()


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
