"""Judgement: the two tables of effects and verdicts, who is judged by what, and purity."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy_engine import plugins
from policy_engine.errors import UsageError
from policy_engine.evidence import EVERYTHING, Case, Needs
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    DatasetRecord,
    EvidenceRecord,
    FileRecord,
    Invalid,
    ModelRecord,
    PassedOver,
    PrimaryMetric,
    RunRecord,
    Unreadable,
    VersionRecord,
    metric_value,
)
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy import Field, Finding, Outcome, Policy
from policy_engine.policy_file import (
    Offered,
    PolicyFile,
    PolicyFileError,
    PolicySet,
    load_policies,
)
from policy_engine.policy_file.scope import is_current, matches, needs_run
from policy_engine.report import Engine, PolicySource, Report, Where
from policy_engine.testing import model, run
from tests.command import candidate, evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ENGINE = Engine("0.1.0", ())


class Told(Policy, name="told"):
    """It finds what it is told to find."""

    outcome: Literal["pass", "fail", "missing", "inconclusive", "not-applicable", "error"]

    def evaluate(self, case: Case) -> Iterator[Finding]:
        yield Finding(outcome=Outcome(self.outcome), message=f"it is {self.outcome}")


class RunId(Policy, name="run-id"):
    """It says whom it judged."""

    needs = Needs.BASELINE | Needs.HISTORY | Needs.CHILDREN

    part: str = Field("id")

    def evaluate(self, case: Case) -> Iterator[Finding]:
        yield Finding(outcome=Outcome.PASS, message=case.candidate.run_id, part=self.part)


class Cost(Policy, name="cost"):
    """It reads a metric of candidate, baseline and history by its documented name."""

    needs = Needs.BASELINE | Needs.HISTORY

    def evaluate(self, case: Case) -> Iterator[Finding]:
        for who in (case.candidate, case.baseline, *case.history):
            found = str(who.metric("cost.total").value)
            yield Finding(outcome=Outcome.PASS, message=found, part=who.role)


OFFERED = {each.policy_name: Offered(each, "test") for each in (Told, RunId, Cost)}


def policy_set(**files: str) -> PolicySet:
    """Return the policy files with these bodies; `fraud=` is `policies/fraud.yaml`."""
    texts = {f"policies/{n}.yaml": f"version: 1\n{body}\n".encode() for n, body in files.items()}
    return load_policies(texts, OFFERED, {})


def report_on(
    policies: PolicySet, record: EvidenceRecord, now: datetime = NOW, *, trusted: bool = True
) -> Report:
    source = PolicySource(policies.digest, "main@1a2b3c4", trusted)
    return evaluate(policies, record, Context(now, source, ENGINE))


def binding(outcome: str, keys: str = "", id_: str = "told") -> str:
    return f"{id_}: {{policy: told, outcome: {outcome}{keys and ', '}{keys}}}"


def told(*bindings: str, **facts: Any) -> Report:
    """Judge one candidate by these bindings."""
    body = "policies:\n  " + "\n  ".join(bindings)
    return report_on(policy_set(fraud=body), evidence(candidate()), **facts)


# ── the table of effects ──────────────────────────────────────────────────────────────────────────

LEVELS = ("advisory", "overridable", "mandatory")
WORDS = ("block", "warn", "skip")


def effect_of(outcome: str, level: str, word: str) -> str:
    """The table as the documentation has it, written anew: None of it comes from the engine."""
    if outcome in {"pass", "not-applicable"}:
        return "none"
    if outcome in {"missing", "inconclusive"}:
        if word == "skip":
            return "none"
        if word == "warn":
            return "warn"
    return "warn" if level == "advisory" else "block"


def is_refused(level: str, on_missing: str, on_inconclusive: str) -> bool:
    return level == "mandatory" and (on_missing in {"warn", "skip"} or on_inconclusive == "skip")


@pytest.mark.parametrize("on_inconclusive", WORDS)
@pytest.mark.parametrize("on_missing", WORDS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("outcome", [each.value for each in Outcome])
def test_each_outcome_has_the_effect_of_the_table(
    outcome: str, level: str, on_missing: str, on_inconclusive: str
) -> None:
    keys = f"level: {level}, on_missing: {on_missing}, on_inconclusive: {on_inconclusive}"
    if is_refused(level, on_missing, on_inconclusive):
        with pytest.raises(PolicyFileError, match="a mandatory binding cannot say `on_"):
            told(binding(outcome, keys))
        return
    word = on_missing if outcome == "missing" else on_inconclusive
    report = told(binding(outcome, keys), binding("pass", id_="beside"))
    found, _ = report.subjects[0].findings
    assert (found.outcome, found.level) == (outcome, level)
    assert found.effect == effect_of(outcome, level, word)


@pytest.mark.parametrize(
    ("outcome", "effect"),
    [
        ("pass", "none"),
        ("not-applicable", "none"),
        ("fail", "block"),
        ("missing", "block"),
        ("inconclusive", "warn"),
        ("error", "block"),
    ],
)
def test_a_binding_that_says_nothing_blocks_all_but_the_inconclusive(
    outcome: str, effect: str
) -> None:
    found = told(binding(outcome)).subjects[0].findings[0]
    assert (found.level, found.effect) == ("overridable", effect)


# ── the table of verdicts ─────────────────────────────────────────────────────────────────────────

BLOCKING_ERROR = binding("error", id_="e")
WARNED_ERROR = binding("error", "level: advisory", "we")
BLOCKED = binding("fail", id_="f")
WARNED = binding("fail", "level: advisory", "w")
SKIPPED = binding("missing", "on_missing: skip", "s")
IDLE = binding("not-applicable", id_="n")
PASSED = binding("pass", id_="p")


@pytest.mark.parametrize(
    ("bindings", "verdict", "code"),
    [
        ((BLOCKING_ERROR,), "error", 3),
        ((BLOCKING_ERROR, BLOCKED, WARNED, IDLE, PASSED), "error", 3),
        ((IDLE,), "not-evaluated", 4),
        ((SKIPPED,), "not-evaluated", 4),
        ((IDLE, SKIPPED), "not-evaluated", 4),
        ((BLOCKED,), "fail", 1),
        ((BLOCKED, WARNED, WARNED_ERROR, IDLE, SKIPPED, PASSED), "fail", 1),
        ((BLOCKED, IDLE), "fail", 1),
        ((WARNED,), "warn", 0),
        ((WARNED_ERROR,), "warn", 0),
        ((WARNED_ERROR, IDLE), "warn", 0),
        ((WARNED, IDLE, SKIPPED, PASSED), "warn", 0),
        ((PASSED,), "pass", 0),
        ((PASSED, IDLE, SKIPPED), "pass", 0),
    ],
)
def test_the_first_line_of_the_table_that_holds_is_the_verdict(
    bindings: tuple[str, ...], verdict: str, code: int
) -> None:
    report = told(*bindings)
    assert (report.verdict, report.exit_code) == (verdict, code)
    assert report.subjects[0].verdict == verdict


@given(st.lists(st.tuples(st.sampled_from(list(Outcome)), st.sampled_from(LEVELS)), min_size=1))
def test_nothing_but_findings_that_pass_makes_a_pass(drawn: list[tuple[Outcome, str]]) -> None:
    bindings = [binding(o, f"level: {lv}", f"b{i}") for i, (o, lv) in enumerate(drawn)]
    report = told(*bindings)
    outcomes = {outcome for outcome, _ in drawn}
    idle = {Outcome.PASS, Outcome.NOT_APPLICABLE}
    assert (report.verdict == "pass") == (outcomes <= idle and Outcome.PASS in outcomes)
    if outcomes == {Outcome.NOT_APPLICABLE}:
        assert report.exit_code == 4


VERDICTS_HIGHEST_FIRST = ["error", "not-evaluated", "fail", "warn", "pass"]


@pytest.mark.parametrize("high", range(5))
@pytest.mark.parametrize("low", range(5))
def test_of_several_subjects_the_highest_in_the_table_counts(high: int, low: int) -> None:
    one = (BLOCKING_ERROR, IDLE, BLOCKED, WARNED, PASSED)
    policies = policy_set(a=f"policies:\n  {one[high]}", b=f"policies:\n  b-{one[low]}")
    report = report_on(policies, evidence(candidate()))
    assert [s.verdict for s in report.subjects] == [
        VERDICTS_HIGHEST_FIRST[high],
        VERDICTS_HIGHEST_FIRST[low],
    ]
    assert report.verdict == VERDICTS_HIGHEST_FIRST[min(high, low)]


def test_two_files_that_bind_one_id_for_one_candidate_are_a_usage_error() -> None:
    policies = policy_set(a=f"policies:\n  {PASSED}", b=f"policies:\n  {PASSED}")
    with pytest.raises(UsageError) as refused:
        report_on(policies, evidence(candidate()))
    assert str(refused.value) == (
        f"policies/a.yaml:3 and policies/b.yaml:3 both bind 'p' for run {'0' * 32}; "
        "tell the files apart with `applies_to:`, or give one binding another id"
    )


def test_what_owes_no_run_hides_nothing() -> None:
    policies = policy_set(
        a=f"candidate: {{paths: [docs]}}\npolicies:\n  {PASSED}",
        b=f"candidate: {{paths: [training]}}\npolicies:\n  {WARNED}",
    )
    trained = candidate(tags={"policy_engine.head_sha": "a" * 40})
    report = report_on(policies, of_change(trained, paths=("training/train.py",)))
    assert [s.verdict for s in report.subjects] == ["not-applicable", "warn"]
    assert (report.verdict, report.exit_code) == ("warn", 0)


# ── when a level begins to hold ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "level", "effect"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "advisory", "warn"),
        (datetime(2027, 1, 1, tzinfo=UTC), "mandatory", "block"),
        (datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC), "mandatory", "block"),
    ],
)
def test_a_binding_is_advisory_until_the_first_second_of_its_day(
    now: datetime, level: str, effect: str
) -> None:
    keys = "level: mandatory, enforce_from: 2027-01-01"
    found = told(binding("fail", keys), now=now).subjects[0].findings[0]
    assert (found.level, found.effect) == (level, effect)


# ── who is judged by what ─────────────────────────────────────────────────────────────────────────

PASS_ALL = "policies:\n  told: {outcome: pass}"


def of_change(*runs: RunRecord, paths: tuple[str, ...] | None, **facts: Any) -> EvidenceRecord:
    change = ChangeRecord(pull_request=7, head_sha="a" * 40, paths=paths, **facts)
    return evidence(*runs, named=False, change=change)


def file_of(body: str = PASS_ALL) -> PolicyFile:
    return policy_set(fraud=body).files[0]


@pytest.mark.parametrize(
    ("path", "glob", "expected"),
    [
        ("training/train.py", "training/**", True),
        ("training/deep/er/train.py", "training/**", True),
        ("training/train.py", "training/*", True),
        ("training/train.py", "training", True),
        ("training/deep/train.py", "training/*.py", False),
        ("training/deep/train.py", "training/*", True),
        ("training.py", "training", False),
        ("mytraining/x.py", "training", False),
        ("src/training/x.py", "training/**", False),
        ("src/training/x.py", "**/training/**", True),
        ("training/x.py", "**/training/**", True),
        ("a/b/c/train.py", "**/*.py", True),
        ("train.py", "**/*.py", True),
        ("train.pyc", "**/*.py", False),
        ("a/b", "**", True),
        (".github/workflows/ci.yml", "**", True),
        (".dvc/config", "*", True),
        ("training/.hidden", "training/*", True),
        ("Training/x.py", "training/**", False),
        ("training/a[1].py", "training/a[[]1].py", True),
        ("training/x.py", "/training/**", True),
        ("params.yaml", "params.y*ml", True),
        ("a/params.yaml", "params.yaml", False),
        ("a/x/y/b", "a/**/b", True),
        ("a/b", "a/**/b", True),
        ("a/x/c", "a/**/b", False),
    ],
)
def test_a_glob_covers_what_it_names_and_all_beneath(path: str, glob: str, expected: bool) -> None:
    assert matches(path, glob) is expected


PATHS = st.lists(st.sampled_from(["a", "b", ".c", "d.py"]), min_size=1, max_size=5).map("/".join)


@given(PATHS, st.sampled_from(["a", "b", ".c"]))
def test_a_folder_s_name_covers_as_much_as_its_double_star(path: str, folder: str) -> None:
    """`training` must not silently cover less than `training/**`."""
    assert (
        matches(path, folder)
        == matches(path, f"{folder}/**")
        == (path == folder or path.startswith(f"{folder}/"))
    )


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (None, True),
        ((), False),
        (("policies/fraud.yaml",), False),
        (("policies/tests/fraud.yaml", "policies/README.md"), False),
        (("policies/fraud.yaml", "training/train.py"), True),
        (("policies/train.py",), True),
        (("policies.py",), True),
        (("src/policies/fraud.yaml",), True),
        (("README.md",), True),
    ],
)
def test_a_change_to_nothing_but_the_policy_folder_owes_no_run(
    paths: tuple[str, ...] | None, expected: bool
) -> None:
    assert needs_run(file_of(), ChangeRecord(head_sha="a" * 40, paths=paths)) is expected


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (None, True),
        ((), False),
        (("training/train.py",), True),
        (("docs/index.md", "training/deep/train.py"), True),
        (("docs/index.md",), False),
        (("policies/fraud.yaml",), False),
    ],
)
def test_a_change_to_none_of_the_training_paths_owes_no_run(
    paths: tuple[str, ...] | None, expected: bool
) -> None:
    file = file_of("candidate: {paths: [training/**]}\n" + PASS_ALL)
    assert needs_run(file, ChangeRecord(head_sha="a" * 40, paths=paths)) is expected


def test_a_policy_file_at_the_root_has_no_folder_of_its_own() -> None:
    file = replace(file_of(), path="fraud.yaml")
    assert not needs_run(file, ChangeRecord(paths=("fraud.yaml",)))
    assert needs_run(file, ChangeRecord(paths=("fraud.yaml", "train.py")))
    assert needs_run(file, ChangeRecord(paths=("train.py",)))


def test_a_pull_request_that_owes_no_run_is_told_so_plainly() -> None:
    policies = policy_set(fraud="candidate: {paths: [training/**, params.yaml]}\n" + PASS_ALL)
    report = report_on(policies, of_change(paths=("docs/index.md",)))
    assert (report.verdict, report.exit_code) == ("not-applicable", 0)
    assert report.subjects[0].reason == (
        "the change does not touch training/**, params.yaml: it needs no run"
    )


def test_a_named_candidate_is_judged_whatever_the_change_touches() -> None:
    change = ChangeRecord(pull_request=7, head_sha="a" * 40, paths=("policies/fraud.yaml",))
    report = report_on(policy_set(fraud=PASS_ALL), evidence(candidate(), change=change))
    assert report.verdict == "pass"


@pytest.mark.parametrize(
    ("commit", "expected"),
    [
        ("a" * 40, True),
        ("b" * 40, True),
        ("c" * 40, True),
        ("d" * 40, False),
        ("e" * 40, False),
        ("", False),
    ],
)
def test_a_run_stands_for_the_head_if_no_training_path_changed_after_it(
    commit: str, expected: bool
) -> None:
    change = ChangeRecord(
        head_sha="a" * 40,
        merge_sha="b" * 40,
        later_paths={"c" * 40: ("docs/index.md",), "d" * 40: ("docs/x.md", "training/train.py")},
    )
    file = file_of("candidate: {paths: [training/**]}\n" + PASS_ALL)
    assert is_current(file, commit, change) is expected


def test_without_training_paths_only_the_head_itself_is_current() -> None:
    change = ChangeRecord(head_sha="a" * 40, later_paths={"c" * 40: ()})
    assert not is_current(file_of(), "c" * 40, change)


def test_a_change_without_a_head_makes_no_commit_current() -> None:
    assert not is_current(file_of(), "", ChangeRecord())


@pytest.mark.parametrize(
    ("rule", "facts", "applies"),
    [
        ("{model: fraud-*}", {"model": model("fraud-lr")}, True),
        ("{model: fraud-*}", {"model": model("churn-lr")}, False),
        (
            "{model: fraud*}",
            {"model": model("m", versions=(VersionRecord(name="fraud", version="3"),))},
            True,
        ),
        ("{model: fraud-*}", {"model": None}, False),
        ("{experiment: fraud}", {"experiment": "fraud"}, True),
        ("{experiment: fraud}", {"experiment": "Fraud"}, False),
        ("{experiment: fraud}", {"experiment": None}, False),
        ("{tags: {team: ri*}}", {"tags": {"team": "risk"}}, True),
        ("{tags: {team: risk}}", {"tags": {"team": "sales"}}, False),
        ("{tags: {team: risk}}", {"tags": {}}, False),
        ("{tags: {team: risk}}", {"tags": {"team": Invalid(invalid="cut off")}}, True),
        ("{experiment: fraud, tags: {team: risk}}", {"experiment": "fraud"}, False),
        (
            "{experiment: fraud, tags: {team: risk}}",
            {"experiment": "fraud", "tags": {"team": "risk"}},
            True,
        ),
    ],
)
def test_a_file_applies_when_all_that_it_names_holds(
    rule: str, facts: dict[str, Any], applies: bool
) -> None:
    policies = policy_set(fraud=f"applies_to: {rule}\n{PASS_ALL}")
    report = report_on(policies, evidence(candidate(**facts)))
    assert report.verdict == ("pass" if applies else "not-evaluated")


def test_a_file_judges_the_logged_model_that_it_names() -> None:
    policies = policy_set(fraud="candidate: {model_name: big}\npolicies:\n  run-id: on")
    named = [
        CandidateRecord(run=candidate(run_id=str(i) * 32), model_name=name)
        for i, name in enumerate((None, "small", "big"))
    ]
    record = EvidenceRecord(needs=EVERYTHING.names, candidates=tuple(named))
    subjects = report_on(policies, record).subjects
    judged = [s.candidate.run_id[0] for s in subjects if s.candidate]
    assert judged == ["2"]


def test_what_evidence_says_of_the_policy_files_it_is_for_lets_no_file_off_a_named_run() -> None:
    """A fork writes the file: it would choose by which policies it is judged."""
    policies = policy_set(
        a="policies:\n  told: {outcome: pass}",
        b="policies:\n  b: {policy: told, outcome: fail}",
    )
    forged = CandidateRecord(run=candidate(), policy_files=("policies/a.yaml",))
    report = report_on(policies, EvidenceRecord(needs=EVERYTHING.names, candidates=(forged,)))
    assert [s.verdict for s in report.subjects] == ["pass", "fail"]


@pytest.mark.parametrize("name", ["big", None])
def test_a_named_run_whose_logged_model_was_not_collected_is_an_error(name: str | None) -> None:
    """Evidence that was saved before the policy file named a model: it would go unjudged."""
    policies = policy_set(
        any="policies:\n  run-id: on",
        big="candidate: {model_name: big}\npolicies:\n  told: {outcome: fail}",
    )
    logged = model(name=name) if name else None
    run = candidate().model_copy(update={"model": logged})
    report = report_on(policies, evidence(run))
    assert report.exit_code == 3
    assert report.subjects[1].reason == (
        f"run {run.run_id}: the evidence was collected without its logged model 'big', "
        "which the policy file names: collect it again"
    )


def test_a_named_run_of_another_logged_model_owes_a_file_nothing() -> None:
    policies = policy_set(
        any="policies:\n  run-id: on",
        big="candidate: {model_name: big}\npolicies:\n  told: {outcome: fail}",
    )
    run = candidate().model_copy(update={"model": model(name="small")})
    report = report_on(policies, evidence(run))
    assert [s.policy_file for s in report.subjects] == ["policies/any.yaml"]


def test_evidence_without_a_change_still_owes_each_candidate_a_verdict() -> None:
    policies = policy_set(fraud=f"applies_to: {{experiment: fraud}}\n{PASS_ALL}")
    report = report_on(policies, evidence(candidate(experiment="churn"), named=False))
    assert (report.verdict, report.exit_code) == ("not-evaluated", 4)


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("pull_request", [7, None])
@pytest.mark.parametrize(
    ("one", "verdict"),
    [
        (PASSED, "pass"),
        (WARNED, "warn"),
        (BLOCKED, "fail"),
        (IDLE, "not-evaluated"),
        (BLOCKING_ERROR, "error"),
    ],
)
def test_a_pull_request_judged_by_its_own_proposal_is_a_warning_at_best(
    one: str, verdict: str, pull_request: int | None, trusted: bool
) -> None:
    change = ChangeRecord(pull_request=pull_request, head_sha="a" * 40)
    record = evidence(candidate(), change=change)
    report = report_on(policy_set(fraud=f"policies:\n  {one}"), record, trusted=trusted)
    capped = verdict == "pass" and pull_request is not None and not trusted
    assert report.verdict == ("warn" if capped else verdict)
    assert report.policies.trusted is trusted


# ── the user's own names, the baseline's record ───────────────────────────────────────────────────


def test_the_team_s_own_names_hold_for_candidate_baseline_and_history() -> None:
    policies = policy_set(
        fraud="evidence: {names: {cost.total: euros}}\nbaseline: [{alias: champion}]\n"
        "policies:\n  cost: on"
    )
    found = BaselineRecord(rules=({"alias": "champion"},), run=run(metrics={"euros": 20.5}))
    one = CandidateRecord(
        run=run(metrics={"euros": 10.5}),
        baselines=(found,),
        history=(run(metrics={"euros": 30.5}),),
    )
    report = report_on(policies, EvidenceRecord(needs=EVERYTHING.names, candidates=(one,)))
    assert [(f.part, f.message) for f in report.subjects[0].findings] == [
        ("candidate", "10.5"),
        ("baseline", "20.5"),
        ("earlier", "30.5"),
    ]


@pytest.mark.parametrize("metric", ["metric: {name: train_f1}\n", ""])
def test_a_report_notes_that_its_metric_is_of_the_rows_that_training_saw(metric: str) -> None:
    primary = PrimaryMetric(name="train_f1")
    policies = policy_set(fraud=f"{metric}policies:\n  run-id: on")
    one = CandidateRecord(run=run(metrics={"train_f1": 0.9}, primary_metric=primary))
    report = report_on(policies, EvidenceRecord(needs=EVERYTHING.names, candidates=(one,)))
    assert list(report.subjects[0].notes) == [
        (
            "train_f1 is by its name a metric of the rows that training saw, not of new ones; "
            "name one of evaluation data"
        )
    ]


@pytest.mark.parametrize(
    ("flavor", "metrics", "noted"),
    [
        ("keras", {"accuracy": 0.9, "val_accuracy": 0.8}, True),
        ("tensorflow", {"accuracy": 0.9, "val_accuracy": 0.8}, True),
        ("keras", {"accuracy": 0.9}, False),
        ("sklearn", {"accuracy": 0.9, "val_accuracy": 0.8}, False),
    ],
)
def test_a_report_notes_that_keras_logs_training_rows_without_a_prefix(
    flavor: str, metrics: dict[str, Any], noted: bool
) -> None:
    policies = policy_set(fraud="metric: {name: accuracy}\npolicies:\n  run-id: on")
    model = ModelRecord(model_id="m-1", name="model", flavors=(flavor, "python_function"))
    one = CandidateRecord(run=run(metrics=metrics, model=model))
    report = report_on(policies, EvidenceRecord(needs=EVERYTHING.names, candidates=(one,)))
    note = (
        "accuracy is what Keras logs of the rows that training saw, beside val_accuracy: it says "
        "how well the model fits these, not how well it predicts others; name val_accuracy"
    )
    assert list(report.subjects[0].notes) == ([note] if noted else [])


def test_a_baseline_that_a_flag_named_serves_every_policy_file() -> None:
    policies = policy_set(fraud="baseline: [{alias: champion}]\npolicies:\n  run-id: on")
    named = BaselineRecord(rules=({"run": "x"},), found_by="--baseline", run=run(run_id="b" * 32))
    report = report_on(policies, evidence(candidate(), baselines=(named,)))
    assert report.verdict == "pass"
    baseline = report.subjects[0].baseline
    assert baseline is not None
    assert (baseline.run_id, baseline.found_by) == ("b" * 32, "--baseline")


def test_what_the_baseline_rules_passed_over_is_named() -> None:
    policies = policy_set(fraud="baseline: [{alias: champion}]\npolicies:\n  run-id: on")
    why = PassedOver(rule="alias: champion", why="it is the candidate itself")
    record = BaselineRecord(rules=({"alias": "champion"},), passed_over=(why,))
    (subject,) = report_on(policies, evidence(candidate(), baselines=(record,))).subjects
    assert [(p.rule, p.why) for p in subject.passed_over] == [(why.rule, why.why)]


# ── purity ────────────────────────────────────────────────────────────────────────────────────────

SHIPPED = plugins.load_plugins()
METRICS = ("val_f1", "loss", "cost.total")
NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 1),
    st.sampled_from([0.0, -0.0, 0.5, 1.0, 1e-300, 1.7976931348623157e308, 5e-324]),
)
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
T = TypeVar("T")


def mostly(usual: st.SearchStrategy[T], odd: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Draw what is usual four times in five: a policy passes only where much is in order."""
    return st.integers(0, 4).flatmap(lambda n: odd if n == 1 else usual)


