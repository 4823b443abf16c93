"""How an input example differs from a signature. It names columns and kinds, never a value."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

_FRAMES = ("dataframe_split", "dataframe_records")
_ARRAYS = ("inputs", "instances")

_WHOLE = ("integer", "long")

Spec = Mapping[str, Any]


def differences(request: object, columns: list[Spec], params: Collection[str] = ()) -> list[str]:
    """Return how an example differs from a schema, a phrase for each difference.

    Args:
        request: A request as MLflow's scoring server takes it (`serving_input_example.json`).
        columns: The columns or tensors of the signature's inputs, as MLmodel says them.
        params: The names of the signature's parameters; a chat request holds them beside its keys.
    """
    if not isinstance(request, dict):
        return [f"it is {_kind(request)} and no object"]
    named = [column for column in columns if column.get("name") is not None]
    if len(named) == len(columns):
        return list(_named(request, named, params))
    return list(_unnamed(request, columns))


def _named(
    request: Mapping[str, Any], columns: list[Spec], params: Collection[str]
) -> Iterator[str]:
    table = _table(request, params)
    if table is None:
        yield "it holds no named columns, and the signature does"
        return
    for column in columns:
        name = str(column["name"])
        if name not in table:
            if column.get("required", True):
                yield f"column '{name}' is missing"
            continue
        values = table[name]
        why = _tensor(values, column) if _is_tensor(column) else _cells(values, column)
        is_one_list = not any(frame in request for frame in _FRAMES) and _is_list(values, column)
        if why and not is_one_list:
            yield f"column '{name}' {why}"
    known = {str(column["name"]) for column in columns}
    for name in table:
        if name not in known:
            yield f"column '{name}' is not in the signature"


def _unnamed(request: Mapping[str, Any], columns: list[Spec]) -> Iterator[str]:
    """Compare by position: a tensor, a single column, or columns that have only numbers."""
    value = _value(request)
    rows = _rows(value, only=columns[0] if len(columns) == 1 else None)
    if isinstance(value, dict):
        yield "its columns are named, and the signature's are not"
    elif rows is None:
        yield f"it is {_kind(value)} and no list"
    elif len(columns) == 1 and _is_tensor(columns[0]):
        why = _tensor(rows, columns[0])
        if why:
            yield f"it {why}"
    elif len(columns) == 1:
        flat = [row[0] if "dataframe_split" in request else row for row in rows]
        why = _cells(flat, columns[0])
        if why:
            yield f"it {why}"
    else:
        for position, column in enumerate(columns):
            cells = [row[position] for row in rows if position < len(row)]
            why = _cells(cells, column) if len(cells) == len(rows) else "is missing in a row"
            if why:
                yield f"column {position} {why}"
        if any(len(row) > len(columns) for row in rows):
            yield f"a row is longer than the {len(columns)} columns of the signature"


def _is_list(value: list[Any], column: Spec) -> bool:
    """Say whether a list is one value of a column of lists: a record may come without rows."""
    return column.get("type") == "array" and _fits(value, column)


def _table(request: Mapping[str, Any], params: Collection[str]) -> dict[str, list[Any]] | None:
    """Return the example by column; None if it has no names."""
    split, records = (request.get(key) for key in _FRAMES)
    if isinstance(split, dict):
        rows = [row for row in split.get("data") or () if isinstance(row, list)]
        names = _column_names(split, rows)
        return {name: [r[i] for r in rows if i < len(r)] for i, name in enumerate(names)}
    if isinstance(records, list):
        return _by_column(records)
    for key in _ARRAYS:
        if key in request:
            value = request[key]
            if isinstance(value, dict):
                return {str(k): v if isinstance(v, list) else [v] for k, v in value.items()}
            return _by_column(value) if isinstance(value, list) else None
    # The scoring server takes a chat request as it is.
    beside = {"params", *params}
    return {str(key): [value] for key, value in request.items() if key not in beside}


def _column_names(split: Mapping[str, Any], rows: list[list[Any]]) -> list[str]:
    """Return the names of a frame; one without names is stored by place, as pandas counts them."""
    names = split.get("columns")
    if names is None:
        names = range(max(map(len, rows), default=0))
    return [str(name) for name in names]


def _by_column(rows: list[Any]) -> dict[str, list[Any]] | None:
    if not rows or not all(isinstance(row, dict) for row in rows):
        return None
    names = dict.fromkeys(str(name) for row in rows for name in row)
    return {name: [row[name] for row in rows if name in row] for name in names}


def _value(request: Mapping[str, Any]) -> object:
    """Return what a request holds: rows, a tensor or one value; names where it has names."""
    split = request.get("dataframe_split")
    value = split.get("data") if isinstance(split, dict) else request
    return next((request[key] for key in _ARRAYS if key in request), value)


def _rows(value: object, only: Spec | None) -> list[Any] | None:
    """Return the example as a list; None if it is none.

    Args:
        value: What the request holds.
        only: The schema's only column or tensor: a value that is not a list may be one of a column.
    """
    if isinstance(value, list):
        return value
    return [value] if only is not None and not _is_tensor(only) else None


def _cells(values: list[Any], column: Spec) -> str:
    """Return what is wrong with the values of a column, or nothing."""
    kind = column.get("type")
    if kind in _WHOLE and None in values:
        return f"holds null where the signature says {kind}, which serving refuses"
    bad = next((value for value in values if not _fits(value, column)), None)
    return "" if bad is None else f"holds {_kind(bad)} where the signature says {kind}"


def _fits(value: object, spec: Spec) -> bool:
    """Say whether a JSON value may stand where the signature has this type."""
    kind = spec.get("type")
    if value is None:
        return True
    if kind == "array":
        items = _spec(spec, "items")
        return isinstance(value, list) and all(_fits(each, items) for each in value)
    if kind == "map":
        values = _spec(spec, "values")
        return isinstance(value, dict) and all(_fits(each, values) for each in value.values())
    if kind == "object":
        return isinstance(value, dict) and _fits_object(value, _spec(spec, "properties"))
    check = _PLAIN.get(str(kind))
    return check is None or check(value)


def _fits_object(value: Mapping[str, Any], properties: Spec) -> bool:
    return all(
        _fits(value[name], inner) if name in value else not inner.get("required", True)
        for name, inner in properties.items()
        if isinstance(inner, dict)
    )


def _spec(spec: Spec, key: str) -> Spec:
    inner = spec.get(key)
    return inner if isinstance(inner, dict) else {}


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()  # JSON may write 1 as 1.0
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_PLAIN: Mapping[str, Callable[[object], bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
    "long": _is_whole,
    "float": _is_number,
    "double": _is_number,
    "string": _is_text,
    "binary": _is_text,  # base64
    "datetime": _is_text,  # ISO 8601
}
"""By MLflow's type; other types are not checked."""


