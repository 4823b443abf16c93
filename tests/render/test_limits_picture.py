"""The chart's exact text; that Mermaid draws it is looked at by eye, since its browser is heavy."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence import Grade
from policy_engine.policy import Op
from policy_engine.render.limits_picture import as_limits_picture
from policy_engine.report import Effect
from tests.render import reports
from tests.render.hostile import HOSTILE, everywhere

# Every line that a chart may have.
CHART = re.compile(
    r"""---
config:
  xyChart:
    width: 660
    plotReservedSpacePercent: 25
    height: [0-9]+
    yAxis: \{labelFontSize: 12, titleFontSize: 14\}
  themeVariables:
    xyChart: \{plotColorPalette: "#cf222e, #218bff, #808890"\}
---
xychart-beta horizontal
  x-axis \["[A-Za-z0-9 ._=()-]+ %"(, "[A-Za-z0-9 ._=()-]+ %")*\]
  y-axis "% of what is allowed; red is over it( \(bars end at 200 %\))?" 0 --> [0-9]{3}
  bar \[[0-9]+(, [0-9]+)*\]
  bar \[[0-9]+(, [0-9]+)*\]
  line \[100(, 100)*\]"""
)


def test_each_number_is_drawn_as_its_share_of_its_limit_the_worst_first() -> None:
    chart = as_limits_picture(reports.mixed().subjects[0])
    assert chart == dedent("""\
        ---
        config:
          xyChart:
            width: 660
            plotReservedSpacePercent: 25
            height: 180
            yAxis: {labelFontSize: 12, titleFontSize: 14}
          themeVariables:
            xyChart: {plotColorPalette: "#cf222e, #218bff, #808890"}
        ---
        xychart-beta horizontal
          x-axis ["model-size-budget size 126 %", "cost-per-point 122 %", \
"eu-latency (unsure) 99 %"]
          y-axis "% of what is allowed; red is over it" 0 --> 140
          bar [126, 122, 99]
          bar [100, 100, 99]
          line [100, 100, 100]""")
    assert CHART.fullmatch(chart)


def test_one_number_makes_no_picture() -> None:
    assert (
        as_limits_picture(reports.subject(reports.SIZE, reports.SEEDED, reports.EXPLAINED)) is None
    )


@pytest.mark.parametrize(
    ("measured", "limit", "op", "label"),
    [
        ("35500000", "2360000", "<=", "1504 %"),
        ("-5.91", "-1", ">=", "591 %"),
        ("0.5", "-1", ">=", "0 %"),
        ("-0.3", "0.5", "<=", "0 %"),
        ("1e30", "5", "<", "over 2000 %"),
        ("0", "5", "<=", "0 %"),
        ("200000001", "200000000", "<=", "over 100 %"),
        ("200", "200", "<=", "100 %"),
    ],
)
def test_above_a_hundred_per_cent_is_over_the_limit_of_a_size_and_of_a_loss(
    measured: str, limit: str, op: Op, label: str
) -> None:
    odd = reports.SIZE._replace(
        id="odd",
        part=None,
        measured=reports.value(measured, "B"),
        limit=reports.bound(limit, "B", op),
        baseline=None,
    )
    chart = as_limits_picture(reports.subject(odd, reports.LATENCY)) or ""
    assert f'"odd {label}"' in chart
    assert CHART.fullmatch(chart)


NO_SHARE: list[dict[str, Any]] = [
    {"limit": reports.bound("0", "B")},
    {"limit": reports.bound("-1", "B")},
    {"limit": reports.bound("1", "B", ">=")},
    {"limit": reports.bound("0", "B", ">=")},
    {"limit": reports.bound("1", "s")},
    {"measured": reports.value("0.3", "p", Grade.RECOMPUTED), "limit": reports.bound("1", "p")},
]


@pytest.mark.parametrize("effect", [Effect.WARN, Effect.BLOCK])
@pytest.mark.parametrize("unlike", [*NO_SHARE, {"limit": None}, {"measured": None}])
def test_what_uses_nothing_up_is_not_drawn(unlike: dict[str, Any], effect: Effect) -> None:
    odd = reports.SIZE._replace(**{"effect": effect, **unlike})
    assert as_limits_picture(reports.subject(odd, reports.LATENCY)) is None


def test_what_blocks_is_drawn_before_what_only_uses_more() -> None:
    beyond = reports.COST._replace(measured=reports.value("900", "USD"))
    many = [beyond._replace(part=f"slice={number}") for number in range(30)]
    assert '["model-size-budget size 126 %", ' in (
        as_limits_picture(reports.subject(*many, reports.SIZE)) or ""
    )


def test_the_name_of_a_policy_is_not_cut_off() -> None:
    slow = reports.LATENCY._replace(id="latency-percentile-budget", part="p95")
    chart = as_limits_picture(reports.subject(slow, reports.SIZE)) or ""
    assert '"latency-percentile-budget p95 (unsure) 99 %"' in chart


def test_two_bars_never_have_one_label() -> None:
    chart = as_limits_picture(reports.subject(reports.LATENCY, reports.LATENCY)) or ""
    assert '["eu-latency (unsure) 99 %", "eu-latency (unsure) (2) 99 %"]' in chart
    assert CHART.fullmatch(chart)


def test_a_bar_that_is_cut_off_is_said_to_be() -> None:
    huge = reports.SIZE._replace(measured=reports.value("900000000", "B"))
    chart = as_limits_picture(reports.subject(huge, reports.LATENCY)) or ""
    assert '"% of what is allowed; red is over it (bars end at 200 %)" 0 --> 200' in chart
    assert "  bar [200, 99]\n  bar [100, 99]\n" in chart


def test_ten_numbers_are_drawn_at_most() -> None:
    many = [reports.SIZE._replace(part=f"slice={i}", baseline=None) for i in range(30)]
    assert (as_limits_picture(reports.subject(*many)) or "").count(" %") == 10


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_label(text: str) -> None:
    found = reports.SIZE._replace(id=text, part=text)
    assert CHART.fullmatch(as_limits_picture(reports.subject(found, reports.LATENCY)) or "")


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=60))
def test_any_text_leaves_the_chart_a_chart(text: str) -> None:
    for place, found in everywhere(text).items():
        subject = found.subjects[0]
        chart = as_limits_picture(reports.subject(*subject.findings, reports.LATENCY, reports.COST))
        assert CHART.fullmatch(chart or ""), place
