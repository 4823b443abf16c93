"""What speaks against trusting a test is said beside its verdict, and of ordinary rows nothing."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mlops_policies.baseline.no_regression import NoRegression
from mlops_policies.baseline.significant_improvement import SignificantImprovement
from policy_engine.testing import bind, judge, run
from tests.policies.predicted import counted, rows

if TYPE_CHECKING:
    from policy_engine.policy import Finding, Policy

N = 1000
DRAWN = random.Random(1)  # noqa: S311 (seeded test data)


def found(policy: type[Policy], **columns: Any) -> Finding:
    mine, theirs = counted(40, 20, N, **columns)
    (finding,) = judge(bind(policy), candidate=mine, baseline=theirs, metric="val_accuracy")
    return finding


@pytest.mark.parametrize("policy", [NoRegression, SignificantImprovement])
def test_rows_that_share_a_name_are_noticed(policy: type[Policy]) -> None:
    said = found(policy, user_id=[f"u{i % 120}" for i in range(N)]).whole
    assert (
        "; 1,000 rows share 120 values of user_id: if rows of one value belong together, log it "
        "as `cluster`, else alpha is not kept ("
    ) in said


def test_moments_that_repeat_are_noticed() -> None:
    days = [str(date(2026, 1, 1) + timedelta(days=i % 90)) for i in range(N)]
    assert "1,000 rows share 90 values of eventDate:" in found(NoRegression, eventDate=days).whole


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"user_id": [f"u{i}" for i in range(N)]},
        {"user_id": [f"u{i % 900}" for i in range(N)]},
        {"store_id": [i % 12 for i in range(N)]},
        {"region": [f"r{i % 50}" for i in range(N)]},
        {"age": [18 + i % 60 for i in range(N)]},
        {"valid": [i % 30 for i in range(N)]},
        {
            "user_id": [f"u{i % 120}" for i in range(N)],
            "cluster": [f"u{i % 120}" for i in range(N)],
        },
    ],
    ids=" ".join,
)
def test_ordinary_columns_are_not(columns: dict[str, Any]) -> None:
    assert "belong together" not in found(NoRegression, **columns).whole


def numbers(heavy: int) -> Finding:
    truth = [DRAWN.gauss(0, 1) for _ in range(3000)]
    sides = [[t + DRAWN.gauss(0, 1) for t in truth] for _ in range(2)]
    for i in range(heavy):
        sides[i % 2][i] = truth[i] + 20.0
    mine, theirs = (
        run(run_id=d * 32, predictions=rows(truth, side))
        for d, side in zip("ab", sides, strict=True)
    )
    (finding,) = judge(
        bind(NoRegression, resamples=1000), candidate=mine, baseline=theirs, metric="val_rmse"
    )
    return finding


def test_few_rows_that_carry_most_are_noticed() -> None:
    finding = numbers(heavy=30)
    assert "allowed 1.00 pt; the 1 % of rows that move it most carry 7" in finding.whole
    assert "rows show" not in finding.whole
    assert finding.remedy == (
        "look first at the 1 % of rows that move it most (are their targets right, do they matter "
        "so much?): more rows bring more of them; or raise `margin` of no-regression for what "
        "users can bear, not for this result"
    )


def test_rows_that_all_carry_are_not_noticed() -> None:
    said = numbers(heavy=0).whole
    assert "bootstrap" in said
    assert "carry" not in said


def test_a_disaster_that_no_row_shows_leaves_a_small_gain_unshown() -> None:
    truth = [i % 2 for i in range(400)]
    wrong = {i for i in range(400) if i % 7 == 0}
    shown = {}
    for name, sure in (("mild", 0.96), ("over-sure", 0.999999)):
        new, old = (
            [
                abs((t if i not in wrong else 1 - t) - (1 - p if i not in wrong else 0.4))
                for i, t in enumerate(truth)
            ]
            for p in (sure, 0.95)
        )
        said = [
            run(run_id=d * 32, predictions=rows(truth, truth, score=each))
            for d, each in (("a", new), ("b", old))
        ]
        (shown[name],) = judge(
            bind(SignificantImprovement),
            candidate=said[0],
            baseline=said[1],
            metric="val_log_loss",
        )
    assert shown["mild"].outcome == "pass"
    assert shown["over-sure"].outcome == "inconclusive"
    assert "; where the candidate is surest, one wrong row costs 10.82 more" in (
        shown["over-sure"].whole
    )
