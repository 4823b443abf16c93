"""Who is told of a report: a channel in Slack, and a counter of OpenTelemetry.

Each is off until its address stands in the environment: `ACME_SLACK_WEBHOOK`, and
`OTEL_EXPORTER_OTLP_ENDPOINT`. What goes wrong here is said on stderr and changes no verdict.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.request import Request, urlopen

from policy_engine import hookimpl
from policy_engine.report import Effect, Judged, Report, Subject

_TIMEOUT_S = 5
_MOST = 10  # findings in one message
_LONGEST = 2900  # characters of a section; Slack takes 3000
_DELTA = 1  # of OTLP: counts since the last report, each check its own


@hookimpl
def report_ready(report: Report) -> None:
    """Tell who asked to be told."""
    webhook = os.environ.get("ACME_SLACK_WEBHOOK")
    if webhook and report.exit_code:
        _post(webhook, slack_message(report))
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if endpoint:
        _post(f"{endpoint.rstrip('/')}/v1/metrics", counts(report, time.time_ns()))


def slack_message(report: Report) -> dict[str, Any]:
    """Return a message in Slack's blocks: the verdict, and what blocks."""
    title = f"{report.verdict.value.upper()}: policy-engine"
    sections = [_section(subject) for subject in report.subjects]
    header = {"type": "header", "text": {"type": "plain_text", "text": title}}
    return {"text": title, "blocks": [header, *sections]}


def _section(subject: Subject) -> dict[str, Any]:
    blocking = [f for f in subject.findings if f.effect is Effect.BLOCK]
    lines = [f"*{_slack(subject.policy_file)}*: {subject.verdict.value}"]
    lines += [_slack(subject.reason)] if subject.reason else []
    lines += [f"• {_slack(_told(finding))}" for finding in blocking[:_MOST]]
    lines += [f"• and {len(blocking) - _MOST} more"] if len(blocking) > _MOST else []
    text = "\n".join(lines)[:_LONGEST]
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _told(finding: Judged) -> str:
    return f"{finding.id}: {finding.message}"


def _slack(text: str) -> str:
    """Return text in which Slack finds no link and no mention: what a report quotes is hostile."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def counts(report: Report, now_ns: int) -> dict[str, Any]:
    """Return OTLP's metrics in JSON: one check by verdict, and its findings by policy and outcome.

    Args:
        report: The report.
        now_ns: The time (nanoseconds since 1970).
    """
    found = Counter(
        (finding.policy, finding.outcome.value)
        for subject in report.subjects
        for finding in subject.findings
    )
    checks = [_point({"verdict": report.verdict.value}, 1, now_ns)]
    findings = [
        _point({"policy": policy, "outcome": outcome}, count, now_ns)
        for (policy, outcome), count in sorted(found.items())
    ]
    metrics = [
        _sum("policy_engine.checks", checks),
        _sum("policy_engine.findings", findings),
    ]
    scope = {"name": "acme_policies", "version": report.engine.version}
    resource = {"attributes": _attributes({"service.name": "policy-engine"})}
    return {
        "resourceMetrics": [
            {"resource": resource, "scopeMetrics": [{"scope": scope, "metrics": metrics}]}
        ]
    }


def _sum(name: str, points: Iterable[dict[str, Any]]) -> dict[str, Any]:
    data = {"aggregationTemporality": _DELTA, "isMonotonic": True, "dataPoints": list(points)}
    return {"name": name, "unit": "1", "sum": data}


def _point(attributes: dict[str, str], count: int, now_ns: int) -> dict[str, Any]:
    return {
        "attributes": _attributes(attributes),
        "startTimeUnixNano": str(now_ns),
        "timeUnixNano": str(now_ns),
        "asInt": str(count),
    }


def _attributes(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def _post(url: str, content: dict[str, Any]) -> None:
    """Post JSON.

    Raises:
        ValueError: If the address is not one of HTTP.
        OSError: If nobody takes it.
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address does not begin with https://")
    request = Request(  # noqa: S310 (its scheme is looked at above)
        url, json.dumps(content).encode(), {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
        pass
