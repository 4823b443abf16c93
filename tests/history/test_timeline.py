from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence.record import RunRecord
from policy_engine.history.timeline import Timeline
from policy_engine.testing import STARTED, run
from policy_engine.tracking.baselines import MOST_HISTORY

SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 400), st.booleans()), min_size=300, max_size=500
)


@given(SPANS)
def test_what_is_forgotten_would_not_have_been_an_answer(
    spans: list[tuple[int, int, bool]],
) -> None:
    """Against a reader that forgets nothing: the newest 200 that had ended when a run began."""
    timeline, everything, minute = Timeline(), [], 0
    for number, (gap, length, is_well) in enumerate(spans):
        minute += gap
        began = STARTED + timedelta(minutes=minute)
        each = run(
            run_id=f"{number:032x}",
            start_time=began,
            end_time=began + timedelta(minutes=length),
            status="FINISHED" if is_well else "FAILED",
        )
        timeline.add(each)
        everything.append(each)
        timeline.forget(began)
        if number % 50 == 0:
            assert timeline.earlier(each, began) == _by_hand(everything, each)


def _by_hand(runs: list[RunRecord], candidate: RunRecord) -> tuple[RunRecord, ...]:
    began = candidate.start_time
    assert began is not None
    found = [
        each
        for each in reversed(runs)
        if each.status == "FINISHED"
        and each.end_time is not None
        and each.end_time <= began
        and each.run_id != candidate.run_id
    ]
    return tuple(found[:MOST_HISTORY])


def test_it_forgets() -> None:
    timeline = Timeline()
    for number in range(5_000):
        began = STARTED + timedelta(minutes=number)
        timeline.add(run(run_id=f"{number:032x}", start_time=began, duration="1min"))
        timeline.forget(began)
    newest = run(run_id="f" * 32, start_time=STARTED + timedelta(minutes=5_000))
    assert len(timeline.earlier(newest, STARTED + timedelta(minutes=5_000))) == MOST_HISTORY
    old = run(run_id="e" * 32, start_time=STARTED + timedelta(minutes=1_000))
    assert not timeline.holds(old)
