from __future__ import annotations

import math
import random
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as oracle

from mlops_policies.baseline.baseline_kind import BaselineKind
from mlops_policies.comparing.zero_rule import zero_rule_of_classes, zero_rule_of_numbers
from policy_engine.evidence import Metric, Needs
from policy_engine.evidence.record import (
    BaselineRecord,
    Cell,
    DatasetRecord,
    PassedOver,
    RunRecord,
    TableRecord,
    Unreadable,
)
from policy_engine.judging.judgement import findings_of
from policy_engine.policy import Finding, Outcome
from policy_engine.statistics import RowMetric as Definition
from policy_engine.testing import assert_outcome, bind, case, model, run, table

if TYPE_CHECKING:
    from collections.abc import Mapping

TEST = DatasetRecord(name="payments", digest="d1", context="evaluation")
TARGETS = (1,) * 30 + (0,) * 70


def rows(targets: tuple[Cell, ...] = TARGETS, **columns: Any) -> TableRecord:
    given = {"row_id": range(len(targets)), "target": targets, "prediction": targets}
    return table(**(given | columns))


def scored(value: float, name: str = "val_accuracy", **facts: Any) -> RunRecord:
    given: dict[str, Any] = {"metrics": {name: value}, "model": model(), "datasets": (TEST,)}
    return run(**(given | facts))


def judged(
    candidate: RunRecord,
    metric: str | Metric = "val_accuracy",
    tagged: Mapping[str, RunRecord | Unreadable] | None = None,
    baseline: RunRecord | None = None,
    **given: Any,
) -> list[Finding]:
    first_run = given.pop("first_run", False)
    policy = bind(BaselineKind, **given)
    here = case(policy, candidate=candidate, baseline=baseline, metric=metric, first_run=first_run)
    found = []
    for rules in policy.rules():
        kind = rules[0]["tag"]["baseline.kind"]
        hit = (tagged or {}).get(kind)
        why = PassedOver(rule=f"tag: baseline.kind={kind}", why="no FINISHED run has it")
        found.append(BaselineRecord(rules=rules, run=hit, passed_over=() if hit else (why,)))
    evidence = here.evidence.model_copy(update={"baselines": tuple(found)})
    return list(findings_of(policy, here._replace(evidence=evidence)))


def outcome(candidate: RunRecord, *args: Any, **given: Any) -> Outcome:
    (finding,) = judged(candidate, *args, **given)
    return finding.outcome


def test_a_model_above_the_majority_class_passes() -> None:
    message = (
        "val_accuracy is 0.9; it must be above that of the best constant "
        "(class 0, true of 70.0% of the rows), 0.7 (exact McNemar, only the candidate right "
        "b = 30, only the constant c = 0: one-sided p = 9.313e-10 against 'is no better'; "
        "alpha = 0.05)"
    )
    found = judged(scored(0.9, predictions=rows()))
    finding = assert_outcome(found, "pass", part="zero-rule", message=message)
    assert finding.baseline is not None
    assert finding.baseline.grade == "recomputed"


@pytest.mark.parametrize("value", [0.7, 0.69])
def test_a_model_that_is_no_better_than_the_majority_class_fails(value: float) -> None:
    (finding,) = judged(scored(value, predictions=rows()))
    assert finding.outcome is Outcome.FAIL
    assert finding.remedy == "do without a model, or find out why it is no better in val_accuracy"


def better_by(wins: int, losses: int) -> RunRecord:
    said = (1,) * wins + (0,) * (30 - wins) + (1,) * losses + (0,) * (70 - losses)
    return scored((70 + wins - losses) / 100, predictions=rows(prediction=said))


@pytest.mark.parametrize(("wins", "losses"), [(4, 8), (6, 6), (0, 0)])
def test_a_value_that_beats_the_constant_where_its_rows_do_not_is_inconclusive(
    wins: int, losses: int
) -> None:
    said = better_by(wins, losses).predictions
    (finding,) = judged(scored(0.74, predictions=said))
    message = (
        "val_accuracy as logged beats always answering the same class; the rows that are logged "
        "do not"
    )
    assert (finding.outcome, finding.message, finding.remedy) == (
        Outcome.INCONCLUSIVE,
        message,
        "log predictions and metric of the same rows, and look at what it has learnt",
    )
    assert "; on its 100 rows it is not right more often (exact McNemar" in finding.whole


