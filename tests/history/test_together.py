"""What runs at hand answer is, to the letter, what their store answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from policy_engine.evidence import Needs
from policy_engine.history.together import Held
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.baselines import earlier_runs, later_runs
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.query import PARENT_TAG, Query, tagged
from tests.history.past_runs import BEGIN_MS, HOUR_MS, Ran, write_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy_engine.tracking.store import Store

BEGAN = datetime.fromtimestamp((BEGIN_MS + 12 * HOUR_MS) / 1000, UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, list[str]]:
    """A store of 24 runs: two begin in each second hour, one fails, two are children of the first.

    One that began early ended late.
    """
    runs = [Ran(0.8, at=2.0 * (n // 2)) for n in range(24)]
    runs[3] = Ran(0.8, at=2.0, until=40.0)
    runs[8] = Ran(None, at=8.0, status="FAILED")
    address, ids = write_store(tmp_path_factory.mktemp("together"), runs)
    store = open_store(address, Deadline(60))
    from mlflow import MlflowClient

    for child in ids[5], ids[20]:
        MlflowClient(address).set_tag(child, PARENT_TAG, ids[0])
    (experiment,) = (e for e in store.experiments() if e["name"] == "fraud")
    return store, str(experiment["experiment_id"]), ids


def _questions(ids: list[str]) -> Iterator[Query]:
    for hours in (0, 3, 9, 200):
        yield earlier_runs(BEGAN, timedelta(hours=hours).total_seconds())
    for hours in (-12, 0, 5, 30):
        yield later_runs(BEGAN + hours * HOUR, BEGAN + 40 * HOUR)
    yield tagged(PARENT_TAG, ids[0])
    yield tagged(PARENT_TAG, ids[1])
    yield Query()
    yield Query(roots=True)


def test_what_they_answer_the_store_answers(written: tuple[Store, str, list[str]]) -> None:
    store, experiment, ids = written
    answered = 0
    for many in (1, 7, 12, 23, 24):
        runs = store.runs((experiment,), Query(), limit=many)
        for is_all in {False, many == len(ids)}:
            held = Held(experiment, runs, is_all=is_all)
            for query in _questions(ids):
                for limit in (1, 2, 5, 100):
                    told = held.answer((experiment,), query, limit=limit)
                    if told is not None:
                        answered += 1
                        asked = store.runs((experiment,), query, limit=limit)
                        assert [r["info"]["run_id"] for r in told] == [
                            r["info"]["run_id"] for r in asked
                        ]
                        assert told == asked
    assert answered > 100


def test_all_runs_answer_everything_but_the_deleted_and_other_experiments(
    written: tuple[Store, str, list[str]],
) -> None:
    store, experiment, ids = written
    held = Held.read(store, experiment, Needs.HISTORY, candidates=2)
    assert all(held.answer((experiment,), q, limit=100) is not None for q in _questions(ids))
    assert held.answer((experiment,), Query(), limit=100, deleted=True) is None
    assert held.answer((experiment, "7"), Query(), limit=100) is None
    assert held.answer(("7",), Query(), limit=100) is None


def test_the_newest_do_not_answer_for_older_ones(written: tuple[Store, str, list[str]]) -> None:
    store, experiment, ids = written
    held = Held(experiment, store.runs((experiment,), Query(), limit=7), is_all=False)
    assert held.answer((experiment,), tagged(PARENT_TAG, ids[0]), limit=10) is None
    assert held.answer((experiment,), earlier_runs(BEGAN, 3600.0), limit=10) is None
    assert held.answer((experiment,), later_runs(BEGAN, BEGAN + 40 * HOUR), limit=100) is None


@pytest.mark.parametrize(("needs", "candidates"), [(Needs.MODEL, 9), (Needs.HISTORY, 1)])
def test_nothing_is_read_ahead_where_it_saves_nothing(
    written: tuple[Store, str, list[str]], needs: Needs, candidates: int
) -> None:
    store, experiment, _ = written
    held = Held.read(store, experiment, needs, candidates)
    assert held.answer((experiment,), Query(), limit=1) is None
