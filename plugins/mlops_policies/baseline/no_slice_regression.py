"""No slice of the rows loses what the whole wins."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Self

from pydantic import model_validator

from mlops_policies.comparing.comparison import RESAMPLES
from mlops_policies.comparing.paired import Tables, tables_of
from mlops_policies.slices.slice_counts import Reported, reported_slices
from mlops_policies.slices.slice_findings import findings_on_slices
from mlops_policies.slices.slice_rows import Slice, columns_of, slices_of
from mlops_policies.slices.slice_rule import JudgedSlice, SliceRule
from mlops_policies.slices.slice_tests import judge_rows
from policy_engine.evidence import Case, Metric, MissingEvidence, Needs
from policy_engine.policy import Field, Finding, Outcome, Policy
from policy_engine.quantities import Fraction, Margin, Number, Points, Tighter


class NoSliceRegression(Policy, name="no-slice-regression"):
    """No declared slice of the evaluation data is shown to lose more than a bound.

    A better average may be worse for some: a region, a device, a group of customers. It looks for
    harm, so it fails what is shown and passes the rest; the message says the smallest drop that the
    rows could have shown. With `g` the gain in a slice:

    - fail: `-g > max_drop`, and "no drop" is refuted at `alpha` by Holm's correction over all
      slices; or the candidate's slice is shown (Holm) to be under `floor` times the whole (for an
      error: above the whole divided by `floor`) and the baseline's is not
    - inconclusive: `-g > max_drop`, and "no drop" is refuted only without the correction, or
      cannot be tested on so few rows; or a value that is named has too few rows
    - else pass

    Each slice is tested as `significant-improvement` tests the whole; where too few rows differ for
    that, it passes if so few cannot lose more than `max_drop` (see `no-regression`). Values of a
    column under `min_rows` are pooled as `(rest)`; a null is the value `(none)`. Without rows, the
    metrics `<metric>/<column>/<value>` with `count/<column>/<value>` are read: a metric of 0/1 rows
    by an unpaired z test, any other is inconclusive.

    Log it: slice columns beside the predictions:
    `training.log_predictions(row_id=ids, target=y, prediction=p, region=X["region"])`.

    Source: TFMA and Deepchecks compare slices; Holm 1979. Of 10 slices of 100 rows, "no slice drops
    by more than 2 pt" rejects 93 % of equal models, this rule 2 %; it catches a true loss of 10 pt
    in one of them 25 to 59 % of the time.
    """

    needs = Needs.BASELINE | Needs.PREDICTIONS | Needs.MODEL

    slices: tuple[str, ...] = Field(
        min_length=1,
        strict=False,
        description="Slices: a column, or column=value (names).",
    )
    max_drop: Points = Field(
        default=Margin(Decimal(2), in_points=True),
        description="Drop that is accepted (points, or a bare number in the metric's units).",
    )
    min_rows: int = Field(default=100, ge=1, description="Least rows of a slice (count).")
    alpha: Number = Field(
        default=Decimal("0.05"),
        gt=0,
        le=Decimal("0.5"),
        description="One-sided error over all slices (a chance, above 0 to 0.5).",
    )
    floor: Annotated[Fraction | None, Tighter.HIGHER] = Field(
        default=None,
        gt=0,
        le=1,
        description="Least share of the whole's metric that each slice must reach (0 to 1).",
    )
    resamples: int = Field(
        default=RESAMPLES, ge=1000, le=1_000_000, description="Resamples of a bootstrap (count)."
    )

    @model_validator(mode="after")
    def _slices_are_columns(self) -> Self:
        wrong = [each for each in self.slices if not each.partition("=")[0]]
        if wrong:
            raise ValueError(f"'{wrong[0]}' names no column; write column, or column=value")
        return self

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield a finding for each slice that is harmed or in doubt, and one for all others."""
        rule, baseline = self._rule(case.metric), case.baseline
        lacking: list[Finding] = []
        try:
            tables = tables_of(case.candidate, baseline, columns_of(self.slices))
        except MissingEvidence as e:
            judged = self._by_counts(case, rule, e)
        else:
            slices = self._slices_of(tables, lacking)
            judged = judge_rows(rule, (case.candidate, baseline), tables, slices)
        yield from lacking
        yield from findings_on_slices(rule, judged, anything_else=bool(lacking))

    def _rule(self, metric: Metric) -> SliceRule:
        return SliceRule(
            metric=metric,
            drop=metric.distance(self.max_drop),
            min_rows=self.min_rows,
            alpha=self.alpha,
            floor=self.floor,
            resamples=self.resamples,
        )

    def _slices_of(self, tables: Tables, lacking: list[Finding]) -> list[Slice]:
        """Return the declared slices, each once; those that are absent become findings."""
        found: dict[str, Slice] = {}
        for declared in dict.fromkeys(self.slices):
            try:
                for each in slices_of(declared, tables.joined, self.min_rows):
                    found.setdefault(each.name, each)
            except MissingEvidence as e:
                lacking.append(
                    Finding(outcome=Outcome.MISSING, part=declared, message=str(e), remedy=e.remedy)
                )
        return list(found.values())

    def _by_counts(self, case: Case, rule: SliceRule, why: MissingEvidence) -> list[JudgedSlice]:
        if self.floor is not None:
            raise MissingEvidence(f"a floor needs the rows: {why}", why.remedy)
        found = [
            each
            for declared in dict.fromkeys(self.slices)
            for each in reported_slices(declared, rule.metric, case.candidate, case.baseline, why)
        ]
        return [self._reported(rule, each, float(self.alpha) / len(found)) for each in found]

    def _reported(self, rule: SliceRule, each: Reported, alpha: float) -> JudgedSlice:
        metric = rule.metric
        short = min(each.n_candidate, each.n_baseline)
        is_named = each.name in self.slices
        if short < self.min_rows:
            why = f"{short:,} rows, under {self.min_rows}"
            return JudgedSlice(each.name, short, 0.0, None, why, is_named=is_named)
        return JudgedSlice(
            each.name,
            short,
            each.gain(metric.goal),
            each.p_drop(metric),
            each.test(metric),
            each.candidate,
            each.baseline,
            each.detectable(metric, alpha, float(rule.drop)),
            is_named=is_named,
        )
