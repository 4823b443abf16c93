"""The story of a check: load the policies, collect the evidence, judge, tell.

    from policy_engine.check import Options, check

    report = check(Options(runs=("<run id>",), tracking_uri="http://127.0.0.1:5000"))
    report.verdict, report.exit_code

Every command is a thin shell over a function of this module.
"""

import os
import re
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from policy_engine import __version__
from policy_engine.change.champion import Wanted, champions_under, wanted
from policy_engine.change.claims import CLAIM_CAP, of_this_change, of_this_commit
from policy_engine.change.commits_since import with_commits
from policy_engine.change.elsewhere import source_of
from policy_engine.change.prepared import Prepared, prepare
from policy_engine.change.proposal import proposal_of
from policy_engine.change.situation import (
    Job,
    Situation,
    idle_globs,
    judging,
    situation,
)
from policy_engine.errors import UsageError
from policy_engine.evidence import Needs
from policy_engine.evidence.record import ChampionRecord, EvidenceRecord
from policy_engine.evidence.saved import read_evidence, save_evidence
from policy_engine.git import work_tree as git
from policy_engine.judging.beside import with_comparisons
from policy_engine.judging.clock import WallClock
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.loading import Loaded, load
from policy_engine.log import progress
from policy_engine.policy_file.profiles import Demands
from policy_engine.report import Engine, PolicySource, Report, Verdict
from policy_engine.tracking.address import tracking_uri

if TYPE_CHECKING:
    from policy_engine.tracking.collect import Request
    from policy_engine.tracking.reads import Reads

__all__ = [
    "Loaded",
    "Options",
    "check",
    "collect",
    "collected",
    "load",
    "prepared",
    "read_evidence",
    "save_evidence",
]

POLL_S = 5.0
"""How long `wait` pauses between two looks for a run (seconds)."""

_MINUTE = 60.0
LEAST_JUDGING_S = 10.0
"""How long policies may take where reads get less: a bootstrap takes seconds (seconds)."""

