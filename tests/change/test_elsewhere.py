"""A second checkout judges by its own commit; one that the change could have made is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policy_engine.change.elsewhere import checkout_of
from policy_engine.github.wording import Wording
from tests.change.test_trusted import FRAUD, LOOSE, STRICT, check, source
from tests.command import Project, Told, candidate, command, evidence
from tests.pull_request import ADDRESS, PullRequest
from tests.render.reports import mixed
from tests.repository import Repository, of_another_user

CENTRAL = "https://user:secret@github.com/Acme/Policies.git"
NAME = "github.com/acme/policies"
REMEDY = (
    "check out a repository of your own in a step of the job, at a branch or commit that the job "
    "names"
)


def central(folder: Path, text: str = STRICT, address: str | None = CENTRAL) -> Repository:
    """Make a checkout of another repository that holds a policy file in `ml/`."""
    made = Repository.new(folder)
    if address is not None:
        made.git("remote", "add", "origin", address)
    (folder / "ml").mkdir()
    (folder / "ml" / "fraud.yaml").write_text(text)
    made.commit()
    return made


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """A clone whose own policies let everything pass."""
    made = PullRequest(tmp_path / "clone")
    made.commit({FRAUD: LOOSE}, "training/train.py")
    monkeypatch.chdir(made.clone.folder)
    return made


def proposed(here: PullRequest, monkeypatch: pytest.MonkeyPatch, **files: Any) -> str:
    head = here.propose(files.get("files"), "training/forest.py")
    here.enter(monkeypatch)
    return head


def refusal(told: Told) -> str:
    assert (told.code, told.out) == (2, "")
    return told.err.removeprefix("policy-engine: ").rstrip("\n")


@pytest.mark.parametrize("place", ["../central", "central"])
def test_another_checkout_judges_by_its_own_commit(
    place: str, here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    made = central(Path(place))
    head = made.git("rev-parse", "HEAD")
    # What another step of the job wrote there is not in the commit.
    (made.folder / "ml" / "fraud.yaml").write_text(LOOSE)
    told = check(here, "--policies", f"{place}/ml")
    assert (told.code, source(told)) == (1, (f"{NAME}@{head[:7]}", True))
    assert told.subject["policy_file"] == f"{place}/ml/fraud.yaml"
    assert told.report["proposal"] is None


@pytest.mark.parametrize("place", ["../central", "central"])
def test_a_file_of_another_checkout_is_read_with_what_it_extends(
    place: str, here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    made = central(Path(place))
    (made.folder / "ml" / "eu.yaml").write_text("version: 1\nextends: [fraud.yaml]\n")
    made.commit()
    told = check(here, "--policies", f"{place}/ml/eu.yaml")
    assert (told.code, told.subject["policy_file"]) == (1, f"{place}/ml/eu.yaml")


def test_the_root_and_an_absolute_path_of_another_checkout_serve(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    made = central(here.clone.folder.parent / "central", address=None)
    (made.folder / "top.yaml").write_text(STRICT)
    head = made.commit()
    told = check(here, "--policies", str(made.folder))
    assert (told.code, source(told)) == (1, (f"./central@{head[:7]}", True))


@pytest.mark.parametrize("system", ["CHANGE_TARGET", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"])
def test_another_checkout_judges_on_other_ci_systems_too(
    system: str, here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({}, "training/forest.py")
    monkeypatch.setenv(system, "main")
    made = central(Path("../central"))
    told = check(here, "--policies", "../central/ml", change=None)
    assert (told.code, source(told)) == (1, (f"{NAME}@{made.git('rev-parse', 'HEAD')[:7]}", True))


def test_a_submodule_that_the_change_adds_does_not_judge_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = central(Path("../loose"), LOOSE)
    here.propose({}, "training/forest.py")
    add = ("submodule", "--quiet", "add", made.folder.resolve().as_uri(), "central")
    here.clone.git("-c", "protocol.file.allow=always", *add)
    here.clone.commit()
    here.enter(monkeypatch)
    assert refusal(check(here, "--policies", "central/ml")) == (
        "--policies central/ml: it is a submodule or a linked work tree, and the change may say of "
        f"which commit; {REMEDY}"
    )


def test_a_checkout_where_the_change_has_files_does_not_judge_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch, files={"central/ml/fraud.yaml": LOOSE})
    nested = Repository.new(Path("central"))
    nested.commit()
    assert refusal(check(here, "--policies", "central/ml")) == (
        f"--policies central/ml: the change itself has a folder at 'central'; {REMEDY}"
    )


@pytest.mark.parametrize("target", ["../loose/ml", "../loose"])
def test_a_link_that_the_change_makes_leads_to_no_other_checkout(
    target: str, here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever repository lies on the machine, the change would choose it."""
    central(Path("../loose"), LOOSE)
    here.propose({}, "training/forest.py")
    Path("gate").symlink_to(target)
    here.clone.commit()
    here.enter(monkeypatch)
    given = "gate" if target.endswith("ml") else "gate/ml"
    told = check(here, "--policies", given)
    assert told.code in {2, 3}
    assert told.out == ""


