from __future__ import annotations

import math
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.equalized_odds_gap import EqualizedOddsGap
from policy_engine.evidence import Metric
from policy_engine.judging.brief import LONGEST
from policy_engine.policy import Finding, Outcome
from policy_engine.statistics import newcombe_bounds
from policy_engine.testing import assert_outcome, bind, judge, run, table

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord

NO_COUNT = "the candidate run has no metric positives/sex/X"
Groups = dict[str, tuple[int, int, int, int]]
"""True positives, positives, false positives, negatives, by group."""


def predicted(groups: Groups, **columns: Any) -> RunRecord:
    names, target, said = [], [], []
    for name, (hits, positives, alarms, negatives) in groups.items():
        names += [name] * (positives + negatives)
        target += [1] * positives + [0] * negatives
        said += [int(i < hits) for i in range(positives)]
        said += [int(i < alarms) for i in range(negatives)]
    cells: dict[str, Any] = {"target": target, "prediction": said, "sex": names} | columns
    return run(predictions=table(row_id=range(len(names)), **cells))


def logged(groups: Groups, **metrics: float) -> RunRecord:
    known: dict[str, float] = {}
    for name, (hits, positives, alarms, negatives) in groups.items():
        known[f"tpr/sex/{name}"] = hits / positives
        known[f"fpr/sex/{name}"] = alarms / negatives
        known[f"count/sex/{name}"] = positives + negatives
        known[f"positives/sex/{name}"] = positives
    return run(metrics=known | metrics)


def policy(**settings: Any) -> EqualizedOddsGap:
    return bind(EqualizedOddsGap, **({"attributes": ["sex"]} | settings))


def judged(groups: Groups, **settings: Any) -> Finding:
    (finding,) = judge(policy(**settings), candidate=predicted(groups))
    return finding


ALIKE: Groups = {"F": (88, 100, 12, 100), "M": (90, 100, 10, 100)}
APART: Groups = {"F": (60, 100, 12, 100), "M": (90, 100, 10, 100)}
PERHAPS: Groups = {"F": (78, 100, 12, 100), "M": (90, 100, 10, 100)}


def test_like_rates_pass_and_say_what_the_rows_could_have_shown() -> None:
    assert_outcome(
        [judged(ALIKE)],
        "pass",
        part="sex",
        message="for sex, the false positive rate differs by 0.02 (F 0.12, 12 of 100 rows; M 0.1, "
        "10 of 100 rows) and the true positive rate differs by 0.02 (M 0.9, 90 of 100 rows; "
        "F 0.88, 88 of 100 rows); a gap must be at most 0.1; with as many rows only a gap of "
        "0.22 or more is shown in any pair of groups",
    )


def test_a_gap_that_is_shown_fails() -> None:
    finding = assert_outcome(
        [judged(APART)],
        "fail",
        message="for sex, the true positive rate differs by 0.3 (M 0.9, 90 of 100 rows; F 0.6, 60 "
        "of 100 rows) and the false positive rate differs by 0.02 (F 0.12, 12 of 100 rows; M 0.1, "
        "10 of 100 rows); more than 0.1828 is shown (Newcombe's method 10, "
        "one-sided, with alpha 0.025: 0.05 by Holm over 2 tests); "
        "a gap must be at most 0.1",
    )
    assert finding.measured is not None
    assert finding.limit is not None
    assert (finding.measured.value, finding.limit.value) == (Decimal("0.3"), Decimal("0.1"))
    assert finding.remedy == (
        "compare the errors on sex=M and sex=F: rows, labels, features, threshold; fix it, or "
        "have the reason approved"
    )


def test_the_bound_is_newcombes_computed_by_hand() -> None:
    """Method 10 with z = 1.96: Wilson's bounds of 90/100 and of 60/100, then the square roots."""
    z = 1.959963984540054

    def wilson(p: float, sign: int) -> float:
        half = z * math.sqrt(p * (1 - p) / 100 + z * z / 40000)
        return (p + z * z / 200 + sign * half) / (1 + z * z / 100)

    lower = 0.3 - math.hypot(0.9 - wilson(0.9, -1), wilson(0.6, 1) - 0.6)
    assert math.isclose(lower, 0.1828, abs_tol=5e-5)


