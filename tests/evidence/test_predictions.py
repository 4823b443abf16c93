"""Per-row predictions: what one table holds, and how two are joined."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence import InvalidEvidence, MissingEvidence, Predictions, join
from policy_engine.testing import table

IDS = ["a", "b", "c"]


def rows(role: str = "candidate", **columns: Any) -> Predictions:
    known: dict[str, Any] = {"row_id": IDS, "target": [1, 0, 1], "prediction": [1, 1, 1]}
    return Predictions(table(**(known | columns)), role)


def test_an_absent_column_is_missing_and_names_the_nearest() -> None:
    with pytest.raises(MissingEvidence, match="has no column scores; nearest names: score"):
        rows(score=[0.1, 0.2, 0.3]).cells("scores")


@pytest.mark.parametrize(
    ("columns", "read", "why"),
    [
        ({"row_id": ["a", "a", "b"]}, "row_ids", "1 row_id of the candidate run stand twice"),
        ({"row_id": ["a", None, "b"]}, "row_ids", "a row_id of the candidate run is null"),
        ({"target": [1, None, 0]}, "targets", "a target of the candidate run is null"),
        ({"weight": [1, -1, 1]}, "weights", "not all at least 0 with a sum above 0"),
        ({"weight": [0, 0, 0]}, "weights", "not all at least 0 with a sum above 0"),
        ({"weight": [1, 10**400, 1]}, "weights", "column weight .* holds more than finite numbers"),
        ({"weight": [1, None, 1]}, "weights", "column weight .* holds more than finite numbers"),
        ({"weight": [1, True, 1]}, "weights", "column weight .* holds more than finite numbers"),
        ({"weight": [1, "Infinity", 1]}, "weights", "holds more than finite numbers"),
    ],
)
def test_what_is_unusable_is_invalid(columns: dict[str, Any], read: str, why: str) -> None:
    with pytest.raises(InvalidEvidence, match=why):
        getattr(rows(**columns), read)


def test_a_null_prediction_is_kept_and_a_null_group_has_a_name() -> None:
    found = rows(prediction=[None, 1, 1], region=["EU", None, 3])
    assert found.predictions == (None, 1, 1)
    assert found.groups("region") == ("EU", "(none)", "3")
    assert rows().weights is None
    assert rows().clusters is None


def test_rows_are_joined_by_name_in_the_baselines_order() -> None:
    mine = rows(row_id=["c", "x", "a", "b"], target=[1, 9, 1, 0], prediction=[3, 9, 1, 2])
    joined = join(mine, rows("baseline"))
    assert joined.candidate == (1, 2, 3)
    assert joined.targets == (1, 0, 1)
    assert joined.left_out == 1
    assert joined.candidate_rows == (2, 3, 0)


def test_rows_that_the_candidate_lacks_are_invalid() -> None:
    mine = rows(row_id=["a", "b"], target=[1, 0], prediction=[1, 1])
    with pytest.raises(InvalidEvidence, match="lack 1 of the baseline's 3 rows"):
        join(mine, rows("baseline"))


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        ({"target": [1, 1, 1]}, {}, "target differs .* on 1 of 3 shared rows"),
        ({"weight": [1, 1, 1]}, {}, "only one of candidate and baseline has a column weight"),
        ({"cluster": [1, 1, 1]}, {"cluster": [1, 2, 1]}, "cluster differs"),
        ({"weight": [1, 1, 1]}, {"weight": [1, 1, 2]}, "weight differs"),
        ({"region": ["EU", "US", "EU"]}, {"region": ["EU", "EU", None]}, "region differs .* on 2"),
    ],
)
def test_other_data_are_invalid(mine: dict[str, Any], theirs: dict[str, Any], why: str) -> None:
    groups = ("region",) if "region" in mine else ()
    with pytest.raises(InvalidEvidence, match=why):
        join(rows(**mine), rows("baseline", **theirs), groups)


def test_floats_of_one_row_may_differ_in_the_last_digits() -> None:
    mine = rows(target=[0.1 + 0.2, 1e9, 1])
    assert len(join(mine, rows("baseline", target=[0.3, 1e9 + 0.1, 1.0]))) == 3
    with pytest.raises(InvalidEvidence, match="target differs"):
        join(mine, rows("baseline", target=[0.3001, 1e9, 1]))


@given(st.permutations(range(6)))
def test_the_candidates_order_does_not_matter(order: list[int]) -> None:
    ids, truth, said = list("abcdef"), [0, 1, 0, 1, 0, 1], [5, 4, 3, 2, 1, 0]
    theirs = rows("baseline", row_id=ids, target=truth, prediction=truth)
    turned: dict[str, Any] = {
        name: [cells[i] for i in order]
        for name, cells in (("row_id", ids), ("target", truth), ("prediction", said))
    }
    assert join(rows(**turned), theirs).candidate == tuple(said)


def evaluated(role: str = "candidate", dataset: str | None = "d1", **columns: Any) -> Predictions:
    """A table of `mlflow.models.evaluate`: no row_id, the inputs, what the model said."""
    known: dict[str, Any] = {"x": [0.1, 0.2, 0.3], "target": [1, 0, 1], "prediction": [1, 1, 1]}
    found = table(**(known | columns))
    facts = {"source": "eval_results_table.json", "dataset": dataset}
    return Predictions(found.model_copy(update=facts), role)


def test_rows_of_two_evaluations_of_one_dataset_are_the_same_at_the_same_place() -> None:
    joined = join(evaluated(prediction=[0, 1, 2]), evaluated("baseline"))
    assert joined.candidate == (0, 1, 2)
    assert joined.targets == (1, 0, 1)
    assert joined.candidate_rows == joined.baseline_rows == range(3)
    assert (len(joined), joined.left_out) == (3, 0)


@pytest.mark.parametrize(
    ("mine", "theirs", "why"),
    [
        (evaluated(dataset=None), evaluated(), "nothing says which dataset each of them is of"),
        (evaluated(), evaluated(dataset="d2"), "they are of other datasets (d1 and d2)"),
        (
            evaluated(x=[1, 2], target=[1, 0], prediction=[1, 1]),
            evaluated(),
            "they have 2 and 3 rows",
        ),
        (evaluated(x=[0.1, 0.3, 0.2]), evaluated(), "column x differs at some places"),
        (evaluated(y=[1, 2, 3]), evaluated(y=[1, 2, 4]), "column y differs at some places"),
    ],
)
def test_a_place_is_no_row_where_anything_speaks_against_it(
    mine: Predictions, theirs: Predictions, why: str
) -> None:
    with pytest.raises(MissingEvidence) as raised:
        join(mine, theirs)
    assert str(raised.value) == (
        "neither predictions table has a column row_id, and a row's place does not stand for it: "
        + why
    )


def test_a_place_is_no_row_without_inputs_to_compare_or_in_a_table_of_ours() -> None:
    columns: dict[str, Any] = {"target": [1, 0], "prediction": [1, 1], "hit/score": [1.0, 0.0]}
    bare = table(**columns)
    facts = {"source": "eval_results_table.json", "dataset": "d1"}
    sides = [Predictions(bare.model_copy(update=facts), role) for role in ("candidate", "baseline")]
    with pytest.raises(MissingEvidence, match=r"they share no column of inputs$"):
        join(sides[0], sides[1])
    sides = [Predictions(table(target=[1], prediction=[1], x=[1]), role) for role in ("a", "b")]
    with pytest.raises(MissingEvidence, match=r"not both are of mlflow\.models\.evaluate$"):
        join(sides[0], sides[1])


def test_a_row_id_on_one_side_alone_is_no_place() -> None:
    with pytest.raises(MissingEvidence, match="has no column row_id"):
        join(evaluated(row_id=["a", "b", "c"]), evaluated("baseline"))


def test_other_targets_at_the_same_place_are_other_data() -> None:
    with pytest.raises(InvalidEvidence, match="target differs between candidate and baseline on 1"):
        join(evaluated(target=[1, 1, 1]), evaluated("baseline"))


def test_without_targets_rows_are_joined_all_the_same() -> None:
    columns: dict[str, Any] = {"row_id": IDS, "prediction": [1, 1, 1], "hit/score": [1.0, 0.0, 1.0]}
    joined = join(Predictions(table(**columns), "candidate"), Predictions(table(**columns), "b"))
    assert (joined.targets, len(joined)) == ((), 3)
    with pytest.raises(MissingEvidence, match="the baseline run has no column target"):
        join(rows(), Predictions(table(**columns), "baseline"))
