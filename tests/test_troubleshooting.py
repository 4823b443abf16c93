"""The page on troubleshooting: each message on it is printed, with the exit code of its section."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from policy_engine.report import ExitCode
from tests.command import Project, candidate, command, evidence
from tests.pages import DOCS, Block, blocks_of
from tests.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer

PAGE = DOCS / "how-to" / "troubleshooting.md"
BLOCKS = list(blocks_of(PAGE))
SHOWN = [
    (one, other)
    for one, other in pairwise(BLOCKS)
    if (one.language, other.language) == ("console", "text")
]
SERVER = "http://127.0.0.1:5000"
ON_A_SERVER = [shown for shown in SHOWN if SERVER in shown[0].text]
LIMIT = "policies: {metric-threshold: {metric: val_f1, min: 0.9}}\n"


def _section(block: Block) -> int:
    """Return the exit code whose section a block stands in."""
    above = "\n".join(PAGE.read_text("utf-8").splitlines()[: block.line])
    return int(re.findall(r"^## Exit code (\d+)$", above, re.MULTILINE)[-1])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with what the commands of the page name."""
    monkeypatch.chdir(tmp_path)
    project = Project(tmp_path)
    project.policy(f"version: 1\n{LIMIT}")
    project.policy(f"version: 1\nplugins: [acme-policies]\n{LIMIT}", "with-a-plugin.yaml")
    project.policy(f'version: 1\napplies_to: {{model: "other"}}\n{LIMIT}', "for-others.yaml")
    project.saved(evidence(candidate(metrics={"val_f1": 0.85})))
    Repository.new(tmp_path).commit("train.py")
    return tmp_path


def _printed(console: Block, server: str = SERVER) -> tuple[int, str]:
    (line,) = console.text.splitlines()
    words = shlex.split(line.removeprefix("$ policy-engine ").replace(SERVER, server))
    told = command(*words)
    plain = " ".join(f"{told.out} {told.err}".split())
    return told.code, plain.replace(server, SERVER)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("console", "text"), [shown for shown in SHOWN if shown not in ON_A_SERVER], ids=str
)
def test_a_message_of_the_page_is_what_the_command_prints(console: Block, text: Block) -> None:
    code, printed = _printed(console)
    assert [line for line in text.text.splitlines() if line not in printed] == [], printed
    assert code == _section(console)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("console", "text"), ON_A_SERVER, ids=str)
def test_a_message_about_a_server_is_what_the_command_prints(
    console: Block, text: Block, mlflow_server: MlflowServer
) -> None:
    code, printed = _printed(console, mlflow_server.uri)
    assert [line for line in text.text.splitlines() if line not in printed] == [], printed
    assert code == _section(console)


def test_every_exit_code_has_a_section_and_no_other_has() -> None:
    codes = re.findall(r"^## Exit code (\d+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert list(map(int, codes)) == sorted(ExitCode)


def test_every_block_is_tried() -> None:
    assert len(SHOWN) * 2 == len(BLOCKS)
