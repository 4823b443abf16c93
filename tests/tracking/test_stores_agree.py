"""One contract, three readers of one database: they give the same JSON, or say the same sentence.

One thing differs by nature: files that only a server serves (`mlflow-artifacts:/`) cannot be read
through the bare database, and that reader says so.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from policy_engine.http.deadline import Deadline
from policy_engine.http.showing import without_secrets
from policy_engine.tracking.client import ClientStore
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.query import Query, tagged
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.store import NoSuchStore, NotFound, ReadFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from policy_engine.tracking.store import Store
    from tests.conftest import MlflowServer, Trained

    Read = Callable[[Store, Trained], object]

ABSENT_RUN = "0" * 32
ABSENT_MODEL = f"m-{ABSENT_RUN}"
EVERY_RUN = (
    *("champion", "candidate", "without_model", "running", "failed", "failed_log", "two_models"),
    *("parent", "deleted", "not_numbers", "proxied"),
)


@pytest.fixture(scope="module")
def readers(mlflow_server: MlflowServer, trained: Trained) -> tuple[Store, Store, Store]:
    """The REST reader, MLflow's client over HTTP, and MLflow's client over SQLite."""
    return (
        RestStore(mlflow_server.uri, Deadline(60)),
        ClientStore(mlflow_server.uri, Deadline(60)),
        ClientStore(mlflow_server.database, Deadline(60)),
    )


READS: dict[str, Read] = {
    **{f"run {name}": lambda s, t, n=name: s.run(getattr(t, n)) for name in EVERY_RUN},  # type: ignore[misc]
    **{
        f"models of {name}": lambda s, t, n=name: s.models_of_run(t.experiment_id, getattr(t, n))  # type: ignore[misc]
        for name in EVERY_RUN
    },
    "absent run": lambda s, _: s.run(ABSENT_RUN),
    "malformed run id": lambda s, _: s.run("x"),
    "all runs": lambda s, t: s.runs([t.experiment_id, t.proxied_experiment_id], Query(), limit=200),
    "oldest runs first": lambda s, t: s.oldest_first(t.experiment_id, 0, 500, None)[0](),
    "a page of the oldest runs": lambda s, t: s.oldest_first(t.experiment_id, 0, 2, None)[0](),
    "the page behind it": lambda s, t: s.oldest_first(
        t.experiment_id, 0, 2, s.oldest_first(t.experiment_id, 0, 2, None)[1]
    )[0](),
    "no runs since": lambda s, t: s.oldest_first(t.experiment_id, 9 * 10**12, 2, None)[0](),
    "newest three runs": lambda s, t: s.runs([t.experiment_id], Query(), limit=3),
    "deleted runs": lambda s, t: s.runs([t.experiment_id], Query(), limit=9, deleted=True),
    "runs of a commit": lambda s, t: s.runs(
        [t.experiment_id], tagged("mlflow.source.git.commit", t.other_sha), limit=99
    ),
    "children": lambda s, t: s.runs(
        [t.experiment_id], tagged("mlflow.parentRunId", t.parent), limit=99
    ),
    "runs nowhere": lambda s, _: s.runs([], Query(), limit=9),
    "no runs wanted": lambda s, t: s.runs([t.experiment_id], Query(), limit=0),
    "runs of an absent experiment": lambda s, _: s.runs(["77"], Query(), limit=9),
    "experiment": lambda s, t: s.experiment(t.experiment_id),
    "absent experiment": lambda s, _: s.experiment("77"),
    "experiment by name": lambda s, _: s.experiment_by_name("fraud"),
    "absent experiment by name": lambda s, _: s.experiment_by_name("x"),
    "deleted experiment": lambda s, t: s.experiment(t.deleted_experiment_id),
    "experiments": lambda s, _: s.experiments(),
    "model": lambda s, t: s.model(t.candidate_model),
    "failed model": lambda s, t: s.model(t.failed_log_failed),
    "proxied model": lambda s, t: s.model(t.proxied_model),
    "absent model": lambda s, _: s.model(ABSENT_MODEL),
    "files of a model": lambda s, t: s.list_model(t.candidate_model),
    "files of a failed model": lambda s, t: s.list_model(t.failed_log_failed),
    "files of an absent model": lambda s, _: s.list_model(ABSENT_MODEL),
    "an absent folder": lambda s, t: s.list_model(t.candidate_model, "absent"),
    "a folder outside": lambda s, t: s.list_model(t.candidate_model, "../.."),
    "files of a run": lambda s, t: s.list_run(t.champion),
    "files in a folder": lambda s, t: s.list_run(t.champion, "notes"),
    "files of an absent run": lambda s, _: s.list_run(ABSENT_RUN),
    "text of a model": lambda s, t: s.model_text(t.champion_model, "MLmodel", 100_000),
    "text of a run": lambda s, t: s.run_text(t.champion, "notes/for reviewers.txt", 28),
    "text over its cap": lambda s, t: s.run_text(t.champion, "notes/for reviewers.txt", 27),
    "no text": lambda s, t: s.model_text(t.champion_model, "model.pkl", 10_000_000),
    "absent text": lambda s, t: s.run_text(t.champion, "absent.txt", 100),
    "text of a folder": lambda s, t: s.run_text(t.champion, "notes", 100),
    "text outside": lambda s, t: s.run_text(t.champion, "../x", 100),
    "version": lambda s, t: s.version(t.registered, "2"),
    "absent version": lambda s, t: s.version(t.registered, "9"),
    "alias": lambda s, t: s.version_by_alias(t.registered, "champion"),
    "absent alias": lambda s, t: s.version_by_alias(t.registered, "x"),
    "alias of an absent model": lambda s, _: s.version_by_alias("x", "champion"),
    "registered model": lambda s, t: s.registered_model(t.registered),
    "registered models": lambda s, _: s.registered_models(),
    "absent registered model": lambda s, _: s.registered_model("x"),
}

SERVED: dict[str, Read] = {
    "files": lambda s, t: s.list_model(t.proxied_model),
    "an empty file": lambda s, t: s.list_model(t.proxied_model, "code/rules"),
    "text of a model": lambda s, t: s.model_text(t.proxied_model, "MLmodel", 100_000),
    "text in a folder": lambda s, t: s.run_text(t.proxied, "tables/deep/rows.csv", 100),
}


def outcome(read: Read, store: Store, trained: Trained, address: str) -> object:
    """Return what a read gives, or the kind and sentence with which it ends."""
    try:
        return read(store, trained)
    except (NotFound, ReadFailed) as error:
        return type(error).__name__, str(error).replace(f"MLflow at {address}", "MLflow")


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_every_reader_gives_the_same(
    read: Read,
    readers: tuple[Store, Store, Store],
    trained: Trained,
    mlflow_server: MlflowServer,
) -> None:
    rest, client, database = readers
    expected = outcome(read, rest, trained, mlflow_server.uri)
    assert outcome(read, client, trained, mlflow_server.uri) == expected
    address = without_secrets(mlflow_server.database)
    assert outcome(read, database, trained, address) == expected


@pytest.mark.parametrize("read", SERVED.values(), ids=SERVED.keys())
def test_files_that_a_server_serves_are_the_same_through_either_reader_of_the_server(
    read: Read, readers: tuple[Store, Store, Store], trained: Trained
) -> None:
    rest, client, _ = readers
    assert read(client, trained) == read(rest, trained)


@pytest.mark.parametrize("read", SERVED.values(), ids=SERVED.keys())
def test_files_that_a_server_serves_are_not_taken_for_absent_through_the_database(
    read: Read, readers: tuple[Store, Store, Store], trained: Trained
) -> None:
    with pytest.raises(
        ReadFailed,
        match=r"are kept by an MLflow server, .* give that server's address as the tracking URI",
    ):
        read(readers[2], trained)


# What opens, and what does not.


def test_a_server_is_read_over_http_and_a_database_through_the_client(
    mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(open_store(mlflow_server.uri, Deadline(9)), RestStore)
    assert isinstance(open_store(mlflow_server.database, Deadline(9)), ClientStore)
    monkeypatch.setenv("MLFLOW_TRACKING_AUTH", "a-plugin")
    assert isinstance(open_store(mlflow_server.uri, Deadline(9)), ClientStore)
    monkeypatch.delenv("MLFLOW_TRACKING_AUTH")
    monkeypatch.setenv("MLFLOW_TRACKING_AWS_SIGV4", "true")
    assert isinstance(open_store(mlflow_server.uri, Deadline(9)), ClientStore)


def test_a_mistyped_sqlite_path_is_said_and_makes_no_database(tmp_path: Path) -> None:
    path = tmp_path / "mlfow.db"
    with pytest.raises(NoSuchStore) as caught:
        open_store(f"sqlite:///{path}", Deadline(9))
    assert str(caught.value) == (
        f"there is no SQLite file {path}: MLflow makes it when a first run is trained; train one, "
        "or check the tracking URI"
    )
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_mlflow_database_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(NoSuchStore) as caught:
        open_store(f"sqlite:///{path}", Deadline(9))
    assert str(caught.value) == f"{path} is not a MLflow database; check the tracking URI"
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("uri", "folder"),
    [("file:///a/mlruns", "/a/mlruns"), ("file:mlruns", "mlruns"), ("./mlruns", "./mlruns")],
)
def test_a_file_store_is_refused_with_the_way_out(uri: str, folder: str) -> None:
    with pytest.raises(NoSuchStore) as caught:
        open_store(uri, Deadline(9))
    assert str(caught.value) == (
        f"{uri} is a file store, which MLflow no longer reads: move it with "
        f"`mlflow migrate-filestore --source {folder} --target sqlite:///mlflow.db` "
        "and give that address"
    )


@pytest.mark.parametrize("uri", ["", " "])
def test_no_tracking_uri_is_said(uri: str) -> None:
    with pytest.raises(NoSuchStore) as caught:
        open_store(uri, Deadline(9))
    assert str(caught.value) == "no tracking URI: give --tracking-uri or set MLFLOW_TRACKING_URI"


@pytest.mark.parametrize("uri", ["ana:s3cret@host:5000", "sqlite:///ana:s3cret@absent.db"])
def test_a_password_in_a_mistaken_uri_is_not_shown(uri: str) -> None:
    with pytest.raises(NoSuchStore) as caught:
        open_store(uri, Deadline(9))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_holds_no_runs(uri: str) -> None:
    with pytest.raises(NoSuchStore) as caught:
        open_store(uri, Deadline(9))
    assert str(caught.value) == "the tracking URI names no file: write sqlite:///path/to/mlflow.db"


def test_a_store_of_an_unknown_kind_is_unreadable_and_its_password_unseen() -> None:
    with pytest.raises(ReadFailed) as caught:
        open_store("other://ana:pass-word@host/db", Deadline(9))
    assert str(caught.value) == (
        "MLflow reads other://host/db with a plugin, and none for 'other' is installed: "
        "install its plugin for MLflow, or check the tracking URI"
    )
    assert "pass-word" not in str(caught.value)


def mlflow_version() -> str:
    return version("mlflow-skinny")


@pytest.fixture
def copied(mlflow_server: MlflowServer, trained: Trained, tmp_path: Path) -> Path:
    """A copy of the database, to be spoiled."""
    with (
        closing(sqlite3.connect(mlflow_server.database.removeprefix("sqlite:///"))) as source,
        closing(sqlite3.connect(tmp_path / "copy.db")) as target,
    ):
        source.backup(target)
    return tmp_path / "copy.db"


@pytest.mark.parametrize(
    "spoil",
    ["UPDATE alembic_version SET version_num = '0584bdc529eb'", "DROP TABLE logged_models"],
    ids=["older revision", "older revision without a table"],
)
def test_a_database_of_another_schema_is_refused_and_not_migrated(copied: Path, spoil: str) -> None:
    with closing(sqlite3.connect(copied)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0584bdc529eb'")
        database.execute(spoil)
    before = copied.read_bytes()
    with pytest.raises(ReadFailed) as caught:
        open_store(f"sqlite:///{copied}", Deadline(9))
    assert str(caught.value) == (
        f"the database sqlite:///{copied} has the schema of an MLflow older than the "
        f"{mlflow_version()} that is installed here (revision 0584bdc529eb): start `mlflow server "
        f"--backend-store-uri sqlite:///{copied}` with the MLflow that trains into it, and give "
        f"that server's address; or back it up and run `mlflow db upgrade sqlite:///{copied}`, "
        f"after which training needs MLflow {mlflow_version()} or newer too"
    )
    assert copied.read_bytes() == before


def test_a_database_that_mlflow_never_versioned_is_the_older_side(copied: Path) -> None:
    with closing(sqlite3.connect(copied)) as database, database:
        database.execute("DROP TABLE alembic_version")
    before = copied.read_bytes()
    with pytest.raises(ReadFailed, match=r"^the database .* older .* \(revision none\): start "):
        open_store(f"sqlite:///{copied}", Deadline(9))
    assert copied.read_bytes() == before


def test_a_database_of_a_newer_schema_asks_for_a_newer_mlflow_and_for_no_upgrade(
    copied: Path,
) -> None:
    """No MLflow that is installed can make one: its revision is what a coming one will say."""
    with closing(sqlite3.connect(copied)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = 'f00df00df00d'")
    before = copied.read_bytes()
    with pytest.raises(ReadFailed) as caught:
        open_store(f"sqlite:///{copied}", Deadline(9))
    assert str(caught.value) == (
        f"the database sqlite:///{copied} has the schema of an MLflow newer than the "
        f"{mlflow_version()} that is installed here (revision f00df00df00d): install the MLflow "
        "that trains into it, or a newer one, where the check runs: "
        "`pip install --upgrade mlflow-skinny`"
    )
    assert copied.read_bytes() == before


def test_after_the_deadline_a_database_is_not_asked(mlflow_server: MlflowServer) -> None:
    with pytest.raises(ReadFailed, match="did not answer within 0 s"):
        open_store(mlflow_server.database, Deadline(0))


def test_reading_needs_no_numpy_prints_nothing_and_leaves_the_folder_and_the_database_as_they_were(
    mlflow_server: MlflowServer, trained: Trained, copied: Path, tmp_path: Path
) -> None:
    """In a process of its own, as the command runs: MLflow's loggers are process-wide."""
    work = tmp_path / "work"
    work.mkdir()
    before = copied.read_bytes()
    program = (
        # What mlflow-skinny comes without.
        "import sys\n"
        "for name in ('numpy', 'pandas', 'scipy', 'sklearn', 'flask', 'matplotlib', 'pyarrow'):\n"
        "    sys.modules[name] = None\n"
        "from policy_engine.tracking.opening import open_store\n"
        "from policy_engine.http.deadline import Deadline\n"
        "from policy_engine.tracking.store import NotFound\n"
        f"store = open_store('sqlite:///{copied}', Deadline(60))\n"
        f"store.run('{trained.champion}')\n"
        f"store.list_model('{trained.champion_model}')\n"
        f"store.model_text('{trained.champion_model}', 'MLmodel', 100000)\n"
        "try:\n"
        f"    store.run('{ABSENT_RUN}')\n"
        "except NotFound:\n"
        "    pass\n"
        "assert store.request_count == 0\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=work,
        env={"PYTHONPATH": str(root), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(work.iterdir()) == []
    assert copied.read_bytes() == before


def test_the_time_that_importing_mlflow_takes_is_not_the_stores(
    trained: Trained, copied: Path, tmp_path: Path
) -> None:
    """As on a machine that takes all of the time limit to import mlflow."""
    program = (
        "import sys, time\n"
        "from policy_engine.tracking.opening import open_store\n"
        "from policy_engine.http.deadline import Deadline\n"
        "class Slow:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'mlflow':\n"
        "            deadline._end = time.monotonic()\n"
        "            print(deadline.expired)\n"
        "deadline = Deadline(60)\n"
        "sys.meta_path.insert(0, Slow())\n"
        f"store = open_store('sqlite:///{copied}', deadline)\n"
        f"print(store.run('{trained.champion}')['info']['status'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nFINISHED\n", "")


def test_sqlite_without_its_packages_says_what_to_install(copied: Path, tmp_path: Path) -> None:
    """As after `pip install policy-engine` alone: a Python without sqlalchemy and alembic."""
    program = (
        "import sys\n"
        "sys.modules['sqlalchemy'] = None\n"
        "from policy_engine.tracking.opening import open_store\n"
        "from policy_engine.http.deadline import Deadline\n"
        "from policy_engine.tracking.store import ReadFailed\n"
        "try:\n"
        f"    open_store('sqlite:///{copied}', Deadline(60))\n"
        "except ReadFailed as error:\n"
        "    print(error)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(root), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "reading SQLite needs `pip install policy-engine[local]`\n"


def test_importing_the_rest_reader_imports_no_mlflow() -> None:
    program = "import sys, policy_engine.tracking.rest; print('mlflow' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
    assert shutil.which("mlflow") is None or done.stderr == ""
