from __future__ import annotations

import math
import re
import warnings
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.four_fifths import FourFifths
from policy_engine.check import Options, check
from policy_engine.policy import Finding, Outcome
from policy_engine.statistics import rate_ratio_p
from policy_engine.testing import assert_outcome, bind, judge, run, table
from tests.oracle import holm_by_statsmodels

if TYPE_CHECKING:
    from pathlib import Path

    from policy_engine.evidence.record import RunRecord

Groups = dict[str, tuple[int, int]]
NO_RATE = "the candidate run has no metric selection_rate/sex/X"


def selected(groups: Groups, **columns: Any) -> RunRecord:
    """A run whose predictions are 1 for so many of so many rows of each group."""
    names = [name for name, (_, rows) in groups.items() for _ in range(rows)]
    said = [int(i < hits) for hits, rows in groups.values() for i in range(rows)]
    target = [i % 2 for i in range(len(names))]
    cells: dict[str, Any] = {"prediction": said, "target": target, "sex": names} | columns
    return run(predictions=table(row_id=range(len(names)), **cells))


def policy(**settings: Any) -> FourFifths:
    return bind(FourFifths, **({"attributes": ["sex"], "favourable": 1} | settings))


def judged(groups: Groups, **settings: Any) -> Finding:
    (finding,) = judge(policy(**settings), candidate=selected(groups))
    return finding


def logged(groups: Groups, **metrics: float) -> RunRecord:
    rates = {f"selection_rate/sex/{g}": hits / rows for g, (hits, rows) in groups.items()}
    counts = {f"count/sex/{g}": float(rows) for g, (_, rows) in groups.items()}
    return run(metrics=rates | counts | metrics)


def test_equal_rates_pass_and_say_what_the_rows_could_have_shown() -> None:
    finding = judged({"F": (480, 1000), "M": (500, 1000)})
    assert_outcome(
        [finding],
        "pass",
        part="sex",
        message="the selection rate of sex=F (0.48, 480 of 1,000 rows) is 0.96 times that of sex=M "
        "(0.5, 500 of 1,000 rows); it must be at least 0.8; "
        "with as many rows only a ratio of 0.734 or less is shown to be too low between these "
        "groups",
    )
    assert finding.measured is not None
    assert finding.measured.unit == "ratio"
    assert math.isclose(finding.measured.value, 0.96)


def test_a_group_that_is_shown_to_be_selected_less_fails() -> None:
    finding = judged({"F": (10, 100), "M": (50, 100)})
    assert_outcome(
        [finding],
        "fail",
        message="the selection rate of sex=F (0.1, 10 of 100 rows) is 0.2 times that of sex=M "
        "(0.5, 50 of 100 rows); it must be at least 0.8: a true ratio under 0.8 is shown (score "
        "test of Miettinen and Nurminen: one-sided p = 1.6e-07 against 'a ratio of 0.8 or more'; "
        "upper bound 0.3309; alpha = 0.05)",
    )
    assert finding.remedy == (
        "find out why sex=F is selected less: its rows, its features, its labels, the threshold; "
        "fix it, or have the reason approved"
    )


def test_a_low_ratio_that_may_be_chance_is_inconclusive() -> None:
    finding = judged({"F": (30, 100), "M": (50, 100)})
    assert_outcome(
        [finding],
        "inconclusive",
        message="the selection rate of sex=F (0.3, 30 of 100 rows) is 0.6 times that of sex=M "
        "(0.5, 50 of 100 rows); it must be at least 0.8, but the true ratio may be as high as "
        "0.8063; that sex=F and sex=M are not selected alike is beyond chance (two-sided "
        "p = 0.003983 against 'are selected alike'); with as many rows only a ratio of 0.58 or "
        "less is shown to be too low between these groups (score test of Miettinen and Nurminen: "
        "one-sided p = 0.05477 against 'a ratio of 0.8 or more'; upper bound 0.8063; alpha = 0.05)",
    )
    assert finding.message == (
        "sex=F is selected 0.6 times as often as sex=M, but so few rows do not show a breach of 0.8"
    )
    assert finding.remedy == (
        "evaluate on more rows of sex=F and of every group that is named: about 230 a group decide "
        "4 times in 5, if the true ratio is the 0.6 seen here; decide on the number first, take "
        "new ones, and check again once: repeated looks find something by chance"
    )


