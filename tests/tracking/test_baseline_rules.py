"""A built-in baseline rule is one class: what it lacks is said when it is imported."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from policy_engine.plugins import load_plugins
from policy_engine.tracking.baseline_rules import RULES, BaselineRule, Hit
from policy_engine.tracking.baselines import BaselineSearch

ROOT = Path(__file__).parents[2]
HERE = "tests.tracking.test_baseline_rules"


def test_the_rules_are_those_of_the_policy_file_in_their_order() -> None:
    assert list(RULES) == ["alias", "commit", "tag", "best", "run"]
    assert list(load_plugins().baseline_rules.built_in) == list(RULES)


def test_a_rule_that_declares_no_value_stops_the_import() -> None:
    with pytest.raises(TypeError) as caught:

        class Valueless(BaselineRule, key="valueless"):
            """A rule."""

    assert str(caught.value) == f"{HERE}.Valueless has to declare `value`, and no other field"


def test_a_rule_whose_value_says_nothing_of_itself_stops_the_import() -> None:
    with pytest.raises(TypeError) as caught:

        class Silent(BaselineRule, key="silent"):
            """A rule."""

            value: str

    assert str(caught.value) == (
        f"{HERE}.Silent.value says nothing of itself: give it a Field(description=…)"
    )


def test_a_rule_that_finds_nothing_stops_the_import() -> None:
    with pytest.raises(TypeError) as caught:

        class Blind(BaselineRule, key="blind"):
            """A rule."""

            value: str = Field(description="Anything.")

    assert str(caught.value) == f"{HERE}.Blind has no find()"


def test_a_key_of_two_rules_stops_the_import() -> None:
    with pytest.raises(TypeError) as caught:

        class Second(BaselineRule, key="alias"):
            """A rule."""

            value: str = Field(description="Anything.")

            @classmethod
            def find(cls, value: Any, search: BaselineSearch) -> Hit:
                raise NotImplementedError

    assert str(caught.value) == f"{HERE}.Second and AliasRule both have the key 'alias'"


def test_what_reads_a_policy_file_loads_the_rules_and_no_other_part_of_tracking() -> None:
    code = "import sys; from policy_engine.loading import load; load(['policies'])"
    code += "; print([m for m in sys.modules if m.startswith('policy_engine.tracking.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "['policy_engine.tracking.baseline_rules']\n"
