"""One HTTP exchange with one server: bounded in time and bytes, and never with another host.

Settings are those of MLflow's client, by the same environment variables, so that whoever can log
to a server can also read it here.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import requests

from policy_engine.http import body as bodies
from policy_engine.http.connections import HeldConnection
from policy_engine.http.fault import Fault, fault_of
from policy_engine.http.repeating import asked_pause, repeated
from policy_engine.http.showing import redacted, shown, without_secrets
from policy_engine.tracking import login
from policy_engine.tracking.credentials import SET_CREDENTIALS, Credentials
from policy_engine.tracking.header_plugins import PluginHeaders
from policy_engine.tracking.store import NoSuchStore, ReadFailed, over_cap, over_deadline

if TYPE_CHECKING:
    from collections.abc import Mapping

    from policy_engine.http.deadline import Deadline

SILENCE_S = 10.0
"""The longest silence of the server (s); MLflow's own default is 120."""

_CERTIFICATE = "MLFLOW_TRACKING_SERVER_CERT_PATH"
_RETRIES = 2
_BACKOFF_SECONDS = 0.25  # then doubled
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_ERROR_CAP = 64 * 1024  # bytes of an error's body, of which a sentence is shown
_OK, _REDIRECT, _BAD = 200, 300, 400


class _Session(HeldConnection, requests.Session):
    """A session of MLflow's: nothing of its own."""


