"""A stateful GitHub on loopback: its API, held to GitHub's own description of it.

Every request and every answer is checked. What breaks a rule is answered as GitHub would, and is
kept in `violations`: a test that ends with one has failed.
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.github.fake.api import Answer, Api, Asked, RefusalError
from tests.github.fake.contract import operation
from tests.github.fake.faults import Fault
from tests.github.fake.state import TOKEN, Actor, State

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "2022-11-28"
_PER_PAGE, _MOST_PER_PAGE = 30, 100


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came in; `path` is from the repository on: `issues/7/comments`."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class GitHubFake:
    """The fake: its state to look at, the faults to inject, and what it saw.

    Args:
        prefix: `/api/v3` for a GitHub Enterprise Server.
    """

    def __init__(self, prefix: str = "") -> None:
        self.state = State()
        self.api = Api(self.state)
        self.prefix = prefix
        self.token = TOKEN
        self.faults: list[Fault] = []
        self.requests: list[Seen] = []
        self.violations: list[str] = []
        self.tokens: set[str] = set()
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def api_url(self) -> str:
        """What GITHUB_API_URL is."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.prefix}"

    @property
    def asked(self) -> list[str]:
        """Every request in short: `GET issues/7/comments`."""
        return [str(each) for each in self.requests]

    @property
    def bodies(self) -> list[str]:
        """The text of every comment on pull request 7, oldest first."""
        return [comment.body for comment in self.state.comments if comment.number == 7]

    def fail(self, method: str, path: str, status: int = 502, **how: Any) -> None:
        """Let the next requests fail; see `Fault`."""
        self.faults.append(Fault(method, path, status=status, **how))

    def stall(self, method: str, path: str, seconds: float, **how: Any) -> None:
        """Say nothing for a while; see `Fault`."""
        self.faults.append(Fault(method, path, stall_s=seconds, **how))

    def page(self, method: str, path: str, content: bytes) -> None:
        """Answer 200 with these bytes; see `Fault`."""
        self.faults.append(Fault(method, path, page=content))

    def meanwhile(self, method: str, path: str, action: Any, times: int = 1) -> None:
        """Let something happen on GitHub just before the next such request."""
        self.faults.append(Fault(method, path, times=times, action=action))

    def as_fork(self) -> None:
        """Let the job's token be that of a pull request from a fork: it may only read."""
        self.state.tokens[TOKEN] = Actor(may_write=False)

    def as_person(self, login: str) -> str:
        """Return the token of a person."""
        token = f"github_pat_{login}_{'x' * 20}"
        self.state.tokens[token] = Actor(login, is_app=False)
        return token

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(fake: GitHubFake) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.fake = fake
    return Handler


