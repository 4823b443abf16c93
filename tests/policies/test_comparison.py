"""Which test is chosen, and its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.metrics import f1_score

from mlops_policies.baseline.no_regression import NoRegression
from mlops_policies.comparing.bootstrapped import Bootstrapped, seed_of
from mlops_policies.comparing.comparison import Plan, compare
from mlops_policies.comparing.counted import Counts
from mlops_policies.comparing.seeded import Seeds
from mlops_policies.comparing.shown import detectable, is_above
from mlops_policies.comparing.tested import Untested
from policy_engine.evidence import InvalidEvidence, MissingEvidence, Needs, Run, resolve_metric
from policy_engine.evidence.record import RunRecord
from policy_engine.statistics import Linearized, rows_needed_for_counts
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.predicted import counted, rows, scored, seeded

if TYPE_CHECKING:
    from mlops_policies.comparing.tested import Tested

ALL = Needs.PREDICTIONS | Needs.REPEATS | Needs.DATASETS


def by_scikit_learn(wrong: int) -> dict[str, float]:
    """F1 of 400 rows, 100 of them positive, where the first `wrong` are wrong."""
    target = [int(i % 4 == 0) for i in range(400)]
    said = [1 - t if i < wrong else t for i, t in enumerate(target)]
    return {a: float(f1_score(target, said, average=a)) for a in ("binary", "macro", "weighted")}


def compared(
    new: RunRecord, old: RunRecord, metric: str = "val_accuracy", **plan: Any
) -> Tested | Untested:
    measure = resolve_metric(metric, "maximize" if metric == "hit" else None, None, "the test")
    runs = Run(new, ALL), Run(old, ALL, "baseline")
    return compare(*runs, measure, Plan(**({"resamples": 1000} | plan)))


def valued(values: list[float], **columns: Any) -> RunRecord:
    zeros = [0] * len(values)
    return run(predictions=rows(zeros, zeros, **columns))


def test_accuracy_of_independent_rows_is_counted() -> None:
    found = compared(*counted(9, 1, 100, 80))
    assert isinstance(found, Counts)
    assert (found.wins, found.losses, found.n, found.after, found.before) == (9, 1, 100, 0.89, 0.81)
    assert found.needed(0.01, 0.05)[0] == rows_needed_for_counts(9, 1, 100, 0.01, 0.05)


def detected(mine: list[int], theirs: list[int], **columns: Any) -> tuple[RunRecord, RunRecord]:
    """Return runs over rows of class 1, then 540 of class 0 on which the models differ by 90."""
    truth = [1] * len(mine) + [0] * 540
    beside = [1] * 45 + [0] * 495, [0] * 45 + [1] * 45 + [0] * 450
    tables = [
        rows(truth, said + other, **columns)
        for said, other in zip((mine, theirs), beside, strict=True)
    ]
    return run(predictions=tables[0]), run(run_id="b" * 32, predictions=tables[1])


MISSED = [0] * 6 + [1] * 54, [0] * 2 + [1] * 58
"""What the candidate and the baseline miss of 60 rows of class 1: 6 and 2 of the same."""


def test_a_recall_is_counted_on_the_rows_of_its_class_alone() -> None:
    found = compared(*detected(*MISSED), "recall_binary")
    assert isinstance(found, Counts)
    assert (found.wins, found.losses, found.n) == (0, 4, 60)
    assert (found.after, found.before) == (54 / 60, 58 / 60)
    assert found.where == "60 shared rows of class 1, of 600 in all"
    assert found.words() == (
        "exact McNemar on 60 rows of class 1, only the candidate right b = 0, "
        "only the baseline c = 4"
    )
    assert found.needed(0.01, 0.05) == (
        rows_needed_for_counts(0, 4, 60, 0.01, 0.05),
        60,
        "rows of class 1",
    )
    assert found.more == "evaluate both on more rows of class 1"


def test_a_specificity_is_counted_on_the_rows_of_all_other_classes() -> None:
    found = compared(*detected(*MISSED), "specificity")
    assert isinstance(found, Counts)
    assert (found.wins, found.losses, found.n) == (45, 45, 540)
    assert found.where == "540 shared rows of classes other than 1, of 600 in all"


@pytest.mark.parametrize("name", ["recall_weighted", "f1_micro"])
def test_a_metric_that_is_an_accuracy_by_another_name_is_counted_on_all_rows(name: str) -> None:
    found = compared(*detected(*MISSED), name)
    assert isinstance(found, Counts)
    assert (found.wins, found.losses, found.where) == (45, 49, "600 shared rows")


@pytest.mark.parametrize("column", ["weight", "cluster"])
def test_a_recall_of_weighted_or_dependent_rows_is_resampled(column: str) -> None:
    cells = [1 + i % 2 for i in range(600)] if column == "weight" else [i // 3 for i in range(600)]
    found = compared(*detected(*MISSED, **{column: cells}), "recall_binary")
    assert isinstance(found, Bootstrapped)


def test_a_recall_without_a_row_of_its_class_is_untested() -> None:
    negative = [run(predictions=rows([0] * 200, [0] * 200)) for _ in range(2)]
    found = compared(negative[0], negative[1], "recall_binary")
    assert isinstance(found, Untested)
    assert found.why.startswith("recall needs a positive class and no class is 1 or true")


def test_a_specificity_without_a_row_of_other_classes_is_untested() -> None:
    positive = [run(predictions=rows([1] * 200, [1] * 200)) for _ in range(2)]
    found = compared(positive[0], positive[1], "specificity")
    assert isinstance(found, Untested)
    assert found.why.startswith("there are 0 rows of class other than 1; a bootstrap needs 50")


def test_a_column_of_zeros_and_ones_is_counted_too() -> None:
    new, old = (valued(v, hit=v) for v in ([1.0] * 100, [0.0] * 10 + [1.0] * 90))
    found = compared(new, old, "hit")
    assert isinstance(found, Counts)
    assert (found.wins, found.losses) == (10, 0)


def test_in_a_column_of_errors_the_candidate_wins_where_it_has_none() -> None:
    new, old = (valued(v, error=v) for v in ([0.0] * 100, [1.0] * 10 + [0.0] * 90))
    found = compared(new, old, "error")
    assert isinstance(found, Counts)
    assert (found.wins, found.losses, found.after, found.before) == (10, 0, 0, 0.1)


def test_mlflows_row_scores_are_found_by_the_name_of_their_mean() -> None:
    new, old = (
        valued(v, **{"ndcg/score": v}) for v in ([0.5 + i / 400 for i in range(100)], [0.5] * 100)
    )
    found = compared(new, old, "ndcg/mean")
    assert isinstance(found, Bootstrapped)
    assert found.definition.kind == "row_mean"


def test_bca_is_taken_on_request() -> None:
    new, old = scored(300, 0.5), scored(300, 0.3)
    plain, bca = compared(new, old, "roc_auc"), compared(new, old, "roc_auc", method="bca")
    assert "percentile" in plain.words()  # type: ignore[union-attr]
    assert "BCa" in bca.words()  # type: ignore[union-attr]


def test_a_missing_table_leads_to_the_seeds() -> None:
    found = compared(seeded([0.9, 0.91, 0.9, 0.91, 0.9]), seeded([0.8] * 5, "b", 20))
    assert isinstance(found, Seeds)
    assert not found.is_paired
    assert found.needed(0.01, 0.05)[2] == "seeds a side"


def test_seeds_may_be_asked_for_where_rows_are_logged() -> None:
    new, old = counted(9, 1, 100)
    found = compared(new, old, method="seeds")
    assert isinstance(found, Untested)
    assert found.why == "1 and 1 seeds are there, under 5 a side"


def test_a_parent_that_sums_up_its_children_is_no_seed() -> None:
    children = seeded([0.9, 0.91, 0.9, 0.91, 0.9])
    parent = run(run_id="c" * 32, params={"depth": "3"}, metrics={"val_accuracy": 0.904})
    tagged = [
        each.model_copy(update={"tags": {"mlflow.parentRunId": "c" * 32}, "repeats": None})
        for each in (children, *children.repeats)  # type: ignore[misc]
    ]
    found = compared(parent.model_copy(update={"repeats": tuple(tagged)}), seeded([0.8] * 5, "b"))
    assert isinstance(found, Seeds)
    assert found.after == pytest.approx(0.904)
    assert found.is_paired


def test_a_seed_that_ran_twice_counts_once() -> None:
    new = seeded([0.9, 0.92, 0.9, 0.91, 0.9])
    again = new.model_copy(update={"run_id": "d" * 32, "repeats": None})
    twice = new.model_copy(update={"repeats": (*new.repeats, again)})  # type: ignore[misc]
    old = seeded([0.8, 0.81, 0.8, 0.81, 0.8], "b")
    assert compared(new, old).bounds(0.05) == compared(twice, old).bounds(0.05)  # type: ignore[union-attr]


def test_max_error_cannot_be_resampled() -> None:
    new, old = (run(predictions=rows([1.0] * 200, [v] * 200)) for v in (1.1, 1.2))
    assert isinstance(compared(new, old, "max_error"), Untested)


def test_other_targets_are_invalid() -> None:
    new, old = counted(9, 1, 100)
    other = old.model_copy(update={"predictions": rows([0] * 100, [1] * 100)})
    with pytest.raises(InvalidEvidence, match="target differs between candidate and baseline"):
        compared(new, other)


def test_scores_by_class_are_read_under_the_class() -> None:
    truth = [0, 1, 2] * 60
    tables = []
    for sure in (0.8, 0.4):
        score = {c: [sure if t == c else (1 - sure) / 2 for t in truth] for c in (0, 1, 2)}
        columns = {f"score/{c}": cells for c, cells in score.items()}
        tables.append(run(predictions=rows(truth, truth, **columns)))
    found = compared(tables[0], tables[1], "log_loss")
    assert isinstance(found, Bootstrapped)
    assert found.gain > 0


def test_the_seed_depends_on_what_is_compared_alone() -> None:
    assert seed_of("f1", "a", "b") == seed_of("f1", "a", "b") < 2**32
    assert len({seed_of("f1", "a", "b"), seed_of("f1", "b", "a"), seed_of("f2", "a", "b")}) == 3


def test_the_smallest_difference_that_rows_can_show_shrinks_with_their_root() -> None:
    few, many = compared(*counted(5, 5, 100)), compared(*counted(20, 20, 400))
    assert isinstance(few, Counts)
    assert isinstance(many, Counts)
    assert detectable(few, 0.05) == pytest.approx(2 * detectable(many, 0.05))


def of_two_classes(logged: float | None, wrong: int, digit: str = "a") -> RunRecord:
    """A run of 400 rows, 100 of them positive, the first `wrong` of which it gets wrong."""
    target = [int(i % 4 == 0) for i in range(400)]
    said = [1 - t if i < wrong else t for i, t in enumerate(target)]
    metrics = {} if logged is None else {"val_f1": logged}
    return run(run_id=digit * 32, metrics=metrics, predictions=rows(target, said))


F1 = {wrong: by_scikit_learn(wrong) for wrong in (40, 80)}


def test_each_side_says_by_its_own_value_which_f1_it_logs() -> None:
    new, old = F1[40]["weighted"], F1[80]["weighted"]
    found = compared(of_two_classes(new, 40), of_two_classes(old, 80, "b"), "val_f1")
    assert isinstance(found, Bootstrapped)
    assert str(found.definition) == "weighted f1"
    assert (found.after, found.before) == pytest.approx((new, old))


def test_two_metrics_of_one_name_are_not_compared() -> None:
    new, old = of_two_classes(F1[40]["weighted"], 40), of_two_classes(F1[80]["binary"], 80, "b")
    with pytest.raises(MissingEvidence) as raised:
        compared(new, old, "val_f1")
    assert str(raised.value) == (
        "val_f1 is the weighted f1 in the candidate run and the binary f1 in the baseline run: two "
        "metrics of one name cannot be compared"
    )
    assert raised.value.remedy == (
        "log the same metric for both under this name: evaluate the baseline again with the code "
        "that evaluates the candidate, or name the average, such as val_f1_weighted, and log that "
        "for both"
    )


def test_nor_are_they_by_their_seeds_or_logged_values() -> None:
    """What stands in the logged values is what cannot be compared."""
    new, old = of_two_classes(F1[40]["weighted"], 40), of_two_classes(F1[80]["binary"], 80, "b")
    assert_outcome(
        judge(bind(NoRegression), candidate=new, baseline=old, metric="val_f1"), "missing"
    )


@pytest.mark.parametrize(
    ("new", "old", "definition"),
    [
        (None, F1[80]["macro"], "macro f1"),
        (F1[40]["macro"], None, "macro f1"),
        (0.123, F1[80]["macro"], "macro f1"),
        (None, None, "f1"),
    ],
)
def test_a_side_whose_rows_do_not_give_what_it_logs_says_nothing(
    new: float | None, old: float | None, definition: str
) -> None:
    found = compared(of_two_classes(new, 40), of_two_classes(old, 80, "b"), "val_f1")
    assert isinstance(found, Bootstrapped)
    assert str(found.definition).endswith(definition)


def test_what_is_untested_for_too_few_differing_rows_keeps_its_gain() -> None:
    found = compared(*counted(0, 12, 1000), "f1")
    assert isinstance(found, Untested)
    assert found.why.startswith(
        "there are 12 rows on which the models differ; a bootstrap needs 30"
    )
    assert found.gain == pytest.approx(2 * 988 / (988 + 1000) - 1)


def test_on_many_rows_an_auc_is_delongs_and_has_no_seed() -> None:
    tested = compared(scored(5_000, 0.3), scored(5_000, 0.25), "val_roc_auc")
    assert isinstance(tested, Bootstrapped)
    assert isinstance(tested.resampled, Linearized)
    assert tested.words() == (
        "DeLong's test of rows of the binary roc auc, bounds corrected for skewness"
    )
    assert tested.resamples is None
    assert is_above(tested, 0.0, 1e-6)  # no resamples that could be too few for so small an alpha


def test_below_5000_rows_it_is_resampled_and_both_are_near() -> None:
    new, old = scored(4_999, 0.27), scored(4_999, 0.25)
    tested = compared(new, old, "val_roc_auc")
    many = compared(scored(5_000, 0.27), scored(5_000, 0.25), "val_roc_auc")
    assert isinstance(tested, Bootstrapped)
    assert isinstance(many, Bootstrapped)
    assert (tested.resamples, many.resamples) == (1_000, None)
    apart = abs(many.bounds(0.05).lower - tested.bounds(0.05).lower)
    assert apart < 0.2 * tested.standard_error  # 1,000 resamples wobble by 0.07


def test_bounds_beyond_which_too_few_resamples_lie_are_those_of_many_resamples() -> None:
    """With 1,000 resamples, 4 lie beyond a bound at 0.4 %; with 200,000 it is 800."""
    pair = scored(1_000, 0.27), scored(1_000, 0.25)
    few, many = (compared(*pair, "val_roc_auc", resamples=n) for n in (1_000, 200_000))
    assert isinstance(few, Bootstrapped)
    assert isinstance(many, Bootstrapped)
    assert (few.is_in_tail(0.006), few.is_in_tail(0.004), many.is_in_tail(0.004)) == (
        False,
        True,
        False,
    )
    for alpha in (0.004, 0.001, 0.0001):
        ours, theirs = few.bounds(alpha), many.bounds(alpha)
        assert ours.lower == pytest.approx(theirs.lower, abs=0.2 * many.standard_error)
        assert ours.upper == pytest.approx(theirs.upper, abs=0.2 * many.standard_error)


def test_a_gain_that_is_plain_is_shown_at_any_try() -> None:
    tested = compared(scored(2_000, 0.6), scored(2_000, 0.25), "val_roc_auc")
    assert isinstance(tested, Bootstrapped)
    assert tested.resamples == 1_000
    assert is_above(tested, 0.0, 0.05 / (100 * 101))


def test_where_one_row_carries_the_gain_it_is_not_tested_whatever_the_rows() -> None:
    truth = [float(i % 7) for i in range(5_000)]
    new = [value + 0.1 * (-1) ** i for i, value in enumerate(truth)]
    old = [value + 0.2 * (-1) ** (i // 3) for i, value in enumerate(truth)]
    wild = [*old[:-1], 1_000.0]
    candidate, mild, other = (
        run(run_id=digit * 32, predictions=rows(truth, said))
        for digit, said in (("a", new), ("b", old), ("c", wild))
    )
    tested, untested = (compared(candidate, each, "val_rmse") for each in (mild, other))
    assert isinstance(tested, Bootstrapped)
    assert tested.resamples is None
    assert isinstance(untested, Untested)
    assert untested.why.startswith(
        "there are 1 rows that move the rmse by a thousandth of what the farthest one does; a "
        "bootstrap needs 30"
    )
