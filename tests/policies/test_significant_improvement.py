from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import special, stats

from mlops_policies.baseline.significant_improvement import SignificantImprovement
from mlops_policies.comparing.bootstrapped import seed_of
from mlops_policies.comparing.counted import Counts
from mlops_policies.comparing.near import Near
from policy_engine.evidence import Needs
from policy_engine.evidence.record import BaselineRecord, DatasetRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.statistics import (
    NearlyEqual,
    Outputs,
    PairedRows,
    mcnemar_exact,
    paired_bootstrap,
    tango_bounds,
    welch_t,
)
from policy_engine.statistics import RowMetric as Definition
from policy_engine.testing import assert_outcome, bind, case, judge, run
from tests.policies.predicted import counted, rows, scored, seeded

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord

EQUAL = "of equal weight ((sum of w)²/sum of w²)"


def judged(
    candidate: RunRecord, baseline: RunRecord, metric: str = "val_accuracy", **settings: Any
) -> list[Finding]:
    policy = bind(SignificantImprovement, **settings)
    return judge(policy, candidate=candidate, baseline=baseline, metric=metric)


def repeats(each: RunRecord) -> tuple[RunRecord, ...]:
    assert isinstance(each.repeats, tuple)
    return each.repeats


def test_a_gain_that_mcnemar_shows_passes() -> None:
    """By hand: P(X >= 9), X ~ Bin(10, 1/2) = (10 + 1)/1024 = 0.01074."""
    message = (
        "val_accuracy goes from 0.9 to 0.98 on 100 shared rows, a gain of 8.00 pt, shown to exceed "
        "0 (exact McNemar, only the candidate right b = 9, only the baseline c = 1: one-sided "
        "p = 0.01074 against 'gains nothing'; Tango's one-sided bounds 3.31 pt and 14.02 pt; "
        "alpha = 0.05)"
    )
    finding = assert_outcome(judged(*counted(9, 1, 100, 89)), "pass", message=message)
    assert finding.measured is not None
    assert float(finding.measured.value) == 11 / 1024 == mcnemar_exact(9, 1)
    assert [round(100 * bound, 2) for bound in tango_bounds(9, 1, 100, 0.05)] == [3.31, 14.02]
    assert finding.remedy is None


def test_the_opposite_fails() -> None:
    finding = assert_outcome(judged(*counted(1, 9, 100)), "fail")
    assert "a loss of 8.00 pt, shown to be less than 0" in finding.whole
    assert "p = 0.01074" in finding.whole


def test_what_is_not_shown_is_inconclusive_and_says_the_rows_that_are_needed() -> None:
    finding = assert_outcome(judged(*counted(30, 28, 1000)), "inconclusive")
    assert (
        "; about 3,790 rows show a gain above 0 4 times in 5, if the true gain is 1.00 pt ("
    ) in finding.whole
    assert finding.remedy == (
        "evaluate both on more rows: if the true gain is 1.00 pt, about 3,790 rows (1,000 now) "
        "decide 4 times in 5, and about 90,700 if it is the 0.20 pt seen here; "
        "decide on the number first, take new ones, and check again once: repeated looks find "
        "something by chance; where it is enough to be no worse, remove this policy: "
        "no-regression judges that"
    )


def test_p_must_be_under_alpha_and_equality_does_not_do() -> None:
    """b = 5, c = 0: p = 1/32, exactly."""
    candidate, baseline = counted(5, 0, 200)
    assert_outcome(judged(candidate, baseline, alpha=0.03125), "inconclusive")
    assert_outcome(judged(candidate, baseline, alpha=0.03126), "pass")


@pytest.mark.parametrize(("wins", "losses"), [(3, 0), (4, 0), (6, 1), (8, 2), (11, 4), (0, 4)])
def test_bounds_that_exclude_0_never_stand_beside_a_gain_that_is_not_shown(
    wins: int, losses: int
) -> None:
    """Tango's exclude 0 a little before the exact test does: then McNemar's own are printed."""
    (finding,) = judged(*counted(wins, losses, 300))
    assert finding.outcome is Outcome.INCONCLUSIVE
    share = stats.binomtest(wins, wins + losses).proportion_ci(0.9, method="exact")
    low, high = ((2 * each - 1) * (wins + losses) / 3 for each in share)
    assert low <= 0 <= high
    assert f"; McNemar's one-sided bounds {low:.2f} pt and {high:.2f} pt; " in finding.whole
    assert finding.interval is not None
    assert float(finding.interval.low) == pytest.approx(low)
    assert float(finding.interval.high) == pytest.approx(high)


