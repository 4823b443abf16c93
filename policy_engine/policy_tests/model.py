"""What a file of policy tests says, valid."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policy_engine.evidence.record import EvidenceRecord
from policy_engine.loading import Loaded
from policy_engine.policy import Outcome
from policy_engine.policy_file import PolicyFile
from policy_engine.report import Effect
from policy_engine.source.problems import Spot

COVERED = (Outcome.PASS, Outcome.FAIL, Outcome.MISSING)
"""What a policy must be seen to find, each in a case of its own, to count as covered."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one binding is expected to find.

    Attributes:
        at: Where it stands.
        id: The binding's id.
        outcome: The outcome: of its part, else the worst of all its findings.
        part: Which finding; None: all of the binding.
        message: What the message must hold.
        effect: What the finding must do to the merge.
    """

    at: Spot
    id: str
    outcome: Outcome
    part: str | None = None
    message: str | None = None
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class PolicyTestCase:
    """Evidence, the moment of judgement, and what is expected."""

    where: Spot
    name: str
    at: datetime
    evidence: EvidenceRecord
    expected: tuple[Expected, ...]


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One file of policy tests.

    Attributes:
        path: The file, as messages name it.
        loaded: The policy file under test, and its plugins.
        cases: In the order of the file.
        not_possible: By id and outcome, why no case can show it.
    """

    path: str
    loaded: Loaded
    cases: tuple[PolicyTestCase, ...]
    not_possible: Mapping[str, Mapping[Outcome, str]]

    @property
    def policies(self) -> PolicyFile:
        """The policy file under test."""
        return self.loaded.policies.files[0]
