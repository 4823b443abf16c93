"""What Slack and OpenTelemetry are told, by a server on loopback."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from acme_policies.notify import counts, report_ready, slack_message
from policy_engine.report import Report
from policy_engine.testing import run

POLICY_FILE = """\
version: 1
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
"""


class Server(HTTPServer):
    """Keeps what it is sent, by path."""

    def __init__(self) -> None:
        """Listen on loopback."""
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    """Takes each post."""

    def do_POST(self) -> None:
        """Keep what was posted."""
        assert isinstance(self.server, Server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    thread = Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("ACME_SLACK_WEBHOOK", f"{url}/slack")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{url}/")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


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


def test_both_are_posted(server: Server, bad: Report) -> None:
    report_ready(bad)
    assert [path for path, _ in server.got] == ["/slack", "/v1/metrics"]
    assert server.got[0][1] == slack_message(bad)
    assert list(server.got[1][1]) == ["resourceMetrics"]


def test_a_channel_is_not_told_of_what_passes(server: Server, good: Report) -> None:
    report_ready(good)
    assert [path for path, _ in server.got] == ["/v1/metrics"]


def test_without_addresses_nobody_is_told(
    server: Server, bad: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_SLACK_WEBHOOK")
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    report_ready(bad)
    assert server.got == []


def test_an_address_of_something_else_is_refused(
    bad: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_SLACK_WEBHOOK", "file:///etc/passwd")
    with pytest.raises(ValueError, match="does not begin with https"):
        report_ready(bad)
