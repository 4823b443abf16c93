"""Connections that keep to a deadline: from the name of the host to the last byte of an answer."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from policy_engine.http.body import ENCODINGS
from policy_engine.http.deadline import within
from policy_engine.http.reading import held_response

if TYPE_CHECKING:
    import requests

    from policy_engine.http.deadline import Deadline

_MOST_CONNECTIONS = 16  # kept alive; more threads than that would wait for one another
_SENT_AT_ONCE = 16 * 1024  # bytes between two looks at the deadline; a record of TLS has no more


class HeldConnection:
    """Comes before the session class: keeps it to a deadline, and to the host that it asks."""

    def hold(self, deadline: Deadline, connect_s: float, silence_s: float) -> None:
        """Keep to a deadline.

        Args:
            deadline: Of all requests together.
            connect_s: The longest that one address is waited for (s).
            silence_s: The longest silence of the server (s).
        """
        adapter = _Adapter(deadline, connect_s, silence_s)
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)  # type: ignore[attr-defined]  # the session's
        self.headers["Accept-Encoding"] = ENCODINGS  # type: ignore[attr-defined]  # as above

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Follow no redirect: with the answer's address, credentials would go elsewhere.

        Asked not to follow, `requests` still reads all of the answer's body, whatever its size.
        """
        del resp


class _Adapter(HTTPAdapter):
    def __init__(self, deadline: Deadline, connect_s: float, silence_s: float) -> None:
        self._deadline = deadline
        self._limits = (connect_s, silence_s)
        self._pools = _held_pools(deadline, silence_s)
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

    def send(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request with what is left of the time."""
        # Not 0, which is not a timeout: the connection itself sees that nothing is left.
        left = max(0.001, self._deadline.remaining())
        kwargs["timeout"] = tuple(min(each, left) for each in self._limits)
        return super().send(*args, **kwargs)


def _held_pools(deadline: Deadline, silence_s: float) -> dict[str, type[HTTPConnectionPool]]:
    class Connection(HTTPConnection):
        response_class = held_response(deadline, silence_s)

        def _new_conn(self) -> socket.socket:
            return _connected(self, deadline)

        def send(self, data: Any) -> None:
            if not isinstance(data, bytes):
                super().send(data)
                return
            for start in range(0, len(data), _SENT_AT_ONCE):
                if self.sock is not None:
                    self.sock.settimeout(deadline.timeout(silence_s))
                super().send(data[start : start + _SENT_AT_ONCE])

    class Secure(Connection, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": Pool, "https": SecurePool}


def _connected(connection: HTTPConnection, deadline: Deadline) -> socket.socket:
    """Return a new socket for a connection; its timeout, for TLS, is what is left by then."""
    limit: Any = connection.timeout
    error: OSError = OSError("no address")
    try:
        # Not `host`, which lacks the dot that ends a name in full.
        name = connection._dns_host  # noqa: SLF001
        for place in _places(name, connection.port, deadline.timeout(limit)):
            made = socket.socket(*place[:3])
            try:
                for option in connection.socket_options or ():
                    made.setsockopt(*option)
                made.settimeout(deadline.timeout(limit))
                if connection.source_address:
                    made.bind(connection.source_address)
                made.connect(place[4])
                made.settimeout(deadline.timeout(limit))
            except OSError as e:
                made.close()
                error = e
            else:
                return made
        raise error
    except TimeoutError as e:
        raise ConnectTimeoutError(connection, "no connection in time") from e
    except (OSError, UnicodeError) as e:
        raise NewConnectionError(connection, "no connection") from e


def _places(host: str, port: int, timeout_s: float) -> list[Any]:
    """Return the addresses of a host, as `socket.getaddrinfo` gives them."""
    family = allowed_gai_family()
    how = (host.strip("[]"), port, family, socket.SOCK_STREAM)
    return within(timeout_s, lambda: socket.getaddrinfo(*how))
