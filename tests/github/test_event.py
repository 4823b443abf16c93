"""What GitHub Actions says of the change: whole events, and every way in which one can be wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policy_engine.errors import UsageError
from policy_engine.github.event import MAX_EVENT_BYTES, Event, EventError, read_event

EVENTS = Path(__file__).parent / "events"
GITHUB_SHA = "3" * 40

PULL_REQUEST = Event(
    name="pull_request",
    repository="acme/fraud",
    head_sha="1" * 40,
    merge_sha=GITHUB_SHA,
    base_sha="2" * 40,
    base_ref="main",
    default_branch="main",
    pull_request=12,
    author="ana",
    labels=("model", "überprüfen: größer 🚀"),
    is_fork=False,
    run_url="https://github.com/acme/fraud/actions/runs/4711",
    server_url="https://github.com",
)
PUSH = Event(
    name="push",
    repository="acme/fraud",
    head_sha=GITHUB_SHA,
    merge_sha=None,
    base_sha="2" * 40,
    base_ref=None,
    default_branch="main",
    pull_request=None,
    author=None,
    labels=(),
    is_fork=None,
    run_url="https://github.com/acme/fraud/actions/runs/4711",
    server_url="https://github.com",
)
# A workflow that follows the one of a pull request from a fork.
WORKFLOW_RUN = replace(
    PUSH,
    name="workflow_run",
    head_sha="1" * 40,
    base_sha=None,
    is_fork=True,
    follows="pull_request",
    head_branch="forest",
    head_repository="eve/fraud",
)


def environment(name: str, file: str | None = None) -> dict[str, str]:
    """Return what GitHub Actions sets for an event."""
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": name,
        "GITHUB_EVENT_PATH": str(EVENTS / f"{file or name}.json"),
        "GITHUB_REPOSITORY": "acme/fraud",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": GITHUB_SHA,
    }


@pytest.fixture
def event_file(tmp_path: Path) -> Path:
    """The event file of a pull request, to be spoilt."""
    file = tmp_path / "event.json"
    shutil.copy(EVENTS / "pull_request.json", file)
    return file


def spoil(event_file: Path, path: str, value: Any) -> dict[str, str]:
    """Set one value of an event file, and return the environment that names it."""
    content = json.loads(event_file.read_text("utf-8"))
    *parents, last = path.split(".")
    target = content
    for key in parents:
        target = target[key]
    target[last] = value
    event_file.write_text(json.dumps(content), "utf-8")
    return environment("pull_request") | {"GITHUB_EVENT_PATH": str(event_file)}


def followed(event_file: Path, **facts: Any) -> Event:
    """Return the event of a workflow that follows one with these facts."""
    content = json.loads((EVENTS / "workflow_run.json").read_text("utf-8"))
    content["workflow_run"] |= facts
    event_file.write_text(json.dumps(content), "utf-8")
    event = read_event(environment("workflow_run") | {"GITHUB_EVENT_PATH": str(event_file)})
    assert event is not None
    return event


def commented(event_file: Path, issue: dict[str, Any]) -> Event:
    """Return the event of a comment on an issue or a pull request."""
    repository = {"full_name": "acme/fraud", "default_branch": "main"}
    event_file.write_text(json.dumps({"repository": repository, "issue": issue}), "utf-8")
    event = read_event(environment("issue_comment") | {"GITHUB_EVENT_PATH": str(event_file)})
    assert event is not None
    return event


class TestWholeEvents:
    def test_pull_request_is_judged_at_its_head_not_at_its_merge(self) -> None:
        event = read_event(environment("pull_request"))
        assert event == PULL_REQUEST
        assert event.is_pull_request

    def test_pull_request_of_a_fork_says_so(self) -> None:
        event = read_event(environment("pull_request", "pull_request_fork"))
        assert event == replace(PULL_REQUEST, author="eve", labels=(), is_fork=True)

    def test_pull_request_of_a_fork_that_was_deleted_is_one_of_a_fork(
        self, event_file: Path
    ) -> None:
        event = read_event(spoil(event_file, "pull_request.head.repo", None))
        assert event == replace(PULL_REQUEST, is_fork=True)

    def test_pull_request_target_runs_on_the_base_so_there_is_no_merge_commit(self) -> None:
        event = read_event(environment("pull_request_target", "pull_request"))
        assert event == replace(PULL_REQUEST, name="pull_request_target", merge_sha=None)
        assert event.is_pull_request

    def test_review_is_about_its_pull_request(self) -> None:
        event = read_event(environment("pull_request_review", "pull_request"))
        assert event == replace(PULL_REQUEST, name="pull_request_review")
        assert event.is_pull_request

    def test_merge_group_names_its_pull_request_in_its_ref(self) -> None:
        event = read_event(environment("merge_group"))
        assert event == replace(
            PUSH,
            name="merge_group",
            head_sha="5" * 40,
            base_sha="6" * 40,
            base_ref="release/1.0",
            pull_request=12,
        )
        assert not event.is_pull_request

    def test_push_is_judged_at_its_own_commit(self) -> None:
        event = read_event(environment("push"))
        assert event == PUSH
        assert not event.is_pull_request

    def test_comment_on_a_pull_request_names_it_and_not_its_head(self, event_file: Path) -> None:
        issue = {
            "number": 12,
            "user": {"login": "ana"},
            "labels": [{"name": "model"}],
            "pull_request": {"url": "https://api.github.com/repos/acme/fraud/pulls/12"},
        }
        event = commented(event_file, issue)
        assert event == replace(
            PUSH,
            name="issue_comment",
            head_sha=None,
            base_sha=None,
            pull_request=12,
            author="ana",
            labels=("model",),
        )
        assert (event.is_proposal, event.names_commit, event.is_comment) == (True, True, True)

    def test_comment_on_an_issue_proposes_nothing(self, event_file: Path) -> None:
        event = commented(event_file, {"number": 12, "user": {"login": "ana"}, "labels": []})
        assert event == replace(PUSH, name="issue_comment", base_sha=None)
        assert (event.is_proposal, event.names_commit, event.is_comment) == (False, False, False)

    def test_workflow_dispatch_is_judged_at_its_own_commit(self) -> None:
        event = read_event(environment("workflow_dispatch"))
        assert event == replace(PUSH, name="workflow_dispatch", base_sha=None)

    def test_push_that_made_its_branch_found_no_commit_there(self, event_file: Path) -> None:
        event_file.write_text(json.dumps({"before": "0" * 40}))
        event = read_event(environment("push") | {"GITHUB_EVENT_PATH": str(event_file)})
        assert event is not None
        assert event.base_sha is None

    def test_workflow_run_is_judged_at_the_head_of_the_run_that_it_follows(self) -> None:
        """Its own GITHUB_SHA is the default branch; which pull request it is, the API knows."""
        event = read_event(environment("workflow_run"))
        assert event == WORKFLOW_RUN

    def test_workflow_run_names_no_pull_request_even_where_github_lists_some(
        self, event_file: Path
    ) -> None:
        listed = [{"number": 99, "head": {"sha": "1" * 40}}]
        assert followed(event_file, pull_requests=listed) == WORKFLOW_RUN

    def test_workflow_run_of_one_s_own_branch_is_of_no_fork(self, event_file: Path) -> None:
        event = followed(event_file, head_repository={"full_name": "acme/fraud"})
        assert event == replace(WORKFLOW_RUN, is_fork=False, head_repository="acme/fraud")

    def test_workflow_run_whose_fork_was_deleted_is_of_a_fork(self, event_file: Path) -> None:
        event = followed(event_file, head_repository=None)
        assert event == replace(WORKFLOW_RUN, head_repository=None)

    def test_workflow_run_after_a_merge_group_knows_its_pull_request(
        self, event_file: Path
    ) -> None:
        branch = f"gh-readonly-queue/main/pr-12-{'6' * 40}"
        event = followed(event_file, event="merge_group", head_branch=branch)
        assert (event.pull_request, event.is_proposal) == (12, True)

    def test_branch_of_a_fork_that_is_called_like_a_queue_names_no_pull_request(
        self, event_file: Path
    ) -> None:
        event = followed(event_file, head_branch=f"gh-readonly-queue/main/pr-12-{'6' * 40}")
        assert event.pull_request is None

    @pytest.mark.parametrize("value", [None, "", "false", "1", "TRUE"])
    def test_outside_github_actions_there_is_no_event(self, value: str | None) -> None:
        variables = environment("pull_request")
        del variables["GITHUB_ACTIONS"]
        assert (
            read_event(variables if value is None else variables | {"GITHUB_ACTIONS": value})
            is None
        )

    def test_server_of_a_company_is_the_one_of_the_run(self) -> None:
        variables = environment("push") | {"GITHUB_SERVER_URL": "https://github.acme.example:8443"}
        event = read_event(variables)
        assert event is not None
        assert event.run_url == "https://github.acme.example:8443/acme/fraud/actions/runs/4711"

    @pytest.mark.parametrize("name", ["GITHUB_SERVER_URL", "GITHUB_RUN_ID", "GITHUB_REPOSITORY"])
    def test_run_url_needs_all_its_parts(self, name: str) -> None:
        event = read_event(environment("push") | {name: ""})
        assert event is not None
        assert event.run_url is None


class TestWhatAnEventIsAbout:
    @pytest.mark.parametrize(
        ("name", "is_proposal", "names_commit"),
        [
            ("pull_request", True, True),
            ("pull_request_target", True, True),
            ("pull_request_review", True, True),
            ("pull_request_review_comment", True, True),
            ("merge_group", True, True),
            ("push", False, True),
            ("workflow_dispatch", False, True),
            ("schedule", False, False),
            ("repository_dispatch", False, False),
            ("issue_comment", False, False),
            ("release", False, False),
        ],
    )
    def test_event_is_of_a_proposal_of_a_commit_or_of_neither(
        self, name: str, is_proposal: bool, names_commit: bool
    ) -> None:
        event = replace(PUSH, name=name)
        assert (event.is_proposal, event.names_commit) == (is_proposal, names_commit)
        assert not event.is_second_stage

    @pytest.mark.parametrize(
        ("follows", "is_proposal"),
        [
            ("pull_request", True),
            ("pull_request_target", True),
            ("merge_group", True),
            ("push", False),
            ("schedule", False),
            ("workflow_dispatch", False),
            ("repository_dispatch", False),
            ("workflow_run", True),
            ("anything_else", True),
        ],
    )
    def test_second_stage_is_of_a_proposal_unless_the_first_was_surely_none(
        self, event_file: Path, follows: str, is_proposal: bool
    ) -> None:
        event = followed(event_file, event=follows)
        assert (event.is_proposal, event.names_commit) == (is_proposal, True)
        assert event.is_second_stage
        assert event.is_fork is (True if is_proposal else None)


class TestAbsentValues:
    """GitHub leaves these out at times; they are unknown, not wrong."""

    def test_author_whose_account_was_deleted_is_unknown(self, event_file: Path) -> None:
        event = read_event(spoil(event_file, "pull_request.user", None))
        assert event == replace(PULL_REQUEST, author=None)

    def test_scheduled_run_has_a_nearly_empty_event(self, event_file: Path) -> None:
        event_file.write_text('{"schedule": "0 5 * * *"}')
        variables = environment("schedule") | {"GITHUB_EVENT_PATH": str(event_file)}
        assert read_event(variables) == replace(
            PUSH, name="schedule", base_sha=None, default_branch=None
        )

    @pytest.mark.parametrize(
        "ref",
        [
            "refs/heads/gh-readonly-queue/main/pr-0-" + "6" * 40,
            "refs/heads/gh-readonly-queue/main/pr-12-short",
            "refs/heads/gh-readonly-queue/main/pr-12x-" + "6" * 40,
            "refs/heads/main/pr-12-" + "6" * 40,
            None,
        ],
    )
    def test_merge_group_with_another_ref_names_no_pull_request(
        self, event_file: Path, ref: str | None
    ) -> None:
        group = {"head_sha": "5" * 40, "head_ref": ref, "base_ref": "refs/heads/main"}
        event_file.write_text(json.dumps({"merge_group": group}))
        event = read_event(environment("merge_group") | {"GITHUB_EVENT_PATH": str(event_file)})
        assert event is not None
        assert (event.pull_request, event.base_sha, event.base_ref) == (None, None, "main")


class TestWrongValues:
    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("pull_request.head.sha", "1" * 39, f'40 hexadecimal digits, not "{"1" * 39}"'),
            (
                "pull_request.head.sha",
                "1" * 40 + "\n",
                f'40 hexadecimal digits, not "{"1" * 40}\\n"',
            ),
            ("pull_request.head.sha", "G" * 40, f'40 hexadecimal digits, not "{"G" * 40}"'),
            ("pull_request.head.sha", "--all", '40 hexadecimal digits, not "--all"'),
            ("pull_request.head.sha", 7, "40 hexadecimal digits, not 7"),
            ("pull_request.head.sha", None, "40 hexadecimal digits, not null"),
            ("pull_request.base.sha", None, "40 hexadecimal digits, not null"),
            ("pull_request.number", 0, "a whole number from 1, not 0"),
            ("pull_request.number", -12, "a whole number from 1, not -12"),
            ("pull_request.number", True, "a whole number from 1, not true"),
            ("pull_request.number", 12.0, "a whole number from 1, not 12.0"),
            ("pull_request.number", "12", 'a whole number from 1, not "12"'),
            ("pull_request.number", None, "a whole number from 1, not null"),
            ("pull_request.head", "main", 'an object, not "main"'),
            ("pull_request", [], "an object, not a list"),
            ("pull_request.user.login", {}, "one line of text, not an object"),
            (
                "pull_request.base.ref",
                "main\n::error::",
                'one line of text, not "main\\n::error::"',
            ),
            ("pull_request.base.ref", "\x1b[31m", 'one line of text, not "\\u001b[31m"'),
            ("pull_request.base.ref", "", 'one line of text, not ""'),
            ("pull_request.base.ref", "x" * 256, f'one line of text, not "{"x" * 59}...'),
            ("pull_request.labels", "model", 'a list of objects, each with a name, not "model"'),
            ("pull_request.labels", ["x"], "a list of objects, each with a name, not a list"),
            (
                "pull_request.labels",
                [{"name": 1}],
                "a list of objects, each with a name, not a list",
            ),
        ],
    )
    def test_wrong_value_is_named_with_its_place(
        self, event_file: Path, path: str, value: Any, message: str
    ) -> None:
        with pytest.raises(EventError) as caught:
            read_event(spoil(event_file, path, value))
        assert str(caught.value) == f"{event_file}: {path} must be {message}"

    @pytest.mark.parametrize(
        ("path", "value", "message"),
        [
            ("head_sha", None, "40 hexadecimal digits, not null"),
            ("head_sha", "main", '40 hexadecimal digits, not "main"'),
            ("event", None, "the name of an event, not null"),
            ("event", 7, "one line of text, not 7"),
            ("head_repository", "eve/fraud", 'an object, not "eve/fraud"'),
        ],
    )
    def test_wrong_value_of_a_workflow_run_is_named_with_its_place(
        self, event_file: Path, path: str, value: Any, message: str
    ) -> None:
        with pytest.raises(EventError) as caught:
            followed(event_file, **{path: value})
        assert str(caught.value) == f"{event_file}: workflow_run.{path} must be {message}"

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("GITHUB_SHA", "main", 'GITHUB_SHA must be 40 hexadecimal digits, not "main"'),
            (
                "GITHUB_REPOSITORY",
                "fraud",
                'GITHUB_REPOSITORY must be of the form owner/name, not "fraud"',
            ),
            ("GITHUB_RUN_ID", "x", 'GITHUB_RUN_ID must be a number, not "x"'),
            ("GITHUB_RUN_ID", "٣", 'GITHUB_RUN_ID must be a number, not "\\u0663"'),
            (
                "GITHUB_SERVER_URL",
                "javascript:x",
                'GITHUB_SERVER_URL must be the address of a server, not "javascript:x"',
            ),
            (
                "GITHUB_EVENT_NAME",
                "a\nb",
                'GITHUB_EVENT_NAME must be the name of an event, not "a\\nb"',
            ),
            (
                "GITHUB_EVENT_NAME",
                "",
                "GITHUB_EVENT_NAME is not set: what started this job is unknown",
            ),
            (
                "GITHUB_EVENT_PATH",
                "",
                "GITHUB_EVENT_PATH is not set: what started this job is unknown",
            ),
        ],
    )
    def test_wrong_variable_is_named(self, name: str, value: str, message: str) -> None:
        with pytest.raises(EventError) as caught:
            read_event(environment("pull_request") | {name: value})
        assert str(caught.value) == message

    def test_error_is_one_of_usage(self) -> None:
        assert issubclass(EventError, UsageError)


class TestWrongFiles:
    def test_missing_file_is_named(self, tmp_path: Path) -> None:
        file = tmp_path / "absent.json"
        assert self.message(file) == f"cannot read the event file {file}: No such file or directory"

    def test_folder_is_no_file(self, tmp_path: Path) -> None:
        assert self.message(tmp_path) == f"cannot read the event file {tmp_path}: Is a directory"

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "is not JSON: Expecting value: line 1 column 1 (char 0)"),
            (b'{"a": ', "is not JSON: Expecting value: line 1 column 7 (char 6)"),
            (b"[1]", "must hold an object, not a list"),
            (b'"text"', 'must hold an object, not "text"'),
        ],
    )
    def test_file_that_holds_no_object_is_refused(
        self, event_file: Path, content: bytes, why: str
    ) -> None:
        event_file.write_bytes(content)
        assert self.message(event_file) == f"the event file {event_file} {why}"

    @pytest.mark.parametrize("content", [b'{"a": "\xff"}', b"[" * 100_000, b"9" * 10_000])
    def test_file_that_python_cannot_take_in_is_refused(
        self, event_file: Path, content: bytes
    ) -> None:
        event_file.write_bytes(content)
        assert self.message(event_file).startswith(f"the event file {event_file} is not JSON: ")

    def test_file_above_25_mib_is_not_read(self, event_file: Path) -> None:
        with event_file.open("r+b") as file:
            file.truncate(MAX_EVENT_BYTES + 1)
        assert self.message(event_file) == f"the event file {event_file} is larger than 25 MiB"

    def test_file_of_25_mib_is_read(self, event_file: Path) -> None:
        content = event_file.read_bytes()
        event_file.write_bytes(content.ljust(MAX_EVENT_BYTES))
        variables = environment("pull_request") | {"GITHUB_EVENT_PATH": str(event_file)}
        assert read_event(variables) == PULL_REQUEST

    @staticmethod
    def message(file: Path) -> str:
        with pytest.raises(EventError) as caught:
            read_event(environment("pull_request") | {"GITHUB_EVENT_PATH": str(file)})
        return str(caught.value)


def test_reading_the_event_imports_no_client_of_github() -> None:
    code = (
        "import sys, policy_engine; before = set(sys.modules); import policy_engine.github.event;"
        "print(sorted({name.partition('.')[0] for name in set(sys.modules) - before}"
        " - sys.stdlib_module_names))"
    )
    root = str(Path(__file__).parents[2])
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=root, check=True, capture_output=True, text=True
    )
    assert result.stdout == "['policy_engine']\n"
