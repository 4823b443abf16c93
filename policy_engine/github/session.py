"""github3.py's session, made fit for a gate: bounded, patient, and never with another host.

github3.py tries everything once, waits up to 10 seconds for each byte, follows redirects with a
changed method, and says nothing of GitHub's API version. What this session returns is a success
with a JSON body, or none; all else is raised as a `GitHubError`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
from github3.exceptions import GitHubError as Github3Error
from github3.exceptions import error_for
from github3.session import GitHubSession

from policy_engine import __version__
from policy_engine.github.failure import GitHubError, NotAllowedError, NotFoundError, UnclearError
from policy_engine.http import body as bodies
from policy_engine.http.connections import HeldConnection
from policy_engine.http.deadline import Deadline
from policy_engine.http.fault import Fault, fault_of
from policy_engine.http.repeating import asked_pause, repeated
from policy_engine.http.showing import redacted
from policy_engine.render.escape import terminal

if TYPE_CHECKING:
    from collections.abc import Mapping

API_VERSION = "2022-11-28"
"""The version that github3.py 4 understands; 2026-03-10 dropped fields."""
MAX_ANSWER = 32 * 1024 * 1024
"""The largest answer that is read (bytes); a page of 100 comments has at most 26 MB."""

_REPEATABLE = frozenset({"GET", "PATCH", "DELETE"})
_MUTATIONS = frozenset({"POST", "PATCH", "DELETE"})
_TRIES = 5  # for what is no matter of limits: 1 + 2 + 4 + 8 seconds between them
_SECONDARY_S = 60.0  # GitHub's advice where a secondary limit names no time
_SHORTEST_S = 1.0  # of a limit, whatever it says: its clock may be behind
_MULTIPLE_CHOICES, _BAD_REQUEST, _SERVER_ERROR = 300, 400, 500
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429
_ABSENT = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long GitHub is waited for (seconds).

    Attributes:
        total_s: All requests and pauses of a session together.
        connect_s: One connection.
        read_s: One silence.
        backoff_s: The pause after the first failure; it doubles.
        gap_s: The least time between two writes, as GitHub asks of its clients.
    """

    total_s: float = 120.0
    connect_s: float = 5.0
    read_s: float = 20.0
    backoff_s: float = 1.0
    gap_s: float = 1.0


