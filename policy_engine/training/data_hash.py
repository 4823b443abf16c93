r"""A canonical SHA-256 of data: the same rows and columns give the same hash, anywhere.

It does not depend on the process, on the versions of pandas and numpy, on the order of rows or of
named columns, on a frame's index, nor on how wide a number is stored. It depends on every cell, on
how often a row occurs, and on the names of the columns.

The order of rows is left out on purpose: a shuffled extract is the same data, and a training set
that comes back shuffled as evaluation data must be known again.

**Definition.** A row is the tokens of its cells, columns in the order of their names, as bytes:

| cell | token |
|---|---|
| null (None, NaN, NaT, NA) | `00` |
| a number that a double holds | `01`, the double (8 bytes, little-endian; -0 is 0) |
| a longer whole number | `02`, length, decimal digits |
| text | `03`, length, UTF-8 |
| bytes | `04`, length, bytes |
| a date or time | `05`, length, `2026-01-31T08:00:00.5` (UTC, no trailing zeros; no zone is UTC) |
| a time span | `06`, length, nanoseconds in decimal digits |
| another decimal | `07`, length, its normal form |
| a list, tuple or array | `08`, count, the tokens |
| a mapping | `09`, count, the tokens of keys and values, by key |

Lengths and counts are 8 bytes, little-endian. So 1, 1.0 and True are one number, and the text "1"
is another cell. The hash is SHA-256 of the header (JSON: version, sorted column names, and the
shape of a row where an array has more than two axes), a newline, and the SHA-256 digests of all
rows in ascending order. An array's columns are called "0", "1", …, as pandas would; one with more
than two axes has the one column "0", whose cells are lists in C order. Separate targets are called
"target" ("target/0", … with several a row).
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

VERSION = 1
BATCH_CELLS = 1 << 20
"""Cells that are turned into tokens at a time, to bound the memory."""
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


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of some data, each as its SHA-256.

    Attributes:
        header: Version, column names and shape, as canonical JSON.
        digests: One digest a row (32 bytes), in the order of the data.
    """

    header: str
    digests: tuple[bytes, ...]

    def sha256(self) -> str:
        """Return the hash of all rows, whatever their order, as 64 hexadecimal digits."""
        whole = hashlib.sha256(self.header.encode() + b"\n")
        for digest in sorted(self.digests):
            whole.update(digest)
        return whole.hexdigest()


def rows_of(data: Any, targets: Any = None) -> Rows:
    """Return the rows of data, with the targets as further columns.

    Args:
        data: A pandas frame or series, or a numpy array whose first axis is the rows.
        targets: An array, series or list with one entry a row; None for none.

    Raises:
        TypeError: If the data is neither of these, or a cell has no canonical form.
        ValueError: If there is another number of targets than of rows.
    """
    columns, shape = _columns(data)
    if targets is not None:
        further, _ = _columns(_array(targets))
        one = len(further) == 1
        columns += [("target" if one else f"target/{name}", values) for name, values in further]
    columns.sort(key=lambda column: column[0])
    header: dict[str, Any] = {"version": VERSION, "columns": [name for name, _ in columns]}
    if shape:
        header["shape"] = shape
    counts = {len(values) for _, values in columns}
    if len(counts) > 1:
        raise ValueError("there is another number of targets than of rows")
    return Rows(
        json.dumps(header, ensure_ascii=True, sort_keys=True, separators=(",", ":")),
        tuple(_digests(columns, max(counts, default=0))),
    )


def _array(values: Any) -> Any:
    import numpy as np  # noqa: PLC0415 (training code has it; this module loads without)

    return values if hasattr(values, "iloc") else np.asarray(values)


def _columns(data: Any) -> tuple[list[tuple[str, Any]], list[int]]:
    """Return names and columns, and the shape of a row where it has more than one axis."""
    import numpy as np  # noqa: PLC0415

    if hasattr(data, "iloc") and hasattr(data, "to_numpy"):  # pandas, without importing it
        if data.ndim == 1:
            return [(_name(0 if data.name is None else data.name), _values(data))], []
        named = enumerate(data.columns)
        return [(_name(label), _values(data.iloc[:, place])) for place, label in named], []
    if not isinstance(data, np.ndarray) or data.ndim == 0:
        raise TypeError(
            f"a pandas frame or a numpy array is due, not {type(data).__name__}; "
            "convert it, such as with to_pandas() or numpy.asarray()"
        )
    if data.dtype.names is not None:
        return [(name, data[name]) for name in data.dtype.names], []
    if data.ndim > 2:  # noqa: PLR2004 (rows, columns)
        return [("0", data.reshape(len(data), math.prod(data.shape[1:])))], list(data.shape[1:])
    flat = data.reshape(len(data), math.prod(data.shape[1:]))
    return [(str(place), flat[:, place]) for place in range(flat.shape[1])], []


def _name(label: Any) -> str:
    """Return a column's label as text; the levels of a label of several are joined by `/`."""
    return "/".join(map(str, label)) if isinstance(label, tuple) else str(label)


def _values(series: Any) -> Any:
    """Return a column as a numpy array; what numpy has no type for becomes objects."""
    import numpy as np  # noqa: PLC0415

    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    if getattr(series.dtype, "tz", None) is not None:
        return series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return series.astype(object).to_numpy()


def _digests(columns: Sequence[tuple[str, Any]], count: int) -> Iterator[bytes]:
    """Yield the SHA-256 of each row."""
    size = max(1, BATCH_CELLS // max(1, len(columns)))
    for start in range(0, count, size):
        stop = min(start + size, count)
        tokens = [_tokens(name, values[start:stop]) for name, values in columns]
        for row in zip(*tokens, strict=True):
            yield hashlib.sha256(b"".join(row)).digest()


def _tokens(name: str, values: Any) -> Sequence[bytes]:
    """Return the tokens of a column; the kinds that numpy knows all at once."""
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
        return _sequence(list(_tokens("0", values)))
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
    """Yield time spans in whole nanoseconds, of any length; None for what is no time."""
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
    (token,) = _tokens("0", value.reshape(1))
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
