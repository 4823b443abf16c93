from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from mlops_policies.baseline.no_slice_regression import NoSliceRegression
from policy_engine.evidence import resolve_metric
from policy_engine.evidence.record import RunRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.quantities import show
from policy_engine.statistics import unpaired_z
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.predicted import rows


def sliced(
    counts: dict[str | None, tuple[int, int, int]], **facts: Any
) -> tuple[RunRecord, RunRecord]:
    """Return both runs: for each region the wins, the losses and the rows."""
    region = [name for name, (_, _, n) in counts.items() for _ in range(n)]
    new = [int(not w <= i < w + c) for w, c, n in counts.values() for i in range(n)]
    old = [int(i >= w) for w, _, n in counts.values() for i in range(n)]
    both = (
        run(
            metrics={"val_accuracy": sum(said) / len(said)},
            predictions=rows([1] * len(said), said, region=region, **facts),
        )
        for said in (new, old)
    )
    return tuple(both)  # type: ignore[return-value]


def judged(
    pair: tuple[RunRecord, RunRecord], metric: str = "val_accuracy", **settings: Any
) -> list[Finding]:
    policy = bind(NoSliceRegression, **({"slices": ["region"]} | settings))
    return judge(policy, candidate=pair[0], baseline=pair[1], metric=metric)


def test_a_slice_that_is_shown_to_lose_fails_though_the_whole_wins() -> None:
    found = judged(sliced({"EU": (2, 30, 300), "US": (90, 0, 900)}))
    message = (
        "slice region=EU: val_accuracy goes from 0.9933 to 0.9 on 300 rows, a drop of 9.33 pt: "
        "it is shown to be worse, and the drop seen is over the 2.00 pt allowed (exact McNemar, "
        "only the candidate right b = 2, only the baseline c = 30: one-sided p = 1.2e-07 against "
        "'loses nothing', 2.5e-07 by Holm over 2 tests; one-sided bounds -13.34 pt and -6.12 pt at "
        "0.025; alpha = 0.05)"
    )
    finding = assert_outcome(found, "fail", part="region=EU", message=message)
    assert finding.measured is not None
    assert finding.measured.unit == "pt"
    assert finding.interval is not None
    assert [show(end, "pt") for end in finding.interval[:2]] == ["-13.34 pt", "-6.12 pt"]
    assert finding.interval[2:] == ("pt", Decimal("0.95"), True, "300 rows")
    assert [f.outcome for f in found if f.part is None] == [Outcome.PASS]


@given(st.integers(0, 12), st.integers(1, 40), st.integers(100, 400))
def test_the_interval_of_a_slice_holds_0_exactly_where_no_loss_is_shown(
    wins: int, losses: int, count: int
) -> None:
    found = judged(sliced({"EU": (wins, losses, count), "US": (1, 1, 300)}))
    for finding in found:
        if finding.interval is not None:
            low, high = finding.interval[:2]
            assert (high < 0) == finding.interval.shown == (finding.outcome is Outcome.FAIL)
            assert low < 0


def test_where_nothing_is_shown_it_passes_and_says_what_could_have_been() -> None:
    found = judged(sliced({"EU": (5, 5, 300), "US": (9, 9, 900)}))
    finding = assert_outcome(found, "pass")
    assert "no drop above 2.00 pt is shown in 2 slices (region=EU, region=US" in finding.whole
    assert "the smallest drop that these rows could show 4 times in 5 is" in finding.whole


def test_what_is_shown_only_without_holm_is_inconclusive() -> None:
    """p = 0.0327 (b = 4, c = 12 gives 0.0384) is under 0.05, and two slices ask for 0.025."""
    found = judged(sliced({"EU": (4, 12, 200), "US": (5, 5, 200)}))
    finding = assert_outcome(found, "inconclusive", part="region=EU")
    assert (
        "a drop of 4.00 pt: it is shown to be worse only without Holm's correction, and"
        in finding.whole
    )


def test_a_drop_at_the_bound_does_not_fail() -> None:
    pair = sliced({"EU": (0, 6, 300), "US": (0, 0, 300)})
    assert_outcome(judged(pair, max_drop="2pt"), "pass")
    assert_outcome(judged(pair, max_drop="1.9pt"), "fail", part="region=EU")


