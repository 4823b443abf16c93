"""Whether a model's inputs, or what was stored beside it, hold personal data."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Annotated, Any

from pydantic import Field

from mlops_policies.reading.input_example import EXAMPLE_REMEDY, cells, example_texts
from mlops_policies.reading.personal_data import KINDS, Kind, kind_of_name, kind_of_text
from policy_engine.evidence import (
    Case,
    Dataset,
    EvidenceError,
    InvalidEvidence,
    MissingEvidence,
    Model,
    Needs,
    NotApplicable,
    Run,
    json_value,
)
from policy_engine.policy import Finding, Outcome, Policy, part
from policy_engine.quantities import Tighter, count, first_few

_few = partial(first_few, most=10)
_NAME_REMEDY = (
    "leave the column out or replace it by what the model needs of it; if it holds no personal "
    "data, say so: `allow: {column: reason}`"
)
_SIGN_IT = "log the model with a signature of named columns (mlflow.models.infer_signature)"
_NAME_THE_DATA = (
    "log the data with its column names: mlflow.log_input(mlflow.data.from_pandas(X_train), "
    'context="training")'
)
_SIGN_REMEDY = "log the model again, and let MLflow infer its signature"

_KEPT = 4096
"""Names of columns that are remembered: many runs have the same."""


class PiiColumns(Policy, name="pii-columns"):
    """No column looks like personal data, by its name or by the model's input example.

    A model seldom needs an e-mail address, and what it has learnt by heart it can give away. MLflow
    stores input examples and evaluation tables as raw rows, for everybody who may read the run.

    - `names`: no column of the model's signature, of a dataset input or of the predictions table
      has one of `patterns` among the words of its name. A name is split at `_`, at other signs and
      at changes of case, and whole words are compared: `clientIp` holds `ip`, `zip` does not.
      `name` means a first, last or full name, given, family, middle or maiden name and surname,
      and the name of a user, customer, patient or the like. What only counts, types, rates or
      flags a datum is none: `phone_number` is one, `phone_model`, `ip_count`, `has_card` are not.
    - `example`: no text or whole number of the input example has the form of an e-mail address, an
      IP address, a payment card (issuer, length, Luhn), an IBAN (check digits), a social security
      number or a phone number with its country code. The other patterns have no form to look for.

    `allow` names a column with the reason why it may stay; neither its name nor its cells count.
    Values are never shown, only the column, the kind and the number of cells. A pass says that
    nothing looked like personal data, not that there is none.

    Log it: `mlflow.sklearn.log_model(model, name="model", signature=infer_signature(X, y))`.

    Source: "ML Test Score" (Breck et al. 2017), test Data 5, privacy controls; MLflow's evaluation
    table and input example hold raw feature rows (read in 3.17.2); ISO 13616; ISO/IEC 7812.
    """

    needs = Needs.MODEL | Needs.FILES | Needs.DATASETS | Needs.PREDICTIONS

    patterns: Annotated[tuple[Kind, ...], Tighter.MORE] = Field(
        default=KINDS,
        min_length=1,
        strict=False,
        description="Kinds of personal data to look for: " + ", ".join(KINDS) + ".",
    )
    allow: Annotated[dict[str, Annotated[str, Field(min_length=1)]], Tighter.FEWER] = Field(
        default={},
        examples=[{"office_address": "our own, no customer's"}],
        description="Columns that may stay, each with the reason.",
    )
    scan_example: Annotated[bool, Tighter.ON] = Field(
        default=True, description="Whether the cells of the model's input example are looked at."
    )

    def reads(self) -> Needs:
        """Leave the model's files out where the example is not scanned."""
        return self.needs if self.scan_example else self.needs & ~Needs.FILES

    def evaluate(self, case: Case) -> Iterator[Finding]:
        """Yield `names`, and `example` where it is scanned."""
        yield part("names", lambda: self._names(case.candidate))
        if self.scan_example:
            yield part("example", lambda: self._example(case.candidate.model))

    def _names(self, run: Run) -> Finding:
        seen, gaps = _columns(run)
        flagged = {name: kind for name in seen if (kind := self._kind(name)) is not None}
        hits = {name: kind for name, kind in flagged.items() if name not in self.allow}
        if hits:
            words = [
                f"{self._shown(name)} ({kind}; {', '.join(seen[name])})"
                for name, kind in hits.items()
            ]
            told = f"{count(len(hits), 'column')} may hold personal data"
            return Finding(
                outcome=Outcome.FAIL,
                part="names",
                message=f"{told}: {', '.join(map(self._shown, hits))}",
                detail=f"{told}: {_few(words)}",
                remedy=_NAME_REMEDY,
            )
        for gap in gaps:
            raise gap
        if not seen:
            raise MissingEvidence(
                "there is no schema to inspect: neither the model's signature nor a dataset input "
                "nor a predictions table names a column",
                _unnamed(run),
            )
        allowed = [f"{self._shown(n)} ({self.allow[n]})" for n in flagged]
        behind = f"; allowed: {_few(allowed)}" if allowed else ""
        return Finding(
            outcome=Outcome.PASS,
            part="names",
            message=f"no name of {count(len(seen), 'column')} says that it holds personal data"
            f"{behind}",
        )

    def _example(self, model: Model) -> Finding:
        texts = example_texts(model)
        if not texts:
            raise NotApplicable(f"model '{model.name}' has no input example: nothing to look at")
        hits: Counter[tuple[str, Kind]] = Counter()
        for text in texts:
            hits |= self._hits(text)  # both files hold the same rows
        if hits:
            words = [
                f"{kind} in {count(cells, 'cell')} of {where}"
                for (where, kind), cells in hits.items()
            ]
            return Finding(
                outcome=Outcome.FAIL,
                part="example",
                message=f"the input example looks like personal data (values are not shown): "
                f"{_few(words)}",
                remedy=EXAMPLE_REMEDY,
            )
        return Finding(
            outcome=Outcome.PASS,
            part="example",
            message="no cell of the input example has the form of personal data",
        )

    def _hits(self, text: str) -> Counter[tuple[str, Kind]]:
        """Count the cells that look like personal data, by column and kind."""
        hits: Counter[tuple[str, Kind]] = Counter()
        for cell in cells(text):
            kind = kind_of_text(cell.text, self.patterns)
            if kind is not None and cell.column not in self.allow:
                where = "the whole file" if cell.column is None else self._shown(cell.column)
                hits[where, kind] += 1
        return hits

    def _kind(self, name: str) -> Kind | None:
        """Return what a column holds by its name's words, or since its name is itself a value."""
        return _kind_of_column(name, self.patterns)

    def _shown(self, name: str) -> str:
        """Return a column's name, unless the name is itself a value that must not be shown."""
        return "a column named by a value" if kind_of_text(name, KINDS) else f"'{name}'"


