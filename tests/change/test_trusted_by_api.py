"""Trust where no clone can tell: policies, pull request and paths through GitHub's API."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine import check as story
from policy_engine.change.claims import of_this_change
from policy_engine.change.situation import Job, situation
from policy_engine.evidence.record import ChangeRecord
from policy_engine.github import hub
from tests.command import Project, Told, candidate, command, evidence
from tests.github.fake.job import job
from tests.github.fake.state import BASE, HEAD, Pull, Submodule, Symlink
from tests.pull_request import PullRequest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.github.fake.server import GitHubFake

STRICT = b"version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.95}\n"
LOOSE = b"version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.5}\n"
PATHS = b'version: 1\ncandidate: {paths: ["training/**"]}\n' + LOOSE.partition(b"\n")[2]
FRAUD = "policies/fraud.yaml"
TOO_LOW = ("fail", "block", "val_f1 is 0.91; it must be at least 0.95")
NEWER = "c" * 40


class Gate:
    """A job without a clone, on the fake GitHub: `main` has the strict policies."""

    def __init__(self, fake: GitHubFake, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.fake = fake
        self.project = Project(folder)
        self._environment = environment
        self.main({FRAUD: STRICT})
        self.head({FRAUD: STRICT})
        self.touches("training/train.py")
        environment.chdir(folder)

    def main(self, files: dict[str, Any]) -> None:
        self.fake.state.commit(BASE, files, "main")

    def head(self, files: dict[str, Any]) -> None:
        self.fake.state.commit(HEAD, files)

    def touches(self, *paths: str) -> None:
        self.fake.state.pulls[7].files = [(path, None) for path in paths]

    def enter(self, event: str = "pull_request", **variables: str) -> None:
        """Let this be a job that the event started."""
        known = job(self.fake, self.project.folder / "job", event)
        for name, value in (known | variables).items():
            self._environment.setenv(name, value)

    def check(self, *arguments: str, **facts: Any) -> Told:
        """Judge the saved evidence of the pull request's head."""
        change = ChangeRecord(pull_request=7, head_sha=HEAD)
        record = evidence(candidate(), **({"change": change} | facts))
        return self.project.check(record, "--no-publish", *arguments)


@pytest.fixture
def gate(github_fake: GitHubFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    folder = tmp_path / "work"
    folder.mkdir()
    made = Gate(github_fake, folder, monkeypatch)
    made.enter()
    return made


def policies(told: Told) -> tuple[str, bool]:
    return told.report["policies"]["ref"], told.report["policies"]["trusted"]


# ── policies ──────────────────────────────────────────────────────────────────────────────────────


def test_policies_come_from_the_default_branch_where_there_is_no_clone(gate: Gate) -> None:
    told = gate.check()
    assert (told.code, told.findings) == (1, [TOO_LOW])
    assert policies(told) == (f"main@{BASE[:7]}", True)
    assert told.report["proposal"] is None


def test_a_proposal_is_read_at_the_head_of_the_pull_request(gate: Gate) -> None:
    gate.head({FRAUD: LOOSE})
    gate.touches(FRAUD)
    told = gate.check()
    assert (told.code, told.findings) == (1, [TOO_LOW])
    assert told.report["proposal"]["verdict"] == "pass"
    assert len(told.report["proposal"]["changed"]) == 1


def test_reading_policies_costs_no_more_requests_than_it_must(gate: Gate) -> None:
    gate.main({FRAUD: STRICT, "policies/_part.yaml": STRICT, "policies/README.md": b"x"})
    gate.check()
    assert gate.fake.asked == [
        "GET git/ref/heads/main",
        "GET contents/policies",
        "GET contents/policies/_part.yaml",
        "GET contents/policies/fraud.yaml",
        "GET pulls/7/files",
        "GET pulls/7",
    ]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            {FRAUD: STRICT, "policies/link.yaml": Symlink("policies/fraud.yaml")},
            "'policies/link.yaml' is a symbolic link; a policy file is a plain file",
        ),
        (
            {FRAUD: STRICT, "policies/other.yaml": Submodule()},
            f"policies/other.yaml is a submodule at {BASE[:7]}: only plain files are read",
        ),
        (
            {"policies": Symlink("training"), "training/fraud.yaml": LOOSE},
            f"policies is not a folder at {BASE[:7]}",
        ),
        (
            {FRAUD: STRICT, "policies/large.yaml": b"#" * (2**20 + 1)},
            "policies/large.yaml has 1048577 bytes: GitHub gives files of up to 1 MB",
        ),
    ],
)
def test_trusted_policies_that_are_no_plain_files_decide_nothing(
    gate: Gate, files: dict[str, Any], why: str
) -> None:
    gate.main(files)
    told = gate.check()
    assert (told.code, told.out, told.err) == (
        3,
        "",
        (
            f"policy-engine: the policies of main@{BASE[:7]} judge this pull request "
            f"and cannot be read: {why}\n"
        ),
    )


