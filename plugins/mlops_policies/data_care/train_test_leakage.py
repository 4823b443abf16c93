"""Whether the model was evaluated on what it was trained on."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import product
from typing import Annotated

from pydantic import Field

from mlops_policies.reading.data_dates import MAX_TIMESTAMP_TAG, MIN_TIMESTAMP_TAG, moment
from mlops_policies.reading.dataset_context import Context, datasets_in, names_of
from mlops_policies.reading.dataset_hash import strong_hash
from policy_engine.evidence import (
    Case,
    Dataset,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    NotApplicable,
    Run,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Fraction, Margin, Points, Tighter, show

ID_OVERLAP = "leakage.id_overlap"
OVERLAP = "leakage.overlap_ratio"
_MEASURE = (
    "measure it where both are at hand: mlflow.log_metric("
    f"'{OVERLAP}', policy_engine.training.dataset.overlap_ratio(train, test))"
)


class TrainTestLeakage(Policy, name="train-test-leakage"):
    """The evaluation data is not the training data, nor a part of it, nor older than it.

    A model is perfect on what it has seen. Leakage is the most common reason for results that
    nobody can repeat, and it makes every other number of the report worthless.

    - `digests`: no training input has the `data.sha256`, or without it the digest, of an evaluation
      input. Equal ones fail; different ones only show that the two are not the same whole.
    - `id-overlap`: the metric `leakage.id_overlap`, the share of evaluation rows whose id occurs in
      training, is at most `max_id_overlap`.
    - `overlap`: the metric `leakage.overlap_ratio`, the share of evaluation rows all of whose
      features and target occur in training, is at most `max_overlap`. Honest duplicates exist.
      Where neither metric is logged, `overlap` is missing; where one is, it is judged alone.
    - `time`: with `temporal`, every evaluation input begins (`data.min_timestamp`) after all
      training inputs end (`data.max_timestamp`).
    - `too-good`: the metric that counts within `suspicious` of its perfect value, on
      `suspicious_rows` evaluation rows or more, is inconclusive: perhaps a feature gives the answer
      away. It is left out where neither the policy file nor the experiment names a metric.

    Both overlaps are shares in [0, 1]; the training client computes and logs them.

    Log it: `policy_engine.training.log_dataset(test, name="payments", context="evaluation")`, and
    `mlflow.log_metric("leakage.overlap_ratio", share)`.

    Source: Deepchecks (date and index leakage 0, train-test sample mix 5 %); Kapoor and Narayanan,
    "Leakage and the reproducibility crisis in machine-learning-based science" (2023).
    """

    needs = Needs.DATASETS | Needs.MODEL

    max_id_overlap: Annotated[Fraction, Tighter.LOWER] = Field(
        default=Decimal(0),
        le=1,
        description="Greatest share of evaluation rows whose id is in training (fraction).",
    )
    max_overlap: Annotated[Fraction, Tighter.LOWER] = Field(
        default=Decimal("0.05"),
        le=1,
        description="Greatest share of evaluation rows that occur in training (fraction).",
    )
    temporal: Annotated[bool, Tighter.ON] = Field(
        default=False, description="Whether evaluation data must be later than training data."
    )
    suspicious: Annotated[Points, Tighter.HIGHER] = Field(
        default=Margin(Decimal("0.1"), in_points=True),
        description="So near to a perfect metric is suspicious (points, or the metric's units).",
    )
    suspicious_rows: Annotated[int, Tighter.LOWER] = Field(
        default=1000, ge=1, description="A perfect metric is suspicious from here on (rows)."
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `digests`, the overlaps, and `time` and `too-good` where they are asked for."""
        run = case.candidate
        yield part("digests", lambda: _digests(run))
        yield from self._overlaps(run)
        if self.temporal:
            yield part("time", lambda: _time(run))
        if case.metric_setting is not None or case.evidence.run.primary_metric is not None:
            yield part("too-good", lambda: self._too_good(case))

    def _overlaps(self, run: Run) -> Iterator[Finding]:
        limits = {
            ID_OVERLAP: ("id-overlap", self.max_id_overlap, "whose id occurs in training"),
            OVERLAP: ("overlap", self.max_overlap, "that occur in training"),
        }
        logged = [metric for metric in limits if metric in run.metrics]
        if not logged:
            yield Finding(
                outcome=Outcome.MISSING,
                part="overlap",
                message=f"overlap not measured: the run has neither {OVERLAP} nor {ID_OVERLAP}",
                remedy=_MEASURE,
            )
        for metric in logged:
            name, limit, which = limits[metric]
            yield part(name, partial(_share, run, metric, name, limit, which))

    def _too_good(self, case: Case) -> Finding:
        metric = case.metric
        if metric.perfect is None:
            raise NotApplicable(f"nobody can say what a perfect {metric.name} is")
        value = case.candidate.metric(metric.name)
        distance = (metric.perfect - value.value).copy_abs()
        near = metric.distance(self.suspicious)
        shown = show(value.value, "", apart_from=metric.perfect)
        if distance > near:
            return Finding(
                outcome=Outcome.PASS,
                part="too-good",
                message=f"{metric.name} is {shown}, which is not suspiciously near to perfect",
                measured=value,
            )
        rows = _rows(case.candidate)
        said = "an unknown number of" if rows is None else f"{rows:,}"
        if rows is not None and rows < self.suspicious_rows:
            return Finding(
                outcome=Outcome.PASS,
                part="too-good",
                message=f"{metric.name} is {shown} on {said} evaluation rows; it is suspicious "
                f"from {self.suspicious_rows:,} rows on",
                measured=value,
            )
        return Finding(
            outcome=Outcome.INCONCLUSIVE,
            part="too-good",
            message=f"{metric.name} is {shown} on {said} evaluation rows: within "
            f"{self.suspicious} of perfect, which may be leakage",
            measured=value,
            remedy="see whether a feature is known only after the target, or gives it away",
        )