@lru_cache(_KEPT)
def _kind_of_column(name: str, kinds: tuple[Kind, ...]) -> Kind | None:
    return kind_of_name(name, kinds) or kind_of_text(name, kinds)


def _columns(run: Run) -> tuple[Mapping[str, list[str]], list[EvidenceError]]:
    """Return where each column name was seen, and what could not be looked at.

    What is not there is no gap: a run may well have no predictions table.
    """
    seen: dict[str, list[str]] = {}
    gaps: list[EvidenceError] = []
    places: list[tuple[str, Callable[[], Iterable[str]]]] = [
        ("signature", lambda: _signature_names(run.model)),
        ("predictions table", lambda: run.predictions.names),
    ]
    places += [(f"dataset '{d.name}'", partial(_dataset_names, d)) for d in run.datasets]
    for place, names in places:
        try:
            for name in names():
                where = seen.setdefault(name, [])
                if place not in where:
                    where.append(place)
        except MissingEvidence:
            continue
        except EvidenceError as gap:
            gaps.append(gap)
    return seen, gaps


def _unnamed(run: Run) -> str:
    """Return what to do where no column has a name: a signature that is there is not asked for."""
    try:
        is_signed = isinstance(run.model.mlmodel.get("signature"), Mapping)
    except MissingEvidence:
        is_signed = False
    return _NAME_THE_DATA if is_signed else f"{_SIGN_IT}, or {_NAME_THE_DATA}"


def _dataset_names(dataset: Dataset) -> Iterable[str]:
    return dataset.columns or ()


def _signature_names(model: Model) -> Iterator[str]:
    """Yield the names of the signature's inputs and outputs, of nested objects too."""
    signature = model.mlmodel.get("signature")
    if not isinstance(signature, Mapping):
        return
    for side in ("inputs", "outputs"):
        text = signature.get(side)
        try:
            columns = json_value(text) if isinstance(text, str) else text
        except ValueError as e:
            raise InvalidEvidence(
                f"the {side} in the model's signature are not a JSON list", _SIGN_REMEDY
            ) from e
        yield from _names_in(columns)


def _names_in(spec: Any) -> Iterator[str]:
    """Yield the names in a schema, of which the reader bounded the depth."""
    if isinstance(spec, list):
        for each in spec:
            yield from _names_in(each)
    elif isinstance(spec, Mapping):
        if isinstance(spec.get("name"), str):
            yield spec["name"]
        properties = spec.get("properties")
        if isinstance(properties, Mapping):
            yield from map(str, properties)
            yield from _names_in(list(properties.values()))
        yield from _names_in(spec.get("items"))
