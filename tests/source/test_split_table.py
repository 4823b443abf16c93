from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.source.foreign import json_table
from policy_engine.source.split_table import split_table

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text('ab"],[{}é'),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from("ab"), st.integers(0, 3)),
)


def table(names: list[str], rows: list[list[Any]]) -> dict[str, Any]:
    return {"columns": names, "data": rows}


@given(st.integers(1, 3).flatmap(lambda n: st.lists(st.lists(cells, min_size=n, max_size=n))))
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", " : ")])
def test_the_columns_are_those_of_the_json_value(
    separators: tuple[str, str], rows: list[list[Any]]
) -> None:
    names = ["a", "b", "c"][: len(rows[0]) if rows else 1]
    text = json.dumps(table(names, rows), separators=separators, ensure_ascii=False)
    expected = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else None
    assert split_table(text) == expected
    assert json_table(text) == table(names, rows)


@pytest.mark.parametrize("n", [4095, 4096, 4097, 8192, 10_000])
def test_many_rows_are_all_there(n: int) -> None:
    text = json.dumps(table(["row_id", "score"], [[i, i / 7] for i in range(n)]))
    assert split_table(text) == {
        "row_id": list(range(n)),
        "score": [i / 7 for i in range(n)],
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"columns":["a"]}',
        '{"columns":["a"],"data":[]}',
        '{"columns":["a"],"data":[[1]',
        '{"columns":["a"],"data":[[1]]',
        '{"columns":["a"],"data":[[1]]} x',
        '{"columns":["a"],"data":[[1]],"data":[[2]]}',
        '{"columns":["a"],"data":[[1],]}',
        '{"columns":["a"],"data":[[1],2]}',
        '{"columns":["a"],"data":[[1],[1,2]]}',
        '{"columns":["a","b"],"data":[[1],[2]]}',
        '{"columns":["a","a"],"data":[[1,2]]}',
        '{"columns":[1],"data":[[1]]}',
        '{"columns":["a"],"index":[0],"data":[[1]]}',
        '{"data":[[1]],"columns":["a"]}',
        '{"columns":["a"],"data":[[{"k":1,"k":2}]]}',
        '{"columns":["a"],"data":[["\\ud800"]]}',
        '{"columns":["a"],"data":[[nul]]}',
        '{"columns":["a"],"data":' + "[" * 100_000,
    ],
)
def test_whatever_else_it_is_is_left_to_who_says_what_is_wrong(text: str) -> None:
    assert split_table(text) is None
