"""What speaks against trusting a test on these rows, said beside its verdict.

Two things that no test of rows can see. Few rows carry the difference: then the result hangs on
whether the sample happened to hold a few more or less of them. Rows belong together though no
column `cluster` says so: then there is less evidence than rows. Both are notes, since neither is
shown by the data: what the level does not survive is `inconclusive` by other rules (20 effective
rows that differ, the cost of a row of which there was none).
"""

import re
from collections.abc import Iterable

from policy_engine.evidence import Predictions
from policy_engine.quantities import exact, show
from policy_engine.statistics import PairedRows, carried_by_few
from policy_engine.statistics import RowMetric as Definition

CARRIED = (
    "look first at the 1 % of rows that move it most (are their targets right, do they matter so "
    "much?): more rows bring more of them"
)
"""What to do where few rows carry the difference: more rows bring more such rows."""
_MOST = 0.5
"""What 1 % of the rows may carry of all that the models differ by."""
_WORDS = frozenset(
    "account client customer date datetime device document household id patient person query "
    "session subject timestamp user visit visitor".split()
)
"""Words of a column's name that say what a row is of."""
_FEWEST_VALUES = 20
"""Values up to which a column is a slice rather than a name."""
_ROWS_A_VALUE = 1.5
_PLAIN = re.compile(r"[a-z]+|[A-Z][a-z]*")


def few_carry(definition: Definition, rows: PairedRows) -> str:
    """Return that few rows carry most of the difference, if they do."""
    share = carried_by_few(definition, rows)
    if share is None or share <= _MOST:
        return ""
    return (
        f"; the 1 % of rows that move it most carry {show(exact(round(share, 2)), '%')} of all "
        "differences: a few such rows more or less would change the result"
    )


def belong_together(table: Predictions) -> str:
    """Return that rows share names or moments, if they do and no column `cluster` says so."""
    if "cluster" in table.names:
        return ""
    for name in table.inputs:
        if name != "row_id" and _WORDS.intersection(_words(name)):
            values = _repeated(table.cells(name))
            if values:
                return (
                    f"; {len(table):,} rows share {values:,} values of {name}: if rows of one "
                    "value belong together, log it as `cluster`, else alpha is not kept"
                )
    return ""


def _words(name: str) -> Iterable[str]:
    return (word.lower() for word in _PLAIN.findall(name))


def _repeated(cells: Iterable[object]) -> int:
    """Return how many names there are, where rows share them; 0 where they do not."""
    names = [cell for cell in cells if isinstance(cell, (str, int))]
    values = len(set(names))
    return values if values > _FEWEST_VALUES and len(names) >= _ROWS_A_VALUE * values else 0
