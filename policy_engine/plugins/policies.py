"""What can be wrong with a policy class: each mistake with its place and the right form."""

import sys
import typing
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from pydantic.fields import FieldInfo

from policy_engine import quantities
from policy_engine.evidence import Needs
from policy_engine.plugins.evaluating import mistakes_of_evaluate
from policy_engine.policy import Policy
from policy_engine.policy_file import BindingKeys
from policy_engine.policy_file.declaring import WITHOUT_DOCSTRINGS, bare
from policy_engine.policy_file.setting_kinds import is_a_limit_by_key, kinds_of
from policy_engine.policy_file.settings import kinds_within
from policy_engine.policy_file.tightening import declared
from policy_engine.quantities import Margin, Money, Rate, Tighter
from policy_engine.source.code import place, place_of_setting

_PARSERS: dict[Any, tuple[str, type, str]] = {
    quantities.exact: ("Number", Decimal, 'Decimal("{}")'),
    quantities.parse_bytes: ("Bytes", int, 'parse_bytes("{}")'),
    quantities.parse_percent: ("Percent", Decimal, 'parse_percent("{}")'),
    quantities.parse_duration: ("Duration", Decimal, 'parse_duration("{}")'),
    quantities.parse_money: ("Price", Money, 'parse_money("{}")'),
    quantities.parse_rate: ("HourlyPrice", Rate, 'parse_rate("{}")'),
    quantities.parse_margin: ("Points", Margin, 'parse_margin("{}")'),
}
"""By what reads a quantity: its name, the type of its value, and how a default is written."""

_ORDERED = (int, float, Decimal, Money, Rate, Margin, date)
_LISTS = (tuple, list, set, frozenset, dict)
_WAYS: dict[Tighter, tuple[str, str]] = {
    Tighter.LOWER: ("numbers, quantities, words of a Literal, and mappings to them", "number"),
    Tighter.HIGHER: ("numbers, quantities, words of a Literal, and mappings to them", "number"),
    Tighter.FEWER: ("lists and mappings", "list"),
    Tighter.MORE: ("lists and mappings", "list"),
    Tighter.ON: ("switches (bool)", "switch"),
    Tighter.OFF: ("switches (bool)", "switch"),
}
_RIGHT_WAYS = {"number": "LOWER or HIGHER", "list": "FEWER or MORE", "switch": "ON or OFF"}


def mistakes_of(policy: Any) -> Iterator[str]:
    """Yield each mistake of what a plugin offers as a policy, with its place."""
    if isinstance(policy, Policy):
        kind = type(policy)
        yield f"{place(kind)}: {kind.__name__}(…) is one policy with settings: give {kind.__name__}"
    elif not (isinstance(policy, type) and issubclass(policy, Policy)):
        yield f"{policy!r:.100} is not a Policy class: give classes that derive from Policy"
    else:
        yield from _of_class(policy)


def _of_class(policy: type[Policy]) -> Iterator[str]:
    here = place(policy)
    name = policy.policy_name
    if not name:
        right = f'class {policy.__name__}(Policy, name="…")'
        yield f"{here}: {policy.__name__} has no name: write {right}"
        return
    is_undocumented = not (policy.__doc__ or "").strip() or policy.__doc__ == Policy.__doc__
    if is_undocumented and sys.flags.optimize < WITHOUT_DOCSTRINGS:
        yield f"{here}: policy '{name}' has no docstring: say what is true of a model that passes"
    if "needs" in policy.model_fields:
        at = place_of_setting(policy, "needs")
        yield f"{at}: needs is declared as a setting: write needs = Needs.RUN, without its type"
        return
    needs: Any = policy.needs
    if not isinstance(needs, Needs):
        at = place_of_setting(policy, "needs")
        yield f"{at}: needs is {needs!r:.60}: write needs = {_right_needs(needs)}"
    if policy.evaluate is Policy.evaluate:
        yield f"{here}: policy '{name}' has no evaluate: write def evaluate(self, case)"
    else:
        yield from mistakes_of_evaluate(policy)
    yield from _of_schema(policy)
    for setting, field in policy.model_fields.items():
        for mistake in _of_setting(setting, field):
            yield f"{place_of_setting(policy, setting)}: setting '{setting}' {mistake}"


def _right_needs(needs: object) -> str:
    texts = needs if isinstance(needs, (list, tuple, set, frozenset)) else [needs]
    names = [str(getattr(each, "name", each)).upper() for each in texts]
    return " | ".join(f"Needs.{name if name in Needs.__members__ else 'RUN'}" for name in names)