def test_a_doubt_that_chance_explains_says_with_how_many_rows_it_seldom_would() -> None:
    """By hand: (1 - 0.3)/0.3 * (2.784/log(0.8))² = 363.2, 2.784 being 0.8 of the range of four."""
    groups = {"A": (24, 100), "B": (30, 100), "C": (32, 100), "D": (34, 100)}
    finding = judged(groups)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert (
        "; groups of equal rates would all be at 0.8 or above 4 times in 5 with about 370 rows each"
    ) in finding.whole
    assert "4 times in 5" not in judged(dict.fromkeys("ABCD", (30, 100))).whole
    all_selected = judged({"A": (60, 100), "B": (100, 100)}, min_ratio=0.99)
    assert all_selected.outcome is Outcome.FAIL


def test_the_ratio_is_the_plain_one_that_a_hand_computes() -> None:
    finding = judged({"F": (30, 100), "M": (50, 100)})
    assert finding.measured is not None
    assert finding.measured.value == Decimal("0.6")


def test_a_small_group_at_the_top_hides_no_harm_between_two_large_ones() -> None:
    """The top group alone was compared: its 100 rows left a ratio of 0.67 in 20,000 in doubt."""
    groups = {"F": (2000, 10_000), "M": (3000, 10_000), "X": (31, 100)}
    finding = judged(groups)
    assert finding.outcome is Outcome.FAIL
    assert finding.message == (
        "sex=F is selected 0.6667 times as often as sex=M; it must be at least 0.8"
    )
    assert finding.whole.startswith(
        "the selection rate of sex=F (0.2, 2,000 of 10,000 rows) is 0.6667 times that of sex=M "
        "(0.3, 3,000 of 10,000 rows); it must be at least 0.8: a true ratio under 0.8 is shown "
        "(score test"
    )
    assert finding.whole.endswith("; alpha = 0.01667, 0.05 by Holm over 3 pairs)")


def test_the_message_says_why_a_ratio_decides_nothing() -> None:
    few = judged({"F": (45, 100), "M": (50, 100), "X": (5, 10)})
    assert (few.outcome, few.message) == (
        Outcome.INCONCLUSIVE,
        (
            "sex=F is selected 0.9 times as often as sex=M; it must be at least 0.8; "
            "some group has too few rows"
        ),
    )
    low = judged({"F": (38, 100), "M": (50, 100)})
    assert (low.outcome, low.message) == (
        Outcome.INCONCLUSIVE,
        (
            "sex=F is selected 0.76 times as often as sex=M, but so few rows do not show a breach "
            "of 0.8"
        ),
    )


def test_the_luckiest_of_many_small_groups_fails_no_lawful_one() -> None:
    """A bound against the highest of 11 groups of 100 failed here: 0.8 of its true rate of 0.3."""
    tops = {f"g{i}": (30, 100) for i in range(10)} | {"g10": (44, 100)}
    assert judged(tops | {"large": (2400, 10_000)}).outcome is Outcome.INCONCLUSIVE


def test_the_naive_rule_is_there_for_those_who_must_use_it() -> None:
    groups = {"F": (30, 100), "M": (50, 100)}
    assert judged(groups, mode="point").outcome is Outcome.FAIL
    assert "is shown to be too low" not in judged({"F": (1, 2), "M": (1, 2)}, mode="point").whole


def test_a_ratio_of_exactly_the_least_passes() -> None:
    thirds = {"F": (20, 100), "M": (60, 100)}
    above = Decimal("0.33333333333333333334")
    assert judged(thirds, mode="point", min_ratio=above).outcome is Outcome.FAIL
    below = above - Decimal("1e-20")
    assert judged(thirds, mode="point", min_ratio=below).outcome is Outcome.PASS
    fifths = {"F": (12, 100), "M": (60, 100)}
    finding = judged(fifths, mode="point", min_ratio=0.2)
    assert finding.outcome is Outcome.PASS
    assert finding.measured is not None
    assert finding.measured.value == Decimal("0.2")


def test_a_small_group_is_named_and_not_judged() -> None:
    finding = judged({"F": (480, 1000), "M": (500, 1000), "X": (0, 5)})
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "under 100 rows and not judged: X (5 rows)" in finding.whole


def test_a_small_group_hides_no_shown_harm() -> None:
    assert judged({"F": (10, 100), "M": (50, 100), "X": (0, 5)}).outcome is Outcome.FAIL


