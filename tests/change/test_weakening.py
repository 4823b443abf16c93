"""A pull request that only edits policies says which rules it weakens, whatever is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.evidence.record import ChangeRecord
from tests.command import Project, Told, command, evidence
from tests.pull_request import PullRequest

if TYPE_CHECKING:
    from pathlib import Path

FRAUD = "policies/fraud.yaml"
STRICT = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
SCOPED = STRICT + 'applies_to: {model: "fraud-*"}\ncandidate: {paths: ["training/**"]}\n'
WAIVER = """\
waivers:
  - id: metric-threshold
    model: "*"
    ceiling: 0
    reason: none
    owner: "@eve"
    approved_by: "@mallory"
    ticket: "0"
    expires: 2026-12-24
"""
EVERYTHING = (
    "model: *, ceiling: 0, reason: none, owner: @eve, approved_by: @mallory, ticket: 0, "
    "expires: 2026-12-24"
)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """A clone whose default branch asks for 0.9."""
    made = PullRequest(tmp_path / "clone")
    made.commit({FRAUD: SCOPED}, "training/train.py")
    monkeypatch.chdir(made.clone.folder)
    return made


def proposal(here: PullRequest, monkeypatch: pytest.MonkeyPatch, text: str | None) -> Told:
    """Propose the policy file with this text, and nothing else."""
    here.propose({FRAUD: text})
    here.enter(monkeypatch)
    head = here.clone.git("rev-parse", "HEAD")
    change = ChangeRecord(pull_request=7, head_sha=head, paths=(FRAUD,))
    Project(here.clone.folder.parent).saved(evidence(named=False, change=change))
    at = ("--at", "2026-11-22T12:00:00Z")
    saved = ("--evidence", "../evidence.json", "--format", "json", "--no-publish")
    return command("check", *saved, *at)


def worst(told: Told) -> dict[str, Any]:
    edit: dict[str, Any] = told.report["proposal"]["edits"][0]
    return edit


@pytest.mark.parametrize(
    ("text", "key", "values", "line"),
    [
        (SCOPED.replace("0.9", "0.1"), "policies.metric-threshold.min", ("0.9", "0.1"), 3),
        (
            SCOPED.replace('"fraud-*"', "nobody"),
            "applies_to.model",
            ("fraud-*", "nobody"),
            4,
        ),
        (
            SCOPED.replace("training/**", "training/none.py"),
            "candidate.paths",
            ("[training/**]", "[training/none.py]"),
            5,
        ),
        (
            SCOPED + WAIVER,
            "waivers.metric-threshold",
            (None, EVERYTHING),
            7,
        ),
        (SCOPED + "first_run: true\n", "first_run", (None, "true"), 6),
        (
            SCOPED.replace("0.9}", "0.9, level: advisory}"),
            "policies.metric-threshold.level",
            ("overridable (default)", "advisory"),
            3,
        ),
    ],
)
def test_a_change_of_policies_alone_names_what_it_weakens(
    here: PullRequest,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    key: str,
    values: tuple[str | None, str],
    line: int,
) -> None:
    told = proposal(here, monkeypatch, text)
    assert (told.code, told.report["verdict"]) == (0, "not-applicable")
    edit = worst(told)
    assert (edit["strictness"], edit["key"]) == ("looser", key)
    assert (edit["before"], edit["after"]) == values
    assert edit["where"] == {"file": FRAUD, "line": line}


def test_a_deleted_policy_file_names_the_bindings_that_go_with_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = worst(proposal(here, monkeypatch, None))
    assert (edit["change"], edit["key"]) == ("removed", "policies.metric-threshold")
    assert (edit["was"], edit["where"]) == ({"file": FRAUD, "line": 3}, None)


def test_a_proposal_that_is_wrong_still_names_the_files_that_it_deletes(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({"policies/size.yaml": "version: 1\npolicies:\n  clean-tree: on\n"})
    here.propose({"policies/size.yaml": None})
    told = proposal(here, monkeypatch, "version: 1\npolicies: [")
    assert told.report["proposal"]["verdict"] is None
    assert [e["key"] for e in told.report["proposal"]["edits"]] == ["policies.clean-tree"]


def test_a_proposal_that_tightens_says_that_too(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = proposal(here, monkeypatch, SCOPED.replace("0.9", "0.95"))
    assert worst(told)["strictness"] == "tighter"
