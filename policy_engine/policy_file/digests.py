"""What an auditor can quote: a digest of each text that judged, whatever else was asked for."""

import hashlib

from policy_engine.source.yaml_source import MappingNode, load_yaml


def digest_of(text: bytes, path: str) -> str:
    """Return the digest of a policy file or pack: of its bytes, without its waivers.

    Without a section `waivers:` it is what `sha256sum` says of the file.

    Args:
        text: The bytes, valid YAML.
        path: The file, for messages.
    """
    return f"sha256:{hashlib.sha256(_without_waivers(text, path)).hexdigest()}"


def _without_waivers(text: bytes, path: str) -> bytes:
    """Return the text without the lines from `waivers:` to the next key."""
    if b"waivers" not in text:
        return text
    root = load_yaml(text, path)
    items = dict(root.items) if isinstance(root, MappingNode) else {}
    section = items.pop("waivers", None)
    if section is None:
        return text
    first = section.at.line
    others = [item.at.line for item in items.values()]
    if first in others:
        return text  # the whole file is one line
    lines = text.splitlines(keepends=True)
    after = min((line for line in others if line > first), default=len(lines) + 1)
    return b"".join([*lines[: first - 1], *lines[after - 1 :]])
