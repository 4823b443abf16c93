"""Every registered model's aliased versions, judged today."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial

from policy_engine.change.champion import alone, left_out
from policy_engine.history.tally import MOST_NAMED
from policy_engine.history.together import Held, ReadsTogether
from policy_engine.http.deadline import Deadline
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy_file import PolicySet
from policy_engine.policy_file.waiver import Waiver
from policy_engine.report import EXIT_CODES, Effect, ExitCode, Report, Subject, Verdict
from policy_engine.tracking.baselines import Resolver
from policy_engine.tracking.candidates import Named
from policy_engine.tracking.collect import Request, collect_evidence
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import Json, NotFound, ReadFailed, Store
from policy_engine.tracking.uris import run_of_uri
from policy_engine.tracking.versions import run_of_version

AT_ONCE = 5
"""Models whose evidence is read and judged together: each may bring 400 runs beside it."""
TOGETHER = 200
"""Models whose runs are looked up before any is judged, so that those of an experiment are judged
one after the other: some 15 MB."""
UNCLAIMED = "no policy file applies to it"
_ORDER = list(Verdict)


@dataclass(frozen=True, slots=True)
class Aliased:
    """A version of a registered model that an alias points to."""

    model: str
    alias: str
    version: str

    @property
    def uri(self) -> str:
        """MLflow's address of it."""
        return f"models:/{self.model}@{self.alias}"


@dataclass(frozen=True, slots=True)
class Audited:
    """What an aliased version comes to.

    Attributes:
        of: Which it is.
        run_id: The run that logged it; None where none is known.
        verdict: The worst of all policy files.
        reason: Why it was not judged; None where it was.
        policy_files: Those that judged it.
        blocks: The ids that block.
        warns: The ids that warn.
        waived: The ids that a waiver lets pass, each with the waiver's last day.
    """

    of: Aliased
    run_id: str | None
    verdict: Verdict
    reason: str | None = None
    policy_files: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    warns: tuple[str, ...] = ()
    waived: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What all of them come to.

    Attributes:
        rows: The versions, the worst first.
        models: How many registered models were looked at.
        without: Those that have none of the aliases.
        waivers: All waivers, those that expire first before others.
        left_out: Bindings that were not asked: they compare, or read the change.
    """

    rows: tuple[Audited, ...]
    models: int
    without: tuple[str, ...]
    waivers: tuple[Waiver, ...]
    left_out: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all, as in a check of all of them at once."""
        return self.rows[0].verdict if self.rows else Verdict.NOT_EVALUATED

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of that verdict."""
        return EXIT_CODES[self.verdict]

    @property
    def unclaimed(self) -> tuple[Audited, ...]:
        """The versions that no policy file is for."""
        return tuple(row for row in self.rows if row.reason == UNCLAIMED)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to audit.

    Attributes:
        policies: The policies.
        model: A glob of registered names.
        alias: A glob of aliases.
        context: What a report says beside the judgement.
        resolve: What plugins make of baseline rules that are not built in.
    """

    policies: PolicySet
    model: str
    alias: str
    context: Context
    resolve: Resolver


def audit(
    store: Store, deadline: Deadline, asked: Asked, tell: Callable[[int, int], None]
) -> Audit:
    """Judge the aliased versions of registered models as they are today.

    A version is compared with none, and is of no change: what needs a baseline or a pull request is
    left out, by name.

    Args:
        store: Where they are.
        deadline: When to give up.
        asked: Which of them, by which policies.
        tell: Is told how many of how many are judged.

    Raises:
        ReadFailed: If the registered models cannot be listed.
        UsageError: If two policy files bind one id for a model.
    """
    listed = [m for m in store.registered_models() if fnmatchcase(str(m["name"]), asked.model)]
    aliased = [each for model in listed for each in _aliased(model, asked.alias)]
    policies = replace(asked.policies, files=tuple(map(alone, asked.policies.files)))
    rows: list[Audited] = []
    for reads, some in _batches(store, deadline, policies, aliased):
        tell(len(rows), len(aliased))
        rows += _judged(reads, replace(asked, policies=policies), some)
    named = {each.model for each in aliased}
    without = [str(m["name"]) for m in listed if m["name"] not in named]
    out = {id_: None for file in asked.policies.files for id_ in left_out(file)}
    return Audit(
        rows=tuple(sorted(rows, key=_worst_first)),
        models=len(listed),
        without=tuple(without),
        waivers=tuple(sorted(asked.policies.waivers, key=lambda each: each.keys.expires)),
        left_out=tuple(out),
    )


