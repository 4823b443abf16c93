"""The cells of a column as bytes, by the table in `policy_engine.training.data_hash`."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

EXACT = 1 << 53
"""Whole numbers up to here are all doubles."""

_NULL = b"\x00"
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "D": 86400 * 10**9,
    "W": 604800 * 10**9,
}


def column_tokens(name: str, values: Any) -> Sequence[bytes]:
    """Return the tokens of a column's cells; the kinds that numpy knows all at once.

    Args:
        name: The column's name, for the error.
        values: A numpy array; with two axes, each of its rows is one cell.

    Raises:
        TypeError: If a cell is of a type that has no canonical form; names the type alone.
    """
    try:
        if values.ndim > 1:
            return [_array_token(row) for row in values]
        if _is_number(values):
            return _numbers(values)
        if values.dtype.kind == "M":
            return _moments(values)
        if values.dtype.kind == "m":
            return [_NULL if v is None else _sized(6, b"%d" % v) for v in _nanoseconds(values)]
        return [_token(value) for value in values.tolist()]
    except _NoFormError as e:
        raise TypeError(
            f"column {name} holds a {e}, which has no canonical form; turn it into text or numbers"
        ) from None


def _is_number(values: Any) -> bool:
    """Say whether all cells are doubles without loss."""
    kind: str = values.dtype.kind
    if kind in "iu":
        return not values.size or _fits(values)
    return kind == "b" or (kind == "f" and int(values.dtype.itemsize) <= 8)  # noqa: PLR2004 (bytes of a double)


def _array_token(values: Any) -> bytes:
    """Return the token of a list of cells; numbers without nulls at once."""
    import numpy as np  # noqa: PLC0415

    if not (_is_number(values) and not np.isnan(values).any()):
        return _sequence(list(column_tokens("0", values)))
    return _sequence([_cells(values).tobytes()], values.size)


def _fits(values: Any) -> bool:
    return int(values.min()) >= -EXACT and int(values.max()) <= EXACT


def _cells(values: Any) -> Any:
    """Return numbers as an array of tokens, those of NaN not yet replaced."""
    import numpy as np  # noqa: PLC0415

    cells = np.zeros(values.shape, dtype=[("tag", "u1"), ("double", "<f8")])
    cells["tag"] = 1
    cells["double"] = values
    cells["double"] += 0.0  # -0 becomes 0
    return cells


def _numbers(values: Any) -> list[bytes]:
    import numpy as np  # noqa: PLC0415

    cells = _cells(values)
    whole = cells.tobytes()
    tokens = [whole[i : i + 9] for i in range(0, len(whole), 9)]
    for place in np.flatnonzero(np.isnan(cells["double"])):
        tokens[place] = _NULL
    return tokens


def _moments(values: Any) -> list[bytes]:
    import numpy as np  # noqa: PLC0415

    if np.datetime_data(values.dtype)[0] in {"Y", "M", "W", "D", "h", "m", "generic"}:
        values = values.astype("datetime64[s]")
    texts = np.datetime_as_string(values).tolist()
    return [_NULL if text == "NaT" else _sized(5, _trimmed(text)) for text in texts]


def _nanoseconds(values: Any) -> Iterator[int | None]:
    """Yield time spans in whole nanoseconds, of any length; None for what is not a time."""
    import numpy as np  # noqa: PLC0415

    unit, step = np.datetime_data(values.dtype)
    if unit not in _NANOSECONDS:
        raise _NoFormError(f"time span in {unit}")
    factor = _NANOSECONDS[unit] * step
    counts = values.astype("int64").tolist()
    for count, is_null in zip(counts, np.isnat(values).tolist(), strict=True):
        yield None if is_null else count * factor


class _NoFormError(Exception):
    """A value of a type that the definition does not name; says the type, never the value."""


def _token(value: Any) -> bytes:
    """Return the token of one value."""
    for kinds, token in _TOKENS:
        if isinstance(value, kinds):
            return token(value)
    return _other(value)


def _other(value: Any) -> bytes:
    """Return the token of a value of numpy or pandas, by what it says it is."""
    if type(value).__name__ == "NAType":
        return _NULL
    if not (hasattr(value, "dtype") and hasattr(value, "reshape")):
        raise _NoFormError(type(value).__name__)
    if value.ndim > 0:
        return _array_token(value.reshape(-1))
    if value.dtype.kind not in "biufMmO":
        raise _NoFormError(type(value).__name__)
    (token,) = column_tokens("0", value.reshape(1))
    return token


def _number(value: float) -> bytes:
    if value != value:  # noqa: PLR0124 (NaN is not itself)
        return _NULL
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if isinstance(value, int) and double != value:
        return _sized(2, b"%d" % value)
    return b"\x01" + struct.pack("<d", double + 0.0)


def _decimal(value: Decimal) -> bytes:
    if value.is_nan():
        return _NULL
    if not value.is_finite() or Decimal(float(value)) == value:
        return _number(float(value))
    if value == value.to_integral_value():
        return _number(int(value))
    return _sized(7, str(value.normalize()).encode())


def _moment(value: datetime) -> bytes:
    if type(value).__name__ == "NaTType":  # pandas' "no time" is a datetime
        return _NULL
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return _sized(5, _trimmed(value.isoformat()))


def _span(value: timedelta) -> bytes:
    whole = value // timedelta(microseconds=1) * 1000 + getattr(value, "nanoseconds", 0)
    return _sized(6, str(whole).encode())


def _sequence(tokens: Sequence[bytes], count: int | None = None) -> bytes:
    return b"\x08" + struct.pack("<q", len(tokens) if count is None else count) + b"".join(tokens)


def _mapping(values: Mapping[Any, Any]) -> bytes:
    pairs = sorted((_token(key), _token(value)) for key, value in values.items())
    return b"\x09" + struct.pack("<q", len(pairs)) + b"".join(k + v for k, v in pairs)


def _trimmed(text: str) -> bytes:
    return (text.rstrip("0").rstrip(".") if "." in text else text).encode()


def _sized(tag: int, content: bytes) -> bytes:
    return struct.pack("<Bq", tag, len(content)) + content


_TOKENS: tuple[tuple[tuple[type, ...], Callable[[Any], bytes]], ...] = (
    ((type(None),), lambda _: _NULL),
    ((str,), lambda value: _sized(3, value.encode("utf-8", "surrogatepass"))),
    ((int, float), _number),
    ((bytes, bytearray), lambda value: _sized(4, bytes(value))),
    ((Decimal,), _decimal),
    ((datetime,), _moment),
    ((date,), lambda value: _sized(5, f"{value.isoformat()}T00:00:00".encode())),
    ((timedelta,), _span),
    ((list, tuple), lambda value: _sequence([_token(each) for each in value])),
    ((dict,), _mapping),
)
"""By type; `bool` is an int, pandas' timestamp a datetime."""
