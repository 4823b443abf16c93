"""The JSON Schemas that editors get: they accept what is valid and refuse common mistakes.

The validator is not ours: `jsonschema`, and `check-jsonschema` with a YAML 1.2 reader of its own.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from policy_engine import plugins
from policy_engine.cli import catalogue
from policy_engine.cli.init.texts import first_test
from policy_engine.policy_file import PolicyFileError, load_policies
from policy_engine.policy_file.schema import policy_file_schema, waivers_schema
from policy_engine.policy_file.setting_kinds import written
from policy_engine.policy_tests.schema import policy_tests_schema
from tests.cli.test_init import PROPOSAL
from tests.command import Project, command
from tests.pages import Block
from tests.plugin_factory import Site, on_the_path, policy_module
from tests.policy_file.test_policy_file import OFFERED, PACKS
from tests.test_docs import POLICY_FILES
from tests.test_docs import _whole as whole

ROOT = Path(__file__).parents[2]
INVALID = Path(__file__).parent / "invalid"
LOADED = plugins.load_plugins()
RULES = LOADED.baseline_rules
SCHEMA = policy_file_schema(LOADED.policies, LOADED.packs, RULES)
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
OF_TESTS = Draft202012Validator(policy_file_schema(OFFERED, PACKS, RULES))
OF_WAIVERS = Draft202012Validator(waivers_schema())


def _json(value: Any) -> Any:
    """Return YAML values as an editor sees them: days are text."""
    if isinstance(value, dict):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_json(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def mistakes(text: str, validator: Draft202012Validator = VALIDATOR) -> list[str]:
    return [error.message for error in validator.iter_errors(_json(yaml.safe_load(text)))]


@pytest.mark.parametrize(
    "schema",
    [SCHEMA, waivers_schema(), policy_tests_schema()],
    ids=["policies", "waivers", "tests"],
)
def test_it_is_a_json_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("pack", sorted(LOADED.packs))
def test_the_packs_are_valid(pack: str) -> None:
    assert mistakes(LOADED.packs[pack].text.decode()) == []


@pytest.mark.parametrize("name", sorted(LOADED.policies))
def test_the_example_of_every_policy_is_valid(name: str) -> None:
    assert mistakes(catalogue.describe(name, LOADED.policies).example) == []


@pytest.mark.parametrize("name", sorted(LOADED.policies))
def test_every_default_and_example_of_a_setting_is_one_that_the_schema_admits(name: str) -> None:
    fields = LOADED.policies[name].policy.model_fields
    properties = SCHEMA["$defs"][f"{name} settings"]["properties"]
    for setting, field in fields.items():
        schema = properties[setting]
        assert schema["description"].startswith(field.description or "…")
        check = Draft202012Validator({**schema, "$defs": SCHEMA["$defs"]})
        given = [schema["default"]] if "default" in schema else []
        for value in (*given, *schema["examples"]):
            assert not list(check.iter_errors(value)), (setting, value)
        if not field.is_required():
            default = field.get_default(call_default_factory=True, validated_data={})
            as_written = written(field, default)
            assert schema["default"] == ("off" if as_written is None else as_written)


@pytest.mark.parametrize(
    "block", [b for b in POLICY_FILES if not {"invalid", "plugin"} & set(b.marks)], ids=str
)
def test_the_policy_files_of_the_docs_are_valid(block: Block) -> None:
    assert mistakes(whole(block.text).decode()) == []


NOT_SEEN = {
    # what only the text tells: YAML itself, and how a value was written
    "broken_yaml", "colon_in_text", "date_that_does_not_exist", "duplicate_key",
    "backslash_in_double_quotes", "merge_key", "no_break_space", "not_utf8",
    "python_tag", "recursive_alias", "tabs",
    "two_documents",
    # what only another file tells
    "extends_a_wrong_part", "extends_itself", "mandatory_overridden", "mistake_in_a_pack",
    "off_where_nothing_was_bound", "pack_that_holds_too_much",
    "everything_off", "nothing_bound",
    # what several settings come to together, or what plugins know
    "broken_plugin", "enforce_from_advisory", "metric_against_its_name",
    "metric_without_direction", "settings_that_contradict", "softened_mandatory",
    "waiver_date_that_does_not_exist",
    "when_on_mandatory",
}  # fmt: skip


BOMB = "billion_laughs"  # PyYAML would unfold it
MISTAKES = sorted(p.stem for p in INVALID.glob("[!_]*.yaml") if p.stem != BOMB)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_the_loader_refuses_the_schema_refuses_but_for_what_it_cannot_see(
    mistake: str,
) -> None:
    try:
        text = (INVALID / f"{mistake}.yaml").read_text("utf-8")
        found = mistakes(text, OF_TESTS)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        found = []
    is_seen = mistake not in NOT_SEEN
    assert bool(found) is is_seen, f"{found}: teach the schema, or name it in NOT_SEEN"


@pytest.mark.parametrize(
    "text",
    [
        "policies: {run-finished: off}",
        "policies: {cost-per-point: {level: mandatory}}",
        "policies: {of-our-own: {max: 40ms}}",
        'policies: {run-finished: "on"}',
        "policies: {code-lineage: {policy: metric-threshold, metric: a, min: 1}}",
        "policies: {no-regression: {enforce_from: 2027-01-01, fallback: off, spend: yes}}",
        "policies: {no-regression: {enforce_from: off, margin: 0.01}}",
        "policies: {eu: {policy: latency-percentile-budget, max: 50ms, percentile: 99}}",
        "candidate: {paths: [a, '*', 'b/**', c.txt, .github/x, '**/*.py', 'a/**/b c.py', ..x]}",
        "baseline: [{alias: champion}, {run: abc}, {commit: merge-base}, {best: {within: 90d}}]",
    ],
)
def test_what_is_valid_over_another_file_is_no_mistake(text: str) -> None:
    assert mistakes(f"version: 1\nextends: [_org.yaml]\n{text}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "policies: {run-finishd: on}",
        "policies: {cost-per-point: on}",
        "policies: {cost-per-point: {level: mandatory}}",
        "policies: {of-our-own: {max: 40ms}}",
        "policies: {of-our-own: {policy: run-finishd}}",
        "policies: {of-our-own: {policy: cost-per-point}}",
        "policies: {cost-per-point: {max_cost_per_point: 50}}",
        "policies: {cost-per-point: {max_cost_per_point: 50 dollars}}",
        "policies: {model-size-budget: {max_sise: 200MB}}",
        "policies: {model-size-budget: {max_size: 200 megabytes}}",
        "policies: {metric-threshold: {metric: a, min: 0.9, level: mandatroy}}",
        "policies: {metric-threshold: {metric: 3, min: 0.9}}",
        "policies: {metric-threshold: {metric: a, min: '0.9'}}",
        "policies: {four-fifths: {attributes: [sex], favourable: a, min_ratio: 1.5}}",
        "policies: {run-finished: {on_missing: never}}",
        "policies: {run-finished: {enforce_from: tomorrow}}",
        "policies: {run-finished: }",
        "policies: [run-finished]",
        "extends: [recomended]",
        "extends: [../x.yaml]",
        "extends: recommended",
        "metric: val_f1",
        "metric: {goal: maximize}",
        "metric: {name: a, goal: up}",
        "applies_to: {}",
        "applies_to: {modell: a}",
        "baseline: {alias: champion}",
        "baseline: [{alias: champion, run: a}]",
        "baseline: [{best: 90d}]",
        "candidate: {paths: ['training/']}",
        "prices: {default: 0.5}",
        "evidence: {name: {a: b}}",
        "first_run: maybe",
        "polices: {run-finished: on}",
        "waivers: [{id: a, reason: b}]",
    ],
)
def test_a_common_mistake_is_refused(text: str) -> None:
    rest = "" if "polic" in text else "policies: {run-finished: on}\n"
    assert mistakes(f"version: 1\n{text}\n{rest}")
    files = {"p.yaml": f"version: 1\n{text}\n{rest}".encode()}
    with pytest.raises(PolicyFileError):
        load_policies(files, LOADED.policies, LOADED.packs, rules=RULES)


def test_a_baseline_rule_that_nobody_resolves_is_refused() -> None:
    assert mistakes("version: 1\nbaseline: [{aliass: a}]\npolicies: {run-finished: on}\n")


@pytest.mark.parametrize("version", ["", "version: 2\n", 'version: "1"\n'])
def test_another_version_is_refused(version: str) -> None:
    assert mistakes(f"{version}policies: {{run-finished: on}}\n")


WAIVER = (
    '{id: a, model: "fraud-*", ceiling: 70 USD, reason: r, owner: "@ana", approved_by: "@ben", '
    "ticket: ML-12, expires: 2027-01-31}"
)


def test_waivers_are_described_too() -> None:
    assert mistakes(f"version: 1\nwaivers:\n  - {WAIVER}\n", OF_WAIVERS) == []
    assert mistakes(f"version: 1\npolicies: {{run-finished: on}}\nwaivers: [{WAIVER}]\n") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("expires: 2027-01-31", "expires: soon"),
        (", expires: 2027-01-31", ""),
        ("ticket: ML-12", "tickt: ML-12"),
        ('model: "fraud-*", ', ""),
        ('model: "fraud-*"', "model: a, run: b"),
    ],
)
def test_a_waiver_with_a_mistake_is_refused(old: str, new: str) -> None:
    assert old in WAIVER
    assert mistakes(f"version: 1\nwaivers:\n  - {WAIVER.replace(old, new)}\n", OF_WAIVERS)


OF_CASES = Draft202012Validator(policy_tests_schema())
CASE = """\
version: 1
policy_file: ../fraud.yaml
cases:
  - name: a case
    evidence:
      candidate: {metrics: {val_f1: 0.9, auc: {invalid: NaN}}, model: {size: 1MB}, duration: 2h}
      history: [{status: FAILED}]
    expect: {run-finished: pass, model-size-budget: [{outcome: fail, part: size, effect: block}]}
