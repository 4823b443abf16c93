"""JSON and YAML that training code wrote, as values that nothing behind can choke on.

A dataset's profile, a model's tags and its MLmodel file are whatever somebody logged: a hundred
thousand brackets, an alias that holds itself, a number of six thousand digits. What is beyond any
honest file is refused here, so that no check ends in a traceback over it.
"""

import json
from typing import Any

import yaml

DEEPEST = 64
"""Levels of nesting; a model's signature has a dozen."""
MOST_VALUES = 500_000
"""Values in all, each as often as an alias repeats it."""
LONGEST_NUMBER = 400
"""Digits; the largest number that JSON's readers agree on has 309."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def json_value(text: str) -> Any:
    """Return a JSON value.

    Raises:
        ValueError: If it is none, or beyond the bounds.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return _bounded(value)


def yaml_value(text: str) -> Any:
    """Return a YAML value, with none of YAML's own types beyond dates.

    Raises:
        ValueError: If it is none, or beyond the bounds.
    """
    try:
        _refuse_deep(text)
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 (a safe loader)
    except (yaml.YAMLError, RecursionError, OverflowError) as e:
        raise ValueError("it is no YAML, or nested too deeply") from e
    return _bounded(value)


def _refuse_deep(text: str) -> None:
    """Read the events alone first: LibYAML's own recursion ends the process, not with an error."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep")


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
