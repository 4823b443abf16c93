from __future__ import annotations

from decimal import Decimal

import pytest

from policy_engine.evidence import Grade
from policy_engine.policy import Level, Limit, Outcome
from policy_engine.render import rows
from policy_engine.report import Effect
from tests.render import reports


def test_findings_stand_worst_first_and_else_as_in_the_policy_file() -> None:
    advisory_error = reports.finding(
        "crashed", outcome=Outcome.ERROR, effect=Effect.WARN, level=Level.ADVISORY
    )
    error = reports.finding("unreadable", outcome=Outcome.ERROR, effect=Effect.BLOCK)
    skipped = reports.finding("skipped", outcome=Outcome.MISSING)
    found = [
        *(reports.TABULAR, reports.SEEDED, skipped, reports.COST, reports.EXPLAINED),
        *(reports.LATENCY, reports.SIZE, advisory_error, error, reports.SCORE),
    ]
    assert [finding.id for finding in rows.ordered(found)] == [
        *("crashed", "unreadable", "model-size-budget", "explanation-logged", "eu-latency"),
        *("cost-per-point", "skipped", "seeds-fixed", "metric-threshold"),
        "no-deep-learning-on-small-data",
    ]
    assert rows.tally(found) == (
        "2 errors, 1 blocking, 2 warnings, 1 waived, 1 skipped, 2 passed, 1 not applicable"
    )
    assert rows.tally([]) == "no findings"


@pytest.mark.parametrize(
    ("outcome", "effect", "words"),
    [
        (Outcome.FAIL, Effect.BLOCK, "FAIL, blocks"),
        (Outcome.ERROR, Effect.WARN, "error, warns"),
        (Outcome.FAIL, Effect.WAIVED, "fail, waived"),
        (Outcome.MISSING, Effect.NONE, "missing, skipped"),
        (Outcome.PASS, Effect.NONE, "pass"),
        (Outcome.NOT_APPLICABLE, Effect.NONE, "not-applicable"),
    ],
)
def test_capitals_are_kept_for_what_blocks(outcome: Outcome, effect: Effect, words: str) -> None:
    assert rows.verdict_words(reports.finding(outcome=outcome, effect=effect)) == words


def test_a_value_never_looks_equal_to_the_limit_that_it_passed() -> None:
    close = reports.finding(
        measured=reports.value("200000001", "B"),
        limit=reports.bound("200000000", "B"),
        baseline=reports.value("200000000", "B"),
    )
    assert rows.measured_cell(close) == "200.000001 MB"
    assert rows.limit(close) == "<= 200.000000 MB"
    assert rows.baseline(close) == "200.000000 MB"


def test_a_limit_of_a_million_digits_is_shown_with_its_exponent() -> None:
    odd = reports.finding(
        measured=reports.value("3", "B", Grade.LOGGED), limit=Limit(Decimal("1E+999999"), "B")
    )
    assert rows.limit(odd) == "<= 1.000e+999987 TB"
    assert rows.measured_cell(odd) == "3 B"
