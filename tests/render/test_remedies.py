from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.policy import Outcome
from policy_engine.render.formats.html import as_html
from policy_engine.render.formats.markdown import as_markdown
from policy_engine.render.remedies import steps
from policy_engine.report import Effect
from tests.render import reports

REMEDY = "log the rows (x; y) of both; train again; or remove the policy"


@pytest.mark.parametrize(
    ("remedy", "parts"),
    [
        ("", [""]),
        ("train again", ["train again"]),
        (REMEDY, ["log the rows (x; y) of both", "train again", "or remove the policy"]),
        ('say "a; b" first; then c', ['say "a; b" first', "then c"]),
        ("an open (bracket; holds all", ["an open (bracket; holds all"]),
        ("a; b; c; d; e; f; g", ["a", "b", "c", "d", "e", "f; g"]),
    ],
)
def test_a_remedy_is_split_where_nothing_is_open(remedy: str, parts: list[str]) -> None:
    assert steps(remedy) == parts


@given(st.text('ab;() "`[]'))
def test_no_word_of_a_remedy_is_lost(remedy: str) -> None:
    assert "; ".join(steps(remedy)) == remedy


def test_what_blocks_has_its_remedy_as_a_list_after_what_to_do_first() -> None:
    report = reports.report(reports.subject(reports.SIZE._replace(remedy=REMEDY)))
    others = "<ul><li>train again</li><li>or remove the policy</li></ul>"
    first = "<b>Fix:</b> log the rows (x; y) of both"
    assert f"<br>{first}{others}<details>" in as_markdown(report)
    assert f"<p>{first}</p>{others}" in as_html(report)


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE])
def test_what_only_warns_says_first_what_to_do_first_and_folds_the_rest(outcome: Outcome) -> None:
    warns = reports.SIZE._replace(remedy=REMEDY, effect=Effect.WARN, outcome=outcome)
    first = "<b>Fix:</b> log the rows (x; y) of both"
    alone = as_markdown(reports.report(reports.subject(warns))).split("<details>")[0]
    assert alone.endswith(f"<br>{first}<ul><li>train again</li><li>or remove the policy</li></ul>")
    blocks = reports.SIZE._replace(id="other", remedy=None)
    beside = as_markdown(reports.report(reports.subject(blocks, warns)))
    shown, folded = beside.split("waivers.yaml", 1)[1].split("<details>")[:2]
    assert shown.endswith(f"<br>{first}")
    assert f"<summary>numbers and rule</summary>{first}; train again; or remove" in folded
