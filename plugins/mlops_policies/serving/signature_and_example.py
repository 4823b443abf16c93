"""Does the model say what goes in and what comes out, with an example that fits?"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from mlops_policies.reading.example import differences
from mlops_policies.reading.input_example_remedy import example_remedy
from policy_engine.evidence import (
    Case,
    Grade,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Model,
    Needs,
    json_value,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Tighter, count, exact

EXAMPLE = "serving_input_example.json"
STORED = "input_example.json"
_GIVE_IT = (
    "give log_model `signature=` (mlflow.models.infer_signature, or a ModelSignature), or cast the "
    "example to types that MLflow infers (no categories, no nullable or mixed columns); the "
    "warning of log_model says which value stopped it"
)
_MOST_NAMED = 5

Required = Literal["inputs", "outputs", "example"]


class SignatureAndExample(Policy, name="signature-and-example"):
    """The model declares its inputs and outputs, and its input example fits them.

    Serving refuses a wrong column by the signature; without one it takes whatever comes and answers
    nonsense. The example is what a serving probe sends, and what the next team reads first.

    - `inputs`, `outputs`: the signature has them, and no column, at any depth, is of a type in
      `forbid_types` (of a tensor: its dtype). An object with properties, such as a message of a
      chat, is judged by these; `any` is what MLflow writes for a free field of its agents' own
      signatures, so it is forbidden only where `forbid_types` has it
    - `example`: the model stores one, its column names are the signature's (an optional column may
      be absent), and its values are of the columns' types; a tensor's shape is the signature's

    A whole number does where a fraction is declared, never the other way round; null does but in
    columns of whole numbers, where MLflow refuses it. All else MLflow's scoring server casts
    without a word: 1.5 becomes 1 and "no" becomes true. Values of the example are never shown.

    Source: MLflow's `Model.signature` and `saved_input_example_info`.

    Log it: `mlflow.<flavor>.log_model(model, name=…, input_example=X_train[:5])`, or
    `mlflow.<flavor>.autolog(log_input_examples=True)` where the flavor has that.
    """

    needs = Needs.MODEL | Needs.FILES

    require: Annotated[tuple[Required, ...], Tighter.MORE] = Field(
        default=("inputs", "outputs", "example"),
        min_length=1,
        strict=False,
        description="What the model must have (inputs, outputs, example).",
    )
    forbid_types: Annotated[tuple[str, ...], Tighter.MORE] = Field(
        default=("object",),
        strict=False,
        description="MLflow types and tensor dtypes that say too little to check a value by.",
    )

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield one finding for each requirement, or a single one without a signature."""
        model = case.candidate.model
        signature = _signature(model)
        if signature is None:
            _require_none(model, self.require)
        known = signature or {}
        for name in dict.fromkeys(self.require):
            judged = _example if name == "example" else self._schema
            yield part(name, partial(judged, model, known, name))

    def _schema(self, model: Model, signature: Mapping[str, Any], name: str) -> Finding:
        columns = _columns(model, signature, name)
        if not columns:
            raise MissingEvidence(f"the signature of the model has no {name}", _log_it(model))
        bad = [bad for column in columns for bad in self._forbidden(column)]
        values = count(len(columns), "column or tensor", "columns or tensors")
        if not bad:
            return Finding(
                outcome=Outcome.PASS,
                part=name,
                message=f"the signature declares {values} as {name}",
                measured=Measurement(exact(len(columns)), name, Grade.LOGGED, "MLmodel signature"),
            )
        return Finding(
            outcome=Outcome.FAIL,
            part=name,
            message=f"the signature has {name} of a forbidden type: {_listed(bad)}",
            remedy="give the columns plain types (cast them before log_model), or take the type "
            "out of forbid_types and say why",
        )

    def _forbidden(self, column: Mapping[str, Any]) -> list[str]:
        name = str(column.get("name") or "the unnamed one")
        return [f"{name} ({t})" for t in _types(column) if t in self.forbid_types][:1]


def _log_it(model: Model) -> str:
    flavors = model.mlmodel.get("flavors")
    return example_remedy(flavors if isinstance(flavors, dict) else ())


