"""Rule one: what is not shown to pass does not pass. Each way to a silent green is a test."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.evidence import Case, saved
from policy_engine.evidence.record import (
    BaselineRecord,
    ChangeRecord,
    EvidenceRecord,
    PassedOver,
    Unreadable,
    VersionRecord,
)
from policy_engine.judging.clock import WallClock
from policy_engine.judging.judgement import findings_of
from policy_engine.policy import Finding, Outcome, Policy
from policy_engine.testing import case, model, run
from tests.command import Project, Told, candidate, command, evidence
from tests.plugin_factory import HEAD, REGISTER, Site, on_the_path, policy_class, policy_module

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MINIMUM = """\
version: 1
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
"""
CHANGE = """\
version: 1
baseline: [{alias: champion}]
policies:
  metric-threshold: {metric: val_f1, min_absolute_change: 0.01, goal: maximize}
"""
ACME = """\
version: 1
plugins: [acme-policies]
policies:
  acme-rule: on
"""
RULES = ({"alias": "champion"},)
GOOD = evidence(candidate())
PASS = "Finding(outcome=Outcome.PASS, message='the model is fine')"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(MINIMUM)
    return made


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        yield site


def compared(baseline: Any = None, *passed_over: PassedOver) -> EvidenceRecord:
    """Return evidence of a good candidate with this outcome of the baseline rules."""
    record = BaselineRecord(rules=RULES, run=baseline, passed_over=passed_over)
    return evidence(candidate(), baselines=(record,))


def unplaced(told: Told) -> list[tuple[str, str, str]]:
    """Return the findings without the line of the policy that a mistake of it names."""
    place = re.compile(r" \(acme_policies\.py:[0-9]+, in evaluate\)\Z")
    return [(outcome, effect, place.sub("", text)) for outcome, effect, text in told.findings]


def test_what_is_shown_to_pass_passes(project: Project) -> None:
    """The other tests of this file break what is whole here."""
    told = project.check(GOOD)
    assert told.code == 0
    assert told.findings == [("pass", "none", "val_f1 is 0.91; it must be at least 0.9")]


# ── the policy file ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            MINIMUM.replace("metric-threshold", "metric-treshold"),
            "policies/fraud.yaml:3:3: policies.metric-treshold: "
            "no policy is called 'metric-treshold'\n  did you mean 'metric-threshold'?",
            id="a mistyped policy name",
        ),
        pytest.param(
            MINIMUM.replace("min:", "mim:"),
            "policies/fraud.yaml:3:38: policies.metric-threshold.mim: unknown setting\n"
            "  did you mean 'min'?",
            id="an unknown setting",
        ),
        pytest.param(
            MINIMUM.replace("policies:", "polices:"),
            "policies/fraud.yaml:2:1: polices: unknown setting\n  did you mean 'policies'?",
            id="an unknown key",
        ),
        pytest.param(
            MINIMUM + "  metric-threshold: {metric: val_f1, min: 0.1}\n",
            "policies/fraud.yaml:4:3: policies.metric-threshold: duplicate key, first in line 3\n"
            "  keep one of the two",
            id="a duplicate YAML key",
        ),
        pytest.param(
            MINIMUM.replace("0.9", '"0.9"'),
            "policies/fraud.yaml:3:43: policies.metric-threshold.min: expected a number, got '0.9'",
            id="text where a number is needed",
        ),
        pytest.param(
            MINIMUM.replace("0.9", "true"),
            "policies/fraud.yaml:3:43: policies.metric-threshold.min: "
            "expected a number, got the boolean true\n"
            "  YAML reads 'true' as a boolean; this setting is not a switch",
            id="true where a number is needed",
        ),
        pytest.param(
            MINIMUM.replace("0.9", ".nan"),
            "policies/fraud.yaml:3:43: policies.metric-threshold.min: "
            "'.nan' is not a finite number\n  quote it if it is text",
            id="NaN where a number is needed",
        ),
        pytest.param(
            MINIMUM.replace("0.9", "-.inf"),
            "policies/fraud.yaml:3:43: policies.metric-threshold.min: "
            "'-.inf' is not a finite number\n  quote it if it is text",
            id="infinity where a number is needed",
        ),
        pytest.param(
            "version: 1\npolicies: {}\n",
            "policies/fraud.yaml:1:1: policies: no policy is bound; nothing would be judged\n"
            "  bind one under `policies:`, or extend a pack: `extends: [recommended]`",
            id="a policy file without a policy",
        ),
    ],
)
def test_a_wrong_policy_file_judges_nothing(project: Project, text: str, problem: str) -> None:
    project.policy(text)
    told = project.check(GOOD)
    assert told.err == f"{problem}\n1 problem found; nothing was evaluated.\n"
    assert (told.code, told.out) == (2, "")


def test_an_empty_policy_folder_judges_nothing(project: Project) -> None:
    (project.folder / "empty").mkdir()
    told = project.check(GOOD, "--policies", "empty")
    assert told.err == "policy-engine: the folder 'empty' has no policy file (*.yaml or *.yml)\n"
    assert (told.code, told.out) == (2, "")


def test_a_policy_folder_that_is_not_there_judges_nothing(project: Project) -> None:
    told = project.check(GOOD, "--policies", "polices")
    assert told.err == "policy-engine: there is no policy file or folder 'polices'\n"
    assert (told.code, told.out) == (2, "")


# ── plugins ───────────────────────────────────────────────────────────────────────────────────────


def test_a_named_plugin_that_is_absent_stops_the_run(project: Project) -> None:
    project.policy(ACME)
    told = project.check(GOOD)
    assert told.err == (
        "policy-engine: plugin 'acme-policies' is named under `plugins:` but not installed, "
        "or offers no plugin; installed plugins: none\n"
    )
    assert (told.code, told.out) == (2, "")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            "raise RuntimeError('no licence')",
            "failed to import (site/acme_policies.py:1): RuntimeError: no licence",
        ),
        (
            "import no_such_module",
            (
                "failed to import (site/acme_policies.py:1): "
                "ModuleNotFoundError: No module named 'no_such_module'"
            ),
        ),
        ("import sys; sys.exit(0)", "failed to import (site/acme_policies.py:1): SystemExit: 0"),
    ],
)
def test_a_plugin_that_fails_to_import_stops_the_run(
    project: Project, site: Site, source: str, why: str
) -> None:
    project.policy(ACME)
    site.install(source)
    told = project.check(GOOD)
    assert told.err == f"policy-engine: plugin acme-policies[acme] 1.2.0 {why}\n"
    assert (told.code, told.out) == (2, "")


def test_a_plugin_that_misspells_a_hook_stops_the_run(project: Project, site: Site) -> None:
    project.policy(ACME)
    site.install(policy_module(f"yield {PASS}").replace("register_policies", "register_polices"))
    told = project.check(GOOD)
    assert told.err == (
        "policy-engine: plugin acme-policies[acme] 1.2.0: site/acme_policies.py:18: "
        "there is no hook 'register_polices'; "
        "did you mean 'register_policies'?\n"
    )
    assert (told.code, told.out) == (2, "")


def test_a_plugin_that_exits_in_a_hook_stops_the_run(project: Project, site: Site) -> None:
    project.policy(ACME)
    site.install(HEAD + "@hookimpl\ndef register_policies():\n    sys.exit(0)\n")
    told = project.check(GOOD)
    assert told.err == (
        "policy-engine: plugin acme-policies[acme] 1.2.0: register_policies raised SystemExit: 0\n"
    )
    assert (told.code, told.out) == (2, "")


# ── a policy at fault ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise RuntimeError('a bug')", "the policy raised RuntimeError: a bug"),
        ("sys.exit(0)\nyield", "the policy raised SystemExit: 0"),
        ("raise GeneratorExit('out')", "the policy raised GeneratorExit: out"),
        (
            "import asyncio; raise asyncio.CancelledError('late')",
            "the policy raised CancelledError: late",
        ),
        ("yield from ()", "the policy yielded no finding; a model that passes needs one too"),
        ("answer = None\nreturn answer", "the policy returned None: yield at least one finding"),
        ("yield True", "the policy yielded True, which is not a Finding with an Outcome"),
        ("yield 'pass'", "the policy yielded 'pass', which is not a Finding with an Outcome"),
        (
            "yield Outcome.PASS",
            ("the policy yielded <Outcome.PASS: 'pass'>, which is not a Finding with an Outcome"),
        ),
        (
            "yield Finding(outcome=Outcome.PASS, message=' ')",
            "the policy yielded a finding without a message",
        ),
        (
            (
                "yield Finding(outcome=Outcome.PASS, message='slow',"
                " measured=Measurement(Decimal(3), 's'), limit=Limit(Decimal(2), 's'))"
            ),
            "the policy passed a value that its own limit refuses: slow",
        ),
        (
            (
                "yield Finding(outcome=Outcome.FAIL, message='slow', remedy='wait',"
                " measured=Measurement(Decimal(1), 's'), limit=Limit(Decimal(2), 's'))"
            ),
            "the policy failed a value that its own limit admits: slow",
        ),
        (
            (
                "yield Finding(outcome=Outcome.PASS, message='slow',"
                " measured=Measurement(Decimal(3), 's'), limit=Limit(Decimal(9), 'B'))"
            ),
            "the policy compares s with B: slow",
        ),
        (
            (
                "yield Finding(outcome=Outcome.PASS, message='x',"
                " measured=Measurement(Decimal(1), 's'), limit=Limit(Decimal('nan'), 's'))"
            ),
            "the policy raised ValueError: a limit is NaN, not a number",
        ),
        (
            "case.candidate.model.size\nyield " + PASS,
            "the policy reads MODEL of the candidate without declaring it",
        ),
        ("case.baseline\nyield " + PASS, "the policy reads the baseline without declaring it"),
        ("case.history\nyield " + PASS, "the policy reads the history without declaring it"),
        ("case.change\nyield " + PASS, "the policy reads the change without declaring it"),
    ],
)
def test_a_policy_that_breaks_down_is_an_error_and_blocks(
    project: Project, site: Site, body: str, message: str
) -> None:
    project.policy(ACME)
    site.install(policy_module(body))
    told = project.check(GOOD)
    assert unplaced(told) == [("error", "block", message)]
    assert (told.code, told.report["verdict"]) == (3, "error")


@pytest.mark.parametrize("settings", ["on_missing: warn", "on_missing: skip"])
def test_no_key_softens_a_policy_that_breaks_down(
    project: Project, site: Site, settings: str
) -> None:
    project.policy(
        ACME.replace("on\n", f"{{{settings}, on_inconclusive: skip}}\n") + "  run-finished: on\n"
    )
    site.install(policy_module("raise RuntimeError('a bug')"))
    assert project.check(GOOD).code == 3


SEVERAL = "yield Finding(outcome=Outcome.PASS, message='fine', part=str(number))"


def test_a_policy_that_finds_without_end_is_ended_after_1000_findings(
    project: Project, site: Site
) -> None:
    project.policy(ACME)
    body = f"import itertools\nfor number in itertools.count():\n    {SEVERAL}"
    site.install(policy_module(body))
    told = project.check(GOOD)
    *kept, last = unplaced(told)
    assert set(kept) == {("pass", "none", "fine")}
    assert (told.code, len(kept)) == (3, 1000)
    assert last == ("error", "block", "the policy yielded more than 1,000 findings")


def test_a_policy_may_find_1000_things(project: Project, site: Site) -> None:
    project.policy(ACME)
    site.install(policy_module(f"for number in range(1000):\n    {SEVERAL}"))
    told = project.check(GOOD)
    assert (told.code, len(told.findings)) == (0, 1000)


@pytest.mark.parametrize(
    "body",
    [
        "while True: pass",
        "import time\nwhile True: time.sleep(0.01)",
        "while True:\n    try:\n        while True: pass\n    except Exception: pass",
        (
            "for _ in range(2):\n    try:\n        while True: pass\n"
            "    except BaseException: pass\nwhile True: pass"
        ),
    ],
    ids=["busy", "asleep", "swallows exceptions", "swallows everything twice"],
)
def test_a_policy_that_never_ends_is_ended_and_so_are_those_behind_it(
    project: Project, site: Site, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr("policy_engine.check.LEAST_JUDGING_S", 0.0)
    before, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    project.policy(ACME + "  run-finished: on\n")
    site.install(policy_module(f"yield {PASS}\n{body}"))
    told = project.check(GOOD, "--timeout", "500ms")
    late = ("error", "block", "judging took longer than the 0.5 s that it has")
    assert told.findings == [("pass", "none", "the model is fine"), late, late]
    assert told.code == 3
    assert signal.getsignal(signal.SIGALRM) is before
    assert bool(signal.getitimer(signal.ITIMER_REAL)[0]) == bool(timer[0])


def test_outside_the_main_thread_a_policy_is_ended_between_two_findings() -> None:
    class Slow(Policy, name="slow"):
        """It takes a while."""

        def evaluate(self, case: Case) -> Iterator[Finding]:
            yield Finding(outcome=Outcome.PASS, message="fine", part="1")
            yield Finding(outcome=Outcome.PASS, message="fine", part="2")

    with ThreadPoolExecutor(1) as beside:
        found = beside.submit(findings_of, Slow(), case(Slow()), WallClock(0.0)).result()
    assert [(f.outcome, f.whole) for f in found] == [
        (Outcome.ERROR, "judging took longer than the 0 s that it has")
    ]


def test_a_finding_that_no_output_could_show_is_an_error(project: Project, site: Site) -> None:
    project.policy(ACME)
    site.install(policy_module("yield Finding(outcome=Outcome.PASS, message='x', measured=0.5)"))
    told = project.check(GOOD)
    ((outcome, effect, message),) = unplaced(told)
    assert (told.code, outcome, effect) == (3, "error", "block")
    assert message.startswith("the policy yielded a finding of wrong types: Finding(outcome=")


def test_what_a_policy_found_before_it_broke_down_is_kept(project: Project, site: Site) -> None:
    project.policy(ACME)
    site.install(policy_module(f"yield {PASS}\nraise RuntimeError('a bug')"))
    told = project.check(GOOD)
    assert unplaced(told) == [
        ("pass", "none", "the model is fine"),
        ("error", "block", "the policy raised RuntimeError: a bug"),
    ]
    assert told.code == 3


def test_a_part_that_is_yielded_twice_is_an_error(project: Project, site: Site) -> None:
    project.policy(ACME)
    site.install(policy_module(f"yield {PASS}\nyield {PASS}"))
    told = project.check(GOOD)
    assert unplaced(told)[1:] == [
        ("error", "block", "the policy yielded two findings without a part")
    ]
    assert told.code == 3


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("def reads(self):\n        sys.exit(0)\n", "SystemExit: 0"),
        ("def reads(self):\n        raise RuntimeError('a bug')\n", "RuntimeError: a bug"),
    ],
)
def test_a_policy_that_cannot_say_what_it_reads_judges_nothing(
    project: Project, site: Site, method: str, why: str
) -> None:
    project.policy(ACME)
    source = policy_class(f"yield {PASS}") + f"\n    {method}"
    site.install(HEAD + source + REGISTER.format(class_names="AcmeRule"))
    told = project.check(GOOD)
    assert told.err == (
        "policies/fraud.yaml:4:3: policies.acme-rule: policy 'acme-rule' broke while it read its "
        f"settings: {why}\n1 problem found; nothing was evaluated.\n"
    )
    assert (told.code, told.out) == (2, "")


RENDERER = (
    "@hookimpl\ndef register_renderers():\n    return {'acme': render}\n\ndef render(report):\n"
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("    sys.exit(0)\n", "it raised SystemExit: 0"),
        ("    raise RuntimeError('a bug')\n", "it raised RuntimeError: a bug"),
        ("    return None\n", "it returned None, which is not text"),
    ],
)
@pytest.mark.parametrize("target", ["", "=report.acme"])
def test_a_renderer_that_breaks_down_never_opens_the_gate(
    project: Project, site: Site, body: str, why: str, target: str
) -> None:
    """It would hide a verdict that blocks: the metric is far below its minimum."""
    project.policy(MINIMUM.replace("version: 1", "version: 1\nplugins: [acme-policies]"))
    site.install(HEAD + RENDERER + body)
    bad = evidence(candidate(metrics={"val_f1": 0.1}))
    told = project.check(bad, "--format", f"acme{target}")
    assert told.err == f"policy-engine: --format acme: {why}\n"
    assert (told.code, told.out) == (2, "")


@pytest.mark.parametrize("action", ["raise RuntimeError('disk full')", "sys.exit(0)"])
@pytest.mark.parametrize(("score", "code"), [(0.95, 0), (0.1, 1)])
def test_report_ready_that_raises_changes_no_verdict(
    project: Project, site: Site, action: str, score: float, code: int
) -> None:
    project.policy(MINIMUM.replace("version: 1", "version: 1\nplugins: [acme-policies]"))
    site.install(HEAD + f"@hookimpl\ndef report_ready(report):\n    {action}\n")
    told = project.check(evidence(candidate(metrics={"val_f1": score})))
    raised = "SystemExit: 0" if "exit" in action else "RuntimeError: disk full"
    assert told.err == (
        f"plugin acme-policies[acme] 1.2.0: report_ready raised {raised} "
        "(acme_policies.py:11, in report_ready); the verdict stands\n"
    )
    assert told.code == code


def test_whoever_exits_where_nobody_expects_it_does_not_choose_the_exit_code(
    project: Project, site: Site
) -> None:
    """A text of the plugin's own class runs the plugin's code while the report is rendered."""
    trap = "class Trap(str):\n    def __str__(self):\n        sys.exit(0)\n"
    source = policy_module("yield Finding(Outcome.FAIL, Trap('it is bad'), remedy='wait')")
    project.policy(ACME)
    site.install(source.replace(HEAD, HEAD + trap))
    told = project.check(GOOD, "--format", "text")
    assert told.err == "policy-engine: a plugin called exit(); nothing was decided\n"
    assert (told.code, told.out) == (3, "")


# ── the evidence ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("metrics", "outcome", "message"),
    [
        ({}, "missing", "the candidate run has no metric val_f1"),
        (
            {"vla_f1": 0.99},
            "missing",
            "the candidate run has no metric val_f1; nearest names: vla_f1",
        ),
        ({"val_f1": float("nan")}, "fail", "metric val_f1 of the candidate run is NaN"),
        ({"val_f1": float("inf")}, "fail", "metric val_f1 of the candidate run is Infinity"),
        (
            {"val_f1": 1.7976931348623157e308},
            "fail",
            "metric val_f1 of the candidate run is Infinity",
        ),
        ({"val_f1": "0.9"}, "fail", "metric val_f1 of the candidate run is not a number"),
        ({"val_f1": True}, "fail", "metric val_f1 of the candidate run is not a number"),
        (
            {"val_f1": 91.0},
            "fail",
            "metric val_f1 of the candidate run is 91.0; it lies in [0, 1] by definition",
        ),
    ],
)
def test_a_metric_that_is_no_number_blocks(
    project: Project, metrics: dict[str, float], outcome: str, message: str
) -> None:
    told = project.check(evidence(candidate(metrics=metrics)))
    assert told.findings == [(outcome, "block", message)]
    assert (told.code, told.report["verdict"]) == (1, "fail")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('"0.95"', "Input should be a valid number"),
        ("true", "Input should be a valid number"),
        ("null", "Input should be a valid number"),
        ("NaN", "Input should be a finite number"),
        ("Infinity", "Input should be a finite number"),
        ("1e999", "Input should be a finite number"),
    ],
)
def test_an_evidence_file_with_no_number_where_one_is_due_is_unreadable(
    project: Project, written: str, why: str
) -> None:
    told = project.check(GOOD.to_text().replace("0.91", written))
    assert told.code == 3
    assert told.subject["reason"] == (
        "evidence file evidence.json cannot be read: candidates.0.run.metrics.val_f1: "
        f"{why}; collect it again"
    )


def test_infinity_as_the_store_keeps_it_is_no_number_in_an_evidence_file(project: Project) -> None:
    told = project.check(GOOD.to_text().replace("0.91", "1.7976931348623157e308"))
    assert (told.code, told.report["verdict"]) == (3, "error")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file: Invalid JSON: EOF while parsing a value at line 1 column 0"),
        (GOOD.to_text().encode()[:100], "the file: Invalid JSON: EOF while parsing "),
        (b"[]", "the file: Input should be an object"),
        (b"\xff\xfe", "the file: Invalid JSON: expected value at line 1 column 1"),
        (b"[" * 100_000, "the file: Invalid JSON: recursion limit exceeded at line 1 column "),
        (
            GOOD.to_text().encode().replace(b"/v1", b"/v2"),
            "schema: Input should be 'policy-engine/evidence/v1'",
        ),
        (
            GOOD.to_text().encode().replace(b'"named"', b'"naemd"'),
            "naemd: Extra inputs are not permitted",
        ),
        (GOOD.to_text().encode().replace(b'"history"', b'"histroy"'), "needs.5: Input should be "),
        (
            GOOD.to_text().encode().replace(b'"val_f1"', b'"val_f1": 0.1, "val_f1"'),
            "the key 'val_f1' is there twice; collect it again",
        ),
    ],
)
def test_a_damaged_evidence_file_is_unreadable(project: Project, content: bytes, why: str) -> None:
    told = project.check(content)
    assert told.code == 3
    assert told.subject["reason"].startswith(f"evidence file evidence.json cannot be read: {why}")


def test_a_candidate_that_was_deleted_is_not_judged_from_a_file_either(project: Project) -> None:
    told = project.check(evidence(candidate(lifecycle="deleted")))
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")
    assert told.subject["reason"] == f"{'0' * 32}: the run was deleted"


def test_an_oversized_evidence_file_is_unreadable(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cap is lowered: writing 256 MiB would prove no more."""
    monkeypatch.setattr(saved, "EVIDENCE_CAP", 100)
    told = project.check(GOOD)
    assert told.code == 3
    assert told.subject["reason"] == (
        "evidence file evidence.json cannot be read: it is larger than 100 bytes; collect it again"
    )


