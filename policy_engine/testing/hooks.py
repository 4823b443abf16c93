"""What a plugin does beside its policies: formats, notifiers, baseline rules, each on its own."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, NamedTuple

from policy_engine.evidence import Needs, Run
from policy_engine.evidence.record import RunRecord, Unreadable
from policy_engine.hookspecs import Tracking as Finder
from policy_engine.judging.subjects import without_candidate
from policy_engine.report import EXIT_CODES, Report, Verdict
from policy_engine.testing.evidence import model, run
from policy_engine.testing.whole import Tracking, check_policies

_LIMIT = "version: 1\npolicies: {metric-threshold: {metric: val_f1, min: 0.9%s}}\n"
_SIZE = "version: 1\npolicies: {model-size-budget: {max_size: 1MB}}\n"
_HOSTILE = "<script>alert(1)</script> [a](javascript:x) | `b` @all \x1b[2J\n::error::c \u202e日本"

Rule = Callable[[Mapping[str, Any], Run, Finder], Run | None]
"""A plugin's `resolve_baseline`."""


@cache
def reports() -> Mapping[str, Report]:
    """Return a report of each kind that a format or a notifier must take, by its name.

    `pass`, `warn`, `fail`, `missing`, `error`, `not-evaluated` (no candidate, no finding), and
    `hostile`: its texts are markup, commands of a terminal and of CI, as anybody may name a run.
    """
    good, bad = run(metrics={"val_f1": 0.95}), run(metrics={"val_f1": 0.85})
    unread = run(model=Unreadable(unreadable="the server answered 503"))
    hostile = run(
        metrics={"val_f1": 0.5}, run_name=_HOSTILE, model=model(_HOSTILE), tags={"a": _HOSTILE}
    )
    plain = check_policies(_LIMIT % "", candidate=good)
    why = "no FINISHED run is tagged with the change's commit"
    nothing = without_candidate("policies/policies.yaml", Verdict.NOT_EVALUATED, why)
    return {
        "pass": plain,
        "warn": check_policies(_LIMIT % ", level: advisory", candidate=bad),
        "fail": check_policies(_LIMIT % "", candidate=bad),
        "missing": check_policies(_LIMIT % "", candidate=run()),
        "error": check_policies(_SIZE, candidate=unread),
        "not-evaluated": replace(
            plain,
            verdict=nothing.verdict,
            exit_code=EXIT_CODES[nothing.verdict],
            subjects=(nothing,),
        ),
        "hostile": check_policies(_LIMIT % "", candidate=hostile),
    }


def check_renderer(render: Callable[[Report], str]) -> dict[str, str]:
    """Give a format each of `reports`, and return what it made of them, by their names.

    Raises:
        AssertionError: If it breaks down, returns no text, or says another thing the second time.
    """
    made = {}
    for name, report in reports().items():
        try:
            text: object = render(report)
            again: object = render(report)
        except Exception as e:  # whatever a plugin raises fails its test
            raise AssertionError(f"the report '{name}': {type(e).__name__}: {e}") from e
        if not isinstance(text, str):
            raise AssertionError(f"the report '{name}': returned {text!r:.100}, which is not text")  # noqa: TRY004 (a test fails)
        if text != again:
            raise AssertionError(f"the report '{name}': the second text differs from the first")
        made[name] = text
    return made


def check_notifier(notify: Callable[[Report], object]) -> None:
    """Give a `report_ready` each of `reports`.

    Raises:
        AssertionError: If it breaks down.
    """
    for name, report in reports().items():
        try:
            notify(report)
        except Exception as e:  # whatever a plugin raises fails its test
            raise AssertionError(f"the report '{name}': {type(e).__name__}: {e}") from e


def resolve(
    rule: Rule, given: Mapping[str, Any], *, candidate: RunRecord, tracking: Tracking
) -> RunRecord | None:
    """Return the run that a plugin's baseline rule finds; None: it does not know the rule.

    Args:
        rule: The plugin's `resolve_baseline`.
        given: The rule as a policy file writes it, such as `{"acme-golden": "fraud"}`.
        candidate: The run under judgement.
        tracking: What it may ask.

    Raises:
        MissingEvidence: As the rule itself, which knows `given` and found no run.
        AssertionError: If it returned something else than a run of `tracking`.
    """
    found: object = rule(given, Run(candidate, Needs.RUN), tracking)
    if found is None:
        return None
    record = tracking.record(found.run_id) if isinstance(found, Run) else None
    if record is None:
        raise AssertionError(f"the rule returned {found!r:.100}, which is no run of `tracking`")
    return record


class Received(NamedTuple):
    """A request that `listening` took: its path, and its body as JSON or else as text."""

    path: str
    body: Any


@dataclass(frozen=True, slots=True)
class Listener:
    """A server on loopback that a notifier may post to.

    Attributes:
        url: Its address.
        received: What it got, in order.
    """

    url: str
    received: list[Received] = field(default_factory=list)


@contextmanager
def listening(status: int = 200) -> Iterator[Listener]:
    """Listen on loopback, and answer each POST with a status."""
    received: list[Received] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode("utf-8", "replace")
            try:
                received.append(Received(self.path, json.loads(body)))
            except ValueError:
                received.append(Received(self.path, body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is pytest's."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Listener(f"http://127.0.0.1:{server.server_port}", received)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
