"""A setting that is a limit for each of several: it merges and tightens key by key."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

import pytest

from policy_engine.cli import catalogue
from policy_engine.evidence import Case
from policy_engine.plugins.policies import mistakes_of
from policy_engine.policy import Field, Finding, Outcome, Policy, part
from policy_engine.policy_file import Binding, Offered, PolicyFileError, load_policies
from policy_engine.policy_file.baseline import ANY_RULE
from policy_engine.policy_file.effective import effective_file
from policy_engine.policy_file.load import load_merged
from policy_engine.quantities import Duration, Percent, Price, Tighter, parse_duration
from policy_engine.testing import bind, judge


class Budget(Policy, name="budget"):
    """Each team keeps to its budget."""

    money: Annotated[dict[str, Price], Tighter.LOWER] = Field(description="What each may spend.")
    gain: Annotated[dict[str, Percent] | None, Tighter.HIGHER] = Field(
        default=None, description="What each has to gain."
    )
    time: dict[str, Duration] = Field(
        default={"all": parse_duration("2h")}, description="How long each may take (s)."
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        yield part("all", lambda: Finding(Outcome.PASS, "it does"))


OFFERED = {"budget": Offered(Budget, "acme")}
PACK = "money: {fraud: 50 USD, ads: 20 USD}, level: mandatory"


def lay(beneath: str, above: str) -> Binding:
    """Return the binding of a file over another."""
    low = f"version: 1\npolicies: {{budget: {{{beneath}}}}}\n".encode()
    top = f"version: 1\nextends: [_low.yaml]\npolicies: {{budget: {{{above}}}}}\n".encode()
    (file,) = load_policies({"p/top.yaml": top}, OFFERED, {}, {"p/_low.yaml": low}).files
    return file.bindings[0]


def money(binding: Binding) -> dict[str, str]:
    assert isinstance(binding.policy, Budget)
    return {team: str(amount) for team, amount in binding.policy.money.items()}


def test_the_policy_is_one_that_a_plugin_may_offer() -> None:
    assert list(mistakes_of(Budget)) == []


def test_a_file_says_only_the_key_that_it_tightens() -> None:
    assert money(lay(PACK, "money: {fraud: 40 USD}")) == {
        "fraud": "40.00 USD",
        "ads": "20.00 USD",
    }


def test_a_key_more_is_tighter() -> None:
    assert list(money(lay(PACK, "money: {risk: 5 USD}"))) == ["fraud", "ads", "risk"]


@pytest.mark.parametrize("amount", ["51 USD", "40 EUR"])
def test_no_key_may_be_loosened(amount: str) -> None:
    with pytest.raises(PolicyFileError) as refusal:
        lay(PACK, f"money: {{fraud: {amount}}}")
    assert str(refusal.value) == (
        "p/top.yaml:3:28: policies.budget.money: a mapping is not tighter than "
        "a mapping (p/_low.yaml:2), which is mandatory\n"
        "  only a lower value is tighter; remove the line, or change p/_low.yaml:2\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_higher_value_is_tighter_where_that_is_the_direction() -> None:
    least = f"{PACK}, gain: {{fraud: 1%}}"
    policy = lay(least, "gain: {fraud: 2%}").policy
    assert isinstance(policy, Budget)
    assert policy.gain == {"fraud": Decimal("0.02")}
    with pytest.raises(PolicyFileError):
        lay(least, "gain: {fraud: 0%}")


def test_a_mapping_without_a_direction_is_replaced_as_a_whole() -> None:
    binding = lay("money: {fraud: 1 USD}, time: {fraud: 1h, ads: 1h}", "time: {fraud: 2h}")
    assert isinstance(binding.policy, Budget)
    assert binding.policy.time == {"fraud": parse_duration("2h")}


def test_explain_shows_an_example_that_is_valid() -> None:
    text = catalogue.explain_policy("budget", OFFERED)
    assert "budget: {money: {name: 50 USD}}" in text
    assert "mapping to money" in text
    bind(Budget, money={"name": "50 USD"})


def test_the_effective_file_writes_the_values_as_people_do() -> None:
    top = b"version: 1\npolicies: {budget: {money: {fraud: 5 USD}}}\n"
    policies, drafts = load_merged({"p/top.yaml": top}, OFFERED, {}, rules=ANY_RULE)
    (text,) = effective_file(zip(policies.files, drafts, strict=True), {})
    assert "money: {fraud: 5 USD}" in text
    assert "time: {all: 2h}" in text


def test_a_part_that_passes_has_its_name() -> None:
    (finding,) = judge(bind(Budget, money={"fraud": "5 USD"}))
    assert (finding.outcome, finding.part) == ("pass", "all")
