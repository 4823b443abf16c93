"""`check_policies` calls what a plugin does with a report, as a check does."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from policy_engine.evidence import Needs, Run
from policy_engine.render import FORMATS
from policy_engine.testing import (
    Tracking,
    check_notifier,
    check_policies,
    check_renderer,
    listening,
    reports,
    resolve,
    run,
)
from tests.plugin_factory import Site, on_the_path, policy_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from policy_engine.report import Report

FILE = "version: 1\nplugins: [acme-policies]\npolicies: {acme-rule: on}\n"
RULE = policy_module("yield Finding(Outcome.PASS, 'fine')")
READY = "\n@hookimpl\ndef report_ready(report):\n    "
FORMAT = "\n@hookimpl\ndef register_renderers():\n    return {'acme': "


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        yield site


def test_formats_and_notifiers_are_given_the_report(site: Site) -> None:
    told = site.folder / "told"
    write = f"Path({str(told)!r}).write_text(report.verdict.value)"
    site.install(RULE + READY + f"{write}\n" + FORMAT + "lambda report: report.verdict.value}\n")
    assert check_policies(FILE, candidate=run()).verdict == "pass"
    assert told.read_text() == "pass"


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            READY + "raise ValueError('full')\n",
            (
                "plugin acme-policies[acme] 1.2.0: report_ready raised ValueError: full "
                "(acme_policies.py:24, in report_ready); the verdict stands"
            ),
        ),
        (FORMAT + "lambda report: 3}\n", "the format acme returned 3, which is not text"),
    ],
)
def test_one_that_breaks_down_fails_the_test(site: Site, hook: str, said: str) -> None:
    site.install(RULE + hook)
    with pytest.raises(AssertionError) as failure:
        check_policies(FILE, candidate=run())
    assert str(failure.value) == said


RESOLVE = """
@hookimpl
def resolve_baseline(rule, candidate, tracking):
    if "acme-golden" not in rule:
        return None
    found = tracking.by_tag("acme.golden", rule["acme-golden"])
    if not found:
        from policy_engine import MissingEvidence
        raise MissingEvidence("nobody has tagged a golden run yet")
    return found[0]
"""
ASKED = f"{FILE}baseline: [{{alias: champion}}, {{acme-golden: fraud}}]\n"
GOLDEN = run(run_id="a" * 32, tags={"acme.golden": "fraud"})


def test_a_baseline_rule_of_a_plugin_is_asked(site: Site) -> None:
    site.install(RULE + RESOLVE)
    (subject,) = check_policies(ASKED, candidate=run(), baseline=Tracking(GOLDEN)).subjects
    assert subject.baseline is not None
    assert (subject.baseline.run_id, subject.baseline.found_by) == (
        "a" * 32,
        "{acme-golden: fraud}",
    )
    assert [(p.rule, p.why) for p in subject.passed_over] == [
        ("{alias: champion}", "it is not a plugin's own rule")
    ]


def test_a_baseline_rule_that_finds_none_says_why(site: Site) -> None:
    site.install(RULE + RESOLVE)
    (subject,) = check_policies(ASKED, candidate=run(), baseline=Tracking()).subjects
    assert subject.baseline is None
    assert subject.passed_over[-1].why == "nobody has tagged a golden run yet"


def test_a_rule_that_no_plugin_knows_or_of_a_foreign_run_fails_the_test(site: Site) -> None:
    site.install(RULE + RESOLVE)
    with pytest.raises(AssertionError, match=r"no plugin knows the baseline rule \{other: x\}"):
        check_policies(f"{FILE}baseline: [{{other: x}}]\n", candidate=run(), baseline=Tracking())


# One hook on its own.

NUMBERS = count()


def test_a_report_of_each_kind_is_given() -> None:
    assert {name: each.verdict for name, each in reports().items()} == {
        "pass": "pass",
        "warn": "warn",
        "fail": "fail",
        "missing": "fail",
        "error": "error",
        "not-evaluated": "not-evaluated",
        "hostile": "fail",
    }
    outcomes = {
        name: [f.outcome for s in each.subjects for f in s.findings]
        for name, each in reports().items()
    }
    assert outcomes["missing"] == ["missing"]
    assert outcomes["not-evaluated"] == []


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_ours_takes_every_report(name: str) -> None:
    assert set(check_renderer(FORMATS[name])) == set(reports())


@pytest.mark.parametrize(
    ("render", "message"),
    [
        (lambda _: 3, "the report 'pass': returned 3, which is not text"),
        (
            lambda report: report.subjects[0].findings[0].id,
            "the report 'not-evaluated': IndexError: tuple index out of range",
        ),
        (
            lambda _: str(next(NUMBERS)),
            "the report 'pass': the second text differs from the first",
        ),
    ],
)
def test_a_format_that_breaks_down_is_told_with_the_report(render: Any, message: str) -> None:
    with pytest.raises(AssertionError) as failure:
        check_renderer(render)
    assert str(failure.value) == message


def test_a_notifier_that_breaks_down_is_told_with_the_report() -> None:
    def notify(report: Report) -> None:
        if report.verdict == "error":
            raise OSError("down")

    with pytest.raises(AssertionError) as failure:
        check_notifier(notify)
    assert str(failure.value) == "the report 'error': OSError: down"


def post(url: str, text: str) -> None:
    with urlopen(Request(url, text.encode()), timeout=5):  # noqa: S310 (on loopback)
        pass


def test_a_listener_keeps_what_it_got_and_answers_as_it_is_told() -> None:
    with listening(status=503) as server, pytest.raises(HTTPError) as refused:
        post(f"{server.url}/a", "plain text")
    assert refused.value.code == 503
    refused.value.close()
    assert server.received == [("/a", "plain text")]


def test_a_rule_must_return_a_run_that_tracking_has() -> None:
    def elsewhere(*_: object) -> Run:
        return Run(run(run_id="f" * 32), Needs.RUN)

    with pytest.raises(AssertionError, match="which is no run of `tracking`"):
        resolve(elsewhere, {"x": 1}, candidate=run(), tracking=Tracking(GOLDEN))
    found = resolve(
        lambda _r, _c, t: t.run("a" * 32), {}, candidate=run(), tracking=Tracking(GOLDEN)
    )
    assert found == GOLDEN
