from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from textwrap import dedent
from time import process_time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policy_engine.evidence.record import PassedOver
from policy_engine.policy import Level, Outcome
from policy_engine.render.formats.html import as_html
from policy_engine.render.formats.markdown import as_markdown
from policy_engine.render.formats.text import as_text
from policy_engine.report import Effect, Judged, PolicySource, Verdict, WaiverUse
from tests.render import reports
from tests.render.golden import golden
from tests.render.hostile import HOSTILE, commands, everywhere

BENIGN = "benign"
ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)


def columns(line: str) -> int:
    """Count the columns of a line, independently of the code under test."""
    return sum(1 + (unicodedata.east_asian_width(char) in {"W", "F"}) for char in line)


def test_what_blocks_stands_first_and_the_verdict_last() -> None:
    assert as_text(reports.mixed()) == golden("mixed.txt")


def test_a_table_shows_every_finding_with_its_numbers_if_it_is_asked_for() -> None:
    assert as_text(reports.mixed(), verbose=True) == golden("mixed-verbose.txt")


def test_what_checks_a_message_by_hand_is_shown_where_it_is_asked_for() -> None:
    detail = "val_f1 goes from 0.9 to 0.91 (exact McNemar, b = 9, c = 6)"
    found = reports.SIZE._replace(message="the gain may be chance", detail=detail)
    said = reports.report(reports.subject(found))
    assert "x model-size-budget (size): the gain may be chance\n" in as_text(said)
    assert detail not in as_text(said)
    assert f"    why:  {detail}\n" in as_text(said, verbose=True)


def test_a_wide_terminal_is_used() -> None:
    run = reports.candidate(registered=None)
    found = reports.subject(
        reports.SIZE, reports.SEEDED, verdict=Verdict.FAIL, candidate=run, baseline=None
    )
    assert as_text(reports.report(found), width=120) == dedent("""\
        FAIL  policies/fraud.yaml
          candidate: model fraud-lr, run brave-otter-12 (4f1e2d3c), commit 1a2b3c4
          baseline:  none

        x model-size-budget (size): model size is 253.0 MB; it must be at most 200.0 MB
          fix: prune or quantise the model, or raise max_size and say why in the pull request
        passed: seeds-fixed
        to do: fix what blocks, or waive it: policy-engine waive --from report.json
        policies: main@1a2b3c4, sha256:abababababab, trusted
        FAIL (exit code 1): 1 blocking, 1 passed
        """)


def test_a_narrow_terminal_breaks_words_at_their_joints() -> None:
    found = reports.report(reports.subject(reports.SIZE, reports.SCORE, verdict=Verdict.FAIL))
    assert as_text(found, width=60, verbose=True) == dedent("""\
        FAIL  policies/fraud.yaml
          candidate: model fraud/3, run brave-otter-12 (4f1e2d3c),
                     commit 1a2b3c4
          baseline:  model fraud/2, run calm-fox-3 (89abcdef),
                     commit 5e6f7a8, found by alias: champion

        policy       verdict  measured  limit        baseline
        -----------  -------  --------  -----------  --------
        model-size-  FAIL,    253.0 MB  <= 200.0 MB  181.0 MB
        budget       blocks   measured               measured
        (size)
            why:  model size is 253.0 MB; it must be at most 200.0
                  MB
            fix:  prune or quantise the model, or raise max_size and
                  say why in the pull request
            rule: policies/fraud.yaml:14, overridable
        metric-      pass     0.9123    >= 0.9       0.9051
        threshold             val_f1    val_f1       val_f1
                              logged                 logged

        to do: fix what blocks, or waive it: policy-engine waive
               --from report.json
        policies: main@1a2b3c4, sha256:abababababab, trusted
        FAIL (exit code 1): 1 blocking, 1 passed
        """)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_colour_changes_nothing_but_colour(width: int) -> None:
    coloured = as_text(reports.mixed(), width=width, colour=True)
    plain = as_text(reports.mixed(), width=width)
    assert coloured != plain
    assert re.sub(r"\x1b\[[0-9;]+m", "", coloured) == plain


