"""Labels of text against labels of numbers: whose fault it is, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_policies.baseline.no_regression import NoRegression
from mlops_policies.baseline.no_slice_regression import NoSliceRegression
from mlops_policies.baseline.same_eval_data import SameEvalData
from policy_engine.evidence import unlike_labels
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.predicted import rows

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord
    from policy_engine.policy import Finding, Policy

TRUE = [1, 0] * 200
SAID = [1, 0] * 190 + [0, 1] * 10
REGION = ["north", "south"] * 200


def texts(labels: list[int]) -> list[str]:
    return [str(label) for label in labels]


def of(digit: str, target: list[int] | list[str], said: list[int] | list[str]) -> RunRecord:
    table = rows(target, said, region=REGION)
    return run(run_id=digit * 32, metrics={"val_accuracy": 0.95}, predictions=table)


def judged(
    candidate: RunRecord, baseline: RunRecord, policy: Policy | None = None
) -> list[Finding]:
    return judge(
        policy or bind(NoRegression), candidate=candidate, baseline=baseline, metric="val_accuracy"
    )


def test_predictions_of_text_of_targets_that_are_numbers_fail() -> None:
    found = judged(of("a", TRUE, texts(SAID)), of("b", TRUE, SAID))
    message = (
        "the predictions of the candidate run are text ('1'), the targets numbers (1): no row can "
        "be right"
    )
    finding = assert_outcome(found, "fail", message=message)
    assert finding.remedy == "log target and prediction with labels of one kind"


def test_a_candidate_that_turns_its_targets_alone_into_text_fails() -> None:
    found = judged(of("a", texts(TRUE), SAID), of("b", TRUE, SAID))
    message = (
        "the predictions of the candidate run are numbers, the targets text: no row can be right"
    )
    assert_outcome(found, "fail", message=message)


def test_a_baseline_that_no_row_of_can_be_right_is_as_one_without_rows() -> None:
    found = judged(of("a", TRUE, SAID), of("b", TRUE, texts(SAID)))
    finding = assert_outcome(found, "inconclusive")
    assert finding.message == "whether val_accuracy lost anything could not be tested"
    assert finding.whole.startswith(
        "regression against the baseline is untested: the predictions of the baseline run are text "
        "('1'), the targets numbers (1): none of its rows can be right, and 1 and 1 seeds are "
        "there, under 5 a side; val_accuracy goes from 0.95 to 0.95 in the logged values"
    )
    assert finding.remedy == (
        "log the baseline's predictions again, with labels of one kind, or name another baseline: "
        "the candidate's are as they should be"
    )


@pytest.mark.parametrize("is_text", [True, False])
def test_two_forms_that_are_each_right_cannot_be_compared_and_the_logged_values_speak(
    is_text: bool,
) -> None:
    plain, text = of("a", TRUE, SAID), of("b", texts(TRUE), texts(SAID))
    candidate, baseline = (text, plain) if is_text else (plain, text)
    mine, theirs = ("text", "numbers") if is_text else ("numbers", "text")
    finding = assert_outcome(judged(candidate, baseline), "inconclusive")
    assert finding.whole.startswith(
        "regression against the baseline is untested: the targets of the candidate run are "
        f"{mine}, those of the baseline run {theirs}: their rows cannot be compared, and "
    )
    assert finding.remedy == (
        "log the candidate's labels in the form of the baseline's; where the baseline's is wrong, "
        "log its predictions again, or name another baseline"
    )
    worse = candidate.model_copy(update={"metrics": {"val_accuracy": 0.9}})
    assert_outcome(judged(worse, baseline), "fail")


def test_no_slice_passes_where_the_labels_are_of_two_forms() -> None:
    policy = bind(NoSliceRegression, slices=["region"])
    plain = of("a", TRUE, SAID)
    for baseline in (of("b", texts(TRUE), texts(SAID)), of("b", TRUE, texts(SAID))):
        assert_outcome(judged(plain, baseline, policy), "missing")


def test_rows_of_two_forms_do_not_show_that_the_data_are_the_same() -> None:
    policy = bind(SameEvalData)
    found = judged(of("a", TRUE, SAID), of("b", texts(TRUE), texts(SAID)), policy)
    assert_outcome(found, "missing")


def test_targets_that_differ_in_more_than_their_form_are_other_data() -> None:
    mixed = [1, "0"] * 200
    found = judged(of("a", TRUE, SAID), of("b", mixed, mixed))  # type: ignore[arg-type]
    assert "target differs between" in assert_outcome(found, "fail").whole


@given(st.lists(st.none() | st.integers() | st.text(max_size=2), max_size=6), st.integers())
def test_only_columns_that_share_no_kind_of_label_are_unlike(
    cells: list[int | str | None], number: int
) -> None:
    said = unlike_labels(cells, [None, number])
    known = [cell for cell in cells if cell is not None]
    assert (said is not None) == (bool(known) and all(isinstance(cell, str) for cell in known))
    assert unlike_labels(cells, cells) is None
