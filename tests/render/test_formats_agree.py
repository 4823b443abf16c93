"""Every format says the same verdict, and of each finding the same outcome and the same numbers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, get_args
from xml.etree import ElementTree as ET

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence import Grade
from policy_engine.judging.effects import verdict_of
from policy_engine.policy import Op, Outcome
from policy_engine.render import FORMATS, rows
from policy_engine.render.blocks import change_cells
from policy_engine.render.formats.text import as_text
from policy_engine.report import EXIT_CODES, Effect, Judged, Report, Subject, Verdict
from tests.render import reports

EFFECTS = {
    Outcome.PASS: [Effect.NONE],
    Outcome.NOT_APPLICABLE: [Effect.NONE],
    Outcome.FAIL: [Effect.BLOCK, Effect.WARN, Effect.WAIVED],
    Outcome.MISSING: [Effect.BLOCK, Effect.WARN, Effect.NONE, Effect.WAIVED],
    Outcome.INCONCLUSIVE: [Effect.BLOCK, Effect.WARN, Effect.NONE, Effect.WAIVED],
    Outcome.ERROR: [Effect.BLOCK, Effect.WARN],
}
TITLES = {
    "error": "could not be judged",
    "blocking": "blocks the merge",
    "warning": "warns",
    "waived": "waived",
}
NUMBERS = st.decimals(0, 10**9, places=4) | st.integers(0, 10**12).map(Decimal)
UNITS = st.sampled_from(["B", "s", "%", "pt", "USD", "rows", "val_f1", "p"])
IDS = st.sampled_from(["no-regression", "model-size-budget", "eu-latency", "four-fifths", "c"])
PARTS = st.sampled_from([None, "size", "slice=EU", "age 18-25"])
REMEDIES = st.sampled_from([None, "log it: log_model(model)", "train on more rows"])
as_whole_text = partial(as_text, width=1000, verbose=True)


@st.composite
def findings(draw: st.DrawFn) -> Judged:
    outcome = draw(st.sampled_from(list(EFFECTS)))
    effect, unit = draw(st.sampled_from(EFFECTS[outcome])), draw(UNITS)
    number, limit = draw(NUMBERS), draw(NUMBERS)
    message = draw(
        st.sampled_from([f"it is {number}; it must be at most {limit}", f"{number} too"])
    )
    facts: dict[str, Any] = {
        "part": draw(PARTS),
        "outcome": outcome,
        "effect": effect,
        "message": message,
        "remedy": draw(REMEDIES),
        "detail": draw(st.sampled_from([None, f"measured on {limit} rows"])),
    }
    if draw(st.booleans()):
        op = draw(st.sampled_from(get_args(Op)))
        facts["measured"] = reports.value(str(number), unit, draw(st.sampled_from(Grade)))
        facts["limit"] = reports.bound(str(limit), draw(UNITS), op)
    if draw(st.booleans()):
        facts["baseline"] = reports.value(str(draw(NUMBERS)), unit)
    if effect is Effect.WAIVED:
        facts["waiver"] = {"id": "w", "expires": "2027-01-31"}
    return reports.finding(draw(IDS), **facts)


@st.composite
def subjects(draw: st.DrawFn) -> Subject:
    found = draw(st.lists(findings(), min_size=1, max_size=5, unique_by=lambda f: (f.id, f.part)))
    if draw(st.booleans()):  # of one cause
        same = {"outcome": Outcome.MISSING, "effect": Effect.WARN, "waiver": None, "remedy": "log"}
        found = [each._replace(**same) for each in found]  # type: ignore[arg-type]
    number = draw(NUMBERS)
    change = reports.change(candidate=number, baseline=draw(st.none() | NUMBERS))
    return reports.subject(*found, verdict=verdict_of(found), changes=(change,))


def judged(found: list[Subject]) -> Report:
    verdict = min((each.verdict for each in found), key=list(Verdict).index)
    return reports.report(*found, verdict=verdict, exit_code=EXIT_CODES[verdict])


REPORTS = st.lists(subjects(), min_size=1, max_size=2).map(judged)


def plain(page: str) -> str:
    """Return what a page says, without its tags, on one line."""
    page = re.sub("<(style|svg).*?</(style|svg)>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]*>", "", page)).split())


def markdown(report: Report) -> str:
    made = FORMATS["markdown"](report)
    without_charts = re.sub("```mermaid.*?```", "", made, flags=re.DOTALL)
    return plain(
        cmarkgfm.github_flavored_markdown_to_html(without_charts, Options.CMARK_OPT_UNSAFE)
    )


def said_by(name: str, report: Report) -> str:
    """Return what a format says in one line of plain words."""
    if name == "markdown":
        return markdown(report)
    if name == "html":
        return plain(FORMATS[name](report))
    if name == "text":
        return " ".join(as_whole_text(report).replace("\xa0", " ").split())
    if name in {"sarif", "codequality", "json"}:
        return " ".join(" ".join(texts(json.loads(FORMATS[name](report)))).split())
    if name == "junit":
        root = ET.fromstring(FORMATS[name](report))  # noqa: S314 (our own)
        told = (text for each in root.iter() for text in (*each.attrib.values(), each.text or ""))
        return " ".join(" ".join(told).split())
    escaped = FORMATS[name](report).replace("%AZP25", "%").replace("%0A", "\n").replace("%0D", "")
    for mark, char in (("%3A", ":"), ("%2C", ","), ("%3B", ";"), ("%5D", "]"), ("%25", "%")):
        escaped = escaped.replace(mark, char)
    return " ".join(escaped.split())


def texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    return [str(value)]


VERDICTS: dict[str, Callable[[Verdict], str]] = {
    "markdown": lambda verdict: rows.DECISIONS[verdict],
    "html": lambda verdict: rows.DECISIONS[verdict],
    "text": lambda verdict: f"{rows.WORDS[verdict].upper()} (exit code {EXIT_CODES[verdict]:d})",
    "github": lambda verdict: f"{rows.WORDS[verdict].upper()} (exit code {EXIT_CODES[verdict]:d})",
    "azure": lambda verdict: f"{rows.WORDS[verdict].upper()} (exit code {EXIT_CODES[verdict]:d})",
    "json": lambda verdict: verdict.value,
    "sarif": lambda verdict: verdict.value,
    "junit": lambda verdict: verdict.value,
}


@pytest.mark.parametrize("name", VERDICTS)
@given(report=REPORTS)
def test_each_format_says_the_verdict(name: str, report: Report) -> None:
    assert VERDICTS[name](report.verdict) in said_by(name, report)


def numbers_of(finding: Judged) -> list[str]:
    cells = (rows.measured_cell(finding), rows.limit(finding), rows.baseline(finding))
    return [cell for cell in cells if cell is not None]


@pytest.mark.parametrize("name", ["text", "markdown", "html", "github", "azure", "sarif", "junit",
                                  "codequality"])  # fmt: skip
@given(report=REPORTS)
def test_each_format_says_of_what_is_to_be_seen_its_outcome_and_its_numbers(
    name: str, report: Report
) -> None:
    said = said_by(name, report)
    for finding in rows.every_finding(report):
        if not rows.is_problem(finding):
            continue
        assert finding.id in said
        assert finding.part is None or finding.part in said
        kind = TITLES[rows.kind(finding)]
        assert (kind if name == "markdown" else rows.verdict_words(finding)) in said
        for number in numbers_of(finding):
            assert number in said
        for number in re.findall(r"\d[\d.]*", finding.message):
            assert number in said


@pytest.mark.parametrize("name", ["text", "markdown", "html", "junit", "json"])
@given(report=REPORTS)
def test_each_format_for_all_findings_names_those_that_need_no_look(
    name: str, report: Report
) -> None:
    said = said_by(name, report)
    for finding in rows.every_finding(report):
        assert finding.id in said
        if name in {"html", "junit"}:
            is_told = name == "html" or rows.kind(finding) != "passed"
            assert not is_told or rows.verdict_words(finding) in said
            assert all(number in said for number in numbers_of(finding))


@given(report=REPORTS)
def test_json_has_each_outcome_and_each_number_exact(report: Report) -> None:
    value = json.loads(FORMATS["json"](report))
    told = [each for subject in value["subjects"] for each in subject["findings"]]
    found = rows.every_finding(report)
    assert [(e["id"], e["part"], e["outcome"], e["effect"], e["message"]) for e in told] == [
        (f.id, f.part, f.outcome.value, f.effect.value, f.message) for f in found
    ]
    for name in ("measured", "limit", "baseline"):
        values = [getattr(finding, name) for finding in found]
        assert [e[name] and Decimal(repr(e[name]["value"])) for e in told] == [
            value and value.value for value in values
        ]


@pytest.mark.parametrize("name", ["text", "markdown", "html"])
@given(report=REPORTS)
def test_each_format_for_people_says_the_same_of_what_changed(name: str, report: Report) -> None:
    said = said_by(name, report)
    for subject in report.subjects:
        for change in subject.changes:
            before, after, difference = change_cells(change)
            assert before in said
            assert after in said
            assert difference.removesuffix(")") in said


@pytest.mark.parametrize(
    ("version", "is_told"), [("2.16.2", True), ("3.14.0", True), ("3", False), (None, False)]
)
def test_a_server_is_named_to_people_where_its_version_is_known_in_full(
    version: str | None, is_told: bool
) -> None:
    report = reports.report(reports.subject(), mlflow=version)
    text = " ".join(FORMATS["text"](report).split())
    assert (f"; evidence from MLflow {version} " in text) == is_told
    assert (f" from MLflow `{version}` · " in FORMATS["markdown"](report)) == is_told
    assert (f"<dt>MLflow</dt><dd>{version}</dd>" in FORMATS["html"](report)) == is_told
    assert json.loads(FORMATS["json"](report))["evidence"]["mlflow"] == version
