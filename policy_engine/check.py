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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from policy_engine import __version__, git
from policy_engine.change import Situation, judging, policy_source, situation
from policy_engine.errors import UsageError
from policy_engine.evaluate import Context, evaluate
from policy_engine.evidence import Needs
from policy_engine.loading import Loaded, load
from policy_engine.policy_file import PolicySet
from policy_engine.records import EvidenceRecord
from policy_engine.report import Engine, PolicySource, Report
from policy_engine.saved import read_evidence, save_evidence

if TYPE_CHECKING:
    from policy_engine.tracking.collect import Request

__all__ = ["Loaded", "Options", "check", "collect", "load", "read_evidence", "save_evidence"]

POLL_S = 5.0
"""How long `wait` pauses between two looks for a run (seconds)."""

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
        tracking_uri: MLflow's tracking URI; None: `MLFLOW_TRACKING_URI`.
        timeout_s: The wall-clock budget of all reads together (seconds).
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
    tracking_uri: str | None = None
    timeout_s: float = 30.0
    wait_s: float = 0.0
    save_evidence: Path | None = None
    at: datetime | None = None
    root: Path = Path()


def check(options: Options, loaded: Loaded | None = None) -> Report:
    """Decide whether the candidates may merge.

    Args:
        options: What to check.
        loaded: The policies, if `load` gave them already.

    Raises:
        UsageError: If the options contradict one another or name nothing.
        PolicyFileError: If a policy file is wrong; it holds every problem.
        PluginError: If a plugin cannot be loaded.
    """
    _refuse_contradictions(options)
    loaded = loaded or load(options.policies, options.root, options.require)
    with ThreadPoolExecutor(1) as beside:
        # Git tells of the policies while MLflow tells of the runs.
        source = beside.submit(policy_source, options.root, loaded.policies.digest, loaded.paths)
        if options.evidence is not None:
            evidence = read_evidence(options.evidence)
        else:
            evidence = _collect(options, loaded)
        return _report(options, loaded, evidence, source.result())


def collect(options: Options) -> EvidenceRecord:
    """Read the evidence that the policies need, and save it if the options say where.

    Raises:
        UsageError, PolicyFileError, PluginError: As `check`.
    """
    _refuse_contradictions(options)
    return _collect(options, load(options.policies, options.root, options.require))


def _report(
    options: Options, loaded: Loaded, evidence: EvidenceRecord, source: PolicySource
) -> Report:
    context = Context(_now(options), judging(source, evidence.change), _engine(loaded))
    report = evaluate(loaded.policies, evidence, context)
    loaded.plugins.report_ready(report, lambda note: sys.stderr.write(f"{note}\n"))
    return report


def _collect(options: Options, loaded: Loaded) -> EvidenceRecord:
    # MLflow's client, and even the reader, load only here: judging saved evidence needs neither.
    from policy_engine.tracking.candidates import Named  # noqa: PLC0415
    from policy_engine.tracking.collect import Request  # noqa: PLC0415

    uri = options.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        raise UsageError(
            "no tracking URI: give --tracking-uri, or set MLFLOW_TRACKING_URI, "
            "for example http://127.0.0.1:5000 or sqlite:///mlflow.db"
        )
    named = Named(options.runs, options.models) if options.runs or options.models else None
    here = _situation(options, loaded.policies, search=named is None)
    request = Request(
        named=named,
        baseline=options.baseline,
        change=here.change,
        ancestors=here.ancestors,
        at=_now(options),
    )
    evidence = _patiently(uri, options, loaded, request)
    if options.save_evidence is not None:
        save_evidence(evidence, options.save_evidence)
    return evidence


def _patiently(uri: str, options: Options, loaded: Loaded, request: "Request") -> EvidenceRecord:
    """Collect; look again for a run that is not there yet, as long as the options wait."""
    from policy_engine.tracking.collect import collect as collect_now  # noqa: PLC0415
    from policy_engine.tracking.collect import without_candidates  # noqa: PLC0415
    from policy_engine.tracking.opening import open_store  # noqa: PLC0415
    from policy_engine.tracking.store import Deadline, NoSuchStore, Unreadable  # noqa: PLC0415

    give_up = time.monotonic() + options.wait_s
    while True:
        deadline = Deadline(options.timeout_s)
        try:
            store = open_store(uri, deadline)
        except NoSuchStore as e:
            raise UsageError(str(e)) from e
        except Unreadable as e:
            return without_candidates(loaded.policies, request, str(e))
        evidence = collect_now(
            store, deadline, loaded.policies, request, loaded.plugins.resolve_baseline
        )
        left = give_up - time.monotonic()
        if evidence.absent is None or left <= 0:
            return evidence
        time.sleep(min(POLL_S, left))


def _situation(options: Options, policies: PolicySet, *, search: bool) -> Situation:
    by_commit = any("commit" in rule for file in policies.files for rule in file.baseline)
    return situation(
        options.root,
        _full_sha(options),
        search=search,
        ancestors=by_commit and Needs.BASELINE in policies.needs and options.baseline is None,
    )


def _full_sha(options: Options) -> str | None:
    """Return the sha of the commit that the options name: runs are tagged with nothing shorter."""
    commit = options.commit
    if commit is None or _SHA.fullmatch(commit):
        return commit
    try:
        return git.first_parents(options.root, commit, 1)[0]
    except (git.GitError, ValueError, IndexError) as e:
        raise UsageError(
            f"--commit {commit}: git knows no such commit here; give all digits of its sha"
        ) from e


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


def _engine(loaded: Loaded) -> Engine:
    return Engine(__version__, tuple(str(plugin) for plugin in loaded.plugins.loaded))
