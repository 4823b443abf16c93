"""The chart's exact text; that Mermaid draws it is looked at by eye, since its browser is heavy."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.render.formats.markdown import as_markdown
from policy_engine.render.gain_picture import as_gain_picture
from policy_engine.report import Point, TradeOff
from tests.render import reports
from tests.render.hostile import HOSTILE

# Every line that a chart may have.
CHART = re.compile(
    r"""---
config:
  quadrantChart:
    chartWidth: 660
    chartHeight: 400
    titleFontSize: 14
    quadrantLabelFontSize: 13
    xAxisLabelFontSize: 13
    yAxisLabelFontSize: 13
    pointLabelFontSize: 13
---
quadrantChart
  title [A-Za-z0-9 ._=()-]+
  x-axis "training (cost|time) [A-Za-z0-9 ._=()-]+" --> "(above|up to) [A-Za-z0-9 ._=()-]+"
  y-axis "[A-Za-z0-9 ._=()-]+" --> "[A-Za-z0-9 ._=()-]+"
  quadrant-1 "better, more expensive"
  quadrant-2 "better and cheaper"
  quadrant-3 "worse and cheaper"
  quadrant-4 "worse, more expensive"
( {2}"((candidate|candidate and baseline)(, may be chance)?|baseline| |[A-Za-z0-9 ._=()-]+)": """
    r"""\[[01]\.[0-9]{3}, [01]\.[0-9]{3}\] radius: [57], color: #[0-9a-f]{6}"""
    r"""(, stroke-color: #[0-9a-f]{6}, stroke-width: 3px)?\n?)+"""
)
FINITE = st.decimals(allow_nan=False, allow_infinity=False)


def chart(points: list[Point], **facts: str) -> str | None:
    known = {"metric": "val_f1", "goal": "maximize", "unit": "USD", **facts}
    return as_gain_picture(
        reports.subject(trade_off=TradeOff(points=tuple(points), **known))  # type: ignore[arg-type]
    )


def point(role: str, metric: str, cost: str) -> Point:
    return Point(role, "r", Decimal(metric), Decimal(cost))  # type: ignore[arg-type]


CANDIDATE = point("candidate", "0.9386", "1.40")
BASELINE = point("baseline", "0.9314", "1.20")
EARLIER = [
    replace(point("earlier", "0.93", "0.8"), run_name="calm-fox-3"),
    point("earlier", "0.9300", "1.30"),
]


def test_the_baseline_stands_in_the_middle_and_the_farthest_run_at_the_frame() -> None:
    drawn = chart([CANDIDATE, BASELINE, *EARLIER]) or ""
    assert drawn[drawn.index("quadrantChart\n") :] == dedent("""\
        quadrantChart
          title candidate 0.9386 for 1.40 USD - baseline 0.9314 for 1.20 USD - earlier runs in grey
          x-axis "training cost from 0.80 USD" --> "up to 1.40 USD"
          y-axis "from 0.93" --> "val_f1 up to 0.9386"
          quadrant-1 "better, more expensive"
          quadrant-2 "better and cheaper"
          quadrant-3 "worse and cheaper"
          quadrant-4 "worse, more expensive"
          "candidate": [0.680, 0.920] radius: 7, color: #8250df
          "baseline": [0.500, 0.500] radius: 7, color: #218bff
          "calm-fox-3 0.93": [0.140, 0.418] radius: 5, color: #808890
          "r 0.93": [0.590, 0.418] radius: 5, color: #808890""")
    assert CHART.fullmatch(drawn)


def test_where_less_is_better_it_stands_higher() -> None:
    drawn = chart([CANDIDATE, BASELINE], metric="log_loss", goal="minimize", unit="s") or ""
    assert '"candidate": [0.860, 0.080]' in drawn
    assert "title candidate 0.9386 after 1.4 s - baseline 0.9314 after 1.2 s" in drawn
    assert '"training time below 1.2 s" --> "up to 1.4 s"' in drawn
    assert '"up to 0.9386" --> "log_loss below 0.9314"' in drawn


def test_without_a_baseline_the_candidate_stands_in_the_middle() -> None:
    assert '"candidate": [0.500, 0.500]' in (chart([CANDIDATE, *EARLIER]) or "")


def test_an_earlier_run_is_named_by_its_id_where_it_has_no_name() -> None:
    other = point("earlier", "0.921", "2.2")
    drawn = chart([CANDIDATE, BASELINE, replace(other, run_id="904ab686" + "0" * 24)]) or ""
    assert '"904ab686 0.921": ' in drawn


def test_two_labels_that_would_cover_each_other_become_one() -> None:
    near = point("candidate", "0.93141", "1.21")
    drawn = chart([near, BASELINE, point("earlier", "0.5", "9")]) or ""
    assert '"candidate and baseline": [0.500, 0.500]' in drawn
    assert '" ": [0.500, 0.500] radius: 7, color: #218bff' in drawn
    assert CHART.fullmatch(drawn)


def test_a_gain_that_may_be_chance_is_a_ring_and_says_so() -> None:
    changes = (reports.change(),)
    subject = reports.subject(trade_off=reports.trade_off(), changes=changes)
    drawn = as_gain_picture(subject) or ""
    assert (
        '"candidate, may be chance": [0.860, 0.920] radius: 7, color: #ffffff, '
        "stroke-color: #8250df, stroke-width: 3px"
    ) in drawn
    assert CHART.fullmatch(drawn)


def test_an_earlier_run_that_another_label_would_cover_has_none() -> None:
    near = point("earlier", "0.93141", "1.21")
    drawn = chart([CANDIDATE, BASELINE, near, *EARLIER]) or ""
    assert drawn.count('" "') == 1
    assert CHART.fullmatch(drawn)


@pytest.mark.parametrize(
    "points", [[], [CANDIDATE], [CANDIDATE, replace(CANDIDATE, role="baseline")]]
)
def test_where_all_is_alike_there_is_nothing_to_see(points: list[Point]) -> None:
    assert chart(points) is None


def test_a_subject_without_a_trade_off_has_no_picture() -> None:
    assert as_gain_picture(reports.subject()) is None


def test_one_axis_may_be_all_alike() -> None:
    drawn = chart([CANDIDATE, replace(BASELINE, metric=CANDIDATE.metric)]) or ""
    assert '"candidate": [0.860, 0.500]' in drawn


@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=30))
def test_any_numbers_are_drawn_inside_the_frame(numbers: list[tuple[Decimal, Decimal]]) -> None:
    points = [Point("earlier", "r", metric, cost) for metric, cost in numbers]
    drawn = chart([replace(points[0], role="candidate"), *points[1:]])
    assert drawn is None or CHART.fullmatch(drawn)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_label(text: str) -> None:
    named = [CANDIDATE, BASELINE, replace(EARLIER[0], run_name=text, run_id=text)]
    for facts in ({"metric": text}, {"unit": text}):
        assert CHART.fullmatch(chart(named, **facts) or "")


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_text_leaves_the_chart_a_chart(text: str) -> None:
    assert CHART.fullmatch(chart([CANDIDATE, BASELINE], metric=text, unit=text) or "")


def test_it_stands_in_the_comment_before_the_limits() -> None:
    trade_off = TradeOff(metric="val_f1", goal="maximize", unit="USD", points=(CANDIDATE, BASELINE))
    subject = replace(reports.mixed().subjects[0], trade_off=trade_off)
    text = as_markdown(reports.report(subject))
    assert -1 < text.index("\nquadrantChart\n") < text.index("\nxychart-beta ")
    assert text.count("```mermaid\n") == 2
