"""The schema of policy tests: cases, their evidence by hand, and what they expect."""

from policy_engine.evidence.record import ModelRecord, RunRecord
from policy_engine.policy import Outcome
from policy_engine.policy_file.schema.drawing import Json, document, of_record
from policy_engine.policy_tests.keys import PolicyTestFile

_GAP: Json = {
    "type": "object",
    "description": "A value that is not there as it should be.",
    "properties": {
        "invalid": {"type": "string", "description": "Why it counts as wrong, such as NaN."},
        "unreadable": {
            "type": "string",
            "description": "Why it could not be read, such as HTTP 500.",
        },
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}
_NUMBERS: Json = {
    "type": "object",
    "additionalProperties": {"anyOf": [{"type": "number"}, _GAP]},
}


def policy_tests_schema() -> Json:
    """Return the JSON Schema of a file of policy tests."""
    run = of_record(
        RunRecord,
        duration={
            "type": "string",
            "description": "Instead of start and end.",
            "examples": ["2h"],
        },
        metrics=_NUMBERS,
        model={"anyOf": [{"$ref": "#/$defs/model"}, _GAP]},
    )
    size = {"type": ["integer", "string", "object"], "examples": ["150MB"]}
    about = "A run; what it does not say is as in an ordinary one."
    return {
        **document("Policy tests", PolicyTestFile),
        "$defs": {
            "run": {"description": about, **run},
            "model": {"description": "The logged model.", **of_record(ModelRecord, size=size)},
            "outcome": {"enum": [outcome.value for outcome in Outcome]},
        },
    }
