"""How often the candidate's evaluation data were tried: by its search, its pull request, others."""

from collections.abc import Sequence

from mlops_policies.comparing.same_data import Same, evaluation_data, same_data
from mlops_policies.comparing.seeds import PARENT_TAG, recipe_params
from policy_engine.evidence import Case, Metric, MissingEvidence, Run

PULL_REQUEST_TAG = "policy_engine.pull_request"


def tries_of(case: Case) -> int | None:
    """Return which try of its pull request this is; None outside of one, where nobody counts."""
    try:
        return case.candidate.tries
    except MissingEvidence:
        return None


def recipes_searched(case: Case, metrics: Sequence[Metric]) -> int:
    """Return of how many recipes the candidate is the one that its search chose. Needs `CHILDREN`.

    They are those of the runs of one parent, the candidate's own or itself, that log a metric that
    is judged, failed ones too. Runs that differ in their seed alone are one recipe; what was
    evaluated on other data (a fold) does not count.
    """
    try:
        children = case.candidate.children
    except MissingEvidence:
        return 1
    data = {d.digest for d in case.candidate.datasets}
    names = {metric.name for metric in metrics}
    return max(1, len({_recipe(run) for run in children if _is_a_try(run, names, data)}))


def tries_before(case: Case) -> int:
    """Return how often other pull requests tried the candidate's evaluation data. Needs `HISTORY`.

    The runs of one search are one try.
    """
    mine, own = evaluation_data(case.candidate), case.candidate.tags.get(PULL_REQUEST_TAG)
    try:
        history = case.history
    except MissingEvidence:  # the run does not say when it began, so nothing is earlier
        return 0
    others = [run for run in history if run.tags.get(PULL_REQUEST_TAG, own) != own]
    return len(
        {
            run.tags.get(PARENT_TAG) or run.run_id
            for run in others
            if same_data(mine, evaluation_data(run)) is Same.YES
        }
    )


def _is_a_try(run: Run, names: set[str], data: set[str | None]) -> bool:
    theirs = {d.digest for d in run.datasets}
    return not names.isdisjoint(run.metrics) and not (data and theirs and data.isdisjoint(theirs))


def _recipe(run: Run) -> object:
    """Return what tells a recipe from others: the run itself where it logs no parameter."""
    return frozenset(recipe_params(run).items()) or run.run_id
