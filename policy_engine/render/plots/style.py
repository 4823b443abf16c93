"""How plots look: the page's own colours, a fixed size, and no text that moves the drawing.

The layout rests on no width of any text, which differs with the fonts of the machine: so the same
report is the same bytes everywhere. Colours are the page's variables: a plot is dark where it is.
"""

from collections.abc import Sequence

from policy_engine.render.plots.figure import Spec

WIDTH = 400
"""Of the drawing (pixels), so that it is legible on a telephone at its own size."""
INK, FAINT, LINE, PAGE = "var(--ink)", "var(--faint)", "var(--line)", "var(--page)"
GOOD, DOUBT, BAD = "var(--bar)", "var(--amber)", "var(--red)"
BASELINE, CANDIDATE = "var(--bar)", "var(--purple)"
_SMALL = 12  # pixels of text
_AXIS_HIGH = 42  # pixels below the drawing: numbers and title
_AXIS = {
    "domainColor": LINE,
    "gridColor": LINE,
    "tickColor": LINE,
    "labelColor": FAINT,
    "titleColor": FAINT,
    "titleFontWeight": "normal",
    "labelFontSize": _SMALL,
    "titleFontSize": _SMALL,
    "labelOverlap": False,
    "labelLimit": 0,
    "titleLimit": 0,
}
_CONFIG = {
    "aria": False,  # the figure has a title, a description and a table
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "text": {"fontSize": _SMALL, "color": INK, "limit": 0},
}


def chart(layers: Sequence[Spec], height: int, left: int = 12) -> Spec:
    """Return layers as one chart of a fixed size.

    Args:
        layers: What is drawn, from back to front.
        height: Of the drawing without its axis (pixels).
        left: What is kept free for the numbers of an axis (pixels).
    """
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "width": WIDTH,
        "height": height,
        "autosize": "none",
        "padding": {"left": left, "right": 12, "top": 6, "bottom": _AXIS_HIGH},
        "background": None,
        "config": _CONFIG,
        "layer": list(layers),
    }


def domain(values: Sequence[float]) -> list[float]:
    """Return the ends of an axis that holds all values, with some room beside them."""
    low, high = min(values), max(values)
    room = (high - low) * 0.08 or abs(high) * 0.08 or 1.0
    return [low - room, high + room]
