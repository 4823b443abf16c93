"""What the policies that a pull request proposes would decide; they decide nothing yet.

They are the author's: whatever is wrong with them is said, and changes no verdict.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from policy_engine.errors import PolicyEngineError
from policy_engine.evidence.record import EvidenceRecord
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.loading import Loaded, load_texts
from policy_engine.policy_file import PolicySet, Texts, named_plugins
from policy_engine.policy_file.edits import NO_EDITS, Edited, Policies, edited
from policy_engine.policy_file.profiles import NO_DEMANDS, Demands
from policy_engine.quantities.words import plural
from policy_engine.report import Changed, Judged, PolicySource, Proposal, Report

_LONGEST_PROBLEM = 4000  # characters; a proposal may hold any number of mistakes


@dataclass(frozen=True, slots=True)
class ProposalDraft:
    """Proposed policies that could judge; None, and `problem` says why they could not.

    Attributes:
        policies: They.
        problem: Why they could not judge.
        edited: What the proposal edits in the policies that judge.
    """

    policies: PolicySet | None
    problem: str | None = None
    edited: Edited = NO_EDITS


def draft_of(texts: Texts, trusted: Loaded, demands: Demands = NO_DEMANDS) -> ProposalDraft:
    """Return the proposed policies, with the plugins that trusted ones had loaded already.

    Args:
        texts: The proposed policy files.
        trusted: The policies that judge.
        demands: What is asked of every policy file.
    """
    try:
        named = named_plugins(texts.files, texts.neighbours)
        new = [name for name in named if not trusted.plugins.has(name)]
        if new:
            return unjudged(_not_loaded(new), trusted, texts)
        proposed = load_texts(texts.files, texts.neighbours, demands)
        return ProposalDraft(
            proposed.policies, None, edited(_compared(trusted), _compared(proposed))
        )
    except (Exception, SystemExit) as e:  # noqa: BLE001 (a proposal stops nobody)
        return unjudged(_said(e), trusted, texts)


def unjudged(problem: str, trusted: Loaded, texts: Texts | None) -> ProposalDraft:
    """Return a proposal that could not judge: of its edits, the files that it deletes are known.

    Args:
        problem: Why it could not.
        trusted: The policies that judge.
        texts: The proposed policy files; None where they cannot be read.
    """
    if texts is None:
        return ProposalDraft(None, problem)
    old = _compared(trusted)
    gone = tuple(side for side in old.files if side.file.path not in texts.files)
    return ProposalDraft(None, problem, edited(Policies(gone), Policies()))


def _compared(loaded: Loaded) -> Policies:
    return Policies.of(loaded.policies, loaded.drafts)


def proposal_of(
    draft: ProposalDraft, evidence: EvidenceRecord, report: Report, context: Context
) -> Proposal:
    """Return what the proposed policies would change in a report.

    Args:
        draft: The proposed policies.
        evidence: What the trusted ones judged; what only the proposal needed lies beside it.
        report: What the trusted ones decided.
        context: As it was for them.
    """
    if draft.policies is None:
        return _problem(draft.problem or "", None, draft.edited)
    digest = draft.policies.digest
    # Once merged, they would be the default branch's own.
    merged = replace(context, source=PolicySource(digest, context.source.ref, trusted=True))
    try:
        proposed = evaluate(draft.policies, evidence.for_proposal or evidence, merged)
    except (Exception, SystemExit) as e:  # noqa: BLE001 (a proposal stops nobody)
        return _problem(_said(e), digest, draft.edited)
    pairs = _paired(_findings(report), _findings(proposed))
    changed = (_changed(old, new) for old, new in pairs)
    return Proposal(
        digest=digest,
        verdict=proposed.verdict,
        problem=None,
        findings=len(pairs),
        changed=tuple(each for each in changed if each is not None),
        edits=draft.edited.edits,
        more_edits=draft.edited.more,
    )


class _Place(NamedTuple):
    """Where a finding stands: what is left of it without the file tells one that was renamed."""

    policy_file: str
    run_id: str
    model_id: str | None
    id: str
    part: str | None


def _findings(report: Report) -> dict[_Place, Judged]:
    return {
        _Place(subject.policy_file, run.run_id, run.model_id, each.id, each.part): each
        for subject in report.subjects
        if (run := subject.candidate) is not None
        for each in subject.findings
    }


_Placed = tuple[_Place, Judged] | None


def _paired(old: dict[_Place, Judged], new: dict[_Place, Judged]) -> list[tuple[_Placed, _Placed]]:
    """Return each finding with what it would be: by its place, else in another file."""
    moved: dict[tuple[object, ...], list[_Place]] = {}
    for place in new:
        if place not in old:
            moved.setdefault(place[1:], []).append(place)
    pairs: list[tuple[_Placed, _Placed]] = []
    left = dict(new)
    for place, judged in old.items():
        found = place if place in new else next(iter(moved.get(place[1:], ())), None)
        if found is not None and found is not place:
            moved[place[1:]].remove(found)
        pairs.append(((place, judged), None if found is None else (found, left.pop(found))))
    return [*pairs, *((None, each) for each in left.items())]


def _changed(old: _Placed, new: _Placed) -> Changed | None:
    """Return how a finding would change; None if neither outcome nor effect would."""
    before = (old[1].outcome, old[1].effect) if old else (None, None)
    after = (new[1].outcome, new[1].effect) if new else (None, None)
    one = old or new
    if before == after or one is None:
        return None
    place = one[0]
    return Changed(
        policy_file=place.policy_file,
        run_id=place.run_id,
        id=place.id,
        part=place.part,
        outcome=before[0],
        effect=before[1],
        proposed_outcome=after[0],
        proposed_effect=after[1],
    )


def _problem(problem: str, digest: str | None, edited: Edited) -> Proposal:
    return Proposal(
        digest=digest,
        verdict=None,
        problem=problem,
        findings=0,
        changed=(),
        edits=edited.edits,
        more_edits=edited.more,
    )


def _not_loaded(names: list[str]) -> str:
    which = ", ".join(f"'{name}'" for name in names)
    return (
        f"only the proposal names the {plural('plugin', len(names))} {which} under `plugins:`; "
        "a plugin is not loaded before the default branch names it"
    )


def _said(error: BaseException) -> str:
    text = str(error)
    if not isinstance(error, PolicyEngineError):
        text = f"it breaks the engine down: {type(error).__name__}: {text}"
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[:_LONGEST_PROBLEM]}…"
