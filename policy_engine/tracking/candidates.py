"""Which runs are judged: those that a flag names, else those of the commit under judgement."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from policy_engine.policy_file import PolicyFile
from policy_engine.records import ChangeRecord
from policy_engine.scope import COMMIT_TAGS, is_current
from policy_engine.tracking.models import models_of
from policy_engine.tracking.query import Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import Json, NotFound, shown
from policy_engine.tracking.translate import tags_of
from policy_engine.tracking.versions import run_of_version

CANDIDATE_TAG = "policy_engine.candidate"
MOST_RUNS = 200
"""Runs of one commit that are looked at, newest first."""

_MODEL_URI = re.compile(
    r"models:/(?:(?P<id>m-[0-9a-f]+)|(?P<name>[^/@]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/@]+)))/?\Z"
)


@dataclass(frozen=True, slots=True)
class Named:
    """Candidates that a flag names: run ids, or model URIs."""

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate run as MLflow tells it, the model if a flag fixed it, and what to say of it.

    `policy_files` are those that it was chosen for; None: all.
    """

    run: Json
    model_id: str | None = None
    notes: tuple[str, ...] = ()
    policy_files: tuple[str, ...] | None = None


@dataclass(slots=True)
class Search:
    """The candidates, and one sentence for each that is not there."""

    found: list[Found] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)


def named_candidates(reads: Reads, named: Named) -> Search:
    """Return the runs that the flags name; a deleted or unknown one is absent, by name.

    Raises:
        Unreadable: If one cannot be read.
    """
    search = Search()
    runs, models = dict.fromkeys(named.runs), dict.fromkeys(named.models)
    pending = [(run_id, reads.spawn(_run, reads, run_id)) for run_id in runs]
    pending += [(uri, reads.spawn(_run_of_model, reads, uri)) for uri in models]
    for name, task in pending:
        try:
            found = reads.wait(task)
        except NotFound as e:
            search.absent.append(str(e))
            continue
        if found.run["info"].get("lifecycle_stage") == "deleted":
            search.absent.append(f"{name}: the run was deleted")
        else:
            search.found.append(found)
    return search


def candidates_of(reads: Reads, change: ChangeRecord, files: Sequence[PolicyFile]) -> Search:
    """Return one run for each experiment and logged-model name of the change's commits.

    Runs tagged as candidate go first, then the newest FINISHED one that is nobody's child.

    Raises:
        Unreadable: If a search fails.
    """
    commits = _commits(change, files)
    runs = _runs_of(reads, commits)
    finished = [run for run in runs if run["info"].get("status") == "FINISHED"]
    unfinished = [run for run in runs if run["info"].get("status") != "FINISHED"]
    search = Search()
    for run, chosen_by, others in _chosen_runs(reads, finished, change, files):
        notes = [f"{others} other FINISHED run(s) of this change were not judged"] if others else []
        notes += [f"not finished: {_label(each)}" for each in unfinished]
        search.found.append(Found(run, notes=tuple(notes), policy_files=chosen_by))
    if not search.found:
        names = ", ".join(commit[:12] for commit in commits) or "no commit"
        waiting = "; not finished: " + ", ".join(map(_label, unfinished)) if unfinished else ""
        search.absent.append(
            f"no FINISHED run is tagged with the change's commit ({names}){waiting}; "
            "train it with policy-engine installed, or name a run with --run"
        )
    return search


def _run(reads: Reads, run_id: str) -> Found:
    return Found(reads.get(reads.store.run, run_id))


def _run_of_model(reads: Reads, uri: str) -> Found:
    store = reads.store
    parts = _MODEL_URI.match(uri)
    if parts is None:
        raise NotFound(
            f"{uri} is no model URI; write models:/name/3, models:/name@alias or models:/m-…"
        )
    if parts["id"]:
        run_id = reads.get(store.model, parts["id"])["info"].get("source_run_id")
        if not run_id:
            raise NotFound(f"{uri} has no run that logged it")
        return Found(reads.get(store.run, run_id), parts["id"])
    name = parts["name"]
    version = (
        reads.get(store.version, name, parts["version"])
        if parts["version"]
        else reads.get(store.version_by_alias, name, parts["alias"])
    )
    return Found(*run_of_version(reads, version))


