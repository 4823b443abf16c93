"""Trim GitHub's own OpenAPI description to the paths that we use.

    npm pack @octokit/openapi@23.0.2
    tar -xzf octokit-openapi-23.0.2.tgz
    python tests/github/fake/trim.py package

writes `github.json` beside this file. What validates is kept; what people read is left out.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

SOURCE = "@octokit/openapi@23.0.2"
FILE = "generated/api.github.com.json"
TARGET = Path(__file__).with_name("github.json")

REPOSITORY = "/repos/{owner}/{repo}"
USED: dict[str, tuple[str, ...]] = {
    "/user": ("get",),
    REPOSITORY: ("get",),
    f"{REPOSITORY}/check-runs": ("post",),
    f"{REPOSITORY}/check-runs/{{check_run_id}}": ("get", "patch"),
    f"{REPOSITORY}/check-runs/{{check_run_id}}/annotations": ("get",),
    f"{REPOSITORY}/commits/{{ref}}/check-runs": ("get",),
    f"{REPOSITORY}/contents/{{path}}": ("get",),
    f"{REPOSITORY}/git/ref/{{ref}}": ("get",),
    f"{REPOSITORY}/issues/{{issue_number}}/comments": ("get", "post"),
    f"{REPOSITORY}/issues/comments/{{comment_id}}": ("get", "patch", "delete"),
    f"{REPOSITORY}/pulls": ("get",),
    f"{REPOSITORY}/pulls/{{pull_number}}": ("get",),
    f"{REPOSITORY}/pulls/{{pull_number}}/files": ("get",),
}

# A discriminator only helps to choose; one of GitHub's names a property that a list does not have.
_UNREAD = {
    "discriminator",
    "description",
    "summary",
    "example",
    "examples",
    "externalDocs",
    "tags",
    "x-github",
    "x-octokit",
}
_DEEPEST = 3  # levels that are spread over lines: components, their kind, each one


def main(package: Path) -> None:
    """Write the trimmed description of an unpacked npm package."""
    source = package / FILE
    whole = json.loads(source.read_bytes())
    paths = {
        path: {
            **{key: value for key, value in whole["paths"][path].items() if key == "parameters"},
            **{method: whole["paths"][path][method] for method in methods},
        }
        for path, methods in USED.items()
    }
    components: dict[str, dict[str, Any]] = {}
    _gather(paths, whole["components"], components)
    trimmed = {
        "x-source": SOURCE,
        "x-source-file": FILE,
        "x-source-sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
        "x-notice": (package / "LICENSE").read_text(encoding="utf-8").strip(),
        "openapi": whole["openapi"],
        "info": {"title": whole["info"]["title"], "version": whole["info"]["version"]},
        "paths": _readable(paths, names=True),
        "components": {kind: _readable(part, names=True) for kind, part in components.items()},
    }
    TARGET.write_text(_lines(trimmed), encoding="utf-8")


def _gather(part: Any, source: dict[str, Any], kept: dict[str, dict[str, Any]]) -> None:
    """Add to `kept` every component that a part refers to, and what those refer to."""
    if isinstance(part, list):
        for item in part:
            _gather(item, source, kept)
    if not isinstance(part, dict):
        return
    reference = part.get("$ref")
    if isinstance(reference, str):
        _, _, kind, name = reference.split("/")
        known = kept.setdefault(kind, {})
        if kind != "examples" and name not in known:
            known[name] = source[kind][name]
            _gather(known[name], source, kept)
    for key, value in part.items():
        if key not in _UNREAD or key == "properties":
            _gather(value, source, kept)


def _readable(part: Any, *, names: bool = False) -> Any:
    """Leave out what only people read; `names` says that the keys are names of properties."""
    if isinstance(part, list):
        return [_readable(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _readable(value, names=key == "properties" and not names)
        for key, value in part.items()
        if names or key not in _UNREAD
    }


def _lines(trimmed: dict[str, Any]) -> str:
    """Return JSON with one line for each path and component, so that a change can be read."""
    return _expanded(trimmed, "") + "\n"


def _expanded(value: Any, indent: str) -> str:
    if not isinstance(value, dict) or len(indent) == _DEEPEST or {"get", "post"} & value.keys():
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    inner = f"{indent} "
    lines = [f"{inner}{json.dumps(key)}: {_expanded(part, inner)}" for key, part in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
