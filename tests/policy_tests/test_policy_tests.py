"""Policy tests: what a case may say, what differs, what is covered, and what `record` keeps."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from policy_engine.evidence.record import DatasetRecord, FileRecord, Invalid, ModelRecord, RunRecord
from policy_engine.policy_tests import judged, read_tests
from policy_engine.policy_tests.sharing import kept_run
from tests.command import Told, candidate, command, evidence

if TYPE_CHECKING:
    from tests.conftest import MlflowServer, Trained

ROOT = Path(__file__).resolve().parents[2]
POLICIES = """\
version: 1
metric: {name: val_f1, goal: maximize}
baseline: [{alias: champion}]
policies:
  model-size-budget: {max_size: 200MB, max_growth: 10%}
  baseline-logged: {when: 'candidate.tags.region == "eu"', on_missing: warn}
"""
CASES = """\
version: 1
policy_file: ../fraud.yaml
cases:
  - name: small
    evidence:
      candidate: {metrics: {val_f1: 0.91}, model: {size: 150MB}, tags: {region: eu}}
      baseline: {metrics: {val_f1: 0.9}, model: {size: 149MB}}
    expect:
      model-size-budget: pass
      baseline-logged: {outcome: pass, effect: none, message: has val_f1 0.9}
  - name: large
    at: 2026-11-22T12:00:00Z
    evidence:
      candidate: {model: {size: 250MB}, tags: {region: us}}
    expect:
      model-size-budget:
        - {part: size, outcome: fail, message: at most 200.0 MB, effect: block}
        - {part: growth, outcome: missing}
      baseline-logged: not-applicable
"""


class Folder:
    """A folder with a policy file and its tests, which is the working directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write(POLICIES, "policies/fraud.yaml")
        self.write(CASES)

    def write(self, text: str, path: str = "policies/tests/fraud.yaml") -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def case(self, expect: str, candidate: str = "{model: {size: 250MB}}", more: str = "") -> Told:
        """Judge one case."""
        self.write(
            "version: 1\npolicy_file: ../fraud.yaml\ncases:\n"
            f"  - name: one\n    evidence:\n      candidate: {candidate}\n{more}"
            f"    expect: {expect}\n"
        )
        return command("test")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return Folder(tmp_path)


def test_the_packs_find_what_their_tests_expect_and_every_policy_is_covered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    told = command("test", "--require-coverage")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("15 cases: all as expected\n")


# --- what differs -----------------------------------------------------------------------------


def test_cases_that_come_out_as_expected_are_named(folder: Folder) -> None:
    told = command("test")
    assert (told.code, told.err) == (0, "")
    assert told.out == (
        "policies/tests/fraud.yaml (policies/fraud.yaml)\n"
        "  ok      small\n"
        "  ok      large\n"
        "2 cases: all as expected\n"
    )


def test_a_case_that_differs_says_what_was_expected_and_all_that_was_found(folder: Folder) -> None:
    folder.write(CASES.replace("outcome: fail, message", "outcome: pass, message"))
    told = command("test")
    assert (told.code, told.err) == (1, "")
    assert told.out == (
        "policies/tests/fraud.yaml (policies/fraud.yaml)\n"
        "  ok      small\n"
        "  differs large\n"
        "          model-size-budget [size]: expected pass, found fail "
        "(policies/tests/fraud.yaml:17)\n"
        "            found [size] fail, block: "
        "model size is 250.0 MB; it must be at most 200.0 MB\n"
        "            found [growth] missing, block: "
        "no baseline (the case: it has no such baseline)\n"
        "2 cases: 1 differs\n"
    )


