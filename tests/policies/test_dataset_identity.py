from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.engineering.dataset_identity import DatasetIdentity, home_of
from mlops_policies.reading.dataset_context import WORDS, datasets_in
from policy_engine.evidence import Dataset, MissingEvidence, Needs, Run
from policy_engine.evidence.record import ModelMetricRecord, RunRecord, Unreadable
from policy_engine.policy import Finding
from policy_engine.testing import assert_outcome, bind, judge, model, run
from tests.policies.logged_data import logged

HASH = "0a" * 32


def data(name: str = "train", context: str | None = "training", **facts: Any) -> Dataset:
    known: dict[str, Any] = {"digest": "0a1b2c3d", "rows": 100, "columns": ("age",)}
    return Dataset(name=name, context=context, **(known | {"types": ("long",)} | facts))


def judged(
    *datasets: Dataset, settings: dict[str, Any] | None = None, **facts: Any
) -> list[Finding]:
    policy = bind(DatasetIdentity, **({"contexts": ["training"]} | (settings or {})))
    return judge(policy, candidate=run(datasets=datasets, **facts))


def test_small_tables_with_digests_pass() -> None:
    found = judged(
        data(), data("test", "evaluation"), settings={"contexts": ["training", "evaluation"]}
    )
    message = "training data is recorded: 'train' (0a1b2c3d)"
    assert_outcome(found, "pass", part="training", message=message)
    message = "no source lies in a home directory: 'test' (0a1b2c3d)"
    assert_outcome(found, "pass", part="evaluation-source", message=message)
    assert len(found) == 4


def test_a_context_without_a_dataset_is_missing_and_says_what_there_is() -> None:
    found = judged(data(context="reference"), data("b", None))
    message = (
        "the candidate run has no dataset logged for context `training`; its inputs are "
        "'train' (reference), 'b' (no context)"
    )
    finding = assert_outcome(found, "missing", message=message)
    assert finding.remedy is not None
    assert finding.remedy.startswith(
        "if 'train' is that data, log it with context='training' in place of 'reference'; else log"
    )
    assert "log_dataset(" in finding.remedy


@pytest.mark.parametrize("context", ["train_set", "Training data", "TRAIN-2024", "fit"])
def test_a_word_of_the_context_says_what_the_data_is_for(context: str) -> None:
    found = judged(data(context=context))
    message = "training data is recorded: 'train' (0a1b2c3d)"
    assert_outcome(found, "pass", part="training", message=message)


@pytest.mark.parametrize("context", ["train/test", "trainer", "retraining", "2024"])
def test_a_context_that_says_both_or_another_word_says_nothing(context: str) -> None:
    message = (
        "the candidate run has no dataset logged for context `training`; its inputs are "
        f"'train' ({context})"
    )
    assert_outcome(judged(data(context=context)), "missing", message=message)


def test_a_dataset_without_a_digest_is_missing() -> None:
    message = "training data 'train' has no digest"
    assert_outcome(judged(data(digest=None)), "missing", part="training", message=message)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"rows": 10_001}, "has 10,001 rows, of which MLflow's digest covers 10,000"),
        (
            {"columns": None, "types": None, "elements": 10_001},
            "has 10,001 elements in one array, of which MLflow's digest covers 10,000",
        ),
        (
            {"columns": ("a", "b", "c"), "types": ("long", "datetime", "string?")},
            "has columns that MLflow's digest leaves out: b (datetime), c (text with nulls)",
        ),
        (
            {"columns": tuple("abcdefg"), "types": ("boolean",) * 7},
            (
                "has columns that MLflow's digest leaves out: a (boolean), b (boolean), "
                "c (boolean), d (boolean), e (boolean) and 2 more"
            ),
        ),
        ({"rows": None}, "does not say all of its rows, columns and their types"),
        ({"types": None}, "does not say all of its rows, columns and their types"),
    ],
)
def test_data_that_the_digest_covers_in_part_is_inconclusive_without_a_strong_hash(
    facts: dict[str, Any], why: str
) -> None:
    message = f"training data is not identified in full: 'train' (0a1b2c3d) {why}"
    finding = assert_outcome(
        judged(data(**facts)), "inconclusive", part="training", message=message
    )
    assert finding.remedy == (
        "log the data with policy_engine.training.log_dataset(…), which hashes every cell "
        "(data.sha256)"
    )
    strong = data(tags={"data.sha256": HASH.upper()}, **facts)
    assert_outcome(judged(strong), "pass", part="training")
    off = judged(data(**facts), settings={"strong_hash": False})
    assert_outcome(off, "pass", part="training")


@pytest.mark.parametrize(
    "facts",
    [
        {"rows": 10_000},
        {"columns": None, "types": None, "elements": 10_000},
        {"columns": ("a", "b"), "types": ("double?", "string")},
    ],
)
def test_at_the_boundary_of_the_digest_all_is_covered(facts: dict[str, Any]) -> None:
    assert_outcome(judged(data(**facts)), "pass", part="training")


@pytest.mark.parametrize("value", ["", "nan", HASH[:-1], HASH + "0", "z" * 64])
def test_a_strong_hash_that_is_none_fails(value: str) -> None:
    message = "data.sha256 of dataset 'train' (0a1b2c3d) is not a SHA-256 (64 hexadecimal digits)"
    found = judged(data(tags={"data.sha256": value}))
    assert_outcome(found, "fail", part="training", message=message)


