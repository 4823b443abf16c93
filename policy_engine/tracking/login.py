"""What stands before MLflow and answers in its place: a login page, or a proxy that refuses."""

import re
from urllib.parse import urlsplit

from policy_engine.http.showing import shown, without_secrets
from policy_engine.tracking.credentials import SET_CREDENTIALS
from policy_engine.tracking.header_plugins import GROUP

LET_IN = (
    "install the plugin for MLflow that sends what it asks for (entry point "
    f"`{GROUP}`) beside policy-engine, or {SET_CREDENTIALS}"
)
"""What to do where something before MLflow asks who is there."""

_LOGIN = re.compile(
    r"log[ _-]?in\b|log[ _-]?on\b|sign[ _-]?in|\bsso\b|oauth|openid|saml", re.IGNORECASE
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 8192  # bytes of a page; its title is at its beginning


def is_login(address: str) -> bool:
    """Say whether a redirect goes to a login page, by its host and path."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return _LOGIN.search(f"{parts.netloc.rpartition('@')[2]} {parts.path}") is not None


def of_redirect(address: str, status: int, target: str) -> str:
    """Return what to say of a redirect to a login page."""
    return (
        f"a login page stands before MLflow at {address} (HTTP {status}, a redirect to "
        f"{without_secrets(target)}): {LET_IN}"
    )


def of_page(address: str, status: int, body: bytes) -> str | None:
    """Return what to say of a web page in place of MLflow's answer; None where it is none."""
    text = body[:_LOOKED_AT].decode("utf-8", "replace").strip()
    if not text.startswith("<") or "<html" not in text.lower().replace("<!doctype html", "<html"):
        return None
    found = _TITLE.search(text)
    title = f": {shown(found[1])}" if found and found[1].strip() else ""
    if _LOGIN.search(text):
        return f"a login page stands before MLflow at {address} (HTTP {status}{title}): {LET_IN}"
    return (
        f"a proxy or firewall before MLflow at {address} answers with a web page (HTTP "
        f"{status}{title}): let this machine through, or {LET_IN}"
    )
