"""Evidence in a file: written by one step, judged by another."""

import json
import stat
from pathlib import Path

from pydantic import ValidationError

from policy_engine.errors import UsageError
from policy_engine.evidence.record import EvidenceRecord
from policy_engine.source.foreign import once

EVIDENCE_CAP = 256 * 1024 * 1024
"""The largest evidence file that is read (bytes)."""


def read_evidence(path: Path, at_most: int | None = None) -> EvidenceRecord:
    """Return a saved evidence file; one that is damaged is evidence that cannot be read.

    Args:
        path: The file.
        at_most: The most bytes that are read; None: `EVIDENCE_CAP`.

    Raises:
        UsageError: If there is no such file.
    """
    cap = EVIDENCE_CAP if at_most is None else at_most
    try:
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # a pipe or a device may never end
            return _unreadable(path, "it is not a plain file")
        with path.open("rb") as file:
            text = file.read(cap + 1)
        if len(text) > cap:
            return _unreadable(path, f"it is larger than {cap} bytes")
        evidence = EvidenceRecord.from_json(text)
        json.loads(text, object_pairs_hook=once, parse_int=len, parse_float=len)
    except OSError as e:
        raise UsageError(f"evidence file {path}: {e.strerror}") from e
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        # pydantic names the part of a union that it tried last; nobody wrote that.
        parts = (str(part) for part in first["loc"] if part != "constrained-float")
        where = ".".join(parts) or "the file"
        return _unreadable(path, f"{where}: {first['msg']}")
    except ValueError as e:
        return _unreadable(path, str(e))
    else:
        return evidence


def save_evidence(evidence: EvidenceRecord, path: Path) -> None:
    """Write an evidence file.

    Raises:
        UsageError: If the place cannot be written to.
    """
    try:
        path.write_text(evidence.to_text(), encoding="utf-8")
    except OSError as e:
        raise UsageError(f"evidence file {path}: {e.strerror}") from e


def _unreadable(path: Path, why: str) -> EvidenceRecord:
    return EvidenceRecord(
        unreadable=f"evidence file {path} cannot be read: {why}; collect it again"
    )
