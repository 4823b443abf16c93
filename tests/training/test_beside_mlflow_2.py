"""policy-engine beside MLflow 2.22, as `pip install policy-engine` puts it there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.store import ReadFailed
from tests.distribution import ROOT, run
from tests.repository import Repository
from tests.servers.environments import made
from tests.tracking.team import Gate

if TYPE_CHECKING:
    from collections.abc import Iterable

# Making MLflow 2's environment takes two minutes, once for all tests that need it.
pytestmark = pytest.mark.timeout(600)

TRAINING = Path(__file__).with_name("beside.py")


@dataclass(frozen=True)
class Beside:
    """An environment of MLflow 2 with policy-engine in it, and what MLflow 2 brought (versions)."""

    python: Path
    brought: dict[str, str]


@dataclass(frozen=True)
class Trained:
    """What one training in it left, the commit that it ran on, and its database."""

    left: dict[str, Any]
    head: str
    database: Path


def pip(python: Path, *arguments: str | Path) -> str:
    """Run this environment's pip on another one, whose own may be of any age."""
    options = ("--disable-pip-version-check", "--python", python)
    return run(sys.executable, "-m", "pip", *options, *arguments, cwd=python.parent)


def versions(python: Path) -> dict[str, str]:
    listed = json.loads(pip(python, "list", "--format", "json"))
    return {canonical(each["name"]): each["version"] for each in listed}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lacking(there: Iterable[str]) -> str:
    """Return what our lock pins and is not there yet, with its hashes."""
    lock = (ROOT / "requirements" / "run.txt").read_text("utf-8")
    entries = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)
    return "".join(e for e in entries if canonical(e.partition("==")[0]) not in there)


@pytest.fixture(scope="module")
def beside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Beside:
    """Lay an environment over MLflow 2's, which other tests share: pip sees both as one."""
    home = tmp_path_factory.mktemp("beside")
    run(sys.executable, "-m", "venv", "--without-pip", home / "venv", cwd=home)
    python = home / "venv" / "bin" / "python"
    (mine,) = (home / "venv").glob("lib/python3*/site-packages")
    (theirs,) = made("2.22").glob("lib/python3*/site-packages")
    (mine / "mlflow-2.pth").write_text(f"{theirs}\n")
    brought = versions(python)
    (home / "lacking.txt").write_text(lacking(brought))
    install = ("install", "--quiet", "--no-compile")
    pip(python, *install, "--no-deps", "--require-hashes", "-r", home / "lacking.txt")
    # What it needs is there: were another MLflow asked for, pip would find none and fail.
    pip(python, *install, "--no-index", f"{wheel}[stats]")
    return Beside(python, brought)


@pytest.fixture(scope="module")
def trained(beside: Beside, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    home = tmp_path_factory.mktemp("trained")
    repository = Repository.new(home / "work")
    (repository.folder / "train.py").write_bytes(TRAINING.read_bytes())
    head = repository.commit()
    database = home / "mlflow.db"
    done = subprocess.run(
        [beside.python, "train.py", f"sqlite:///{database}", (home / "files").as_uri()],
        cwd=repository.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Trained(json.loads(done.stdout.splitlines()[-1]), head, database)


def test_the_installation_replaces_nothing_that_mlflow_2_brought(beside: Beside) -> None:
    after = versions(beside.python)
    assert after["mlflow"] == after["mlflow-skinny"] == "2.22.4"
    assert {name: after[name] for name in beside.brought} == beside.brought
    assert after["policy-engine"] == version("policy-engine")
    assert pip(beside.python, "check") == "No broken requirements found.\n"


def test_each_helper_leaves_its_evidence_in_a_run_of_mlflow_2(trained: Trained) -> None:
    left = trained.left
    assert left["mlflow"] == "2.22.4"
    assert left["dataset"] == {
        "data.licence": "CC-BY-4.0",
        "data.sha256": left["sha256"],
        "mlflow.data.context": "training",
    }
    assert re.fullmatch(r"[0-9a-f]{64}", left["sha256"])
    table = left["predictions"]
    assert table["columns"] == ["row_id", "target", "prediction"]
    assert [row[0] for row in table["data"]] == list(range(60))
    assert set(left["importances"]) == {"a", "b"}
    assert left["importances"] == left["importance"]
    assert left["metrics"] == {"cost.total": 12.4} | left["probe"]
    own = {name: left["tags"][name] for name in ("cost.currency", "compute.instance")}
    assert own == {"cost.currency": "USD", "compute.instance": "m5.large"}
    assert left["tags"]["explanation.method"] == "permutation"


def test_a_run_of_mlflow_2_is_tagged_with_the_commit_that_was_trained(trained: Trained) -> None:
    tags = trained.left["tags"]
    assert tags["policy_engine.head_sha"] == trained.head
    assert tags["policy_engine.dirty"] == "false"


def test_a_served_model_of_mlflow_2_is_named_by_its_uuid(trained: Trained) -> None:
    left = trained.left
    assert left["probe"]["serving.errors"] == 0
    assert left["probe"]["latency.n"] == 20
    assert left["probe"]["serving.peak_rss_mb"] > 50
    assert left["tags"]["serving.model_id"] == left["model_uuid"]


def test_a_database_of_mlflow_2_is_the_older_side_and_stays_as_it_is(trained: Trained) -> None:
    uri, newest = f"sqlite:///{trained.database}", version("mlflow-skinny")
    before = trained.database.read_bytes()
    with pytest.raises(ReadFailed) as caught:
        open_store(uri, Deadline(60))
    assert str(caught.value) == (
        f"the database {uri} has the schema of an MLflow older than the {newest} that is installed "
        f"here (revision 0584bdc529eb): start `mlflow server --backend-store-uri {uri}` with the "
        "MLflow that trains into it, and give that server's address; or back it up and run "
        f"`mlflow db upgrade {uri}`, after which training needs MLflow {newest} or newer too"
    )
    assert trained.database.read_bytes() == before


def test_a_check_beside_mlflow_2_reads_no_database_and_says_what_to_install(
    beside: Beside, trained: Trained, tmp_path: Path
) -> None:
    Gate.of(tmp_path, "", p="policies: {run-finished: on}")
    uri = f"sqlite:///{trained.database}"
    before = trained.database.read_bytes()
    out = run(
        *(beside.python, "-m", "policy_engine", "check", "--format", "json"),
        *("--run", trained.left["run_id"], "--tracking-uri", uri),
        cwd=tmp_path,
        exit_code=3,
    )
    (subject,) = json.loads(out)["subjects"]
    assert subject["reason"] == (
        f"reading {uri} needs the client of MLflow 3, and MLflow 2.22.4 is installed: run the "
        "check in an environment of its own, with "
        "`pip install 'policy-engine[local]' 'mlflow-skinny>=3,<4'`"
    )
    assert trained.database.read_bytes() == before