def test_a_model_that_only_looks_better_than_the_constant_is_inconclusive() -> None:
    """SciPy: binomtest(8, 12, alternative='greater') has p = 0.1938, (10, 12) has 0.01929."""
    assert binomtest(8, 12, alternative="greater").pvalue == pytest.approx(0.1938, abs=5e-5)
    message = (
        "val_accuracy is 0.74; it must be above that of the best constant (class 0, true of 70.0% "
        "of the rows), 0.7; 100 rows do not show that it is better: about 520 rows do 4 times in "
        "5, "
        "if it is truly better by what is seen here (exact McNemar, only the candidate right "
        "b = 8, only the constant c = 4: one-sided p = 0.1938 against 'is no better'; "
        "alpha = 0.05)"
    )
    found = judged(better_by(8, 4))
    finding = assert_outcome(found, "inconclusive", part="zero-rule", message=message)
    assert finding.message == (
        "right on 4 of 100 rows more than always answering the same class; too few to be sure"
    )
    assert finding.remedy == (
        "evaluate on more rows: about 520 rows (100 now) decide 4 times in 5, if it is truly "
        "better by what is seen here; "
        "decide on the number first, take new ones, and check again once: repeated looks find "
        "something by chance"
    )
    assert outcome(better_by(8, 4), alpha=0.2) is Outcome.PASS
    assert outcome(better_by(10, 2)) is Outcome.PASS
    assert outcome(better_by(4, 8)) is Outcome.FAIL


def test_the_boundary_is_above_the_constant() -> None:
    assert outcome(scored(0.7, predictions=rows())) is Outcome.FAIL
    assert outcome(scored(0.7 + 1e-12, predictions=rows())) is Outcome.FAIL
    assert outcome(scored(0.7001, predictions=rows())) is Outcome.PASS


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_never_passes(value: float) -> None:
    assert outcome(scored(value, predictions=rows())) is Outcome.FAIL


def test_a_metric_that_a_constant_makes_perfect_decides_nothing() -> None:
    message = (
        "val_recall is 0.9; it must be above that of the best constant (always class 1), 1: "
        "val_recall is perfect without any model, so it tells nothing"
    )
    found = judged(scored(0.9, "val_recall_binary", predictions=rows()), "val_recall_binary")
    message = message.replace("val_recall", "val_recall_binary")
    assert_outcome(found, "inconclusive", message=message)


def test_without_predictions_and_runs_it_is_missing_and_says_why() -> None:
    message = (
        "no trivial baseline: 0.94 val_accuracy may be no better than a constant (zero-rule: the "
        "candidate run has no predictions table; random: no baseline "
        "(tag: baseline.kind=random: no FINISHED run has it))"
    )
    finding = assert_outcome(judged(scored(0.94)), "missing", part="trivial", message=message)
    assert finding.remedy is not None
    assert 'mlflow.set_tag("baseline.kind", "zero-rule")' in finding.remedy


def test_a_tagged_run_on_the_same_data_does_where_nothing_can_be_computed() -> None:
    chance = scored(0.5, run_name="coin")
    message = "val_accuracy is 0.9; it must be above that of random run coin (00000000), 0.5"
    found = judged(scored(0.9), tagged={"random": chance})
    assert_outcome(found, "pass", part="random", message=message)
    constant = scored(0.95, run_name="majority")
    found = judged(scored(0.9), tagged={"zero-rule": constant})
    assert_outcome(found, "fail", part="zero-rule")


def test_each_kind_that_is_known_must_be_beaten() -> None:
    found = judged(scored(0.8, predictions=rows()), tagged={"random": scored(0.85)})
    assert_outcome(found, "pass", part="zero-rule")
    assert_outcome(found, "fail", part="random")


@pytest.mark.parametrize("datasets", [(), (TEST.model_copy(update={"digest": "d2"}),)])
def test_a_run_on_other_data_is_no_baseline(datasets: tuple[DatasetRecord, ...]) -> None:
    chance = scored(0.5, datasets=datasets)
    found = judged(scored(0.9), tagged={"random": chance}, require_any=["random"])
    finding = assert_outcome(found, "missing", part="trivial")
    words = "other data" if datasets else "not known to be evaluated on the candidate's data"
    assert words in finding.whole


