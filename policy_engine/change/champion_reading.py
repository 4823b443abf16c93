"""Reads the champions of edited policy files out of MLflow, each as a candidate that is named."""

from collections.abc import Sequence
from dataclasses import replace

from policy_engine.change.champion import Wanted
from policy_engine.evidence.record import ChampionRecord, EvidenceRecord
from policy_engine.tracking.baselines import Resolver
from policy_engine.tracking.candidates import Named
from policy_engine.tracking.collect import Request, collect_evidence
from policy_engine.tracking.reads import Reads


def collect_champions(
    wanted: Sequence[Wanted], reads: Reads, request: Request, resolve: Resolver
) -> tuple[ChampionRecord, ...]:
    """Return what the edited files need to know of their champions.

    Args:
        wanted: The champions.
        reads: Where they are read.
        request: As it was for the policies that judge.
        resolve: What plugins make of baseline rules that are not built in.
    """
    return tuple(_record(each, _evidence(each, reads, request, resolve)) for each in wanted)


def unread_champions(wanted: Sequence[Wanted], why: str) -> tuple[ChampionRecord, ...]:
    """Return the champions that nobody could read, and why."""
    unread = EvidenceRecord(unreadable=f"the champion cannot be read: {why}")
    return tuple(_record(w, unread if w.named.absent is None else _absent(w)) for w in wanted)


def _evidence(wanted: Wanted, reads: Reads, request: Request, resolve: Resolver) -> EvidenceRecord:
    if wanted.named.absent is not None:
        return _absent(wanted)
    runs, models = ((name,) if name else () for name in (wanted.named.run, wanted.named.model))
    # It is no run of the change: nothing of that is asked of it.
    mine = replace(request, named=Named(runs, models), baseline=None, change=None, ancestors=())
    return collect_evidence(reads, wanted.policies, mine, resolve)


def _absent(wanted: Wanted) -> EvidenceRecord:
    return EvidenceRecord(absent=wanted.named.absent)


def _record(wanted: Wanted, evidence: EvidenceRecord) -> ChampionRecord:
    return ChampionRecord(
        policy_files=wanted.policy_files, rule=wanted.named.rule, evidence=evidence
    )