@pytest.mark.parametrize(
    ("expect", "why"),
    [
        ("{model-size-budget: pass}", "expected pass, found fail"),
        ("{model-size-budget: missing}", "expected missing, found fail"),
        (
            "{model-size-budget: {outcome: fail, message: '300'}}",
            "expected a message with '300'",
        ),
        (
            "{model-size-budget: {outcome: fail, effect: warn}}",
            "expected the effect warn, found block",
        ),
        (
            "{model-size-budget: {outcome: fail, part: speed}}",
            "it found nothing of the part 'speed'",
        ),
        ("{model-size-budget: {outcome: pass, part: growth}}", "expected pass, found missing"),
    ],
)
def test_every_part_of_an_expectation_counts(folder: Folder, expect: str, why: str) -> None:
    told = folder.case(expect)
    assert told.code == 1
    assert f": {why} (policies/tests/fraud.yaml:7)\n" in told.out.replace("[speed]", "").replace(
        "[growth]:", ":"
    )


def test_a_policy_that_passes_in_one_part_and_fails_in_another_fails(folder: Folder) -> None:
    more = "      baseline: {metrics: {val_f1: 0.9}, model: {size: 249MB}}\n"
    assert folder.case("{model-size-budget: fail}", more=more).code == 0
    assert folder.case("{model-size-budget: pass}", more=more).code == 1


def test_a_policy_file_that_does_not_apply_judges_nothing(folder: Folder) -> None:
    folder.write(f"{POLICIES}applies_to: {{model: churn}}\n", "policies/fraud.yaml")
    told = folder.case("{model-size-budget: fail}")
    assert told.code == 1
    assert "nothing was judged: the policy file does not apply to the candidate" in told.out


def test_evidence_that_is_no_value_is_written_as_in_the_evidence_file(folder: Folder) -> None:
    nan = "{model: {size: {unreadable: HTTP 500}}, metrics: {val_f1: {invalid: NaN}}}"
    assert folder.case("{model-size-budget: error}", nan).code == 0


def test_waivers_change_nothing_here(folder: Folder) -> None:
    folder.write(
        "version: 1\nwaivers:\n  - {id: model-size-budget, model: model, ceiling: 300MB, reason: x,"
        " owner: x, approved_by: x, ticket: x, expires: 2027-01-31}\n",
        "policies/waivers.yaml",
    )
    assert folder.case("{model-size-budget: {outcome: fail, effect: block}}").code == 0


def test_the_moment_of_judgement_is_the_case_s_own(folder: Folder) -> None:
    folder.write(
        "version: 1\npolicies: {run-finished: {enforce_from: 2026-06-01}}\n", "policies/fraud.yaml"
    )
    text = "version: 1\npolicy_file: ../fraud.yaml\ncases:\n"
    for day, effect in (("2026-05-31T23:59:59Z", "warn"), ("2026-06-01T00:00:00Z", "block")):
        text += (
            f"  - {{name: {effect}, at: {day}, evidence: {{candidate: {{status: FAILED}}}}, "
            f"expect: {{run-finished: {{outcome: fail, effect: {effect}}}}}}}\n"
        )
    folder.write(text)
    assert command("test").out.endswith("2 cases: all as expected\n")


def test_a_test_may_judge_under_a_profile(folder: Folder) -> None:
    folder.write(
        "version: 1\npolicies: {model-size-budget: {max_size: 200MB}}\n"
        "profiles: {prod: {model-size-budget: {max_size: 100MB}}}\n",
        "policies/fraud.yaml",
    )
    head, case = "version: 1\npolicy_file: ../fraud.yaml\n", "{candidate: {model: {size: 150MB}}}"
    for name, outcome in {"": "pass", "profile: prod\n": "fail"}.items():
        folder.write(
            f"{head}{name}cases:\n"
            f"  - {{name: x, evidence: {case}, expect: {{model-size-budget: {outcome}}}}}\n"
        )
        assert command("test").code == 0, name
    folder.write(f"{head}profile: prdo\ncases: []\n")
    told = command("test")
    assert told.code == 2
    assert told.err == (
        "policy-engine: --profile prdo: policies/fraud.yaml has no profile of that name; "
        "did you mean 'prod'?\n"
    )


