"""Which runs are judged: those that a flag names, else those of the commit under judgement."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from policy_engine.evidence.commit import COMMIT_TAGS
from policy_engine.evidence.record import ChangeRecord
from policy_engine.http.showing import shown
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_file.scope import is_current
from policy_engine.quantities import count, first_few
from policy_engine.tracking.choosing import Choice, choose
from policy_engine.tracking.meant import Meant, label, meant_by
from policy_engine.tracking.query import CANDIDATE_TAG, Query
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.store import Json, NotFound
from policy_engine.tracking.translate import tagged_commit
from policy_engine.tracking.uris import run_of_uri

MOST_RUNS = 200
"""Runs of one commit that are looked at, newest first."""


@dataclass(frozen=True, slots=True)
class Named:
    """Candidates that a flag names: run ids, or model URIs."""

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate run as MLflow tells it, the model if a flag fixed it, and what to say of it.

    `policy_files` are those that it was chosen for; None: all. `unknown` says why nobody can tell
    which model is its.
    """

    run: Json
    model_id: str | None = None
    notes: tuple[str, ...] = ()
    policy_files: tuple[str, ...] | None = None
    unknown: str | None = None

    @classmethod
    def of(cls, meant: Meant, notes: Sequence[str], files: tuple[str, ...] | None) -> "Found":
        """Return what was meant as a candidate, with what else there is to say."""
        told = (meant.note, *notes) if meant.note else tuple(notes)
        return cls(meant.run, meant.model_id, tuple(told), files, meant.unknown)


@dataclass(slots=True)
class CandidateSearch:
    """The candidates, and one sentence for each that is not there."""

    found: list[Found] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    def add(self, found: Found) -> None:
        """Take a candidate, unless the same run was found already for the same policy files."""
        known = next((f for f in self.found if f.run["info"] == found.run["info"]), None)
        if known is None:
            self.found.append(found)
            return
        both = known.policy_files, found.policy_files
        files = None if None in both else tuple(dict.fromkeys((*(both[0] or ()), *(both[1] or ()))))
        notes = tuple(dict.fromkeys((*known.notes, *found.notes)))
        merged = replace(known, policy_files=files, notes=notes)
        self.found[self.found.index(known)] = merged


def named_candidates(reads: Reads, named: Named) -> CandidateSearch:
    """Return the runs that the flags name; a deleted or unknown one is absent, by name.

    Raises:
        Unreadable: If one cannot be read.
    """
    search = CandidateSearch()
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


def candidates_of(
    reads: Reads, change: ChangeRecord, files: Sequence[PolicyFile]
) -> CandidateSearch:
    """Return the FINISHED runs of the change's commits that are judged: see `choose`.

    Runs tagged as candidate go first, then the newest; a child run only if it is tagged.

    Raises:
        Unreadable: If a search fails.
    """
    commits = _commits(change, files)
    runs = _runs_of(reads, commits)
    finished = [run for run in runs if run["info"].get("status") == "FINISHED"]
    unfinished = [run for run in runs if run["info"].get("status") != "FINISHED"]
    search = CandidateSearch()
    choice = choose(reads, finished, change, files)
    chosen = list(choice.chosen.values())
    meant = [reads.spawn(meant_by, reads, each.run) for each in chosen]
    for each, task in zip(chosen, meant, strict=True):
        others = f"{each.others} other FINISHED run(s) of this change were not judged"
        notes = [others] if each.others else []
        notes += _left(choice, each.run["info"]["experiment_id"])
        notes += [f"not finished: {_label(run)}" for run in unfinished]
        by_all = len(each.policy_files) == len(files)
        chosen_by = None if by_all else tuple(each.policy_files)
        search.add(Found.of(reads.wait(task), notes, chosen_by))
    if not search.found:
        names = ", ".join(commit[:12] for commit in commits) or "no commit"
        waiting = "; not finished: " + ", ".join(map(_label, unfinished)) if unfinished else ""
        search.absent.append(
            f"no FINISHED run is tagged with the change's commit ({names}){waiting}; "
            "train it with policy-engine installed, or name a run with --run"
        )
    return search


def _left(choice: Choice, experiment_id: str) -> Iterator[str]:
    """Say which runs of an experiment were passed over for want of a model, and how to judge them.

    One that another policy file judges is named with those that passed it over.
    """
    by_files: dict[str, list[str]] = {}
    for run_id, left in choice.passed_over.items():
        if left.run["info"]["experiment_id"] == experiment_id:
            some = f" by {first_few(left.policy_files, 3)}" if run_id in choice.chosen else ""
            by_files.setdefault(some, []).append(label(left.run))
    for some, labels in by_files.items():
        were = "was" if len(labels) == 1 else "were"
        yield (
            f"{count(len(labels), 'FINISHED run')} without a READY model {were} not judged{some}, "
            f"as others have one: {first_few(labels, 3)}; tag a run "
            f'`{CANDIDATE_TAG}: "true"` to have it judged'
        )


def _run(reads: Reads, run_id: str) -> Found:
    run = reads.get(reads.store.run, run_id)
    if run["info"].get("lifecycle_stage") == "deleted":
        return Found(run)
    return Found.of(meant_by(reads, run), (), None)


def _run_of_model(reads: Reads, uri: str) -> Found:
    return Found(*run_of_uri(reads, uri))


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
            if tagged_commit(run) == commit:
                runs.setdefault(run["info"]["run_id"], run)
    return sorted(runs.values(), key=_newest_first)


def _query(tag: str, commit: str) -> Query:
    return Query(tags=((tag, commit),), roots=True)


def _newest_first(run: Json) -> tuple[int, str]:
    return -int(run["info"].get("start_time") or 0), run["info"]["run_id"]


def _label(run: Json) -> str:
    info = run["info"]
    return f"{shown(info.get('run_name') or 'run')} ({info['run_id'][:8]}, {info.get('status')})"
