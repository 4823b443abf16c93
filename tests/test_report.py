"""The report: its JSON, complete and plain, and what each verdict does to the exit code."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence import Measurement
from policy_engine.policy import Limit
from policy_engine.report import EXIT_CODES, ExitCode, Verdict
from tests.render.reports import SIZE, finding, mixed, report, subject


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ("error", 3),
        ("not-evaluated", 4),
        ("fail", 1),
        ("warn", 0),
        ("pass", 0),
        ("not-applicable", 0),
    ],
)
def test_each_verdict_has_the_exit_code_of_the_table(verdict: str, code: int) -> None:
    assert EXIT_CODES[Verdict(verdict)] == code


def test_every_verdict_has_an_exit_code_and_usage_has_its_own() -> None:
    assert set(EXIT_CODES) == set(Verdict)
    assert {int(code) for code in ExitCode} == {0, 1, 2, 3, 4, 130}
    assert ExitCode.USAGE not in EXIT_CODES.values()


def test_verdicts_stand_in_the_order_in_which_one_hides_another() -> None:
    assert [v.value for v in Verdict] == [
        "error",
        "not-evaluated",
        "fail",
        "warn",
        "pass",
        "not-applicable",
    ]


def test_the_json_has_the_documented_keys_all_of_them_always() -> None:
    content = report(subject(SIZE, verdict=Verdict.FAIL)).to_dict()
    assert list(content) == [
        "schema",
        "verdict",
        "exit_code",
        "subjects",
        "policies",
        "evidence",
        "waivers",
        "proposal",
        "engine",
        "evaluated_at",
    ]
    assert content["schema"] == "policy-engine/report/v1"
    assert set(content["policies"]) == {"digest", "profile", "ref", "texts", "trusted"}
    assert set(content["evidence"]) == {"digest", "mlflow"}
    assert content["waivers"] == {"expiring": [], "expired": [], "unused": []}
    assert set(content["engine"]) == {"distributions", "version", "plugins"}
    (judged,) = content["subjects"]
    assert set(judged) == {
        "policy_file",
        "verdict",
        "reason",
        "candidate",
        "baseline",
        "passed_over",
        "trade_off",
        "changes",
        "notes",
        "findings",
    }
    (found,) = judged["findings"]
    assert set(found) == {
        "id",
        "part",
        "policy",
        "plugin",
        "level",
        "outcome",
        "effect",
        "message",
        "measured",
        "limit",
        "baseline",
        "remedy",
        "waiver",
        "where",
        "detail",
        "about",
        "interval",
        "owner",
        "enforce_from",
    }
    assert set(found["measured"]) == {"value", "unit", "grade", "source"}
    assert set(found["limit"]) == {"value", "unit", "op"}
    assert set(found["where"]) == {"file", "line"}


def test_what_is_not_known_is_null_and_not_left_out() -> None:
    bare = finding(measured=None, limit=None, baseline=None, remedy=None, part=None)
    (judged,) = report(subject(bare, candidate=None, baseline=None)).to_dict()["subjects"]
    assert (judged["candidate"], judged["baseline"], judged["reason"]) == (None, None, None)
    (found,) = judged["findings"]
    for key in ("measured", "limit", "baseline", "remedy", "part", "waiver"):
        assert found[key] is None


def test_the_json_is_plain() -> None:
    content = mixed().to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content


@pytest.mark.parametrize(
    ("number", "written"),
    [("253000000", "253000000"), ("2E+3", "2000"), ("0.90", "0.9"), ("-0.5", "-0.5"), ("0", "0")],
)
def test_a_number_is_written_as_json_writes_it(number: str, written: str) -> None:
    value = Decimal(number)
    one = finding(measured=Measurement(value, "B"), limit=Limit(value, "B"))
    (judged,) = report(subject(one)).to_dict()["subjects"]
    (found,) = judged["findings"]
    assert json.dumps(found["measured"]["value"]) == written
    assert json.dumps(found["limit"]["value"]) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_is_lost_on_the_way_to_json(number: float) -> None:
    one = finding(measured=Measurement(Decimal(repr(number)), "s"), limit=None)
    (judged,) = report(subject(one)).to_dict()["subjects"]
    assert float(judged["findings"][0]["measured"]["value"]) == number


def test_the_moment_is_written_in_utc() -> None:
    there = timezone(timedelta(hours=2))
    moment = datetime(2026, 11, 22, 14, tzinfo=there)
    assert report(evaluated_at=moment).to_dict()["evaluated_at"] == "2026-11-22T12:00:00Z"
    assert report(evaluated_at=moment.astimezone(UTC)).to_dict() == (
        report(evaluated_at=moment).to_dict()
    )


def test_a_notebook_shows_the_report_as_a_table() -> None:
    html = mixed()._repr_html_()
    assert "<table" in html
    assert "<script" not in html
