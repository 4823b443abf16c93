"""JSON and YAML that training code wrote, as values that nothing behind can choke on.

A dataset's profile, a model's tags and its MLmodel file are whatever somebody logged: a hundred
thousand brackets, an alias that holds itself, a number of six thousand digits. What is beyond any
honest file is refused here, so that no check ends in a traceback over it.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

import yaml
from yaml.resolver import Resolver

DEEPEST = 64
"""Levels of nesting; a model's signature has a dozen."""
MOST_VALUES = 500_000
"""Values in all, each as often as an alias repeats it."""
LONGEST_NUMBER = 400
"""Digits; the largest number that JSON's readers agree on has 309."""
LONGEST_TEXT = 2**24
"""Characters of a text with one value: the longest column of MLflow's databases has as many."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def json_value(text: str, *, nan: Any = math.nan) -> Any:
    """Return a JSON value.

    Args:
        text: The text.
        nan: What stands for `NaN`, which is not JSON; Python writes it all the same.

    Raises:
        json.JSONDecodeError: If it is not JSON.
        ValueError: If it is beyond the bounds, or an object has a key twice.
    """
    _refuse_long(text)
    value = json_table(text, nan=nan)
    return value if _is_small(text) else _bounded(value)


def json_table(text: str, *, nan: Any = math.nan) -> Any:
    """Return a JSON value as `json_value` does, of any size: who reads it bounds its parts.

    Raises:
        ValueError: If it is none, is nested too deeply, or an object has a key twice.
    """
    constants = {"NaN": nan, "Infinity": math.inf, "-Infinity": -math.inf}
    try:
        value = json.loads(text, object_pairs_hook=once, parse_constant=constants.__getitem__)
        return whole(value) if "\\u" in text else value
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


class Twice(ValueError):  # noqa: N818 (what is the case, as the states of evidence)
    """An object has a key twice."""


def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON: of a key that is there twice, readers take one or the other.

    Raises:
        Twice: If a key is.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for place, key in enumerate(names) if key in names[:place])
        raise Twice(f"the key {twice[:80]!a} is there twice")
    return made


def whole(value: Any) -> Any:
    """Return a JSON value in which U+FFFD stands for each half of a surrogate pair.

    JSON can escape what UTF-8 cannot hold: a file could not be read as it was written.

    Raises:
        RecursionError: If it is nested too deeply.
    """
    if isinstance(value, str):
        return value if value.isascii() else _whole(value)
    if isinstance(value, dict):
        return {whole(key): whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


def _whole(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def yaml_value(text: str) -> Any:
    """Return a YAML value, with none of YAML's own types beyond dates.

    Raises:
        ValueError: If it is none, or beyond the bounds.
    """
    _refuse_long(text)
    try:
        _refuse_large(text)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, RecursionError, OverflowError) as e:
        raise ValueError("it is not YAML, or nested too deeply") from e
    return _bounded(value)


def _refuse_long(text: str) -> None:
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"it is longer than {LONGEST_TEXT} characters")


def _refuse_large(text: str) -> None:
    """Read the events alone, and count before anything is built of them.

    LibYAML's own recursion ends the process, not with an error; a merge key copies what an alias
    names, nine times nine times nine; and a number of many digits takes the square of their count.
    """
    count = _Count()
    for event in yaml.parse(text, Loader=_Loader):
        count.take(event)


class _Count:
    """How many values a YAML text has, aliases followed, and how deeply they are nested."""

    def __init__(self) -> None:
        self._open: list[tuple[str | None, int]] = []  # anchor, and values before it
        self._anchored: dict[str, int | None] = {}
        self._values = 0
        self._resolver = Resolver()

    def take(self, event: Any) -> None:
        """Count an event.

        Raises:
            ValueError: If the text is beyond the bounds by now.
        """
        if isinstance(event, yaml.AliasEvent):
            self._add(self._anchored.get(str(event.anchor), 1))
        elif isinstance(event, yaml.ScalarEvent):
            self._add(1)
            self._refuse_number(event)
            if event.anchor:
                self._anchored[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open.append((event.anchor, self._values))
            self._add(1)
            if event.anchor:
                self._anchored[event.anchor] = None
            if len(self._open) > DEEPEST:
                raise ValueError(f"it is nested more than {DEEPEST} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = self._open.pop()
            if anchor:
                self._anchored[anchor] = self._values - before

    def _add(self, values: int | None) -> None:
        if values is None:
            raise ValueError("it has an alias that stands within what it names")
        self._values += values
        if self._values > MOST_VALUES:
            raise ValueError(f"it has more than {MOST_VALUES} values")

    def _refuse_number(self, event: Any) -> None:
        text = str(event.value)
        if len(text) <= LONGEST_NUMBER:
            return
        tag = event.tag or self._resolver.resolve(yaml.ScalarNode, text, event.implicit)  # type: ignore[no-untyped-call]  # absent from the stubs
        if str(tag).endswith((":int", ":float")):
            raise ValueError(f"it has a number of more than {LONGEST_NUMBER} digits")


def _is_small(text: str) -> bool:
    """Say whether a JSON text is too short to be beyond any bound."""
    return len(text) <= LONGEST_NUMBER and text.count("[") + text.count("{") < DEEPEST


def _bounded(value: Any) -> Any:
    """Return the value if it is within the bounds; a value that holds itself never is."""
    left = MOST_VALUES
    level = [value]
    for _ in range(DEEPEST):
        left -= len(level)
        if left < 0:
            raise ValueError(f"it has more than {MOST_VALUES} values")
        deeper: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                deeper += each.keys()
                deeper += each.values()
            elif isinstance(each, (list, tuple, set)):
                deeper += each
            elif isinstance(each, int) and each.bit_length() > LONGEST_NUMBER * 10 // 3:
                raise ValueError(f"it has a number of more than {LONGEST_NUMBER} digits")
            if len(deeper) > left:
                raise ValueError(f"it has more than {MOST_VALUES} values")
        if not deeper:
            return value
        level = deeper
    raise ValueError(f"it is nested more than {DEEPEST} levels deep")