class Session(HeldConnection, GitHubSession):  # type: ignore[misc]  # github3.py carries no types
    """Requests to one GitHub until the patience ends.

    Args:
        address: The API's root, without a slash at its end.
        token: GITHUB_TOKEN or a personal token.
        patience: How long to wait.
    """

    def __init__(self, address: str, token: str, patience: Patience) -> None:
        super().__init__(patience.connect_s, patience.read_s)
        self.base_url = address
        self.headers["Accept"] = "application/vnd.github+json"
        self.headers["X-GitHub-Api-Version"] = API_VERSION
        self.headers["User-Agent"] = f"policy-engine/{__version__} {self.headers['User-Agent']}"
        # GITHUB_TOKEN is an installation's; github3.py asks for this kind before a check run.
        expires = datetime.now(UTC) + timedelta(seconds=patience.total_s + 3600)
        self.app_installation_token_auth({"token": token, "expires_at": expires.isoformat()})
        self._token = token
        self._patience = patience
        self._written = float("-inf")
        self._deadline = Deadline(patience.total_s)
        self.hold(self._deadline, patience.connect_s, patience.read_s)

    def request(
        self, method: str, url: str, *args: Any, repeat: bool | None = None, **kwargs: Any
    ) -> requests.Response:
        """Return a successful answer.

        Args:
            method: GET, POST, PATCH or DELETE.
            url: On this GitHub; a link of another host is refused.
            args: As `requests` takes them.
            repeat: Whether it may be sent again where it may have had its effect; None: GET,
                PATCH and DELETE may. What a limit turned away had none, and is always sent again.
            kwargs: As `requests` takes them.

        Raises:
            NotAllowedError, NotFoundError, UnclearError, GitHubError: For all other answers, and
                for none.
        """
        if not url.startswith(f"{self.base_url}/"):
            raise GitHubError("GitHub links to another host, which is not asked")
        may_repeat = method in _REPEATABLE if repeat is None else repeat
        outcome, _ = repeated(
            lambda: self._tried(method, url, args, kwargs),
            lambda outcome, tries: self._pause(outcome, tries, may_repeat=may_repeat),
            self._deadline,
        )
        if isinstance(outcome, _Failed):
            raise self._failure(outcome, method, url, may_repeat=may_repeat)
        return outcome

    def _pause(
        self, outcome: requests.Response | _Failed, tries: int, *, may_repeat: bool
    ) -> float | None:
        """Return how long to wait before the next try (seconds); None: there is none."""
        if isinstance(outcome, requests.Response):
            return None
        if outcome.limit_s is not None:
            return outcome.limit_s
        if not outcome.is_passing or (outcome.may_be_done and not may_repeat):
            return None
        return self._patience.backoff_s * 2 ** (tries - 1) if tries < _TRIES else None

    def _keep_gap(self, method: str) -> None:
        if method in _MUTATIONS:
            wait = self._written + self._patience.gap_s - time.monotonic()
            time.sleep(max(0.0, min(wait, self._deadline.remaining())))

    def _tried(
        self, method: str, url: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> requests.Response | _Failed:
        self._keep_gap(method)
        if self._deadline.expired:
            return _Failed(f"not asked: {self._patience.total_s:g} s are over")
        try:
            response = super().request(method, url, *args, **{**kwargs, "stream": True})
            with response:
                content = bodies.whole(response, MAX_ANSWER)
            response._content = content  # noqa: SLF001 -- as `response.content` itself does
        except bodies.TooLargeError:
            return _Failed(_UNREAD, may_be_done=True)
        except OSError as error:  # the base of all that `requests` raises
            fault = fault_of(error)
            return _Failed(_WHY[fault], is_passing=fault.is_passing, may_be_done=fault.may_be_done)
        finally:
            if method in _MUTATIONS:
                self._written = time.monotonic()
        if response.status_code >= _BAD_REQUEST:
            return self._refused(response)
        if response.status_code >= _MULTIPLE_CHOICES:
            return _Failed(
                f"answered with a redirect ({response.status_code}): "
                "was the repository renamed or moved?"
            )
        return response if _is_json(response) else _Failed("sent no JSON: is that GitHub's API?")

    def _refused(self, response: requests.Response) -> _Failed:
        error: Github3Error = error_for(response)
        said = error.msg if isinstance(error.msg, str) else ""
        shown = terminal(redacted(said, (self._token,), "…"))
        words = f"answered {response.status_code}" + (f" ({shown})" if shown else "")
        return _Failed(
            words,
            status=response.status_code,
            limit_s=_limited(response, said),
            is_passing=response.status_code >= _SERVER_ERROR,
            may_be_done=response.status_code >= _SERVER_ERROR,
        )

    def _failure(self, outcome: _Failed, method: str, url: str, *, may_repeat: bool) -> GitHubError:
        what = f"{method} {url.removeprefix(self.base_url).partition('?')[0]}"
        text = f"GitHub {outcome.words}: {what}"
        if outcome.limit_s is not None:
            text += (
                f"; it asks to wait {outcome.limit_s:.0f} s, "
                f"more than is left of {self._patience.total_s:g} s"
            )
        elif outcome.status in {_UNAUTHORIZED, _FORBIDDEN}:
            return NotAllowedError(text)
        if outcome.status in _ABSENT:
            return NotFoundError(text)
        if outcome.may_be_done and not may_repeat:
            return UnclearError(text)
        return GitHubError(text)


@dataclass(frozen=True, slots=True)
class _Failed:
    """A try that failed.

    Attributes:
        words: What GitHub did, after its name.
        status: The answer's status; None: there was no answer.
        limit_s: How long a limit asks to wait; None: it is no matter of limits.
        is_passing: Whether another try may succeed.
        may_be_done: Whether the request may have had its effect.
    """

    words: str
    status: int | None = None
    limit_s: float | None = None
    is_passing: bool = False
    may_be_done: bool = False


_UNREAD = "gave an answer that cannot be read"
_WHY = {
    Fault.CERTIFICATE: "has a certificate that is not trusted: set REQUESTS_CA_BUNDLE",
    Fault.PROXY: "is not reached through the proxy: check HTTPS_PROXY and NO_PROXY",
    Fault.HEADER: "was not asked: a header cannot be sent",
    Fault.PACKING: _UNREAD,
    Fault.BREAK: "hung up without an answer",
    Fault.SILENCE: "did not answer in time",
    Fault.NO_CONNECTION: "cannot be reached",
    Fault.HANG_UP: "hung up without an answer",
    Fault.ADDRESS: "cannot be asked: see HTTPS_PROXY and GITHUB_API_URL",
    Fault.FILE: "was not asked: REQUESTS_CA_BUNDLE names no file",
}


def _limited(response: requests.Response, said: str) -> float | None:
    """Return how long a limit of GitHub asks to wait (seconds); None: no limit was met."""
    if response.status_code not in {_FORBIDDEN, _TOO_MANY}:
        return None
    headers = response.headers
    after = asked_pause(headers)
    if after is not None:
        return max(_SHORTEST_S, after)
    if headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
        return max(_SHORTEST_S, float(reset) - time.time()) if reset.isdecimal() else _SECONDARY_S
    is_secondary = "secondary rate limit" in said.lower()
    return _SECONDARY_S if is_secondary or response.status_code == _TOO_MANY else None


def _is_json(response: requests.Response) -> bool:
    if not response.content:
        return True
    try:
        response.json()
    except (ValueError, RecursionError):
        return False
    return True
