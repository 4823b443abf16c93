"""The body of an answer, never more of it than was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from requests.exceptions import ContentDecodingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

ENCODINGS = "gzip, deflate"
"""What `Accept-Encoding` asks for: with these, a piece grows 1,000 times at most."""

_KNOWN = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_PIECE = 1024 * 1024  # bytes between two looks at the cap; after each, other threads may run first
_PACKED_PIECE = 64 * 1024  # as much may become 1,000 times that
_MOST_DIGITS = 18


class TooLargeError(Exception):
    """A body is over its cap.

    Attributes:
        size: How large it was announced to be (bytes); None where it was not.
    """

    def __init__(self, size: int | None) -> None:
        super().__init__(size)
        self.size = size


def whole(response: requests.Response, cap: int) -> bytes:
    """Return all of a body, unpacked.

    Args:
        response: Not yet read: sent for with `stream`.
        cap: The most bytes of it.

    Raises:
        TooLargeError: If it is larger, or says so.
        OSError: As `requests` raises while it reads.
    """
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal():
        size = int(announced) if len(announced) <= _MOST_DIGITS else None
        if size is None or size > cap:
            raise TooLargeError(size)
    content = beginning(response, cap + 1)
    if len(content) > cap:
        raise TooLargeError(None)
    return content


def beginning(response: requests.Response, length: int) -> bytes:
    """Return the first bytes of a body, unpacked."""
    content = bytearray()
    for piece in _pieces(response):
        content += piece
        if len(content) >= length:
            break
    del content[length:]
    return bytes(content)


def _pieces(response: requests.Response) -> Iterator[bytes]:
    packed = response.headers.get("Content-Encoding", "").strip().lower()
    if packed not in _KNOWN:
        raise ContentDecodingError
    is_plain = packed in {"", "identity"}
    yield from response.iter_content(_PIECE if is_plain else _PACKED_PIECE)
