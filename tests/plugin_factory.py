"""A real plugin for a test: modules and a `.dist-info` folder, in a folder on the path."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from textwrap import dedent, indent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

HEAD = """\
import sys
from decimal import Decimal
from pathlib import Path

from policy_engine import (
    Case, Field, Finding, InvalidEvidence, Limit, Measurement, MissingEvidence, Needs,
    NotApplicable, Outcome, Policy, UnreadableEvidence, hookimpl,
)
"""

POLICY = """
class {class_name}(Policy, name="{name}"):
    \"\"\"The model is as the team wants it.\"\"\"

    needs = {needs}

    def evaluate(self, case):
{body}
"""

REGISTER = """
@hookimpl
def register_policies():
    return [{class_names}]
"""


def policy_class(body: str, *, name: str = "acme-rule", needs: str = "Needs.RUN") -> str:
    """Return the source of a policy whose `evaluate` has this body; its class is `AcmeRule`."""
    class_name = "".join(word.capitalize() for word in name.split("-"))
    body = indent(dedent(body).strip(), " " * 8)
    return POLICY.format(class_name=class_name, name=name, needs=needs, body=body)


def policy_module(body: str, *, name: str = "acme-rule", needs: str = "Needs.RUN") -> str:
    """Return the source of a plugin with one policy, whose `evaluate` has this body."""
    class_name = "".join(word.capitalize() for word in name.split("-"))
    source = policy_class(body, name=name, needs=needs)
    return HEAD + source + REGISTER.format(class_names=class_name)


class Site:
    """A folder of installed distributions, as pip leaves them in `site-packages`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def install(
        self,
        source: str,
        *,
        name: str = "acme-policies",
        version: str = "1.2.0",
        module: str = "acme_policies",
        entry: str = "acme",
        group: str = "policy_engine",
    ) -> None:
        """Install one distribution with one module, which one entry point names."""
        (self.folder / f"{module}.py").write_text(source)
        self.metadata(name, version, f"[{group}]\n{entry} = {module}\n")

    def metadata(self, name: str, version: str, entry_points: str) -> None:
        """Write the `.dist-info` folder of a distribution."""
        info = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(entry_points)


@contextmanager
def on_the_path(site: Site, environment: pytest.MonkeyPatch) -> Iterator[Site]:
    """Put the site first on the path; what was imported from it is forgotten at the end."""
    environment.syspath_prepend(site.folder)
    try:
        yield site
    finally:
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(str(site.folder)):
                del sys.modules[name]