@given(st.integers(0, 40), st.integers(0, 40), st.sampled_from([0.01, 0.05, 0.1]))
def test_mcnemars_bounds_exclude_0_where_mcnemars_test_does(
    wins: int, losses: int, alpha: float
) -> None:
    counts = Counts(wins, losses + (wins + losses == 0), 300, 0.0, 0.0)
    bounds = counts.exact_bounds(alpha)
    assert (bounds.lower > 0) is (counts.p_above() < alpha)
    assert (bounds.upper < 0) is (counts.p_below() < alpha)


def test_an_effect_above_zero_is_tested_by_tangos_bounds() -> None:
    candidate, baseline = counted(40, 20, 1000)
    assert_outcome(judged(candidate, baseline, min_effect="0.5pt"), "pass")
    finding = assert_outcome(judged(candidate, baseline, min_effect="0.8pt"), "inconclusive")
    assert "Tango's score test" in finding.whole


def test_any_other_metric_is_bootstrapped_with_the_numbers_of_the_statistics() -> None:
    new = scored(400, 0.6, metrics={"roc_auc": 0.9}, run_id="a" * 32)
    old = scored(400, 0.3, metrics={"roc_auc": 0.8}, run_id="b" * 32)
    finding = assert_outcome(judged(new, old, "roc_auc", resamples=2000), "pass")
    tables: Any = (new.predictions, old.predictions)
    outputs = [Outputs(scores=list(each.columns["score"])) for each in tables]
    paired = PairedRows(
        targets=list(tables[0].columns["target"]), candidate=outputs[0], baseline=outputs[1]
    )
    found = paired_bootstrap(
        Definition("roc_auc"),
        paired,
        goal="maximize",
        seed=seed_of("roc_auc", "0" * 32, "0" * 32),
        resamples=2000,
    )
    assert finding.measured is not None
    assert float(finding.measured.value) / 100 == pytest.approx(found.interval(0.05).lower)
    assert f"a gain of {found.estimate * 100:.2f} pt" in finding.whole
    assert "paired percentile bootstrap of rows of the binary roc auc" in finding.whole


def test_weights_and_clusters_are_no_matter_for_mcnemar() -> None:
    weighted = counted(60, 10, 400, weight=[1, 2] * 200)
    assert "bootstrap of rows" in assert_outcome(judged(*weighted), "pass").whole
    clustered = counted(60, 10, 400, cluster=[i % 40 for i in range(400)])
    finding = assert_outcome(judged(*clustered), "pass")
    assert "400 shared rows in 40 clusters" in finding.whole
    assert "bootstrap of whole clusters" in finding.whole


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"cluster": [i % 29 for i in range(400)]}, "29 clusters; a bootstrap needs 30"),
        (
            {"cluster": [min(60, i) for i in range(400)]},
            f"61 clusters, which tell as much as 1 {EQUAL}; a bootstrap needs 20",
        ),
        (
            {"weight": [100.0] * 40 + [1.0] * 360},
            f"400 rows, which tell as much as 47 {EQUAL}; a bootstrap needs 100",
        ),
    ],
)
def test_too_few_clusters_or_rows_that_weigh_enough_are_inconclusive(
    columns: dict[str, Any], why: str
) -> None:
    finding = assert_outcome(judged(*counted(60, 10, 400, **columns)), "inconclusive")
    assert f"there are {why}, and 1 and 1 seeds are there" in finding.whole


