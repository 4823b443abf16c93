"""What Slack and OpenTelemetry are told, by a server on loopback."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from urllib.error import HTTPError

import pytest

from acme_policies.notify import counts, report_ready, slack_message
from policy_engine.report import Report
from policy_engine.testing import Listener, check_notifier, listening, reports, run

POLICY_FILE = """\
version: 1
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listener]:
    with listening() as server:
        monkeypatch.setenv("ACME_SLACK_WEBHOOK", f"{server.url}/slack")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{server.url}/")
        yield server


@pytest.fixture
def bad(check_policies: Callable[..., Report]) -> Report:
    return check_policies(POLICY_FILE, candidate=run(metrics={"val_f1": 0.5}))


@pytest.fixture
def good(check_policies: Callable[..., Report]) -> Report:
    return check_policies(POLICY_FILE, candidate=run(metrics={"val_f1": 0.95}))


def test_a_channel_is_told_what_blocks(bad: Report) -> None:
    assert slack_message(bad) == {
        "text": "FAIL: policy-engine",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "FAIL: policy-engine"}},
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*policies/policies.yaml*: fail\n"
                    "• metric-threshold: val_f1 is 0.5; it must be at least 0.9",
                },
            },
        ],
    }


def test_what_training_code_wrote_is_no_mention(check_policies: Callable[..., Report]) -> None:
    text = POLICY_FILE.replace("val_f1", '"<!channel>"')
    report = check_policies(text, candidate=run(metrics={"<!channel>": 0.5}))
    said = json.dumps(slack_message(report))
    assert "<!channel>" not in said
    assert "&lt;!channel&gt;" in said


def test_checks_are_counted_by_verdict_and_findings_by_policy(bad: Report) -> None:
    (resource,) = counts(bad, 7)["resourceMetrics"]
    (scope,) = resource["scopeMetrics"]
    told = {
        metric["name"]: [
            ({a["key"]: a["value"]["stringValue"] for a in p["attributes"]}, p["asInt"])
            for p in metric["sum"]["dataPoints"]
        ]
        for metric in scope["metrics"]
    }
    assert told == {
        "policy_engine.checks": [({"verdict": "fail"}, "1")],
        "policy_engine.findings": [
            ({"policy": "metric-threshold", "outcome": "fail"}, "1"),
        ],
    }


def test_both_are_posted(server: Listener, bad: Report) -> None:
    report_ready(bad)
    assert [each.path for each in server.received] == ["/slack", "/v1/metrics"]
    assert server.received[0].body == slack_message(bad)
    assert list(server.received[1].body) == ["resourceMetrics"]


def test_every_report_is_counted_and_the_channel_told_of_each_that_does_not_pass(
    server: Listener,
) -> None:
    check_notifier(report_ready)
    told = Counter(each.path for each in server.received)
    quiet = sum(report.exit_code == 0 for report in reports().values())
    assert told == {"/slack": len(reports()) - quiet, "/v1/metrics": len(reports())}


def test_who_cannot_take_it_is_an_error_that_the_engine_tells(
    bad: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening(status=503) as server:
        monkeypatch.setenv("ACME_SLACK_WEBHOOK", f"{server.url}/slack")
        with pytest.raises(HTTPError, match="503"):
            report_ready(bad)


def test_a_channel_is_not_told_of_what_passes(server: Listener, good: Report) -> None:
    report_ready(good)
    assert [each.path for each in server.received] == ["/v1/metrics"]


def test_without_addresses_nobody_is_told(
    server: Listener, bad: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_SLACK_WEBHOOK")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    report_ready(bad)
    assert server.received == []


def test_an_address_of_something_else_is_refused(
    bad: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_SLACK_WEBHOOK", "file:///etc/passwd")
    with pytest.raises(ValueError, match="does not begin with https"):
        report_ready(bad)