def test_collected_evidence_is_a_case_as_it_is(folder: Folder) -> None:
    record = evidence(candidate(metrics={"val_f1": 0.9}), collected_at=datetime.now(UTC))
    folder.write(record.to_text(), "policies/tests/evidence/run.json")
    folder.write("version: 1\npolicies: {run-finished: on}\n", "policies/fraud.yaml")
    folder.write(
        "version: 1\npolicy_file: ../fraud.yaml\ncases:\n"
        "  - {name: x, evidence: evidence/run.json, expect: {run-finished: pass}}\n"
    )
    assert command("test").code == 0


# --- no case, mistakes ------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["no folder", "an empty folder", "no case"])
def test_no_case_is_nothing_tested(folder: Folder, what: str) -> None:
    file = folder.path / "policies/tests/fraud.yaml"
    if what == "no case":
        folder.write("version: 1\npolicy_file: ../fraud.yaml\ncases: []\n")
    else:
        file.unlink()
    if what == "no folder":
        file.parent.rmdir()
    told = command("test")
    assert (told.code, told.out) == (4, "there is no case: nothing was tested\n")


def test_a_path_that_is_not_there_is_a_mistake(folder: Folder) -> None:
    told = command("test", "policies/test")
    assert (told.code, told.err) == (
        2,
        "policy-engine: policy tests 'policies/test': No such file or directory\n",
    )


MISTAKES = """\
version: 1
policy_file: ../fraud.yaml
case: []
cases:
  - name: x
    evidence:
      candidate: {statuss: x}
      basline: {}
    expect: {model-size-budgt: pass, baseline-logged: passes}
  - {name: y, at: yesterday}
  - {name: z, evidence: nowhere.json, expect: {}}
  - name: w
    evidence: {candidate: {model: {size: 15 bananas}}}
    expect: {model-size-budget: {outcome: fail, par: x}}
"""
SAID = """\
policies/tests/fraud.yaml:3:1: case: unknown setting
  did you mean 'cases'?
policies/tests/fraud.yaml:7:19: cases[0].evidence.candidate.statuss: unknown setting
  did you mean 'status'?
policies/tests/fraud.yaml:8:7: cases[0].evidence.basline: unknown setting
  did you mean 'baseline'?
policies/tests/fraud.yaml:9:14: cases[0].expect.model-size-budgt: policies/fraud.yaml binds no \
'model-size-budgt'
  did you mean 'model-size-budget'?
policies/tests/fraud.yaml:9:55: cases[0].expect.baseline-logged: 'passes' is none of pass, fail, \
missing, inconclusive, not-applicable, error
  did you mean 'pass'?
policies/tests/fraud.yaml:10:5: cases[1].evidence: missing setting
  write it like cases: [{name: …, evidence: {candidate: {…}}, expect: {model-size-budget: fail}}]
policies/tests/fraud.yaml:10:5: cases[1].expect: missing setting
  write it like cases: [{name: …, evidence: {candidate: {…}}, expect: {model-size-budget: fail}}]
policies/tests/fraud.yaml:10:19: cases[1].at: expected a moment, got 'yesterday'
  write it like 2026-11-22T12:00:00Z, without quotes
policies/tests/fraud.yaml:11:25: cases[2].evidence: there is no evidence file 'nowhere.json' here
policies/tests/fraud.yaml:11:47: cases[2].expect: nothing is expected
  write it like expect: {model-size-budget: fail}
policies/tests/fraud.yaml:13:42: cases[3].evidence.candidate.model.size: '15 bananas' has no known \
unit of size; write it like 200MB or 1.5GiB
policies/tests/fraud.yaml:14:49: cases[3].expect.model-size-budget.par: unknown setting
  did you mean 'part'?
12 problems found; nothing was evaluated.
"""


