"""What a file may change of a mandatory binding that it inherits: nothing that loosens it."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_policies.accuracy_cost.cost_per_point import CostPerPoint
from mlops_policies.accuracy_cost.min_useful_gain import MinUsefulGain
from mlops_policies.accuracy_cost.train_cost_budget import TrainCostBudget
from mlops_policies.general.metric_threshold import MetricThreshold
from mlops_policies.model_size.model_size_budget import ModelSizeBudget
from policy_engine import plugins
from policy_engine.evidence import Case
from policy_engine.evidence.record import RunRecord
from policy_engine.policy import Field, Finding, Level, Outcome, Policy
from policy_engine.policy_file import Binding, Offered, PolicyFileError, load_policies
from policy_engine.policy_file.tightening import direction
from policy_engine.quantities import (
    Bytes,
    Duration,
    HourlyPrice,
    Number,
    Points,
    Price,
    Tighter,
)
from policy_engine.testing import judge, model, run


class Everything(Policy, name="everything"):
    """It has a setting of each kind."""

    size: Annotated[Bytes | None, Tighter.LOWER] = Field(None, description="Off is no limit.")
    least: Annotated[Bytes, Tighter.LOWER] | None = Field(None, description="In the union.")
    floor: Annotated[Number, Tighter.HIGHER] = Field(Decimal("0.5"), description="A floor.")
    cost: Annotated[Price | None, Tighter.LOWER] = Field(None, description="Money.")
    rate: Annotated[HourlyPrice | None, Tighter.LOWER] = Field(None, description="A price.")
    margin: Annotated[Points | None, Tighter.LOWER] = Field(None, description="A distance.")
    worst: Annotated[Literal["low", "high"], Tighter.LOWER] = Field("high", description="A word.")
    mode: Annotated[Literal["point", "interval"] | None, Tighter.HIGHER] = Field(
        None, description="A word, or none."
    )
    allow: Annotated[tuple[str, ...], Tighter.FEWER] = Field(
        ("a", "b"), strict=False, description="What is allowed."
    )
    reasons: Annotated[dict[str, str], Tighter.FEWER] = Field(
        default_factory=lambda: {"a": "why"}, description="What is allowed, and why."
    )
    require: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        ("a",), strict=False, description="What is asked for."
    )
    strong: Annotated[bool, Tighter.ON] = Field(default=False, description="Asks for more.")
    lax: Annotated[bool, Tighter.OFF] = Field(default=True, description="Asks for less.")
    nested: Annotated[list[list[str]], Tighter.FEWER] = Field(
        default_factory=list, description="Entries that cannot be told apart by hash."
    )
    fixed: Number = Field(Decimal(1), description="It declares nothing.")
    name: str | None = Field(None, description="It declares nothing, and is off.")

    def evaluate(self, case: Case) -> Iterator[Finding]:
        raise NotImplementedError


class Asked(Policy, name="asked"):
    """One setting is the file's to say."""

    limit: Annotated[Duration, Tighter.LOWER] = Field(description="The longest time (s).")
    floor: Annotated[Number, Tighter.HIGHER] = Field(Decimal(1), description="A floor.")

    def evaluate(self, case: Case) -> Iterator[Finding]:
        raise NotImplementedError


OFFERED = {
    p.policy_name: Offered(p, "tests")
    for p in (
        *(Everything, Asked, ModelSizeBudget, MetricThreshold),
        *(MinUsefulGain, CostPerPoint, TrainCostBudget),
    )
}


def lay(*layers: str, policy: str = "everything") -> Binding:
    """Return the binding of a policy when each file says this of it, the lowest first."""
    texts = {
        f"policies/{'_' * (n < len(layers))}{n}.yaml": (
            "version: 1\n"
            + (f"extends: [_{n - 1}.yaml]\n" if n > 1 else "#\n")
            + f"policies:\n  {policy}: {layer}\n"
        ).encode()
        for n, layer in enumerate(layers, 1)
    }
    top = f"policies/{len(layers)}.yaml"
    beneath = {path: text for path, text in texts.items() if path != top}
    (file,) = load_policies({top: texts[top]}, OFFERED, {}, beneath).files
    return file.bindings[0]


def said(*layers: str, policy: str = "everything") -> str:
    with pytest.raises(PolicyFileError) as caught:
        lay(*layers, policy=policy)
    return str(caught.value)


# Settings