GAPS = st.one_of(
    st.builds(Invalid, invalid=st.just("NaN")), st.builds(Unreadable, unreadable=NAMES)
)
TIMES = st.datetimes(
    datetime(2026, 1, 1), datetime(2026, 2, 1), timezones=st.just(UTC)  # noqa: DTZ001 (see there)
)  # fmt: skip
WHOLE_MODELS = st.builds(
    ModelRecord,
    model_id=st.just("m-" + "0" * 32),
    name=st.sampled_from(["model", "fraud"]),
    status=mostly(st.just("READY"), st.sampled_from(["FAILED", "PENDING"])),
    size=mostly(st.integers(0, 5000), st.one_of(st.integers(0, 10**12), st.none(), GAPS)),
    logged_size=mostly(st.none(), st.integers(0, 10**9)),
    flavors=mostly(st.just(("python_function", "sklearn")), st.one_of(st.none(), GAPS)),
    files=st.one_of(st.none(), GAPS, st.builds(lambda p: (FileRecord(path=p, size=3),), NAMES)),
)
MODELS = mostly(WHOLE_MODELS, st.one_of(st.none(), GAPS))


def _run(**facts: Any) -> RunRecord:
    metrics = {name: metric_value(value) for name, value in facts.pop("metrics").items()}
    return RunRecord(metrics=metrics, **facts)


