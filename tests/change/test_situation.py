"""What is under judgement, and whose policies judge it: told by real repositories and events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.change.situation import (
    MOST_COMMITS,
    Job,
    Situation,
    judging,
    policy_source,
    situation,
)
from policy_engine.evidence.record import ChangeRecord
from policy_engine.git import work_tree as git
from policy_engine.github.event import EventError
from policy_engine.report import PolicySource
from tests.repository import Repository, of_another_user

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DIGEST = "sha256:abc"
NOWHERE: Mapping[str, str] = {}
PULL_REQUEST = ChangeRecord(pull_request=7, head_sha="a" * 40)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with a policy and training code on `main`."""
    made = Repository.new(tmp_path / "work")
    made.commit("policies/fraud.yaml", "training/train.py")
    return made


def source(repository: Repository, change: ChangeRecord | None = None) -> PolicySource:
    source = policy_source(repository.folder, DIGEST, ["policies/fraud.yaml"])
    return judging(source, change, Job(repository.folder, NOWHERE))


def found(repository: Repository, commit: str | None = None, **facts: Any) -> Situation:
    job = Job(repository.folder, facts.pop("environ", NOWHERE))
    return situation(job, commit, **({"search": True, "ancestors": True} | facts))


def changed(here: Situation) -> ChangeRecord:
    assert here.change is not None
    return here.change


# ── whose policies judge ──────────────────────────────────────────────────────────────────────────


