from __future__ import annotations

import xml.etree.ElementTree as ET
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.policy import Level, Outcome
from policy_engine.render.formats.junit import as_junit
from policy_engine.render.junit_xml import JunitCase, Suite, as_junit_xml
from policy_engine.report import Effect, Verdict
from tests.render import reports
from tests.render.hostile import HOSTILE, commands, everywhere

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)


def cases(xml: str) -> list[tuple[str, str]]:
    """Return the cases by name, each with how it ended."""
    found = ET.fromstring(xml).iter("testcase")  # noqa: S314 (our own output)
    return [(case.get("name", ""), case[0].tag if len(case) else "passed") for case in found]


def test_each_finding_is_a_case() -> None:
    two = reports.report(
        reports.subject(reports.SIZE, reports.SEEDED, verdict=Verdict.FAIL, baseline=None)
    )
    assert as_junit(two) == dedent(f"""\
        <?xml version='1.0' encoding='us-ascii'?>
        <testsuites name="policy-engine" tests="2" failures="1" errors="0" skipped="0" time="0">
          <testsuite name="policies/fraud.yaml (model fraud/3, run \
brave-otter-12 (4f1e2d3c), commit 1a2b3c4)" tests="2" failures="1" errors="0" skipped="0" \
time="0" timestamp="2026-11-22T12:00:00Z">
            <properties>
              <property name="verdict" value="fail" />
              <property name="policies" value="sha256:{"ab" * 32} main@1a2b3c4" />
              <property name="policies trusted" value="true" />
              <property name="evidence" value="sha256:{"cd" * 32}" />
              <property name="candidate" value="4f1e2d3c{"0" * 24}" />
            </properties>
            <testcase classname="policies/fraud.yaml" name="model-size-budget (size)" time="0" \
file="policies/fraud.yaml" line="14">
              <failure type="fail" message="FAIL, blocks: model size is 253.0 MB; it must be at \
most 200.0 MB">model size is 253.0 MB; it must be at most 200.0 MB
        Measured 253.0 MB (measured); limit &lt;= 200.0 MB; baseline 181.0 MB (measured)
        Fix: prune or quantise the model, or raise max_size and say why in the pull request
        Rule: policies/fraud.yaml:14, overridable</failure>
            </testcase>
            <testcase classname="policies/fraud.yaml" name="seeds-fixed" time="0" \
file="policies/fraud.yaml" line="14">
              <system-out>parameter seed is 7
        Rule: policies/fraud.yaml:14, overridable</system-out>
            </testcase>
          </testsuite>
        </testsuites>
        """)


def test_only_what_blocks_fails_and_only_a_pass_passes() -> None:
    error = reports.finding("crashed", outcome=Outcome.ERROR, effect=Effect.BLOCK)
    advisory = reports.finding(
        "crashed-too", outcome=Outcome.ERROR, effect=Effect.WARN, level=Level.ADVISORY
    )
    skipped = reports.finding("not-logged", outcome=Outcome.MISSING)
    found = reports.report(
        reports.subject(*reports.mixed().subjects[0].findings, error, advisory, skipped)
    )
    assert cases(as_junit(found)) == [
        ("metric-threshold", "system-out"),
        ("no-deep-learning-on-small-data", "skipped"),
        ("model-size-budget (size)", "failure"),
        ("seeds-fixed", "system-out"),
        ("explanation-logged", "skipped"),
        ("eu-latency", "skipped"),
        ("cost-per-point", "skipped"),
        ("crashed", "error"),
        ("crashed-too", "skipped"),
        ("not-logged", "skipped"),
    ]


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.NOT_EVALUATED])
def test_a_candidate_that_could_not_be_judged_is_no_green_suite(verdict: Verdict) -> None:
    assert cases(as_junit(reports.nothing_judged(verdict, "no run"))) == [("verdict", "error")]


def test_a_subject_whose_findings_are_all_skipped_is_no_green_suite() -> None:
    skipped = reports.subject(reports.TABULAR, verdict=Verdict.NOT_EVALUATED)
    assert cases(as_junit(reports.report(skipped)))[0] == ("verdict", "error")


def test_a_report_without_subjects_is_no_green_suite() -> None:
    assert cases(as_junit(reports.report())) == [("verdict", "error")]


def test_a_change_that_owes_no_run_is_skipped() -> None:
    owes_nothing = reports.nothing_judged(Verdict.NOT_APPLICABLE, "no training code is touched")
    assert cases(as_junit(owes_nothing)) == [("verdict", "skipped")]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_case(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        xml = as_junit(hostile)
        found, due = ([kind for _, kind in cases(each)] for each in (xml, as_junit(benign)))
        assert found == due, place
        assert xml.isascii(), place
        assert commands(xml) == [], place


@given(ANY_TEXT)
def test_any_text_makes_well_formed_xml(text: str) -> None:
    case = JunitCase(
        group=text, name=text, result="failure", kind=text, message=text, details=[text, text]
    )
    xml = as_junit_xml(text, [Suite(name=text, cases=[case], properties={text: text})])
    assert [kind for _, kind in cases(xml)] == ["failure"]
    assert xml.isascii()
    assert commands(xml) == []
