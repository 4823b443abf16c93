"""`--require PACK`: what a required pack says holds beneath every policy file."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_policies.general.metric_threshold import MetricThreshold
from policy_engine import plugins
from policy_engine.errors import UsageError
from policy_engine.evidence.record import RunRecord
from policy_engine.judging.effects import effect_of, level_on
from policy_engine.policy import Level
from policy_engine.policy_file import Binding, PackText, PolicyFileError, PolicySet, load_policies
from policy_engine.policy_file.profiles import Demands
from policy_engine.report import Effect, Where
from policy_engine.testing import judge
from tests.command import Project, Told, candidate, command, evidence
from tests.plugin_factory import Site, on_the_path, policy_module
from tests.policy_file.test_tightening import OFFERED, Asked, Everything, flow, runs, size_pack

ORG = b"""\
version: 1
metric: {name: val_f1}
prices: {default: 1 USD/h}
evidence: {names: {cost.total: my_cost}}
policies:
  everything:
    size: 200MB
    fixed: 3
    on_missing: warn
  metric-threshold: {metric: val_f1, min: 0.9, level: advisory}
  asked: {limit: 2h, level: mandatory}
"""
PACKS = {
    "org": PackText("org (pack of tests)", ORG),
    "lax": PackText(
        "lax (pack of tests)", b"version: 1\npolicies:\n  everything: {size: 1GB, floor: 0.7}\n"
    ),
    "more": PackText(
        "more (pack of tests)", b"version: 1\nextends: [org]\npolicies: {everything: {size: 1MB}}\n"
    ),
    "lenient": PackText(
        "lenient (pack of tests)",
        b"version: 1\npolicies:\n"
        b"  metric-threshold: {metric: val_f1, min: 0.9, on_missing: skip, level: advisory}\n"
        b"  asked: {limit: 2h, floor: 0.5}\n",
    ),
    "loop": PackText("loop (pack of tests)", b"version: 1\nextends: [loop]\n"),
    "away": PackText("away (pack of tests)", b"version: 1\nextends: [../x.yaml]\n"),
    "bad": PackText("bad (pack of tests)", b"version: 1\npolicies: {asked: {limit: 2}}\n"),
}
HELD = "the binding is required (org (pack of tests):6)"
LOOSER = "'1GB' is not tighter than '200MB' (org (pack of tests):7), which is required"
FLOOR = "version: 1\npolicies: {metric-threshold: {metric: val_f1, min: 0.9}}\n"
END = "1 problem found; nothing was evaluated."


def load(text: str, *require: str, **beside: str) -> PolicySet:
    neighbours = {f"policies/_{name}.yaml": body.encode() for name, body in beside.items()}
    files = {"policies/fraud.yaml": f"version: 1\n{text}".encode()}
    return load_policies(files, OFFERED, PACKS, neighbours, Demands(require or ("org",)))


def said(text: str, *require: str, **beside: str) -> list[str]:
    with pytest.raises(PolicyFileError) as caught:
        load(text, *require, **beside)
    return str(caught.value).splitlines()


engine_keys = st.fixed_dictionaries(
    {},
    optional={
        "level": st.sampled_from([level.value for level in Level]),
        "on_missing": st.sampled_from(["skip", "warn", "block"]),
        "enforce_from": st.sampled_from(["2026-01-01", "2027-01-01"]),
    },
)


def test_a_file_that_holds_nothing_else_is_valid() -> None:
    (file,) = load("").files
    assert [(b.id, b.keys.level, b.where) for b in file.bindings] == [
        ("everything", Level.OVERRIDABLE, Where("policies/fraud.yaml", 1)),
        ("metric-threshold", Level.ADVISORY, Where("policies/fraud.yaml", 1)),
        ("asked", Level.MANDATORY, Where("policies/fraud.yaml", 1)),
    ]
    assert file.metric is not None
    assert (file.metric.name, file.required) == ("val_f1", ("org",))


def test_a_file_may_tighten_what_is_required() -> None:
    (file,) = load(
        "policies:\n"
        "  everything: {size: 100MB, on_missing: block, level: mandatory, why: ours is smaller}\n"
        "  metric-threshold: {level: overridable, enforce_from: 2027-01-01}\n"
    ).files
    assert [b.keys.level for b in file.bindings] == [
        Level.MANDATORY,
        Level.OVERRIDABLE,
        Level.MANDATORY,
    ]
    assert file.bindings[0].where == Where("policies/fraud.yaml", 3)


OWN = "one of your own plugin's is written PLUGIN:PACK"
MADE = "org (pack of tests):{}"


@pytest.mark.parametrize(
    ("binding", "message", "line"),
    [
        ("everything: off", "the binding is required ({}); it cannot be turned off", 6),
        ("asked: off", "the binding is required ({}); it cannot be turned off", 11),
        ("everything: {policy: asked, limit: 1h}", "it cannot be changed", 6),
        ("everything: {size: 1GB}", "'1GB' is not tighter than '200MB' ({}), which is requir", 7),
        ("everything: {size: off}", "the boolean 'off' is not tighter than '200MB' ({})", 7),
        ("everything: {fixed: 4}", "the binding is required (org (pack of tests):6); it cannot", 8),
        ("everything: {floor: 0.1}", "is not tighter than the default, and the binding is req", 6),
        ("everything: {on_missing: skip}", "'skip' is not tighter than 'warn' ({})", 9),
        ("everything: {level: advisory}", "the binding is required ({}); its level cannot fall", 6),
        ("everything: {enforce_from: 2099-01-01}", "the date 2099-01-01 is not tighter than", 6),
        ("asked: {level: overridable}", "is required (org (pack of tests):11); its level can", 11),
    ],
)
def test_a_file_cannot_drop_or_loosen_what_is_required(
    binding: str, message: str, line: int
) -> None:
    first, *_, remedy, end = said(f"policies:\n  {binding}\n")
    made = MADE.format(line)
    assert first.startswith("policies/fraud.yaml:3:")
    assert message.format(made) in first
    assert remedy.endswith(f"remove the line, or change {made}")
    assert end == END


def test_a_file_between_cannot_drop_it_either() -> None:
    between = "version: 1\nextends: [lax]\npolicies: {everything: off}\n"
    assert said("extends: [_team.yaml]\n", team=between) == [
        f"policies/_team.yaml:3:24: policies.everything: {HELD}; it cannot be turned off",
        "  remove the line, or change org (pack of tests):6",
        END,
    ]


def test_of_a_pack_that_the_file_extends_the_tighter_settings_count() -> None:
    (file,) = load("extends: [lax]\n").files
    policy = file.bindings[0].policy
    assert isinstance(policy, Everything)
    assert (policy.size, policy.floor) == (200_000_000, Decimal("0.7"))
    assert policy.fixed == 3


def test_a_file_is_still_held_to_a_required_pack_where_an_extended_pack_yields() -> None:
    first = said("extends: [lax]\npolicies: {everything: {size: 1GB}}\n")[0]
    assert first == f"policies/fraud.yaml:3:31: policies.everything.size: {LOOSER}"


def test_requiring_a_pack_never_loosens_what_the_file_says_by_itself() -> None:
    (file,) = load(
        "policies:\n  metric-threshold: {metric: val_f1, max: 1}\n  asked: {limit: 1h}\n", "lenient"
    ).files
    floor, limit = file.bindings
    assert (floor.keys.level, floor.keys.on_missing) == ("overridable", "block")
    assert floor.policy == MetricThreshold(metric="val_f1", min=0.9, max=1)  # type: ignore[arg-type]
    assert limit.policy == Asked(limit="1h", floor=1)  # type: ignore[arg-type]  # as in YAML


@settings(max_examples=300)
@given(pack=size_pack, engine=st.data(), data=st.data(), candidate=runs, baseline=st.none() | runs)
def test_a_required_pack_and_a_file_are_both_at_most_as_tight_as_what_they_come_to(
    pack: dict[str, str],
    engine: st.DataObject,
    data: st.DataObject,
    candidate: RunRecord,
    baseline: RunRecord | None,
) -> None:
    required = {**pack, **engine.draw(engine_keys)}
    own = {**data.draw(size_pack), **data.draw(engine_keys)}
    try:
        bindings = [
            _binding(own),
            _binding(required),
            _binding(own, required=required),
        ]
    except PolicyFileError:
        return  # a loosening, or no binding by itself
    alone, pack_alone, merged = [_effect(each, candidate, baseline) for each in bindings]
    assert merged >= alone
    assert merged >= pack_alone


def _binding(own: dict[str, str], required: dict[str, str] | None = None) -> Binding:
    file = f"version: 1\npolicies: {{model-size-budget: {flow(own)}}}\n".encode()
    text = f"version: 1\npolicies: {{model-size-budget: {flow(required or own)}}}\n".encode()
    packs = {"p": PackText("p (pack of tests)", text)}
    require = ("p",) if required else ()
    return (
        load_policies({"f.yaml": file}, OFFERED, packs, {}, Demands(require)).files[0].bindings[0]
    )


def _effect(binding: Binding, candidate: RunRecord, baseline: RunRecord | None) -> int:
    """Return what the binding does today: 0 nothing, 1 warns, 2 blocks."""
    found = judge(binding.policy, candidate=candidate, baseline=baseline, metric="val_f1")
    level = level_on(datetime(2026, 6, 1, tzinfo=UTC), binding)
    effects = [Effect.NONE, Effect.WARN, Effect.BLOCK]
    return max(effects.index(effect_of(f.outcome, level, binding)) for f in found)


def test_what_has_no_direction_and_the_file_leaves_out_is_the_required_packs() -> None:
    (file,) = load("policies: {everything: on}\n").files
    assert isinstance(file.bindings[0].policy, Everything)
    assert file.bindings[0].policy.fixed == 3


@pytest.mark.parametrize("extended", ["recommended", "strict", "advisory"])
@pytest.mark.parametrize("required", ["recommended", "strict", "advisory"])
def test_any_of_our_packs_may_be_extended_under_any_that_is_required(
    extended: str, required: str
) -> None:
    offered = plugins.load_plugins()
    text = f"version: 1\nextends: [{extended}]\n".encode()
    (file,) = load_policies(
        {"p.yaml": text}, offered.policies, offered.packs, {}, Demands((required,))
    ).files
    levels = {b.id: b.keys.level for b in file.bindings}
    alone = load_policies({"p.yaml": text}, offered.policies, offered.packs).files[0]
    order = list(Level)
    for binding in alone.bindings:
        assert order.index(levels[binding.id]) >= order.index(binding.keys.level)
    if "strict" in {extended, required}:
        assert levels["code-lineage"] == Level.MANDATORY


def test_the_same_pack_may_be_extended_and_is_still_required() -> None:
    assert len(load("extends: [org]\n").files[0].bindings) == 3
    first = said("extends: [org]\npolicies: {everything: off}\n")[0]
    assert "the binding is required (org (pack of tests):6); it cannot be turned off" in first


@pytest.mark.parametrize(
    ("section", "key", "line"),
    [
        ("metric: {name: loss}", "metric", 2),
        ("prices: {default: 0.01 USD/h}", "prices.default", 3),
        ("evidence: {names: {cost.total: other}}", "evidence.names.cost.total", 4),
    ],
)
def test_what_a_required_pack_says_beside_its_bindings_holds_too(
    section: str, key: str, line: int
) -> None:
    first, remedy, end = said(f"{section}\n")
    made = MADE.format(line)
    assert first.endswith(f": {key}: a required pack says it ({made}); it cannot be changed")
    assert (remedy, end) == (f"  remove the line, or change {made}", END)


def test_what_a_required_pack_leaves_open_is_the_files_to_say() -> None:
    (file,) = load(
        "metric: {name: val_f1}\nbaseline: [{alias: champion}]\nprices: {gpu: 4 USD/h}\n"
        "evidence: {names: {cost.gpu_hours: hours}, max_text: 1MB}\n"
    ).files
    assert set(file.prices) == {"default", "gpu"}
    assert file.evidence.names == {"cost.total": "my_cost", "cost.gpu_hours": "hours"}


@pytest.mark.parametrize("order", [("org", "more"), ("more", "org")])
def test_of_two_required_packs_the_tighter_settings_count(order: tuple[str, str]) -> None:
    (file,) = load("", *order).files
    assert file.required == order
    policy = file.bindings[0].policy
    assert isinstance(policy, Everything)
    assert policy.size == 10**6
    assert policy.fixed == 3


def test_two_required_packs_that_cannot_both_hold_are_an_error() -> None:
    assert "policies.everything.fixed: the binding is required" in said("", "org", "lax")[0]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ogr", "did you mean 'org'?"),
        ("_team.yaml", "known packs: org, lax, more, loop, away, bad"),
    ],
)
def test_a_pack_that_does_not_exist_is_an_error(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load("policies: {asked: {limit: 1h}}\n", name)
    if "known" in hint:
        hint = "known packs: away, bad, lax, lenient, loop, more, org"
    assert str(caught.value) == f"--require {name}: no pack is called '{name}'; {hint}; {OWN}"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loop", "a file extends itself: loop (pack of tests) → loop (pack of tests)"),
        ("away", "a pack may only extend packs, not '../x.yaml'"),
        ("bad", "expected a duration such as 30s, got 2"),
    ],
)
def test_a_required_pack_that_is_wrong_is_an_error(name: str, message: str) -> None:
    told = said("policies: {metric-threshold: {metric: a, min: 1}}\n", name)
    assert message in told[0]
    assert told[0].startswith(f"{name} (pack of tests):")


def test_the_digest_says_what_was_required() -> None:
    plain = load_policies({"policies/fraud.yaml": b"version: 1\nextends: [org]\n"}, OFFERED, PACKS)
    assert plain.digest != load("extends: [org]\n").digest
    assert load("", "org", "more").digest == load("", "org", "more").digest


@settings(max_examples=300)
@given(base=size_pack, engine=st.data(), candidate=runs, baseline=st.none() | runs)
def test_under_a_profile_that_loads_no_more_is_let_merge_than_without(
    base: dict[str, str],
    engine: st.DataObject,
    candidate: RunRecord,
    baseline: RunRecord | None,
) -> None:
    own = {**base, **engine.draw(engine_keys)}
    above = {**engine.draw(size_pack), **engine.draw(engine_keys)}
    text = (
        f"version: 1\npolicies: {{model-size-budget: {flow(own)}}}\n"
        f"profiles: {{prod: {{model-size-budget: {flow(above)}}}}}\n"
    ).encode()
    made = []
    for profile in (None, "prod"):
        try:
            found = load_policies({"f.yaml": text}, OFFERED, {}, {}, Demands((), profile))
        except PolicyFileError:
            return  # a loosening, or no binding by itself
        made.append(_effect(found.files[0].bindings[0], candidate, baseline))
    plain, under = made
    assert under >= plain


# The command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy("version: 1\n")
    return made


def test_check_judges_by_the_required_pack_and_says_so(project: Project) -> None:
    told = project.check(evidence(candidate(status="FAILED")), "--require", "advisory")
    assert told.subject["notes"] == ["required beneath this policy file: advisory"]
    finding = next(f for f in told.subject["findings"] if f["id"] == "run-finished")
    assert (finding["outcome"], finding["effect"]) == ("fail", "warn")
    assert finding["where"] == {"file": "policies/fraud.yaml", "line": 1}


def test_without_the_flag_the_same_file_binds_nothing(project: Project) -> None:
    told = project.check(evidence(candidate()))
    assert told.code == 2
    assert "no policy is bound; nothing would be judged" in told.err


def test_several_files_for_one_candidate_share_what_is_required(project: Project) -> None:
    project.policy(
        "version: 1\npolicies: {metric-threshold: {metric: val_f1, min: 0.9}}\n", "p/a.yaml"
    )
    project.policy("version: 1\n", "p/b.yaml")
    told = project.check(evidence(candidate()), "--policies", "p", "--require", "advisory")
    assert [s["policy_file"] for s in told.report["subjects"]] == ["p/a.yaml", "p/b.yaml"]


def test_two_files_that_bind_an_id_of_their_own_are_still_an_error(project: Project) -> None:
    for name in "ab":
        project.policy(
            "version: 1\npolicies: {metric-threshold: {metric: val_f1, min: 0.9}}\n",
            f"p/{name}.yaml",
        )
    told = project.check(evidence(candidate()), "--policies", "p", "--require", "advisory")
    assert told.code == 2
    assert "p/a.yaml:2 and p/b.yaml:2 both bind 'metric-threshold'" in told.err


def test_validate_knows_what_is_required(project: Project) -> None:
    assert command("validate", "--require", "advisory").out == (
        "policies/fraud.yaml: valid, 26 policies\n"
    )
    told = command("validate", "--require", "advisry")
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "policy-engine: --require advisry: no pack is called 'advisry'; did you mean 'advisory'?; "
        "one of your own plugin's is written PLUGIN:PACK\n"
    )


# A pack of a plugin that no policy file names

ACME_PACK = "version: 1\npolicies:\n  run-finished: {level: mandatory}\n  acme-rule: on\n"


@pytest.fixture
def site(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    folder = project.folder / "site"
    with on_the_path(Site(folder), monkeypatch) as site:
        (folder / "acme.yaml").write_text(ACME_PACK)
        packs = "\n@hookimpl\ndef register_packs():\n    return {'acme': PACK}\n"
        packs += "PACK = Path(__file__).parent / 'acme.yaml'\n"
        site.install(policy_module("yield Finding(Outcome.PASS, 'fine')") + packs)
        yield site


@pytest.mark.parametrize("name", ["acme-policies", "Acme_Policies"])
def test_a_required_pack_brings_its_plugin(project: Project, site: Site, name: str) -> None:
    told = project.check(evidence(candidate()), "--require", f"{name}:acme")
    assert told.findings[-1] == ("pass", "none", "fine")
    assert told.subject["notes"] == [
        f"required beneath this policy file: acme (--require loaded its plugin, {name})"
    ]
    assert "acme-policies[acme] 1.2.0" in told.report["engine"]["plugins"]
    assert told.code == 0


def test_validate_knows_a_pack_of_a_plugin_that_no_file_names(site: Site) -> None:
    told = command("validate", "--require", "acme-policies:acme")
    assert told == Told(0, "policies/fraud.yaml: valid, 2 policies\n", "")
    told = command("validate", "--require", "acme")
    assert (told.code, told.err) == (
        2,
        (
            "policy-engine: --require acme: no pack is called 'acme'; known packs: advisory, "
            f"recommended, strict; {OWN}\n"
        ),
    )


def test_a_pack_of_another_plugin_than_the_named_one_is_refused(site: Site) -> None:
    told = command("validate", "--require", "acme-policies:strict")
    assert (told.code, told.err) == (
        2,
        (
            "policy-engine: --require acme-policies:strict: "
            "'strict' is a pack of policy-engine, not of acme-policies\n"
        ),
    )


def test_a_plugin_that_the_flag_names_and_nobody_installed_is_refused(project: Project) -> None:
    told = command("validate", "--require", "acme-policies:acme")
    assert (told.code, told.err) == (
        2,
        (
            "policy-engine: plugin 'acme-policies' is named by --require but not installed, "
            "or offers no plugin; installed plugins: none\n"
        ),
    )


def test_an_empty_name_is_refused(project: Project) -> None:
    told = command("validate", "--require", "")
    assert told.code == 2
    assert "it is empty; is a variable not set?" in told.err


def test_collect_reads_what_the_required_pack_needs(project: Project, tmp_path: Path) -> None:
    told = command(
        "collect",
        *("--require", "advisory", "--run", "0" * 32, "--output", "e.json"),
        *("--tracking-uri", "http://127.0.0.1:9", "--timeout", "1s"),
    )
    assert told.code == 3
    saved = json.loads((tmp_path / "e.json").read_text())
    assert {"baseline", "model", "predictions"} <= set(saved["needs"])
