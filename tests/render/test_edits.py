"""What a pull request edits in the policies is told in every format, what loosens them first."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from policy_engine.evidence import Grade
from policy_engine.judging.report_file import ReportFileError, as_claimed, report_of
from policy_engine.render.formats.github import as_github
from policy_engine.render.formats.html import as_html
from policy_engine.render.formats.json import as_json
from policy_engine.render.formats.junit import as_junit
from policy_engine.render.formats.markdown import as_markdown
from policy_engine.render.formats.sarif import as_sarif
from policy_engine.render.formats.text import as_text
from policy_engine.render.notebook import notebook_table
from policy_engine.report import Report, Verdict
from tests.render.reports import champion, edit, edited, proposal, report

TALLY = "6 edits of the policies: 3 looser, 1 other, 2 more that are not listed"


def test_text_names_every_edit_with_its_line() -> None:
    assert as_text(edited(), width=90).splitlines()[3:-2] == [
        "proposal: the policies that this pull request proposes judge nothing here; their verdict",
        "          would be: not applicable (they decide nothing before the merge)",
        f"  {TALLY}",
        "  looser: policies.latency (mandatory) removed: {max: 50ms} (policies/fraud.yaml:14)",
        "  looser: policies.model-size-budget.max_size: 200MB -> 900MB (policies/fraud.yaml:15)",
        "  looser: applies_to.model added: nobody (policies/fraud.yaml:3)",
        "  other: metric.goal: a -> b (policies/fraud.yaml:15)",
    ]


def row(word: str, key: str, line: int, *values: str) -> str:
    """Return a row of the comment's table."""
    told = (f"<td>{f'<code>{value}</code>' if value else ''}</td>" for value in values)
    place = f"<td><code>policies/fraud.yaml:{line}</code></td>"
    return f"<tr><td>{word}</td><td><code>{key}</code></td>{place}{''.join(told)}</tr>"


def test_a_comment_shows_looser_rules_in_a_table_and_folds_the_others() -> None:
    text = as_markdown(edited())
    assert f"They decide nothing before the merge. **{TALLY}.**" in text
    table = text[text.index("<table>") : text.index("</table>")].splitlines()
    assert table[1] == (
        "<tr><th>edit</th><th>rule</th><th>policy file</th><th>today</th><th>proposed</th></tr>"
    )
    assert table[2:] == [
        row("looser", "policies.latency (mandatory)", 14, "{max: 50ms}", ""),
        row("looser", "policies.model-size-budget.max_size", 15, "200MB", "900MB"),
        row("looser", "applies_to.model", 3, "", "nobody"),
    ]
    assert "<details><summary>Other edits of the policies: 1</summary>" in text


def test_a_page_has_a_row_for_every_edit() -> None:
    page = as_html(edited())
    assert f"<p>{TALLY}.</p>" in page
    assert page.count('<th scope="row">looser</th>') == 3
    assert "<code>{max: 50ms}</code></td><td></td></tr>" in page


def test_sarif_warns_of_a_looser_rule_and_notes_any_other_edit() -> None:
    (run,) = json.loads(as_sarif(edited()))["runs"]
    told = [
        (r["level"], r["message"]["text"], r["locations"][0]["physicalLocation"]["region"])
        for r in run["results"]
    ]
    assert told == [
        (
            "warning",
            "Proposed, looser: policies.latency (mandatory) removed: {max: 50ms}",
            {"startLine": 14},
        ),
        (
            "warning",
            "Proposed, looser: policies.model-size-budget.max_size: 200MB -> 900MB",
            {"startLine": 15},
        ),
        ("warning", "Proposed, looser: applies_to.model added: nobody", {"startLine": 3}),
        ("note", "Proposed, other: metric.goal: a -> b", {"startLine": 15}),
    ]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["policy-engine/proposal"]


def test_junit_has_a_suite_of_the_edits_and_fails_nothing_for_them() -> None:
    suites = ET.fromstring(as_junit(edited()))  # noqa: S314 (our own text)
    (suite,) = (s for s in suites if s.get("name") == "proposed policies")
    assert [case.get("name") for case in suite] == [
        "policies.latency (mandatory)",
        "policies.model-size-budget.max_size",
        "applies_to.model",
        "metric.goal",
    ]
    assert [[inner.tag for inner in case] for case in suite] == [["skipped"]] * 4
    skipped = suite[1].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "looser: policies.model-size-budget.max_size: 200MB -> 900MB"