def test_equal_rows_are_the_same_data_too() -> None:
    chance = scored(0.5, datasets=(), predictions=rows())
    found = judged(scored(0.9, predictions=rows()), tagged={"random": chance})
    assert_outcome(found, "pass", part="random")


def test_a_baseline_that_could_not_be_read_is_an_error() -> None:
    found = judged(scored(0.9), tagged={"random": Unreadable(unreadable="HTTP 500")})
    assert_outcome(found, "error", part="random")


def test_a_first_run_has_a_trivial_baseline_too() -> None:
    assert outcome(scored(0.9, predictions=rows()), first_run=True) is Outcome.PASS
    assert outcome(scored(0.9), first_run=True) is Outcome.MISSING


def test_a_champion_is_itself_the_existing_solution() -> None:
    message = (
        "the baseline run is the existing solution, with val_accuracy 0.95; whether the candidate "
        "beats it, other policies judge"
    )
    found = judged(scored(0.9, predictions=rows()), baseline=scored(0.95))
    assert_outcome(found, "pass", part="existing-solution", message=message)
    rival = {"existing-solution": scored(0.92, run_name="rules")}
    found = judged(scored(0.9, predictions=rows()), tagged=rival, baseline=scored(0.95))
    assert_outcome(found, "fail", part="existing-solution")


def test_a_champion_that_could_not_be_read_is_an_error() -> None:
    policy = BaselineKind()
    here = case(policy, candidate=scored(0.9, predictions=rows()), metric="val_accuracy")
    broken = BaselineRecord(rules=(), run=Unreadable(unreadable="HTTP 500"))
    found = findings_of(policy, here._replace(found=broken))
    assert_outcome(found, "pass", part="zero-rule")
    assert_outcome(found, "error", part="existing-solution")


def test_other_kinds_are_due_once_there_is_a_champion() -> None:
    given: dict[str, Any] = {"require_if_champion": ["human"]}
    candidate = scored(0.9, predictions=rows())
    assert outcome(candidate, **given) is Outcome.PASS
    found = judged(candidate, baseline=scored(0.95), **given)
    assert_outcome(found, "missing", part="human")


def test_nothing_that_is_asked_is_not_applicable() -> None:
    assert outcome(scored(0.9), require_any=[]) is Outcome.NOT_APPLICABLE


def test_the_constant_of_an_f1_follows_the_definition_that_was_logged() -> None:
    """Weighted, as autologging logs it: 0.5765 by the majority; binary it would be 0.4615."""
    predicted = (1,) * 20 + (0,) * 80
    table_ = rows(prediction=predicted)
    weighted = oracle.f1_score(TARGETS, predicted, average="weighted")
    binary = oracle.f1_score(TARGETS, predicted)
    for value, constant in ((weighted, 0.7 * 1.4 / 1.7), (binary, 0.6 / 1.3)):
        (finding,) = judged(scored(value, "val_f1", predictions=table_), "val_f1")
        assert finding.baseline is not None
        assert math.isclose(finding.baseline.value, constant, rel_tol=1e-9)


def test_an_unknown_metric_cannot_be_computed() -> None:
    metric = Metric("profit", "maximize", None, "the test")
    found = judged(scored(3, "profit", predictions=rows()), metric)
    finding = assert_outcome(found, "missing", part="trivial")
    assert "it is not known how profit is computed from rows" in finding.whole


def test_an_error_must_be_below_that_of_the_mean() -> None:
    numbers = rows((1.0, 2.0, 6.0))
    message = "val_mae is 2; it must be below that of the best constant (the median 2), 1.667"
    assert_outcome(
        judged(scored(2, "val_mae", predictions=numbers), "val_mae"), "fail", message=message
    )
    assert outcome(scored(1.6, "val_mae", predictions=numbers), "val_mae") is Outcome.PASS


def test_it_asks_for_each_kind_by_its_tag() -> None:
    assert BaselineKind().rules() == (
        ({"tag": {"baseline.kind": "zero-rule"}},),
        ({"tag": {"baseline.kind": "random"}},),
        ({"tag": {"baseline.kind": "existing-solution"}},),
    )
    due = Needs.BASELINE | Needs.PREDICTIONS | Needs.DATASETS | Needs.MODEL
    assert BaselineKind().reads() == due


# The constants, against scikit-learn.

