"""The report as GitLab's Code Quality report: what blocks, warns or is waived, on its line.

| what a finding does | severity |
|---|---|
| blocks, or was not judged | `blocker` |
| warns | `minor` |
| is waived | `info` |
"""

import json
from collections import Counter
from hashlib import sha256
from typing import Any

from policy_engine.render.annotations import NOWHERE, Annotation, Severity, annotate
from policy_engine.render.escape import json_text
from policy_engine.report import Report

_SEVERITIES: dict[Severity, str] = {"failure": "blocker", "warning": "minor", "notice": "info"}
_JOB = ".gitlab-ci.yml"
"""Where it stands what is in no file of the repository: GitLab requires a path."""


def as_codequality(report: Report) -> str:
    """Return the report as JSON for `artifacts: reports: codequality`, in ASCII."""
    seen: Counter[tuple[str, str]] = Counter()
    issues = [_issue(each, seen) for each in annotate(report)]
    return json_text(json.dumps(issues, indent=2, allow_nan=False)) + "\n"


def _issue(each: Annotation, seen: Counter[tuple[str, str]]) -> dict[str, Any]:
    name = each.title.rpartition(": ")[0] or each.title
    path = _JOB if each.path == NOWHERE else each.path
    seen[path, name] += 1
    # The same finding of the next push keeps it; GitLab shows one issue a fingerprint.
    identity = f"{path}\n{name}\n{seen[path, name]}"
    return {
        "description": f"{each.title}\n{each.message}".replace("\n", "; "),
        "check_name": name,
        "fingerprint": sha256(identity.encode("utf-8", "replace")).hexdigest(),
        "severity": _SEVERITIES[each.severity],
        "location": {"path": path, "lines": {"begin": each.line}},
    }
