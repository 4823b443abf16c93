"""Our evaluator gives what a CEL library gives: the same value, or both none."""

from __future__ import annotations

from typing import Any

import cel
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from policy_engine.evidence import Case
from policy_engine.evidence.record import ChangeRecord, VersionRecord
from policy_engine.expressions import compiled
from policy_engine.expressions.checking import Checker
from policy_engine.expressions.evaluating import NOT_COMPUTED, Builder, Evaluation
from policy_engine.expressions.syntax import parse_expression
from policy_engine.expressions.values import values
from policy_engine.testing import case, model, run

_NAMES = ("x", "y", "depth", "x-1")
_TEXTS = (
    "",
    "a",
    "eu",
    "night.1",
    "é",
    "3",
    "-2.5",
    "1e3",
    "1_0",
    " 1",
    ".5",
    "+7",
    "\u0661",
    "0x1",
)
_PATTERNS = ("^n", "t.1$", "[a-c]", "a|(?i)EU", "", "(x+x+)+y", "\\\\d{1,3}", "^$", "\\\\.")
_ENTRIES = ("one", "two")

doubles = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 0.5, 1.0, 3.0, 1e21, 1e-7, 1e200]),
    st.floats(-1e6, 1e6),
)
words = st.sampled_from(_TEXTS)
metrics = st.fixed_dictionaries({"x": doubles}, optional=dict.fromkeys(_NAMES[1:], doubles))
texts = st.fixed_dictionaries({"depth": words}, optional={"x": words, "x-1": words})
models = st.builds(
    model,
    st.sampled_from(_TEXTS[1:]),
    size=st.sampled_from(["1B", "250MB"]),
    flavors=st.lists(st.sampled_from(["sklearn", "a"]), unique=True).map(tuple),
    versions=st.sampled_from([(), (VersionRecord(name="eu", version="3"),)]),
)
runs = st.builds(
    run,
    run_name=st.sampled_from(_TEXTS),
    metrics=metrics,
    params=texts,
    tags=texts,
    model=st.none() | models,
)
changes = st.builds(
    ChangeRecord,
    pull_request=st.integers(1, 9),
    author=st.sampled_from(["ana", "eu"]),
    labels=st.lists(st.sampled_from(_TEXTS), max_size=3).map(tuple),
    paths=st.none() | st.lists(st.sampled_from(_TEXTS), max_size=3).map(tuple),
)


