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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from policy_engine.training.data_tokens import column_tokens

VERSION = 1
BATCH_CELLS = 1 << 20
"""Cells that are turned into tokens at a time, to bound the memory."""


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
            f"expected a pandas frame or a numpy array, got {type(data).__name__}; "
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
        tokens = [column_tokens(name, values[start:stop]) for name, values in columns]
        for row in zip(*tokens, strict=True):
            yield hashlib.sha256(b"".join(row)).digest()
