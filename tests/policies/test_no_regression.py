from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import beta, binom, multinomial

from mlops_policies.baseline.no_regression import NoRegression
from policy_engine.evidence.record import BaselineRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.statistics import Decision, non_inferiority_of_counts, tango_bounds, tango_p
from policy_engine.testing import assert_outcome, bind, case, judge, run
from tests.policies.predicted import counted, rows, scored, seeded

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord


def judged(
    candidate: RunRecord, baseline: RunRecord, metric: str = "val_accuracy", **settings: Any
) -> list[Finding]:
    policy = bind(NoRegression, **settings)
    return judge(policy, candidate=candidate, baseline=baseline, metric=metric)


def test_models_that_agree_on_enough_rows_pass() -> None:
    message = (
        "val_accuracy goes from 1 to 1 on 1,000 shared rows, no change against the "
        "baseline: no worse by more than 1.00 pt (Tango's score test, only the candidate right "
        "b = 0, only the baseline c = 0: one-sided p = 0.0007409 against 'loses 1.00 pt or more'; "
        "one-sided bounds -0.27 pt and 0.27 pt; alpha = 0.05)"
    )
    finding = assert_outcome(judged(*counted(0, 0, 1000)), "pass", message=message)
    assert finding.measured is not None
    assert finding.limit is not None
    lower = tango_bounds(0, 0, 1000, 0.05).lower
    assert float(finding.measured.value) == pytest.approx(100 * lower)
    assert (finding.limit.op, finding.limit.value, finding.limit.unit) == (">=", Decimal(-1), "pt")


def test_worse_within_the_margin_passes_and_says_so() -> None:
    finding = assert_outcome(judged(*counted(2, 20, 5000)), "pass")
    assert "worse, but within the margin of 1.00 pt" in finding.whole


def test_a_shown_loss_beyond_the_margin_fails() -> None:
    """By hand: P(X <= 20), X ~ Bin(60, 1/2) = 0.006745; that it exceeds 1 pt is only seen."""
    message = (
        "val_accuracy goes from 0.98 to 0.96 on 1,000 shared rows, a loss of 2.00 pt against the "
        "baseline: it is shown to be worse, and the loss seen, 2.00 pt, is over the 1.00 pt "
        "allowed: with 95% confidence the true loss is at least 0.74 pt (exact McNemar, only the "
        "candidate right "
        "b = 20, only the baseline c = 40: one-sided p = 0.006745 against 'loses nothing'; Tango's "
        "one-sided bounds -3.33 pt and -0.74 pt; alpha = 0.05)"
    )
    finding = assert_outcome(judged(*counted(20, 40, 1000)), "fail", message=message)
    assert finding.message == "val_accuracy is shown to be worse: 2.00 pt lost, 1.00 pt allowed"
    assert finding.remedy == (
        "find out what the candidate loses and win it back; or raise `margin` of no-regression "
        "for what users can bear, not for this result"
    )


def test_a_shown_loss_that_the_data_do_not_show_to_exceed_the_margin_does_not_fail() -> None:
    finding = assert_outcome(judged(*counted(370, 430, 10_000)), "inconclusive")
    assert "shown to be worse, but not whether by more than the allowed 1.00 pt" in finding.whole
    assert (
        "; 10,000 rows are enough to show that it loses no more than 1.00 pt 4 times in 5, if the "
        "candidate is truly equal ("
    ) in finding.whole
    assert_outcome(judged(*counted(350, 450, 10_000)), "inconclusive")  # a loss of the margin
    assert_outcome(judged(*counted(349, 451, 10_000)), "fail")


def test_a_loss_that_the_margin_accepts_fails_as_seldom_as_alpha_says() -> None:
    """Of losses of 0.5 pt under a margin of 1 pt, 4 % fail; of 2 pt, as many as are shown."""
    chance = np.random.default_rng(7)

    def fails(loss: float) -> float:
        shares = [(0.08 - loss) / 2, (0.08 + loss) / 2, 0.92]
        drawn = chance.multinomial(10_000, shares, size=20_000)
        wins, losses = drawn[:, 0], drawn[:, 1]
        # The rule in the words of its docstring, by SciPy's binomial test.
        worse = binom.cdf(wins, wins + losses, 0.5) < 0.05
        return float(np.mean(worse & (losses - wins > 100)))

    assert fails(0.005) <= 0.05
    assert fails(0.02) >= 0.95
    for wins, losses in [(350, 451), (349, 450), (300, 420)]:
        worse = binom.cdf(wins, wins + losses, 0.5) < 0.05 and losses - wins > 100
        assert (judged(*counted(wins, losses, 10_000))[0].outcome == "fail") == worse