def test_verdict_changes_and_blocks_are_coloured_by_what_they_do() -> None:
    found = reports.subject(
        reports.SIZE, reports.SEEDED, verdict=Verdict.FAIL, changes=reports.CHANGES[1:]
    )
    text = as_text(reports.report(found), colour=True)
    coloured = [line for line in text.split("\n") if "\x1b" in line]
    assert coloured == [
        "\x1b[1;31mFAIL\x1b[0m  policies/fraud.yaml",
        "\x1b[31mx  model size     181.0 MB  253.0 MB   40% larger\x1b[0m",
        (
            "\x1b[31mx model-size-budget (size): model size is 253.0 MB; it must be at most "
            "200.0 MB\x1b[0m"
        ),
        "\x1b[1;31mFAIL\x1b[0m (exit code 1): 1 blocking, 1 passed",
    ]


@pytest.mark.parametrize(
    ("verdict", "word", "code"),
    [
        (Verdict.NOT_EVALUATED, "NOT EVALUATED", 4),
        (Verdict.NOT_APPLICABLE, "NOT APPLICABLE", 0),
        (Verdict.ERROR, "ERROR", 3),
    ],
)
def test_without_a_candidate_the_reason_is_said_and_nothing_else(
    verdict: Verdict, word: str, code: int
) -> None:
    found = reports.nothing_judged(verdict, "no run is tagged with commit 1a2b3c4")
    assert as_text(found) == dedent(f"""\
        {word}  policies/fraud.yaml
          why: no run is tagged with commit 1a2b3c4
        policies: main@1a2b3c4, sha256:abababababab, trusted
        {word} (exit code {code}): no findings
        """)


def test_a_report_on_nothing_at_all_still_says_its_verdict() -> None:
    assert as_text(reports.report()) == dedent("""\
        policies: main@1a2b3c4, sha256:abababababab, trusted
        NOT EVALUATED (exit code 4): no findings
        """)


def test_policies_that_the_change_could_edit_are_called_so() -> None:
    untrusted = PolicySource("sha256:" + "ab" * 32)
    found = reports.report(reports.subject(reports.SEEDED, baseline=None), policies=untrusted)
    assert as_text(found) == dedent("""\
        PASS  policies/fraud.yaml
          candidate: model fraud/3, run brave-otter-12 (4f1e2d3c), commit 1a2b3c4
          baseline:  none

        passed: seeds-fixed
        policies: sha256:abababababab, not trusted
        PASS (exit code 0): 1 passed
        """)


def test_several_subjects_are_counted_together() -> None:
    error = reports.finding(
        "expression",
        outcome=Outcome.ERROR,
        effect=Effect.WARN,
        level=Level.ADVISORY,
        message="the policy raised ZeroDivisionError",
        remedy="report it to the owners of mlops_policies",
    )
    unnamed = reports.candidate(run_name=None, model=None, registered=None, commit=None)
    found = reports.report(
        reports.subject(reports.SEEDED, error, verdict=Verdict.WARN, candidate=unnamed),
        reports.subject(reports.SEEDED, policy_file="policies/nlp.yaml"),
        waivers=WaiverUse(
            expiring=({"id": "cost-per-point", "expires": "2026-11-30"},),
            expired=({"id": "eu-latency", "owner": "@ana", "ticket": None},),
            unused=({"id": "model-size-budget", "run": "4f1e"},),
        ),
    )
    assert as_text(found) == dedent("""\
        WARN  policies/fraud.yaml: 1 error, 1 passed
          candidate: run 4f1e2d3c
          baseline:  model fraud/2, run calm-fox-3 (89abcdef), commit 5e6f7a8, found by
                     alias: champion

        x expression: the policy raised ZeroDivisionError
          fix: report it to the owners of mlops_policies
        passed: seeds-fixed

        PASS  policies/nlp.yaml: 1 passed
          candidate: model fraud/3, run brave-otter-12 (4f1e2d3c), commit 1a2b3c4
          baseline:  model fraud/2, run calm-fox-3 (89abcdef), commit 5e6f7a8, found by
                     alias: champion

        passed: seeds-fixed

        waiver expires soon: cost-per-point, expires 2026-11-30
        waiver expired: eu-latency, owner @ana
        waiver unused: model-size-budget, run 4f1e
        policies: main@1a2b3c4, sha256:abababababab, trusted
        WARN (exit code 0): 1 error, 2 passed
        """)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_line_and_gives_no_command(text: str) -> None:
    """So wide that nothing wraps: each line stands where it stands for a benign text."""
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere(BENIGN).values(), strict=True
    ):
        log, expected = as_text(hostile, width=5000), as_text(benign, width=5000)
        if place == "proposal's problem":  # it has lines of its own
            log = "\n".join(line for line in log.split("\n") if not line.startswith("  | "))
            expected = expected.replace(f"  | {BENIGN}\n", "")
        assert log.count("\n") == expected.count("\n"), place
        for line, due in zip(log.split("\n"), expected.split("\n"), strict=True):
            assert line.isprintable(), place
            if not set(due) <= {"-", " "} and BENIGN not in due:
                assert line.split() == due.split(), place
        assert commands(log) == [], place
        assert log.encode(), place


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_hostile_text_exceeds_no_width_and_gives_no_command(text: str, width: int) -> None:
    for place, hostile in everywhere(text).items():
        log = as_text(hostile, width=width)
        assert max(map(columns, log.split("\n"))) <= width, place
        assert commands(log) == [], place