def _signature(model: Model) -> Mapping[str, Any] | None:
    signature = model.mlmodel.get("signature")
    if signature is not None and not isinstance(signature, dict):
        raise InvalidEvidence("the signature in the MLmodel file is not a mapping", _log_it(model))
    return signature


def _require_none(model: Model, required: tuple[Required, ...]) -> None:
    """Say at once that there is no signature: every requirement falls with it."""
    if required == ("example",):
        return
    if _info(model):
        raise MissingEvidence(
            "the MLmodel file has no signature, though an input example was logged: MLflow "
            "inferred none from it, so serving cannot validate inputs",
            _GIVE_IT,
        )
    also = " and no input example" if "example" in required else ""
    raise MissingEvidence(
        f"the MLmodel file has no signature{also}: serving cannot validate inputs", _log_it(model)
    )


def _info(model: Model) -> Mapping[str, Any] | None:
    info = model.mlmodel.get("saved_input_example_info")
    return info if isinstance(info, dict) else None


def _columns(model: Model, signature: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the columns or tensors of a schema; MLflow keeps them as JSON in the YAML."""
    text = signature.get(name)
    if text is None:
        return []
    try:
        columns = json_value(text)
    except (TypeError, ValueError):
        columns = None
    if not isinstance(columns, list) or not all(isinstance(c, dict) for c in columns):
        raise InvalidEvidence(
            f"the {name} in the model's signature are not a JSON list", _log_it(model)
        )
    return columns


def _types(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield the types of a column and of all that it holds; of a tensor its dtype."""
    kind = spec.get("type")
    if kind == "tensor":
        tensor = spec.get("tensor-spec")
        yield str(tensor.get("dtype")) if isinstance(tensor, dict) else "tensor"
        return
    properties = spec.get("properties")
    is_record = isinstance(properties, dict) and bool(properties)
    if not is_record:
        yield str(kind)
    inner = [spec.get("items"), spec.get("values")]
    if isinstance(properties, dict):
        inner += properties.values()
    for each in inner:
        if isinstance(each, dict):
            yield from _types(each)


def _example(model: Model, signature: Mapping[str, Any], name: str) -> Finding:
    info = _info(model)
    if not info:
        raise MissingEvidence("the model stores no input example", _log_it(model))
    request = _request(model, info)
    columns = _columns(model, signature, "inputs")
    if not columns:
        raise MissingEvidence(
            "the signature has no inputs to compare the input example with", _log_it(model)
        )
    params = {str(each.get("name")) for each in _columns(model, signature, "params")}
    found = differences(request, columns, params)
    if not found:
        return Finding(
            outcome=Outcome.PASS,
            part=name,
            message="the input example has the names and types of the signature",
        )
    return Finding(
        outcome=Outcome.FAIL,
        part=name,
        message=f"the input example does not fit the signature: {_listed(found)}",
        remedy="log the model with an example as callers send it, and let MLflow infer the "
        "signature from it",
    )


def _request(model: Model, info: Mapping[str, Any]) -> Any:
    """Return the example as the scoring server takes it.

    MLflow stores it so since 2.15; before, a table was stored as pandas' split form alone.
    """
    try:
        return _json(model, EXAMPLE)
    except MissingEvidence as e:
        if "serving_input_path" not in info and info.get("artifact_path") == STORED:
            with suppress(MissingEvidence):
                stored = _json(model, STORED)
                is_table = info.get("type") == "dataframe" and info.get("pandas_orient") == "split"
                return {"dataframe_split": stored} if is_table else stored
        raise MissingEvidence(
            f"the model stores an input example, but no {EXAMPLE}", _log_it(model)
        ) from e


def _json(model: Model, path: str) -> Any:
    text = model.text(path)
    try:
        return json_value(text, nan=None)  # pandas writes an empty cell so, of a text column too
    except ValueError as e:
        raise InvalidEvidence(f"{path} of the model is not JSON: {e}", _log_it(model)) from e


def _listed(named: list[str]) -> str:
    """Name the first few."""
    more = len(named) - _MOST_NAMED
    text = "; ".join(named[:_MOST_NAMED])
    return f"{text}; and {more} more" if more > 0 else text
