"""Plugins: what loads, in which order, and everything that stops the run instead."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine import plugins
from policy_engine.errors import PluginError
from policy_engine.evidence import MissingEvidence, Needs, Run
from policy_engine.testing import run
from tests.command import Project, candidate, command, evidence
from tests.plugin_factory import HEAD, REGISTER, Site, on_the_path, policy_class, policy_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policy_engine.hookspecs import Tracking

PASS = "yield Finding(outcome=Outcome.PASS, message='the model is fine')"
HOOK = HEAD + "@hookimpl\ndef "
ACME = "plugin acme-policies[acme] 1.2.0"
LINE = f"site/acme_policies.py:{HOOK.count(chr(10))}"
MINIMUM = """\
version: 1
plugins: [acme-policies]
policies:
  metric-threshold: {metric: val_f1, min: 0.9}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        yield site


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(MINIMUM)
    return made


def names(loaded: plugins.Plugins) -> list[str]:
    return [each.name for each in loaded.loaded]


# ── what loads ────────────────────────────────────────────────────────────────────────────────────


def test_without_a_named_plugin_only_our_own_load_in_the_order_of_their_names() -> None:
    loaded = plugins.load_plugins()
    assert names(loaded) == sorted(names(loaded))
    assert {each.distribution for each in loaded.loaded} == {"policy-engine"}
    assert list(loaded.policies) == sorted(loaded.policies)
    assert "recommended" in loaded.packs


def test_a_named_plugin_offers_its_policies_beside_ours(site: Site) -> None:
    site.install(policy_module(PASS))
    loaded = plugins.load_plugins(["acme-policies"])
    assert loaded.policies["acme-rule"].plugin == "acme"
    assert set(plugins.load_plugins().policies) < set(loaded.policies)
    assert str(loaded.loaded[-1]) == "acme-policies[acme] 1.2.0"
    assert loaded.loaded[-1].hooks == ("register_policies",)


def test_outside_plugins_load_after_ours_sorted_by_distribution_and_entry(site: Site) -> None:
    for name in ("zeta-policies", "beta-policies"):
        prefix = name[:4]
        for entry in ("two", "one"):
            source = policy_module(PASS, name=f"{prefix}-{entry}")
            (site.folder / f"{prefix}_{entry}.py").write_text(source)
        entries = f"[policy_engine]\ntwo = {prefix}_two\none = {prefix}_one\n"
        site.metadata(name, "1", entries)
    loaded = plugins.load_plugins(["zeta-policies", "beta-policies"])
    assert names(loaded)[-4:] == [
        "beta-policies[one]",
        "beta-policies[two]",
        "zeta-policies[one]",
        "zeta-policies[two]",
    ]


@pytest.mark.parametrize("installed", ["acme-policies", "Acme_Policies", "acme.policies"])
@pytest.mark.parametrize("named", ["acme-policies", "Acme_Policies", "ACME.policies"])
def test_a_distribution_s_name_is_compared_as_packaging_does(
    site: Site, installed: str, named: str
) -> None:
    site.install(policy_module(PASS), name=installed)
    assert names(plugins.load_plugins([named]))[-1] == "acme-policies[acme]"
    assert plugins.installed()["acme-policies"] == "1.2.0"


def test_a_plugin_that_is_named_twice_loads_once(site: Site) -> None:
    site.install(policy_module(PASS))
    loaded = plugins.load_plugins(["acme-policies", "Acme_Policies", "policy-engine"])
    assert names(loaded).count("acme-policies[acme]") == 1
    assert len(names(loaded)) == len(set(names(loaded)))


