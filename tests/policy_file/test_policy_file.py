"""Policy files: what they mean, how they merge, and what is said of each mistake in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, model_validator

from policy_engine.errors import UsageError
from policy_engine.evidence import Case, Needs
from policy_engine.plugins import load_plugins
from policy_engine.policy import Field, Finding, Level, Policy
from policy_engine.policy_file import (
    AppliesTo,
    KnownRules,
    MetricSetting,
    Offered,
    PackText,
    PolicyFile,
    PolicyFileError,
    PolicySet,
    load_policies,
    named_plugins,
    policy_paths,
)
from policy_engine.policy_file.paths import MOST_FILES
from policy_engine.quantities import (
    Bytes,
    Duration,
    Fraction,
    Money,
    Number,
    Percent,
    Points,
    Price,
    Rate,
)
from policy_engine.report import Where

if TYPE_CHECKING:
    from collections.abc import Mapping

INVALID = Path(__file__).parent / "invalid"


class _Silent(Policy):
    def evaluate(self, case: Case) -> Iterator[Finding]:
        raise NotImplementedError


class RunFinished(_Silent, name="run-finished"):
    """The run is finished."""

    allow_status: tuple[Literal["FINISHED", "RUNNING"], ...] = Field(
        ("FINISHED",), min_length=1, strict=False
    )


class BaselineLogged(_Silent, name="baseline-logged"):
    """There is a baseline."""

    needs = Needs.BASELINE


class MinUsefulGain(_Silent, name="min-useful-gain"):
    """The gain is worth having."""

    needs = Needs.BASELINE

    min_abs: Points | None = None


class ModelSizeBudget(_Silent, name="model-size-budget"):
    """The model fits its budget."""

    needs = Needs.MODEL | Needs.BASELINE

    max_size: Bytes | None = Field(None, description="Largest sum of the model's files (bytes).")
    max_growth: Percent | None = Field(None, description="Largest growth over the baseline (%).")

    @model_validator(mode="after")
    def _something_is_limited(self) -> ModelSizeBudget:
        if self.max_size is None and self.max_growth is None:
            raise ValueError("set max_size or max_growth: without one nothing is limited")
        return self

    def reads(self) -> Needs:
        return self.needs if self.max_growth is not None else Needs.MODEL


class CostPerPoint(_Silent, name="cost-per-point"):
    """A point is worth its cost."""

    max_cost_per_point: Price = Field(description="Largest cost of one point (currency).")


class LatencyBudget(_Silent, name="latency-percentile-budget"):
    """It answers in time."""

    max: Duration = Field(description="Largest latency (time).")
    percentile: Literal["p50", "p95", "p99"] = Field("p95", description="Which percentile.")
    min_n: int = Field(200, ge=1, description="Fewest requests (count).")
    hardware: str = Field("any", description="Tag of the machine.")


class Slices(_Silent, name="no-slice-regression"):
    """No slice is worse."""

    slices: list[str] = Field(min_length=1, description="Columns to slice by.")
    floor: Fraction | None = Field(None, description="Least share of the overall metric.")
    max_drop: Number = Field(Decimal("0.02"), description="Largest loss (metric units).")
    pooled: bool = Field(default=True, description="Whether small slices are pooled.")


class Mixed(_Silent, name="mixed-setting"):
    """It takes a number of rows or a share of them."""

    rows: int | list[int] = Field(1, description="Rows (count), or several.")


class Area(BaseModel, extra="forbid", frozen=True, strict=True):
    """A part of the data."""

    column: str
    weight: float = 1.0


class Areas(_Silent, name="weighted-areas"):
    """Its setting has settings of its own."""

    areas: list[Area]


class Broken(_Silent, name="broken-policy"):
    """Its author made a mistake."""

    level_of: str = "x"

    @model_validator(mode="after")
    def _breaks(self) -> Broken:
        raise TypeError("unhashable type: 'list'")


POLICIES = (
    RunFinished,
    BaselineLogged,
    MinUsefulGain,
    ModelSizeBudget,
    CostPerPoint,
    LatencyBudget,
    Slices,
    Mixed,
    Areas,
    Broken,
)
OFFERED = {policy.policy_name: Offered(policy, "tests") for policy in POLICIES}
RULES = KnownRules(load_plugins().baseline_rules.built_in)
RECOMMENDED = b"""\
version: 1
prices: {default: 1 USD/h, gpu: 4 USD/h}
policies:
  run-finished: on
  model-size-budget: {max_growth: 10%}
  min-useful-gain: {level: advisory}
