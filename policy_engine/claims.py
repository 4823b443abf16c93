"""Evidence that a job wrote which ran a fork's code: hostile data as a whole."""

from policy_engine.change import Job, situation
from policy_engine.records import EvidenceRecord

CLAIM_CAP = 64 * 1024 * 1024
"""The largest evidence file that is read of such a job (bytes)."""


def of_this_change(evidence: EvidenceRecord, job: Job) -> EvidenceRecord:
    """Return the evidence with nothing of the change that it says itself.

    Pull request, author, labels, commits and paths are those that GitHub and git tell. Evidence of
    another commit than the one that the first workflow ran on cannot be judged.

    Args:
        evidence: What the first workflow left.
        job: The job of the workflow that follows it.
    """
    if evidence.unreadable is not None:
        return evidence
    head = job.event.head_sha if job.event else None
    said = evidence.change.head_sha if evidence.change else None
    if head is None or said != head:
        return _of_another(evidence, said, head)
    change = situation(job, None, search=not evidence.named, ancestors=False).change
    proposal = evidence.for_proposal
    if proposal is not None:
        proposal = proposal.model_copy(update={"change": change, "for_proposal": None})
    return evidence.model_copy(update={"change": change, "for_proposal": proposal})


def _of_another(evidence: EvidenceRecord, said: str | None, head: str | None) -> EvidenceRecord:
    which = f"commit {said[:12]}" if said else "no commit"
    why = (
        f"the evidence is of {which}, and the workflow run that it comes from of "
        f"{(head or 'no commit')[:12]}: collect it in that workflow, without --commit"
    )
    return EvidenceRecord(needs=evidence.needs, unreadable=why)