def test_the_default_branch_s_own_policies_are_trusted(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    assert source(repository) == PolicySource(DIGEST, f"main@{head[:7]}", trusted=True)


def test_a_commit_that_is_on_the_default_branch_is_trusted_though_it_is_not_its_tip(
    repository: Repository,
) -> None:
    old = repository.git("rev-parse", "HEAD")
    repository.commit("training/train.py")
    repository.git("checkout", "--quiet", old)
    assert source(repository) == PolicySource(DIGEST, f"main@{old[:7]}", trusted=True)


def test_another_branch_is_not_trusted(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "forest")
    head = repository.commit("training/train.py")
    assert source(repository) == PolicySource(DIGEST, head[:7], trusted=False)


def test_a_pull_request_s_work_tree_is_not_trusted_even_on_the_default_branch(
    repository: Repository,
) -> None:
    head = repository.git("rev-parse", "HEAD")
    assert source(repository, PULL_REQUEST) == PolicySource(
        DIGEST, f"main@{head[:7]}", trusted=False
    )


def test_an_edited_policy_file_is_not_trusted(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    (repository.folder / "policies" / "fraud.yaml").write_text("version: 1\n")
    expected = PolicySource(DIGEST, f"main@{head[:7]} (edited)", trusted=False)
    assert source(repository) == expected
    repository.git("add", "--all")
    assert source(repository) == expected, "staged is edited too"


HIDING = {
    "assume-unchanged": ["update-index", "--assume-unchanged", "policies/fraud.yaml"],
    "skip-worktree": ["update-index", "--skip-worktree", "policies/fraud.yaml"],
}


@pytest.mark.parametrize("arguments", HIDING.values(), ids=HIDING)
def test_an_edit_that_git_was_told_not_to_see_is_seen(
    repository: Repository, arguments: list[str]
) -> None:
    repository.git(*arguments)
    (repository.folder / "policies" / "fraud.yaml").write_text("version: 1\n")
    assert_edited_unseen(repository)


def test_an_edit_that_a_filter_turns_back_is_seen(repository: Repository) -> None:
    attributes = repository.folder / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("policies/fraud.yaml filter=old\n")
    repository.git("config", "filter.old.clean", "cat >/dev/null; git show HEAD:%f")
    (repository.folder / "policies" / "fraud.yaml").write_text("version: 1\n")
    repository.git("add", "policies/fraud.yaml")
    assert_edited_unseen(repository)


def assert_edited_unseen(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    assert git.is_dirty(repository.folder) is False, "git says that nothing is edited"
    expected = PolicySource(DIGEST, f"main@{head[:7]} (edited)", trusted=False)
    assert source(repository) == expected


def test_a_graft_makes_no_commit_one_of_the_default_branch(repository: Repository) -> None:
    """`.git/info/grafts` would make a commit of another branch an ancestor of the default one."""
    main = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "--orphan", "forest")
    head = repository.commit("training/train.py")
    repository.git("branch", "--force", "before", head)
    grafts = repository.folder / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{main} {head}\n")
    assert source(repository) == PolicySource(DIGEST, head[:7], trusted=False)


def test_a_policy_file_that_git_does_not_track_is_not_trusted(repository: Repository) -> None:
    (repository.folder / "policies" / "new.yaml").write_text("version: 1\n")
    assert source(repository).trusted, "a file that does not judge changes nothing"
    new = policy_source(repository.folder, DIGEST, ["policies/new.yaml"])
    assert new.trusted is False
    assert str(new.ref).endswith(" (edited)")


def test_an_ignored_policy_file_is_not_trusted(repository: Repository) -> None:
    repository.git("config", "core.excludesFile", str(repository.folder.parent / "ignored"))
    (repository.folder.parent / "ignored").write_text("*.local.yaml\n")
    (repository.folder / "policies" / "x.local.yaml").write_text("version: 1\n")
    paths = ["policies/fraud.yaml", "policies/x.local.yaml"]
    assert policy_source(repository.folder, DIGEST, paths).trusted is False


def test_a_clone_trusts_the_branch_that_its_origin_points_to(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("branch", "--move", "trunk")
    clone = Repository.clone(repository, tmp_path / "clone")
    head = clone.git("rev-parse", "HEAD")
    assert source(clone) == PolicySource(DIGEST, f"trunk@{head[:7]}", trusted=True)


def test_a_local_commit_on_the_default_branch_is_not_on_the_origin_s(
    repository: Repository, tmp_path: Path
) -> None:
    clone = Repository.clone(repository, tmp_path / "clone")
    head = clone.commit("policies/fraud.yaml")
    assert source(clone) == PolicySource(DIGEST, head[:7], trusted=False)


def test_outside_a_repository_nobody_can_tell_where_policies_come_from(tmp_path: Path) -> None:
    assert policy_source(tmp_path, DIGEST, ["policies"]) == PolicySource(DIGEST)


def test_a_repository_without_a_commit_is_not_trusted(tmp_path: Path) -> None:
    empty = Repository.new(tmp_path / "empty")
    assert source(empty) == PolicySource(DIGEST)


# ── on one's own machine ──────────────────────────────────────────────────────────────────────────


def test_without_a_flag_the_work_tree_s_head_is_under_judgement(repository: Repository) -> None:
    head = repository.git("rev-parse", "HEAD")
    change = changed(found(repository))
    assert change == ChangeRecord(head_sha=head)
    assert change.paths is None, "a branch that nobody proposed needs a run"


def test_a_commit_that_a_flag_names_goes_before_head(repository: Repository) -> None:
    old = repository.git("rev-parse", "HEAD")
    repository.commit("training/train.py")
    assert changed(found(repository, old)).head_sha == old


@pytest.mark.parametrize("name", ["HEAD", "main", "short", "v1"])
def test_a_commit_may_be_named_as_git_names_it(repository: Repository, name: str) -> None:
    """Runs are tagged with the full sha: `--commit HEAD` would find none of them."""
    head = repository.git("rev-parse", "HEAD")
    repository.git("tag", "v1")
    commit = head[:8] if name == "short" else name
    assert changed(found(repository, commit)).head_sha == head


@pytest.mark.parametrize("commit", ["f" * 40, "no-such-branch", "--all", "main..HEAD"])
def test_a_commit_that_this_clone_does_not_know_is_taken_as_it_is(
    repository: Repository, commit: str
) -> None:
    assert found(repository, commit) == Situation(ChangeRecord(head_sha=commit), ())


def test_outside_a_repository_there_is_nothing_to_look_for(tmp_path: Path) -> None:
    here = situation(Job(tmp_path, NOWHERE), None, search=True, ancestors=True)
    why = f"there is no git work tree at {tmp_path}: run this in a clone"
    assert here == Situation(None, (), no_commit=why)


def test_git_is_not_asked_where_candidates_are_named(tmp_path: Path) -> None:
    repository = Repository.new(tmp_path / "work")
    repository.commit("train.py")
    here = found(repository, search=False, ancestors=False)
    assert here == Situation(None, ())


# ── where git cannot be asked, or not all of it ───────────────────────────────────────────────────

NO_GIT = "there is no git command on the PATH: install git"
DEEPEN = (
    "run `git fetch --unshallow`, or clone all of it (`fetch-depth: 0` of actions/checkout, "
    "`GIT_DEPTH: 0` of GitLab)"
)
UNKNOWN = (
    "which earlier runs of the change still count and which baselines its commits name, "
    "is not known"
)


def test_without_git_there_is_no_commit_and_the_reason_is_said(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert found(repository) == Situation(None, (), no_commit=NO_GIT)


def test_without_git_the_ci_system_s_commit_counts_and_a_note_says_so(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sha = "a" * 40
    assert found(repository, environ={"BITBUCKET_COMMIT": sha}) == Situation(
        ChangeRecord(head_sha=sha),
        (),
        (
            f"the commit is aaaaaaaaaaaa, as BITBUCKET_COMMIT of Bitbucket says: {NO_GIT}",
            f"{UNKNOWN}: {NO_GIT}",
        ),
    )


def test_in_a_folder_of_another_user_the_command_that_helps_is_said(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_another_user(repository, monkeypatch)
    folder = repository.folder
    why = (
        f"git does not read {folder}, which belongs to another user: run "
        f"`git config --global --add safe.directory {folder}`"
    )
    assert found(repository) == Situation(None, (), no_commit=why)
    sha = "a" * 40
    here = found(repository, environ={"CI_COMMIT_SHA": sha})
    assert changed(here).head_sha == sha
    assert here.notes[0] == f"the commit is aaaaaaaaaaaa, as CI_COMMIT_SHA of GitLab says: {why}"


def test_where_git_names_a_commit_a_variable_for_another_one_changes_nothing(
    repository: Repository,
) -> None:
    expected = found(repository)
    assert changed(expected).head_sha == repository.git("rev-parse", "HEAD")
    assert found(repository, environ={"GIT_COMMIT": "a" * 40}) == expected


def test_on_a_merge_that_a_ci_system_made_the_change_is_what_was_merged(
    repository: Repository,
) -> None:
    """A merged-results pipeline of GitLab: HEAD is a commit that nobody wrote."""
    fork = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "forest")
    head = repository.commit("training/forest.py")
    repository.git("checkout", "--quiet", "main")
    repository.commit("training/train.py")
    repository.git("checkout", "--quiet", "--detach")
    merge = repository.merge("forest")
    environ = {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": head, "CI_COMMIT_SHA": merge}
    here = found(repository, environ=environ)
    assert (changed(here).head_sha, changed(here).merge_sha) == (head, merge)
    assert here.ancestors == (fork,)
    (note,) = here.notes
    assert note == (
        f"the commit is {head[:12]}, as CI_MERGE_REQUEST_SOURCE_BRANCH_SHA of GitLab says: "
        "the work tree is the merge of that commit"
    )


def test_a_shallow_clone_says_what_it_cannot_tell_and_how_to_deepen_it(
    repository: Repository, tmp_path: Path
) -> None:
    repository.git("checkout", "--quiet", "-b", "forest")
    repository.commit("training/forest.py")
    repository.git("checkout", "--quiet", "main")
    clone = Repository.clone(repository, tmp_path / "clone", "--depth=1", "--branch=forest")
    shallow = f"is not known, since this clone is shallow: {DEEPEN}"
    earlier = "which earlier runs of the change still count"
    both = f"{earlier} and which baselines its commits name"
    assert found(clone).notes == (f"{both}, {shallow}",)
    assert found(clone, ancestors=False).notes == (f"{earlier}, {shallow}",)
    assert found(clone, search=False, ancestors=False).notes == ()
    clone.git("fetch", "--quiet", "--unshallow")
    clone.git("fetch", "--quiet", "origin", "main:refs/remotes/origin/main")
    assert found(clone).notes == ()


def test_a_shallow_clone_of_the_default_branch_says_how_far_a_baseline_is_looked_for(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit("training/train.py")
    repository.commit("training/train.py")
    clone = Repository.clone(repository, tmp_path / "clone", "--depth=2", "--branch=main")
    here = found(clone)
    assert len(here.ancestors) == 1
    (note,) = here.notes
    assert note == (
        "a baseline is looked for no further than 1 commit(s) before the change, since this clone "
        f"is shallow: {DEEPEN}"
    )
    assert found(clone, ancestors=False).notes == ()


def test_on_the_default_branch_the_ancestors_are_the_commits_before(
    repository: Repository,
) -> None:
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit("training/train.py")
    repository.commit("training/train.py")
    assert found(repository).ancestors == (second, first)


def test_on_a_branch_the_ancestors_begin_with_the_merge_base(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    fork = repository.commit("training/train.py")
    repository.git("checkout", "--quiet", "-b", "forest")
    repository.commit("training/forest.py")
    repository.git("checkout", "--quiet", "main")
    repository.commit("training/train.py")
    repository.git("checkout", "--quiet", "forest")
    assert found(repository).ancestors == (fork, first)


def test_the_ancestors_are_first_parents_alone(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("checkout", "--quiet", "-b", "side")
    side = repository.commit("side.py")
    repository.git("checkout", "--quiet", "main")
    on_main = repository.commit("training/train.py")
    merged = repository.merge("side")
    repository.git("checkout", "--quiet", "-b", "forest")
    repository.commit("training/forest.py")
    ancestors = found(repository).ancestors
    assert ancestors == (merged, on_main, first)
    assert side not in ancestors


@pytest.mark.parametrize("on_default", [True, False])
def test_no_more_ancestors_are_looked_at_than_the_limit(
    repository: Repository, on_default: bool
) -> None:
    for _ in range(MOST_COMMITS + 2):
        repository.git("commit", "--quiet", "--allow-empty", "--message", "x")
    if not on_default:
        repository.git("checkout", "--quiet", "-b", "forest")
        repository.commit("training/forest.py")
    ancestors = found(repository).ancestors
    assert len(ancestors) == MOST_COMMITS
    assert ancestors[0] == repository.git("rev-parse", "HEAD~1")


def test_no_ancestors_are_asked_for_where_no_rule_is_by_commit(repository: Repository) -> None:
    repository.commit("training/train.py")
    assert found(repository, ancestors=False).ancestors == ()


def test_what_changed_after_each_earlier_commit_of_the_branch_is_known(
    repository: Repository,
) -> None:
    repository.git("checkout", "--quiet", "-b", "forest")
    first = repository.commit("training/forest.py")
    second = repository.commit("docs/forest.md")
    repository.commit("docs/more.md")
    assert changed(found(repository)).later_paths == {
        second: ("docs/more.md",),
        first: ("docs/forest.md", "docs/more.md"),
    }


def test_a_change_that_was_taken_back_later_is_no_later_change(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "forest")
    first = repository.commit("training/forest.py")
    second = repository.commit("training/train.py")
    repository.git("revert", "--no-edit", "HEAD")
    later = changed(found(repository)).later_paths
    assert later[first] == ()
    assert later[second] == ("training/train.py",)


# ── in a pull request ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def proposal(repository: Repository, tmp_path: Path) -> Proposal:
    return Proposal(repository, tmp_path)


class Proposal:
    """A pull request of branch `forest`, checked out as GitHub Actions does: its merge commit."""

    def __init__(self, origin: Repository, folder: Path) -> None:
        self.origin = origin
        self.folder = folder
        self.fork = origin.git("rev-parse", "HEAD")
        origin.git("checkout", "--quiet", "-b", "forest")
        self.earlier = origin.commit("training/forest.py")
        self.head = origin.commit("docs/forest.md")
        origin.git("checkout", "--quiet", "main")
        self.base = origin.commit("training/other.py")
        origin.git("checkout", "--quiet", "-b", "merged")
        self.merge = origin.merge("forest")
        origin.git("checkout", "--quiet", "main")

    def clone(self, *options: str) -> Repository:
        """Clone with the merge commit checked out, on no branch."""
        clone = Repository.clone(self.origin, self.folder / "clone", *options)
        clone.git("fetch", "--quiet", *options, "origin", "merged")
        clone.git("checkout", "--quiet", "FETCH_HEAD")
        return clone

    def environ(self, **changes: Any) -> dict[str, str]:
        """Return the environment that GitHub sets for the event."""
        pull_request = {
            "number": 12,
            "user": {"login": "ana"},
            "labels": [{"name": "model"}],
            "head": {"sha": self.head, "ref": "forest", "repo": {"full_name": "acme/fraud"}},
            "base": {"sha": self.base, "ref": "main", "repo": {"full_name": "acme/fraud"}},
        }
        event = self.folder / "event.json"
        event.write_text(json.dumps({"pull_request": pull_request | changes}))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_SHA": self.merge,
            "GITHUB_REPOSITORY": "acme/fraud",
        }


def test_a_pull_request_is_judged_by_its_head_and_not_by_what_is_checked_out(
    proposal: Proposal,
) -> None:
    clone = proposal.clone()
    assert clone.git("rev-parse", "HEAD") == proposal.merge
    here = found(clone, environ=proposal.environ())
    assert changed(here) == ChangeRecord(
        pull_request=12,
        repository="acme/fraud",
        author="ana",
        head_sha=proposal.head,
        merge_sha=proposal.merge,
        base_sha=proposal.base,
        labels=("model",),
        paths=("docs/forest.md", "training/forest.py"),
        later_paths={proposal.earlier: ("docs/forest.md",)},
    )
    assert here.ancestors == (proposal.fork,)


def test_what_the_base_branch_gained_meanwhile_is_not_what_the_pull_request_touches(
    proposal: Proposal,
) -> None:
    change = changed(found(proposal.clone(), environ=proposal.environ()))
    assert "training/other.py" not in (change.paths or ())


def test_a_commit_that_a_flag_names_goes_before_the_pull_request_s_head(proposal: Proposal) -> None:
    """It needs a run whatever the change touches; and it is still the pull request's."""
    here = found(proposal.clone(), proposal.earlier, environ=proposal.environ())
    change = changed(here)
    assert (change.head_sha, change.merge_sha, change.paths) == (proposal.earlier, None, None)
    assert (change.pull_request, change.author) == (12, "ana")


def test_candidates_that_a_flag_names_still_belong_to_the_pull_request(proposal: Proposal) -> None:
    """Else a named run would be judged as if no proposal had written the policies."""
    here = found(proposal.clone(), search=False, ancestors=False, environ=proposal.environ())
    change = changed(here)
    assert (change.pull_request, change.author, change.paths) == (12, "ana", None)


def test_a_shallow_clone_cannot_tell_what_the_pull_request_touches_so_it_owes_a_run(
    proposal: Proposal,
) -> None:
    here = found(proposal.clone("--depth=1"), environ=proposal.environ())
    change = changed(here)
    assert (change.head_sha, change.paths, change.later_paths) == (proposal.head, None, {})
    assert here.ancestors == ()


def test_a_pull_request_s_policies_are_those_of_its_proposal(proposal: Proposal) -> None:
    clone = proposal.clone()
    change = changed(found(clone, environ=proposal.environ()))
    assert source(clone, change) == PolicySource(DIGEST, proposal.merge[:7], trusted=False)


def test_a_base_branch_that_this_clone_does_not_have_is_known_by_its_commit(
    proposal: Proposal,
) -> None:
    clone = proposal.clone()
    clone.git("update-ref", "-d", "refs/remotes/origin/main")
    change = changed(found(clone, environ=proposal.environ()))
    assert change.paths == ("docs/forest.md", "training/forest.py")


@pytest.mark.parametrize("name", ["refs/tags/origin/main", "refs/heads/origin/main"])
def test_a_tag_or_a_branch_that_is_called_like_the_base_branch_hides_nothing(
    proposal: Proposal, name: str
) -> None:
    """Git takes `origin/main` for the tag: at the head of the change, nothing was touched."""
    clone = proposal.clone()
    clone.git("remote", "set-url", "origin", "https://github.com/acme/fraud")
    clone.git("update-ref", name, proposal.head)
    environ = proposal.environ() | {"GITHUB_SERVER_URL": "https://github.com"}
    here = found(clone, environ=environ)
    assert changed(here).paths == ("docs/forest.md", "training/forest.py")
    assert here.ancestors == (proposal.fork,)


@pytest.mark.parametrize("name", ["refs/tags/origin/main", "refs/heads/origin/main"])
def test_outside_github_a_name_like_the_default_branch_s_makes_no_commit_trusted(
    proposal: Proposal, name: str
) -> None:
    clone = proposal.clone()
    clone.git("checkout", "--quiet", "-B", "forest", proposal.head)
    clone.git("update-ref", name, proposal.head)
    assert source(clone) == PolicySource(DIGEST, proposal.head[:7], trusted=False)
    assert found(clone).ancestors == (proposal.fork,)


def test_a_push_is_a_commit_and_no_pull_request(proposal: Proposal) -> None:
    environ = proposal.environ() | {"GITHUB_EVENT_NAME": "push", "GITHUB_SHA": proposal.base}
    here = found(proposal.clone(), environ=environ)
    assert changed(here) == ChangeRecord(head_sha=proposal.base)
    assert here.ancestors == (proposal.fork,)


def test_an_event_file_that_is_not_there_is_said_and_not_passed_over(
    proposal: Proposal,
) -> None:
    environ = proposal.environ() | {"GITHUB_EVENT_PATH": "/no/event.json"}
    with pytest.raises(EventError) as error:
        found(proposal.origin, environ=environ)
    assert str(error.value) == (
        "cannot read the event file /no/event.json: No such file or directory"
    )


def test_an_event_without_a_head_is_said_and_not_passed_over(proposal: Proposal) -> None:
    with pytest.raises(EventError) as error:
        found(proposal.origin, environ=proposal.environ(head={"sha": None}))
    assert str(error.value).endswith(
        "event.json: pull_request.head.sha must be 40 hexadecimal digits, not null"
    )
