"""What a condition makes of evidence: its value, or what the evidence is instead of one."""

from __future__ import annotations

import operator
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence import (
    Case,
    InvalidEvidence,
    MissingEvidence,
    NotApplicable,
    UnreadableEvidence,
)
from policy_engine.evidence.record import (
    ChangeRecord,
    Invalid,
    RunRecord,
    Unreadable,
    VersionRecord,
)
from policy_engine.expressions import ExpressionFailed, Held, compiled
from policy_engine.testing import case, model, run

NAN = float("nan")
FRAUD = run(
    run_name="nightly",
    metrics={"f1": 0.9, "auc": NAN, "val-f1": 0.7},
    params={"depth": "3"},
    tags={"region": "eu", "team.name": "risk"},
    model=model(
        "fraud-lr",
        size="250MB",
        versions=(VersionRecord(name="fraud", version="3"),),
    ),
)
BASELINE = run(metrics={"f1": 0.8, "auc": NAN})
HISTORY = tuple(run(metrics={"f1": i / 10, "auc": NAN if i else 0.5}) for i in range(5))
CHANGE = ChangeRecord(pull_request=7, author="ana", labels=("hotfix",), paths=("a.py", "b.md"))


def on(text: str, **facts: Any) -> Case:
    known: dict[str, Any] = {
        "candidate": FRAUD,
        "baseline": BASELINE,
        "history": HISTORY,
        "change": CHANGE,
    }
    return case(compiled(text).needs, **(known | facts))


def held(text: str, **facts: Any) -> bool:
    return compiled(text).of(on(text, **facts)).holds


TRUE = (
    "candidate.metrics.f1 >= 0.9",
    "candidate.metrics.f1 == 0.9 && candidate.metrics.f1 < 1",
    'candidate.metrics["val-f1"] == 0.7 && "val-f1" in candidate.metrics',
    "candidate.metrics.f1 > baseline.metrics.f1",
    "candidate.model.size <= 250000000 && candidate.model.size == 250000000.0",
    'candidate.model.name == "fraud-lr" && "sklearn" in candidate.model.flavors',
    'candidate.model.registered + "/" + candidate.model.version == "fraud/3"',
    "candidate.duration_s / 60.0 == 60.0",
    'candidate.tags.region == "eu" && candidate.tags["team.name"].startsWith("ri")',
    'candidate.status == "FINISHED" && candidate.run_name.matches(r"^n\\w+y$")',
    "double(candidate.params.depth) > 2 && int(candidate.params.depth) % 2 == 1",
    '!has(candidate.experiment) && !has(candidate.tags.owner) && !("x" in candidate.params)',
    'candidate.tags.exists(name, name.endsWith(".name"))',
    "history.size() == 5 && size(history.filter(h, h.metrics.f1 > 0.2)) == 2",
    "history.filter(h, h.metrics.f1 > 0.2).all(h, h.metrics.f1 < candidate.metrics.f1)",
    "history.exists_one(h, has(h.metrics.auc)) && history[0].metrics.auc == 0.5",
    "history.all(a, history.exists(b, b.metrics.f1 >= a.metrics.f1))",
    'change.pull_request == 7 && change.author == "ana" && "hotfix" in change.labels',
    '!change.paths.all(path, path.endsWith(".md"))',
    "true ? true : candidate.metrics.f9 > 0.5",
    "candidate.metrics.f1 > 0.5 || candidate.metrics.f9 > 0.5",
)


@pytest.mark.parametrize("text", TRUE)
def test_a_condition_holds_of_the_evidence(text: str) -> None:
    assert held(text)
    assert not held(f"!({text})")


