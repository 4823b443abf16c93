"""Whether the model was trained on committed code."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from mlops_policies.reading.git_tags import DIFF_TAG, DIRTY_TAGS, HELPER
from policy_engine.evidence import (
    Case,
    InvalidEvidence,
    MissingEvidence,
    Run,
)
from policy_engine.policy import Finding, Outcome, Policy


class CleanTree(Policy, name="clean-tree"):
    """The model was trained on committed code: no tracked file differed from the commit.

    A commit is not lineage if the work tree held changes that no commit has.

    The tag `policy_engine.dirty`, else the tag `mlflow.source.git.dirty`, must be `false`; if one
    of them is `true`, or MLflow's tag `mlflow.source.git.diff` holds a diff, it fails. Untracked
    files are ignored, since a training run leaves its own beside the code; neither tag counts them.

    Log it: with policy-engine installed where training runs, MLflow sets the first tag by itself.
    MLflow's own tags exist only after `mlflow.genai.enable_git_model_versioning()`.

    Source: MLflow's `GitInfo.to_mlflow_tags`, read in 3.17.2; mlflow#1912, #7017.
    """

    untracked: Literal["ignore"] = Field(
        default="ignore", description="What untracked files mean: nothing (no tag counts them)."
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        run = case.candidate
        said = {tag: _is_dirty(run, tag) for tag in DIRTY_TAGS if _has(run, tag)}
        dirty = next((f"tag {tag} is true" for tag, is_dirty in said.items() if is_dirty), None)
        if dirty is None and _has_diff(run):
            dirty = f"tag {DIFF_TAG} holds a diff"
        if dirty is not None:
            yield Finding(
                outcome=Outcome.FAIL,
                message=f"tracked files differed from the commit when training began: {dirty}",
                remedy="commit the changes, then train again",
            )
            return
        if not said:
            raise MissingEvidence(
                "the run's tags do not say whether its work tree was clean: MLflow records no such "
                "tag by itself",
                HELPER.format(DIRTY_TAGS[0]),
            )
        message = f"no tracked file differed from the commit: tag {next(iter(said))} is false"
        yield Finding(outcome=Outcome.PASS, message=message)


def _has(run: Run, tag: str) -> bool:
    try:
        return bool(run.tag(tag))
    except MissingEvidence:
        return False
    except InvalidEvidence:  # too long for MLflow: something is there
        return True


def _is_dirty(run: Run, tag: str) -> bool:
    value = run.tag(tag).strip().lower()
    if value not in {"true", "false"}:
        raise InvalidEvidence(f"tag {tag} is neither true nor false", HELPER.format(DIRTY_TAGS[0]))
    return value == "true"


def _has_diff(run: Run) -> bool:
    return _has(run, DIFF_TAG) and bool(run.tags.get(DIFF_TAG, "a cut-off diff").strip())