"""
PACKS = {
    "recommended": PackText("recommended (pack of tests)", RECOMMENDED),
    "greedy": PackText(
        "greedy (pack of tests)",
        b"version: 1\nplugins: [x]\nwaivers: []\napplies_to: {model: x}\npolicies: {}\n",
    ),
    "local": PackText("local (pack of tests)", b"version: 1\nextends: [_parts.yaml]\n"),
    "faulty": PackText(
        "faulty (pack of tests)",
        b"version: 1\npolicies:\n  cost-per-point: {max_cost_per_point: 50}\n",
    ),
}
MANDATORY = b"""\
version: 1
policies:
  model-size-budget:
    max_size: 200MB
    level: mandatory
"""


def load(
    text: str | bytes,
    neighbours: Mapping[str, bytes] | None = None,
    packs: Mapping[str, PackText] = PACKS,
) -> PolicySet:
    content = text if isinstance(text, bytes) else text.encode()
    return load_policies(
        {"policies/fraud.yaml": content}, OFFERED, packs, neighbours or {}, rules=RULES
    )


def load_one(text: str, neighbours: Mapping[str, bytes] | None = None) -> PolicyFile:
    return load(text, neighbours).files[0]


def said_of(text: str, neighbours: Mapping[str, bytes] | None = None) -> str:
    with pytest.raises(PolicyFileError) as caught:
        load(text, neighbours)
    return str(caught.value)


# The mistakes, each beside its exact message


@pytest.mark.parametrize(
    "mistake", sorted(p.stem for p in INVALID.glob("[!_]*.yaml")), ids=lambda name: name
)
def test_each_mistake_is_said_with_file_line_key_and_remedy(mistake: str) -> None:
    neighbours = {f"policies/{p.name}": p.read_bytes() for p in INVALID.glob("_*.yaml")}
    path = f"policies/{mistake}.yaml"
    files = {path: (INVALID / f"{mistake}.yaml").read_bytes()}

    with pytest.raises(PolicyFileError) as caught:
        load_policies(files, OFFERED, PACKS, neighbours, rules=RULES)

    assert f"{caught.value}\n" == (INVALID / f"{mistake}.txt").read_text(encoding="utf-8")


def test_every_message_belongs_to_a_mistake() -> None:
    mistakes = {p.stem for p in INVALID.glob("[!_]*.yaml")}
    assert mistakes == {p.stem for p in INVALID.glob("*.txt")}
    assert len(mistakes) >= 30


def test_all_problems_of_all_files_come_at_once_in_the_order_of_files_and_lines() -> None:
    files = {
        "policies/b.yaml": b"version: 1\npolicies:\n  run-finishd: on\n  cost-per-point: on\n",
        "policies/a.yaml": b"version: 1\nfirst_run: maybe\npolicies: {run-finished: on}\n",
        "policies/c.yaml": b"version: 1\na: 1\na: 2\n",
    }
    with pytest.raises(PolicyFileError) as caught:
        load_policies(files, OFFERED, PACKS)
    assert str(caught.value) == (
        "policies/a.yaml:2:12: first_run: expected true or false, got 'maybe'\n"
        "  write it like first_run: true\n"
        "policies/b.yaml:3:3: policies.run-finishd: no policy is called 'run-finishd'\n"
        "  did you mean 'run-finished'?\n"
        "policies/b.yaml:4:3: policies.cost-per-point.max_cost_per_point: missing setting\n"
        "  Largest cost of one point (currency).\n"
        "policies/c.yaml:3:1: a: duplicate key, first in line 2\n"
        "  keep one of the two\n"
        "4 problems found; nothing was evaluated."
    )


def test_a_problem_knows_its_place_its_key_and_its_value() -> None:
    with pytest.raises(PolicyFileError) as caught:
        load("version: 1\npolicies:\n  model-size-budget: {max_size: 200}\n")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("policies/fraud.yaml", 3, 33)
    assert (problem.key, problem.value) == ("policies.model-size-budget.max_size", "200")
    assert problem.message == "expected a size such as 200MB, got 200"


def test_a_mistake_in_a_shared_file_is_said_once() -> None:
    shared = {"policies/_parts.yaml": b"version: 1\npolicies: {run-finishd: on}\n"}
    files = {
        f"policies/{name}.yaml": b"version: 1\nextends: [_parts.yaml]\n" for name in ("a", "b")
    }
    with pytest.raises(PolicyFileError) as caught:
        load_policies(files, OFFERED, PACKS, shared)
    assert str(caught.value) == (
        "policies/_parts.yaml:2:12: policies.run-finishd: no policy is called 'run-finishd'\n"
        "  did you mean 'run-finished'?\n"
        "1 problem found; nothing was evaluated."
    )


def test_no_file_at_all_is_an_error() -> None:
    with pytest.raises(PolicyFileError) as caught:
        load_policies({}, OFFERED, PACKS)
    assert str(caught.value) == (
        "policies:1:1: there is no policy file\n"
        "  name one, or a folder\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_file_cannot_steer_the_terminal_through_its_error_message() -> None:
    assert said_of('version: 1\n"\\e[2Jx\\n::error::": 1\npolicies: {run-finished: on}\n') == (
        "policies/fraud.yaml:2:1: \\x1b[2Jx\\n::error::: unknown setting\n"
        "  known here: version, extends, plugins, applies_to, metric, candidate, baseline, "
        "first_run, prices, evidence, policies, profiles, waivers\n"
        "1 problem found; nothing was evaluated."
    )


# What a valid file means


def test_a_file_with_everything_in_it() -> None:
    file = load_one("""\
