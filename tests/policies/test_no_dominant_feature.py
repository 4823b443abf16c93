from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.data_care.no_dominant_feature import NoDominantFeature
from policy_engine.evidence.record import ImportanceRecord, ModelRecord, metric_value
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

if TYPE_CHECKING:
    from policy_engine.evidence.record import RunRecord


def explained(
    values: dict[str, float],
    method: str | None = "gain",
    source: str = "policy_engine/importance.json",
    of: ModelRecord | None = None,
) -> RunRecord:
    logged = {name: metric_value(value) for name, value in values.items()}
    tags = {} if method is None else {"explanation.method": method}
    return run(importance=ImportanceRecord(source=source, values=logged), tags=tags, model=of)


def shares(top: float, others: int = 4) -> dict[str, float]:
    """One feature of `top` hundredths, and others that share what is left of 100."""
    return {"income": top} | {f"x{i}": (100 - top) / others for i in range(others)}


def judged(record: RunRecord, **settings: Any) -> list[Finding]:
    return judge(bind(NoDominantFeature, **settings), candidate=record)


def test_a_model_that_looks_at_several_features_passes() -> None:
    finding = assert_outcome(
        judged(explained(shares(40))),
        "pass",
        message="feature income carries 40% of all importance by gain; from 50% on it is "
        "suspicious, and it must be at most 80%",
    )
    assert finding.measured is not None
    assert finding.measured.value == Decimal("0.4")


def test_a_model_that_hangs_on_one_feature_fails() -> None:
    finding = assert_outcome(
        judged(explained(shares(90))),
        "fail",
        message="feature income carries 90% of all importance by gain; from 50% on it is "
        "suspicious, and it must be at most 80%",
    )
    assert finding.remedy == (
        "see whether income is known before the target is, and retrain without it"
    )


def test_more_than_half_smells_of_leakage() -> None:
    assert_outcome(
        judged(explained(shares(60))),
        "inconclusive",
        message="feature income carries 60% of all importance by gain; from 50% on it is "
        "suspicious, and it must be at most 80%; that smells of leakage",
    )


@pytest.mark.parametrize(
    ("top", "outcome"),
    [(50, "pass"), (50.0001, "inconclusive"), (80, "inconclusive"), (80.0001, "fail")],
)
def test_the_limits_themselves_are_allowed(top: float, outcome: str) -> None:
    assert_outcome(judged(explained(shares(top))), outcome)


def test_signs_do_not_matter_except_in_permutation_importances() -> None:
    values = {"income": -60.0, "a": 10.0, "b": 10.0, "c": 20.0}
    assert_outcome(judged(explained(values, "shap")), "inconclusive")
    finding = assert_outcome(judged(explained(values, "Permutation importance")), "pass")
    assert finding.whole.startswith("feature c carries 50% ")


def test_a_model_that_looks_at_nothing_fails() -> None:
    values = {"a": 0.0, "b": 0.0, "c": -0.1, "d": 0.0}
    assert_outcome(
        judged(explained(values, "permutation")),
        "fail",
        message="no feature counts: every importance by permutation is 0 or less",
    )


def test_few_features_are_not_judged() -> None:
    assert_outcome(
        judged(explained({"a": 9.0, "b": 1.0, "c": 1.0})),
        "not-applicable",
        message="the model has 3 features; from 4 on one can dominate",
    )
    assert_outcome(judged(explained({"a": 9.0, "b": 1.0, "c": 1.0}), min_features=3), "fail")


def test_the_one_feature_that_a_booster_uses_of_many_does_not_hide() -> None:
    inputs = json.dumps([{"type": "double", "name": name} for name in "abcde"])
    of = model(mlmodel={"signature": {"inputs": inputs}})
    record = explained({"a": 9.0}, None, "feature_importance_gain.json", of)
    assert_outcome(
        judged(record),
        "fail",
        message="feature a carries 100% of all importance by gain; from 50% on it is "
        "suspicious, and it must be at most 80%",
    )


def test_coefficients_have_no_shares() -> None:
    assert_outcome(
        judged(explained(shares(40), "coefficients")),
        "missing",
        message="importances by coefficients depend on the unit of each feature: they have no "
        "shares",
    )


def test_an_unnamed_method_is_said() -> None:
    finding = assert_outcome(judged(explained(shares(40), None)), "pass")
    assert "by a method that no tag explanation.method names;" in finding.whole


def test_pictures_are_missing_evidence_unless_nobody_asks_for_any() -> None:
    record = run(importance=ImportanceRecord(pictures=("shap_beeswarm_plot.png",)))
    message = "only SHAP images found: not machine-readable (shap_beeswarm_plot.png)"
    assert_outcome(judged(record), "missing", message=message)
    assert_outcome(judged(record, require_logged=False), "not-applicable", message=message)
    assert_outcome(judged(run(), require_logged=False), "not-applicable")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_importance_that_is_no_number_fails(bad: float) -> None:
    assert_outcome(judged(explained(shares(40) | {"income": bad})), "fail")


@pytest.mark.parametrize(
    "wrong", [{"warn_share": 0.9}, {"max_share": 1.1}, {"min_features": 1}, {"warn_share": "50%"}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        bind(NoDominantFeature, **wrong)


many = st.lists(st.integers(0, 10**6), min_size=4, max_size=8)


@given(many, st.integers(-20, 20))
def test_the_unit_of_importance_does_not_matter(sizes: list[int], power: int) -> None:
    values = {f"x{i}": float(size) for i, size in enumerate(sizes)}
    scaled = {name: value * 2.0**power for name, value in values.items()}
    one, other = judged(explained(values))[0], judged(explained(scaled))[0]
    assert (one.outcome, one.whole) == (other.outcome, other.whole)


@given(many)
def test_the_verdict_follows_from_the_greatest_share(sizes: list[int]) -> None:
    finding = judged(explained({f"x{i}": float(size) for i, size in enumerate(sizes)}))[0]
    top, total = max(sizes), sum(sizes)
    expected = Outcome.PASS
    if 10 * top > 8 * total or not total:
        expected = Outcome.FAIL
    elif 10 * top > 5 * total:
        expected = Outcome.INCONCLUSIVE
    assert finding.outcome is expected