@pytest.mark.parametrize(
    ("path", "why"),
    [("nope.json", "No such file or directory"), ("policies", "Is a directory")],
)
def test_an_evidence_file_that_is_not_there_is_a_usage_error(
    project: Project, path: str, why: str
) -> None:
    told = command("check", "--evidence", path)
    assert told.err == f"policy-engine: evidence file {path}: {why}\n"
    assert (told.code, told.out) == (2, "")


def test_evidence_that_could_not_be_read_decides_nothing(project: Project) -> None:
    told = project.check(evidence(unreadable="MLflow did not answer within 30 s"))
    assert told.subject["reason"] == "MLflow did not answer within 30 s"
    assert (told.code, told.report["verdict"]) == (3, "error")


def test_evidence_that_was_collected_without_a_need_decides_nothing(project: Project) -> None:
    project.policy("version: 1\npolicies:\n  run-finished: on\n")
    told = project.check(evidence(candidate(), needs=("baseline",)))
    assert told.findings == [("error", "block", "the evidence was collected without model")]
    assert told.code == 3


def test_evidence_that_was_collected_by_other_baseline_rules_decides_nothing(
    project: Project,
) -> None:
    project.policy(CHANGE)
    other = BaselineRecord(rules=({"alias": "staging"},), run=run(metrics={"val_f1": 0.1}))
    told = project.check(evidence(candidate(), baselines=(other,)))
    message = "the evidence was collected with other baseline rules than the policy file's"
    assert told.findings == [("error", "block", message)]
    assert told.code == 3


