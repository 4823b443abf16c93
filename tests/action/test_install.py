"""The action installs itself: pinned, hashed, apart from the caller's Python, offline if need be.

Most tests install a small project instead of ours: the steps are the real ones, the lock is short.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tests.action.conftest import ROOT, Installed, hostile, machine, restores

if TYPE_CHECKING:
    from tests.action.composite import Told

pytestmark = pytest.mark.timeout(600)  # the first test downloads what the lock pins

LOCK = (ROOT / "requirements" / "run.txt").read_text("utf-8")
BUILD = ("hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")
PROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "policy-engine"
version = "0.1.0"
[tool.hatch.build.targets.wheel]
packages = ["policy_engine"]
"""


def pins(*names: str) -> str:
    """Return these packages' part of the lock."""
    entries = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", LOCK, re.MULTILINE | re.DOTALL)
    return "".join(entry for entry in entries if entry.partition("==")[0] in names)


class Small:
    """A copy of the action around a project of one empty module, and what its steps did."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.action = folder / "action"
        (self.action / "requirements").mkdir(parents=True)
        (self.action / "policy_engine").mkdir()
        (self.action / "policy_engine" / "__init__.py").touch()
        (self.action / "pyproject.toml").write_text(PROJECT)
        shutil.copy(ROOT / "action.yml", self.action)
        self.lock(pins(*BUILD))
        self.offered = folder / "offered"
        self.offered.mkdir()
        for name in BUILD:
            for wheel in wheels.glob(f"{name.replace('-', '_')}-*.whl"):
                shutil.copy(wheel, self.offered)
        self.runner = machine(folder)
        self.runner.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.offered)}

    @property
    def wheels(self) -> Path:
        """Where the downloads go, and what the cache holds."""
        return self.runner.temp / "policy-engine-wheels"

    def lock(self, text: str) -> None:
        """Pin this."""
        (self.action / "requirements" / "run.txt").write_text(text)

    def install(self, **inputs: str) -> Told:
        """Run all steps but the last."""
        return self.runner.action(self.action, inputs, known={"check": {}})


def has(told: Told, module: str) -> bool:
    """Say whether the environment can import a module."""
    python = Path(told.steps["install"]["bin"]) / "python"
    done = subprocess.run([python, "-I", "-c", f"import {module}"], check=False)
    return done.returncode == 0


@pytest.fixture
def small(tmp_path: Path, installed: Installed) -> Small:
    return Small(tmp_path, installed.wheels)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# The environment.


def test_the_environment_holds_what_the_lock_pins_and_nothing_else(installed: Installed) -> None:
    python = Path(installed.known["install"]["bin"]) / "python"
    frozen = subprocess.run(
        [python, "-I", "-m", "pip", "list", "--format=freeze", "--exclude=pip"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout.split()
    lines = re.findall(r"^([a-z].*?) \\$", LOCK, re.MULTILINE)
    pinned = [Requirement(line) for line in lines]
    ours = {f"{r.name}{r.specifier}" for r in pinned if not r.marker or r.marker.evaluate()}
    names = {re.sub("[._]", "-", line.lower()) for line in frozen} - {"setuptools-65-5-0==65"}
    expected = {re.sub("[._]", "-", line) for line in ours} | {"policy-engine==0-1-0"}
    assert {n for n in names if not n.startswith("setuptools")} == expected


def test_the_callers_python_and_the_later_steps_are_left_as_they_were(
    installed: Installed,
) -> None:
    assert installed.told.ran == [
        "Find Python",
        "Restore the downloads",
        "Install policy-engine",
        "Save the downloads",
    ]
    assert installed.told.steps["python"]["python"] == str(installed.caller / "bin" / "python3")
    assert installed.after == installed.before
    assert installed.runner.path == []
    assert installed.runner.environment == installed.environment


def test_the_cache_is_keyed_by_the_lock_and_by_what_decides_which_wheels_fit(
    installed: Installed,
) -> None:
    key = installed.told.steps["python"]["key"]
    shape = r"policy-engine-cpython-3\d+-[\w.-]+-(glibc|any)-([0-9a-f]{64})"
    found = re.fullmatch(shape, key)
    assert found is not None
    assert found[2] == digest(ROOT / "requirements" / "run.txt")


def test_a_variable_of_the_job_does_not_redirect_the_installation(small: Small) -> None:
    elsewhere = small.runner.workspace / "elsewhere"
    small.runner.environment |= {
        "PIP_TARGET": str(elsewhere),
        "PIP_USER": "1",
        "PIP_REQUIRE_HASHES": "0",
        "PYTHONPATH": str(hostile(small.runner.workspace / "src", "pip", "sitecustomize")),
    }
    told = small.install()
    assert not told.failed, told.log
    assert has(told, "policy_engine")
    assert sorted(p.name for p in small.runner.workspace.iterdir()) == ["src"]


def test_without_a_python_that_is_new_enough_it_says_what_to_do(small: Small) -> None:
    old = small.runner.workspace / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for name in (str(old), "no-such-python", "$(touch PWNED)", "python3 -c 0", ""):
        told = small.install(python=name)
        assert told.failed
        assert told.ran == ["Find Python"]
        assert told.outputs["verdict"] == "error"
        assert told.outputs["exit-code"] == "3"
        (said,) = told.commands
        assert said.data == (
            "It needs Python 3.11 or newer with venv: add a step actions/setup-python before it, "
            "or name one with the input 'python'."
        )
    assert sorted(small.runner.workspace.iterdir()) == [old]


# The hashes.


def test_a_package_that_does_not_match_its_hash_is_not_installed(small: Small) -> None:
    small.lock(re.sub(r"sha256:(.)", lambda f: f"sha256:{int(f[1], 16) ^ 1:x}", pins(*BUILD)))
    told = small.install()
    assert told.failed
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in told.log
    assert told.ran == ["Find Python", "Restore the downloads", "Install policy-engine"]
    assert (told.outputs["verdict"], told.outputs["exit-code"]) == ("error", "3")


def test_a_package_without_a_hash_is_not_installed(small: Small) -> None:
    small.lock(re.sub(r"(pathspec==\S+)[^a-z]+(--hash\S+\s+(\\\s+)?)+", r"\1\n", pins(*BUILD)))
    told = small.install()
    assert told.failed
    assert "Hashes are required in --require-hashes mode" in told.log


def test_a_cache_that_somebody_tampered_with_is_not_installed(small: Small) -> None:
    def fill(folder: Path) -> None:
        shutil.copytree(small.offered, folder)
        (folder / "complete").touch()
        (wheel,) = folder.glob("hatchling-*.whl")
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("evil.pth", "import os; os.system('touch PWNED')\n")

    cache = restores({"cache-hit": "true"}, fill=fill)
    small.runner.uses["actions/cache/restore"] = cache
    small.runner.environment["PIP_FIND_LINKS"] = str(small.runner.workspace)
    told = small.install()
    assert told.failed
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in told.log
    assert sorted(small.runner.workspace.iterdir()) == []


def test_what_the_cache_has_is_not_downloaded_again(small: Small) -> None:
    def fill(folder: Path) -> None:
        shutil.copytree(small.offered, folder)
        (folder / "complete").touch()

    cache = restores({"cache-hit": "true"}, fill=fill)
    small.runner.uses["actions/cache/restore"] = cache
    small.runner.environment["PIP_FIND_LINKS"] = str(small.runner.workspace)
    told = small.install()
    assert not told.failed, told.log
    assert has(told, "policy_engine")
    assert "Save the downloads" not in told.ran


def test_it_installs_offline_and_without_the_cache_no_foreign_action_is_used(small: Small) -> None:
    small.runner.uses.clear()
    told = small.install(cache="false")
    assert not told.failed, told.log
    assert told.ran == ["Find Python", "Install policy-engine"]
    assert has(told, "policy_engine")


# An organisation's own plugins.


def wheel(folder: Path, name: str, *requires: str) -> Path:
    """Write a wheel with one module."""
    needs = "".join(f"Requires-Dist: {each}\n" for each in requires)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{info}/RECORD"
    lines = [f"{n},sha256={_record(t)},{len(t)}\n" for n, t in files.items()]
    files[record] = "".join([*lines, f"{record},,\n"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path


def _record(text: str) -> str:
    raw = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Ready:
    """The small action with its environment made: the step that installs plugins comes next."""

    def __init__(self, small: Small) -> None:
        self.small = small
        self.told = small.install()
        assert not self.told.failed, self.told.log

    def plugins(self, text: str) -> Told:
        """Run the step."""
        done = {name: self.told.steps[name] for name in ("python", "install")}
        known = {**done, "cache": {"cache-hit": "true"}, "check": {}}
        return self.small.runner.action(self.small.action, {"plugins": text}, known=known)


@pytest.fixture(scope="module")
def ready(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Ready:
    return Ready(Small(tmp_path_factory.mktemp("ready"), installed.wheels))


def test_without_plugins_the_step_is_passed_over(ready: Ready) -> None:
    assert ready.plugins("").ran == []


def test_plugins_with_hashes_are_installed(ready: Ready) -> None:
    plugin = wheel(ready.small.offered, "acme_rules", "policy-engine>=0.1", "packaging>=20")
    text = f"# ours\nacme-rules==1.0 \\\n    --hash=sha256:{digest(plugin)}\n"
    told = ready.plugins(text)
    assert not told.failed, told.log
    assert has(told, "acme_rules")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("beta-rules==1.0", "Hashes are required in --require-hashes mode"),
        (
            "beta-rules",
            "In --require-hashes mode, all requirements must have their versions pinned",
        ),
        (f"beta-rules==1.0 --hash=sha256:{'0' * 64}", "DO NOT MATCH THE HASHES"),
        ("./beta", "Can't verify hashes for these file:// requirements"),
        ("git+file:///beta", "Can't verify hashes for these requirements"),
    ],
)
def test_plugins_without_a_right_hash_are_refused(ready: Ready, text: str, said: str) -> None:
    wheel(ready.small.offered, "beta_rules")
    folder = ready.small.runner.workspace / "beta"
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text(PROJECT)
    told = ready.plugins(text)
    assert told.failed
    assert said in told.log
    assert told.outputs["verdict"] == "error"
    assert not has(ready.told, "beta_rules")


@pytest.mark.parametrize(
    "text",
    [
        "-r more.txt",
        "--requirement=more.txt",
        "  --requirement more.txt",
        "-rmore.txt",
        "-c more.txt",
        "-e .",
        "--find-links wheels",
        "--no-binary :all:",
        "--no-index\n-r more.txt",
        "acme==1.0 \\\n  -r more.txt",
        "--hashes",
    ],
)
def test_the_plugins_input_names_no_file_of_the_pull_request(ready: Ready, text: str) -> None:
    told = ready.plugins(text)
    assert told.failed
    (said,) = told.commands
    assert said.data == (
        "The input 'plugins' may hold pinned requirements, --hash, --index-url and "
        "--extra-index-url; other options could read a file of the pull request."
    )


def test_a_plugin_that_needs_another_version_than_the_lock_pins_is_refused(ready: Ready) -> None:
    plugin = wheel(ready.small.offered, "old_rules", "packaging<20")
    told = ready.plugins(f"old-rules==1.0 --hash=sha256:{digest(plugin)}")
    assert told.failed
    assert "conflicting dependencies" in told.log


def test_installing_a_plugin_runs_no_code_of_it(ready: Ready, tmp_path: Path) -> None:
    """A source distribution would run its build."""
    folder = tmp_path / "built_rules-1.0"
    folder.mkdir()
    (folder / "setup.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')\n")
    offered = ready.small.offered / folder.name
    archive = shutil.make_archive(str(offered), "gztar", tmp_path, folder.name)
    told = ready.plugins(f"built-rules==1.0 --hash=sha256:{digest(Path(archive))}")
    assert told.failed
    assert "No matching distribution found for built-rules==1.0" in told.log
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize(
    "text", ["$(touch PWNED)", '"; touch PWNED #', "`touch PWNED`", "x\nEOF\ntouch PWNED"]
)
def test_plugins_of_hostile_text_run_nothing(ready: Ready, text: str) -> None:
    assert ready.plugins(text).failed
    assert not (ready.small.runner.workspace / "PWNED").exists()