version: 1
plugins: [acme-policies]
applies_to: {model: "fraud-*", tags: {team: risk}}
metric: {name: revenue, goal: maximize, point: 0.5, positive: 1}
candidate: {paths: ["training/**"], model_name: model}
baseline:
  - alias: champion
  - commit: merge-base
  - tag: {baseline.kind: existing}
  - best: {within: 90d}
  - acme-golden: {region: [eu, us], at_least: 2}
prices: {default: 0.50 USD/h, ml.g5.xlarge: 1.41 USD/h}
first_run: true
evidence: {names: {cost.total: my_cost}, max_text: 2MB}
policies:
  eu-latency:
    policy: latency-percentile-budget
    max: 50ms
    level: mandatory
    enforce_from: 2027-01-01
    on_inconclusive: warn
    why: the contract says so
""")

    assert file.path == "policies/fraud.yaml"
    assert file.plugins == ("acme-policies",)
    assert file.applies_to == AppliesTo(model="fraud-*", tags={"team": "risk"})
    assert file.metric == MetricSetting.model_construct(
        name="revenue", goal="maximize", point=Decimal("0.5"), positive=1
    )
    assert (file.candidate.paths, file.candidate.model_name) == (("training/**",), "model")
    assert file.baseline == (
        {"alias": "champion"},
        {"commit": "merge-base"},
        {"tag": {"baseline.kind": "existing"}},
        {"best": {"within": "90d"}},
        {"acme-golden": {"region": ["eu", "us"], "at_least": 2}},
    )
    assert file.prices == {
        "default": Rate(Decimal("0.50"), "USD"),
        "ml.g5.xlarge": Rate(Decimal("1.41"), "USD"),
    }
    assert file.first_run is True
    assert file.evidence.names == {"cost.total": "my_cost"}
    assert file.evidence.max_text == 2_000_000
    (binding,) = file.bindings
    assert (binding.id, binding.policy_name, binding.plugin) == (
        "eu-latency",
        "latency-percentile-budget",
        "tests",
    )
    assert binding.policy == LatencyBudget(max="50ms")  # type: ignore[arg-type]  # as in YAML
    assert (binding.keys.level, binding.keys.enforce_from) == (Level.MANDATORY, date(2027, 1, 1))
    assert (binding.keys.on_missing, binding.keys.on_inconclusive) == ("block", "warn")
    assert (binding.keys.why, binding.inherited_from) == ("the contract says so", None)
    assert binding.where == Where("policies/fraud.yaml", 16)


def test_what_is_left_out_has_its_default() -> None:
    file = load_one("version: 1\npolicies: {run-finished: {}}\n")

    (binding,) = file.bindings
    assert binding.keys.level == Level.OVERRIDABLE
    assert (binding.keys.on_missing, binding.keys.on_inconclusive) == ("block", "warn")
    assert (binding.keys.enforce_from, binding.keys.why) == (None, None)
    assert (file.metric, file.applies_to, file.candidate.model_name) == (None, None, None)
    assert (file.baseline, file.candidate.paths, file.plugins) == ((), (), ())
    assert (file.prices, file.evidence.names, file.evidence.max_text) == ({}, {}, None)
    assert file.first_run is False


def test_needs_are_those_of_the_bound_policies_with_their_settings() -> None:
    policies = load("version: 1\npolicies: {model-size-budget: {max_size: 1MB}}\n")
    assert policies.needs == policies.files[0].needs == Needs.RUN | Needs.MODEL
    policies = load("version: 1\npolicies: {model-size-budget: {max_growth: 1%}}\n")
    assert policies.needs == Needs.RUN | Needs.MODEL | Needs.BASELINE


def test_a_policy_may_be_bound_twice_under_ids_of_ones_own() -> None:
    file = load_one("""\