# ── no candidate ──────────────────────────────────────────────────────────────────────────────────

HEAD_OF_CHANGE = ChangeRecord(pull_request=7, head_sha="a" * 40, paths=("training/train.py",))


def test_no_run_for_the_commit_is_no_pass(project: Project) -> None:
    absent = "no FINISHED run is tagged with the change's commit (aaaaaaaaaaaa)"
    told = project.check(evidence(absent=absent, named=False, change=HEAD_OF_CHANGE))
    assert told.subject["reason"] == absent
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_a_run_of_another_commit_is_no_run_of_this_change(project: Project) -> None:
    stray = candidate(tags={"policy_engine.head_sha": "b" * 40})
    told = project.check(evidence(stray, named=False, change=HEAD_OF_CHANGE))
    assert told.subject["reason"] == (
        "no run of this change is one that this policy file applies to"
    )
    assert told.code == 4


def test_a_run_of_the_change_that_no_policy_file_claims_is_named_in_a_note(
    project: Project,
) -> None:
    project.policy(MINIMUM.replace("version: 1", 'version: 1\napplies_to: {experiment: "fraud*"}'))
    tags = {"policy_engine.head_sha": "a" * 40}
    runs = [
        candidate(run_id=n * 32, run_name=name, experiment=experiment, tags=tags)
        for n, name, experiment in (("1", "a", "fraud"), ("2", "b", "churn"), ("3", None, "churn"))
    ]
    told = project.check(evidence(*runs, named=False, change=HEAD_OF_CHANGE))
    assert told.code == 0
    assert told.subject["notes"] == [
        "not judged: no policy file applies to run b (22222222) of this change",
        f"not judged: no policy file applies to run {'3' * 32} of this change",
    ]


