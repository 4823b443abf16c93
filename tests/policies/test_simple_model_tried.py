from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.deep_learning.simple_model_tried import SimpleModelTried
from mlops_policies.reading.family import Family, family_of_model, family_of_run, family_of_tag
from policy_engine.evidence import Needs, Run
from policy_engine.evidence.record import DatasetRecord, RunRecord
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import STARTED, assert_outcome, bind, judge, model, run

TEST = DatasetRecord(name="payments", digest="d1", context="evaluation", rows=1000)
OTHER = DatasetRecord(name="payments", digest="d2", context="evaluation", rows=900)
DEEP = run(model=model(flavors=("python_function", "pytorch")), datasets=(TEST,), run_id="c" * 32)


def earlier(number: int, family: str | None = "tree", **facts: Any) -> RunRecord:
    given: dict[str, Any] = {
        "run_id": f"{number:032x}",
        "tags": {} if family is None else {"model.family": family},
        "params": {"depth": str(number)},
        "datasets": (TEST,),
        "start_time": STARTED - timedelta(days=1),
    }
    return run(**(given | facts))


def judged(history: list[RunRecord], candidate: RunRecord = DEEP, **settings: Any) -> list[Finding]:
    return judge(bind(SimpleModelTried, **settings), candidate=candidate, history=history)


def outcome(history: list[RunRecord], candidate: RunRecord = DEEP, **settings: Any) -> Outcome:
    (finding,) = judged(history, candidate, **settings)
    return finding.outcome


def test_simple_runs_with_a_search_pass() -> None:
    message = (
        "5 linear or tree runs since 2025-08-04 on the candidate's evaluation data, with 5 "
        "configurations; at least 1 run and 5 configurations are needed"
    )
    found = judged([earlier(n) for n in range(5)])
    finding = assert_outcome(found, "pass", message=message)
    assert finding.measured is not None
    assert finding.measured.value == 5


def test_nothing_simple_fails_and_says_what_to_do() -> None:
    message = (
        "no linear or tree runs since 2025-08-04 on the candidate's evaluation data; at least 1 "
        "run must be there"
    )
    finding = assert_outcome(judged([earlier(1, "deep")]), "fail", message=message)
    assert finding.remedy == (
        "train a linear or a tree model in this experiment, on the candidate's evaluation data, "
        'say so: mlflow.set_tag("model.family", "tree"), and check again: the candidate need not '
        "be trained again"
    )
    assert outcome([]) is Outcome.FAIL


def test_the_declared_first_run_of_all_is_missing_it_and_not_at_fault() -> None:
    message = (
        "no linear or tree runs since 2025-08-04 on the candidate's evaluation data; at least 1 "
        "run must be there; the policy file declares first_run, and there is no other run yet"
    )
    policy = bind(SimpleModelTried)
    found = judge(policy, candidate=DEEP, history=[], first_run=True)
    assert_outcome(found, "missing", message=message)
    found = judge(policy, candidate=DEEP, history=[earlier(1, "deep")], first_run=True)
    assert_outcome(found, "fail")


def test_who_forgot_it_can_make_it_good_after_the_candidate() -> None:
    later = [earlier(n, start_time=STARTED + timedelta(days=n)) for n in range(1, 6)]
    policy = bind(SimpleModelTried)
    found = judge(policy, candidate=DEEP, history=[], later=later)
    assert "5 linear or tree runs" in assert_outcome(found, "pass").message
    found = judge(policy, candidate=DEEP, history=[earlier(9)], later=later[:4])
    assert "5 configurations" in assert_outcome(found, "pass").message


def test_many_later_runs_may_hide_a_simple_one_too() -> None:
    found = judge(
        bind(SimpleModelTried), candidate=DEEP, later=[earlier(n, "deep") for n in range(200)]
    )
    assert_outcome(found, "missing")


def test_a_strawman_is_inconclusive() -> None:
    message = (
        "1 linear or tree run since 2025-08-04 on the candidate's evaluation data, with 1 "
        "configuration; under 5 it may be a strawman"
    )
    assert_outcome(judged([earlier(1)]), "inconclusive", message=message)


def test_seeds_are_no_configurations() -> None:
    seeds = [
        earlier(n, params={"C": "1", "logisticregression__random_state": str(n), "seed": str(n)})
        for n in range(6)
    ]
    assert outcome(seeds) is Outcome.INCONCLUSIVE
    assert outcome(seeds, min_search=1) is Outcome.PASS