"""


def test_policy_tests_are_described_too() -> None:
    assert mistakes(CASE, OF_CASES) == []
    for path in sorted((ROOT / "policies/tests").glob("*.yaml")):
        assert mistakes(path.read_text("utf-8"), OF_CASES) == [], path.name
    text = first_test(PROPOSAL)
    assert mistakes(text, OF_CASES) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("policy_file:", "policy_fil:"),
        ("candidate:", "candidat:"),
        ("metrics:", "metric:"),
        ("size: 1MB", "sise: 1MB"),
        ("run-finished: pass", "run-finished: passed"),
        ("effect: block", "effect: blocks"),
        ("outcome: fail, ", ""),
        ("    expect:", "    expects:"),
    ],
)
def test_a_policy_test_with_a_mistake_is_refused(old: str, new: str) -> None:
    assert old in CASE
    assert mistakes(CASE.replace(old, new, 1), OF_CASES)


# The command, and tools that are not ours


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        ([], SCHEMA),
        (["--of", "waivers"], waivers_schema()),
        (["--of", "tests"], policy_tests_schema()),
    ],
)
def test_the_command_prints_it(arguments: list[str], schema: dict[str, Any]) -> None:
    told = command("schema", *arguments)
    assert (told.code, told.err) == (0, "")
    assert json.loads(told.out) == schema


def test_the_plugins_that_policy_files_name_take_part(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.policy("version: 1\nplugins: [acme-policies]\npolicies: {half-writ: {}}\n")
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        site.install(policy_module("yield"))
        made = json.loads(command("schema", "policies").out)
    assert "acme-rule" in made["properties"]["policies"]["properties"]
    assert "acme-rule" not in SCHEMA["properties"]["policies"]["properties"]


def test_a_plugin_that_resolves_baselines_makes_rules_of_its_own_valid() -> None:
    text = "version: 1\nbaseline: [{acme-golden: eu}]\npolicies: {run-finished: on}\n"
    any_rule = replace(RULES, any_other=True)
    open_to_all = policy_file_schema(LOADED.policies, LOADED.packs, any_rule)
    assert mistakes(text)
    assert mistakes(text, Draft202012Validator(open_to_all)) == []


@pytest.mark.newest
def test_the_packs_say_where_an_editor_finds_the_schema() -> None:
    for pack in sorted((ROOT / "policies").glob("*.yaml")):
        first = pack.read_text("utf-8").splitlines()[0]
        assert first == "# yaml-language-server: $schema=../docs/schema/policy-file.json"
    assert json.loads((ROOT / "docs/schema/policy-file.json").read_text("utf-8")) == SCHEMA


KEPT = str(ROOT / "docs/schema/policy-file.json")


def _checked(*files: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--schemafile", KEPT, *files],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.newest
def test_a_tool_with_its_own_yaml_reader_agrees(tmp_path: Path) -> None:
    good = sorted(map(str, (ROOT / "policies").glob("*.yaml")))
    done = _checked(*good)
    assert done.returncode == 0, done.stdout
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 1\npolicies: {model-size-budget: {max_sise: 1MB}}\n")
    done = _checked(str(bad))
    assert done.returncode == 1
    assert "'max_sise' was unexpected" in done.stdout


def test_other_repositories_can_have_their_policy_files_validated_before_each_commit() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert {"id", "name", "entry", "language"} <= set(hook)  # what pre-commit requires
    assert set(hook) <= {
        *("id", "name", "entry", "language", "description", "files", "pass_filenames")
    }
    assert hook["language"] == "python"
    assert re.search(hook["files"], "policies/fraud.yaml")
    assert not re.search(hook["files"], "policies/readme.md")
    words = shlex.split(hook["entry"])
    assert words[0] == "policy-engine"
    assert words[1:] == ["validate"]