def test_too_few_rows_are_inconclusive_and_say_how_many_the_margin_needs() -> None:
    finding = assert_outcome(judged(*counted(30, 30, 1000)), "inconclusive")
    assert (
        "; about 3,710 rows show that it loses no more than 1.00 pt 4 times in 5, if the candidate "
        "is truly equal ("
    ) in finding.whole
    assert finding.remedy == (
        "evaluate both on more rows: if the candidate is truly equal, about 3,710 rows (1,000 now) "
        "decide 4 times in 5; "
        "decide on the number first, take new ones, and check again once: repeated looks find "
        "something by chance; or raise `margin` of no-regression for what users can bear, not for "
        "this result"
    )


def test_of_an_uncertain_loss_it_says_what_was_seen_and_what_may_truly_be() -> None:
    finding = assert_outcome(judged(*counted(32, 33, 1600), margin="0.5pt"), "inconclusive")
    assert finding.message == (
        "val_accuracy lost 0.06 pt here and may truly lose more than 0.50 pt"
    )


def test_at_the_margin_it_passes() -> None:
    lower = tango_bounds(10, 10, 1000, 0.05).lower
    pair = counted(10, 10, 1000)
    assert_outcome(judged(*pair, margin=-lower), "pass")
    assert_outcome(judged(*pair, margin=-lower * 0.999), "inconclusive")


@pytest.mark.parametrize(
    ("loss", "outcome"), [(0.03, "inconclusive"), (0.031, "fail"), (-0.5, "inconclusive")]
)
def test_logged_values_alone_fail_only_beyond_the_fallback(loss: float, outcome: str) -> None:
    new, old = (run(metrics={"val_accuracy": v}) for v in (round(0.5 - loss, 3), 0.5))
    finding = assert_outcome(judged(new, old), outcome)
    assert finding.whole.startswith("regression against the baseline is untested: ")


def test_without_the_metric_it_is_missing_and_nan_fails() -> None:
    old = run(metrics={"val_accuracy": 0.5})
    assert_outcome(judged(run(), old), "missing")
    assert_outcome(judged(run(metrics={"val_accuracy": float("nan")}), old), "fail")


def test_holm_corrects_the_fails_of_several_metrics() -> None:
    """At p = 0.02 to 0.05 a loss fails alone, and not as the one of two."""
    new, old = counted(15, 28, 400)
    assert_outcome(judged(new, old), "fail")
    found = judged(new, old, metrics=["val_accuracy", "accuracy"])
    assert [f.part for f in found] == ["val_accuracy", "accuracy"]
    assert {f.outcome for f in found} == {Outcome.INCONCLUSIVE}


def test_an_anchor_is_judged_in_the_same_way() -> None:
    policy = bind(NoRegression, anchor={"alias": "fraud@release"})
    new, old = counted(0, 0, 1000)
    _, pinned = counted(0, 60, 1000)
    seen = case(policy, candidate=new, baseline=old, metric="val_accuracy")
    found = BaselineRecord(rules=policy.rules()[0], found_by="alias", run=pinned)
    seen = seen._replace(evidence=seen.evidence.model_copy(update={"baselines": (found,)}))
    parts = {f.part: f for f in policy.evaluate(seen)}
    assert parts["baseline"].outcome is Outcome.PASS
    assert "against the anchor" in parts["anchor"].whole


def test_an_anchor_that_is_not_there_is_missing_and_the_rest_is_judged() -> None:
    policy = bind(NoRegression, anchor={"run": "f" * 32})
    new, old = counted(0, 0, 1000)
    seen = case(policy, candidate=new, baseline=old, metric="val_accuracy")
    seen = seen._replace(
        evidence=seen.evidence.model_copy(
            update={"baselines": (BaselineRecord(rules=policy.rules()[0]),)}
        )
    )
    outcomes = {f.part: f.outcome for f in policy.evaluate(seen)}
    assert outcomes == {"baseline": Outcome.PASS, "anchor": Outcome.MISSING}


@pytest.mark.parametrize("anchor", [{"best": {"within": "9d"}}, {}, {"run": "a", "alias": "b"}])
def test_an_anchor_is_one_pinned_rule(anchor: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="anchor must be one rule of run, alias, tag, commit"):
        bind(NoRegression, anchor=anchor)


def test_seeds_and_bootstraps_are_judged_by_their_bounds() -> None:
    same = [0.9, 0.901, 0.899, 0.9, 0.9002]
    assert_outcome(judged(seeded(same), seeded(same[::-1], "b", 40)), "pass")
    worse = [value - 0.05 for value in same]
    assert_outcome(judged(seeded(worse), seeded(same, "b", 40)), "fail")
    new, old = (scored(400, shift, metrics={"roc_auc": shift}) for shift in (0.2, 0.6))
    assert_outcome(judged(new, old, "roc_auc", resamples=1000), "fail")


