"""Whose policies judge a pull request: real clones, real jobs, and authors who try their luck."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.evidence.record import ChangeRecord
from tests.command import Project, Told, candidate, command, evidence
from tests.plugin_factory import Site, on_the_path, policy_module
from tests.pull_request import ADDRESS, PullRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STRICT = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.95}\n"
LOOSE = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.5}\n"
SIZE = "version: 1\npolicies:\n  model-size-budget: {max_size: 1kB}\n"
FRAUD, SIZES = "policies/fraud.yaml", "policies/sizes.yaml"
RUN = "0" * 32
PASS = "yield Finding(outcome=Outcome.PASS, message='fine')"
JUDGED_TOO_LOW = ("fail", "block", "val_f1 is 0.91; it must be at least 0.95")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """A clone whose default branch asks for 0.95; the candidate of these tests has 0.91."""
    made = PullRequest(tmp_path / "clone")
    made.commit({FRAUD: STRICT}, "training/train.py")
    monkeypatch.chdir(made.clone.folder)
    return made


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        yield site


def check(here: PullRequest, *arguments: str, **facts: Any) -> Told:
    """Judge saved evidence that lies beside the clone."""
    change = ChangeRecord(pull_request=7, head_sha=here.clone.git("rev-parse", "HEAD"))
    project = Project(here.clone.folder.parent)
    project.saved(evidence(candidate(), **({"change": change} | facts)))
    saved = ("--evidence", "../evidence.json", "--format", "json", "--no-publish")
    return command("check", *saved, *arguments)


def source(told: Told) -> tuple[str, bool]:
    policies = told.report["policies"]
    return policies["ref"], policies["trusted"]


def changes(told: Told) -> list[tuple[str, str | None, str | None]]:
    return [
        (c["id"], c["outcome"], c["proposed_outcome"]) for c in told.report["proposal"]["changed"]
    ]


# ── what an author may try ────────────────────────────────────────────────────────────────────────


def test_a_limit_that_the_pull_request_loosens_still_judges_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: LOOSE})
    tip = here.clone.git("rev-parse", "main")
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert source(told) == (f"main@{tip[:7]}", True)
    proposal = told.report["proposal"]
    assert (proposal["verdict"], proposal["findings"]) == ("pass", 1)
    assert proposal["digest"] != told.report["policies"]["digest"]
    assert proposal["changed"] == [
        {
            "policy_file": FRAUD,
            "run_id": RUN,
            "id": "metric-threshold",
            "part": "min",
            "outcome": "fail",
            "effect": "block",
            "proposed_outcome": "pass",
            "proposed_effect": "none",
        }
    ]


def test_a_policy_folder_that_the_pull_request_deletes_still_judges_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: None})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert told.report["proposal"] == {
        "digest": None,
        "verdict": None,
        "problem": "the pull request leaves no policy file",
        "findings": 0,
        "changed": [],
        "edits": [
            {
                "policy_file": FRAUD,
                "key": "policies.metric-threshold",
                "change": "removed",
                "strictness": "looser",
                "level": "overridable",
                "before": "{metric: val_f1, min: 0.95}",
                "after": None,
                "was": {"file": FRAUD, "line": 3},
                "where": None,
            }
        ],
        "more_edits": 0,
        "champions": [],
    }


def test_a_policy_file_that_the_pull_request_deletes_still_judges_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({SIZES: SIZE})
    here.propose({FRAUD: None})
    here.enter(monkeypatch)
    told = check(here)
    assert [s["verdict"] for s in told.report["subjects"]] == ["fail", "fail"]
    assert changes(told) == [("metric-threshold", "fail", None)]


def test_a_policy_file_that_the_pull_request_adds_judges_nothing_yet(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({FRAUD: LOOSE})
    here.propose({SIZES: SIZE})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.report["verdict"]) == (0, "pass")
    assert [s["policy_file"] for s in told.report["subjects"]] == [FRAUD]
    assert changes(told) == [("model-size-budget", None, "fail")]
    assert told.report["proposal"]["verdict"] == "fail"


def test_a_policy_file_that_is_merely_renamed_changes_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: None, "policies/risk.yaml": STRICT})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.subject["policy_file"]) == (1, FRAUD)
    assert (changes(told), told.report["proposal"]["findings"]) == ([], 1)


def test_a_folder_that_is_renamed_judges_by_the_name_that_the_job_gives(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: None, "rules/fraud.yaml": LOOSE})
    here.enter(monkeypatch)
    assert check(here).findings == [JUDGED_TOO_LOW]


def test_a_mandatory_binding_that_the_pull_request_turns_off_still_judges_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = STRICT.replace("0.95}", "0.95, level: mandatory}")
    here.commit({"policies/_base.yaml": base, FRAUD: "version: 1\nextends: [_base.yaml]\n"})
    here.propose({FRAUD: "version: 1\nextends: [_base.yaml]\npolicies:\n  metric-threshold: off\n"})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert told.subject["findings"][0]["level"] == "mandatory"
    assert told.report["proposal"]["problem"] == (
        f"{FRAUD}:4:21: policies.metric-threshold: the binding is mandatory "
        "(policies/_base.yaml:3); it cannot be turned off\n"
        "  remove the line, or change policies/_base.yaml:3\n"
        "1 problem found; nothing was evaluated."
    )


def test_a_part_that_the_pull_request_loosens_still_judges_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({"policies/_base.yaml": STRICT, FRAUD: "version: 1\nextends: [_base.yaml]\n"})
    here.propose({"policies/_base.yaml": LOOSE})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert changes(told) == [("metric-threshold", "fail", "pass")]


WAIVERS = """\
version: 1
waivers:
  - id: metric-threshold
    run: "{run}"
    ceiling: 0.9
    reason: next week
    owner: "@ana"
    approved_by: "@ben"
    ticket: ML-12
    expires: 2026-12-01
