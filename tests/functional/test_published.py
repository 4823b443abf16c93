"""The shipped command as a job of GitHub Actions runs it, against a stateful GitHub on loopback.

What counts is what people find on GitHub afterwards, and what the job ends with; the fixture also
fails each test in which a request or an answer breaks GitHub's own description of its API.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.evidence.record import ChangeRecord
from tests.github.fake.server import GitHubFake
from tests.github.fake.state import BOT, HEAD, TOKEN, Actor
from tests.github.gate import Gate, policies, report
from tests.render.hostile import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

MARKER = re.compile(
    r"<!-- policy-engine:comment v1 id=default sha=a{40} says=[0-9a-f]{64} text=[0-9a-f]{64} -->"
)
CALLS = (
    ("POST", "check-runs"),
    ("GET", "issues/7/comments"),
    ("GET", "pulls/7"),
    ("POST", "issues/7/comments"),
)
FORK = "Resource not accessible by integration"
OUTPUTS = {"verdict", "exit-code", "blocking", "warnings", "waived", "passed", "report"}
# What could be a command, an output or the end of one; an evidence file holds no half characters.
FORGING = [
    s
    for s in HOSTILE
    if re.search(r"::|##|EOF|\n|%", s) and s.encode("utf-8", "ignore").decode() == s
]


@pytest.fixture
def gate(github_fake: GitHubFake, tmp_path: Path) -> Gate:
    """A checkout in which the candidate fails."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    return Gate(github_fake, folder)


def headline(text: str) -> str:
    """Return the first words of a comment."""
    return text.split("\n")[1]


# One comment, kept current.


def test_a_failing_check_writes_one_comment_and_tells_the_job(gate: Gate) -> None:
    ended = gate.check(process=True)
    assert ended.code == 1
    assert ended.outputs == {
        "verdict": "fail",
        "exit-code": "1",
        "blocking": "1",
        "warnings": "0",
        "waived": "0",
        "passed": "0",
        "report": "",
    }
    (body,) = gate.fake.bodies
    assert MARKER.fullmatch(body.split("\n")[0])
    assert headline(body).startswith("<h2>❌ May not merge")
    assert "<code>val_f1</code> is 0.85; it must be at least 0.9" in body
    assert "[the job that judged this](https://github.example/acme/fraud/actions/runs/4711)" in body
    assert ended.summary.startswith("<h2>❌ May not merge")
    assert ended.err.startswith("::error file=policies/fraud.yaml,line=4,title=limit-0")
    assert [c.author for c in gate.fake.state.comments] == [BOT]
    assert gate.fake.state.check_runs == []


def test_a_second_run_edits_the_comment_in_place(gate: Gate) -> None:
    gate.check()
    (first,) = gate.fake.state.comments
    gate.candidate(val_f1=0.95)
    assert gate.check().code == 0
    (only,) = gate.fake.state.comments
    assert only.id == first.id
    assert not headline(only.body).startswith("<h2>❌ May not merge")


def test_a_run_that_decides_the_same_writes_nothing(gate: Gate) -> None:
    gate.check()
    before = gate.fake.bodies
    gate.fake.requests.clear()
    gate.check(at="2026-11-23T12:00:00Z", attempt="2")
    assert gate.fake.bodies == before
    assert {each.method for each in gate.fake.requests} == {"GET"}


def test_a_comment_that_a_person_edited_is_written_again(gate: Gate) -> None:
    gate.check()
    (comment,) = gate.fake.state.comments
    comment.body = comment.body.replace("❌ May not merge", "✅ May merge")
    gate.check()
    assert headline(gate.fake.bodies[0]).startswith("<h2>❌ May not merge")


def test_a_comment_whose_line_ends_github_changed_is_the_same(gate: Gate) -> None:
    gate.check()
    (comment,) = gate.fake.state.comments
    comment.body = comment.body.replace("\n", "\r\n")
    gate.fake.requests.clear()
    gate.check()
    assert {each.method for each in gate.fake.requests} == {"GET"}


def test_a_first_check_with_nothing_to_say_writes_no_comment(gate: Gate) -> None:
    gate.candidate(val_f1=0.95)
    ended = gate.check()
    assert ended.code == 0
    assert (ended.outputs["verdict"], gate.fake.bodies) == ("pass", [])