def test_under_100_rows_or_50_of_the_rarer_class_a_bootstrap_decides_nothing() -> None:
    few = [scored(99, shift, metrics={"roc_auc": shift}) for shift in (0.9, 0.1)]
    finding = assert_outcome(judged(few[0], few[1], "roc_auc"), "inconclusive")
    assert "there are 99 rows; a bootstrap needs 100" in finding.whole
    rare = [scored(110, shift, metrics={"roc_auc": shift}) for shift in (0.9, 0.1)]
    finding = assert_outcome(judged(rare[0], rare[1], "roc_auc"), "inconclusive")
    assert "rows of class 1; a bootstrap needs 50" in finding.whole


def test_a_column_named_as_the_metric_holds_its_rows() -> None:
    drawn = random.Random(3)  # noqa: S311 (a seeded simulation)
    base = [drawn.random() for _ in range(200)]
    better = [value + 0.1 * drawn.random() for value in base]
    new, old = (
        run(metrics={"ndcg": 0.5}, predictions=rows([0] * 200, [0] * 200, ndcg=values))
        for values in (better, base)
    )
    assert_outcome(judged(new, old, "ndcg"), "pass")
    assert_outcome(judged(old, new, "ndcg"), "fail")


def test_without_rows_or_seeds_it_is_untested_and_says_what_would_do() -> None:
    new, old = (run(metrics={"val_accuracy": value}) for value in (0.9, 0.89))
    message = (
        "improvement is untested: the candidate run has no predictions table, and 1 and 1 seeds "
        "are there, under 5 a side; val_accuracy goes from 0.89 to 0.9 in the logged values, a "
        "gain of 1.00 pt that may be chance; at most about 13,200 rows show a gain above 0 4 "
        "times in "
        "5, if the true gain is 1.00 pt"
    )
    assert_outcome(judged(new, old), "inconclusive", message=message)


def test_rows_that_the_candidate_lacks_fail() -> None:
    new, old = counted(9, 1, 100)
    shorter = new.model_copy(update={"predictions": rows([1] * 50, [1] * 50)})
    assert (
        "lack 50 of the baseline's 100 rows" in assert_outcome(judged(shorter, old), "fail").whole
    )


def test_a_score_that_is_no_number_fails() -> None:
    new, old = (scored(200, shift, metrics={"roc_auc": 0.5}) for shift in (0.9, 0.1))
    table: Any = new.predictions
    columns = table.columns | {"score": (None, *table.columns["score"][1:])}
    holed = new.model_copy(update={"predictions": table.model_copy(update={"columns": columns})})
    finding = assert_outcome(judged(holed, old, "roc_auc"), "fail")
    assert "column score of the candidate run holds more than finite numbers" in finding.whole


def test_seeds_are_compared_by_welch_and_equal_seeds_in_pairs() -> None:
    a, b = [0.9, 0.91, 0.905, 0.9, 0.91], [0.88, 0.885, 0.88, 0.89, 0.88, 0.881]
    finding = assert_outcome(judged(seeded(a), seeded(b, "b", 50)), "pass")
    test = welch_t(a, b)
    assert "Welch's t" in finding.whole
    assert finding.measured is not None
    assert float(finding.measured.value) / 100 == pytest.approx(test.bounds(0.05).lower)
    paired = assert_outcome(judged(seeded(a), seeded(b[:5], "b")), "pass")
    assert "paired t over equal seeds" in paired.whole


def test_a_failed_seed_counts_until_it_is_made_good() -> None:
    good, bad = [0.9, 0.91, 0.905, 0.9, 0.91], [0.8, 0.81, 0.805, 0.8, 0.81]
    broke_off = run(
        run_id="f" * 32, status="FAILED", lifecycle="deleted", params={"seed": "9"}, metrics={}
    )
    new = seeded(good)
    with_failed = new.model_copy(update={"repeats": (*repeats(new), broke_off)})
    finding = assert_outcome(judged(with_failed, seeded(bad, "b")), "inconclusive")
    assert (
        "1 of the 6 seeds of the candidate have no val_accuracy (failed, killed or not finished): "
        "leaving them out might hide bad ones"
    ) in finding.whole
    again = broke_off.model_copy(update={"run_id": "e" * 32, "metrics": {"val_accuracy": 0.9}})
    again = again.model_copy(update={"params": {"seed": "9", "depth": "3"}})
    fixed = new.model_copy(update={"repeats": (*repeats(new), broke_off, again)})
    assert_outcome(judged(fixed, seeded(bad, "b")), "pass")


