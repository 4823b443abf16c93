"""The power of a test over the number of rows, as a picture of its own."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from policy_engine.render.escape import terminal
from policy_engine.render.plots.drawing import picture
from policy_engine.render.plots.figure import Spec
from policy_engine.render.plots.style import BASELINE, CANDIDATE, FAINT, INK, chart

_LOOKS = ((BASELINE, -9), (CANDIDATE, 12))
"""Colour of a curve, and how far right of and below a point its words are (pixels)."""
_NARROW = 0.2  # of the drawing
_HIGH, _TOP, _LEFT = 220, 40, 44  # pixels
_WIDEST = 60  # characters of the title


class Curve(NamedTuple):
    """The power (0 to 1) of some numbers of rows, and what is said of a few of them."""

    points: Sequence[tuple[int, float]]
    marks: Sequence[tuple[int, float, str]]


def power_picture(curves: Sequence[Curve], power: float, title: str, what: str) -> str:
    """Return one curve, or two, and the power that was asked for, as an SVG file."""
    last = max(n for curve in curves for n, _ in curve.points)
    line = {"type": "rule", "color": FAINT, "strokeDash": [4, 3]}
    layers = [{"data": {"values": [{"power": power}]}, "mark": line, "encoding": {"x": None}}]
    for curve, (colour, off) in zip(curves, _LOOKS, strict=False):
        layers += [*_line(curve, colour), *(_said(*mark, off, last) for mark in curve.marks)]
    layers += [_text(terminal(title, _WIDEST), 12 - _TOP, INK), _text("power", -12, FAINT)]
    spec = chart(layers, _HIGH, _LEFT)
    spec["width"] -= _LEFT - 12
    spec["padding"]["top"] += _TOP
    across = {"title": what, "tickCount": 4, "format": ",d"}
    up = {"title": None, "tickCount": 5, "format": ".0%"}
    spec["encoding"] = {"x": _axis("n", last, across), "y": _axis("power", 1, up)}
    return picture(spec)


def _line(curve: Curve, colour: str) -> Iterator[Spec]:
    dot = {"type": "point", "filled": True, "opacity": 1, "size": 80, "color": colour}
    for mark, points in (({"type": "line", "color": colour}, curve.points), (dot, curve.marks)):
        values = [{"n": point[0], "power": point[1]} for point in points]
        yield {"data": {"values": values}, "mark": mark}


def _said(n: int, power: float, told: str, off: int, last: int) -> Spec:
    """Return words on the curve's side of a point; at the left end there is room below alone."""
    off = abs(off) if n < last * _NARROW else off
    look = {"type": "text", "align": "left" if off > 0 else "right", "dx": off, "dy": off}
    place = {"text": {"field": "told", "type": "nominal"}}
    values = [{"n": n, "power": power, "told": told}]
    return {"data": {"values": values}, "mark": {**look, "color": INK}, "encoding": place}


def _axis(field: str, last: int, axis: Spec) -> Spec:
    scale = {"domain": [0, last], "nice": False}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def _text(text: str, y: int, colour: str) -> Spec:
    place = {"x": {"value": 0}, "y": {"value": y}, "text": {"field": "told", "type": "nominal"}}
    look = {"type": "text", "align": "left", "color": colour}
    return {"data": {"values": [{"told": text}]}, "mark": look, "encoding": place}