def test_a_run_that_another_policy_file_claims_is_no_such_run(project: Project) -> None:
    for name in ("fraud", "churn"):
        text = MINIMUM.replace("version: 1", f"version: 1\napplies_to: {{experiment: {name}}}")
        project.policy(text, f"policies/{name}.yaml")
    tags = {"policy_engine.head_sha": "a" * 40}
    runs = [
        candidate(run_id=n * 32, experiment=name, tags=tags)
        for n, name in (("1", "fraud"), ("2", "churn"))
    ]
    told = project.check(evidence(*runs, named=False, change=HEAD_OF_CHANGE))
    assert [(s["policy_file"], s["candidate"]["run_id"]) for s in told.report["subjects"]] == [
        ("policies/churn.yaml", "2" * 32),
        ("policies/fraud.yaml", "1" * 32),
    ]
    assert all(s["notes"] == [] for s in told.report["subjects"])


def test_evidence_without_any_candidate_is_no_pass(project: Project) -> None:
    told = project.check(evidence())
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_a_named_run_that_is_unknown_is_not_hidden_by_one_that_passes(project: Project) -> None:
    told = project.check(evidence(candidate(), absent="run 'abc' is not known to MLflow"))
    assert [(s["verdict"], s["reason"]) for s in told.report["subjects"]] == [
        ("pass", None),
        ("not-evaluated", "run 'abc' is not known to MLflow"),
    ]
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_a_named_run_that_no_policy_applies_to_is_not_hidden_by_one_that_passes(
    project: Project,
) -> None:
    project.policy(MINIMUM.replace("version: 1", "version: 1\napplies_to: {experiment: fraud}"))
    both = evidence(
        candidate(run_id="1" * 32, experiment="fraud"),
        candidate(run_id="2" * 32, experiment="churn"),
    )
    told = project.check(both)
    assert [(s["verdict"], s["reason"]) for s in told.report["subjects"]] == [
        ("pass", None),
        ("not-evaluated", f"no policy file applies to run {'2' * 32}"),
    ]
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_no_policy_applies_is_no_pass(project: Project) -> None:
    project.policy(MINIMUM.replace("version: 1", "version: 1\napplies_to: {model: fraud-*}"))
    told = project.check(GOOD)
    assert told.subject["reason"] == f"no policy file applies to run {'0' * 32}"
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_a_model_that_cannot_be_read_does_not_slip_past_the_file_that_is_perhaps_for_it(
    project: Project,
) -> None:
    project.policy(MINIMUM, "policies/all.yaml")
    project.policy(
        MINIMUM.replace("version: 1", "version: 1\napplies_to: {model: fraud-*}")
        .replace("metric-threshold:", "strict:")
        .replace("{metric", "{policy: metric-threshold, metric")
        .replace("0.9", "0.99")
    )
    told = project.check(evidence(candidate(model=Unreadable(unreadable="2 READY models: a, b"))))
    assert [(s["policy_file"], s["verdict"], s["reason"]) for s in told.report["subjects"]] == [
        ("policies/all.yaml", "error", None),
        (
            "policies/fraud.yaml",
            "error",
            (
                f"run {'0' * 32}: its model is not known, so nobody can "
                "tell whether it applies: 2 READY models: a, b"
            ),
        ),
    ]
    assert told.code == 3


