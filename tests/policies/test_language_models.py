"""Agents and language-model pipelines need no tree; a model of columns does, whatever it says."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any

import pytest

from mlops_policies.data_care.explanation_logged import ExplanationLogged
from mlops_policies.data_care.no_dominant_feature import NoDominantFeature
from mlops_policies.deep_learning.deep_margin import DeepMargin
from mlops_policies.deep_learning.simple_model_tried import SimpleModelTried
from policy_engine.evidence.record import ImportanceRecord, RunRecord, Unreadable
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

TEXT = [{"type": "string", "name": "question", "required": True}]
NUMBER = [{"type": "double", "name": "amount", "required": True}]
AGENTS = {
    "agent/v1/chat": ("mlflow.types.llm", "CHAT_MODEL_INPUT_SCHEMA"),
    "agent/v2/chat": ("mlflow.types.agent", "CHAT_AGENT_INPUT_SCHEMA"),
    "agent/v1/responses": ("mlflow.types.responses", "RESPONSES_AGENT_INPUT_SCHEMA"),
}


def agent(task: str) -> list[dict[str, Any]]:
    """Return the inputs that MLflow itself writes for an agent of this task."""
    module, name = AGENTS[task]
    inputs: list[dict[str, Any]] = getattr(import_module(module), name).to_dict()
    return inputs


def logged(
    flavor: str = "python_function",
    conf: dict[str, str] | None = None,
    *,
    inputs: Any = TEXT,
    task: str | None = None,
    **facts: Any,
) -> RunRecord:
    mlmodel: dict[str, Any] = {
        "flavors": {"python_function": {}, flavor: conf or {}},
        "signature": {"inputs": json.dumps(inputs)},
    }
    if task:
        mlmodel["metadata"] = {"task": task}
    flavors = tuple(mlmodel["flavors"])
    return run(model=model(flavors=flavors, mlmodel=mlmodel), **facts)


def said(candidate: RunRecord) -> list[Finding]:
    """Return what the policies that ask for features, or a simpler model, say of a run alone."""
    policies = (SimpleModelTried, DeepMargin, ExplanationLogged, NoDominantFeature)
    return [
        finding
        for policy in policies
        for finding in judge(bind(policy), candidate=candidate, metric="val_accuracy", history=[])
    ]


def is_asked(candidate: RunRecord) -> bool:
    """Say whether all of them ask the run, or none does."""
    outcomes = {finding.outcome for finding in said(candidate)}
    asked = Outcome.NOT_APPLICABLE not in outcomes
    assert asked or outcomes == {Outcome.NOT_APPLICABLE}
    return asked


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
@pytest.mark.parametrize("task", AGENTS)
def test_an_agent_with_the_signature_that_mlflow_gives_it_is_not_asked(task: str) -> None:
    simple, margin, explanation, dominant = said(logged(inputs=agent(task), task=task))
    what = f"the candidate is an agent or a chat model ({task})"
    for finding in (simple, margin):
        message = f"{what}: no linear or tree model does its work"
        assert_outcome([finding], "not-applicable", message=message)
    for finding in (explanation, dominant):
        message = f"{what}: it has no features to weigh"
        assert_outcome([finding], "not-applicable", message=message)


@pytest.mark.parametrize("flavor", ["langchain", "llama_index", "openai", "dspy"])
def test_a_pipeline_of_language_models_that_takes_text_is_not_asked(flavor: str) -> None:
    found = said(logged(flavor))
    message = (
        f"the candidate is a language-model pipeline ({flavor}): no linear or tree model does its "
        "work"
    )
    assert_outcome(found[:1], "not-applicable", message=message)
    assert not is_asked(logged(flavor))


@pytest.mark.parametrize(
    ("task", "asked"),
    [
        ("text-generation", False),
        ("text2text-generation", False),
        ("translation_en_to_de", False),
        ("summarization", False),
        ("text-classification", True),
        ("feature-extraction", True),
        ("zero-shot-classification", True),
    ],
)
def test_a_pipeline_of_transformers_is_asked_unless_it_answers_in_text(
    task: str, asked: bool
) -> None:
    assert is_asked(logged("transformers", {"task": task})) is asked


def test_a_chat_model_of_transformers_is_not_asked() -> None:
    conf = {"task": "text-generation", "inference_task": "llm/v1/chat"}
    messages = agent("agent/v1/chat")
    assert not is_asked(logged("transformers", conf, inputs=messages, task="llm/v1/chat"))


@pytest.mark.parametrize(
    "columns",
    [
        NUMBER,
        [*TEXT, *NUMBER],
        [*TEXT, {"type": "double", "name": "amount", "required": False}],
        [{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 30]}}],
        [{"type": "array", "items": {"type": "double"}, "name": "input", "required": True}],
        [
            {
                "type": "object",
                "properties": {"amount": {"type": "double"}, "city": {"type": "string"}},
                "name": "input",
                "required": True,
            }
        ],
        [{"type": "datetime", "name": "messages", "required": True}],
        [{"type": "boolean", "name": "messages", "required": True}],
        [{"type": "double", "name": "temperature", "required": True}],
        [{"type": "double", "name": "temperature", "required": False}],
        [],
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("flavor", "conf", "task"),
    [
        ("langchain", None, None),
        ("openai", None, "agent/v1/responses"),
        ("python_function", None, "agent/v2/chat"),
        ("transformers", {"task": "text-generation"}, "llm/v1/chat"),
    ],
    ids=str,
)
def test_a_model_of_columns_is_asked_whatever_flavor_and_task_it_is_given(
    flavor: str, conf: dict[str, str] | None, task: str | None, columns: Any
) -> None:
    assert is_asked(logged(flavor, conf, inputs=columns, task=task))


@pytest.mark.parametrize("flavor", ["sklearn", "xgboost", "pytorch", "own"])
def test_the_flavor_of_a_predictor_beside_is_no_language_model(flavor: str) -> None:
    text = [{"type": "string", "name": "messages", "required": True}]
    candidate = logged(flavor, inputs=text, task="agent/v2/chat")
    assert Outcome.NOT_APPLICABLE not in {f.outcome for f in said(candidate)[2:]}


def test_an_agent_with_other_columns_than_its_messages_is_asked() -> None:
    text = [{"type": "string", "name": "city", "required": True}]
    assert is_asked(logged(inputs=text, task="agent/v2/chat"))


@pytest.mark.parametrize("signature", [None, "text", {"inputs": "no JSON"}, {"inputs": "3"}])
def test_without_a_signature_nobody_knows_what_it_takes(signature: Any) -> None:
    facts = {"flavors": {"langchain": {}}, "signature": signature}
    assert is_asked(run(model=model(flavors=("langchain",), mlmodel=facts)))


def test_importances_that_an_agent_logged_are_judged() -> None:
    record = ImportanceRecord(source="importance.json", values={"question": 1.0})
    found = judge(bind(ExplanationLogged), candidate=logged("langchain", importance=record))
    assert Outcome.NOT_APPLICABLE not in {finding.outcome for finding in found}


def test_what_could_not_be_read_of_the_model_excuses_nothing() -> None:
    gap = Unreadable(unreadable="over the cap")
    candidate = run(model=model(flavors=("langchain",), mlmodel=gap))
    assert {finding.outcome for finding in said(candidate)} == {Outcome.ERROR}
