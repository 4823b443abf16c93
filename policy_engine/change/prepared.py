"""Policies as they judge a change: loaded by trust, with what is proposed beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from policy_engine.change.proposal import ProposalDraft, draft_of, unjudged
from policy_engine.change.situation import Job
from policy_engine.change.trusted import Judges, Origin, Proposed, judges_of
from policy_engine.errors import UsageError
from policy_engine.loading import Loaded, load, load_texts
from policy_engine.policy_file import PolicySet
from policy_engine.policy_file.profiles import NO_DEMANDS, Demands
from policy_engine.report import PolicySource
from policy_engine.source.problems import PolicyFileError


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared(Loaded):
    """Valid policies, and whose they are.

    Attributes:
        job: What asks for the verdict.
        source: Which policies of a proposal's judge; None outside a pull request: the work
            tree's, and git says whose these are.
        draft: The policies that the pull request proposes; None where it changes none.
    """

    job: Job
    source: PolicySource | None = None
    draft: ProposalDraft | None = None

    @classmethod
    def of(
        cls,
        loaded: Loaded,
        job: Job,
        source: PolicySource | None = None,
        draft: ProposalDraft | None = None,
    ) -> Self:
        """Return loaded policies as they judge what this job asks about."""
        facts = {field.name: getattr(loaded, field.name) for field in fields(loaded)}
        return cls(**facts, job=job, source=source, draft=draft)

    @property
    def proposed(self) -> PolicySet | None:
        """The policies that the pull request proposes, where they could judge."""
        return self.draft.policies if self.draft else None


def prepare(
    given: Sequence[str],
    root: Path,
    environ: Mapping[str, str],
    demands: Demands = NO_DEMANDS,
    trusted_ref: str | None = None,
) -> Prepared:
    """Return the policies that judge: in a pull request, those of the branch that it goes to.

    Args:
        given: Policy files and folders, from `root`.
        root: The folder that the command runs in.
        environ: The environment variables.
        demands: What is asked of every policy file.
        trusted_ref: The commit whose policies judge, outside GitHub Actions; None: where the
            variables of the CI system say that the change is to be merged.

    Raises:
        UsageError: As `load`; or if the default branch's policies are wrong.
        PolicyFileError: If a policy file of the work tree, or of a proposal that judges, is wrong.
        PluginError: If a plugin cannot be loaded.
        PoliciesUnreadable: If the policies that are to judge cannot be read.
        EventError, GitHubError: As `Job`.
    """
    job = Job(root, environ, trusted_ref)
    if not job.is_proposal:
        return Prepared.of(load(given, root, demands), job)
    judges = judges_of(Origin(job, given))
    loaded = _load(judges, demands)
    source = PolicySource(loaded.policies.digest, ref=judges.ref, trusted=judges.trusted)
    draft = None if judges.proposed is None else _draft(judges.proposed, loaded, demands)
    return Prepared.of(loaded, job, source, draft)


def _load(judges: Judges, demands: Demands) -> Loaded:
    try:
        return load_texts(judges.texts.files, judges.texts.neighbours, demands)
    except PolicyFileError as e:
        if not judges.trusted:
            raise
        raise UsageError(
            f"the policies of {judges.ref} judge this pull request, and they are wrong:\n{e}"
        ) from e


def _draft(proposed: Proposed, trusted: Loaded, demands: Demands) -> ProposalDraft:
    if proposed.texts is None or proposed.problem is not None:
        return unjudged(proposed.problem or "", trusted, proposed.texts)
    return draft_of(proposed.texts, trusted, demands)
