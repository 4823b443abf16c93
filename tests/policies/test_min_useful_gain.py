from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.accuracy_cost.min_useful_gain import MinUsefulGain
from policy_engine.evidence import Metric, Needs
from policy_engine.evidence.record import RunRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, judge, run
from tests.policies.predicted import counted, rows, scored

NOT_CHANCE = " (a point comparison: it does not tell chance from improvement)"
NAN, INF = float("nan"), float("inf")
UP = Metric("quality", "maximize", Decimal(2), "the test")
DOWN = Metric("quality", "minimize", Decimal(2), "the test")

finite = st.floats(min_value=-1e300, max_value=1e300)
near = st.integers(-300, 300).map(lambda n: n / 100)
values = st.one_of(finite, near)
metrics = st.sampled_from([UP, DOWN])
hundredths = st.integers(0, 1000).map(lambda n: Decimal(n) / 100)


def policy(**settings: Any) -> MinUsefulGain:
    return MinUsefulGain.model_validate(settings)


def judged(
    rule: MinUsefulGain, new: float | None, old: float | None, metric: str | Metric = "val_f1"
) -> list[Finding]:
    name = metric if isinstance(metric, str) else metric.name
    new_metrics, old_metrics = ({} if v is None else {name: v} for v in (new, old))
    return judge(
        rule, candidate=run(metrics=new_metrics), baseline=run(metrics=old_metrics), metric=metric
    )


def passes(rule: MinUsefulGain, new: float, old: float, metric: str | Metric) -> bool:
    return all(f.outcome is Outcome.PASS for f in judged(rule, new, old, metric))


def test_half_a_point_is_useful_by_default() -> None:
    message = (
        "val_f1 goes from 0.89 to 0.91: a gain of 2.00 pt; it must be at least 0.50 pt" + NOT_CHANCE
    )
    finding = assert_outcome(judged(policy(), 0.91, 0.89), "pass", part="absolute", message=message)
    assert finding.measured is not None
    assert finding.limit is not None
    assert (finding.measured.value, finding.measured.unit) == (Decimal(2), "pt")
    assert (finding.limit.value, finding.limit.unit, finding.limit.op) == (
        Decimal("0.5"),
        "pt",
        ">=",
    )


def test_a_hair_is_not_useful() -> None:
    message = (
        "val_f1 goes from 0.89 to 0.891: a gain of 0.10 pt; it must be at least 0.50 pt"
        + NOT_CHANCE
    )
    finding = assert_outcome(judged(policy(), 0.891, 0.89), "fail", message=message)
    assert finding.remedy == (
        "improve val_f1 further before you ask for a merge, or lower min_abs and say why"
    )


def test_a_loss_is_shown_as_a_negative_gain() -> None:
    message = (
        "val_f1 goes from 0.89 to 0.88: a gain of -1.00 pt; it must be at least 0.50 pt"
        + NOT_CHANCE
    )
    assert_outcome(judged(policy(), 0.88, 0.89), "fail", message=message)


def test_exactly_the_least_gain_passes_where_floats_would_round() -> None:
    assert 0.3 - 0.1 < 0.2
    assert passes(policy(min_abs="20pt"), 0.3, 0.1, "val_f1")
    assert not passes(policy(min_abs="20pt"), 0.2999999999, 0.1, "val_f1")


def test_the_least_gain_may_be_in_the_metrics_units() -> None:
    message = "rmse goes from 12 to 11: a gain of 1; it must be at least 1.5" + NOT_CHANCE
    finding = assert_outcome(judged(policy(min_abs=1.5), 11, 12, "rmse"), "fail", message=message)
    assert finding.measured is not None
    assert finding.measured.unit == "rmse"


def test_a_point_is_1_percent_of_the_baseline_where_nobody_says_what_it_is() -> None:
    message = (
        "rmse goes from 12 to 11: a gain of 8.33 pt; it must be at least 0.50 pt"
        + NOT_CHANCE
        + " (a point is 1 % of the baseline's rmse, 0.12, since neither its name nor "
        "`metric: {point: …}` says what it is)"
    )
    assert_outcome(judged(policy(), 11, 12, "rmse"), "pass", message=message)
    assert passes(policy(), 11.94, 12, "rmse")
    assert not passes(policy(), 11.95, 12, "rmse")


def test_a_point_is_missing_where_the_baseline_is_0() -> None:
    message = "nothing says what one point of rmse is"
    finding = assert_outcome(judged(policy(), 11, 0, "rmse"), "missing", message=message)
    assert finding.remedy == (
        "set `metric: {name: rmse, goal: minimize, point: …}` in the policy file, "
        "in the metric's own units"
    )


def test_the_file_may_say_what_a_point_is() -> None:
    metric = Metric("rmse", "minimize", Decimal("0.5"), "the test")
    finding = assert_outcome(judged(policy(), 11, 12, metric), "pass", part="absolute")
    assert finding.measured is not None
    assert finding.measured.value == 2


