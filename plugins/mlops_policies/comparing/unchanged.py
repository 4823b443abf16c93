"""A refactoring: a candidate that says of every row what the baseline says."""

from mlops_policies.comparing.paired import Tables, tables_of
from policy_engine.evidence import EvidenceError, Metric, NotApplicable, Predictions, Run
from policy_engine.quantities import exact, show

MOST_DIFFERING = 0.01
"""Of all rows: so many may truly differ, at most, where none of those seen does."""


def require_a_change(candidate: Run, baseline: Run, metric: Metric, alpha: float) -> None:
    """Refuse to ask a refactoring for a gain.

    It is one where no shared row has another prediction or score, and the rows are so many that at
    most 1 % of all can differ: none of n rows shows less than 1 - alpha^(1/n), Clopper-Pearson's
    bound; 299 rows at 5 %. Whether it keeps the quality is for `no-regression` to say.

    Args:
        candidate: One run.
        baseline: The other.
        metric: A column of its row values must be equal, too.
        alpha: The error of the bound.

    Raises:
        NotApplicable: If it is a refactoring.
    """
    try:
        tables = tables_of(candidate, baseline)
    except EvidenceError:  # what cannot be compared is not shown to be the same
        return
    n = len(tables.joined)
    most = 1 - alpha ** (1 / n) if n else 1.0
    if most <= MOST_DIFFERING and _are_equal(tables, metric):
        raise NotApplicable(
            f"gives the same answer on all {n:,} shared rows: no gain to judge; with "
            f"{show(1 - exact(alpha), '%')} confidence fewer than {show(exact(most), '%')} of such "
            "rows differ; if a change was expected, check that the new model was loaded; whether "
            "it keeps the quality, no-regression judges"
        )


def _are_equal(tables: Tables, metric: Metric) -> bool:
    mine, theirs, joined = tables.mine, tables.theirs, tables.joined
    names = _outputs(mine, metric)
    return names == _outputs(theirs, metric) and all(
        tuple(map(mine.cells(name).__getitem__, joined.candidate_rows))
        == tuple(map(theirs.cells(name).__getitem__, joined.baseline_rows))
        for name in names
    )


def _outputs(table: Predictions, metric: Metric) -> set[str]:
    """Return the columns that hold what a model said, and what it is worth."""
    return {
        name
        for name in table.names
        if name in {"prediction", "score", metric.name}
        or name.startswith("score/")
        or name.endswith("/score")
    }
