"""What of a run may be kept in a repository: an allow-list, so that nobody is in it by oversight.

Kept are numbers, times, and names that policies read; of texts, those that are a number, a switch
or one short plain word, a hash or a moment under a name that says so. Everything else is left out:
users, notes, run and experiment names, sources, paths, addresses, rows of predictions and of
examples, whatever looks like a secret.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from policy_engine.evidence.record import (
    DatasetRecord,
    Invalid,
    ModelRecord,
    Needs,
    Record,
    RunRecord,
    Unreadable,
)

NOT_KEPT = (
    "user, run and experiment names, notes, sources, paths, addresses",
    "rows of predictions (labels are counted, numbers kept by --rows), and of input examples",
    "parameters and tags that are not a number, switch or short plain word",
)
"""What a recorded case leaves out, for its readers."""

_TAGS = frozenset(
    "baseline.kind bench.hardware compute.gpus compute.instance cost.currency data.licence "
    "data.max_timestamp data.min_timestamp data.sha256 estimator_class estimator_name "
    "explanation.method mlflow.source.git.commit model.family policy_engine.candidate "
    "policy_engine.dirty policy_engine.head_sha serving.probed_at".split()
)
_FILES = frozenset(
    "MLmodel conda.yaml python_env.yaml requirements.txt input_example.json "
    "serving_input_example.json model.pkl model.skops model.json model.onnx registered_model_meta "
    "policy_engine/importance.json policy_engine/predictions.json".split()
)
_FACTS = {
    "status",
    "lifecycle",
    "start_time",
    "end_time",
    "metrics",
    "primary_metric",
}
_PERSONAL = re.compile(
    r"user|author|owner|mail|name|token|secret|passw|credential|key|path|dir\b|folder|file|host|"
    r"url|uri|address|note|comment|run_?id",
    re.IGNORECASE,
)
_SHORT = 12  # characters
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\Z")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9 ._+-]{0,23}\Z")
_HASH = re.compile(r"(?:sha256:)?[0-9a-f]{40,64}\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:\d\d)?)?\Z")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9._-]+(?:\[[a-z0-9,_-]+\])?(?:[=<>!~]=?[0-9A-Za-z.*,=<>!~ ]+)?\Z"
)

_PINNED = {"requirements.txt": _REQUIREMENT, "python_env.yaml": re.compile(r"python: [\d.]+\Z")}
"""Texts of a model, and what a line of them must be to be kept."""


def kept_run(run: RunRecord, names: Iterable[str] = ()) -> dict[str, Any]:
    """Return what may be kept of a run, in the evidence file's shape, without its id.

    Args:
        run: The run.
        names: Tags and parameters that the policy file names; they are kept like those of our own.
    """
    named = frozenset(names)
    facts = run.model_dump(
        mode="json",
        exclude_none=True,
        include=_FACTS,
    )
    facts["params"] = _texts(run.params, lambda name: name in named or not _PERSONAL.search(name))
    facts["tags"] = _texts(run.tags, lambda name: name in named or name in _TAGS)
    for name in _KINDS:
        value = getattr(run, name)
        if value is not None:
            facts[name] = _gap(value) or _PARTS.get(name, _plain_value)(value, named)
    return {key: value for key, value in facts.items() if value not in ({}, [])}


def _gap(value: Any) -> dict[str, str] | None:
    """Return the two results of a read that are not a value; the reason may name an address."""
    if isinstance(value, Invalid):
        return {"invalid": "left out"}
    return {"unreadable": "left out"} if isinstance(value, Unreadable) else None


def _texts(texts: Mapping[str, str | Invalid], is_kept: Any) -> dict[str, Any]:
    return {
        name: value if isinstance(value, str) else {"invalid": "cut off"}
        for name, value in texts.items()
        if is_kept(name) and (isinstance(value, Invalid) or _is_plain(value))
    }


def _is_plain(text: str) -> bool:
    if _NUMBER.match(text) or _HASH.match(text) or _MOMENT.match(text):
        return True
    # A longer text with digits in it may be a key.
    return bool(_WORD.match(text)) and (len(text) <= _SHORT or not re.search(r"\d", text))


def _datasets(datasets: Sequence[DatasetRecord], _named: frozenset[str]) -> list[dict[str, Any]]:
    kept = {"digest", "context", "source_type", "rows", "columns", "types", "elements"}
    return [
        {
            "name": _word(dataset.name, f"dataset-{index}"),
            **dataset.model_dump(mode="json", exclude_none=True, include=kept),
        }
        for index, dataset in enumerate(datasets)
    ]


def _model(model: ModelRecord, _named: frozenset[str]) -> dict[str, Any]:
    facts = model.model_dump(
        mode="json", exclude_none=True, include={"status", "logged_size", "created"}
    )
    facts["name"] = _word(model.name, "model")
    for name in ("size", "flavors"):
        value = getattr(model, name)
        if value is not None:
            facts[name] = _gap(value) or (list(value) if name == "flavors" else value)
    if model.files is not None:
        facts["files"] = _gap(model.files) or _files(model.files, _named)
    if model.mlmodel is not None:
        facts["mlmodel"] = _gap(model.mlmodel) or _mlmodel(dict(model.mlmodel))
    if model.texts is not None:
        facts["texts"] = _requirements(model.texts)
    facts["versions"] = [
        {"name": _word(v.name, "model"), "version": v.version} for v in model.versions
    ]
    return facts


def _word(text: str, instead: str) -> str:
    return text if _is_plain(text) else instead


def _files(files: Any, _named: frozenset[str]) -> list[dict[str, Any]]:
    """Return stored files; one whose name is not well known keeps its ending alone."""
    kept = []
    for index, file in enumerate(files):
        ending = re.search(r"\.[A-Za-z0-9]{1,10}\Z", file.path)
        path = file.path
        if path.rpartition("/")[2] not in _FILES and path not in _FILES:
            path = f"file-{index}{ending.group() if ending else ''}"
        kept.append({"path": path, **({} if file.size is None else {"size": file.size})})
    return kept


def _mlmodel(content: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: content[key] for key in ("signature",) if key in content}
    for key in ("flavors", "saved_input_example_info", "mlflow_version", "model_size_bytes"):
        if key in content:
            kept[key] = _plain_parts(content[key])
    return kept


def _plain_parts(value: Any) -> Any:
    if isinstance(value, Mapping):
        parts = {key: _plain_parts(each) for key, each in value.items()}
        return {key: each for key, each in parts.items() if each is not None}
    if isinstance(value, list):
        return [part for each in value if (part := _plain_parts(each)) is not None]
    if isinstance(value, str):
        return value if _is_plain(value) or re.fullmatch(r"[\d.]{1,20}", value) else None
    return value


def _requirements(texts: Mapping[str, Any]) -> dict[str, str]:
    """Return the lines that pin a package, or Python itself."""
    kept = {}
    for name, pattern in _PINNED.items():
        text = texts.get(name)
        if isinstance(text, str):
            lines = [line.rstrip() for line in text.splitlines()]
            kept[name] = "".join(f"{line}\n" for line in lines if pattern.match(line.strip()))
    return kept


def _runs(runs: Any, named: frozenset[str]) -> list[dict[str, Any]]:
    return [{"run_id": f"{900 + i:032x}", **kept_run(run, named)} for i, run in enumerate(runs)]


def _importance(record: Any, _named: frozenset[str]) -> dict[str, Any]:
    facts: dict[str, Any] = record.model_dump(mode="json", exclude_none=True, include={"values"})
    return facts


def _plain_value(value: Any, _named: frozenset[str]) -> Any:
    dumped = (
        value.model_dump(mode="json", exclude_none=True) if isinstance(value, Record) else value
    )
    return _plain_parts(dumped)


_PARTS: Mapping[str, Callable[[Any, frozenset[str]], Any]] = {
    "datasets": _datasets,
    "model": _model,
    "files": _files,
    "children": _runs,
    "repeats": _runs,
    "importance": _importance,
}
"""What is kept of a kind of evidence that has more to it than plain values."""

_KEPT = {n.kind.field for n in Needs if n.kind.kept} & RunRecord.model_fields.keys()
_KINDS = (*_PARTS, *sorted(_KEPT - _PARTS.keys()))
"""The fields of a run that `record` keeps, in order."""
