"""JSON Schema (draft 2020-12) of what people write, so that an editor helps while they write it.

    policy-engine schema > policies/policy-file.schema.json

It is made of the plugins that are loaded: their policies, settings and packs. An editor that
follows it refuses what most mistakes come to; `policy-engine validate` has the last word, since a
schema does not see what a file extends.
"""

import json

from policy_engine.policy_file.schema.drawing import Json
from policy_engine.policy_file.schema.policy_file import policy_file_schema, waivers_schema

__all__ = ["Json", "policy_file_schema", "schema_text", "waivers_schema"]


def schema_text(schema: Json) -> str:
    """Return a schema as it is printed and kept in files."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
