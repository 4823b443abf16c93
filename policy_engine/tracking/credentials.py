"""Who asks the tracking server: found where MLflow's client finds it."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from policy_engine.tracking.store import ReadFailed

if TYPE_CHECKING:
    import requests

SET_CREDENTIALS = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
)
"""What to do where the server asks for credentials."""


class Credentials(NamedTuple):
    """The `Authorization` header, if any, and the texts that no message may show."""

    header: bytes | None
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, uri: str) -> Credentials:
        """Take them from the URI, else the environment, else `~/.mlflow/credentials`."""
        parts = urlsplit(uri)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
        if not user:
            stored_user, stored_password = _stored_credentials()
            user = os.environ.get("MLFLOW_TRACKING_USERNAME") or stored_user
            password = os.environ.get("MLFLOW_TRACKING_PASSWORD") or stored_password
        if user and password:
            basic = base64.b64encode(f"{user}:{password}".encode())
            return cls(b"Basic " + basic, (password, parts.password or "", basic.decode(), token))
        if any(character in token for character in "\r\n\0"):
            raise ReadFailed("MLFLOW_TRACKING_TOKEN holds a line break: set it without")
        return cls(b"Bearer " + token.encode() if token else None, (token, password))

    def sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header; as `auth` of the session it also keeps `~/.netrc` from replacing it."""
        # Bytes, so that a password beyond Latin-1 can be sent; requests takes them.
        request.headers["Authorization"] = self.header  # type: ignore[assignment]
        return request


def _stored_credentials() -> tuple[str, str]:
    """Return user and password out of the file that `mlflow login` writes; empty if none."""
    try:
        text = Path("~/.mlflow/credentials").expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, RuntimeError):  # RuntimeError: there is no home
        return "", ""
    import configparser  # noqa: PLC0415 (most machines have no such file)

    stored = configparser.ConfigParser(interpolation=None)
    try:
        stored.read_string(text)
    except configparser.Error:
        return "", ""
    get = stored.get
    name = ("mlflow_tracking_username", "mlflow_tracking_password")
    return get("mlflow", name[0], fallback=""), get("mlflow", name[1], fallback="")
