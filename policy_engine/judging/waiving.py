"""Which waivers hold for which findings of one evaluation, and which are to be looked after."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from policy_engine.evidence.record import ChangeRecord, RunRecord
from policy_engine.judging.effects import is_waivable
from policy_engine.policy import Finding, Level, Outcome
from policy_engine.policy_file.waiver import Waiver, is_same_person
from policy_engine.report import Judged, WaiverUse


class Waiving:
    """The waivers of one evaluation, and what became of each.

    It remembers while findings are judged, and says at the end what was not used and why.
    """

    def __init__(
        self,
        waivers: Sequence[Waiver],
        now: datetime,
        change: ChangeRecord | None,
        *,
        proposed: bool,
    ) -> None:
        """Begin with none used.

        Args:
            waivers: All of them.
            now: The moment of judgement (UTC).
            change: The pull request, where there is one.
            proposed: Whether the pull request under judgement itself brings the policy files.
        """
        self._waivers = waivers
        self._now = now
        self._author = change.author if change else None
        self._proposed = proposed
        self._used: set[Waiver] = set()
        self._why: dict[Waiver, str] = {}
        self._elsewhere: dict[Waiver, str] = {}  # another candidate's reason is the better one

    def waiver_for(
        self, file: str, id_: str, level: Level, finding: Finding, run: RunRecord
    ) -> Waiver | None:
        """Return the first waiver that lets a blocking finding pass.

        Args:
            file: The policy file that binds the policy.
            id_: The binding's id.
            level: Its level today.
            finding: What the policy found.
            run: Of which run.
        """
        for waiver in self._waivers:
            if waiver.keys.id != id_ or file not in waiver.files:
                continue
            elsewhere = waiver.why_not_for(run)
            if elsewhere is not None:
                self._elsewhere.setdefault(waiver, elsewhere)
                continue
            why = self._why_not(waiver, level, finding)
            if why is None:
                self._used.add(waiver)
                return waiver
            self._why.setdefault(waiver, why)
        return None

    def notes(self, findings: Iterable[Judged]) -> list[str]:
        """Return what nobody checked about the waivers that findings used."""
        used = [finding.waiver for finding in findings if finding.waiver]
        if self._author is not None:
            return []
        said = (
            f"the author of the change is not known: nobody checked that {each['approved_by']}, "
            f"who approved the waiver of '{each['id']}' ({each['where']}), is someone else"
            for each in used
        )
        return list(dict.fromkeys(said))

    def use(self) -> WaiverUse:
        """Return the waivers to look after."""
        live = [w for w in self._waivers if not w.has_expired(self._now)]
        return WaiverUse(
            expiring=tuple(w.to_dict() for w in live if w.expires_soon(self._now)),
            expired=tuple(w.to_dict() for w in self._waivers if w.has_expired(self._now)),
            unused=tuple(w.to_dict(self._why_unused(w)) for w in live if w not in self._used),
        )

    def _why_unused(self, waiver: Waiver) -> str:
        return (
            waiver.unbound
            or self._why.get(waiver)
            or self._elsewhere.get(waiver)
            or "nothing that it is for blocks here"
        )

    def _why_not(self, waiver: Waiver, level: Level, finding: Finding) -> str | None:
        """Return why a waiver does not hold for a finding; None: it holds."""
        if not is_waivable(finding.outcome, level):
            what = "an error" if finding.outcome is Outcome.ERROR else "a mandatory binding"
            return f"nothing waives {what}"
        if waiver.has_expired(self._now):
            return "it has expired"
        if self._proposed:
            return "the pull request itself brings it: it counts once it is merged"
        approved_by = waiver.keys.approved_by
        if self._author is not None and is_same_person(approved_by, self._author):
            return f"{approved_by}, who approved it, is the author of the change"
        return waiver.why_not(finding)