def test_an_installed_plugin_that_no_file_names_is_not_imported(
    site: Site, project: Project
) -> None:
    trace = project.folder / "imported"
    site.install(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n" + policy_module(PASS))
    project.policy(MINIMUM.replace("plugins: [acme-policies]\n", ""))
    good = evidence(candidate())
    codes = [
        project.check(good).code,
        command("validate").code,
        command("list").code,
        command("explain", "run-finished").code,
        command("plugins").code,
    ]
    assert codes == [0, 0, 0, 0, 0]
    assert not trace.exists()
    project.policy(MINIMUM)
    assert project.check(good).code == 0
    assert trace.exists(), "named, it is imported: the test can fail"


def test_a_plugin_that_only_an_unread_file_names_is_not_imported(
    site: Site, project: Project
) -> None:
    trace = project.folder / "imported"
    site.install(f"from pathlib import Path\nPath({str(trace)!r}).touch()\n" + policy_module(PASS))
    project.policy(MINIMUM, "policies/_part.yaml")
    project.policy(MINIMUM.replace("plugins: [acme-policies]\n", ""))
    assert project.check(evidence(candidate())).code == 0
    assert not trace.exists()


def test_the_report_names_the_plugins_that_took_part(site: Site, project: Project) -> None:
    site.install(policy_module(PASS))
    project.policy(MINIMUM + "  acme-rule: on\n")
    report = project.check(evidence(candidate())).report
    assert "acme-policies[acme] 1.2.0" in report["engine"]["plugins"]
    (_, finding) = report["subjects"][0]["findings"]
    assert (finding["id"], finding["policy"], finding["plugin"]) == (
        "acme-rule",
        "acme-rule",
        "acme",
    )


def test_the_plugins_command_shows_who_waits_to_be_named(site: Site, project: Project) -> None:
    site.install(policy_module(PASS))
    waiting = (
        "Installed, and loaded only when a policy file names them under `plugins:`: "
        "acme-policies 1.2.0\n"
    )
    assert command("plugins").out.endswith(waiting)
    named = command("plugins", "policies").out
    assert "acme-policies[acme]           1.2.0      register_policies" in named
    assert waiting not in named


# ── what stops the run ────────────────────────────────────────────────────────────────────────────


def refused(*sources: str, site: Site) -> str:
    """Install plugins with these sources and return why they do not load."""
    wanted = [f"{prefix}-policies" for prefix in ("acme", "beta")[: len(sources)]]
    for name, source in zip(wanted, sources, strict=True):
        site.install(source, name=name, module=name.replace("-", "_"), entry=name[:4])
    with pytest.raises(PluginError) as refusal:
        plugins.load_plugins(wanted)
    return str(refusal.value)


def test_two_plugins_with_a_policy_of_one_name_are_both_named(site: Site) -> None:
    assert refused(policy_module(PASS), policy_module(PASS), site=site) == (
        "register_policies: 'acme-rule' is provided by acme-policies[acme] "
        "and by beta-policies[beta]: give one of them another name"
    )


def test_a_plugin_cannot_replace_a_policy_of_ours(site: Site) -> None:
    assert refused(policy_module(PASS, name="run-finished"), site=site) == (
        "register_policies: 'run-finished' is provided by policy-engine[engineering] "
        "and by acme-policies[acme]: give one of them another name"
    )


@pytest.mark.parametrize(
    ("hook", "thing"), [("register_renderers", "print"), ("register_packs", "Path(__file__)")]
)
def test_two_plugins_with_a_format_or_pack_of_one_name_are_both_named(
    site: Site, hook: str, thing: str
) -> None:
    source = HOOK + f"{hook}():\n    return {{'acme': {thing}}}\n"
    assert refused(source, source, site=site) == (
        f"{hook}: 'acme' is provided by acme-policies[acme] and by beta-policies[beta]: "
        "give one of them another name"
    )


def test_a_plugin_cannot_replace_a_pack_of_ours(site: Site) -> None:
    source = HOOK + "register_packs():\n    return {'recommended': Path(__file__)}\n"
    assert refused(source, site=site) == (
        "register_packs: 'recommended' is provided by policy-engine[general] "
        "and by acme-policies[acme]: give one of them another name"
    )


@pytest.mark.parametrize("name", ["text", "markdown", "json"])
def test_a_plugin_cannot_replace_a_built_in_format(site: Site, name: str) -> None:
    source = HOOK + f"register_renderers():\n    return {{'{name}': str}}\n"
    assert refused(source, site=site) == f"{ACME}: format '{name}' is built in"


def test_keyword_only_parameters_are_refused_by_whatever_name(site: Site) -> None:
    """Pluggy leaves them out of the signature, and would call the hook without them."""
    source = HEAD + "@hookimpl(specname='report_ready')\ndef tell(*, report):\n    pass\n"
    assert refused(source, site=site) == (
        f"{ACME}: {LINE}: report_ready has keyword-only parameters, which no plugin is given: "
        "remove the `*`"
    )


@pytest.mark.parametrize("marker", ["@hookimpl", "@hookimpl(optionalhook=True)"])
def test_a_misspelt_hook_is_refused_even_beside_a_right_one(site: Site, marker: str) -> None:
    source = policy_module(PASS) + f"\n{marker}\ndef report_redy(report):\n    pass\n"
    assert refused(source, site=site) == (
        f"{ACME}: site/acme_policies.py:22: there is no hook 'report_redy'; "
        "did you mean 'report_ready'?"
    )


def test_a_hook_that_is_like_no_other_is_told_which_there_are(site: Site) -> None:
    assert refused(HOOK + "xyz():\n    pass\n", site=site) == (
        f"{ACME}: {LINE}: there is no hook 'xyz'; the hooks are: register_packs, "
        "register_policies, register_renderers, report_ready, resolve_baseline"
    )


CLASSES = "give classes that derive from Policy"
LIST = "return a list of policy classes"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (
            HOOK + "register_policies():\n    return 'acme-rule'\n",
            f"{LINE}: register_policies returned 'acme-rule': {LIST}",
        ),
        (
            HOOK + "register_policies():\n    return [int]\n",
            "<class 'int'> is not a Policy class: give classes that derive from Policy",
        ),
        (
            HOOK + "register_policies():\n    raise KeyError('x')\n",
            "register_policies raised KeyError: 'x'",
        ),
        (
            HOOK + "register_packs():\n    return {'a': '/no/pack.yaml'}\n",
            (
                "pack 'a' cannot be read: [Errno 2] No such file or directory: '/no/pack.yaml': "
                "write the path of a file that the build puts into the wheel"
            ),
        ),
        (
            HOOK + "register_packs():\n    return {'a': None}\n",
            "pack 'a' is None, no path",
        ),
    ],
)
def test_an_offer_of_the_wrong_kind_is_refused(site: Site, source: str, why: str) -> None:
    assert refused(source, site=site) == f"{ACME}: {why}"


