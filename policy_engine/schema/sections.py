"""The schema of the keys of a policy file beside its bindings."""

from typing import Any, get_args

from pydantic import WithJsonSchema

from policy_engine.quantities import Bytes, Duration, HourlyPrice
from policy_engine.schema.words import SWITCH, Json, mapping, record, several, text

_GLOB = (
    r"^(?![!/\s])(?!.*[{}\\])(?!.*[/\s]$)(?!(?:.*/)?\.{1,2}(?:/|$))"
    r"(?!.*[^/]\*\*)(?!.*\*\*[^/]).+$"
)
"""A path from the repository's root that can match: the loader says what is wrong with another."""


def quantities() -> Json:
    """Return the definitions of the quantities that sections hold."""
    return {
        "size": _quantity(Bytes),
        "duration": _quantity(Duration),
        "price of an hour": _quantity(HourlyPrice),
    }


def _quantity(kind: Any) -> Json:
    """Return the schema that a quantity carries itself."""
    carried = (each for each in get_args(kind) if isinstance(each, WithJsonSchema))
    return dict(next(carried).json_schema or {})


def sections(packs: list[str], *, any_rule: bool) -> Json:
    """Return the schema of each key.

    Args:
        packs: The names of the packs that may be extended.
        any_rule: Whether a plugin resolves baseline rules of its own.
    """
    return {
        "version": {"const": 1, "description": "The format of the file."},
        "extends": several(
            "What lies beneath this file: packs, and files of the same folder.",
            {"anyOf": [{"enum": packs}, {"type": "string", "pattern": r"^[^/\\]+\.ya?ml$"}]},
            examples=[["recommended"]],
        ),
        "plugins": several(
            "Distributions of outside plugins to load.",
            text("A distribution's name."),
            examples=[["acme-policies"]],
        ),
        "applies_to": record(
            "Which candidates the file judges: all that is set must hold.",
            {
                "model": text("The logged or the registered name (glob).", examples=["fraud-*"]),
                "experiment": text("The experiment's name (glob).", examples=["fraud/*"]),
                "tags": mapping("Tags of the run: name to glob.", text("A glob.")),
            },
            minProperties=1,
        ),
        "metric": _metric(),
        "candidate": record(
            "Which changes need a run, and which model counts.",
            {
                "paths": several(
                    "Globs of what training depends on, from the repository's root.",
                    {"type": "string", "pattern": _GLOB},
                    examples=[["training/**"]],
                ),
                "model_name": text("Which logged model of a run, where there are several."),
            },
        ),
        "baseline": _baseline(any_rule=any_rule),
        "first_run": {**SWITCH, "description": "Whether there can be no baseline yet."},
        "prices": mapping(
            "What an hour of a machine costs, by the tag compute.instance; `default` is any other.",
            {"$ref": "#/$defs/price of an hour"},
            examples=[{"default": "0.50 USD/h"}],
        ),
        "evidence": record(
            "Other names of the evidence, and how much of it is read.",
            {
                "names": mapping(
                    "Documented name to the name that your runs use.",
                    text("Your name of it."),
                    examples=[{"cost.total": "my_cost"}],
                ),
                "max_text": {
                    "$ref": "#/$defs/size",
                    "description": "The largest predictions table that is read.",
                },
            },
        ),
    }


def _metric() -> Json:
    return record(
        "The metric that counts; without it the experiment's primary metric does.",
        {
            "name": text("Its name in MLflow.", examples=["val_f1"]),
            "goal": {
                "enum": ["maximize", "minimize"],
                "description": "Which direction is better; known by the name of common metrics.",
            },
            "point": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "One point (pt), in the metric's own units.",
            },
            "scale": {
                "enum": ["fraction", "percent"],
                "description": "How training logs it: 0.935, or 93.5, which is read as 0.935.",
            },
            "take": {
                "enum": ["last", "best", "at-model"],
                "description": "Which value counts where it was logged several times.",
            },
            "dataset": {
                "type": "string",
                "minLength": 1,
                "description": "The dataset, where the run's model was evaluated on several.",
            },
            "positive": {
                "type": ["string", "number", "boolean"],
                "description": "The positive class; else 1 or true.",
            },
        },
        required=["name"],
    )


def _baseline(*, any_rule: bool) -> Json:
    rule = record(
        "One rule, with one key.",
        {
            "alias": text(
                "Of the version with this alias of the candidate's model, or of name@alias.",
                examples=["champion", "fraud@champion"],
            ),
            "run": text("This run."),
            "commit": {
                "const": "merge-base",
                "description": "Of the merge base, else its nearest first-parent ancestor.",
            },
            "tag": mapping("The newest run with these tags.", text("The tag's value.")),
            "best": record(
                "The best run by the metric.",
                {"within": {"$ref": "#/$defs/duration", "examples": ["90d"]}},
                required=["within"],
            ),
        },
        minProperties=1,
        maxProperties=1,
    )
    if any_rule:
        rule["additionalProperties"] = True
    return several(
        "How to find the run to beat: rules, tried in order.",
        rule,
        examples=[[{"alias": "champion"}]],
    )
