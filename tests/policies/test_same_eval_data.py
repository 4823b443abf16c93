from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_policies.baseline.same_eval_data import SameEvalData
from mlops_policies.comparing.same_data import Identity, Same, evaluation_data, same_data
from policy_engine.evidence import Needs, Run
from policy_engine.evidence.record import DatasetRecord, ModelMetricRecord, RunRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run, table


def data(digest: str | None = "d1", strong: str | None = None, **facts: Any) -> DatasetRecord:
    given: dict[str, Any] = {"name": "payments", "context": "evaluation", "rows": 1000}
    tags = {} if strong is None else {"data.sha256": strong}
    return DatasetRecord(digest=digest, tags=tags, **(given | facts))


def on(*datasets: DatasetRecord, **facts: Any) -> RunRecord:
    return run(datasets=datasets, **({"model": model()} | facts))


def judged(new: RunRecord, old: RunRecord | None, **settings: Any) -> list[Finding]:
    return judge(bind(SameEvalData, **settings), candidate=new, baseline=old)


def outcome(new: RunRecord, old: RunRecord, **settings: Any) -> Outcome:
    (finding,) = judged(new, old, **settings)
    return finding.outcome


def rows(*ids: str, target: tuple[Any, ...] | None = None) -> Any:
    targets = target or tuple(len(each) % 2 for each in ids)
    return table(row_id=ids, target=targets, prediction=targets)


def test_equal_hashes_pass() -> None:
    message = (
        "candidate and baseline were evaluated on the same data, "
        "'payments' (digest d1, 1,000 rows, sha256 aaaaaaaaaaaa)"
    )
    found = judged(on(data(strong="a" * 64)), on(data(strong="a" * 64, name="renamed")))
    assert_outcome(found, "pass", message=message)


def test_a_weak_digest_alone_passes_with_a_note() -> None:
    message = (
        "candidate and baseline were evaluated on the same data, 'payments' (digest d1, 1,000 "
        "rows) (by MLflow's digest alone, which reads a sample of large data: "
        "policy_engine.training.log_dataset logs a hash of all of it)"
    )
    assert_outcome(judged(on(data()), on(data())), "pass", message=message)


def test_another_digest_fails() -> None:
    message = (
        "the candidate was evaluated on 'payments' (digest d2, 1,000 rows), the baseline on "
        "'payments' (digest d1, 1,000 rows): other data"
    )
    finding = assert_outcome(judged(on(data("d2")), on(data())), "fail", message=message)
    assert finding.remedy == (
        "evaluate the baseline's model on the candidate's data "
        "(mlflow.models.evaluate with its model id), or the candidate on the baseline's"
    )


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (data(strong="a"), data(strong="b"), Outcome.FAIL),
        (data(strong="a"), data(), Outcome.PASS),
        (data("d1", "a"), data("d2", "a"), Outcome.FAIL),
        (data(rows=999), data(), Outcome.FAIL),
        (data(rows=None), data(), Outcome.PASS),
        (data(None), data(None), Outcome.MISSING),
    ],
)
def test_identifiers_that_both_have_must_be_equal(
    new: DatasetRecord, old: DatasetRecord, expected: Outcome
) -> None:
    assert outcome(on(new), on(old)) is expected


def test_rows_may_be_left_out() -> None:
    assert outcome(on(data(rows=999)), on(data()), match="digest") is Outcome.PASS


def test_training_data_is_no_evaluation_data() -> None:
    train = data("d9", context="train")
    assert outcome(on(data(), train), on(data(), data("d8", context="train"))) is Outcome.PASS
    message = "the candidate has no evaluation dataset, so it is not comparable: "
    (finding,) = judged(on(train), on(train))
    assert finding.outcome is Outcome.MISSING
    assert finding.whole.startswith(message)


def test_a_baseline_without_data_is_not_comparable() -> None:
    message = (
        "the baseline has no evaluation dataset, so it is not comparable: "
        "the candidate run has no predictions table"
    )
    finding = assert_outcome(judged(on(data()), on()), "missing", message=message)
    assert finding.remedy == (
        "it is the baseline that lacks this: train the baseline again, or move its alias to a "
        "version that has it (log it: policy_engine.training.log_dataset(data, name=…, "
        "context='evaluation'))"
    )


def test_a_candidate_without_data_is_what_its_author_can_mend() -> None:
    (finding,) = judged(on(), on(data()))
    log_it = "log it: policy_engine.training.log_dataset(data, name=…, context='evaluation')"
    assert finding.remedy == log_it


