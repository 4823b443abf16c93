"""A report that contradicts itself is refused, by the rules that make one; a real one is read."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.judging.effects import verdict_of
from policy_engine.judging.report_file import ReportFileError, report_of
from policy_engine.policy import Level, Outcome
from policy_engine.render.formats.json import as_json
from policy_engine.report import EXIT_CODES, Effect, Verdict
from tests.judging.test_evaluate import (
    BINDINGS,
    EVIDENCE,
    METRIC_SETTINGS,
    QUICK,
    binding,
    effect_of,
    report_on,
    shipped_set,
    told,
)
from tests.judging.test_report_file import refused, written
from tests.render.reports import (
    COST,
    SCORE,
    SIZE,
    bound,
    candidate,
    edited,
    finding,
    mixed,
    report,
    subject,
    value,
)

if TYPE_CHECKING:
    from policy_engine.evidence.record import EvidenceRecord
    from policy_engine.report import Judged, Report

UNCAPPED = "the finding has a limit, so the waiver needs a `ceiling`"
NAME = "the finding 'model-size-budget'"


def only(found: Judged) -> Report:
    """Return a report of one finding, whose verdicts follow from its effect."""
    verdict = verdict_of([found])
    return report(subject(found, verdict=verdict))


# ── what evaluate makes is read ───────────────────────────────────────────────────────────────────


@QUICK
@given(METRIC_SETTINGS, BINDINGS, EVIDENCE)
def test_every_report_that_is_made_is_read(
    metric: str, bindings: dict[str, str], record: EvidenceRecord
) -> None:
    made = report_on(shipped_set(metric, bindings), record)
    assert report_of(as_json(made).encode()).to_dict() == made.to_dict()


@pytest.mark.parametrize("outcome", [each.value for each in Outcome])
@pytest.mark.parametrize("level", [each.value for each in Level])
def test_every_effect_of_the_table_is_read(outcome: str, level: str) -> None:
    for word in ("block", "warn", "skip"):
        if level == "mandatory" and word != "block":
            continue
        keys = f"level: {level}, on_missing: {word}, on_inconclusive: {word}"
        made = told(binding(outcome, keys), binding("pass", id_="beside"))
        assert report_of(as_json(made).encode()) == made


# ── what it could not make is refused ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("outcome", "level"), list(product(Outcome, Level)))
def test_an_effect_that_outcome_and_level_cannot_have_is_refused(
    outcome: Outcome, level: Level
) -> None:
    """The test's own table says which they can have."""
    words = ["block", "warn", "skip"]
    if level is Level.MANDATORY:
        words = ["block", "warn"] if outcome is Outcome.INCONCLUSIVE else ["block"]
    possible = {effect_of(outcome, level, word) for word in words}
    for effect in (Effect.NONE, Effect.WARN, Effect.BLOCK):
        content = only(finding(outcome=outcome, level=level, effect=effect))
        if effect in possible:
            assert report_of(as_json(content).encode()) == content
        else:
            assert refused(written(content)) == (
                f"{NAME} has the effect {effect.value}, which no {outcome.value} of the level "
                f"{level.value} has"
            )


def waived(**facts: Any) -> Judged:
    """Return a finding that a waiver lets pass: 61 USD, up to 70."""
    return COST._replace(**facts)


@pytest.mark.parametrize(
    ("odd", "sentence"),
    [
        (waived(waiver=None), "is waived without a waiver"),
        (waived(effect=Effect.BLOCK), "has a waiver and is not waived"),
        (
            waived(level=Level.MANDATORY),
            "has the effect waived, which no fail of the level mandatory has",
        ),
        (
            waived(outcome=Outcome.ERROR),
            "has the effect waived, which no error of the level overridable has",
        ),
        (waived(id="latency"), "has the waiver of another binding"),
        (
            waived(waiver={**COST.waiver, "expires": "2026-11-21"}),  # type: ignore[dict-item]
            "has a waiver that had expired",
        ),
        (
            waived(measured=value("71", "USD")),
            "has a waiver that does not cover it: 71.00 USD is beyond its ceiling 70 USD",
        ),
        (
            waived(waiver={**COST.waiver, "ceiling": None}),  # type: ignore[dict-item]
            f"has a waiver that does not cover it: {UNCAPPED}",
        ),
        (
            waived(waiver={"id": "cost-per-point"}),
            "has a waiver without id, last day or ceiling as they are written",
        ),
    ],
)
def test_what_is_waived_has_a_waiver_that_covers_it(odd: Judged, sentence: str) -> None:
    assert refused(written(only(odd))) == f"the finding '{odd.id}' {sentence}"


def test_a_pass_below_its_own_limit_is_refused() -> None:
    odd = SCORE._replace(measured=value("0.5", "val_f1"))
    sentence = "passed a value that its own limit refuses"
    assert refused(written(only(odd))) == f"the finding 'metric-threshold' {sentence}"


def test_a_pass_of_another_unit_than_its_limit_is_refused() -> None:
    odd = SCORE._replace(measured=value("0.95", "auc"))
    assert refused(written(only(odd))) == "the finding 'metric-threshold' compares auc with val_f1"