def test_every_mistake_of_a_test_is_said_at_once(folder: Folder) -> None:
    folder.write(MISTAKES)
    told = command("test")
    assert (told.code, told.out, told.err) == (2, "", SAID)


@pytest.mark.parametrize(
    ("candidate", "problem"),
    [
        ('{metrics: {val_f1: "0.91"}}', "6:37: {}.metrics.val_f1: input should be a valid number"),
        ("{model: {size: -1}}", "6:33: {}.model.size: input should be greater than or equal to 0"),
        ("{tags: {dirty: true}}", "6:33: {}.tags.dirty: input should be a valid string"),
        ("{duration: 3}", "6:29: {}.duration: expected a duration such as 30s, got 3"),
        (
            "{duration: 1e9d}",
            "6:29: {}.duration: the run would end when no calendar goes so far",
        ),
        ("{model: {flavours: [x]}}", "6:37: {}.model.flavours: unknown setting"),
    ],
)
def test_evidence_of_the_wrong_kind_is_named_with_its_place(
    folder: Folder, candidate: str, problem: str
) -> None:
    told = folder.case("{model-size-budget: fail}", candidate)
    assert told.code == 2
    place = problem.format("cases[0].evidence.candidate")
    assert told.err == (
        f"policies/tests/fraud.yaml:{place}\n1 problem found; nothing was evaluated.\n"
    )


@pytest.mark.parametrize("at", ["0001-01-01", "9999-12-31T23:59:59Z"])
def test_a_moment_that_nothing_can_be_reckoned_from_is_a_mistake(folder: Folder, at: str) -> None:
    folder.write(MISTAKES.replace("at: yesterday", f"at: {at}"))
    said = SAID.replace(
        "expected a moment, got 'yesterday'\n  write it like 2026-11-22T12:00:00Z, without quotes",
        f"expected a year from 1970 to 8999, got {int(at[:4])}",
    )
    assert command("test").err == said


def test_two_cases_of_one_name_and_a_policy_file_that_is_not_there_are_mistakes(
    folder: Folder,
) -> None:
    folder.write(CASES.replace("name: large", "name: small"))
    assert "two cases are called 'small'" in command("test").err
    folder.write(CASES.replace("../fraud.yaml", "../frauds.yaml"))
    assert command("test").err == (
        "policies/tests/fraud.yaml:2:14: policy_file: there is no file 'policies/frauds.yaml'\n"
        "  write it from this file's own folder\n"
        "1 problem found; nothing was evaluated.\n"
    )


def test_a_policy_file_that_is_wrong_is_said_as_validate_says_it(folder: Folder) -> None:
    folder.write("version: 1\npolicies: {run-finishd: on}\n", "policies/fraud.yaml")
    told = command("test")
    assert told.code == 2
    assert told.err == command("validate", "policies/fraud.yaml").err