_NEVER_TRAINED = (
    "this is a push to the default branch, and a squash or rebase merge makes a commit on which "
    "nothing was trained: run the gate on `pull_request` and `merge_group`, train again after the "
    "merge, or name the commit that was trained with --commit"
)
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to check, by which policies, read from where.

    Attributes:
        runs: Candidate run ids. With `runs`, `models` and `commit` all empty, the candidates are
            the pull request's, else those of the work tree's HEAD.
        models: Candidate models: `models:/name/3`, `models:/name@alias` or `models:/m-…`.
        commit: The commit whose runs are the candidates.
        evidence: An evidence file to judge instead of reading MLflow.
        baseline: A run id that stands for every baseline rule.
        policies: Policy files and folders, from `root`.
        require: Packs that lie beneath every policy file: none can drop or loosen what they say.
            `PLUGIN:PACK` loads the plugin that brings it, too.
        profile: The profile of every policy file that is laid over its bindings; None: none is.
        trusted_ref: The commit whose policies judge; None: as the variables of the CI system say.
        tracking_uri: MLflow's tracking URI; None: `MLFLOW_TRACKING_URI`.
        registry_uri: Its registry's; None: `MLFLOW_REGISTRY_URI`, else MLflow's own default.
        timeout_s: The wall-clock budget of all reads together, and again that of all policies
            (10 s at least; seconds).
        wait_s: How long to look again for a run that is not there yet (seconds).
        save_evidence: Where to save the evidence; None: nowhere.
        at: The moment of judgement; None: now.
        root: The repository's root.
    """

    runs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    commit: str | None = None
    evidence: Path | None = None
    baseline: str | None = None
    policies: tuple[str, ...] = ("policies",)
    require: tuple[str, ...] = ()
    profile: str | None = None
    trusted_ref: str | None = None
    tracking_uri: str | None = None
    registry_uri: str | None = None
    timeout_s: float = 30.0
    wait_s: float = 0.0
    save_evidence: Path | None = None
    at: datetime | None = None
    root: Path = Path()


def check(options: Options, loaded: Loaded | None = None) -> Report:
    """Decide whether the candidates may merge.

    Args:
        options: What to check.
        loaded: The policies, if `prepared` gave them already, or `load` those of the work tree: of
            a pull request these are a proposal.

    Raises:
        UsageError: If the options contradict one another or name nothing.
        PolicyFileError: If a policy file is wrong; it holds every problem.
        PluginError: If a plugin cannot be loaded.
        PoliciesUnreadable: If the policies that are to judge a pull request cannot be read.
    """
    _refuse_contradictions(options)
    ready = prepared(options) if loaded is None else _ready(options, loaded)
    with ThreadPoolExecutor(1) as beside:
        # Git tells of the policies while MLflow tells of the runs.
        source = beside.submit(_source, options, ready)
        evidence = (
            _saved(options.evidence, ready) if options.evidence else collected(options, ready)
        )
        return _report(options, ready, evidence, source.result())


def collect(options: Options) -> EvidenceRecord:
    """Read the evidence that the policies need, and save it if the options say where.

    Raises:
        UsageError, PolicyFileError, PluginError, PoliciesUnreadable: As `check`.
    """
    _refuse_contradictions(options)
    return collected(options, prepared(options))


def prepared(options: Options) -> Prepared:
    """Return the policies that judge: in a pull request, those of the default branch.

    Raises:
        UsageError, PolicyFileError, PluginError, PoliciesUnreadable: As `check`.
    """
    demands = Demands(options.require, options.profile)
    return prepare(options.policies, options.root, os.environ, demands, options.trusted_ref)


def _ready(options: Options, loaded: Loaded) -> Prepared:
    if isinstance(loaded, Prepared):
        return loaded
    return Prepared.of(loaded, Job(options.root, os.environ, options.trusted_ref))


def _source(options: Options, ready: Prepared) -> PolicySource:
    return ready.source or source_of(
        options.policies, options.root, ready.policies.digest, ready.paths
    )


def _report(
    options: Options, ready: Prepared, evidence: EvidenceRecord, source: PolicySource
) -> Report:
    job = ready.job
    context = Context(
        _now(options),
        source if ready.source else judging(source, evidence.change, job),
        _engine(ready),
        proposed=job.is_proposal,
        claimed=job.is_second_stage and options.evidence is not None,
        clock=_clock(options),
    )
    report = evaluate(ready.policies, evidence, context)
    report = with_comparisons(report, ready.policies, evidence, context)
    if ready.draft is not None:
        anew = replace(context, clock=_clock(options))
        proposal = proposal_of(ready.draft, evidence, report, anew)
        if ready.proposed is not None and evidence.champions:
            anew = replace(context, clock=_clock(options))
            found = champions_under(ready.proposed, ready.policies, evidence, anew)
            proposal = replace(proposal, champions=found)
        report = replace(report, proposal=proposal)
    if ready.source is None and source.ref is None and (why := git.unread(options.root)):
        sys.stderr.write(f"note: whose policies judge, is not known: {why}\n")
    excused = {s.policy_file for s in report.subjects if s.verdict is Verdict.NOT_APPLICABLE}
    files = [file for file in ready.policies.files if file.path in excused]
    for sentence in idle_globs(options.root, files):
        sys.stderr.write(f"note: {sentence}\n")
    ready.plugins.report_ready(report, lambda note: sys.stderr.write(f"{note}\n"))
    return report


def _saved(path: Path, ready: Prepared) -> EvidenceRecord:
    """Return saved evidence; in a pull request it must be of the commit under judgement."""
    if ready.job.is_second_stage:
        return of_this_change(read_evidence(path, CLAIM_CAP), ready.job)
    return of_this_commit(read_evidence(path), ready.job)


def collected(options: Options, ready: Prepared) -> EvidenceRecord:
    """Read the evidence that prepared policies need, and save it if the options say where.

    Raises:
        UsageError: If there is no store, no commit to look for, or a baseline rule is unknown.
    """
    # MLflow's client, and even the reader, load only here: judging saved evidence needs neither.
    from policy_engine.tracking.candidates import Named  # noqa: PLC0415
    from policy_engine.tracking.collect import Request  # noqa: PLC0415

    named = Named(options.runs, options.models) if options.runs or options.models else None
    here = _situation(options, ready, search=named is None)
    request = Request(
        named=named,
        baseline=options.baseline,
        change=here.change,
        ancestors=here.ancestors,
        at=_now(options),
        no_commit=here.no_commit,
    )
    for note in here.notes:
        sys.stderr.write(f"note: {note}\n")
    evidence = with_commits(options.root, _read(options, ready, request))
    evidence = _with_champions(evidence, options, ready, request)
    if options.commit is None and evidence.absent is not None and _is_merged(ready.job):
        hint = f"{evidence.absent}; {_NEVER_TRAINED}"
        evidence = evidence.model_copy(update={"absent": hint})
    if options.save_evidence is not None:
        save_evidence(evidence, options.save_evidence)
    return evidence


def _read(options: Options, ready: Prepared, request: "Request") -> EvidenceRecord:
    """Collect what the change needs: where no policy file needs a run, MLflow is not asked."""
    from policy_engine.tracking.collect import needs_runs, without_candidates  # noqa: PLC0415

    uri = tracking_uri(options.tracking_uri)
    if needs_runs(ready.policies, request):
        if not uri:
            raise UsageError(_no_tracking_uri(ready.job, request))
        return _patiently(uri, options, ready, request)
    evidence = without_candidates(ready.policies, request)
    if ready.proposed is None or not needs_runs(ready.proposed, request):
        return evidence
    more = _for_proposal(uri, options, ready, request)
    return evidence.model_copy(update={"for_proposal": more})


def _is_merged(job: Job) -> bool:
    """Say whether the job is on a push to the default branch, as after a merge."""
    event = job.event
    branch = event.default_branch if event is not None and event.name == "push" else None
    return branch is not None and os.environ.get("GITHUB_REF") == f"refs/heads/{branch}"


def _no_tracking_uri(job: Job, request: "Request") -> str:
    """Return that nothing says where MLflow is, and why a job on a proposal may not know."""
    example = "for example http://127.0.0.1:5000 or sqlite:///mlflow.db"
    if job.proposal is None:
        return f"no tracking URI: give --tracking-uri, or set MLFLOW_TRACKING_URI, {example}"
    unknown = request.change is None or request.change.paths is None
    untold = (
        " (which files the change touches is not known: check out with `fetch-depth: 0`)"
        if unknown and request.named is None
        else ""
    )
    return (
        f"no tracking URI: MLFLOW_TRACKING_URI is empty, and this check needs a run{untold}. "
        "GitHub gives the repository's secrets to no job of Dependabot or of a fork: for "
        "Dependabot, add the secret under Settings > Secrets and variables > Dependabot; for "
        'forks, use two workflows (docs/how-to/github-actions.md, "Forks"); for any other job, '
        f"give --tracking-uri, or set MLFLOW_TRACKING_URI, {example}"
    )


def _patiently(uri: str, options: Options, ready: Prepared, request: "Request") -> EvidenceRecord:
    """Collect; look again for a run that is not there yet, as long as the options wait."""
    from policy_engine.http.deadline import Deadline  # noqa: PLC0415
    from policy_engine.tracking.collect import collect_evidence, without_candidates  # noqa: PLC0415
    from policy_engine.tracking.opening import open_store  # noqa: PLC0415
    from policy_engine.tracking.reads import Reads  # noqa: PLC0415
    from policy_engine.tracking.store import NoSuchStore, ReadFailed  # noqa: PLC0415

    give_up = time.monotonic() + options.wait_s
    while True:
        deadline = Deadline(options.timeout_s)
        try:
            store = open_store(uri, deadline, options.registry_uri)
        except NoSuchStore as e:
            raise UsageError(str(e)) from e
        except ReadFailed as e:
            return without_candidates(ready.policies, request, str(e))
        reads = Reads(store, deadline)
        evidence = collect_evidence(reads, ready.policies, request, ready.plugins.resolve_baseline)
        left = give_up - time.monotonic()
        if evidence.absent is None or left <= 0:
            return _with_proposal(evidence, reads, ready, request)
        with progress() as say:
            say(f"no run yet: it is looked for every {POLL_S:.0f} s, for {_words(left)} more")
            time.sleep(min(POLL_S, left))


def _words(seconds: float) -> str:
    """Return a time that is still left, in a few words."""
    return f"{seconds:.0f} s" if seconds < _MINUTE else f"{seconds / _MINUTE:.0f} min"


def _with_proposal(
    evidence: EvidenceRecord, reads: "Reads", ready: Prepared, request: "Request"
) -> EvidenceRecord:
    """Return the evidence, and beside it what only proposed policies need: it is read last.

    So a proposal can take neither time nor anything else from what judges.
    """
    from policy_engine.tracking.collect import collect_evidence, serves  # noqa: PLC0415

    proposed = ready.proposed
    if proposed is None or evidence.unreadable is not None:
        return evidence
    try:
        if serves(ready.policies, proposed):
            return evidence
        more = collect_evidence(reads, proposed, request, ready.plugins.resolve_baseline)
    except (Exception, SystemExit) as e:  # noqa: BLE001 (a proposal stops nobody)
        more = _unread_proposal(str(e))
    return evidence.model_copy(update={"for_proposal": more})


def _for_proposal(
    uri: str, options: Options, ready: Prepared, request: "Request"
) -> EvidenceRecord:
    """Return what the proposed policies alone need of MLflow; that nobody can say stops nobody."""
    if not uri:
        return _unread_proposal(_no_tracking_uri(ready.job, request))
    alone = replace(ready, policies=ready.proposed or ready.policies, draft=None)
    try:
        return _patiently(uri, replace(options, wait_s=0.0), alone, request)
    except (Exception, SystemExit) as e:  # noqa: BLE001 (a proposal stops nobody)
        return _unread_proposal(str(e))


def _with_champions(
    evidence: EvidenceRecord, options: Options, ready: Prepared, request: "Request"
) -> EvidenceRecord:
    """Return the evidence, and beside it the champion of each edited file that needs no run."""
    if ready.proposed is None or request.named is not None or evidence.unreadable is not None:
        return evidence
    try:
        asked = wanted(ready.policies, ready.proposed, request.change)
    except (Exception, SystemExit):  # noqa: BLE001 (a proposal stops nobody)
        return evidence
    if not asked:
        return evidence
    champions = _champions(asked, options, ready, request)
    return evidence.model_copy(update={"champions": champions})


def _champions(
    asked: Sequence[Wanted], options: Options, ready: Prepared, request: "Request"
) -> tuple[ChampionRecord, ...]:
    """Return the champions as MLflow has them, or why it could not tell."""
    from policy_engine.change.champion_reading import (  # noqa: PLC0415
        collect_champions,
        unread_champions,
    )
    from policy_engine.http.deadline import Deadline  # noqa: PLC0415
    from policy_engine.tracking.opening import open_store  # noqa: PLC0415
    from policy_engine.tracking.reads import Reads  # noqa: PLC0415

    try:
        uri = tracking_uri(options.tracking_uri)
        if not uri or all(each.named.absent for each in asked):
            return unread_champions(asked, "MLFLOW_TRACKING_URI is empty")
        deadline = Deadline(options.timeout_s)
        store = open_store(uri, deadline, options.registry_uri)
        resolve = ready.plugins.resolve_baseline
        return collect_champions(asked, Reads(store, deadline), request, resolve)
    except (Exception, SystemExit) as e:  # noqa: BLE001 (a proposal stops nobody)
        return unread_champions(asked, str(e))


def _unread_proposal(why: str) -> EvidenceRecord:
    return EvidenceRecord(unreadable=f"what the proposal needs cannot be read: {why}")


def _situation(options: Options, ready: Prepared, *, search: bool) -> Situation:
    both = [ready.policies, *([ready.proposed] if ready.proposed else [])]
    by_commit = any(
        "commit" in rule and Needs.BASELINE in policies.needs
        for policies in both
        for file in policies.files
        for rule in file.baseline
    )
    return situation(
        ready.job,
        _full_sha(options),
        search=search,
        ancestors=by_commit and options.baseline is None,
    )


def _full_sha(options: Options) -> str | None:
    """Return the sha of the commit that the options name: runs are tagged with nothing shorter."""
    commit = options.commit
    if commit is None or _SHA.fullmatch(commit):
        return commit
    try:
        return git.first_parents(options.root, commit, 1)[0]
    except (git.GitError, ValueError, IndexError) as e:
        why = git.why_no_head(options.root) or "git knows no such commit here"
        raise UsageError(f"--commit {commit}: {why}; give all digits of its sha") from e


def _refuse_contradictions(options: Options) -> None:
    kinds = {
        "--run": options.runs,
        "--model": options.models,
        "--commit": options.commit,
        "--evidence": options.evidence,
    }
    given = [flag for flag, value in kinds.items() if value]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} exclude one another: name candidates in one way")
    if options.evidence is not None:
        needless = {
            "--baseline": options.baseline,
            "--tracking-uri": options.tracking_uri,
            "--registry-uri": options.registry_uri,
            "--wait": options.wait_s,
            "--save-evidence": options.save_evidence,
        }
        clash = [flag for flag, value in needless.items() if value]
        if clash:
            raise UsageError(
                f"--evidence excludes {', '.join(clash)}: the evidence is read already"
            )


def _now(options: Options) -> datetime:
    return (options.at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)


def _clock(options: Options) -> WallClock:
    return WallClock(max(options.timeout_s, LEAST_JUDGING_S))


def _engine(loaded: Loaded) -> Engine:
    took_part = tuple(str(plugin) for plugin in loaded.plugins.loaded)
    return Engine(__version__, took_part, loaded.plugins.distributions)
