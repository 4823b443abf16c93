"""One question to MLflow's REST API, and what an answer must be.

Each answer is checked to be of the right shape, and about what was asked for: MLflow's own client
takes a login page or an empty object for a run without metrics.
"""

from __future__ import annotations

import json
import posixpath
import re
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from policy_engine.http.deadline import Deadline
from policy_engine.http.showing import shown
from policy_engine.source.foreign import whole
from policy_engine.tracking.credentials import SET_CREDENTIALS
from policy_engine.tracking.store import (
    Entry,
    Json,
    NotFound,
    ReadFailed,
    Refused,
    TooOld,
    Unsupported,
    decoded,
    with_page,
)
from policy_engine.tracking.transport import Answer, Asked, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ABSENT = "RESOURCE_DOES_NOT_EXIST"
INVALID = "INVALID_PARAMETER_VALUE"
OLDEST = (2, 9)
"""The oldest MLflow that is read."""

_WITH_LOGGED_MODELS = (3, 0)
_API = "/api/2.0/mlflow/"
_JSON_CAP = 64 * 1024 * 1024  # bytes; a run takes about 10 KB, a page has at most 1,000 of them
_MOST_PAGES = 1000
_VERSION_CAP = 4096  # bytes; a version has a dozen
_OK, _BAD_REQUEST, _NOT_FOUND = 200, 400, 404
_LONGEST_TOKEN = 4096  # bytes; one has some 60
_TOKEN_AT_END = re.compile(rb'"next_page_token"\s*:\s*"([A-Za-z0-9+/=_-]+)"\s*\}\s*\Z')
"""What can end nothing but the object of an answer: inside a text, its quotes were escaped."""
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})[0-9A-Za-z.+-]{0,40}")


class Version(NamedTuple):
    """The version of a server, whole and by its first two numbers."""

    text: str
    numbers: tuple[int, int]