version: 1
policies:
  eu: {policy: cost-per-point, max_cost_per_point: 50 EUR}
  cost-per-point: {max_cost_per_point: 60 USD}
""")
    assert [(b.id, b.policy_name) for b in file.bindings] == [
        ("eu", "cost-per-point"),
        ("cost-per-point", "cost-per-point"),
    ]
    first = file.bindings[0].policy
    assert isinstance(first, CostPerPoint)
    assert first.max_cost_per_point == Money(Decimal(50), "EUR")


# Extending


def test_a_pack_is_laid_beneath_and_its_bindings_point_at_the_users_own_line() -> None:
    file = load_one("version: 1\nextends:\n  - recommended\npolicies:\n  baseline-logged: on\n")
    assert [(b.id, b.where.line, b.inherited_from) for b in file.bindings] == [
        ("run-finished", 3, "recommended (pack of tests)"),
        ("model-size-budget", 3, "recommended (pack of tests)"),
        ("min-useful-gain", 3, "recommended (pack of tests)"),
        ("baseline-logged", 5, None),
    ]


def test_a_files_setting_wins_over_the_packs_key_by_key() -> None:
    file = load_one("""\
version: 1
extends: [recommended]
prices: {gpu: 3 USD/h}
policies:
  model-size-budget: {max_size: 1GB}
  min-useful-gain: {level: overridable}
""")
    size = next(b for b in file.bindings if b.id == "model-size-budget")
    assert isinstance(size.policy, ModelSizeBudget)
    assert (size.policy.max_size, size.policy.max_growth) == (10**9, Decimal("0.1"))
    assert size.where == Where("policies/fraud.yaml", 5)
    assert size.inherited_from == "recommended (pack of tests)"
    assert file.bindings[-1].keys.level == Level.OVERRIDABLE
    assert {name: str(rate) for name, rate in file.prices.items()} == {
        "default": "1 USD/h",
        "gpu": "3 USD/h",
    }


def test_off_unbinds_what_a_pack_binds() -> None:
    file = load_one("version: 1\nextends: [recommended]\npolicies: {min-useful-gain: off}\n")
    assert [b.id for b in file.bindings] == ["run-finished", "model-size-budget"]


def test_on_leaves_an_inherited_binding_as_it_is() -> None:
    file = load_one("version: 1\nextends: [recommended]\npolicies: {min-useful-gain: on}\n")
    assert file.bindings[-1].keys.level == Level.ADVISORY


def test_off_on_an_optional_setting_means_none() -> None:
    file = load_one("""\
