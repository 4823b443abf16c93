"""JSON Schema of what keys declare.

Editors read YAML 1.2, where `on`, `off`, `yes` and `no` are text, and the engine reads 1.1, where
they are booleans. Both are admitted wherever a switch may stand.
"""

from collections.abc import Sequence
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import MinLen
from pydantic import BaseModel, WithJsonSchema
from pydantic.fields import FieldInfo

from policy_engine.policy_file.declaring import Keys, bare, meaning, meaning_of

Json = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
OFF: Json = {"enum": [False, "off"]}
SWITCH: Json = {"enum": [True, False, "on", "off", "yes", "no"]}


def document(title: str, keys: type[Keys]) -> Json:
    """Return the schema of a file."""
    return {"$schema": DRAFT, "title": f"{title} of policy-engine, version 1", **of_keys(keys)}


def of_keys(keys: type[Keys]) -> Json:
    """Return the schema of a mapping with these keys and no others."""
    made: Json = {
        "type": "object",
        "description": meaning_of(keys),
        "properties": {name: of_field(field) for name, field in keys.model_fields.items()},
        "additionalProperties": False,
    }
    if keys.due():
        made["required"] = keys.due()
    if keys.is_never_empty:
        made["minProperties"] = 1
    if keys.one_of:
        made["oneOf"] = [{"required": [name]} for name in keys.one_of]
    return made


def of_field(field: FieldInfo) -> Json:
    """Return the schema of one key, with what it says, its default and its examples."""
    made = _of_type(field.annotation, field.metadata) | {"description": meaning(field)}
    default = None if field.is_required() else field.default
    if default is not None and default not in ((), {}):
        made["default"] = default
    if field.examples:
        made["examples"] = field.examples
    return made


def _of_type(annotation: Any, metadata: Sequence[Any]) -> Json:
    annotation, metadata = bare(annotation, metadata)
    for each in metadata:
        if isinstance(each, WithJsonSchema):
            return dict(each.json_schema or {})
    if get_origin(annotation) is None:
        return _of_plain(annotation)
    least = next((each.min_length for each in metadata if isinstance(each, MinLen)), 0)
    return _of_parts(get_origin(annotation), get_args(annotation), least)


def _of_parts(origin: Any, parts: tuple[Any, ...], least: int) -> Json:
    if origin is Literal:
        return {"const": parts[0]} if len(parts) == 1 else {"enum": list(parts)}
    if origin in (Union, UnionType):
        return {"anyOf": [_of_type(part, ()) for part in parts]}
    if origin is tuple:
        several: Json = {"type": "array", "items": _of_type(parts[0], ())}
        return several | ({"minItems": least} if least else {})
    named: Json = {"type": "object", "additionalProperties": _of_type(parts[1], ())}
    return named | ({"minProperties": least} if least else {})


def _of_plain(kind: Any) -> Json:
    if kind is bool:
        return dict(SWITCH)
    if kind is str:
        return {"type": "string", "pattern": r"\S"}  # `shapes.text` refuses what is blank
    if issubclass(kind, Enum):
        return {"enum": [each.value for each in kind]}
    return of_keys(kind) if issubclass(kind, Keys) else of_record(kind)


def of_record(kind: type[BaseModel], **more: Json) -> Json:
    """Return the schema of a record of the evidence: its keys alone, whatever their values."""
    known: Json = {name: {} for name in kind.model_fields}
    return {"type": "object", "properties": {**known, **more}, "additionalProperties": False}
