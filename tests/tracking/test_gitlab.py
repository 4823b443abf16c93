"""A project of GitLab as the MLflow server: what it tells is judged, the rest is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.command import Told, command
from tests.tracking.gitlab_server import TOKEN, GitLab, gitlab, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHAMPION = "7d8d0e5f-3a44-4b7a-9d2e-0c1c8a2f6b10"
CANDIDATE = "b1f6a9d2-52c3-4f06-8d57-3f0f6c2a9e77"
POLICIES = """
version: 1
metric: {name: val_accuracy, goal: maximize}
baseline: [{tag: {baseline.kind: existing}}]
policies:
  run-finished: on
  baseline-logged: on
  min-useful-gain: {min_abs: 0.5pt}
  metric-threshold: {metric: val_accuracy, min: 0.95}
  model-size-budget: {max_size: 25MB}
  safe-serialization: on
  no-regression: on
"""


OTHER = "0e4bfb1c-6f0e-4a39-8f5c-58c1f4f5d0aa"
COMMIT = "a" * 40


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitLab]:
    """GitLab with a champion and a candidate, and the folder of a team that uses it."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "fraud.yaml").write_text(POLICIES)
    monkeypatch.chdir(tmp_path)
    runs = [
        run(OTHER, "forgotten", {"val_accuracy": 0.5}),
        run(CANDIDATE, "candidate", {"val_accuracy": 0.975}, policy_engine__head_sha=COMMIT),
        run(CHAMPION, "champion", {"val_accuracy": 0.9}, baseline__kind="existing"),
    ]
    with gitlab(runs) as project:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", project.uri)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
        yield project


def check(*named: str) -> Told:
    return command("check", *(named or ("--run", CANDIDATE)), "--format", "json")


def test_a_run_is_judged_by_what_gitlab_tells_and_the_rest_is_missing(project: GitLab) -> None:
    told = check()
    missing = ("missing", "the candidate run has no logged model that is READY")
    gain = "val_accuracy goes from 0.9 to 0.975"
    assert {
        "/".join(filter(None, (each["id"], each["part"]))): (
            each["outcome"],
            each["detail"] or each["message"],
        )
        for each in told.subject["findings"]
    } == {
        "run-finished/run": ("pass", "the run is FINISHED"),
        "run-finished/model": missing,
        "run-finished/metric": ("pass", "val_accuracy is 0.975, a finite number"),
        "baseline-logged": (
            "pass",
            "baseline champion (tag: baseline.kind=existing) has val_accuracy 0.9",
        ),
        "min-useful-gain/absolute": (
            "pass",
            (
                f"{gain}: a gain of 7.50 pt; it must be at least 0.50 pt "
                "(a point comparison: it does not tell chance from improvement)"
            ),
        ),
        "metric-threshold/min": ("pass", "val_accuracy is 0.975; it must be at least 0.95"),
        "model-size-budget": missing,
        "safe-serialization": missing,
        "no-regression": (
            "inconclusive",
            (
                "regression against the baseline is untested: the candidate run has no "
                "predictions table, and 1 and 1 seeds are there, under 5 a side; "
                f"{gain} in the logged values, a gain of 7.50 pt that may be chance; at most "
                "about 7,730 rows show that it loses no more than 1.00 pt 4 times in 5, if the "
                "candidate is truly equal"
            ),
        ),
    }
    assert (told.code, told.report["verdict"]) == (1, "fail")
    assert told.subject["notes"] == [
        "the server does not filter the runs that it is asked for: they were chosen here",
        *_lacking(project),
    ]


def _lacking(project: GitLab) -> list[str]:
    return [
        f"the server at {project.uri} does not know {what}: what it would tell is missing"
        for what in ("logged-models/search", "artifacts/list")
    ]


def test_a_filter_that_gitlab_ignores_finds_no_other_baseline(project: GitLab) -> None:
    """The newest run has no tag, and a value that any candidate beats."""
    told = check()
    assert told.subject["baseline"]["run_id"] == CHAMPION
    assert told.subject["passed_over"] == []


def test_without_its_token_gitlab_cannot_be_read(
    project: GitLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    told = check()
    assert (told.code, told.subject["reason"]) == (
        3,
        (
            f"MLflow at {project.uri} does not know who asks (HTTP 401): "
            "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        ),
    )


def test_a_commit_finds_its_run_though_gitlab_ignores_the_filter(project: GitLab) -> None:
    told = check("--commit", COMMIT)
    assert told.subject["candidate"]["run_id"] == CANDIDATE
    assert told.subject["candidate"]["commit"] == COMMIT
    assert told.subject["findings"] == check().subject["findings"]
    nobody = check("--commit", "b" * 40)
    assert (nobody.code, nobody.report["verdict"]) == (4, "not-evaluated")
