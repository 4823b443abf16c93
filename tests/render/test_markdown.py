from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from textwrap import dedent

import pytest
from cmarkgfm import github_flavored_markdown_to_html
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence.record import PassedOver
from policy_engine.policy import Level, Outcome
from policy_engine.render.formats.markdown import as_markdown
from policy_engine.render.links import Links
from policy_engine.render.remedies import steps
from policy_engine.report import Effect, PolicySource, Verdict, WaiverUse
from tests.render import reports
from tests.render.golden import golden
from tests.render.hostile import HOSTILE, active, commands, everywhere, structure

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)
RISKY_TEXT = st.text("`|\\<>&@#[]()!*_~$:-\n ab", min_size=1, max_size=60)


@cache
def benign_structures(parts: int) -> dict[str, list[tuple[object, ...]]]:
    """Return the structure of each comment of harmless text; a remedy has parts."""
    harmless = everywhere("benign")
    harmless["remedy"] = everywhere("; ".join(["benign"] * parts))["remedy"]
    return {place: structure(as_markdown(each)) for place, each in harmless.items()}


OWN_WORDS = {"2026-11-22", "12:00:00"}
"""What our own words hold outside code that is not a plain word."""


def test_the_whole_comment() -> None:
    assert as_markdown(reports.mixed()) == golden("mixed.md")


def test_policies_of_the_pull_request_itself_are_said_in_the_headline() -> None:
    untrusted = PolicySource("sha256:" + "ab" * 32, "feature@9f8e7d6")
    warned = reports.report(
        reports.subject(reports.EXPLAINED, verdict=Verdict.WARN), policies=untrusted
    )
    assert as_markdown(warned).split("\n")[:5] == [
        (
            "<h2>⚠️ May merge, after a look: the candidate run has no file "
            "<code>explanation/importance.json</code> "
            "(policies not trusted: they are not the default branch's)</h2>"
        ),
        "",
        (
            "**What to do:** read the warnings below, which do not stop the merge: whoever reviews "
            "the change decides."
        ),
        "",
        (
            "Decided by policies of `feature@9f8e7d6` that are not the default branch's own: "
            "1 warning (exit code 0)."
        ),
    ]
    assert "at `feature@9f8e7d6`, not trusted ·" in as_markdown(warned)


@pytest.mark.parametrize(
    ("verdict", "headline", "word", "code"),
    [
        (
            Verdict.NOT_EVALUATED,
            "❔ May not merge, nothing was judged",
            "Not evaluated",
            4,
        ),
        (
            Verdict.NOT_APPLICABLE,
            "⚪ May merge, nothing to judge",
            "Not applicable",
            0,
        ),
        (
            Verdict.ERROR,
            "🛑 May not merge, it could not be decided",
            "Error",
            3,
        ),
    ],
)
def test_without_a_candidate_the_reason_is_said(
    verdict: Verdict, headline: str, word: str, code: int
) -> None:
    found = reports.nothing_judged(verdict, "no run is tagged with commit 1a2b3c4")
    is_there = verdict is Verdict.NOT_EVALUATED
    more = "train a run of this change, or name the one that was trained."
    to_do = f"**What to do:** {more}\n\n" if is_there else ""
    head = f"<h2>{headline}: no run is tagged with commit <code>1a2b3c4</code></h2>\n\n{to_do}"
    assert as_markdown(found) == head + dedent(f"""\
        Decided by the trusted policies of `main@1a2b3c4`: no findings (exit code {code}).

        ### {headline[0]} `policies/fraud.yaml`

        {word}: `no run is tagged with commit 1a2b3c4`

        <sub>policies `policies/fraud.yaml`, `sha256:abababababab` at `main@1a2b3c4`, trusted · \
evidence `sha256:cdcdcdcdcdcd` · evaluated at 2026-11-22 12:00:00 UTC · policy-engine `0.1.0`</sub>
        """)


