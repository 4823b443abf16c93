from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_policies.engineering.code_lineage import CodeLineage, matches_glob
from policy_engine.evidence import Change, Needs
from policy_engine.evidence.record import Invalid, RunRecord
from policy_engine.policy import Finding
from policy_engine.policy_file import scope
from policy_engine.testing import assert_outcome, bind, judge, run
from tests.policies.logged_data import HEAD, logged

EARLIER = "a" * 40
MERGE = "c" * 40
TRAIN_AGAIN = "train again on the head of the change, ddddddd"


def at(commit: str, tag: str = "policy_engine.head_sha") -> RunRecord:
    return run(tags={tag: commit})


def judged(candidate: RunRecord, settings: dict[str, Any] | None = None, **facts: Any) -> Finding:
    known: dict[str, Any] = {"head_sha": HEAD, "merge_sha": MERGE, "pull_request": 7, "paths": ()}
    change = Change(**(known | facts))
    (found,) = judge(bind(CodeLineage, **(settings or {})), candidate=candidate, change=change)
    return found


@pytest.mark.parametrize("tag", ["policy_engine.head_sha", "mlflow.source.git.commit"])
def test_a_run_of_the_head_passes(tag: str) -> None:
    message = "the run was trained on ddddddd, the head of the change"
    assert_outcome([judged(at(HEAD, tag))], "pass", message=message)


def test_a_run_of_githubs_own_merge_of_the_head_passes() -> None:
    message = "the run was trained on ccccccc, GitHub's merge of the head ddddddd into its base"
    assert_outcome([judged(at(MERGE, "mlflow.source.git.commit"))], "pass", message=message)


def test_our_own_tag_goes_before_mlflows() -> None:
    tags = {"policy_engine.head_sha": EARLIER, "mlflow.source.git.commit": HEAD}
    assert_outcome([judged(run(tags=tags))], "fail")


def test_a_run_of_another_commit_fails() -> None:
    message = (
        "the run was trained on aaaaaaa (tag policy_engine.head_sha); the head of the change is "
        "ddddddd, and aaaaaaa is no earlier commit of it"
    )
    finding = assert_outcome([judged(at(EARLIER))], "fail", message=message)
    assert finding.remedy == TRAIN_AGAIN


def test_an_earlier_commit_passes_where_the_training_code_is_untouched() -> None:
    found = judged(
        at(EARLIER), {"paths": ["training/**"]}, later_paths={EARLIER: ("README.md", "docs/a.md")}
    )
    message = (
        "the run was trained on aaaaaaa (tag policy_engine.head_sha); the head of the change is "
        "ddddddd, and nothing that training/** name changed between them"
    )
    assert_outcome([found], "pass", message=message)


def test_an_earlier_commit_fails_where_the_training_code_changed_and_names_what() -> None:
    touched = tuple(f"training/{name}.py" for name in "abcde")
    found = judged(at(EARLIER), {"paths": ["training"]}, later_paths={EARLIER: touched})
    message = (
        "the run was trained on aaaaaaa (tag policy_engine.head_sha); the head of the change is "
        "ddddddd, and training/a.py, training/b.py, training/c.py and 2 more changed between them"
    )
    finding = assert_outcome([found], "fail", message=message)
    assert finding.remedy == TRAIN_AGAIN


def test_without_paths_any_changed_file_counts() -> None:
    found = judged(at(EARLIER), later_paths={EARLIER: ("README.md",)})
    finding = assert_outcome([found], "fail")
    assert finding.remedy == (
        f"{TRAIN_AGAIN}; or, if README.md cannot change the model, write under code-lineage in "
        'the policy file what can, as `paths: ["training/**"]`'
    )
    assert_outcome([judged(at(EARLIER), later_paths={EARLIER: ()})], "pass")


def test_exact_lets_no_earlier_commit_pass() -> None:
    found = judged(at(EARLIER), {"mode": "exact"}, later_paths={EARLIER: ()})
    assert_outcome([found], "fail")


def test_a_clone_that_cannot_tell_leaves_it_missing() -> None:
    message = (
        "the run was trained on aaaaaaa (tag policy_engine.head_sha); the head of the change is "
        "ddddddd, and this clone cannot tell what lies between them"
    )
    finding = assert_outcome([judged(at(EARLIER), paths=None)], "missing", message=message)
    assert finding.remedy == "check out the whole history (actions/checkout with fetch-depth: 0)"


@pytest.mark.parametrize(
    "tags", [{}, {"policy_engine.head_sha": ""}, {"policy_engine.head_sha": Invalid(invalid="cut")}]
)
def test_a_run_without_a_commit_is_missing(tags: dict[str, Any]) -> None:
    message = "the run has no commit tag: was it trained outside git?"
    assert_outcome([judged(run(tags=tags))], "missing", message=message)


def test_without_a_head_or_a_change_it_is_missing() -> None:
    assert_outcome([judged(at(HEAD), head_sha=None)], "missing")
    assert_outcome(judge(CodeLineage(), candidate=at(HEAD)), "missing")


def test_it_reads_the_change_alone() -> None:
    assert CodeLineage().reads() == Needs.CHANGE


def test_a_really_trained_run_of_the_head_passes(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    assert_outcome([judged(runs.careful)], "pass")
    assert_outcome([judged(runs.careless)], "fail")


parts = st.sampled_from(["a", "b", "*", "**", "training", "t*", "x.py"])
globs = st.lists(parts, min_size=1, max_size=4).map("/".join)
paths = st.lists(st.sampled_from(["a", "b", "training", "x.py"]), min_size=1, max_size=4)


@given(glob=globs, path=paths.map("/".join))
def test_a_glob_means_here_what_it_means_in_candidate_paths(glob: str, path: str) -> None:
    assert matches_glob(path, glob) == scope.matches(path, glob)


@given(
    later=st.lists(paths.map("/".join), max_size=4).map(tuple),
    some=st.lists(globs, min_size=1, max_size=3),
    more=st.lists(globs, max_size=3),
)
def test_to_watch_more_paths_never_lets_more_pass(
    later: tuple[str, ...], some: list[str], more: list[str]
) -> None:
    narrow, wide = (
        judged(at(EARLIER), {"paths": paths}, later_paths={EARLIER: later})
        for paths in (some, some + more)
    )
    if wide.outcome == "pass":
        assert narrow.outcome == "pass"
