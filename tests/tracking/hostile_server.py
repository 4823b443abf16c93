"""A loopback server that answers as a test says: wrongly, slowly, partly, or not at all."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Reply = Callable[["_Handler"], None]


class Seen(NamedTuple):
    """A request as it came in; the names of the headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class HostileServer(ThreadingHTTPServer):
    """Gives its replies in order, the last one for ever, and remembers what it was asked."""

    daemon_threads = True
    # The one that trickles would hold up the end of a test.
    block_on_close = False

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = list(replies)
        self.seen: list[Seen] = []
        self.stopping = threading.Event()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def uri(self) -> str:
        return f"http://{self.address}"

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up is what the tests are about: nothing to print."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HostileServer

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        self.server.next_reply()(self)

    do_POST = do_GET  # noqa: N815 -- http.server's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- http.server's name
        """Print nothing."""

    def trickle(self, content: bytes, pause: float) -> None:
        for position in range(len(content)):
            if self.server.stopping.is_set():
                return
            self.wfile.write(content[position : position + 1])
            time.sleep(pause)


@contextmanager
def serving(*replies: Reply) -> Iterator[HostileServer]:
    """Serve until the end of the block."""
    with HostileServer(replies) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def body(content: bytes, status: int = 200, **headers: str) -> Reply:
    """Answer with these bytes; `content_type="text/html"` gives the header `Content-Type`."""

    def reply(handler: _Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "content_length" not in headers:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    return body(json.dumps(value).encode(), status, content_type="application/json", **headers)


def error(status: int, code: str, message: str = "it says why") -> Reply:
    return as_json({"error_code": code, "message": message}, status)


def html(status: int = 200) -> Reply:
    return body(b"<!doctype html><title>Log in</title>", status, content_type="text/html")


def attachment(content: bytes) -> Reply:
    return body(content, content_disposition="attachment; filename=file")


def redirect(location: str) -> Reply:
    return body(b"", 302, location=location)


def broken_off(handler: _Handler) -> None:
    """Announce 1,000 bytes and hang up after twenty."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"run": {"info": {}}')
    handler.close_connection = True


def hang_up(handler: _Handler) -> None:
    """Close without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def unannounced(content: bytes) -> Reply:
    """Send a body without saying how long it is; its end is the end of the connection."""

    def reply(handler: _Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    return reply


def trickled_body(handler: _Handler) -> None:
    """Send a byte every tenth of a second: no single silence is ever long."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.trickle(b"{" + b" " * 999, 0.1)


def trickled_headers(handler: _Handler) -> None:
    """As `trickled_body`, but before the body."""
    handler.trickle(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000, 0.1)
