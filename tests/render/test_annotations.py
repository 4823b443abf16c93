from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.policy import Level, Outcome
from policy_engine.render.annotations import Annotation, annotate
from policy_engine.render.formats.github import as_github
from policy_engine.report import Effect, PolicySource, Verdict, Where
from tests.render import reports
from tests.render.hostile import HOSTILE, Command, commands, everywhere, runner_commands

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)
CANDIDATE = "Candidate: model fraud/3, run brave-otter-12 (4f1e2d3c), commit 1a2b3c4"
OF_SIZE = Annotation(
    path="policies/fraud.yaml",
    line=14,
    severity="failure",
    title="model-size-budget (size): FAIL, blocks",
    message="model size is 253.0 MB; it must be at most 200.0 MB\n"
    "Measured 253.0 MB (measured); limit <= 200.0 MB; baseline 181.0 MB (measured)\n"
    "Fix: prune or quantise the model, or raise max_size and say why in the pull request\n"
    + CANDIDATE,
)


def test_what_blocks_is_a_failure_on_the_line_of_the_policy_file() -> None:
    assert annotate(reports.mixed())[0] == OF_SIZE


def test_an_annotation_is_given_as_githubs_api_takes_it() -> None:
    assert OF_SIZE.to_dict() == {
        "path": "policies/fraud.yaml",
        "start_line": 14,
        "end_line": 14,
        "annotation_level": "failure",
        "title": "model-size-budget (size): FAIL, blocks",
        "message": OF_SIZE.message,
    }


def test_failures_stand_first_then_warnings_then_what_is_waived_and_no_pass() -> None:
    first = reports.subject(reports.EXPLAINED, reports.COST, reports.SEEDED, reports.TABULAR)
    second = reports.subject(reports.LATENCY, reports.SIZE)
    found = annotate(reports.report(first, second))
    assert [(each.severity, each.title) for each in found] == [
        ("failure", "model-size-budget (size): FAIL, blocks"),
        ("warning", "explanation-logged: missing, warns"),
        ("warning", "eu-latency: inconclusive, warns"),
        ("notice", "cost-per-point: fail, waived"),
    ]


def test_an_advisory_error_is_a_warning_since_it_fails_nothing() -> None:
    error = reports.finding(outcome=Outcome.ERROR, effect=Effect.WARN, level=Level.ADVISORY)
    assert [each.severity for each in annotate(reports.report(reports.subject(error)))] == [
        "warning"
    ]


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.NOT_EVALUATED])
def test_what_could_not_be_judged_is_a_failure_too(verdict: Verdict) -> None:
    word = {Verdict.ERROR: "Error", Verdict.NOT_EVALUATED: "Not evaluated"}[verdict]
    assert annotate(reports.nothing_judged(verdict, "no run is tagged with commit 1a")) == (
        Annotation(
            "policies/fraud.yaml",
            1,
            "failure",
            f"{word}: policies/fraud.yaml",
            "no run is tagged with commit 1a",
        ),
    )


def test_a_change_that_owes_no_run_is_annotated_nowhere() -> None:
    owes_nothing = reports.nothing_judged(Verdict.NOT_APPLICABLE, "it touches no training code")
    assert annotate(owes_nothing) == ()


@pytest.mark.parametrize(
    "file",
    [
        *("/etc/passwd", "../secret.yaml", "a/../b", "a//b", "./a.yaml", "a\\b.yaml", "C:/a.yaml"),
        *("a/", "", " ", "a\nb", "a\u202eb", "a::b", "x" * 2000, "policies/\U0001f600.yaml"),
    ],
)
def test_a_file_outside_the_repository_is_no_path_and_still_named(file: str) -> None:
    odd = reports.SIZE._replace(where=Where(file, 3))
    (found,) = annotate(reports.report(reports.subject(odd)))
    assert (found.path, found.line) == (".github", 1)
    assert found.message.split("\n")[-1].startswith("Rule: ")
    (command,) = runner_commands(as_github(reports.report(reports.subject(odd))))
    assert command.properties == {"title": OF_SIZE.title}


