from __future__ import annotations

import ast
import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlops_policies.reading.input_example_remedy import LACKS_IT, TAKES_IT
from mlops_policies.serving.signature_and_example import SignatureAndExample
from policy_engine.evidence import Needs
from policy_engine.evidence.record import Invalid, Unreadable
from policy_engine.policy import Finding, Outcome
from policy_engine.testing import assert_outcome, bind, judge, model, run

LOG_IT = (
    "pass input_example=X_train[:5] to log_model: MLflow stores it and infers the signature from it"
)
INFO = {"artifact_path": "input_example.json", "type": "dataframe"}
AGE_AND_CITY = [
    {"type": "long", "name": "age", "required": True},
    {"type": "string", "name": "city", "required": True},
]
LABEL = [{"type": "long", "required": True}]
FITTING = {"dataframe_split": {"columns": ["age", "city"], "data": [[31, "Rome"], [4, None]]}}


def judged(
    policy: SignatureAndExample | None = None,
    *,
    inputs: Any = AGE_AND_CITY,
    outputs: Any = LABEL,
    example: Any = FITTING,
    **mlmodel: Any,
) -> list[Finding]:
    """Judge a model with this schema and example; None leaves one out."""
    schema = {
        name: None if spec is None else json.dumps(spec)
        for name, spec in (("inputs", inputs), ("outputs", outputs))
    }
    facts: dict[str, Any] = {"signature": schema, "flavors": {}}
    if example is not None:
        facts["saved_input_example_info"] = INFO
    texts = {} if example is None else {"serving_input_example.json": json.dumps(example)}
    record = model(mlmodel=facts | mlmodel, texts=texts)
    return judge(policy or SignatureAndExample(), candidate=run(model=record))


def compared(inputs: Any, example: Any) -> str:
    """Return the message on the example, or nothing where it passes."""
    (finding,) = [f for f in judged(inputs=inputs, example=example) if f.part == "example"]
    if finding.outcome is Outcome.PASS:
        return ""
    assert finding.outcome is Outcome.FAIL
    return finding.whole.removeprefix("the input example does not fit the signature: ")


def columns(*types: str) -> list[dict[str, Any]]:
    return [{"type": kind, "name": name} for kind, name in zip(types, "abcdefg", strict=False)]


def frame(*row: Any) -> dict[str, Any]:
    names = list("abcdefg")[: len(row)]
    return {"dataframe_split": {"columns": names, "data": [list(row)]}}


def test_a_model_with_signature_and_fitting_example_passes() -> None:
    found = judged()
    message = "the signature declares 2 columns or tensors as inputs"
    assert_outcome(found, "pass", part="inputs", message=message)
    message = "the signature declares 1 column or tensor as outputs"
    assert_outcome(found, "pass", part="outputs", message=message)
    message = "the input example has the names and types of the signature"
    assert_outcome(found, "pass", part="example", message=message)
    assert len(found) == 3


def test_an_example_from_which_mlflow_inferred_no_signature_is_not_asked_for_again() -> None:
    message = (
        "the MLmodel file has no signature, though an input example was logged: MLflow inferred "
        "none from it, so serving cannot validate inputs"
    )
    finding = assert_outcome(judged(signature=None), "missing", message=message)
    assert finding.remedy == (
        "give log_model `signature=` (mlflow.models.infer_signature, or a ModelSignature), or cast "
        "the example to types that MLflow infers (no categories, no nullable or mixed columns); "
        "the warning of log_model says which value stopped it"
    )


def test_without_signature_and_example_one_finding_says_both() -> None:
    message = (
        "the MLmodel file has no signature and no input example: serving cannot validate inputs"
    )
    finding = assert_outcome(judged(signature=None, example=None), "missing", message=message)
    assert finding.remedy == LOG_IT


def test_a_signature_without_outputs_leaves_them_missing() -> None:
    found = judged(outputs=None)
    assert_outcome(found, "pass", part="inputs")
    message = "the signature of the model has no outputs"
    assert_outcome(found, "missing", part="outputs", message=message)