"""
NOVEMBER = ("--at", "2026-11-22T12:00:00Z")


def test_a_waiver_that_the_pull_request_adds_waives_nothing_yet(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"policies/waivers.yaml": WAIVERS.format(run=RUN)})
    here.enter(monkeypatch)
    told = check(here, *NOVEMBER)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    proposal = told.report["proposal"]
    assert (proposal["problem"], proposal["verdict"]) == (None, "warn")
    assert [(c["effect"], c["proposed_effect"]) for c in proposal["changed"]] == [
        ("block", "waived")
    ]


def test_a_waiver_of_the_default_branch_holds_though_the_pull_request_deletes_it(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({"policies/waivers.yaml": WAIVERS.format(run=RUN)})
    here.propose({"policies/waivers.yaml": None})
    here.enter(monkeypatch)
    told = check(here, *NOVEMBER)
    assert (told.code, told.report["verdict"]) == (0, "warn")
    assert told.report["proposal"]["verdict"] == "fail"


def test_a_plugin_that_only_the_pull_request_names_is_not_even_imported(
    here: PullRequest, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("import os\nos.environ['ACME_WAS_HERE'] = '1'\n" + policy_module(PASS))
    here.propose({FRAUD: LOOSE + "  acme-rule: on\nplugins: [acme-policies]\n"})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert told.report["proposal"]["problem"] == (
        "only the proposal names the plugin 'acme-policies' under `plugins:`; "
        "a plugin is not loaded before the default branch names it"
    )
    assert "ACME_WAS_HERE" not in os.environ


def test_a_plugin_that_the_default_branch_names_judges_the_proposal_too(
    here: PullRequest, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install(policy_module(PASS))
    here.commit({FRAUD: "version: 1\nplugins: [Acme_Policies]\npolicies: {acme-rule: on}\n"})
    here.propose({FRAUD: LOOSE + "  acme-rule: on\nplugins: [acme-policies]\n"})
    here.enter(monkeypatch)
    assert changes(check(here)) == [("metric-threshold", None, "pass")]
    here.propose({FRAUD: "version: 1\npolicies: {acme-rule: on}\n"})
    here.enter(monkeypatch)
    problem = check(here).report["proposal"]["problem"]
    assert problem.startswith(f"{FRAUD}:2:12: policies.acme-rule: no policy is called 'acme-rule'")


def test_what_lies_about_in_the_work_tree_judges_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uncommitted file of the work tree, an earlier step's perhaps, judges nothing."""
    here.propose({}, "training/forest.py")
    here.enter(monkeypatch)
    here.write({FRAUD: LOOSE, "policies/other.yaml": "no: [policy"})
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert told.report["proposal"] is None