def _aliased(model: Json, alias: str) -> Iterator[Aliased]:
    for each in model.get("aliases") or ():
        if fnmatchcase(str(each["alias"]), alias):
            yield Aliased(str(model["name"]), str(each["alias"]), str(each["version"]))


def _worst_first(row: Audited) -> tuple[int, int, str, str]:
    return _ORDER.index(row.verdict), -len(row.blocks), row.of.model, row.of.alias


def _batches(
    store: Store, deadline: Deadline, policies: PolicySet, aliased: Sequence[Aliased]
) -> Iterator[tuple[Callable[[], Reads], Sequence[Aliased]]]:
    """Yield versions of one experiment with what reads them: what they share is read once."""
    for block in _parts(aliased, TOGETHER):
        before = Reads(store, deadline)
        by_experiment: dict[str, list[Aliased]] = {}
        for some in _parts(block, AT_ONCE):
            for each, experiment_id in zip(some, _experiments(before, some), strict=True):
                by_experiment.setdefault(experiment_id, []).append(each)
        for experiment_id, mine in by_experiment.items():
            held = Held.read(
                store, experiment_id, policies.needs, len(mine) if experiment_id else 0
            )
            for some in _parts(mine, AT_ONCE):
                yield partial(ReadsTogether, store, deadline, before, held), some


def _parts(all_: Sequence[Aliased], size: int) -> Iterator[Sequence[Aliased]]:
    yield from (all_[start : start + size] for start in range(0, len(all_), size))


def _experiments(reads: Reads, some: Sequence[Aliased]) -> Iterator[str]:
    """Yield the experiment of each; empty where that cannot be told: its judgement says why."""
    tasks = [reads.spawn(run_of_uri, reads, each.uri) for each in some]
    for task in tasks:
        try:
            yield str(reads.wait(task)[0]["info"].get("experiment_id") or "")
        except (NotFound, ReadFailed):
            yield ""


def _judged(
    reading: Callable[[], Reads], asked: Asked, some: Sequence[Aliased]
) -> Iterator[Audited]:
    """Yield what some versions come to, whose evidence is read at once."""
    reads = reading()
    request = Request(
        named=Named(models=tuple(each.uri for each in some)),
        baseline=None,
        change=None,
        ancestors=(),
        at=asked.context.now,
    )
    evidence = collect_evidence(reads, asked.policies, request, asked.resolve)
    if evidence.unreadable is not None and len(some) > 1:
        # What cannot be read of one says nothing of the others.
        for each in some:
            yield from _judged(reading, asked, [each])
        return
    report = evaluate(asked.policies, evidence, asked.context)
    yield from map(partial(_row, reads, report, evidence.unreadable), some)


def _row(reads: Reads, report: Report, unreadable: str | None, of: Aliased) -> Audited:
    if unreadable is not None:
        return Audited(of, None, Verdict.ERROR, unreadable)
    try:
        # Asked for already, so that it is no request.
        version = reads.get(reads.store.version_by_alias, of.model, of.alias)
        run_id = str(run_of_version(reads, version)[0]["info"]["run_id"])
    except NotFound as e:
        return Audited(of, None, Verdict.NOT_EVALUATED, str(e))
    except ReadFailed as e:
        return Audited(of, None, Verdict.ERROR, str(e))
    mine = [s for s in report.subjects if s.candidate is not None and s.candidate.run_id == run_id]
    if not mine:
        reason = next((s.reason for s in report.subjects if run_id in (s.reason or "")), None)
        is_unclaimed = reason is None or reason.startswith("no policy file")
        verdict = Verdict.NOT_EVALUATED
        return Audited(of, run_id, verdict, UNCLAIMED if is_unclaimed else reason)
    return Audited(
        of=of,
        run_id=run_id,
        verdict=min((s.verdict for s in mine), key=_ORDER.index),
        policy_files=tuple(dict.fromkeys(s.policy_file for s in mine)),
        blocks=_ids(mine, Effect.BLOCK),
        warns=_ids(mine, Effect.WARN),
        waived=tuple(
            (finding.id, str((finding.waiver or {}).get("expires", "")))
            for subject in mine
            for finding in subject.findings
            if finding.effect is Effect.WAIVED
        ),
    )


def _ids(subjects: Sequence[Subject], effect: Effect) -> tuple[str, ...]:
    found = (f.id for subject in subjects for f in subject.findings if f.effect is effect)
    return tuple(dict.fromkeys(found))[:MOST_NAMED]
