from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.train_test_leakage import TrainTestLeakage
from policy_engine.evidence import Dataset, Metric, Needs
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.logged_data import logged

ONE, OTHER = "1a" * 32, "2b" * 32


def data(name: str, context: str, digest: str | None, **facts: Any) -> Dataset:
    return Dataset(name=name, context=context, digest=digest, **facts)


TRAIN = data("train", "train", "11111111")
TEST = data("test", "test", "22222222", rows=2000)


def judged(*datasets: Dataset, metric: str | Metric | None = None, **facts: Any) -> list[Finding]:
    settings = facts.pop("settings", {})
    metrics = facts.pop("metrics", {"leakage.overlap_ratio": 0.0})
    candidate = run(datasets=datasets or (TRAIN, TEST), metrics=metrics, **facts)
    return judge(bind(TrainTestLeakage, **settings), candidate=candidate, metric=metric)


def test_data_that_differs_and_does_not_overlap_passes() -> None:
    found = judged(metrics={"leakage.overlap_ratio": 0.03, "leakage.id_overlap": 0})
    message = (
        "training and evaluation data have different digests: 'train' (11111111) against "
        "'test' (22222222)"
    )
    assert_outcome(found, "pass", part="digests", message=message)
    message = "the share of evaluation rows that occur in training is 3%; it must be at most 5%"
    assert_outcome(found, "pass", part="overlap", message=message)
    message = (
        "the share of evaluation rows whose id occurs in training is 0%; it must be at most 0%"
    )
    assert_outcome(found, "pass", part="id-overlap", message=message)
    assert len(found) == 3


def test_equal_digests_fail_even_where_no_overlap_was_measured() -> None:
    found = judged(TRAIN, data("copy", "holdout", "11111111"), metrics={})
    message = "training and evaluation data are the same: 'train' (11111111) and 'copy' (11111111)"
    finding = assert_outcome(found, "fail", part="digests", message=message)
    assert finding.remedy == "evaluate on rows that were held out before training"
    message = (
        "overlap not measured: the run has neither leakage.overlap_ratio nor leakage.id_overlap"
    )
    assert_outcome(found, "missing", part="overlap", message=message)


@pytest.mark.parametrize(
    ("hashes", "digests", "outcome"),
    [
        ((ONE, ONE), ("1", "2"), "fail"),  # a shuffled copy: the weak digests differ
        ((ONE, OTHER), ("1", "1"), "pass"),  # equal in their first 10,000 rows alone
        ((ONE, None), ("1", "1"), "fail"),
        ((None, None), (None, "1"), "missing"),
        ((ONE, None), (None, "1"), "missing"),
    ],
)
def test_the_strongest_hash_that_both_have_decides(
    hashes: tuple[str | None, ...], digests: tuple[str | None, ...], outcome: str
) -> None:
    train, test = (
        data(context, context, digest, tags={} if sha is None else {"data.sha256": sha})
        for context, digest, sha in zip(("training", "evaluation"), digests, hashes, strict=True)
    )
    assert_outcome(judged(train, test), outcome, part="digests")


def test_every_pair_is_compared() -> None:
    found = judged(TRAIN, TEST, data("b", "fit", "33333333"), data("c", "eval", "33333333"))
    message = "training and evaluation data are the same: 'b' (33333333) and 'c' (33333333)"
    assert_outcome(found, "fail", part="digests", message=message)


@pytest.mark.parametrize(("there", "absent"), [(TRAIN, "evaluation"), (TEST, "training")])
def test_a_side_that_was_not_logged_is_missing(there: Dataset, absent: str) -> None:
    finding = assert_outcome(judged(there), "missing", part="digests")
    assert f"no dataset logged for context `{absent}`" in finding.whole


def test_too_much_overlap_fails() -> None:
    found = judged(metrics={"leakage.overlap_ratio": 0.06, "leakage.id_overlap": 0.0001})
    message = "the share of evaluation rows that occur in training is 6%; it must be at most 5%"
    finding = assert_outcome(found, "fail", part="overlap", message=message)
    assert finding.remedy == "take those rows out of training, or out of the evaluation"
    assert_outcome(found, "fail", part="id-overlap")


def test_exactly_the_limit_passes() -> None:
    assert_outcome(judged(metrics={"leakage.overlap_ratio": 0.05}), "pass", part="overlap")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.01, 1.01])
def test_a_share_that_is_none_fails(value: float) -> None:
    assert_outcome(judged(metrics={"leakage.overlap_ratio": value}), "fail", part="overlap")


def at(context: str, **times: str) -> Dataset:
    tags = {f"data.{key}_timestamp": value for key, value in times.items()}
    return data(context, context, context, tags=tags)


@pytest.mark.parametrize(
    ("end", "begin", "outcome"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "pass"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "fail"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:59:00+01:00", "fail"),
        ("2026-01-01", "2026-01-02", "pass"),
        ("2026-01-01", "tomorrow", "fail"),
    ],
)
def test_later_evaluation_data_passes(end: str, begin: str, outcome: str) -> None:
    found = judged(
        at("training", max=end), at("evaluation", min=begin), settings={"temporal": True}
    )
    assert_outcome(found, outcome, part="time")


