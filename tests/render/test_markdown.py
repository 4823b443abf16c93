from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.policy import Outcome
from policy_engine.render import as_markdown
from policy_engine.report import Effect, PassedOver, PolicySource, Verdict
from tests.render import reports
from tests.render.hostile import HOSTILE, everywhere, structure

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)
RISKY_TEXT = st.text("`|\\<>&@#[]()!*_~$:-\n ab", min_size=1, max_size=60)


def test_the_whole_comment() -> None:
    assert as_markdown(reports.mixed()) == dedent("""\
        ## ❌ Fail

        **1 blocking, 2 warnings, 1 waived, 2 passed, 1 not applicable** (exit code 1)

        ### ❌ `policies/fraud.yaml`

        - candidate: model `fraud-lr`, registered as `fraud/3`, run `brave-otter-12` \
(`4f1e2d3c`), commit `1a2b3c4`
        - baseline: model `fraud-lr`, registered as `fraud/2`, run `calm-fox-3` (`89abcdef`), \
commit `5e6f7a8`, found by `alias: champion`

        | policy | verdict | measured | limit | baseline | why, and how to fix it |
        |---|---|---|---|---|---|
        | `model-size-budget` `size` | ❌ FAIL, blocks | `253.0 MB` measured | `<= 200.0 MB` | \
`181.0 MB` measured | `model size is 253.0 MB; it must be at most 200.0 MB`<br>**Fix:** `prune \
or quantise the model, or raise max_size and say why in the pull request`<br>**Rule:** \
`policies/fraud.yaml:14, overridable` |
        | `explanation-logged` | ⚠️ missing, warns |  |  |  | `the candidate run has no file \
explanation/importance.json`<br>**Fix:** `log it: policy_engine.training.log_importance(names, \
values)`<br>**Rule:** `policies/fraud.yaml:22, advisory` |
        | `eu-latency` | ⚠️ inconclusive, warns | `49.6 ms` logged | `<= 50 ms` |  | `p95 \
latency is 49.6 ms on 12 requests; 100 are needed to say that it is under 50 ms`<br>**Fix:** \
`measure at least 100 requests`<br>**Rule:** `policies/fraud.yaml:18, latency-percentile-budget, \
overridable` |
        | `cost-per-point` | ☑️ fail, waived | `61.00 USD` logged | `<= 50.00 USD` |  | `one \
point costs 61.00 USD; it must be at most 50.00 USD`<br>**Fix:** `train shorter`<br>**Waiver:** \
`cost-per-point, model fraud-*, ceiling 70 USD, approved_by @ben, expires \
2027-01-31`<br>**Rule:** `policies/fraud.yaml:16, overridable` |

        <details><summary>2 passed, 1 not applicable</summary>

        | policy | verdict | measured | limit | baseline | in words |
        |---|---|---|---|---|---|
        | `metric-threshold` | ✅ pass | `0.9123 val_f1` logged | `>= 0.9 val_f1` | `0.9051 \
val_f1` logged | `val_f1 is 0.9123 val_f1; it must be at least 0.9 val_f1` |
        | `seeds-fixed` | ✅ pass |  |  |  | `parameter seed is 7` |
        | `no-deep-learning-on-small-data` | ⚪ not-applicable |  |  |  | `the model is a \
LogisticRegression` |

        </details>

        <details><summary>Passed over as the baseline</summary>

        - `commit: merge-base`: `no run for commit 9f8e7d6`

        </details>

        <details><summary>Notes</summary>

        - `2 other runs of this commit were not judged`

        </details>

        <sub>policies `policies/fraud.yaml`, `sha256:abababababab` at `main@1a2b3c4`, trusted · \
evidence `sha256:cdcdcdcdcdcd` · evaluated at 2026-11-22 12:00:00 UTC · policy-engine \
`0.1.0`</sub>
        """)


def test_policies_of_the_pull_request_itself_are_said_in_the_headline() -> None:
    untrusted = PolicySource("sha256:" + "ab" * 32, "feature@9f8e7d6")
    warned = reports.report(
        reports.subject(reports.EXPLAINED, verdict=Verdict.WARN), policies=untrusted
    )
    assert as_markdown(warned).split("\n")[:3] == [
        "## ⚠️ Warn, judged by the policies of this pull request: not trusted",
        "",
        "**1 warning** (exit code 0)",
    ]
    assert "at `feature@9f8e7d6`, not trusted ·" in as_markdown(warned)


