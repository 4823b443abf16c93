"""What git knows of a work tree, asked of real repositories."""

from __future__ import annotations

import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policy_engine.git import work_tree as git
from policy_engine.git.work_tree import GitError
from tests.repository import Repository, of_another_user

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_REVISIONS = ["", "-", "--all", "-n1", "a..b", "main...", "HEAD:train.py", "a b", "a\nb", "x\0y"]
NOT_REVISIONS += ["^main", "main@{1}", ":/fix", "m" * 251, "@", "*"]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.new(tmp_path / "work")


class TestHead:
    def test_head_is_the_full_sha_of_the_last_commit(self, repository: Repository) -> None:
        repository.commit("train.py")
        sha = repository.commit("train.py")
        assert git.head(repository.folder) == sha
        assert len(sha) == 40

    def test_head_is_found_from_a_folder_within_the_work_tree(self, repository: Repository) -> None:
        sha = repository.commit("training/deep/train.py")
        assert git.head(repository.folder / "training" / "deep") == sha

    def test_detached_head_is_known(self, repository: Repository) -> None:
        first = repository.commit("train.py")
        repository.commit("train.py")
        repository.git("checkout", "--quiet", "--detach", first)
        assert git.head(repository.folder) == first

    def test_repository_without_a_commit_has_no_head(self, repository: Repository) -> None:
        assert git.head(repository.folder) is None

    def test_folder_outside_every_repository_has_no_head(self, tmp_path: Path) -> None:
        assert git.head(tmp_path) is None

    def test_why_there_is_no_head_is_said_with_what_helps(
        self, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = repository.folder
        assert git.why_no_head(folder) == f"the repository at {folder} has no commit yet: make one"
        repository.commit("train.py")
        assert git.why_no_head(folder) is None
        monkeypatch.chdir(tmp_path)
        absent = f"there is no git work tree at {tmp_path}: run this in a clone"
        assert git.why_no_head(Path()) == absent
        assert git.unread(Path()) is None, "nothing is unread where there is nothing"
        monkeypatch.setenv("PATH", str(tmp_path))
        without = "there is no git command on the PATH: install git"
        assert git.why_no_head(folder) == without
        assert git.unread(folder / "training") == without
        assert git.unread(tmp_path) is None

    def test_there_is_no_head_without_a_git_command(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        repository.commit("train.py")
        monkeypatch.setenv("PATH", str(repository.folder))
        assert git.head(repository.folder) is None

    def test_hook_that_points_git_elsewhere_is_not_followed(
        self, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha = repository.commit("train.py")
        other = Repository.new(tmp_path / "other")
        other.commit("other.py", text="other")
        monkeypatch.setenv("GIT_DIR", str(other.folder / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
        assert git.head(repository.folder) == sha

    def test_folder_that_does_not_exist_is_an_error(self, tmp_path: Path) -> None:
        folder = tmp_path / "absent"
        with pytest.raises(GitError) as caught:
            git.head(folder)
        assert str(caught.value) == (
            f"git rev-parse failed in {folder}: "
            f"cannot change to '{folder}': No such file or directory"
        )

    def test_git_that_hangs_is_an_error_in_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _fake_git(tmp_path, "exec sleep 60", monkeypatch)
        with pytest.raises(GitError) as caught:
            git.head(tmp_path, timeout_s=0.2)
        assert str(caught.value) == f"git rev-parse in {tmp_path} took longer than 0.2 s"

    def test_git_that_refuses_the_owner_of_the_folder_is_an_error_that_says_what_helps(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """In a container this is common; None would read as "no repository"."""
        sha = repository.commit("train.py")
        of_another_user(repository, monkeypatch)
        folder = repository.folder
        with pytest.raises(GitError) as caught:
            git.head(folder)
        command = f"git config --global --add safe.directory {folder}"
        assert str(caught.value) == (
            f"git does not read {folder}, which belongs to another user: run `{command}`"
        )
        assert git.why_no_head(folder) == git.unread(folder) == str(caught.value)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(folder.parent / "gitconfig"))
        subprocess.run(shlex.split(command), check=True)
        assert git.head(folder) == sha
        assert git.why_no_head(folder) is None

    def test_git_that_cannot_be_run_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "git").write_text("no program")
        (tmp_path / "git").chmod(stat.S_IRWXU)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(GitError, match=r"^the git command cannot be run: Exec format error$"):
            git.head(tmp_path)


class TestIsDirty:
    def test_clean_work_tree_is_not_dirty(self, repository: Repository) -> None:
        repository.commit("train.py")
        assert git.is_dirty(repository.folder) is False

    def test_changed_file_makes_it_dirty(self, repository: Repository) -> None:
        repository.commit("train.py")
        (repository.folder / "train.py").write_text("other")
        assert git.is_dirty(repository.folder) is True

    def test_staged_change_makes_it_dirty(self, repository: Repository) -> None:
        repository.commit("train.py")
        (repository.folder / "new.py").write_text("new")
        repository.git("add", "new.py")
        assert git.is_dirty(repository.folder) is True

    def test_deleted_file_makes_it_dirty(self, repository: Repository) -> None:
        repository.commit("train.py")
        (repository.folder / "train.py").unlink()
        assert git.is_dirty(repository.folder) is True

    def test_change_elsewhere_in_the_repository_counts_in_a_subfolder(
        self, repository: Repository
    ) -> None:
        repository.commit("lib/features.py", "training/train.py")
        (repository.folder / "lib" / "features.py").write_text("other")
        assert git.is_dirty(repository.folder / "training") is True

    def test_untracked_files_do_not_count(self, repository: Repository) -> None:
        repository.commit("train.py")
        (repository.folder / "mlflow.db").write_text("untracked")
        assert git.is_dirty(repository.folder) is False

    def test_touched_file_with_the_same_content_does_not_count(
        self, repository: Repository
    ) -> None:
        repository.commit("train.py")
        os.utime(repository.folder / "train.py", (1, 1))
        assert git.is_dirty(repository.folder) is False

    def test_asking_writes_nothing_to_the_repository(self, repository: Repository) -> None:
        repository.commit("train.py")
        os.utime(repository.folder / "train.py", (1, 1))
        index = repository.folder / ".git" / "index"
        before = index.read_bytes()
        git.is_dirty(repository.folder)
        assert index.read_bytes() == before

    def test_folder_outside_every_repository_is_unknown(self, tmp_path: Path) -> None:
        assert git.is_dirty(tmp_path) is None

    def test_repository_without_a_work_tree_is_unknown(self, repository: Repository) -> None:
        repository.commit("train.py")
        assert git.is_dirty(repository.folder / ".git") is None

    def test_configured_file_system_monitor_is_not_run(self, repository: Repository) -> None:
        repository.commit("train.py")
        ran = repository.folder / "ran"
        repository.git("config", "core.fsmonitor", f"touch {ran};")
        assert git.is_dirty(repository.folder) is False
        assert not ran.exists()


class TestIsTracked:
    def test_committed_file_is_tracked(self, repository: Repository) -> None:
        repository.commit("training/train.py")
        assert git.is_tracked(repository.folder / "training" / "train.py") is True

    def test_new_and_ignored_files_are_not(self, repository: Repository) -> None:
        repository.commit("train.py")
        (repository.folder / "new.py").touch()
        assert git.is_tracked(repository.folder / "new.py") is False

    def test_name_that_git_could_take_for_a_pattern_is_a_name(self, repository: Repository) -> None:
        repository.commit("train.py")
        assert git.is_tracked(repository.folder / "*.py") is False
        assert git.is_tracked(repository.folder / ":(glob)*") is False

    def test_file_outside_every_repository_is_not(self, tmp_path: Path) -> None:
        assert git.is_tracked(tmp_path / "train.py") is False


class TestHistory:
    def test_merge_base_is_where_the_branch_left(self, repository: Repository) -> None:
        base = repository.commit("train.py")
        repository.git("checkout", "--quiet", "-b", "feature")
        repository.commit("feature.py", text="feature")
        repository.git("checkout", "--quiet", "main")
        repository.commit("other.py", text="main")
        assert git.merge_base(repository.folder, "main", "feature") == base

    def test_unrelated_histories_have_no_merge_base(self, repository: Repository) -> None:
        repository.commit("train.py")
        repository.git("checkout", "--quiet", "--orphan", "alone")
        repository.commit("alone.py", text="alone")
        assert git.merge_base(repository.folder, "main", "alone") is None

    def test_first_parents_follow_the_branch_through_its_merges(
        self, repository: Repository
    ) -> None:
        first = repository.commit("train.py")
        repository.git("checkout", "--quiet", "-b", "feature")
        repository.commit("feature.py", text="feature")
        repository.git("checkout", "--quiet", "main")
        second = repository.commit("other.py", text="main")
        merge = repository.merge("feature")
        assert git.first_parents(repository.folder, "HEAD") == [merge, second, first]

    def test_first_parents_stop_at_the_limit(self, repository: Repository) -> None:
        commits = [repository.commit(text=str(number)) for number in range(4)]
        assert git.first_parents(repository.folder, commits[3], limit=2) == [
            commits[3],
            commits[2],
        ]

    def test_commits_of_a_branch_come_newest_first_whatever_their_dates_say(
        self, repository: Repository
    ) -> None:
        base = repository.commit("train.py")
        older = repository.commit("train.py")
        repository.git("commit", "--quiet", "--amend", "--no-edit", "--date=2040-01-01T00:00:00Z")
        older = repository.git("rev-parse", "HEAD")
        newer = repository.commit("train.py")
        assert git.commits_between(repository.folder, base, "HEAD") == [newer, older]

    def test_merged_branches_bring_their_commits(self, repository: Repository) -> None:
        base = repository.commit("train.py")
        repository.git("checkout", "--quiet", "-b", "feature")
        feature = repository.commit("feature.py", text="feature")
        repository.git("checkout", "--quiet", "main")
        main = repository.commit("other.py", text="main")
        merge = repository.merge("feature")
        commits = git.commits_between(repository.folder, base, merge)
        assert commits[0] == merge
        assert set(commits) == {merge, feature, main}

    def test_no_commit_lies_between_a_commit_and_itself(self, repository: Repository) -> None:
        sha = repository.commit("train.py")
        assert git.commits_between(repository.folder, sha, sha) == []

    def test_at_most_250_commits_are_listed(self, repository: Repository) -> None:
        base = repository.commit("train.py")
        # The first names its parent; the others continue the branch.
        origins = [f"from {base}\n", *[""] * 250]
        stream = "".join(
            f"commit refs/heads/main\ncommitter A <a@b> {seconds} +0000\ndata 0\n{origin}\n"
            for seconds, origin in enumerate(origins)
        )
        repository.git("fast-import", "--quiet", stdin=stream)
        assert len(git.commits_between(repository.folder, base, "main")) == 250

    def test_branch_named_like_a_file_is_the_branch(self, repository: Repository) -> None:
        sha = repository.commit("feature")
        repository.git("branch", "feature")
        assert git.first_parents(repository.folder, "feature") == [sha]


class TestPaths:
    def test_paths_of_a_change_are_its_own_and_not_those_of_main(
        self, repository: Repository
    ) -> None:
        repository.commit("train.py")
        repository.git("checkout", "--quiet", "-b", "feature")
        repository.commit("training/new.py", "train.py", text="feature")
        repository.git("checkout", "--quiet", "main")
        repository.commit("README.md", text="main")
        assert git.paths_of_change(repository.folder, "main", "feature") == [
            "train.py",
            "training/new.py",
        ]
        assert git.changed_paths(repository.folder, "main", "feature") == [
            "README.md",
            "train.py",
            "training/new.py",
        ]

    def test_renamed_file_is_named_twice(self, repository: Repository) -> None:
        before = repository.commit("training/train.py")
        (repository.folder / "docs").mkdir()
        repository.git("mv", "training/train.py", "docs/train.py")
        after = repository.commit()
        assert git.changed_paths(repository.folder, before, after) == [
            "docs/train.py",
            "training/train.py",
        ]

    def test_paths_count_from_the_root_in_a_subfolder_too(self, repository: Repository) -> None:
        before = repository.commit("training/train.py", "README.md")
        after = repository.commit("training/train.py", "README.md")
        repository.git("config", "diff.relative", "true")
        assert git.changed_paths(repository.folder / "training", before, after) == [
            "README.md",
            "training/train.py",
        ]

    def test_submodule_that_says_it_never_changes_is_named_all_the_same(
        self, repository: Repository
    ) -> None:
        """The file that says so is the change's own."""
        about = '[submodule "training"]\n path = training\n url = ../training\n ignore = all\n'
        repository.commit(".gitmodules", text=about)
        commits = []
        for sha in ("1" * 40, "2" * 40):
            entry = f"160000,{sha},training"
            repository.git("update-index", "--add", "--cacheinfo", entry)
            repository.git("commit", "--quiet", "--message", "training")
            commits.append(repository.git("rev-parse", "HEAD"))
        assert git.changed_paths(repository.folder, *commits) == ["training"]

    def test_commit_that_a_ref_replaces_is_read_as_it_is(self, repository: Repository) -> None:
        before = repository.commit("train.py")
        after = repository.commit("train.py")
        repository.git("replace", after, before)
        assert git.changed_paths(repository.folder, before, after) == ["train.py"]

    def test_hostile_names_come_whole(self, repository: Repository) -> None:
        names = {
            'a "quoted" name',
            "-rf",
            "tab\there",
            "two\nlines",
            "übung.py",
            ":(glob)*",
            "$(id)",
        }
        before = repository.commit("train.py")
        after = repository.commit(*names)
        assert set(git.changed_paths(repository.folder, before, after)) == names

    def test_name_that_is_not_utf8_can_be_printed(self, repository: Repository) -> None:
        before = repository.commit("train.py")
        with open(os.fsencode(repository.folder) + b"/odd-\xff.py", "wb"):  # noqa: PTH123 -- bytes
            pass
        after = repository.commit()
        assert git.changed_paths(repository.folder, before, after) == ["odd-\\xff.py"]

    def test_commits_alike_differ_in_nothing(self, repository: Repository) -> None:
        before = repository.commit("train.py")
        after = repository.commit()
        assert git.changed_paths(repository.folder, before, after) == []

    def test_change_without_a_common_ancestor_is_an_error(self, repository: Repository) -> None:
        repository.commit("train.py")
        repository.git("checkout", "--quiet", "--orphan", "alone")
        repository.commit("alone.py", text="alone")
        with pytest.raises(GitError) as caught:
            git.paths_of_change(repository.folder, "main", "alone")
        assert str(caught.value) == (
            f"git knows no common ancestor of main and alone in {repository.folder}"
        )


class TestDefaultBranch:
    def test_default_branch_is_the_one_that_origin_points_to(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.commit("train.py")
        repository.git("branch", "--move", "trunk")
        clone = Repository.clone(repository, tmp_path / "clone")
        clone.git("branch", "main")
        assert git.default_branch(clone.folder) == "origin/trunk"

    def test_branch_of_origin_goes_before_a_local_one(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.commit("train.py")
        clone = Repository.clone(repository, tmp_path / "clone")
        clone.git("remote", "set-head", "origin", "--delete")
        assert git.default_branch(clone.folder) == "origin/main"

    def test_pointer_to_a_branch_that_is_gone_is_passed_over(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        repository.commit("train.py")
        clone = Repository.clone(repository, tmp_path / "clone")
        clone.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone")
        assert git.default_branch(clone.folder) == "origin/main"

    @pytest.mark.parametrize("name", ["main", "master"])
    def test_local_branch_does_where_there_is_no_origin(
        self, repository: Repository, name: str
    ) -> None:
        repository.commit("train.py")
        repository.git("branch", "--move", name)
        assert git.default_branch(repository.folder) == name

    def test_tag_of_the_same_name_does_not_take_its_place(self, repository: Repository) -> None:
        old = repository.commit("train.py")
        new = repository.commit("train.py")
        repository.git("tag", "main", old)
        branch = git.default_branch(repository.folder)
        assert branch == "heads/main"
        assert git.first_parents(repository.folder, branch, limit=1) == [new]

    def test_branches_of_other_names_are_none(self, repository: Repository) -> None:
        repository.commit("train.py")
        repository.git("branch", "--move", "feature")
        assert git.default_branch(repository.folder) is None

    def test_folder_outside_every_repository_has_none(self, tmp_path: Path) -> None:
        assert git.default_branch(tmp_path) is None


class TestShallowClone:
    @pytest.fixture
    def shallow(self, repository: Repository, tmp_path: Path) -> Repository:
        for number in range(3):
            repository.commit("train.py", text=str(number))
        return Repository.clone(repository, tmp_path / "shallow", "--depth=1")

    def test_shallow_clone_is_told_from_a_whole_one(
        self, repository: Repository, shallow: Repository, tmp_path: Path
    ) -> None:
        assert git.is_shallow(shallow.folder) is True
        assert git.is_shallow(repository.folder) is False
        assert git.is_shallow(tmp_path) is False

    def test_its_head_is_known_and_its_history_ends_there(
        self, repository: Repository, shallow: Repository
    ) -> None:
        sha = git.head(repository.folder)
        assert sha is not None
        assert git.head(shallow.folder) == sha
        assert git.first_parents(shallow.folder, sha) == [sha]
        assert git.is_dirty(shallow.folder) is False

    def test_commit_that_was_cut_off_is_an_error(
        self, repository: Repository, shallow: Repository
    ) -> None:
        old = repository.git("rev-parse", "HEAD~2")
        with pytest.raises(GitError) as caught:
            git.merge_base(shallow.folder, old, "HEAD")
        assert str(caught.value) == (
            f"git merge-base failed in {shallow.folder}: Not a valid commit name {old}"
        )


class TestRefusals:
    """A revision comes from an event file, a flag or a tag: never as an option to git."""

    @pytest.mark.parametrize("text", NOT_REVISIONS)
    @pytest.mark.parametrize(
        "ask",
        [
            lambda folder, text: git.merge_base(folder, text, "HEAD"),
            lambda folder, text: git.merge_base(folder, "HEAD", text),
            git.first_parents,
            lambda folder, text: git.commits_between(folder, text, "HEAD"),
            lambda folder, text: git.commits_between(folder, "HEAD", text),
            lambda folder, text: git.changed_paths(folder, text, "HEAD"),
            lambda folder, text: git.paths_of_change(folder, "HEAD", text),
        ],
    )
    def test_what_is_no_revision_is_refused_before_git_sees_it(
        self, tmp_path: Path, ask: Callable[[Path, str], object], text: str
    ) -> None:
        with pytest.raises(ValueError, match=r" is not the name of a commit$") as caught:
            ask(tmp_path, text)
        assert not isinstance(caught.value, GitError)

    def test_refusal_shows_what_was_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="commit") as caught:
            git.first_parents(tmp_path, "--output=x\n\x1b[31m")
        assert str(caught.value) == r"'--output=x\n\x1b[31m' is not the name of a commit"

    @pytest.mark.parametrize("name", ["feature/ünit#1", "v1.0", "HEAD~1", "dependabot/pip/a-1.2"])
    def test_names_that_people_give_are_accepted(self, repository: Repository, name: str) -> None:
        repository.commit("train.py")
        sha = repository.commit("train.py")
        if name != "HEAD~1":
            repository.git("branch", name)
        assert sha in {
            *git.first_parents(repository.folder, name),
            git.head(repository.folder),
        }

    def test_unknown_commit_is_an_error(self, repository: Repository) -> None:
        repository.commit("train.py")
        with pytest.raises(GitError) as caught:
            git.changed_paths(repository.folder, "HEAD", "f" * 40)
        assert str(caught.value) == (
            f"git diff-tree failed in {repository.folder}: bad object {'f' * 40}"
        )

    def test_comparing_commits_without_a_repository_is_an_error(self, tmp_path: Path) -> None:
        """An empty list would read as "nothing changed"."""
        with pytest.raises(GitError) as caught:
            git.changed_paths(tmp_path, "main", "HEAD")
        assert str(caught.value) == (
            f"there is no git work tree at {tmp_path}: run this in a clone"
        )

    def test_comparing_commits_without_git_is_an_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(GitError, match=r"^there is no git command on the PATH: install git$"):
            git.commits_between(tmp_path, "main", "HEAD")


def _fake_git(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a `git` first on the PATH that does what no real one does on demand."""
    command = folder / "git"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
