"""Why there is no answer.

The text of an error may quote a header, or the address of a proxy: it is never shown.
"""

from __future__ import annotations

import ssl
from enum import Enum, auto
from typing import TYPE_CHECKING

from requests import exceptions as of_requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ReadTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Fault(Enum):
    """What went wrong."""

    CERTIFICATE = auto()
    """The server's certificate is not trusted."""
    PROXY = auto()
    """The proxy does not take the connection, or does not pass it on."""
    HEADER = auto()
    """A header of ours cannot be sent."""
    PACKING = auto()
    """The body cannot be unpacked."""
    BREAK = auto()
    """The body broke off."""
    SILENCE = auto()
    """There was no answer in time, or not all of it."""
    NO_CONNECTION = auto()
    """There is no such host, or it takes no connection."""
    HANG_UP = auto()
    """The connection ended before an answer."""
    ADDRESS = auto()
    """What was to be asked is not an address of a server."""
    FILE = auto()
    """A certificate of ours is not there."""

    @property
    def is_passing(self) -> bool:
        """Whether another try may succeed."""
        return self not in {Fault.CERTIFICATE, Fault.HEADER, Fault.ADDRESS, Fault.FILE}

    @property
    def may_be_done(self) -> bool:
        """Whether the request may have had its effect."""
        return self in {Fault.PACKING, Fault.BREAK, Fault.SILENCE, Fault.HANG_UP}


# The first that fits: the later ones are base classes of the earlier, or wrap them.
_KINDS: tuple[tuple[type[Exception], Fault], ...] = (
    (of_requests.ProxyError, Fault.PROXY),
    (ssl.SSLEOFError, Fault.HANG_UP),
    (ssl.SSLZeroReturnError, Fault.HANG_UP),
    (of_requests.SSLError, Fault.CERTIFICATE),
    (of_requests.InvalidHeader, Fault.HEADER),
    (of_requests.ContentDecodingError, Fault.PACKING),
    (of_requests.ChunkedEncodingError, Fault.BREAK),
    (ReadTimeoutError, Fault.SILENCE),
    (NewConnectionError, Fault.NO_CONNECTION),
    (ConnectTimeoutError, Fault.NO_CONNECTION),
    (of_requests.ConnectTimeout, Fault.NO_CONNECTION),
    (TimeoutError, Fault.SILENCE),
    (of_requests.ConnectionError, Fault.HANG_UP),
    (of_requests.RequestException, Fault.ADDRESS),
)


def fault_of(error: OSError) -> Fault:
    """Return what an error of `requests` means, or the one of urllib3 that it wraps.

    One of neither is raised for a certificate that is not there, before anything is asked.
    """
    causes = list(_causes(error))
    return next(
        (fault for kind, fault in _KINDS if any(isinstance(each, kind) for each in causes)),
        Fault.FILE,
    )


def _causes(error: Exception) -> Iterator[Exception]:
    """Yield an error and all that it wraps."""
    yield error
    for each in (*error.args, getattr(error, "reason", None)):
        if isinstance(each, Exception):
            yield from _causes(each)