def test_a_proposal_that_cannot_be_read_is_said(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it only adds files, or puts something else in the place of the folder."""
    here.fetch()
    here.clone.git("checkout", "--quiet", "-B", "forest")
    (here.clone.folder / "policies" / "more.yaml").symlink_to("/etc/passwd")
    here.commit()
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert told.report["proposal"]["problem"] == (
        "'policies/more.yaml' is a symbolic link; a policy file is a plain file"
    )
    here.clone.git("rm", "-r", "--quiet", "policies")
    (here.clone.folder / "policies").symlink_to("training")
    here.commit()
    here.enter(monkeypatch)
    assert check(here).report["proposal"]["problem"] == (
        "'policies' is a symbolic link; a policy file is a plain file"
    )


def test_the_verdict_is_the_same_whatever_the_proposal_is(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the byte, but for what is said of the proposal itself."""
    at = ("--at", "2026-11-22T12:00:00Z")
    here.propose({}, "training/forest.py")
    change = ChangeRecord(pull_request=7)  # of no commit: each proposal is another one
    here.enter(monkeypatch)
    before = check(here, *at, change=change).report
    proposals = {
        "valid": {FRAUD: LOOSE},
        "another metric": {FRAUD: LOOSE.replace("val_f1", "auc")},
        "not YAML": {FRAUD: "version: 1\npolicies: ["},
        "a bomb": {FRAUD: "a: &a [x]\n" + "\n".join(f"b{i}: [*a]" for i in range(9))},
        "large": {FRAUD: "#" * 2**21},
        "binary": {FRAUD: "version: 1\x00"},
        "a pack that nobody has": {FRAUD: "version: 1\nextends: [no-such-pack]\n"},
        "a rule that is not known": {FRAUD: LOOSE + "baseline: [{oracle: delphi}]\n"},
        "two files that bind one id": {SIZES: LOOSE},
        "evidence names": {FRAUD: LOOSE + "evidence: {names: {val_f1: lucky}, max_text: 1kB}\n"},
        "baseline rules": {FRAUD: LOOSE + "baseline: [{alias: champion}]\n"},
        "many files": {f"policies/p{i}.yaml": LOOSE for i in range(501)},
    }
    tip = here.clone.git("rev-parse", "forest")
    for name, files in proposals.items():
        here.clone.git("reset", "--quiet", "--hard", tip)
        here.propose(dict(files))
        here.enter(monkeypatch)
        report = check(here, *at, change=change).report
        assert report.pop("proposal") is not None, name
        assert report == {k: v for k, v in before.items() if k != "proposal"}, name


def test_a_proposal_that_breaks_the_engine_down_changes_no_verdict(
    here: PullRequest, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = "\n    def rules(self):\n        raise SystemExit(0)\n"
    module = policy_module(PASS).replace("\n    def evaluate", rules + "\n    def evaluate")
    site.install(module)
    here.commit({FRAUD: STRICT + "plugins: [acme-policies]\n"})
    here.propose({FRAUD: STRICT + "  acme-rule: on\nplugins: [acme-policies]\n"})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])


