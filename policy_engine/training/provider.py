"""What a training run says of the change that it belongs to.

With policy-engine installed where training runs, MLflow asks `RunContextProvider` (entry point
`mlflow.run_context_provider`) for the tags of each new run:

| tag | value |
|---|---|
| `policy_engine.head_sha` | the commit that was trained: on a pull request its head, no merge |
| `policy_engine.dirty` | `true` or `false`: do tracked files differ from that commit |
| `policy_engine.pull_request` | its number; GitHub Actions only, as are the next two |
| `policy_engine.repository` | `owner/name` |
| `policy_engine.run_url` | the workflow run |

MLflow's own `mlflow.source.git.commit` does not do: it is the merge commit on a pull request, it is
absent for `python -c` and for scripts outside the work tree, and it says nothing of local changes.
Runs made by `MlflowClient.create_run` get no tags: MLflow asks nobody there.

This module imports neither mlflow nor the engine: mlflow imports it at its own start.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from policy_engine.git import work_tree as git
from policy_engine.git.ci import ci_commit
from policy_engine.github.event import read_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from policy_engine.github.event import Event

GIT_BUDGET_S = 2.0
"""The longest that git may hold up the start of a run, in seconds, all questions together."""

# MLflow asks again for each logged model and dataset. In a notebook the commit changes meanwhile.
_KEPT_S = 5.0

# Longer than any honest value. A value cut short would be a wrong one, so it is left out.
_MAX_VALUE = 250

_LOGGER = logging.getLogger(__name__)

_Answer = TypeVar("_Answer")
_Fact: TypeAlias = str | int | bool | None


class RunContextProvider:
    """The tags of a new MLflow run, by the protocol of MLflow's class of the same name.

    It never makes training fail: whatever goes wrong costs tags and one logged warning. Tags that
    the user sets win, in `start_run(tags=...)` and in MLFLOW_RUN_CONTEXT.

    It is not a subclass of MLflow's class, because that would import mlflow here. A script that
    imports this module before mlflow would then set off mlflow's search for plugins, which would
    find this module half-made and drop it. MLflow calls these two methods and asks for no more.
    """

    def __init__(self) -> None:
        self._tags: dict[str, str] = {}
        self._made_at: float | None = None
        self._asks_git = True
        self._has_warned = False

    def in_context(self) -> bool:
        """Tell MLflow to ask for the tags; there may be none."""
        return True

    def tags(self) -> dict[str, str]:
        """Return the tags of a run that starts now."""
        try:
            now = time.monotonic()
            if self._made_at is None or now - self._made_at > _KEPT_S:
                self._tags = self._read()
                self._made_at = now
            theirs = _set_by_user()
        except Exception as error:  # noqa: BLE001 -- a tag is never worth a training run
            self._warn(error)
            return {}
        return {name: value for name, value in self._tags.items() if name not in theirs}

    def _read(self) -> dict[str, str]:
        event = read_event(os.environ)
        until = time.monotonic() + GIT_BUDGET_S
        checkout = self._ask_git(lambda: _checkout(event, until))
        is_dirty = None
        if checkout is not None:
            folder = checkout.folder
            is_dirty = self._ask_git(lambda: git.is_dirty(folder, timeout_s=_left(until)))
        facts = _facts(event, checkout)
        if event is None and checkout is None:
            facts["head_sha"] = self._without_git()
        return _written(facts | {"dirty": is_dirty})

    def _without_git(self) -> str | None:
        """Return the commit that a CI system names; where none does, a repository is warned of."""
        ci = ci_commit(os.environ)
        if ci is not None:
            return ci.sha
        why = self._ask_git(lambda: git.unread(Path.cwd()))
        if why is not None:
            self._warn(why)
        return None

    def _ask_git(self, question: Callable[[], _Answer | None]) -> _Answer | None:
        """Ask git, until it fails once: no run shall wait again for a git that hangs."""
        if not self._asks_git:
            return None
        try:
            return question()
        except git.GitError as error:
            self._asks_git = False
            self._warn(error)
            return None

    def _warn(self, error: Exception | str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _LOGGER.warning("policy-engine cannot say all of what was trained here: %s", error)


class _Checkout(NamedTuple):
    folder: Path
    head: str


def _checkout(event: Event | None, until: float) -> _Checkout | None:
    """Return the work tree that the running code comes from, if there is one.

    That is the one whose git tracks the running script, else the one of the current folder. The
    script comes first since people start it from anywhere. It must be tracked: a command in
    `~/.pyenv` lies in a repository, but not in that of the change. The current folder is what is
    left for `python -c`, notebooks, installed commands and scripts outside of every work tree.
    In GitHub Actions the one that holds the change goes before the other.
    """
    folders = []
    script = _script()
    if script is not None and git.is_tracked(script, timeout_s=_left(until)):
        folders.append(script.parent)
    folders.append(Path.cwd())
    heads = [(folder, git.head(folder, timeout_s=_left(until))) for folder in folders]
    found = [_Checkout(folder, head) for folder, head in heads if head is not None]
    likeliest = found[0] if found else None
    return next((checkout for checkout in found if _is_change(event, checkout)), likeliest)


def _script() -> Path | None:
    # sys.argv[0], which MLflow reads, is wrong once the script has changed the current folder.
    name = getattr(sys.modules.get("__main__"), "__file__", None)
    script = Path(name).resolve() if name else None
    return script if script is not None and script.is_file() else None


def _left(until: float) -> float:
    return max(0.0, until - time.monotonic())


def _is_change(event: Event | None, checkout: _Checkout) -> bool:
    return event is not None and checkout.head in {event.head_sha, event.merge_sha}


def _facts(event: Event | None, checkout: _Checkout | None) -> dict[str, _Fact]:
    """Return what is known of the change.

    A work tree that is neither the change nor its merge is other code: the same job may train the
    baseline too. Its runs keep their own commit, and name no pull request. Where git knows nothing
    (a container without it, a download instead of a clone), GitHub is believed, and so is another
    CI system.
    """
    if event is None:
        return {"head_sha": checkout.head if checkout else None}
    facts: dict[str, _Fact] = {"repository": event.repository, "run_url": event.run_url}
    if checkout is None or _is_change(event, checkout):
        return facts | {"head_sha": event.head_sha, "pull_request": event.pull_request}
    return facts | {"head_sha": checkout.head}


def _written(facts: dict[str, _Fact]) -> dict[str, str]:
    values = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in facts.items()
        if value is not None
    }
    return {
        f"policy_engine.{name}": value for name, value in values.items() if len(value) <= _MAX_VALUE
    }


def _set_by_user() -> frozenset[str]:
    """Return the tags of MLFLOW_RUN_CONTEXT, which MLflow would let ours replace."""
    try:
        tags = json.loads(os.environ.get("MLFLOW_RUN_CONTEXT") or "{}")
    except (ValueError, RecursionError):
        return frozenset()  # MLflow says so itself
    return frozenset(tags) if isinstance(tags, dict) else frozenset()
