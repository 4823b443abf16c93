"""Rows as counts: what a recorded case keeps of predictions, and what it says by them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from policy_engine.evidence.parts import TableRecord
from policy_engine.loading import load
from policy_engine.policy_tests import recorded
from policy_engine.policy_tests.row_counts import (
    RowCount,
    counted_rows,
    numbered_rows,
    with_rows,
)
from policy_engine.testing import run
from tests.command import Project, candidate, command, evidence

if TYPE_CHECKING:
    from policy_engine.evidence.record import EvidenceRecord

POLICY = """\
version: 1
metric: {name: val_accuracy, goal: maximize}
baseline: [{alias: champion}]
policies:
  no-regression: on
  significant-improvement: on
  metric-recomputed: on
"""
AT = datetime(2026, 11, 30, 12, tzinfo=UTC)


def table(rows: dict[tuple[Any, Any], int], **more: Any) -> TableRecord:
    """Return a table of so many rows of each target and prediction."""
    cells = [pair for pair, number in rows.items() for _ in range(number)]
    columns = {
        "row_id": tuple(f"customer-{i}" for i in range(len(cells))),
        "target": tuple(target for target, _ in cells),
        "prediction": tuple(said for _, said in cells),
    }
    return TableRecord(run_id="0" * 32, source="predictions.json", columns={**columns, **more})


CANDIDATE = table({(1, 1): 480, (0, 0): 470, (1, 0): 25, (0, 1): 25})
BASELINE = table({(1, 1): 440, (1, 0): 40, (0, 0): 470, (1, 2): 25, (0, 1): 25})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(POLICY)
    return made


def replace_column(rows: TableRecord, name: str, cells: tuple[float, ...]) -> TableRecord:
    return rows.model_copy(update={"columns": {**rows.columns, name: cells}})


def of_two(
    mine: TableRecord, theirs: TableRecord | None, metric: str = "val_accuracy"
) -> EvidenceRecord:
    from policy_engine.evidence.record import BaselineRecord, CandidateRecord

    old = run(run_id="1" * 32, metrics={metric: 0.91}, predictions=theirs)
    found = BaselineRecord(
        rules=({"alias": "champion"},), metric=metric, found_by="alias: champion", run=old
    )
    new = candidate(metrics={metric: 0.95}, predictions=mine)
    whole = evidence(new)
    both = CandidateRecord(run=new, baselines=(found,), history=(), later=())
    return whole.model_copy(update={"candidates": (both,)})


def test_a_recorded_case_counts_its_rows_names_nobody_and_decides_as_live(project: Project) -> None:
    loaded = load(("policies",))
    text = recorded(loaded, of_two(CANDIDATE, BASELINE), "policies/tests/r.yaml", "real", AT)
    assert "customer-" not in text
    assert " on the run, " not in text  # no outcome differs from the run's
    case = yaml.safe_load(text)["cases"][0]
    assert case["evidence"]["rows"] == [
        {"target": 0, "candidate": 0, "baseline": 0, "rows": 470},
        {"target": 0, "candidate": 1, "baseline": 1, "rows": 25},
        {"target": 1, "candidate": 0, "baseline": 2, "rows": 25},
        {"target": 1, "candidate": 1, "baseline": 0, "rows": 40},
        {"target": 1, "candidate": 1, "baseline": 1, "rows": 440},
    ]
    assert case["expect"]["significant-improvement"] == "pass"
    assert case["expect"]["no-regression"] == "pass"
    assert len(text.splitlines()) < 50
    (project.folder / "policies/tests").mkdir()
    (project.folder / "policies/tests/r.yaml").write_text(text)
    assert command("test").out.endswith("1 case: all as expected\n")


NUMBERS = table({(120.5, 118.25): 40, (80.25, 90.0): 60, (30.0, 31.5): 50})
WORSE = table({(120.5, 108.25): 40, (80.25, 99.0): 60, (30.0, 39.5): 50})


@pytest.mark.parametrize(("asked", "kept"), [(False, None), (True, 150)])
def test_rows_of_numbers_are_kept_where_that_is_asked_for_without_their_ids(
    project: Project, asked: bool, kept: int | None
) -> None:
    project.policy(POLICY.replace("val_accuracy, goal: maximize", "val_rmse, goal: minimize"))
    loaded = load(("policies",))
    spread = tuple(float(i % 37) for i in range(150))
    mine = replace_column(NUMBERS, "target", spread)
    theirs = replace_column(WORSE, "target", spread)
    whole = of_two(mine, theirs, "val_rmse")
    text = recorded(loaded, whole, "policies/tests/r.yaml", "real", AT, rows=asked)
    assert "customer-" not in text
    case = yaml.safe_load(text)["cases"][0]["evidence"]
    assert "rows" not in case
    for side in ("candidate", "baseline"):
        columns = case[side].get("predictions")
        assert (columns and len(columns["row_id"])) == kept
    assert (" on the run, " in text) is not asked  # then the outcomes are those of the run


@pytest.mark.parametrize(
    "predictions",
    [
        table({("ana.berg@example.org", 1.5): 9}),
        table({(1.5, 2.5): 2001}),
        TableRecord(run_id="0", source="x", columns={"target": (1.5,)}),
    ],
    ids=["texts", "too many", "no ids"],
)
def test_rows_that_are_no_plain_numbers_or_too_many_are_never_kept(
    predictions: TableRecord,
) -> None:
    assert numbered_rows(predictions, None) is None


def test_without_a_baseline_the_candidate_s_rows_are_counted() -> None:
    assert counted_rows(table({("spam", "ham"): 5, ("ham", "ham"): 6}), None) == [
        {"target": "ham", "candidate": "ham", "rows": 6},
        {"target": "spam", "candidate": "ham", "rows": 5},
    ]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (table({(0.5, 0.25): 9}), None),
        (table({("ana.berg@example.org", "ham"): 9}), None),
        (table({(i, i): 1 for i in range(50)}), None),
        (table({(i, i): 3 for i in range(61)}), None),
        (table({(1, 1): 9}), table({(1, 1): 8})),
        (table({(1, 1): 9}), table({(0, 1): 9})),
        (table({(1, 1): 9}), table({(1, 0.5): 9})),
        (TableRecord(run_id="0", source="x", columns={"target": (1, 1)}), None),
    ],
    ids=[
        "numbers that are no labels",
        "a text that may name somebody",
        "a row each",
        "too many kinds",
        "other rows",
        "other targets",
        "the baseline's are no labels",
        "no ids",
    ],
)
def test_what_counts_would_not_shorten_or_could_reveal_is_left_out(
    mine: TableRecord, theirs: TableRecord | None
) -> None:
    assert counted_rows(mine, theirs) is None


def test_a_side_that_the_counts_do_not_name_has_no_table() -> None:
    counts = [RowCount(target=1, candidate=1, rows=2)]
    assert with_rows(run(), counts, "baseline").predictions is None
    made = with_rows(run(), counts, "candidate").predictions
    assert isinstance(made, TableRecord)
    assert made.columns == {"row_id": (0, 1), "target": (1, 1), "prediction": (1, 1)}


CASE = """\
version: 1
policy_file: ../fraud.yaml
cases:
  - name: by hand
    evidence:
      candidate: {{metrics: {{val_accuracy: 0.9}}{predictions}}}
      baseline: {{metrics: {{val_accuracy: 0.9}}}}
      {more}
    expect: {{no-regression: pass}}
