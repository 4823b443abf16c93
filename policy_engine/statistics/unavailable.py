"""NumPy and SciPy are loaded at their first use: a gate that needs neither pays for neither.

A module writes

    if TYPE_CHECKING:
        import numpy as np
    else:
        np = Lazy("numpy")

and uses `np` as ever. Without the extra `stats`, the first use raises `StatisticsUnavailable`.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

from policy_engine.errors import PolicyEngineError


class StatisticsUnavailable(PolicyEngineError):  # noqa: N818 (it names what is wrong)
    """NumPy or SciPy is not installed; the message says what to install."""

    def __init__(self) -> None:
        super().__init__("this policy needs SciPy: pip install policy-engine[stats]")


class Lazy(ModuleType):
    """A module that is imported when the first of its names is asked for.

    Args:
        name: The module's full name (`scipy.special`).
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by introspection, which must not import anything
            raise AttributeError(name)
        try:
            module = import_module(self.__name__)
        except ImportError as error:
            raise StatisticsUnavailable from error
        value = getattr(module, name)
        setattr(self, name, value)  # the next use finds it at once
        return value
