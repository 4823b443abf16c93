from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.quantities import (
    MEASURES,
    Margin,
    Money,
    Rate,
    divide,
    exact,
    listed,
    parse_bytes,
    parse_duration,
    parse_margin,
    parse_money,
    parse_percent,
    parse_rate,
    show,
    show_both,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_BY_SIZE = sorted(MEASURES["s"], key=lambda unit: MEASURES["s"][unit].factor)
TIMES = listed(_BY_SIZE, "or")
"""ms, s, min and so on: a new unit changes no test."""
PARSERS = [parse_bytes, parse_percent, parse_duration, parse_money, parse_rate, parse_margin]
amounts = st.decimals(-(10**9), 10**9, places=4)
units = st.sampled_from(["", "B", "s", "%", "pt", "USD", "USD/pt", "val_f1"])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("200MB", 200_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("512 kB", 512_000),
        ("512KB", 512_000),
        ("1KiB", 1024),
        ("3TB", 3 * 10**12),
        ("7B", 7),
        (" 2e3 B ", 2000),
        ("0B", 0),
        ("1.1GiB", 1_181_116_006),
        ("0.5B", 0),
    ],
)
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("50ms", "0.05"),
        ("30s", "30"),
        ("10min", "600"),
        ("2h", "7200"),
        ("90d", "7776000"),
        ("1w", "604800"),
        ("0s", "0"),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: str) -> None:
    assert parse_duration(text) == Decimal(seconds)


@pytest.mark.parametrize(
    ("text", "fraction"), [("10%", "0.1"), ("-5 %", "-0.05"), ("0.1%", "0.001"), ("150%", "1.5")]
)
def test_a_percentage_is_read_as_a_fraction(text: str, fraction: str) -> None:
    assert parse_percent(text) == Decimal(fraction)


def test_money_and_prices_keep_their_currency() -> None:
    assert parse_money("50 USD") == Money(Decimal(50), "USD")
    assert parse_rate("0.50 USD/h") == Rate(Decimal("0.50"), "USD")
    assert str(parse_money("50EUR")) == "50.00 EUR"
    assert str(parse_rate("0.50 USD/h")) == "0.50 USD/h"


def test_a_distance_is_in_points_or_in_the_metrics_units() -> None:
    assert parse_margin("2pt") == Margin(Decimal(2), in_points=True)
    assert parse_margin(0.1) == Margin(Decimal("0.1"), in_points=False)
    assert [str(parse_margin(m)) for m in ("2pt", 0.1)] == ["2 pt", "0.1"]


@pytest.mark.parametrize("value", [Money(Decimal(1), "USD")])
def test_what_was_read_already_stays_as_it_is(value: Money) -> None:
    assert parse_money(value) is value


