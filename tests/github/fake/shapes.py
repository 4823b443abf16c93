"""The state as GitHub shows it: samples of GitHub's own schemas, filled in."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from tests.github.fake.contract import component
from tests.github.fake.state import Submodule, Symlink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.github.fake.state import CheckRun, Comment, File, Pull, State

_LARGEST = 1024 * 1024  # bytes; larger ones come without content
_MOST_ENTRIES = 1000
Json = dict[str, Any]


def filled(schema: str, **facts: Any) -> Json:
    """Return the least value of a schema, with these facts."""
    value: Json = component(schema)
    return value | facts


def user(login: str | None) -> Json | None:
    """Return a user; None for a deleted account."""
    if login is None:
        return None
    kind = "Bot" if login.endswith("[bot]") else "User"
    return filled("simple-user", login=login, type=kind)


def repository(state: State) -> Json:
    """Return the repository."""
    return filled(
        "full-repository",
        id=state.id,
        name=state.name,
        full_name=state.full_name,
        default_branch=state.default_branch,
    )


def comment(of: Comment) -> Json:
    """Return a comment."""
    return filled("issue-comment", id=of.id, body=of.body, user=user(of.author))


def pull(state: State, of: Pull, *, simple: bool = False) -> Json:
    """Return a pull request, as a list has it or whole."""
    shape: Json = component("pull-request-simple" if simple else "pull-request")
    head_repository = None if of.head_repository is None else _repository(of.head_repository, shape)
    home = _repository(state.full_name, shape)
    return shape | {
        "number": of.number,
        "state": of.state,
        "user": user(of.author),
        "labels": [_label(name) for name in of.labels],
        "head": shape["head"] | {"sha": of.head_sha, "ref": of.head_ref, "repo": head_repository},
        "base": shape["base"] | {"sha": of.base_sha, "ref": of.base_ref, "repo": home},
        **({} if simple else {"changed_files": len(of.files)}),
    }


def _repository(full_name: str, shape: Json) -> Json:
    base: Json = shape["base"]["repo"]
    return base | {"full_name": full_name, "name": full_name.partition("/")[2]}


def _label(name: str) -> Json:
    return {
        "id": 1,
        "node_id": "x",
        "url": "https://github.example/",
        "name": name,
        "description": None,
        "color": "ffffff",
        "default": False,
    }


def changed_file(path: str, before: str | None) -> Json:
    """Return one file of a pull request; `before` is its name before it was renamed."""
    renamed = {"previous_filename": before, "status": "renamed"} if before else {}
    return filled("diff-entry", filename=path, status="modified") | renamed


def ref(name: str, sha: str) -> Json:
    """Return a git reference to a commit."""
    shape: Json = {"node_id": "x", "url": "https://github.example/"}
    return shape | {
        "ref": f"refs/{name}",
        "object": {"type": "commit", "sha": sha, "url": "https://github.example/"},
    }


def check_run(of: CheckRun) -> Json:
    """Return a check run."""
    shape: Json = component("check-run")
    output = shape["output"] | {
        "title": of.title,
        "summary": of.summary,
        "text": of.text,
        "annotations_count": len(of.annotations),
    }
    return shape | {
        "id": of.id,
        "name": of.name,
        "head_sha": of.head_sha,
        "status": of.status,
        "conclusion": of.conclusion,
        "external_id": of.external_id,
        "details_url": of.details_url,
        "output": output,
    }


def contents(tree: Mapping[str, File], path: str) -> Any:
    """Return what the contents API says of a path; None where there is nothing."""
    entry = tree.get(path)
    if isinstance(entry, Symlink):
        target = tree.get(entry.target)
        # A link to a file is followed, and nothing says so.
        if isinstance(target, bytes):
            return _file(entry.target, target)
        return _entry("content-symlink", path, type="symlink", target=entry.target, size=0)
    if isinstance(entry, Submodule):
        return _entry("content-submodule", path, type="submodule", sha=entry.sha, size=0)
    if isinstance(entry, bytes):
        return _file(path, entry)
    inside = {name: tree[name] for name in tree if name.startswith(f"{path}/")}
    if not inside:
        return None
    listed = {name[len(path) + 1 :].partition("/")[0] for name in inside}
    return [_listed(tree, f"{path}/{name}") for name in sorted(listed)[:_MOST_ENTRIES]]


def _listed(tree: Mapping[str, File], path: str) -> Json:
    entry = tree.get(path)
    shape: Json = {"size": 0, "sha": "7" * 40, "type": "dir", "download_url": None}
    if isinstance(entry, bytes):
        shape = {"size": len(entry), "sha": blob_sha(entry), "type": "file"}
        shape["download_url"] = "https://github.example/"
    elif isinstance(entry, Symlink):
        shape |= {"type": "symlink"}
    elif isinstance(entry, Submodule):
        shape |= {"type": "file", "sha": entry.sha}  # GitHub calls it a file here
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "url": "https://github.example/",
        "git_url": "https://github.example/",
        "html_url": "https://github.example/",
        "_links": {"self": "https://github.example/", "git": None, "html": None},
        **shape,
    }


def _file(path: str, data: bytes) -> Json:
    content = base64.encodebytes(data).decode() if len(data) <= _LARGEST else ""
    encoding = "base64" if len(data) <= _LARGEST else "none"
    return _entry(
        "content-file",
        path,
        type="file",
        size=len(data),
        sha=blob_sha(data),
        content=content,
        encoding=encoding,
    )


def _entry(schema: str, path: str, **facts: Any) -> Json:
    return filled(schema, name=path.rpartition("/")[2], path=path, **facts)


def blob_sha(data: bytes) -> str:
    """Return the name that git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