def test_a_job_warns_of_a_looser_rule_on_its_line() -> None:
    lines = as_github(edited()).splitlines()
    assert lines[1] == (
        "::warning file=policies/fraud.yaml,line=15,"
        "title=proposed policies%2C looser%3A policies.model-size-budget.max_size"
        "::policies.model-size-budget.max_size: 200MB -> 900MB"
    )
    assert [line.split(" ")[0] for line in lines[:4]] == ["::warning"] * 3 + ["::notice"]


def test_a_notebook_says_them_too() -> None:
    assert "<p>proposed, looser: applies_to.model added: nobody</p>" in notebook_table(edited())


def test_a_saved_report_reads_back_with_its_edits() -> None:
    assert report_of(as_json(edited()).encode()) == edited()


def test_a_proposal_without_an_edit_says_nothing_of_edits() -> None:
    plain = report(*edited().subjects, proposal=proposal())
    for text in (as_text(plain), as_markdown(plain), as_html(plain), as_junit(plain)):
        assert "edit" not in text


def test_what_an_edit_holds_stays_text() -> None:
    hostile = edit(after="<script>\x1b[31m|`@ana`")
    told = report(*edited().subjects, proposal=proposal(edits=(hostile,)))
    for text in (as_text(told), as_markdown(told), as_html(told), notebook_table(told)):
        assert "\x1b" not in text
    for text in (as_markdown(told), as_html(told), notebook_table(told)):
        assert "<script>" not in text


def tried() -> Report:
    """A report on a pull request that edits a rule, which the champion does not pass."""
    return report(*edited().subjects, proposal=proposal(edits=(edit(),), champions=(champion(),)))


CHAMPION = (
    "under policies/fraud.yaml as proposed the champion (model fraud/3, run brave-otter-12 "
    "(4f1e2d3c), commit 1a2b3c4, found by alias: fraud@champion) would come to: fail, "
    "today: pass; not asked, since they compare models or read the change: no-regression"
)
PROBLEM = (
    "model-size-budget (size): FAIL, blocks: model size is 253.0 MB; it must be at most 200.0 MB"
)


def test_what_the_champion_would_come_to_is_told_in_text() -> None:
    lines = as_text(tried(), width=10_000).splitlines()
    assert [line.strip() for line in lines[-4:-2]] == [CHAMPION, f"champion, {PROBLEM}"]


def test_what_the_champion_would_come_to_is_a_list_in_a_comment() -> None:
    lines = as_markdown(tried()).replace("`", "").splitlines()
    assert f"- U{CHAMPION[1:]}" in lines
    assert f"  - {PROBLEM}" in lines


def test_what_the_champion_would_come_to_fails_no_case_and_is_a_note() -> None:
    (run,) = json.loads(as_sarif(tried()))["runs"]
    notes = [r["message"]["text"] for r in run["results"] if r["level"] == "note"]
    assert notes == [f"Proposed: {CHAMPION}", f"Proposed: champion, {PROBLEM}"]
    suites = ET.fromstring(as_junit(tried()))  # noqa: S314 (our own text)
    (suite,) = (s for s in suites if s.get("name") == "proposed policies")
    cases = [case for case in suite if case.get("name") == "champion"]
    assert [[inner.get("message") for inner in case] for case in cases] == [
        [CHAMPION],
        [f"champion, {PROBLEM}"],
    ]
    assert {inner.tag for case in cases for inner in case} == {"skipped"}


def test_what_the_champion_would_come_to_is_a_notice_in_a_job() -> None:
    notices = [line for line in as_github(tried()).splitlines() if line.startswith("::notice")]
    assert [line.partition("::")[2].partition("::")[2] for line in notices] == [
        CHAMPION,
        f"champion, {PROBLEM}",
    ]


def test_a_saved_report_reads_back_with_its_champion() -> None:
    assert report_of(as_json(tried()).encode()) == tried()


def test_a_champion_whose_verdict_does_not_follow_is_refused() -> None:
    odd = replace(champion(), proposed=replace(champion().proposed, verdict=Verdict.PASS))
    lying = report(*edited().subjects, proposal=proposal(champions=(odd,)))
    with pytest.raises(ReportFileError, match="it says pass where its findings do not come to tha"):
        report_of(as_json(lying).encode())


def test_a_claimed_report_s_champion_is_a_claim_too() -> None:
    claimed = as_claimed(tried())
    assert claimed.proposal is not None
    (finding,) = claimed.proposal.champions[0].proposed.findings
    assert finding.measured is not None
    assert finding.measured.grade is Grade.LOGGED