def _digests(run: Run) -> Finding:
    training, evaluation = datasets_in(run, "training"), datasets_in(run, "evaluation")
    pairs = list(product(training, evaluation))
    unknown = [f"{names_of(a)} and {names_of(b)}" for a, b in pairs if _is_same(a, b) is None]
    same = [f"{names_of(a)} and {names_of(b)}" for a, b in pairs if _is_same(a, b)]
    if same:
        return Finding(
            outcome=Outcome.FAIL,
            part="digests",
            message=f"training and evaluation data are the same: {', '.join(same)}",
            remedy="evaluate on rows that were held out before training",
        )
    if unknown:
        raise MissingEvidence(
            f"nobody can say whether training and evaluation data differ: {', '.join(unknown)} "
            "have no digest of one kind",
            "log both with policy_engine.training.log_dataset(…)",
        )
    return Finding(
        outcome=Outcome.PASS,
        part="digests",
        message="training and evaluation data have different digests",
        detail="training and evaluation data have different digests: "
        f"{', '.join(map(names_of, training))} against {', '.join(map(names_of, evaluation))}",
    )


def _is_same(training: Dataset, evaluation: Dataset) -> bool | None:
    """Say whether two inputs hold the same data, by the strongest hash of both; None: unknown."""
    strong = strong_hash(training), strong_hash(evaluation)
    if None not in strong:
        return strong[0] == strong[1]
    if not (training.digest and evaluation.digest):
        return None
    return training.digest == evaluation.digest


def _share(run: Run, metric: str, name: str, limit: Decimal, which: str) -> Finding:
    value = run.metric(metric).value
    if not 0 <= value <= 1:
        raise InvalidEvidence(
            f"metric {metric} of the {run.role} run is {show(value, '')}; a share lies in [0, 1]",
            _MEASURE,
        )
    return Finding.judge(
        Measurement(value, "%", source=f"metric {metric}"),
        "<=",
        limit,
        f"the share of evaluation rows {which}",
        part=name,
        remedy="take those rows out of training, or out of the evaluation",
    )


def _time(run: Run) -> Finding:
    ends = _times(run, "training", MAX_TIMESTAMP_TAG)
    begins = _times(run, "evaluation", MIN_TIMESTAMP_TAG)
    last, first = max(ends), min(begins)
    told = f"training data ends at {last.isoformat()}, evaluation data begins at "
    if first > last:
        return Finding(
            outcome=Outcome.PASS,
            part="time",
            message="evaluation data begins after training data ends",
            detail=f"{told}{first.isoformat()}",
        )
    return Finding(
        outcome=Outcome.FAIL,
        part="time",
        message="evaluation data begins before training data ends",
        detail=f"{told}{first.isoformat()}; it must begin later",
        remedy="split by time: evaluate on rows that are later than all training rows",
    )


def _times(run: Run, context: Context, tag: str) -> list[datetime]:
    datasets = datasets_in(run, context)
    absent = [names_of(d) for d in datasets if tag not in d.tags]
    if absent:
        raise MissingEvidence(
            f"{context} data {', '.join(absent)} has no {tag}",
            "log it with policy_engine.training.log_dataset(…, min_timestamp=…, max_timestamp=…)",
        )
    return [found for d in datasets if (found := moment(d, tag)) is not None]


def _rows(run: Run) -> int | None:
    """Return the rows of the largest evaluation input; None where nobody says."""
    try:
        rows = [d.rows for d in datasets_in(run, "evaluation") if d.rows is not None]
    except MissingEvidence:
        return None
    return max(rows, default=None)