@settings(max_examples=40, deadline=None)
@example(0, 5, 500)  # shown to be worse, by the margin exactly
@given(st.integers(0, 50), st.integers(0, 50), st.integers(100, 3000))
def test_the_verdict_is_that_of_the_statistics(wins: int, losses: int, n: int) -> None:
    words = {
        Decision.SHOWN: Outcome.PASS,
        Decision.OPPOSITE: Outcome.FAIL,
        Decision.UNDECIDED: Outcome.INCONCLUSIVE,
    }
    due = words[non_inferiority_of_counts(wins, losses, n, alpha=0.05, margin=0.01)]
    if due is Outcome.FAIL and (losses - wins) * 100 <= n:
        due = Outcome.INCONCLUSIVE  # the loss itself is no larger than the margin
    assert judged(*counted(wins, losses, n))[0].outcome is due


def test_a_loss_within_the_margin_against_the_best_of_many_is_not_called_worse() -> None:
    """McNemar's p of 10 and 22 is 0.025: below 0.05, not below 0.05/50."""
    new, old = counted(10, 22, 5000)
    policy = bind(NoRegression)
    assert "worse, but within" in assert_outcome(judged(new, old), "pass").whole
    given_case = case(policy, candidate=new, baseline=old, metric="val_accuracy")
    assert given_case.found is not None
    picked = given_case.found.model_copy(update={"among": 50})
    (finding,) = policy.evaluate(given_case._replace(found=picked))
    assert ": no worse by more than 1.00 pt; the baseline is the best of 50 runs" in finding.whole


def test_a_margin_of_0_passes_by_mcnemar_and_not_by_tango() -> None:
    """By hand: b = 4, c = 0 is z = 2, a lower bound above 0; exactly p = 1/16."""
    assert tango_bounds(4, 0, 1000, 0.05).lower > 0
    finding = assert_outcome(judged(*counted(4, 0, 1000), margin=0), "inconclusive")
    assert finding.whole == (
        "val_accuracy goes from 0.996 to 1 on 1,000 shared rows, a gain of 0.40 pt against the "
        "baseline: not shown to stay within the allowed 0.00 pt; less than one row is none, so "
        "McNemar's test must show a gain: one-sided p = 0.0625 against 'gains nothing' (exact "
        "McNemar, only the candidate right b = 4, only the baseline c = 0: one-sided p = 0.0625 "
        "against 'gains nothing'; Tango's one-sided bounds 0.13 pt and 0.89 pt; alpha = 0.05)"
    )
    finding = assert_outcome(judged(*counted(5, 0, 1000), margin=0), "pass")
    assert finding.measured is not None
    assert finding.limit is not None
    assert (finding.measured.unit, float(finding.measured.value)) == ("p", 1 / 32)
    assert (finding.limit.op, float(finding.limit.value)) == ("<", 0.05)


def test_a_margin_of_less_than_a_row_is_one_of_0() -> None:
    pair = counted(4, 0, 1000)
    assert_outcome(judged(*pair, margin="0.099pt"), "inconclusive")
    assert_outcome(judged(*pair, margin="0.1pt"), "pass")


@pytest.mark.parametrize("rows", [0.0, 0.9])
def test_a_loss_of_exactly_a_margin_under_one_row_passes_in_at_most_alpha(rows: float) -> None:
    """Exactly, by summing over all counts that can be: 6 of 1,000 rows differ on average."""
    n, share = 1000, 0.006
    chances = (share + rows / n) / 2, (share - rows / n) / 2
    passes = tango = 0.0
    for losses in range(40):
        for wins in range(40):
            chance = multinomial.pmf([losses, wins, n - losses - wins], n, [*chances, 1 - share])
            found = non_inferiority_of_counts(wins, losses, n, alpha=0.05, margin=rows / n)
            passes += chance * (found is Decision.SHOWN)
            tango += chance * (tango_bounds(wins, losses, n, 0.05).lower >= -rows / n)
    assert passes <= 0.05
    assert tango > passes
    assert rows == 0 or tango > 0.06


def test_few_differing_rows_do_not_pass_however_narrow_their_bootstrap_is() -> None:
    """By hand: F1 goes from 2*712/1712 to 2*700/1700; the interval would be too narrow."""
    finding = assert_outcome(judged(*counted(0, 12, 1000, 700), "f1"), "inconclusive")
    assert finding.whole == (
        "regression against the baseline is untested: there are 12 rows on which the models "
        "differ; a bootstrap needs 30, and 0 and 0 seeds are there, under 5 a side; these rows "
        "show a loss of 0.82 pt, which may be chance"
    )


