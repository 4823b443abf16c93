"""A recorded case as YAML that a person can read: a plain list is a line, nothing stands twice."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

_WIDTH = 100  # columns
_WORTH_IT = 60
"""Characters from which on a part that comes again is named, and not written again."""


def as_yaml(content: Mapping[str, Any]) -> str:
    """Return content as YAML."""
    text: str = yaml.dump(
        _shared(content, {}),
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=None,
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, and names what comes again `&same1`."""

    def generate_anchor(self, _node: yaml.Node) -> str:
        self.last_anchor_id: int = getattr(self, "last_anchor_id", 0) + 1
        return f"same{self.last_anchor_id}"


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def _shared(value: Any, seen: dict[str, Any]) -> Any:
    """Return a value in which equal parts are one object, as YAML can name only these."""
    if isinstance(value, Mapping):
        made: Any = {key: _shared(each, seen) for key, each in value.items()}
    elif isinstance(value, (list, tuple)):
        made = [_shared(each, seen) for each in value]
    else:
        return value
    text = json.dumps(made, default=str)
    return seen.setdefault(text, made) if len(text) >= _WORTH_IT else made
