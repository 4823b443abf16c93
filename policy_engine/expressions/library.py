"""The CEL library, loaded when an expression is compiled and not before.

`common-expression-language` evaluates in Rust. Its Python package also imports its own terminal
(typer, rich, prompt_toolkit), which takes four times as long as the rest and is not needed: only
the extension module is loaded. Where it does not lie where it is expected, the package is imported.
"""

import importlib
import sys
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

_PACKAGE = "cel"
_EXTENSION = "cel.cel"


@cache
def cel() -> Any:
    """Return the library's module."""
    return sys.modules.get(_EXTENSION) or _extension() or importlib.import_module(_PACKAGE)


def _extension() -> ModuleType | None:
    package = find_spec(_PACKAGE)
    spec = PathFinder.find_spec(_EXTENSION, package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        return None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_EXTENSION] = module  # so that nobody loads it a second time
    return module