@pytest.mark.parametrize(
    ("beneath", "above"),
    [
        ("size: 200MB", "size: 100MB"),
        ("size: 200MB", "size: 0.2GB"),  # the same size
        ("why: none", "size: 100MB"),  # from off to a limit
        ("least: 200MB", "least: 100MB"),
        ("floor: 0.9", "floor: 0.91"),
        ("why: the default is 0.5", "floor: 0.5"),
        ("cost: 50 USD", "cost: 49 USD"),
        ("rate: 2 USD/h", "rate: 1 USD/h"),
        ("margin: 2pt", "margin: 1pt"),
        ("margin: 0.2", "margin: 0.1"),
        ("worst: high", "worst: low"),
        ("mode: point", "mode: interval"),
        ("mode: off", "mode: point"),
        ("allow: [a, b]", "allow: [b]"),
        ("allow: [a, b]", "allow: []"),
        ("reasons: {a: x, b: y}", "reasons: {b: y}"),
        ("require: [a]", "require: [b, a]"),
        ("strong: false", "strong: true"),
        ("lax: true", "lax: false"),
        ("fixed: 1", "fixed: 1.0"),
        ("why: a", "why: b"),
        ("why: a", "owner: ana"),
        ("on_missing: block", "on_inconclusive: block"),
        ("enforce_from: 2027-06-01", "enforce_from: 2027-05-31"),
        ("enforce_from: 2027-06-01", "enforce_from: off"),
        ("why: none", "level: mandatory"),
        ("why: none", "policy: everything"),
    ],
)
def test_a_mandatory_binding_may_be_tightened(beneath: str, above: str) -> None:
    assert lay(f"{{level: mandatory, {beneath}}}", f"{{{above}}}").keys.level == Level.MANDATORY


LOOSER = [
    ("size: 200MB", "size: 201MB", "'201MB' is not tighter than '200MB' ({0})", "lower value"),
    ("size: 200MB", "size: off", "the boolean 'off' is not tighter than '200MB' ({0})", "lower"),
    ("least: 2B", "least: 3B", "'3B' is not tighter than '2B' ({0})", "only a lower value is"),
    ("floor: 0.9", "floor: 0.8", "the number 0.8 is not tighter than the number 0.9 ({0})", "high"),
    ("cost: 50 USD", "cost: 51 USD", "'51 USD' is not tighter than '50 USD' ({0})", "lower"),
    ("cost: 50 USD", "cost: 1 EUR", "'1 EUR' is not tighter than '50 USD' ({0})", "lower"),
    ("rate: 2 USD/h", "rate: 1 EUR/h", "'1 EUR/h' is not tighter than '2 USD/h' ({0})", "lower"),
    ("margin: 2pt", "margin: 3pt", "'3pt' is not tighter than '2pt' ({0})", "lower"),
    ("margin: 2pt", "margin: 0.01", "the number 0.01 is not tighter than '2pt' ({0})", "lower"),
    ("worst: low", "worst: high", "'high' is not tighter than 'low' ({0})", "lower"),
    ("mode: interval", "mode: point", "'point' is not tighter than 'interval' ({0})", "higher"),
    ("allow: [a]", "allow: [a, b]", "a list is not tighter than a list ({0})", "only fewer"),
    ("allow: [a]", "allow: [c]", "a list is not tighter than a list ({0})", "only fewer"),
    ("reasons: {a: x}", "reasons: {a: y}", "a mapping is not tighter than a mapping ({0})", "few"),
    ("require: [a, b]", "require: [b]", "a list is not tighter than a list ({0})", "and more"),
    (
        "strong: true",
        "strong: false",
        "the boolean 'false' is not tighter than the bo",
        "only true",
    ),
    ("lax: false", "lax: true", "the boolean 'true' is not tighter than the boolean", "only false"),
    ("nested: [[a]]", "nested: []", "a list is not tighter than a list ({0})", "only fewer"),
    (
        "on_inconclusive: block",
        "on_inconclusive: warn",
        "'warn' is not tighter than 'block' ({0}), which is mandatory",
        "of skip, warn, block only a later word is tighter; remove the line, or change {0}",
    ),
    (
        "enforce_from: 2027-06-01",
        "enforce_from: 2027-06-02",
        "the date 2027-06-02 is not tighter than the date 2027-06-01 ({0}), which is mandatory",
        "only an earlier day is tighter, or `off`: at once; remove the line, or change {0}",
    ),
    (
        "why: at once",
        "enforce_from: 2027-06-01",
        "the date 2027-06-01 is not tighter than the default, and the binding is mandatory ({0})",
        "only an earlier day is tighter, or `off`: at once; remove the line, or change {0}",
    ),
    (
        "why: the default",
        "floor: 0.4",
        "the number 0.4 is not tighter than the default, and the binding is mandatory ({0})",
        "only a higher value is tighter; remove the line, or change {0}",
    ),
    (
        "owner: ana",
        "owner: ben",
        "the binding is mandatory ({0}); it cannot be changed",
        "remove the line, or change {0}",
    ),
    (
        "fixed: 1",
        "fixed: 2",
        "the binding is mandatory ({0}); it cannot be changed",
        "remove the line, or change {0}",
    ),
    (
        "why: the default",
        "name: x",
        "the binding is mandatory ({0}); it cannot be changed",
        "remove the line, or change {0}",
    ),
    (
        "why: none",
        "level: overridable",
        "the binding is mandatory ({0}); its level cannot fall",
        "remove the line, or change {0}",
    ),
    (
        "why: none",
        "policy: model-size-budget, max_size: 1MB",
        "the binding is mandatory ({0}); it cannot be changed",
        "remove the line, or change {0}",
    ),
]