def test_a_condition_says_what_it_was_decided_on() -> None:
    text = 'candidate.metrics.f1 >= baseline.metrics.f1 && candidate.tags.region == "us"'
    found = compiled(text).of(on(text))
    assert found == Held(
        holds=False,
        values={
            "candidate.metrics.f1": 0.9,
            "baseline.metrics.f1": 0.8,
            "candidate.tags.region": "eu",
        },
    )
    assert compiled(text).told(found) == (
        " (candidate.metrics.f1 is 0.9; baseline.metrics.f1 is 0.8; candidate.tags.region is 'eu')"
    )


@pytest.mark.parametrize(
    ("text", "message", "remedy"),
    [
        (
            "candidate.metrics.f2 > 0.5",
            "the candidate run has no metric f2; nearest names: f1",
            'log it: mlflow.log_metric("f2", value)',
        ),
        (
            'candidate.tags["regio"] == "eu"',
            "the candidate run has no tag regio; nearest names: region",
            None,
        ),
        ('candidate.experiment == "x"', "candidate.experiment is not recorded", None),
        (
            "history.all(h, h.metrics.f2 > 0.5)",
            "`history.all(h, h.metrics.f2 > 0.5)` reads 'f2', which an entry does not have",
            "ask first: has(run.metrics.auc) && run.metrics.auc > 0.5",
        ),
        (
            "size(history[9].tags)>1",
            "`size(history[9].tags)>1` asks for an entry that is not there: index out of bounds: 9",
            None,
        ),
    ],
)
def test_what_is_absent_is_missing_and_named(text: str, message: str, remedy: str | None) -> None:
    with pytest.raises(MissingEvidence) as caught:
        held(text)
    assert (str(caught.value), caught.value.remedy) == (message, remedy)


def test_without_a_model_its_members_are_missing() -> None:
    bare = run()
    assert held("!has(candidate.model)", candidate=bare)
    with pytest.raises(MissingEvidence) as caught:
        held("candidate.model.size < 5", candidate=bare)
    assert str(caught.value) == "the candidate run has no logged model that is READY"


def test_whoever_names_the_baseline_needs_one() -> None:
    text = "has(baseline.metrics.f1) || true"
    with pytest.raises(MissingEvidence, match=r"^no baseline \(alias: champion"):
        held(text, baseline=None)
    first = FRAUD.model_copy(update={"model": None})
    with pytest.raises(NotApplicable):
        held(text, candidate=first, baseline=None, first_run=True)


def test_whoever_names_the_change_needs_one() -> None:
    with pytest.raises(MissingEvidence) as caught:
        held('"hotfix" in change.labels', change=None)
    assert str(caught.value) == "there is no pull request to read"


@pytest.mark.parametrize(
    "text",
    [
        "candidate.metrics.auc > 0.5",
        "candidate.metrics.auc < 0.5",
        "has(candidate.metrics.auc)",
        "!has(candidate.metrics.auc) || candidate.metrics.auc > 0.5",
        '"auc" in candidate.metrics',
        "candidate.metrics.f1 > 0.5 || candidate.metrics.auc > 0.5",
        "candidate.metrics.all(name, candidate.metrics[name] > 0)",
        "size(candidate.metrics) > 1",
        "candidate.metrics[candidate.params.depth] > 0",
    ],
)
def test_nan_that_is_named_is_never_passed_over(text: str) -> None:
    with pytest.raises(InvalidEvidence) as caught:
        held(text)
    assert str(caught.value) == "metric auc of the candidate run is NaN"


def test_nan_of_the_baseline_is_invalid_too() -> None:
    with pytest.raises(InvalidEvidence, match="metric auc of the baseline run is NaN"):
        held("baseline.metrics.auc > 0.5")


def test_a_text_that_was_cut_off_is_invalid() -> None:
    cut = run(tags={"note": Invalid(invalid="cut off by MLflow")})
    for text in ('candidate.tags.note == "x"', "candidate.tags.all(t, t != 'x')"):
        with pytest.raises(InvalidEvidence):
            held(text, candidate=cut)


def test_a_score_outside_its_range_is_invalid() -> None:
    with pytest.raises(InvalidEvidence, match=r"it lies in \[0, 1\] by definition"):
        held("candidate.metrics.val_f1 > 0.5", candidate=run(metrics={"val_f1": 90.0}))


