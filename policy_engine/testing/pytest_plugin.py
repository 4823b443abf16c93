"""The fixtures that pytest finds wherever policy-engine is installed.

It imports nothing before a test asks: every pytest run of that environment loads this module.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from policy_engine.report import Report


@pytest.fixture
def check_policies() -> "Callable[..., Report]":
    """Judge a whole policy file: `policy_engine.testing.check_policies`."""
    from policy_engine import testing  # noqa: PLC0415 (see above)

    return testing.check_policies
