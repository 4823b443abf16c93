"""`.ci/fresh`: recipes as on a machine that has nothing set."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]
MAKEFILE = """\
told:
\t@echo "in $(CURDIR)"; env | sed -n 's/^\\([A-Z]*\\)=.*/has \\1/p' | sort; cat committed
fails:
\t@exit 7
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Repository:
    """A repository with this script and a Makefile."""
    repository = Repository.new(tmp_path / "checkout")
    shutil.copytree(ROOT / ".ci", repository.folder / ".ci")
    (repository.folder / "Makefile").write_text(MAKEFILE)
    repository.commit("committed", text="as committed")
    return repository


def fresh(checkout: Repository, *arguments: str) -> tuple[int, Sequence[str], str]:
    """Run it where much is set; return exit code, lines of stdout, and stderr."""
    done = subprocess.run(
        [checkout.folder / ".ci" / "fresh", *arguments],
        env=os.environ | {"PYTHONUNBUFFERED": "1", "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def variables(lines: Sequence[str]) -> set[str]:
    """Return the variables that the recipe had, but for those that make and its shell add."""
    had = {line.removeprefix("has ") for line in lines if line.startswith("has ")}
    return had - {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "OLDPWD", "PWD", "SHLVL"}


def test_a_recipe_has_nothing_set_and_stands_in_a_clone_with_a_blank_in_its_path(
    checkout: Repository,
) -> None:
    (checkout.folder / "committed").write_text("as edited\n")
    code, out, err = fresh(checkout, "told")
    assert (code, err) == (0, "")
    assert out[0].startswith("commit ")
    assert out[0].endswith(" as committed")
    assert out[1:3] == ["not committed, so not in it:", " M committed"]
    assert variables(out) == {"HOME", "LANG", "PATH"}
    (folder,) = (line.removeprefix("in ") for line in out if line.startswith("in "))
    assert folder.endswith("/policy engine")
    assert out[-1] == "as committed"
    assert not Path(folder).exists()


def test_variables_can_be_given_and_home_left_out(checkout: Repository) -> None:
    _, out, _ = fresh(checkout, "--no-home", "TZ=Asia/Kolkata", "LANG=C", "told")
    assert variables(out) == {"LANG", "PATH", "TZ"}
    shown = out[out.index("environment:") + 1 :]
    assert [line for line in shown if re.match("LANG|TZ|HOME", line)] == [
        "LANG=C",
        "TZ=Asia/Kolkata",
    ]


def test_a_recipe_that_fails_fails(checkout: Repository) -> None:
    code, _, err = fresh(checkout, "fails", "told")
    assert code == 2
    assert "Error 7" in err