def test_the_least_number_of_rows_is_enough() -> None:
    assert judged({"F": (50, 100), "M": (50, 100)}).outcome is Outcome.PASS
    assert judged({"F": (50, 99), "M": (50, 100)}).outcome is Outcome.INCONCLUSIVE


def test_nobody_selected_is_inconclusive() -> None:
    assert_outcome(
        [judged({"F": (0, 100), "M": (0, 100)})],
        "inconclusive",
        message="the selection rates of sex cannot be compared: no row of it is predicted 1: "
        "there is no ratio",
    )


def test_one_group_is_missing_evidence() -> None:
    assert_outcome(
        [judged({"F": (50, 100)})],
        "missing",
        message="protected attribute sex of the candidate run has one group only: F; nothing can "
        "be compared",
    )


def test_without_groups_it_is_missing_with_the_line_to_log_them() -> None:
    found = judge(policy(), candidate=run())
    finding = assert_outcome(
        found,
        "missing",
        message="protected attribute sex declared but no group counts: the candidate run has "
        "neither a predictions table with that column nor metrics selection_rate/sex/<value> and "
        "count/sex/<value>",
    )
    assert finding.remedy == (
        "log the column: policy_engine.training.log_predictions(row_id=…, target=…, prediction=…, "
        "sex=…)"
    )


def test_each_attribute_has_its_finding_and_all_share_alpha() -> None:
    groups = {"F": (33, 100), "M": (56, 100)}
    ages = ["old" if i % 2 else "young" for i in range(200)]
    assert judged(groups).outcome is Outcome.FAIL
    found = judge(policy(attributes=["sex", "age"]), candidate=selected(groups, age=ages))
    assert [f.part for f in found] == ["sex", "age"]
    assert (
        "alpha = 0.025, 0.05 by Holm over 2 pairs)"
        in assert_outcome(found, "inconclusive", part="sex").whole
    )
    found = judge(policy(attributes=["sex", "age"]), candidate=selected(groups))
    assert_outcome(found, "fail", part="sex")
    assert_outcome(found, "missing", part="age")


def test_a_null_group_is_a_group_and_a_null_prediction_selects_nobody() -> None:
    sex = ["F"] * 100 + [None] * 100
    said = [1] * 50 + [None] * 50 + [1] * 50 + [0] * 50
    record = run(
        predictions=table(row_id=range(200), target=[0, 1] * 100, prediction=said, sex=sex)
    )
    finding = assert_outcome(judge(policy(), candidate=record), "pass")
    assert "(none) (0.5, 50 of 100 rows)" in finding.whole


def test_numbers_are_favourable_beyond_a_bound() -> None:
    said = [600.0] * 50 + [599.9] * 50 + [700.0] * 10 + [0.0] * 90
    groups = {"F": (100, 100), "M": (100, 100)}
    record = selected(groups, prediction=said)
    finding = assert_outcome(judge(policy(favourable=">= 600"), candidate=record), "fail")
    assert "sex=M (0.1, 10 of 100 rows)" in finding.whole
    record = selected(groups, prediction=["yes"] * 200)
    assert_outcome(
        judge(policy(favourable=">= 600"), candidate=record),
        "fail",
        message="favourable is the bound >= 600, but predictions of the candidate run are no "
        "numbers",
    )


def test_a_class_that_nobody_has_is_a_slip_of_the_policy_file() -> None:
    found = judge(policy(favourable="1"), candidate=selected({"F": (5, 100), "M": (5, 100)}))
    assert_outcome(
        found,
        "missing",
        message="neither a prediction nor a target of the candidate run is 1: they hold 0, 1",
    )


def test_values_of_single_rows_are_not_shown() -> None:
    groups = {"F": (0, 3), "M": (0, 3)}
    record = selected(groups, target=[51234.5, 2, 3, 4, 5, 6], prediction=[0] * 6)
    finding = assert_outcome(judge(policy(favourable="approved"), candidate=record), "missing")
    assert "51234" not in finding.whole


def test_logged_rates_do_where_there_is_no_table() -> None:
    groups = {"F": (10, 100), "M": (50, 100)}
    (finding,) = judge(policy(), candidate=logged(groups))
    assert finding.whole == judged(groups).whole