# ── the baseline ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("record", "outcome", "message", "code"),
    [
        pytest.param(
            compared(None, PassedOver(rule="alias: champion", why="no such alias")),
            "missing",
            "no baseline (alias: champion: no such alias)",
            1,
            id="absent",
        ),
        pytest.param(
            compared(run(metrics={"accuracy": 0.8})),
            "missing",
            "the baseline run has no metric val_f1",
            1,
            id="without the metric",
        ),
        pytest.param(
            compared(run(metrics={"val_f1": float("nan")})),
            "fail",
            "metric val_f1 of the baseline run is NaN",
            1,
            id="with NaN",
        ),
        pytest.param(
            compared(Unreadable(unreadable="HTTP 401")),
            "error",
            "the baseline could not be read: HTTP 401",
            3,
            id="unreadable",
        ),
    ],
)
def test_a_baseline_that_cannot_be_compared_with_blocks(
    project: Project, record: EvidenceRecord, outcome: str, message: str, code: int
) -> None:
    project.policy(CHANGE)
    told = project.check(record)
    assert told.findings == [(outcome, "block", message)]
    assert told.code == code


def test_a_policy_file_without_a_baseline_rule_blocks_what_compares(project: Project) -> None:
    project.policy(CHANGE.replace("baseline: [{alias: champion}]\n", ""))
    told = project.check(evidence(candidate(), baselines=(BaselineRecord(rules=()),)))
    message = "the policy file has no `baseline:` rule, so there is no baseline"
    assert told.findings == [("missing", "block", message)]
    assert told.code == 1


