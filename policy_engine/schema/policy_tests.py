"""The schema of policy tests: cases, their evidence by hand, and what they expect."""

from pydantic import BaseModel

from policy_engine.evidence.record import ChangeRecord, ModelRecord, RunRecord
from policy_engine.policy import Outcome
from policy_engine.report import Effect
from policy_engine.schema.words import DRAFT, Json, mapping, record, several, text

_RUN: Json = {"$ref": "#/$defs/run"}
_GAP: Json = record(
    "A value that is not there as it should be.",
    {
        "invalid": text("Why it counts as wrong, such as NaN."),
        "unreadable": text("Why it could not be read, such as HTTP 500."),
    },
    minProperties=1,
    maxProperties=1,
)
_EFFECTS = [effect.value for effect in Effect if effect is not Effect.WAIVED]


def policy_tests_schema() -> Json:
    """Return the JSON Schema of a file of policy tests."""
    return {
        "$schema": DRAFT,
        "title": "Policy tests of policy-engine, version 1",
        **record(
            "What a policy file must decide on which evidence.",
            {
                "version": {"const": 1, "description": "The format of the file."},
                "policy_file": text(
                    "The policy file under test, from this file's own folder.",
                    examples=["../fraud.yaml"],
                ),
                "cases": several("The cases.", _case()),
                "not_possible": mapping(
                    "What no case can show, by the binding's id, with the reason.",
                    {"type": "object", "additionalProperties": text("Why.")},
                ),
            },
            required=["version", "policy_file", "cases"],
        ),
        "$defs": {"run": _run(), "model": _model(), "outcome": _outcome()},
    }


def _case() -> Json:
    expected = record(
        "The outcome, and more of what must be said.",
        {
            "outcome": {"$ref": "#/$defs/outcome"},
            "part": text("The part of the finding.", examples=["size"]),
            "message": text("A part of its message."),
            "effect": {"enum": _EFFECTS, "description": "What it does to the merge."},
        },
        required=["outcome"],
    )
    one: Json = {"anyOf": [{"$ref": "#/$defs/outcome"}, expected]}
    return record(
        "One case.",
        {
            "name": text("What it shows; unique in the file."),
            "at": {"type": "string", "description": "The moment of judgement."},
            "evidence": {"anyOf": [text("A file with the evidence."), _evidence()]},
            "expect": mapping(
                "By the binding's id: what must be found.",
                {"anyOf": [*one["anyOf"], several("Several findings.", one)]},
            ),
        },
        required=["name", "evidence", "expect"],
    )


def _evidence() -> Json:
    runs = {"type": "array", "items": _RUN}
    return record(
        "Evidence by hand.",
        {
            "candidate": _RUN,
            "baseline": _RUN,
            "baseline_of": mapping("For rules of a policy's own: by the binding's id.", _RUN),
            "baselines": {"type": "array", "description": "Outcomes of rules, in full."},
            "history": {**runs, "description": "Earlier runs, newest first."},
            "later": {**runs, "description": "Later runs, newest first."},
            "change": record("The pull request.", _fields(ChangeRecord)),
        },
        required=["candidate"],
    )


def _run() -> Json:
    keys: Json = {
        **_fields(RunRecord),
        "duration": text("Instead of start and end.", examples=["2h"]),
        "metrics": {
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "number"}, _GAP]},
        },
        "model": {"anyOf": [{"$ref": "#/$defs/model"}, _GAP]},
    }
    return record("A run; what it does not say is as in an ordinary one.", keys)


def _model() -> Json:
    size = {"type": ["integer", "string", "object"], "examples": ["150MB"]}
    return record("The logged model.", {**_fields(ModelRecord), "size": size})


def _outcome() -> Json:
    return {"enum": [outcome.value for outcome in Outcome]}


def _fields(kind: type[BaseModel]) -> Json:
    """Return the keys of a record, whatever their values: those the loader checks."""
    return {name: {} for name in kind.model_fields}