def test_a_source_in_a_home_directory_fails() -> None:
    source = json.dumps({"uri": "/home/anna/data.csv"})
    found = judged(data(source_type="local", source=source))
    message = (
        "the source of a dataset lies in a home directory, where nobody else can read it: "
        "'train' (0a1b2c3d) under /home/anna"
    )
    assert_outcome(found, "fail", part="training-source", message=message)
    assert_outcome(found, "pass", part="training")
    off = judged(data(source_type="local", source=source), settings={"forbid_local_source": False})
    assert len(off) == 1


def test_a_source_that_no_reader_takes_hides_no_home_directory() -> None:
    source = "[" * 100 + json.dumps("/home/anna/data.csv") + "]" * 100
    found = judged(data(source_type="local", source=source))
    message = "the source of dataset 'train' cannot be read: it is nested more than 64 levels deep"
    assert_outcome(found, "fail", part="training-source", message=message)


@pytest.mark.parametrize(
    ("source", "home"),
    [
        ("/home/anna/data.csv", "/home/anna"),
        ("/Users/anna/data.csv", "/Users/anna"),
        ("C:\\Users\\anna\\data.csv", "/Users/anna"),
        ("file:///home/anna/data.csv", "/home/anna"),
        ("/data/../home/anna/x", "/home/anna"),
        ("/root" + "/data.csv", "/root"),
        ("~/data.csv", "~"),
        ("/home/runner/" + "work/data.csv", None),
        ("C:/Users/runneradmin/data.csv", None),
        ("s3://bucket/home/anna/data.csv", None),
        ("/mnt/home/anna/data.csv", None),
        ("home/anna/data.csv", None),
        ("data.csv", None),
    ],
)
def test_a_home_directory_is_told_from_other_places(source: str, home: str | None) -> None:
    assert home_of(data(source_type="local", source=json.dumps({"uri": source}))) == home
    assert home_of(data(source_type="hf", source=json.dumps({"files": [source]}))) == home
    assert home_of(data(source_type="local", source=source)) == home
    assert home_of(data(source_type="code", source=json.dumps({"tags": {"n": source}}))) is None


@pytest.mark.parametrize("word", [*WORDS, "Train", " TEST "])
def test_the_words_for_a_context_are_read_in_any_case(word: str) -> None:
    context = WORDS[word.strip().lower()]
    seen = Run(run(datasets=(data(context=word),)), Needs.DATASETS)
    assert len(datasets_in(seen, context)) == 1
    with pytest.raises(MissingEvidence):
        datasets_in(seen, "evaluation" if context == "training" else "training")


def evaluated(context: str | None, digest: str = "0a1b2c3d") -> RunRecord:
    metric = ModelMetricRecord(key="f1", value=0.9, dataset="test", digest=digest)
    return run(datasets=(data("test", context),), model=model(metrics=(metric,)))


def test_a_dataset_without_context_is_evaluation_data_if_the_models_metrics_name_it() -> None:
    policy = bind(DatasetIdentity, contexts=["evaluation"])
    assert_outcome(judge(policy, candidate=evaluated(None)), "pass", part="evaluation")
    assert_outcome(judge(policy, candidate=evaluated(None, "ffffffff")), "missing")
    assert_outcome(judge(policy, candidate=evaluated("reference")), "missing")


def test_a_model_that_cannot_be_read_matters_only_where_it_must_tell() -> None:
    unreadable = Unreadable(unreadable="HTTP 500")
    policy = bind(DatasetIdentity, contexts=["evaluation"])
    unsaid = run(datasets=(data(context=None),), model=unreadable)
    assert_outcome(judge(policy, candidate=unsaid), "error")
    said = run(datasets=(data(context="test"),), model=unreadable)
    assert_outcome(judge(policy, candidate=said), "pass", part="evaluation")


def test_training_data_alone_needs_no_model() -> None:
    assert bind(DatasetIdentity, contexts=["training"]).reads() == Needs.DATASETS
    assert DatasetIdentity().reads() == Needs.DATASETS | Needs.MODEL


@pytest.mark.parametrize("contexts", [[], ["holdout"], "training"])
def test_an_unknown_context_is_refused(contexts: object) -> None:
    with pytest.raises(ValidationError):
        bind(DatasetIdentity, contexts=contexts)


def test_really_logged_data_is_identified(tmp_path_factory: pytest.TempPathFactory) -> None:
    runs = logged(tmp_path_factory)
    careful = judge(DatasetIdentity(), candidate=runs.careful)
    assert {f.outcome for f in careful} == {"pass"}
    assert len(careful) == 4
    careless = judge(DatasetIdentity(), candidate=runs.careless)
    assert_outcome(careless, "fail", part="training-source")
    assert_outcome(careless, "pass", part="evaluation-source")


@given(
    rows=st.none() | st.integers(0, 30_000),
    types=st.none()
    | st.lists(st.sampled_from(["long", "string", "string?", "boolean"]), max_size=3),
)
def test_a_strong_hash_never_makes_it_worse(rows: int | None, types: list[str] | None) -> None:
    columns = None if types is None else tuple(map(str, range(len(types))))
    facts: dict[str, Any] = {
        "rows": rows,
        "columns": columns,
        "types": None if types is None else tuple(types),
    }
    (weak, _), (strong, _) = (
        judged(data(**facts)),
        judged(data(tags={"data.sha256": HASH}, **facts)),
    )
    assert strong.outcome == "pass"
    assert weak.outcome in {"pass", "inconclusive"}
