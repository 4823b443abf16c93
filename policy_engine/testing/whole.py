"""A whole policy file on runs, and a plugin's baseline rule, with no MLflow in sight."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from policy_engine import __version__
from policy_engine.evidence import EVERYTHING, Change, MissingEvidence, Needs, Run
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    PassedOver,
    RunRecord,
)
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.loading import load_texts
from policy_engine.plugins import Plugins
from policy_engine.policy_file import PolicyFile
from policy_engine.policy_file.declaring import flow
from policy_engine.report import Engine, PolicySource, Report
from policy_engine.testing.evidence import NOW


def check_policies(
    text: str,
    *,
    candidate: RunRecord,
    baseline: "RunRecord | Tracking | None" = None,
    history: Iterable[RunRecord] = (),
    change: Change | None = None,
    at: datetime = NOW,
) -> Report:
    """Return the report of a policy file on one candidate, as `policy-engine check` makes it.

    The plugins that the file names load as they do in a real check, so they must be installed.
    Their formats and their `report_ready` are given the report, too, and their `resolve_baseline`
    is asked where the baseline is to be found.

    Args:
        text: The policy file (YAML).
        candidate: The run under judgement.
        baseline: The run that the file's first baseline rule finds; None: no rule finds one. A
            `Tracking`: what the plugins' own rules may ask to find it.
        history: Earlier runs, newest first.
        change: The pull request; None: outside of one.
        at: The moment of judgement.

    Raises:
        PolicyFileError, PluginError: As `policy-engine validate`.
        AssertionError: If a format or `report_ready` of a plugin breaks down, or a baseline rule
            returned something else than a run of `baseline`.
    """
    loaded = load_texts({"policies/policies.yaml": text.encode()}, {})
    (file,) = loaded.policies.files
    found = _found(file, loaded.plugins, candidate, baseline)
    judged = CandidateRecord(
        run=candidate,
        baselines=(found,),
        history=tuple(history),
        model_name=file.candidate.model_name,
    )
    evidence = EvidenceRecord(needs=EVERYTHING.names, candidates=(judged,), change=change)
    engine = Engine(__version__, tuple(str(plugin) for plugin in loaded.plugins.loaded))
    source = PolicySource(loaded.policies.digest, trusted=True)
    report = evaluate(loaded.policies, evidence, Context(at, source, engine))
    _told(report, loaded.plugins)
    return report


def _found(
    file: PolicyFile, plugins: Plugins, candidate: RunRecord, given: "RunRecord | Tracking | None"
) -> BaselineRecord:
    """Return what the baseline rules of the file find."""
    passed_over = []
    name, found_by = file.metric.name if file.metric else None, "the test"
    run = None if isinstance(given, Tracking) else given
    for rule in file.baseline if isinstance(given, Tracking) else ():
        assert isinstance(given, Tracking)  # noqa: S101 (mypy)
        found_by = flow(rule)
        try:
            run, why = _by_rule(plugins, rule, candidate, given), "it is not a plugin's own rule"
        except MissingEvidence as e:
            why = str(e)
        if run is not None:
            break
        passed_over.append(PassedOver(rule=found_by, why=why))
    return BaselineRecord(
        rules=file.baseline,
        metric=name,
        found_by=found_by if run else None,
        passed_over=tuple(passed_over),
        run=run,
    )


def _by_rule(
    plugins: Plugins, rule: Mapping[str, Any], candidate: RunRecord, tracking: "Tracking"
) -> RunRecord | None:
    """Return the run that a plugin finds by a rule; None for one that is built in.

    Raises:
        MissingEvidence: If the plugin knows the rule and found no run.
        AssertionError: If it found a run that is not of `tracking`.
    """
    if rule.keys() <= plugins.baseline_rules.built_in.keys():
        return None
    found = plugins.resolve_baseline(rule, Run(candidate, Needs.RUN), tracking)
    if found is None:
        raise AssertionError(f"no plugin knows the baseline rule {flow(rule)}")
    record = tracking.record(found.run_id)
    if record is None:
        raise AssertionError(f"the rule {flow(rule)} returned a run that `tracking` has not")
    return record


def _told(report: Report, plugins: Plugins) -> None:
    """Have the plugins' formats and notifiers take the report, as after a check.

    Raises:
        AssertionError: If one of them breaks down, or a format returns something else than text.
    """
    texts: dict[str, object] = {n: render(report) for n, render in plugins.renderers.items()}
    broken = [
        f"the format {name} returned {text!r:.100}, which is not text"
        for name, text in texts.items()
        if not isinstance(text, str)
    ]
    plugins.report_ready(report, broken.append)
    if broken:
        raise AssertionError("\n".join(broken))


class Tracking:
    """What `resolve_baseline` may ask, over runs that a test made."""

    def __init__(
        self,
        *runs: RunRecord,
        aliases: Mapping[tuple[str, str], RunRecord] | None = None,
    ) -> None:
        """Know these runs, newest first.

        Args:
            *runs: The runs of the candidate's experiment.
            aliases: Registered name and alias to the run behind that version.
        """
        self._runs = runs
        self._aliases = aliases or {}

    def run(self, run_id: str) -> Run:
        """Return a run by id.

        Raises:
            MissingEvidence: If there is none.
        """
        record = self.record(run_id)
        if record is not None:
            return Run(record, Needs.RUN, "baseline")
        raise MissingEvidence(f"there is no run {run_id}")

    def record(self, run_id: str) -> RunRecord | None:
        """Return what a test gave as the run of that id; None: it gave none."""
        known = (*self._runs, *self._aliases.values())
        return next((each for each in known if each.run_id == run_id), None)

    def by_alias(self, name: str, alias: str) -> Run:
        """Return the run of the registered version that carries the alias.

        Raises:
            MissingEvidence: If there is none.
        """
        if (name, alias) not in self._aliases:
            raise MissingEvidence(f"registered model {name} has no alias {alias}")
        return Run(self._aliases[name, alias], Needs.RUN, "baseline")

    def by_tag(self, key: str, value: str) -> tuple[Run, ...]:
        """Return FINISHED runs with this tag, newest first."""
        return tuple(
            Run(record, Needs.RUN, "baseline")
            for record in self._runs
            if record.status == "FINISHED" and record.tags.get(key) == value
        )