def test_a_folder_behind_a_link_is_no_absent_folder(gate: Gate) -> None:
    gate.main({"conf": Symlink("."), FRAUD: STRICT})
    gate.head({"conf/policies/fraud.yaml": LOOSE})
    assert gate.check("--policies", "conf/policies").code == 3


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 403}, {"hang_up": True}])
@pytest.mark.parametrize("path", ["git/ref/heads/main", "contents/policies", f"contents/{FRAUD}"])
def test_github_that_cannot_be_asked_for_the_policies_decides_nothing(
    gate: Gate, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], path: str
) -> None:
    monkeypatch.setattr(hub, "LONGEST_S", 0.5)
    gate.fake.fail("GET", path, times=100, **fault)
    told = gate.check()
    assert (told.code, told.out) == (3, "")
    assert told.err.startswith("policy-engine: the policies of main")
    assert told.err.count("\n") == 1


def test_a_default_branch_that_is_not_there_decides_nothing(gate: Gate) -> None:
    del gate.fake.state.branches["main"]
    assert gate.check().code == 3


def test_no_policies_on_the_default_branch_let_the_proposal_judge_itself(gate: Gate) -> None:
    gate.main({"README.md": b"x"})
    gate.head({FRAUD: LOOSE})
    told = gate.check()
    assert (told.code, told.report["verdict"]) == (0, "warn")
    assert policies(told) == (HEAD[:7], False)


