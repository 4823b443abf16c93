"""Every path that a merge would bring is among those that the change is said to touch."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_engine.git import work_tree as git
from tests.repository import Repository

FILES = ("train.py", "data.yaml", "README.md")
STEP = st.tuples(
    st.sampled_from(["main", "feature"]),
    st.sampled_from(["write", "merge", "take"]),
    st.sampled_from(FILES),
    st.integers(0, 2),
)


def written(repository: Repository, file: str, number: int) -> None:
    (repository.folder / file).write_text(f"version {number}\n")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--allow-empty", "--message", "write")


def merged(repository: Repository, other: str, mine: str) -> None:
    """Merge the other branch and settle conflicts either way: whole files of one side."""
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "-X", mine, other)


def taken(repository: Repository, other: str, file: str) -> None:
    """Take one file as another branch has it: what a revert in disguise does."""
    repository.git("checkout", "--quiet", other, "--", file)
    repository.git("commit", "--quiet", "--allow-empty", "--message", "take")


def brought(repository: Repository) -> set[str] | None:
    """Return the paths that git's own merge of `feature` changes on `main`; None: a conflict."""
    try:
        tree = repository.git("merge-tree", "--write-tree", "main", "feature").splitlines()[0]
    except Exception:  # noqa: BLE001 -- git ends with 1: whoever merges has to settle it by hand
        return None
    return set(repository.git("diff-tree", "-r", "--name-only", "main", tree).split())


@settings(max_examples=10)
@given(st.lists(STEP, min_size=3, max_size=9))
def test_what_the_merge_brings_is_touched(steps: list[tuple[str, str, str, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository.new(Path(folder))
        for file in FILES:
            written(repository, file, 9)
        repository.git("branch", "feature")
        for branch, action, file, number in steps:
            repository.git("switch", "--quiet", branch)
            other = "main" if branch == "feature" else "feature"
            if action == "write":
                written(repository, file, number)
            elif action == "merge":
                merged(repository, other, "ours" if number else "theirs")
            else:
                taken(repository, other, file)
        bring = brought(repository)
        touched = git.paths_of_change(repository.folder, "main", "feature")
    if bring is not None:
        assert bring <= set(touched)


@pytest.fixture
def criss_cross(tmp_path: Path) -> Repository:
    """Two parallel commits of `main`, joined by a merge, and by a branch that reverts one file."""
    repository = Repository.new(tmp_path)
    written(repository, "train.py", 0)
    start = repository.git("rev-parse", "HEAD")
    written(repository, "train.py", 1)  # the new training
    repository.git("switch", "--quiet", "--create", "other", start)
    written(repository, "README.md", 1)
    other = repository.git("rev-parse", "HEAD")
    new = repository.git("rev-parse", "main")
    repository.git("switch", "--quiet", "main")
    repository.merge(other)
    repository.git("switch", "--quiet", "--create", "feature", new)
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", other)
    taken(repository, start, "train.py")  # the old training again
    return repository


def test_a_file_that_is_taken_from_the_other_merge_base_is_touched(criss_cross: Repository) -> None:
    bases = criss_cross.git("merge-base", "--all", "main", "feature").split()
    assert len(bases) == 2
    assert brought(criss_cross) == {"train.py"}
    assert git.paths_of_change(criss_cross.folder, "main", "feature") == [
        "README.md",
        "train.py",
    ]


def test_what_the_merge_commit_brings_counts_where_it_is_at_hand(tmp_path: Path) -> None:
    """Whoever merges may change more than both sides did."""
    repository = Repository.new(tmp_path)
    written(repository, "train.py", 0)
    repository.git("switch", "--quiet", "--create", "feature")
    written(repository, "README.md", 1)
    head = repository.git("rev-parse", "HEAD")
    repository.git("switch", "--quiet", "main")
    written(repository, "data.yaml", 1)
    repository.git("merge", "--quiet", "--no-ff", "--no-commit", "feature")
    written(repository, "train.py", 2)
    merge = repository.git("rev-parse", "HEAD")
    target = f"{merge}~1"
    for known, paths in ((merge, ["README.md", "train.py"]), ("f" * 40, ["README.md"])):
        base = repository.git("rev-parse", target)
        assert git.paths_of_change(repository.folder, base, head, known) == paths


def test_a_shallow_clone_cannot_tell(tmp_path: Path) -> None:
    whole = Repository.new(tmp_path / "whole")
    for number in range(4):
        written(whole, "train.py", number)
    whole.git("branch", "feature")
    shallow = Repository.clone(whole, tmp_path / "shallow", "--depth=2", "--no-single-branch")
    with pytest.raises(git.GitError, match="shallow: it may lack a merge base"):
        git.paths_of_change(shallow.folder, "origin/main", "origin/feature")
