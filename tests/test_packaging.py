"""The built distribution: what is in it, and that it works where nothing else is installed."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.distribution import run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKS = ("run", "demo", "dev")
PACKS = sorted(path.name for path in (ROOT / "policies").glob("*.y*ml"))

POLICY_FILE = """\
version: 1
extends: [recommended]
policies:
  model-size-budget: {max_size: 200MB}
"""

# Prints how many entry points of the distribution import; pytest is not there, so its is left out.
LOAD_ALL = """
from importlib.metadata import distribution
points = distribution("policy-engine").entry_points
print(sum(point.load() is not None for point in points if point.group != "pytest11"))
"""


def metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"policy_engine-0.1.0.dist-info/{name}").decode()


def names_under(folder: str, names: Iterable[str]) -> list[str]:
    return sorted(name.removeprefix(folder) for name in names if name.startswith(folder))


def test_wheel_holds_two_packages_and_nothing_beside_them(wheel_names: frozenset[str]) -> None:
    assert {name.split("/")[0] for name in wheel_names} == {
        "policy_engine",
        "mlops_policies",
        "policy_engine-0.1.0.dist-info",
    }


def test_wheel_carries_the_packs_without_their_tests(wheel_names: frozenset[str]) -> None:
    assert "recommended.yaml" in PACKS
    assert names_under("mlops_policies/packs/", wheel_names) == PACKS


def test_wheel_says_that_both_packages_are_typed(wheel_names: frozenset[str]) -> None:
    assert {"policy_engine/py.typed", "mlops_policies/py.typed"} <= wheel_names


def test_wheel_carries_each_module_of_the_checkout(wheel_names: frozenset[str]) -> None:
    expected = {path.relative_to(ROOT) for path in (ROOT / "policy_engine").rglob("*.py")}
    expected |= {
        path.relative_to(ROOT / "plugins")
        for path in (ROOT / "plugins/mlops_policies").rglob("*.py")
    }
    assert {path.as_posix() for path in expected} == {n for n in wheel_names if n.endswith(".py")}


def test_wheel_names_the_licence_and_carries_its_text(wheel: Path) -> None:
    assert Parser().parsestr(metadata(wheel, "METADATA"))["License-Expression"] == "Apache-2.0"
    assert metadata(wheel, "licenses/LICENSE") == (ROOT / "LICENSE").read_text("utf-8")


def test_wheel_declares_the_command_the_plugins_and_the_context_provider(wheel: Path) -> None:
    declared = ConfigParser(delimiters="=")
    declared.read_string(metadata(wheel, "entry_points.txt"))
    assert {group: dict(declared[group]) for group in declared.sections()} == {
        "console_scripts": PROJECT["scripts"],
        **PROJECT["entry-points"],
    }


def test_each_first_party_plugin_has_its_entry_point() -> None:
    files = (ROOT / "plugins/mlops_policies").glob("*/__init__.py")
    modules = {path.parent.name for path in files if "\n@hookimpl\n" in path.read_text("utf-8")}
    declared: Mapping[str, str] = PROJECT["entry-points"]["policy_engine"]
    assert declared == {name: f"mlops_policies.{name}" for name in modules}


def test_sdist_carries_what_a_contributor_needs(dist: Path) -> None:
    with tarfile.open(dist / "policy_engine-0.1.0.tar.gz") as archive:
        names = names_under("policy_engine-0.1.0/", archive.getnames())
    assert {
        ".ci/elsewhere",
        ".ci/fresh",
        ".ci/run",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "policies/recommended.yaml",
        "requirements/dev.txt",
        "tests/conftest.py",
        "tests/test_packaging.py",
    } <= set(names)


def test_installed_wheel_shows_its_help(installed: Path, tmp_path: Path) -> None:
    assert "Usage: policy-engine " in run(installed / "policy-engine", "--help", cwd=tmp_path)


def test_installed_wheel_lists_the_policies_of_the_first_party_plugins(
    installed: Path, tmp_path: Path
) -> None:
    assert "model-size-budget" in run(installed / "policy-engine", "list", cwd=tmp_path)


def test_installed_wheel_shows_where_its_plugins_come_from(installed: Path, tmp_path: Path) -> None:
    shown = run(installed / "policy-engine", "plugins", cwd=tmp_path)
    assert [name for name in PROJECT["entry-points"]["policy_engine"] if name not in shown] == []


def test_installed_wheel_validates_a_policy_file_that_extends_a_pack(
    installed: Path, tmp_path: Path
) -> None:
    policy_file = tmp_path / "fraud.yaml"
    policy_file.write_text(POLICY_FILE, encoding="utf-8")
    told = run(installed / "policy-engine", "validate", policy_file, cwd=tmp_path)
    assert re.fullmatch(r".*fraud\.yaml: valid, \d+ policies\n", told)


def test_installed_wheel_refuses_a_policy_file_that_is_wrong(
    installed: Path, tmp_path: Path
) -> None:
    policy_file = tmp_path / "fraud.yaml"
    policy_file.write_text(POLICY_FILE.replace("max_size", "max_sise"), encoding="utf-8")
    told = run(installed / "policy-engine", "validate", policy_file, cwd=tmp_path, exit_code=2)
    assert told == ""  # the problems go to stderr


def test_each_entry_point_of_the_installed_wheel_imports(installed: Path, tmp_path: Path) -> None:
    groups = {**PROJECT["entry-points"], "scripts": PROJECT["scripts"]}
    declared = sum(len(points) for group, points in groups.items() if group != "pytest11")
    assert int(run(installed / "python", "-c", LOAD_ALL, cwd=tmp_path)) == declared


def test_installed_wheel_writes_a_plugin(installed: Path, tmp_path: Path) -> None:
    run(installed / "policy-engine", "new-plugin", "acme-policies", cwd=tmp_path)
    assert (tmp_path / "acme-policies" / "acme_policies" / "policies.py").is_file()


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_is_pinned_and_hashed_and_names_no_index(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    line = re.compile(
        r"[a-z0-9-]+==[\w.!+]+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?| +# .*"
    )
    assert [shown for shown in text.splitlines() if not line.fullmatch(shown)] == []
    assert "://" not in text


def test_the_least_versions_are_tried() -> None:
    """`make test-lowest` has the lower bound of each runtime dependency but mlflow-skinny's.

    That one is tried by the clients of `make test-servers`.
    """
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *extras["local"], *extras["stats"], *extras["html"]]
    pin = re.compile(r"([\w.-]+)[>=]=([\d.]+?)(?:\.0)*(?:,.*)?")
    text = (ROOT / "requirements" / "lowest.in").read_text("utf-8")
    tried = {m.groups() for line in text.split("\n") if (m := pin.fullmatch(line))}
    bounds = {m.groups() for line in asked if (m := pin.fullmatch(line))}
    assert len(bounds) == len(asked)
    assert bounds - tried == {("mlflow-skinny", "2.9")}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_pins_each_runtime_dependency(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))
    asked = {re.split(r"[<>=!]", line)[0].lower() for line in PROJECT["dependencies"]}
    assert {name.replace(".", "-") for name in asked} - pinned == set()
