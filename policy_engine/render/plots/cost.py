"""Gain against cost: the candidate among its baseline and earlier runs."""

from collections.abc import Sequence

from policy_engine.quantities import show
from policy_engine.render.escape import terminal
from policy_engine.render.plots.figure import Figure, Spec, drawn
from policy_engine.render.plots.style import BASELINE, CANDIDATE, FAINT, INK, chart, domain
from policy_engine.report import Point, Subject, TradeOff

_HEAD = ("run", "metric", "cost")
_COLOURS = {"candidate": CANDIDATE, "baseline": BASELINE, "earlier": FAINT}
_HIGH = 240  # pixels
_LEFT = 64  # pixels for the numbers of the metric
_FEWEST = 2
_TOP = 16  # pixels for the metric's name
_NAME = 32  # characters


def cost_figure(subject: Subject) -> Figure | None:
    """Return the figure; None where there is nothing to compare."""
    found = subject.trade_off
    if found is None or not _differ(found.points):
        return None
    values = [value for point in found.points if (value := _value(point))]
    if len(values) < _FEWEST:
        return None
    word = "takes" if found.unit == "s" else "costs"
    better = "up" if found.goal == "maximize" else "down"
    return Figure(
        title="Gain against cost",
        says=f"Each dot is a run by what its training {word} and brings: {better} is better, left "
        "is cheaper. Grey dots are earlier runs.",
        head=_HEAD,
        rows=tuple(_row(point, found) for point in found.points),
        spec=_spec(found, values),
    )


def _differ(points: Sequence[Point]) -> bool:
    return any((p.metric, p.cost) != (points[0].metric, points[0].cost) for p in points)


def _value(point: Point) -> dict[str, object] | None:
    metric, cost = drawn(point.metric), drawn(point.cost)
    if metric is None or cost is None:
        return None
    return {
        "metric": metric,
        "cost": cost,
        "colour": _COLOURS[point.role],
        "name": "" if point.role == "earlier" else point.role,
        "size": 60 if point.role == "earlier" else 140,
    }


def _row(point: Point, found: TradeOff) -> tuple[str, ...]:
    role = "earlier run" if point.role == "earlier" else point.role
    return (
        f"{role} {point.run_name or point.run_id[:8]}",
        show(point.metric, ""),
        show(point.cost, found.unit),
    )


def _spec(found: TradeOff, values: list[dict[str, object]]) -> Spec:
    kind = "training time" if found.unit == "s" else "training cost"
    unit = "seconds" if found.unit == "s" else terminal(found.unit, _NAME)
    across, up = _axis("cost", values), _axis("metric", values)
    colour = {"field": "colour", "type": "nominal", "scale": None}
    place: Spec = {"x": across, "y": up}
    middle = domain([float(str(value["cost"])) for value in values])
    is_right = f"datum.cost > {sum(middle) / 2!r}"
    size = {"field": "size", "type": "quantitative", "scale": None}
    dots: Spec = {
        "mark": {"type": "point", "filled": True, "opacity": 1},
        "encoding": {**place, "color": colour, "size": size},
    }
    names: list[Spec] = [
        {
            "transform": [{"filter": condition}],
            "mark": {"type": "text", "align": align, "dx": dx, "dy": -9, "color": INK},
            "encoding": {**place, "text": {"field": "name", "type": "nominal"}},
        }
        for condition, align, dx in ((is_right, "right", -6), (f"!({is_right})", "left", 6))
    ]
    titles = [
        _title(terminal(found.metric, _NAME), 4, -8),
        _title(f"{kind} in {unit}", 4, _HIGH + 32),
    ]
    spec = chart([dots, *names, *titles], _HIGH, _LEFT)
    spec["width"] -= _LEFT - 12
    spec["padding"]["top"] += _TOP
    # From back to front: the candidate is drawn last, so that nothing covers it.
    spec["data"] = {"values": values[::-1]}
    return spec


def _title(text: str, x: int, y: int) -> Spec:
    """Return an axis's title as data: elsewhere Vega-Lite may take a name for an expression."""
    place = {"x": {"value": x}, "y": {"value": y}, "text": {"field": "title", "type": "nominal"}}
    look = {"type": "text", "align": "left", "color": FAINT}
    return {"data": {"values": [{"title": text}]}, "mark": look, "encoding": place}


def _axis(field: str, values: list[dict[str, object]]) -> Spec:
    ends = domain([float(str(value[field])) for value in values])
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": ends, "nice": False, "zero": False},
        "axis": {"title": None, "tickCount": 5, "format": "~g" if field == "metric" else "~s"},
    }