def test_the_policy_folder_made_a_link_is_judged_by_the_default_branch(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({FRAUD: STRICT})
    central(Path("../loose"), LOOSE)
    here.propose({FRAUD: None}, "training/forest.py")
    if Path("policies").exists():
        Path("policies").rmdir()
    Path("policies").symlink_to("../loose/ml")
    here.clone.commit()
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, source(told)[0][:5]) == (1, "main@")


def test_a_second_checkout_of_the_changes_own_head_does_not_judge_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = proposed(here, monkeypatch, files={FRAUD: LOOSE})
    Repository.clone(here.clone, Path("../again"))
    assert refusal(check(here, "--policies", "../again/policies")) == (
        f"--policies ../again/policies: its commit {head[:7]} is the change's own, or holds it; "
        f"{REMEDY}"
    )


def test_another_branch_of_the_changes_own_repository_does_not_judge_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    again = Repository.clone(here.clone, Path("../again"), "--branch=main")
    again.git("remote", "set-url", "origin", ADDRESS)
    (again.folder / "more.yaml").write_text(LOOSE)
    head = again.commit()
    assert refusal(check(here, "--policies", "../again/policies")) == (
        "--policies ../again/policies: it is the change's own repository at "
        f"{head[:7]}, which is not known to be of the branch that judges it; {REMEDY}"
    )


def test_the_default_branch_of_the_changes_own_repository_judges_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    again = Repository.clone(here.clone, Path("../again"), "--branch=main")
    again.git("remote", "set-url", "origin", ADDRESS)
    told = check(here, "--policies", "../again/policies")
    tip = here.clone.git("rev-parse", "main")
    assert (told.code, source(told)) == (0, (f"github.com/acme/fraud@{tip[:7]}", True))


def test_a_path_that_the_other_checkout_lacks_is_named_with_its_commit(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    made = central(Path("../central"))
    (made.folder / "new").mkdir()
    (made.folder / "new" / "a.yaml").write_text(LOOSE)  # in no commit
    given = ("--policies", "../central/ml", "--policies", "../central/new")
    assert refusal(check(here, *given)) == (
        f"there is no policy file at '../central/new' in {NAME}@{made.git('rev-parse', 'HEAD')[:7]}"
    )


def test_paths_of_two_repositories_are_refused(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    central(Path("../central"))
    assert refusal(check(here, "--policies", "policies", "--policies", "../central/ml")) == (
        "--policies: 'policies' and '../central/ml' are not of one repository; name paths of one, "
        "and check the other by a second command"
    )


def test_a_checkout_of_another_user_is_not_read(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    of_another_user(central(Path("../central")), monkeypatch)
    assert "it lies outside the repository, and in no other that git can read" in refusal(
        check(here, "--policies", "../central/ml")
    )


@pytest.mark.parametrize(("edit", "ref"), [(False, ""), (True, " (edited)")])
def test_at_a_terminal_the_reports_ref_is_that_of_the_other_checkout(
    here: PullRequest, edit: bool, ref: str
) -> None:
    made = central(Path("../central"))
    if edit:
        (made.folder / "ml" / "fraud.yaml").write_text(f"{STRICT}# more\n")
    Project(here.clone.folder.parent).saved(evidence(candidate()))
    saved = ("--evidence", "../evidence.json", "--format", "json")
    told = command("check", *saved, "--policies", "../central/ml")
    head = made.git("rev-parse", "HEAD")
    assert source(told) == (f"{NAME}@{head[:7]}{ref}", not edit)


def test_doctor_names_the_other_checkout_and_asks_no_owners_here(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed(here, monkeypatch)
    head = central(Path("../central")).git("rev-parse", "HEAD")
    told = " ".join(command("doctor", "--policies", "../central/ml").out.split())
    assert f"1 policy file of {NAME}@{head[:7]}, trusted" in told
    assert "the policies are of another repository: see there who approves an edit" in told


@pytest.mark.parametrize(
    ("ref", "linked"),
    [("main@1a2b3c4", True), ("release/1.0@1a2b3c4", True), (f"{NAME}@1a2b3c4", False)],
)
def test_a_comment_links_no_line_of_another_repository(ref: str, linked: bool) -> None:
    found = mixed()
    judged = replace(found, policies=replace(found.policies, ref=ref))
    job = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/fraud"}
    summary = Wording(judged, None, None, job).summary(60_000)
    assert ("https://github.com/acme/fraud/blob/1a2b3c4/" in summary) is linked


def test_a_path_of_the_changes_own_repository_is_no_other_checkout(here: PullRequest) -> None:
    root = here.clone.folder
    given = ("policies", str(root / "policies"), "../clone/policies", "nothing/here")
    assert checkout_of(given, root) is None
    assert checkout_of(("../policies",), root) is None