def test_always_comments_and_never_does_not(gate: Gate) -> None:
    gate.candidate(val_f1=0.95)
    gate.check("--comment", "never")
    assert gate.fake.bodies == []
    gate.check("--comment", "always")
    assert len(gate.fake.bodies) == 1
    gate.candidate(val_f1=0.5)
    before = gate.fake.bodies
    gate.check("--comment", "never")
    assert gate.fake.bodies == before


def test_two_gates_have_two_comments(gate: Gate) -> None:
    gate.check("--id", "fraud")
    gate.check("--id", "churn")
    gate.check("--id", "fraud")
    assert [re.findall(r" id=(\S+) ", body) for body in gate.fake.bodies] == [["fraud"], ["churn"]]
    assert "gate `churn`" in gate.fake.bodies[1]


def test_the_comment_is_found_behind_130_others(gate: Gate) -> None:
    for i in range(130):
        gate.fake.state.comment(f"number {i}", None if i % 2 else "ben")
    gate.check()
    gate.candidate(val_f1=0.8)
    gate.check()
    assert len(gate.fake.bodies) == 131
    assert " is 0.8; it must be at least 0.9" in gate.fake.bodies[-1]


def test_a_marker_that_somebody_else_wrote_is_not_ours(gate: Gate) -> None:
    gate.check()
    (ours,) = gate.fake.state.comments
    marker = ours.body.split("\n")[0]
    gate.fake.state.comments.clear()
    forged = gate.fake.state.comment(f"{marker}\n<h2>✅ May merge</h2>", "eve")
    quoted = gate.fake.state.comment(f"> see\n{marker}\n<h2>✅ May merge</h2>", BOT)
    gate.check()
    assert (forged.body, quoted.body) == (
        f"{marker}\n<h2>✅ May merge</h2>",
        f"> see\n{marker}\n<h2>✅ May merge</h2>",
    )
    assert len(gate.fake.bodies) == 3


def test_a_comment_deleted_between_list_and_edit_is_written_anew(gate: Gate) -> None:
    gate.check()
    gate.candidate(val_f1=0.8)
    gate.fake.meanwhile("PATCH", "issues/comments/.*", gate.fake.state.comments.clear)
    assert gate.check().code == 1
    (body,) = gate.fake.bodies
    assert " is 0.8; it must be at least 0.9" in body


def test_the_report_of_a_newer_head_is_not_overwritten(gate: Gate) -> None:
    gate.check()
    before = gate.fake.bodies
    gate.candidate(val_f1=0.8)

    def push() -> None:
        gate.fake.state.pulls[7].head_sha = "9" * 40

    gate.fake.meanwhile("GET", "issues/7/comments", push)
    ended = gate.check()
    assert (ended.code, gate.fake.bodies) == (1, before)
    sentence = (
        "the comment was not written: the pull request has moved on to 9999999, whose own check "
        "writes the comment; this one is about aaaaaaa"
    )
    assert sentence in ended.err
    assert sentence in ended.summary


def test_two_jobs_that_race_leave_one_comment_with_the_newer_report(gate: Gate) -> None:
    other = Gate(gate.fake, gate.folder)
    other.jobs = 100

    def meanwhile() -> None:
        other.check(process=True)

    gate.fake.meanwhile("POST", "issues/7/comments", meanwhile)
    # The other job writes its comment just before ours does.
    assert gate.check().code == 1
    assert len(gate.fake.bodies) == 1


def test_an_odd_comment_does_not_break_the_search(gate: Gate) -> None:
    gate.fake.state.comment("by a deleted account", None)
    gate.fake.state.comment("", "ben")
    gate.check()
    gate.check()
    assert len(gate.fake.bodies) == 3


def test_a_persons_token_writes_as_that_person(gate: Gate) -> None:
    gate.environ["GITHUB_TOKEN"] = gate.fake.as_person("ana")
    gate.check()
    gate.candidate(val_f1=0.8)
    gate.check()
    assert [
        (c.author, " is 0.8; it must be at least 0.9" in c.body) for c in gate.fake.state.comments
    ] == [("ana", True)]


def test_the_token_of_an_app_finds_its_comment_again(gate: Gate) -> None:
    gate.fake.state.tokens[TOKEN] = Actor("acme-gate[bot]")
    gate.check()
    gate.candidate(val_f1=0.8)
    gate.check()
    assert len(gate.fake.bodies) == 1
    gate.candidate(val_f1=0.7)
    gate.fake.requests.clear()
    gate.check("--comment-author", "acme-gate[bot]")
    assert len(gate.fake.bodies) == 1
    assert "POST issues/7/comments" not in gate.fake.asked