def test_a_machine_that_stays_asks_github_for_the_tip(
    github_fake: GitHubFake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its clone takes for the default branch may be weeks old."""
    clone = PullRequest(tmp_path / "clone")
    clone.commit({FRAUD: LOOSE.decode()}, "training/train.py")
    clone.propose({}, "training/forest.py")
    monkeypatch.chdir(clone.clone.folder)
    github_fake.state.commit(NEWER, {FRAUD: STRICT}, "main")
    project = Project(tmp_path)
    project.saved(evidence(candidate()))
    api = {"GITHUB_API_URL": github_fake.api_url, "GITHUB_TOKEN": github_fake.token}
    saved = ("check", "--evidence", "../evidence.json", "--format", "json")
    clone.enter(monkeypatch, variables=api | {"RUNNER_ENVIRONMENT": "self-hosted"})
    told = command(*saved)
    assert (told.code, policies(told)) == (1, (f"main@{NEWER[:7]}", True))
    clone.enter(monkeypatch, variables=api)
    assert command(*saved).code == 0, "a machine of GitHub's own has a clone as new as the job"


# ── paths ─────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_clone_cannot_tell_of_the_paths_the_api_does(gate: Gate) -> None:
    gate.touches("training/train.py", "docs/index.md")
    assert changed(gate).paths == ("docs/index.md", "training/train.py")


def test_a_pull_request_that_moved_on_says_nothing_of_this_commit(gate: Gate) -> None:
    """Else a harmless push would excuse the one before it."""
    gate.touches("docs/index.md")
    gate.fake.state.pulls[7].head_sha = NEWER
    assert changed(gate).paths is None


def test_paths_that_nobody_knows_are_unknown(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.fake.fail("GET", "pulls/7/files", times=100, status=403)
    assert changed(gate).paths is None
    monkeypatch.delenv("GITHUB_TOKEN")
    assert changed(gate).paths is None


def changed(gate: Gate) -> ChangeRecord:
    """Return the change as the job sees it."""
    asks = Job(gate.project.folder, os.environ)
    change = situation(asks, None, search=True, ancestors=False).change
    assert change is not None
    return change


def test_a_comment_has_the_head_of_its_pull_request_judged(gate: Gate) -> None:
    """The job itself is on the default branch: its commit is not what was asked for."""
    gate.head({FRAUD: LOOSE})
    gate.touches(FRAUD, "training/train.py")
    gate.fake.state.pulls[7].labels = ("model",)
    gate.enter("issue_comment")
    change = changed(gate)
    assert (change.pull_request, change.head_sha, change.merge_sha) == (7, HEAD, None)
    assert (change.author, change.labels) == (gate.fake.state.pulls[7].author, ("model",))
    assert change.paths == (FRAUD, "training/train.py")
    told = gate.check()
    assert (told.code, told.findings) == (1, [TOO_LOW])
    assert policies(told) == (f"main@{BASE[:7]}", True)
    assert told.report["proposal"]["verdict"] == "pass"


def test_a_comment_that_nobody_can_ask_the_api_about_decides_nothing(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.enter("issue_comment")
    monkeypatch.delenv("GITHUB_TOKEN")
    told = gate.check()
    assert (told.code, told.out) == (3, "")
    assert told.err == (
        "policy-engine: the comment on pull request #7 does not say its commit: "
        "give the step `env: GITHUB_TOKEN: ${{ github.token }}`\n"
    )


def test_a_merge_group_knows_the_author_of_its_pull_request(gate: Gate) -> None:
    gate.fake.state.pulls[7].labels = ("model",)
    gate.enter("merge_group")
    change = changed(gate)
    assert (change.pull_request, change.author, change.labels) == (7, "ana", ("model",))
    gate.fake.fail("GET", "pulls/7", times=100, status=403)
    assert (changed(gate).pull_request, changed(gate).author) == (7, None)


# ── the second stage ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def second(gate: Gate) -> Gate:
    """The job of a workflow that follows the one of a fork's pull request."""
    gate.fake.state.pulls[7].head_repository = "eve/fraud"
    gate.fake.state.pulls[7].author = "eve"
    gate.enter("workflow_run")
    return gate


def test_evidence_of_a_fork_is_judged_by_the_default_branch_as_a_claim(second: Gate) -> None:
    second.main({FRAUD: b"version: 1\npolicies:\n  model-size-budget: {max_size: 10MB}\n"})
    told = second.check()
    assert (told.code, told.report["verdict"]) == (0, "pass")
    assert policies(told) == (f"main@{BASE[:7]}", True)
    (finding,) = told.subject["findings"]
    assert finding["measured"]["grade"] == "logged"
    assert told.subject["notes"] == [
        "all evidence is the claim of the workflow that wrote it: every value counts as logged"
    ]
    second.enter("pull_request")
    (finding,) = second.check().subject["findings"]
    assert finding["measured"]["grade"] == "measured", "where the job itself is not a fork's"


@pytest.mark.parametrize(
    ("change", "which"),
    [
        (ChangeRecord(pull_request=7, head_sha=NEWER), f"commit {NEWER[:12]}"),
        (ChangeRecord(pull_request=7), "no commit"),
        (None, "no commit"),
    ],
)
def test_evidence_of_another_commit_is_not_judged(
    second: Gate, change: ChangeRecord | None, which: str
) -> None:
    second.main({FRAUD: LOOSE})
    told = second.check(change=change)
    assert (told.code, told.report["verdict"]) == (3, "error")
    assert told.subject["reason"] == (
        f"the evidence is of {which}, and the workflow run that it comes from of {HEAD[:12]}: "
        "collect it in that workflow, without --commit"
    )


def test_paths_that_the_evidence_claims_excuse_nobody_from_a_run(second: Gate) -> None:
    second.main({FRAUD: PATHS})
    second.touches("training/train.py")
    forged = ChangeRecord(pull_request=7, head_sha=HEAD, paths=("README.md",))
    told = second.check(change=forged, candidates=(), named=False)
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")
    second.touches("README.md")
    assert second.check(change=forged, candidates=(), named=False).code == 0


def test_later_paths_that_the_evidence_claims_make_no_old_run_current(second: Gate) -> None:
    second.main({FRAUD: PATHS})
    old = candidate(tags={"policy_engine.head_sha": NEWER})
    forged = ChangeRecord(pull_request=7, head_sha=HEAD, later_paths={NEWER: ()})
    told = second.project.check(evidence(old, change=forged, named=False))
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_the_pull_request_is_the_one_that_github_knows_by_the_head(second: Gate) -> None:
    """The evidence says 99 by `ceo`: nothing of it is used."""
    second.fake.state.pulls[99] = Pull(99, head_sha=NEWER, author="ceo")
    second.main({FRAUD: LOOSE})
    forged = ChangeRecord(
        pull_request=99, head_sha=HEAD, author="ceo", labels=("approved",), base_sha=NEWER
    )
    record = of_this_change(
        evidence(candidate(), change=forged), Job(second.project.folder, os.environ)
    )
    assert record.change == ChangeRecord(
        pull_request=7,
        repository="acme/fraud",
        author="eve",
        head_sha=HEAD,
        base_sha=BASE,
    )


def test_a_head_that_no_open_pull_request_has_any_more_decides_nothing(second: Gate) -> None:
    second.fake.state.pulls[7].head_sha = NEWER
    told = second.check()
    assert (told.code, told.out, told.err) == (
        3,
        "",
        (
            f"policy-engine: no open pull request has the head {HEAD[:12]} any more: "
            "a newer commit was pushed, or it was closed\n"
        ),
    )


def test_two_pull_requests_of_one_head_are_told_apart_by_the_default_branch(second: Gate) -> None:
    twin = Pull(8, head_sha=HEAD, head_repository="eve/fraud", base_ref="release")
    second.fake.state.pulls[8] = twin
    assert second.check().code == 1
    second.fake.state.pulls[7].base_ref = "release"
    told = second.check()
    assert (told.code, told.out) == (3, "")
    assert told.err == f"policy-engine: several pull requests have the head {HEAD[:12]}: #8, #7\n"


def test_github_that_cannot_be_asked_which_pull_request_it_is_decides_nothing(
    second: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "LONGEST_S", 0.5)
    second.fake.fail("GET", "pulls", times=100, status=502)
    told = second.check()
    assert (told.code, told.out) == (3, "")


def test_without_a_token_the_pull_request_is_unknown_and_the_policies_too(
    second: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    assert second.check().code == 3


def test_a_second_stage_after_a_push_is_of_no_pull_request(
    second: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its policies are the work tree's, as those of a push; its evidence is a claim as well."""
    second.project.policy("version: 1\npolicies:\n  model-size-budget: {max_size: 10MB}\n")
    event = second.project.folder / "job" / "event.json"
    event.write_text(event.read_text().replace('"event": "pull_request"', '"event": "push"'))
    told = second.check()
    assert told.subject["findings"][0]["measured"]["grade"] == "logged"
    assert second.check(change=None).code == 3


# ── hostile files ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "EOF while parsing"),
        (b"[" * 100_000, "recursion limit exceeded"),
        (b'{"schema": "policy-engine/evidence/v1", "trusted": true}', "trusted: Extra inputs"),
        (b'{"schema": "policy-engine/evidence/v2"}', "schema: Input should be"),
        (b'{"candidates": [{"run": {"run_id": "x", "metrics": {"a": NaN}}}]}', ""),
        (b"\x00" * 100, ""),
    ],
)
def test_a_hostile_evidence_file_is_unreadable(second: Gate, content: bytes, why: str) -> None:
    told = second.project.check(content)
    assert (told.code, told.report["verdict"]) == (3, "error")
    assert why in told.subject["reason"]


def test_an_evidence_file_that_never_ends_is_unreadable(second: Gate) -> None:
    (second.project.folder / "endless.json").symlink_to("/dev/zero")
    told = command("check", "--evidence", "endless.json", "--format", "json")
    assert told.code == 3
    assert told.subject["reason"] == (
        "evidence file endless.json cannot be read: it is not a plain file; collect it again"
    )


def test_an_evidence_file_of_a_fork_has_a_cap_of_its_own(
    second: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story, "CLAIM_CAP", 100)
    told = second.check()
    assert told.code == 3
    assert "it is larger than 100 bytes" in told.subject["reason"]
