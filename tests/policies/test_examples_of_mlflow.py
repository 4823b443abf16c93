"""What MLflow itself stored and validated is never called wrong; it is the oracle here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlops_policies.serving.signature_and_example import SignatureAndExample
from policy_engine.testing import assert_outcome, judge, model, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from policy_engine.policy import Finding


pytestmark = pytest.mark.filterwarnings("ignore")  # what MLflow says while it writes is not ours


def judged(folder: Path, python_model: Any, example: Any = None) -> list[Finding]:
    """Judge a model as `mlflow.pyfunc.save_model` writes it."""
    import_module("mlflow.pyfunc").save_model(
        folder / "model",
        python_model=python_model,
        input_example=example,
        pip_requirements=["mlflow"],
    )
    facts = yaml.safe_load((folder / "model" / "MLmodel").read_text())
    texts = {path.name: path.read_text() for path in (folder / "model").glob("*.json")}
    return judge(SignatureAndExample(), candidate=run(model=model(mlmodel=facts, texts=texts)))


def outcomes(found: list[Finding]) -> Mapping[str | None, str]:
    return {finding.part: str(finding.outcome) for finding in found}


PASSED = {"inputs": "pass", "outputs": "pass", "example": "pass"}


def constant() -> Any:
    """Return a model that takes anything."""
    pyfunc: Any = import_module("mlflow.pyfunc")

    class Constant(pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> list[float]:
            del context, model_input, params
            return [0.0]

    return Constant()


def example_of(kind: str) -> Any:
    """Return an example of the kind."""
    import numpy as np
    import pandas as pd
    import scipy.sparse as sp

    frame = pd.DataFrame
    makers: dict[str, Callable[[], Any]] = {
        "frame": lambda: frame({"age": [31, 4], "city": ["Rome", "Oslo"]}),
        "frame without names": lambda: frame([[1, 2.5, "a"], [3, 4.5, "b"]]),
        "frame without names that lacks values": lambda: frame([["a", None], [None, 1.5]]),
        "frame with names that are numbers": lambda: frame([[1.0, 2.0]], columns=[2020, 2021]),
        "text that lacks a value": lambda: frame({"a": [1.0, np.nan], "b": ["u", None]}),
        "nullable text": lambda: frame({"a": pd.array(["x", None], dtype="string")}),
        "nullable fractions": lambda: frame({"a": pd.array([1.5, None], dtype="Float64")}),
        "booleans that lack a value": lambda: frame({"a": [True, None]}),
        "column of nulls": lambda: frame({"a": [None, None], "b": [1.0, 2.0]}),
        "moments that lack one": lambda: frame({"t": pd.to_datetime(["2026-01-31", None])}),
        "bytes": lambda: frame({"image": [b"\x00\x01", b"\x02"]}),
        "infinity": lambda: frame({"a": [np.inf, 1.0]}),
        "lists": lambda: frame({"v": [[1.0, 2.0], [3.0]]}),
        "lists that lack a value": lambda: frame({"v": [[1.0, None], [2.0]]}),
        "records": lambda: frame({"o": [{"k": 1}, {"k": 2, "l": "x"}]}),
        "records that lack one": lambda: frame({"o": [{"k": 1}, None]}),
        "array": lambda: np.zeros((2, 3, 4), "float32"),
        "array of texts": lambda: np.array(["a", "bcd"]),
        "array that lacks a value": lambda: np.array([[np.nan, 1.0]]),
        "named arrays": lambda: {"ids": np.zeros((2, 4), "int64"), "mask": np.ones((2, 4))},
        "sparse by columns": lambda: sp.csc_matrix(np.eye(3)),
        "one text": lambda: "a sentence",
        "one number": lambda: 5,
        "one text and parameters": lambda: ("a sentence", {"temperature": 0.5}),
        "texts": lambda: ["one", "two"],
        "dictionary": lambda: {"question": "why", "k": 3},
        "dictionary of lists": lambda: {"ids": [1, 2], "names": ["x", "y"]},
        "dictionary that lacks a value": lambda: {"a": None, "b": 1},
        "dictionary of dictionaries": lambda: {"a": {"b": [1, 2]}, "c": "x"},
        "dictionary with keys of a frame": lambda: {"columns": ["a"], "data": [1]},
        "dictionaries": lambda: [{"q": "a", "l": "x"}, {"q": "b"}],
        "chat": lambda: {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.1},
        "chat and parameters": lambda: (
            {"messages": [{"role": "user", "content": "hi"}]},
            {"k": 1},
        ),
    }
    return makers[kind]()


@pytest.mark.parametrize(
    "kind",
    [
        "frame",
        "frame without names",
        "frame without names that lacks values",
        "frame with names that are numbers",
        "text that lacks a value",
        "nullable text",
        "nullable fractions",
        "booleans that lack a value",
        "column of nulls",
        "moments that lack one",
        "bytes",
        "infinity",
        "lists",
        "lists that lack a value",
        "records",
        "records that lack one",
        "array",
        "array of texts",
        "array that lacks a value",
        "named arrays",
        "sparse by columns",
        "one text",
        "one number",
        "one text and parameters",
        "texts",
        "dictionary",
        "dictionary of lists",
        "dictionary that lacks a value",
        "dictionary of dictionaries",
        "dictionary with keys of a frame",
        "dictionaries",
        "chat",
        "chat and parameters",
    ],
)
def test_an_example_that_mlflow_validated_fits_the_signature_that_it_inferred(
    kind: str, tmp_path: Path
) -> None:
    assert outcomes(judged(tmp_path, constant(), example_of(kind))) == PASSED


def test_an_array_of_any_objects_is_the_one_that_says_too_little(tmp_path: Path) -> None:
    import numpy as np

    found = judged(tmp_path, constant(), np.array(["a", None], dtype=object))
    message = "the signature has inputs of a forbidden type: the unnamed one (object)"
    assert_outcome(found, "fail", part="inputs", message=message)


@pytest.mark.parametrize("kind", ["categories", "nullable whole numbers", "mixed", "zones"])
def test_where_mlflow_infers_no_signature_it_is_missing(kind: str, tmp_path: Path) -> None:
    import pandas as pd

    makers: dict[str, Callable[[], Any]] = {
        "categories": lambda: pd.Categorical(["a", "b"]),
        "nullable whole numbers": lambda: pd.array([1, None], dtype="Int64"),
        "mixed": lambda: ["x", 1],
        "zones": lambda: pd.to_datetime(["2026-01-31T00:00:00+02:00"] * 2),
    }
    (finding,) = judged(tmp_path, constant(), pd.DataFrame({"a": makers[kind]()}))
    message = (
        "the MLmodel file has no signature, though an input example was logged: MLflow inferred "
        "none from it, so serving cannot validate inputs"
    )
    assert_outcome([finding], "missing", message=message)


@pytest.mark.parametrize("agent", ["ChatModel", "ChatAgent", "ResponsesAgent"])
def test_an_agent_with_the_signature_that_mlflow_fixes_passes(agent: str, tmp_path: Path) -> None:
    assert outcomes(judged(tmp_path, agent_of(agent))) == PASSED


def agent_of(name: str) -> Any:
    """Return an agent that answers one word."""
    pyfunc: Any = import_module("mlflow.pyfunc")
    word = {"role": "assistant", "content": "hi"}

    class Chat(pyfunc.ChatModel):  # type: ignore[misc]
        def predict(self, context: Any, messages: Any, params: Any) -> Any:
            del context, messages, params
            llm = import_module("mlflow.types.llm")
            choice = llm.ChatChoice(index=0, message=llm.ChatMessage(**word))
            return llm.ChatCompletionResponse(choices=[choice], usage=None, model="m")

    class Agent(pyfunc.ChatAgent):  # type: ignore[misc]
        def predict(self, messages: Any, context: Any = None, custom_inputs: Any = None) -> Any:
            del messages, context, custom_inputs
            types = import_module("mlflow.types.agent")
            message = types.ChatAgentMessage(**word, id="1")
            return types.ChatAgentResponse(messages=[message])

    class Responses(pyfunc.ResponsesAgent):  # type: ignore[misc]
        def predict(self, request: Any) -> Any:
            del request
            item = self.create_text_output_item("hi", "1")
            return import_module("mlflow.types.responses").ResponsesAgentResponse(output=[item])

    return {"ChatModel": Chat, "ChatAgent": Agent, "ResponsesAgent": Responses}[name]()
