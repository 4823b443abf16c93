"""The only format that a flavor of MLflow writes, where a file's name alone does not tell it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any, Literal

Native = Literal["flavor-native", "saved-model", "h2o"]


@dataclass(frozen=True, slots=True)
class Files:
    """Which files of a model are in the format of its flavor.

    Attributes:
        names: Globs of their names.
        under: The key of the flavor in the MLmodel file that says where they lie; None: anywhere.
        form: The format.
    """

    names: tuple[str, ...]
    under: str | None = None
    form: Native = "flavor-native"


_TOKENIZERS = Files(("*.model", "*.spm", "*.bpe", "*.tiktoken"))  # SentencePiece's are protobuf
_OF_FLAVOR: Mapping[str, Files] = {
    "prophet": Files(("*.pr",), "data"),  # JSON
    "spark": Files(("part-*", ".part-*", "_SUCCESS", "_committed_*", "_started_*"), "model_data"),
    "spacy": Files(  # msgpack, and arrays of numbers
        (
            *("*.bin", "model", "cfg", "moves", "tokenizer", "patterns", "vectors", "key2row"),
            *("contents", "entity_ruler", "span_ruler", "attribute_ruler"),
        ),
        "data",
    ),
    "transformers": _TOKENIZERS,
    "sentence_transformers": _TOKENIZERS,
    "fasttext": Files(("*.ftz", "*.bin")),
    "paddle": Files(("*.pdmodel", "*.pdiparams", "*.pdiparams.info")),
    "tensorflow": Files(("variables.data-*", "variables.index"), form="saved-model"),
    "h2o": Files(("*",), "data", "h2o"),
}
"""H2O's binary may hold Java objects of any class (CVE-2024-6960); the others hold data alone."""


def native_format(path: str, flavors: Mapping[str, Any]) -> Native | None:
    """Return the format that a flavor of the model gives one of its files, if one does.

    Args:
        path: The file, from the root of the model.
        flavors: `flavors` of its MLmodel file.
    """
    for flavor, conf in flavors.items():
        files = _OF_FLAVOR.get(flavor)
        if files is None or not isinstance(conf, dict) or not _is_under(path, files, conf):
            continue
        if any(fnmatchcase(PurePosixPath(path).name, glob) for glob in files.names):
            return files.form
    return None


def _is_under(path: str, files: Files, conf: Mapping[str, Any]) -> bool:
    if files.under is None:
        return True
    where = str(conf.get(files.under) or "").strip("/")
    return bool(where) and (path == where or path.startswith(f"{where}/"))
