"""Connections that hold every byte of an answer to the deadline."""

from __future__ import annotations

import http.client
import io
from typing import TYPE_CHECKING, Any, NamedTuple

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

if TYPE_CHECKING:
    import socket

    from policy_engine.tracking.store import Deadline

SOCKET_SECONDS = 10.0
"""The longest silence of the server; MLflow's own default is 120."""
_MOST_CONNECTIONS = 16  # kept alive; more threads than that would wait for one another


class DeadlineAdapter(HTTPAdapter):
    """Holds every byte of an answer, headers included, to the deadline.

    A timeout of `requests` is for one silence: a server that sends a byte a second passes it for
    ever. So the connections read through a socket that looks at the deadline each time.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._pools = _deadline_pools(deadline)
        super().__init__(pool_connections=1, pool_maxsize=_MOST_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Make the pools of connections through a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _deadline_pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
            super().__init__(_DeadlineSocket(sock, deadline), *args, **kwargs)  # type: ignore[arg-type]

    class Plain(HTTPConnection):
        response_class = Response

    class Secure(HTTPSConnection):
        response_class = Response

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _DeadlineSocket(NamedTuple):
    """As much of a socket as `http.client.HTTPResponse` asks for."""

    sock: socket.socket
    deadline: Deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader of the socket; `mode` is always `rb`."""
        del mode
        return io.BufferedReader(_DeadlineReader(self.sock, self.deadline))


class _DeadlineReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline.remaining()
        if left <= 0.0:
            raise TimeoutError
        self._sock.settimeout(min(SOCKET_SECONDS, left))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
