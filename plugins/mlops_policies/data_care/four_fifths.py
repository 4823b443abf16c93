"""The four-fifths rule: no group is chosen much less often than another."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction as Exact
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from mlops_policies.comparing.amounts import ONCE, about, p_value
from mlops_policies.groups.group_counts import (
    Attributes,
    Counts,
    ErrorOfAll,
    Label,
    counts_of,
    doubt,
    listed_groups,
    logged_counts,
    logged_rows,
    readable,
    require_groups,
    table_with,
)
from mlops_policies.groups.selection import selected
from mlops_policies.groups.selection_ratios import (
    Ratio,
    compared,
    lowest,
    rows_for_equal,
    smallest_shown,
)
from policy_engine.evidence import (
    Case,
    EvidenceError,
    Grade,
    Measurement,
    MissingEvidence,
    Needs,
    Run,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Fraction, Tighter, divide, exact

RATE = "selection_rate"
Read = Counts | EvidenceError
Family = Mapping[str, Sequence[Ratio]]


class FourFifths(Policy, name="four-fifths"):
    """No group of a protected attribute is selected at a much lower rate than another.

    A model can be accurate and still give what it has to give mostly to some. Regulators look at
    the ratio of selection rates first: under four fifths is taken as evidence of adverse impact.

    Of each group: selection rate = rows with the favourable prediction / rows. All pairs of groups
    are compared: ratio = the lower rate / the higher one. It is at most U, by the score test of
    Miettinen and Nurminen with Holm's correction over all pairs in this policy.

    - fail: U < `min_ratio` for some pair, so chance does not explain it
    - inconclusive: ratio < `min_ratio` <= U; or nobody is selected; or a group is too small
    - pass: otherwise. The message says which ratio these rows would have shown as too low.

    `mode: point` fails on the ratio itself: of 10 equal groups of 100 rows that fails 15 % of
    the time. A null prediction selects nobody; a null group is the group `(none)`. Rows with a
    `weight`, or several of one `cluster`, count as Kish's effective number. When the baseline fails
    as well and the candidate is no worse, the message says so; it fails all the same. The rule
    speaks of rates alone: not of who deserved to be selected (`equalized-odds-gap`).

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X),
    sex=people["sex"])`; or metrics `selection_rate/<column>/<value>` and `count/<column>/<value>`.

    Source: 29 CFR 1607.4(D), a rule of thumb of the Uniform Guidelines; Miettinen and Nurminen,
    Statistics in Medicine 4 (1985); Aequitas.
    """

    needs = Needs.PREDICTIONS | Needs.BASELINE

    attributes: Attributes
    favourable: Label = Field(
        examples=["approved"],
        description="The prediction that benefits the person; of numbers a bound, as '>= 600'.",
    )
    min_ratio: Annotated[Fraction, Tighter.HIGHER] = Field(
        default=exact(0.8),
        gt=0,
        le=1,
        description="Least selection rate of a group, as a share of another's (ratio).",
    )
    min_group: int = Field(
        default=100, ge=1, description="A group with fewer is not judged, but named (rows)."
    )
    mode: Literal["interval", "point"] = Field(
        default="interval",
        description="Whether a ratio fails when it is shown to be too low (interval), "
        "or as soon as it is (point).",
    )
    alpha: ErrorOfAll = 0.05

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each attribute."""
        read = self._read(case.candidate)
        theirs = self._read(case.baseline) if case.has_baseline else {}
        family, beside = self._tested(read), self._tested(theirs)
        for attribute, counts in read.items():
            yield part(
                attribute,
                partial(self._judged, attribute, counts, family, beside.get(attribute, ())),
            )

    def _read(self, run: Run) -> dict[str, Read]:
        """Return the counts of each attribute, or why there are none."""
        read: dict[str, Read] = {}
        for attribute in self.attributes:
            try:
                read[attribute] = self._counts(run, attribute)
            except EvidenceError as e:
                read[attribute] = e
        return read

    def _counts(self, run: Run, attribute: str) -> Counts:
        table = table_with(run, attribute)
        if table is not None:
            counts = counts_of(table, attribute, selected(table, self.favourable, run))
        else:
            rows = logged_rows(run, attribute)
            if not rows:
                raise MissingEvidence(
                    f"protected attribute {attribute} declared but no group counts: the "
                    f"{run.role} run has neither a predictions table with that column nor metrics "
                    f"{RATE}/{attribute}/<value> and count/{attribute}/<value>",
                    "log the column: policy_engine.training.log_predictions(row_id=…, target=…, "
                    f"prediction=…, {attribute}=…)",
                )
            counts = logged_counts(run, RATE, attribute, rows)
        require_groups(counts, attribute, run)
        return counts

    def _tested(self, read: Mapping[str, Read]) -> Family:
        known = {name: each for name, each in read.items() if not isinstance(each, EvidenceError)}
        return compared(known, self.min_group, float(self.min_ratio), self.alpha)

    def _judged(
        self, attribute: str, counts: Read, family: Family, beside: Sequence[Ratio]
    ) -> Finding:
        if isinstance(counts, EvidenceError):
            raise counts
        ratios, small = sorted(family[attribute], key=lowest), self._small(counts)
        if not any(higher.hits for _, higher in (ratio.counts for ratio in ratios)):
            why = small or f"no row of it is predicted {self.favourable}: there is no ratio"
            return Finding(
                outcome=Outcome.INCONCLUSIVE,
                part=attribute,
                message=f"the selection rates of {attribute} cannot be compared: {why}",
                remedy="evaluate on more rows of each group, or see why nobody is selected",
            )
        failed = [ratio for ratio in ratios if self._fails(ratio)]
        worst = (failed or ratios)[0]
        in_doubt = not failed and self._is_low(ratios[0])
        outcome = Outcome.PASS
        if failed:
            outcome = Outcome.FAIL
        elif small or in_doubt:
            outcome = Outcome.INCONCLUSIVE
        tests = sum(map(len, family.values()))
        message = self._said(attribute, worst) + (f"; {small}" if small else "")
        if failed:
            also = [f"{' and '.join(r.groups)} ({readable(r.value)})" for r in failed[1:]]
            message += f"; too low as well: {listed_groups(also)}" if also else ""
            message += self._beside(worst, beside)
        elif self.mode == "interval":
            message += self._doubt(attribute, worst, tests) if in_doubt else ""
            message += self._sensitivity(ratios, tests) + (self._needed(counts) if in_doubt else "")
        message += self._test(worst, tests)
        return Finding(
            outcome=outcome,
            part=attribute,
            message=self._in_short(attribute, worst, outcome, small),
            detail=message,
            measured=_measured(worst.value, attribute),
            limit=Limit(self.min_ratio, "ratio", ">="),
            remedy=self._remedy(outcome, attribute, worst, tests),
        )

    def _is_low(self, ratio: Ratio) -> bool:
        return ratio.value < Exact(self.min_ratio)

    def _fails(self, ratio: Ratio) -> bool:
        return self._is_low(ratio) and (self.mode == "point" or ratio.test.rejected)

    def _in_short(self, attribute: str, worst: Ratio, outcome: Outcome, small: str) -> str:
        (low, high), least = worst.groups, readable(float(self.min_ratio))
        said = (
            f"{attribute}={low} is selected {readable(worst.value)} times as often as "
            f"{attribute}={high}"
        )
        if outcome is Outcome.INCONCLUSIVE and not small:
            return f"{said}, but so few rows do not show a breach of {least}"
        return f"{said}; it must be at least {least}{doubt(outcome, small)}"

    def _said(self, attribute: str, worst: Ratio) -> str:
        (low, high), (less, more) = worst.groups, worst.counts
        least = readable(float(self.min_ratio))
        chance = ""
        if self.mode == "interval" and self._is_low(worst):
            chance = f": a true ratio under {least} is shown"
            if not worst.test.rejected:
                chance = f", but the true ratio may be as high as {readable(worst.upper)}"
        return (
            f"the selection rate of {attribute}={low} ({less}) is {readable(worst.value)} times "
            f"that of {attribute}={high} ({more}); it must be at least {least}{chance}"
        )

    def _doubt(self, attribute: str, worst: Ratio, tests: int) -> str:
        """Say whether the two groups are shown to differ at all, whatever the ratio that must be.

        At the level of one of so many pairs: which of them is the widest is known only afterwards.
        """
        (low, high), p = worst.groups, min(1.0, 2 * worst.p(1.0))  # which is lower, was seen first
        differ = "is" if p < self.alpha / tests else "is not"
        return (
            f"; that {attribute}={low} and {attribute}={high} are not selected alike {differ} "
            f"beyond chance (two-sided p = {p_value(p)} against 'are selected alike')"
        )

    def _test(self, worst: Ratio, tests: int) -> str:
        """Return the test, in brackets; nothing where the ratio is not tested, or high enough."""
        if self.mode == "point" or not self._is_low(worst):
            return ""
        family = f", {self.alpha:.4g} by Holm over {tests:,} pairs" if tests > 1 else ""
        least, p = readable(float(self.min_ratio)), worst.p(float(self.min_ratio))
        return (
            f" (score test of Miettinen and Nurminen: one-sided p = {p_value(p)} against "
            f"'a ratio of {least} or more'; upper bound {readable(worst.upper)}; "
            f"alpha = {worst.test.alpha:.4g}{family})"
        )

    def _small(self, counts: Counts) -> str:
        small = {group: c for group, c in counts.items() if c.rows < self.min_group}
        if not small:
            return ""
        named = [f"{group} ({c.rows:,} rows)" for group, c in small.items()]
        return f"under {self.min_group:,} rows and not judged: {listed_groups(named)}"

    def _sensitivity(self, ratios: Sequence[Ratio], tests: int) -> str:
        """Say which ratio the rows would have shown as too low between any two groups."""
        shown_from = smallest_shown(ratios, float(self.min_ratio), self.alpha / tests)
        if shown_from is None:
            return (
                "; with so few rows no ratio, however low, is shown to be too low between some two "
                "groups"
            )
        between = "any two groups" if len(ratios) > 1 else "these groups"
        return (
            f"; with as many rows only a ratio of {readable(shown_from)} or less is shown to be "
            f"too low between {between}"
        )

    def _needed(self, counts: Counts) -> str:
        """Say how many rows would seldom leave groups of equal rates in doubt."""
        least = float(self.min_ratio)
        rows = rows_for_equal(counts, self.min_group, least)
        if rows is None:
            return ""
        return (
            f"; groups of equal rates would all be at {readable(least)} or above 4 times in 5 with "
            f"{about(rows)} rows each"
        )

    def _remedy(self, outcome: Outcome, attribute: str, worst: Ratio, tests: int) -> str | None:
        group, least = worst.groups[0], float(self.min_ratio)
        if outcome is Outcome.FAIL:
            return (
                f"find out why {attribute}={group} is selected less: its rows, its features, its "
                "labels, the threshold; fix it, or have the reason approved"
            )
        if outcome is Outcome.PASS:
            return None
        more = f"evaluate on more rows of {attribute}={group} and of every group that is named"
        rows = worst.rows_to_show(least, self.alpha / tests)
        if rows is None:
            return more
        return (
            f"{more}: {about(rows)} a group decide 4 times in 5, if the true ratio is the "
            f"{readable(worst.value)} seen here; {ONCE}"
        )

    def _beside(self, mine: Ratio, theirs: Sequence[Ratio]) -> str:
        """Say so if the baseline fails as well and the candidate is no worse."""
        failed = [ratio for ratio in theirs if self._fails(ratio)]
        if not failed or (worst := min(failed, key=lowest)).value > mine.value:
            return ""
        return (
            f"; the baseline fails as well, with {readable(worst.value)}, and the "
            "candidate is no worse"
        )


def _measured(value: Exact, attribute: str) -> Measurement:
    ratio = divide(exact(value.numerator), exact(value.denominator))
    return Measurement(ratio, "ratio", Grade.RECOMPUTED, f"selection rates of {attribute}")