RUNS = st.builds(
    _run,
    run_id=st.sampled_from(["1" * 32, "2" * 32]),
    status=mostly(st.just("FINISHED"), st.sampled_from(["FAILED", "RUNNING"])),
    lifecycle=mostly(st.just("active"), st.just("deleted")),
    start_time=mostly(st.just(datetime(2026, 1, 1, tzinfo=UTC)), st.one_of(st.none(), TIMES)),
    end_time=mostly(TIMES, st.none()),
    tags=st.dictionaries(
        st.sampled_from(["cost.currency", "compute.instance", "team"]),
        st.one_of(st.sampled_from(["USD", "EUR"]), st.builds(Invalid, invalid=NAMES)),
    ),
    params=st.dictionaries(NAMES, NAMES, max_size=2),
    metrics=mostly(
        st.fixed_dictionaries(dict.fromkeys(METRICS[:2], st.floats(0, 1))),
        st.dictionaries(st.sampled_from(METRICS), NUMBERS),
    ),
    datasets=st.lists(st.builds(DatasetRecord, name=NAMES), max_size=1).map(tuple),
    model=MODELS,
    children=st.just(()),
)
ALIAS = ({"alias": "champion"},)
CANDIDATES = st.builds(
    lambda run, baseline, why: CandidateRecord(
        run=run,
        baselines=tuple(
            BaselineRecord(rules=ALIAS, metric=name, run=baseline, passed_over=why)
            for name in ("val_f1", "loss")
        ),
        history=(),
    ),
    RUNS,
    mostly(RUNS, st.one_of(st.none(), st.builds(Unreadable, unreadable=NAMES))),
    st.lists(st.builds(PassedOver, rule=NAMES, why=NAMES), max_size=1).map(tuple),
)
EVIDENCE = st.builds(
    lambda candidates: EvidenceRecord(needs=EVERYTHING.names, candidates=tuple(candidates)),
    st.lists(CANDIDATES, min_size=1, max_size=2),
)
FRACTIONS = st.integers(0, 120).map(lambda n: n / 100)
BINDINGS = st.fixed_dictionaries(
    {},
    optional={
        "run-finished": st.just("on"),
        "baseline-logged": st.just("on"),
        "model-size-budget": st.builds(
            lambda size, growth: f"{{max_size: {size}B, max_growth: {growth}%, growth_from: 1B}}",
            st.integers(1, 5000),
            st.integers(0, 200),
        ),
        "min-useful-gain": st.builds(
            lambda a, r, h: f"{{min_abs: {a}, min_rel: {r}%, min_headroom: {h}%, perfect: 1}}",
            FRACTIONS,
            st.integers(0, 50),
            st.integers(0, 50),
        ),
        "cost-per-point": st.builds(
            lambda money, saving: (
                f"{{max_cost_per_point: {money} USD, min_saving_per_point: {saving} USD}}"
            ),
            st.integers(0, 100),
            st.integers(0, 100),
        ),
        "metric-threshold": st.builds(
            lambda least, change, goal: (
                f"{{metric: {goal[0]}, goal: {goal[1]}, min: {least}, "
                f"min_absolute_change: {change}, min_relative_change: {min(change, 1)}}}"
            ),
            FRACTIONS,
            FRACTIONS,
            st.sampled_from([("val_f1", "maximize"), ("loss", "minimize")]),
        ),
    },
).filter(bool)
METRIC_SETTINGS = st.sampled_from(["{name: val_f1}", "{name: loss, point: 0.1}"])


