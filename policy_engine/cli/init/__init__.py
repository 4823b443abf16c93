"""A first gate for a repository: proposed from what is there, and written beside it.

    from policy_engine.cli.init import look, propose, write

    proposal = propose(root, look(root, tracking_uri))
    write(proposal, root)

Nothing that exists is overwritten, and what is written is valid at once.
"""

import json
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from policy_engine.cli.init.concluding import conclusion
from policy_engine.cli.init.numbers import proposed_point
from policy_engine.cli.init.repository import candidate_paths
from policy_engine.cli.init.texts import ProposedFile, first_test, policy_file
from policy_engine.errors import UsageError
from policy_engine.git import work_tree as git
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.store import NoSuchStore, ReadFailed
from policy_engine.tracking.survey import CHAMPION, Survey, survey

__all__ = [
    "ProposedFile",
    "Seen",
    "WrittenFiles",
    "conclusion",
    "look",
    "propose",
    "slug",
    "write_proposal",
]

WORKFLOW = Path(".github/workflows/model-gate.yml")
_COMMITS = 200  # of the repository, newest first, whose runs are looked for


@dataclass(frozen=True, slots=True)
class Seen:
    """What is there already.

    Attributes:
        survey: What the tracking server knows.
        trouble: Why it could not be asked; None where it was.
        paths: Globs of what training seems to depend on.
    """

    survey: Survey
    trouble: str | None
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WrittenFiles:
    """What became of one file: written, or kept as it was and why."""

    path: str
    kept: str | None = None


def look(root: Path, uri: str | None, timeout_s: float = 30.0) -> Seen:
    """Return what the repository and the tracking server tell.

    Args:
        root: The repository's root.
        uri: The tracking URI; None: no server is asked.
        timeout_s: The wall-clock budget of all reads together (seconds).

    Raises:
        UsageError: If the URI names no store.
    """
    paths = candidate_paths(root)
    if not uri:
        return Seen(Survey(), "no tracking URI: give --tracking-uri, or set it", paths)
    try:
        return Seen(survey(uri, _commits(root), Deadline(timeout_s)), None, paths)
    except NoSuchStore as e:
        raise UsageError(str(e)) from e
    except ReadFailed as e:
        return Seen(Survey(), str(e), paths)


def propose(root: Path, seen: Seen) -> ProposedFile:
    """Return what the first policy file shall say, as far as can be told."""
    found = seen.survey
    names = (*found.registered, *(name for name in found.models if name != "model"))
    return ProposedFile(
        name=slug(names[0] if names else root.resolve().name),
        metric=found.metric,
        goal=found.goal,
        alias=_alias(found),
        paths=seen.paths,
        experiment=found.experiment,
        models=tuple(dict.fromkeys((*found.registered, *found.models))),
        model_name=found.model_name,
        point=proposed_point(found.metric, found.values),
        values=found.values,
        of_training=found.of_training,
    )


def _alias(found: Survey) -> str | None:
    """Return the rule of the version in use, as it has to stand.

    A candidate that its training registers is compared with the champion of its own name. Any other
    has no name to look under, so the rule says it.
    """
    if not found.registered:
        return None
    if found.registers:
        return CHAMPION
    return f"{found.champion or found.registered[0]}@{CHAMPION}"


def write_proposal(proposal: ProposedFile, root: Path) -> tuple[WrittenFiles, ...]:
    """Write policy file, test and workflow where none is yet, and say what became of each.

    Raises:
        UsageError: If a file cannot be written.
    """
    policies = f"policies/{proposal.name}.yaml"
    others = sorted(p.name for p in (root / "policies").glob("*.y*ml"))
    if others and f"{proposal.name}.yaml" not in others:
        # A second file that judges the same runs would bind the same ids twice.
        why = f"policies/ has {', '.join(others)} already"
        return (WrittenFiles(policies, why), _written(root, WORKFLOW, _workflow(root)))
    return (
        _written(root, Path(policies), policy_file(proposal)),
        _written(root, Path(f"policies/tests/{proposal.name}.yaml"), first_test(proposal)),
        _written(root, WORKFLOW, _workflow(root)),
    )


def _written(root: Path, path: Path, text: str) -> WrittenFiles:
    place = root / path
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8") as stream:  # never over another file
            stream.write(text)
    except FileExistsError:
        return WrittenFiles(path.as_posix(), "it exists already")
    except OSError as e:
        raise UsageError(f"{path.as_posix()} cannot be written: {e.strerror}") from e
    return WrittenFiles(path.as_posix())


def _workflow(root: Path) -> str:
    """Return the workflow for pull requests into the repository's own default branch."""
    text = (files(__package__) / "model-gate.yml.txt").read_text(encoding="utf-8")
    try:
        branch = git.default_branch(root)
    except git.GitError:
        branch = None
    name = (branch or "main").removeprefix("remotes/").removeprefix("origin/")
    return text if name == "main" else text.replace("[main]", f"[{json.dumps(name)}]", 1)


def _commits(root: Path) -> frozenset[str]:
    try:
        head = git.head(root)
        return frozenset(git.first_parents(root, head, _COMMITS)) if head else frozenset()
    except (git.GitError, ValueError):
        return frozenset()


def slug(name: str) -> str:
    """Return a name as a file can have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "model"