def test_a_policy_that_is_offered_twice_is_refused(site: Site) -> None:
    source = HEAD + policy_class(PASS) + REGISTER.format(class_names="AcmeRule, AcmeRule")
    assert refused(source, site=site) == f"{ACME} provides 'acme-rule' twice"


# ── policies that load when they are asked ────────────────────────────────────────────────────────


def deferred(site: Site, place: str, *, name: str = "acme-rule") -> plugins.Plugins:
    """Load a plugin that only says where its policy is: in a module beside it."""
    site.install(policy_module(PASS), name="acme-rules", module="acme_rules")
    source = (
        "from policy_engine import hookimpl\n"
        "from policy_engine.policy import Deferred\n\n"
        f"@hookimpl\ndef register_policies():\n    return [Deferred({name!r}, {place!r})]\n"
    )
    site.install(source)
    return plugins.load_plugins(["acme-policies"])


def test_a_deferred_policy_is_imported_when_it_is_asked_for_and_not_before(site: Site) -> None:
    offered = deferred(site, "acme_rules:AcmeRule").policies["acme-rule"]
    assert (offered.plugin, "acme_rules" in sys.modules) == ("acme", False)
    assert offered.policy.policy_name == "acme-rule"
    assert offered.policy is sys.modules["acme_rules"].AcmeRule


