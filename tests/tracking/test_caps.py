"""A cap is checked before the work that would pass it, not after."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.client import ClientStore
from policy_engine.tracking.models import MOST_FILES, MOST_FOLDERS, list_files
from policy_engine.tracking.reads import Reads
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.store import MOST_RECORDS, OverCap, ReadFailed
from policy_engine.tracking.tables import TABLE_CAP
from tests.tracking.hostile_server import as_json, body, serving
from tests.tracking.team import Team

if TYPE_CHECKING:
    from tests.conftest import MlflowServer

RUN = "a" * 32
TOO_MANY = (
    f"more than {MOST_FOLDERS} folders or {MOST_FILES} files are stored; log fewer, larger files"
)


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


def folder_of(team: Team) -> tuple[str, Path]:
    """Return a run, and where its own artifacts lie."""
    run_id = team.run(team.experiment())
    folder = Path(team.client.get_run(run_id).info.artifact_uri.removeprefix("file://"))
    folder.mkdir(parents=True)
    return run_id, folder


def listed(team: Team, run_id: str) -> int:
    deadline = Deadline(60)
    reads = Reads(RestStore(team.server.uri, deadline), deadline)
    return len(list_files(reads, reads.store.list_run, run_id))


def test_one_file_more_than_the_cap_in_one_folder_is_refused(team: Team) -> None:
    run_id, folder = folder_of(team)
    for number in range(MOST_FILES):
        (folder / f"{number}.txt").write_text("x")
    assert listed(team, run_id) == MOST_FILES
    (folder / "more.txt").write_text("x")
    with pytest.raises(ReadFailed) as refused:
        listed(team, run_id)
    assert str(refused.value) == TOO_MANY


def test_one_folder_more_than_the_cap_is_refused_before_any_of_them_is_listed(
    team: Team,
) -> None:
    run_id, folder = folder_of(team)
    for number in range(MOST_FOLDERS):
        (folder / f"{number}").mkdir()
    deadline = Deadline(60)
    store = RestStore(team.server.uri, deadline)
    with pytest.raises(ReadFailed) as refused:
        list_files(Reads(store, deadline), store.list_run, run_id)
    assert (str(refused.value), store.request_count) == (TOO_MANY, 1)


def test_a_history_without_end_is_given_up_one_page_after_its_cap() -> None:
    point = {"key": "loss", "value": 1.0, "timestamp": 1, "step": 1}
    page = as_json({"metrics": [point] * 100_000, "next_page_token": "more"})
    with serving(page) as server:
        store = RestStore(server.uri, Deadline(60))
        with pytest.raises(ReadFailed) as refused:
            store.metric_history(RUN, "loss")
    assert str(refused.value) == (
        f"the answer to metrics/get-history is more than {MOST_RECORDS} records; it is not read"
    )
    assert len(server.seen) == MOST_RECORDS // 100_000 + 1


def test_a_listing_without_end_is_given_up_one_page_after_its_cap() -> None:
    files = [{"path": f"{n}.txt", "is_dir": False, "file_size": 1} for n in range(100_000)]
    page = as_json({"root_uri": "s3://b", "files": files, "next_page_token": "more"})
    with serving(page) as server, pytest.raises(ReadFailed) as refused:
        RestStore(server.uri, Deadline(60)).list_run(RUN)
    assert str(refused.value) == (
        f"the listing of '/' is more than {MOST_RECORDS} records; it is not read"
    )
    assert len(server.seen) == MOST_RECORDS // 100_000 + 1


def test_a_table_of_one_byte_too_many_is_refused_by_the_size_that_is_announced() -> None:
    announced = body(b"x", content_length=str(TABLE_CAP + 1), content_disposition="attachment")
    with serving(announced) as server, pytest.raises(OverCap) as refused:
        RestStore(server.uri, Deadline(10)).run_text(RUN, "t.json", TABLE_CAP)
    assert refused.value.size == TABLE_CAP + 1


class _Sizeless:
    """Files whose size the store does not tell, as an artifact store of somebody's plugin may."""

    def __init__(self) -> None:
        self.downloads: list[str] = []

    def list_artifacts(self, _folder: str | None) -> list[Any]:
        names = ("a.txt", "b.txt")
        return [SimpleNamespace(path=name, is_dir=False, file_size=None) for name in names]

    def download_artifacts(self, path: str, folder: str) -> str:
        self.downloads.append(path)
        file = Path(folder) / path
        file.write_text("x")
        return str(file)


def test_a_file_whose_size_nobody_says_is_not_downloaded_to_see(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's client reads files whole; no store of ours leaves sizes out, so one is made up."""
    run_id = team.run(team.experiment())
    store, files = ClientStore(team.server.uri, Deadline(60)), _Sizeless()
    monkeypatch.setattr(store, "_repository", lambda _root: files)
    assert [(each.path, each.size) for each in store.list_run(run_id)] == [
        ("a.txt", None),
        ("b.txt", None),
    ]
    with pytest.raises(ReadFailed) as refused:
        store.run_text(run_id, "a.txt", 100)
    assert str(refused.value) == (
        f"the file 'a.txt' of run {run_id} is not read: its store does not say how large it is, "
        "and MLflow's client reads files whole"
    )
    assert files.downloads == []
