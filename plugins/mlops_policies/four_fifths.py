"""The four-fifths rule: no group is chosen much less often than another."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction as Exact
from functools import partial
from operator import ge, gt, le, lt
from typing import Literal

from pydantic import Field

from mlops_policies.group_counts import (
    Cell,
    Counted,
    Counts,
    Label,
    counts_of,
    logged_counts,
    logged_rows,
    require_groups,
    same_label,
    shown,
    table_with,
)
from policy_engine.evidence import (
    Case,
    EvidenceError,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Needs,
    Predictions,
    Run,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy, part
from policy_engine.quantities import Fraction, divide, exact
from policy_engine.statistics import log_ratio_bounds

RATE = "selection_rate"
_BOUND = re.compile(r"(?P<op><=|>=|<|>)\s*(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\Z")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {"<=": le, ">=": ge, "<": lt, ">": gt}
_MOST_CLASSES = 10
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A group's selection rate as a share of the highest group's, with its upper bound."""

    group: str
    value: Exact
    upper: float


@dataclass(frozen=True, slots=True)
class _Compared:
    """The groups of one attribute.

    Attributes:
        counts: All groups.
        top: The group of the highest rate; None where nobody is selected or nobody can be compared.
        ratios: Every other group with enough rows, the lowest ratio first.
        small: Groups with too few rows.
        alpha: The error of each upper bound.
    """

    counts: Counts
    top: str | None
    ratios: tuple[_Ratio, ...]
    small: tuple[str, ...]
    alpha: float


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
    min_ratio: Fraction = Field(
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
            counts = counts_of(table, attribute, _selected(table, self.favourable, run))
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
        found = self._compared(counts, alpha)
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
            also = [f"{r.group} ({shown(r.value)})" for r in failed[1:]]
            message += f"; too low as well: {_listed(also)}" if also else ""
            message += self._beside(theirs, found)
        elif self.mode == "interval":
            message += self._sensitivity(found)
        return Finding(
            outcome=outcome,
            part=attribute,
            message=message,
            measured=_measured(worst.value, attribute),
            limit=Limit(self.min_ratio, "ratio", ">="),
            remedy=_remedy(outcome, attribute, worst.group),
        )

    def _compared(self, counts: Counts, alpha: float) -> _Compared:
        large = {group: c for group, c in counts.items() if c.rows >= self.min_group}
        small = tuple(group for group in counts if group not in large)
        # Of equal rates the larger group: its bound is the tighter one.
        top = max(large, key=lambda g: (large[g].rate, large[g].rows), default=None)
        if top is None or len(large) == 1 or not large[top].hits:
            return _Compared(counts, None, (), small, alpha)
        ratios = (
            _Ratio(group, _ratio(c, large[top]), _upper(c, large[top], alpha))
            for group, c in large.items()
            if group != top
        )
        ordered = tuple(sorted(ratios, key=lambda r: (r.value, r.group)))
        return _Compared(counts, top, ordered, small, alpha)

    def _fails(self, ratio: _Ratio) -> bool:
        if self.mode == "point":
            return ratio.value < self._least
        return ratio.upper < float(self.min_ratio)

    def _said(self, attribute: str, found: _Compared, worst: _Ratio, small: str) -> str:
        assert found.top is not None  # noqa: S101 (told apart by the caller)
        chance = ""
        if self.mode == "interval" and worst.value < self._least:
            chance = f"; with alpha {found.alpha:.4g} it is at most {shown(worst.upper)}"
            chance += "" if self._fails(worst) else ", so it may be chance"
        return (
            f"the selection rate of {attribute}={worst.group} ({found.counts[worst.group]}) is "
            f"{shown(worst.value)} times that of {attribute}={found.top} "
            f"({found.counts[found.top]}), half a row added to each cell{chance}; it must be at "
            f"least {shown(float(self.min_ratio))}{f'; {small}' if small else ''}"
        )

    def _small(self, found: _Compared) -> str:
        if not found.small:
            return ""
        named = [f"{group} ({found.counts[group].rows:,} rows)" for group in found.small]
        return f"under {self.min_group:,} rows and not judged: {_listed(named)}"

    def _sensitivity(self, found: _Compared) -> str:
        """Say which ratio the rows would have shown as too low in every group."""
        assert found.top is not None  # noqa: S101 (told apart by the caller)
        top, limit = found.counts[found.top], float(self.min_ratio)
        shows: list[Exact] = []
        for ratio in found.ratios:
            rows = found.counts[ratio.group].rows

            def upper(hits: int, rows: int = rows) -> float:
                return _upper(Counted(hits, rows), top, found.alpha)

            enough = bisect_left(range(rows + 1), limit, key=upper)
            if not enough:
                return "; no ratio, however low, would have been shown with so few rows"
            shows.append(_ratio(Counted(enough - 1, rows), top))
        return f"; a ratio of {shown(min(shows))} or less would have been shown in any group"

    def _beside(self, theirs: Counts | EvidenceError | None, mine: _Compared) -> str:
        """Say so if the baseline fails as well and the candidate is no worse."""
        if theirs is None or isinstance(theirs, EvidenceError):
            return ""
        found = self._compared(theirs, mine.alpha)
        if not any(map(self._fails, found.ratios)) or found.ratios[0].value > mine.ratios[0].value:
            return ""
        return (
            f"; the baseline fails as well, with {shown(found.ratios[0].value)}, and the candidate "
            "is no worse"
        )


def _selected(table: Predictions, favourable: Label, run: Run) -> list[bool]:
    """Say of each row whether its prediction benefits the person.

    Raises:
        MissingEvidence: If neither a prediction nor a target is ever the favourable one.
        InvalidEvidence: If a bound is asked of what is no number.
    """
    bound = _BOUND.match(favourable) if isinstance(favourable, str) else None
    said = table.predictions
    if bound is None:
        hits = [same_label(cell, favourable) for cell in said]
        if not any(hits):
            _require_known(table, favourable, run)
        return hits
    if any(isinstance(cell, (str, bool)) for cell in said):
        raise InvalidEvidence(
            f"favourable is the bound {favourable}, but predictions of the {run.role} run are no "
            "numbers",
            "set `favourable` to the class that benefits the person",
        )
    holds, number = _OPERATORS[bound["op"]], float(bound["number"])
    return [cell is not None and holds(float(cell), number) for cell in said]


def _require_known(table: Predictions, favourable: Label, run: Run) -> None:
    targets = table.targets
    if any(same_label(cell, favourable) for cell in targets):
        return
    classes = sorted({str(cell) for cell in targets})
    held = f": they hold {', '.join(classes)}" if _are_classes(classes, targets) else ""
    raise MissingEvidence(
        f"neither a prediction nor a target of the {run.role} run is {favourable}{held}",
        "set `favourable` to the prediction that benefits the person; of numbers to a bound, "
        "such as '>= 600'",
    )


def _are_classes(held: Sequence[str], targets: Sequence[Cell]) -> bool:
    """Say whether the values may be shown: few, and none the mark of a single row."""
    return len(held) <= _MOST_CLASSES and len(targets) >= _MOST_CLASSES * len(held)


def _ratio(group: Counted, top: Counted) -> Exact:
    """Return what `log_ratio_estimate` does, without rounding."""
    return Exact((2 * group.hits + 1) * (top.rows + 1), (2 * top.hits + 1) * (group.rows + 1))


def _upper(group: Counted, top: Counted, alpha: float) -> float:
    return log_ratio_bounds(group.hits, group.rows, top.hits, top.rows, alpha).upper


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


def _listed(named: Sequence[str]) -> str:
    more = len(named) - _MOST_NAMED
    return ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