@pytest.mark.parametrize(
    ("metrics", "outcome", "message"),
    [
        (
            {"selection_rate/sex/F": float("nan")},
            "fail",
            "metric selection_rate/sex/F of the candidate run is NaN",
        ),
        (
            {"selection_rate/sex/F": 1.5},
            "fail",
            "metric selection_rate/sex/F of the candidate run is 1.5; a rate lies in [0, 1]",
        ),
        (
            {"count/sex/F": 10.5},
            "fail",
            "metric count/sex/F of the candidate run is 10.5, no number of rows",
        ),
        (
            {"count/sex/X": 100},
            "missing",
            f"{NO_RATE}; nearest names: selection_rate/sex/M, selection_rate/sex/F, count/sex/X",
        ),
    ],
)
def test_logged_rates_that_cannot_be_used(
    metrics: dict[str, float], outcome: str, message: str
) -> None:
    record = logged({"F": (10, 100), "M": (50, 100)}, **metrics)
    assert_outcome(judge(policy(), candidate=record), outcome, message=message)


def test_it_says_when_the_baseline_fails_as_well() -> None:
    worse, better = {"F": (8, 100), "M": (50, 100)}, {"F": (10, 100), "M": (50, 100)}
    words = "; the baseline fails as well, with 0.16, and the candidate is no worse"
    (finding,) = judge(policy(), candidate=selected(better), baseline=selected(worse))
    assert finding.outcome is Outcome.FAIL
    assert f"{words} (" in finding.whole
    for mine, theirs in ((worse, better), (better, {"F": (50, 100), "M": (50, 100)})):
        (finding,) = judge(policy(), candidate=selected(mine), baseline=selected(theirs))
        assert finding.outcome is Outcome.FAIL
        assert "baseline" not in finding.whole
    (finding,) = judge(policy(), candidate=selected(better), baseline=run())
    assert "baseline" not in finding.whole