def test_a_deleted_run_with_a_bad_value_counts() -> None:
    new = seeded([0.9, 0.91, 0.905, 0.9, 0.91])
    bad = run(
        run_id="d" * 32,
        lifecycle="deleted",
        params={"seed": "77", "depth": "3"},
        metrics={"val_accuracy": 0.2},
    )
    hidden = new.model_copy(update={"repeats": (*repeats(new), bad)})
    old = seeded([0.88, 0.885, 0.88, 0.89, 0.88], "b")
    assert_outcome(judged(new, old), "pass")
    undecided = assert_outcome(judged(hidden, old), "inconclusive")
    assert "6 and 5 seeds" in undecided.whole
    assert undecided.remedy is not None
    assert undecided.remedy.startswith(
        "train both with more seeds: if the true gain is 1.00 pt, about 4,660 "
    )


def test_runs_of_another_parameter_are_no_seeds() -> None:
    new = seeded([0.9, 0.91, 0.905, 0.9, 0.91])
    folds: Any = [
        each.model_copy(update={"params": {"seed": "1", "depth": "3", "fold": str(i)}})
        for i, each in enumerate(repeats(new))
    ]
    alone = new.model_copy(update={"repeats": tuple(folds)})
    finding = assert_outcome(judged(alone, seeded([0.8] * 5, "b")), "inconclusive")
    assert "1 and 5 seeds are there" in finding.whole


def test_a_later_try_must_show_more_where_alpha_is_spent() -> None:
    new, old = counted(40, 20, 1000)
    third = new.model_copy(update={"tries": 3})
    plain = bind(SignificantImprovement).model_copy()
    found = judge(plain, candidate=third, baseline=old, metric="val_accuracy")
    finding = assert_outcome(found, "pass")
    assert "; this is try 3 of the pull request, alpha is for one (" in finding.whole
    assert_outcome(judged(new, old, spend=True), "pass")  # the first: alpha/2
    finding = assert_outcome(judged(third, old, spend=True), "inconclusive")
    assert "; try 3 must pass at alpha/(k(k+1)) = 0.004167" in finding.whole


def test_at_try_100_a_bootstrap_can_pass_and_says_whence_its_bounds_come() -> None:
    new, old = scored(2_000, 0.6, run_id="a" * 32), scored(2_000, 0.25, run_id="b" * 32)
    hundredth = new.model_copy(update={"tries": 100})
    found = judged(hundredth, old, "roc_auc", spend=True, resamples=1000)
    finding = assert_outcome(found, "pass")
    assert "; try 100 must pass at alpha/(k(k+1)) = 0.00000495 (" in finding.whole
    assert finding.whole.endswith(
        " by the jackknife, corrected for skewness, as too few resamples lie beyond them; alpha = "
        "0.00000495)"
    )
    assert finding.interval is not None
    assert finding.interval.shown


def searched(count: int, **changes: Any) -> tuple[RunRecord, RunRecord]:
    """Return a candidate that is one of `count` runs of a search, and a baseline."""
    new, old = counted(40, 21, 1000)
    found = [
        run(run_id=f"{i:032x}", params={"depth": str(i)} | changes.get("params", {}), metrics=m)
        for i, m in ((i, changes.get("metrics", {"val_accuracy": 0.9})) for i in range(count))
    ]
    return new.model_copy(update={"children": tuple(found)}), old


def test_the_winner_of_a_search_must_show_more_the_more_recipes_there_were() -> None:
    """By hand: differing 0.061, (2.807 + 0.8416)² * 0.061 / 0.01² = 8,121."""
    for count, outcome in ((1, "pass"), (2, "pass"), (20, "inconclusive")):
        assert_outcome(judged(*searched(count), "val_accuracy"), outcome)
    (finding,) = judged(*searched(20), "val_accuracy")
    assert (
        "; about 8,320 rows show a gain above 0 4 times in 5, if the true gain is 1.00 pt; the "
        "candidate is one of 20 recipes of a search, so a pass must be shown at a level 20 times "
        "smaller: 0.0025 ("
    ) in finding.whole


