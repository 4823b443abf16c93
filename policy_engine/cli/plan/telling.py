"""The answer in words and numbers, and as a picture of the power over the number of rows."""

from collections.abc import Iterator
from statistics import NormalDist

from policy_engine.cli.plan.asked import Asked
from policy_engine.cli.plan.basis import Basis, amount, distance
from policy_engine.cli.plan.curves import (
    FEWEST_FOR_A_BOOTSTRAP,
    FEWEST_IN_A_SLICE,
    Question,
    questions,
)
from policy_engine.quantities import count, exact, show
from policy_engine.render.columns import paragraph
from policy_engine.render.escape import terminal

_BAR = 40
"""How wide a power of 100 % is drawn (columns)."""
_BLOCKS = " ▏▎▍▌▋▊▉"
_FEWEST_SEEDS = 5


def told(asked: Asked, basis: Basis, width: int) -> str:
    """Return the answer as lines of at most `width` columns."""
    delta = distance(basis.metric, asked.distance, "--margin" if asked.margin else "--effect")
    lines = [*_question(asked, basis, delta, width), ""]
    lines += [*_whole(asked, basis, delta, width), ""]
    if asked.slices is not None:
        lines += [*_slices(asked, basis, delta, width), ""]
    pictures = [list(_picture(each)) for each in questions(asked, basis, delta)]
    for picture in pictures[:-1]:
        lines += [*picture, ""]
    lines += pictures[-1]
    return "\n".join(lines) + "\n"


def _question(asked: Asked, basis: Basis, delta: float, width: int) -> Iterator[str]:
    much, name = amount(basis.metric, delta), terminal(basis.metric.name)
    who = (
        f"a model that is truly {much} better passes {asked.policy}"
        if asked.effect is not None
        else f"a model that is truly as good passes {asked.policy} with margin {much}"
    )
    yield from paragraph("metric   ", name, width)
    yield from paragraph(
        "question ", f"with how many {basis.spread.what} does it hold that {who}?", width
    )
    yield from paragraph(
        "test     ", f"{basis.test}, one-sided, alpha = {_level(asked.alpha)}", width
    )
    yield from paragraph("spread   ", terminal(basis.said), width)


def _whole(asked: Asked, basis: Basis, delta: float, width: int) -> Iterator[str]:
    spread, what = basis.spread, basis.spread.what
    need = spread.needed(delta, asked.alpha, asked.power)
    yield from paragraph(
        "needed   ",
        f"n ≈ {need:,} {what} for a power of {_share(asked.power)}{_least(basis, need)}",
        width,
    )
    if basis.have is not None:
        chance = spread.power(basis.have, delta, asked.alpha)
        smallest = spread.smallest(basis.have, asked.alpha, asked.power)
        kind = "gain" if asked.effect is not None else "margin"
        yield from paragraph(
            "have     ",
            f"{basis.have:,} {what}: the power is {_share(chance)}; the smallest {kind} with "
            f"{_share(asked.power)} is {amount(basis.metric, smallest)}",
            width,
        )


def _least(basis: Basis, need: int) -> str:
    """Return what the policies ask for whatever the power is, where that is more."""
    if basis.spread.what == "seeds a side" and need < _FEWEST_SEEDS:
        return f"; the policies ask for {_FEWEST_SEEDS} (`min_seeds`)"
    if "bootstrap" in basis.test and need < FEWEST_FOR_A_BOOTSTRAP:
        return f"; a bootstrap needs {FEWEST_FOR_A_BOOTSTRAP} rows"
    return ""


def _slices(asked: Asked, basis: Basis, delta: float, width: int) -> Iterator[str]:
    basis = basis.of_a_slice
    slices, what = asked.slices or 1, basis.spread.what
    alpha = asked.alpha / slices
    need = max(basis.spread.needed(delta, alpha, asked.power), FEWEST_IN_A_SLICE)
    much, most = (amount(basis.metric, each) for each in (delta, _reach(asked, alpha, delta)))
    yield from paragraph(
        "slices   ",
        f"n ≈ {need:,} {what} a slice, {need * slices:,} in {count(slices, 'slice')} of one size, "
        f"so that no-slice-regression finds a true loss of {much} in one of them with a power of "
        f"{_share(asked.power)}: Holm holds the first against {_level(asked.alpha)}/{slices} = "
        f"{_level(alpha)}, and `max_drop` must be at most {most}",
        width,
    )
    if basis.have is not None:
        each = max(basis.have // slices, 1)
        smallest = basis.spread.smallest(each, alpha, asked.power)
        yield from paragraph(
            "have     ",
            f"{each:,} {what} a slice, if all are alike: the smallest loss with "
            f"{_share(asked.power)} is {amount(basis.metric, smallest)}"
            + (
                "; no-slice-regression pools those under 100 (`min_rows`)"
                if each < FEWEST_IN_A_SLICE
                else ""
            ),
            width,
        )


def _reach(asked: Asked, alpha: float, delta: float) -> float:
    """Return the observed drop that a true one exceeds as often as the power asks for."""
    normal = NormalDist()
    seen, shown = normal.inv_cdf(asked.power), normal.inv_cdf(1 - alpha)
    return delta * shown / (shown + seen)


def _picture(question: Question) -> Iterator[str]:
    """Yield a bar of power for each of some numbers of rows."""
    marks = {question.need: f"{_share(question.power)} needs these"}
    if question.have is not None:
        is_just = question.have == question.need
        marks[question.have] = "there are just these" if is_just else "there are these"
    steps = question.steps()
    size = max(len(f"{steps[-1]:,}"), len(question.name))
    yield f"{question.name:>{size}}  power"
    for n in steps:
        power = question.power_of(n)
        mark = f" ← {marks[n]}" if n in marks else ""
        yield f"{n:>{size},}  {_share(power):>5}  {_bar(power)}{mark}".rstrip()


def _bar(power: float) -> str:
    eighths = round(power * _BAR * 8)
    return "█" * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _share(share: float) -> str:
    return show(exact(round(share, 2)), "%") if share < 0.995 else "99 %" if share < 1 else "100 %"  # noqa: PLR2004


def _level(alpha: float) -> str:
    return show(exact(alpha), "")
