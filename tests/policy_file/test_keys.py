"""The keys of a policy file are declared once: what reads them and what is made of them agree."""

from __future__ import annotations

import copy
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, get_args

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import Field

from policy_engine import plugins
from policy_engine.policy_file import PolicyFileError, load_policies
from policy_engine.policy_file.declaring import Keys
from policy_engine.policy_file.keys import (
    AppliesTo,
    BindingKeys,
    CandidateSetting,
    EvidenceSetting,
    FileKeys,
    MetricSetting,
    WaiverKeys,
)
from policy_engine.policy_file.reading import read_section
from policy_engine.policy_file.schema import policy_file_schema
from policy_engine.policy_file.schema.drawing import of_keys
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_tests.keys import PolicyTestFile
from policy_engine.source.problems import Problems
from policy_engine.source.yaml_source import load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


def _declared(keys: type[Keys]) -> Iterator[type[Keys]]:
    """Yield the keys, and those of every mapping in them."""
    yield keys
    for field in keys.model_fields.values():
        for inner in _inside(field.annotation):
            yield from _declared(inner)


def _inside(annotation: Any) -> Iterator[type[Keys]]:
    if isinstance(annotation, type) and issubclass(annotation, Keys):
        yield annotation
    for part in get_args(annotation):
        yield from _inside(part)


LOADED = plugins.load_plugins()
RULES = LOADED.baseline_rules
SCHEMA = Draft202012Validator(policy_file_schema(LOADED.policies, LOADED.packs, RULES))


class Pace(Keys):
    """How fast it is."""

    gear: Literal["low", "high"] = Field("low", description="Which gear is in.")
    driver: str = Field(description="Who drives.", examples=["@ana"])


def read(text: str) -> tuple[Pace | None, str]:
    problems = Problems()
    place = NodePlace(load_yaml(text.encode(), "p.yaml"), "pace", problems)
    pace = read_section(Pace, place, "pace: {driver: ana}")
    return pace, "\n".join(map(str, problems.found))


def test_a_key_is_known_to_all_by_its_field_alone() -> None:
    pace, said = read("{driver: ben}")
    assert pace is not None
    assert (pace.driver, pace.gear, said) == ("ben", "low", "")
    assert read("{driver: ben, gear: hihg}")[1] == (
        "p.yaml:1:21: pace.gear: 'hihg' is none of low, high\n  did you mean 'high'?"
    )
    assert read("{diver: ben}")[1] == (
        "p.yaml:1:2: pace.diver: unknown setting\n  did you mean 'driver'?\n"
        "p.yaml:1:1: pace.driver: missing setting\n  write it like pace: {driver: ana}"
    )
    assert of_keys(Pace) == {
        "type": "object",
        "description": "How fast it is.",
        "properties": {
            "gear": {
                "enum": ["low", "high"],
                "description": "Which gear is in.",
                "default": "low",
            },
            "driver": {
                "type": "string",
                "pattern": r"\S",
                "description": "Who drives.",
                "examples": ["@ana"],
            },
        },
        "additionalProperties": False,
        "required": ["driver"],
    }


def test_a_key_without_a_description_is_refused_where_it_is_declared() -> None:
    with pytest.raises(TypeError) as caught:

        class Mute(Keys):
            """It tells nothing."""

            gear: str = "low"

    name = f"{__name__}.Mute.gear"
    assert str(caught.value) == f"{name} says nothing of itself: give it a Field(description=…)"


@pytest.mark.parametrize("keys", [*_declared(FileKeys), *_declared(PolicyTestFile)])
def test_every_example_and_default_is_one_that_the_schema_of_its_key_admits(
    keys: type[Keys],
) -> None:
    for name, schema in of_keys(keys)["properties"].items():
        given = [*schema.get("examples", ()), *([schema["default"]] if "default" in schema else ())]
        elsewhere = "$ref" in str(schema) or name in {
            "policies",
            "profiles",
        }  # `bindings` draws their settings
        for value in () if elsewhere else given:
            assert list(Draft202012Validator(schema).iter_errors(value)) == [], (name, value)


# What the schema admits the reader takes, and the reverse.