def test_seeds_and_runs_without_the_metric_are_no_search() -> None:
    seeds, old = searched(20, params={"depth": "3"})
    assert_outcome(judged(seeds, old, "val_accuracy"), "pass")
    elsewhere, old = searched(20, metrics={"mean_test_score": 0.9})
    assert_outcome(judged(elsewhere, old, "val_accuracy"), "pass")


def test_folds_are_on_other_data_and_no_search() -> None:
    new, old = searched(20)
    test, fold = (DatasetRecord(name="d", digest=digest) for digest in ("test", "fold"))
    children: Any = new.children
    folds = tuple(each.model_copy(update={"datasets": (fold,)}) for each in children)
    mine = new.model_copy(update={"children": folds, "datasets": (test,)})
    assert_outcome(judged(mine, old, "val_accuracy"), "pass")


def test_tries_of_other_pull_requests_on_the_same_data_count_where_alpha_is_spent() -> None:
    new, old = counted(45, 20, 1000)
    test = DatasetRecord(name="test", digest="d1", context="evaluation", rows=1000)
    mine = new.model_copy(
        update={"datasets": (test,), "tags": {"policy_engine.pull_request": "7"}, "tries": 2}
    )

    def tried(number: int, pull_request: str | None, digest: str = "d1", **tags: str) -> RunRecord:
        said = {"policy_engine.pull_request": pull_request} if pull_request else {}
        data = test.model_copy(update={"digest": digest})
        return run(run_id=f"{number:032x}", tags={**said, **tags}, datasets=(data,))

    history = [
        tried(1, "5"),
        tried(2, "6", **{"mlflow.parentRunId": "a search"}),
        tried(3, "6", **{"mlflow.parentRunId": "a search"}),
        tried(4, "7"),  # of this pull request: counted already
        tried(5, None),  # never proposed
        tried(6, "5", digest="d2"),
    ]
    policy = bind(SignificantImprovement, spend=True)
    (finding,) = judge(policy, candidate=mine, baseline=old, history=history, metric="val_accuracy")
    assert finding.outcome is Outcome.PASS
    assert (
        "; try 4 on these evaluation data, 2 of other pull requests, must pass at alpha/(k(k+1)) = "
        "0.0025 ("
    ) in finding.whole
    assert Needs.HISTORY in policy.reads()
    assert Needs.HISTORY not in bind(SignificantImprovement).reads()


def test_against_the_best_of_many_a_fail_asks_for_more() -> None:
    new, old = counted(20, 40, 1000)
    policy = bind(SignificantImprovement)
    seen = case(policy, candidate=new, baseline=old, metric="val_accuracy")
    rules = ({"best": {"within": "90d"}},)
    for among, outcome in ((5, Outcome.FAIL), (50, Outcome.INCONCLUSIVE)):
        found = BaselineRecord(rules=rules, found_by="best", among=among, run=old)
        (finding,) = policy.evaluate(seen._replace(found=found))
        assert finding.outcome is outcome
        assert f"the baseline is the best of {among} runs" in finding.whole


def test_several_metrics_are_findings_of_their_own() -> None:
    new = scored(400, 0.6, metrics={"roc_auc": 0.9})
    old = scored(400, 0.3, metrics={"roc_auc": 0.8})
    found = judged(new, old, "roc_auc", metrics=["roc_auc", "accuracy"], resamples=1000)
    assert [f.part for f in found] == ["roc_auc", "accuracy"]


def test_without_scipy_it_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mlops_policies.comparing import seeded as module
    from policy_engine.statistics import StatisticsUnavailable

    def absent(*_: Any, **__: Any) -> None:
        raise StatisticsUnavailable

    monkeypatch.setattr(module, "welch_t", absent)
    finding = assert_outcome(
        judged(seeded([0.9, 0.91, 0.905, 0.9, 0.91]), seeded([0.8] * 5, "b", 9)), "error"
    )
    assert finding.whole == "this policy needs SciPy: pip install policy-engine[stats]"


