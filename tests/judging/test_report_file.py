"""A saved report: read back as it was, or refused with a sentence."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.judging.report_file import (
    LARGEST,
    MOST_SUBJECTS,
    ReportFileError,
    as_claimed,
    read_report,
    report_of,
)
from policy_engine.policy import Outcome
from policy_engine.render.formats.json import as_json
from policy_engine.report import Effect, ExitCode, Verdict
from tests.render.reports import (
    baseline,
    candidate,
    finding,
    mixed,
    nothing_judged,
    report,
    subject,
    trade_off,
    value,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from policy_engine.report import Judged, Report


def written(changed: Report) -> dict[str, Any]:
    """Return a report as JSON values."""
    content: dict[str, Any] = json.loads(as_json(changed))
    return content


def refused(content: Any) -> str:
    """Return the sentence that a report is refused with."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    with pytest.raises(ReportFileError) as raised:
        report_of(data)
    return str(raised.value)


def passing() -> Judged:
    """Return a finding that passed, with a measured value."""
    return finding(outcome=Outcome.PASS, effect=Effect.NONE, measured=value("1", "B"))


@pytest.mark.parametrize(
    "saved",
    [
        mixed(),
        nothing_judged(Verdict.NOT_EVALUATED, "no run for commit 9f8e7d6"),
        nothing_judged(Verdict.ERROR, "MLflow cannot be reached"),
        report(subject(finding(outcome=Outcome.PASS, effect=Effect.NONE))),
        report(subject(finding(outcome=Outcome.PASS, effect=Effect.NONE), trade_off=trade_off())),
    ],
)
def test_a_report_reads_back_as_it_was(saved: Report) -> None:
    assert report_of(as_json(saved).encode()) == saved


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15),
    st.text(max_size=50),
)
def test_any_number_and_text_read_back_to_the_same_json(number: Decimal, text: str) -> None:
    passing = finding(
        outcome=Outcome.PASS,
        effect=Effect.NONE,
        message=text,
        measured=value(str(number), text),
    )
    saved = as_json(report(subject(passing)))
    assert report_of(saved.encode()).to_dict() == json.loads(saved)


def test_a_file_is_read_and_named_when_it_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(ReportFileError) as raised:
        read_report(path)
    assert str(raised.value) == (
        f"report file {path} is not there; `policy-engine check --format json={path}` writes it"
    )
    path.write_text(as_json(mixed()))
    assert read_report(path) == mixed()


def test_a_folder_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ReportFileError, match="Is a directory"):
        read_report(tmp_path)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (
            b'{"schema": "a", "verdict": "pass", "verdict": "fail"}',
            "the key 'verdict' is there twice",
        ),
        (b"\xff\xfe\x00", "it is not JSON: "),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"[]", "it holds no report"),
        (b"null", "it holds no report"),
        (b'{"a": NaN}', "it is not JSON: NaN is not a number"),
        (b'{"a": ' + b"9" * 5000 + b"}", "it is not JSON: Exceeds the limit"),
        (b" " * (LARGEST + 1), "it is larger than 16 MiB"),
        (
            b"{}",
            "its schema is not policy-engine/report/v1; write it with --format json=FILE",
        ),
        (b'{"schema": "policy-engine/report/v1"}', "subjects: a list is needed"),
    ],
)
def test_what_is_no_report_is_refused(data: bytes, sentence: str) -> None:
    assert refused(data).startswith(sentence)


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: Any) -> None:
        for step in path[:-1]:
            content = content[step]
        content[path[-1]] = to

    return change


