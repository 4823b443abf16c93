"""Vega-Lite to SVG, by vl-convert: the only place that knows the library.

It is Vega itself in a wheel: its drawings hold neither scripts nor addresses.
"""

import json
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec

from policy_engine.render.html_style import STYLE
from policy_engine.render.plots.figure import Spec

HOW_TO = "pip install policy-engine[html]"
"""How to get plots."""


@cache
def is_installed() -> bool:
    """Say whether plots can be drawn here."""
    return find_spec("vl_convert") is not None


def svg(spec: Spec, name: str, title: str, says: str) -> str:
    """Return a chart as an element for a page; where it cannot be drawn, a sentence that says so.

    It can be focused, and a screen reader says its title and its sentence.

    Args:
        spec: The chart.
        name: An id that nothing else on the page has.
        title: The title, escaped.
        says: How to read it, escaped and without elements.
    """
    try:
        box, inner = _drawn(json.dumps(spec, allow_nan=False))
    except (ImportError, ValueError):  # a broken installation costs the plots, not the report
        return "<p>This plot could not be drawn; its numbers are below.</p>"
    return (
        f'<svg {box} role="img" tabindex="0" aria-labelledby="{name}-title {name}-says">'
        f'<title id="{name}-title">{title}</title><desc id="{name}-says">{says}</desc>{inner}'
    )


def picture(spec: Spec) -> str:
    """Return a chart as an SVG file of its own, dark where its reader's screen is.

    Raises:
        ImportError: If the library is not installed.
    """
    box, inner = _drawn(json.dumps(spec, allow_nan=False))
    page = '<rect width="100%" height="100%" fill="var(--page)"/>'
    head = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"{head} {box}><style>{STYLE[: STYLE.index('* {')]}</style>{page}{inner}\n"


@lru_cache(maxsize=64)
def _drawn(spec: str) -> tuple[str, str]:
    """Return the size of a drawing, as an attribute, and all that is in it with the end tag."""
    made: str = import_module("vl_convert").vegalite_to_svg(spec, allowed_base_urls=[])
    opening, _, inner = made.partition(">")
    return opening[opening.index("viewBox=") :], inner
