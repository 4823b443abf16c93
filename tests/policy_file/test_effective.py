"""`explain --effective`: what a policy file comes to, and where each value of it comes from."""

from pathlib import Path
from textwrap import dedent

import pytest

from policy_engine import plugins
from policy_engine.policy_file import Binding, PolicyFile, load_policies
from policy_engine.policy_file.effective import WIDTH
from tests.command import Project, command

FRAUD = """\
version: 1
extends: [recommended, _org.yaml]
applies_to: {model: "fraud-*", tags: {region: "eu"}}
metric: {name: val_f1, goal: maximize}
candidate: {paths: ["training/**", "requirements.txt", "features/**/*.py"]}
baseline:
  - alias: champion
  - best: {within: 90d}
prices: {ml.g5.xlarge: 1.41 USD/h}
evidence: {names: {cost.total: my_cost}, max_text: 1MB}
policies:
  model-size-budget: {max_size: 150MB}
  pii-columns: off
  f1-floor:
    policy: metric-threshold
    metric: "yes"
    min: 0.90
    level: mandatory
    enforce_from: 2027-01-01
    when: 'candidate.tags["region"] == "eu"'
    why: "below this the review team reads everything again: they are three, and it takes a day"
  deep-margin: {deep: [pytorch, tensorflow, keras, transformers, sentence_transformers, "on"]}
"""
ORG = """\
version: 1
prices: {default: 0.50 USD/h}
policies:
  model-size-budget:
    max_size: 200MB
    level: mandatory
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return Project(tmp_path)


def test_every_value_stands_with_its_file_and_line(project: Project) -> None:
    project.policy(
        "version: 1\nextends: [_org.yaml]\nmetric: {name: val_f1}\npolicies:\n"
        "  model-size-budget: {max_growth: 10%}\n  run-finished: {why: it must}\n"
        "  baseline-logged: off\n"
    )
    project.policy(ORG + "  baseline-logged: on\n", "policies/_org.yaml")
    told = command("explain", "--effective")
    assert (told.code, told.err) == (0, "")
    assert told.out == dedent("""\
        # policies/fraud.yaml with all that it extends.
        # Behind each value stands where it comes from.
        version: 1
        metric: {name: val_f1}          # policies/fraud.yaml:3
        prices:
          default: 0.50 USD/h           # policies/_org.yaml:2
        policies:
          model-size-budget:            # policies/fraud.yaml:5
            max_size: 200MB             # policies/_org.yaml:5
            max_growth: 10%             # policies/fraud.yaml:5
            growth_from: 10MB           # default
            growth_waived_if_gain: off  # default
            level: mandatory            # policies/_org.yaml:6
            on_missing: block           # default
            on_inconclusive: warn       # default
          run-finished:                 # policies/fraud.yaml:6
            allow_status: [FINISHED]    # default
            level: overridable          # default
            on_missing: block           # default
            on_inconclusive: warn       # default
            why: it must                # policies/fraud.yaml:6
        # turned off: baseline-logged (policies/fraud.yaml:7)
        """)


def test_packs_are_named_and_so_are_required_ones(project: Project) -> None:
    project.policy("version: 1\nextends: [recommended]\n")
    told = command("explain", "--effective", "--require", "strict")
    head = told.out.splitlines()[:6]
    assert head == [
        "# policies/fraud.yaml with all that it extends.",
        "# Behind each value stands where it comes from.",
        "# recommended: recommended (pack of policy-engine[general])",
        "# strict: strict (pack of policy-engine[general])",
        "# required, beneath all else: strict",
        "version: 1",
    ]
    lines = told.out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("  train-cost-budget:"))
    binding = [line.split() for line in lines[at + 1 : at + 11]]
    assert ["on_missing:", "block", "#", "default"] in binding  # the pack that is extended skips


def test_it_is_readable_at_80_columns(project: Project) -> None:
    project.policy(FRAUD)
    project.policy(ORG, "policies/_org.yaml")
    out = command("explain", "--effective").out
    assert max(map(len, out.splitlines())) <= WIDTH == 80


def _same(one: PolicyFile, other: PolicyFile) -> None:
    def what(binding: Binding) -> tuple[object, ...]:
        when = binding.keys.when and binding.keys.when.text
        keys = binding.keys.model_dump(exclude={"when"})
        return (binding.id, binding.policy, keys, when)

    assert [what(b) for b in one.bindings] == [what(b) for b in other.bindings]
    for name in ("metric", "applies_to", "candidate", "evidence", "baseline", "prices"):
        assert getattr(one, name) == getattr(other, name)
    assert one.first_run == other.first_run


@pytest.mark.parametrize(
    "text",
    [
        FRAUD,
        "version: 1\nextends: [recommended]\n",
        "version: 1\nextends: [strict]\nfirst_run: true\n",
        "version: 1\nextends: [advisory]\ncandidate: {model_name: 'on'}\n",
    ],
    ids=["everything", "recommended", "strict", "advisory"],
)
def test_what_is_printed_is_a_policy_file_that_means_the_same(project: Project, text: str) -> None:
    project.policy(text)
    project.policy(ORG, "policies/_org.yaml")
    printed = command("explain", "--effective").out.encode()
    offered = plugins.load_plugins()
    beside = {"p/_org.yaml": ORG.encode()}
    (as_written,) = load_policies(
        {"p/f.yaml": text.encode()}, offered.policies, offered.packs, beside
    ).files
    (as_printed,) = load_policies({"p/f.yaml": printed}, offered.policies, {}).files
    _same(as_written, as_printed)


def test_several_files_come_one_after_the_other(project: Project) -> None:
    for name in "ab":
        project.policy("version: 1\npolicies: {run-finished: on}\n", f"p/{name}.yaml")
    out = command("explain", "--effective", "p").out
    assert out.count("with all that it extends") == 2
    assert "\n\n# p/b.yaml with all" in out


def test_a_file_that_is_wrong_is_told_as_ever(project: Project) -> None:
    project.policy("version: 1\npolicies: {run-finishd: on}\n")
    told = command("explain", "--effective")
    assert (told.code, told.out) == (2, "")
    assert "did you mean 'run-finished'?" in told.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a policy, or say --effective for what policy files come to"),
        (
            ["run-finished", "--require", "strict"],
            "--require goes with --effective: a policy is the same in every pack",
        ),
    ],
)
def test_explain_says_what_it_needs(project: Project, arguments: list[str], message: str) -> None:
    told = command("explain", *arguments)
    assert told.code == 2
    assert told.err.splitlines()[-1] == f"Error: {message}"