def test_a_wide_gap_that_may_be_chance_is_inconclusive() -> None:
    finding = judged(PERHAPS)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message.endswith("; it must be at most 0.1; the rows show no breach")
    assert len(finding.message) <= LONGEST
    assert (
        "; no more than 0.01788 is shown (Newcombe's method 10, one-sided, with alpha 0.025: "
        in finding.whole
    )
    assert finding.whole.endswith(
        "with as many rows only a gap of 0.22 or more is shown in any pair of groups"
    )


def test_a_gap_that_chance_explains_says_with_how_many_rows_it_seldom_would() -> None:
    """By hand: 0.85 * 0.15 * (2.784/0.1)² = 98.8, 2.784 being 0.8 of the range of four."""
    hits = {"A": 40, "B": 42, "C": 43, "D": 45}
    finding = judged({name: (each, 50, 5, 50) for name, each in hits.items()}, max_gap=0.09)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.whole.endswith(
        "; groups of an equal true positive rate would all be within 0.09 4 times in 5 with "
        "about 130 rows of the class each"
    )


def test_a_gap_of_exactly_the_greatest_passes() -> None:
    tenth: Groups = {"F": (80, 100, 10, 100), "M": (90, 100, 10, 100)}
    assert judged(tenth).outcome is Outcome.PASS
    assert judged(tenth, max_gap=Decimal("0.0999999999")).outcome is Outcome.INCONCLUSIVE
    third: Groups = {"F": (20, 60, 0, 60), "M": (26, 60, 0, 60)}
    assert judged(third).outcome is Outcome.PASS  # 26/60 - 20/60 is above 0.1 in floats


def test_a_group_with_too_few_rows_for_a_rate_is_named() -> None:
    finding = judged({"F": (88, 100, 5, 49), "M": (90, 100, 10, 100)})
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "under 50 rows and without a false positive rate: F (49 rows)" in finding.whole
    assert judged({"F": (44, 50, 5, 50), "M": (90, 100, 10, 100)}).outcome is Outcome.PASS


def test_where_no_rate_can_be_compared_it_says_why() -> None:
    assert_outcome(
        [judged({"F": (8, 10, 1, 10), "M": (9, 10, 1, 10)})],
        "inconclusive",
        message="the error rates of sex cannot be compared: under 50 rows and without a true "
        "positive rate: F (10 rows), M (10 rows); under 50 rows and without a false positive rate: "
        "F (10 rows), M (10 rows)",
    )


def test_one_group_is_missing_evidence() -> None:
    assert_outcome(
        [judged({"F": (88, 100, 12, 100)})],
        "missing",
        message="protected attribute sex of the candidate run has one group only: F; nothing can "
        "be compared",
    )


def test_without_groups_it_is_missing() -> None:
    assert_outcome(
        judge(policy(), candidate=run()),
        "missing",
        part="sex",
        message="protected attribute sex declared but no group counts: the candidate run has "
        "neither a predictions table with that column nor metrics tpr/sex/<value>, "
        "fpr/sex/<value>, count/sex/<value> and positives/sex/<value>",
    )


def test_a_numeric_target_has_no_error_rates() -> None:
    record = predicted(ALIKE, target=[i / 7 for i in range(400)])
    assert_outcome(
        judge(policy(), candidate=record),
        "missing",
        message="the target of the candidate run is a number, no class: it has no error rates by "
        "class",
    )