class _Handler(BaseHTTPRequestHandler):
    fake: GitHubFake
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET  # noqa: N815 (named by http.server)

    def log_message(self, *_: Any) -> None:
        """Stay silent."""

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        fake, path = self.fake, url.path.removeprefix(self.fake.prefix)
        if not url.path.startswith(f"{fake.prefix}/"):
            self._send(404, {"message": "Not Found"})
            return
        # The next pages are linked by the repository's number, as GitHub does.
        path = re.sub(rf"^/repositories/{fake.state.id}", f"/repos/{fake.state.full_name}", path)
        short = unquote(path.removeprefix(f"/repos/{fake.state.full_name}/").removeprefix("/"))
        body = json.loads(raw) if raw else None
        query = parse_qs(url.query, keep_blank_values=True)
        with fake.lock:
            fake.requests.append(
                Seen(self.command, short, {k: v[0] for k, v in query.items()}, body)
            )
            fault = next((f for f in fake.faults if f.strikes(self.command, short)), None)
        try:
            self._answer(fault, path, query, body)
        except Exception as error:
            # It would be lost in this thread, and the test would pass.
            fake.violations.append(f"{self.command} {short}: {type(error).__name__}: {error}")
            raise

    def _answer(
        self, fault: Fault | None, path: str, query: dict[str, list[str]], body: Any
    ) -> None:
        if fault is not None:
            time.sleep(fault.stall_s)
            if fault.action is not None:
                fault.action()
        if fault is None or fault.after_commit or not (fault.status or fault.hang_up or fault.page):
            status, content, headers = self._judged(path, query, body)
        if fault is not None and fault.hang_up:
            self.close_connection = True
            return
        if fault is not None and fault.page is not None:
            self._send_bytes(200, fault.page, {"Content-Type": "text/html"})
            return
        if fault is not None and fault.status is not None:
            status, content, headers = fault.status, {"message": fault.message}, fault.headers
        self._send(status, content, headers)

    def _judged(
        self, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Return what GitHub answers: status, body, headers."""
        fake = self.fake
        with fake.lock:
            actor = self._actor()
            if actor is None:
                return 401, {"message": "Bad credentials"}, {}
            found = operation(self.command, path)
            if found is None or not self._is_here(found[1]):
                if found is None:
                    fake.violations.append(f"{self.command} {path}: nothing that we use")
                return 404, {"message": "Not Found"}, {}
            asked, values = found
            problems = [
                *self._problems_of_headers(),
                *asked.problems_of_request(values, query, body),
            ]
            if problems:
                fake.violations += problems
                return 422, {"message": f"Invalid request. {'; '.join(problems)}"}, {}
            flat = {name: given[0] for name, given in query.items()}
            try:
                answer = fake.api.routes[asked.content["operationId"]](
                    Asked(actor, values, flat, body or {})
                )
            except RefusalError as refusal:
                if refusal.limit:
                    fake.violations.append(f"{asked.name}: {refusal.message}")
                return refusal.status, {"message": refusal.message}, {}
            content, headers = self._paged(answer, path, flat)
            fake.violations += asked.problems_of_answer(answer.status, content)
            return answer.status, content, headers

    def _is_here(self, values: Mapping[str, str]) -> bool:
        state = self.fake.state
        return f"{values.get('owner', state.owner)}/{values.get('repo', state.name)}" == (
            state.full_name
        )

    def _actor(self) -> Actor | None:
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        self.fake.tokens.add(token)
        return self.fake.state.tokens.get(token) if kind.lower() in {"token", "bearer"} else None

    def _problems_of_headers(self) -> list[str]:
        wrong = []
        if self.headers.get("X-GitHub-Api-Version") != VERSION:
            wrong.append(f"X-GitHub-Api-Version is not {VERSION}")
        if "json" not in self.headers.get("Accept", ""):
            wrong.append("Accept asks for no JSON")
        if not self.headers.get("User-Agent"):
            wrong.append("no User-Agent: GitHub refuses to answer")
        return [f"{self.command} {self.path}: {each}" for each in wrong]

    def _paged(
        self, answer: Answer, path: str, query: Mapping[str, str]
    ) -> tuple[Any, dict[str, str]]:
        items = answer.body
        # The contents of a folder are a list, and one page.
        if not isinstance(items, list) or "/contents/" in path:
            return items, {}
        size = min(int(query.get("per_page", _PER_PAGE)), _MOST_PER_PAGE)
        page = int(query.get("page", 1))
        shown = items[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(items):
            home = f"/repos/{self.fake.state.full_name}"
            by_number = path.replace(home, f"/repositories/{self.fake.state.id}", 1)
            more = urlencode({**query, "page": page + 1})
            headers["Link"] = f'<{self.fake.api_url}{by_number}?{more}>; rel="next"'
        if answer.key is None:
            return shown, headers
        return {"total_count": len(items), answer.key: shown}, headers

    def _send(self, status: int, content: Any, headers: Mapping[str, str] | None = None) -> None:
        data = b"" if content is None else json.dumps(content).encode()
        self._send_bytes(
            status, data, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        )

    def _send_bytes(self, status: int, data: bytes, headers: Mapping[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if status != 204:
                self.wfile.write(data)
        except OSError:
            self.close_connection = True  # whoever asked went away