def _commits(change: ChangeRecord, files: Iterable[PolicyFile]) -> list[str]:
    """Return the commits whose runs stand for the change in the eyes of some policy file."""
    listed = [c for c in (change.head_sha, change.merge_sha) if c]
    earlier = [c for c in change.later_paths if any(is_current(f, c, change) for f in files)]
    return list(dict.fromkeys([*listed, *earlier]))


def _runs_of(reads: Reads, commits: Sequence[str]) -> list[Json]:
    if not commits:
        return []
    known = reads.get(reads.store.experiments)
    for experiment in known:
        reads.know(experiment, reads.store.experiment, experiment["experiment_id"])
    experiments = tuple(each["experiment_id"] for each in known)
    searches = [
        (commit, reads.start(reads.store.runs, experiments, _query(tag, commit), limit=MOST_RUNS))
        for commit in commits
        for tag in COMMIT_TAGS
    ]
    runs: dict[str, Json] = {}
    for commit, future in searches:
        for run in reads.wait(future):
            # A run whose own tag says another commit is not a run of this one.
            if _commit(run) == commit:
                runs.setdefault(run["info"]["run_id"], run)
    return sorted(runs.values(), key=_newest_first)


def _query(tag: str, commit: str) -> Query:
    return Query(tags=((tag, commit),), roots=True)


def _chosen_runs(
    reads: Reads, runs: Sequence[Json], change: ChangeRecord, files: Sequence[PolicyFile]
) -> list[tuple[Json, tuple[str, ...] | None, int]]:
    """Return each run that some policy file chooses, which files do (None: all), and the others.

    A file chooses among the runs that are current for it, so files with other `candidate.paths`
    may choose other runs.
    """
    chosen: dict[str, list[str]] = {}
    grouped = {id(group): group for group in _groups(reads, runs)}
    for file in files:
        for group in grouped.values():
            current = [run for run in group if is_current(file, _commit(run) or "", change)]
            if current:
                run_id = _chosen(current)["info"]["run_id"]
                chosen.setdefault(run_id, []).append(file.path)
    result = []
    for group in grouped.values():
        for run in group:
            paths = chosen.get(run["info"]["run_id"])
            if paths is not None:
                result.append(
                    (run, None if len(paths) == len(files) else tuple(paths), len(group) - 1)
                )
    return result


def _groups(reads: Reads, runs: Iterable[Json]) -> list[list[Json]]:
    """Return the runs by experiment and logged-model names; asks for names where it matters."""
    by_experiment: dict[str, list[Json]] = {}
    for run in runs:
        by_experiment.setdefault(run["info"]["experiment_id"], []).append(run)
    groups: list[list[Json]] = []
    for members in by_experiment.values():
        if len(members) == 1:
            groups.append(members)
            continue
        tasks = [reads.spawn(models_of, reads, run) for run in members]
        by_name: dict[tuple[str, ...], list[Json]] = {}
        for run, task in zip(members, tasks, strict=True):
            by_name.setdefault(tuple(m.name for m in reads.wait(task)), []).append(run)
        # A run without a model beside one that has one evaluated it, or prepared its data.
        modelled = [group for names, group in by_name.items() if names]
        groups += modelled or by_name.values()
    return groups


def _chosen(group: Sequence[Json]) -> Json:
    tagged = [run for run in group if tags_of(run).get(CANDIDATE_TAG) == "true"]
    return (tagged or group)[0]


def _commit(run: Json) -> str | None:
    tags = tags_of(run)
    return next((tags[tag] for tag in COMMIT_TAGS if tag in tags), None)


def _newest_first(run: Json) -> tuple[int, str]:
    return -int(run["info"].get("start_time") or 0), run["info"]["run_id"]


def _label(run: Json) -> str:
    info = run["info"]
    return f"{shown(info.get('run_name') or 'run')} ({info['run_id'][:8]}, {info.get('status')})"
