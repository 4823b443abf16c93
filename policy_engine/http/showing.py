"""How a message may quote a foreign text or an address: short, printable, no secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a1-\ud7ff]+")
_LONGEST_SHOWN = 200  # characters of a foreign text within a message


def shown(text: str) -> str:
    """Return a foreign text on one line, printable and short."""
    line = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return line if len(line) <= _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "…"


def without_secrets(uri: str) -> str:
    """Return an address as a message may show it: no user, no password, no query."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "(not an address)"
    if "://" not in uri:
        # `ana:s3cret@host` is not an address, and a password all the same.
        return shown(uri.partition("?")[0].rpartition("@")[2])
    return shown(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/"))


def redacted(text: str, secrets: Iterable[str], mark: str = "***") -> str:
    """Return the text with a mark for every secret in it."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, mark)
    return text
