"""The tutorials and two how-tos, done as a reader does them: from top to bottom in an empty folder.

A block whose first line names a file is written to it. Of a `console` block each line with `$ ` is
run in one shell; the lines below must be in what it prints, in that order, and `...` stands for any
lines. A command must succeed, unless the next one is `echo $?`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pages import DOCS, ROOT, Block, blocks_of

_END = "\x1e"
"""What the shell prints after each command, with the exit code: no program prints it."""

_VARIES = (
    (re.compile(r"\b[0-9a-f]{7,64}\b"), "ID"),
    (re.compile(r"\bin \d+\.\d+s\b"), "in TIME"),
)
"""What differs from one reader to the next: digests and ids, seconds."""


_PROGRAMS = {
    # A check has 30 s, of which a machine that runs other tests takes most to import MLflow.
    "policy-engine": """#!/bin/sh
command=$1; shift
if [ "$command" = check ]; then set -- --timeout 5min "$@"; fi
exec python -m policy_engine "$command" "$@"
""",
    "pytest": """#!/bin/sh
exec python -m pytest "$@"
""",
    "pip": """#!/bin/sh
exec python -m pip "$@"
""",
    # No pip is put into the environment, which takes seconds: the one on the path serves it.
    "python": f"""#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then set -- -m venv --without-pip "$3"; fi
exec {shlex.quote(sys.executable)} "$@"
""",
}


PAGES = (
    *sorted((DOCS / "tutorial").glob("*.md")),
    *(DOCS / f"how-to/{name}.md" for name in ("autologging", "before-labelling")),
)
"""The pages that can be done from an empty folder."""


class Step(NamedTuple):
    """A command of a page, what the page shows below it, and whether it may fail."""

    block: Block
    command: str
    shown: str
    may_fail: bool


def steps_of(block: Block) -> list[Step]:
    """Give the commands of a `console` block."""
    parts = re.split(r"^\$ ", block.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]
    pairs = [part.partition("\n")[::2] for part in parts]
    following = [command for command, _ in pairs[1:]] + [""]
    return [
        Step(block, command, shown, after == "echo $?")
        for (command, shown), after in zip(pairs, following, strict=True)
    ]


def script(page: Path, staged: Path) -> tuple[str, list[Step]]:
    """Give the page as one script of the shell, and its commands in order."""
    lines: list[str] = []
    steps: list[Step] = []
    for number, block in enumerate(blocks_of(page)):
        path = (block.included or "").removeprefix("plugins/") or block.file
        if path:
            (staged / str(number)).write_text(block.text, "utf-8")
            lines.append(f"mkdir -p '{Path(path).parent}' && cp '{staged / str(number)}' '{path}'")
        for step in steps_of(block) if block.language == "console" else ():
            steps.append(step)
            lines += [step.command, f"status=$?; printf '\\n{_END}%s\\n' $status; (exit $status)"]
    return "\n".join(lines), steps


def environment(home: Path) -> dict[str, str]:
    """Give the variables of a machine that has everything installed and no network.

    The reader's `.venv` finds the packages of this environment on `PYTHONPATH`, so that `pip
    install` has nothing to fetch, and programs that run the reader's own Python.
    """
    scripts = home / "bin"
    scripts.mkdir()
    for name, program in _PROGRAMS.items():
        (scripts / name).write_text(program)
        (scripts / name).chmod(0o755)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "GIT_"))}
    packages = (sysconfig.get_path("purelib"), ROOT, ROOT / "plugins")
    return kept | {
        "HOME": str(home),
        "PATH": os.pathsep.join((str(scripts), sysconfig.get_path("scripts"), os.environ["PATH"])),
        "PYTHONPATH": os.pathsep.join(map(str, packages)),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "false",  # pip reads the option the other way round
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_AUTHOR_NAME": "ana",
        "GIT_AUTHOR_EMAIL": "ana@example.org",
        "GIT_COMMITTER_NAME": "ana",
        "GIT_COMMITTER_EMAIL": "ana@example.org",
    }


def alike(text: str) -> str:
    """Give a text without what differs from one reader to the next."""
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return text


def assert_shown(step: Step, printed: str) -> None:
    """Assert that the page shows what was printed."""
    rest = "\n" + alike(printed)
    for part in re.split(r"^\.\.\.\n", step.shown, flags=re.MULTILINE):
        if part:
            _, found, rest = rest.partition("\n" + alike(part))
            rest = "\n" + rest
            assert found, f"{step.block}: $ {step.command}\nshows:\n{part}\nprinted:\n{printed}"


@pytest.mark.timeout(900)  # trains models in processes of their own
@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_a_reader_who_does_what_the_page_says_sees_what_it_shows(
    page: Path, tmp_path: Path
) -> None:
    staged, home, folder = (tmp_path / name for name in ("staged", "home", "empty"))
    for each in (staged, home, folder):
        each.mkdir()
    text, steps = script(page, staged)
    done = subprocess.run(
        [str(shutil.which("bash")), "-c", text],
        cwd=folder,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    printed = re.split(rf"\n{_END}(\d+)\n", done.stdout)
    assert len(printed) == 2 * len(steps) + 1, done.stdout
    for step, output, status in zip(steps, printed[::2], printed[1::2], strict=False):
        assert step.may_fail or status == "0", f"{step.block}: $ {step.command}\n{output}"
        assert_shown(step, output)