def test_a_model_without_an_example_leaves_it_missing() -> None:
    message = "the model stores no input example"
    finding = assert_outcome(judged(example=None), "missing", part="example", message=message)
    assert finding.remedy == LOG_IT


@pytest.mark.parametrize(
    ("flavor", "more"),
    [
        ("sklearn", "with autologging: mlflow.sklearn.autolog(log_input_examples=True)"),
        ("xgboost", "with autologging: mlflow.xgboost.autolog(log_input_examples=True)"),
        ("spark", "with autologging: mlflow.pyspark.ml.autolog(log_input_examples=True)"),
        (
            "statsmodels",
            (
                "autologging of statsmodels stores none: "
                "mlflow.statsmodels.autolog(log_models=False), and log_model in the same run"
            ),
        ),
    ],
)
def test_the_remedy_names_how_autologging_stores_an_example(flavor: str, more: str) -> None:
    found = judged(example=None, flavors={flavor: {}, "python_function": {}})
    finding = assert_outcome(found, "missing", part="example")
    assert finding.remedy == f"{LOG_IT}; {more}"


def parameters(function: str) -> set[str]:
    """Return the parameters of a function of the installed MLflow, by its text: no import."""
    module, _, name = function.rpartition(".")
    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent.joinpath(*module.split(".")[1:])
    found = [path / "__init__.py", path / "autologging.py"]
    for text in (each.read_text(encoding="utf-8") for each in found if each.exists()):
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    raise AssertionError(function)


@pytest.mark.parametrize("where", sorted(TAKES_IT.values()))
def test_what_the_remedy_names_is_an_option_of_mlflow(where: str) -> None:
    assert "log_input_examples" in parameters(f"{where}.autolog")


@pytest.mark.parametrize("flavor", LACKS_IT)
def test_what_the_remedy_says_is_none_of_mlflow_is_none(flavor: str) -> None:
    known = parameters(f"mlflow.{flavor}.autolog")
    assert "log_models" in known
    assert "log_input_examples" not in known


def test_an_example_that_mlmodel_names_and_nobody_stored_is_missing() -> None:
    found = judged(example=None, saved_input_example_info=INFO)
    message = "the model stores an input example, but no serving_input_example.json"
    assert_outcome(found, "missing", part="example", message=message)


def test_only_what_is_required_is_judged() -> None:
    policy = bind(SignatureAndExample, require=["inputs"])
    (finding,) = judged(policy, outputs=None, example=None)
    assert_outcome([finding], "pass", part="inputs")


def test_an_example_alone_has_nothing_to_be_compared_with() -> None:
    policy = bind(SignatureAndExample, require=["example"])
    message = "the signature has no inputs to compare the input example with"
    assert_outcome(judged(policy, signature=None), "missing", message=message)


@pytest.mark.parametrize(
    ("spec", "shown"),
    [
        ({"type": "object", "name": "a", "properties": {}}, "a (object)"),
        ({"type": "array", "name": "a", "items": {"type": "object"}}, "a (object)"),
        ({"type": "map", "name": "a", "values": {"type": "object"}}, "a (object)"),
        (
            {"type": "object", "name": "a", "properties": {"b": {"type": "object"}}},
            "a (object)",
        ),
        ({"type": "object"}, "the unnamed one (object)"),
        ({"type": "tensor", "tensor-spec": {"dtype": "object"}}, "the unnamed one (object)"),
    ],
)
def test_a_type_that_says_nothing_fails_at_any_depth(spec: dict[str, Any], shown: str) -> None:
    found = judged(outputs=[spec])
    message = f"the signature has outputs of a forbidden type: {shown}"
    finding = assert_outcome(found, "fail", part="outputs", message=message)
    assert finding.remedy is not None
    allowing = bind(SignatureAndExample, forbid_types=[])
    assert_outcome(judged(allowing, outputs=[spec]), "pass", part="outputs")


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "object", "name": "a", "properties": {"role": {"type": "string"}}},
        {"type": "any", "name": "custom_inputs", "required": False},
        {
            "type": "array",
            "name": "messages",
            "items": {"type": "object", "properties": {"content": {"type": "any"}}},
        },
    ],
)
def test_a_record_with_properties_and_a_free_field_of_mlflows_agents_pass(
    spec: dict[str, Any],
) -> None:
    assert_outcome(judged(outputs=[spec]), "pass", part="outputs")


