"""A relay before a real MLflow server: of fifty requests it drops one, and refuses another."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY = 50
DROPPED, REFUSED = 3, 7
"""Which request of each fifty is dropped, and which is answered with 503."""


class Faulty(ThreadingHTTPServer):
    """Passes requests on, but for two of each `every`; counts what it did."""

    daemon_threads = True

    def __init__(self, target: str, every: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target).netloc
        self.every = every
        self.asked = 0
        self.dropped = 0
        self.refused = 0
        self.counting = threading.Lock()

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was dropped is nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Faulty

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        with self.server.counting:
            self.server.asked += 1
            turn = self.server.asked % self.server.every
            self.server.dropped += turn == DROPPED
            self.server.refused += turn == REFUSED
        if turn == DROPPED:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif turn == REFUSED:
            self._answer(503, b"try again", {"Content-Type": "text/plain"})
        else:
            self._pass_on(body)

    do_POST = do_GET  # noqa: N815 (the base class looks for this name)

    def _pass_on(self, body: bytes) -> None:
        with closing(http.client.HTTPConnection(self.server.target, timeout=60)) as connection:
            headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            kind = answer.getheader("Content-Type") or "application/json"
            self._answer(answer.status, answer.read(), {"Content-Type": kind})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Print nothing."""


@contextmanager
def faulty(target: str, every: int = EVERY) -> Iterator[Faulty]:
    """Run a relay before a server."""
    relay = Faulty(target, every)
    thread = threading.Thread(target=relay.serve_forever, daemon=True)
    thread.start()
    try:
        yield relay
    finally:
        relay.shutdown()
        relay.server_close()