class _Written:
    """Draws the text of an expression of a kind."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._runs: list[str] = ["candidate", "baseline", "history[0]", "history[1]"]
        self._words: list[str] = []

    def _one(self, *ways: Any) -> str:
        return str(self._draw(st.sampled_from(ways))())

    def _of(self, choices: Any) -> str:
        return str(self._draw(st.sampled_from(list(choices))))

    def _map(self) -> str:
        return f"{self._of(self._runs)}.{self._of(['metrics', 'params', 'tags'])}"

    def truth(self, left: int) -> str:
        if left == 0:
            return self._one(
                lambda: self._of(["true", "false"]),
                lambda: f"has({self._map()}.{self._of(_NAMES[:3])})",
                lambda: f'("{self._of(_NAMES)}" in {self._map()})',
                lambda: "has(candidate.model)",
                lambda: "has(candidate.model.size)",
                lambda: "has(change.paths)",
            )
        less = left - 1
        return self._one(
            lambda: f"({self.truth(less)} && {self.truth(less)})",
            lambda: f"({self.truth(less)} || {self.truth(less)} || {self.truth(0)})",
            lambda: f"!({self.truth(less)})",
            lambda: f"({self.truth(0)} ? {self.truth(less)} : {self.truth(less)})",
            lambda: f"({self.number(less)} {self._sign()} {self.number(less)})",
            lambda: f"({self.whole(less)} {self._sign()} {self.number(less)})",
            lambda: f"({self.number(less)} {self._sign()} {self.whole(less)})",
            lambda: f"({self.word(less)} {self._sign()} {self.word(less)})",
            lambda: f"({self.word(less)} in {self.words(less)})",
            lambda: f"({self.number(less)} in [{self.number(0)}, {self.whole(0)}])",
            lambda: f"({self.words(less)} == {self.words(less)})",
            lambda: f"({self._map()} == {self._of(self._runs)}.tags)".replace("metrics", "params"),
            lambda: (
                f"{self.word(less)}.{self._of(['contains', 'startsWith', 'endsWith'])}"
                f"({self.word(less)})"
            ),
            lambda: f'{self.word(0)}.matches("{self._of(_PATTERNS)}")',
            lambda: self._macro(less),
            lambda: self._macro(less),
        )

    def _macro(self, left: int) -> str:
        if len(self._words) + len(self._runs) > 5:
            return self.truth(0)
        name = _ENTRIES[len(self._words) + len(self._runs) - 4]
        over, mine = self._draw(
            st.sampled_from([("history", self._runs), (self._map(), self._words)])
            if self._draw(st.booleans())
            else st.just((self.words(0), self._words))
        )
        mine.append(name)
        body = self.truth(left)
        mine.remove(name)
        macro = self._of(["all", "exists", "exists_one", "filter"])
        said = f"{over}.{macro}({name}, {body})"
        return f"(size({said}) > 1)" if macro == "filter" else said

    def _sign(self) -> str:
        return self._of(["==", "!=", "<", "<=", ">", ">="])

    def number(self, left: int) -> str:
        if left == 0:
            return self._one(
                lambda: self._of(["0.5", "1.0", "3e2", "0.1", "-2.0"]),
                lambda: f"{self._of(self._runs)}.metrics.{self._of(_NAMES[:3])}",
                lambda: f'{self._of(self._runs)}.metrics["{self._of(_NAMES)}"]',
                lambda: "candidate.duration_s",
                lambda: "candidate.model.size",
            )
        less = left - 1
        return self._one(
            lambda: f"({self.number(less)} {self._of('+-*')} {self.number(less)})",
            lambda: f"({self.number(less)} / 0.3)",
            lambda: f"(-{self.number(less)})",
            lambda: f"double({self.word(less)})",
            lambda: f"double({self.whole(less)})",
            lambda: f"({self.truth(0)} ? {self.number(less)} : {self.number(0)})",
            lambda: f"candidate.metrics[{self.word(less)}]",
        )

    def whole(self, left: int) -> str:
        if left == 0:
            return self._one(
                lambda: self._of(["0", "1", "7", "9223372036854775807"]),
                lambda: "size(history)",
                lambda: f"size({self._map()})",
                lambda: "change.pull_request",
                lambda: "size(candidate.model.flavors)",
            )
        less = left - 1
        return self._one(
            lambda: f"({self.whole(less)} {self._of('+-*')} {self.whole(less)})",
            lambda: f"({self.whole(less)} {self._of('/%')} {self._of('37')})",
            lambda: f"(-{self.whole(less)})",
            lambda: f"int({self.word(less)})",
            lambda: f"int({self.number(less)})",
        )

    def word(self, left: int) -> str:
        if left == 0:
            return self._one(
                lambda: f'"{self._of(_TEXTS)}"',
                lambda: self._of(self._words or ["change.author"]),
                lambda: f"{self._of(self._runs)}.{self._of(['params', 'tags'])}.depth",
                lambda: f"{self._of(self._runs)}.run_name",
                lambda: f"candidate.model.{self._of(['name', 'registered', 'version'])}",
            )
        less = left - 1
        return self._one(
            lambda: f"({self.word(less)} + {self.word(less)})",
            lambda: f"string({self.number(less)})",
            lambda: f"string({self.whole(less)})",
            lambda: f"candidate.tags[{self.word(less)}]",
            lambda: f"{self.words(less)}[{self._of('012')}]",
        )

    def words(self, left: int) -> str:
        if left == 0:
            return self._of(["change.labels", "change.paths", "candidate.model.flavors", '["a"]'])
        return f"[{self.word(left - 1)}, {self.word(0)}]"


@st.composite
def expressions(draw: st.DrawFn) -> str:
    return _Written(draw).truth(draw(st.integers(1, 3)))


cases = st.builds(
    lambda text, candidate, baseline, history, change: (
        text,
        case(
            compiled(text).needs,
            candidate=candidate,
            baseline=baseline,
            history=tuple(history),
            change=change,
        ),
    ),
    expressions().filter(lambda text: len(text) <= 1000),
    runs,
    runs,
    st.lists(runs, max_size=3),
    changes,
)


def _ours(text: str, found: dict[str, Any]) -> object:
    try:
        return Builder().value(parse_expression(text))(Evaluation(found))
    except NOT_COMPUTED:
        return None


def _theirs(text: str, found: dict[str, Any]) -> object:
    try:
        return cel.compile(text).execute(found)
    except (KeyError, IndexError, ValueError, RuntimeError, OverflowError):
        return None


_WIDEST = 9223372036854775807
_DOUBLES = (0.5, 2.9, -2.9, -2.5, 2.5, -0.0, 0.1, 1e21, 1e-7, 1e300, 123456789.25, 9.2e18, 9.3e18)
SMALL = (
    *(f'{convert}("{text}")' for convert in ("double", "int") for text in _TEXTS),
    *(f"{convert}({number!r})" for convert in ("string", "int") for number in _DOUBLES),
    *(f"({number}) {sign} 3" for number in range(-7, 8) for sign in "+-*/%"),
    *(f"({_WIDEST}) {sign}" for sign in ("+ 1", "- 1", "* 2", "/ 2", "% 2")),
    *(f"(-{_WIDEST}) {sign}" for sign in ("+ 1", "- 1", "- 2", "* 2")),
    *(f"[5, 6][{at}]" for at in (-2, -1, 0, 1, 2)),
    *(f"[1, 2, 3].exists_one(x, x > {least})" for least in range(5)),
    *(f"[1, 2, 3].filter(x, x > {least})" for least in range(5)),
    *(f"{one} in [{other}]" for one in ("1", "1.0") for other in ("1", "1.0", "2")),
)


@pytest.mark.parametrize("text", SMALL)
def test_each_sign_and_function_gives_what_a_cel_library_gives(text: str) -> None:
    ours, theirs = _ours(text, {}), _theirs(text, {})
    assert (type(ours), repr(ours)) == (type(theirs), repr(theirs))


def test_a_whole_number_never_wraps_around() -> None:
    """The library's does, of this one alone: CEL's specification says that it is an error."""
    text = f"-(-{_WIDEST} - 1)"
    assert (_ours(text, {}), _theirs(text, {})) == (None, -_WIDEST - 1)


@settings(max_examples=300, deadline=None)
@given(cases)
def test_our_evaluator_gives_what_a_cel_library_gives(drawn: tuple[str, Case]) -> None:
    text, asked = drawn
    checker = Checker()
    checker.condition(parse_expression(text))
    found = values(asked, checker.reads)
    theirs = _theirs(text, found)
    event(f"{theirs}")  # `--hypothesis-show-statistics`: half of them have no value
    assert _ours(text, found) == theirs
