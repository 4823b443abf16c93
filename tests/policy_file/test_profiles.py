"""`--profile NAME`: a section of the policy file that only tightens what the file binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policy_engine.errors import UsageError
from policy_engine.policy import Level
from policy_engine.policy_file import PackText, PolicyFileError, PolicySet, load_policies
from policy_engine.policy_file.profiles import Demands
from policy_engine.report import Where
from tests.command import Project, candidate, command, evidence
from tests.policy_file.test_edits import told
from tests.policy_file.test_tightening import OFFERED

if TYPE_CHECKING:
    from pathlib import Path

PACKS = {
    "org": PackText(
        "org (pack of tests)",
        b"version: 1\n"
        b"policies: {everything: {size: 200MB}}\n"
        b"profiles:\n"
        b"  prod: {everything: {size: 100MB}, asked: {limit: 2h, level: mandatory}}\n",
    ),
    "wrong": PackText(
        "wrong (pack of tests)",
        b"version: 1\n"
        b"policies: {everything: {size: 200MB}}\n"
        b"profiles: {prod: {everything: {size: 300MB}}}\n",
    ),
}
FILE = """\
policies:
  everything: {size: 200MB, floor: 0.9}
profiles:
  dev: {}
  prod:
    everything: {size: 50MB, level: mandatory}
    metric-threshold: {metric: val_f1, min: 0.9}