class Api:
    """Asks one MLflow server; thread-safe.

    Args:
        uri: Tracking URI, `http(s)://…`.
        deadline: When every read gives up.
    """

    def __init__(self, uri: str, deadline: Deadline) -> None:
        self._transport = Transport(uri, deadline)
        self.address = self._transport.address
        self.unsupported: dict[str, None] = {}
        self._spoke_mlflow = False
        self._asking = threading.Lock()
        self._version: list[Version | None] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What could not be sent with the requests."""
        return self._transport.notes

    @property
    def request_count(self) -> int:
        """HTTP requests so far, retries included."""
        return self._transport.request_count

    @property
    def known_version(self) -> Version | None:
        """The server's version if it was asked for already, and told."""
        return self._version[0] if self._version else None

    def version(self) -> Version | None:
        """Return the server's version, asked for once; None where it does not say one."""
        with self._asking:
            if not self._version:
                self._version.append(self._asked_version())
            return self._version[0]

    # One question.

    def get(
        self,
        path: str,
        params: Mapping[str, str],
        missing: Mapping[str, str],
        listed: str | None = None,
    ) -> Json:
        """Return what a GET answers.

        Args:
            path: Below `/api/2.0/mlflow/`.
            params: The query.
            missing: The sentence of NotFound for each error code that means it.
            listed: The folder of the artifact store that is listed, if it is that.

        Raises:
            NotFound, Unreadable: As the server says; Unsupported where it lacks the endpoint.
        """
        return self._json("GET", path, missing, params=params, stored=listed)

    def post(self, path: str, body: Mapping[str, Any]) -> Json:
        """Return what a POST answers; raises Refused where the server refuses the question.

        A path that begins with `/` is from the server's root.
        """
        return self._json("POST", path, {}, body=body)

    def post_for_page(
        self, path: str, body: Mapping[str, Any]
    ) -> tuple[str | None, Callable[[], Json]]:
        """Return the token of the next page, and what reads the rest of this one.

        The token stands at the end: the next page can be asked for before this one is read, which
        takes a twentieth of the time in which the server makes it.
        """
        text = self._answer("POST", path, {}, body=body)
        found = _TOKEN_AT_END.search(text, max(0, len(text) - _LONGEST_TOKEN))
        if found is not None:
            return found[1].decode(), lambda: self._object(path, text)
        answer = self._object(path, text)
        return self.next_page(path, answer), lambda: answer

    def _json(
        self,
        method: str,
        path: str,
        missing: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        stored: str | None = None,
    ) -> Json:
        text = self._answer(method, path, missing, params=params, body=body, stored=stored)
        return self._object(path, text, stored)

    def _answer(
        self,
        method: str,
        path: str,
        missing: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        stored: str | None = None,
    ) -> bytes:
        asked = Asked(_what(path, stored), _JSON_CAP, stored is not None)
        place = path if path.startswith("/") else _API + path
        answer = self._transport.send(method, place, asked, params=params, body=body)
        if answer.status != _OK:
            raise self._refusal(path, answer, missing)
        return answer.body

    def _object(self, path: str, text: bytes, stored: str | None = None) -> Json:
        value = _parsed(text)
        if not isinstance(value, dict):
            what = _what(path, stored)
            raise ReadFailed(
                f"MLflow at {self.address} sent no JSON object as {what}: check that the "
                f"tracking URI leads to MLflow and not to a login page, and {SET_CREDENTIALS}"
            )
        self._spoke_mlflow = True
        return value

    def all_of(self, path: str, key: str, query: Mapping[str, Any]) -> list[Json]:
        """Return the records of all pages."""
        return self._pages(path, key, lambda page: self.post(path, {**query, **page}))

    def all_by_get(
        self, path: str, key: str, params: Mapping[str, str], missing: Mapping[str, str]
    ) -> list[Json]:
        """Return the records of all pages of a GET."""
        return self._pages(path, key, lambda page: self.get(path, {**params, **page}, missing))

    def _pages(self, path: str, key: str, ask: Callable[[Mapping[str, str]], Json]) -> list[Json]:
        found: list[Json] = []
        token: str | None = ""
        for _ in range(_MOST_PAGES):
            answer = ask({"page_token": token} if token else {})
            with_page(found, self.records(path, answer, key), f"the answer to {path}")
            token = self.next_page(path, answer)
            if token is None:
                return found
        raise self.wrong_shape(path, "pages without end")

    def entries(
        self, path: str, params: Mapping[str, str], folder: str, missing: str
    ) -> list[Entry]:
        """Return what lies in one folder; nothing where it is not there."""
        what = f"the listing of '{shown(folder) or '/'}'"
        found: list[Entry] = []
        token: str | None = ""
        for _ in range(_MOST_PAGES):
            asked = {**params, "page_token": token} if token else params
            answer = self.get(path, asked, {ABSENT: missing}, listed=what)
            if not isinstance(answer.get("root_uri"), str):
                raise self.wrong_shape(path, "no root_uri")
            page = self.records(path, answer, "files")
            with_page(found, (self._entry(path, each, folder) for each in page), what)
            token = self.next_page(path, answer)
            if token is None:
                return found
        raise self.wrong_shape(path, "pages without end")

    def _entry(self, path: str, record: Json, folder: str) -> Entry:
        name, is_dir, size = record.get("path"), record.get("is_dir"), record.get("file_size")
        if not isinstance(name, str) or not isinstance(is_dir, bool):
            raise self.wrong_shape(path, "a file without a path")
        if posixpath.dirname(name) != folder or posixpath.basename(name) in {"", ".", ".."}:
            raise self.wrong_shape(path, "a file of another folder")
        if size is not None and (not isinstance(size, int) or isinstance(size, bool) or size < 0):
            raise self.wrong_shape(path, "a size that is not a number of bytes")
        return Entry(name, is_dir, None if is_dir else size)

    def text(self, url: str, params: Mapping[str, str], cap: int, what: str) -> str:
        """Return the text of a stored file; Unreadable if over `cap` bytes."""
        answer = self._transport.send("GET", url, Asked(what, cap, stored=True), params=params)
        if answer.status != _OK:
            missing = f"MLflow at {self.address} does not have {what}"
            raise self._refusal(url, answer, {ABSENT: missing, INVALID: missing})
        # MLflow sends every file as an attachment; a login page is none.
        if not answer.headers.get("Content-Disposition", "").startswith("attachment"):
            raise ReadFailed(
                f"MLflow at {self.address} sent a web page in place of {what}: check that the "
                f"tracking URI leads to MLflow and not to a login page, and {SET_CREDENTIALS}"
            )
        return decoded(answer.body, what)

    # What an answer must be.

    def part(self, path: str, answer: Json, key: str) -> Json:
        """Return the object under a key."""
        part = answer.get(key)
        if not isinstance(part, dict):
            raise self.wrong_shape(path, f"no '{key}'")
        return part

    def info(self, path: str, record: Json) -> Json:
        """Return the `info` of a record."""
        return self.part(path, record, "info")

    def about(self, path: str, record: Json, key: str, asked: str | None) -> Json:
        """Return the record if its `info` names what was asked for; any id where that is None."""
        value = self.info(path, record).get(key)
        if value != asked if asked is not None else not (isinstance(value, str) and value):
            raise self.wrong_shape(path, f"its '{key}' is not the one asked for")
        return record

    def same(self, path: str, record: Json, **asked: str) -> Json:
        """Return the record if its own keys name what was asked for."""
        for key, value in asked.items():
            if record.get(key) != value:
                raise self.wrong_shape(path, f"its '{key}' is not the one asked for")
        return record

    def records(self, path: str, answer: Json, key: str) -> Iterator[Json]:
        """Yield the objects of a list; MLflow leaves out a list that is empty."""
        records = answer.get(key, [])
        if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
            raise self.wrong_shape(path, f"'{key}' is not a list of objects")
        if not records and not answer.keys() <= {key, "next_page_token", "root_uri"}:
            raise self.wrong_shape(path, f"no '{key}'")
        yield from records

    def next_page(self, path: str, answer: Json) -> str | None:
        """Return the token of the next page, None if this was the last."""
        token = answer.get("next_page_token")
        if token is not None and not isinstance(token, str):
            raise self.wrong_shape(path, "'next_page_token' is not text")
        return token or None

    # Why there is none.

    def wrong_shape(self, path: str, why: str) -> ReadFailed:
        """Return the error for an answer that is none of MLflow's."""
        return ReadFailed(
            f"MLflow at {self.address} sent an answer of the wrong shape to {path} ({why}): "
            "check that the tracking URI leads to MLflow"
        )

    def _refusal(
        self, path: str, answer: Answer, missing: Mapping[str, str]
    ) -> NotFound | ReadFailed:
        error = _parsed(answer.body)
        code = error.get("error_code") if isinstance(error, dict) else None
        if isinstance(code, str) and code in missing:
            return NotFound(missing[code])
        if answer.status == _NOT_FOUND and code != ABSENT:
            return self._unknown_endpoint(path)
        said = error.get("message") if isinstance(error, dict) else None
        quoted = f": {self._transport.quoted(said)}" if isinstance(said, str) else ""
        kind = Refused if answer.status == _BAD_REQUEST else ReadFailed
        return kind(f"MLflow at {self.address} refused {path} (HTTP {answer.status}){quoted}")

    def _unknown_endpoint(self, path: str) -> ReadFailed:
        """Return why the server does not know an endpoint: it is none of MLflow's, or an older."""
        version = self.version()
        if version is None and not self._spoke_mlflow:
            return ReadFailed(
                f"{self.address} does not look like an MLflow server; check the tracking URI"
            )
        if version is not None and version.numbers < OLDEST:
            return self._too_old(version)
        if version is not None and version.numbers >= _WITH_LOGGED_MODELS:
            return ReadFailed(
                f"MLflow {version.text} at {self.address} does not know {path}; "
                "check that nothing between here and there blocks it"
            )
        name = f"MLflow {version.text}" if version else "the server"
        why = f"{name} at {self.address} does not know {path}"
        if version is None:  # of MLflow's own versions it is known what they lack
            self.unsupported.setdefault(f"{why}: what it would tell is missing")
        return Unsupported(why)

    def _asked_version(self) -> Version | None:
        try:
            answer = self._transport.send("GET", "/version", Asked("its version", _VERSION_CAP))
        except ReadFailed:
            return None
        text = answer.body.decode("ascii", "replace").strip()
        found = _VERSION.fullmatch(text) if answer.status == _OK else None
        return Version(text, (int(found[1]), int(found[2]))) if found else None

    def _too_old(self, version: Version) -> TooOld:
        return TooOld(
            f"the server at {self.address} runs MLflow {version.text}; policy-engine reads "
            f"MLflow {OLDEST[0]}.{OLDEST[1]} and newer: upgrade the server"
        )


def _what(path: str, stored: str | None) -> str:
    return stored or f"the answer to {path}"


def _parsed(body: bytes) -> Any:
    """Return the JSON value; None, which MLflow never sends, where it is none."""
    try:
        value = json.loads(body)
        return whole(value) if b"\\u" in body else value
    except (ValueError, RecursionError):
        return None
