"""Which runs a policy file judges, and whether a change needs it one."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from policy_engine.evidence.commit import commit_in
from policy_engine.evidence.record import (
    CandidateRecord,
    ChangeRecord,
    Invalid,
    ModelRecord,
    RunRecord,
    Unreadable,
)
from policy_engine.policy_file import PolicyFile


def needs_run(file: PolicyFile, change: ChangeRecord | None) -> bool:
    """Say whether a change needs this policy file a run.

    It needs none when git can tell what it touches, and that is nothing of `candidate.paths`; or,
    where the file names no paths, nothing but YAML and text of the policy file's own folder.
    """
    if change is None or change.paths is None:
        return True
    if file.candidate.paths:
        return _touches(change.paths, file.candidate.paths)
    return not all(_is_policy(path, file) for path in change.paths)


def _is_policy(path: str, file: PolicyFile) -> bool:
    """Say whether a path is a policy file or a policy test: beside training code nothing else."""
    if path == file.path:
        return True
    folder, other = PurePosixPath(file.path).parent, PurePosixPath(path)
    if folder == PurePosixPath() or other.suffix not in {".yaml", ".yml", ".md"}:
        return False
    return folder in other.parents


def is_current(file: PolicyFile, commit: str, change: ChangeRecord) -> bool:
    """Say whether a run of this commit stands for the head of the change, as the file sees it."""
    if commit in {change.head_sha, change.merge_sha}:
        return True
    later = change.later_paths.get(commit)
    return (
        later is not None
        and bool(file.candidate.paths)
        and not _touches(later, file.candidate.paths)
    )


def commit_of(run: RunRecord) -> str | None:
    """Return the commit that a run says it was trained on."""
    found = commit_in(run.tags)
    return found[0] if found else None


def is_for(file: PolicyFile, candidate: CandidateRecord, change: ChangeRecord | None) -> bool:
    """Say whether a policy file judges a candidate: logged name, scope and commit fit."""
    if candidate.model_name != file.candidate.model_name or not applies(file, candidate.run):
        return False
    if change is None:  # a flag named it, for every policy file
        return True
    if candidate.policy_files is not None and file.path not in candidate.policy_files:
        return False
    commit = commit_of(candidate.run)
    return commit is not None and is_current(file, commit, change)


def uncollected_model(file: PolicyFile, candidates: Sequence[CandidateRecord]) -> str | None:
    """Say which run the file would judge by a logged model that nobody collected; None: none.

    Such evidence is of other policies, or somebody wrote into it for whom it is.
    """
    if file.candidate.model_name is None or any(
        c.model_name == file.candidate.model_name for c in candidates
    ):
        return None
    for run in (candidate.run for candidate in candidates):
        is_another = (
            isinstance(run.model, ModelRecord) and run.model.name != file.candidate.model_name
        )
        if not is_another and applies(file, run):
            return (
                f"run {run.run_id}: the evidence was collected without its logged model "
                f"'{file.candidate.model_name}', which the policy file names: collect it again"
            )
    return None


def unknown_model(file: PolicyFile, run: RunRecord) -> str | None:
    """Say why nobody can tell whether the file is for the run's model; None where it is."""
    if file.applies_to is None or file.applies_to.model is None:
        return None
    if not isinstance(run.model, Invalid | Unreadable):
        return None
    why = run.model.invalid if isinstance(run.model, Invalid) else run.model.unreadable
    return f"run {run.run_id}: its model is not known, so nobody can tell whether it applies: {why}"


def applies(file: PolicyFile, run: RunRecord) -> bool:
    """Say whether a file is for a run; what the run does not let be read excludes nothing."""
    rule = file.applies_to
    if rule is None:
        return True
    if rule.model is not None and not isinstance(run.model, Invalid | Unreadable):
        names = {run.model.name, *(v.name for v in run.model.versions)} if run.model else set()
        if not any(fnmatchcase(name, rule.model) for name in names):
            return False
    if rule.experiment is not None and not fnmatchcase(run.experiment or "", rule.experiment):
        return False
    return all(
        isinstance(value := run.tags.get(key), Invalid)
        or (value is not None and fnmatchcase(value, glob))
        for key, glob in rule.tags.items()
    )


def _touches(paths: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    return any(matches(path, glob) for path in paths for glob in globs)


def matches(path: str, glob: str) -> bool:
    """Say whether a repository path lies at or beneath what a glob names; `**` spans folders.

    A glob that names a folder covers all of it: `training` must not silently match nothing.
    """
    return _matches(PurePosixPath(path).parts, PurePosixPath(glob.lstrip("/")).parts)


def _matches(parts: tuple[str, ...], globs: tuple[str, ...]) -> bool:
    if not globs:
        return True
    if globs[0] == "**":
        return any(_matches(parts[i:], globs[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _matches(parts[1:], globs[1:])