# The check run.


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (50, 1), (51, 2), (120, 3)])
def test_every_annotation_arrives_50_a_request(gate: Gate, count: int, requests: int) -> None:
    gate.rules(policies(max(count, 1)))
    gate.candidate(val_f1=0.85 if count else 0.95)
    ended = gate.check("--check-run", "--comment", "never")
    (run,) = gate.fake.state.check_runs
    assert ended.code == (1 if count else 0)
    assert (run.name, run.head_sha, run.external_id) == ("policy-engine", HEAD, "4711/1")
    assert [a["start_line"] for a in run.annotations] == [4 + i for i in range(count)]
    assert sum("check-runs" in each for each in gate.fake.asked) == requests
    assert "::error" not in ended.err


def test_a_check_run_is_new_for_each_attempt_and_gate(gate: Gate) -> None:
    gate.check("--check-run", "--comment", "never", "--id", "fraud")
    gate.check("--check-run", "--comment", "never", "--id", "fraud", attempt="2")
    runs = [(run.name, run.external_id, run.conclusion) for run in gate.fake.state.check_runs]
    assert runs == [
        ("policy-engine (fraud)", "4711/1", "failure"),
        ("policy-engine (fraud)", "4711/2", "failure"),
    ]


def test_a_merge_queue_gets_a_check_run_and_no_comment(gate: Gate) -> None:
    ended = gate.check("--check-run", event="merge_group")
    assert ended.code == 1
    assert [run.head_sha for run in gate.fake.state.check_runs] == ["e" * 40]
    assert gate.fake.bodies == []
    assert ended.outputs["verdict"] == "fail"


def test_a_branch_gets_a_summary_and_asks_github_nothing(gate: Gate) -> None:
    del gate.fake.state.tokens[TOKEN]
    ended = gate.check(event="push")
    assert (ended.code, gate.fake.bodies) == (1, [])
    assert ended.summary.startswith("<h2>❌ May not merge")
    assert "was not written" not in ended.err


@pytest.mark.parametrize("text", ["é", "🚀", "x"])
def test_a_large_report_is_cut_and_fits_everywhere(gate: Gate, text: str) -> None:
    gate.rules(policies(600))
    gate.candidate(run_name=text * 20_000, params={"note": text * 6_000})
    ended = gate.check("--check-run")
    (body,), (run,) = gate.fake.bodies, gate.fake.state.check_runs
    assert ended.code == 1
    assert len(body) <= 60_000
    assert len((run.summary or "").encode()) <= 65_535
    assert "600 blocking" in body
    assert ", 588 more blocks the merge: <code>val_f1</code> is 0.85" in body
    assert len(run.annotations) == 500
    assert run.title == "Fail: 600 blocking, 100 annotations more in the job summary"


def test_a_full_summary_is_not_made_fuller(gate: Gate, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.write_text("x" * 899_000)
    gate.environ["GITHUB_STEP_SUMMARY"] = str(full)
    ended = gate.check()
    assert ended.code == 1
    assert full.stat().st_size < 1_000_000
    assert "the job summary was not written: the step's summary is full" in ended.err


# What goes wrong with GitHub changes nothing that was decided.


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "fault",
    [{"status": 429, "headers": {"Retry-After": "1"}}, {"status": 502}],
    ids=["limit", "502"],
)
def test_a_fault_that_passes_costs_nothing_but_time(
    gate: Gate, method: str, path: str, fault: dict[str, Any]
) -> None:
    gate.fake.fail(method, path, **fault)
    ended = gate.check("--check-run")
    assert (ended.code, ended.outputs["verdict"]) == (1, "fail")
    assert (len(gate.fake.bodies), len(gate.fake.state.check_runs)) == (1, 1)
    assert "was not written" not in ended.err


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if call[0] == "POST"])
def test_a_failure_after_commit_doubles_nothing(gate: Gate, method: str, path: str) -> None:
    gate.fake.fail(method, path, 502, after_commit=True)
    ended = gate.check("--check-run")
    assert (ended.code, ended.outputs["verdict"]) == (1, "fail")
    assert (len(gate.fake.bodies), len(gate.fake.state.check_runs)) == (1, 1)
    assert "was not written" not in ended.err


