"""Runs are found whatever the server understands of a filter, and no search is without end."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.query import Query, tagged
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.store import ReadFailed
from tests.tracking.hostile_server import as_json, error, serving


def tagged_run(
    run_id: str,
    value: str,
    *,
    start: int,
    end: int = 4,
    status: str = "FINISHED",
    child: bool = False,
) -> dict[str, Any]:
    """A run with a tag `k`."""
    info = {"run_id": run_id, "experiment_id": "1", "status": status}
    tags = [{"key": "k", "value": value}]
    if child:
        tags.append({"key": "mlflow.parentRunId", "value": "f" * 32})
    return {"info": info | {"start_time": start, "end_time": end}, "data": {"tags": tags}}


def test_a_refused_filter_is_asked_again_without_and_applied_here() -> None:
    """A server may not understand what a newer one does; what it finds must be the same."""
    fitting = tagged_run("a" * 32, "v", start=1)
    runs = [tagged_run("b" * 32, "w", start=3), fitting, tagged_run("c" * 32, "v", start=2)]
    with serving(error(400, "INVALID_PARAMETER_VALUE"), as_json({"runs": runs})) as server:
        store = RestStore(server.uri, Deadline(20))
        found = store.runs(["1"], tagged("k", "v"), limit=5)
    assert [run["info"]["run_id"] for run in found] == ["c" * 32, "a" * 32]
    assert [json.loads(each.body)["filter"] for each in server.seen] == ["tags.`k` = 'v'", ""]
    assert "order_by" not in json.loads(server.seen[1].body)
    assert store.notes == (
        (
            f"MLflow at {server.uri} refused runs/search (HTTP 400): it says why; "
            "so its runs were read without a filter, and chosen here"
        ),
    )


def test_a_question_that_is_refused_without_a_filter_too_is_unreadable() -> None:
    refused = error(400, "INVALID_PARAMETER_VALUE")
    with serving(refused) as server, pytest.raises(ReadFailed) as caught:
        RestStore(server.uri, Deadline(20)).runs(["1"], tagged("k", "v"), limit=5)
    why = f"MLflow at {server.uri} refused runs/search (HTTP 400): it says why"
    assert str(caught.value) == why


def test_children_are_left_out_here_and_more_pages_are_read_for_them() -> None:
    children = [tagged_run(f"{n:032x}", "v", start=9, child=True) for n in range(3)]
    first = {"runs": children, "next_page_token": "3"}
    second = {"runs": [tagged_run("a" * 32, "v", start=1)]}
    with serving(as_json(first), as_json(second)) as server:
        query = Query(tags=(("k", "v"),), roots=True)
        found = RestStore(server.uri, Deadline(20)).runs(["1"], query, limit=3)
    assert [run["info"]["run_id"] for run in found] == ["a" * 32]
    assert [json.loads(each.body)["max_results"] for each in server.seen] == [3, 1000]
    assert all("IS NULL" not in json.loads(each.body)["filter"] for each in server.seen)


def test_a_search_ends_at_its_cap_and_says_so() -> None:
    page = {
        "runs": [tagged_run(f"{n:032x}", "v", start=1, child=True) for n in range(1000)],
        "next_page_token": "on",
    }
    with serving(as_json(page)) as server:
        store = RestStore(server.uri, Deadline(20))
        assert store.runs(["1"], Query(tags=(("k", "v"),), roots=True), limit=5) == []
    (note,) = store.notes
    assert note == (
        "a search for runs (tags.`k` = 'v') ended after the newest 5000, or 50 pages: "
        "older ones were not looked at"
    )


@given(
    st.lists(st.tuples(st.sampled_from("kl"), st.sampled_from("vw")), max_size=2),
    st.booleans(),
    st.integers(0, 5) | st.none(),
    st.integers(1, 5) | st.none(),
    st.integers(0, 5) | st.none(),
)
def test_what_is_chosen_here_is_what_mlflow_would_choose(
    tags: list[tuple[str, str]],
    finished: bool,
    began: int | None,
    until: int | None,
    after: int | None,
) -> None:
    """The oracle is SQL: each condition of the filter, over every run of a small world."""
    query = Query(
        tags=tuple(tags),
        finished=finished,
        started_from=began,
        ended_until=until,
        ended_after=after,
    )
    runs = [
        tagged_run("a" * 32, value, start=start, end=end, status=status)
        for value in "vw"
        for start in (0, 3)
        for end in (3, 4)
        for status in ("FINISHED", "RUNNING")
    ]
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE r (i, k, l, status, start_time, end_time)")
        for number, run in enumerate(runs):
            info = run["info"]
            row = (number, run["data"]["tags"][0]["value"], None, info["status"])
            times = (info["start_time"], info["end_time"])
            database.execute("INSERT INTO r VALUES (?, ?, ?, ?, ?, ?)", (*row, *times))
        where = query.filter.replace("tags.`", "`").replace("attributes.", "") or "1"
        rows = database.execute(f"SELECT i FROM r WHERE {where} ORDER BY i").fetchall()  # noqa: S608
    assert [number for (number,) in rows] == [n for n, run in enumerate(runs) if query.fits(run)]


def test_a_server_that_sends_pages_without_end_is_left() -> None:
    page = {"runs": [tagged_run("a" * 32, "w", start=1)], "next_page_token": "on"}
    with serving(as_json(page)) as server:
        store = RestStore(server.uri, Deadline(20))
        assert store.runs(["1"], tagged("k", "v"), limit=5) == []
        assert len(server.seen) == 50
    ignored, ended = store.notes
    assert (
        ignored == "the server does not filter the runs that it is asked for: they were chosen here"
    )
    assert ended.startswith("a search for runs (tags.`k` = 'v') ended after the newest 5000, or 50")
