"""Whether a simple model was tried before a deep one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from mlops_policies.comparing.same_data import Same, evaluation_data, same_data
from mlops_policies.reading.family import (
    FAMILY_TAG,
    TRAIN_SIMPLE,
    Family,
    family_of_model,
    family_of_run,
)
from mlops_policies.reading.language import language_model
from policy_engine.evidence import (
    Case,
    Grade,
    Measurement,
    MissingEvidence,
    Needs,
    NotApplicable,
    Run,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import Duration, Tighter, count

MOST_HISTORY = 200
"""Runs before the candidate, and after it, that the engine reads, newest first."""
MOST_AGE = Decimal(180 * 86400)
"""How far back the engine reads earlier runs (seconds)."""
PARENT_TAG = "mlflow.parentRunId"
_NO_CHOICES = frozenset("seed random_seed random_state n_jobs verbose".split())
"""Parameters whose value is no other configuration."""


class SimpleModelTried(Policy, name="simple-model-tried"):
    """A linear or tree model was tried on the same evaluation data, and not only with defaults.

    A network is dear to train, to serve and to explain. Whether it is needed, only a simple model
    can tell, and one that was tried once with its defaults is a strawman.

    It counts the FINISHED runs of the experiment whose family is simple and that began at most
    `max_age` before the candidate. Those that were trained after it count as well, up to the moment
    of the check: who forgot them can make it good without training the candidate again.

    - runs >= `min_runs`, else it fails; runs that do not say their family or their evaluation data
      might count: if they are enough to reach `min_runs`, it is `missing`; so it is where the
      policy file declares `first_run: true` and there is no other run at all
    - their distinct parameters (seeds aside) >= `min_search`, else it is `inconclusive`

    A candidate that is a simple model itself, or a rule: `not-applicable`; so is an agent, a chat
    model or a language-model pipeline, by its flavor or task and a signature that takes no number.
    The family is the tag
    `model.family` (linear, tree, deep, ensemble, rule, …), else what scikit-learn's autologging
    wrote in the tags and parameters of a run, else the flavors of the candidate's model. A tag
    never makes a deep flavor simple. The engine reads the newest 200 runs that ended before the
    candidate began, of 180 days, and the newest 200 that ended after.

    Log it: train the simple model in the same experiment, with `mlflow.sklearn.autolog()` or with
    the tag `model.family`, and log its evaluation data as the candidate's:
    `training.log_dataset(test, name="payments", context="evaluation")`.

    Source: Huyen's lecture notes: "see if a decision tree works" before a network. The numbers are
    ours.
    """

    needs = Needs.HISTORY | Needs.LATER | Needs.MODEL | Needs.DATASETS

    min_runs: Annotated[int, Tighter.HIGHER] = Field(
        default=1, ge=1, description="Least number of simple runs (count)."
    )
    max_age: Annotated[Duration, Tighter.LOWER] = Field(
        default=MOST_AGE,
        gt=0,
        le=MOST_AGE,
        description="How long before the candidate a run may have begun (time; at most 180d).",
    )
    same_eval_data: Annotated[bool, Tighter.ON] = Field(
        default=True,
        description="Whether only runs on the candidate's evaluation data count.",
    )
    min_search: Annotated[int, Tighter.HIGHER] = Field(
        default=5,
        ge=1,
        description="Least number of distinct configurations among the simple runs (count).",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        kind = language_model(case.candidate)
        if kind is not None:
            raise NotApplicable(f"the candidate is {kind}: no linear or tree model does its work")
        family = _family(case.candidate)
        if family in {Family.SIMPLE, Family.RULE}:
            word = "a simple model" if family is Family.SIMPLE else "a rule"
            raise NotApplicable(f"the candidate is {word} itself")
        yield self._judged(case, family)

    def _tried(self, case: Case) -> "_Tried":
        since = case.candidate.start_time - timedelta(seconds=float(self.max_age))
        history, later = case.history, case.later
        runs = [run for run in (*later, *history) if run.start_time >= since]
        mine = {run.run_id: run for run in runs}
        counted, maybe = [], 0
        for run in runs:
            family = family_of_run(run)
            if family not in {None, Family.SIMPLE}:
                continue
            same = self._same(case.candidate, run, mine)
            if family is Family.SIMPLE and same is Same.YES:
                counted.append(run)
            elif same is not Same.NO:
                maybe += 1
        where = " on the candidate's evaluation data" if self.same_eval_data else ""
        cut = max(len(history), len(later)) >= MOST_HISTORY
        return _Tried(tuple(counted), maybe, len(runs), since, where, cut=cut)

    def _same(self, candidate: Run, run: Run, others: Mapping[str, Run]) -> Same:
        """Say whether a run counts as on the same data; a search's child shares its parent's."""
        if not self.same_eval_data:
            return Same.YES
        parent = others.get(run.tags.get(PARENT_TAG, ""))
        holder = run if evaluation_data(run) or parent is None else parent
        return same_data(evaluation_data(candidate), evaluation_data(holder))

    def _judged(self, case: Case, family: Family | None) -> Finding:
        tried = self._tried(case)
        runs, found = len(tried.runs), tried.configurations
        if runs < self.min_runs:
            return self._too_few(case, tried, family)
        measured = Measurement(Decimal(runs), "runs", Grade.LOGGED, "other runs")
        said = f"{tried}, with {count(found, 'configuration')}"
        if found >= self.min_search:
            return Finding(
                outcome=Outcome.PASS,
                message=f"{said}; at least {count(self.min_runs, 'run')} and "
                f"{count(self.min_search, 'configuration')} are needed",
                measured=measured,
                limit=Limit(Decimal(self.min_runs), "runs", ">="),
            )
        return Finding(
            outcome=Outcome.INCONCLUSIVE,
            message=f"{said}; under {self.min_search} it may be a strawman",
            measured=Measurement(Decimal(found), "configurations", Grade.LOGGED, "parameters"),
            limit=Limit(Decimal(self.min_search), "configurations", ">="),
            remedy="search the simple model's parameters as well as the candidate's, and log each "
            "configuration as a run with its parameters; or lower min_search and say why",
        )

    def _too_few(self, case: Case, tried: "_Tried", family: Family | None) -> Finding:
        # Whoever does not say what they are might be what is looked for.
        unknown = family is None or tried.cut or len(tried.runs) + tried.maybe >= self.min_runs
        is_first = case.first_run and not tried.all
        notes = [f"at least {count(self.min_runs, 'run')} must be there"]
        if is_first:
            notes.append("the policy file declares first_run, and there is no other run yet")
        if family is None:
            notes.append("the candidate's family is not known either")
        if tried.maybe and self.same_eval_data and not evaluation_data(case.candidate):
            notes.append("the candidate logs no evaluation dataset to compare theirs with")
        elif tried.maybe:
            notes.append(
                f"{tried.maybe} of {count(tried.all, 'other run')} may be one and do not say "
                "their family or their evaluation data"
            )
        if tried.cut:
            notes.append(f"only the newest {MOST_HISTORY} runs before and after it are read")
        return Finding(
            outcome=Outcome.MISSING if unknown or is_first else Outcome.FAIL,
            message=f"{tried}; {'; '.join(notes)}",
            measured=Measurement(Decimal(len(tried.runs)), "runs", Grade.LOGGED, "other runs"),
            limit=Limit(Decimal(self.min_runs), "runs", ">="),
            remedy=TRAIN_SIMPLE,
        )


@dataclass(frozen=True, slots=True)
class _Tried:
    """What was tried beside the candidate.

    Attributes:
        runs: The simple runs that count.
        maybe: Runs that might count and do not say their family or their data.
        all: All other runs within the age.
        since: From when on runs count (UTC).
        where: On which data they count, as the end of a sentence.
        cut: Whether older runs may exist that were not read.
    """

    runs: tuple[Run, ...]
    maybe: int
    all: int
    since: datetime
    where: str
    cut: bool = False

    def __str__(self) -> str:
        runs = count(len(self.runs), "linear or tree run", none="no")
        return f"{runs} since {self.since:%Y-%m-%d}{self.where}"

    @property
    def configurations(self) -> int:
        """How many different ones there are among the runs; seeds are not a difference."""
        return len({_configuration(run) for run in self.runs})


def _configuration(run: Run) -> tuple[object, ...]:
    params = (
        (name, value)
        for name, value in run.params.items()
        if name.replace(".", "__").rpartition("__")[2] not in _NO_CHOICES
    )
    estimator = run.tags.get("estimator_class") or run.tags.get(FAMILY_TAG)
    return (estimator, *sorted(params))


def _family(candidate: Run) -> Family | None:
    """Return the candidate's family; None where neither run nor model tell."""
    try:
        flavors = candidate.model.flavors
    except MissingEvidence:
        flavors = ()
    return family_of_model(candidate, flavors)