def test_evidence_is_read_from_the_repository_alone(folder: Folder, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.json"
    outside.write_text(evidence(candidate()).to_text())
    folder.write(
        "version: 1\npolicy_file: ../fraud.yaml\ncases:\n"
        f"  - {{name: x, evidence: ../../../{outside.name}, expect: {{model-size-budget: pass}}}}\n"
    )
    assert "there is no evidence file" in command("test").err


# --- coverage ---------------------------------------------------------------------------------


def test_coverage_wants_each_policy_to_pass_to_fail_and_to_miss(folder: Folder) -> None:
    told = command("test", "--require-coverage")
    assert told.code == 1
    assert told.out.endswith(
        "not covered: policies/fraud.yaml: baseline-logged: no case expects fail or missing\n"
        "2 cases: all as expected; 1 not covered\n"
    )


def test_what_no_case_can_show_is_said_with_its_reason(folder: Folder) -> None:
    folder.write(
        f"{CASES}not_possible:\n  baseline-logged: {{fail: no rule finds such a run, missing: x}}\n"
    )
    assert command("test", "--require-coverage").code == 0
    folder.write(f"{CASES}not_possible: {{baseline-logged: {{fail: on}}}}\n")
    assert "a reason is needed" in command("test").err


def test_a_policy_file_beside_that_no_test_names_is_not_covered(folder: Folder) -> None:
    folder.write("version: 1\npolicies: {run-finished: on}\n", "policies/other.yaml")
    assert (
        "not covered: policies/other.yaml: run-finished: no case expects pass or fail or missing\n"
        in command("test", "--require-coverage").out
    )


def test_a_case_that_differs_covers_nothing(folder: Folder) -> None:
    folder.write(CASES.replace("model-size-budget: pass", "model-size-budget: fail"))
    told = command("test", "--require-coverage")
    assert "model-size-budget: no case expects pass\n" in told.out


# --- JUnit ------------------------------------------------------------------------------------


def test_junit_has_a_case_for_each_case(folder: Folder) -> None:
    folder.write(CASES.replace("outcome: fail, message", "outcome: pass, message"))
    told = command("test", "--format", "junit=out.xml", "--format", "text", "--require-coverage")
    assert told.code == 1
    assert told.out.startswith("policies/tests/fraud.yaml")
    root = ET.parse(folder.path / "out.xml").getroot()  # noqa: S314 (we wrote it)
    assert (root.get("tests"), root.get("failures")) == ("4", "3")
    small, large = root.findall("testsuite[1]/testcase")
    assert (small.get("name"), len(small)) == ("small", 0)
    assert (large.get("file"), large.get("line")) == ("policies/tests/fraud.yaml", "11")
    failure = large.find("failure")
    assert failure is not None
    assert failure.get("message") == "model-size-budget: expected pass, found fail"


def test_junit_of_nothing_is_an_error(folder: Folder) -> None:
    (folder.path / "policies/tests/fraud.yaml").unlink()
    told = command("test", "--format", "junit")
    assert told.code == 4
    assert ET.fromstring(told.out).get("errors") == "1"  # noqa: S314 (we wrote it)


def test_formats_are_known_and_one_goes_to_stdout(folder: Folder) -> None:
    assert command("test", "--format", "html").err == (
        "policy-engine: --format html: unknown; choose from junit, text\n"
    )
    assert command("test", "--format", "text", "--format", "junit").err == (
        "policy-engine: --format: text and junit both go to stdout; write one as NAME=FILE\n"
    )


# --- record -----------------------------------------------------------------------------------

_SECRETS = (
    "ana.berg@example.org",
    "/home/ana/data.csv",
    "https://user:pw@host/x",
    "AKIAIOSFODNN7EXAMPLE",
    "brave-otter-12",
    "/Users/ana@example.org/fraud",
)


def _revealing() -> RunRecord:
    mail, path, url, token, name, experiment = _SECRETS
    return candidate(
        run_name=name,
        experiment=experiment,
        params={
            "depth": "3",
            "user": "ana",
            "data": path,
            "token": "abc",
            "url": url,
            "kind": token,
        },
        tags={
            "mlflow.user": "ana",
            "mlflow.note.content": mail,
            "mlflow.source.name": path,
            "model.family": mail,
            "team": "risk",
            "policy_engine.dirty": "false",
            "cut": Invalid(invalid=path),
        },
        datasets=(DatasetRecord(name=path, digest="1", source=url, tags={"owner": mail}),),
        model=ModelRecord(
            model_id="m-" + "7" * 32,
            name=mail,
            size=10,
            files=(FileRecord(path=f"code/{mail}.py", size=3), FileRecord(path="MLmodel")),
            mlmodel={
                "run_id": token,
                "flavors": {"sklearn": {"x": path}},
                "metadata": {"by": mail},
            },
            texts={
                "requirements.txt": f"numpy==2.0\n--index-url {url}\nx @ {url}\n",
                "e.json": mail,
            },
        ),
    )


def test_what_is_kept_of_a_run_names_nobody() -> None:
    kept = kept_run(_revealing(), ["team"])
    text = yaml.safe_dump(kept)
    for secret in (*_SECRETS, "ana", "user", "abc", "7" * 32):
        assert secret not in text
    assert kept["params"] == {"depth": "3"}
    assert kept["tags"] == {"team": "risk", "policy_engine.dirty": "false"}
    assert kept["datasets"] == [{"name": "dataset-0", "digest": "1"}]
    assert kept["model"]["name"] == "model"
    assert kept["model"]["files"] == [{"path": "file-0.py", "size": 3}, {"path": "MLmodel"}]
    assert kept["model"]["mlmodel"] == {"flavors": {"sklearn": {}}}
    assert kept["model"]["texts"] == {"requirements.txt": "numpy==2.0\n"}


def _recorded(server: MlflowServer, run: str, *more: str) -> Told:
    return command("record", "--run", run, "--tracking-uri", server.uri, *more)


def test_a_recorded_run_is_a_test_that_passes(
    folder: Folder, mlflow_server: MlflowServer, trained: Trained
) -> None:
    folder.write(
        "version: 1\nextends: [recommended]\nmetric: {name: val_accuracy}\n"
        "baseline: [{alias: champion}]\n",
        "policies/fraud.yaml",
    )
    (folder.path / "policies/tests/fraud.yaml").unlink()
    path = "policies/tests/recorded.yaml"
    told = _recorded(mlflow_server, trained.candidate, "--output", path)
    assert (told.code, told.out) == (0, "")
    assert told.err == "read it through before you commit it: no list knows your names\n"
    text = (folder.path / path).read_text()
    assert text.startswith("# Recorded from a real run. What could say who is left out:\n")
    assert trained.candidate not in text
    assert "mlflow.user" not in text
    checked = command("test")
    assert (checked.code, checked.err) == (0, "")
    (test,) = read_tests([path], Path())
    (result,) = judged(test)
    assert len(result.case.expected) > 20
    again = _recorded(mlflow_server, trained.candidate, "--output", path)
    assert (again.code, again.err) == (
        2,
        f"policy-engine: {path} is there already; name a new file\n",
    )


def test_record_prints_and_says_what_it_left_out_where_that_changes_an_outcome(
    folder: Folder, mlflow_server: MlflowServer, trained: Trained
) -> None:
    folder.write("version: 1\npolicies: {run-finished: on}\n", "policies/fraud.yaml")
    told = _recorded(mlflow_server, trained.candidate, "--name", "ours")
    assert told.code == 0
    content: dict[str, Any] = yaml.safe_load(told.out)
    assert (content["policy_file"], content["cases"][0]["name"]) == ("../fraud.yaml", "ours")
    assert not re.search(r"^# run-finished", told.out, re.MULTILINE)


def test_record_is_of_one_policy_file_and_one_run(
    folder: Folder, mlflow_server: MlflowServer
) -> None:
    assert _recorded(mlflow_server, "0" * 32).code == 2
    folder.write(POLICIES, "policies/other.yaml")
    assert _recorded(mlflow_server, "0" * 32).err == (
        "policy-engine: a case is of one policy file: name one of policies/fraud.yaml, "
        "policies/other.yaml by --policies\n"
    )


# --- the docs ---------------------------------------------------------------------------------


def test_the_tests_that_the_docs_show_come_out_as_they_say(folder: Folder) -> None:
    page = (ROOT / "docs/reference/policy-tests.md").read_text("utf-8")
    blocks = re.findall(r"```(\w+)\n(# (policies/\S+)\n.*?)```", page, re.DOTALL)
    assert {language for language, _, _ in blocks} == {"yaml"}
    assert len(blocks) >= 2
    for _, text, path in blocks:
        folder.write(text, path)
    shown = re.search(r"\$ policy-engine test\n(.*?)```", page, re.DOTALL)
    assert shown is not None
    assert command("test").out == shown[1]