def test_whoever_wants_no_free_field_at_any_depth_forbids_it() -> None:
    items = {"type": "object", "properties": {"content": {"type": "any"}}}
    spec = {"type": "array", "name": "messages", "items": items}
    policy = bind(SignatureAndExample, forbid_types=["object", "any"])
    message = "the signature has outputs of a forbidden type: messages (any)"
    assert_outcome(judged(policy, outputs=[spec]), "fail", part="outputs", message=message)


def test_names_are_compared_both_ways() -> None:
    example = {"dataframe_split": {"columns": ["age", "town"], "data": [[31, "Rome"]]}}
    message = (
        "the input example does not fit the signature: column 'city' is missing; "
        "column 'town' is not in the signature"
    )
    finding = assert_outcome(judged(example=example), "fail", part="example", message=message)
    assert finding.remedy is not None
    assert "Rome" not in finding.whole


def test_an_optional_column_may_be_absent() -> None:
    optional = [*AGE_AND_CITY, {"type": "double", "name": "income", "required": False}]
    assert compared(optional, FITTING) == ""


def test_only_the_first_five_differences_are_listed() -> None:
    message = compared(columns(*["long"] * 7), {"dataframe_split": {"columns": [], "data": []}})
    assert message.endswith("column 'e' is missing; and 2 more")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("long", 1),
        ("integer", 1),
        ("double", 1),
        ("double", 1.5),
        ("float", 2.5),
        ("string", "x"),
        ("boolean", True),
        ("datetime", "2026-01-31T08:00:00"),
        ("binary", "AAEC"),
        ("long", 1.0),
        ("double", None),
        ("string", None),
        ("sparkml_vector", [1]),
    ],
)
def test_a_value_of_the_columns_type_fits(kind: str, value: object) -> None:
    assert compared(columns(kind), frame(value)) == ""


@pytest.mark.parametrize(
    ("kind", "value", "held"),
    [
        ("long", 1.5, "a fraction"),
        ("integer", True, "a boolean"),
        ("double", "1", "a text"),
        ("float", False, "a boolean"),
        ("string", 5, "a whole number"),
        ("boolean", 1, "a whole number"),
        ("datetime", 5, "a whole number"),
        ("string", ["a"], "a list"),
        ("long", {"a": 1}, "an object"),
    ],
)
def test_a_value_of_another_type_does_not_and_is_never_shown(
    kind: str, value: object, held: str
) -> None:
    message = f"column 'a' holds {held} where the signature says {kind}"
    assert compared(columns(kind), frame(value)) == message


def test_null_among_whole_numbers_is_refused_as_serving_does() -> None:
    example = {"dataframe_split": {"columns": ["a"], "data": [[1], [None]]}}
    message = "column 'a' holds null where the signature says long, which serving refuses"
    assert compared(columns("long"), example) == message


