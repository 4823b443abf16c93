"""The small parts that schemas are made of.

Editors read YAML 1.2, where `on`, `off`, `yes` and `no` are text, and the engine reads 1.1, where
they are booleans. Both are admitted wherever a switch may stand.
"""

from typing import Any

Json = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
OFF: Json = {"enum": [False, "off"]}
SWITCH: Json = {"enum": [True, False, "on", "off", "yes", "no"]}
NUMBER = r"[0-9.]+(?:[eE][+-]?[0-9]+)?"


def text(description: str, **more: Any) -> Json:
    """Return the schema of a text that is not empty."""
    return {"type": "string", "minLength": 1, "description": description, **more}


def record(description: str, properties: Json, **more: Any) -> Json:
    """Return the schema of a mapping with these keys and no others."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def mapping(description: str, values: Json, **more: Any) -> Json:
    """Return the schema of a mapping from names of one's own, at least one."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": values,
        "minProperties": 1,
        **more,
    }


def several(description: str, items: Json, **more: Any) -> Json:
    """Return the schema of a list with at least one entry."""
    return {"type": "array", "description": description, "items": items, "minItems": 1, **more}
