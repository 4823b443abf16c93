"""The action installed once, by its own steps, and machines that run it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.action.composite import Runner, Stub, Told

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "tests" / "github" / "events"
KEPT = ("PATH", "HOME", "LANG", "PIP_CERT", "PIP_FIND_LINKS", "PIP_INDEX_URL", "SSL_CERT_FILE")
"""What a job's environment has of ours: where the tools and the package index are."""


@dataclass(frozen=True, slots=True)
class Installed:
    """What the steps before the last one left: their outputs, and how they went.

    Attributes:
        told: How they went.
        runner: The machine that ran them; `environment` is what its variables were before.
        caller: The caller's own Python environment; its files `before` and `after`.
    """

    told: Told
    runner: Runner
    environment: Mapping[str, str]
    caller: Path
    before: Mapping[str, bytes]
    after: Mapping[str, bytes]

    @property
    def wheels(self) -> Path:
        """The folder of the downloads."""
        return self.runner.temp / "policy-engine-wheels"

    @property
    def known(self) -> Mapping[str, Mapping[str, str]]:
        """The outputs of the steps before the last one, as where the cache had the downloads."""
        steps = {name: self.told.steps[name] for name in ("python", "install")}
        return steps | {"cache": {"cache-hit": "true"}}


def machine(folder: Path, **variables: str) -> Runner:
    """Return a machine with an empty checkout and no cache; an event that names nothing."""
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_EVENT_PATH": str(EVENTS / "workflow_dispatch.json"),
        "GITHUB_REPOSITORY": "acme/fraud",
        "GITHUB_API_URL": "http://127.0.0.1:1",  # nobody answers there
    }
    runner = Runner(workspace, folder / "temp", environment | variables, token="ghs_t0ken")
    runner.uses |= {"actions/cache/restore": restores({}), "actions/cache/save": restores({})}
    return runner


def restores(outputs: Mapping[str, str], *, fill: Callable[[Path], Any] | None = None) -> Stub:
    """Return a cache that fills the folder that it is asked for, and has these outputs."""

    def restore(given: dict[str, str]) -> Mapping[str, str]:
        if fill is not None:
            fill(Path(given["path"]))
        return outputs

    return restore


def hostile(folder: Path, *modules: str) -> Path:
    """Return a folder with modules that, once imported, leave a file PWNED beside it."""
    folder.mkdir()
    for module in modules:
        (folder / f"{module}.py").write_text(
            f"open({str(folder.parent / 'PWNED')!r}, 'w').close(); raise SystemExit(9)\n"
        )
    return folder


@pytest.fixture(scope="session")
def installed(_clean_session: None, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Run all but the last step, without a cache: it downloads what the lock pins."""
    folder = tmp_path_factory.mktemp("installed")
    caller = folder / "caller"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", caller], check=True)
    before = _files(caller)
    runner = machine(folder, PATH=f"{caller / 'bin'}{os.pathsep}{os.environ['PATH']}")
    environment = dict(runner.environment)
    told = runner.action(ROOT, {}, known={"check": {}})
    assert not told.failed, told.log
    return Installed(told, runner, environment, caller, before, _files(caller))


def _files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder; of a link, where it points."""
    return {
        str(path.relative_to(folder)): (
            bytes(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
