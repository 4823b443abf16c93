"""Whether a model is an agent or a language-model pipeline, which no model of columns replaces.

Two things must say so: what logged it (a task that MLflow's agents and chat models have, or a
flavor of language models alone) and its signature, which takes messages or texts and no number.
A model of columns has numbers in its signature, whatever flavor or task it is given.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from policy_engine.evidence import MissingEvidence, Run, json_value

_PIPELINES = frozenset("langchain llama_index openai dspy".split())
"""MLflow flavors that hold language models, and what is built of them, alone."""
_CHATS = ("agent/", "llm/v1/chat", "llm/v1/completions")
"""How the tasks begin that MLflow writes for its agents and chat models (mlflow 3.17)."""
_GENERATES = ("text-generation", "text2text-generation", "summarization", "translation")
"""How the tasks of transformers begin whose answer is a text, not a class or a number."""
_ASKED = frozenset("messages input prompt".split())
"""What an agent or a chat model is asked with, by MLflow's own signatures."""
_SETTINGS = frozenset(
    "temperature max_tokens max_output_tokens n top_p top_k frequency_penalty presence_penalty "
    "stream background store parallel_tool_calls".split()
)
"""Numbers and switches that these signatures let a request leave out."""
_TEXT = frozenset("string any".split())
_HOLDERS = frozenset("object array map boolean".split())


def language_model(run: Run) -> str | None:
    """Return what kind of a language model a run's model is, in words; None if it is none.

    Args:
        run: The run. Needs `MODEL`.
    """
    try:
        facts = run.model.mlmodel
    except MissingEvidence:
        return None
    found = facts.get("flavors")
    flavors = found if isinstance(found, Mapping) else {}
    asked = [each for each in _inputs(facts.get("signature")) if not _is_setting(each)]
    others = set(flavors) - _PIPELINES - {"python_function", "transformers"}
    if others or not asked or not all(map(_is_text, asked)):
        return None
    chat = next((task for task in _tasks(facts, flavors) if task.startswith(_CHATS)), None)
    if chat is not None:
        required = {each.get("name") for each in asked if each.get("required") is not False}
        return f"an agent or a chat model ({chat})" if required and required <= _ASKED else None
    pipeline = next(iter(sorted(_PIPELINES & set(flavors))), None) or next(
        (task for task in _tasks({}, flavors) if task.startswith(_GENERATES)), None
    )
    return f"a language-model pipeline ({pipeline})" if pipeline else None


def _tasks(facts: Mapping[str, Any], flavors: Mapping[str, Any]) -> Iterator[str]:
    """Yield the tasks that MLflow wrote of a model: into its metadata, and of transformers."""
    for holder in (facts.get("metadata"), flavors.get("transformers")):
        if isinstance(holder, Mapping):
            yield from (str(holder[key]) for key in ("task", "inference_task") if key in holder)


def _inputs(signature: object) -> list[Mapping[str, Any]]:
    text = signature.get("inputs") if isinstance(signature, Mapping) else None
    try:
        inputs = json_value(text) if isinstance(text, str) else text
    except ValueError:
        return []
    return [each for each in inputs or () if isinstance(each, Mapping)]


def _is_setting(spec: Mapping[str, Any]) -> bool:
    return spec.get("required") is False and spec.get("name") in _SETTINGS


def _is_text(spec: Mapping[str, Any]) -> bool:
    """Say whether it holds texts and no number; an agent's optional context may hold nothing."""
    kinds = set(_kinds(spec))
    is_optional = spec.get("required") is False
    return kinds <= _TEXT | _HOLDERS and (is_optional or bool(kinds & _TEXT))


def _kinds(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the types of a column and of all that it holds."""
    yield str(spec.get("type"))
    properties = spec.get("properties")
    inner = [spec.get("items"), spec.get("values")]
    inner += properties.values() if isinstance(properties, Mapping) else ()
    for each in inner:
        if isinstance(each, Mapping):
            yield from _kinds(each)