def test_two_proposed_files_that_bind_one_id_are_a_problem_of_the_proposal(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({SIZES: LOOSE})
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    problem = told.report["proposal"]["problem"]
    assert problem.startswith(f"{FRAUD}:3 and {SIZES}:3 both bind 'metric-threshold'")


# ── which commit's policies ───────────────────────────────────────────────────────────────────────


def test_the_default_branch_s_tip_judges_and_not_the_base_that_the_event_names(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an old pull request `base.sha` is stale: the policies were tightened since."""
    here.commit({FRAUD: LOOSE})
    base = here.fetch()
    here.propose({}, "training/forest.py")
    here.clone.git("checkout", "--quiet", "main")
    here.commit({FRAUD: STRICT})
    tip = here.fetch()
    here.clone.git("checkout", "--quiet", "forest")
    here.enter(monkeypatch, base=base)
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert source(told) == (f"main@{tip[:7]}", True)
    assert told.report["proposal"] is None, "the pull request itself edits no policy"


def test_what_the_default_branch_gained_meanwhile_is_no_proposal(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = here.fetch()
    here.propose({FRAUD: LOOSE})
    here.clone.git("checkout", "--quiet", "main")
    here.commit({SIZES: SIZE})
    here.fetch()
    here.clone.git("checkout", "--quiet", "forest")
    here.enter(monkeypatch, base=base)
    assert changes(check(here)) == [("metric-threshold", "fail", "pass")]


def test_a_merge_group_is_judged_by_the_default_branch(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: LOOSE})
    here.enter(monkeypatch, "merge_group")
    told = check(here)
    assert (told.code, told.findings) == (1, [JUDGED_TOO_LOW])
    assert changes(told) == [("metric-threshold", "fail", "pass")]


def test_a_shallow_clone_without_a_token_decides_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: LOOSE})
    here.clone.git("update-ref", "-d", "refs/remotes/origin/main")
    here.enter(monkeypatch)
    told = check(here)
    assert (told.code, told.out) == (3, "")
    assert told.err == (
        "policy-engine: the policies of main judge this pull request, this clone does not have "
        "origin/main of acme/fraud, and the API does not help: GITHUB_TOKEN is not set: "
        "give the step `env: GITHUB_TOKEN: ${{ github.token }}`; "
        "check out with `fetch-depth: 0`, or give the step GITHUB_TOKEN\n"
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://github.com/eve/fraud",
        "https://github.com/acme/fraud/../../eve/fraud",
        "https://github.com.evil.example/acme/fraud",
        "https://evil.example/https://github.com/acme/fraud",
        "/home/runner/acme/fraud",
    ],
)
def test_a_clone_of_anything_but_the_repository_is_not_asked_for_its_default_branch(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """With the fork checked out, `origin/main` is the author's."""
    here.propose({FRAUD: LOOSE})
    here.clone.git("remote", "set-url", "origin", address)
    here.enter(monkeypatch)
    assert check(here).code == 3


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS + ".git",
        ADDRESS + "/",
        "https://x-access-token:secret@github.com/acme/fraud.git",
        "git@github.com:acme/fraud.git",
        "ssh://git@github.com/Acme/Fraud",
    ],
)
def test_a_clone_of_the_repository_is_known_by_any_of_its_addresses(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    here.propose({FRAUD: LOOSE})
    here.clone.git("remote", "set-url", "origin", address)
    here.enter(monkeypatch)
    assert source(check(here))[1] is True


def test_a_link_among_the_trusted_policies_decides_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here.clone.folder / "policies" / "link.yaml").symlink_to("/etc/passwd")
    here.commit()
    here.propose({}, "training/forest.py")
    here.enter(monkeypatch)
    told = check(here)
    tip = here.clone.git("rev-parse", "main")[:7]
    assert (told.code, told.err) == (
        3,
        (
            f"policy-engine: the policies of main@{tip} judge this pull request and cannot be "
            "read: 'policies/link.yaml' is a symbolic link; a policy file is a plain file\n"
        ),
    )


