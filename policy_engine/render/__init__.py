"""One report, many formats: each is a function from the report to text, in a file of `formats`."""

from importlib import import_module
from os import scandir
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy_engine.hookspecs import Renderer
    from policy_engine.report import Report

TERMINAL = "text"
"""The format of stdout where no other is asked for, as wide as the terminal and in its colours."""


def _late(name: str) -> "Renderer":
    """Return the renderer of a format; its file is imported when it renders."""

    def render(report: "Report") -> str:
        renderer: Renderer = getattr(import_module(f"{__name__}.formats.{name}"), f"as_{name}")
        return renderer(report)

    return render


FORMATS: "Mapping[str, Renderer]" = MappingProxyType(
    {
        name[:-3]: _late(name[:-3])
        for name in sorted(file.name for file in scandir(f"{__path__[0]}/formats"))
        if name.endswith(".py") and not name.startswith("_")
    }
)
"""The formats of our own, by the name that `--format` takes: one for each file of `formats`."""