@pytest.mark.parametrize(("beneath", "above", "message", "remedy"), LOOSER)
def test_a_loosening_is_an_error_that_names_both_files_and_lines(
    beneath: str, above: str, message: str, remedy: str
) -> None:
    told = said(f"{{level: mandatory, {beneath}}}", f"{{{above}}}")
    first, second, last = told.splitlines()
    assert first.startswith("policies/2.yaml:4:")
    made = "policies/_1.yaml:4"
    assert message.format(made) in first
    assert remedy.format(made) in second
    assert made in first
    assert last == "1 problem found; nothing was evaluated."


def test_what_a_lax_file_says_beneath_cannot_loosen_a_mandatory_binding_above_it() -> None:
    lax = b"version: 1\npolicies: {everything: {floor: 0.1, fixed: 1}}\n"
    org = b"version: 1\npolicies: {everything: {size: 1MB, level: mandatory}}\n"
    file = b"version: 1\nextends: [_lax.yaml, _org.yaml]\n"
    with pytest.raises(PolicyFileError) as caught:
        load_policies(
            {"policies/f.yaml": file},
            OFFERED,
            {},
            {"policies/_lax.yaml": lax, "policies/_org.yaml": org},
        )
    assert str(caught.value) == (
        "policies/_lax.yaml:2:32: policies.everything.floor: the number 0.1 is not tighter than "
        "the default, and the binding is mandatory (policies/_org.yaml:2)\n"
        "  only a higher value is tighter; remove the line, or change policies/_org.yaml:2\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_file_in_between_tightens_and_holds_what_lies_above_it() -> None:
    assert lay("{size: 3MB, level: mandatory}", "{size: 2MB}", "{size: 1MB}").policy == Everything(
        size="1MB"  # type: ignore[arg-type]  # as in YAML
    )
    told = said("{size: 3MB, level: mandatory}", "{size: 1MB}", "{size: 2MB}")
    assert told.splitlines()[0] == (
        "policies/3.yaml:4:22: policies.everything.size: '2MB' is not tighter than '1MB' "
        "(policies/_2.yaml:4), which is mandatory"
    )


def test_a_file_may_make_its_own_binding_mandatory_and_change_it() -> None:
    binding = lay("{floor: 0.9}", "{level: mandatory, floor: 0.1, fixed: 3}")
    assert isinstance(binding.policy, Everything)
    assert (binding.policy.floor, binding.policy.fixed) == (Decimal("0.1"), Decimal(3))


def test_a_setting_that_is_due_and_not_said_is_the_next_files_to_say() -> None:
    policy = lay("{level: mandatory}", "{limit: 2h}", policy="asked").policy
    assert isinstance(policy, Asked)
    assert policy.limit == 7200
    told = said("{level: mandatory}", "{limit: 2h}", "{limit: 3h}", policy="asked")
    assert "'3h' is not tighter than '2h' (policies/_2.yaml:4)" in told


def test_saying_what_is_due_does_not_free_the_other_settings() -> None:
    told = said("{level: mandatory}", "{limit: 2h, floor: 0}", policy="asked")
    assert "asked.floor: the number 0 is not tighter than the default" in told


def test_a_mandatory_binding_that_is_wrong_in_itself_is_told_at_its_own_place() -> None:
    told = said("{level: mandatory}", "{max_size: 1TB}", policy="model-size-budget")
    assert told == (
        "policies/_1.yaml:4:3: policies.model-size-budget: set max_size, max_growth or both\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_diamond_of_files_does_not_double_what_holds_at_each_layer() -> None:
    org = b"version: 1\npolicies: {everything: {size: 1MB, level: mandatory}}\n"
    beside = {"policies/_0.yaml": org} | {
        f"policies/_{n}.yaml": f"version: 1\nextends: [_{n - 1}.yaml, _{n - 1}.yaml]\n".encode()
        for n in range(1, 18)
    }
    file = b"version: 1\nextends: [_17.yaml]\npolicies: {everything: {size: 2MB}}\n"
    with pytest.raises(PolicyFileError, match="1 problem found"):
        load_policies({"policies/f.yaml": file}, OFFERED, {}, beside)


# Our own policies


DIRECTIONS = """
baseline-fresh: max_age lower, max_commits lower
baseline-kind: require_if_champion more
cost-per-point: max_cost_per_point lower, min_saving_per_point higher
data-freshness: max_age lower, max_gap_to_champion lower
data-licence-and-consent: licences fewer, required_tags more
dataset-identity: contexts more, strong_hash on, forbid_local_source on
deep-margin: deep more, also more
equalized-odds-gap: max_gap lower
explanation-logged: cover higher
four-fifths: min_ratio higher
history-limit: min_effect lower
latency-percentile-budget: max lower, max_growth lower
metric-recomputed: tolerance lower
metric-threshold: min higher, max lower, min_absolute_change higher, min_relative_change higher
min-useful-gain: min_abs higher, min_rel higher, min_headroom higher
model-size-budget: max_size lower, max_growth lower, growth_from lower
no-dominant-feature: warn_share lower, max_share lower, min_features lower, require_logged on
no-slice-regression: floor higher
pareto-dominated: better_quality lower, better_cost lower
pii-columns: patterns more, allow fewer, scan_example on
pinned-requirements: allow_unpinned fewer, python_minor_match on
run-finished: allow_status fewer
safe-serialization: allow fewer, trusted_types fewer, max_severity lower, max_skipped lower
same-eval-data: require_strong on
servable: max_load lower, min_requests higher, max_error_rate lower, max_age lower
signature-and-example: require more, forbid_types more
simple-model-tried: min_runs higher, max_age lower, same_eval_data on, min_search higher
train-cost-budget: max_cost lower, max_gpu_hours lower, max_hours lower,
  max_growth lower, growth_from lower
train-test-leakage: max_id_overlap lower, max_overlap lower, temporal on,
  suspicious higher, suspicious_rows lower
"""


def test_our_policies_declare_these_directions_and_no_others() -> None:
    """What a test of chance depends on is fixed: a stricter margin may leave more undecided."""
    declared = []
    for name, offered in sorted(plugins.load_plugins().policies.items()):
        ways = {n: direction(f) for n, f in offered.policy.model_fields.items()}
        said = [f"{setting} {way.value}" for setting, way in ways.items() if way is not None]
        if said:
            declared.append(f"{name}: {', '.join(said)}")
    assert " ".join(declared).split() == DIRECTIONS.split()


# The law


SEVERITY = {
    Outcome.PASS: 0,
    Outcome.NOT_APPLICABLE: 0,
    Outcome.INCONCLUSIVE: 1,
    Outcome.MISSING: 2,
    Outcome.FAIL: 2,
    Outcome.ERROR: 2,
}
"""0 merges, 1 merges or blocks as the binding says, 2 blocks: it is mandatory."""
WORDS = ("skip", "warn", "block")


def worst(binding: Binding, candidate: RunRecord, baseline: RunRecord | None) -> tuple[int, int]:
    """Return the gravest outcome, and what it does: 0 nothing, 1 warns, 2 blocks."""
    found = judge(binding.policy, candidate=candidate, baseline=baseline, metric="val_f1")
    severity = max(SEVERITY[f.outcome] for f in found)
    effect = WORDS.index(binding.keys.on_inconclusive) if severity == 1 else severity
    return severity, effect


def flow(values: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in values.items()) + "}"


sizes = st.sampled_from(["0B", "1MB", "9MB", "10MB", "11MB", "100MB", "0.1GB"])
growths = st.sampled_from(["0%", "5%", "10%", "100%"])
gains = st.sampled_from(["0pt", "1pt", "5pt", "0.01"])
kept = {"on_inconclusive": st.sampled_from(["warn", "block"])}
off = st.just("off")
size_pack = st.fixed_dictionaries(
    {"max_size": sizes},
    optional={"max_growth": growths, "growth_from": sizes, **kept},
) | st.fixed_dictionaries(
    {"max_growth": growths},
    optional={"max_size": sizes, "growth_from": sizes, "growth_waived_if_gain": gains, **kept},
)
size_file = {
    "max_size": sizes | off,
    "max_growth": growths | off,
    "growth_from": sizes,
    "growth_waived_if_gain": gains | off,
    **kept,
}
floors, ceilings = st.sampled_from(["0.0", "0.5", "0.9"]), st.sampled_from(["0.90", "0.91", "1.0"])
changes = st.sampled_from(["0", "0.01", "0.1", "0.5"])
threshold_pack = st.fixed_dictionaries(
    {"metric": st.just("val_f1"), "goal": st.just("maximize"), "min": floors},
    optional={"max": ceilings, "min_absolute_change": changes, "min_relative_change": changes},
)
threshold_file = {
    "metric": st.just("loss"),
    "min": floors | off,
    "max": ceilings | off,
    "min_absolute_change": changes | off,
    "min_relative_change": changes | off,
    "goal": st.sampled_from(["maximize", "minimize", "off"]),
}
least = st.sampled_from(["0pt", "0.5pt", "1pt", "0.02"])
gain_pack = st.fixed_dictionaries(
    {"min_abs": least}, optional={"min_rel": growths, "min_headroom": growths, **kept}
)
gain_file = {"min_abs": least, "min_rel": growths | off, "min_headroom": growths | off, **kept}
money = st.sampled_from(["0 USD", "1 USD", "5 USD", "100 USD"])
cost_pack = st.fixed_dictionaries(
    {"max_cost_per_point": money},
    optional={"min_saving_per_point": money, "ignore_below": money, **kept},
)
cost_file = {
    "max_cost_per_point": money,
    "min_saving_per_point": money | off,
    "ignore_below": money | off,
    **kept,
}
hours = st.sampled_from(["0", "0.5", "1", "2"])
times = st.sampled_from(["1s", "10min", "1h"])
train_pack = st.fixed_dictionaries(
    {"max_hours": hours},
    optional={"max_cost": money, "max_growth": growths, "growth_from": times, **kept},
)
train_file = {
    "max_hours": hours | off,
    "max_cost": money | off,
    "max_gpu_hours": hours | off,
    "max_growth": growths | off,
    "growth_from": times,
    "include_sweep": st.sampled_from(["on", "off"]),
    **kept,
}
runs = st.builds(
    lambda f1, loss, size, logged, cost, time: run(
        metrics={"val_f1": f1, "loss": loss} | ({} if cost is None else {"cost.total": cost}),
        model=model(size=size, logged_size=logged),
        tags={"cost.currency": "USD", "compute.gpus": "1"},
        duration=time,
    ),
    st.sampled_from([0.0, 0.5, 0.89, 0.9, 0.91, 1.0, float("nan")]),
    st.sampled_from([0.0, 0.5, 0.9]),
    st.sampled_from([None, 0, 1_000_000, 9_999_999, 10_000_000, 10_000_001, 11_000_000, 10**8]),
    st.sampled_from([None, 0, 10_000_000, 2 * 10**8]),
    st.sampled_from([None, 0.0, 1.0, 5.0, 100.0, float("nan")]),
    st.sampled_from(["1s", "10min", "1h", "3h"]),
)


@pytest.mark.parametrize(
    ("policy", "pack", "file"),
    [
        ("model-size-budget", size_pack, size_file),
        ("metric-threshold", threshold_pack, threshold_file),
        ("min-useful-gain", gain_pack, gain_file),
        ("cost-per-point", cost_pack, cost_file),
        ("train-cost-budget", train_pack, train_file),
    ],
)
@settings(max_examples=300)
@given(data=st.data(), candidate=runs, baseline=st.none() | runs)
def test_whatever_is_laid_over_a_mandatory_binding_lets_nothing_merge_that_it_stops(
    policy: str,
    pack: st.SearchStrategy[dict[str, str]],
    file: dict[str, st.SearchStrategy[str]],
    data: st.DataObject,
    candidate: RunRecord,
    baseline: RunRecord | None,
) -> None:
    below = flow({"level": "mandatory", **data.draw(pack)})
    few = data.draw(st.lists(st.sampled_from(sorted(file)), min_size=1, max_size=3, unique=True))
    above = flow({name: data.draw(file[name]) for name in few})
    beneath = lay(below, policy=policy)
    try:
        merged = lay(below, above, policy=policy)
    except PolicyFileError:
        return  # a mistake, or a loosening: nothing is judged
    severity, effect = worst(merged, candidate, baseline)
    assert severity >= worst(beneath, candidate, baseline)[0]
    assert effect >= worst(beneath, candidate, baseline)[1]
