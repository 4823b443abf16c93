"""Which of a change's runs stand for it: for each policy file, one of each model.

A commit may train several models, and each of them several times. A run is left out where a newer
run of the same model is judged, where its model is that of another one (it evaluated it, or it is
the search around it), or where it has no model and another one has: the last are told by name, for
nobody can see what they were for.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from policy_engine.evidence.record import ChangeRecord, ModelRecord, RunRecord
from policy_engine.evidence.record import Unreadable as UnreadableRecord
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_file.scope import applies, is_current
from policy_engine.tracking.meant import meant_by
from policy_engine.tracking.models import models_of
from policy_engine.tracking.query import CANDIDATE_TAG
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.store import Json
from policy_engine.tracking.translate import run_record, tagged_commit, tags_of


@dataclass(slots=True)
class Chosen:
    """A run, the policy files that it was chosen for, and how many tries of its model are older."""

    run: Json
    policy_files: list[str] = field(default_factory=list)
    others: int = 0


@dataclass(slots=True)
class PassedOver:
    """A run without a model that stands beside runs with one, and the files that passed it over."""

    run: Json
    policy_files: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Choice:
    """The runs that are judged, and those without a model that are not, by their ids."""

    chosen: dict[str, Chosen] = field(default_factory=dict)
    passed_over: dict[str, PassedOver] = field(default_factory=dict)

    def take(self, group: "Sequence[_Known]", file: PolicyFile) -> None:
        """Choose, for a file, one of the tries of a model."""
        run = _first(group)
        kept = self.chosen.setdefault(run["info"]["run_id"], Chosen(run))
        kept.policy_files.append(file.path)
        kept.others = max(kept.others, len(group) - 1)

    def leave(self, run: Json, file: PolicyFile) -> None:
        """Remember a run that a file passed over."""
        kept = self.passed_over.setdefault(run["info"]["run_id"], PassedOver(run))
        kept.policy_files.append(file.path)


@dataclass(frozen=True, slots=True)
class _Known:
    """A run with its READY models, as far as they were asked for: a search's are its child's."""

    run: Json
    facts: RunRecord
    models: tuple[ModelRecord | UnreadableRecord, ...]

    @property
    def logged(self) -> tuple[str, ...]:
        return tuple(sorted({m.name for m in self.models if isinstance(m, ModelRecord)}))

    @property
    def registered(self) -> frozenset[str]:
        records = [m for m in self.models if isinstance(m, ModelRecord)]
        return frozenset(version.name for m in records for version in m.versions)

    @property
    def is_tagged(self) -> bool:
        return tags_of(self.run).get(CANDIDATE_TAG) == "true"

    def fits(self, file: PolicyFile) -> bool:
        """Say whether the file is for the run, by any of its models that the file may mean."""
        records = [m for m in self.models if isinstance(m, ModelRecord)]
        named = [m for m in records if m.name == file.candidate.model_name] or records
        seen: Sequence[ModelRecord | UnreadableRecord | None] = named or self.models or (None,)
        return any(applies(file, self.facts.model_copy(update={"model": each})) for each in seen)


def choose(
    reads: Reads, runs: Sequence[Json], change: ChangeRecord, files: Sequence[PolicyFile]
) -> Choice:
    """Return each run that some policy file chooses, in the order of the runs, and what is left.

    Args:
        reads: The reads of this check.
        runs: The FINISHED runs of the change, newest first.
        change: The change; files with other `candidate.paths` may choose other runs.
        files: The policy files that need a run.

    Raises:
        Unreadable: If an experiment or a model cannot be read.
    """
    choice = Choice()
    for tries in _by_experiment(reads, runs):
        alone = sum(map(len, tries)) == 1  # whether a file is for it is seen when it is judged
        for file in files:
            fitting = [
                [k for k in group if _is_current(file, k, change) and (alone or k.fits(file))]
                for group in tries
            ]
            _choose(choice, [group for group in fitting if group], file)
    order = {run["info"]["run_id"]: place for place, run in enumerate(runs)}
    by_place = sorted(choice.chosen.items(), key=lambda item: order[item[0]])
    return Choice(dict(by_place), choice.passed_over)


def _choose(choice: Choice, groups: Sequence[Sequence[_Known]], file: PolicyFile) -> None:
    """Choose one of each model; a run without one if nothing has a model, or a tag asks for it."""
    modelled = any(group[0].models for group in groups)
    for group in groups:
        judged = group if group[0].models or not modelled else [k for k in group if k.is_tagged]
        if judged:
            choice.take(judged, file)
        for known in group:
            if known not in judged:
                choice.leave(known.run, file)


def _is_current(file: PolicyFile, known: _Known, change: ChangeRecord) -> bool:
    return is_current(file, tagged_commit(known.run) or "", change)


def _first(group: Sequence[_Known]) -> Json:
    tagged = [known for known in group if known.is_tagged]
    return (tagged or group)[0].run


def _by_experiment(reads: Reads, runs: Sequence[Json]) -> list[list[list[_Known]]]:
    """Return, of each experiment, the runs by model: the tries of one model, newest first."""
    by_experiment: dict[str, list[Json]] = {}
    for run in runs:
        by_experiment.setdefault(run["info"]["experiment_id"], []).append(run)
    found = []
    ids = {run["info"]["run_id"] for run in runs}
    for experiment_id, members in by_experiment.items():
        experiment = reads.get(reads.store.experiment, experiment_id)
        facts = [run_record(run, experiment) for run in members]
        if len(members) == 1:  # nothing to tell it apart from: its models are not asked for
            found.append([[_Known(members[0], facts[0], ())]])
            continue
        asked = [reads.spawn(_models, reads, run, ids) for run in members]
        models = map(reads.wait, asked)
        known = [
            _Known(run, fact, its_own)
            for run, fact, its_own in zip(members, facts, models, strict=True)
            if its_own is not None
        ]
        found.append(_by_model(known))
    return found


def _models(
    reads: Reads, run: Json, ids: Collection[str]
) -> tuple[ModelRecord | UnreadableRecord, ...] | None:
    """Return the models of a run, or of its search's child; None if another run of `ids` has it.

    One that is tagged as candidate stands for the model of the other, which it names so.
    """
    found = reading(models_of, reads, run)
    if isinstance(found, UnreadableRecord) or found:
        return (found,) if isinstance(found, UnreadableRecord) else tuple(found)
    meant = reading(meant_by, reads, run)
    if meant is None or isinstance(meant, UnreadableRecord):
        return (meant,) if meant else ()
    if meant.unknown is not None:
        return (UnreadableRecord(unreadable=meant.unknown),)
    made = meant.run["info"]["run_id"]
    if made == run["info"]["run_id"]:
        return ()
    if made in ids:
        return () if tags_of(run).get(CANDIDATE_TAG) == "true" else None
    # What it evaluated is a model of another change; what its child made is its own.
    return () if meant.model_id is not None else _models(reads, meant.run, ids)


def _by_model(runs: Iterable[_Known]) -> list[list[_Known]]:
    """Return the runs by the model that they are tries of.

    Runs of one logged name are tries of one model, unless they were registered under different
    names: then they are different models, and what is not registered may be any of them.
    """
    by_name: dict[tuple[bool, tuple[str, ...]], list[_Known]] = {}
    for known in runs:
        by_name.setdefault((bool(known.models), known.logged), []).append(known)
    groups: list[list[_Known]] = []
    for members in by_name.values():
        names = {known.registered for known in members if known.registered}
        if len(names) < 2:  # noqa: PLR2004 -- one model, however often it was tried
            groups.append(members)
            continue
        by_registered: dict[frozenset[str], list[_Known]] = {}
        for known in members:
            by_registered.setdefault(known.registered, []).append(known)
        groups += by_registered.values()
    return groups