BASE: dict[str, Any] = {
    "version": 1,
    "applies_to": {"model": "a"},
    "metric": {"name": "churn_profit", "goal": "maximize"},
    "candidate": {"paths": ["a/**"]},
    "baseline": [{"alias": "champion"}],
    "evidence": {"max_text": "1MB"},
    "prices": {"default": "0.50 USD/h"},
    "policies": {"run-finished": {"why": "so"}, "model-size-budget": {"max_size": "1GB"}},
    "waivers": [
        {
            "id": "model-size-budget",
            "model": "a",
            "reason": "a",
            "owner": "b",
            "approved_by": "c",
            "ticket": "d",
            "expires": date(2027, 1, 31),
        }
    ],
}
ABSENT = object()
_SECTIONS: dict[tuple[str | int, ...], type[Keys]] = {
    ("applies_to",): AppliesTo,
    ("metric",): MetricSetting,
    ("candidate",): CandidateSetting,
    ("evidence",): EvidenceSetting,
    ("policies", "run-finished"): BindingKeys,
    ("waivers", 0): WaiverKeys,
}
PATHS = [
    *((name,) for name in BASE if name != "policies"),
    *((*path, name) for path, keys in _SECTIONS.items() for name in (*keys.model_fields, "other")),
    *(("baseline", 0, name) for name in RULES.built_in),
    *(("candidate", "paths", 0), ("prices", "default"), ("first_run",), ("plugins",)),
    *(("applies_to", "tags", "a"), ("evidence", "names", "a"), ("baseline", 0, "best", "within")),
]
NOT_SEEN = {
    "id": "whether an id is bound",
    "policy": "whose settings follow",
    "when": "whether a text is a condition",
    "ceiling": "whether a text is a quantity",
    "max_text": "that a size is 0",
}
"""What a schema cannot see of a key whose value is a text."""
TEXTS = (
    *("", " ", "a", "*", "a/**", "/a", "../a", "a/", "a**", "{a}", "!a", "fraud/3", "fraud/03"),
    *("last", "best", "maximize", "percent", "block", "skip", "mandatory", "merge-base"),
    *("200MB", "90d", "0.50 USD/h", "50 USD", "10%"),
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *(ABSENT, *TEXTS, True, False, 0, 1, -1, 2, 0.5, date(2027, 1, 31), [], {}, [[]]),
            *([{}], ["a"], ["a", 1], ["a/**"], {"a": "b"}, {"a": 1}, {"a": ""}, [{"run": "a"}]),
            *({"within": "90d"}, {"within": 90}, [{"run": "a", "alias": "b"}], {"name": "f1"}),
        ]
    ),
    st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=5),
    st.integers(-5, 5),
)


@settings(max_examples=300)
@given(path=st.sampled_from(PATHS), value=VALUES)
@example(path=("waivers", 0, "version"), value=ABSENT)
@example(path=("waivers",), value=[])
@example(path=("prices",), value={})
def test_the_schema_admits_a_file_exactly_if_the_reader_does(
    path: tuple[str | int, ...], value: Any
) -> None:
    assume(not (path[-1] in NOT_SEEN and isinstance(value, str)))
    assume(path != ("metric", "goal") or value is not ABSENT)  # it depends on the name
    assume(not isinstance(value, date) or path[-1] in {"enforce_from", "expires"})  # else text
    content = _with(path, value)
    text = yaml.safe_dump(content).encode()
    try:
        load_policies({"p.yaml": text}, LOADED.policies, LOADED.packs, rules=RULES)
    except PolicyFileError as error:
        why = str(error)
    else:
        why = ""
    mistakes = [each.message for each in SCHEMA.iter_errors(_json(content))]
    assert bool(why) is bool(mistakes), f"the reader: {why or 'valid'}; the schema: {mistakes}"


def _with(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return the file with one value changed; of a rule and a target there is one each."""
    content = copy.deepcopy(BASE)
    at: Any = content
    for part in path[:-1]:
        at = at.setdefault(part, {}) if isinstance(at, dict) else at[part]
    name = path[-1]
    if value is ABSENT and isinstance(at, dict):
        at.pop(name, None)
        return content
    if path[0] == "baseline" and isinstance(at, dict) and len(path) > 2:
        content["baseline"][0].pop("alias")
    if path[:1] == ("waivers",) and name in WaiverKeys.one_of:
        at.pop("model")
    at[name] = [] if value is ABSENT else value
    return content


def _json(value: Any) -> Any:
    """Return YAML values as an editor sees them: days are text."""
    if isinstance(value, dict):
        return {name: _json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value
