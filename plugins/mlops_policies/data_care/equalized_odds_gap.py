"""Equalized odds: who is alike in truth is treated alike, whatever the group."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction as Exact
from functools import partial
from typing import Annotated

from pydantic import Field

from mlops_policies.comparing.amounts import about
from mlops_policies.groups.error_rates import KINDS, TPR, Rates, rates_of
from mlops_policies.groups.group_counts import (
    Attributes,
    ErrorOfAll,
    Label,
    doubt,
    listed_groups,
    readable,
)
from mlops_policies.groups.rate_gaps import (
    Pair,
    lower_bound,
    ordered_pairs,
    p_of_gap,
    rows_for_equal,
    widest,
)
from policy_engine.evidence import Case, EvidenceError, Grade, Measurement, Needs, Run
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Fraction, Tighter, divide, exact
from policy_engine.statistics import holm

Read = list[Rates] | EvidenceError


class EqualizedOddsGap(Policy, name="equalized-odds-gap"):
    """Groups of a protected attribute have like true and like false positive rates.

    Equal selection rates can hide that a model finds the deserving of one group and misses those of
    another, or suspects the innocent of one group more often.

    Of each group: true positive rate = rows of the class that are predicted so / rows of the class;
    false positive rate = other rows that are predicted so / other rows. Gap = highest - lowest
    rate over the groups (a difference of rates: 0.1 is 10 of 100 people).

    - fail: of some pair of groups, Newcombe's lower bound of the difference is above `max_gap`, at
      Holm's level over all pairs, both rates, and every attribute and class of this policy
    - inconclusive: a gap above `max_gap` that is not shown; or a group is too small for a rate
    - pass: otherwise. The message says which gap these rows would have shown.

    The class is `positive`, else the policy file's `metric: {positive: …}`, else 1 or true; more
    than two classes are judged one by one, each against the rest. A null prediction is of no
    class; a null group is the group `(none)`. Rows with a `weight`, or several of one `cluster`,
    count as Kish's effective number. When the baseline fails as well and the candidate is no worse,
    the message says so; it fails all the same.

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X),
    sex=people["sex"])`; or metrics `tpr/<column>/<value>`, `fpr/<column>/<value>`,
    `count/<column>/<value>` (rows) and `positives/<column>/<value>` (rows of the class).

    Source: Hardt, Price and Srebro (2016), equalized odds; Fairlearn's
    `equalized_odds_difference`; Newcombe (1998), method 10; Holm (1979). The default of 0.1 is
    custom, not law.
    """

    needs = Needs.PREDICTIONS | Needs.BASELINE

    attributes: Attributes
    max_gap: Annotated[Fraction, Tighter.LOWER] = Field(
        default=exact(0.1), lt=1, description="Greatest gap between two groups' rates (rate)."
    )
    alpha: ErrorOfAll = 0.05
    min_positives: int = Field(
        default=50, ge=1, description="For a true positive rate, rows of the class in a group."
    )
    min_negatives: int = Field(
        default=50, ge=1, description="For a false positive rate, other rows in a group."
    )
    positive: Label | None = Field(
        default=None,
        examples=[1],
        description="The class that counts as positive; by default the policy file's, else 1 "
        "or true, else each class in turn.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each attribute, and for each class where there are several."""
        positive = self.positive
        if positive is None and case.metric_setting is not None:
            positive = case.metric_setting.positive
        read = self._read(case.candidate, positive)
        theirs = self._read(case.baseline, positive) if case.has_baseline else {}
        pairs = self._tested(read)
        beside = self._tested(theirs)
        for attribute, rates in read.items():
            if isinstance(rates, EvidenceError):
                yield part(attribute, partial(_raised, rates))
                continue
            for each in rates:
                yield self._judged(each, pairs, beside.get(each.part, ()))

    def _read(self, run: Run, positive: Label | None) -> dict[str, Read]:
        """Return the rates of each attribute, or why there are none."""
        read: dict[str, Read] = {}
        for attribute in self.attributes:
            try:
                read[attribute] = rates_of(run, attribute, positive)
            except EvidenceError as e:
                read[attribute] = e
        return read

    def _least(self, kind: str) -> int:
        return self.min_positives if kind == TPR else self.min_negatives

    def _tested(self, read: Mapping[str, Read]) -> dict[str, tuple[Pair, ...]]:
        """Return all pairs of groups by part, tested as one family."""
        untested = [
            (rates.part, kind, ordered)
            for each in read.values()
            if not isinstance(each, EvidenceError)
            for rates in each
            for kind, counts in rates.by_kind.items()
            for ordered in ordered_pairs(counts, self._least(kind))
        ]
        most = Exact(self.max_gap)
        tests = holm([p_of_gap(ordered, most) for _, _, ordered in untested], self.alpha)
        pairs: dict[str, tuple[Pair, ...]] = {}
        for (name, kind, ordered), test in zip(untested, tests, strict=True):
            (high, more), (low, less) = ordered
            pair = Pair(kind, (high, low), (more, less), test)
            pairs[name] = (*pairs.get(name, ()), pair)
        return pairs

    def _judged(
        self, rates: Rates, family: Mapping[str, tuple[Pair, ...]], beside: Sequence[Pair]
    ) -> Finding:
        pairs = family.get(rates.part, ())
        tests = sum(map(len, family.values()))
        small = self._small(rates)
        if not pairs:
            return Finding(
                outcome=Outcome.INCONCLUSIVE,
                part=rates.part,
                message=f"the error rates of {_named(rates)} cannot be compared: {small}",
                remedy="evaluate on more rows of each group",
            )
        failed = sorted((p for p in pairs if p.test.rejected), key=widest)
        worst = failed[0] if failed else min(pairs, key=widest)
        outcome = Outcome.PASS
        if failed:
            outcome = Outcome.FAIL
        elif small or worst.gap > Exact(self.max_gap):
            outcome = Outcome.INCONCLUSIVE
        message = self._said(rates, worst, pairs, tests)
        if failed:
            also = [f"{KINDS[p.kind]} {p.groups[0]} and {p.groups[1]}" for p in failed[1:]]
            message += f"; too far apart as well: {listed_groups(also)}" if also else ""
        message += f"; {small}" if small else ""
        message += self._beside(pairs, beside) if failed else self._sensitivity(pairs, tests)
        if not failed and worst.gap > Exact(self.max_gap):
            message += self._needed(rates, worst.kind)
        return Finding(
            outcome=outcome,
            part=rates.part,
            message=f"the {KINDS[worst.kind]} of {_named(rates)} differs by {readable(worst.gap)}; "
            f"it must be at most {readable(float(self.max_gap))}{doubt(outcome, small)}",
            detail=message,
            measured=_measured(worst.gap, rates.attribute),
            limit=Limit(self.max_gap, "rate", "<="),
            remedy=_remedy(outcome, rates.attribute, worst),
        )

    def _said(self, rates: Rates, worst: Pair, pairs: Sequence[Pair], tests: int) -> str:
        """Say the widest gap of either kind, and what of the worst is shown."""
        told = [worst.said]
        told += [min(p, key=widest).said for p in _others(pairs, worst.kind)]
        shows = ""
        if worst.gap > Exact(self.max_gap):
            lower = lower_bound(*worst.counts, worst.test.alpha)
            level = (
                f"Newcombe's method 10, one-sided, with alpha {worst.test.alpha:.4g}: "
                f"{self.alpha:.4g} by Holm over {tests} tests"
            )
            if worst.test.rejected:
                shows = f"; more than {readable(lower)} is shown ({level})"
            else:
                shows = f"; no more than {readable(max(0.0, lower))} is shown ({level})"
        return (
            f"for {_named(rates)}, {' and '.join(told)}{shows}; "
            f"a gap must be at most {readable(float(self.max_gap))}"
        )

    def _small(self, rates: Rates) -> str:
        words = []
        for kind, counts in rates.by_kind.items():
            least = self._least(kind)
            named = [f"{g} ({c.rows:,} rows)" for g, c in counts.items() if c.rows < least]
            if named:
                words.append(
                    f"under {least:,} rows and without a {KINDS[kind]}: {listed_groups(named)}"
                )
        return "; ".join(words)

    def _sensitivity(self, pairs: Sequence[Pair], tests: int) -> str:
        """Say which gap the rows would have shown in every pair, at Holm's first level."""
        alpha = self.alpha / tests
        shows = [p.smallest_shown(float(self.max_gap), alpha) for p in pairs]
        known = [gap for gap in shows if gap is not None]
        if len(known) < len(shows):
            return "; with so few rows no gap, however large, is shown in some pair of groups"
        return (
            f"; with as many rows only a gap of {readable(max(known))} or more is shown in any "
            "pair of groups"
        )

    def _needed(self, rates: Rates, kind: str) -> str:
        """Say how many rows would seldom leave groups of equal rates in doubt."""
        limit = float(self.max_gap)
        rows = rows_for_equal(rates.by_kind[kind], self._least(kind), limit)
        if rows is None:
            return ""
        of = "rows of the class" if kind == TPR else "other rows"
        return (
            f"; groups of an equal {KINDS[kind]} would all be within {readable(limit)} 4 times in "
            f"5 with {about(rows)} {of} each"
        )

    def _beside(self, mine: Sequence[Pair], theirs: Sequence[Pair]) -> str:
        """Say so if the baseline fails as well and the candidate is no worse."""
        if not any(pair.test.rejected for pair in theirs):
            return ""
        gap, other = max(p.gap for p in mine), max(p.gap for p in theirs)
        if gap > other:
            return ""
        return (
            f"; the baseline fails as well, with {readable(other)}, and the candidate is no worse"
        )


def _others(pairs: Sequence[Pair], kind: str) -> list[list[Pair]]:
    rest = [pair for pair in pairs if pair.kind != kind]
    return [rest] if rest else []


def _named(rates: Rates) -> str:
    if rates.positive is None:
        return rates.attribute
    return f"{rates.attribute} and class {rates.positive}"


def _measured(gap: Exact, attribute: str) -> Measurement:
    value = divide(exact(gap.numerator), exact(gap.denominator))
    return Measurement(value, "rate", Grade.RECOMPUTED, f"error rates of {attribute}")


def _remedy(outcome: Outcome, attribute: str, pair: Pair) -> str | None:
    high, low = pair.groups
    if outcome is Outcome.FAIL:
        return (
            f"compare the errors on {attribute}={high} and {attribute}={low}: rows, labels, "
            "features, threshold; fix it, or have the reason approved"
        )
    if outcome is Outcome.INCONCLUSIVE:
        return f"evaluate on more rows of {attribute}={high}, {low} and of every group named"
    return None


def _raised(error: EvidenceError) -> Finding:
    raise error
