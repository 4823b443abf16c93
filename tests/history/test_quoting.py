"""Limits that a backtest found stand in `explain --effective` and in a first policy file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from policy_engine.loading import load
from tests.command import command
from tests.history.past_runs import EXPERIMENT, Ran, write_store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
POLICIES = """\
version: 1
metric: {name: val_f1}
policies:
  metric-threshold: {metric: val_f1, min: 0.75}
  model-size-budget: {max_size: 1MB}
"""
SENTENCE = (
    "metric-threshold min: at least 0.7 would have blocked 1 % of 20 runs; 0.71: 5 %; 0.72: 10 %"
)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a backtest of 20 runs, 0.70 to 0.89, writes as JSON."""
    root = tmp_path_factory.mktemp("quoting")
    (root / "p.yaml").write_text(POLICIES, "utf-8")
    address, _ = write_store(root, [Ran(0.70 + n / 100, at=n) for n in range(20)])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        said = command(
            *("backtest", "--experiment", EXPERIMENT, "--policies", "p.yaml"),
            *("--tracking-uri", address, "--format", "json"),
        )
    assert said.code == 0, said
    return said.out


@pytest.fixture
def here(tmp_path: Path, told: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "p.yaml").write_text(POLICIES, "utf-8")
    (tmp_path / "b.json").write_text(told, "utf-8")
    return tmp_path


def test_the_effective_file_says_what_limits_would_have_blocked(here: Path) -> None:
    plain = command("explain", "--effective", "p.yaml").out
    said = command("explain", "--effective", "p.yaml", "--backtest", "b.json")
    assert said.code == 0
    assert said.out.startswith(
        "# Limits that would have blocked past runs are of b.json: 20 runs of experiment\n"
        "# fraud.\n"
    )
    assert [line for line in said.out.splitlines() if line.startswith("    # ")] == [
        "    # min: at least 0.7 would have blocked 1 % of 20 runs; 0.71: 5 %; 0.72: 10 %"
    ]
    assert yaml.safe_load(said.out) == yaml.safe_load(plain)


def test_a_backtest_by_other_policies_is_said_to_be_one(here: Path) -> None:
    (here / "p.yaml").write_text(POLICIES.replace("0.75", "0.76"), "utf-8")
    said = command("explain", "--effective", "p.yaml", "--backtest", "b.json")
    assert said.out.startswith(
        "# Limits that would have blocked past runs are of b.json: 20 runs of experiment\n"
        "# fraud, which judged by other policies than these.\n"
    )


def test_a_first_policy_file_quotes_them_and_is_valid(here: Path) -> None:
    said = command("init", "--yes", "--backtest", "b.json")
    assert said.code == 0, said
    (file,) = load(("policies",), here).policies.files
    text = (here / file.path).read_text("utf-8")
    assert (
        "# What limits would have done to past runs (b.json: 20 runs of experiment fraud):\n"
        f"# - {SENTENCE}\n"
        "\n"
        "# What only your team knows."
    ) in text


def test_what_a_file_says_stays_a_comment(here: Path, told: str) -> None:
    said = json.loads(told)
    said["experiment"] = "x\nplugins: [evil]"
    (limit,) = (each for p in said["sides"][0]["by_policy"] for each in p["limits"])
    limit["part"] = "x\npolicies: {}"
    (here / "b.json").write_text(json.dumps(said), "utf-8")
    command("init", "--yes", "--backtest", "b.json")
    (file,) = load(("policies",), here).policies.files
    assert "plugins" not in yaml.safe_load((here / file.path).read_text("utf-8"))
    shown = command("explain", "--effective", "p.yaml", "--backtest", "b.json").out
    assert yaml.safe_load(shown) == yaml.safe_load(command("explain", "--effective", "p.yaml").out)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "policy-engine/report/v1"}', "\0"])
def test_another_file_is_refused(here: Path, text: str) -> None:
    (here / "b.json").write_text(text, "utf-8")
    for asked in ("explain", "--effective", "p.yaml"), ("init", "--yes"):
        said = command(*asked, "--backtest", "b.json")
        assert said.code == 2
        assert said.err.splitlines()[-1] == (
            "policy-engine: --backtest b.json: not a file of a backtest; write one with "
            "`policy-engine backtest --experiment NAME --format json=FILE`"
        )
    assert not (here / "policies").exists()


def test_a_file_that_is_not_there_and_a_backtest_of_a_policy_are_refused(here: Path) -> None:
    said = command("explain", "--effective", "p.yaml", "--backtest", "c.json")
    assert (said.code, said.err) == (
        2,
        "policy-engine: --backtest c.json: No such file or directory\n",
    )
    said = command("explain", "run-finished", "--backtest", "b.json")
    assert said.code == 2
    assert said.err.splitlines()[-1] == (
        "Error: --backtest goes with --effective: it is about limits of files"
    )