"""
BASE = "what the file binds without a profile"
LOOSER = f"'201MB' is not tighter than '200MB' (p/fraud.yaml:3), which is {BASE}"
HELD = f"the binding is {BASE} (p/fraud.yaml:3)"


def load(text: str, profile: str | None = None, *require: str) -> PolicySet:
    files = {"p/fraud.yaml": f"version: 1\n{text}".encode()}
    return load_policies(files, OFFERED, PACKS, {}, Demands(require, profile))


def settings(policies: PolicySet) -> dict[str, tuple[object, ...]]:
    (file,) = policies.files
    return {
        b.id: (getattr(b.policy, "size", None), getattr(b.policy, "floor", None), b.keys.level)
        for b in file.bindings
    }


def said(text: str, profile: str | None = None, *require: str) -> list[str]:
    with pytest.raises(PolicyFileError) as caught:
        load(text, profile, *require)
    return str(caught.value).splitlines()[:-1]


def test_without_a_profile_the_bindings_judge() -> None:
    (bound,) = settings(load(FILE)).values()
    assert bound[0] == 200_000_000
    assert settings(load(FILE)) == settings(load(FILE, "dev"))


def test_a_profile_tightens_and_adds_key_by_key() -> None:
    under = settings(load(FILE, "prod"))
    plain = settings(load(FILE))
    assert under["everything"] == (50_000_000, plain["everything"][1], Level.MANDATORY)
    assert list(under) == ["everything", "metric-threshold"]


def test_a_binding_stands_where_the_profile_says_it() -> None:
    (file,) = load(FILE, "prod").files
    assert [b.where for b in file.bindings] == [Where("p/fraud.yaml", 7), Where("p/fraud.yaml", 8)]


@pytest.mark.parametrize("profile", [None, "dev", "prod"])
def test_a_profile_that_loosens_is_refused_whichever_judges(profile: str | None) -> None:
    assert said(FILE.replace("50MB", "201MB"), profile) == [
        f"p/fraud.yaml:7:24: profiles.prod.everything.size: {LOOSER}",
        "  only a lower value is tighter; remove the line, or change p/fraud.yaml:3",
    ]


@pytest.mark.parametrize(
    ("binding", "message", "remedy"),
    [
        (
            "everything: off",
            ": a profile only tightens: it turns no binding off",
            "remove the line, or turn it off under `policies:`",
        ),
        (
            "everything: {level: advisory}",
            f".level: {HELD}; its level cannot fall",
            "remove the line, or change p/fraud.yaml:3",
        ),
        (
            "everything: {policy: asked, limit: 1h}",
            f".policy: {HELD}; it cannot be changed",
            "remove the line, or change p/fraud.yaml:3",
        ),
        ("everything: {sise: 1MB}", ".sise: unknown setting", "did you mean 'size'?"),
    ],
)
def test_what_a_profile_cannot_say(binding: str, message: str, remedy: str) -> None:
    text = f"policies:\n  everything: {{size: 200MB}}\nprofiles:\n  prod: {{{binding}}}\n"
    first, second = said(text)
    assert message in first
    assert "profiles.prod.everything" in first
    assert second == f"  {remedy}"


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        ("prod", "profiles: expected a mapping, got 'prod'"),
        ("{prod: on}", "profiles.prod: expected a mapping, got the boolean 'on'"),
        ("{-p: {}}", "profiles: '-p' is not a name: letters, digits, '-', '_' and '.'"),
        ("{prod: }", "profiles.prod: an empty value"),
    ],
)
def test_a_profile_is_a_mapping_with_a_name(profiles: str, message: str) -> None:
    assert message in said(f"policies: {{everything: on}}\nprofiles: {profiles}\n")[0]


def test_a_profile_that_a_file_lacks_judges_nothing() -> None:
    with pytest.raises(UsageError) as caught:
        load(FILE, "prdo")
    assert str(caught.value) == (
        "--profile prdo: p/fraud.yaml has no profile of that name; did you mean 'prod'?"
    )
    with pytest.raises(UsageError) as caught:
        load("policies: {everything: on}\n", "prod")
    assert str(caught.value) == (
        "--profile prod: p/fraud.yaml has no profile of that name; "
        "write `profiles: {prod: {}}` into it, if nothing is tighter there"
    )


def test_of_a_packs_profile_and_a_file_the_tighter_counts() -> None:
    under = settings(load("extends: [org]\npolicies: {everything: {size: 20MB}}\n", "prod"))
    assert under["everything"][0] == 20_000_000
    under = settings(load("extends: [org]\npolicies: {everything: {size: 300MB}}\n", "prod"))
    assert under["everything"][0] == 100_000_000


def test_what_a_packs_profile_makes_mandatory_the_files_own_cannot_loosen() -> None:
    text = "extends: [org]\nprofiles: {prod: {asked: {limit: 3h}}}\n"
    assert said(text)[0] == (
        "p/fraud.yaml:3:34: profiles.prod.asked.limit: '3h' is not tighter than '2h' "
        "(org (pack of tests):4), which is mandatory"
    )


def test_a_required_packs_profile_holds_against_the_files_own() -> None:
    text = "profiles: {prod: {everything: {size: 150MB}}}\n"
    assert said(text, "prod", "org")[0] == (
        "p/fraud.yaml:2:38: profiles.prod.everything.size: '150MB' is not tighter than '100MB' "
        "(org (pack of tests):4), which is required"
    )
    under = settings(load("profiles: {prod: {everything: {size: 60MB}}}\n", "prod", "org"))
    assert under["everything"][0] == 60_000_000


def test_a_pack_that_loosens_under_a_profile_of_its_own_is_wrong() -> None:
    assert said("extends: [wrong]\n")[0] == (
        "wrong (pack of tests):3:38: profiles.prod.everything.size: '300MB' is not tighter than "
        f"'200MB' (wrong (pack of tests):2), which is {BASE}"
    )


def test_what_a_team_turned_off_stays_off_under_a_packs_profile() -> None:
    text = "extends: [org]\npolicies: {everything: off, metric-threshold: {metric: f, min: 0.5}}\n"
    assert list(settings(load(text, "prod"))) == ["metric-threshold", "asked"]


def test_the_digest_tells_profiles_apart_and_the_texts_do_not() -> None:
    plain, dev, prod = (load(FILE, profile) for profile in (None, "dev", "prod"))
    assert len({plain.digest, dev.digest, prod.digest}) == 3
    assert plain.texts == dev.texts == prod.texts


HEAD = "version: 1\npolicies: {metric-threshold: {metric: val_f1, min: 0.8}}\n"


@pytest.mark.parametrize(
    ("old", "new", "edit"),
    [
        ("min: 0.9", "min: 0.85", ("looser", "changed", ".min", "0.9", "0.85")),
        ("min: 0.9", "min: 0.95", ("tighter", "changed", ".min", "0.9", "0.95")),
        ("min: 0.9", "level: mandatory, min: 0.9", ("tighter", "changed", ".level", "*", "*")),
    ],
)
def test_a_proposal_that_edits_a_profile_is_told(old: str, new: str, edit: tuple[str, ...]) -> None:
    texts = [f"{HEAD}profiles: {{prod: {{metric-threshold: {{{each}}}}}}}\n" for each in (old, new)]
    (found,) = told(*texts)
    key = f"profiles.prod.metric-threshold{edit[2]}"
    assert found[:3] == (*edit[:2], key)
    if edit[3] != "*":
        assert found[3:] == edit[3:]


def test_a_proposal_that_drops_a_profile_is_looser() -> None:
    profile = "profiles: {prod: {metric-threshold: {min: 0.9}, run-finished: on}}\n"
    assert told(HEAD + profile, HEAD) == [
        ("looser", "removed", "profiles.prod.run-finished", "{}", ""),
        ("looser", "changed", "profiles.prod.metric-threshold.min", "0.9", "0.8"),
    ]
    assert [each[0] for each in told(HEAD, HEAD + profile)] == ["tighter", "tighter"]


def test_check_judges_under_a_profile_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    project.policy(f"{HEAD}profiles: {{prod: {{metric-threshold: {{min: 0.9}}}}}}\n")
    record = evidence(candidate(metrics={"val_f1": 0.85}))
    assert project.check(record).code == 0
    done = project.check(record, "--profile", "prod")
    assert done.code == 1
    assert done.report["policies"]["profile"] == "prod"
    assert "judged under the profile prod" in done.subject["notes"]


def test_validate_and_explain_take_a_profile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Project(tmp_path).policy(f"{HEAD}profiles: {{prod: {{run-finished: on}}}}\n")
    assert command("validate").out == "policies/fraud.yaml: valid, 1 policy\n"
    assert command("validate", "--profile", "prod").out == (
        "policies/fraud.yaml: valid, 2 policies\n"
    )
    told = command("explain", "--effective", "--profile", "prod").out
    assert "# under the profile prod\n" in told
    assert "  run-finished:" in told
    assert command("validate", "--profile", "prdo").code == 2
    assert command("explain", "--profile", "prod", "run-finished").err.endswith(
        "--profile goes with --effective: a policy is the same in every pack\n"
    )
