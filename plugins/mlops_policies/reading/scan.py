"""A scan's report that lies in the model, as ModelScan or modelaudit writes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from policy_engine.evidence import InvalidEvidence, json_value

FILE = "modelscan.json"
AUDIT_FILE = "modelaudit.json"
SEVERITIES = ("none", "low", "medium", "high", "critical")
Severity = Literal["none", "low", "medium", "high", "critical"]

_SCAN_IT = "scan the model again with `modelscan -r json --show-skipped`, and store what it writes"
_AUDIT_IT = "scan the model again with `modelaudit scan --format json`, and store what it writes"
_AS_MODELSCAN = {"debug": "none", "info": "none", "warning": "medium"}
"""modelaudit's severities; `critical` is one of both."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan says.

    Attributes:
        file: The report's name in the model.
        scanned: The files that it read.
        skipped: The files that it did not.
        severities: The severity of each issue, lower case.
        errors: How many errors it met.
    """

    file: str
    scanned: tuple[str, ...]
    skipped: tuple[str, ...]
    severities: tuple[str, ...]
    errors: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Read ModelScan's report.

        Raises:
            InvalidEvidence: If it is none.
        """
        try:
            report = json_value(text)
            summary = report["summary"]
            if "skipped" not in summary and "scanned" in summary:
                raise InvalidEvidence(
                    f"{FILE} of the model does not say which files the scan skipped", _SCAN_IT
                )
            return cls(
                file=FILE,
                scanned=tuple(str(p) for p in summary["scanned"]["scanned_files"]),
                skipped=tuple(_skipped(summary["skipped"])),
                severities=tuple(str(i["severity"]).lower() for i in report["issues"]),
                errors=len(report["errors"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError) as e:
            raise InvalidEvidence(f"{FILE} of the model is not a ModelScan report", _SCAN_IT) from e

    @classmethod
    def of_audit(cls, text: str) -> Self:
        """Read modelaudit's report: a file is scanned if a scanner for its format read it.

        Raises:
            InvalidEvidence: If it is none.
        """
        try:
            report = json_value(text)
            read = tuple(str(a["path"]) for a in report["assets"] if a["type"] != "unknown")
            severities = tuple(str(i["severity"]).lower() for i in report["issues"])
            failed = report["has_errors"] is not False or report["success"] is not True
        except (ValueError, TypeError, KeyError, AttributeError) as e:
            raise InvalidEvidence(
                f"{AUDIT_FILE} of the model is not a modelaudit report", _AUDIT_IT
            ) from e
        severities = tuple(_AS_MODELSCAN.get(each, each) for each in severities)
        return cls(AUDIT_FILE, read, (), severities, errors=int(failed))

    def above(self, limit: str) -> tuple[str, ...]:
        """Return the severities above a limit; one that is not known is above all."""
        worst = SEVERITIES.index(limit)
        return tuple(
            s for s in self.severities if s not in SEVERITIES or SEVERITIES.index(s) > worst
        )

    def left_out(self, paths: Iterable[str]) -> tuple[str, ...]:
        """Return the paths that it did not scan whole: not named, or skipped."""
        return tuple(p for p in paths if not _names(self.scanned, p) or _names(self.skipped, p))


def _skipped(skipped: Mapping[str, Any]) -> list[str]:
    files = skipped.get("skipped_files", [])
    return [str(f["source"]) if isinstance(f, dict) else str(f) for f in files]


def _names(listed: tuple[str, ...], path: str) -> bool:
    """Say whether a list names a file, from the root of the model or from further up.

    A part of it, as `model.pth:model/data.pkl`, names it as well.
    """
    for each in listed:
        whole = each.replace("\\", "/").partition(":")[0]
        if whole == path or whole.endswith(f"/{path}"):
            return True
    return False