@pytest.mark.parametrize(
    ("place", "name", "why"),
    [
        (
            "acme_rule:Rule",
            "acme-rule",
            (
                "policy 'acme-rule' of acme_rule:Rule failed to import: "
                "ModuleNotFoundError: No module named 'acme_rule'"
            ),
        ),
        (
            "acme_rules:Rulez",
            "acme-rule",
            (
                "policy 'acme-rule' of acme_rules:Rulez failed to import: "
                "AttributeError: module 'acme_rules' has no attribute 'Rulez'"
            ),
        ),
        ("acme_rules:Path", "acme-rule", f"{Path!r} is not a Policy class: {CLASSES}"),
        ("acme_rules:AcmeRule", "acme-role", "acme_rules:AcmeRule is 'acme-rule', not 'acme-role'"),
    ],
)
def test_a_deferred_policy_that_is_not_there_stops_the_run_that_binds_it(
    site: Site, project: Project, place: str, name: str, why: str
) -> None:
    with pytest.raises(PluginError) as refusal:
        _ = deferred(site, place, name=name).policies[name].policy
    assert str(refusal.value) == f"{ACME}: {why}"
    project.policy(f"version: 1\nplugins: [acme-policies]\npolicies: {{{name}: on}}\n")
    assert command("validate").code == 2


def test_a_name_is_taken_by_a_deferred_policy_too(site: Site) -> None:
    with pytest.raises(PluginError) as refusal:
        deferred(site, "acme_rules:AcmeRule", name="run-finished")
    assert str(refusal.value) == (
        "register_policies: 'run-finished' is provided by policy-engine[engineering] "
        "and by acme-policies[acme]: give one of them another name"
    )


def test_every_policy_of_ours_is_where_it_is_said_to_be() -> None:
    for name, offered in plugins.load_plugins().policies.items():
        assert offered.policy.policy_name == name


def test_a_distribution_without_plugins_is_as_good_as_absent(site: Site) -> None:
    site.install(policy_module(PASS), group="console_scripts")
    with pytest.raises(PluginError) as refusal:
        plugins.load_plugins(["acme-policies"])
    assert str(refusal.value) == (
        "plugin 'acme-policies' is named under `plugins:` but not installed, or offers no plugin; "
        "installed plugins: none"
    )


def test_an_absent_plugin_is_told_what_is_installed(site: Site) -> None:
    site.install(policy_module(PASS))
    with pytest.raises(PluginError, match=r"installed plugins: acme-policies$"):
        plugins.load_plugins(["acme-polices"])


def test_a_distribution_that_lost_its_files_stops_the_run(site: Site) -> None:
    site.install(policy_module(PASS))
    (site.folder / "acme_policies.py").unlink()
    with pytest.raises(PluginError) as refusal:
        plugins.load_plugins(["acme-policies"])
    assert str(refusal.value) == (
        f"{ACME} failed to import: ModuleNotFoundError: No module named 'acme_policies', which the "
        "entry point 'acme' names: correct that, or have the build put the module into the wheel"
    )
    shutil.rmtree(site.folder / "acme_policies-1.2.0.dist-info")
    with pytest.raises(PluginError, match="named under `plugins:` but not installed"):
        plugins.load_plugins(["acme-policies"])


# ── each hook at work ─────────────────────────────────────────────────────────────────────────────


def test_register_policies_lets_a_policy_file_bind_the_policy(site: Site, project: Project) -> None:
    site.install(policy_module("raise MissingEvidence('no model card')"))
    project.policy(MINIMUM + "  acme-rule: {on_missing: warn}\n")
    told = project.check(evidence(candidate()))
    assert told.findings[1] == ("missing", "warn", "no model card")
    assert (told.code, told.report["verdict"]) == (0, "warn")


