"""One worker takes the tests that share what is costly to make."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.dealing import together, turn

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        ("tests/cli/test_init.py::test_it_asks[a::b-c@d]", "cli/test_init.py"),
        ("tests/git/test_ci.py::TestJobs::test_a_job", "git/test_ci.py"),
        ("tests/action/test_life.py::test_the_life", "action"),
        ("tests/action/test_forks.py::test_a_fork", "action"),
        ("tests/servers/test_servers.py::test_it_is_judged[2.22+s3-alias]", "servers 2.22+s3"),
        ("tests/servers/test_servers.py::test_it_is_judged[2.22]", "servers 2.22"),
    ],
)
def test_what_shares_a_fixture_goes_together(nodeid: str, expected: str) -> None:
    assert together(nodeid) == expected


def test_what_takes_longest_has_its_turn_first() -> None:
    named, other = "tests/functional/test_demo.py::test_it", "tests/git/test_ci.py::test_it"
    assert turn(named) < turn("tests/functional/test_check_server.py::test_it") < turn(other)


def test_a_file_is_dealt_to_one_worker() -> None:
    command = (sys.executable, "-m", "pytest", "-n", "2", "-v", "tests/quantities/test_words.py")
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    workers = {line.split()[0] for line in done.stdout.splitlines() if " PASSED " in line}
    assert (done.returncode, len(workers)) == (0, 1), done.stdout