@pytest.mark.parametrize(
    ("method", "path", "fault"),
    [
        *((*call, {"status": 403, "message": FORK, "times": 99}) for call in CALLS),
        ("POST", "issues/7/comments", {"status": 500, "times": 99}),
        ("GET", "issues/7/comments", {"status": 500, "times": 99}),
        ("POST", "check-runs", {"status": 429, "headers": {"Retry-After": "900"}, "times": 99}),
        ("GET", "pulls/7", {"status": 404, "message": "Not Found", "times": 99}),
    ],
)
def test_a_fault_that_stays_leaves_the_verdict_right_and_at_most_one_comment(
    gate: Gate, method: str, path: str, fault: dict[str, Any]
) -> None:
    gate.fake.fail(method, path, **fault)
    flags = ("--check-run", "--format", "json", "--publish-timeout", "6s")
    ended = gate.check(*flags, process=True)
    assert (ended.code, ended.outputs["verdict"], report(ended)["verdict"]) == (1, "fail", "fail")
    assert ended.summary.startswith("<h2>❌ May not merge")
    assert len(gate.fake.bodies) <= 1
    assert "Traceback" not in ended.everything
    assert TOKEN not in ended.everything
    assert "was not written: GitHub answered" in ended.err
    assert "verdict stands" in ended.summary


def test_annotations_that_are_cut_off_in_between_do_not_double(gate: Gate) -> None:
    gate.rules(policies(120))
    gate.fake.fail("PATCH", "check-runs/.*", 502, after_commit=True)
    ended = gate.check("--check-run", "--comment", "never")
    (run,) = gate.fake.state.check_runs
    assert (len(run.annotations), "was not written" in ended.err) == (120, False)


def test_a_job_of_a_fork_says_so_in_one_notice_each(gate: Gate) -> None:
    gate.fake.as_fork()
    gate.fake.state.pulls[7].head_repository = "eve/fraud"
    ended = gate.check("--check-run")
    assert (ended.code, gate.fake.bodies, gate.fake.state.check_runs) == (1, [], [])
    notices = [line for line in ended.err.splitlines() if line.startswith("policy-engine: the ")]
    refused = f"was not written: GitHub answered 403 ({FORK}): POST /repos/acme/fraud"
    of_run = "a check run needs the token of a job with `checks: write`, which the job of a fork's"
    of_comment = "the token of a fork's pull request may only read: let a second workflow publish"
    assert notices == [
        f"policy-engine: the check run {refused}/check-runs; {of_run} pull request does not get",
        f"policy-engine: the comment {refused}/issues/7/comments; {of_comment}",
    ]
    assert "::error file=policies/fraud.yaml" in ended.err  # in place of the check run's


def test_a_person_gets_the_comment_and_a_notice_on_the_check_run(gate: Gate) -> None:
    gate.environ["GITHUB_TOKEN"] = gate.fake.as_person("ana")
    ended = gate.check("--check-run")
    assert (ended.code, len(gate.fake.bodies)) == (1, 1)
    assert "You must authenticate via a GitHub App." in ended.err


def test_a_silence_of_twelve_seconds_changes_nothing(gate: Gate) -> None:
    gate.fake.stall("GET", "issues/7/comments", 12.0)
    assert gate.check().code == 1
    assert len(gate.fake.bodies) == 1


def test_a_silence_longer_than_the_patience_costs_the_comment(gate: Gate) -> None:
    gate.fake.stall("GET", "issues/7/comments", 8.0, times=9)
    ended = gate.check("--publish-timeout", "3s")
    assert (ended.code, gate.fake.bodies) == (1, [])
    assert "the comment was not written: GitHub did not answer in time" in ended.err


def test_a_github_that_is_down_changes_no_verdict(gate: Gate) -> None:
    gate.environ["GITHUB_API_URL"] = "http://127.0.0.1:9"
    ended = gate.check("--check-run", "--publish-timeout", "3s", event="push")
    assert (ended.code, ended.outputs["verdict"]) == (1, "fail")
    assert "the check run was not written: GitHub cannot be reached" in ended.err


def test_an_enterprise_server_works_the_same(tmp_path: Path) -> None:
    fake = GitHubFake(prefix="/api/v3")
    try:
        (tmp_path / "checkout").mkdir()
        ended = Gate(fake, tmp_path / "checkout").check("--check-run")
        assert (ended.code, len(fake.bodies), len(fake.state.check_runs)) == (1, 1, 1)
        assert fake.violations == []
    finally:
        fake.close()


