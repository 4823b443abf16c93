"""The schema of waivers: in a policy file, and in `waivers.yaml`."""

from policy_engine.schema.words import DAY, DRAFT, Json, record, several, text

_TARGETS = ("model", "run", "version")
_DUE = ("id", "reason", "owner", "approved_by", "ticket", "expires")

_WAIVER = record(
    "One finding may pass until a day, up to a value.",
    {
        "id": text("The binding's id.", examples=["cost-per-point"]),
        "part": text("The part of the finding, where the policy has several.", examples=["size"]),
        "model": text("The model that it is for (glob).", examples=["fraud-*"]),
        "run": text("The run that it is for."),
        "version": text("The model version that it is for.", examples=["fraud/3"]),
        "ceiling": {
            "type": ["string", "number"],
            "description": "The value up to which it holds; due where the finding has a limit.",
            "examples": ["70 USD"],
        },
        "reason": text("Why it may pass."),
        "owner": text("Who looks after it.", examples=["@ana"]),
        "approved_by": text("Who approved it; not the pull request's author.", examples=["@ben"]),
        "ticket": text("Where it is followed up.", examples=["ML-12"]),
        "expires": {
            "type": "string",
            "format": "date",
            "pattern": DAY,
            "description": "Its last day (UTC), at most 90 days ahead.",
            "examples": ["2027-01-31"],
        },
    },
    required=list(_DUE),
    oneOf=[{"required": [target]} for target in _TARGETS],
)

WAIVERS = several("Findings that may pass until a day.", _WAIVER)
"""The schema of the key `waivers`."""


def waivers_schema() -> Json:
    """Return the JSON Schema of a `waivers.yaml`."""
    return {
        "$schema": DRAFT,
        "title": "Waivers of policy-engine, version 1",
        **record(
            "Waivers for every policy file of the folder.",
            {"version": {"const": 1, "description": "The format of the file."}, "waivers": WAIVERS},
            required=["version", "waivers"],
        ),
    }
