"""What people read about policies and plugins; the docs' own tests run its examples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from policy_engine import plugins
from policy_engine.cli import catalogue
from policy_engine.errors import UsageError
from policy_engine.evidence import Case
from policy_engine.plugins import LoadedPlugins
from policy_engine.policy import Field, Finding, Policy
from policy_engine.policy_file import Offered, load_policies
from policy_engine.quantities import Bytes

OURS = LoadedPlugins(
    "policy-engine[general]", "policy-engine", "0.1.0", "general", ("register_packs",)
)


class Plain(Policy, name="plain"):
    """The model is plain.

    It has no settings.
    """

    def evaluate(self, case: Case) -> Iterator[Finding]:
        raise NotImplementedError


class Sized(Policy, name="sized"):
    """The model is small."""

    max_size: Bytes = Field(description="Largest size (bytes).")

    def evaluate(self, case: Case) -> Iterator[Finding]:
        raise NotImplementedError


OFFERED = {"plain": Offered(Plain, "acme"), "sized": Offered(Sized, "acme")}


def test_the_list_says_of_each_policy_what_is_true_of_a_model_that_passes() -> None:
    assert catalogue.policy_listing(OFFERED) == (
        "policy    plugin    a model that passes\n"
        "--------  --------  ---------------------\n"
        "plain     acme      The model is plain.\n"
        "sized     acme      The model is small."
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [("plian", "did you mean 'plain'?"), ("zzz", "`policy-engine list` names them all")],
)
def test_an_unknown_policy_is_met_with_the_nearest_name(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        catalogue.explain_policy(name, OFFERED)
    assert str(error.value) == f"there is no policy '{name}'; {hint}"


def test_a_policy_without_settings_says_so() -> None:
    text = catalogue.explain_policy("plain", OFFERED)
    assert text.startswith(
        "plain (plugin acme)\n\nThe model is plain.\n\nIt has no settings.\n\nIt has no settings."
    )
    assert "Reads: run" in text.splitlines()


def test_a_required_setting_is_told_apart_from_an_optional_one() -> None:
    (setting,) = catalogue.describe("sized", OFFERED).settings
    assert (setting.name, setting.default, setting.meaning) == (
        "max_size",
        "required",
        "Largest size (bytes).",
    )


@pytest.mark.parametrize("name", ["plain", "sized"])
def test_the_example_of_a_plugin_s_policy_is_a_valid_policy_file(name: str) -> None:
    example = catalogue.describe(name, OFFERED).example
    (file,) = load_policies({"policies/fraud.yaml": example.encode()}, OFFERED, {}).files
    assert [binding.policy_name for binding in file.bindings] == [name]


def test_the_example_of_another_distribution_s_policy_names_it() -> None:
    offered = {"sized": Offered(Sized, "acme", distribution="acme-policies")}
    assert catalogue.describe("sized", offered).example == (
        "version: 1\nplugins: [acme-policies]\npolicies:\n  sized: {max_size: 200MB}"
    )


def test_every_shipped_policy_is_listed_with_one_line() -> None:
    offered = plugins.load_plugins().policies
    lines = catalogue.policy_listing(offered).splitlines()[2:]
    assert [line.split()[0] for line in lines] == sorted(offered)


def test_the_plugin_table_names_those_that_wait_only_if_there_are_any() -> None:
    table = (
        "plugin                  version    hooks\n"
        "----------------------  ---------  --------------\n"
        "policy-engine[general]  0.1.0      register_packs"
    )
    assert catalogue.plugin_table([OURS], {"policy-engine": "0.1.0"}) == table
    assert catalogue.plugin_table([OURS], {"policy-engine": "0.1.0", "acme": "1.2"}) == (
        f"{table}\n\nInstalled, and loaded only when a policy file names them under `plugins:`: "
        "acme 1.2"
    )