def test_without_a_token_the_job_is_told_all_the_same(gate: Gate) -> None:
    gate.check("--no-publish", "--format", "json=report.json")
    gate.environ["GITHUB_TOKEN"] = ""
    ended = gate.run("publish", "report.json")
    assert (ended.code, ended.outputs["verdict"]) == (1, "fail")
    assert "the comment was not written: GITHUB_TOKEN is not set" in ended.err


def test_an_error_of_the_check_itself_is_told_with_every_output(gate: Gate) -> None:
    gate.rules("version: 1\npolicies:\n  no-such-policy: {}\n")
    ended = gate.check(process=True)
    assert ended.code == 2
    assert ended.outputs == {
        "verdict": "error",
        "exit-code": "2",
        "blocking": "",
        "warnings": "",
        "waived": "",
        "passed": "",
        "report": "",
    }
    assert ended.summary.startswith("## Error: nothing was judged\n\n(exit code 2)\n\n- `")
    assert "policies/fraud.yaml:3:3: policies.no-such-policy" in ended.summary
    assert "::error title=policy-engine::" in ended.err


def test_policies_that_cannot_be_read_are_told_with_every_output(gate: Gate) -> None:
    gate.environ["GITHUB_TOKEN"] = ""
    ended = gate.check()
    assert (ended.code, ended.outputs["verdict"], ended.outputs["exit-code"]) == (3, "error", "3")


@pytest.mark.parametrize(
    "flags", [["--id", "a b"], ["--publish-timeout", "soon"], ["--timeout", "soon"], ["--at", "x"]]
)
def test_a_wrong_flag_writes_the_outputs_too(gate: Gate, flags: list[str]) -> None:
    ended = gate.run("check", "--evidence", "evidence.json", *flags)
    assert (ended.code, ended.outputs["verdict"], ended.outputs["exit-code"]) == (2, "error", "2")


def test_nothing_is_published_where_nobody_asks(gate: Gate) -> None:
    ended = gate.check("--no-publish")
    assert (ended.code, ended.outputs, ended.summary, gate.fake.bodies) == (1, {}, "", [])
    gate.environ["GITHUB_ACTIONS"] = ""
    ended = gate.check()
    assert (ended.code, ended.outputs, ended.summary, gate.fake.bodies) == (1, {}, "", [])
    ended = gate.check("--publish")
    assert (ended.code, "publishing needs a job of GitHub Actions" in ended.err) == (2, True)


def test_the_path_of_the_report_is_an_output(gate: Gate) -> None:
    ended = gate.check("--format", "json=report.json")
    assert ended.outputs["report"] == "report.json"
    assert (gate.folder / "report.json").exists()


def test_no_token_is_anywhere(gate: Gate, tmp_path: Path) -> None:
    spy = tmp_path / "spy"
    spy.mkdir()
    (spy / "sitecustomize.py").write_text(
        "import logging\nlogging.basicConfig(level=logging.DEBUG)\n"
    )
    gate.environ["PYTHONPATH"] = str(spy)
    gate.fake.fail("GET", "pulls/7", 422, message=f"your token {TOKEN} is odd")
    arguments = ("check", "--evidence", "evidence.json", "--format", "json=report.json")
    ended = gate.run("--debug", *arguments, "--check-run", process=True)
    assert gate.fake.tokens == {TOKEN}
    assert "DEBUG:urllib3" in ended.err  # the logs were really on
    written = ended.everything + (gate.folder / "report.json").read_text()
    assert TOKEN not in written
    assert TOKEN not in str([run.summary for run in gate.fake.state.check_runs])


@pytest.mark.parametrize("text", FORGING)
def test_no_name_of_a_run_forges_an_output_or_a_command(gate: Gate, text: str) -> None:
    gate.candidate(run_name=text)
    ended = gate.check("--format", "json=report.json", "--comment", "never")
    assert (ended.code, ended.outputs["verdict"], ended.outputs["blocking"]) == (1, "fail", "1")
    assert set(ended.outputs) == OUTPUTS
    lines = [line.lstrip() for line in (ended.err + ended.out).splitlines()]
    commands = [line for line in lines if line.startswith("::") or "##[" in line]
    assert len(commands) == 1
    assert commands[0].startswith("::error file=policies/fraud.yaml,line=4,title=limit-0 (min)%3A ")