def test_first_run_alone_shows_nothing_and_passes_nothing(project: Project) -> None:
    project.policy(CHANGE.replace("version: 1", "version: 1\nfirst_run: true"))
    told = project.check(compared())
    message = "the policy file declares first_run: there is no baseline yet"
    assert told.findings == [("not-applicable", "none", message)]
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_first_run_beside_a_policy_that_passes_is_named_a_rubber_stamp(project: Project) -> None:
    project.policy(
        CHANGE.replace("version: 1", "version: 1\nfirst_run: true") + "  run-finished: on\n"
    )
    told = project.check(compared())
    assert told.subject["notes"] == [
        "first_run: nothing was compared with a baseline; this is a rubber stamp, once"
    ]
    assert (told.code, told.report["verdict"]) == (0, "pass")


def test_first_run_excuses_nothing_once_the_model_has_earlier_versions(project: Project) -> None:
    project.policy(
        CHANGE.replace("version: 1", "version: 1\nfirst_run: true") + "  run-finished: on\n"
    )
    second = model(versions=(VersionRecord(name="fraud", version="2"),))
    record = evidence(candidate(model=second), baselines=(BaselineRecord(rules=RULES),))
    told = project.check(record)
    assert told.findings[0] == (
        "missing",
        "block",
        "no baseline (first_run is declared, but the registered model has earlier versions)",
    )
    assert told.code == 1


