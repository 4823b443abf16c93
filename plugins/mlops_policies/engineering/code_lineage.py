"""Which code a model was trained on."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field

from mlops_policies.reading.git_tags import HELPER
from policy_engine.evidence import (
    COMMIT_TAGS,
    Case,
    Change,
    MissingEvidence,
    Needs,
    Run,
    commit_in,
)
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.quantities import first_few


class CodeLineage(Policy, name="code-lineage"):
    """The model was trained on the code that would be merged.

    A reviewer reads the head of the pull request. A model of another commit, however good, is not
    the model of that code, and nobody can train it again from what is merged.

    The run's commit is the tag `policy_engine.head_sha`, else the tag `mlflow.source.git.commit`.
    It passes if it is

    - the head of the change, or GitHub's own merge of that head into its base, which is what
      `actions/checkout` checks out on a pull request (`GITHUB_SHA`);
    - in mode `exact-or-untouched`, also an earlier commit of the change, if nothing that `paths`
      name differs between it and the head.

    Both tags are written by the training client: this shows consistency, not proof.

    Log it: with policy-engine installed where training runs, MLflow sets the first tag by itself.

    Source: "ML Test Score" (Breck et al. 2017), test Model 1, model specs are reviewed and
    submitted; GitHub's documentation of `GITHUB_SHA`.
    """

    needs = Needs.CHANGE

    mode: Literal["exact-or-untouched", "exact"] = Field(
        default="exact-or-untouched",
        description="exact: the head alone. exact-or-untouched: an earlier commit of the change "
        "will do if nothing in `paths` changed after it.",
    )
    paths: tuple[str, ...] = Field(
        default=(),
        strict=False,
        examples=[["training/**"]],
        description="Globs of the training code, from the repository's root; empty: every file.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        change = case.change
        commit, tag = _commit(case.candidate)
        head = change.head_sha
        if head is None:
            raise MissingEvidence(
                "nothing says which commit is the head of the change",
                "check in a clone of the repository, or name the commit with --commit",
            )
        if commit == head:
            message = f"the run was trained on {commit[:7]}, the head of the change"
            yield Finding(outcome=Outcome.PASS, message=message)
        elif commit == change.merge_sha:
            message = (
                f"the run was trained on {commit[:7]}, GitHub's merge of the head {head[:7]} "
                "into its base"
            )
            yield Finding(outcome=Outcome.PASS, message=message)
        else:
            yield self._earlier(change, commit, head, tag)

    def _earlier(self, change: Change, commit: str, head: str, tag: str) -> Finding:
        """Judge a run of a commit that is neither the head nor its merge."""
        said = f"the run was trained on {commit[:7]} (tag {tag}); the head of the change is "
        if self.mode == "exact":
            return _stale(f"{said}{head[:7]}", commit, head)
        later = change.later_paths.get(commit)
        if later is None:
            if change.pull_request is not None and change.paths is None:
                raise MissingEvidence(
                    f"{said}{head[:7]}, and this clone cannot tell what lies between them",
                    "check out the whole history (actions/checkout with fetch-depth: 0)",
                )
            apart = f"{said}{head[:7]}, and {commit[:7]} is no earlier commit of it"
            return _stale(apart, commit, head)
        touched = [path for path in later if self._concerns(path)]
        where = f" that {', '.join(self.paths)} name" if self.paths else ""
        if not touched:
            message = f"{said}{head[:7]}, and nothing{where} changed between them"
            short = f"nothing{where} changed between the run's commit {commit[:7]} and the head"
            return Finding(outcome=Outcome.PASS, message=short, detail=message)
        changed = f"{said}{head[:7]}, and {first_few(touched, 3)} changed between them"
        stale = _stale(changed, commit, head)
        if self.paths:
            return stale
        other = (
            f"or, if {first_few(touched, 3)} cannot change the model, write under code-lineage in "
            'the policy file what can, as `paths: ["training/**"]`'
        )
        return stale._replace(remedy=f"{stale.remedy}; {other}")

    def _concerns(self, path: str) -> bool:
        return not self.paths or any(matches_glob(path, glob) for glob in self.paths)


def matches_glob(path: str, glob: str) -> bool:
    """Say whether a path lies at or beneath what a glob names, as `candidate.paths` reads it.

    `**` spans folders; a glob that names a folder covers all of it.
    """
    return _matches(PurePosixPath(path).parts, PurePosixPath(glob.lstrip("/")).parts)


def _matches(parts: Sequence[str], globs: Sequence[str]) -> bool:
    if not globs:
        return True
    if globs[0] == "**":
        return any(_matches(parts[i:], globs[1:]) for i in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], globs[0]) and _matches(parts[1:], globs[1:])


def _commit(run: Run) -> tuple[str, str]:
    """Return the commit that a run says it was trained on, and the tag that says it."""
    found = commit_in(run.tags)
    if found is None:
        remedy = HELPER.format(COMMIT_TAGS[0])
        raise MissingEvidence("the run has no commit tag: was it trained outside git?", remedy)
    return found


def _stale(detail: str, commit: str, head: str) -> Finding:
    short = f"the run was trained on {commit[:7]}, not on the head of the change, {head[:7]}"
    remedy = f"train again on the head of the change, {head[:7]}"
    return Finding(outcome=Outcome.FAIL, message=short, detail=detail, remedy=remedy)
