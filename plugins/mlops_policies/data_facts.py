"""What is known about the data: its licence, its purpose, its owner, how old it is."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Annotated

from pydantic import Field

from mlops_policies.dataset_context import CONTEXT_REMEDY, datasets_in, named
from policy_engine.evidence import (
    Case,
    Dataset,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    Run,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Duration, Tighter, show

LICENCE_TAG = "data.licence"
MIN_TIMESTAMP_TAG = "data.min_timestamp"
MAX_TIMESTAMP_TAG = "data.max_timestamp"
_FACTS_REMEDY = (
    "say it where the data is logged: policy_engine.training.log_dataset(data, name=…, "
    "context=…, licence='CC-BY-4.0', purpose=…, consent_basis=…, owner=…)"
)
_LICENCE_REMEDY = "use data whose licence is allowed, or add its licence to `licences` and say why"
_TIME_REMEDY = (
    "say it where the data is logged: policy_engine.training.log_dataset(data, name=…, "
    "context=…, min_timestamp=…, max_timestamp=…)"
)
_CLOCK = timedelta(hours=24)
"""Data may end this much after the run began: a date without a zone, a clock that is wrong."""


class DataLicenceAndConsent(Policy, name="data-licence-and-consent"):
    """Every dataset has an allowed licence, and says whose it is and what it may be used for.

    A model of data that nobody was allowed to use must be withdrawn, and nobody notices before it
    is in use. The question costs one line where the data is read.

    Of each dataset input, whatever its context: `data.licence` is one of `licences` (SPDX
    identifiers, compared without regard to case; an expression such as `MIT OR Apache-2.0` must be
    listed as a whole), and none of `required_tags` is empty. These are claims of whoever logged the
    data; the policy shows that they were made, not that they are true.

    Log it: `policy_engine.training.log_dataset(train, name="payments", context="training",
    licence="CC-BY-4.0", purpose="fraud detection", consent_basis="contract", owner="payments")`.

    Source: Datasheets for Datasets (Gebru et al.), Model Cards (Mitchell et al. 2019); Regulation
    (EU) 2024/1689, Article 10 and Annex IV (2); SPDX License List.
    """

    needs = Needs.DATASETS

    licences: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        min_length=1,
        strict=False,
        examples=[["CC-BY-4.0", "CC0-1.0"]],
        description="SPDX identifiers that are allowed, such as CC-BY-4.0.",
    )
    required_tags: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        default=("data.purpose", "data.consent_basis", "data.owner"),
        strict=False,
        description="Tags of the dataset input that must not be empty.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each dataset input."""
        datasets = case.candidate.datasets
        if not datasets:
            raise MissingEvidence("the candidate run has no dataset inputs", CONTEXT_REMEDY)
        labels: dict[str, Dataset] = {}
        for dataset in datasets:
            labels.setdefault(_label(dataset, labels), dataset)
        for label, dataset in labels.items():
            yield self._judged(label, dataset)

    def _judged(self, label: str, dataset: Dataset) -> Finding:
        tags = dict.fromkeys((LICENCE_TAG, *self.required_tags))
        absent = [tag for tag in tags if tag not in dataset.tags]
        empty = [tag for tag in tags if tag not in absent and not dataset.tags[tag].strip()]
        wrong = None
        if LICENCE_TAG not in (*absent, *empty):
            wrong = self._wrong_licence(dataset.tags[LICENCE_TAG].strip())
        said = [f"has no {', '.join(absent)}"] if absent else []
        said += [f"has an empty {', '.join(empty)}"] if empty else []
        said += [wrong] if wrong else []
        if not said:
            return Finding(
                outcome=Outcome.PASS,
                part=label,
                message=f"dataset {named(dataset)} has the licence "
                f"{dataset.tags[LICENCE_TAG].strip()} and says {', '.join(tags)}",
            )
        return Finding(
            outcome=Outcome.FAIL if wrong or empty else Outcome.MISSING,
            part=label,
            message=f"dataset {named(dataset)} {', and '.join(said)}",
            remedy=_LICENCE_REMEDY if wrong else _FACTS_REMEDY,
        )

    def _wrong_licence(self, licence: str) -> str | None:
        """Say that a licence is none of the allowed ones; None where it is one."""
        if licence.casefold() in {each.strip().casefold() for each in self.licences}:
            return None
        return f"has the licence {licence}, which is none of {', '.join(self.licences)}"


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
                message=f"training data {named(dataset)} ends {show(_seconds(ahead), 's')} after "
                "the run began: no run can have had such rows",
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
            f"the age of training data {named(dataset)}",
            part=label,
            note=note,
            remedy="train on newer data, or raise max_age and say why",
        )


def moment(dataset: Dataset, tag: str) -> datetime | None:
    """Return the time that an input's tag states; None where it has no such tag.

    Raises:
        InvalidEvidence: If it is no ISO 8601 time.
    """
    text = dataset.tags.get(tag)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidEvidence(
            f"{tag} of dataset {named(dataset)} is no ISO 8601 time", _TIME_REMEDY
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _dated(run: Run) -> dict[str, Dataset]:
    """Return the training inputs that say how new they are, by the part that judges each.

    Raises:
        MissingEvidence: If none does.
    """
    datasets = datasets_in(run, "training")
    labels: dict[str, Dataset] = {}
    for dataset in datasets:
        if MAX_TIMESTAMP_TAG in dataset.tags:
            labels.setdefault(_label(dataset, labels), dataset)
    if not labels:
        listed = ", ".join(named(d) for d in datasets)
        raise MissingEvidence(
            f"training data {listed} of the {run.role} run has no {MAX_TIMESTAMP_TAG}",
            _TIME_REMEDY,
        )
    return labels


def _gap(case: Case, limit: Decimal) -> Finding:
    mine, theirs = _newest(case.candidate), _newest(case.baseline)
    behind = _seconds(theirs - mine)
    if behind <= 0:
        return Finding(
            outcome=Outcome.PASS,
            part="gap",
            message=f"the newest training data is of {_told(mine)}, that of the baseline of "
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


def _label(dataset: Dataset, taken: dict[str, Dataset]) -> str:
    """Return the part that judges a dataset; two of one name are told apart."""
    names = [dataset.name, f"{dataset.name} ({dataset.context or 'no context'})"]
    names += [f"{dataset.name} ({dataset.digest})", f"{dataset.name} ({len(taken) + 1})"]
    return next(name for name in names if name and name not in taken)
