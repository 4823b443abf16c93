"""The JSON Schema of a setting admits what the parser reads, and nothing else."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from policy_engine.quantities import (
    MEASURES,
    Bytes,
    Duration,
    HourlyPrice,
    Percent,
    Points,
    Price,
)
from policy_engine.quantities.syntax import (
    DISTANCE,
    DURATION,
    MONEY,
    PERCENTAGE,
    PRICE,
    SIZE,
)

WRITTEN = {
    "size": (Bytes, SIZE),
    "percentage": (Percent, PERCENTAGE),
    "duration": (Duration, DURATION),
    "money": (Price, MONEY),
    "price": (HourlyPrice, PRICE),
    "distance": (Points, DISTANCE),
}
_UNITS = [*(unit for units in MEASURES.values() for unit in units), "%", "pt", "USD", "USD/h"]

# Without line ends: Python's `$` admits one behind it, ECMA's, which JSON Schema means, does not.
characters = st.text("0123456789.eE+- BkKMGTimshdwptUSD/%µ\t\u00a0\u0661", max_size=12)
nearly = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", " ", "+", "-", "--"]),
        st.sampled_from(["", "1", "0", "1.", ".5", "1..2", "1e3", "1E-03", "1e1000", "1,5"]),
        st.sampled_from(["", " ", "   ", "\t"]),
        st.sampled_from(_UNITS) | st.sampled_from(["", "kiB", "mb", "sec", "usd", "USD/d", "B B"]),
        st.sampled_from(["", " ", "\u00a0", "x"]),
    ),
)
values = characters | nearly | st.integers() | st.floats(-10, 10) | st.booleans() | st.none()


@cache
def _adapter(kind: str) -> tuple[TypeAdapter[Any], Draft202012Validator]:
    adapter: TypeAdapter[Any] = TypeAdapter(WRITTEN[kind][0])
    return adapter, Draft202012Validator(adapter.json_schema())


def _parses(kind: str, value: object) -> bool:
    try:
        _adapter(kind)[0].validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("kind", WRITTEN)
@given(value=values)
def test_the_schema_admits_what_the_parser_reads(kind: str, value: object) -> None:
    assert _adapter(kind)[1].is_valid(value) is _parses(kind, value)


@pytest.mark.parametrize("kind", WRITTEN)
def test_it_does_so_for_each_unit(kind: str) -> None:
    numbers = ("1e3", "1.", ".5", "-0", "-1", "+1", "1..2", "1e1000", "")
    for number, unit in product(numbers, (*_UNITS, "kiB", "mb", "")):
        text = f"{number}{unit}"
        assert (text, _adapter(kind)[1].is_valid(text)) == (text, _parses(kind, text))


@pytest.mark.parametrize("kind", WRITTEN)
@given(data=st.data())
def test_the_parser_reads_all_that_the_pattern_means(kind: str, data: st.DataObject) -> None:
    assert _parses(kind, data.draw(st.from_regex(WRITTEN[kind][1].pattern, fullmatch=True)))
