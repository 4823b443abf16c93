"""Answers that are read up to a deadline, byte by byte, headers included.

The timeout of a socket is for one silence: a server that sends a byte a second passes it for ever.
"""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import socket

    from policy_engine.http.deadline import Deadline

_LONGEST_LINE = 64 * 1024  # bytes; what http.client allows a header, and urllib3 no limit a chunk's
_BUFFER = 1024 * 1024
"""Bytes that are taken from a socket at once: a page of runs in two or three pieces. After each the
reading thread must wait for its turn, while another judges."""


def held_response(deadline: Deadline, silence_s: float) -> type[http.client.HTTPResponse]:
    """Return the `response_class` of a connection whose answers keep to a deadline."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            held = _Socket(sock, deadline, silence_s)
            super().__init__(held, *args, **kwargs)  # type: ignore[arg-type]

    return Response


class _Socket(NamedTuple):
    """As much of a socket as `http.client.HTTPResponse` asks for."""

    sock: socket.socket
    deadline: Deadline
    silence_s: float

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader of the socket; `mode` is always `rb`."""
        del mode
        return _Lines(_Raw(*self), _BUFFER)


class _Lines(io.BufferedReader):
    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line, as `BufferedReader` does, but not one without end."""
        if size is not None and size >= 0:
            return super().readline(size)
        line = super().readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise http.client.LineTooLong("chunk")
        return line


class _Raw(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline, silence_s: float) -> None:
        self._sock = sock
        self._deadline = deadline
        self._silence_s = silence_s
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadline.timeout(self._silence_s))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
