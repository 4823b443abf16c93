"""`doctor` on CODEOWNERS: who has to approve an edit of the policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.cli.doctor.owners import owned
from tests.cli.test_doctor import POLICY, lines
from tests.command import Project, command
from tests.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

FRAUD, WAIVERS = "policies/fraud.yaml", "policies/waivers.yaml"
OWNED = "/policies/ @acme/policy-owners\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository.new(tmp_path / "clone")
    monkeypatch.chdir(made.folder)
    Project(made.folder).policy(POLICY)
    made.commit("README.md")
    return made


def told(here: Repository, text: str | None, place: str = ".github/CODEOWNERS") -> tuple[str, str]:
    if text is not None:
        (here.folder / place).parent.mkdir(exist_ok=True)
        (here.folder / place).write_text(text)
    return lines(command("doctor"))["owners"]


def test_a_policies_folder_without_an_owner_is_told_what_to_write(here: Repository) -> None:
    nobody = (
        "no CODEOWNERS: whoever may merge may loosen the policies to do: write `/policies/ "
        "@your-org/policy-owners` to .github/CODEOWNERS, and require a review of code owners"
    )
    assert told(here, None) == ("not applicable", nobody)
    unnamed = (
        ".github/CODEOWNERS names no owner of the policy file policies/fraud.yaml "
        "to do: write `/policies/ @your-org/policy-owners` as its last line"
    )
    assert told(here, "*.py @acme/python\n") == ("problem", unnamed)


@pytest.mark.parametrize(
    "place", [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"]
)
def test_a_policies_folder_with_an_owner_is_fine(here: Repository, place: str) -> None:
    said = told(here, OWNED, place)
    assert said == ("ok", f"{place} names owners of every policy file")


def test_a_folder_below_the_root_is_looked_for_from_the_root(
    here: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = here.folder / "fraud"
    below.mkdir()
    Project(below).policy(POLICY)
    monkeypatch.chdir(below)
    (here.folder / "CODEOWNERS").write_text(OWNED)
    state, said = lines(command("doctor"))["owners"]
    assert (state, said.startswith("CODEOWNERS names no owner of the policy file fraud/polic")) == (
        "problem",
        True,
    )
    (here.folder / "CODEOWNERS").write_text("/fraud/policies/ @acme/owners\n")
    assert lines(command("doctor"))["owners"][0] == "ok"


def test_outside_a_repository_there_are_no_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Project(tmp_path).policy(POLICY)
    said = lines(command("doctor"))["owners"]
    assert said == ("not applicable", "there is no commit of a git repository here")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* @ana", [FRAUD, WAIVERS]),
        ("policies @ana", [FRAUD, WAIVERS]),
        ("policies/ @ana", [FRAUD, WAIVERS]),
        ("/policies/* @ana", [FRAUD, WAIVERS]),
        ("/policies/** ana@example.org", [FRAUD, WAIVERS]),
        ("**/policies/*.yaml @ana # all of them", [FRAUD, WAIVERS]),
        ("waivers.yaml @ana", [WAIVERS]),
        ("/* @ana", []),
        ("/policy @ana", []),
        ("# * @ana", []),
        ("* @ana\n/policies/waivers.yaml", [FRAUD]),
        ("* @ana\n/policies/waivers.yaml @ben\n/policies/", []),
        ("/policies/ nobody", []),
        ("[Models] @ana\n/policies/\n", [FRAUD, WAIVERS]),
        ("[Models] @ana\n/policies/\n[Other]\n/policies/\n", [FRAUD, WAIVERS]),
        ("^[Models][2]\n/policies/\n", []),
        ("polic?es/fraud.yaml @ana", [FRAUD]),
        ("", []),
    ],
)
def test_the_last_rule_that_fits_a_path_says_whether_it_has_an_owner(
    text: str, expected: list[str]
) -> None:
    assert list(owned(text, [FRAUD, WAIVERS])) == expected


@given(st.text(max_size=80))
def test_no_text_ends_the_doctor(text: str) -> None:
    assert set(owned(text, [FRAUD])) <= {FRAUD}
