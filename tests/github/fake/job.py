"""A job of GitHub Actions: the variables and the event file that the runner would give it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.github.fake.state import MERGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.github.fake.server import GitHubFake

RUN_ID = "4711"


def job(
    fake: GitHubFake, folder: Path, event: str = "pull_request", **facts: Any
) -> dict[str, str]:
    """Return the variables of a job; its files lie in the folder.

    Args:
        fake: The GitHub that it belongs to.
        folder: Where its event, outputs and summary lie; each job needs one of its own.
        event: What started it.
        facts: `sha`, `payload` (instead of the usual one), `attempt`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    payload = facts.get("payload") or PAYLOADS[event](fake)
    (folder / "event.json").write_text(json.dumps(payload))
    for name in ("output", "summary"):
        (folder / name).touch()
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": fake.api_url,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": fake.state.full_name,
        "GITHUB_TOKEN": fake.token,
        "GITHUB_EVENT_NAME": event,
        "GITHUB_EVENT_PATH": str(folder / "event.json"),
        "GITHUB_SHA": facts.get("sha") or SHAS.get(event, lambda f: f.state.branches["main"])(fake),
        "GITHUB_RUN_ID": RUN_ID,
        "GITHUB_RUN_ATTEMPT": facts.get("attempt", "1"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }


def outputs(folder: Path) -> dict[str, str]:
    """Return the outputs that a step wrote, read as the runner reads them."""
    found: dict[str, str] = {}
    lines = iter((folder / "output").read_text().splitlines())
    for line in lines:
        name, heredoc, rest = line.partition("<<")
        if "=" in name or not heredoc:
            name, _, rest = line.partition("=")
            found[name] = rest
            continue
        value: list[str] = []
        for inner in lines:
            if inner == rest:
                break
            value.append(inner)
        else:
            raise AssertionError(f"output {name} does not end")
        found[name] = "\n".join(value)
    return found


def summary(folder: Path) -> str:
    """Return the job summary."""
    return (folder / "summary").read_text()


def _repository(fake: GitHubFake) -> dict[str, Any]:
    return {"full_name": fake.state.full_name, "default_branch": fake.state.default_branch}


def _pull_request(fake: GitHubFake) -> dict[str, Any]:
    pull = fake.state.pulls[7]
    head = pull.head_repository
    return {
        "repository": _repository(fake),
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "user": {"login": pull.author} if pull.author else None,
            "labels": [{"name": name} for name in pull.labels],
            "head": {
                "sha": pull.head_sha,
                "ref": pull.head_ref,
                "repo": {"full_name": head} if head else None,
            },
            "base": {
                "sha": pull.base_sha,
                "ref": pull.base_ref,
                "repo": {"full_name": fake.state.full_name},
            },
        },
    }


def _merge_group(fake: GitHubFake) -> dict[str, Any]:
    base = fake.state.branches["main"]
    return {
        "repository": _repository(fake),
        "merge_group": {
            "head_sha": MERGE,
            "head_ref": f"refs/heads/gh-readonly-queue/main/pr-7-{base}",
            "base_sha": base,
            "base_ref": "refs/heads/main",
        },
    }


def _workflow_run(fake: GitHubFake) -> dict[str, Any]:
    pull = fake.state.pulls[7]
    owner = (pull.head_repository or "").partition("/")[0]
    return {
        "repository": _repository(fake),
        "action": "completed",
        "workflow_run": {
            "id": 4710,
            "event": "pull_request",
            "head_sha": pull.head_sha,
            "head_branch": pull.head_ref,
            "head_repository": {"full_name": pull.head_repository, "owner": {"login": owner}}
            if pull.head_repository
            else None,
            "pull_requests": [],  # GitHub leaves it empty for forks
        },
    }


def _issue_comment(fake: GitHubFake) -> dict[str, Any]:
    pull = fake.state.pulls[7]
    return {
        "repository": _repository(fake),
        "action": "created",
        "issue": {
            "number": pull.number,
            "user": {"login": pull.author} if pull.author else None,
            "labels": [{"name": name} for name in pull.labels],
            "pull_request": {"url": f"{fake.api_url}/repos/{fake.state.full_name}/pulls/7"},
        },
        "comment": {"body": "/check", "user": {"login": "ben"}},
    }


def _plain(fake: GitHubFake) -> dict[str, Any]:
    return {"repository": _repository(fake)}


PAYLOADS: Mapping[str, Any] = {
    "pull_request": _pull_request,
    "pull_request_target": _pull_request,
    "merge_group": _merge_group,
    "workflow_run": _workflow_run,
    "issue_comment": _issue_comment,
    "push": _plain,
    "workflow_dispatch": _plain,
    "schedule": _plain,
}
SHAS: Mapping[str, Any] = {
    "pull_request": lambda _: MERGE,
    "merge_group": lambda _: MERGE,
}