# ── nothing was judged ────────────────────────────────────────────────────────────────────────────


def test_a_check_whose_every_finding_is_skipped_is_no_pass(project: Project) -> None:
    project.policy(MINIMUM.replace("0.9", "0.9, on_missing: skip"))
    told = project.check(evidence(candidate(metrics={})))
    assert told.findings == [("missing", "none", "the candidate run has no metric val_f1")]
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


def test_a_check_whose_every_finding_is_not_applicable_is_no_pass(
    project: Project, site: Site
) -> None:
    project.policy(ACME)
    site.install(policy_module("raise NotApplicable('it is not a deep network')"))
    told = project.check(GOOD)
    assert told.findings == [("not-applicable", "none", "it is not a deep network")]
    assert (told.code, told.report["verdict"]) == (4, "not-evaluated")


# ── the command itself ────────────────────────────────────────────────────────────────────────────


def test_an_unknown_format_judges_nothing(project: Project) -> None:
    told = project.check(GOOD, "--format", "jsn")
    assert told.err == (
        "policy-engine: --format jsn: unknown; choose from "
        "azure, codequality, github, html, json, junit, markdown, sarif, text\n"
    )
    assert (told.code, told.out) == (2, "")


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nope/report.json", "--format json=nope/report.json: nope is not a folder to write to"),
        ("policies", "--format json=policies: Is a directory"),
    ],
)
def test_a_report_file_that_cannot_be_written_is_no_pass(
    project: Project, target: str, why: str
) -> None:
    told = project.check(GOOD, "--format", f"json={target}")
    assert told.err == f"policy-engine: {why}\n"
    assert (told.code, told.out) == (2, "")