def test_a_loss_beyond_the_fallback_fails_on_however_few_differing_rows() -> None:
    """By hand: F1 goes from 1 to 2*271/571."""
    finding = assert_outcome(judged(*counted(0, 29, 300), "f1"), "fail")
    assert finding.whole.endswith(
        "; these rows show a loss of 5.08 pt, which may be chance; a loss above 3.00 pt fails even "
        "so"
    )


def test_a_recall_is_judged_on_the_rows_of_its_class_and_says_on_how_many() -> None:
    """Of 60 rows of class 1 the candidate alone misses 4; on 540 others the models differ by 90.

    By hand: p = 0.5**4. The bounds and the rows needed come from functions with tests of their
    own.
    """
    truth = [1] * 60 + [0] * 540
    after, before = ([0] * 6 + [1] * 54, [0] * 2 + [1] * 58)
    new = run(predictions=rows(truth, after + [1] * 45 + [0] * 495))
    old = run(predictions=rows(truth, before + [0] * 45 + [1] * 45 + [0] * 450))
    lower, upper = tango_bounds(0, 4, 60, 0.05)
    finding = assert_outcome(judged(new, old, "recall_binary", margin="5pt"), "inconclusive")
    assert finding.whole == (
        "recall_binary goes from 0.9667 to 0.9 on 60 shared rows of class 1, of 600 in all, a loss "
        "of 6.67 pt against the baseline: not shown to stay within the allowed 5.00 pt; about 170 "
        "rows of class 1 show that it loses no more than 5.00 pt 4 times in 5, if the candidate is "
        "truly equal (Tango's score test on 60 rows of class 1, only the candidate right b = 0, "
        f"only the baseline c = 4: one-sided p = {tango_p(0, 4, 60, -0.05):.4f} against 'loses "
        f"5.00 pt or more'; one-sided bounds {100 * lower:.2f} pt and {100 * upper:.2f} pt; "
        "alpha = 0.05)"
    )
    assert finding.remedy == (
        "evaluate both on more rows of class 1: if the candidate is truly equal, about 170 rows "
        "of class 1 (60 now) decide 4 times in 5; "
        "decide on the number first, take new ones, and check again once: repeated "
        "looks find something by chance; or raise `margin` of no-regression for what users can "
        "bear, not for this result"
    )


def classified(n: int, changed: int) -> tuple[RunRecord, RunRecord]:
    """A candidate that predicts and scores as the baseline does, but for the first rows."""
    chance = np.random.default_rng(7)
    truth = (chance.random(n) < 0.3).astype(int)
    score = np.clip(0.25 + 0.5 * truth + chance.normal(0, 0.2, n), 0.01, 0.99).round(4)
    after = score.copy()
    after[:changed] = 1 - after[:changed]
    new, old = (
        run(
            run_id=digit * 32,
            predictions=rows(truth.tolist(), (s > 0.5).astype(int).tolist(), score=s.tolist()),
        )
        for digit, s in (("a", after), ("b", score))
    )
    return new, old


@pytest.mark.parametrize(
    "metric",
    [
        "f1_binary",
        "f1_weighted",
        "f1_macro",
        "balanced_accuracy",
        "mcc",
        "kappa",
        "recall_binary",
        "roc_auc",
        "average_precision",
        "log_loss",
        "brier",
    ],
)
def test_equal_models_on_many_rows_pass_and_on_few_do_not(metric: str) -> None:
    """The margin is 0.01 in the metric's units, since a loss has no points."""
    assert_outcome(judged(*classified(50_000, 0), metric, margin=0.01), "pass")
    assert_outcome(judged(*classified(120, 0), metric, margin=0.01), "inconclusive")


def numbered(n: int, *, logged: bool = True) -> tuple[RunRecord, RunRecord]:
    """A candidate that says of every row the number that the baseline says."""
    chance = np.random.default_rng(8)
    targets = chance.normal(20, 3, n).round(4)
    said = (targets + chance.normal(0, 1, n)).round(4)
    table = rows(targets.tolist(), said.tolist())
    values = {"rmse": 1.0, "mae": 0.8, "r2": 0.9} if logged else {}
    new, old = (run(run_id=d * 32, predictions=table, metrics=values) for d in "ab")
    return new, old


