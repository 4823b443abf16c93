"""No message is longer than what is read at a glance, whatever names it holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from policy_engine.judging.brief import LONGEST, in_brief
from policy_engine.policy import Finding, Outcome

NAME = "a-slice-of-customers-who-came-by-the-second-campaign-of-the-last-year"


@given(st.text(min_size=1, max_size=400) | st.text(' ;:(),[]`"ab', min_size=1, max_size=400))
def test_a_long_message_is_cut_and_stays_whole_in_the_detail(text: str) -> None:
    found = in_brief(Finding(outcome=Outcome.FAIL, message=text))
    assert 1 <= len(found.message) <= LONGEST
    assert found.whole == text


def test_long_names_leave_the_first_clause() -> None:
    text = f"val_f1 of {NAME} drops by 3.20 pt; it may drop by 2.00 pt at most, as {NAME} is small"
    found = in_brief(Finding(outcome=Outcome.FAIL, message=text))
    assert found.message == f"val_f1 of {NAME} drops by 3.20 pt"
    assert found.whole == text


def test_of_things_that_are_listed_as_many_are_named_as_fit() -> None:
    columns = ", ".join(f"customer_column{number}" for number in range(12))
    text = f"12 columns may hold personal data: {columns}; leave them out"
    found = in_brief(Finding(outcome=Outcome.FAIL, message=text))
    assert found.message == (
        "12 columns may hold personal data: customer_column0, customer_column1, customer_column2, …"
    )
    assert found.whole == text