@pytest.mark.parametrize("value", [1, 1.5, None, True, "x"])
@pytest.mark.parametrize("kind", ["long", "double", "string", "boolean"])
def test_mlflow_serves_every_example_that_fits(kind: str, value: object) -> None:
    """MLflow is the oracle in one direction: it casts silently, so it takes more than fits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what MLflow says when it is imported is not ours
        from mlflow.models.utils import _enforce_schema
        from mlflow.pyfunc.scoring_server import infer_and_parse_data
        from mlflow.types import Schema

    if compared(columns(kind), frame(value)):
        return
    schema = Schema.from_json(json.dumps(columns(kind)))
    _enforce_schema(infer_and_parse_data(frame(value), schema), schema)


def test_what_a_column_holds_is_compared_at_any_depth() -> None:
    longs = {"type": "array", "items": {"type": "long"}, "name": "a"}
    assert compared([longs], frame([1, 2])) == ""
    assert compared([longs], frame([1, "2"])) != ""
    texts = {"type": "map", "values": {"type": "string"}, "name": "a"}
    assert compared([texts], frame({"k": "v"})) == ""
    assert compared([texts], frame({"k": 1})) != ""
    message = {"type": "object", "name": "a", "properties": {"role": {"type": "string"}}}
    assert compared([message], frame({"role": "user"})) == ""
    assert compared([message], frame({})) != ""


@pytest.mark.parametrize(
    "example",
    [
        {"dataframe_records": [{"age": 31, "city": "Rome"}]},
        {"inputs": {"age": [31], "city": ["Rome"]}},
        {"instances": [{"age": 31, "city": "Rome"}]},
        {"age": 31, "city": "Rome", "params": {"k": 1}},
    ],
)
def test_an_example_may_come_in_any_form_that_serving_takes(example: object) -> None:
    assert compared(AGE_AND_CITY, example) == ""


def tensor(*shape: int, dtype: str = "float64", name: str | None = None) -> list[dict[str, Any]]:
    spec = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}
    return [spec if name is None else spec | {"name": name}]


@pytest.mark.parametrize(
    ("inputs", "example", "message"),
    [
        (tensor(-1, 2), {"inputs": [[1.0, 2], [3, 4]]}, ""),
        (
            tensor(-1, 2),
            {"inputs": [[1.0, 2], [3]]},
            "it is not of the shape [-1, 2] that the signature says",
        ),
        (
            tensor(-1, 2, dtype="int64"),
            {"inputs": [[1, 2.5]]},
            "it holds a fraction where the signature says int64",
        ),
        (tensor(-1, name="x"), {"inputs": {"x": [1.0]}}, ""),
        (tensor(-1, name="x"), {"inputs": {"y": [1.0]}}, "column 'x' is missing"),
        (tensor(-1, name="x"), {"inputs": [1.0]}, "it holds no named columns, "),
        (tensor(-1, 2), {"dataframe_split": {"columns": [0, 1], "data": [[1.0, 2]]}}, ""),
        (LABEL, {"inputs": [1, 2]}, ""),
        (LABEL, {"inputs": ["a"]}, "it holds a text where the signature says long"),
        (LABEL, {"dataframe_split": {"columns": [0], "data": [[1]]}}, ""),
        ([*LABEL, *LABEL], {"dataframe_split": {"columns": [0, 1], "data": [[1, 2]]}}, ""),
        (
            [*LABEL, *LABEL],
            {"dataframe_split": {"columns": [0, 1], "data": [[1]]}},
            "column 1 is missing in a row",
        ),
        (LABEL, {"inputs": {"a": [1]}}, "its columns are named, and the signature's are not"),
        (LABEL, [1, 2], "it is a list and no object"),
        ([{"type": "string"}], {"inputs": "a sentence"}, ""),
        (LABEL, {"inputs": "a"}, "it holds a text where the signature says long"),
        (tensor(-1), {"inputs": 1.0}, "it is a fraction and no list"),
        (tensor(-1), {"prompt": "a"}, "its columns are named, and the signature's are not"),
    ],
)
def test_tensors_and_unnamed_columns_are_compared_by_place(
    inputs: Any, example: Any, message: str
) -> None:
    assert compared(inputs, example).startswith(message)
    assert bool(compared(inputs, example)) == bool(message)


def test_a_frame_without_column_names_is_compared_by_the_places_that_mlflow_names() -> None:
    numbered = [{"type": "long", "name": 0}, {"type": "long", "name": 1}]
    assert compared(numbered, {"dataframe_split": {"data": [[1, 2], [3, 4]]}}) == ""
    assert compared(numbered, {"dataframe_split": {"data": [[1, 2, 3]]}}) == (
        "column '2' is not in the signature"
    )
    assert compared(numbered, {"dataframe_split": {"data": [[1]]}}) == "column '1' is missing"


def test_an_empty_text_which_pandas_writes_as_nan_is_null() -> None:
    texts = [{"type": "string", "name": "a", "required": False}]
    example = {"dataframe_split": {"columns": ["a"], "data": [["x"], [float("nan")]]}}
    assert compared(texts, example) == ""
    message = "column 'a' holds null where the signature says long, which serving refuses"
    assert compared(columns("long"), frame(float("nan"))) == message
    message = "column 'a' holds a fraction where the signature says string"
    assert compared(texts, frame(float("inf"))) == message


def test_one_record_may_hold_a_list_where_rows_would_hold_lists() -> None:
    lists = [{"type": "array", "items": {"type": "long"}, "name": "ids"}]
    assert compared(lists, {"inputs": {"ids": [1, 2]}}) == ""
    assert compared(lists, {"inputs": {"ids": [[1, 2], [3]]}}) == ""
    message = "column 'ids' holds a whole number where the signature says array"
    assert compared(lists, {"dataframe_split": {"columns": ["ids"], "data": [[1]]}}) == message


def test_parameters_that_stand_beside_a_chat_request_are_no_columns() -> None:
    texts = [{"type": "string", "name": "prompt"}]
    parameter = [{"name": "k", "type": "long", "default": 1, "shape": None}]
    schema = {"inputs": json.dumps(texts), "params": json.dumps(parameter)}
    policy = bind(SignatureAndExample, require=["example"])
    found = judged(policy, signature=schema, example={"prompt": "hi", "k": 2})
    assert_outcome(found, "pass", part="example")
    message = "the input example does not fit the signature: column 'j' is not in the signature"
    found = judged(policy, signature=schema, example={"prompt": "hi", "j": 2})
    assert_outcome(found, "fail", part="example", message=message)


@pytest.mark.parametrize("inputs", ["no list", [1], {"a": 1}, 5])
def test_a_signature_that_is_no_list_of_columns_fails(inputs: Any) -> None:
    assert_outcome(judged(inputs=inputs), "fail", part="inputs")


def test_a_signature_that_is_no_mapping_fails() -> None:
    assert_outcome(judged(signature="inputs"), "fail")


def test_an_example_that_is_no_json_fails() -> None:
    mlmodel = {"signature": {"inputs": json.dumps(LABEL)}, "saved_input_example_info": INFO}
    record = model(mlmodel=mlmodel, texts={"serving_input_example.json": "{"})
    policy = bind(SignatureAndExample, require=["example"])
    message = (
        "serving_input_example.json of the model is not JSON: Expecting property name enclosed in "
        "double quotes: line 1 column 2 (char 1)"
    )
    assert_outcome(judge(policy, candidate=run(model=record)), "fail", message=message)


@pytest.mark.parametrize(
    ("gap", "outcome"),
    [(Unreadable(unreadable="HTTP 500"), "error"), (Invalid(invalid="no YAML"), "fail")],
)
def test_an_mlmodel_file_that_is_no_value_never_passes(
    gap: Invalid | Unreadable, outcome: str
) -> None:
    record = model().model_copy(update={"mlmodel": gap})
    assert_outcome(judge(SignatureAndExample(), candidate=run(model=record)), outcome)


def test_it_reads_the_model_and_its_small_files() -> None:
    assert SignatureAndExample().reads() == Needs.MODEL | Needs.FILES


@pytest.mark.parametrize("settings", [{"require": []}, {"require": ["params"]}])
def test_a_requirement_that_nobody_knows_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SignatureAndExample.model_validate(settings)


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)
)


@given(row=st.dictionaries(st.text(min_size=1, max_size=5), values, min_size=1, max_size=5))
def test_a_signature_that_says_what_the_example_holds_always_fits_it(row: dict[str, Any]) -> None:
    kinds = {bool: "boolean", int: "long", float: "double", str: "string", type(None): "double"}
    inputs = [{"type": kinds[type(value)], "name": name} for name, value in row.items()]
    example = {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}
    assert compared(inputs, example) == ""


@given(value=st.text("ghijkGHIJK0123456789", min_size=8), kind=st.sampled_from(["long", "boolean"]))
def test_no_message_holds_a_value_of_the_example(value: str, kind: str) -> None:
    assert value not in compared(columns(kind), frame(value))