CLASSES = {
    "accuracy": lambda y, c, w: oracle.accuracy_score(y, c, sample_weight=w),
    "kappa": lambda y, c, w: oracle.cohen_kappa_score(y, c, sample_weight=w),
    "mcc": lambda y, c, w: oracle.matthews_corrcoef(y, c, sample_weight=w),
    "balanced_accuracy": lambda y, c, w: oracle.balanced_accuracy_score(y, c, sample_weight=w),
}
AVERAGED = {
    "f1": oracle.f1_score,
    "precision": oracle.precision_score,
    "recall": oracle.recall_score,
    "jaccard": oracle.jaccard_score,
}
targets_of = st.lists(st.integers(0, 3), min_size=4, max_size=30).filter(lambda y: len(set(y)) > 1)


def best(score: Any, targets: list[int], weights: list[float]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [score(targets, [c] * len(targets), weights) for c in set(targets)]
    return max(0.0 if math.isnan(each) else float(each) for each in found)


@settings(max_examples=25, deadline=None)
@given(targets_of, st.randoms(use_true_random=False))
def test_the_best_class_is_scikit_learns(targets: list[int], chance: random.Random) -> None:
    weights = [chance.choice([0.5, 1.0, 2.0]) for _ in targets]
    for kind, score in CLASSES.items():
        value = zero_rule_of_classes(Definition(kind), targets, weights).value  # type: ignore[arg-type]
        assert math.isclose(value, best(score, targets, weights), abs_tol=1e-9), kind
    for name, average in ((n, a) for n in AVERAGED for a in ("macro", "micro", "weighted")):

        def score(y: Any, c: Any, w: Any, name: str = name, average: str = average) -> Any:
            return AVERAGED[name](y, c, sample_weight=w, average=average, zero_division=0)

        value = zero_rule_of_classes(Definition(name, average), targets, weights).value  # type: ignore[arg-type]
        assert math.isclose(value, best(score, targets, weights), abs_tol=1e-9), (name, average)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 1), min_size=3, max_size=30).filter(lambda y: len(set(y)) > 1))
def test_the_best_score_of_two_classes_is_scikit_learns(targets: list[int]) -> None:
    prior = [sum(targets) / len(targets)] * len(targets)
    expected = {
        "roc_auc": oracle.roc_auc_score(targets, prior),
        "average_precision": oracle.average_precision_score(targets, prior),
        "log_loss": oracle.log_loss(targets, prior),
        "brier": oracle.brier_score_loss(targets, prior),
        "f1": oracle.f1_score(targets, [1] * len(targets)),
        "precision": oracle.precision_score(targets, [1] * len(targets)),
    }
    for kind, value in expected.items():
        found = zero_rule_of_classes(Definition(kind, "binary"), targets, None).value  # type: ignore[arg-type]
        assert math.isclose(found, value, abs_tol=1e-9), kind


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(0, 100).map(float), min_size=2, max_size=20),
    st.randoms(use_true_random=False),
)
def test_no_other_constant_has_a_smaller_error(targets: list[float], chance: random.Random) -> None:
    weights = [chance.choice([0.5, 1.0, 2.0]) for _ in targets]
    other = [chance.uniform(0, 100)] * len(targets)
    for kind, score in (
        ("mae", oracle.mean_absolute_error),
        ("mse", oracle.mean_squared_error),
        ("rmse", oracle.root_mean_squared_error),
    ):
        found = zero_rule_of_numbers(Definition(kind), targets, weights).value  # type: ignore[arg-type]
        assert found <= score(targets, other, sample_weight=weights) + 1e-9
    assert zero_rule_of_numbers(Definition("r2"), targets, weights).value == 0


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 100).map(float), min_size=2, max_size=20),
    st.randoms(use_true_random=False),
)
def test_nor_has_any_in_an_error_for_which_mean_and_median_are_not_best(
    targets: list[float], chance: random.Random
) -> None:
    weights = [chance.choice([0.5, 1.0, 2.0]) for _ in targets]
    other = [chance.uniform(0, 100)] * len(targets)
    for kind, score in (
        ("mape", oracle.mean_absolute_percentage_error),
        ("rmsle", oracle.root_mean_squared_log_error),
    ):
        found = zero_rule_of_numbers(Definition(kind), targets, weights).value  # type: ignore[arg-type]
        assert found <= score(targets, other, sample_weight=weights) + 1e-9, kind
    found = zero_rule_of_numbers(Definition("max_error"), targets, weights).value
    assert found <= oracle.max_error(targets, other) + 1e-9
