"""`policy-engine new-plugin`: what it writes is whole, and works as soon as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from policy_engine.cli.new_plugin import new_plugin
from policy_engine.errors import UsageError
from tests.command import Project, command

ROOT = Path(__file__).resolve().parents[2]

FILES = [
    ".github/workflows/ci.yml",
    ".gitignore",
    "README.md",
    "acme_policies/__init__.py",
    "acme_policies/policies.py",
    "acme_policies/py.typed",
    "policies/example.yaml",
    "pyproject.toml",
    "tests/test_plugin.py",
    "tests/test_policies.py",
]


def run(*words: str | Path, cwd: Path, path: Path | None = None) -> str:
    """Run a command that must succeed, with nothing of this environment's variables for Python."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    if path is not None:
        env["PYTHONPATH"] = str(path)
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin as the command writes it."""
    folder = tmp_path_factory.mktemp("new") / "acme-policies"
    new_plugin("acme-policies", folder)
    return folder


@pytest.fixture(scope="module")
def site(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin, built and installed into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--no-build-isolation")
    run(*pip, "--target", folder, plugin, cwd=folder)
    return folder


def test_the_command_names_each_file_that_it_wrote(project: Project) -> None:
    told = command("new-plugin", "acme-policies")
    assert told.code == 0
    assert sorted(told.out.split("\n")) == ["", *(f"wrote acme-policies/{f}" for f in FILES)]
    assert told.err == "next: cd acme-policies, pip install --editable '.[test]', pytest\n"
    home = project.folder / "acme-policies"
    found = {p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file()}
    assert sorted(found) == FILES


def test_no_placeholder_is_left(plugin: Path) -> None:
    for name in FILES:
        assert "{{" not in (plugin / name).read_text("utf-8").replace("${{", ""), name


def test_its_own_tests_pass_at_once(plugin: Path, site: Path) -> None:
    pytest_ = (sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider")
    assert "5 passed" in run(*pytest_, cwd=plugin, path=site)


def test_its_example_is_a_valid_policy_file_and_its_policy_explains_itself(
    plugin: Path, site: Path
) -> None:
    policy_engine = (sys.executable, "-m", "policy_engine")
    told = run(*policy_engine, "validate", "policies/example.yaml", cwd=plugin, path=site)
    assert told == "policies/example.yaml: valid, 1 policy\n"
    words = ("explain", "acme-training-time", "policies/example.yaml")
    told = run(*policy_engine, *words, cwd=plugin, path=site)
    assert "Training fits its time budget." in told
    assert (
        "In a policy file:\n"
        "  version: 1\n"
        "  plugins: [acme-policies]\n"
        "  policies:\n"
        "    acme-training-time: {max_time: 30s}\n"
    ) in told


def test_it_is_as_strict_as_we_are(plugin: Path) -> None:
    ruff = (sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E,F,W,I,B,UP,PL")
    told = run(*ruff, "--line-length", "100", plugin, cwd=plugin)
    assert told == "All checks passed!\n"
    told = run(sys.executable, "-m", "ruff", "format", "--isolated", "--check", plugin, cwd=plugin)
    assert told.endswith(" already formatted\n")


def test_its_workflow_uses_the_actions_that_ours_does(plugin: Path) -> None:
    def used(path: Path) -> set[str]:
        jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
        return {step["uses"] for job in jobs for step in job["steps"] if "uses" in step}

    ours = used(ROOT / ".github/workflows/ci.yml")
    assert used(plugin / ".github/workflows/ci.yml") <= ours


def test_a_folder_that_holds_something_is_left_as_it_is(project: Project) -> None:
    home = project.folder / "acme-policies"
    home.mkdir()
    (home / "pyproject.toml").write_text("mine")
    told = command("new-plugin", "acme-policies")
    assert (told.code, told.out) == (2, "")
    assert "acme-policies exists already; nothing was written" in told.err
    assert [p.read_text() for p in home.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["Acme", "acme_policies", "../acme", "-x", "a--b", "", "a" * 61])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a name for a plugin: lower-case words joined by"):
        new_plugin(name, tmp_path / "plugin")
    assert not (tmp_path / "plugin").exists()


@pytest.mark.parametrize("name", ["policy-engine", "mlops-policies", "json", "class", "tests"])
def test_a_name_that_would_hide_another_module_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which exists already"):
        new_plugin(name, tmp_path / "plugin")
    assert not (tmp_path / "plugin").exists()