version: 1
extends: [recommended]
policies:
  model-size-budget: {max_growth: off, max_size: 5MB}
  no-slice-regression: {slices: [region], floor: off, pooled: off}
""")
    size, slices = file.bindings[1].policy, file.bindings[-1].policy
    assert isinstance(size, ModelSizeBudget)
    assert isinstance(slices, Slices)
    assert (size.max_growth, slices.floor, slices.pooled) == (None, None, False)


def test_what_is_extended_counts_from_left_to_right() -> None:
    beside = {
        "policies/_a.yaml": b"version: 1\nmetric: {name: f1}\npolicies:\n"
        b"  model-size-budget: {max_size: 1MB, why: a}\n",
        "policies/_b.yaml": b"version: 1\nmetric: {name: auc}\npolicies:\n"
        b"  model-size-budget: {max_size: 2MB}\n",
    }
    file = load_one("version: 1\nextends: [_a.yaml, _b.yaml]\n", beside)
    (binding,) = file.bindings
    assert binding.policy == ModelSizeBudget(max_size="2MB")  # type: ignore[arg-type]
    assert (binding.keys.why, binding.inherited_from) == ("a", "policies/_b.yaml")
    assert file.metric == MetricSetting(name="auc")
    file = load_one("version: 1\nextends: [_b.yaml, _a.yaml]\n", beside)
    assert file.metric == MetricSetting(name="f1")


def test_lists_are_replaced_whole_and_plugins_add_up() -> None:
    beside = {
        "policies/_parts.yaml": b"version: 1\nplugins: [a, b]\nbaseline: [{alias: champion}]\n"
        b"evidence: {names: {cost.total: x, data.owner: y}}\npolicies: {run-finished: on}\n"
    }
    file = load_one(
        "version: 1\nextends: [_parts.yaml]\nplugins: [b, c]\nbaseline: [{run: abc}]\n"
        "evidence: {names: {cost.total: z}}\n",
        beside,
    )
    assert file.plugins == ("a", "b", "c")
    assert file.baseline == ({"run": "abc"},)
    assert file.evidence.names == {"cost.total": "z", "data.owner": "y"}


def test_a_file_that_two_extended_files_share_is_no_cycle() -> None:
    beside = {
        "policies/_base.yaml": b"version: 1\npolicies: {run-finished: on}\n",
        "policies/_a.yaml": b"version: 1\nextends: [_base.yaml]\n",
        "policies/_b.yaml": b"version: 1\nextends: [_base.yaml]\n",
    }
    file = load_one("version: 1\nextends: [_a.yaml, _b.yaml]\n", beside)
    assert [b.id for b in file.bindings] == ["run-finished"]


def test_a_long_chain_of_files_is_refused() -> None:
    beside = {
        f"policies/_{i}.yaml": f"version: 1\nextends: [_{i + 1}.yaml]\n".encode() for i in range(50)
    }
    assert said_of("version: 1\nextends: [_0.yaml]\n", beside) == (
        "policies/_18.yaml:2:11: extends[0]: more than 20 files extend each other in a row\n"
        "1 problem found; nothing was evaluated."
    )


def test_an_inherited_mandatory_binding_cannot_be_turned_off() -> None:
    said = said_of(
        "version: 1\nextends: [_org.yaml]\npolicies:\n  model-size-budget: off\n",
        {"policies/_org.yaml": MANDATORY},
    )
    assert said == (
        "policies/fraud.yaml:4:22: policies.model-size-budget: "
        "the binding is mandatory (policies/_org.yaml:5); it cannot be turned off\n"
        "  remove the line, or change policies/_org.yaml:5\n"
        "1 problem found; nothing was evaluated."
    )


def test_an_inherited_mandatory_binding_may_be_repeated() -> None:
    file = load_one(
        "version: 1\nextends: [_org.yaml]\n"
        "policies: {model-size-budget: {max_size: 200MB, level: mandatory}}\n",
        {"policies/_org.yaml": MANDATORY},
    )
    assert file.bindings[0].keys.level == Level.MANDATORY


def test_a_list_or_mapping_may_be_repeated_too_but_not_changed() -> None:
    text = (
        "version: 1\npolicies:\n  weighted-areas: "
        "{areas: [{column: x, weight: %s}], level: mandatory}\n"
    )
    beside = {"policies/_org.yaml": (text % "0.5").encode()}
    extending = "extends: [_org.yaml]\n"
    assert load_one(extending + text % "0.50", beside).bindings[0].keys.level == Level.MANDATORY
    assert said_of(extending + text % "0.6", beside) == (
        "policies/fraud.yaml:4:27: policies.weighted-areas.areas: "
        "the binding is mandatory (policies/_org.yaml:3); it cannot be changed\n"
        "  remove the line, or change policies/_org.yaml:3\n"
        "1 problem found; nothing was evaluated."
    )


def test_off_withdraws_an_inherited_day_of_enforcement() -> None:
    beside = {
        "policies/_p.yaml": b"version: 1\npolicies: {run-finished: {enforce_from: 2027-01-01}}\n"
    }
    text = "version: 1\nextends: [_p.yaml]\npolicies: {run-finished: {enforce_from: off}}\n"
    assert load_one(text, beside).bindings[0].keys.enforce_from is None


def test_a_mandatory_binding_holds_through_a_file_in_between() -> None:
    beside = {
        "policies/_org.yaml": MANDATORY,
        "policies/_team.yaml": b"version: 1\nextends: [_org.yaml]\n",
    }
    said = said_of(
        "version: 1\nextends: [_team.yaml]\npolicies:\n  model-size-budget: off\n"
        "  run-finished: on\n",
        beside,
    )
    assert said == (
        "policies/fraud.yaml:4:22: policies.model-size-budget: "
        "the binding is mandatory (policies/_org.yaml:5); it cannot be turned off\n"
        "  remove the line, or change policies/_org.yaml:5\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_file_beside_is_sought_in_the_same_folder_only() -> None:
    said = said_of(
        "version: 1\nextends: [_part.yaml]\npolicies: {run-finished: on}\n",
        {"policies/_parts.yaml": MANDATORY, "elsewhere/_part.yaml": MANDATORY},
    )
    assert said == (
        "policies/fraud.yaml:2:11: extends[0]: no file '_part.yaml' is beside this one\n"
        "  did you mean '_parts.yaml'?\n"
        "1 problem found; nothing was evaluated."
    )


# Plugins that must be loaded first


def test_named_plugins_are_the_union_over_files_and_what_they_extend() -> None:
    files = {
        "policies/b.yaml": b"version: 1\nextends: [recommended, _p.yaml]\nplugins: [acme]\n",
        "policies/a.yaml": b"version: 1\nplugins: [zoo, acme]\npolicies: {unknown-yet: on}\n",
    }
    neighbours = {"policies/_p.yaml": b"version: 1\nplugins: [shared]\n", "policies/_q.yaml": b"]"}
    assert named_plugins(files, neighbours) == ("zoo", "acme", "shared")


def test_named_plugins_of_an_unreadable_file_are_an_error() -> None:
    with pytest.raises(PolicyFileError) as caught:
        named_plugins({"p.yaml": b"version: 1\nplugins: acme\n"})
    assert str(caught.value) == (
        "p.yaml:2:10: plugins: expected a list, got 'acme'\n"
        "  write it like plugins: [acme-policies]\n"
        "1 problem found; nothing was evaluated."
    )


# The digest


def test_the_digest_covers_all_that_was_drawn_on_and_nothing_else() -> None:
    text = "version: 1\nextends: [recommended, _p.yaml]\n"
    used = {"policies/_p.yaml": b"version: 1\n"}
    digest = load(text, used).digest

    assert digest.startswith("sha256:")
    assert len(digest) == 71
    assert load(text, {**used, "policies/_unused.yaml": b"]"}).digest == digest
    assert load(text, {"policies/_p.yaml": b"version: 1\n\n"}).digest != digest
    assert load(text + "\n", used).digest != digest
    other = {"recommended": PackText(PACKS["recommended"].path, RECOMMENDED + b"\n")}
    assert load(text, used, other).digest != digest


# From disk


def write(root: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_a_folder_gives_its_yaml_files_not_deeper_without_parts_and_waivers(tmp_path: Path) -> None:
    names = ("b.yml", "a.yaml", "_parts.yaml", "waivers.yaml", "notes.txt", "tests/x.yaml")
    write(tmp_path, {f"policies/{name}": name for name in names})

    files, neighbours = policy_paths(["policies"], tmp_path)

    assert list(files.items()) == [("policies/a.yaml", b"a.yaml"), ("policies/b.yml", b"b.yml")]
    assert neighbours == {
        "policies/_parts.yaml": b"_parts.yaml",
        "policies/waivers.yaml": b"waivers.yaml",
    }


def test_a_folder_of_more_files_than_are_read_of_a_proposal_is_refused(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.yaml").write_text("")
    with pytest.raises(UsageError) as refused:
        policy_paths(["."], tmp_path)
    assert str(refused.value) == "the folder '.' holds more than 500 YAML files"


def test_a_file_has_the_other_files_of_its_folder_as_neighbours(tmp_path: Path) -> None:
    write(tmp_path, {"policies/a.yaml": "a", "policies/b.yaml": "b", "policies/_c.yaml": "c"})

    files, neighbours = policy_paths(["policies/a.yaml", "./policies/a.yaml"], tmp_path)

    assert files == {"policies/a.yaml": b"a"}
    assert neighbours == {"policies/_c.yaml": b"c", "policies/b.yaml": b"b"}


def test_what_lies_outside_of_the_root_is_named_as_it_was_given(tmp_path: Path) -> None:
    write(tmp_path, {"org/a.yaml": "a", "org/_b.yaml": "b", "repo/x.txt": ""})

    files, neighbours = policy_paths(["../org", str(tmp_path / "org/a.yaml")], tmp_path / "repo")

    assert list(files) == ["../org/a.yaml", f"{tmp_path.as_posix()}/org/a.yaml"]
    assert "../org/_b.yaml" in neighbours


def test_an_absolute_path_within_the_root_is_named_relative_to_it(tmp_path: Path) -> None:
    write(tmp_path, {"policies/a.yaml": "a"})
    assert list(policy_paths([str(tmp_path / "policies")], tmp_path)[0]) == ["policies/a.yaml"]


def test_unusable_paths_are_usage_errors(tmp_path: Path) -> None:
    write(tmp_path, {"outside/a.yaml": "a", "repo/empty/_only.yaml": "x", "repo/p/b.yaml": "b"})
    root = tmp_path / "repo"
    (root / "links").mkdir()
    (root / "links/out.yaml").symlink_to(tmp_path / "outside/a.yaml")
    (root / "folder").symlink_to(tmp_path / "outside")
    (root / "broken").mkdir()
    (root / "broken/gone.yaml").symlink_to(root / "nothing")
    (root / "p/ok.yaml").symlink_to(root / "p/b.yaml")
    (root / "pipe").mkdir()
    os.mkfifo(root / "pipe/a.yaml")
    long = "x" * 300
    said = {}
    for path in ("nowhere", "empty", "links", "folder", "broken", "pipe", long):
        with pytest.raises(UsageError) as caught:
            policy_paths([path], root)
        said[path] = str(caught.value)

    assert said == {
        "nowhere": "there is no policy file or folder 'nowhere'",
        "empty": "the folder 'empty' has no policy file (*.yaml or *.yml)",
        "links": "'links/out.yaml' is a link that leads out of the repository",
        "folder": "'folder/a.yaml' is a link that leads out of the repository",
        "broken": "'broken/gone.yaml' is a link to nothing",
        "pipe": "'pipe/a.yaml' is not a file that can be read",
        long: f"'{long}' cannot be read: File name too long",
    }
    assert set(policy_paths(["p"], root)[0]) == {"p/b.yaml", "p/ok.yaml"}


def test_an_absolute_path_below_the_folder_of_the_call_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.yaml").write_text("version: 1\n")
    monkeypatch.chdir(tmp_path)
    assert list(policy_paths([str(tmp_path / "rules")], Path())[0]) == ["rules/a.yaml"]


# The packs


# Laws

WORDS = st.sampled_from(
    "version extends policies run-finished model-size-budget cost-per-point level mandatory "
    "max_size 200MB off on null 1 1e-3 2027-01-01 baseline alias metric name goal point f1 best "
    "within prices evidence names candidate paths applies_to tags first_run plugins "
    "recommended _p.yaml policy why enforce_from when on_missing skip broken-policy".split()
)
SCALARS = WORDS | st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
SECTIONS = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional=dict.fromkeys(
        "extends plugins applies_to metric candidate baseline first_run prices evidence".split(),
        TREES,
    )
    | {
        "policies": st.dictionaries(
            st.sampled_from(sorted(OFFERED)), st.dictionaries(WORDS, TREES, max_size=3) | SCALARS
        )
    },
)


def only_loads_or_explains(text: bytes) -> None:
    said = "found; nothing was evaluated."
    try:
        load(text, {"policies/_p.yaml": MANDATORY})
    except PolicyFileError as error:
        said = str(error)
    assert said.endswith("found; nothing was evaluated.")


@given(st.text().map(str.encode) | st.binary())
@settings(max_examples=300, deadline=None)
def test_any_text_loads_or_is_explained(text: bytes) -> None:
    only_loads_or_explains(text)


@given(TREES | SECTIONS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_yaml_loads_or_is_explained(tree: Any) -> None:
    import yaml

    only_loads_or_explains(yaml.safe_dump(tree, allow_unicode=True).encode())


SIZES = st.fixed_dictionaries(
    {"max_size": st.sampled_from(["1MB", "2MB"])},
    optional={
        "max_growth": st.sampled_from(["1%", "2%"]),
        "why": st.sampled_from(["a", "b"]),
        "on_missing": st.sampled_from(["warn", "block"]),
        "level": st.sampled_from(["advisory", "overridable"]),
    },
)


def flow(settings: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in settings.items()) + "}"


@given(SIZES, SIZES)
@settings(deadline=None)
def test_a_file_wins_over_its_pack_setting_by_setting(
    pack: dict[str, str], own: dict[str, str]
) -> None:
    text = "version: 1\npolicies: {model-size-budget: %s}\n"
    packs = {"p": PackText("p", (text % flow(pack)).encode())}
    merged = load("extends: [p]\n" + text % flow(own), packs=packs).files[0].bindings[0]
    written = load(text % flow({**pack, **own})).files[0].bindings[0]

    def meaning(binding: Any) -> tuple[Any, ...]:
        return binding.policy, binding.keys.level, binding.keys.on_missing, binding.keys.why

    assert meaning(merged) == meaning(written)


@given(
    st.permutations(
        [
            "version: 1",
            "metric: {name: f1}",
            "first_run: on",
            "extends: [recommended]",
            "policies: {cost-per-point: {max_cost_per_point: 1 USD}}",
        ]
    )
)
@settings(deadline=None)
def test_the_order_of_keys_does_not_matter(lines: list[str]) -> None:
    file = load_one("\n".join(lines))
    assert [b.id for b in file.bindings] == [
        "run-finished",
        "model-size-budget",
        "min-useful-gain",
        "cost-per-point",
    ]
    assert (file.metric, file.first_run) == (MetricSetting(name="f1"), True)