def test_a_published_check_makes_the_least_requests(gate: Gate) -> None:
    def asked(*arguments: str) -> list[str]:
        gate.fake.requests.clear()
        gate.check("--check-run", *arguments)
        everything = gate.fake.asked
        return everything[everything.index("POST check-runs") :]  # before that it is judged

    first = ["POST check-runs", "GET issues/7/comments", "GET pulls/7"]
    # The second list tells whether another job was as quick.
    assert asked() == [*first, "POST issues/7/comments", "GET issues/7/comments"]
    assert asked() == first[:2]
    gate.candidate(val_f1=0.8)
    (comment,) = gate.fake.state.comments
    assert asked() == [*first, f"PATCH issues/comments/{comment.id}"]


# A report that another job wrote.


def saved(gate: Gate, **facts: Any) -> Gate:
    """Let the first stage save its report, as a job of a fork does."""
    gate.fake.state.pulls[7].head_repository = "eve/fraud"
    gate.candidate(**facts)
    gate.check("--no-publish", "--format", "json=report.json")
    return gate


def test_a_second_workflow_publishes_on_the_pull_request_of_the_head(gate: Gate) -> None:
    ended = saved(gate).run("publish", "report.json", event="workflow_run", process=True)
    (body,) = gate.fake.bodies
    assert (ended.code, ended.outputs["verdict"], ended.outputs["report"]) == (
        1,
        "fail",
        "report.json",
    )
    assert MARKER.fullmatch(body.split("\n")[0])
    assert headline(body).startswith("<h2>❌ May not merge")
    assert ended.out == ""


def test_a_second_workflow_judges_and_comments_as_a_first_would(gate: Gate) -> None:
    gate.fake.state.pulls[7].head_repository = "eve/fraud"
    gate.candidate(change=ChangeRecord(head_sha=HEAD))
    ended = gate.check(event="workflow_run")
    (body,) = gate.fake.bodies
    assert (ended.code, ended.outputs["verdict"]) == (1, "fail")
    assert MARKER.fullmatch(body.split("\n")[0])
    assert headline(body).startswith("<h2>❌ May not merge")
    assert gate.fake.asked.count("GET pulls") == 1  # whose head it is, is asked once


def test_a_report_of_a_forks_job_is_a_claim(gate: Gate) -> None:
    saved(gate, val_f1=0.95)
    text = (gate.folder / "report.json").read_text()
    forged = text.replace('"trusted": false', '"trusted": true').replace('"warn"', '"pass"')
    (gate.folder / "report.json").write_text(forged.replace('"logged"', '"attested"'))
    ended = gate.run("publish", "report.json", "--comment", "always", event="workflow_run")
    (body,) = gate.fake.bodies
    assert (ended.code, ended.outputs["verdict"]) == (0, "warn")
    assert "not trusted" in headline(body)
    assert "attested" not in body


def test_no_pull_request_with_that_head_gets_no_comment(gate: Gate) -> None:
    saved(gate)
    gate.fake.meanwhile("GET", "pulls", gate.fake.state.pulls.clear)
    ended = gate.run("publish", "report.json", event="workflow_run")
    assert (ended.code, gate.fake.bodies) == (1, [])
    assert "the comment was not written: no open pull request has the head aaaaaaa" in ended.err


def test_the_next_job_of_a_pull_request_publishes_what_the_first_decided(gate: Gate) -> None:
    gate.check("--no-publish", "--format", "json=report.json")
    ended = gate.run("publish", "report.json", "--check-run")
    assert (ended.code, len(gate.fake.bodies), len(gate.fake.state.check_runs)) == (1, 1, 1)
    # The exit code means the same everywhere: a green job is a change that may merge.
    gate.candidate(val_f1=0.95)
    gate.check("--no-publish", "--format", "json=report.json")
    assert gate.run("publish", "report.json").code == 0


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "nonsense", '{"schema": "policy-engine/report/v1"}', "\0"]
)
def test_a_hostile_report_is_refused_with_a_sentence(gate: Gate, content: str) -> None:
    (gate.folder / "report.json").write_text(content)
    ended = gate.run("publish", "report.json", event="workflow_run")
    assert (ended.code, ended.outputs["verdict"], gate.fake.requests) == (2, "error", [])
    assert "report file report.json: " in ended.err
    assert "Traceback" not in ended.err


def test_publishing_needs_a_job(gate: Gate) -> None:
    gate.check("--no-publish", "--format", "json=report.json")
    gate.environ["GITHUB_ACTIONS"] = ""
    ended = gate.run("publish", "report.json")
    assert (ended.code, "publishing needs a job of GitHub Actions" in ended.err) == (2, True)
