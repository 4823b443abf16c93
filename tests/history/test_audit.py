"""An audit judges what a check would judge of each model, in one go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.scale_store import make_store
from policy_engine.change.champion import alone
from policy_engine.check import Options, check, load
from tests.command import command
from tests.mlflow_server import How, served
from tests.tracking.relay import relaying

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
MODELS = 12


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose registered models have champions; one more model has no alias."""
    from mlflow import MlflowClient

    root = tmp_path_factory.mktemp("audit")
    make_store(root, runs=600, registered=MODELS)
    how = How(artifacts=("--artifacts-destination", str(root / "artifacts")))
    with served(root, how) as server:
        MlflowClient(server.uri).create_registered_model("nobodys")
        yield server.uri


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def policies(here: Path, body: str) -> None:
    (here / "p.yaml").write_text(f"version: 1\nmetric: {{name: val_f1}}\n{body}", "utf-8")


def audited(address: str, *more: str) -> tuple[int, dict[str, Any]]:
    told = command(
        *("audit", "--policies", "p.yaml", "--tracking-uri", address, "--format", "json", *more)
    )
    return told.code, json.loads(told.out)


def test_it_says_of_each_model_what_a_check_says(here: Path, address: str) -> None:
    policies(here, "extends: [recommended]\n")
    code, said = audited(address)
    (file,) = load(("p.yaml",), here).policies.files
    kept = {binding.id for binding in alone(file).bindings}
    assert len(said["versions"]) == MODELS
    for row in said["versions"]:
        (subject,) = check(
            Options(models=(row["of"],), policies=("p.yaml",), tracking_uri=address, root=here)
        ).subjects
        blocks = [f.id for f in subject.findings if f.effect.value == "block" and f.id in kept]
        assert row["blocks"] == list(dict.fromkeys(blocks))
    assert code == said["exit_code"]


def test_the_worst_comes_first_and_gives_the_exit_code(here: Path, address: str) -> None:
    policies(here, "policies:\n  model-size-budget: {max_size: 1MB}\n")
    code, said = audited(address)
    assert (code, said["verdict"]) == (0, "pass")
    names = sorted(row["model"] for row in said["versions"])
    policies(
        here,
        "policies:\n  model-size-budget: {max_size: 1MB}\n"
        f"  small: {{policy: model-size-budget, max_size: 1kB, when: "
        f"'candidate.run_id == \"{said['versions'][5]['run_id']}\"'}}\n",
    )
    code, said = audited(address)
    assert (code, said["verdict"]) == (1, "fail")
    assert [row["verdict"] for row in said["versions"]] == ["fail", *["pass"] * (MODELS - 1)]
    assert said["versions"][0]["blocks"] == ["small"]
    assert sorted(row["model"] for row in said["versions"]) == names


def test_models_that_no_policy_file_is_for_are_listed(here: Path, address: str) -> None:
    _, said = _whole(here, address)
    first = said["versions"][0]["model"]
    policies(here, f"applies_to: {{model: {first}}}\npolicies:\n  run-finished: on\n")
    code, said = audited(address)
    assert code == 4
    assert len(said["unclaimed"]) == MODELS - 1
    assert f"models:/{first}@champion" not in said["unclaimed"]
    assert said["without_alias"] == ["nobodys"]
    code, said = audited(address, "--model", first)
    assert (code, len(said["versions"])) == (0, 1)


def test_what_needs_a_baseline_is_left_out_by_name(here: Path, address: str) -> None:
    policies(
        here,
        "baseline:\n  - alias: champion\npolicies:\n  baseline-logged: on\n  run-finished: on\n",
    )
    code, said = audited(address)
    assert (code, said["left_out"]) == (0, ["baseline-logged"])


def test_waivers_are_used_and_told_with_their_last_day(here: Path, address: str) -> None:
    _, said = _whole(here, address)
    first = said["versions"][0]["model"]
    day = datetime.now(UTC).date() + timedelta(days=30)
    waiver = (
        f"  - {{id: model-size-budget, model: {first}, ceiling: 1MB, reason: r, owner: '@ana', "
        f"approved_by: '@ben', ticket: T-1, expires: {day}}}\n"
    )
    policies(here, f"policies:\n  model-size-budget: {{max_size: 1kB}}\nwaivers:\n{waiver}")
    code, said = audited(address, "--model", first)
    assert (code, said["verdict"]) == (0, "warn")
    assert said["versions"][0]["waived"] == [["model-size-budget", day.isoformat()]]
    told = command(*("audit", "--policies", "p.yaml", "--tracking-uri", address, "--model", first))
    assert (
        told.out
        == f"""\
Audit
1 aliased version of 1 registered model: 1 warn.

Models
model{" " * (len(first) - 5)}  alias     version  verdict  waived
{"-" * len(first)}  --------  -------  -------  ----------------------------------
{first}  champion  2        warn     model-size-budget until {day}

Waivers
policy             for{" " * (len(first) - 3)}  last day    state      owner
-----------------  {"-" * len(first)}  ----------  ---------  -----
model-size-budget  {first}  {day}  used once  @ana
"""
    )


def test_a_server_without_such_models_gives_exit_code_4(here: Path, address: str) -> None:
    policies(here, "policies:\n  run-finished: on\n")
    code, said = audited(address, "--alias", "nobody")
    assert (code, said["versions"]) == (4, [])


def test_it_asks_far_less_than_a_check_of_each(here: Path, address: str) -> None:
    policies(here, "policies:\n  run-finished: on\n  model-size-budget: {max_size: 1MB}\n")
    with relaying(address) as seen:
        audited(seen.uri)
        together = len(seen.asked)
    with relaying(address) as seen:
        _, said = audited(address)
        for row in said["versions"]:
            check(
                Options(models=(row["of"],), policies=("p.yaml",), tracking_uri=seen.uri, root=here)
            )
        assert together < len(seen.asked)


def test_the_runs_beside_are_read_once_an_experiment(here: Path, address: str) -> None:
    policies(here, "extends: [recommended]\n")
    with relaying(address) as seen:
        _, said = audited(seen.uri)
    run_ids = [row["run_id"] for row in said["versions"]]
    searches = [
        json.loads(body)
        for asked, body in zip(seen.asked, seen.sent, strict=True)
        if asked.endswith("/runs/search")
    ]
    several = [each for each in searches if not each.get("filter")]
    shared = {id_ for each in several for id_ in each["experiment_ids"]}
    assert 0 < len(several) == len(shared)
    assert not [
        each for each in searches if each.get("filter") and shared & {*each["experiment_ids"]}
    ]
    lookups = [asked for asked in seen.asked if asked.endswith(("/runs/get", "/alias"))]
    assert len(run_ids) == MODELS
    assert len(lookups) == 2 * MODELS


def _whole(here: Path, address: str) -> tuple[int, dict[str, Any]]:
    policies(here, "policies:\n  run-finished: on\n")
    return audited(address)
