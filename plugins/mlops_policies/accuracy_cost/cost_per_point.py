"""What a point of gain costs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Self

from pydantic import Field, model_validator

from mlops_policies.comparing.gain import Gain
from policy_engine.evidence import (
    Case,
    Grade,
    Measurement,
    MissingEvidence,
    Needs,
    training_cost,
)
from policy_engine.policy import Finding, Limit, Outcome, Policy
from policy_engine.quantities import (
    Price,
    Tighter,
    divide,
    show,
    show_both,
)

NOISE_SHARE = Decimal("0.25")
"""Costs this near, as a share of the baseline's, count as equal: run times vary by 10 %, and
without it 27 % of pipelines that nobody changed would fail (our simulation)."""

NOISE_FLOOR = Decimal(1)
"""Costs this near, in currency units, count as equal."""


class CostPerPoint(Policy, name="cost-per-point"):
    """What the candidate cost more than the baseline, its gain is worth.

    The last points of accuracy cost the most, and most products do not notice them. With `g` the
    gain in points and `D` the difference in training cost (currency):

    - `|D| <= ignore_below`: pass; run times vary, so an unchanged pipeline must not fail
    - more expensive: `g > 0` and `D / g <= max_cost_per_point`
    - cheaper and no worse: pass
    - cheaper and worse: `-D / -g >= min_saving_per_point`; `not-applicable` where that is not set

    Cost is the metric `cost.total` with the tag `cost.currency`; else duration times the price of
    the tag `compute.instance` (or `default`) under `prices:`. Two currencies are `missing`: nothing
    is converted.

    Source: "accuracy is worth only what it costs", the first difference; the rule is ours.
    """

    needs = Needs.CHILDREN | Needs.BASELINE

    max_cost_per_point: Annotated[Price, Tighter.LOWER] = Field(
        description="Most that one point of gain may cost in training (currency per point)."
    )
    ignore_below: Price | None = Field(
        default=None,
        description="Costs this near to each other count as equal (currency). Default: 25 % of the "
        "baseline's cost, and at least 1.",
    )
    min_saving_per_point: Annotated[Price | None, Tighter.HIGHER] = Field(
        default=None,
        description="Least saving for a point that a cheaper candidate loses (currency per point).",
    )

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        currency = self.max_cost_per_point.currency
        for name in ("ignore_below", "min_saving_per_point"):
            price = getattr(self, name)
            if price is not None and price.currency != currency:
                raise ValueError(
                    f"{name} ({price.currency}) and max_cost_per_point ({currency}) "
                    "must be in one currency"
                )
        return self

    def needs_point(self) -> bool:
        """Return True: its price is one of a point."""
        return True

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding."""
        gain = Gain.of(case, "what the gain cost")
        new = training_cost(case.candidate, case.prices)
        old = training_cost(case.baseline, case.prices)
        self._require_one_currency(new, old)
        more = new.value - old.value
        ignored = self._ignored(old.value)
        g = gain.value
        if more.copy_abs() <= ignored or (more < 0 and g >= 0):
            yield _affordable(new, old, ignored)
        elif more > 0:
            yield self._dearer(gain, g, more, old)
        else:
            yield self._cheaper(gain, g.copy_negate(), more.copy_negate())

    def _require_one_currency(self, new: Measurement, old: Measurement) -> None:
        currency = self.max_cost_per_point.currency
        if not new.unit == old.unit == currency:
            raise MissingEvidence(
                f"the candidate's cost is in {new.unit}, the baseline's in {old.unit} and "
                f"the limit in {currency}: they cannot be compared",
                f"state all three in {currency}: tag `cost.currency`, or `prices:`",
            )

    def _ignored(self, before: Decimal) -> Decimal:
        if self.ignore_below is not None:
            return self.ignore_below.amount
        return max(NOISE_SHARE * before, NOISE_FLOOR)

    def _dearer(self, gain: Gain, g: Decimal, more: Decimal, old: Measurement) -> Finding:
        price = self.max_cost_per_point
        currency, unit = price.currency, f"{price.currency}/pt"
        name, point = gain.metric.name, gain.metric.required_point
        worth = price.amount * divide(max(g, Decimal()), point)
        passed = g > 0 and more * point <= price.amount * g
        each = divide(more * point, g) if g > 0 else None
        gained = show(divide(g, point), "pt")
        if each is None:
            paid = f"{name} gains nothing ({gained})"
            verdict = f"; it must cost at most {show(price.amount, unit)}"
            short = f"{name} gains nothing for {show(more, currency)} more"
        else:
            paid = f"{name} gains {gained}"
            asked, most = show_both(each, price.amount, unit)
            verdict = f": {asked}; it must be at most {most}"
            each_costs, most_costs = show_both(each, price.amount, currency)
            short = f"a point of {name} costs {each_costs}; it must cost at most {most_costs}"
        spent, affordable = show_both(more, worth, currency)
        return Finding(
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            message=short,
            detail=f"{paid} for {spent} more{verdict} (the gain pays for at most {affordable})",
            measured=None if each is None else _measured(each, unit),
            limit=Limit(price.amount, unit),
            remedy=None if passed else self._remedy(name, more, worth, old),
            about="training cost",
        )

    def _remedy(self, name: str, more: Decimal, worth: Decimal, old: Measurement) -> str:
        limit = self.max_cost_per_point
        affordable = show(old.value + worth, limit.currency)
        if not limit.amount:
            return f"train for at most {affordable}, or raise max_cost_per_point and say why"
        needed = show(divide(more, limit.amount), "pt")
        return (
            f"train for at most {affordable}, gain at least {needed} in {name}, "
            "or raise max_cost_per_point and say why"
        )

    def _cheaper(self, gain: Gain, loss: Decimal, saving: Decimal) -> Finding:
        """Judge a candidate that saves `saving` and is worse by `loss`, both above 0."""
        least = self.min_saving_per_point
        name, currency = gain.metric.name, self.max_cost_per_point.currency
        if least is None:
            return Finding(
                outcome=Outcome.NOT_APPLICABLE,
                message=f"training cost {show(saving, currency)} less and {name} is worse",
                detail=f"training cost {show(saving, currency)} less and {name} is worse: "
                "without min_saving_per_point nothing says what a lost point is worth",
                about="training cost",
            )
        point, unit = gain.metric.required_point, f"{currency}/pt"
        passed = saving * point >= least.amount * loss
        each = divide(saving * point, loss)
        needed = least.amount * divide(loss, point)
        saved, due = show_both(saving, needed, currency)
        reached, asked = show_both(each, least.amount, unit)
        return Finding(
            outcome=Outcome.PASS if passed else Outcome.FAIL,
            message=f"a lost point of {name} saves {reached}; it must save at least {asked}",
            detail=f"{name} loses {show(divide(loss, point), 'pt')} and saves {saved}: {reached}; "
            f"it must be at least {asked} (the loss asks for at least {due})",
            measured=_measured(each, unit),
            limit=Limit(least.amount, unit, ">="),
            remedy=None if passed else f"win back {name}, or save {show(needed, currency)}",
            about="training cost",
        )


def _affordable(new: Measurement, old: Measurement, ignored: Decimal) -> Finding:
    """Pass a cost that is not above the baseline's, or not by more than is ignored."""
    limit = old.value + ignored
    cost, most = show_both(new.value, limit, new.unit)
    return Finding(
        outcome=Outcome.PASS,
        message=f"training cost {cost}, the baseline's {old}; "
        f"up to {most} nothing has to be gained",
        measured=new,
        limit=Limit(limit, new.unit),
        baseline=old,
    )


def _measured(each: Decimal, unit: str) -> Measurement:
    return Measurement(each, unit, Grade.LOGGED, "training cost and metric of both runs")