def test_only_seeds_need_no_rows() -> None:
    assert Needs.PREDICTIONS not in bind(SignificantImprovement, method="seeds").reads()
    with pytest.raises(ValidationError):
        bind(SignificantImprovement, alpha=0.6)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_no_two_models_both_improve_on_each_other(wins: int, losses: int) -> None:
    new, old = counted(wins, losses, 150)
    outcomes = [judged(new, old)[0].outcome, judged(old, new)[0].outcome]
    assert outcomes != [Outcome.PASS, Outcome.PASS]
    assert (outcomes[0] is Outcome.PASS) == (mcnemar_exact(wins, losses) < 0.05)
    assert (outcomes[0] is Outcome.PASS) == (outcomes[1] is Outcome.FAIL)


def test_of_two_equal_models_almost_none_improves() -> None:
    """300 pairs of equal models, 8 % disagreement: at most alpha, within the simulation's error."""
    drawn = random.Random(11)  # noqa: S311 (a seeded simulation)
    passed = 0
    for _ in range(300):
        differing = sum(drawn.random() < 0.08 for _ in range(300))
        wins = sum(drawn.random() < 0.5 for _ in range(differing))
        found = judged(*counted(wins, differing - wins, 300))
        passed += found[0].outcome is Outcome.PASS
    assert passed / 300 <= 0.05 + 2 * (0.05 * 0.95 / 300) ** 0.5


def test_the_order_of_the_rows_does_not_matter() -> None:
    new, old = (scored(300, shift, metrics={"roc_auc": 0.5}) for shift in (0.5, 0.4))
    table: Any = new.predictions
    turned = {name: tuple(reversed(cells)) for name, cells in table.columns.items()}
    other = new.model_copy(update={"predictions": table.model_copy(update={"columns": turned})})
    first, second = (judged(each, old, "roc_auc", resamples=1000) for each in (new, other))
    assert first == second


@pytest.mark.parametrize(
    "column", [{"weight": [2.0] * 1000}, {"cluster": [f"row {i}" for i in range(1000)]}]
)
def test_weights_that_are_equal_and_clusters_of_one_row_leave_mcnemar_in_force(
    column: dict[str, Any],
) -> None:
    """By hand: four rows of four, p = 1/16; the bootstrap would have said 0.018."""
    found = judged(*counted(4, 0, 1000, **column))
    plain = assert_outcome(judged(*counted(4, 0, 1000)), "inconclusive")
    finding = assert_outcome(found, "inconclusive", message=plain.whole)
    assert "p = 0.0625" in finding.whole


def test_rows_needed_are_for_a_difference_beyond_the_least_gain() -> None:
    finding = assert_outcome(judged(*counted(30, 22, 1000), min_effect="0.5pt"), "inconclusive")
    more = (
        "; about 12,900 rows show a gain above 0.50 pt 4 times in 5, if the true gain is 1.00 pt ("
    )
    assert more in finding.whole


def test_spent_alpha_asks_for_more_rows_where_there_are_none() -> None:
    """By hand: differing at most 0.21, (1.9600 + 0.8416)² * 0.21 / 0.01² = 16,483."""
    new, old = (run(metrics={"accuracy": value}) for value in (0.9, 0.89))
    finding = assert_outcome(judged(new, old, "accuracy", spend=True), "inconclusive")
    assert "at most about 16,700 rows show a gain above 0 4 times in 5" in finding.whole


def test_no_gain_at_all_needs_no_point_to_be_exceeded() -> None:
    truth = [float(i % 17) for i in range(200)]
    new, old = (
        run(
            run_id=digit * 32,
            metrics={"rmse": off},
            predictions=rows(truth, [y + off * (1 + i % 3) for i, y in enumerate(truth)]),
        )
        for digit, off in (("a", 1.0), ("b", 1.5))
    )
    finding = assert_outcome(judged(new, old, "rmse"), "pass")
    assert "shown to exceed 0 (paired percentile bootstrap" in finding.whole
    assert_outcome(judged(old, new, "rmse"), "fail")


