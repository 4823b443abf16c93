"""A loopback server that knows no HTTP: a test says which bytes come, and how slowly."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Act = Callable[[socket.socket, threading.Event], object]

HOST = "127.0.0.1"
_PAUSE_S = 0.05  # between two bytes: no single silence is ever long
_PIECE = b"x" * 65536


@contextmanager
def serving(act: Act) -> Iterator[str]:
    """Do the same with each connection until the end of the block; yield `host:port`."""
    stopping = threading.Event()
    with socket.create_server((HOST, 0)) as listener:

        def connected(connection: socket.socket) -> None:
            # A client that gives up is what the tests are about.
            with connection, suppress(OSError):
                act(connection, stopping)

        def accept() -> None:
            while not stopping.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=connected, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"{HOST}:{listener.getsockname()[1]}"
        finally:
            stopping.set()
            listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def no_room() -> Iterator[str]:
    """Yield `host:port` where a connection is neither accepted nor refused."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.settimeout(0.0)
            each.connect_ex(listener.getsockname())
        yield f"{HOST}:{listener.getsockname()[1]}"
        for each in waiting:
            each.close()


def asked(connection: socket.socket) -> None:
    """Wait until a request without a body came in whole."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionError
        seen += piece


def dripping(begin: bytes, drop: bytes, *, first: bool = False) -> Act:
    """Send the beginning, then the drop again and again, without end.

    Args:
        begin: Sent at once.
        drop: One byte or more, after each pause.
        first: Do not wait for a request, as before a TLS handshake.
    """

    def act(connection: socket.socket, stopping: threading.Event) -> None:
        if not first:
            asked(connection)
        connection.sendall(begin)
        while not stopping.wait(_PAUSE_S):
            connection.sendall(drop)

    return act


def silent(connection: socket.socket, stopping: threading.Event) -> None:
    """Accept, and say nothing."""
    del connection
    stopping.wait()


def pouring(begin: bytes, piece: bytes = _PIECE) -> Act:
    """Send the beginning, then the piece as fast as it is taken, without end."""

    def act(connection: socket.socket, stopping: threading.Event) -> None:
        asked(connection)
        connection.sendall(begin)
        while not stopping.is_set():
            connection.sendall(piece)

    return act


def reading_nothing(connection: socket.socket, stopping: threading.Event) -> None:
    """Accept, and never take what is sent."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stopping.wait()
