"""Real models of the frameworks that teams use, judged by the packs as first runs.

The training scripts log what their teams would: autologging where MLflow has it, and one metric of
the evaluation rows. No first run of these is refused by `recommended`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.command import run_command
from tests.functional.frameworks.frameworks import FRAMEWORKS
from tests.functional.frameworks.reviewed import PACKS, columns, said_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.functional.frameworks.conftest import Trained

_POLICIES = """\
version: 1
extends: [PACK]
metric: METRIC
first_run: true
"""


def judged(trained: Trained, pack: str, folder: Path) -> dict[str, Any]:
    """Return the report of a check of the run, by a pack alone."""
    text = _POLICIES.replace("PACK", pack).replace("METRIC", trained.framework.metric)
    (folder / "policies").mkdir()
    (folder / "policies" / "model.yaml").write_text(text)
    done = run_command(
        *(folder, "check", "--run", trained.run, "--tracking-uri", trained.database),
        *("--format", "json"),
    )
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode, done.stderr
    return report


@pytest.mark.timeout(600)  # the first of a framework trains; MLflow then guesses requirements
@pytest.mark.parametrize("pack", PACKS)
def test_each_policy_says_of_a_first_run_what_was_reviewed(
    pack: str, trained: Trained, tmp_path: Path
) -> None:
    report = judged(trained, pack, tmp_path)
    (subject,) = report["subjects"]
    assert said_of(subject["findings"]) == columns(pack)[trained.framework.name]
    assert (report["verdict"], report["exit_code"]) == {
        "recommended": ("warn", 0),
        "strict": ("fail", 1),
    }[pack]


@pytest.mark.parametrize("pack", PACKS)
def test_each_framework_is_in_the_reviewed_table(pack: str) -> None:
    assert list(columns(pack)) == [each.name for each in FRAMEWORKS]


def test_recommended_refuses_no_framework_for_its_first_run() -> None:
    cells = {cell for column in columns("recommended").values() for cell in column.values()}
    assert not [cell for cell in cells if "block" in cell]


@pytest.mark.parametrize("pack", PACKS)
def test_no_policy_breaks_on_what_a_framework_logged(pack: str) -> None:
    cells = {cell for column in columns(pack).values() for cell in column.values()}
    assert not [cell for cell in cells if cell.startswith("error")]