@pytest.mark.parametrize(("count", "expected"), [(4, Outcome.INCONCLUSIVE), (5, Outcome.PASS)])
def test_the_boundary_of_the_search(count: int, expected: Outcome) -> None:
    assert outcome([earlier(n) for n in range(count)]) is expected


@pytest.mark.parametrize(("days", "expected"), [(30, Outcome.PASS), (31, Outcome.FAIL)])
def test_the_boundary_of_the_age(days: int, expected: Outcome) -> None:
    runs = [earlier(n, start_time=STARTED - timedelta(days=days)) for n in range(5)]
    assert outcome(runs, max_age="30d") is expected


def test_runs_on_other_data_do_not_count_unless_they_may() -> None:
    runs = [earlier(n, datasets=(OTHER,)) for n in range(5)]
    assert outcome(runs) is Outcome.FAIL
    message = (
        "5 linear or tree runs since 2025-08-04, with 5 configurations; at least 1 run and 5 "
        "configurations are needed"
    )
    assert_outcome(judged(runs, same_eval_data=False), "pass", message=message)


def test_runs_that_do_not_say_their_data_or_family_leave_it_open() -> None:
    message = (
        "no linear or tree runs since 2025-08-04 on the candidate's evaluation data; at least 1 "
        "run must be there; 2 of 3 other runs may be one and do not say their family or their "
        "evaluation data"
    )
    runs = [earlier(1, datasets=()), earlier(2, None), earlier(3, "deep")]
    assert_outcome(judged(runs), "missing", message=message)


def test_a_candidate_without_evaluation_data_is_told_so() -> None:
    message = (
        "no linear or tree runs since 2025-08-04 on the candidate's evaluation data; at least 1 "
        "run must be there; the candidate logs no evaluation dataset to compare theirs with"
    )
    bare = DEEP.model_copy(update={"datasets": ()})
    assert_outcome(judged([earlier(1)], bare), "missing", message=message)


def test_too_few_even_if_all_that_is_open_counted_fails() -> None:
    assert outcome([earlier(1, None), earlier(2, "deep")], min_runs=2) is Outcome.FAIL


def test_a_full_history_may_hide_older_runs() -> None:
    found = judged([earlier(n, "deep") for n in range(200)])
    message = (
        "no linear or tree runs since 2025-08-04 on the candidate's evaluation data; at least 1 "
        "run must be there; only the newest 200 runs before and after it are read"
    )
    assert_outcome(found, "missing", message=message)


def test_the_children_of_a_search_share_its_data() -> None:
    search = earlier(99, tags={"estimator_class": "sklearn.model_selection._search.GridSearchCV"})
    search = search.model_copy(update={"params": {"estimator": "LogisticRegression(C=2)"}})
    tags = {
        "estimator_class": "sklearn.linear_model._logistic.LogisticRegression",
        "mlflow.parentRunId": search.run_id,
    }
    children = [earlier(n, tags=tags, datasets=()) for n in range(4)]
    assert outcome([search, *children]) is Outcome.PASS


def test_a_simple_candidate_is_not_asked() -> None:
    found = judged([], run(model=model()))
    assert_outcome(found, "not-applicable", message="the candidate is a simple model itself")
    found = judged([], run(model=model(), tags={"model.family": "heuristic"}))
    assert_outcome(found, "not-applicable", message="the candidate is a rule itself")


def test_a_candidate_of_an_unknown_family_is_held_to_it_and_says_why() -> None:
    onnx = run(model=model(flavors=("onnx", "python_function")), datasets=(TEST,))
    message = (
        "no linear or tree runs since 2025-08-04 on the candidate's evaluation data; at least 1 "
        "run must be there; the candidate's family is not known either"
    )
    assert_outcome(judged([], onnx), "missing", message=message)
    assert outcome([earlier(n) for n in range(5)], onnx) is Outcome.PASS


def test_a_candidate_without_a_start_is_missing() -> None:
    found = judged([], DEEP.model_copy(update={"start_time": None}))
    assert_outcome(found, "missing", message="the candidate run has no start time")


def test_metrics_that_are_no_numbers_change_nothing() -> None:
    runs = [earlier(n, metrics={"val_f1": float("nan")}) for n in range(5)]
    assert outcome(runs) is Outcome.PASS


def test_it_reads_the_history_the_model_and_the_data() -> None:
    needs = Needs.HISTORY | Needs.LATER | Needs.MODEL | Needs.DATASETS
    assert SimpleModelTried().reads() == needs


