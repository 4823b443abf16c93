"""How old the training data is."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import Field

from mlops_policies.reading.data_dates import MAX_TIMESTAMP_TAG, TIME_REMEDY, label_of, moment
from mlops_policies.reading.dataset_context import datasets_in, names_of
from policy_engine.evidence import (
    Case,
    Dataset,
    Grade,
    Measurement,
    MissingEvidence,
    Needs,
    Run,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Duration, Tighter, show

_CLOCK = timedelta(hours=24)
"""Data may end this much after the run began: a date without a zone, a clock that is wrong."""


class DataFreshness(Policy, name="data-freshness"):
    """The training data was recent when training began.

    A model learns the world as it was. Retraining on an old extract looks like progress and is not.

    - `<dataset>`: of each training input with a `data.max_timestamp`, the time from it to the start
      of the run is at most `max_age` (s). Data that ends more than 24 h after the run began fails:
      such a time is a mistake, or comes from rows that nobody could have had.
    - `gap`: with `max_gap_to_champion`, the newest training data is at most that much older than
      the newest of the baseline (s).

    Times are ISO 8601; one without a zone is UTC, and a day without a time is its first moment.

    Log it: `policy_engine.training.log_dataset(train, name="payments", context="training",
    max_timestamp=frame["at"].max())`.

    Source: Soda's check `freshness(…) < 3d`; "ML Test Score" (Breck et al. 2017), test Model 4, the
    impact of model staleness is known.
    """

    needs = Needs.DATASETS | Needs.BASELINE

    max_age: Annotated[Duration, Tighter.LOWER] = Field(
        default=Decimal(30 * 86400), description="Oldest that the newest row may be (duration)."
    )
    max_gap_to_champion: Annotated[Duration | None, Tighter.LOWER] = Field(
        default=None,
        description="How much older than the baseline's newest row it may be (duration).",
    )

    def reads(self) -> Needs:
        """Leave the baseline out where no gap is judged."""
        return Needs.DATASETS if self.max_gap_to_champion is None else self.needs

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each dated training input, and `gap` where it is judged."""
        run = case.candidate
        dated = _dated(run)
        start = run.start_time
        for label, dataset in dated.items():
            yield part(label, partial(self._age, label, dataset, start))
        if self.max_gap_to_champion is not None:
            limit = self.max_gap_to_champion
            yield part("gap", lambda: _gap(case, limit))

    def _age(self, label: str, dataset: Dataset, start: datetime) -> Finding:
        newest = moment(dataset, MAX_TIMESTAMP_TAG)
        assert newest is not None  # noqa: S101 (the dated ones alone come here)
        ahead = newest - start
        if ahead > _CLOCK:
            return Finding(
                outcome=Outcome.FAIL,
                part=label,
                message=f"training data {names_of(dataset)} ends {show(_seconds(ahead), 's')} "
                "after the run began: no run can have had such rows",
                remedy=f"log the time of its newest row as {MAX_TIMESTAMP_TAG}",
            )
        note = f" (its newest row is of {_told(newest)})"
        if ahead > timedelta():
            note = f" (its newest row is of {show(_seconds(ahead), 's')} after the run began)"
        age = max(Decimal(0), _seconds(start - newest))
        return Finding.judge(
            Measurement(age, "s", Grade.LOGGED, f"{MAX_TIMESTAMP_TAG} and run start"),
            "<=",
            self.max_age,
            f"the age of training data {names_of(dataset)}",
            part=label,
            note=note,
            remedy="train on newer data, or raise max_age and say why",
        )


def _dated(run: Run) -> dict[str, Dataset]:
    """Return the training inputs that say how new they are, by the part that judges each.

    Raises:
        MissingEvidence: If none does.
    """
    datasets = datasets_in(run, "training")
    labels: dict[str, Dataset] = {}
    for dataset in datasets:
        if MAX_TIMESTAMP_TAG in dataset.tags:
            labels.setdefault(label_of(dataset, labels), dataset)
    if not labels:
        listed = ", ".join(names_of(d) for d in datasets)
        raise MissingEvidence(
            f"training data {listed} of the {run.role} run has no {MAX_TIMESTAMP_TAG}",
            TIME_REMEDY,
        )
    return labels


def _gap(case: Case, limit: Decimal) -> Finding:
    mine, theirs = _newest(case.candidate), _newest(case.baseline)
    behind = _seconds(theirs - mine)
    if behind <= 0:
        return Finding(
            outcome=Outcome.PASS,
            part="gap",
            message="the training data is as new as the baseline's",
            detail=f"the newest training data is of {_told(mine)}, that of the baseline of "
            f"{_told(theirs)}",
        )
    return Finding.judge(
        Measurement(behind, "s", Grade.LOGGED, MAX_TIMESTAMP_TAG),
        "<=",
        limit,
        "how far the training data is behind the baseline's",
        part="gap",
        remedy="train on data that is as new as the baseline's",
    )


def _newest(run: Run) -> datetime:
    return max(
        found for d in _dated(run).values() if (found := moment(d, MAX_TIMESTAMP_TAG)) is not None
    )


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)).scaleb(-6)


def _told(when: datetime) -> str:
    """Return a time as people read it, in its own zone."""
    return when.isoformat(sep=" ", timespec="minutes")
