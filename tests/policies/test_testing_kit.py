"""The policy author's own kit: `policy_engine.testing`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from mlops_policies.model_size.model_size_budget import ModelSizeBudget
from policy_engine.evidence import Case, Needs
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.testing import assert_outcome, bind, judge, model, run

if TYPE_CHECKING:
    from collections.abc import Iterator


class ReadsTooMuch(Policy, name="reads-too-much"):
    """It reads the model and does not say so."""

    def evaluate(self, case: Case) -> Iterator[Finding]:
        yield Finding(outcome=Outcome.PASS, message=case.candidate.model.name)


class Crashes(Policy, name="crashes"):
    """It passes one part and crashes in the next."""

    needs = Needs.MODEL

    def evaluate(self, case: Case) -> Iterator[Finding]:
        yield Finding(outcome=Outcome.PASS, message="so far so good", part="first")
        raise ZeroDivisionError("division by zero")


def found() -> list[Finding]:
    policy = bind(ModelSizeBudget, max_size="200MB", max_growth="10%")
    return judge(
        policy, candidate=run(model=model(size="250MB")), baseline=run(model=model(size="240MB"))
    )


def test_a_policy_is_bound_as_a_policy_file_binds_it() -> None:
    assert bind(ModelSizeBudget, max_size="200MB").max_size == 200_000_000
    with pytest.raises(ValidationError):
        bind(ModelSizeBudget, max_size=200)


def test_one_line_judges_and_one_line_checks() -> None:
    assert assert_outcome(found(), "pass", part="growth").part == "growth"
    assert_outcome(found(), Outcome.FAIL, part="size")


def test_reading_what_is_not_declared_is_found_as_in_a_real_check() -> None:
    message = "the policy reads MODEL of the candidate without declaring it"
    assert_outcome(judge(ReadsTooMuch(), candidate=run(model=model())), "error", message=message)


def test_a_crash_is_found_as_in_a_real_check() -> None:
    outcomes = [f.outcome for f in judge(Crashes())]
    assert outcomes == [Outcome.PASS, Outcome.ERROR]


LISTED = """\
  fail [size] model size is 250.0 MB; it must be at most 200.0 MB
  pass [growth] model size is 250.0 MB and the baseline's 240.0 MB; \
it may grow by 10%"""


@pytest.mark.parametrize(
    ("outcome", "part", "message", "error"),
    [
        ("pass", "size", None, f"expected pass; the findings are:\n{LISTED}"),
        ("pass", "speed", None, f"0 findings are part 'speed'; all of them:\n{LISTED}"),
        ("pass", None, None, f"2 findings are the only one (say `part=`); all of them:\n{LISTED}"),
        (
            "fail",
            "size",
            "too big",
            (
                "expected the message\n  too big\nbut it is\n"
                "  model size is 250.0 MB; it must be at most 200.0 MB"
            ),
        ),
    ],
)
def test_what_differs_is_said_with_all_findings(
    outcome: str, part: str | None, message: str | None, error: str
) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_outcome(found(), outcome, part=part, message=message)
    assert str(caught.value) == error