def test_a_relative_gain_is_a_share_of_the_baseline() -> None:
    found = judged(policy(min_abs=0, min_rel="10%"), 11, 12, "rmse")
    message = (
        "rmse goes from 12 to 11: a gain of 8.33% of the baseline; it must be at least 10%"
        + NOT_CHANCE
    )
    finding = assert_outcome(found, "fail", part="relative", message=message)
    assert finding.remedy == (
        "improve rmse further before you ask for a merge, or lower min_rel and say why"
    )
    assert_outcome(found, "pass", part="absolute")


def test_over_a_baseline_of_zero_any_improvement_counts() -> None:
    rule = policy(min_abs=0, min_rel="50%")
    assert not passes(rule, 0.0, 0.0, UP)
    assert not passes(rule, 0.99e-10, 0.0, UP)
    assert passes(rule, 1e-10, 0.0, UP)
    assert passes(rule, -1e-10, 0.0, DOWN)


def test_the_headroom_is_what_was_left_to_gain() -> None:
    found = judged(policy(min_headroom="10%"), 0.91, 0.89)
    message = (
        "val_f1 goes from 0.89 to 0.91: a gain of 18.2% of what was left to gain; "
        "it must be at least 10%" + NOT_CHANCE
    )
    assert_outcome(found, "pass", part="headroom", message=message)


def test_the_headroom_of_a_loss_ends_at_zero() -> None:
    rule = policy(min_abs=0, min_headroom="25%")
    assert passes(rule, 9, 12, "rmse")
    assert not passes(rule, 9.001, 12, "rmse")


def test_a_perfect_baseline_leaves_nothing_to_gain() -> None:
    found = judged(policy(min_abs=0, min_headroom="10%"), 1.0, 1.0)
    message = "the baseline's val_f1 is perfect: nothing is left to gain"
    assert_outcome(found, "not-applicable", part="headroom", message=message)


def test_the_best_value_of_an_unknown_metric_must_be_said() -> None:
    found = judged(policy(min_abs=0, min_headroom="10%"), 60, 50, UP)
    assert_outcome(found[:1], "pass", part="absolute")
    message = "nothing says what the best value of quality is"
    finding = assert_outcome(found[1:], "missing", message=message)
    assert finding.remedy == "set `perfect:` of min-useful-gain, in the metric's own units"
    rule = policy(min_abs=0, min_headroom="20%", perfect=100)
    assert passes(rule, 60, 50, UP)
    assert not passes(rule, 59.9, 50, UP)


def test_a_missing_metric_of_the_candidate_is_missing() -> None:
    message = "the candidate run has no metric val_f1"
    assert_outcome(judged(policy(), None, 0.89), "missing", message=message)


def test_a_baseline_without_the_metric_leaves_the_gain_unknown() -> None:
    message = "cannot tell whether the gain is useful: the baseline run has no metric val_f1"
    finding = assert_outcome(judged(policy(), 0.91, None), "missing", message=message)
    assert finding.remedy == (
        "it is the baseline that lacks this: train the baseline again, or move its alias to a "
        'version that has it (log it: mlflow.log_metric("val_f1", value))'
    )


def test_no_baseline_leaves_the_gain_unknown() -> None:
    found = judge(policy(), candidate=run(metrics={"val_f1": 0.9}), metric="val_f1")
    message = (
        "cannot tell whether the gain is useful: "
        "no baseline (alias: champion: the registered model has no such alias)"
    )
    assert_outcome(found, "missing", message=message)


def test_the_first_run_gains_over_nothing() -> None:
    candidate = run(metrics={"val_f1": 0.9})
    found = judge(policy(), candidate=candidate, metric="val_f1", first_run=True)
    assert_outcome(found, "not-applicable")


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("metric", [UP, DOWN])
def test_nan_and_infinity_never_pass(value: float, metric: Metric) -> None:
    rule = policy(min_abs=0, min_rel="0%", min_headroom="0%", perfect=100)
    assert_outcome(judged(rule, value, 0.5, metric), "fail")
    assert_outcome(judged(rule, 0.5, value, metric), "fail")


@pytest.mark.parametrize(
    "settings",
    [
        {"min_abs": "-1pt"},
        {"min_abs": "1%"},
        {"min_abs": None},
        {"min_rel": 0.1},
        {"min_rel": "-1%"},
        {"min_headroom": "-1%"},
        {"perfect": "1"},
        {"perfect": NAN},
    ],
)
def test_a_setting_of_another_kind_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        policy(**settings)


def test_it_reads_the_baseline() -> None:
    assert policy().reads() == Needs.BASELINE


@given(new=values, old=values, metric=metrics, points=hundredths, share=hundredths)
def test_the_verdicts_are_those_of_exact_fractions(
    new: float, old: float, metric: Metric, points: Decimal, share: Decimal
) -> None:
    """An independent oracle: the formulas of the docstring in rational arithmetic."""
    rule = policy(min_abs=f"{points}pt", min_rel=f"{share}%", min_headroom=f"{share}%", perfect=7)
    c, b = (Fraction(Decimal(repr(v))) for v in (new, old))
    gain = (c - b) * (1 if metric.goal == "maximize" else -1)
    wanted = Fraction(share) / 100
    expected = {
        "absolute": gain >= Fraction(points) * 2,
        "relative": gain / abs(b) >= wanted if b else gain >= Fraction(1, 10**10),
        "headroom": None if b == 7 else gain / abs(7 - b) >= wanted,
    }
    outcomes = {True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.NOT_APPLICABLE}
    found = {f.part: f.outcome for f in judged(rule, new, old, metric)}
    assert found == {part: outcomes[verdict] for part, verdict in expected.items()}


