"""The power over the number of rows: of the whole, and of one of its slices."""

from collections.abc import Iterator
from typing import NamedTuple

from policy_engine.cli.plan.asked import Asked
from policy_engine.cli.plan.basis import Basis
from policy_engine.render.plots.power import Curve

FEWEST_IN_A_SLICE, FEWEST_FOR_A_BOOTSTRAP = 100, 100
_LADDER = (1, 2, 3, 5, 7)
_FIRST, _LAST = 10, 2
"""A picture goes from a tenth of what is needed to twice it."""
_DRAWN = 80
"""Points of a drawn curve."""


class Question(NamedTuple):
    """One difference at one level, of all rows or of those of a slice.

    Attributes:
        basis: How far the gain varies.
        delta: The difference (the metric's units).
        alpha: The level of the test.
        power: The chance to see it.
        have: The rows that there are (count); None: nobody said.
        name: What is counted, as the head of a column.
        fewest: So many are asked for, whatever the power.
    """

    basis: Basis
    delta: float
    alpha: float
    power: float
    have: int | None
    name: str = "n"
    fewest: int = 1

    @property
    def need(self) -> int:
        """How many are needed."""
        return max(self.basis.spread.needed(self.delta, self.alpha, self.power), self.fewest)

    def power_of(self, n: int) -> float:
        """Return with which chance n of them show it."""
        return self.basis.spread.power(n, self.delta, self.alpha)

    def steps(self) -> list[int]:
        """Return round numbers around what is needed, that itself, and what is there."""
        first = max(self.need // _FIRST, _least(self.basis))
        ladder = _ladder(first, self.need * _LAST)
        return sorted({*ladder, self.need, *([self.have] if self.have is not None else [])})

    def curve(self) -> Curve:
        """Return it as a curve to draw, to twice what is needed."""
        last = max(self.need * _LAST, self.have or 0)
        points = sorted({max(round(last * k / _DRAWN), 1) for k in range(1, _DRAWN + 1)})
        of = self.name.removeprefix("n")
        marks = [(self.need, f"{self.need:,}{of} needed")]
        if self.have is not None and self.have != self.need:
            marks.append((self.have, f"{self.have:,}{of} there"))
        return Curve(
            [(n, self.power_of(n)) for n in points],
            [(n, self.power_of(n), told) for n, told in marks],
        )


def questions(asked: Asked, basis: Basis, delta: float) -> list[Question]:
    """Return that of the whole, and that of a slice where slices are asked for."""
    found = [Question(basis, delta, asked.alpha, asked.power, basis.have)]
    if asked.slices is not None:
        each = None if basis.have is None else max(basis.have // asked.slices, 1)
        alpha = asked.alpha / asked.slices
        found.append(
            Question(
                basis.of_a_slice, delta, alpha, asked.power, each, "n a slice", FEWEST_IN_A_SLICE
            )
        )
    return found


def _least(basis: Basis) -> int:
    return FEWEST_FOR_A_BOOTSTRAP if "bootstrap" in basis.test else 2


def _ladder(first: int, last: int) -> Iterator[int]:
    """Yield 1, 2, 3, 5, 7, 10, 20, … from `first` to `last`."""
    step = 1
    while step <= last:
        yield from (step * each for each in _LADDER if first <= step * each <= last)
        step *= 10
