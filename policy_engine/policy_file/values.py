"""The kinds of values that keys hold: how each is read, said in words, and drawn for editors."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import WithJsonSchema

from policy_engine.policy_file import shapes
from policy_engine.policy_file.declaring import ReadAs
from policy_engine.policy_file.shapes import NodePlace, wrote
from policy_engine.quantities import Quantity, exact, parse_quantity
from policy_engine.source.problems import excerpt

if TYPE_CHECKING:
    from policy_engine.expressions import Condition
else:
    Condition = object  # only a file with a condition pays for reading conditions

_DAY = {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_GLOB = (
    r"^(?![!/\s])(?!.*[{}\\])(?!.*[/\s]$)(?!(?:.*/)?\.{1,2}(?:/|$))"
    r"(?!.*[^/]\*\*)(?!.*\*\*[^/]).+$"
)
"""A path from the repository's root that can match: `read_glob` says what is wrong with another."""
_LOGIN = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_PERSON = (
    rf"@?{_LOGIN}(?:\[bot\])?(?:/{_LOGIN})*"
    r"|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
)
"""A login, a team (`@acme/reviewers`) or an e-mail address."""
_VERSION = r".+/[1-9][0-9]*"


def read_day(place: NodePlace) -> date | None:
    """Return a day."""
    value = place.node.data
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    remedy = "write it like 2027-01-31, without quotes and without a time"
    place.wrong(f"expected a day, got {wrote(place.node)}", remedy)
    return None


def read_day_or_off(place: NodePlace) -> date | None:
    """Return a day; None where it is `off`."""
    return None if place.node.data is False else read_day(place)


def read_condition(place: NodePlace) -> "Condition | None":
    """Return a condition."""
    from policy_engine.expressions import ExpressionError, compiled  # noqa: PLC0415

    text = shapes.text(place, "a condition")
    try:
        return None if text is None else compiled(text)
    except ExpressionError as error:
        place.wrong(str(error))
        return None


def read_glob(place: NodePlace) -> str | None:
    """Return a glob that can match; one that cannot would excuse every change from a run."""
    glob = shapes.text(place)
    return glob if glob is not None and _can_match(glob, place) else None


def _can_match(glob: str, place: NodePlace) -> bool:
    parts = glob.split("/")
    glued = next((part for part in parts if "**" in part and part != "**"), None)
    if "\\" in glob:
        place.wrong("a path is written with /, not with \\", "write it like training/**")
    elif glob.startswith("/") or ".." in parts or "." in parts or parts[-1] == "":
        remedy = (
            f"write it like {glob.lstrip('/')}**" if glob.strip("./") and parts[-1] == "" else None
        )
        remedy = remedy or "write it like training/**"
        place.wrong("this path can match no file of the repository", remedy)
    elif glob.startswith("!"):
        remedy = "name what training depends on, such as training/**"
        place.wrong("a path with a ! in front leaves nothing out here", remedy)
    elif "{" in glob or "}" in glob:
        place.wrong("braces are read as they stand", "write a line for each of them")
    elif glob != glob.strip():
        place.wrong("a space stands before or behind the path", f"write it like {glob.strip()}")
    elif glued is not None:
        remedy = f"write it like {glob.replace(glued, glued.replace('**', '**/*', 1), 1)}"
        place.wrong("** for any folders stands alone between slashes", remedy)
    else:
        return True
    return False


def read_version(place: NodePlace) -> str | None:
    """Return a model version such as fraud/3."""
    value = shapes.text(place)
    if value is not None and not re.fullmatch(_VERSION, value):
        place.wrong(f"{excerpt(value)} is not a version", "write it like fraud/3")
        return None
    return value


def read_point(place: NodePlace) -> Decimal | None:
    """Return a number greater than 0."""
    try:
        point = exact(place.node.data)
    except ValueError:
        number = shapes.as_number(place.node)
        remedy = f"write {number}" if number else "write it like point: 0.5"
        place.wrong(f"expected a number, got {wrote(place.node)}", remedy)
        return None
    if point > 0:
        return point
    place.wrong(f"expected a number greater than 0, got {wrote(place.node)}")
    return None


def read_class(place: NodePlace) -> str | int | float | bool | None:
    """Return one class of a classification."""
    value = place.node.data
    if isinstance(value, (str, int, float)):
        return value
    place.wrong(f"expected one class, got {wrote(place.node)}", "write a text or a number")
    return None


def read_person(place: NodePlace) -> str | None:
    """Return a login, a team or an e-mail address: letters that look like others are none."""
    found = shapes.text(place, "a login")
    if found is None or re.fullmatch(_PERSON, found):
        return found
    place.wrong(
        f"{found[:80]!a} is not a login, team or e-mail address",
        'write it like "@ana", "@acme/reviewers" or ana@example.com, in plain letters',
    )
    return None


def read_ceiling(place: NodePlace) -> Quantity | None:
    """Return a quantity of any unit."""
    try:
        return parse_quantity(place.node.data)
    except ValueError as error:
        number = shapes.as_number(place.node)
        place.wrong(str(error), f"write {number}" if number else None)
        return None


def _drawn(kind: Any, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, **more})


Glob = Annotated[str, ReadAs(read_glob, "glob"), _drawn("string", pattern=_GLOB)]
Version = Annotated[str, ReadAs(read_version, "text"), _drawn("string", pattern=f"^{_VERSION}$")]
Day = Annotated[date, ReadAs(read_day, "a day"), WithJsonSchema(_DAY)]
DayOrOff = Annotated[
    date,
    ReadAs(read_day_or_off, "a day, as 2027-01-31"),
    WithJsonSchema({"anyOf": [_DAY, {"enum": [False, "off"]}]}),
]
Point = Annotated[
    Decimal, ReadAs(read_point, "number above 0"), _drawn("number", exclusiveMinimum=0)
]
Class = Annotated[
    str | int | float | bool,
    ReadAs(read_class, "text or number"),
    _drawn(["string", "number", "boolean"]),
]
Person = Annotated[
    str,
    ReadAs(read_person, "a login, a team or an e-mail address"),
    _drawn("string", pattern=f"^(?:{_PERSON})$"),
]
Ceiling = Annotated[Quantity, ReadAs(read_ceiling, "quantity"), _drawn(["string", "number"])]
When = Annotated[
    Condition,
    ReadAs(read_condition, "a [condition](expressions.md)"),
    _drawn("string", pattern=r"\S"),
]