def test_register_packs_lets_a_policy_file_extend_the_pack(site: Site, project: Project) -> None:
    pack = project.folder / "strict.yaml"
    pack.write_text("version: 1\npolicies:\n  run-finished: {level: mandatory}\n")
    site.install(HOOK + f"register_packs():\n    return {{'acme': Path({str(pack)!r})}}\n")
    project.policy(
        "version: 1\nplugins: [acme-policies]\nextends: [acme]\npolicies:\n  run-finished: off\n"
    )
    told = project.check(evidence(candidate()))
    assert (told.code, told.out) == (2, "")
    assert told.err == (
        "policies/fraud.yaml:5:17: policies.run-finished: the binding is mandatory "
        "(acme (pack of acme-policies[acme]):3); it cannot be turned off\n"
        "  remove the line, or change acme (pack of acme-policies[acme]):3\n"
        "1 problem found; nothing was evaluated.\n"
    )


def test_register_renderers_adds_a_format_to_the_command(site: Site, project: Project) -> None:
    site.install(
        HOOK
        + "register_renderers():\n"
        + "    return {'acme': lambda report: f'{report.verdict} {report.exit_code}\\n'}\n"
    )
    told = project.check(evidence(candidate()), "--format", "acme", "--format", "acme=report.acme")
    assert (told.code, told.out) == (0, "pass 0\n")
    assert (project.folder / "report.acme").read_text() == "pass 0\n"


def test_a_format_of_a_plugin_that_no_file_names_is_unknown(site: Site, project: Project) -> None:
    site.install(HOOK + "register_renderers():\n    return {'acme': str}\n")
    project.policy(MINIMUM.replace("plugins: [acme-policies]\n", ""))
    told = project.check(evidence(candidate()), "--format", "acme")
    assert told.code == 2
    assert told.err == (
        "policy-engine: --format acme: unknown; choose from "
        "azure, codequality, github, html, json, junit, markdown, sarif, text\n"
    )


class NoTracking:
    """A finder that nobody asks."""

    def run(self, run_id: str) -> Run:
        raise NotImplementedError

    def by_alias(self, name: str, alias: str) -> Run:
        raise NotImplementedError

    def by_tag(self, key: str, value: str) -> tuple[Run, ...]:
        raise NotImplementedError


TRACKING: Tracking = NoTracking()
CANDIDATE = Run(run(), Needs.RUN)


def resolver(answer: str) -> str:
    return HOOK + f"resolve_baseline(rule, candidate):\n    {answer}\n"


def resolved(site: Site, *answers: str) -> Any:
    wanted = [f"{prefix}-policies" for prefix in ("acme", "beta")[: len(answers)]]
    for name, answer in zip(wanted, answers, strict=True):
        site.install(resolver(answer), name=name, module=name.replace("-", "_"), entry=name[:4])
    return plugins.load_plugins(wanted).resolve_baseline({"last-week": 1}, CANDIDATE, TRACKING)


def test_resolve_baseline_takes_the_first_plugin_that_knows_the_rule(site: Site) -> None:
    known = "return candidate if rule == {'last-week': 1} else None"
    assert resolved(site, known, "return None") is CANDIDATE


def test_resolve_baseline_asks_on_where_a_plugin_does_not_know_the_rule(site: Site) -> None:
    assert resolved(site, "return candidate", "return None") is CANDIDATE


def test_resolve_baseline_without_a_plugin_that_knows_the_rule_is_none(site: Site) -> None:
    assert resolved(site, "return None", "return None") is None


def test_resolve_baseline_may_say_why_there_is_none(site: Site) -> None:
    with pytest.raises(MissingEvidence, match=r"^no run last week$"):
        resolved(site, "raise MissingEvidence('no run last week')")