@pytest.mark.parametrize(("no", "yes"), [(0, 1), (False, True), (0.0, 1.0), (2, 1)])
def test_one_or_true_is_the_positive_class(no: Any, yes: Any) -> None:
    def named(cells: tuple[Any, ...]) -> list[Any]:
        return [yes if cell else no for cell in cells]

    plain = predicted(APART).predictions
    assert plain is not None
    columns = plain.columns  # type: ignore[union-attr]
    record = predicted(
        APART, target=named(columns["target"]), prediction=named(columns["prediction"])
    )
    (finding,) = judge(policy(), candidate=record)
    assert finding.whole == judged(APART).whole


def test_of_two_named_classes_somebody_must_say_which_is_positive() -> None:
    words = {0: "no", 1: "yes"}
    columns: Any = predicted(APART).predictions.columns  # type: ignore[union-attr]
    renamed = {n: [words[cell] for cell in columns[n]] for n in ("target", "prediction")}
    record = predicted(APART, **renamed)
    assert_outcome(
        judge(policy(), candidate=record),
        "missing",
        message="nothing says which class is positive: the targets of the candidate run are no and "
        "yes",
    )
    (finding,) = judge(policy(positive="yes"), candidate=record)
    assert finding.whole == judged(APART).whole
    metric = Metric("accuracy", "maximize", Decimal("0.01"), "the test", positive="yes")
    (finding,) = judge(policy(), candidate=record, metric=metric)
    assert finding.whole == judged(APART).whole
    assert_outcome(
        judge(policy(positive="maybe"), candidate=record),
        "missing",
        message="no target of the candidate run is maybe, the positive class",
    )


def test_several_classes_have_a_finding_each() -> None:
    random = np.random.default_rng(1)
    target = [("a", "b", "c")[i] for i in random.integers(0, 3, 600)]
    sex = [("F", "M")[i] for i in random.integers(0, 2, 600)]
    record = run(predictions=table(row_id=range(600), target=target, prediction=target, sex=sex))
    found = judge(policy(), candidate=record)
    assert [f.part for f in found] == ["sex/a", "sex/b", "sex/c"]
    assert {f.outcome for f in found} == {Outcome.PASS}
    assert found[0].whole.startswith("for sex and class a, the ")


def test_all_attributes_and_classes_are_one_family() -> None:
    found = judge(
        policy(attributes=["sex", "copy"]),
        candidate=predicted(APART, copy=["F"] * 200 + ["M"] * 200),
    )
    assert [f.part for f in found] == ["sex", "copy"]
    assert all("by Holm over 4 tests" in f.whole for f in found)


def test_logged_rates_do_where_there_is_no_table() -> None:
    (finding,) = judge(policy(), candidate=logged(APART))
    assert finding.whole == judged(APART).whole


@pytest.mark.parametrize(
    ("metrics", "outcome", "message"),
    [
        ({"tpr/sex/F": math.nan}, "fail", "metric tpr/sex/F of the candidate run is NaN"),
        (
            {"positives/sex/F": 201},
            "fail",
            "metric positives/sex/F of the candidate run is 201, of 200 rows",
        ),
        (
            {"count/sex/X": 100},
            "missing",
            f"{NO_COUNT}; nearest names: positives/sex/M, positives/sex/F, count/sex/X",
        ),
    ],
)
def test_logged_rates_that_cannot_be_used(
    metrics: dict[str, float], outcome: str, message: str
) -> None:
    assert_outcome(judge(policy(), candidate=logged(ALIKE, **metrics)), outcome, message=message)


def test_it_says_when_the_baseline_fails_as_well() -> None:
    worse: Groups = {"F": (50, 100, 12, 100), "M": (90, 100, 10, 100)}
    words = "; the baseline fails as well, with 0.4, and the candidate is no worse"
    (finding,) = judge(policy(), candidate=predicted(APART), baseline=predicted(worse))
    assert finding.outcome is Outcome.FAIL
    assert finding.whole.endswith(words)
    for mine, theirs in ((worse, APART), (APART, ALIKE)):
        (finding,) = judge(policy(), candidate=predicted(mine), baseline=predicted(theirs))
        assert finding.outcome is Outcome.FAIL
        assert "baseline" not in finding.whole


