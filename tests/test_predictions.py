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
