"""The other side of a backtest: policy files of a path, or of a commit of this repository."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from policy_engine.errors import UsageError
from policy_engine.git import work_tree as git
from policy_engine.git.files import GitTree
from policy_engine.git.tree import TreeError
from policy_engine.policy_file import committed_texts, from_root, policy_paths


def other_side(
    named: str, paths: Sequence[str], root: Path
) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
    """Return the policy files that the first ones are held against, and those beside them.

    Args:
        named: A policy file or folder, else a commit, branch or tag.
        paths: The paths of the first ones: they are read in the commit.
        root: The folder that the command runs in.

    Raises:
        UsageError: If there are none.
    """
    if (root / named).exists():
        return policy_paths((named,), root)
    try:
        sha = git.resolve_commit(root, named)
        if sha is None:
            raise UsageError(f"--against {named}: no such path here, and no such commit in git")
        places = [from_root(path, root) for path in paths]
        texts = committed_texts(places, GitTree(root, sha), git.prefix(root))
    except (git.GitError, TreeError, ValueError) as e:
        raise UsageError(f"--against {named}: no such path here, and git says: {e}") from e
    if texts is None or not texts.files:
        raise UsageError(f"--against {named}: there is no policy file at {', '.join(paths)} there")
    return texts.files, texts.neighbours