def shipped_set(metric: str, bindings: dict[str, str], order: Sequence[str] = ()) -> PolicySet:
    """Return one policy file that binds these shipped policies, in this order."""
    lines = "".join(f"  {name}: {bindings[name]}\n" for name in order or bindings)
    text = (
        f"version: 1\nmetric: {metric}\nbaseline: [{{alias: champion}}]\n"
        f"prices: {{default: 0.50 USD/h}}\npolicies:\n{lines}"
    )
    return load_policies({"policies/fraud.yaml": text.encode()}, SHIPPED.policies, {})


QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@QUICK
@given(METRIC_SETTINGS, BINDINGS, EVIDENCE)
def test_saved_evidence_is_judged_as_live_evidence_is(
    metric: str, bindings: dict[str, str], live: EvidenceRecord
) -> None:
    policies = shipped_set(metric, bindings)
    saved = EvidenceRecord.from_json(live.to_text())
    assert saved == live
    assert saved.digest == live.digest
    assert report_on(policies, saved).to_dict() == report_on(policies, live).to_dict()


@QUICK
@given(METRIC_SETTINGS, BINDINGS, EVIDENCE)
def test_the_same_input_gives_the_same_bytes(
    metric: str, bindings: dict[str, str], record: EvidenceRecord
) -> None:
    policies = shipped_set(metric, bindings)
    before = record.to_text()
    first, second = (json.dumps(report_on(policies, record).to_dict()) for _ in range(2))
    assert first == second
    assert record.to_text() == before


