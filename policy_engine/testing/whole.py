"""A whole policy file on runs, and a plugin's baseline rule, with no MLflow in sight."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from policy_engine import __version__
from policy_engine.evidence import EVERYTHING, Change, MissingEvidence, Needs, Run
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    EvidenceRecord,
    RunRecord,
)
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.loading import load_texts
from policy_engine.plugins import Plugins
from policy_engine.report import Engine, PolicySource, Report
from policy_engine.testing.evidence import NOW


def check_policies(
    text: str,
    *,
    candidate: RunRecord,
    baseline: RunRecord | None = None,
    history: Iterable[RunRecord] = (),
    change: Change | None = None,
    at: datetime = NOW,
) -> Report:
    """Return the report of a policy file on one candidate, as `policy-engine check` makes it.

    The plugins that the file names load as they do in a real check, so they must be installed.
    Their formats and their `report_ready` are given the report, too.

    Args:
        text: The policy file (YAML).
        candidate: The run under judgement.
        baseline: The run that the file's first baseline rule finds; None: no rule finds one.
        history: Earlier runs, newest first.
        change: The pull request; None: outside of one.
        at: The moment of judgement.

    Raises:
        PolicyFileError, PluginError: As `policy-engine validate`.
        AssertionError: If a format or `report_ready` of a plugin breaks down.
    """
    loaded = load_texts({"policies/policies.yaml": text.encode()}, {})
    (file,) = loaded.policies.files
    found = BaselineRecord(
        rules=file.baseline,
        metric=file.metric.name if file.metric else None,
        found_by="the test" if baseline else None,
        run=baseline,
    )
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
        for record in (*self._runs, *self._aliases.values()):
            if record.run_id == run_id:
                return Run(record, Needs.RUN, "baseline")
        raise MissingEvidence(f"there is no run {run_id}")

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
