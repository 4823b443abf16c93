"""Rows of one scale beneath each other: a name, its number in words, and where it lies."""

from collections.abc import Sequence
from dataclasses import dataclass

from policy_engine.render.escape import terminal
from policy_engine.render.plots.figure import Spec
from policy_engine.render.plots.style import (
    BAD,
    DOUBT,
    FAINT,
    GOOD,
    INK,
    PAGE,
    WIDTH,
    chart,
    domain,
)

MOST = 12
"""Rows that are drawn; the table has all."""
_HIGH = 46  # pixels of a row: its words above, its bar below
_WIDE, _TOLD = 54, 30  # characters: of a row's words together, of its number alone

_COLOURS = {"error": BAD, "blocking": BAD, "warning": DOUBT, "waived": DOUBT}
_NAME = {"align": "left", "fontWeight": "bold"}
_HALO = {"stroke": PAGE, "strokeWidth": 4, "color": PAGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One row.

    Attributes:
        name: What it is; it may hold any text.
        told: Its number in words.
        low: Where its bar begins.
        high: Where its bar ends.
        limit: Where its own limit lies.
        beside: Where the baseline lies.
        kind: What the finding counts as (see `rows.kind`).
    """

    name: str
    told: str
    low: float
    high: float
    limit: float | None = None
    beside: float | None = None
    kind: str = "passed"


def lanes(rows: Sequence[Lane], title: str, line_at: float, *, is_thick: bool) -> Spec:
    """Return a chart of rows.

    Args:
        rows: The rows, from top to bottom.
        title: Of the axis, in our own words.
        line_at: The value that a dashed line marks in all of them.
        is_thick: Draw a bar from the line's side, not an interval with two ends.
    """
    shown = rows[:MOST]
    ends = [v for r in shown for v in (r.low, r.high, r.limit, r.beside) if v is not None]
    values = [_values(number, row) for number, row in enumerate(shown)]
    scale = {"domain": domain([*ends, line_at]), "nice": False, "zero": False}
    axis = {"title": title, "tickCount": 5, "grid": True}
    across = {"type": "quantitative", "scale": scale, "axis": axis}
    spec = chart(_layers(across, line_at, is_thick=is_thick), _HIGH * len(shown))
    spec["data"] = {"values": values}
    return spec


def _values(number: int, row: Lane) -> dict[str, object]:
    told = terminal(row.told, _TOLD)
    return {
        "middle": _HIGH * number + 32,
        "top": _HIGH * number + 14,
        "name": terminal(row.name, _WIDE - len(told)),
        "told": told,
        "low": row.low,
        "high": row.high,
        "limit": row.limit,
        "beside": row.beside,
        "colour": _COLOURS.get(row.kind, GOOD),
    }


def _layers(across: Spec, line_at: float, *, is_thick: bool) -> list[Spec]:
    colour = {"field": "colour", "type": "nominal", "scale": None}
    y = {"field": "middle", "type": "quantitative", "scale": None, "axis": None}
    top = {**y, "field": "top"}
    low, high = {**across, "field": "low"}, {"field": "high"}
    halos: tuple[Spec, ...] = (_HALO, {})  # no line runs through the words
    thick = 14 if is_thick else 3
    layers: list[Spec] = [
        {
            "mark": {"type": "rule", "strokeWidth": thick},
            "encoding": {"x": low, "x2": high, "y": y, "color": colour},
        },
        _tick("limit", across, y, {"color": BAD, "thickness": 3, "size": 22}),
        _tick("beside", across, y, {"color": INK, "thickness": 2, "size": 22}),
        {
            "mark": {"type": "rule", "color": FAINT, "strokeDash": [4, 3]},
            "encoding": {"x": {**across, "datum": line_at}},
        },
        *(
            _words("name", top, {"align": "left", "fontWeight": "bold", **halo}, 0)
            for halo in halos
        ),
        *(_words("told", top, {"align": "right", **halo}, WIDTH) for halo in halos),
    ]
    if not is_thick:
        ends = {"thickness": 3, "size": 12}
        layers[1:1] = [_tick(end, across, y, ends, colour) for end in ("low", "high")]
    return layers


def _tick(field: str, across: Spec, y: Spec, look: Spec, colour: Spec | None = None) -> Spec:
    encoding = {"x": {**across, "field": field}, "y": y}
    if colour:
        encoding["color"] = colour
    valid = {"filter": f"isValid(datum.{field})"}
    mark = {"type": "tick", "orient": "vertical", **look}
    return {"transform": [valid], "mark": mark, "encoding": encoding}


def _words(field: str, y: Spec, look: Spec, x: int) -> Spec:
    text = {"field": field, "type": "nominal"}
    place = {"value": x}
    return {"mark": {"type": "text", **look}, "encoding": {"x": place, "y": y, "text": text}}
