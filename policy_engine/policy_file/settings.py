"""A policy's settings, checked by the policy itself; what it complains of, in plain words."""

import re
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ValidationError

from policy_engine.policy import Policy
from policy_engine.policy_file import shapes
from policy_engine.policy_file.keys import BindingKeys
from policy_engine.policy_file.merge import BoundSetting
from policy_engine.policy_file.shapes import NodePlace, wrote
from policy_engine.quantities.words import did_you_mean
from policy_engine.source.problems import Problems, Spot, excerpt, near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, SequenceNode


def build(key: str, bound: BoundSetting, policy: type[Policy], problems: Problems) -> Policy | None:
    """Return the policy with a binding's settings, or note what it says of them.

    Args:
        key: The path of keys to the binding.
        bound: The binding as written.
        policy: The policy that it names.
        problems: Where problems go.
    """
    items = {
        name: item for name, item in bound.settings.items() if name not in BindingKeys.model_fields
    }
    values = {name: _value(policy, name, item.node) for name, item in items.items()}
    try:
        built = policy.model_validate(values)
        built.reads()
    except ValidationError as error:
        complaints = _Complaints(key, bound.at, items, policy, problems)
        for details in error.errors(include_url=False, include_input=False):
            complaints.add(details)
        complaints.tell()
        return None
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a plugin's code may raise anything)
        why = f"policy '{policy.policy_name}' broke while it read its settings"
        problems.add(bound.at, key, f"{why}: {type(error).__name__}: {error}")
        return None
    return built


def _value(policy: type[Policy], name: str, node: Node) -> Any:
    """Return a setting's value; `off` where the policy admits "none" is none."""
    if node.data is False and name in policy.model_fields:
        kinds = set(kinds_within(policy.model_fields[name].annotation))
        if NoneType in kinds and bool not in kinds:
            return None
    return node.data


def kinds_within(annotation: Any) -> Iterator[Any]:
    """Yield the types that an annotation admits, unions and `Annotated` taken apart."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from kinds_within(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for part in get_args(annotation):
            yield from kinds_within(part)
    else:
        yield annotation


_DUE = {
    "bool_type": "on or off",
    "bool_parsing": "on or off",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "decimal_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "date_type": "a day such as 2027-01-31",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "a value above {gt}",
    "greater_than_equal": "a value of at least {ge}",
    "less_than": "a value below {lt}",
    "less_than_equal": "a value of at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "a text of at least {min_length} characters",
    "string_too_long": "a text of at most {max_length} characters",
    "string_pattern_mismatch": "a text that matches {pattern}",
    "union_tag_invalid": "{expected_tags}",
}
"""What is needed, by the type of pydantic's error; the braces are filled from its context."""


class _Complaints:
    """Translates what a policy says of its settings, and where each value stands."""

    def __init__(
        self,
        key: str,
        at: Spot,
        items: Mapping[str, Item],
        policy: type[Policy],
        problems: Problems,
    ) -> None:
        self._key = key
        self._at = at
        self._items = items
        self._policy = policy
        self._problems = problems
        self._wrong: dict[str, tuple[NodePlace, list[tuple[str, bool]]]] = {}

    def add(self, error: Mapping[str, Any]) -> None:
        loc: tuple[str | int, ...] = error["loc"]
        kind = str(error["type"])
        if kind == "missing" and len(loc) == 1:
            self._missing(str(loc[0]))
            return
        place, item = self._find(loc)
        if kind == "extra_forbidden" and item is not None:
            known = [*self._policy.model_fields, *BindingKeys.model_fields] if len(loc) == 1 else []
            remedy = near_or_all(str(loc[-1]), known, "known here") if known else "remove it"
            text = place.key.rpartition(".")[2]
            self._problems.add(item.at, place.key, "unknown setting", remedy, text)
        elif item is None:
            self._problems.add(self._at, self._key, _sentence(error)[0])
        else:
            self._wrong.setdefault(place.key, (place, []))[1].append(_sentence(error))

    def tell(self) -> None:
        # A value that fits no part of a union comes as several errors, and is one problem.
        # A list whose entry is wrong may be called too short as well: the entry tells all.
        moot = {key.rpartition("[")[0] for key in self._wrong}
        for key, (place, sentences) in self._wrong.items():
            if key in moot:
                continue
            due = list(dict.fromkeys(text for text, is_due in sentences if is_due))
            said = list(dict.fromkeys(text for text, is_due in sentences if not is_due))
            if due:
                said.append(f"expected {' or '.join(due)}, got {wrote(place.node)}")
            place.wrong("; or ".join(said), _remedy(place.node, due))

    def _missing(self, name: str) -> None:
        field = self._policy.model_fields.get(name)
        remedy = field.description if field is not None else None
        self._problems.add(self._at, f"{self._key}.{name}", "missing setting", remedy)

    def _find(self, loc: tuple[str | int, ...]) -> tuple[NodePlace, Item | None]:
        """Return the value that an error is about; parts of `loc` that name types are passed by."""
        item = self._items.get(str(loc[0])) if loc else None
        if item is None:
            return NodePlace(
                ScalarNode(self._at, None, "", plain=True), self._key, self._problems
            ), None
        key = f"{self._key}.{loc[0]}"
        for part in loc[1:]:
            node = item.node
            if isinstance(node, MappingNode) and part in node.items:
                item = node.items[str(part)]
                key += f".{part}"
            elif isinstance(node, SequenceNode) and part in range(len(node.nodes)):
                inner = node.nodes[int(part)]
                item = Item(inner.at, inner)
                key += f"[{part}]"
        return NodePlace(item.node, key, self._problems), item


def _sentence(error: Mapping[str, Any]) -> tuple[str, bool]:
    """Return what an error says, and whether that is only the thing that is needed."""
    context = error.get("ctx", {})
    if isinstance(context.get("error"), Exception):
        return str(context["error"]), False
    due = _DUE.get(error["type"])
    if due is not None:
        return due.format_map(context), True
    if error["type"] in {"too_short", "too_long"}:
        few = error["type"] == "too_short"
        bound = f"at least {context['min_length']}" if few else f"at most {context['max_length']}"
        return f"{context['actual_length']} entries; {bound} are needed", False
    if error["type"] == "missing":
        return f"missing setting '{error['loc'][-1]}'", False
    return str(error["msg"]), False


def _remedy(node: Node, due: list[str]) -> str | None:
    if not isinstance(node, ScalarNode):
        return None
    number = shapes.as_number(node)
    if number is not None:
        return f"write {number}"
    if "text" in due:
        return f'quote it: "{node.text}"'
    if isinstance(node.value, bool):
        return f"YAML reads {excerpt(node.text)} as a boolean; this setting is not a switch"
    words = re.findall(r"'([^']+)'", " ".join(due))
    return did_you_mean(node.text, words) if words else None
