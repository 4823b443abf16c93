"""All that one policy may judge."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from policy_engine.evidence.measurement import Metric, resolve_metric
from policy_engine.evidence.no_baseline import baseline_remedy
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    Invalid,
    Needs,
    RunRecord,
    Unreadable,
)
from policy_engine.evidence.run import Run
from policy_engine.evidence.states import (
    MissingEvidence,
    NotApplicable,
    UndeclaredNeed,
    UnreadableEvidence,
    present,
    value_of,
)
from policy_engine.quantities import Rate

Change = ChangeRecord


class Case(NamedTuple):
    """All that one policy may judge: candidate, baseline, history, change, settings and `now`.

    Attributes:
        evidence: What was read of the candidate.
        needs: What the judging policy declares; everything else is closed to it.
        metric_setting: The file's `metric:`, resolved; None: the experiment's own tags decide.
        found: The baseline rules' outcome; None when no rule was asked.
        prices: Hourly prices by instance; `default` for any other.
        first_run: Whether the policy file says that there can be no baseline yet.
        change: The pull request, where there is one.
        now: The moment of judgement (UTC); a policy has no other clock.
    """

    evidence: CandidateRecord
    needs: Needs
    metric_setting: Metric | None = None
    found: BaselineRecord | None = None
    prices: Mapping[str, Rate] = MappingProxyType({})
    first_run: bool = False
    change_record: ChangeRecord | None = None
    now: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    @property
    def candidate(self) -> Run:
        """The run under judgement."""
        return Run(self.evidence.run, self.needs)

    @property
    def has_baseline(self) -> bool:
        """Whether a rule found a baseline."""
        return self.found is not None and isinstance(self.found.run, RunRecord)

    @property
    def baseline(self) -> Run:
        """The run that the candidate must beat. Needs `BASELINE`.

        Raises:
            MissingEvidence: If no rule found one; names what was passed over.
            NotApplicable: If the policy file declares `first_run` and there can be none yet.
        """
        return self._found(self.found, self.found.rules if self.found else ())

    @property
    def commits_since_baseline(self) -> int:
        """How many commits the candidate has that the baseline has not. Needs `BASELINE`.

        Raises:
            MissingEvidence: If git could not tell, or there is no baseline.
            NotApplicable: As `baseline`.
        """
        self._found(self.found, self.found.rules if self.found else ())  # there is a baseline
        if self.found is not None and self.found.commits is not None:
            return self.found.commits
        raise MissingEvidence(
            "how many commits lie between baseline and candidate is not known",
            "run the check in a clone with the whole history (`fetch-depth: 0`), and policy-engine "
            "where training runs: MLflow then tags each run with its commit",
        )

    def against(self, rules: tuple[dict[str, Any], ...]) -> Run:
        """Return the run that baseline rules of the policy's own find. Needs `BASELINE`.

        Args:
            rules: One of the lists that the policy's `rules()` returned.

        Raises:
            MissingEvidence: If none of them found one; names what was passed over.
        """
        found = next((r for r in self.evidence.baselines if r.rules == rules), None)
        if found is None:
            raise UnreadableEvidence(
                "the evidence was collected without the baseline rules of this policy",
                "collect the evidence again with the policies that judge it",
            )
        return self._found(found, rules)

    @property
    def metric(self) -> Metric:
        """The metric that counts: the policy file's, else the experiment's primary metric.

        Raises:
            MissingEvidence: If neither says one, or nobody says its direction.
        """
        if self.metric_setting is not None:
            return self.metric_setting
        primary = self.evidence.run.primary_metric
        if primary is None:
            raise MissingEvidence(
                "neither the policy file nor the experiment says which metric counts",
                "set `metric: {name: …, goal: maximize}` in the policy file",
            )
        return resolve_metric(primary.name, primary.goal, None, "the experiment's tags")

    @property
    def history(self) -> tuple[Run, ...]:
        """Earlier FINISHED runs of the experiment, newest first, facts only. Needs `HISTORY`.

        Their dataset inputs need `DATASETS` too.
        """
        self._declared(Needs.HISTORY, "the history")
        records = value_of(self.evidence.history, "the earlier runs of the experiment")
        return self._runs(records, "earlier")

    @property
    def later(self) -> tuple[Run, ...]:
        """FINISHED runs that ended after the candidate began, newest first. Needs `LATER`.

        Those of its experiment that had ended when the evidence was collected; facts only, their
        dataset inputs with `DATASETS`. What a candidate is judged to be must not depend on them;
        what was tried beside it may.
        """
        self._declared(Needs.LATER, "later runs")
        records = value_of(self.evidence.later, "the later runs of the experiment")
        return self._runs(records, "later")

    def _runs(self, records: Iterable[RunRecord], role: str) -> tuple[Run, ...]:
        open_to = Needs.RUN | (self.needs & Needs.DATASETS)
        return tuple([Run(record, open_to, role) for record in records])

    @property
    def change(self) -> Change:
        """The pull request. Needs `CHANGE`.

        Raises:
            MissingEvidence: Outside a pull request.
        """
        self._declared(Needs.CHANGE, "the change")
        return present(
            self.change_record,
            "there is no pull request to read",
            "run the check in a workflow of the pull request",
        )

    def _declared(self, need: Needs, what: str) -> None:
        if need not in self.needs:
            raise UndeclaredNeed(
                f"the policy reads {what} without declaring it",
                f"add `Needs.{need.name}` to the policy's `needs`",
            )

    def _found(self, found: BaselineRecord | None, rules: tuple[dict[str, Any], ...]) -> Run:
        self._declared(Needs.BASELINE, "the baseline")
        record = found.run if found else None
        if isinstance(record, Unreadable):
            raise UnreadableEvidence(f"the baseline could not be read: {record.unreadable}")
        if record is not None:
            return Run(record, self.needs, "baseline")
        if self.first_run and not self._has_earlier_version():
            raise NotApplicable("the policy file declares first_run: there is no baseline yet")
        raise MissingEvidence(*self._no_baseline(found, rules))

    def _has_earlier_version(self) -> bool:
        model = self.evidence.run.model
        if isinstance(model, (Invalid, Unreadable)):
            raise UnreadableEvidence(
                "the candidate's model could not be read: nobody can say whether first_run holds"
            )
        versions = model.versions if model is not None else ()
        later = (v.version.lstrip("0") for v in versions if v.version.isdecimal())
        return any(number not in {"", "1"} for number in later)

    def _no_baseline(
        self, found: BaselineRecord | None, rules: tuple[dict[str, Any], ...]
    ) -> tuple[str, str]:
        remedy = baseline_remedy(rules)
        if found is None or not rules:
            return "the policy file has no `baseline:` rule, so there is no baseline", remedy
        whys = [f"{p.rule}: {p.why}" for p in found.passed_over]
        if self.first_run:
            whys.append("first_run is declared, but the registered model has earlier versions")
        return f"no baseline ({'; '.join(whys) or 'no rule found one'})", remedy
