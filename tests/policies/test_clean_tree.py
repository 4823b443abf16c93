from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.engineering.clean_tree import CleanTree
from policy_engine.evidence import Needs
from policy_engine.evidence.record import Invalid
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.logged_data import logged

OURS, MLFLOWS = "policy_engine.dirty", "mlflow.source.git.dirty"
DIFF = "mlflow.source.git.diff"
DIRTY = "tracked files differed from the commit when training began: "


def judged(**tags: Any) -> list[Finding]:
    names = {"ours": OURS, "mlflows": MLFLOWS, "diff": DIFF}
    return judge(CleanTree(), candidate=run(tags={names[k]: v for k, v in tags.items()}))


def test_a_clean_tree_passes() -> None:
    message = "no tracked file differed from the commit: tag policy_engine.dirty is false"
    assert_outcome(judged(ours="false"), "pass", message=message)
    assert_outcome(judged(mlflows="False"), "pass")


def test_a_dirty_tree_fails() -> None:
    message = f"{DIRTY}tag policy_engine.dirty is true"
    finding = assert_outcome(judged(ours="true"), "fail", message=message)
    assert finding.remedy == "commit the changes, then train again"


def test_one_tag_that_says_dirty_is_enough() -> None:
    message = f"{DIRTY}tag mlflow.source.git.dirty is true"
    assert_outcome(judged(ours="false", mlflows="true"), "fail", message=message)


@pytest.mark.parametrize("diff", ["- a\n+ secret", Invalid(invalid="cut off by MLflow")])
def test_a_diff_fails_and_is_not_shown(diff: Any) -> None:
    message = f"{DIRTY}tag mlflow.source.git.diff holds a diff"
    assert_outcome(judged(ours="false", diff=diff), "fail", message=message)


def test_an_empty_diff_says_nothing() -> None:
    assert_outcome(judged(ours="false", diff="\n"), "pass")
    assert_outcome(judged(diff=""), "missing")


def test_no_tag_is_missing() -> None:
    message = (
        "the run's tags do not say whether its work tree was clean: MLflow records no such tag "
        "by itself"
    )
    finding = assert_outcome(judged(), "missing", message=message)
    assert finding.remedy == (
        "install policy-engine where training runs: MLflow then sets policy_engine.dirty on each "
        "new run"
    )


@pytest.mark.parametrize("value", ["yes", "0", "NaN", Invalid(invalid="cut off by MLflow")])
def test_a_tag_that_is_neither_true_nor_false_fails(value: Any) -> None:
    assert_outcome(judged(ours=value), "fail")


def test_untracked_files_can_only_be_ignored() -> None:
    assert bind(CleanTree, untracked="ignore") == CleanTree()
    with pytest.raises(ValidationError):
        bind(CleanTree, untracked="count")


def test_it_reads_the_run_alone() -> None:
    assert CleanTree().reads() == Needs.RUN


def test_really_logged_runs_are_told_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    assert_outcome(judge(CleanTree(), candidate=runs.careful), "pass")
    assert_outcome(judge(CleanTree(), candidate=runs.careless), "fail")


@given(tags=st.dictionaries(st.sampled_from([OURS, MLFLOWS, DIFF]), st.text(max_size=6)))
def test_nothing_passes_that_does_not_say_false(tags: dict[str, str]) -> None:
    (found,) = judge(CleanTree(), candidate=run(tags=tags))
    if found.outcome == "pass":
        said = [tags[tag].strip().lower() for tag in (OURS, MLFLOWS) if tags.get(tag)]
        assert said
        assert set(said) == {"false"}
        assert not tags.get(DIFF, "").strip()
