"""What to do where no rule finds a baseline: it depends on the rules that there are."""

from collections.abc import Mapping, Sequence
from typing import Any

FIRST_RUN = "for the very first model say `first_run: true` at the top of the policy file"


def baseline_remedy(rules: Sequence[Mapping[str, Any]]) -> str:
    """Return what to do first: an alias alone helps nobody whose file asks for none.

    Args:
        rules: The baseline rules, as written in the policy file.
    """
    aliases = [str(rule["alias"]) for rule in rules if "alias" in rule]
    if not aliases:
        return (
            "register the model to beat, give that version the alias `champion`, and write "
            f"`- alias: NAME@champion` first under `baseline:`; {FIRST_RUN}"
        )
    name, at, alias = aliases[0].removeprefix("models:/").rpartition("@")
    if at:
        return f"give the version of {name} to beat the alias `{alias}`; {FIRST_RUN}"
    return (
        f"give the registered version to beat the alias `{alias}`; where the candidate is not "
        f"registered, write `- alias: NAME@{alias}`; {FIRST_RUN}"
    )