def test_rows_of_one_person_are_not_taken_for_many() -> None:
    groups = {"F": (100, 1000), "M": (500, 1000)}
    people = [i // 10 for i in range(2000)]
    assert_outcome(judge(policy(), candidate=selected(groups)), "fail")
    finding = assert_outcome(judge(policy(), candidate=selected(groups, cluster=people)), "fail")
    assert "10 of 100 rows" in finding.whole
    people = [i // 20 for i in range(2000)]
    finding = assert_outcome(
        judge(policy(), candidate=selected(groups, cluster=people)), "inconclusive"
    )
    assert "under 100 rows and not judged: F (50 rows), M (50 rows)" in finding.whole


def test_weights_count_in_the_rate() -> None:
    groups = {"F": (100, 200), "M": (100, 200)}
    weight = [0.0] * 90 + [1.0] * 110 + [1.0] * 200
    finding = assert_outcome(judge(policy(), candidate=selected(groups, weight=weight)), "fail")
    assert "sex=F (0.09091, 10 of 110 rows)" in finding.whole


@pytest.mark.parametrize(
    "wrong",
    [
        {"attributes": []},
        {"favourable": None},
        {"min_ratio": 0},
        {"min_ratio": 1.1},
        {"alpha": 0.6},
        {"mode": "naive"},
        {"min_group": 0},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        policy(**wrong)


counts = st.integers(100, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
cases = st.dictionaries(st.sampled_from("ABCDE"), counts, min_size=2)


@settings(deadline=None)
@given(cases)
def test_the_verdict_follows_from_statsmodels_correction_of_the_score_tests(groups: Groups) -> None:
    finding = judge(policy(), candidate=logged(groups))[0]
    if not any(hits for hits, _ in groups.values()):
        assert finding.outcome is Outcome.INCONCLUSIVE
        return
    by_rate = sorted(groups.values(), key=lambda each: each[0] / each[1])
    p_values = [rate_ratio_p(*low, *high, 0.8) for low, high in combinations(by_rate, 2)]
    rejected, _ = holm_by_statsmodels(p_values, 0.05)
    assert (finding.outcome is Outcome.FAIL) == any(rejected)


@settings(deadline=None)
@given(cases)
def test_what_fails_on_chance_too_would_fail_by_the_naive_rule(groups: Groups) -> None:
    """The interval only ever spares; it never fails what the point rule passes."""
    if judge(policy(), candidate=logged(groups))[0].outcome is Outcome.FAIL:
        naive = judge(policy(mode="point"), candidate=logged(groups))[0]
        assert naive.outcome is Outcome.FAIL


@settings(deadline=None)
@given(st.integers(60, 300), st.integers(100, 300))
def test_the_ratio_that_it_claims_to_see_is_the_one_where_it_turns(top: int, rows: int) -> None:
    most = rows * top // 300
    found = [
        judge(policy(), candidate=logged({"F": (hits, rows), "M": (top, 300)}))[0]
        for hits in range(most + 1)
    ]
    fails = [finding.outcome is Outcome.FAIL for finding in found]
    assert fails == sorted(fails, reverse=True)  # it fails below a rate, and nowhere above it
    claimed = re.search(r"a ratio of (\S+) or less is shown to be too low", found[-1].whole)
    assert claimed is not None
    turning = found[fails.index(False) - 1].measured
    assert turning is not None
    assert math.isclose(float(claimed[1]), turning.value, abs_tol=5e-5)


def share_failing(groups: int, size: int, rate: float, trials: int, **settings: Any) -> float:
    random = np.random.default_rng(20260131)
    rule = policy(**settings)
    failed = 0
    for hits in random.binomial(size, rate, (trials, groups)):
        record = logged({f"g{i}": (int(h), size) for i, h in enumerate(hits)})
        failed += judge(rule, candidate=record)[0].outcome is Outcome.FAIL
    return failed / trials


def test_equal_groups_almost_never_fail_where_the_naive_rule_often_does() -> None:
    """A seeded simulation. At alpha 0.5 two groups alone are tested as loosely as may be."""
    assert share_failing(10, 100, 0.5, 400) <= 0.02
    assert share_failing(10, 100, 0.3, 400) <= 0.03
    assert 0.02 < share_failing(2, 100, 0.3, 400, alpha=0.5) < 0.3
    assert 0.5 < share_failing(4, 100, 0.3, 200, mode="point") < 0.9
    assert share_failing(4, 100, 0.3, 400) <= 0.02


def test_a_true_ratio_of_four_fifths_fails_less_often_than_alpha() -> None:
    random = np.random.default_rng(7)
    failed = 0
    for low, high in random.binomial(500, [0.4, 0.5], (600, 2)):
        record = logged({"F": (int(low), 500), "M": (int(high), 500)})
        failed += judge(policy(), candidate=record)[0].outcome is Outcome.FAIL
    assert failed / 600 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)


def test_a_really_trained_model_is_judged_by_the_rows_that_it_logged(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_id = train(tmp_path)
    (tmp_path / "gate.yaml").write_text(
        "version: 1\nmetric: {name: accuracy, goal: maximize}\npolicies:\n"
        "  four-fifths: {attributes: [sex], favourable: 1}\n"
        "  equalized-odds-gap: {attributes: [sex]}\n"
    )
    report = check(
        Options(
            runs=(run_id,),
            policies=(str(tmp_path / "gate.yaml"),),
            tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}",
        )
    )
    (subject,) = report.subjects
    assert subject.baseline is None
    found = {(f.policy, f.part): f for f in subject.findings}
    ratio = found["four-fifths", "sex"]
    assert ratio.outcome is Outcome.FAIL
    assert ratio.whole.startswith("the selection rate of sex=F (0.")
    odds = found["equalized-odds-gap", "sex"]
    assert odds.outcome is Outcome.FAIL
    assert "too far apart as well: false positive rate M and F" in odds.whole


def train(folder: Path) -> str:
    """A model that learnt its labels from a biased past: it selects women less."""
    import mlflow
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(3)
    female = random.random(4000) < 0.5
    merit = random.normal(size=4000)
    label = (merit - 1.2 * female + random.normal(scale=0.5, size=4000)) > 0
    rows = np.column_stack([merit, female])
    model = LogisticRegression().fit(rows[:2000], label[:2000])
    frame = pd.DataFrame(
        {
            "row_id": range(2000),
            "target": label[2000:].astype(int),
            "prediction": model.predict(rows[2000:]).astype(int),
            "sex": np.where(female[2000:], "F", "M"),
        }
    )
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    try:
        experiment = mlflow.create_experiment("hiring", artifact_location=str(folder / "files"))
        with mlflow.start_run(experiment_id=experiment) as active:
            mlflow.log_metric("accuracy", float((frame.target == frame.prediction).mean()))
            mlflow.log_table(frame, "policy_engine/predictions.json")
        run_id: str = active.info.run_id
        return run_id
    finally:
        mlflow.set_tracking_uri("")