@QUICK
@given(METRIC_SETTINGS, BINDINGS, EVIDENCE, st.randoms())
def test_the_order_of_bindings_changes_no_finding(
    metric: str, bindings: dict[str, str], record: EvidenceRecord, random: Any
) -> None:
    order = list(bindings)
    random.shuffle(order)

    def findings(policies: PolicySet) -> list[list[Any]]:
        subjects = report_on(policies, record).subjects
        return [
            sorted((f._replace(where=Where("", 1)) for f in s.findings), key=repr) for s in subjects
        ]

    one, other = shipped_set(metric, bindings), shipped_set(metric, bindings, order)
    assert findings(one) == findings(other)
    assert report_on(one, record).verdict == report_on(other, record).verdict


def shuffled(value: Any, random: Any) -> Any:
    """Return equal JSON whose mappings are in another order."""
    if isinstance(value, dict):
        items = [(key, shuffled(item, random)) for key, item in value.items()]
        random.shuffle(items)
        return dict(items)
    return [shuffled(item, random) for item in value] if isinstance(value, list) else value


@QUICK
@given(EVIDENCE, st.randoms())
def test_the_order_of_keys_changes_no_digest(record: EvidenceRecord, random: Any) -> None:
    text = json.dumps(shuffled(record.as_json(), random))
    assert EvidenceRecord.from_json(text).digest == record.digest