"""


@pytest.mark.parametrize(
    ("more", "predictions", "problem"),
    [
        (
            "rows: [{target: 1, candidate: 1, baseline: 1, rows: 0}]",
            "",
            "cases[0].evidence.rows[0].rows: input should be greater than or equal to 1",
        ),
        (
            "rows: [{target: 1, candidate: 1, baseline: 1, row: 3}]",
            "",
            "cases[0].evidence.rows[0].row: unknown setting",
        ),
        ("rows: 3", "", "cases[0].evidence.rows: "),
        (
            "rows: [{target: 1, candidate: 1, baseline: 1, rows: 9}]",
            ", predictions: {row_id: [1], target: [1], prediction: [1]}",
            "candidate.predictions: its rows are said twice: by `predictions` and by `rows`",
        ),
        (
            "commits: -1",
            "",
            "cases[0].evidence.commits: must be a whole number from 0 on, not the number -1",
        ),
    ],
)
def test_counts_that_are_wrong_are_told_with_their_place(
    project: Project, more: str, predictions: str, problem: str
) -> None:
    (project.folder / "policies/tests").mkdir()
    text = CASE.format(more=more, predictions=predictions)
    (project.folder / "policies/tests/r.yaml").write_text(text)
    told = command("test")
    assert told.code == 2
    assert problem in told.err
