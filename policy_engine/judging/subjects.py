"""What a report says of a subject beside its findings: which run, which baseline, what to note."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import TypedDict

from policy_engine.evidence.evaluations import evaluation_notes
from policy_engine.evidence.metrics import of_training_rows
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    ModelRecord,
    RunRecord,
    Unreadable,
)
from policy_engine.evidence.taken import goal_of, taken_words
from policy_engine.policy import Finding
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_file.library import plugin_and_pack
from policy_engine.policy_file.scope import commit_of, is_for
from policy_engine.report import BaselineRef, RunRef, Subject, Verdict


class _Identity(TypedDict):
    """The fields of a `RunRef`."""

    run_id: str
    run_name: str | None
    experiment: str | None
    model_id: str | None
    model: str | None
    registered: str | None
    commit: str | None


def without_candidate(path: str, verdict: Verdict, reason: str) -> Subject:
    """Return the subject of a policy file that judged no run, and why."""
    return Subject(
        policy_file=path,
        verdict=verdict,
        reason=reason,
        candidate=None,
        baseline=None,
        passed_over=(),
        notes=(),
        findings=(),
    )


def run_ref(run: RunRecord) -> RunRef:
    """Return which run, model and commit was judged."""
    return RunRef(**_identity(run))


def baseline_ref(baseline: BaselineRecord | None) -> BaselineRef | None:
    """Return which run it was judged against; None where there was none."""
    if baseline is None or not isinstance(baseline.run, RunRecord):
        return None
    trained = baseline.run.end_time or baseline.run.start_time
    return BaselineRef(
        found_by=baseline.found_by or "",
        trained=trained.astimezone(UTC).replace(microsecond=0) if trained else None,
        commits=baseline.commits,
        **_identity(baseline.run),
    )


def notes_on(
    file: PolicyFile, candidate: CandidateRecord, baseline: BaselineRecord | None
) -> Iterator[str]:
    """Yield what a reader should know although no finding says it."""
    yield from candidate.notes
    metric = file.metric
    for run in (candidate.run, baseline.run if baseline else None):
        if isinstance(run, RunRecord) and metric is not None:
            yield from evaluation_notes(run, metric.name, metric.dataset)
            which = which_value(file, run)
            if which is not None:
                name = file.evidence.names.get(metric.name, metric.name)
                yield f"{name} of run {run.run_id[:8]} is the {which}"
    counts = file.metric or candidate.run.primary_metric
    if counts is not None:
        yield from on_training_rows(counts.name)
        yield from _on_training_rows_of_keras(counts.name, candidate.run)
    if file.profile is not None:
        yield f"judged under the profile {file.profile}"
    if file.required:
        yield f"required beneath this policy file: {', '.join(map(_required, file.required))}"
    model = candidate.run.model
    if isinstance(model, Unreadable):
        yield f"the candidate's model could not be read: {model.unreadable}"
    if not file.first_run:
        return
    if baseline is not None and baseline.run is not None:
        yield "a baseline exists now: remove `first_run: true` from the policy file"
    else:
        yield "first_run: nothing was compared with a baseline; this is a rubber stamp, once"


def _required(given: str) -> str:
    """Return a required pack in words."""
    plugin, pack = plugin_and_pack(given)
    return pack if plugin is None else f"{pack} (--require loaded its plugin, {plugin})"


def which_value(file: PolicyFile, run: RunRecord) -> str | None:
    """Say which of several values of the file's metric counts; None where there is one value."""
    metric = file.metric
    if metric is None:
        return None
    name = file.evidence.names.get(metric.name, metric.name)
    goal = goal_of(metric.name, metric.goal)
    return taken_words(run, name, metric.take, goal, percent=metric.scale == "percent")


def saying_which_value(finding: Finding, file: PolicyFile, run: RunRecord) -> Finding:
    """Return a finding that says which of several values it judged, if that is the file's metric.

    It is known by where the measured value comes from; rows or other runs have one value each.
    """
    if file.metric is None or finding.measured is None:
        return finding
    names = {file.metric.name, file.evidence.names.get(file.metric.name)}
    which = which_value(file, run)
    if which is None or finding.measured.source not in {f"metric {name}" for name in names}:
        return finding
    return finding.saying(f" (the {which})")


def on_training_rows(metric: str) -> Iterator[str]:
    """Yield what to know of a metric that judges by the rows that training saw."""
    if of_training_rows(metric):
        yield (
            f"{metric} is by its name a metric of the rows that training saw, not of new ones; "
            "name one of evaluation data"
        )


def _on_training_rows_of_keras(metric: str, run: RunRecord) -> Iterator[str]:
    """Yield the same of a name that only Keras gives to training rows: that without a prefix."""
    flavors = run.model.flavors if isinstance(run.model, ModelRecord) else None
    known = flavors if isinstance(flavors, tuple) else ()
    if f"val_{metric}" in run.metrics and {"keras", "tensorflow"}.intersection(known):
        yield (
            f"{metric} is what Keras logs of the rows that training saw, beside val_{metric}: it "
            "says how well the model fits these, not how well it predicts others; name "
            f"val_{metric}"
        )


def unclaimed(files: Sequence[PolicyFile], evidence: EvidenceRecord) -> Iterator[str]:
    """Yield each run of the change that no policy file is for: the change may need it none."""
    change = None if evidence.named else evidence.change
    if change is None:
        return
    runs = {c.run.run_id: c.run for c in evidence.candidates}
    for candidate in evidence.candidates:
        if any(is_for(file, candidate, change) for file in files):
            runs.pop(candidate.run.run_id, None)
    for run in runs.values():
        name = f"{run.run_name} ({run.run_id[:8]})" if run.run_name else run.run_id
        yield f"not judged: no policy file applies to run {name} of this change"


def _identity(run: RunRecord) -> _Identity:
    model = run.model if isinstance(run.model, ModelRecord) else None
    version = model.versions[-1] if model and model.versions else None
    return {
        "run_id": run.run_id,
        "run_name": run.run_name,
        "experiment": run.experiment,
        "model_id": model.model_id if model else None,
        "model": model.name if model else None,
        "registered": f"{version.name}/{version.version}" if version else None,
        "commit": commit_of(run),
    }