@settings(QUICK, max_examples=200)
@given(METRIC_SETTINGS, BINDINGS, EVIDENCE)
def test_each_pass_of_a_shipped_policy_really_holds(
    metric: str, bindings: dict[str, str], record: EvidenceRecord
) -> None:
    """Neither NaN nor infinity, whatever the settings, and no policy breaks down on any of it."""
    for subject in report_on(shipped_set(metric, bindings), record).subjects:
        for finding in subject.findings:
            assert "the policy raised" not in finding.message
            assert "refuses" not in finding.message
            if finding.outcome is Outcome.PASS and finding.limit and finding.measured:
                assert finding.measured.value.is_finite()
                assert finding.measured.unit == finding.limit.unit
                assert finding.limit.holds(finding.measured.value)
            if finding.outcome is not Outcome.PASS:
                assert finding.effect != "none" or finding.outcome is Outcome.NOT_APPLICABLE


@QUICK
@given(METRIC_SETTINGS, BINDINGS, st.sampled_from([float("nan"), float("inf"), -float("inf")]))
def test_a_candidate_whose_metrics_are_no_numbers_passes_no_policy_that_reads_them(
    metric: str, bindings: dict[str, str], value: float
) -> None:
    hopeless = candidate(metrics=dict.fromkeys(METRICS, value), tags={"cost.currency": "USD"})
    good = run(metrics=dict.fromkeys(METRICS, 0.5), model=model(size="1MB"))
    baselines = tuple(BaselineRecord(rules=ALIAS, metric=m, run=good) for m in ("val_f1", "loss"))
    record = evidence(hopeless, baselines=baselines)
    (subject,) = report_on(shipped_set(metric, bindings), record).subjects
    # These two judge the model and the baseline; the run's own part is its status.
    elsewhere = {"model-size-budget", "baseline-logged", "run-finished"}
    outcomes = {f.outcome for f in subject.findings if f.id not in elsewhere}
    assert Outcome.PASS not in outcomes
    if "run-finished" in bindings:
        parts = {f.part: f.outcome for f in subject.findings if f.id == "run-finished"}
        assert parts["metric"] is Outcome.FAIL