def test_the_log_holds_one_command_a_finding_and_ends_with_the_verdict() -> None:
    log = as_github(reports.mixed())
    place = {"file": "policies/fraud.yaml"}
    assert runner_commands(log) == [
        Command("error", {**place, "line": "14", "title": OF_SIZE.title}, OF_SIZE.message),
        Command(
            "warning",
            {**place, "line": "22", "title": "explanation-logged: missing, warns"},
            "the candidate run has no file explanation/importance.json\n"
            f"Fix: log it: policy_engine.training.log_importance(names, values)\n{CANDIDATE}",
        ),
        Command(
            "warning",
            {**place, "line": "18", "title": "eu-latency: inconclusive, warns"},
            "p95 latency is 49.6 ms on 12 requests; 100 are needed to say that it is under 50 ms\n"
            "Measured 49.6 ms (logged); limit <= 50 ms\n"
            f"Fix: measure at least 100 requests\n{CANDIDATE}",
        ),
        Command(
            "notice",
            {**place, "line": "16", "title": "cost-per-point: fail, waived"},
            "one point costs 61.00 USD; it must be at most 50.00 USD\n"
            "Measured 61.00 USD (logged); limit <= 50.00 USD\nFix: train shorter\n"
            "Waiver: cost-per-point, model fraud-*, ceiling 70 USD, approved_by @ben, "
            f"expires 2027-01-31\n{CANDIDATE}",
        ),
    ]
    assert log.startswith("::error file=policies/fraud.yaml,line=14,title=model-size-budget (size)")
    assert log.endswith(
        "\npolicy-engine: FAIL (exit code 1): 1 blocking, 2 warnings, 1 waived, 2 passed, "
        "1 not applicable; policies trusted\n"
    )


def test_a_clean_pass_gives_a_verdict_and_no_command() -> None:
    passed = reports.report(
        reports.subject(reports.SEEDED), policies=PolicySource("sha256:ab", "feature@1a2b3c4")
    )
    assert as_github(passed) == (
        "policy-engine: PASS (exit code 0): 1 passed; policies not trusted\n"
    )


def test_ten_of_each_kind_are_shown_and_the_rest_is_pointed_to() -> None:
    found = [
        *(reports.SIZE._replace(part=f"slice={i}") for i in range(12)),
        *(reports.EXPLAINED._replace(part=f"slice={i}") for i in range(11)),
        *(reports.COST._replace(part=f"slice={i}") for i in range(10)),
    ]
    everything = reports.report(reports.subject(*found, verdict=Verdict.FAIL))
    log = as_github(everything)
    names = [command.name for command in runner_commands(log)]
    assert names == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    assert log.split("\n")[30] == (
        "2 more errors, 1 more warning: see the job summary and the JSON report"
    )
    assert len(annotate(everything)) == 33


def test_a_title_and_a_message_keep_githubs_limits() -> None:
    long = "\uffff日" * 5000
    odd = reports.COST._replace(
        id=long, part=long, message=long, remedy=long, waiver={"id": long, "reason": long}
    )
    (found,) = annotate(reports.report(reports.subject(odd)))
    assert len(found.title) == 255
    assert found.title.endswith("…")
    assert len(found.message.encode()) < 64 * 1024


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_adds_no_command_and_changes_no_other(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        log = as_github(hostile)
        due = runner_commands(as_github(benign))
        assert len(commands(log)) == len(due), place
        for found, expected in zip(runner_commands(log), due, strict=True):
            assert found.name == expected.name, place
            assert found.properties.keys() - {"file", "line"} == {"title"}, place
            assert found.properties.get("line", "14") in {"1", "14", "3", "16"}, place
            assert found.data.count("\n") - expected.data.count("\n") in {0, 1}, place
        assert log.encode(), place


@given(ANY_TEXT)
def test_any_text_makes_annotations_that_github_takes(text: str) -> None:
    for place, found in everywhere(text).items():
        for each in annotate(found):
            assert json.dumps(each.to_dict()), place
            assert 0 < len(each.title) <= 255, place
            assert len(each.message.encode()) < 64 * 1024, place
            assert max(map(ord, each.title + each.message + each.path)) <= 0xFFFF, place
            assert all(line.isprintable() for line in each.message.split("\n")), place
        log = as_github(found)
        assert len(commands(log)) == len(runner_commands(log)) == len(annotate(found)), place
