"""What becomes of stdout and stderr decides no exit code, but for a report that nobody got."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from policy_engine.cli.streams import Stderr, Stdout
from policy_engine.errors import UsageError
from tests.command import Project, candidate, evidence
from tests.plugin_factory import Site, policy_module

ROOT = Path(__file__).parents[2]
MINIMUM = "version: 1\npolicies:\n  metric-threshold: {metric: val_f1, min: 0.9}\n"
FULL = "policy-engine: stdout: No space left on device\n"
GONE = "| true"  # a reader that reads nothing
BUFFERING = {
    "buffered": ([], {}),
    "-u": (["-u"], {}),
    "PYTHONUNBUFFERED": ([], {"PYTHONUNBUFFERED": "1"}),
}
CODES = [(0.95, 0), (0.1, 1)]

has_full_disk = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="only Linux has a full disk to write to"
)
pass_and_fail = pytest.mark.parametrize(("score", "code"), CODES)


class Shell:
    """A shell that runs the real command, and redirects what it writes."""

    def __init__(self, folder: Path, buffering: str) -> None:
        self.project = Project(folder)
        self.project.policy(MINIMUM)
        self.flags, environment = BUFFERING[buffering]
        self.environment = environment | {
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "plugins", folder / "site"))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def check(self, score: float, redirection: str, *options: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of a check of a candidate with this score."""
        file = self.project.saved(evidence(candidate(metrics={"val_f1": score})))
        return self.run(redirection, "check", "--evidence", file, *options)

    def run(self, redirection: str, *arguments: str) -> tuple[int, str, str]:
        """Return exit code, stdout and stderr of a command; a `;` ends what comes before it."""
        before, _, redirection = redirection.rpartition(";")
        # The exit code of a pipe is its last command's: ours goes into a file.
        script = f'{{ {before or ":"}; "$@"; echo $? > code; }} {redirection}'
        known = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
        command = [sys.executable, *self.flags, "-m", "policy_engine", *arguments]
        done = subprocess.run(
            ["/bin/sh", "-c", script, "sh", *command],
            cwd=self.project.folder,
            env=known | self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return int((self.project.folder / "code").read_text()), done.stdout, done.stderr


@pytest.fixture(params=BUFFERING)
def shell(tmp_path: Path, request: pytest.FixtureRequest) -> Shell:
    return Shell(tmp_path, request.param)


@pass_and_fail
@pytest.mark.parametrize("redirection", [">&-", GONE, "<&- >&-", "<&- >&- 2>&-"])
def test_a_closed_stdout_or_a_reader_that_went_away_changes_no_exit_code(
    shell: Shell, redirection: str, score: float, code: int
) -> None:
    assert shell.check(score, redirection) == (code, "", "")


@has_full_disk
@pytest.mark.parametrize("score", [0.95, 0.1])
def test_a_verdict_that_could_not_be_printed_is_no_pass(shell: Shell, score: float) -> None:
    assert shell.check(score, "> /dev/full") == (2, "", FULL)


@has_full_disk
@pytest.mark.parametrize("stderr", ["2> /dev/full", "2>&-"])
def test_where_nothing_can_be_said_a_verdict_that_could_not_be_printed_is_no_pass(
    shell: Shell, stderr: str
) -> None:
    assert shell.check(0.95, f"> /dev/full {stderr}") == (2, "", "")


def test_a_verdict_of_which_only_the_beginning_could_be_written_is_no_pass(shell: Shell) -> None:
    """As on a disk that becomes full: the system takes the first part, and refuses the next."""
    code, _, err = shell.check(0.95, "> cut-off", "--format", "json")
    whole = (shell.project.folder / "cut-off").stat().st_size
    assert (code, err) == (0, "")
    code, _, err = shell.check(0.95, "ulimit -f 1; > cut-off", "--format", "json")
    assert 0 < (shell.project.folder / "cut-off").stat().st_size < whole
    assert (code, err) == (2, "policy-engine: stdout: File too large\n")


@has_full_disk
@pytest.mark.parametrize("shell", ["buffered", "-u"], indirect=True)
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("check", "--help"), ("validate",), ("list",), ("schema",)],
)
def test_what_else_could_not_be_printed_is_an_error_too(
    shell: Shell, arguments: tuple[str, ...]
) -> None:
    assert shell.run("> /dev/full", *arguments) == (2, "", FULL)
    assert shell.run(GONE, *arguments) == (0, "", "")


@pass_and_fail
@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2> /dev/full", marks=has_full_disk)])
def test_a_closed_or_full_stderr_changes_no_exit_code(
    shell: Shell, redirection: str, score: float, code: int
) -> None:
    """A note is written there: a glob of the policy file that matches nothing."""
    shell.project.policy(f"candidate: {{paths: ['training/**']}}\n{MINIMUM}")
    said, out, err = shell.check(score, redirection)
    assert (said, err) == (code, "")
    assert out.endswith(f"(exit code {code}): {'1 passed' if code == 0 else '1 blocking'}\n")


@pytest.mark.parametrize("shell", ["buffered", "-u"], indirect=True)
@pytest.mark.parametrize("redirection", ["2>&-", pytest.param("2> /dev/full", marks=has_full_disk)])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "--nonsense"), 2),
        (("check", "--evidence", "absent.json"), 2),
        (("init",), 2),
        (("validate", "policies"), 2),
    ],
)
def test_an_error_that_cannot_be_told_keeps_its_exit_code(
    shell: Shell, redirection: str, arguments: tuple[str, ...], code: int
) -> None:
    shell.project.policy("version: 7\n")
    assert shell.run(f"<&- {redirection}", *arguments) == (code, "", "")


def test_no_file_gets_the_number_of_a_stream_that_was_closed(shell: Shell) -> None:
    """What a library writes to stdout by its number would end in that file."""
    body = (
        "import os\n"
        "with open('numbers', 'w') as file:\n"
        "    file.write(f'{file.fileno() > 2}')\n"
        "os.write(1, b'from below')\n"
    )
    policy = policy_module("yield Finding(outcome=Outcome.PASS, message='fine')")
    Site(shell.project.folder / "site").install(body + policy)
    shell.project.policy(f"plugins: [acme-policies]\n{MINIMUM}")
    assert shell.check(0.95, "<&- >&- 2>&-") == (0, "", "")
    assert (shell.project.folder / "numbers").read_text() == "True"


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def test_a_failure_that_somebody_swallowed_is_raised_again_until_it_is_settled() -> None:
    stdout = Stdout(Full())
    for call in (lambda: stdout.write("x"), stdout.flush, stdout.flush, stdout.settle):
        with pytest.raises(UsageError, match=r"\Astdout: No space left on device\Z"):
            call()
    stdout.settle()


def test_a_stderr_that_a_plugin_closed_loses_what_is_written_and_no_more() -> None:
    closed = io.StringIO()
    closed.close()
    stderr = Stderr(closed)
    assert stderr.write("lost") == 4
    stderr.flush()