# Tensors.


def _is_tensor(column: Spec) -> bool:
    return column.get("type") == "tensor"


def _tensor(values: object, column: Spec) -> str:
    """Return what is wrong with a tensor, or nothing."""
    spec = _spec(column, "tensor-spec")
    shape = spec.get("shape")
    if isinstance(shape, list) and not _has_shape(values, shape):
        return f"is not of the shape {shape} that the signature says"
    dtype = str(spec.get("dtype"))
    bad = next((leaf for leaf in _leaves(values) if not _fits_dtype(leaf, dtype)), None)
    return "" if bad is None else f"holds {_kind(bad)} where the signature says {dtype}"


def _has_shape(value: object, shape: list[Any]) -> bool:
    if not shape:
        return not isinstance(value, list)
    if not isinstance(value, list) or shape[0] not in {-1, len(value)}:
        return False
    return all(_has_shape(each, shape[1:]) for each in value)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value


def _fits_dtype(value: object, dtype: str) -> bool:
    if value is None:
        return True
    if dtype.startswith("float"):
        return _is_number(value)
    if dtype.startswith(("int", "uint")):
        return _is_whole(value)
    if dtype.startswith("bool"):
        return isinstance(value, bool)
    return not dtype.startswith("str") or isinstance(value, str)


def _kind(value: object) -> str:
    """Return what a JSON value is, without saying it."""
    if value is None:
        return "null"
    kinds = {bool: "a boolean", int: "a whole number", float: "a fraction", str: "a text"}
    return kinds.get(type(value), "a list" if isinstance(value, list) else "an object")
