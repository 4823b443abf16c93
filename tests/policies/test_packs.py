"""The packs that ship: what they bind, and what they say of a run that was really trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policy_engine.check import Options, check, load
from policy_engine.policy import Level, Outcome
from policy_engine.report import Effect, ExitCode, Report
from policy_engine.testing import judge
from tests.policies.predicted import counted

if TYPE_CHECKING:
    from policy_engine.policy_file import PolicyFile
    from tests.conftest import MlflowServer, Trained

PACKS = ("advisory", "recommended", "strict")


@pytest.fixture
def extending(tmp_path: Path) -> dict[str, PolicyFile]:
    """A policy file for each pack, with nothing of its own but metric and baseline."""
    for pack in PACKS:
        (tmp_path / f"{pack}.yaml").write_text(
            f"version: 1\nextends: [{pack}]\n"
            "metric: {name: val_accuracy, goal: maximize}\nbaseline: [{alias: champion}]\n"
        )
    files = load([str(tmp_path / f"{p}.yaml") for p in PACKS], tmp_path).policies.files
    return {Path(file.path).stem: file for file in files}


def test_advisory_binds_what_strict_binds_and_blocks_nothing(
    extending: dict[str, PolicyFile],
) -> None:
    advisory = {binding.id: binding for binding in extending["advisory"].bindings}
    assert set(advisory) == {binding.id for binding in extending["strict"].bindings}
    assert {binding.keys.level for binding in advisory.values()} == {Level.ADVISORY}


def test_strict_lets_nothing_pass_that_is_not_shown(extending: dict[str, PolicyFile]) -> None:
    blocking = [b for b in extending["strict"].bindings if b.keys.level is not Level.ADVISORY]
    assert {binding.keys.on_missing for binding in blocking} == {"block"}


def test_strict_lets_a_refactoring_through(extending: dict[str, PolicyFile]) -> None:
    """Each rule that asks for a gain, of a model that says what the champion says."""
    same, _ = counted(0, 0, 2_000, both=1_800)
    bound = {each.id: each for each in extending["strict"].bindings}
    outcomes = {
        name: [
            found.outcome
            for found in judge(
                bound[name].policy, candidate=same, baseline=same, metric="val_accuracy"
            )
        ]
        for name in ("significant-improvement", "no-regression", "min-useful-gain")
    }
    assert outcomes == {
        "significant-improvement": [Outcome.NOT_APPLICABLE],
        "no-regression": [Outcome.PASS],
        "min-useful-gain": [Outcome.NOT_APPLICABLE],
    }


def judged(pack: str, run: str, server: MlflowServer, folder: Path) -> Report:
    options = Options(runs=(run,), policies=(f"{pack}.yaml",), tracking_uri=server.uri, root=folder)
    return check(options)


@pytest.mark.usefixtures("extending")
def test_recommended_meets_an_ordinary_run_without_a_wall_of_red(
    mlflow_server: MlflowServer, trained: Trained, tmp_path: Path
) -> None:
    """A scikit-learn run with nothing special logged may merge, and is told what it lacks."""
    report = judged("recommended", trained.candidate, mlflow_server, tmp_path)
    (subject,) = report.subjects
    assert [(f.id, f.whole) for f in subject.findings if f.effect is Effect.BLOCK] == []
    assert report.exit_code is ExitCode.MAY_MERGE
    assert sum(f.effect is Effect.WARN for f in subject.findings) <= 10


@pytest.mark.usefixtures("extending")
def test_recommended_blocks_what_is_wrong(
    mlflow_server: MlflowServer, trained: Trained, tmp_path: Path
) -> None:
    report = judged("recommended", trained.failed, mlflow_server, tmp_path)
    assert report.exit_code is ExitCode.BLOCKED
    blocking = {f.id for f in report.subjects[0].findings if f.effect is Effect.BLOCK}
    assert "run-finished" in blocking


@pytest.mark.usefixtures("extending")
def test_strict_blocks_the_same_run_and_says_how_to_log_each_thing(
    mlflow_server: MlflowServer, trained: Trained, tmp_path: Path
) -> None:
    report = judged("strict", trained.candidate, mlflow_server, tmp_path)
    blocking = [f for f in report.subjects[0].findings if f.effect is Effect.BLOCK]
    assert report.exit_code is ExitCode.BLOCKED
    assert len(blocking) > 10
    assert all(f.remedy for f in blocking)


@pytest.mark.usefixtures("extending")
def test_advisory_only_warns_and_no_policy_breaks(
    mlflow_server: MlflowServer, trained: Trained, tmp_path: Path
) -> None:
    report = judged("advisory", trained.candidate, mlflow_server, tmp_path)
    assert report.exit_code is ExitCode.MAY_MERGE
    assert Outcome.ERROR not in {f.outcome for f in report.subjects[0].findings}


def test_recommended_leaves_to_the_team_what_only_the_team_knows(
    extending: dict[str, PolicyFile],
) -> None:
    """A whole file of one's own may be `extends: [recommended]` and the metric."""
    bindings = {binding.id: binding for binding in extending["recommended"].bindings}
    assert bindings["min-useful-gain"].keys.level is Level.ADVISORY
    assert not {"cost-per-point", "metric-threshold", "four-fifths"} & set(bindings)
    assert {b.where.file for b in bindings.values()} == {"recommended.yaml"}
    assert all(b.inherited_from is not None for b in bindings.values())
