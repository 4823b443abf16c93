"""Which serialization format a stored file is in: by its name, and by what MLmodel says of it.

Nothing is opened. A pickle runs code when it is loaded, so a gate that loads it is a hole itself.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

from mlops_policies.reading.flavor_formats import native_format

Format = Literal[
    "skops",
    "safetensors",
    "onnx",
    "keras-v3",
    "native-booster",
    "flavor-native",
    "torch-export",
    "saved-model",
    "tflite",
    "gguf",
    "hdf5",
    "h2o",
]
"""The formats that are known not to be plain pickles."""

PICKLES = frozenset(
    ".pkl .pickle .pck .pcl .cloudpickle .dill .joblib .sav .p .pt .pth .ckpt .bin "
    ".statsmodels .shap .pmd .pdparams .pdopt .fastai".split()
)
"""Endings of files that hold pickles (`.bin` and `.ckpt` as PyTorch writes them)."""

_FORMATS: Mapping[str, Format] = {
    ".skops": "skops",
    ".safetensors": "safetensors",
    ".onnx": "onnx",
    ".keras": "keras-v3",
    ".ubj": "native-booster",
    ".xgb": "native-booster",
    ".lgb": "native-booster",
    ".cb": "native-booster",
    ".cbm": "native-booster",
    ".pt2": "torch-export",
    ".pb": "saved-model",
    ".tflite": "tflite",
    ".gguf": "gguf",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
}

# Text, tables, pictures and source: nothing that is deserialized into objects.
_PLAIN = frozenset(
    ".json .jsonl .yaml .yml .txt .md .rst .csv .tsv .toml .cfg .ini .html .css .svg .png .jpg "
    ".jpeg .gif .pdf .py .pyi .typed .sql .parquet .crc .whl .jinja .jinja2".split()
)
_PLAIN_NAMES = frozenset(
    "MLmodel registered_model_meta metadata LICENSE NOTICE README _SUCCESS".split()
)
_BYTECODE = re.compile(
    r"(?P<folder>(?:.*/)?)__pycache__/(?P<module>[^/.]+)\.[a-z]+-[0-9]+(?:\.opt-[12])?\.pyc"
)
_PICKLERS = frozenset(("pickle", "cloudpickle", "joblib", "dill"))
_DATA_KEYS = ("pickled_model", "data", "model_path", "python_model", "model_data")


@dataclass(frozen=True, slots=True)
class Stored:
    """The files of a model by what they are; a plain file is in none of the lists.

    Attributes:
        pickles: Path to how it is known (its name, or what the MLmodel file says).
        known: Path to format.
        unknown: Paths of files whose names tell nothing.
    """

    pickles: Mapping[str, str]
    known: Mapping[str, Format]
    unknown: tuple[str, ...]


def sorted_out(paths: tuple[str, ...], flavors: Mapping[str, Any]) -> Stored:
    """Sort the files of a model by format.

    Args:
        paths: All its files, from its root.
        flavors: `flavors` of its MLmodel file.
    """
    declared = dict(_declared_pickles(flavors, paths))
    pickles: dict[str, str] = {}
    known: dict[str, Format] = {}
    unknown: list[str] = []
    for path in paths:
        suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
        native = native_format(path, flavors)
        found = native or _FORMATS.get(suffixes[-1] if suffixes else "")
        if path in declared:
            pickles[path] = declared[path]
        elif native is not None:
            known[path] = native
        elif PICKLES.intersection(suffixes):  # also model.pkl.gz
            pickles[path] = "by its name"
        elif found is not None:
            known[path] = found
        elif not _is_plain(path, suffixes) and _source_of(path) not in paths:
            unknown.append(path)
    if "onnx" in flavors and set(flavors) <= {"onnx", "python_function"}:
        unknown = []  # ONNX's runtime alone reads them: tensors beside the model, in raw bytes
    return Stored(pickles, known, tuple(unknown))


def _is_plain(path: str, suffixes: list[str]) -> bool:
    name = PurePosixPath(path).name
    return name in _PLAIN_NAMES or bool(suffixes and suffixes[-1] in _PLAIN)


def _source_of(path: str) -> str | None:
    """Return the source that Python's own cache of bytecode is of; None for any other file.

    MLflow imports a model's code from its folder to validate it, and leaves that there.
    """
    cached = _BYTECODE.fullmatch(path)
    return f"{cached['folder']}{cached['module']}.py" if cached else None


def _declared_pickles(
    flavors: Mapping[str, Any], paths: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Yield the files that the MLmodel file itself calls pickles, whatever their names are."""
    for name, conf in flavors.items():
        if not isinstance(conf, dict):
            continue
        how = _pickler(name, conf)
        if how is None:
            continue
        for key in _DATA_KEYS:
            # A folder stands for all that lies in it.
            where = str(conf.get(key) or "").strip("/")
            for path in paths:
                if where and (path == where or path.startswith(f"{where}/")):
                    yield path, f"{how}, by the MLmodel file"


def _pickler(flavor: str, conf: Mapping[str, Any]) -> str | None:
    """Return what pickles the files of a flavor, if that is so."""
    said = conf.get("serialization_format")
    if said in _PICKLERS:
        return str(said)
    if flavor == "sklearn" and said is None and conf.get("pickled_model"):
        return "pickle"  # what MLflow assumes for it
    if flavor == "python_function" and conf.get("python_model"):
        is_source = str(conf["python_model"]).endswith(".py")
        return None if is_source else "cloudpickle"
    return None
