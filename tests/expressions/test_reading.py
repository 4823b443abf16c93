"""What is not a condition: said before any evidence is read, with the place."""

from __future__ import annotations

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.expressions import Condition, ExpressionError, compiled
from policy_engine.expressions.checking import DEEPEST_MACRO, LONGEST_PATTERN
from policy_engine.expressions.syntax import DEEPEST, MOST_SIGNS
from policy_engine.expressions.tokens import LONGEST

_F1 = "candidate.metrics.f1"
MISTAKES = {
    f"{_F1} = 0.9": "character 22: '=' alone means nothing; write '=='",
    f"{_F1} > 0.9 &&": "character 30: expected a value, got the end",
    f"({_F1} > 0.9": "character 28: expected ')', got the end",
    f"{_F1} > 0.9)": "character 27: expected the end, got ')'",
    "'open": "character 1: a text begins here and does not end on its line",
    '"\\q" == "q"': "character 1: '\\q' is not read in a text; write a raw text: r'…'",
    "1 # 2": "character 3: the character '#' is not read here",
    "{1: 2}": "character 1: maps are not read; name what you compare",
    "99999999999999999999 > 1": (
        "character 1: 99999999999999999999 is too large for a whole number; "
        "write 99999999999999999999.0"
    ),
    "null == 1": "character 1: nothing is null here: ask `has(…)` whether it is there",
    "for == 1": "character 1: 'for' is a word of CEL",
    "candidat.metrics.f1 > 0.5": (
        "character 1: nothing is called 'candidat'; did you mean 'candidate'?"
    ),
    "candidate.metricss.f1 > 0.5": "character 11: a run has no 'metricss'; did you mean 'metrics'?",
    "has(candidate.metricss.f1)": "character 15: a run has no 'metricss'; did you mean 'metrics'?",
    "history.all(h, !has(h.metric.f1))": (
        "character 23: an earlier run has no 'metric'; did you mean 'metrics'?"
    ),
    "history.all(h, h.model.size > 1.0)": (
        "character 18: an earlier run has no 'model'; known here: run_id, run_name, experiment, "
        "status, duration_s, metrics, params, tags"
    ),
    "change.labelz.exists(l, l == 'x')": (
        "character 8: the pull request has no 'labelz'; did you mean 'labels'?"
    ),
    _F1: "expected a condition, which is true or false, got a number",
    "candidate": (
        "character 1: a run is not a value; name a member: run_id, run_name, experiment, status, "
        "duration_s, metrics, params, tags, model"
    ),
    "candidate.params.depth > 3": (
        "character 24: a text cannot be compared with a whole number; parameters and tags are "
        "texts: write double(…)"
    ),
    'candidate.params.depth == 3.0 || "a" == "a"': (
        "character 24: a text cannot be compared with a number; parameters and tags are texts: "
        "write double(…)"
    ),
    "candidate.params.depth in [3, 4]": (
        "character 24: a text cannot be compared with a whole number; parameters and tags are "
        "texts: write double(…)"
    ),
    "true < false": "character 1: expected a number or a text, got true or false",
    f"{_F1} && true": "character 19: expected a condition, got a number",
    f"!{_F1}": "character 20: expected a condition, got a number",
    f"true ? {_F1} > 0.5 : {_F1}": (
        "character 55: '? :' gives true or false or a number; both must be alike"
    ),
    "candidate.duration_s / 60 < 5.0": (
        "character 24: CEL does not calculate with numbers of two kinds; write 60.0"
    ),
    f"{_F1} / baseline.metrics.f1 > 1.1": (
        "character 41: a divisor is a number of the text, and not 0; multiply the other side "
        "instead: `a >= 1.1 * b`, not `a / b >= 1.1`"
    ),
    f"{_F1} / 0.0 > 1.1": (
        "character 24: a divisor is a number of the text, and not 0; multiply the other side "
        "instead: `a >= 1.1 * b`, not `a / b >= 1.1`"
    ),
    "5.0 % 2.0 == 1.0": "character 5: '%' is of whole numbers",
    "-'a' == 'b'": "character 2: expected a number, got a text",
    "[] == []": "character 1: the list is empty",
    "'a' in ['a', 1]": "character 14: a list of a text and of a whole number",
    "1 in candidate.tags": "character 1: expected a name, got a whole number",
    "'a' in candidate.run_name": "character 18: 'in' asks of a list or a map, not of a text",
    "candidate.run_name[0] == 'a'": "character 19: a text has no entries",
    "history['a'].metrics.f1 > 0.5": "character 9: a list has no members such as 'a'",
    "size(candidate.run_name) > 3": (
        "character 16: size() counts what a list or a map holds, not a text"
    ),
    "candidate.run_name.lower() == 'x'": (
        "character 20: there is no function 'lower'; known here: contains, endsWith, matches, "
        "startsWith, double, int, string, size, has, all, exists, exists_one, filter"
    ),
    "history.map(h, h.metrics.f1)": (
        "character 9: there is no function 'map'; known here: contains, endsWith, matches, "
        "startsWith, double, int, string, size, has, all, exists, exists_one, filter"
    ),
    'has(candidate.metrics["val-f1"])': (
        "character 23: has() asks for a member behind a dot, has(candidate.metrics.auc); of any "
        'other name ask "a-name" in candidate.metrics'
    ),
    "candidate.has(x)": "character 11: write it in front: has(…)",
    "all(history, h, true)": "character 1: write it behind a value: ….all(…)",
    "history.all(h)": "character 9: write it like history.all(run, run.metrics.auc > 0.5)",
    "history.all(1, true)": "character 13: a name for each entry is needed here",
    "history.all(candidate, true)": "character 13: 'candidate' means something already",
    "history.all(h, history.exists(h, true))": "character 31: 'h' means something already",
    "candidate.run_name.all(c, true)": (
        "character 20: 'all' goes over a list or a map, not a text"
    ),
    'candidate.run_name.matches("[")': (
        "character 28: '[' is not a pattern that RE2 reads: missing ]: ["
    ),
    "candidate.run_name.matches(candidate.tags.pattern)": (
        "character 43: a pattern stands in the expression itself, 100 characters at most"
    ),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_text_that_is_no_condition_says_where_and_why(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compiled(text)
    assert str(caught.value) == MISTAKES[text]


def test_an_expression_is_bounded_in_length() -> None:
    fits = "true" + " && true" * ((LONGEST - 4) // 8)
    assert len(fits) <= LONGEST
    assert isinstance(compiled(fits), Condition)
    with pytest.raises(ExpressionError) as caught:
        compiled(f"{fits} && true")
    assert str(caught.value) == "an expression of 1004 characters; 1000 are allowed"


@pytest.mark.parametrize("one", ["({})", "!{}", "size([{}]) > 0", "true ? true : {}"])
def test_an_expression_is_bounded_in_depth(one: str) -> None:
    text = "true"
    for _ in range(DEEPEST):
        text = one.replace("{}", text)
    with pytest.raises(ExpressionError, match=f"nested deeper than {DEEPEST} levels"):
        compiled(text)


def test_no_more_than_two_macros_stand_within_one_another() -> None:
    assert DEEPEST_MACRO == 2
    compiled("history.all(a, history.all(b, a.run_id == b.run_id))")
    with pytest.raises(ExpressionError) as caught:
        compiled("history.all(a, history.all(b, history.all(c, true)))")
    assert str(caught.value) == "character 39: more than 2 macros within one another"


def test_a_pattern_is_bounded_in_length() -> None:
    compiled(f"candidate.run_name.matches('{'a' * LONGEST_PATTERN}')")
    with pytest.raises(ExpressionError, match="100 characters at most"):
        compiled(f"candidate.run_name.matches('{'a' * (LONGEST_PATTERN + 1)}')")


@pytest.mark.parametrize("row", ["+1", ".a", "[0]", " < 1"])
def test_an_expression_is_bounded_in_signs(row: str) -> None:
    """Each is a level of the tree, which Python goes through by recursion."""
    with pytest.raises(ExpressionError, match=f"more than {MOST_SIGNS} signs"):
        compiled(f"1{row * (MOST_SIGNS + 1)}")
    compiled(f"1{'+1' * (MOST_SIGNS - 1)} > 0")


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ("candidate.metrics.f1 > 0.5", ()),
        ("candidate.model.size < 9.0", ("model",)),
        ("candidate.metrics.f1 > baseline.metrics.f1", ("baseline",)),
        ("baseline.model.size < 9.0", ("baseline", "model")),
        ("size(history) > 3", ("history",)),
        ('"hotfix" in change.labels', ("change",)),
        ('"history" in candidate.tags', ()),
    ],
)
def test_only_what_an_expression_names_is_read(text: str, needs: tuple[str, ...]) -> None:
    assert compiled(text).needs.names == needs


def test_an_expression_is_compiled_once() -> None:
    assert compiled("candidate.metrics.f1 > 0.25") is compiled("candidate.metrics.f1 > 0.25")


@given(st.text(alphabet="()[]!&|.,'\"ab1<= ?:-+*/in", max_size=60))
def test_whatever_our_reader_takes_a_cel_library_takes_too(text: str) -> None:
    try:
        condition = compiled(text)
    except ExpressionError:
        return
    assert cel.compile(text).variables() == []
    assert condition.reads == ()