def test_a_trusted_folder_behind_a_link_decides_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it counted as absent, the proposal would judge itself."""
    (here.clone.folder / "conf").symlink_to(".")
    here.commit()
    here.propose({FRAUD: LOOSE})
    here.enter(monkeypatch)
    told = check(here, "--policies", "conf/policies")
    assert told.code == 3
    assert "'conf' is a symbolic link; policy files lie in plain folders" in told.err


def test_a_trusted_policy_file_that_is_too_large_decides_nothing(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({"policies/large.yaml": "#" * (2**20 + 1)})
    here.propose({}, "training/forest.py")
    here.enter(monkeypatch)
    told = check(here)
    assert told.code == 3
    assert "'policies/large.yaml' is larger than 1048576 bytes" in told.err


def test_trusted_policies_that_are_wrong_are_a_wrong_policy_file(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.commit({FRAUD: STRICT.replace("min:", "mim:")})
    here.propose({FRAUD: LOOSE})
    here.enter(monkeypatch)
    told = check(here)
    tip = here.clone.git("rev-parse", "main")[:7]
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith(
        f"policy-engine: the policies of main@{tip} judge this pull request, and they are wrong:\n"
        f"{FRAUD}:3:38: policies.metric-threshold.mim: unknown setting"
    )


# ── no policies yet ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    """A clone whose default branch has no policies."""
    made = PullRequest(tmp_path / "new")
    made.commit({"policies/README.md": "to come\n"}, "training/train.py")
    monkeypatch.chdir(made.clone.folder)
    return made


@pytest.mark.parametrize("event", ["pull_request", "merge_group"])
def test_the_first_policies_judge_themselves_and_let_nothing_pass_without_a_warning(
    new: PullRequest, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    head = new.propose({FRAUD: LOOSE})
    new.enter(monkeypatch, event)
    told = check(new, change=None)
    assert (told.code, told.report["verdict"]) == (0, "warn")
    assert source(told) == (head[:7], False)
    assert told.report["proposal"] is None


def test_the_first_policies_block_what_they_do_not_let_pass(
    new: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    new.propose({FRAUD: STRICT})
    new.enter(monkeypatch)
    assert check(new).findings == [JUDGED_TOO_LOW]


def test_no_policies_anywhere_judge_nothing(
    new: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    new.propose({}, "training/forest.py")
    new.enter(monkeypatch)
    told = check(new)
    tip = new.clone.git("rev-parse", "main")[:7]
    assert (told.code, told.out, told.err) == (
        2,
        "",
        (
            "policy-engine: there is no policy file at 'policies', "
            f"neither in main@{tip} nor in the pull request\n"
        ),
    )


def test_first_policies_that_cannot_be_read_decide_nothing(
    new: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    new.propose({}, "training/forest.py")
    (new.clone.folder / "policies" / "link.yaml").symlink_to("/etc/passwd")
    new.commit()
    new.enter(monkeypatch)
    told = check(new)
    assert told.code == 3
    assert told.err.endswith(
        "has no policy file at 'policies', and those of the pull request cannot be read: "
        "'policies/link.yaml' is a symbolic link; a policy file is a plain file\n"
    )


# ── which paths ───────────────────────────────────────────────────────────────────────────────────


def test_one_file_and_a_path_from_the_root_are_read_from_the_default_branch_too(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: LOOSE})
    here.enter(monkeypatch)
    for path in (FRAUD, "./policies/", str(here.clone.folder / "policies"), "training/../policies"):
        told = check(here, "--policies", path)
        assert (told.findings, told.subject["policy_file"]) == ([JUDGED_TOO_LOW], FRAUD), path


def test_a_command_that_runs_in_a_folder_of_the_repository_reads_the_same_files(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: LOOSE})
    here.enter(monkeypatch)
    record = evidence(candidate(), change=ChangeRecord(pull_request=7))
    Project(here.clone.folder.parent).saved(record)
    saved = ("--evidence", str(here.clone.folder.parent / "evidence.json"), "--format", "json")
    monkeypatch.chdir(here.clone.folder / "policies")
    told = command("check", *saved, "--policies", ".")
    assert (told.findings, told.subject["policy_file"]) == ([JUDGED_TOO_LOW], "fraud.yaml")
    assert changes(told) == [("metric-threshold", "fail", "pass")]
    monkeypatch.chdir(here.clone.folder / "training")
    assert command("check", *saved, "--policies", "../policies").findings == [JUDGED_TOO_LOW]


@pytest.mark.parametrize("path", ["/etc/policies", "../policies", "policies/../../x.yaml"])
def test_policies_outside_the_repository_are_refused(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Whoever put them there, they are not the default branch's."""
    Project(here.clone.folder.parent).policy(LOOSE)
    here.propose({}, "training/forest.py")
    here.enter(monkeypatch)
    told = check(here, "--policies", path)
    assert told.code == 2
    assert "lies outside the repository" in told.err