@pytest.mark.parametrize("option", ["--run", "--model", "--commit", "--policies", "--evidence"])
def test_an_option_whose_variable_is_not_set_does_not_judge_something_else(
    project: Project, option: str
) -> None:
    told = command("check", option, "")
    assert told.err.endswith(
        f"Error: Invalid value for '{option}': it is empty; is a variable not set?\n"
    )
    assert (told.code, told.out) == (2, "")


def process(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(ROOT), str(ROOT / "plugins"), str(Path.cwd() / "site")])
    return subprocess.Popen(
        [sys.executable, "-m", "policy_engine", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        encoding="utf-8",
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize(("score", "code"), [(0.95, 0), (0.1, 1)])
def test_a_reader_that_goes_away_does_not_change_the_exit_code(
    project: Project, score: float, code: int
) -> None:
    file = project.saved(evidence(candidate(metrics={"val_f1": score})))
    reading, writing = os.pipe()
    os.close(reading)
    with process("check", "--evidence", file, stdout=writing) as check:
        os.close(writing)
        _, err = check.communicate(timeout=60)
    assert (check.returncode, err) == (code, "")


def test_an_interrupted_check_ends_with_130(project: Project, tmp_path: Path) -> None:
    project.policy(ACME)
    # Short sleeps: a signal that comes just before a long one would be seen only after it.
    wait = "for _ in range(3000):\n    time.sleep(0.02)"
    body = f"import time\nPath({str(tmp_path / 'busy')!r}).touch()\n{wait}\nyield {PASS}"
    Site(tmp_path / "site").install(policy_module(body))
    with process("check", "--evidence", project.saved(GOOD), stdout=subprocess.PIPE) as check:
        while not (tmp_path / "busy").exists():
            assert check.poll() is None, "it ended before it was interrupted"
        check.send_signal(signal.SIGINT)
        out, err = check.communicate(timeout=60)
    assert (check.returncode, out, err.strip()) == (130, "", "interrupted")
