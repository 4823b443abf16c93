"""One report, many formats: each is a function from the report to text."""

from types import MappingProxyType
from typing import TYPE_CHECKING

from policy_engine.errors import UsageError
from policy_engine.render.annotations import as_github
from policy_engine.render.markdown import as_markdown
from policy_engine.render.report_json import as_json
from policy_engine.render.text import as_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy_engine.hookspecs import Renderer
    from policy_engine.report import Report

__all__ = [
    "FORMATS",
    "as_github",
    "as_html",
    "as_json",
    "as_junit",
    "as_markdown",
    "as_sarif",
    "as_text",
    "render",
]


def as_html(report: "Report") -> str:
    """Return the report as `render.html` does."""
    from policy_engine.render import html  # noqa: PLC0415 (few checks ask for it)

    return html.as_html(report)


def as_junit(report: "Report") -> str:
    """Return the report as `render.junit` does."""
    from policy_engine.render import junit  # noqa: PLC0415 (few checks ask for it)

    return junit.as_junit(report)


def as_sarif(report: "Report") -> str:
    """Return the report as `render.sarif` does."""
    from policy_engine.render import sarif  # noqa: PLC0415 (few checks ask for it)

    return sarif.as_sarif(report)


FORMATS: "Mapping[str, Renderer]" = MappingProxyType(
    {
        "text": as_text,
        "markdown": as_markdown,
        "json": as_json,
        "github": as_github,
        "junit": as_junit,
        "sarif": as_sarif,
        "html": as_html,
    }
)
"""The formats of our own, by the name that `--format` takes."""


def render(report: "Report", name: str, formats: "Mapping[str, Renderer]" = FORMATS) -> str:
    """Return the report in the format of that name.

    Args:
        report: The report.
        name: The format's name.
        formats: What to choose from: ours, or ours and those of plugins.

    Raises:
        UsageError: If there is no such format.
    """
    renderer = formats.get(name)
    if renderer is None:
        raise UsageError(f"no format '{name}'; there are {', '.join(sorted(formats))}")
    return renderer(report)
