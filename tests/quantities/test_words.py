from __future__ import annotations

import pytest

from policy_engine.quantities import count, did_you_mean, first_few, listed, nearest, plural


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (count(0, "run"), "0 runs"),
        (count(0, "run", none="no"), "no runs"),
        (count(1, "policy"), "1 policy"),
        (count(2, "policy"), "2 policies"),
        (count(2, "policy file"), "2 policy files"),
        (count(1234, "row"), "1,234 rows"),
        (count(1, "column or tensor", "columns or tensors"), "1 column or tensor"),
        (count(2, "column or tensor", "columns or tensors"), "2 columns or tensors"),
        (plural("plugin"), "plugins"),
        (plural("plugin", 1), "plugin"),
    ],
)
def test_what_is_counted_is_one_or_several(said: str, words: str) -> None:
    assert said == words


def test_a_list_is_read_aloud() -> None:
    assert [listed("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed("abc", "or") == "a, b or c"


def test_a_long_list_says_how_much_it_leaves_out() -> None:
    assert [first_few("abc"[:n], 2) for n in range(4)] == ["", "a", "a, b", "a, b and 1 more"]


def test_a_suggestion_is_a_known_word_like_the_one_that_was_written() -> None:
    assert did_you_mean("metricss", ["params", "metrics"]) == "did you mean 'metrics'?"
    assert did_you_mean("x", ["params", "metrics"]) is None
    assert nearest("val_f1", ["f1", "val_f2", "val_f10"], most=2, alike=0.5) == [
        "val_f10",
        "val_f2",
    ]
    assert nearest("a" * 10_000, ["b"]) == []
