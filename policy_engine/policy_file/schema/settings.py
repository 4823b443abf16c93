"""The schema of a policy's settings: what its class says, in the words of a policy file."""

import inspect
from collections.abc import Mapping
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from policy_engine.policy import Policy
from policy_engine.policy_file.schema.drawing import OFF, SWITCH, Json
from policy_engine.policy_file.setting_kinds import kinds_of, written
from policy_engine.policy_file.tightening import direction

_BOUNDS: tuple[tuple[type, str, str], ...] = (
    (Ge, "ge", "minimum"),
    (Gt, "gt", "exclusiveMinimum"),
    (Le, "le", "maximum"),
    (Lt, "lt", "exclusiveMaximum"),
)


class _AsWritten(GenerateJsonSchema):
    """pydantic's own generator, for values as a policy file writes them."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 (pydantic's signature)
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])  # `properties` writes the defaults

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return {"anyOf": [self.generate_inner(schema["schema"]), dict(OFF)]}

    def bool_schema(
        self,
        schema: core_schema.BoolSchema,  # noqa: ARG002 (pydantic's signature)
    ) -> JsonSchemaValue:
        return dict(SWITCH)


def properties_of(policy: type[Policy]) -> tuple[Json, Json]:
    """Return the schema of each setting, and the definitions that they refer to."""
    prefix = f"{policy.policy_name}."
    made = policy.model_json_schema(
        ref_template=f"#/$defs/{prefix}{{model}}", schema_generator=_AsWritten
    )
    fields = policy.model_fields
    properties = {
        name: _described(schema, fields[name])
        for name, schema in made.get("properties", {}).items()
    }
    inner = {f"{prefix}{name}": schema for name, schema in made.get("$defs", {}).items()}
    return properties, inner


def required_of(policy: type[Policy]) -> list[str]:
    """Return the settings that a binding must have."""
    return [name for name, field in policy.model_fields.items() if field.is_required()]


def summary_of(policy: type[Policy], plugin: str) -> str:
    """Return what is true of a model that passes, and which plugin says so."""
    first = (inspect.getdoc(policy) or "").partition("\n")[0]
    return f"{first} (plugin {plugin}; `policy-engine explain {policy.policy_name}` says more)"


def _described(schema: Json, field: FieldInfo) -> Json:
    """Return the schema of a setting with its meaning, its default and its bounds."""
    made = dict(schema)
    made.pop("title", None)
    said = made.pop("description", "")
    way = direction(field)
    notes = [said, f"{way.value.capitalize()} is tighter." if way else ""]
    default: Any = None
    if not field.is_required():
        default = written(field, field.get_default(call_default_factory=True, validated_data={}))
        made["default"] = "off" if default is None else default
    if field.examples or field.is_required() or default is None:
        examples = field.examples or [next(kinds_of(field)).example]
    else:
        examples = [default]  # of a range that an example of the kind may lie outside of
    made["examples"] = examples
    if made.get("type") == "number":
        made |= _bounds(field)
    return {"description": " ".join(filter(None, notes)), **made}


def _bounds(field: FieldInfo) -> Mapping[str, float]:
    """Return the range of a number: the schema of an exact one does not know it."""
    return {
        key: float(getattr(each, attribute))
        for each in field.metadata
        for kind, attribute, key in _BOUNDS
        if isinstance(each, kind)
    }