@pytest.mark.parametrize("metric", ["rmse", "mae", "r2"])
def test_equal_numbers_on_many_rows_pass_and_on_few_do_not(metric: str) -> None:
    """By hand: 3 of 50,000 rows, each about 14 off, move an RMSE of 1 by 0.006."""
    assert_outcome(judged(*numbered(50_000), metric), "pass")
    assert_outcome(judged(*numbered(500), metric), "inconclusive")


def test_a_bound_by_what_rows_cost_says_what_they_are_taken_to_cost() -> None:
    finding = assert_outcome(judged(*numbered(50_000), "rmse"), "pass")
    assert "; a row that differs is taken to cost up to " in finding.whole
    assert "(squared), what the worst constant between " in finding.whole


def test_equal_numbers_on_too_few_rows_are_told_how_many_would_do() -> None:
    finding = assert_outcome(judged(*numbered(2_000, logged=False), "rmse"), "inconclusive")
    assert finding.remedy is not None
    assert re.fullmatch(
        r"evaluate both on more rows \(about [\d,]+ rows of which as few differ rule out a "
        r"loss of 1\.00 pt, and there are 2,000\); or raise `margin` of no-regression for what "
        r"users can bear, not for this result",
        finding.remedy,
    )


def test_equal_models_by_a_metric_without_a_bound_are_not_told_to_take_more_rows() -> None:
    finding = assert_outcome(judged(*classified(5_000, 0), "jaccard_macro"), "inconclusive")
    assert finding.remedy == (
        "no number of rows decides it while the models say the same of all of them: judge by a "
        "metric whose change has a known bound, on rows without weights and clusters (accuracy, "
        "F1, balanced accuracy, MCC, kappa, ROC AUC, log-loss, RMSE, MAE, R²)"
    )


def test_models_that_hardly_differ_pass_and_the_message_says_by_how_much_they_could() -> None:
    """SciPy: at 0.05/2 each, q <= isf(4 of 50,000) and T >= ppf(15,000 or so of 50,000)."""
    new, old = classified(50_000, 4)
    targets = new.predictions.columns["target"]  # type: ignore[union-attr]
    positive = sum(targets)
    q = beta.isf(0.025, 5, 49_996)
    reach = 100 * 2 * q / beta.ppf(0.025, positive, 50_001 - positive)
    finding = assert_outcome(judged(new, old, "f1_binary"), "pass")
    assert finding.whole.endswith(
        "on 50,000 shared rows, a loss of 0.01 pt against the baseline: no worse by more than "
        "1.00 pt (the models differ on 4 of 50,000 rows: Clopper-Pearson's bound of how many can, "
        f"times how far these can move the metric: one-sided p = 1.0e-12 against 'loses "
        f"1.00 pt or more'; one-sided bounds -{reach:.2f} pt and {reach:.2f} pt; alpha = 0.05)"
    )


def test_weighted_rows_that_hardly_differ_are_not_bounded_by_their_count() -> None:
    new, old = classified(50_000, 0)
    weights = [1.0 + i % 2 for i in range(50_000)]
    weighed = [
        each.model_copy(
            update={
                "predictions": rows(
                    each.predictions.columns["target"],  # type: ignore[union-attr]
                    each.predictions.columns["prediction"],  # type: ignore[union-attr]
                    weight=weights,
                )
            }
        )
        for each in (new, old)
    ]
    assert_outcome(judged(weighed[0], weighed[1], "f1_binary"), "inconclusive")


def test_a_shown_loss_in_a_metric_without_a_point_fails() -> None:
    """A point is then 1 % of the baseline's value: 69.5 to 73.5 is a loss of 5.8 of them."""
    chance = np.random.default_rng(3)
    truth = chance.normal(500, 100, 2000).round(3)
    error = chance.normal(0, 69.5, 2000)
    worse = error * 1.05 + chance.normal(0, 4, 2000)
    before = run(predictions=rows(truth.tolist(), (truth + error).round(3).tolist()))
    after = run(predictions=rows(truth.tolist(), (truth + worse).round(3).tolist()))
    finding = assert_outcome(judged(after, before, "val_rmse"), "fail")
    assert "it is shown to be worse, and the loss seen, 5.35 pt, is over the" in finding.whole
    assert " 5.35 pt (a point is 1 % of the baseline's val_rmse, 0.7021, since" in finding.whole
    assert finding.message == (
        "val_rmse is shown to be worse: 5.35 pt lost, 1.00 pt allowed (pt: 1 % of the baseline's)"
    )
    assert_outcome(judged(before, before, "val_rmse", margin=0.7), "inconclusive")
    small = run(predictions=rows(truth.tolist(), (truth + error * 1.001).round(3).tolist()))
    assert_outcome(judged(small, before, "val_rmse"), "pass")