def test_invalid_evidence_that_is_not_named_does_not_matter() -> None:
    assert held("candidate.metrics.f1 > 0.5 && baseline.metrics.f1 > 0.5")


@pytest.mark.parametrize(
    "facts",
    [
        {"candidate": run(model=Unreadable(unreadable="HTTP 500"))},
        {"candidate": run(model=model(size=None)).model_copy(update={"model": None})},
    ],
    ids=["unreadable", "absent"],
)
def test_an_unreadable_model_is_not_an_absent_one(facts: dict[str, RunRecord]) -> None:
    text = "!has(candidate.model)"
    if facts["candidate"].model is None:
        assert held(text, **facts)
        return
    with pytest.raises(UnreadableEvidence) as caught:
        held(text, **facts)
    assert str(caught.value) == "the model of the candidate run could not be read: HTTP 500"


@pytest.mark.parametrize(
    "text",
    [
        "double(candidate.tags.region) > 0.5",
        "int(candidate.run_name) == 1",
        "9223372036854775807 + size(history) > 1",
    ],
)
def test_what_cannot_be_computed_is_an_error_and_never_false(text: str) -> None:
    for each in (text, f"!({text})"):
        with pytest.raises(ExpressionFailed):
            held(each)


@pytest.mark.parametrize("number", ["inf", "-Infinity", "1e999", " +INF ", "nan"])
def test_an_infinite_text_respects_no_limit(number: str) -> None:
    deep = run(params={"depth": number, "max-depth": number, "missing": number})
    for text in (
        "double(candidate.params.depth) < 10.0",
        "double(candidate.params['max-depth']) > 10.0",
        "!(double(candidate.params.depth) < 10.0)",
        "history.all(h, double(h.params.depth) > 1.0)",
        "double(candidate.params.depth + '') < 10.0",
    ):
        with pytest.raises(ExpressionFailed) as caught:
            held(text, candidate=deep, history=(FRAUD, deep))
        assert str(caught.value) == (
            f"`{text}`: double() expects a finite number such as 0.5, not {number!r}"
        )
    assert held("candidate.params.missing != '1' && double('2') > 1.0", candidate=deep)
    assert held("true || double(candidate.params.depth) < 10.0", candidate=deep)


def test_untrusted_text_is_plain_data() -> None:
    hostile = '" || true || "\n${{ secrets.X }} candidate.metrics.f1 > 0'
    assert not held('candidate.tags.region == "eu"', candidate=run(tags={"region": hostile}))


_PAIRS = "candidate.tags.all(a, candidate.tags.all(b, a != b || true))"


def test_work_is_counted_while_it_is_done() -> None:
    many = run(tags={f"t{i}": "x" for i in range(2000)})
    assert held("candidate.tags.all(a, a != 'x')", candidate=many)
    with pytest.raises(ExpressionFailed) as caught:
        held(_PAIRS, candidate=many)
    assert str(caught.value) == f"`{_PAIRS}` takes more than 3,000,000 steps"
    assert held(_PAIRS, candidate=run(tags={f"t{i}": "x" for i in range(500)}))


@pytest.mark.parametrize(
    "body",
    [
        "candidate.tags == baseline.tags",
        "candidate.run_name.matches('(x+x+)+y') || true",
        f"({' + '.join(['candidate.run_name'] * 30)}) != ''",
        "a in ['x', candidate.run_name] || [candidate.tags, candidate.tags] != [baseline.tags]",
        "candidate.run_name == candidate.tags.t1 || true",
        "candidate.run_name.contains('xy') || true",
    ],
)
def test_work_on_texts_and_collections_is_counted_too(body: str) -> None:
    """Nothing that an entry is asked takes longer than its steps say."""
    long = "x" * 8000
    many = run(run_name=long, tags={f"t{i}": long for i in range(600)})
    text = f"candidate.tags.all(a, candidate.tags.all(b, {body}))"
    with pytest.raises(ExpressionFailed, match="takes more than 3,000,000 steps"):
        held(text, candidate=many, baseline=many)


