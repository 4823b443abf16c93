"""What a distribution installed, as one digest: the same wherever the same wheel was installed."""

import csv
import hashlib
import json
from importlib.metadata import PackageNotFoundError, distribution

_BY_THE_INSTALLER = ("INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json")


def record_digest(name: str) -> str | None:
    """Return the digest over path and hash of each file that a distribution installed.

    They are read from its RECORD, sorted, without what the installer wrote of itself and what lies
    outside of the folder of packages, such as scripts. A file that was edited since is not seen.

    Args:
        name: The distribution.

    Returns:
        `sha256:…`; None where there is no RECORD, or where it is of an editable installation.
    """
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return None
    record, origin = installed.read_text("RECORD"), installed.read_text("direct_url.json")
    if record is None or _is_editable(origin):
        return None
    rows = [row for row in csv.reader(record.splitlines()) if len(row) > 1 and _is_own(*row[:2])]
    text = "".join(f"{path},{digest}\n" for path, digest, *_ in sorted(rows))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _is_own(path: str, digest: str) -> bool:
    """Say whether a file is of the wheel itself."""
    folder, _, name = path.rpartition("/")
    by_installer = folder.endswith(".dist-info") and name in _BY_THE_INSTALLER
    return bool(digest) and not by_installer and not path.startswith(("..", "/"))


def _is_editable(origin: str | None) -> bool:
    try:
        told = json.loads(origin or "{}")
    except ValueError:
        return False
    return bool(told.get("dir_info", {}).get("editable"))