def test_a_fail_that_keeps_its_limit_is_refused() -> None:
    odd = SIZE._replace(measured=value("1", "B"))
    assert refused(written(only(odd))) == f"{NAME} failed a value that its own limit admits"


def test_a_fail_at_its_limit_is_none() -> None:
    """As good as another and more expensive, for one."""
    made = only(SIZE._replace(measured=value("200000000", "B")))
    assert report_of(as_json(made).encode()) == made


CLOSE = st.decimals(min_value=-10, max_value=10, places=25)


@given(CLOSE, CLOSE, st.sampled_from(["<=", ">=", "<", ">"]))
def test_no_number_that_is_rounded_as_it_is_written_is_refused(
    number: Decimal, limit: Decimal, op: Any
) -> None:
    edge = bound(str(limit), "B", op)
    if edge.holds(number):
        found = finding(measured=value(str(number), "B"), limit=edge)
    else:
        found = SIZE._replace(measured=value(str(number), "B"), limit=edge)
    made = only(found)
    assert report_of(as_json(made).encode()).verdict is made.verdict


@pytest.mark.parametrize("year", ["0001", "1969", "9000", "9999"])
def test_a_year_that_nothing_can_be_reckoned_with_is_refused(year: str) -> None:
    content = written(mixed())
    content["evaluated_at"] = f"{year}-11-22T12:00:00Z"
    assert refused(content) == "evaluated_at lies outside the years 1970 to 8999"


def test_a_subject_has_a_candidate_or_a_reason() -> None:
    odd = "a subject has a candidate or a reason why there is none"
    assert refused(written(report(subject(SCORE, reason="no run")))) == odd
    nobody = subject(candidate=None, baseline=None, verdict=Verdict.ERROR)
    assert refused(written(report(nobody))) == odd


def test_a_proposal_that_contradicts_itself_is_refused() -> None:
    plain = edited()
    assert plain.proposal is not None
    proposal = plain.proposal
    first = proposal.edits[0]
    odds = {
        "the proposal has a verdict or a problem, not both": replace(proposal, problem="wrong"),
        "the proposal changes more findings than were compared": replace(proposal, more_edits=-1),
        "the edit of 'policies.latency' is not removed": replace(
            proposal, edits=(replace(first, after="{}"),)
        ),
        "the edit of 'policies.latency' is not added": replace(
            proposal, edits=(replace(first, change="added"),)
        ),
    }
    for sentence, odd in odds.items():
        assert refused(written(replace(plain, proposal=odd))) == sentence


# ── whoever forges one ────────────────────────────────────────────────────────────────────────────

_OTHERS: dict[type, list[Any]] = {
    str: ["pass", "fail", "none", "block", "waived", "mandatory", "", "B", "2026-11-22T12:00:00Z"],
    int: [0, 1, 3, -1, 10**9],
    float: [0.0, 0.5, -1.5, 1e9],
    bool: [True, False],
    type(None): [None, "x", 1, {}],
}


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value of JSON that is not a list or mapping."""
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    inner = [found for key, each in items for found in places(each, (*path, key))]
    return inner if isinstance(content, (dict, list)) else [path]


def decided(judged: Report) -> list[Any]:
    return [judged.verdict, judged.exit_code, [s.verdict for s in judged.subjects]]


@given(st.data())
def test_a_report_of_which_one_value_is_another_is_refused_or_decides_the_same(data: Any) -> None:
    original = data.draw(st.sampled_from([mixed(), edited(), only(SIZE), only(SCORE), only(COST)]))
    content = written(original)
    *path, last = data.draw(st.sampled_from(places(content)))
    there = content
    for step in path:
        there = there[step]
    pool = [*_OTHERS[type(there[last])], None]
    there[last] = data.draw(st.sampled_from(pool))
    try:
        read = report_of(json.dumps(content).encode())
    except ReportFileError:
        return
    assert decided(read) == decided(original)


@given(
    st.sampled_from(Outcome),
    st.sampled_from(Level),
    st.sampled_from(Effect),
    st.sampled_from([None, COST.waiver]),
    st.integers(40, 80),
)
def test_a_forger_who_lets_the_verdicts_follow_says_only_what_could_be(
    outcome: Outcome, level: Level, effect: Effect, waiver: Any, dollars: int
) -> None:
    forged = COST._replace(
        outcome=outcome,
        level=level,
        effect=effect,
        waiver=waiver,
        measured=value(str(dollars), "USD"),
    )
    verdict = verdict_of([forged])
    content = report(subject(forged, verdict=verdict, candidate=candidate()))
    assert content.exit_code is EXIT_CODES[verdict]
    try:
        report_of(as_json(content).encode())
    except ReportFileError:
        return
    if outcome is Outcome.PASS:
        assert dollars <= 50
    if outcome is Outcome.FAIL:
        assert dollars >= 50
        assert effect is not Effect.NONE
    if effect is Effect.WAIVED:
        assert (level is not Level.MANDATORY, outcome is not Outcome.ERROR) == (True, True)
        assert dollars <= 70
        assert date.fromisoformat(waiver["expires"]) >= content.evaluated_at.date()