def test_the_worst_subject_stands_first() -> None:
    comment = as_markdown(
        reports.report(
            reports.subject(reports.SEEDED, policy_file="policies/nlp.yaml"),
            reports.subject(reports.SIZE, verdict=Verdict.FAIL),
            verdict=Verdict.FAIL,
        )
    )
    headings = [line for line in comment.split("\n") if line.startswith("#")]
    assert headings == [
        "### ❌ `policies/fraud.yaml`",
        "### ✅ `policies/nlp.yaml`",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stands_in_code_wherever_it_comes_from(text: str) -> None:
    for place, hostile in everywhere(text).items():
        comment = as_markdown(hostile)
        assert structure(comment) == benign_structures(len(steps(text)))[place], place
        assert comment.startswith("<h2>"), place
        assert set(active(comment)) <= OWN_WORDS, (place, active(comment))
        assert commands(comment) == [], place
        assert comment.encode(), place


@given(ANY_TEXT | RISKY_TEXT)
def test_no_text_changes_the_structure(text: str) -> None:
    for place, found in everywhere(text).items():
        comment = as_markdown(found)
        assert structure(comment) == benign_structures(len(steps(text)))[place], place
        assert set(active(comment)) <= OWN_WORDS, (place, active(comment))


def test_ten_thousand_findings_are_cut_on_a_row_and_counted() -> None:
    many = [reports.SIZE._replace(id=f"id-{i}", message=f"no {i}") for i in range(10_000)]
    comment = as_markdown(
        reports.report(
            reports.subject(
                *many,
                reports.SEEDED,
                verdict=Verdict.FAIL,
                passed_over=(PassedOver(rule="a", why="b"),),
            )
        )
    )
    shown = comment.count(" blocks the merge: ")
    assert 59_000 < len(comment) <= 60_000
    assert comment.startswith(
        f"<h2>❌ May not merge: {'; '.join(f'no {i}' for i in range(37))}; and 9963 more</h2>\n\n"
        "**What to do:** "
    )
    assert (
        f"\n\n**{10_000 - shown:,} more findings, 2 more waive commands, 1 more policy, "
        "1 more note are in the job summary and the JSON report.**\n\n<sub>policies "
    ) in comment
    assert comment.count("<details>") == comment.count("</details>") == shown
    lines = [line for line in comment.split("\n") if line.startswith("<li>")]
    assert len(lines) == shown
    assert all(line.endswith("</details></li>") for line in lines)


def test_one_finding_too_many_is_counted_in_the_singular() -> None:
    strict = reports.SIZE._replace(level=Level.MANDATORY)
    two = reports.report(reports.subject(strict, strict._replace(message="m" * 900)))
    whole = as_markdown(two, elsewhere="the JSON report")
    cut = as_markdown(two, limit=len(whole.encode()) - 100, elsewhere="the JSON report")
    assert "\n**1 more finding is in the JSON report.**\n" in cut


def test_passed_findings_give_way_before_those_of_any_subject_that_block() -> None:
    passed = [reports.finding(f"p{i}") for i in range(500)]
    comment = as_markdown(
        reports.report(
            reports.subject(*passed, reports.SIZE, verdict=Verdict.FAIL),
            reports.subject(reports.SIZE, *passed, verdict=Verdict.FAIL),
        ),
        limit=20_000,
    )
    assert comment.count(" blocks the merge: ") == 2
    assert 0 < comment.count("<li>✅ ") < 1000
    assert comment.count("<details>") == comment.count("</details>")


@pytest.mark.parametrize("limit", [0, 100, 700, 1500, 3000, 65_535])
def test_the_verdict_is_never_cut(limit: int) -> None:
    comment = as_markdown(reports.mixed(), limit=limit)
    assert comment.startswith("<h2>❌ May not merge: model size is 253.0 MB (limit 200.0 MB)")
    assert "1 blocking, 2 warnings, 1 waived" in comment
    assert len(comment.encode()) <= max(limit, 1000)


def test_the_limit_holds_in_bytes_too() -> None:
    """A check run is limited to 65,535 bytes: four for each of these characters."""
    emoji = [reports.SIZE._replace(message=f"{i}" + "\U0001f600" * 2000) for i in range(100)]
    comment = as_markdown(reports.report(reports.subject(*emoji)), limit=65_000)
    assert 60_000 < len(comment.encode()) <= 65_000


def test_ten_thousand_policy_files_are_cut_too() -> None:
    many = [
        reports.subject(reports.SEEDED, policy_file=f"policies/{i}.yaml") for i in range(10_000)
    ]
    comment = as_markdown(reports.report(*many))
    assert len(comment) <= 60_000
    assert "more policy files, 10,000 more policies are in the job summary" in comment
    assert "`policies/1.yaml`" in comment
    assert ", 9995 more, `sha256:abababababab`" in comment


def test_an_advisory_error_is_among_the_problems() -> None:
    error = reports.finding(outcome=Outcome.ERROR, effect=Effect.WARN, message="it raised")
    comment = as_markdown(reports.report(reports.subject(error, verdict=Verdict.WARN)))
    assert " could not be judged: it raised" in comment.split("<details>")[0]


LINKS = Links(
    mlflow="https://ana:secret@mlflow.example/base",
    server="https://github.com",
    repository="acme/fraud",
    commit="1a2b3c4d" * 5,
)


class _Addresses(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_what_warns_for_the_cause_that_blocks_another_is_named_as_warning() -> None:
    lacking = reports.SIZE._replace(part=None, outcome=Outcome.MISSING, remedy="log_model(model)")
    other = lacking._replace(id="no-regression", effect=Effect.WARN)
    said = as_markdown(reports.report(reports.subject(lacking, other)))
    assert "<br>Also warns: <b><code>no-regression</code></b>.<br>" in said


def addresses(markdown: str) -> list[str]:
    """Return where the links of rendered Markdown lead."""
    parser = _Addresses()
    parser.feed(github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE))
    return parser.found


def test_runs_and_rules_are_linked_where_somebody_says_where_they_are() -> None:
    comment = as_markdown(reports.mixed(), links=LINKS)
    blob = "https://github.com/acme/fraud/blob/" + "1a2b3c4d" * 5 + "/policies/fraud.yaml"
    assert addresses(comment) == [
        "https://mlflow.example/base/#/runs/4f1e2d3c" + "0" * 24,
        "https://mlflow.example/base/#/runs/89abcdef" + "0" * 24,
        *(f"{blob}#L{line}" for line in (14, 22, 18, 16)),
    ]
    assert "secret" not in comment
    assert addresses(as_markdown(reports.mixed())) == []


def test_hostile_text_leads_nowhere_else() -> None:
    due = ("https://mlflow.example/base/#/runs/", "https://github.com/acme/fraud/blob/1a2b3c4d")
    for text in HOSTILE:
        for place in ("where", "candidate's run_id", "baseline's run_id", "message"):
            comment = as_markdown(everywhere(text)[place], links=LINKS)
            assert all(address.startswith(due) for address in addresses(comment)), (place, text)


def test_what_a_proposal_would_change_is_said_above_and_shown_below() -> None:
    proposal = reports.proposal(
        reports.changed(),
        reports.changed(id="servable", part=None, proposed_outcome=None, proposed_effect=None),
    )
    comment = as_markdown(reports.report(reports.subject(reports.SIZE), proposal=proposal))
    assert comment.split("\n")[6] == (
        "**Proposal:** the policies that this pull request proposes would change 2 of 31 "
        "findings; their verdict would be: warn. They decide nothing before the merge."
    )
    assert (
        dedent("""
        <details><summary>What the proposed policies would change: 2 of 31</summary>

        <table>
        <tr><th>policy</th><th>policy file</th><th>run</th><th>now</th><th>proposed</th></tr>
        <tr><td><code>model-size-budget</code> <code>size</code></td>\
<td><code>policies/fraud.yaml</code></td><td><code>4f1e2d3c</code></td>\
<td>fail, blocks</td><td>pass</td></tr>
        <tr><td><code>servable</code></td>\
<td><code>policies/fraud.yaml</code></td><td><code>4f1e2d3c</code></td>\
<td>fail, blocks</td><td>not there</td></tr>
        </table>
        </details>
        """)
        in comment
    )


def test_a_proposal_that_changes_nothing_is_said_too() -> None:
    comment = as_markdown(
        reports.report(reports.subject(reports.SIZE), proposal=reports.proposal())
    )
    assert "would change none of 31 findings; their verdict would be: warn." in comment
    assert "<summary>What the proposed" not in comment


def test_a_proposal_that_is_not_valid_says_why() -> None:
    problem = (
        "policies/fraud.yaml:14:18: policies.model-size-budget.max_sise: unknown setting\n"
        "  did you mean 'max_size'?\n\n1 problem found; nothing was evaluated.\n"
    )
    broken = reports.proposal(digest=None, verdict=None, problem=problem, findings=0)
    comment = as_markdown(reports.report(reports.subject(reports.SIZE), proposal=broken))
    assert comment.split("\n")[6] == (
        "**Proposal:** the policies that this pull request proposes could not judge it. "
        "They decide nothing before the merge."
    )
    assert (
        dedent("""
        <details><summary>Why the proposed policies could not judge</summary>

        <pre>policies/fraud.yaml:14:18: policies.model-size-budget.max_sise: unknown setting
        did you mean &#x27;max_size&#x27;?
        1 problem found; nothing was evaluated.</pre>

        </details>
        """)
        in comment
    )


def test_a_proposals_problem_of_many_lines_is_cut() -> None:
    broken = reports.proposal(verdict=None, problem="a line\n" * 50, findings=0)
    comment = as_markdown(reports.report(reports.subject(reports.SIZE), proposal=broken))
    assert comment.count("a line") == 20
    assert "a line\n… 30 more</pre>" in comment


def test_waivers_to_look_after_stand_before_those_in_use() -> None:
    ending, over, idle = ({"id": name, "owner": "@ana"} for name in ("soon", "over", "idle"))
    waivers = WaiverUse((ending,), (over,), (idle,))
    comment = as_markdown(reports.report(reports.subject(reports.COST), waivers=waivers))
    assert (
        dedent("""
        <details><summary>Waivers: 1 expires soon, 1 expired, 1 unused, 1 used</summary>

        - expires soon: `soon, owner @ana`
        - expired: `over, owner @ana`
        - unused: `idle, owner @ana`
        - used: `cost-per-point, model fraud-*, ceiling 70 USD, approved_by @ben, expires \
2027-01-31`

        </details>
        """)
        in comment
    )


def test_three_subjects_have_a_picture_at_most() -> None:
    several = [
        reports.subject(reports.SIZE, reports.COST, policy_file=f"{i}.yaml") for i in range(5)
    ]
    assert as_markdown(reports.report(*several)).count("\n```mermaid\n") == 3


def test_a_table_in_html_has_no_blank_line_that_would_end_it() -> None:
    for text in HOSTILE:
        for place, hostile in everywhere(text).items():
            for table in as_markdown(hostile).split("<table>")[1:]:
                assert "\n\n" not in table.split("</table>")[0], place


def lines_to_waive(comment: str) -> list[str]:
    """Return the commands that a comment gives to copy, each as the one line that a shell reads."""
    commands = comment.split("\n```sh\n")[1].split("\n```\n", maxsplit=1)[0]
    return commands.replace(" \\\n  ", " ").splitlines()


def test_one_command_waives_all_that_can_be_waived() -> None:
    several = [
        reports.SIZE,
        reports.SIZE._replace(id="no-regression", part=None),
        reports.SLICE,
        reports.SIZE._replace(id="strict", level=Level.MANDATORY),
        reports.SIZE._replace(id="unmeasured", measured=None),
    ]
    subject = reports.subject(*several, verdict=Verdict.FAIL)
    profile = replace(reports.report(subject).policies, profile="prod")
    comment = as_markdown(reports.report(subject, policies=profile))
    rest = (
        "--append policies/waivers.yaml "
        '--reason "WHY" --owner "@WHO" --ticket "TICKET" --expires "DAY"'
    )
    assert (
        "**What to do:** fix what blocks and push; or ask for a waiver of what can have one "
        "with `policy-engine waive --from report.json --all` (lines to copy stand below): the "
        "owners of `policies/` decide that, never the pull request's author.\n"
    ) in comment
    assert lines_to_waive(comment) == [
        (
            f"policy-engine check --run 4f1e2d3c{'0' * 24} --profile prod "
            "--policies policies/fraud.yaml --format json=report.json"
        ),
        f"policy-engine waive --from report.json --all {rest}",
    ]
    assert "For one alone, write `--id ID --part PART` instead of `--all`." in comment


def test_of_several_runs_the_command_names_the_one_and_a_single_finding_is_named_too() -> None:
    blocked = reports.subject(reports.SIZE, verdict=Verdict.FAIL)
    comment = as_markdown(reports.report(blocked, reports.subject(reports.COST)))
    (_, waive) = lines_to_waive(comment)
    assert f" --run 4f1e2d3c{'0' * 24} --id model-size-budget --part size --append " in waive
    assert "--all" not in comment


def test_a_run_without_a_model_is_waived_by_its_id() -> None:
    run = reports.candidate(model=None, registered=None)
    subject = reports.subject(reports.SIZE, verdict=Verdict.FAIL, candidate=run)
    (_, line) = lines_to_waive(as_markdown(reports.report(subject)))
    assert " --for run --append policies/waivers.yaml " in line


def test_blanks_in_a_path_or_a_part_are_quoted_and_what_no_quotes_hold_is_in_capitals() -> None:
    finding = reports.SIZE._replace(part="digits (evaluation)")
    for path, told, file in (
        ("our rules/fraud.yaml", "'our rules/fraud.yaml'", "'our rules/waivers.yaml'"),
        ("it's/fraud.yaml", "FILE", "FOLDER/waivers.yaml"),
        ("our rules/../../fraud.yaml", "FILE", "FOLDER/waivers.yaml"),
    ):
        subject = reports.subject(finding, verdict=Verdict.FAIL, policy_file=path)
        check, waive = lines_to_waive(as_markdown(reports.report(subject)))
        assert f" --policies {told} --format " in check
        assert f" --part 'digits (evaluation)' --append {file} --reason " in waive


@pytest.mark.parametrize("text", HOSTILE)
def test_a_shell_that_is_given_the_lines_reads_plain_words_alone(text: str) -> None:
    plain = re.compile(r"[A-Za-z0-9_./=@-]+")
    quoted = re.compile(r"'[A-Za-z0-9][A-Za-z0-9_./=(),:+ -]*'")
    for place, hostile in everywhere(text).items():
        comment = as_markdown(hostile)
        for line in lines_to_waive(comment) if "```sh" in comment else []:
            words = quoted.sub("QUOTED", line).replace('"', "").split(" ")
            assert all(map(plain.fullmatch, words)), place
            assert " --policies -" not in line, place


def test_an_interval_says_its_level() -> None:
    comment = as_markdown(reports.mixed())
    assert "may be chance</b> (90% interval -0.31 to 1.75 pt on 899 shared rows)" in comment


@pytest.mark.parametrize(
    ("message", "headline"),
    [
        (
            "val_f1 loses 0.06 pt; it must gain at least 0.50 pt",
            "<code>val_f1</code> loses 0.06 pt (must gain at least 0.50 pt)",
        ),
        (
            "val_f1 gains 0.06 pt; it must gain at least 0.50 pt",
            "<code>val_f1</code> gains 0.06 pt (must be at least 0.50 pt)",
        ),
        (
            "a point of val_f1 costs 61 USD; it must cost at most 50 USD",
            "a point of <code>val_f1</code> costs 61 USD (limit 50 USD)",
        ),
    ],
)
def test_a_limit_in_the_headline_says_of_what_it_is(message: str, headline: str) -> None:
    finding = reports.SIZE._replace(message=message)
    comment = as_markdown(reports.report(reports.subject(finding, verdict=Verdict.FAIL)))
    assert comment.splitlines()[0] == f"<h2>❌ May not merge: {headline}</h2>"


def headline(*messages: str) -> str:
    """Return the first line of a comment on findings of two policies, the last one's apart."""
    findings = [reports.SIZE._replace(message=message, part=message) for message in messages]
    findings[-1] = findings[-1]._replace(id="another")
    return as_markdown(reports.report(reports.subject(*findings, verdict=Verdict.FAIL))).split(
        "\n"
    )[0]


def test_two_limits_of_one_number_are_one_reason() -> None:
    assert headline(
        "size is 36 MB; it must be at most 25 MB",
        "size is 36 MB and the baseline's is 2 MB; it may grow by 10%",
        "it is slow",
    ) == (
        "<h2>❌ May not merge: size is 36 MB (limit 25 MB) and the baseline&#x27;s is 2 MB "
        "(may grow by 10%); it is slow</h2>"
    )


def test_reasons_that_a_headline_has_no_room_for_are_counted() -> None:
    long = [f"slice {letter} {'loses ' * 20}" for letter in "abc"]
    assert headline(*long, "it is slow") == (
        f"<h2>❌ May not merge: {long[0].strip()}; and 3 more</h2>"
    )


def test_a_doubt_that_only_warns_is_no_reason_of_a_refusal() -> None:
    gain = reports.SIZE._replace(message="val_f1 gains 0.72 pt", about="val_f1")
    subject = reports.subject(gain, reports.GAIN, changes=(reports.change(),), verdict=Verdict.FAIL)
    comment = as_markdown(reports.report(subject))
    assert comment.split("\n")[0] == "<h2>❌ May not merge: <code>val_f1</code> gains 0.72 pt</h2>"
    assert "<b>+0.72 pt, may be chance</b> (90% interval -0.31 to 1.75 pt" in comment