def test_rows_without_weight_do_not_make_up_the_hundred_that_a_bootstrap_needs() -> None:
    weight = [1.0] * 60 + [0.0] * 940
    finding = assert_outcome(judged(*counted(40, 2, 1000, weight=weight)), "inconclusive")
    assert "there are 60 rows of weight above 0; a bootstrap needs 100" in finding.whole


def test_of_several_metrics_a_fail_is_held_against_holms_level() -> None:
    """p of 15 and 28 is 0.033: a fail alone, and not as one of two tests that can fail it."""
    new, old = counted(15, 28, 400)
    assert_outcome(judged(new, old), "fail")
    found = judged(new, old, metrics=["val_accuracy", "accuracy"])
    assert {f.outcome for f in found} == {Outcome.INCONCLUSIVE}
    new, old = counted(12, 30, 400)  # p = 0.004
    found = judged(new, old, metrics=["val_accuracy", "accuracy"])
    assert {f.outcome for f in found} == {Outcome.FAIL}
    assert "p = 0.003958" in found[0].whole
    assert found[0].whole.endswith("alpha = 0.025; that alpha is Holm's over 2 tests)")


def test_of_several_metrics_each_passes_at_alpha_itself() -> None:
    new, old = counted(28, 15, 400)
    found = judged(new, old, metrics=["val_accuracy", "accuracy"])
    assert {f.outcome for f in found} == {Outcome.PASS}
    assert {f.whole.rpartition("alpha = ")[2] for f in found} == {"0.05)"}


def test_of_several_metrics_one_without_a_test_takes_no_share_of_alpha() -> None:
    new, old = counted(15, 28, 400)
    found = judged(new, old, metrics=["val_accuracy", "roc_auc"])
    assert [f.outcome for f in found] == [Outcome.FAIL, Outcome.INCONCLUSIVE]


def test_a_least_gain_of_less_than_a_row_must_be_shown_by_mcnemar_too() -> None:
    """By hand: b = 4, c = 0 gives z = 2, which Tango's test takes for p = 0.023; exact is 1/16."""
    found = judged(*counted(4, 0, 1000), min_effect="0.01pt")
    finding = assert_outcome(found, "inconclusive")
    assert (
        "; less than one row is none, so McNemar's test must show a gain: one-sided p = 0.0625 "
        "against 'gains nothing' (" in finding.whole
    )
    assert_outcome(judged(*counted(5, 0, 1000), min_effect="0.01pt"), "pass")


def test_29_differing_rows_are_inconclusive_and_counted() -> None:
    new, old = counted(29, 0, 1000)
    finding = assert_outcome(judged(new, old, "f1"), "inconclusive")
    assert finding.whole.startswith(
        "improvement is untested: there are 29 rows on which the models differ; a bootstrap needs "
        "30, and 0 and 0 seeds are there"
    )
    assert_outcome(judged(*counted(30, 0, 1000), "f1", resamples=1000), "pass")


def said(n: int, positives: int, last: int = 0) -> RunRecord:
    """Return a run that finds two thirds of the positives; of `last` rows it says the opposite."""
    truth = [1] * positives + [0] * (n - positives)
    given = [int(t and i % 3 > 0) for i, t in enumerate(truth)]
    given[n - last :] = [1 - each for each in given[n - last :]]
    return run(run_id=("b" if last else "a") * 32, predictions=rows(truth, given))


def test_a_refactoring_has_no_gain_to_show() -> None:
    message = (
        "gives the same answer on all 299 shared rows: no gain to judge; with 95% confidence fewer "
        "than 0.997% of such rows differ; if a change was expected, check that the new model was "
        "loaded; whether it keeps the quality, no-regression judges"
    )
    for metric in ("val_accuracy", "val_f1", "val_recall"):
        new, old = said(299, 100), said(299, 100)
        found = judged(new, old, metric, spare_refactorings=True)
        assert_outcome(found, "not-applicable", message=message)
        assert_outcome(judged(new, old, metric), "inconclusive")


def test_few_equal_rows_or_one_that_differs_are_no_refactoring() -> None:
    few = said(298, 100)
    assert_outcome(judged(few, few, spare_refactorings=True), "inconclusive")
    new, old = said(5_000, 100), said(5_000, 100, last=1)
    assert_outcome(judged(new, old, "val_f1", spare_refactorings=True), "inconclusive")


