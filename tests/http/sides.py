"""The two that ask over HTTP, each with one question to an address, and what it ended with."""

from __future__ import annotations

import pytest

from policy_engine.github.client import Client, connect
from policy_engine.github.failure import GitHubError
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.store import ReadFailed

RUN = "0123456789abcdef" * 2


def refused_by_mlflow(address: str, seconds: float) -> str:
    """Return the sentence with which a read of a run ends."""
    with pytest.raises(ReadFailed) as raised:
        RestStore(address, Deadline(seconds)).run(RUN)
    assert raised.value.__cause__ is None
    return str(raised.value)


def refused_by_github(address: str, seconds: float) -> str:
    """Return the sentence with which a read of a pull request ends."""
    with pytest.raises(GitHubError) as raised:
        github(address, seconds).pull(7)
    assert raised.value.__cause__ is None
    return str(raised.value)


def github(address: str, seconds: float) -> Client:
    environ = {
        "GITHUB_TOKEN": "ghs_secret",
        "GITHUB_REPOSITORY": "acme/fraud",
        "GITHUB_API_URL": address,
    }
    return connect(environ, total_s=seconds)
