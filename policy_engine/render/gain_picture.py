"""A picture of gain against cost, as a Mermaid chart: the candidate among the runs beside it.

The baseline stands in the middle, so that the corner of a run says what it is beside it: better or
worse, cheaper or more expensive. Without a baseline the candidate stands there. Distances are to
scale on each axis; the farthest run stands near the frame, so that its label is not cut off, and
each axis says how far its runs reach.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from policy_engine.quantities import divide, show
from policy_engine.render.escape import chart_label
from policy_engine.report import Point, Subject, TradeOff

_MOST_POINTS = 10  # a report that we did not write may hold any number
_LONGEST_TITLE = 90  # characters: wider than the chart otherwise
_LONGEST_END = 45  # of what an axis says of one half
_LONGEST_NAME = 20  # of the metric, and of a run
_ACROSS = Decimal("0.36")  # from the middle to the farthest run, of the chart's width: then a label
_UP = Decimal("0.42")  # that is drawn around its point is not cut off; and of its height
_COLORS = {"candidate": "#8250df", "baseline": "#218bff", "earlier": "#808890"}  # light and dark
_HOLLOW = "#ffffff"  # a gain that may be chance is drawn as a ring
_NO_LABEL = " "  # Mermaid draws no point without one
_LETTER, _LABEL_HIGH = Decimal("0.012"), Decimal("0.05")  # of the chart

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
    yield _FRAME
    yield f"  title {chart_label(_title(found, points), _LONGEST_TITLE)}"
    yield f"  x-axis {_ends(*_costs(found, points, middle))}"
    yield f"  y-axis {_ends(*_metrics(found, points, middle))}"
    yield _CORNERS
    places = _places(found, points, middle)
    named = _labels(points, places, is_unsure=is_unsure)
    for point, (x, y), label in zip(points, places, named, strict=True):
        radius, color = 5 if point.role == "earlier" else 7, _COLORS[point.role]
        look = f"radius: {radius}, color: {color}"
        if is_unsure and point.role == "candidate":
            look = f"radius: {radius}, color: {_HOLLOW}, stroke-color: {color}, stroke-width: 3px"
        yield f'  "{label}": [{x:.3f}, {y:.3f}] {look}'


def _ends(low: str, high: str) -> str:
    """Return the words of an axis' two halves."""
    return " --> ".join(f'"{chart_label(each, _LONGEST_END)}"' for each in (low, high))


def _costs(found: TradeOff, points: Sequence[Point], middle: Point) -> tuple[str, str]:
    low, high = _reach([point.cost for point in points], middle.cost, found.unit)
    what = "time" if found.unit == "s" else "cost"
    return f"training {what} {low}", high


def _metrics(found: TradeOff, points: Sequence[Point], middle: Point) -> tuple[str, str]:
    low, high = _reach([point.metric for point in points], middle.metric, "")
    worse, better = (low, high) if found.goal == "maximize" else (high, low)
    return worse, f"{chart_label(found.metric, _LONGEST_NAME)} {better}"


def _reach(values: Sequence[Decimal], middle: Decimal, unit: str) -> tuple[str, str]:
    """Return how far the runs lie below and above the middle, or that none of them does."""
    least, most = min(values), max(values)
    low = f"from {show(least, unit)}" if least < middle else f"below {show(middle, unit)}"
    return low, f"up to {show(most, unit)}" if most > middle else f"above {show(middle, unit)}"


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
    """Yield a label for each run: its role, or an earlier run's name with its metric.

    Where two would cover each other the first speaks: of candidate and baseline it names both.
    """
    chance = ", may be chance" if is_unsure else ""
    names = {"candidate": f"candidate{chance}", "baseline": "baseline"}
    both = len(points) > 1 and points[1].role == "baseline"
    if both and _is_covered(names["baseline"], places[1], [(names["candidate"], places[0])]):
        names["candidate"] = f"candidate and baseline{chance}"
    shown: list[tuple[str, tuple[Decimal, Decimal]]] = []
    for point, place in zip(points, places, strict=True):
        label = names.get(point.role) or _earlier(point)
        if _is_covered(label, place, shown):
            yield _NO_LABEL
        else:
            shown.append((label, place))
            yield label


def _earlier(point: Point) -> str:
    name = chart_label(point.run_name or point.run_id[:8], _LONGEST_NAME)
    return f"{name} {chart_label(show(point.metric, ''), _LONGEST_NAME)}".replace("+", "")


def _is_covered(
    label: str,
    place: tuple[Decimal, Decimal],
    shown: Sequence[tuple[str, tuple[Decimal, Decimal]]],
) -> bool:
    """Say whether a label, which stands below its point, would run into one that is shown."""
    return any(
        abs(place[0] - x) < _LETTER * (len(label) + len(other)) / 2
        and abs(place[1] - y) < _LABEL_HIGH
        for other, (x, y) in shown
    )