@pytest.mark.parametrize(
    ("parse", "value", "message"),
    [
        (parse_bytes, 200, "expected a size such as 200MB, got 200"),
        (parse_bytes, "200", "'200' has no known unit of size; write it like 200MB or 1.5GiB"),
        (parse_bytes, "200mb", "'200mb' has no known unit of size; write it like 200MB or 1.5GiB"),
        (parse_bytes, "-1B", "'-1B' is negative"),
        (parse_percent, "10", "'10' has no percent sign; write it like 10%"),
        (parse_percent, 0.1, "expected a percentage such as 10%, got 0.1"),
        (parse_duration, "30", f"'30' has no known unit of time; write {TIMES}"),
        (parse_duration, "-1s", "'-1s' is negative"),
        (parse_money, "50", "'50' has no currency; write it like 50 USD"),
        (parse_money, "50 usd", "'50 usd' has no currency; write it like 50 USD"),
        (parse_money, "-5 USD", "'-5 USD' is negative"),
        (parse_rate, "1 USD", "'1 USD' is not a price of an hour; write it like 0.50 USD/h"),
        (parse_rate, "1 USD/d", "'1 USD/d' is not a price of an hour; write it like 0.50 USD/h"),
        (parse_rate, "-1 USD/h", "'-1 USD/h' is negative"),
        (
            parse_margin,
            "2%",
            "'2%' is not a distance; write 2pt, or a bare number in the metric's units",
        ),
        (parse_margin, "-2pt", "'-2pt' is negative"),
        (parse_margin, -0.1, "-0.1 is negative"),
        (parse_margin, True, "expected a number, got the boolean true"),
        (exact, "0.9", "expected a number, got '0.9'"),
        (exact, None, "expected a number, got None"),
        (exact, False, "expected a number, got the boolean false"),
        (exact, float("nan"), "expected a finite number, got nan"),
        (exact, float("inf"), "expected a finite number, got inf"),
        (exact, Decimal("NaN"), "expected a finite number, got NaN"),
    ],
)
def test_what_states_no_unit_or_no_number_is_refused_in_a_sentence(
    parse: Callable[[object], object], value: object, message: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is asserted)
        parse(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("parse", "unit"),
    [(parse_bytes, "TB"), (parse_duration, "w"), (parse_money, "USD"), (parse_rate, "USD/h")],
)
def test_a_number_beyond_all_measure_is_refused_like_any_other(
    parse: Callable[[object], object], unit: str
) -> None:
    """A decimal that overflows raises no ValueError, and that is all that pydantic understands."""
    with pytest.raises(ValueError):  # noqa: PT011 (which sentence, depends on the unit)
        parse("1e99999999999999999999" + unit)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "value", [None, True, [], {}, "", "nan", "inf USD", "1,5 MB", "MB", "--1s"]
)
def test_nonsense_is_refused_whatever_is_due(
    parse: Callable[[object], object], value: object
) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        parse(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_decimal_that_was_written(value: float) -> None:
    assert str(exact(value)) == str(Decimal(repr(value)))
    assert float(exact(value)) == value


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e308, 1e308))
def test_exact_keeps_the_order_of_floats(one: float, other: float) -> None:
    assert (one < other) == (exact(one) < exact(other))


def test_a_quotient_does_not_depend_on_the_processs_context() -> None:
    with localcontext(Context(prec=2)):
        assert str(divide(Decimal(1), Decimal(3))) == "0." + "3" * 28


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (253_000_000, "B", "253.0 MB"),
        (999, "B", "999 B"),
        (1_500, "B", "1.5 kB"),
        (2_500_000_000, "B", "2.5 GB"),
        (0, "B", "0 B"),
        (0.05, "s", "50 ms"),
        (90, "s", "90 s"),
        (600, "s", "10 min"),
        (7200, "s", "2 h"),
        (7_776_000, "s", "90 d"),
        (0, "s", "0 s"),
        (0.1, "%", "10%"),
        (2, "pt", "2.00 pt"),
        (4.5, "USD/pt", "4.50 USD/pt"),
        (0.0001, "USD", "0.00010 USD"),
        (0.912345, "", "0.9123"),
        (123_456, "", "123456"),
        (0.9, "rows", "0.9 rows"),
        (1e-10, "", "0.0000000001"),
        (-0.5, "", "-0.5"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value: float, unit: str, text: str) -> None:
    assert show(value, unit) == text


@pytest.mark.parametrize("value", [1e300, -1e300, 5e-324])
def test_a_number_of_hundreds_of_digits_is_shown_short(value: float) -> None:
    assert len(show(value, "")) < 20


def test_two_sizes_a_byte_apart_do_not_look_alike() -> None:
    assert show(200_000_001, "B", apart_from=200_000_000) == "200.000001 MB"
    assert show(200_000_000, "B", apart_from=200_000_001) == "200.000000 MB"


nearby = st.sampled_from(["0", "1e-9", "0.00001", "0.04", "1", "60", "1000"]).map(Decimal)


@given(amounts, amounts | nearby, units, st.booleans())
def test_two_values_shown_together_are_each_shown_apart_from_the_other(
    one: Decimal, step: Decimal, unit: str, is_near: bool
) -> None:
    other = one + step if is_near else step
    assert show_both(one, other, unit) == (show(one, unit, other), show(other, unit, one))


@given(one=amounts, other=amounts, unit=units)
def test_two_different_values_never_look_alike(one: Decimal, other: Decimal, unit: str) -> None:
    if one != other:
        assert show(one, unit, apart_from=other) != show(other, unit, apart_from=one)