def test_contexts_that_both_have_are_compared() -> None:
    both = on(data("v1", context="validation"), data("t1", context="test"))
    assert outcome(both, on(data("t1", context="test"))) is Outcome.PASS
    assert outcome(both, on(data("t2", context="test"))) is Outcome.FAIL


def test_a_baseline_that_was_evaluated_again_on_the_new_data_passes() -> None:
    metric = ModelMetricRecord(key="f1", value=0.9, dataset="payments", digest="d2", run_id="e")
    again = on(data("d1"), model=model(metrics=(metric,)))
    assert outcome(on(data("d2")), again) is Outcome.PASS
    trained = on(data("d1"), data("d2", context="train"), model=model(metrics=(metric,)))
    assert outcome(on(data("d2")), trained) is Outcome.FAIL


def test_data_without_a_context_count_where_the_model_s_metrics_name_them() -> None:
    metric = ModelMetricRecord(key="f1", value=0.9, dataset="payments", digest="d1")
    new = on(data(context=None), model=model(metrics=(metric,)))
    assert outcome(new, on(data())) is Outcome.PASS
    assert outcome(on(data(context=None)), on(data())) is Outcome.MISSING


def test_a_strong_hash_may_be_asked_for() -> None:
    message = (
        "candidate and baseline have no data.sha256 of their evaluation data in common, "
        "and require_strong asks for it"
    )
    found = judged(on(data(strong="a")), on(data()), require_strong=True)
    assert_outcome(found, "missing", message=message)
    strong = on(data(strong="a"))
    assert outcome(strong, strong, require_strong=True) is Outcome.PASS


def test_without_datasets_equal_rows_pass() -> None:
    new, old = on(predictions=rows("a", "bb")), on(predictions=rows("bb", "a"))
    message = (
        "candidate and baseline were evaluated on the same data: all 2 row_id of their "
        "predictions, with their targets, are equal"
    )
    finding = assert_outcome(judged(new, old), "pass", message=message)
    assert finding.measured is not None
    assert finding.measured.grade == "measured"


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (rows("a", "bb"), rows("a", "bb", "c")),
        (rows("a", "bb", "c"), rows("a", "bb")),
        (rows("a", "bb"), rows("a", "bb", target=(0, 0))),
        (rows("a", "a"), rows("a", "bb")),
        (rows("a", target=(None,)), rows("a")),
    ],
)
def test_without_datasets_other_rows_fail(new: Any, old: Any) -> None:
    assert outcome(on(predictions=new), on(predictions=old)) is Outcome.FAIL


def test_no_baseline_is_missing() -> None:
    assert_outcome(judged(on(data()), None), "missing")


def test_it_reads_data_models_and_predictions() -> None:
    due = Needs.BASELINE | Needs.DATASETS | Needs.MODEL | Needs.PREDICTIONS
    assert SameEvalData().reads() == due


identities = st.builds(
    Identity,
    name=st.just("x"),
    context=st.sampled_from(["", "test", "eval"]),
    digest=st.sampled_from([None, "d1", "d2"]),
    rows=st.sampled_from([None, 1, 2]),
    strong=st.sampled_from([None, "a", "b"]),
)


@given(identities, identities)
def test_comparing_has_no_direction(one: Identity, other: Identity) -> None:
    assert one.compare(other) is other.compare(one)
    assert same_data([one], [other]) is same_data([other], [one])


@given(identities)
def test_data_are_the_same_as_themselves_or_unknown(one: Identity) -> None:
    known = one.digest is not None or one.strong is not None
    assert one.compare(one) is (Same.YES if known else Same.UNKNOWN)


@pytest.mark.parametrize("metric", ["training_accuracy", "train_f1"])
def test_a_metric_of_the_rows_that_training_saw_has_no_evaluation_data(metric: str) -> None:
    both = on(data(strong="a" * 64))
    found = judge(SameEvalData(), candidate=both, baseline=both, metric=metric)
    message = (
        f"the metric that counts, {metric}, is by its name of the rows that training saw, so no "
        "evaluation data stand behind it"
    )
    finding = assert_outcome(found, "missing", message=message)
    assert finding.remedy == "name a metric of evaluation data under `metric:` in the policy file"
    found = judge(SameEvalData(), candidate=both, baseline=both, metric="val_f1")
    assert_outcome(found, "pass")


@pytest.mark.parametrize("role", ["earlier", "later"])
def test_of_a_run_beside_the_candidate_the_model_is_not_asked(role: str) -> None:
    facts = Needs.RUN | Needs.DATASETS
    assert evaluation_data(Run(on(data(context="training")), facts, role)) == ()
    (found,) = evaluation_data(Run(on(data()), facts, role))
    assert (found.digest, found.is_sure) == ("d1", True)