@given(new=values, old=values, metric=metrics, least=hundredths, less=hundredths)
def test_a_smaller_limit_never_fails_what_a_greater_one_passes(
    new: float, old: float, metric: Metric, least: Decimal, less: Decimal
) -> None:
    small, great = sorted((least, less))
    for setting, unit in (("min_abs", "pt"), ("min_rel", "%")):
        strict, loose = (policy(**{"min_abs": 0, setting: f"{n}{unit}"}) for n in (great, small))
        if passes(strict, new, old, metric):
            assert passes(loose, new, old, metric)


@given(new=values, old=values, metric=metrics, least=hundredths.filter(bool))
def test_two_runs_are_never_both_usefully_better(
    new: float, old: float, metric: Metric, least: Decimal
) -> None:
    rule = policy(min_abs=f"{least}pt")
    assert not (passes(rule, new, old, metric) and passes(rule, old, new, metric))


@given(
    new=st.integers(-(10**6), 10**6),
    old=st.integers(-(10**6), 10**6).filter(bool),
    share=hundredths,
    times=st.integers(1, 10**6),
)
def test_a_relative_gain_does_not_depend_on_the_metrics_scale(
    new: int, old: int, share: Decimal, times: int
) -> None:
    rule = policy(min_abs=0, min_rel=f"{share}%")
    assert passes(rule, new, old, UP) == passes(rule, new * times, old * times, UP)


def test_a_refactoring_is_spared_where_that_is_asked_for() -> None:
    for n, spared, outcome in (
        (299, True, "not-applicable"),
        (298, True, "fail"),
        (299, False, "fail"),
    ):
        same = run(metrics={"val_f1": 0.5}, predictions=rows([0] * n, [1] * n))
        rule = policy(spare_refactorings=spared)
        found = judge(rule, candidate=same, baseline=same, metric="val_f1")
        assert_outcome(found, outcome)
        better = same.model_copy(update={"metrics": {"val_f1": 0.501}})
        assert_outcome(judge(rule, candidate=better, baseline=same, metric="val_f1"), "fail")


@pytest.mark.parametrize(
    ("pair", "settings", "chance"),
    [
        (counted(40, 40, 1000), {}, "29%"),  # P(X >= 43) of 80 tosses of a coin is 0.288
        (counted(45, 35, 1000), {"min_abs": "2pt"}, "2%"),
        (counted(45, 35, 1000), {"min_abs": "9pt"}, "0%"),
        (counted(45, 35, 1000), {"min_abs": 0}, "54%"),
    ],
)
def test_with_the_rows_it_says_how_likely_an_equal_model_passes(
    pair: tuple[RunRecord, RunRecord], settings: dict[str, Any], chance: str
) -> None:
    rule = policy(spare_refactorings=True, **settings)
    (finding,) = judge(rule, candidate=pair[0], baseline=pair[1], metric="val_accuracy")
    said = f"; a model that is no better reaches this in {chance} of cases (1,000 shared rows, "
    beside = ": bind `significant-improvement` beside it" if int(chance[:-1]) > 5 else ""
    assert finding.whole.endswith(f"{said}80 of them differ){beside}")
    is_lucky = finding.outcome is Outcome.PASS and bool(beside)
    assert finding.message.endswith(" (chance not ruled out)") == is_lucky


def test_every_part_says_how_likely_an_equal_model_passes_it() -> None:
    from scipy.stats import binom

    new, old = counted(45, 35, 1000)
    rule = policy(spare_refactorings=True, min_rel="1%", min_headroom="20%")
    found = judge(rule, candidate=new, baseline=old, metric="val_accuracy")
    for finding, rows_more in zip(found, (5, 10, 9), strict=True):
        chance = binom.sf((80 + rows_more + 1) // 2 - 1, 80, 0.5)
        assert f"reaches this in {round(100 * chance)}% of cases" in finding.whole


def test_of_a_metric_without_counts_the_chance_is_that_of_its_standard_error() -> None:
    new, old = (scored(1000, shift, run_id=i * 32) for shift, i in ((0.2, "a"), (0.3, "b")))
    new, old = (
        each.model_copy(update={"metrics": {"val_auc": value}})
        for each, value in ((new, 0.81), (old, 0.8))
    )
    rule = policy(spare_refactorings=True)
    (finding,) = judge(rule, candidate=new, baseline=old, metric="val_auc")
    assert finding.whole.endswith(
        "of cases (1,000 shared rows): bind `significant-improvement` beside it"
    )


def test_rows_are_read_only_to_spare_refactorings() -> None:
    assert policy().reads() == Needs.BASELINE
    assert Needs.PREDICTIONS in policy(spare_refactorings=True).reads()