class Answer(NamedTuple):
    """An answer of the server: its status, headers (any case) and whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Asked(NamedTuple):
    """What a request is for.

    Attributes:
        what: Its name, for a message.
        cap: The most bytes of a body to read.
        stored: Whether the server takes it out of its artifact store.
    """

    what: str
    cap: int
    stored: bool = False


class Transport:
    """Sends requests to one server until the deadline. Thread-safe.

    Args:
        uri: Tracking URI, `http(s)://[user:password@]host[:port][/prefix]`.
        deadline: When every exchange gives up.

    Raises:
        NoSuchStore: If the URI names no host.
        Unreadable: If the token cannot be sent.
    """

    def __init__(self, uri: str, deadline: Deadline) -> None:
        self.address = without_secrets(uri)
        self.deadline = deadline
        self.request_count = 0
        self._counting = threading.Lock()
        self._base = _base(uri)
        self._credentials = Credentials.of(uri)
        self._asking_plugins = threading.Lock()
        self._plugins: PluginHeaders | None = None
        self._session = _Session()
        self._session.hold(deadline, SILENCE_S, SILENCE_S)
        workspace = os.environ.get("MLFLOW_WORKSPACE", "").strip()
        if workspace:
            self._session.headers["X-MLFLOW-WORKSPACE"] = workspace.encode()
        self._verify = _verify()
        self._certificate = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None

    def send(
        self,
        method: str,
        path: str,
        asked: Asked,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Return the server's answer: 200, or an error status that the caller understands.

        Args:
            method: All requests only read, so each may be sent again.
            path: From the server's root, quoted.
            asked: What it is for.
            params: The query, not yet quoted.
            body: Sent as JSON.

        Raises:
            Unreadable: If there is no answer in time, it is over the cap, it is a redirect, or it
                says 401, 403, 429 or 5xx.
        """
        outcome, wait = repeated(
            lambda: self._tried(method, path, params, body, asked), _pause, self.deadline
        )
        if isinstance(outcome, Answer):
            if wait is not None:
                raise self._overloaded(outcome, wait)
            return self._allowed(outcome, asked)
        if wait is not None or self.deadline.expired:
            raise over_deadline(self.address, self.deadline)
        raise ReadFailed(f"MLflow at {self.address} {_WHY[outcome]}")

    def quoted(self, text: str) -> str:
        """Return what the server said, fit for a message: short, printable, no secret of ours."""
        return shown(redacted(text, (*self._credentials.secrets, *self._of_plugins.secrets)))

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each plugin that did not say what to send."""
        return self._plugins.failed if self._plugins else ()

    @property
    def _of_plugins(self) -> PluginHeaders:
        """What MLflow's plugins add to each request; asked for once, with the first one."""
        with self._asking_plugins:
            if self._plugins is None:
                self._plugins = PluginHeaders.of_installed(self.deadline)
        return self._plugins

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add who asks; as `auth` of a request it also keeps `~/.netrc` from replacing it."""
        for name, value in self._of_plugins.headers.items():
            # Bytes, so that a value beyond Latin-1 can be sent; requests takes them.
            request.headers[name] = value.encode()  # type: ignore[assignment]
        return request if self._credentials.header is None else self._credentials.sign(request)

    def _tried(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        asked: Asked,
    ) -> Answer | Fault:
        if self.deadline.expired:
            return Fault.SILENCE
        with self._counting:
            self.request_count += 1
        try:
            with self._session.request(
                method,
                self._base + path,
                params=params,
                json=body,
                # Where nothing says who asks, `~/.netrc` may.
                auth=self._sign if self._credentials.header or self._of_plugins.headers else None,
                verify=self._verify,
                cert=self._certificate,
                stream=True,
            ) as response:
                status, headers = response.status_code, response.headers
                if status != _OK:
                    return Answer(status, headers, bodies.beginning(response, _ERROR_CAP))
                return Answer(status, headers, bodies.whole(response, asked.cap))
        except bodies.TooLargeError as error:
            raise over_cap(asked.what, asked.cap, error.size) from None
        except OSError as error:  # the base of all that `requests` raises
            return fault_of(error)

    def _allowed(self, answer: Answer, asked: Asked) -> Answer:
        """Return the answer, unless its status means that the server does not serve us."""
        said = self.quoted(_message(answer.body))
        if answer.status == http.client.UNAUTHORIZED:
            raise ReadFailed(
                f"MLflow at {self.address} does not know who asks (HTTP 401): {SET_CREDENTIALS}"
            )
        if answer.status == http.client.FORBIDDEN:
            page = login.of_page(self.address, answer.status, answer.body)
            if page is not None:
                raise ReadFailed(self._with_notes(page))
            raise ReadFailed(
                f"MLflow at {self.address} does not allow this read (HTTP 403{said}): "
                f"give the user READ permission, or {SET_CREDENTIALS}"
            )
        if asked.stored and answer.status == http.client.INTERNAL_SERVER_ERROR:
            raise ReadFailed(
                f"MLflow at {self.address} could not read {asked.what} from its artifact store "
                f"(HTTP {answer.status}{said}): see that the server itself can read the store "
                "(its credentials, the bucket, the address); the server's log says why"
            )
        if answer.status >= http.client.INTERNAL_SERVER_ERROR or answer.status in _RETRIED:
            raise ReadFailed(
                f"MLflow at {self.address} failed (HTTP {answer.status}{said}); "
                "try again, or look into the server's log"
            )
        if _REDIRECT <= answer.status < _BAD:
            raise self._redirected(answer)
        return answer

    def _redirected(self, answer: Answer) -> ReadFailed:
        location = answer.headers.get("Location", "")
        if login.is_login(location):
            said = login.of_redirect(self.address, answer.status, location)
            return ReadFailed(self._with_notes(said))
        target = without_secrets(location)
        return ReadFailed(
            f"MLflow at {self.address} answers with a redirect (HTTP {answer.status}) to "
            f"{target or 'nowhere'}, which is not followed: if that is MLflow, make it the "
            f"tracking URI; if it is a login page, {SET_CREDENTIALS}"
        )

    def _with_notes(self, text: str) -> str:
        """Add the plugins that failed: it may be their headers that are missing."""
        return "; ".join((text, *self.notes))

    def _overloaded(self, answer: Answer, pause: float) -> ReadFailed:
        return ReadFailed(
            f"MLflow at {self.address} is busy (HTTP {answer.status}) and asks to wait "
            f"{pause:g} s, more than is left of {self.deadline.seconds:g} s; "
            "try again, or allow more with --timeout"
        )


_WHY = {
    Fault.CERTIFICATE: f"has a certificate that is not trusted: set {_CERTIFICATE}",
    Fault.PROXY: ("is not reached through the proxy: check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"),
    Fault.HEADER: "was not asked: take the line break out of MLFLOW_WORKSPACE",
    Fault.PACKING: "sent an answer that cannot be unpacked; try again",
    Fault.BREAK: "broke off in the middle of an answer; try again",
    Fault.SILENCE: f"said nothing for {SILENCE_S:g} s; try again, or look into its log",
    Fault.NO_CONNECTION: "cannot be reached; check the tracking URI and that the server runs",
    Fault.HANG_UP: "hung up without an answer; try again, or look into its log",
    Fault.ADDRESS: "cannot be asked; check the tracking URI",
    Fault.FILE: f"was not asked: {_CERTIFICATE} or MLFLOW_TRACKING_CLIENT_CERT_PATH names no file",
}


def _pause(outcome: Answer | Fault, tries: int) -> float | None:
    """Return how long to wait before the next try (s); None: there is none."""
    if tries > _RETRIES:
        return None
    backoff: float = _BACKOFF_SECONDS * 2 ** (tries - 1)
    if isinstance(outcome, Fault):
        return backoff if outcome.is_passing else None
    if outcome.status not in _RETRIED:
        return None
    return max(backoff, asked_pause(outcome.headers) or 0.0)


def _message(body: bytes) -> str:
    """Return `: …` with the sentence of an error of MLflow, or nothing where it is a web page."""
    try:
        said = json.loads(body)["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f": {said}" if isinstance(said, str) and said and "</" not in said else ""


def _base(uri: str) -> str:
    """Return scheme, host, port and prefix: what stays of the URI for every request."""
    try:
        parts = urlsplit(uri.strip())
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    if not has_host:
        raise NoSuchStore(f"{without_secrets(uri)} is not an address of a server")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


def _verify() -> bool | str:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"true", "1"}:
        return False
    return os.environ.get(_CERTIFICATE) or True