def test_resolve_baseline_must_return_a_run(site: Site) -> None:
    with pytest.raises(PluginError) as refusal:
        resolved(site, "return 'abc'")
    assert str(refusal.value) == (
        "resolve_baseline returned 'abc', which is no run of `tracking`, for the rule "
        "{'last-week': 1}: return a run that `tracking` gave, or None"
    )


def test_resolve_baseline_reads_facts_of_runs_alone(site: Site) -> None:
    with pytest.raises(PluginError) as refusal:
        resolved(site, "return None", "return candidate.model")
    assert str(refusal.value) == (
        "resolve_baseline (beta_policies.py:11, in resolve_baseline) reads more of a run than its "
        "facts: a rule is given tags, parameters, metrics and times"
    )


def test_what_resolve_baseline_raises_names_its_line(site: Site) -> None:
    with pytest.raises(KeyError) as error:
        resolved(site, "return {}[rule['last-week']]")
    assert error.value.__notes__ == [" (acme_policies.py:11, in resolve_baseline)"]


def test_resolve_baseline_cannot_end_the_command(site: Site) -> None:
    """Left alone, `sys.exit(0)` in it would be the exit code of the gate."""
    with pytest.raises(PluginError) as refusal:
        resolved(site, "sys.exit(0)")
    assert str(refusal.value) == "resolve_baseline called exit(0) for the rule {'last-week': 1}"


def test_resolve_baseline_cannot_change_the_rule_that_is_on_record(site: Site) -> None:
    site.install(resolver("rule.clear()"))
    rule = {"last-week": 1}
    assert (
        plugins.load_plugins(["acme-policies"]).resolve_baseline(rule, CANDIDATE, TRACKING) is None
    )
    assert rule == {"last-week": 1}


def test_report_ready_is_called_once_with_the_finished_report(site: Site, project: Project) -> None:
    log = project.folder / "log"
    body = (
        f"    with open({str(log)!r}, 'a') as log:\n"
        "        print(report.verdict, report.exit_code, file=log)\n"
    )
    site.install(HOOK + "report_ready(report):\n" + body)
    bad = evidence(candidate(metrics={"val_f1": 0.1}))
    assert project.check(bad, "--format", "json", "--format", "text=report.txt").code == 1
    assert log.read_text() == "fail 1\n"


def test_a_plugin_whose_report_ready_raises_does_not_silence_the_others(
    site: Site, project: Project
) -> None:
    """Pluggy ends the whole call at the first exception; later registrations go first."""
    for prefix, action in (("acme", "Path('heard').touch()"), ("beta", "raise ValueError('full')")):
        source = HOOK + f"report_ready(report):\n    {action}\n"
        module = f"{prefix}_policies"
        site.install(source, name=f"{prefix}-policies", module=module, entry=prefix)
    project.policy(MINIMUM.replace("[acme-policies]", "[acme-policies, beta-policies]"))
    told = project.check(evidence(candidate()))
    assert told.err == (
        "plugin beta-policies[beta] 1.2.0: report_ready raised ValueError: full "
        "(beta_policies.py:11, in report_ready); the verdict stands\n"
    )
    assert (project.folder / "heard").exists()
    assert told.code == 0


# ── seeing what happens ───────────────────────────────────────────────────────────────────────────


def test_the_trace_variable_prints_each_hook_call(
    site: Site, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install(HOOK + "report_ready(report):\n    pass\n")
    monkeypatch.setenv("POLICY_ENGINE_TRACE", "1")
    told = project.check(evidence(candidate()))
    assert "register_policies [hook]" in told.err
    assert "report_ready [hook]" in told.err
    assert told.code == 0


@pytest.mark.parametrize("value", ["", "0"])
def test_without_the_trace_variable_nothing_is_printed(
    site: Site, project: Project, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    site.install(HOOK + "report_ready(report):\n    pass\n")
    monkeypatch.setenv("POLICY_ENGINE_TRACE", value)
    assert project.check(evidence(candidate())).err == ""