def test_a_path_that_only_the_pull_request_has_takes_no_other_path_away(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({"more/sizes.yaml": SIZE})
    here.enter(monkeypatch)
    told = check(here, "--policies", "policies", "--policies", "more")
    assert told.findings == [JUDGED_TOO_LOW]
    assert changes(told) == [("model-size-budget", None, "fail")]


@pytest.mark.parametrize("touches", ["training/forest.py", "policies/more.yaml"])
def test_a_path_that_nobody_has_is_refused_beside_one_that_is_there(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, touches: str
) -> None:
    """One letter wrong, and a second folder of policies would judge nothing for ever."""
    here.commit({"policies-eu/sizes.yaml": SIZE})
    here.propose({touches: LOOSE})
    tip = here.clone.git("rev-parse", "main")
    here.enter(monkeypatch)
    told = check(here, "--policies", "policies", "--policies", "polices-eu")
    assert (told.code, told.out) == (2, "")
    assert told.err.endswith(
        f"policy-engine: there is no policy file at 'polices-eu', neither in main@{tip[:7]} "
        "nor in the pull request\n"
    )


@pytest.mark.parametrize("event", ["pull_request", "merge_group"])
@pytest.mark.parametrize("named", [False, True])
def test_evidence_of_an_earlier_commit_does_not_judge_a_later_one(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch, event: str, named: bool
) -> None:
    """A file that a cache brought back, or an artifact of the last push."""
    earlier = here.propose({}, "training/forest.py")
    head = here.propose({}, "training/worse.py")
    here.enter(monkeypatch, event)
    told = check(here, named=named, change=ChangeRecord(pull_request=7, head_sha=earlier))
    assert (told.code, told.subject["verdict"]) == (3, "error")
    assert told.subject["reason"] == (
        f"the evidence is of commit {earlier[:12]}, and this job about {head[:12]}: "
        "collect it again"
    )


def test_evidence_of_the_merge_commit_is_the_pull_request_s(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({}, "training/forest.py")
    here.enter(monkeypatch, merge="b" * 40)
    change = ChangeRecord(pull_request=7, head_sha="b" * 40)
    run = candidate(tags={"policy_engine.head_sha": "b" * 40})
    project = Project(here.clone.folder.parent)
    project.saved(evidence(run, change=change, named=False))
    told = command("check", "--evidence", "../evidence.json", "--format", "json")
    assert told.findings == [JUDGED_TOO_LOW]


def test_runs_that_a_flag_named_are_judged_from_a_file_too(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({}, "training/forest.py")
    here.enter(monkeypatch)
    told = check(here, named=True, change=None)
    assert told.findings == [JUDGED_TOO_LOW]


# ── outside a pull request ────────────────────────────────────────────────────────────────────────


def test_a_push_is_judged_by_the_work_tree_s_policies(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.fetch()
    here.enter(monkeypatch, "push")
    told = check(here, change=None)
    head = here.clone.git("rev-parse", "HEAD")
    assert (told.findings, source(told)) == ([JUDGED_TOO_LOW], (f"main@{head[:7]}", True))


def test_validate_reads_the_work_tree_even_in_a_pull_request(
    here: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.propose({FRAUD: "version: 1\npolicies: {no-such-policy: on}\n"})
    here.enter(monkeypatch)
    assert command("validate").code == 2
