"""A picture of gain against cost, as a Mermaid chart: the candidate among the runs beside it.

The baseline stands in the middle, so that the corner of a run says what it is beside it: better or
worse, cheaper or more expensive. Without a baseline the candidate stands there. Distances are to
scale on each axis; the farthest run stands near the frame, so that its label is not cut off.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from policy_engine.quantities import divide, show
from policy_engine.render.escape import chart_label
from policy_engine.report import Point, Subject, TradeOff

_MOST_POINTS = 10  # a report that we did not write may hold any number
_LONGEST_TITLE = 90  # characters: wider than the chart otherwise
_LONGEST_NAME = 40  # of the metric
_ACROSS = Decimal("0.36")  # from the middle to the farthest run, of the chart's width: then a label
_UP = Decimal("0.42")  # that is drawn around its point is not cut off; and of its height
_COLORS = {"candidate": "#8250df", "baseline": "#218bff", "earlier": "#808890"}  # light and dark
_HOLLOW = "#ffffff"  # a gain that may be chance is drawn as a ring
_NO_LABEL = " "  # Mermaid draws no point without one
_LABEL_WIDE, _LABEL_HIGH = Decimal("0.13"), Decimal("0.05")  # of the chart

_FRAME = """\
---
config:
  quadrantChart:
    chartWidth: 660
    chartHeight: 400
    titleFontSize: 14
    quadrantLabelFontSize: 13
    xAxisLabelFontSize: 13
    yAxisLabelFontSize: 13
    pointLabelFontSize: 13
---
quadrantChart"""
_CORNERS = """\
  quadrant-1 "better, more expensive"
  quadrant-2 "better and cheaper"
  quadrant-3 "worse and cheaper"
  quadrant-4 "worse, more expensive\""""


def as_gain_picture(subject: Subject) -> str | None:
    """Return the source of a Mermaid chart, or None where there is nothing to see.

    It holds numbers, our own words, and the metric's name and the currency as `escape.chart_label`
    makes them, so that no text can leave the chart's syntax.
    """
    found = subject.trade_off
    if found is None:
        return None
    points = found.points[:_MOST_POINTS]
    if len({(point.metric, point.cost) for point in points}) < 2:  # noqa: PLR2004 (two to compare)
        return None
    return "\n".join(_chart(found, points, is_unsure=_is_unsure(subject, found)))


def _is_unsure(subject: Subject, found: TradeOff) -> bool:
    """Say whether the gain of the metric may be chance."""
    intervals = (change.interval for change in subject.changes if change.what == found.metric)
    return any(each is not None and not each.shown for each in intervals)


def _chart(found: TradeOff, points: Sequence[Point], *, is_unsure: bool) -> Iterator[str]:
    middle = next((p for p in points if p.role == "baseline"), points[0])
    kind = "training takes" if found.unit == "s" else "training costs"
    yield _FRAME
    yield f"  title {chart_label(_title(found, points), _LONGEST_TITLE)}"
    yield f'  x-axis "{kind} less" --> "{kind} more"'
    yield f'  y-axis "worse" --> "better {chart_label(found.metric, _LONGEST_NAME)}"'
    yield _CORNERS
    places = _places(found, points, middle)
    named = _labels(points, places, is_unsure=is_unsure)
    for point, (x, y), label in zip(points, places, named, strict=True):
        radius, color = 5 if point.role == "earlier" else 7, _COLORS[point.role]
        look = f"radius: {radius}, color: {color}"
        if is_unsure and point.role == "candidate":
            look = f"radius: {radius}, color: {_HOLLOW}, stroke-color: {color}, stroke-width: 3px"
        yield f'  "{label}": [{x:.3f}, {y:.3f}] {look}'


def _title(found: TradeOff, points: Sequence[Point]) -> str:
    word = "after" if found.unit == "s" else "for"
    told = [
        f"{point.role} {show(point.metric, '')} {word} {show(point.cost, found.unit)}"
        for point in points
        if point.role != "earlier"
    ]
    grey = ["earlier runs in grey"] if len(told) < len(points) else []
    return " - ".join([*told, *grey])


def _places(
    found: TradeOff, points: Sequence[Point], middle: Point
) -> list[tuple[Decimal, Decimal]]:
    """Return where each run stands: from 0 to 1, left to right and bottom to top."""
    across = _scaled([point.cost - middle.cost for point in points], _ACROSS)
    up = _scaled([point.metric - middle.metric for point in points], _UP)
    if found.goal == "minimize":
        up = [1 - place for place in up]
    return list(zip(across, up, strict=True))


def _scaled(distances: Sequence[Decimal], reach: Decimal) -> list[Decimal]:
    farthest = max(abs(distance) for distance in distances)
    half = Decimal("0.5")
    if not farthest:
        return [half] * len(distances)
    return [half + reach * divide(distance, farthest) for distance in distances]


def _labels(
    points: Sequence[Point], places: Sequence[tuple[Decimal, Decimal]], *, is_unsure: bool
) -> Iterator[str]:
    """Yield a label for each run: its role, or an earlier run's metric.

    Where two would cover each other the first speaks: of candidate and baseline it names both.
    """
    chance = ", may be chance" if is_unsure else ""
    names = {"candidate": f"candidate{chance}", "baseline": "baseline"}
    both = len(points) > 1 and points[1].role == "baseline" and _is_near(places[1], places[0])
    if both:
        names["candidate"] = f"candidate and baseline{chance}"
    for number, (point, place) in enumerate(zip(points, places, strict=True)):
        is_covered = any(_is_near(place, other) for other in places[:number])
        yield (
            _NO_LABEL
            if is_covered
            else names.get(point.role)
            or chart_label(show(point.metric, "").replace("+", ""), _LONGEST_NAME)
        )


def _is_near(one: tuple[Decimal, Decimal], other: tuple[Decimal, Decimal]) -> bool:
    (x, y), (other_x, other_y) = one, other
    return abs(x - other_x) < _LABEL_WIDE and abs(y - other_y) < _LABEL_HIGH
