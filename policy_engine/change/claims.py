"""Saved evidence, as a job on a pull request may judge it.

What a job wrote which ran a fork's code is hostile data as a whole.
"""

from policy_engine.change.situation import Job, situation
from policy_engine.evidence.record import ChangeRecord, EvidenceRecord

CLAIM_CAP = 64 * 1024 * 1024
"""The largest evidence file that is read of such a job (bytes)."""


def of_this_commit(evidence: EvidenceRecord, job: Job) -> EvidenceRecord:
    """Return the evidence, if it is of the commit that the job is about.

    What was saved for an earlier commit of a pull request says nothing of what came after it.
    Runs that a flag named outside of any pull request are judged in one, too.
    """
    event, change = job.proposal, evidence.change
    if event is None or evidence.unreadable is not None:
        return evidence
    said = change.head_sha if change else None
    is_of_none = said is None or change is None or change.pull_request is None
    if said in {event.head_sha, event.merge_sha} - {None} or (evidence.named and is_of_none):
        return evidence
    here = f"this job about {(event.head_sha or 'none')[:12]}"
    return _of_another(evidence, said, f"{here}: collect it again")


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
        first = f"the workflow run that it comes from of {(head or 'no commit')[:12]}"
        remedy = "collect it in that workflow, without --commit"
        return _of_another(evidence, said, f"{first}: {remedy}")
    change = situation(job, None, search=not evidence.named, ancestors=False).change
    proposal = evidence.for_proposal
    if proposal is not None:
        proposal = _alone(proposal, change)
    champions = evidence.champions and tuple(
        each.model_copy(update={"evidence": _alone(each.evidence, None)})
        for each in evidence.champions
    )
    facts = {"change": change, "for_proposal": proposal, "champions": champions}
    return evidence.model_copy(update=facts)


def _alone(evidence: EvidenceRecord, change: ChangeRecord | None) -> EvidenceRecord:
    """Return what lies beside the evidence that judges, with nothing beside itself."""
    facts = {"change": change, "for_proposal": None, "champions": None}
    return evidence.model_copy(update=facts)


def _of_another(evidence: EvidenceRecord, said: str | None, due: str) -> EvidenceRecord:
    which = f"commit {said[:12]}" if said else "no commit"
    return EvidenceRecord(needs=evidence.needs, unreadable=f"the evidence is of {which}, and {due}")