def test_two_macros_over_two_hundred_runs_are_within_the_bounds() -> None:
    earlier = tuple(run(metrics={"f1": i / 200}) for i in range(200))
    text = "history.all(a, history.all(b, a.metrics.f1 + b.metrics.f1 >= 0.0))"
    assert held(text, history=earlier)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("candidate.metrics.f1 >= 0.9", "0.9", "f1"),
        ("candidate.model.size <= 300000000", "250000000", "B"),
        ("candidate.duration_s < 7200.0", "3600", "s"),
    ],
)
def test_one_number_against_its_limit_is_measured(text: str, value: str, unit: str) -> None:
    condition = compiled(text)
    measured = condition.measured(on(text))
    assert measured is not None
    assert condition.bound is not None
    assert (measured.value, measured.unit) == (Decimal(value), unit)
    assert condition.bound.limit == Decimal(text.rpartition(" ")[2])


@pytest.mark.parametrize(
    "text",
    ["0.5 <= candidate.metrics.f1", "candidate.metrics.f1 > baseline.metrics.f1", "true"],
)
def test_any_other_condition_has_no_single_limit(text: str) -> None:
    assert compiled(text).bound is None
    assert compiled(text).measured(on(text)) is None


_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
numbers = st.floats(allow_nan=False, min_value=-1e300, max_value=1e300)


@given(st.sampled_from(sorted(_SIGNS)), numbers, numbers)
def test_numbers_compare_as_python_compares_them(sign: str, left: float, right: float) -> None:
    text = f"candidate.metrics.a {sign} candidate.metrics.b"
    candidate = run(metrics={"a": left, "b": right})
    assert held(text, candidate=candidate) is _SIGNS[sign](left, right)


@given(numbers, st.integers(-(2**53), 2**53))
def test_a_metric_compares_with_a_whole_number_as_python_does(left: float, right: int) -> None:
    candidate = run(metrics={"a": left})
    assert held(f"candidate.metrics.a < {right}", candidate=candidate) is (left < right)


@given(st.lists(st.sampled_from(["true", "false", "candidate.metrics.f9 > 0"]), min_size=2))
def test_and_and_or_decide_where_the_rest_does_not_matter(parts: list[str]) -> None:
    """CEL's rule: false && missing is false, true || missing is true, in either order."""
    for sign, decisive in (("&&", "false"), ("||", "true")):
        text = f" {sign} ".join(parts[:20])
        if decisive in parts[:20]:
            assert held(text) is (decisive == "true")
        elif "candidate.metrics.f9 > 0" in parts[:20]:
            with pytest.raises(MissingEvidence):
                held(text)
        else:
            assert held(text) is (decisive == "false")


_HEAVY = {"cel", "policy_engine.expressions", "re2", "typer", "rich"}


def _imports(text: str) -> str:
    code = f"{text}\nimport sys\nprint(*sorted({_HEAVY!r} & set(sys.modules)))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_what_evaluates_is_loaded_only_where_an_expression_stands() -> None:
    load = "from policy_engine import plugins; from policy_engine.policy_file import *\n"
    load += "p = plugins.load_plugins(); text = {!r}\n"
    load += "load_policies({{'a.yaml': text}}, p.policies, p.packs)"
    without = b"version: 1\nextends: [recommended]\n"
    with_one = b"version: 1\npolicies: {run-finished: {when: 'candidate.status == \"x\"'}}\n"
    with_pattern = with_one.replace(b' == "x"', b'.matches("x")')
    assert _imports(load.format(without)) == ""
    assert _imports(load.format(with_one)) == "policy_engine.expressions"
    assert _imports(load.format(with_pattern)) == "policy_engine.expressions re2"
