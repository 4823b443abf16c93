"""The short forms of evidence written by hand, written out as in the evidence file."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from policy_engine.policy_file.shapes import NodePlace
from policy_engine.quantities import parse_bytes, parse_duration
from policy_engine.source.yaml_source import MappingNode

_MODEL: dict[str, Any] = {"model_id": "m-" + "0" * 32, "name": "model", "texts": {}}
"""What a model has that says nothing else of itself: none of the small files that are read."""


def take_duration(place: NodePlace, data: dict[str, Any]) -> Decimal | None:
    """Take `duration` out of a run (s); None where it says none, or none that can be read."""
    if "duration" not in data:
        return None
    try:
        return parse_duration(data.pop("duration"))
    except ValueError as error:
        inside(place, "duration").wrong(str(error))
        return None


def in_run(data: dict[str, Any], place: NodePlace) -> dict[str, Any]:
    """Return a run with its short forms written out."""
    model = data.get("model")
    if isinstance(model, dict) and not {"invalid", "unreadable"} & model.keys():
        inner = inside(place, "model")
        data["model"] = {**_MODEL, **model}
        size = _short(inner, data["model"], "size", parse_bytes)
        if size is not None:
            data["model"]["size"] = size
        if isinstance(model.get("files"), dict):
            data["model"]["files"] = _files(inside(inner, "files"), model["files"])
    table = data.get("predictions")
    if isinstance(table, dict) and not {"columns", "invalid", "unreadable"} & table.keys():
        known = {"run_id": data.get("run_id", "0" * 32), "source": "policy_engine/predictions.json"}
        data["predictions"] = {**known, "columns": table}
    return data


def _files(place: NodePlace, files: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "path": path,
            "size": _short(place, {path: size}, path, parse_bytes)
            if isinstance(size, str)
            else size,
        }
        for path, size in files.items()
    ]


def _short(place: NodePlace, data: dict[str, Any], key: str, parse: Callable[[object], Any]) -> Any:
    """Take a quantity that is written as text out of the data; None where there is none."""
    if not isinstance(data.get(key), str):
        return None
    try:
        return parse(data.pop(key))
    except ValueError as error:
        inside(place, key).wrong(str(error))
        return None


def inside(place: NodePlace, key: str) -> NodePlace:
    """Return the place of a key, or of the whole where the key is a default."""
    node = place.node
    if isinstance(node, MappingNode) and key in node.items:
        return place.of(key, node.items[key])
    return place


def short_moment(value: Any) -> datetime:
    """Return the moment that a text says (UTC without a zone); what is none is said elsewhere."""
    try:
        short_moment = datetime.fromisoformat(str(value))
    except ValueError:  # the record says what is wrong with it
        return datetime(1970, 1, 1, tzinfo=UTC)
    return short_moment if short_moment.tzinfo else short_moment.replace(tzinfo=UTC)
