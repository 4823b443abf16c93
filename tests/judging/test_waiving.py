"""Waivers: what they let pass, what they never do, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence import Case, Measurement
from policy_engine.evidence.record import ChangeRecord, RunRecord, VersionRecord
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy import Finding, Limit, Op, Outcome, Policy
from policy_engine.policy_file import Offered, PolicyFileError, PolicySet, load_policies
from policy_engine.quantities import parse_quantity
from policy_engine.report import Engine, PolicySource, Report
from policy_engine.source.yaml_source import load_yaml
from policy_engine.testing import model, run
from tests.command import Project, candidate, command, evidence

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TRUSTED = PolicySource("sha256:0", "main@1", trusted=True)
PROPOSED = PolicySource("sha256:0", "refs/pull/7", trusted=False)
RUN = run(model=model("fraud-lr", versions=(VersionRecord(name="fraud", version="3"),)))
CHANGE = ChangeRecord(pull_request=7, author="carla")


class Told(Policy, name="told"):
    """It finds what it is told to find, with or without a limit."""

    outcome: Literal["pass", "fail", "missing", "inconclusive", "not-applicable", "error"] = "fail"
    value: str | None = None
    limit: str | None = None
    op: Op = "<="
    part: str | None = None

    def evaluate(self, case: Case) -> Iterator[Finding]:
        measured = limit = None
        if self.value is not None:
            found = parse_quantity(self.value)
            measured = Measurement(found.value, found.unit)
        if self.limit is not None:
            bound = parse_quantity(self.limit)
            limit = Limit(bound.value, bound.unit, self.op)
        yield Finding(
            outcome=Outcome(self.outcome),
            message="as told",
            part=self.part,
            measured=measured,
            limit=limit,
        )


OFFERED = {"told": Offered(Told, "tests")}
_WAIVER = {
    "id": "told",
    "model": '"fraud-*"',
    "reason": "the launch",
    "owner": '"@ana"',
    "approved_by": '"@ben"',
    "ticket": "ML-12",
    "expires": "2026-12-31",
}


def waiver(**changes: str | None) -> str:
    """Return a waiver as YAML; None leaves a key out."""
    keys = {k: v for k, v in {**_WAIVER, **changes}.items() if v is not None}
    return "{" + ", ".join(f"{key}: {value}" for key, value in keys.items()) + "}"


def policies(binding: str, *waivers: str, **beside: str) -> PolicySet:
    text = f"version: 1\npolicies:\n  told: {binding}\n"
    if waivers:
        text += "waivers:\n" + "".join(f"  - {each}\n" for each in waivers)
    neighbours = {f"policies/{name}.yaml": body.encode() for name, body in beside.items()}
    return load_policies({"policies/fraud.yaml": text.encode()}, OFFERED, {}, neighbours)


def judged(
    loaded: PolicySet,
    *,
    now: datetime = NOW,
    source: PolicySource = TRUSTED,
    change: ChangeRecord | None = CHANGE,
    of: RunRecord = RUN,
) -> Report:
    record = evidence(of, change=change)
    return evaluate(loaded, record, Context(now, source, Engine("0.1.0", ())))


def effect(binding: str, *waivers: str, **facts: Any) -> str:
    (subject,) = judged(policies(binding, *waivers), **facts).subjects
    (finding,) = subject.findings
    return finding.effect.value


def unused(report: Report) -> list[tuple[str, str]]:
    return [(each["id"], each["why"]) for each in report.waivers.unused]


# --- the tables of the contract ---------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["fail", "missing", "inconclusive"])
@pytest.mark.parametrize(
    ("level", "word", "without", "with_waiver"),
    [
        ("advisory", "block", "warn", "warn"),
        ("overridable", "block", "block", "waived"),
        ("overridable", "warn", "warn", "warn"),
        ("overridable", "skip", "none", "none"),
    ],
)
def test_a_waiver_changes_what_blocks_and_nothing_else(
    outcome: str, level: str, word: str, without: str, with_waiver: str
) -> None:
    if outcome == "fail" and word != "block":
        without, with_waiver = "block", "waived"  # nothing softens a fail
    keys = f"{{outcome: {outcome}, level: {level}, on_missing: {word}, on_inconclusive: {word}}}"
    assert effect(keys) == without
    assert effect(keys, waiver()) == with_waiver


@pytest.mark.parametrize("outcome", ["pass", "not-applicable"])
def test_a_waiver_has_nothing_to_do_where_nothing_blocks(outcome: str) -> None:
    report = judged(policies(f"{{outcome: {outcome}}}", waiver()))
    assert report.subjects[0].findings[0].effect == "none"
    assert unused(report) == [("told", "nothing that it is for blocks here")]


def test_no_waiver_softens_an_error() -> None:
    report = judged(policies("{outcome: error}", waiver()))
    assert (report.verdict, report.exit_code) == ("error", 3)
    assert unused(report) == [("told", "nothing waives an error")]


def test_a_waiver_of_a_mandatory_binding_is_refused_used_or_not() -> None:
    for outcome in ("fail", "pass"):
        with pytest.raises(PolicyFileError) as caught:
            policies(f"{{outcome: {outcome}, level: mandatory}}", waiver())
        assert str(caught.value) == (
            "policies/fraud.yaml:5:10: waivers[0].id: 'told' is mandatory (policies/fraud.yaml:3); "
            "nothing waives it\n"
            "  remove the waiver, or fix what it is for\n"
            "1 problem found; nothing was evaluated."
        )


def test_a_binding_that_is_mandatory_in_one_file_only_stays_so_there() -> None:
    texts = {
        "policies/a.yaml": b"version: 1\napplies_to: {model: other}\npolicies: {told: on}\n",
        "policies/b.yaml": b"version: 1\npolicies: {told: {level: mandatory}}\n",
    }
    body = f"version: 1\nwaivers: [{waiver()}]\n"
    loaded = load_policies(texts, OFFERED, {}, {"policies/waivers.yaml": body.encode()})
    report = judged(loaded)
    mine = next(s for s in report.subjects if s.policy_file == "policies/b.yaml")
    assert [f.effect for f in mine.findings] == ["block"]
    assert unused(report) == [("told", "nothing waives a mandatory binding")]


def test_a_waived_finding_is_a_warning_that_may_merge() -> None:
    report = judged(policies("{}", waiver()))
    assert (report.verdict, report.exit_code) == ("warn", 0)
    (finding,) = report.subjects[0].findings
    assert finding.outcome == "fail"
    assert finding.waiver == {
        "id": "told",
        "part": None,
        "model": "fraud-*",
        "run": None,
        "version": None,
        "ceiling": None,
        "reason": "the launch",
        "owner": "@ana",
        "approved_by": "@ben",
        "ticket": "ML-12",
        "expires": "2026-12-31",
        "where": "policies/fraud.yaml:5",
        "why": None,
    }
    assert report.to_dict()["waivers"] == {"expiring": [], "expired": [], "unused": []}


# --- the ceiling ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("binding", "ceiling", "expected"),
    [
        ("value: 253MB, limit: 200MB", "253MB", "waived"),
        ("value: 253MB, limit: 200MB", "0.253 GB", "waived"),
        ("value: 253MB, limit: 200MB", "252.9MB", "block"),
        ("value: 253MB, limit: 200MB", "300 USD", "block"),
        ("value: 253MB, limit: 200MB", "300000000", "block"),
        ("value: 61 USD, limit: 50 USD", "70 USD", "waived"),
        ("value: 61 USD, limit: 50 USD", "70 EUR", "block"),
        ("value: 61 USD/pt, limit: 50 USD/pt", "70 USD", "waived"),
        ("value: 12%, limit: 10%", "12%", "waived"),
        ("value: 12%, limit: 10%", "0.12", "block"),
        ("value: 2h, limit: 1h", "120min", "waived"),
        ("value: 0.85 val_f1, limit: 0.9 val_f1, op: '>='", "0.85", "waived"),
        ("value: 0.85 val_f1, limit: 0.9 val_f1, op: '>='", "0.85 val_f1", "waived"),
        ("value: 0.85 val_f1, limit: 0.9 val_f1, op: '>='", "0.86", "block"),
        ("value: 0.85 val_f1, limit: 0.9 val_f1, op: '>='", "0.85 auc", "block"),
        ("value: 253MB, limit: 200MB", None, "block"),
        ("limit: 200MB", "300MB", "block"),
        ("value: 253MB", "300MB", "block"),
    ],
)
def test_a_waiver_holds_up_to_its_ceiling_in_the_unit_of_the_limit(
    binding: str, ceiling: str | None, expected: str
) -> None:
    assert effect(f"{{{binding}}}", waiver(ceiling=ceiling)) == expected


@given(
    st.sampled_from(["<=", "<", ">=", ">"]),
    st.decimals(-1000, 1000, places=3),
    st.decimals(-1000, 1000, places=3),
)
def test_no_waiver_passes_a_value_beyond_its_ceiling(op: Op, value: Decimal, top: Decimal) -> None:
    limit = value - 1 if op in {"<=", "<"} else value + 1
    keys = f"{{value: '{value} q', limit: '{limit} q', op: '{op}'}}"
    no_worse = value <= top if op in {"<=", "<"} else value >= top
    assert effect(keys, waiver(ceiling=f"'{top} q'")) == ("waived" if no_worse else "block")


def test_a_waiver_beyond_whose_ceiling_a_value_lies_says_so() -> None:
    report = judged(policies("{value: 253MB, limit: 200MB}", waiver(ceiling="250MB")))
    assert unused(report) == [("told", "253.0 MB is beyond its ceiling 250MB")]


# --- for what it holds ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"model": '"fraud-*"'}, "waived"),
        ({"model": "fraud"}, "waived"),
        ({"model": "churn"}, "block"),
        ({"model": None, "run": RUN.run_id}, "block"),
        ({"model": None, "run": '"' + "0" * 32 + '"'}, "waived"),
        ({"model": None, "version": "fraud/3"}, "waived"),
        ({"model": None, "version": "fraud/2"}, "block"),
        ({"part": "size"}, "block"),
    ],
)
def test_a_waiver_holds_for_what_it_names(target: dict[str, str | None], expected: str) -> None:
    if target.get("run") == RUN.run_id:
        target = {"model": None, "run": '"' + "1" * 32 + '"'}
    assert effect("{}", waiver(**target)) == expected


@pytest.mark.parametrize(
    ("target", "of", "why"),
    [
        (
            {"model": "churn"},
            RUN,
            "it is for models named churn, and the candidate is fraud, fraud-lr",
        ),
        (
            {"model": '"*"'},
            run(model=None),
            "it is for models named *, and the candidate has no logged model",
        ),
        (
            {"model": None, "version": "fraud/2"},
            RUN,
            "it is for the version fraud/2, and the candidate is fraud/3",
        ),
        (
            {"model": None, "version": "fraud/2"},
            run(model=model("fraud-lr")),
            "it is for the version fraud/2, and the candidate is fraud-lr",
        ),
        ({"model": None, "run": '"' + "1" * 32 + '"'}, RUN, "it is for the run " + "1" * 32),
    ],
)
def test_a_waiver_for_another_candidate_says_for_which(
    target: dict[str, str | None], of: RunRecord, why: str
) -> None:
    report = judged(policies("{}", waiver(**target)), of=of)
    assert report.exit_code == 1
    assert unused(report) == [("told", why)]


def test_a_waiver_of_a_part_leaves_the_others_alone() -> None:
    assert effect("{part: size}", waiver(part="size")) == "waived"
    assert effect("{part: growth}", waiver(part="size")) == "block"


def test_a_waiver_of_a_policy_file_holds_in_that_file_alone() -> None:
    texts = {
        "policies/a.yaml": f"version: 1\npolicies: {{told: on}}\nwaivers: [{waiver()}]\n".encode(),
        "policies/b.yaml": b"version: 1\npolicies: {other: {policy: told}}\n",
    }
    report = judged(load_policies(texts, OFFERED, {}))
    effects = {f.id: f.effect for s in report.subjects for f in s.findings}
    assert effects == {"told": "waived", "other": "block"}


def test_waivers_beside_the_policy_files_hold_in_all_of_them_and_are_in_the_digest() -> None:
    body = f"version: 1\nwaivers:\n  - {waiver()}\n"
    loaded = policies("{}", waivers=body)
    (subject,) = judged(loaded).subjects
    assert [f.effect for f in subject.findings] == ["waived"]
    assert subject.findings[0].waiver["where"] == "policies/waivers.yaml:3"  # type: ignore[index]
    assert loaded.digest != policies("{}", waivers=body.replace("ML-12", "ML-13")).digest


def test_what_an_extended_file_waives_is_waived_in_the_file_that_extends_it() -> None:
    beneath = f"version: 1\npolicies: {{told: on}}\nwaivers: [{waiver()}]\n"
    texts = {"policies/a.yaml": b"version: 1\nextends: [_org.yaml]\n"}
    loaded = load_policies(texts, OFFERED, {}, {"policies/_org.yaml": beneath.encode()})
    (subject,) = judged(loaded).subjects
    assert [f.effect for f in subject.findings] == ["waived"]


# --- until when -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected", "state"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "waived", "expiring"),
        (datetime(2027, 1, 1, tzinfo=UTC), "block", "expired"),
        (datetime(2026, 12, 18, tzinfo=UTC), "waived", "expiring"),
        (datetime(2026, 12, 17, 23, 59, tzinfo=UTC), "waived", None),
        (datetime(2028, 1, 1, tzinfo=UTC), "block", "expired"),
    ],
)
def test_a_waiver_holds_through_its_last_day(
    now: datetime, expected: str, state: str | None
) -> None:
    report = judged(policies("{}", waiver()), now=now)
    assert report.subjects[0].findings[0].effect == expected
    for name in ("expiring", "expired"):
        assert len(getattr(report.waivers, name)) == (1 if name == state else 0)
    assert report.waivers.unused == ()


def test_a_waiver_may_not_expire_more_than_ninety_days_ahead() -> None:
    loaded = policies("{outcome: pass}", waiver(expires="2027-02-20"))
    assert judged(loaded).verdict == "pass"
    with pytest.raises(PolicyFileError) as caught:
        judged(policies("{outcome: pass}", waiver(expires="2027-02-21")))
    assert str(caught.value) == (
        "policies/fraud.yaml:5:114: waivers[0].expires: 2027-02-21 is more than 90 days ahead\n"
        "  write 2027-02-20 or earlier, and renew it for as long as it is needed\n"
        "1 problem found; nothing was evaluated."
    )


# --- by whom ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "approver",
    ["@@ana", "@ana\u200b", "@\u0430na", "Ana Smith", "@", "ana@", "\uff41na", "@acme/"],
)
@pytest.mark.parametrize("key", ["owner", "approved_by"])
def test_whoever_approves_or_owns_is_a_login_a_team_or_an_address(approver: str, key: str) -> None:
    with pytest.raises(PolicyFileError) as refused:
        policies("{outcome: fail}", waiver(**{key: json.dumps(approver)}))
    sentence = f"waivers[0].{key}: {approver!a} is not a login, team or e-mail address"
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "author", ["ben", "BEN", "@Ben", "@@ben", "b\u200ben", "\uff42en", "be\u00adn"]
)
def test_nobody_waives_their_own_change(author: str) -> None:
    change = ChangeRecord(pull_request=7, author=author)
    report = judged(policies("{}", waiver()), change=change)
    assert (report.verdict, report.exit_code) == ("fail", 1)
    assert unused(report) == [("told", "@ben, who approved it, is the author of the change")]


@pytest.mark.parametrize("change", [None, ChangeRecord(pull_request=7)], ids=["no change", "?"])
def test_where_the_author_is_not_known_the_report_says_so(change: ChangeRecord | None) -> None:
    (subject,) = judged(policies("{}", waiver()), change=change).subjects
    assert [f.effect for f in subject.findings] == ["waived"]
    (note,) = subject.notes
    assert note == (
        "the author of the change is not known: nobody checked that @ben, who approved the waiver "
        "of 'told' (policies/fraud.yaml:5), is someone else"
    )


def test_a_waiver_that_the_pull_request_itself_brings_does_not_count() -> None:
    report = judged(policies("{}", waiver()), source=PROPOSED)
    assert (report.verdict, report.exit_code) == ("fail", 1)
    assert unused(report) == [
        ("told", "the pull request itself brings it: it counts once it is merged")
    ]


def test_of_several_waivers_the_first_that_holds_is_used_and_the_other_is_not() -> None:
    report = judged(policies("{}", waiver(expires="2026-11-01"), waiver(), waiver(ticket="ML-13")))
    (finding,) = report.subjects[0].findings
    assert finding.waiver is not None
    assert finding.waiver["ticket"] == "ML-12"
    assert [w["ticket"] for w in report.waivers.expired] == ["ML-12"]
    assert [(w["ticket"], w["why"]) for w in report.waivers.unused] == [
        ("ML-13", "nothing that it is for blocks here")
    ]


# --- mistakes ---------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_a_file_of_waivers_is_read_as_strictly_as_a_policy_file(project: Project) -> None:
    project.policy("version: 1\npolicies: {run-finished: on}\n")
    project.policy("version: 1\nwaiver: []\n", "policies/waivers.yaml")
    told = command("validate")
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "policies/waivers.yaml:1:1: waivers: missing setting\n"
        '  write it like waivers: [{id: model-size-budget, model: "fraud-*", ceiling: 250MB, '
        "reason: …, expires: …}]\n"
        "policies/waivers.yaml:2:1: waiver: unknown setting\n"
        "  did you mean 'waivers'?\n"
        "2 problems found; nothing was evaluated.\n"
    )


def test_a_waiver_for_a_file_that_was_not_named_is_no_mistake(project: Project) -> None:
    project.policy("version: 1\npolicies: {run-finished: on}\n")
    project.policy("version: 1\npolicies: {servable: on}\n", "policies/other.yaml")
    soon = datetime.now(UTC).date() + timedelta(days=3)
    beside = waiver(id="servable", expires=soon.isoformat())
    project.policy(f"version: 1\nwaivers: [{beside}]\n", "policies/waivers.yaml")
    assert command("validate").code == 0
    assert command("validate", "policies/fraud.yaml").code == 0
    misspelt = beside.replace("servable", "servble")
    project.policy(f"version: 1\nwaivers: [{misspelt}]\n", "policies/waivers.yaml")
    told = command("validate")
    assert told.err == (
        "note: policies/waivers.yaml:2: waivers[0].id: nothing is bound as 'servble'; "
        "did you mean 'servable'?; the waiver waives nothing\n"
    )
    assert told.code == 0


def test_validate_knows_today(project: Project) -> None:
    far = datetime.now(UTC).date() + timedelta(days=92)
    body = waiver(id="run-finished", expires=far.isoformat())
    project.policy(f"version: 1\npolicies: {{run-finished: on}}\nwaivers: [{body}]\n")
    told = command("validate")
    assert told.code == 2
    assert f"waivers[0].expires: {far} is more than 90 days ahead" in told.err


# --- `policy-engine waive` --------------------------------------------------------------------

_BIG = "version: 1\npolicies:\n  model-size-budget: {max_size: 1kB}\n  run-finished: on\n"


def _day(days: int = 30) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def _waive(*more: str, expires: str | None = None) -> Any:
    return command(
        "waive",
        "--from",
        "report.json",
        *("--reason", 'say "why": #1', "--owner", "@ana", "--ticket", "ML-12"),
        *("--expires", expires or _day(), *more),
    )


def _report(project: Project, *runs: RunRecord) -> None:
    told = project.check(evidence(*runs), "--policies", "policies")
    (project.folder / "report.json").write_text(told.out)


def test_waive_writes_all_but_the_approval(project: Project) -> None:
    project.policy(_BIG)
    _report(project, candidate(model=model("fraud-[lr]", size="2500kB")))
    told = _waive()
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        "waivers:\n"
        '  - id: "model-size-budget"\n'
        '    part: "size"\n'
        '    model: "fraud-[[]lr]"\n'
        '    ceiling: "2.5 MB"\n'
        '    reason: "say \\"why\\": #1"\n'
        '    owner: "@ana"\n'
        '    # approved_by: "@…"  # someone else than the author of the change; refused without\n'
        '    ticket: "ML-12"\n'
        f"    expires: {_day()}\n"
    )


def test_what_waive_writes_is_refused_until_somebody_approves_it(project: Project) -> None:
    project.policy(_BIG)
    _report(project, candidate(model=model("fraud-[lr]", size="2500kB")))
    assert _waive("--append", "policies/waivers.yaml").code == 0
    refused = command("validate")
    assert refused.code == 2
    assert "waivers[0].approved_by: missing setting" in refused.err
    file = project.folder / "policies/waivers.yaml"
    file.write_text(file.read_text().replace('# approved_by: "@…"', 'approved_by: "@ben"'))
    told = project.check(evidence(candidate(model=model("fraud-[lr]", size="2500kB"))))
    assert (told.code, told.report["verdict"]) == (0, "warn")
    assert project.check(evidence(candidate(model=model("fraud-[lr]", size="2501kB")))).code == 1
    assert project.check(evidence(candidate(model=model("fraud-l", size="2500kB")))).code == 1


@pytest.mark.parametrize(
    "number", ["0.1234567890123456", "0.9", "123456.123456789", "1e-7", "0.30000000000000004"]
)
def test_the_ceiling_that_waive_writes_covers_the_value(project: Project, number: str) -> None:
    project.policy("version: 1\npolicies: {metric-threshold: {metric: q, max: 0}}\n")
    record = evidence(candidate(metrics={"q": float(number)}))
    told = project.check(record)
    assert told.code == 1
    (project.folder / "report.json").write_text(told.out)
    assert _waive("--append", "policies/waivers.yaml").code == 0
    file = project.folder / "policies/waivers.yaml"
    file.write_text(file.read_text().replace('# approved_by: "@…"', 'approved_by: "@ben"'))
    assert project.check(record).code == 0


def test_waive_adds_to_waivers_that_are_there(project: Project) -> None:
    project.policy(_BIG)
    _report(project, candidate(), candidate().model_copy(update={"run_id": "1" * 32}))
    for run_id in ("0" * 32, "1" * 32):
        told = _waive("--for", "run", "--run", run_id, "--append", "policies/waivers.yaml")
        assert told.code == 0
        assert told.err == (
            "1 waiver added to policies/waivers.yaml; whoever approves it fills in approved_by\n"
        )
    written = load_yaml((project.folder / "policies/waivers.yaml").read_bytes(), "w").data
    assert [each["run"] for each in written["waivers"]] == ["0" * 32, "1" * 32]
    assert written["waivers"][0]["expires"] == date.fromisoformat(_day())


def test_waive_asks_which_finding_where_several_block(project: Project) -> None:
    project.policy(_BIG)
    _report(project, candidate(status="FAILED"))
    told = _waive()
    assert told.code == 2
    assert told.err == (
        "policy-engine: 2 findings block; say --all, or name one by --id, --part and --run:\n"
        f"  --id model-size-budget --part size --run {'0' * 32}\n"
        f"  --id run-finished --part run --run {'0' * 32}\n"
    )
    assert _waive("--id", "run-finished").code == 0


def test_waive_all_writes_one_for_each_finding_that_can_be_waived(project: Project) -> None:
    project.policy(f"{_BIG}  metric-threshold: {{metric: f1, min: 0.9, level: mandatory}}\n")
    run = candidate(status="FAILED", model=model("fraud", size="2500kB"), metrics={"f1": 0.5})
    _report(project, run)
    told = _waive("--all", "--append", "policies/waivers.yaml")
    assert (told.code, told.err) == (
        0,
        "2 waivers added to policies/waivers.yaml; whoever approves them fills in approved_by\n",
    )
    file = project.folder / "policies/waivers.yaml"
    written = load_yaml(file.read_bytes(), "w").data["waivers"]
    assert [(each["id"], each.get("ceiling")) for each in written] == [
        ("model-size-budget", "2.5 MB"),
        ("run-finished", None),
    ]
    file.write_text(file.read_text().replace('# approved_by: "@…"', 'approved_by: "@ben"'))
    effects = {
        each["id"]: each["effect"]
        for each in project.check(evidence(run)).report["subjects"][0]["findings"]
        if each["effect"] != "none"
    }
    assert effects == {
        "model-size-budget": "waived",
        "run-finished": "waived",
        "metric-threshold": "block",
    }


def test_waive_all_refuses_a_report_of_which_nothing_can_be_waived(project: Project) -> None:
    project.policy("version: 1\npolicies: {model-size-budget: {max_size: 1kB, level: mandatory}}")
    _report(project, candidate())
    told = _waive("--all")
    assert (told.code, told.err) == (
        2,
        "policy-engine: 'model-size-budget' is mandatory: nothing waives it\n",
    )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            ("--id", "servable"),
            "policy-engine: the report has no such finding that blocks: nothing to waive\n",
        ),
        (
            ("--for", "version"),
            "policy-engine: the run has no version to waive for; say --for run\n",
        ),
    ],
)
def test_waive_says_what_it_cannot_waive(
    project: Project, more: tuple[str, ...], message: str
) -> None:
    project.policy(_BIG)
    _report(project, candidate())
    assert (_waive(*more).code, _waive(*more).err) == (2, message)


@pytest.mark.parametrize("expires", ["2020-01-01", "soon", "91"])
def test_waive_takes_no_day_that_would_be_refused(project: Project, expires: str) -> None:
    project.policy(_BIG)
    _report(project, candidate())
    assert _waive(expires=_day(91) if expires == "91" else expires).code == 2


def test_waive_refuses_what_nothing_waives(project: Project) -> None:
    project.policy("version: 1\npolicies: {model-size-budget: {max_size: 1kB, level: mandatory}}")
    _report(project, candidate())
    assert _waive().err == "policy-engine: 'model-size-budget' is mandatory: nothing waives it\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "it holds no report"),
        ("{}", "its schema is not policy-engine/report/v1; write it with --format json=FILE"),
        (
            '{"schema": "policy-engine/report/v1", "subjects": [{}]}',
            "verdict: Field required",
        ),
    ],
)
def test_waive_reads_nothing_but_a_report(project: Project, text: str, why: str) -> None:
    (project.folder / "report.json").write_text(text)
    told = _waive()
    assert told.code == 2
    assert told.err.startswith("policy-engine: report file report.json: ")
    assert why in told.err


def test_waive_says_that_there_is_no_report(project: Project) -> None:
    said = (
        "policy-engine: report file report.json is not there; "
        "`policy-engine check --format json=report.json` writes it\n"
    )
    assert (_waive().code, _waive().err) == (2, said)


def test_waive_leaves_a_file_alone_that_it_cannot_add_to(project: Project) -> None:
    project.policy(_BIG)
    _report(project, candidate())
    file = project.folder / "policies/waivers.yaml"
    file.write_text("version: 1\nwaivers: []\n")
    told = _waive("--append", "policies/waivers.yaml")
    assert told.code == 2
    assert told.err == (
        "policy-engine: policies/waivers.yaml: `waivers:` is not the last list there; "
        "paste the waiver by hand\n"
    )
    assert file.read_text() == "version: 1\nwaivers: []\n"


def test_the_report_of_a_waiver_is_plain_json() -> None:
    report = judged(policies("{}", waiver(expires="2026-11-30")))
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()
    (expiring,) = report.to_dict()["waivers"]["expiring"]
    assert expiring["expires"] == "2026-11-30"


@pytest.mark.parametrize(
    ("flag", "word"),
    [("--reason", "WHY"), ("--owner", "@WHO"), ("--ticket", "TICKET"), ("--expires", "DAY")],
)
def test_a_line_of_the_comment_that_nobody_filled_in_writes_no_waiver(
    project: Project, flag: str, word: str
) -> None:
    project.policy(_BIG)
    _report(project, candidate(model=model("fraud-[lr]", size="2500kB")))
    told = _waive("--id", "model-size-budget", flag, word, "--append", "waivers.yaml")
    assert (told.code, told.out) == (2, "")
    assert f"Invalid value for {flag}: '{word}' stands for what you have to say" in told.err
    assert not (project.folder / "waivers.yaml").exists()
