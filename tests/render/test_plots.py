"""The plots of the HTML report; that they look well is looked at by eye, in `docs/images`."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_engine.policy import Outcome
from policy_engine.render import rows
from policy_engine.render.formats.html import as_html
from policy_engine.render.plots.drawing import svg
from policy_engine.render.plots.section import as_plots, figures_of
from policy_engine.report import Effect, Point, Subject
from tests.render import reports
from tests.render.hostile import HOSTILE, commands, everywhere

EARLIER = tuple(
    Point("earlier", "e" * 32, Decimal(metric), Decimal(cost))
    for metric, cost in (("0.93", "0.8"), ("0.921", "2.2"))
)
ANY_NUMBER = st.decimals().filter(lambda each: not each.is_snan()) | st.sampled_from(
    [Decimal("1e-400"), Decimal("-1e400")]
)


def all_there_is() -> Subject:
    """A subject with something to draw in each of the plots."""
    small = reports.SLICE._replace(
        part="country=US",
        measured=reports.value("0.2", "pt"),
        outcome=Outcome.PASS,
        effect=Effect.NONE,
    )
    trade_off = reports.trade_off(points=(*reports.trade_off().points, *EARLIER))
    subject = reports.mixed().subjects[0]
    found = (*subject.findings, reports.GAIN, reports.SLICE, small)
    return replace(subject, findings=found, trade_off=trade_off)


DROPPED = reports.SLICE._replace(
    interval=reports.interval(
        low=Decimal("-5.5"), high=Decimal("-0.9"), confidence=Decimal("0.95"), shown=True,
        on="300 rows",
    )
)  # fmt: skip
"""A slice that is shown to be worse, with where its true gain lies."""


def drawings(subject: Subject) -> list[str]:
    return re.findall("<svg.*?</svg>", "\n".join(as_plots(subject, "plot-1")), flags=re.DOTALL)


def words(drawing: str) -> list[str]:
    return re.findall("<text[^>]*>([^<]*)</text>", drawing)


def test_each_plot_has_its_title_and_its_numbers_as_a_table() -> None:
    assert {figure.title: figure.rows for figure in figures_of(all_there_is())} == {
        "Gain over the baseline, with chance": (
            ("significant-improvement", "90% interval: -0.31 to 1.75 pt", "> 0.00 pt",
             "899 shared rows"),
        ),
        "Gain against cost": (
            ("candidate 4f1e2d3c", "0.9386", "1.40 USD"),
            ("baseline 89abcdef", "0.9314", "1.20 USD"),
            ("earlier run eeeeeeee", "0.93", "0.80 USD"),
            ("earlier run eeeeeeee", "0.921", "2.20 USD"),
        ),
        "Slices and groups beside each other": (
            ("no-slice-regression (country=EU)", "3.20 pt", "<= 1.00 pt", ""),
            ("no-slice-regression (country=US)", "0.20 pt", "<= 1.00 pt", ""),
        ),
        "Size, latency and other numbers against their limits": (
            ("model-size-budget (size)", "253.0 MB", "<= 200.0 MB", "181.0 MB"),
            ("cost-per-point", "61.00 USD", "<= 50.00 USD", ""),
            ("eu-latency", "49.6 ms", "<= 50 ms", ""),
        ),
    }  # fmt: skip


def test_a_plot_says_its_names_and_numbers() -> None:
    gain, cost, slices, budgets = (words(drawing) for drawing in drawings(all_there_is()))
    assert {"significant-improvement", "-0.31 to 1.75 pt", "gain in percentage points"} <= {*gain}
    assert {"candidate", "baseline", "val_f1", "training cost in USD"} <= {*cost}
    assert {"country=EU", "3.20 pt", "country=US", "0.20 pt"} <= {*slices}
    assert {"model-size-budget (size)", "253.0 MB (&lt;= 200.0 MB)"} <= {*budgets}


def test_a_plot_is_reached_by_keyboard_and_told_by_a_screen_reader() -> None:
    page = as_html(reports.report(all_there_is(), all_there_is()))
    found = re.findall(r'<svg [^>]*role="img" tabindex="0" aria-labelledby="(\S+) (\S+)">', page)
    assert len(found) == page.count("<svg") == 8
    for title, says in found:
        assert page.count(f'<title id="{title}">') == page.count(f'<desc id="{says}">') == 1
    assert len(set(found)) == 8
    assert page.count("<details><summary>the numbers</summary><table>") == 8


def test_the_same_report_is_the_same_page_in_another_process() -> None:
    code = (
        "from tests.render.test_plots import *;"
        "print(as_html(reports.report(all_there_is())), end='')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout.decode() == as_html(reports.report(all_there_is()))


def test_a_plot_asks_for_nothing_and_runs_nothing() -> None:
    for drawing in drawings(all_there_is()):
        assert not re.search(r"<(script|style|image|use|a)\b|url\(|href|://|\bon\w+=", drawing)


def test_without_the_library_one_line_says_how_to_get_plots() -> None:
    code = (
        "import sys; sys.modules['vl_convert'] = None;"
        "from tests.render.test_plots import *;"
        "print(*as_plots(all_there_is(), 'plot-1'), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == (
        '<p class="rule">Plots of these numbers: <code>pip install policy-engine[html]</code></p>\n'
    )


def test_where_nothing_can_be_drawn_nothing_is_said_of_plots() -> None:
    assert list(as_plots(reports.subject(reports.SEEDED, reports.EXPLAINED), "plot-1")) == []


def test_what_the_library_cannot_draw_is_said_and_the_rest_of_the_page_stays() -> None:
    told = svg({"mark": "nonsense"}, "plot-1-1", "title", "says")
    assert told == "<p>This plot could not be drawn; its numbers are below.</p>"


def test_only_what_lies_in_the_unit_of_an_interval_is_drawn_as_its_bound() -> None:
    by_p = reports.GAIN._replace(limit=reports.bound("0.05", "p"), measured=None)
    (figure,) = figures_of(reports.subject(by_p))
    assert figure.spec["data"]["values"][0]["limit"] is None


def test_a_slice_is_drawn_with_its_interval_what_was_seen_and_what_it_may_lose() -> None:
    gain, slices = figures_of(reports.subject(DROPPED, reports.GAIN))
    assert (gain.title, slices.title) == (
        "Gain over the baseline, with chance",
        "Slices that dropped, with chance",
    )
    assert slices.head[1:4] == ("interval of the gain", "drop that is allowed", "drop")
    assert slices.rows == (
        ("no-slice-regression (country=EU)", "95% interval: -5.50 to -0.90 pt", "<= 1.00 pt",
         "3.20 pt", "300 rows"),
    )  # fmt: skip
    lane = slices.spec["data"]["values"][0]
    assert {name: lane[name] for name in ("low", "high", "limit", "beside", "colour")} == {
        "low": -5.5, "high": -0.9, "limit": -1.0, "beside": -3.2, "colour": "var(--red)",
    }  # fmt: skip
    assert {"country=EU", "-5.50 to -0.90 pt"} <= {*words(drawings(reports.subject(DROPPED))[0])}


def test_the_drop_of_a_slice_is_not_said_to_be_a_bound() -> None:
    assert rows.measured_cell(DROPPED) == "3.20 pt"
    assert rows.measured_cell(reports.GAIN) == "at least -0.31 pt"


def test_one_part_alone_is_a_number_against_its_limit() -> None:
    assert [figure.title for figure in figures_of(reports.subject(reports.SLICE))] == [
        "Size, latency and other numbers against their limits"
    ]


def test_a_bar_beyond_twice_its_limit_is_said_to_be_cut() -> None:
    huge = reports.SIZE._replace(measured=reports.value("900000000", "B"))
    (figure,) = figures_of(reports.subject(huge))
    assert figure.says.endswith("A thin mark is the baseline. Bars end at 200%.")
    assert figure.spec["data"]["values"][0]["high"] == 200.0


def test_twelve_rows_are_drawn_at_most_and_the_table_has_all() -> None:
    many = [reports.SLICE._replace(part=f"slice={number}") for number in range(30)]
    (figure,) = figures_of(reports.subject(*many))
    assert (len(figure.spec["data"]["values"]), len(figure.rows)) == (12, 30)


@settings(max_examples=25)
@given(st.lists(ANY_NUMBER, min_size=6, max_size=6))
def test_any_numbers_are_drawn_or_stand_in_the_table_alone(numbers: list[Decimal]) -> None:
    low, high, *others = numbers
    gain = reports.GAIN._replace(interval=reports.interval(low=low, high=high))
    points = tuple(
        Point(role, "r", metric, cost)  # type: ignore[arg-type]
        for role, metric, cost in zip(
            ("candidate", "baseline"), others[:2], others[2:], strict=True
        )
    )
    found = reports.subject(gain, trade_off=reports.trade_off(points=points))
    page = "\n".join(as_plots(found, "plot-1"))
    assert "could not be drawn" not in page
    assert not re.search(r"NaN|Infinity|undefined|null", "".join(drawings(found)))


def shape(page: str) -> list[str]:
    """Return the tags of drawings, without the words between them."""
    return re.findall("<[^>]*>", page)


WORDS_OF_VEGA = ["if", "datum", "null", "event.x", "['a']", "{'signal': 'x'}", "scale('x', 1)"]


@pytest.mark.parametrize("text", [*HOSTILE, *WORDS_OF_VEGA])
def test_hostile_text_changes_no_tag_of_a_drawing(text: str) -> None:
    benign = everywhere("benign")
    for place in PLOTTED:
        (found,), (plain,) = everywhere(text)[place].subjects, benign[place].subjects
        assert [shape(each) for each in drawings(found)] == [shape(e) for e in drawings(plain)]
        assert commands("\n".join(as_plots(found, "plot-1"))) == [], place


PLOTTED = (
    *("id", "part", "unit", "slices", "unit of slices", "slice with an interval"),
    *("id of a gain", "trade-off"),
)


@pytest.mark.parametrize("place", PLOTTED)
def test_hostile_text_reaches_each_of_these_drawings(place: str) -> None:
    (subject,) = everywhere("hostile")[place].subjects
    facts: list[Any] = [words(drawing) for drawing in drawings(subject)]
    assert "hostile" in str(facts)