def test_small_values_are_pooled_and_null_is_a_value() -> None:
    pair = sliced({"EU": (0, 0, 300), None: (0, 0, 150), "A": (0, 0, 60), "B": (0, 0, 60)})
    finding = assert_outcome(judged(pair), "pass")
    assert "in 3 slices (region=(none), region=EU, region=(rest);" in finding.whole


def test_a_named_value_is_judged_alone_or_inconclusive_or_missing() -> None:
    pair = sliced({"EU": (0, 0, 300), "A": (0, 0, 60)})
    found = judged(pair, slices=["region=EU", "region=A", "region=X"])
    assert_outcome(found, "inconclusive", part="region=A")
    message = "slice region=X is declared but absent from the 360 shared rows"
    assert_outcome(found, "missing", part="region=X", message=message)
    assert [f.outcome for f in found if f.part is None] == [Outcome.PASS]


def test_an_absent_column_is_missing() -> None:
    finding = assert_outcome(judged(sliced({"EU": (0, 0, 300)}), slices=["country"]), "missing")
    assert "has no column country" in finding.whole


def test_a_slice_under_the_floor_fails_unless_the_baseline_is_there_too() -> None:
    """Half of the slice is wrong; the whole is right in three quarters."""
    falls = sliced({"EU": (0, 150, 300), "US": (0, 0, 300)})
    found = judged(falls, floor=0.8, max_drop="90pt", resamples=1000)
    message = assert_outcome(found, "fail", part="region=EU").whole
    assert message.startswith(
        "slice region=EU: val_accuracy 0.5 on 300 rows is shown to be under 0.8 of the whole's, "
        "0.6, and the baseline's is not (bootstrap: by Holm p = "
    )
    stays = sliced({"EU": (0, 0, 300), "US": (0, 0, 300)})
    assert_outcome(judged(stays, floor=0.8, resamples=1000), "pass")


def test_other_metrics_are_bootstrapped_and_too_few_of_a_class_are_not_judged() -> None:
    pair = sliced({"EU": (2, 60, 300), "US": (0, 0, 300)})
    found = judged(pair, metric="f1", resamples=1000)
    assert "bootstrap" in assert_outcome(found, "fail", part="region=EU").whole


def test_slices_of_equal_models_pass_where_so_few_rows_can_lose_no_more_than_the_drop() -> None:
    """By hand: all rows are positive, two slices, q and T: 1 - 0.0125**(1/n) differ at most.

    F1 can lose 2q/T: 0.22 pt on 4,000 rows, and 4.3 pt on 200, which is more than 2 pt.
    """
    equal = sliced({"EU": (0, 0, 4000), "US": (0, 0, 200)})
    assert_outcome(
        judged(equal, metric="f1"),
        "pass",
        message="no drop above 2.00 pt is shown in 1 slice (region=EU; Holm over 1 test at alpha = "
        "0.05); the lowest is no change (region=EU, 4,000 rows, one-sided p = 1 against "
        "'loses nothing'); region=US is not judged: there are 0 rows on which the models "
        "differ; a bootstrap needs 30",
    )


def test_logged_slice_metrics_do_where_there_are_no_rows() -> None:
    new, old = (
        run(
            metrics={
                "val_accuracy": 0.9,
                "val_accuracy/region/EU": eu,
                "val_accuracy/region/US": 0.9,
                "count/region/EU": 1000,
                "count/region/US": 1000,
            }
        )
        for eu in (0.8, 0.9)
    )
    found = judged((new, old))
    finding = assert_outcome(found, "fail", part="region=EU")
    assert "unpaired z on 1,000 and 1,000 rows, from their counts" in finding.whole


def test_logged_slices_of_a_metric_that_counts_do_not_tell_are_inconclusive() -> None:
    metrics = {"rmse": 1.0, "rmse/region/EU": 1.0, "count/region/EU": 500}
    pair = run(metrics=metrics), run(metrics=metrics)
    finding = assert_outcome(judged(pair, "rmse", max_drop=0.5), "inconclusive")
    assert "without rows it is not known how much rmse varies" in finding.whole


