"""What a plugin's author gets wrong is one sentence: where it stands, and what is right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from policy_engine import plugins
from policy_engine.errors import PluginError
from policy_engine.plugins.policies import mistakes_of
from policy_engine.testing import bind, judge
from tests.command import Project, candidate, command, evidence
from tests.plugin_factory import HEAD, Site, on_the_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy_engine.policy import Policy


def line_of(text: str) -> int:
    """Return the line of the right plugin that begins with a text."""
    (line,) = [n for n, each in enumerate(RIGHT.splitlines(), 1) if each.strip().startswith(text)]
    return line


ACME = "plugin acme-policies[acme] 1.2.0"
RIGHT = (
    HEAD
    + '''\
from typing import Annotated, Literal

from policy_engine.quantities import (
    Bytes, Duration, Number, Percent, Points, Price, Tighter, parse_duration,
)


class AcmeRule(Policy, name="acme-rule"):
    """The model is as the team wants it."""

    needs = Needs.RUN
    limit: Annotated[Duration, Tighter.LOWER] = Field(
        default=parse_duration("2h"), description="Longest training (s)."
    )

    def evaluate(self, case):
        yield Finding.judge(
            case.candidate.duration, "<=", self.limit, "training time", remedy="train for less"
        )


@hookimpl
def register_policies():
    return [AcmeRule]
'''
)
LIMIT = RIGHT[RIGHT.index("    limit:") : RIGHT.index("\n    def evaluate")]
JUDGE = RIGHT[RIGHT.index("        yield Finding.judge") : RIGHT.index("\n\n@hookimpl")]
DEFINITION = "    def evaluate(self, case):\n"
HOOK = RIGHT[RIGHT.index("@hookimpl") :]
LAST = "(report):\n    pass\n"


class Mistake(NamedTuple):
    """What stands instead of something right, and what is said of it.

    `#!` marks the line that is named; `(#)` stands for it where it is not at the
    beginning, `(#l)` for the line below.
    """

    old: str
    new: str
    said: str
    beside: tuple[str, str] = ("", "")


def setting(kind: str, said: str, field: str = 'description="A limit."') -> Mistake:
    """Return the mistake of one setting."""
    return Mistake(LIMIT, f"    limit: {kind} = Field({field})  #!\n", f"setting 'limit' {said}")


def body(line: str, said: str, old: str = JUDGE) -> Mistake:
    """Return the mistake of what a policy yields."""
    return Mistake(old, f"        {line}  #!\n", said)


def returned(line: str, said: str) -> Mistake:
    """Return the mistake of an `evaluate` that returns; its first line is named."""
    new = f"    def evaluate(self, case):  #!\n        {line}\n"
    return Mistake(DEFINITION + JUDGE, new, f"evaluate of 'acme-rule' {said}")


def defined(signature: str, said: str) -> Mistake:
    """Return the mistake of how `evaluate` is defined."""
    return Mistake(DEFINITION, f"    {signature}  #!\n", f"evaluate of 'acme-rule' {said}")


def hook(source: str, said: str) -> Mistake:
    """Return the mistake of a hook."""
    return Mistake(HOOK, source, said)


FOUND = "outcome=Outcome.PASS, message='fine'"
VALUE = f"yield Finding({FOUND}, measured=Measurement"
REMEDY = (
    "this finding can fail and has no remedy: say what to do first, "
    'as in `remedy="train on approved data"`'
)
PLAIN = "write def evaluate(self, case)"
NUMBERS = "which is for numbers, quantities, words of a Literal, and mappings to them"

MISTAKES = {
    # The class.
    "a name that is not kebab-case": Mistake(
        'class AcmeRule(Policy, name="acme-rule"):',
        'class AcmeRule(Policy, name="Acme Rule"):  #!',
        "failed to import (#): PluginError: "
        "policy name 'Acme Rule' is not kebab-case, such as model-size-budget",
    ),
    "no name": Mistake(
        'class AcmeRule(Policy, name="acme-rule"):',
        "class AcmeRule(Policy):  #!",
        'AcmeRule has no name: write class AcmeRule(Policy, name="…")',
    ),
    "no docstring": Mistake(
        ':\n    """The model is as the team wants it."""\n',
        ":  #!\n",
        "policy 'acme-rule' has no docstring: say what is true of a model that passes",
    ),
    "needs as text": Mistake(
        "needs = Needs.RUN",
        'needs = "run"  #!',
        "needs is 'run': write needs = Needs.RUN",
    ),
    "needs as a list": Mistake(
        "needs = Needs.RUN",
        "needs = [Needs.RUN, Needs.MODEL]  #!",
        "needs is [<Needs.RUN: 1>, <Needs.MODEL: 2>]: write needs = Needs.RUN | Needs.MODEL",
    ),
    "needs as a setting": Mistake(
        "needs = Needs.RUN",
        "needs: Needs = Needs.RUN  #!",
        "needs is declared as a setting: write needs = Needs.RUN, without its type",
    ),
    # `evaluate`.
    "no evaluate": Mistake(
        'name="acme-rule"):\n    """The model is as the team wants it."""\n\n'
        + RIGHT[RIGHT.index("    needs") : RIGHT.index("    def evaluate")]
        + DEFINITION,
        'name="acme-rule"):  #!\n    """The model is as the team wants it."""\n\n'
        "    def judge(self, case):\n",
        "policy 'acme-rule' has no evaluate: " + PLAIN,
    ),
    "an async evaluate": defined(
        "async def evaluate(self, case):", "is async, and nobody awaits it: " + PLAIN
    ),
    "an evaluate without the case": defined("def evaluate(self):", "takes (self): " + PLAIN),
    "an evaluate that wants more": defined(
        "def evaluate(self, case, limit):", "takes (self, case, limit): " + PLAIN
    ),
    "a static evaluate": defined(
        "@staticmethod  #!\n    def evaluate(self, case):", "is no method: " + PLAIN
    ),
    "return None": returned("return None", "returns None (#l): yield at least one finding"),
    "return of a finding": returned(f"return Finding({FOUND})", "returns a finding (#l): yield it"),
    "neither yield nor return": returned(
        f"Finding({FOUND})", "yields nothing: yield at least one finding"
    ),
    # Settings.
    "a setting without a description": setting(
        "Duration", 'has no description: write Field(description="…"), with its unit', ""
    ),
    "a setting with the name of a key": Mistake(
        LIMIT,
        "    level: int = 3  #!\n",
        "setting 'level' has the name of a key of the engine: choose another name",
    ),
    "a quantity's default as people write it": setting(
        "Duration",
        "has the default '2h', which Duration does not have at run time: "
        'write parse_duration("2h")',
        'default="2h", description="A limit."',
    ),
    "a quantity's default as a bare number": setting(
        "Price | None",
        'has the default 50, which Price does not have at run time: write parse_money("50 USD")',
        'default=50, description="A limit."',
    ),
    "an entry's default as people write it": setting(
        "dict[str, Duration]",
        (
            "has the default '2h', which Duration does not have at run time: "
            'write parse_duration("2h")'
        ),
        'default={"all": "2h"}, description="A limit."',
    ),
    "a number's default as a float": setting(
        "Number",
        'has the default 0.9, which Number does not have at run time: write Decimal("0.9")',
        'default=0.9, description="A limit."',
    ),
    "a default of none where there must be a value": setting(
        "Bytes",
        "has the default None, which its type does not admit: write Bytes | None",
        'default=None, description="A limit."',
    ),
    "a default that the setting itself refuses": setting(
        "int",
        "has the default 0, which it does not admit itself: "
        "Input should be greater than or equal to 1",
        'default=0, ge=1, description="A limit."',
    ),
    "a setting of a type that is not there": Mistake(
        'class AcmeRule(Policy, name="acme-rule"):',
        'class AcmeRule(Policy, name="acme-rule"):  #!',
        "the settings of 'acme-rule' cannot be read: name 'Sise' is not defined",
        (LIMIT, '    limit: "Sise" = Field(description="A limit.")\n'),
    ),
    "a list that gets lower": setting(
        "Annotated[tuple[str, ...], Tighter.LOWER]",
        f"cannot be Tighter.LOWER, {NUMBERS}: write Tighter.FEWER or MORE",
    ),
    "a switch that gets higher": setting(
        "Annotated[bool, Tighter.HIGHER]",
        f"cannot be Tighter.HIGHER, {NUMBERS}: write Tighter.ON or OFF",
    ),
    "a quantity that gets fewer": setting(
        "Annotated[Percent | None, Tighter.FEWER]",
        "cannot be Tighter.FEWER, which is for lists and mappings: write Tighter.LOWER or HIGHER",
    ),
    "a distance that is on": setting(
        "Annotated[Points, Tighter.ON]",
        "cannot be Tighter.ON, which is for switches (bool): write Tighter.LOWER or HIGHER",
    ),
    "a text that gets lower": setting(
        "Annotated[str, Tighter.LOWER]",
        f"cannot be Tighter.LOWER, {NUMBERS}: leave the direction out",
    ),
    "Tighter without a direction": setting(
        "Annotated[Bytes, Tighter]",
        "is annotated with Tighter itself: name a direction, such as Tighter.LOWER",
    ),
    "two directions": setting(
        "Annotated[Bytes, Tighter.LOWER, Tighter.HIGHER]",
        "has 2 directions (Tighter.LOWER, Tighter.HIGHER): give one",
    ),
    # Findings.
    "an operator that there is not": body(
        'yield Finding.judge(case.candidate.duration, "=<", self.limit, "time", remedy="less")',
        "there is no operator '=<': choose from <=, >=, <, >",
    ),
    "a limit that is a float": body(
        'yield Finding.judge(case.candidate.duration, "<=", 0.5, "time", remedy="less")',
        'the limit 0.5 is a float, which is not exact: write Decimal("0.5"), '
        "or make it a setting of the type Number",
    ),
    "a judgement without a remedy": body(
        'yield Finding.judge(case.candidate.duration, "<=", self.limit, "time")', REMEDY
    ),
    "a failure without a remedy": body(
        "yield Finding(outcome=Outcome.FAIL, message='slow')", REMEDY
    ),
    "a finding that fails in one case, without a remedy": body(
        "yield Finding(Outcome.PASS if self.limit else Outcome.FAIL, 'slow')", REMEDY
    ),
    "an outcome as text": body(
        "yield Finding(outcome='not-applicable', message='fine')",
        "the outcome is the text 'not-applicable': write Outcome.NOT_APPLICABLE",
    ),
    "a float in a measurement": body(
        f"{VALUE}(0.5, 'rows'))", '0.5 is of the type float: write Decimal("0.5")'
    ),
    "an int in a measurement": body(
        f"{VALUE}(value=-3, unit='rows'))", "-3 is of the type int: write Decimal(-3)"
    ),
    "a float that is made": body(
        f"{VALUE}(float(case.candidate.run_id), 'rows'))",
        "float(…) is not exact: write `exact(…)` of policy_engine.quantities",
    ),
    "a unit that no ceiling can have": body(
        f"yield Finding({FOUND}, limit=Limit(Decimal(3), 'ms'))",
        "the unit is 'ms', in which no waiver can have a ceiling: "
        "give the value in 's'; messages show it in the unit that fits",
    ),
    # Hooks.
    "a hook that is not marked": hook(
        "def report_ready(report):  #!\n    pass\n",
        "report_ready is not marked: write @hookimpl above it",
    ),
    "a hook that there is not": hook(
        "@hookimpl  #!\ndef report_redy" + LAST,
        "there is no hook 'report_redy'; did you mean 'report_ready'?",
    ),
    "an argument that the hook lacks": hook(
        "@hookimpl  #!\ndef resolve_baseline(rule, run):\n    return None\n",
        "resolve_baseline has no argument 'run'; it takes rule, candidate and tracking",
    ),
    "an argument where there is none": hook(
        "@hookimpl  #!\ndef register_packs(config):\n    return {}\n",
        "register_packs has no argument 'config'; it takes none",
    ),
    "keyword-only parameters": hook(
        "@hookimpl  #!\ndef report_ready(*, report):\n    pass\n",
        "report_ready has keyword-only parameters, which no plugin is given: remove the `*`",
    ),
    "an async hook": hook(
        "@hookimpl  #!\nasync def report_ready" + LAST,
        "report_ready is async, and nobody awaits it: write a plain function",
    ),
    "no hook at all": Mistake(
        "import sys\n",
        "import sys  #!\n",
        "it implements no hook: mark its functions with @hookimpl",
        ("@hookimpl\ndef register_policies", "def policies"),
    ),
    "policies that are forgotten": hook(
        "@hookimpl  #!\ndef register_policies():\n    [AcmeRule]\n",
        "register_policies returned None: return a list of policy classes",
    ),
    "a policy instead of its class": Mistake(
        'class AcmeRule(Policy, name="acme-rule"):',
        'class AcmeRule(Policy, name="acme-rule"):  #!',
        "AcmeRule(…) is one policy with settings: give AcmeRule",
        ("[AcmeRule]", "[AcmeRule()]"),
    ),
    "packs in a list": hook(
        "@hookimpl  #!\ndef register_packs():\n    return ['acme.yaml']\n",
        "register_packs returned ['acme.yaml']: "
        'return a mapping such as {"acme": Path(__file__).with_name("acme.yaml")}',
    ),
    "formats that are no functions": hook(
        "@hookimpl  #!\ndef register_renderers():\n    return {'acme': 'text'}\n",
        "register_renderers returned {'acme': 'text'}: "
        'return a mapping such as {"acme": function_from_report_to_text}',
    ),
    # The module.
    "a module that breaks as it is imported": hook(
        "LIMIT = 1 / 0  #!\n", "failed to import (#): ZeroDivisionError: division by zero"
    ),
    "a module that is no Python": hook(
        "def register_policies()  #!\n", "failed to import (#): SyntaxError: expected ':'"
    ),
}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        yield site


def refused(site: Site, source: str) -> str:
    """Return why a plugin with this source does not load."""
    site.install(source)
    with pytest.raises(PluginError) as refusal:
        plugins.load_plugins(["acme-policies"])
    return str(refusal.value)


def test_39_mistakes_and_more_are_told() -> None:
    assert len(MISTAKES) >= 39


def test_a_plugin_without_a_mistake_loads(site: Site) -> None:
    site.install(RIGHT)
    assert "acme-rule" in plugins.load_plugins(["acme-policies"]).policies


@pytest.mark.filterwarnings("ignore:Field name")  # pydantic warns of the field `needs`
@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_sentence_with_its_line_and_the_right_form(
    site: Site, mistake: Mistake
) -> None:
    for old in (mistake.old, mistake.beside[0]):
        assert old in RIGHT, "the mistake is made"
    source = RIGHT.replace(mistake.old, mistake.new).replace(*mistake.beside)
    (line,) = [n for n, text in enumerate(source.splitlines(), 1) if text.endswith("#!")][:1]
    at = f"site/acme_policies.py:{line}"
    told = mistake.said.replace("(#)", f"({at})").replace("(#l)", f"(line {line + 1})")
    where = "" if "(#)" in mistake.said else f": {at}:"
    assert refused(site, source) == f"{ACME}{where} {told}"


def test_several_mistakes_are_told_at_once(site: Site) -> None:
    source = RIGHT.replace("needs = Needs.RUN", "needs = 3").replace(
        ', remedy="train for less"', ""
    )
    assert refused(site, source) == (
        f"{ACME} has 2 mistakes:\n"
        f"  site/acme_policies.py:{line_of('needs =')}: needs is 3: write needs = Needs.RUN\n"
        f"  site/acme_policies.py:{line_of('yield Finding')}: {REMEDY}"
    )


def test_a_mistake_in_a_file_of_a_package_names_that_file(site: Site) -> None:
    package = site.folder / "acme_policies"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "rules.py").write_text(RIGHT.replace("needs = Needs.RUN", "needs = 3"))
    site.metadata("acme-policies", "1.2.0", "[policy_engine]\nacme = acme_policies.rules\n")
    with pytest.raises(PluginError) as refusal:
        plugins.load_plugins(["acme-policies"])
    assert str(refusal.value) == (
        f"{ACME}: site/acme_policies/rules.py:{line_of('needs =')}: "
        "needs is 3: write needs = Needs.RUN"
    )


def test_our_own_policies_have_no_mistake() -> None:
    """They are not looked through at each check; what is said of others holds for them here."""
    offered = plugins.load_plugins().policies.values()
    assert [told for each in offered for told in mistakes_of(each.policy)] == []


# ── what only judging shows ───────────────────────────────────────────────────────────────────────


def judged(site: Site, body: str) -> str:
    """Return the whole of what a policy with this body is found to be at fault of."""
    site.install(RIGHT.replace(JUDGE, f"        {body}\n"))
    rule: type[Policy] = plugins.load_plugins(["acme-policies"]).policies["acme-rule"].policy
    (finding,) = judge(bind(rule))
    assert finding.outcome == "error"
    return finding.whole


JUDGED = line_of("yield Finding")
HERE = f"(acme_policies.py:{JUDGED}, in evaluate)"
MADE = 'kind = "fail" if case.candidate.run_id else 0; yield Finding'


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield 1 / 0", "the policy raised ZeroDivisionError: division by zero"),
        ("yield True", "the policy yielded True, which is not a Finding with an Outcome"),
        (
            "case.candidate.model.size; yield None",
            "the policy reads MODEL of the candidate without declaring it",
        ),
        (MADE + "(kind, 'slow')", "the policy yielded the text 'fail': write Outcome.FAIL"),
        (
            "three = 3; yield Finding(Outcome.PASS, 'x', measured=Measurement(three, 'rows'))",
            (
                "the policy raised TypeError: the value 3 is of the type int: "
                "write Decimal(3), or exact(…) of quantities"
            ),
        ),
        (
            "half = 0.5; yield Finding.judge(case.candidate.duration, '<', half, 'x', remedy='y')",
            (
                "the policy raised TypeError: the limit 0.5 is of the type float: "
                'write Decimal("0.5"), or exact(…) of quantities'
            ),
        ),
        (
            "op = '=<'; yield Finding.judge(case.candidate.duration, op, 1, 'x', remedy='y')",
            "the policy raised ValueError: there is no operator '=<': choose from <=, >=, <, >",
        ),
        (
            "unit = 'ms'; yield Finding(Outcome.PASS, 'x', limit=Limit(Decimal(3), unit))",
            "the policy has a limit in 'ms', in which no waiver can have a ceiling: measure in 's'",
        ),
    ],
)
def test_a_mistake_that_only_judging_shows_names_its_line(site: Site, body: str, said: str) -> None:
    assert judged(site, body) == f"{said} {HERE}"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("None", "the policy returned None: yield at least one finding"),
        ("Finding(Outcome.PASS, 'x')", "the policy returned a finding: yield it"),
    ],
)
def test_what_evaluate_returns_in_vain_is_told(site: Site, answer: str, said: str) -> None:
    assert judged(site, f"answer = {answer}; return answer") == said


def test_the_line_is_that_of_the_policy_even_where_a_library_raised(site: Site) -> None:
    assert judged(site, "import json; json.loads('{'); yield None").endswith(HERE)


def test_debug_writes_the_traceback_of_a_policy_that_broke(site: Site, tmp_path: Path) -> None:
    site.install(RIGHT.replace(JUDGE, "        yield 1 / 0\n"))
    project = Project(tmp_path)
    project.policy("version: 1\nplugins: [acme-policies]\npolicies: {acme-rule: on}\n")
    saved = project.saved(evidence(candidate()))
    loud = command("--debug", "check", "--evidence", saved)
    assert command("check", "--evidence", saved).err == ""
    assert "in evaluate\n    yield 1 / 0" in loud.err
    assert loud.err.endswith("ZeroDivisionError: division by zero\n")


def test_pytest_shows_the_traceback_of_a_policy_that_broke(site: Site, tmp_path: Path) -> None:
    site.install(RIGHT.replace(JUDGE, "        yield 1 / 0\n"))
    test = tmp_path / "test_acme.py"
    test.write_text(
        "from acme_policies import AcmeRule\n"
        "from policy_engine.testing import assert_outcome, bind, judge, run\n\n"
        "def test_it():\n"
        "    assert_outcome(judge(bind(AcmeRule), candidate=run()), 'pass')\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test.name]
    environment = {**os.environ, "PYTHONPATH": str(site.folder)}
    told = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    ).stdout
    assert "error [-] the policy raised ZeroDivisionError: division by zero " + HERE in told
    assert f'acme_policies.py", line {JUDGED}, in evaluate\n    yield 1 / 0' in told
