"""The four-fifths rule: no group is chosen much less often than another."""

from collections.abc import Iterator
from fractions import Fraction as Exact
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from mlops_policies.groups.group_counts import (
    Counts,
    Label,
    counts_of,
    listed_groups,
    logged_counts,
    logged_rows,
    readable,
    require_groups,
    table_with,
)
from mlops_policies.groups.selection import selected
from mlops_policies.groups.selection_ratios import Compared, Ratio, compared
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


class FourFifths(Policy, name="four-fifths"):
    """No group of a protected attribute is selected at a much lower rate than another.

    A model can be accurate and still give what it has to give mostly to some. Regulators look at
    the ratio of selection rates first: under four fifths is taken as evidence of adverse impact.

    Of each group: selection rate = rows with the favourable prediction / rows. Ratio = its rate /
    the highest group's, with half a row added to both cells of each (selected, not selected), so
    that no rate is 0. It is at most U, by the log-ratio bound at alpha / (number of ratios in this
    policy: groups - 1 of each attribute).

    - fail: U < `min_ratio`, so chance does not explain it
    - inconclusive: ratio < `min_ratio` <= U; or nobody is selected; or a group is too small
    - pass: otherwise. The message says which ratio these rows would have shown as too low.

    `mode: point` fails on the ratio itself: of 10 equal groups of 100 rows that fails 15 % of
    the time. A null prediction selects nobody; a null group is the group `(none)`. Rows with a
    `weight`, or several of one `cluster`, count as Kish's effective number. When the baseline fails
    as well and the candidate is no worse, the message says so; it fails all the same. The rule
    speaks of rates alone: not of who deserved to be selected (`equalized-odds-gap`).

    Log it: `training.log_predictions(row_id=ids, target=y, prediction=model.predict(X),
    sex=people["sex"])`; or metrics `selection_rate/<column>/<value>` and `count/<column>/<value>`.

    Source: 29 CFR 1607.4(D), a rule of thumb of the Uniform Guidelines; Katz and others, Biometrics
    34 (1978); Aequitas.
    """

    needs = Needs.PREDICTIONS | Needs.BASELINE

    attributes: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        examples=[["sex"]],
        description="Protected attributes: columns of the predictions table, or of the metrics.",
    )
    favourable: Label = Field(
        examples=["approved"],
        description="The prediction that benefits the person; of numbers a bound, as '>= 600'.",
    )
    min_ratio: Annotated[Fraction, Tighter.HIGHER] = Field(
        default=exact(0.8),
        gt=0,
        le=1,
        description="Least selection rate of a group, as a share of the highest (ratio).",
    )
    min_group: int = Field(
        default=100, ge=1, description="A group with fewer is not judged, but named (rows)."
    )
    mode: Literal["interval", "point"] = Field(
        default="interval",
        description="Whether a ratio fails when it is shown to be too low (interval), "
        "or as soon as it is (point).",
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="Error of the whole policy: the share of models without harm that fail, "
        "at most.",
    )

    @property
    def _least(self) -> Exact:
        return Exact(self.min_ratio)

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each attribute."""
        read = self._read(case.candidate)
        tests = sum(self._tests(each) for each in read.values())
        theirs = self._read(case.baseline) if case.has_baseline else {}
        alpha = self.alpha / max(1, tests)
        for attribute, counts in read.items():
            yield part(
                attribute,
                partial(self._judged, attribute, counts, theirs.get(attribute), alpha),
            )

    def _read(self, run: Run) -> dict[str, Counts | EvidenceError]:
        """Return the counts of each attribute, or why there are none."""
        read: dict[str, Counts | EvidenceError] = {}
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

    def _tests(self, counts: Counts | EvidenceError | None) -> int:
        if counts is None or isinstance(counts, EvidenceError):
            return 0
        return max(0, sum(each.rows >= self.min_group for each in counts.values()) - 1)

    def _judged(
        self,
        attribute: str,
        counts: Counts | EvidenceError,
        theirs: Counts | EvidenceError | None,
        alpha: float,
    ) -> Finding:
        if isinstance(counts, EvidenceError):
            raise counts
        found = compared(counts, self.min_group, alpha)
        small = self._small(found)
        if found.top is None:
            why = small or f"no row of it is predicted {self.favourable}: there is no ratio"
            return Finding(
                outcome=Outcome.INCONCLUSIVE,
                part=attribute,
                message=f"the selection rates of {attribute} cannot be compared: {why}",
                remedy="evaluate on more rows of each group, or see why nobody is selected",
            )
        failed = [ratio for ratio in found.ratios if self._fails(ratio)]
        worst = (failed or found.ratios)[0]
        outcome = Outcome.PASS
        if failed:
            outcome = Outcome.FAIL
        elif small or worst.value < self._least:
            outcome = Outcome.INCONCLUSIVE
        message = self._said(attribute, found, worst, small)
        if failed:
            also = [f"{r.group} ({readable(r.value)})" for r in failed[1:]]
            message += f"; too low as well: {listed_groups(also)}" if also else ""
            message += self._beside(theirs, found)
        elif self.mode == "interval":
            in_doubt = worst.value < self._least
            message += self._sensitivity(found) + (self._needed(found) if in_doubt else "")
        return Finding(
            outcome=outcome,
            part=attribute,
            message=message,
            measured=_measured(worst.value, attribute),
            limit=Limit(self.min_ratio, "ratio", ">="),
            remedy=_remedy(outcome, attribute, worst.group),
        )

    def _fails(self, ratio: Ratio) -> bool:
        if self.mode == "point":
            return ratio.value < self._least
        return ratio.upper < float(self.min_ratio)

    def _said(self, attribute: str, found: Compared, worst: Ratio, small: str) -> str:
        assert found.top is not None  # noqa: S101 (told apart by the caller)
        chance = ""
        if self.mode == "interval" and worst.value < self._least:
            chance = f"; with alpha {found.alpha:.4g} it is at most {readable(worst.upper)}"
            chance += "" if self._fails(worst) else ", so it may be chance"
        return (
            f"the selection rate of {attribute}={worst.group} ({found.counts[worst.group]}) is "
            f"{readable(worst.value)} times that of {attribute}={found.top} "
            f"({found.counts[found.top]}), half a row added to each cell{chance}; it must be at "
            f"least {readable(float(self.min_ratio))}{f'; {small}' if small else ''}"
        )

    def _small(self, found: Compared) -> str:
        if not found.small:
            return ""
        named = [f"{group} ({found.counts[group].rows:,} rows)" for group in found.small]
        return f"under {self.min_group:,} rows and not judged: {listed_groups(named)}"

    def _sensitivity(self, found: Compared) -> str:
        """Say which ratio the rows would have shown as too low in every group."""
        shown_from = found.smallest_shown(float(self.min_ratio))
        if shown_from is None:
            return "; no ratio, however low, would have been shown with so few rows"
        return f"; a ratio of {readable(shown_from)} or less would have been shown in any group"

    def _needed(self, found: Compared) -> str:
        """Say how many rows would seldom leave groups of equal rates in doubt."""
        least = float(self.min_ratio)
        rows = found.rows_for_equal(least)
        if rows is None:
            return ""
        return (
            f"; groups of equal rates would all be at {readable(least)} or above 4 times in 5 with "
            f"n ≈ {rows:,} rows each"
        )

    def _beside(self, theirs: Counts | EvidenceError | None, mine: Compared) -> str:
        """Say so if the baseline fails as well and the candidate is no worse."""
        if theirs is None or isinstance(theirs, EvidenceError):
            return ""
        found = compared(theirs, self.min_group, mine.alpha)
        if not any(map(self._fails, found.ratios)) or found.ratios[0].value > mine.ratios[0].value:
            return ""
        return (
            f"; the baseline fails as well, with {readable(found.ratios[0].value)}, and the "
            "candidate is no worse"
        )


def _measured(value: Exact, attribute: str) -> Measurement:
    ratio = divide(exact(value.numerator), exact(value.denominator))
    return Measurement(ratio, "ratio", Grade.RECOMPUTED, f"selection rates of {attribute}")


def _remedy(outcome: Outcome, attribute: str, group: str) -> str | None:
    if outcome is Outcome.FAIL:
        return (
            f"find out why {attribute}={group} is selected less: its rows, its features, its "
            "labels, the threshold; mend it, or have the reason approved"
        )
    if outcome is Outcome.INCONCLUSIVE:
        return f"evaluate on more rows of {attribute}={group} and of every group that is named"
    return None
