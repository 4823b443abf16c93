"""What many past runs came to, counted: by policy, and by limit."""

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from policy_engine.history.replay import NOT_REPLAYED, Said, Verdicts
from policy_engine.statistics import Bounds, clopper_pearson_bounds

OUTCOMES = ("pass", "fail", "missing", "inconclusive", "error", NOT_REPLAYED, "not-applicable")
SHARES = (0.01, 0.05, 0.10)
"""Shares of runs, of each of which a limit is told that would have blocked so many."""
MOST_NAMED = 100
"""Runs that are named for each policy; the others are counted."""
BINS = 12


@dataclass(frozen=True, slots=True)
class PastRun:
    """Which run: id, name, experiment's id, and when it ended (ISO 8601)."""

    run_id: str
    name: str | None
    experiment_id: str
    ended: str


@dataclass(slots=True)
class Numbers:
    """What one part of a policy measured, over all runs."""

    part: str | None
    op: str
    unit: str
    values: "array[float]" = field(default_factory=lambda: array("d"))
    limits: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def limit(self) -> float | None:
        """The limit, where it was the same for all runs."""
        return self.limits[0] if min(self.limits) == max(self.limits) else None

    @property
    def beyond(self) -> int:
        """How many were beyond their limit."""
        pairs = zip(self.values, self.limits, strict=True)
        return sum(not _holds(self.op, value, limit) for value, limit in pairs)

    @property
    def spread(self) -> "Spread | None":
        """The distribution: of the values, or of each as a share of its limit where that differs.

        None where such a share has no meaning, since some limit is 0 or below.
        """
        if self.limit is not None:
            return Spread(sorted(self.values), self.op, self.unit, self.limit)
        if min(self.limits) <= 0:
            return None
        shares = sorted(v / limit for v, limit in zip(self.values, self.limits, strict=True))
        return Spread(shares, self.op, "%", 1.0)


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers are distributed, and where their limit lies among them.

    Attributes:
        ordered: The numbers, the least first.
        op: How they must stand to the limit.
        unit: Of all.
        limit: The limit.
    """

    ordered: Sequence[float]
    op: str
    unit: str
    limit: float

    def blocking(self, share: float) -> float:
        """Return the tightest limit that would have blocked at most a share of the runs."""
        most = math.floor(share * len(self.ordered))
        # Numbers that are equal to it are on the good side.
        return self.ordered[-1 - most if self.op in {"<=", "<"} else most]

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """First quartile, median and third quartile."""
        last = len(self.ordered) - 1
        low, middle, high = (self.ordered[round(last * n / 4)] for n in (1, 2, 3))
        return low, middle, high

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest, the limit among them."""
        return min(self.ordered[0], self.limit), max(self.ordered[-1], self.limit)

    @property
    def bins(self) -> list[int]:
        """How many lie in each of `BINS` equal parts between the ends; one if these are equal."""
        low, high = self.ends
        if low == high:
            return [len(self.ordered)]
        edges = [low + (high - low) * n / BINS for n in range(1, BINS)]
        places = [0, *(bisect_left(self.ordered, e) for e in edges), len(self.ordered)]
        return [b - a for a, b in pairwise(places)]

    @property
    def bin_of_limit(self) -> int:
        """The bin in which the limit lies."""
        low, high = self.ends
        return 0 if low == high else min(BINS - 1, int((self.limit - low) / (high - low) * BINS))


def _holds(op: str, value: float, limit: float) -> bool:
    return {"<=": value <= limit, ">=": value >= limit, "<": value < limit, ">": value > limit}[op]


