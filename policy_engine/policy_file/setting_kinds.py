"""How people write a setting: its kind in words, an example, and a value as they would write it."""

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from policy_engine import quantities
from policy_engine.quantities import MEASURES, Margin, Money, Tighter, shown_units


@dataclass(frozen=True, slots=True)
class SettingKind:
    """How people write a setting: in words, an example, and the unit of its value."""

    words: str
    example: Any
    unit: str = ""


_QUANTITIES: Mapping[Any, SettingKind] = {
    quantities.exact: SettingKind("number", 0.9),
    quantities.parse_bytes: SettingKind("size, as 200MB", "200MB", "B"),
    quantities.parse_percent: SettingKind("percentage, as 10%", "10%", "%"),
    quantities.parse_duration: SettingKind("duration, as 30s", "30s", "s"),
    quantities.parse_money: SettingKind("money, as 50 USD", "50 USD"),
    quantities.parse_rate: SettingKind("price, as 0.50 USD/h", "0.50 USD/h"),
    quantities.parse_margin: SettingKind("distance, as 0.5pt or 0.01", "0.5pt"),
}
"""By the function that reads the value."""

_PLAIN: Mapping[Any, SettingKind] = {
    bool: SettingKind("true or false", example=True),
    int: SettingKind("whole number", 1),
    float: SettingKind("number", 0.9),
    Decimal: SettingKind("number", 0.9),
    str: SettingKind("text", "text"),
}

_MAPPINGS = frozenset({dict, Mapping})

_UNITS: Mapping[str, tuple[tuple[str, Decimal], ...]] = {
    **{
        measure: tuple((name, unit.factor) for name, unit in shown_units(measure))
        for measure in MEASURES
    },
    "%": (("%", Decimal("0.01")),),
}
"""The units that a value may be written in, by that of the value itself, greatest first."""


def kinds_of(field: FieldInfo) -> Iterator[SettingKind]:
    """Yield what a setting admits, "none" aside."""
    annotation = field.annotation
    union = typing.get_origin(annotation) in {typing.Union, types.UnionType}
    for part in typing.get_args(annotation) if union else (annotation,):
        if part is not types.NoneType:
            yield _kind(part, () if union else field.metadata)


def _kind(annotation: Any, metadata: Iterable[Any] = ()) -> SettingKind:
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        annotation, metadata = inner[0], inner[1:]
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    for each in metadata:
        if isinstance(each, BeforeValidator) and each.func in _QUANTITIES:
            return _QUANTITIES[each.func]
    if origin is typing.Literal:
        return SettingKind(" or ".join(map(str, inner)), inner[0])
    if origin in {tuple, list, set, frozenset} and inner:
        entry = _kind(inner[0])
        return SettingKind(f"list of {entry.words}", [entry.example], entry.unit)
    if origin in _MAPPINGS and inner:
        key, entry = _kind(inner[0]), _kind(inner[1])
        name = "name" if key.example == "text" else key.example
        words = "mapping" if inner[1] is Any else f"mapping to {entry.words}"
        return SettingKind(words, {name: entry.example}, entry.unit)
    return _PLAIN.get(annotation) or SettingKind(
        getattr(annotation, "__name__", str(annotation)), "text"
    )


def is_a_limit_by_key(field: FieldInfo) -> bool:
    """Say whether a setting is a mapping with a limit for each key, such as a budget a team."""
    ordered = any(each in {Tighter.LOWER, Tighter.HIGHER} for each in field.metadata)
    return ordered and any(
        typing.get_origin(part) in _MAPPINGS
        for part in (field.annotation, *typing.get_args(field.annotation))
    )


def written(field: FieldInfo, value: Any) -> Any:
    """Return a setting's value as a policy file says it: exact, in plain YAML values.

    Args:
        field: The setting.
        value: What the policy made of it; None stays None, which is written `off`.
    """
    unit = next((kind.unit for kind in kinds_of(field)), "")
    return _in_unit(value, unit) if unit else _plain(value)


def _in_unit(value: Any, unit: str) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _in_unit(each, unit) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_in_unit(each, unit) for each in value]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return _quantity(Decimal(value), unit)
    return _plain(value)


def _quantity(value: Decimal, unit: str) -> str:
    """Return a quantity in the greatest unit that it is a whole number of."""
    for name, size in _UNITS[unit]:
        number = quantities.divide(value, size)
        if value and number == number.to_integral_value() and number * size == value:
            return f"{number:f}{name}"
    if unit == "%":
        return f"{value.scaleb(2).normalize():f}%"
    return f"{value.normalize():f}{unit}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, Margin):
        return f"{value.amount:f}pt" if value.in_points else _plain(value.amount)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return _word(value)


def _word(value: Any) -> Any:
    if isinstance(value, Money):
        return f"{value.amount:f} {value.currency}"
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