def test_nan_in_a_slice_metric_fails() -> None:
    pair = [
        run(metrics={"val_accuracy/region/EU": value, "count/region/EU": 500})
        for value in (float("nan"), 0.9)
    ]
    assert_outcome(judged((pair[0], pair[1])), "fail")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_a_slice_that_gains_never_fails(wins: int, losses: int) -> None:
    found = judged(sliced({"EU": (wins, losses, 200), "US": (0, 0, 200)}))
    harmed = any(f.outcome is not Outcome.PASS for f in found)
    assert not (harmed and wins >= losses)


def test_ten_slices_of_equal_models_almost_never_fail() -> None:
    """60 pairs of equal models, 10 slices of 100 rows, 12 % disagreement: 2 % by theory."""
    drawn = random.Random(5)  # noqa: S311 (a seeded simulation)
    failed = 0
    for _ in range(60):
        counts: dict[str | None, tuple[int, int, int]] = {}
        for name in "abcdefghij":
            differing = sum(drawn.random() < 0.12 for _ in range(100))
            wins = sum(drawn.random() < 0.5 for _ in range(differing))
            counts[name] = (wins, differing - wins, 100)
        failed += any(f.outcome is Outcome.FAIL for f in judged(sliced(counts)))
    assert failed / 60 <= 0.05 + 2 * (0.05 * 0.95 / 60) ** 0.5


@pytest.mark.parametrize("slices", [[], ["=EU"]])
def test_a_slice_names_a_column(slices: list[str]) -> None:
    with pytest.raises(ValueError, match=r"slices|names no column"):
        bind(NoSliceRegression, slices=slices)


def test_more_false_hits_are_a_drop_of_a_metric_that_is_to_be_low() -> None:
    new, old = (
        run(metrics={"false_hit_rate/region/EU": share, "count/region/EU": 1000.0})
        for share in (0.3, 0.1)
    )
    metric = resolve_metric("false_hit_rate", "minimize", Decimal("0.01"), "the test")
    policy = bind(NoSliceRegression, slices=["region"])
    assert_outcome(judge(policy, candidate=new, baseline=old, metric=metric), "fail")
    assert_outcome(judge(policy, candidate=old, baseline=new, metric=metric), "pass")


def test_the_drop_that_rows_could_show_is_seen_that_often_though_the_models_never_differ() -> None:
    """By hand: 100 rows at 0.05, (1.645 + 0.842)²/100 = 6.18 pt; five losses of five are shown."""
    found = assert_outcome(judged(sliced({"EU": (0, 0, 100)})), "pass")
    assert "could show 4 times in 5 is 6.18 pt (region=EU)" in found.whole
    assert binom.sf(4, 100, 0.0618) == pytest.approx(0.8, abs=0.06)


def test_so_it_is_where_only_counts_are_known_and_the_baseline_has_no_error() -> None:
    facts = {"val_accuracy/region/EU": 1.0, "count/region/EU": 100.0}
    both = (run(metrics=facts), run(metrics=facts))
    message = assert_outcome(judged(both), "pass").whole
    drop = float(message.partition("4 times in 5 is ")[2].partition(" pt")[0]) / 100
    least = next(k for k in range(100) if unpaired_z(100, 100, 100 - k, 100) < 0.05)
    assert binom.sf(least - 1, 100, drop) >= 0.8


def test_a_drop_on_too_few_differing_rows_is_in_doubt_and_not_left_out() -> None:
    """Of F1; 20 of 300 rows lost: it goes from 1 to 2*280/580, a drop of 3.45 pt."""
    found = judged(sliced({"EU": (0, 20, 300), "US": (40, 30, 900)}), metric="f1")
    finding = assert_outcome(found, "inconclusive", part="region=EU")
    assert finding.whole == (
        "slice region=EU cannot be judged: there are 20 rows on which the models differ; a "
        "bootstrap needs 30: a drop of 3.45 pt cannot be tested"
    )


def test_a_drop_that_rows_could_show_also_has_to_be_seen_above_the_bound() -> None:
    """By hand: with 20 of 1,000 rows differing SE = 0.447 pt; 2 pt + 0.8416*SE = 2.38 pt."""
    found = assert_outcome(judged(sliced({"EU": (10, 10, 1000)})), "pass")
    assert "could show 4 times in 5 is 2.38 pt (region=EU)" in found.whole