def test_evaluation_data_within_the_time_of_training_is_named_with_both_times() -> None:
    found = judged(
        at("training", max="2026-03-01"),
        at("evaluation", min="2026-02-01"),
        settings={"temporal": True},
    )
    message = (
        "training data ends at 2026-03-01T00:00:00+00:00, evaluation data begins at "
        "2026-02-01T00:00:00+00:00; it must begin later"
    )
    assert_outcome(found, "fail", part="time", message=message)


def test_times_that_were_not_logged_are_missing_where_they_are_asked_for() -> None:
    message = "training data 'train' (11111111) has no data.max_timestamp"
    found = judged(settings={"temporal": True})
    assert_outcome(found, "missing", part="time", message=message)
    assert "time" not in {f.part for f in judged()}


def scored(
    value: float, metric: str | Metric = "val_f1", test: Dataset = TEST, **settings: Any
) -> Finding:
    name = metric if isinstance(metric, str) else metric.name
    metrics = {name: value, "leakage.overlap_ratio": 0.0}
    found = judged(TRAIN, test, metrics=metrics, metric=metric, settings=settings)
    return next(f for f in found if f.part == "too-good")


def test_a_perfect_score_on_many_rows_is_inconclusive() -> None:
    message = (
        "val_f1 is 0.9995 on 2,000 evaluation rows: within 0.1 pt of perfect, which may be leakage"
    )
    finding = assert_outcome([scored(0.9995)], "inconclusive", message=message)
    assert finding.remedy == (
        "see whether a feature is known only after the target, or gives it away"
    )


def test_the_boundaries_of_suspicion() -> None:
    assert scored(0.999).outcome is Outcome.INCONCLUSIVE
    assert scored(0.99899).outcome is Outcome.PASS
    test = data("test", "test", "2", rows=1000)
    assert scored(1, test=test).outcome is Outcome.INCONCLUSIVE
    test = data("test", "test", "2", rows=999)
    message = "val_f1 is 1 on 999 evaluation rows; it is suspicious from 1,000 rows on"
    assert_outcome([scored(1, test=test)], "pass", message=message)


def test_a_perfect_score_on_an_unknown_number_of_rows_is_inconclusive() -> None:
    found = scored(1, test=data("test", "test", "2"))
    assert_outcome([found], "inconclusive")
    assert "on an unknown number of evaluation rows" in found.whole


def test_an_ordinary_score_passes() -> None:
    message = "val_f1 is 0.91, which is not suspiciously near to perfect"
    assert_outcome([scored(0.91)], "pass", message=message)


def test_a_loss_is_perfect_at_0_and_needs_a_margin_in_its_units() -> None:
    assert_outcome([scored(0.0001, "rmse")], "missing")
    assert_outcome([scored(0.0001, "rmse", suspicious=0.001)], "inconclusive")
    assert_outcome([scored(0.5, "rmse", suspicious=0.001)], "pass")


def test_a_metric_without_a_perfect_value_is_not_suspected() -> None:
    own = Metric("profit", "maximize", None, "the test")
    message = "nobody can say what a perfect profit is"
    assert_outcome([scored(1e9, own)], "not-applicable", message=message)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1.5])
def test_a_score_that_is_none_fails(value: float) -> None:
    assert_outcome([scored(value)], "fail")


@pytest.mark.parametrize(
    "settings", [{"max_overlap": 1.5}, {"max_id_overlap": -1}, {"suspicious_rows": 0}]
)
def test_a_share_outside_of_0_to_1_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bind(TrainTestLeakage, **settings)


def test_it_reads_datasets_and_the_model() -> None:
    assert TrainTestLeakage().reads() == Needs.DATASETS | Needs.MODEL


def test_really_logged_data_is_told_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    careful = judge(TrainTestLeakage(), candidate=runs.careful, metric="val_accuracy")
    assert [(f.part, f.outcome.value) for f in careful] == [
        ("digests", "pass"),
        ("overlap", "pass"),
        ("too-good", "pass"),
    ]
    careless = judge(TrainTestLeakage(), candidate=runs.careless)
    assert_outcome(careless, "fail", part="digests")
    assert_outcome(careless, "missing", part="overlap")


shares = st.integers(0, 1000).map(lambda n: n / 1000)


@given(share=shares, limit=shares, more=shares)
def test_a_looser_limit_never_fails_what_a_tighter_one_passes(
    share: float, limit: float, more: float
) -> None:
    limits = (limit, min(1.0, limit + more))
    tight, loose = (
        next(
            f.outcome
            for f in judged(
                metrics={"leakage.overlap_ratio": share}, settings={"max_overlap": each}
            )
            if f.part == "overlap"
        )
        for each in limits
    )
    assert tight == ("pass" if share <= limit else "fail")
    assert not (tight == "pass" and loose == "fail")
