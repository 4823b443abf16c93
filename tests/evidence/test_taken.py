"""Of a metric that was logged several times, the policy file says which value counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.check import Options, check
from policy_engine.evidence.record import Invalid, PointRecord, RunRecord, SeriesRecord
from policy_engine.evidence.taken import goal_of, taken_words, with_taken
from tests.tracking.relay import relaying
from tests.tracking.team import AT, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer

POLICIES = """
metric: {name: val_accuracy, take: TAKE}
policies:
  metric-threshold: {metric: val_accuracy, min: 0.85}
"""
EPOCHS = (0.5, 0.7, 0.8, 0.91, 0.88, 0.86)


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


def epochs(team: Team, values: tuple[float, ...] = EPOCHS, *, model_at: int = 2) -> str:
    """A run that logs a metric each epoch, and its model at one of them."""
    run = team.run(team.experiment(), metrics={})
    for step, value in enumerate(values):
        team.client.log_metric(run, "val_accuracy", value, NOON_MS + step, step)
    team.model(run, step=model_at)
    return run


@pytest.mark.parametrize(
    ("take", "value", "note"),
    [
        ("last", 0.86, "the last of 6 values; the best was 0.91 at step 3"),
        ("best", 0.91, "the best of 6 values: 0.91 at step 3"),
        (
            "at-model",
            0.8,
            "the one of step 2, at its model, of 6 values; the best was 0.91 at step 3",
        ),
    ],
)
def test_the_value_that_counts_is_judged_and_said(
    take: str, value: float, note: str, team: Team, tmp_path: Path
) -> None:
    run = epochs(team)
    for uri in (team.server.uri, team.server.database):
        gate = Gate.of(tmp_path, uri, p=POLICIES.replace("TAKE", take))
        (subject,) = gate.check(runs=(run,)).subjects
        (finding,) = subject.findings
        assert finding.measured is not None
        assert float(finding.measured.value) == value
        assert finding.outcome.value == ("pass" if value >= 0.85 else "fail")
        assert f"val_accuracy of run {run[:8]} is {note}" in subject.notes
        assert finding.whole == f"val_accuracy is {value}; it must be at least 0.85 ({note})"


def test_a_model_before_the_first_value_has_none(team: Team, tmp_path: Path) -> None:
    run = team.run(team.experiment(), metrics={})
    team.client.log_metric(run, "val_accuracy", 0.9, NOON_MS, 5)
    team.model(run, step=1)
    gate = Gate.of(tmp_path, team.server.uri, p=POLICIES.replace("TAKE", "at-model"))
    (finding,) = gate.check(runs=(run,)).subjects[0].findings
    assert (finding.outcome.value, finding.whole) == (
        "fail",
        "metric val_accuracy of the candidate run is without a value at its model's step",
    )


def test_the_history_of_a_metric_of_one_value_is_not_asked_for(team: Team, tmp_path: Path) -> None:
    run = team.run(team.experiment())
    with relaying(team.server.uri) as relay:
        for take, asked in (("last", False), ("best", True)):
            relay.asked.clear()
            Gate.of(tmp_path, relay.uri, p=POLICIES.replace("TAKE", take)).check(runs=(run,))
            assert any("get-history" in each for each in relay.asked) == asked


def test_saved_evidence_is_judged_as_it_was_live(team: Team, tmp_path: Path) -> None:
    run, saved = epochs(team), tmp_path / "evidence.json"
    gate = Gate.of(tmp_path, team.server.uri, p=POLICIES.replace("TAKE", "best"))
    live = gate.check(runs=(run,), save_evidence=saved)
    later = check(Options(root=gate.root, evidence=saved, at=AT))
    assert later.to_dict() == live.to_dict()


def a_run(series: SeriesRecord | None, last: float) -> RunRecord:
    return RunRecord(
        run_id="a" * 32, metrics={"m": last}, series=None if series is None else {"m": series}
    )


def test_evidence_without_the_history_is_no_evidence_of_the_best() -> None:
    assert with_taken(a_run(None, 0.9), "m", "best", "maximize").metrics["m"] == Invalid(
        invalid="its history was not collected: collect the evidence again"
    )


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9),
    st.sampled_from(["maximize", "minimize"]),
)
def test_the_best_is_never_worse_than_the_last(values: list[float], goal: str) -> None:
    points = [PointRecord(step=step, value=value) for step, value in enumerate(values)]
    series = SeriesRecord(
        count=len(points),
        highest=max(points, key=lambda p: p.value),  # type: ignore[arg-type, return-value]
        lowest=min(points, key=lambda p: p.value),  # type: ignore[arg-type, return-value]
        at_model=points[-1],
    )
    run = a_run(series, values[-1])
    best = with_taken(run, "m", "best", goal).metrics["m"]  # type: ignore[arg-type]
    assert isinstance(best, float)
    assert best == (max if goal == "maximize" else min)(values)
    assert with_taken(run, "m", "at-model", None).metrics["m"] == values[-1]
    assert with_taken(run, "m", "last", None) is run


def test_one_value_is_no_choice_to_tell_of() -> None:
    assert taken_words(a_run(SeriesRecord(count=1), 0.9), "m", "last", "maximize") is None


def test_a_finding_on_another_metric_says_nothing_of_it(team: Team, tmp_path: Path) -> None:
    run = epochs(team)
    team.client.log_metric(run, "val_auc", 0.9)
    policies = POLICIES.replace("TAKE", "last").replace("{metric: val_accuracy", "{metric: val_auc")
    (finding,) = (
        Gate.of(tmp_path, team.server.uri, p=policies).check(runs=(run,)).subjects[0].findings
    )
    assert finding.whole == "val_auc is 0.9; it must be at least 0.85"


def test_the_best_of_a_metric_in_percent_is_said_as_the_fraction_that_is_judged(
    team: Team, tmp_path: Path
) -> None:
    run = epochs(team, (80.0, 93.5, 91.0))
    policies = POLICIES.replace("take: TAKE", "scale: percent")
    (subject,) = Gate.of(tmp_path, team.server.uri, p=policies).check(runs=(run,)).subjects
    which = "the last of 3 values; the best was 0.935 at step 1"
    assert subject.findings[0].whole == f"val_accuracy is 0.91; it must be at least 0.85 ({which})"
    assert f"val_accuracy of run {run[:8]} is {which}" in subject.notes


def test_a_direction_is_the_files_else_the_names() -> None:
    assert goal_of("rmse", None) == "minimize"
    assert goal_of("profit", "maximize") == "maximize"
    assert goal_of("profit", None) is None