def test_rows_of_one_person_are_not_taken_for_many() -> None:
    people = [i // 4 for i in range(400)]
    finding = judge(policy(min_positives=20, min_negatives=20), candidate=predicted(APART))[0]
    assert finding.outcome is Outcome.FAIL
    clustered = predicted(APART, cluster=people)
    (finding,) = judge(policy(min_positives=20, min_negatives=20), candidate=clustered)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "of 25 rows" in finding.whole


@pytest.mark.parametrize(
    "wrong",
    [{"attributes": []}, {"max_gap": 1}, {"max_gap": -0.1}, {"alpha": 0}, {"min_negatives": 0}],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        policy(**wrong)


def rates() -> st.SearchStrategy[tuple[int, int, int, int]]:
    def within(rows: tuple[int, int]) -> st.SearchStrategy[tuple[int, int, int, int]]:
        p, n = rows
        return st.tuples(st.integers(0, p), st.just(p), st.integers(0, n), st.just(n))

    return st.tuples(st.integers(50, 200), st.integers(50, 200)).flatmap(within)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("ABCD"), rates(), min_size=2))
def test_the_verdict_follows_from_the_bounds(groups: Groups) -> None:
    """The family fails if and only if its smallest p-value beats alpha over all tests."""
    finding = judge(policy(), candidate=logged(groups))[0]
    pairs = list(combinations(groups.values(), 2))
    alpha = 0.05 / (2 * len(pairs))
    lowers, gaps = [], []
    for one, other in pairs:
        for k in (0, 2):
            a, b = one[k : k + 2], other[k : k + 2]
            lowers.append(newcombe_bounds(a[0], a[1], b[0], b[1], alpha).lower)
            lowers.append(newcombe_bounds(b[0], b[1], a[0], a[1], alpha).lower)
            gaps.append(abs(Decimal(a[0]) / a[1] - Decimal(b[0]) / b[1]))
    assert (finding.outcome is Outcome.FAIL) == (max(lowers) > 0.1)
    assert (finding.outcome is Outcome.PASS) == (max(gaps) <= Decimal("0.1"))


@settings(deadline=None)
@given(st.integers(50, 150), st.integers(50, 150), st.integers(0, 50))
def test_a_wider_gap_fails_where_a_narrower_one_does(n: int, m: int, low: int) -> None:
    still = (0, 60, 0, 60)
    outcomes = []
    for hits in range(0, n + 1, 3):
        groups = {"A": (hits, n, *still[2:]), "B": (low, m, *still[2:])}
        if hits / n >= low / m:
            outcomes.append(judge(policy(), candidate=logged(groups))[0].outcome is Outcome.FAIL)
    assert outcomes == sorted(outcomes)


def test_equal_groups_almost_never_fail_where_the_naive_rule_often_does() -> None:
    """A seeded simulation: 4 equal groups of 50 + 50 rows, rates 0.8 and 0.2."""
    random = np.random.default_rng(20260131)
    trials, failed, naive = 300, 0, 0
    for _ in range(trials):
        hits, alarms = random.binomial(50, 0.8, 4), random.binomial(50, 0.2, 4)
        groups = {
            f"g{i}": (int(h), 50, int(a), 50)
            for i, (h, a) in enumerate(zip(hits, alarms, strict=True))
        }
        failed += judge(policy(), candidate=logged(groups))[0].outcome is Outcome.FAIL
        naive += bool(max(np.ptp(hits), np.ptp(alarms)) > 5)
    assert failed / trials <= 0.01
    assert naive / trials > 0.6


def test_a_large_gap_is_found() -> None:
    random = np.random.default_rng(5)
    failed = 0
    for _ in range(100):
        f, m = int(random.binomial(300, 0.6)), int(random.binomial(300, 0.85))
        groups: Groups = {"F": (f, 300, 30, 300), "M": (m, 300, 30, 300)}
        failed += judge(policy(), candidate=logged(groups))[0].outcome is Outcome.FAIL
    assert failed > 90