FIRST = ("subjects", 0, "findings", 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (_set("extra", to=1), "it is not what this version writes: a key is unknown or missing"),
        (_set(*FIRST, "extra", to=1), "subjects.0.findings.0.extra: "),
        (_set("subjects", 0, "extra", to=1), "it is not what this version writes"),
        (_set("subjects", to=[{}] * (MOST_SUBJECTS + 1)), "it has 1001 subjects and 0 findings"),
        (_set("subjects", to=[]), "it judges nothing"),
        (_set("subjects", to=["x"]), "subjects.0: "),
        (_set("verdict", to="pass"), "it says pass and exit code 1 where its subjects come to"),
        (_set("exit_code", to=0), "it says fail and exit code 0 where its subjects come to fail"),
        (_set("verdict", to="great"), "verdict: Input should be 'error'"),
        (_set("subjects", 0, "verdict", to="pass"), "it says pass where its findings do not come"),
        (_set("subjects", 0, "candidate", to=None), "it says fail where its findings do not"),
        (_set("evaluated_at", to="2026-11-22"), "it is not what this version writes"),
        (_set("evidence", to=None), "evidence_digest: "),
        (_set(*FIRST, "where", to={"file": "x", "line": "y"}), "subjects.0.findings.0"),
        (_set(*FIRST, "message", to=None), "subjects.0.findings.0"),
        (_set(*FIRST, "message", to=7), "subjects.0.findings.0"),
        (_set("policies", "trusted", to="yes"), "it is not what this version writes"),
    ],
)
def test_what_is_not_quite_a_report_is_refused(
    change: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    content = written(mixed())
    change(content)
    assert refused(content).startswith(sentence)


def _points(*roles: str) -> list[dict[str, Any]]:
    """Return points of these roles; `other` is a candidate that the subject does not name."""
    ids = {"candidate": candidate().run_id, "baseline": baseline().run_id}
    return [
        {
            "role": "candidate" if role == "other" else role,
            "run_id": ids.get(role, "f" * 32),
            "metric": 0.9,
            "cost": 1.5,
            "run_name": None,
        }
        for role in roles
    ]


@pytest.mark.parametrize(
    "roles",
    [
        (),
        ("other", "baseline"),
        ("baseline", "candidate"),
        ("baseline",),
        ("earlier", "earlier"),
        ("candidate", "candidate"),
        ("candidate", "baseline", "baseline"),
    ],
)
def test_points_that_are_not_the_subjects_are_refused(roles: tuple[str, ...]) -> None:
    content = written(report(subject(passing(), trade_off=trade_off())))
    content["subjects"][0]["trade_off"]["points"] = _points(*roles)
    assert refused(content) == "its trade_off is not that of candidate and baseline"


def test_a_baseline_without_a_point_is_no_odd_one() -> None:
    content = written(report(subject(passing(), trade_off=trade_off())))
    content["subjects"][0]["trade_off"]["points"] = _points("candidate", "earlier")
    read = report_of(json.dumps(content).encode())
    assert read.subjects[0].trade_off is not None


def test_a_missing_key_is_refused() -> None:
    whole = written(mixed())
    for key in whole:
        content = {name: part for name, part in whole.items() if name != key}
        assert refused(content)


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "1e400", '"NaN"', '"Infinity"'])
def test_no_number_that_is_none_is_read(number: str) -> None:
    text = as_json(report(subject(passing())))
    measured = text.index('"measured"')
    start = text.index('"value": ', measured) + len('"value": ')
    end = text.index(",", start)
    assert refused((text[:start] + number + text[end:]).encode())


def test_a_failed_finding_that_does_nothing_is_refused() -> None:
    """Else a forged report could list what failed and call the whole thing a pass."""
    passed = finding(outcome=Outcome.PASS, effect=Effect.NONE)
    odd = finding(outcome=Outcome.FAIL, effect=Effect.NONE)
    content = written(report(subject(passed, odd)))
    assert refused(content) == (
        "the finding 'model-size-budget' has the effect none, which no fail of the level "
        "overridable has"
    )


def test_a_verdict_that_nothing_was_judged_for_is_refused() -> None:
    content = written(nothing_judged(Verdict.NOT_EVALUATED, "no run"))
    for verdict, code in (("pass", 0), ("warn", 0), ("fail", 1)):
        forged = copy.deepcopy(content)
        forged["subjects"][0]["verdict"] = forged["verdict"] = verdict
        forged["exit_code"] = code
        assert refused(forged).startswith(f"it says {verdict} where its findings do not come")


def test_a_claim_passes_with_a_warning_at_best_and_its_values_are_logged() -> None:
    passed = report(subject(passing()))
    claim = as_claimed(passed)
    (only,) = claim.subjects
    assert (claim.verdict, claim.exit_code) == (Verdict.WARN, ExitCode.MAY_MERGE)
    assert (only.verdict, claim.policies.trusted) == (Verdict.WARN, False)
    grades = {v.grade.value for f in only.findings for v in (f.measured, f.baseline) if v}
    assert grades == {"logged"}
    failed = as_claimed(mixed())
    assert (failed.verdict, failed.exit_code) == (Verdict.FAIL, ExitCode.BLOCKED)


def test_a_claim_that_was_not_applicable_stays_so() -> None:
    beside = nothing_judged(Verdict.NOT_APPLICABLE, "it needs no run")
    assert as_claimed(beside).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    "number", ["53239080420936271.5", "88642201706649320.5e195", "9007199254740993"]
)
def test_a_number_beyond_the_whole_ones_of_a_float_is_read_back(number: str) -> None:
    large = finding(measured=value(number, "B"))
    made = report(subject(large))
    assert report_of(json.dumps(made.to_dict()).encode()).to_dict() == made.to_dict()