@given(ANY_TEXT, st.integers(min_value=40, max_value=200))
@example("0\r0", 40)  # two words of a character each, beside a wide cell that does not break
def test_no_text_exceeds_any_width(text: str, width: int) -> None:
    for place, found in everywhere(text).items():
        log = as_text(found, width=width)
        assert max(map(columns, log.split("\n"))) <= width, place
        assert all(line.isprintable() for line in log.split("\n")), place
        assert commands(log) == [], place


@given(st.text(":#[] a\n", min_size=1, max_size=60), st.integers(min_value=40, max_value=60))
def test_no_wrapping_makes_a_command(text: str, width: int) -> None:
    for place, found in everywhere(text).items():
        assert commands(as_text(found, width=width)) == [], place


def test_long_names_are_wrapped_not_lost() -> None:
    name = "a-policy-with-" + "x" * 46
    long = reports.SIZE._replace(id=name, part="slice=" + "y" * 40)
    run = reports.candidate(run_name="n" * 200)
    log = as_text(reports.report(reports.subject(long, candidate=run)))
    assert max(map(len, log.split("\n"))) == 80
    assert log.count("n" * 20) >= 3
    assert sum(line.startswith("x") or "x" * 5 in line for line in log.split("\n")) >= 1


def test_ten_thousand_findings_are_all_listed_in_seconds() -> None:
    many = [reports.SIZE._replace(part=f"slice={i}") for i in range(10_000)]
    before = process_time()
    log = as_text(reports.report(reports.subject(*many)))
    assert process_time() - before < 20
    assert log.count("(slice=") == 10_000
    assert log.endswith("10,000 blocking\n")


def test_what_several_policies_say_alike_is_said_once() -> None:
    reason, remedy = "no baseline (alias: champion: not set)", "set an alias"
    said = reports.SIZE._replace(part=None, outcome=Outcome.MISSING, message=reason, remedy=remedy)
    one, other = said._replace(id="baseline-logged"), said._replace(id="min-useful-gain")
    text = as_text(reports.report(reports.subject(one, other)))
    assert text.count(reason) == 1
    assert text.count(remedy) == 1
    assert f"x baseline-logged, min-useful-gain: {reason}\n" in text


def test_what_lacks_the_same_evidence_is_said_once_however_it_is_worded() -> None:
    said = reports.SIZE._replace(part=None, outcome=Outcome.MISSING, remedy="log_predictions(…)")
    one = said._replace(id="no-regression", message="there is no predictions table")
    other = said._replace(id="four-fifths", message="no groups: there is no predictions table")
    text = as_text(reports.report(reports.subject(one, other)))
    assert "x no-regression, four-fifths: there is no predictions table\n  fix: log_" in text


def test_what_a_proposal_would_change_is_listed() -> None:
    proposal = reports.proposal(
        reports.changed(),
        reports.changed(id="servable", part=None, outcome=None, effect=None),
    )
    found = reports.report(reports.subject(reports.SEEDED), proposal=proposal)
    assert as_text(found, width=100).split("\n\n")[-1] == dedent("""\
        proposal: the policies that this pull request proposes would change 2 of 31 findings; their verdict
                  would be: warn (they decide nothing before the merge)
          change: model-size-budget (size): fail, blocks -> pass (policies/fraud.yaml, run 4f1e2d3c)
          change: servable: not there -> pass (policies/fraud.yaml, run 4f1e2d3c)
        policies: main@1a2b3c4, sha256:abababababab, trusted
        PASS (exit code 0): 1 passed
        """)  # noqa: E501 (a line of the report, as wide as it is allowed to be)


