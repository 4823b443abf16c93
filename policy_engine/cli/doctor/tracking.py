"""Whether MLflow can be read, whether the clocks agree, and what is found there."""

from collections.abc import Iterator

from policy_engine.change.prepared import Prepared
from policy_engine.change.situation import Job
from policy_engine.check import Options, collected
from policy_engine.cli.doctor.line import FIRST, Line, State
from policy_engine.cli.doctor.policies import Ready
from policy_engine.errors import PolicyEngineError
from policy_engine.evidence import Needs
from policy_engine.evidence.no_baseline import baseline_remedy
from policy_engine.evidence.record import BaselineRecord, EvidenceRecord, RunRecord, Unreadable
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.address import tracking_uri
from policy_engine.tracking.health import Health, health
from policy_engine.tracking.store import NoSuchStore, is_local
from policy_engine.tracking.store import ReadFailed as StoreUnreadable

_OF_SERVER = "the server can read its own stores"
LARGEST_SKEW_S = 60.0
"""The largest difference between two clocks that is no problem (seconds)."""


def health_of(options: Options) -> Health | str:
    """Return how the store is, or why it cannot be read."""
    uri = tracking_uri(options.tracking_uri)
    if not uri:
        return "no tracking URI: give --tracking-uri, or set MLFLOW_TRACKING_URI"
    try:
        return health(uri, Deadline(options.timeout_s), options.registry_uri)
    except (NoSuchStore, StoreUnreadable) as e:
        return str(e)


def tracking_line(options: Options, store: Health | str) -> Line:
    """Say whether MLflow can be read, which version it is, and how much it shows."""
    uri = tracking_uri(options.tracking_uri)
    if isinstance(store, str):
        remedy = "see that the address, the credentials and the network are right"
        if not uri or is_local(uri):
            remedy = "train a first run, or see that the path is right" if uri else ""
        return Line("tracking", State.PROBLEM, store, remedy)
    version = f", MLflow {store.version}" if store.version else ""
    said = f"{store.address}{version}: {store.experiments} experiment(s) to read"
    if store.failed:
        why = "; ".join(f"{kind} failed: {said}" for kind, said in store.failed)
        whose = "you can read the files that it names" if is_local(uri) else _OF_SERVER
        remedy = f"see that {whose}; a check meets the same"
        return Line("tracking", State.PROBLEM, f"{said}; {why}", remedy)
    if store.experiments:
        return Line("tracking", State.OK, f"{said}; tried {', '.join(store.done)}")
    remedy = "train a run"
    remedy += "" if is_local(uri) else ", or see whether these credentials may read its experiment"
    return Line("tracking", State.PROBLEM, said, remedy)


def clock_line(store: Health | str, job: Job) -> Line:
    """Say how far the servers' clocks are from this machine's."""
    skews = dict(_skews(store, job))
    if not skews:
        return Line("clock", State.NOT_APPLICABLE, "there is no other clock to compare with")
    said = ", ".join(f"{name}'s is {skew:+.0f} s from this one" for name, skew in skews.items())
    if max(map(abs, skews.values())) <= LARGEST_SKEW_S:
        return Line("clock", State.OK, said)
    remedy = "set the clock: which runs are earlier, and which waivers hold, depends on it"
    return Line("clock", State.PROBLEM, said, remedy)


def _skews(store: Health | str, job: Job) -> Iterator[tuple[str, float]]:
    """Yield how far each server's clock is ahead of ours (seconds)."""
    if isinstance(store, Health) and store.clock is not None:
        yield "MLflow", (store.clock - store.asked).total_seconds()
    told = job.hub.known(lambda client: client.clock()) if job.event else None
    if told is not None:
        yield "GitHub", (told[0] - told[1]).total_seconds()


def run_lines(options: Options, ready: Ready, store: Health | str) -> Iterator[Line]:
    """Yield whether there is a candidate, and a baseline for it."""
    if isinstance(ready, PolicyEngineError) or isinstance(store, str):
        yield Line("candidate", State.NOT_APPLICABLE, FIRST)
        yield Line("baseline", State.NOT_APPLICABLE, FIRST)
        return
    try:
        evidence = collected(options, ready)
    except PolicyEngineError as e:
        yield Line("candidate", State.PROBLEM, str(e))
        yield Line("baseline", State.NOT_APPLICABLE, FIRST)
        return
    yield _candidate(evidence)
    yield _baseline(evidence, ready)


def _candidate(evidence: EvidenceRecord) -> Line:
    why = evidence.unreadable or evidence.absent
    if why:
        remedy = "commit, and train on that commit; or name a run with --run, or use --wait"
        return Line("candidate", State.PROBLEM, why, remedy)
    if not evidence.candidates:
        return Line("candidate", State.NOT_APPLICABLE, "the change touches nothing that needs one")
    names = ", ".join(c.run.run_name or c.run.run_id for c in evidence.candidates)
    return Line("candidate", State.OK, names)


def _baseline(evidence: EvidenceRecord, ready: Prepared) -> Line:
    if Needs.BASELINE not in ready.policies.needs:
        return Line("baseline", State.NOT_APPLICABLE, "no policy compares with one")
    # Policies may look for baselines of their own kind; that one is not there breaks nothing.
    own = [file.baseline for file in ready.policies.files]
    records = [r for c in evidence.candidates for r in c.baselines if r.rules in own]
    if not records:
        return Line("baseline", State.NOT_APPLICABLE, "there is no candidate to compare")
    lost = [record for record in records if not isinstance(record.run, RunRecord)]
    found = dict.fromkeys(r.found_by or "" for r in records if isinstance(r.run, RunRecord))
    hits = [f"found by {', '.join(found)}"] if found else []
    if not lost:
        return Line("baseline", State.OK, hits[0])
    said = "; ".join([*hits, *dict.fromkeys(map(_why, lost))])
    return Line("baseline", State.PROBLEM, said, _remedy(lost[0]))


def _remedy(record: BaselineRecord) -> str:
    if isinstance(record.run, Unreadable):
        return "see that these credentials may read its run and its files"
    return baseline_remedy(record.rules)


def _why(record: BaselineRecord) -> str:
    if isinstance(record.run, Unreadable):
        return f"it cannot be read: {record.run.unreadable}"
    passed = "; ".join(f"{each.rule}: {each.why}" for each in record.passed_over)
    return f"none found ({passed})" if passed else "the policy file has no `baseline:` rule"