@dataclass(slots=True)
class PolicyTally:
    """What one binding came to.

    Attributes:
        policy_file: Its policy file.
        id: Its id there.
        outcomes: Runs by outcome.
        reasons: Why it was not replayed, by reason.
        blocked: Runs that it would have blocked.
        runs: Those runs, the first `MOST_NAMED`, each with what was said.
        repeats: Runs with the code, data and parameters of an earlier run that passed.
        alarms: How many of them failed.
        numbers: What its parts measured.
    """

    policy_file: str
    id: str
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    blocked: int = 0
    runs: list[tuple[PastRun, str]] = field(default_factory=list)
    repeats: int = 0
    alarms: int = 0
    numbers: dict[tuple[str | None, str, str], Numbers] = field(default_factory=dict)

    def add(self, run: PastRun, said: Said, *, has_passed: bool) -> None:
        """Count what it said of a run.

        Args:
            run: The run.
            said: What it said.
            has_passed: Whether an earlier run with the same code, data and parameters passed.
        """
        self.outcomes[said.outcome] += 1
        if said.outcome == NOT_REPLAYED:
            self.reasons[said.why or ""] += 1
        if said.blocks:
            self.blocked += 1
            if len(self.runs) < MOST_NAMED:
                self.runs.append((run, said.why or said.outcome))
        if has_passed and said.outcome in {"pass", "fail"}:
            self.repeats += 1
            self.alarms += said.outcome == "fail"
        for each in said.numbers:
            numbers = self._numbers_of(each.part, each.op, each.unit)
            numbers.values.append(each.value)
            numbers.limits.append(each.limit)

    def extend(self, more: "PolicyTally") -> None:
        """Add what it came to on runs that come after."""
        self.outcomes += more.outcomes
        self.reasons += more.reasons
        self.blocked += more.blocked
        self.runs += more.runs[: MOST_NAMED - len(self.runs)]
        self.repeats += more.repeats
        self.alarms += more.alarms
        for key, theirs in more.numbers.items():
            mine = self._numbers_of(*key)
            mine.values.extend(theirs.values)
            mine.limits.extend(theirs.limits)

    def _numbers_of(self, part: str | None, op: str, unit: str) -> Numbers:
        numbers = self.numbers.get((part, op, unit))
        if numbers is None:
            numbers = self.numbers[part, op, unit] = Numbers(part, op, unit)
        return numbers

    @property
    def alarm_bounds(self) -> Bounds | None:
        """Bounds of the share of false alarms, 95 % each; None where nothing was repeated."""
        return clopper_pearson_bounds(self.alarms, self.repeats, 0.05) if self.repeats else None


@dataclass(slots=True)
class Tally:
    """What one set of policies came to.

    Attributes:
        runs: Runs that were judged by a policy file at least.
        blocked: Runs that some policy would have blocked.
        unclaimed: Runs that no policy file is for.
        policies: By policy file and id.
    """

    runs: int = 0
    blocked: int = 0
    unclaimed: int = 0
    policies: dict[tuple[str, str], PolicyTally] = field(default_factory=dict)
    _passed: set[tuple[str, str, str]] = field(default_factory=set)
    _experiment: str = ""

    def add(self, run: PastRun, verdicts: Verdicts, recipe: str | None) -> None:
        """Count a run.

        Args:
            run: The run; those of an experiment come one after the other.
            verdicts: What each policy said.
            recipe: What stands for its code, data and parameters; None: it does not say them.
        """
        if run.experiment_id != self._experiment:
            self._experiment = run.experiment_id
            self._passed.clear()
        self.runs += bool(verdicts)
        self.unclaimed += not verdicts
        self.blocked += any(said.blocks for said in verdicts.values())
        for (file, id_), said in verdicts.items():
            tally = self._of(file, id_)
            key = (recipe or "", file, id_)
            tally.add(run, said, has_passed=recipe is not None and key in self._passed)
            if said.outcome == "pass":
                self._passed.add(key)

    def extend(self, more: "Tally") -> None:
        """Add what they came to on runs of other experiments, which come after."""
        self.runs += more.runs
        self.blocked += more.blocked
        self.unclaimed += more.unclaimed
        for (file, id_), theirs in more.policies.items():
            self._of(file, id_).extend(theirs)

    def _of(self, file: str, id_: str) -> PolicyTally:
        # No `setdefault`: it would make an empty tally for every judgement.
        tally = self.policies.get((file, id_))
        if tally is None:
            tally = self.policies[file, id_] = PolicyTally(file, id_)
        return tally

    def worst_first(self) -> list[PolicyTally]:
        """Return the policies, those that block most first."""
        return sorted(
            self.policies.values(),
            key=lambda each: (-each.blocked, -each.outcomes["fail"], each.policy_file, each.id),
        )


@dataclass(slots=True)
class Newly:
    """Runs that one set of policies would block and the other would not.

    Attributes:
        count: How many.
        runs: The first `MOST_NAMED`, each with the policies that block.
    """

    count: int = 0
    runs: list[tuple[PastRun, tuple[str, ...]]] = field(default_factory=list)

    def add(self, run: PastRun, mine: Verdicts, theirs: Verdicts) -> None:
        """Count a run if the first blocks it and the second does not."""
        ids = tuple(id_ for (_, id_), said in mine.items() if said.blocks)
        if not ids or any(said.blocks for said in theirs.values()):
            return
        self.count += 1
        if len(self.runs) < MOST_NAMED:
            self.runs.append((run, ids))

    def extend(self, more: "Newly") -> None:
        """Add runs that come after."""
        self.count += more.count
        self.runs += more.runs[: MOST_NAMED - len(self.runs)]


def reasons(tally: Tally) -> Iterator[tuple[str, int]]:
    """Yield why policies were not replayed, the most frequent first, each with a count."""
    yield from sum((each.reasons for each in tally.policies.values()), Counter()).most_common()