@pytest.mark.parametrize(
    ("verdict", "headline", "word", "code"),
    [
        (Verdict.NOT_EVALUATED, "❔ Not evaluated", "Not evaluated", 4),
        (Verdict.NOT_APPLICABLE, "⚪ Not applicable", "Not applicable", 0),
        (Verdict.ERROR, "🛑 Error", "Error", 3),
    ],
)
def test_without_a_candidate_the_reason_is_said(
    verdict: Verdict, headline: str, word: str, code: int
) -> None:
    found = reports.nothing_judged(verdict, "no run is tagged with commit 1a2b3c4")
    assert as_markdown(found) == dedent(f"""\
        ## {headline}

        **no findings** (exit code {code})

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
    assert headings == ["## ❌ Fail", "### ❌ `policies/fraud.yaml`", "### ✅ `policies/nlp.yaml`"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stands_in_code_wherever_it_comes_from(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        comment = as_markdown(hostile)
        assert structure(comment) == structure(as_markdown(benign)), place
        assert comment.startswith("## "), place
        assert comment.encode(), place


@given(ANY_TEXT | RISKY_TEXT)
def test_no_text_changes_the_structure(text: str) -> None:
    for (place, found), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        assert structure(as_markdown(found)) == structure(as_markdown(benign)), place


def test_ten_thousand_findings_are_cut_on_a_row_and_counted() -> None:
    many = [reports.SIZE._replace(part=f"slice={i}") for i in range(10_000)]
    comment = as_markdown(
        reports.report(
            reports.subject(
                *many, reports.SEEDED, verdict=Verdict.FAIL, passed_over=(PassedOver("a", "b"),)
            )
        )
    )
    shown = comment.count("| ❌ FAIL, blocks |")
    assert 59_000 < len(comment) <= 60_000
    assert comment.startswith("## ❌ Fail\n\n**10000 blocking, 1 passed** (exit code 1)\n")
    assert (
        f"\n\n**{10_001 - shown} more findings, 1 more note are in "
        "the job summary and the JSON report.**\n\n<sub>policies "
    ) in comment
    assert comment.count("<details>") == comment.count("</details>") == 0
    rows = [line for line in comment.split("\n") if line.startswith("| `")]
    assert len(rows) == shown
    assert all(line.endswith(" |") for line in rows)


def test_one_finding_too_many_is_counted_in_the_singular() -> None:
    two = reports.report(reports.subject(reports.SIZE, reports.SIZE._replace(message="m" * 900)))
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
    assert comment.count("| ❌ FAIL, blocks |") == 2
    assert 0 < comment.count("| ✅ pass |") < 1000
    assert comment.count("<details>") == comment.count("</details>")


@pytest.mark.parametrize("limit", [0, 100, 700, 1500, 3000, 65_535])
def test_the_verdict_is_never_cut(limit: int) -> None:
    comment = as_markdown(reports.mixed(), limit=limit)
    assert comment.startswith("## ❌ Fail\n\n**1 blocking, 2 warnings, 1 waived, ")
    assert len(comment.encode()) <= max(limit, 1000)


def test_the_limit_holds_in_bytes_too() -> None:
    """A check run is limited to 65,535 bytes: four for each of these characters."""
    emoji = [reports.SIZE._replace(message="\U0001f600" * 2000) for _ in range(100)]
    comment = as_markdown(reports.report(reports.subject(*emoji)), limit=65_000)
    assert 60_000 < len(comment.encode()) <= 65_000


def test_ten_thousand_policy_files_are_cut_too() -> None:
    many = [
        reports.subject(reports.SEEDED, policy_file=f"policies/{i}.yaml") for i in range(10_000)
    ]
    comment = as_markdown(reports.report(*many))
    assert len(comment) <= 60_000
    assert "more policy files, 10000 more findings are in the job summary" in comment
    assert "`policies/1.yaml`" in comment
    assert ", 9995 more, `sha256:abababababab`" in comment


def test_an_advisory_error_is_among_the_problems() -> None:
    error = reports.finding(outcome=Outcome.ERROR, effect=Effect.WARN, message="it raised")
    comment = as_markdown(reports.report(reports.subject(error, verdict=Verdict.WARN)))
    assert "| 🛑 error, warns |" in comment.split("<details>")[0]