@pytest.mark.parametrize("settings", [{"max_age": "181d"}, {"min_runs": 0}, {"min_search": 0}])
def test_settings_that_ask_for_nothing_or_for_what_is_not_read_are_refused(
    settings: dict[str, object],
) -> None:
    with pytest.raises(ValidationError):
        SimpleModelTried.model_validate(settings)


@given(st.lists(st.sampled_from(["tree", "linear", "deep", "ensemble", "human"]), max_size=8))
def test_another_simple_run_never_turns_a_pass(families: list[str]) -> None:
    runs = [earlier(n, family) for n, family in enumerate(families)]
    simple = sum(family in {"tree", "linear"} for family in families)
    expected = Outcome.PASS if simple >= 3 else Outcome.INCONCLUSIVE
    assert outcome(runs, min_search=3) is (expected if simple else Outcome.FAIL)


# The families themselves.


def seen(tags: dict[str, str], params: dict[str, str] | None = None) -> Run:
    return Run(run(tags=tags, params=params or {}), Needs.RUN)


@pytest.mark.parametrize(
    ("word", "family"),
    [
        ("Decision Tree", Family.SIMPLE),
        ("gradient_boosting", Family.SIMPLE),
        ("MLP", Family.DEEP),
        ("ensemble", Family.ENSEMBLE),
        ("zero-rule", Family.RULE),
        ("mystery", None),
    ],
)
def test_the_tag_is_read_as_people_write_it(word: str, family: Family | None) -> None:
    assert family_of_tag(word) is family


@pytest.mark.parametrize(
    ("flavor", "tag", "family"),
    [
        ("pytorch", "linear", Family.DEEP),
        ("keras", None, Family.DEEP),
        ("sklearn", None, Family.SIMPLE),
        ("sklearn", "deep", Family.DEEP),
        ("sklearn", "mystery", None),
        ("lightgbm", None, Family.SIMPLE),
        ("lightgbm", "ensemble", Family.ENSEMBLE),
        ("onnx", None, None),
        ("onnx", "tree", Family.SIMPLE),
        ("python_function", None, None),
    ],
)
def test_the_tag_never_makes_a_deep_flavor_simple(
    flavor: str, tag: str | None, family: Family | None
) -> None:
    tags = {} if tag is None else {"model.family": tag}
    assert family_of_model(seen(tags), ("python_function", flavor)) is family


@pytest.mark.parametrize(
    ("name", "params", "family"),
    [
        ("sklearn.linear_model._logistic.LogisticRegression", {}, Family.SIMPLE),
        ("sklearn.ensemble._forest.RandomForestClassifier", {}, Family.SIMPLE),
        ("sklearn.ensemble._stacking.StackingClassifier", {}, Family.ENSEMBLE),
        ("sklearn.neural_network._multilayer_perceptron.MLPClassifier", {}, Family.DEEP),
        ("scikeras.wrappers.KerasClassifier", {}, Family.DEEP),
        ("sklearn.dummy.DummyClassifier", {}, Family.RULE),
        ("mine.Odd", {}, None),
        (
            "sklearn.pipeline.Pipeline",
            {"steps": "[('scale', StandardScaler()), ('svc', SVC(C=2.0))]"},
            Family.SIMPLE,
        ),
        (
            "sklearn.model_selection._search.GridSearchCV",
            {"estimator": "Pipeline(steps=[('scale', StandardScaler()),\n ('m', MLPRegressor())])"},
            Family.DEEP,
        ),
        (
            "sklearn.pipeline.Pipeline",
            {"steps": "[('a', StackingClassifier(estimators=[('b', SVC())]))]"},
            Family.ENSEMBLE,
        ),
        ("sklearn.pipeline.Pipeline", {"steps": "[('cut', OneHot..."}, None),
        ("sklearn.pipeline.Pipeline", {"steps": "(" * 5000}, None),
    ],
)
def test_autologging_tells_the_family(
    name: str, params: dict[str, str], family: Family | None
) -> None:
    assert family_of_run(seen({"estimator_class": name}, params)) is family


def test_a_neural_estimator_is_deep_whatever_the_tag_says() -> None:
    tags = {"estimator_class": "sklearn.neural_network.MLPClassifier", "model.family": "linear"}
    assert family_of_run(seen(tags)) is Family.DEEP


def test_a_run_tagged_as_a_baseline_says_its_family_so() -> None:
    assert family_of_run(seen({"baseline.kind": "simple-model"})) is Family.SIMPLE
    assert family_of_run(seen({"baseline.kind": "random"})) is Family.RULE
    assert family_of_run(seen({})) is None