def test_a_proposal_that_is_not_valid_says_why() -> None:
    problem = "policies/a.yaml:1:1: x: unknown key\n  did you mean 'y'?\n\n1 problem found.\n"
    broken = reports.proposal(digest=None, verdict=None, problem=problem, findings=0)
    found = reports.report(reports.subject(reports.SEEDED), proposal=broken)
    assert as_text(found).split("\n\n")[-1] == dedent("""\
        proposal: the policies that this pull request proposes could not judge it (they
                  decide nothing before the merge)
          | policies/a.yaml:1:1: x: unknown key
          | did you mean 'y'?
          | 1 problem found.
        policies: main@1a2b3c4, sha256:abababababab, trusted
        PASS (exit code 0): 1 passed
        """)


def test_without_a_baseline_one_paragraph_says_what_the_candidate_has() -> None:
    rule = PassedOver(rule="alias: champion", why="the model is not registered; write `a@b`")
    changes = tuple(replace(each, baseline=None, interval=None) for each in reports.CHANGES)
    first = reports.subject(reports.SEEDED, baseline=None, passed_over=(rule,), changes=changes[1:])
    assert as_text(reports.report(first)).split("\n\n")[0].split("\n")[2:] == [
        "  baseline:  none; alias: champion: the model is not registered",
        "  it has:    x model size 253.0 MB, training time 2 h",
    ]


@pytest.mark.parametrize(
    ("findings", "told"),
    [
        ([reports.SIZE], "fix what blocks, or waive it: policy-engine waive --from report.json"),
        (
            [reports.SIZE, reports.SLICE],
            "fix what blocks, or waive each: policy-engine waive --from report.json",
        ),
        (
            [reports.SIZE, reports.SLICE._replace(level=Level.MANDATORY)],
            "fix what blocks, or waive what may be: policy-engine waive --from report.json",
        ),
        (
            [reports.SIZE._replace(level=Level.MANDATORY)],
            "fix what blocks; none of it can be waived",
        ),
    ],
)
def test_what_blocks_ends_with_what_to_do(findings: list[Judged], told: str) -> None:
    blocked = reports.report(reports.subject(*findings, verdict=Verdict.FAIL))
    assert f"\nto do: {told}\npolicies: " in as_text(blocked, width=120)
    command = "policy-engine waive --from report.json"
    in_html = told.replace(command, f"<code>{command}</code>")
    assert f"<p><b>To do:</b> {in_html}.</p>" in as_html(blocked)


def test_where_nothing_blocks_there_is_nothing_to_waive() -> None:
    assert "to do:" not in as_text(reports.report(reports.subject(reports.EXPLAINED)))
    assert "To do:" not in as_html(reports.report(reports.subject(reports.EXPLAINED)))


def test_a_cost_that_is_not_known_says_why_in_the_place_of_the_number() -> None:
    unknown = reports.change(
        what="training cost", baseline=None, candidate=None, difference="not known", interval=None
    )
    alone = reports.subject(reports.SEEDED, baseline=None, changes=(unknown,))
    assert "  it has:    ! training cost not known\n" in as_text(reports.report(alone))
    beside = reports.subject(reports.SEEDED, changes=(unknown,))
    assert "\n!  training cost  not known\n" in as_text(reports.report(beside))
    assert "<td></td><td><b>not known</b></td>" in as_markdown(reports.report(beside))


def test_a_warning_says_what_to_do_first_and_what_blocks_says_all() -> None:
    remedy = "do this with some care; " + "or do what takes many more words to say; " * 5 + "end"
    warning = reports.EXPLAINED._replace(remedy=remedy)
    blocking = reports.SIZE._replace(remedy=remedy)
    told = [
        "  fix: do this with some care; or do what takes many more words to say; or do",
        "       what takes many more words to say; …",
    ]
    shown = as_text(reports.report(reports.subject(warning))).split("\n")
    assert [line for line in shown if line in told] == told
    assert "what takes many more words to say; end" in " ".join(
        as_text(reports.report(reports.subject(blocking))).split()
    )


def test_what_is_not_logged_is_one_line_and_verbose_names_each() -> None:
    lacking = [
        reports.finding(f"policy-{number}", outcome=Outcome.MISSING, message="it is not there")
        for number in range(30)
    ]
    report = reports.report(reports.subject(*lacking))
    shown = as_text(report)
    assert "not logged: policy-0, policy-1, policy-2, policy-3, policy-4 and 25 more\n" in shown
    assert "policy-29" in as_text(report, verbose=True)