def test_equal_predictions_with_other_scores_are_no_refactoring() -> None:
    new, old = (
        run(predictions=rows([0, 1] * 200, [0, 1] * 200, score=[0.1, high] * 200))
        for high in (0.8, 0.9)
    )
    assert_outcome(judged(new, old, spare_refactorings=True), "inconclusive")


def test_models_that_hardly_differ_are_shown_to_gain_less_than_is_asked_for() -> None:
    new, old = said(20_000, 10_000), said(20_000, 10_000, last=1)
    finding = assert_outcome(judged(new, old, "val_f1", min_effect="1pt"), "fail")
    reach = (
        2 * (1 - special.betaincinv(19_999, 2, 0.025)) / special.betaincinv(10_000, 10_001, 0.025)
    )
    assert f"one-sided bounds {-100 * reach:.2f} pt and {100 * reach:.2f} pt" in (
        finding.detail or ""
    )
    assert finding.message == "the gain of 0.0048 pt in val_f1 is less than 1.00 pt"
    assert_outcome(judged(new, old, "val_f1", min_effect="0.05pt"), "inconclusive")


def test_the_p_of_models_that_hardly_differ_is_the_alpha_at_which_they_are_that_near() -> None:
    near = Near(NearlyEqual(Definition("brier", positive=1), {1: 50, 0: 50}, {1: 1}, 1), 0, 0, 0)
    p = near.p_below(0.1)
    assert near.rows.reach(p) == pytest.approx(0.1, rel=1e-3)
    assert near.rows.reach(p) < 0.1
    assert near.p_below(0.0) == near.p_below(0.01) == 1.0


def of_precision(right: int, said: int, **columns: Any) -> RunRecord:
    """200 positive rows and 800 others: so many are called positive, so many of them rightly."""
    wrong = said - right
    cells = [1] * right + [0] * (200 - right) + [1] * wrong + [0] * (800 - wrong)
    table = rows([1] * 200 + [0] * 800, cells, **columns)
    return run(metrics={"precision": right / said}, predictions=table)


def test_a_raised_threshold_does_not_buy_a_better_precision() -> None:
    """15 of 15 against 46 of 50 was an improvement with p = 1e-4: no resample found a miss."""
    found = judged(of_precision(15, 15), of_precision(46, 50), "precision")
    finding = assert_outcome(found, "inconclusive")
    assert finding.whole.startswith(
        "precision goes from 0.92 to 1 on 50 shared rows predicted as 1 by either, of 1,000 in "
        "all, a gain of 8.00 pt"
    )
    assert (
        "score test of precision, 15 of 15 rows right that the candidate predicts as 1, 46 of 50 "
        "that the baseline does" in finding.whole
    )


def test_a_precision_of_fewer_than_ten_predicted_rows_is_not_tested() -> None:
    found = judged(of_precision(9, 9), of_precision(150, 400), "precision")
    finding = assert_outcome(found, "inconclusive")
    assert "a model predicts only 9 rows as 1, under 10" in finding.whole
    found = judged(of_precision(10, 10), of_precision(150, 400), "precision")
    assert_outcome(found, "pass")


def test_a_better_precision_on_many_predicted_rows_passes() -> None:
    found = judged(of_precision(180, 190), of_precision(180, 220), "precision")
    assert_outcome(found, "pass")


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        ((20, 20), (45, 50), "18 rows that the candidate predicts as 1, expected to be right"),
        ((151, 161), (150, 160), "10 rows that the candidate predicts as 1, expected to be wrong"),
    ],
)
def test_precision_of_clusters_is_not_bootstrapped_on_few_predicted_rows(
    mine: tuple[int, int], theirs: tuple[int, int], why: str
) -> None:
    pairs = [i // 2 for i in range(1000)]
    candidate, baseline = (of_precision(*each, cluster=pairs) for each in (mine, theirs))
    finding = assert_outcome(judged(candidate, baseline, "precision"), "inconclusive")
    assert f"there are {why}; a bootstrap needs 50" in finding.whole
