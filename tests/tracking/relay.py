"""A loopback relay before a real MLflow server: it writes down each request, and may die."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PASSED_ON = frozenset({"content-type", "content-disposition"})


class Relay(ThreadingHTTPServer):
    """Passes requests on.

    `asked` holds method and path of each, without the query; `sent` their bodies.
    `dies_after` so many answers the relay is gone; with `kills`, the process group of the server
    behind it is killed instead, in the middle of the next request. Who does not send the headers
    that it `wants` sees a login page.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        target: str,
        dies_after: int | None,
        kills: int | None,
        wants: Mapping[str, str],
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.wants = wants
        self.target = urlsplit(target).netloc
        self.left = dies_after
        self.kills = kills
        self.asked: list[str] = []
        self.sent: list[bytes] = []
        self.counting = threading.Lock()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def lives(self) -> bool:
        """Count a request; say whether it is still answered."""
        with self.counting:
            if self.left is None:
                return True
            self.left -= 1
            return self.left >= 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Relay

    def do_GET(self) -> None:
        lives = self.server.lives()
        if not lives and self.server.kills is None:
            # As a server whose process was killed: the connection breaks, nobody listens any more.
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            self.server.socket.close()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with self.server.counting:  # requests come at once: each body stays beside its request
            self.server.asked.append(f"{self.command} {self.path.partition('?')[0]}")
            self.server.sent.append(body)
        if any(self.headers.get(name) != value for name, value in self.server.wants.items()):
            self._ask_for_a_login()
            return
        upstream = http.client.HTTPConnection(self.server.target, timeout=30)
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        with closing(upstream):
            if not lives and self.server.kills is not None:
                self._killing(self.server.kills, upstream, body, headers)
            else:
                upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() in _PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _ask_for_a_login(self) -> None:
        page = b"<!DOCTYPE html><title>Sign in to acme</title>"
        self.send_response(403)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def _killing(
        self, group: int, upstream: http.client.HTTPConnection, body: bytes, headers: dict[str, str]
    ) -> None:
        """Kill the server while it has the request: frozen, it takes it and cannot answer."""
        os.killpg(group, signal.SIGSTOP)
        try:
            upstream.request(self.command, self.path, body, headers)
        finally:
            os.killpg(group, signal.SIGKILL)

    do_POST = do_GET  # noqa: N815 -- http.server's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- http.server's name
        """Print nothing."""


@contextmanager
def relaying(
    target: str,
    dies_after: int | None = None,
    *,
    kills: int | None = None,
    wants: Mapping[str, str] | None = None,
) -> Iterator[Relay]:
    """Relay until the end of the block; with `dies_after`, that many requests are answered."""
    with Relay(target, dies_after, kills, wants or {}) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            relay.shutdown()
            thread.join(5)