@QUICK
@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_a_tighter_limit_never_passes_what_a_looser_one_blocks(
    score: int, one: int, other: int
) -> None:
    tight, loose = max(one, other), min(one, other)
    record = evidence(candidate(metrics={"val_f1": score / 100}))

    def passes(least: int) -> bool:
        bound = {"metric-threshold": f"{{metric: val_f1, min: {Decimal(least) / 100}}}"}
        return report_on(shipped_set("{name: val_f1}", bound), record).verdict == "pass"

    assert passes(loose) or not passes(tight)
    assert passes(score)


@QUICK
@given(st.integers(0, 5000), st.integers(1, 5000), st.integers(1, 5000))
def test_a_smaller_budget_never_passes_what_a_larger_one_blocks(
    size: int, one: int, other: int
) -> None:
    record = evidence(candidate(model=model(size=size)))

    def passes(budget: int) -> bool:
        bound = {"model-size-budget": f"{{max_size: {budget}B}}"}
        return report_on(shipped_set("{name: val_f1}", bound), record).verdict == "pass"

    assert passes(max(one, other)) or not passes(min(one, other))
    assert passes(max(size, 1)) is (size > 0)


def test_the_clock_of_the_report_is_the_one_that_was_given() -> None:
    later = NOW + timedelta(days=400)
    one = told(PASSED).to_dict()
    other = told(PASSED, now=later).to_dict()
    assert one.pop("evaluated_at") == "2026-11-22T12:00:00Z"
    assert other.pop("evaluated_at") == "2027-12-27T12:00:00Z"
    assert one == other