def _of_schema(policy: type[Policy]) -> Iterator[str]:
    """Yield why the settings cannot be read at all."""
    try:
        policy.model_rebuild()
    except (PydanticUserError, NameError, TypeError, ValueError) as e:
        why = str(e).partition("\n")[0]
        yield f"{place(policy)}: the settings of '{policy.policy_name}' cannot be read: {why}"


def _of_setting(name: str, field: FieldInfo) -> Iterator[str]:
    if name in BindingKeys.model_fields:
        yield "has the name of a key of the engine: choose another name"
        return
    if not (field.description or "").strip():
        yield 'has no description: write Field(description="…"), with its unit'
    yield from _of_direction(field)
    if not field.is_required():
        yield from _of_default(field)


def _of_direction(field: FieldInfo) -> Iterator[str]:
    ways = [each for each in declared(field) if isinstance(each, Tighter)]
    if Tighter in declared(field):
        yield "is annotated with Tighter itself: name a direction, such as Tighter.LOWER"
    if len(ways) > 1:
        yield f"has {len(ways)} directions ({', '.join(map(str, ways))}): give one"
        return
    for way in ways:
        kinds = {_sort(kind) for kind in kinds_within(field.annotation)} - {None}
        admitted, sort = _WAYS[way]
        if kinds == {"list"} and sort == "number" and is_a_limit_by_key(field):
            kinds = {_sort(get_args(kind)[1]) for kind in _mappings(field)}
        if kinds != {sort}:
            right = _RIGHT_WAYS.get(next(iter(kinds), "") or "") if len(kinds) == 1 else None
            instead = f"write Tighter.{right}" if right else "leave the direction out"
            yield f"cannot be {way}, which is for {admitted}: {instead}"


def _mappings(field: FieldInfo) -> list[Any]:
    return [kind for kind in kinds_within(field.annotation) if kind is not NoneType]


def _sort(kind: Any) -> str | None:
    """Return what a type of a setting is to a direction; None for none."""
    kind = bare(kind)[0]
    plain = get_origin(kind) or kind
    if plain is NoneType:
        return None
    if plain is bool:
        return "switch"
    if plain is typing.Literal or (isinstance(plain, type) and issubclass(plain, _ORDERED)):
        return "number"
    return "list" if isinstance(plain, type) and issubclass(plain, _LISTS) else "other"


def _of_default(field: FieldInfo) -> Iterator[str]:
    default = field.get_default(call_default_factory=False)
    kinds = set(kinds_within(field.annotation))
    if field.default_factory is not None or (default is None and NoneType in kinds):
        return
    quantity = _quantity(field)
    if default is None:
        kind = quantity[0] if quantity else getattr(field.annotation, "__name__", "…")
        yield f"has the default None, which its type does not admit: write {kind} | None"
    elif quantity is not None:
        example = next(kinds_of(field)).example
        yield from _of_quantity(default, example, *quantity)
    elif (inner := _inner_quantity(field.annotation)) is not None:
        values = default.values() if isinstance(default, dict) else default
        for value in values:
            yield from _of_quantity(value, "…", *inner)
    else:
        yield from _of_plain(field, default)


def _quantity(field: FieldInfo) -> tuple[str, type, str] | None:
    """Return what is known of the quantity that a setting is, if it is one."""
    for each in (*field.metadata, *bare(field.annotation)[1]):
        if isinstance(each, BeforeValidator) and each.func in _PARSERS:
            return _PARSERS[each.func]
    return None


def _inner_quantity(annotation: Any) -> tuple[str, type, str] | None:
    """Return what is known of the quantity that a list or mapping has for entries."""
    for part in get_args(annotation):
        known = [_PARSERS.get(getattr(each, "func", None)) for each in bare(part)[1]]
        found = next((each for each in known if each), None) or _inner_quantity(part)
        if found is not None:
            return found
    return None


def _of_quantity(default: Any, example: Any, name: str, kind: type, right: str) -> Iterator[str]:
    if isinstance(default, kind) and not isinstance(default, bool):
        return
    is_whole = isinstance(default, str) or name == "Number"
    form = right.format(default if is_whole else example)
    yield f"has the default {default!r:.60}, which {name} does not have at run time: write {form}"


def _of_plain(field: FieldInfo, default: Any) -> Iterator[str]:
    try:
        TypeAdapter(_annotated(field), config=Policy.model_config).validate_python(default)
    except ValidationError as e:
        why = e.errors(include_url=False)[0]["msg"]
        yield f"has the default {default!r:.60}, which it does not admit itself: {why}"
    except PydanticUserError:
        return  # the schema as a whole says so


def _annotated(field: FieldInfo) -> Any:
    return (
        typing.Annotated[(field.annotation, *field.metadata)]
        if field.metadata
        else field.annotation
    )
