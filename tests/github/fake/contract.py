"""GitHub's own description of its API: which requests it takes, and what it answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DESCRIPTION: dict[str, Any] = json.loads(Path(__file__).with_name("github.json").read_text())

_ROOT = "urn:github"
_REGISTRY: Registry[Any] = Registry().with_resource(_ROOT, DRAFT4.create_resource(DESCRIPTION))
_JSON = "application/json"
# What GitHub answers all the same: a list says null for the head of a fork that is gone.
_KNOWN_FLAWS = (
    re.compile(r"GET /repos/\{owner\}/\{repo\}/pulls: answer 200\.\d+\.head\.repo: None .+"),
)
_ANSWERS_WITHOUT_BODY = 204


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path of the description."""

    method: str
    path: str
    shape: re.Pattern[str]
    parameters: tuple[dict[str, Any], ...]
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """How a message calls it."""
        return f"{self.method} {self.path}"

    def problems_of_request(
        self, values: Mapping[str, str], query: Mapping[str, list[str]], body: Any
    ) -> Iterator[str]:
        """Say what GitHub's description forbids in a request."""
        known = {p["name"]: p for p in self.parameters if p["in"] == "query"}
        for name, given in query.items():
            if name not in known:
                yield f"{self.name}: there is no parameter {name}"
            elif len(given) > 1:
                yield f"{self.name}: {name} is given twice"
            else:
                yield from self._problems_of_text(known[name], given[0])
        for parameter in self.parameters:
            if parameter["in"] == "path":
                yield from self._problems_of_text(parameter, values[parameter["name"]])
        schema = self._request_schema()
        if schema is not None:
            yield from _problems(schema, body, f"{self.name}: body")
        elif body is not None:
            yield f"{self.name}: it takes no body"

    def problems_of_answer(self, status: int, body: Any) -> Iterator[str]:
        """Say what GitHub's description forbids in an answer."""
        answers = self.content["responses"]
        if str(status) not in answers:
            # 401, 403 and 404 are described for some operations, and given by all.
            if status < 400:
                yield f"{self.name}: it never answers {status}"
            return
        described = _resolved(answers[str(status)]).get("content", {})
        if _JSON in described:
            problems = _problems(described[_JSON]["schema"], body, f"{self.name}: answer {status}")
            yield from (p for p in problems if not any(f.fullmatch(p) for f in _KNOWN_FLAWS))
        elif status == _ANSWERS_WITHOUT_BODY and body is not None:
            yield f"{self.name}: answer {status} has no body"

    def _request_schema(self) -> dict[str, Any] | None:
        content = _resolved(self.content.get("requestBody", {})).get("content", {})
        schema: dict[str, Any] | None = content.get(_JSON, {}).get("schema")
        return schema

    def _problems_of_text(self, parameter: dict[str, Any], text: str) -> Iterator[str]:
        schema = parameter["schema"]
        value: Any = int(text) if schema.get("type") == "integer" and text.isdecimal() else text
        yield from _problems(schema, value, f"{self.name}: {parameter['name']}")


@cache
def operations() -> tuple[Operation, ...]:
    """Return every operation that the description holds."""
    return tuple(
        _operation(path, method, content, item.get("parameters", []))
        for path, item in DESCRIPTION["paths"].items()
        for method, content in item.items()
        if method != "parameters"
    )


def operation(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation that a request asks for, and the values in its path, unquoted."""
    for each in operations():
        match = each.shape.fullmatch(path)
        if match and each.method == method:
            return each, {name: unquote(value) for name, value in match.groupdict().items()}
    return None


def sample(schema: Mapping[str, Any]) -> Any:
    """Return the least value that a schema allows, for a fake to fill in."""
    schema = _resolved(schema)
    if schema.get("nullable") and "enum" not in schema:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            return sample(schema[choice][0])
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in sample(part).items()}
    return _SAMPLES[schema.get("type", "object")](schema)


def component(name: str) -> Any:
    """Return the least value of a named schema."""
    return sample(DESCRIPTION["components"]["schemas"][name])


def _operation(
    path: str, method: str, content: dict[str, Any], shared: list[dict[str, Any]]
) -> Operation:
    parameters = tuple(_resolved(each) for each in [*shared, *content.get("parameters", [])])
    many = {p["name"] for p in parameters if p.get("x-multi-segment")}
    shape = re.sub(r"\{(\w+)\}", lambda m: f"(?P<{m[1]}>{'.+' if m[1] in many else '[^/]+'})", path)
    return Operation(method.upper(), path, re.compile(shape), parameters, content)


def _resolved(part: Mapping[str, Any]) -> dict[str, Any]:
    reference = part.get("$ref")
    if reference is None:
        return dict(part)
    _, _, kind, name = reference.split("/")
    return _resolved(DESCRIPTION["components"][kind][name])


def _problems(schema: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    for error in _validator(json.dumps(schema)).iter_errors(value):
        place = ".".join(str(part) for part in error.absolute_path)
        yield f"{where}{'.' if place else ''}{place}: {error.message[:300]}"


@cache
def _validator(schema: str) -> Any:
    make: Any = OAS30Validator  # its types do not say how it is made
    text = schema.replace('"#/', f'"{_ROOT}#/')
    return make(json.loads(text), registry=_REGISTRY, format_checker=oas30_format_checker)


def _text(schema: Mapping[str, Any]) -> str:
    formats = {"date-time": "2026-11-22T12:00:00Z", "uri": "https://github.example/"}
    return formats.get(schema.get("format", ""), "x")


_SAMPLES: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "object": lambda schema: {
        name: sample(schema.get("properties", {}).get(name, {}))
        for name in schema.get("required", ())
    },
    "array": lambda _: [],
    "string": _text,
    "integer": lambda _: 1,
    "number": lambda _: 1,
    "boolean": lambda _: False,
}
