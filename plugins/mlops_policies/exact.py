"""Exact decimal arithmetic, whatever the process's own decimal context says.

`a - b` rounds to the context's 28 digits, and another plugin may have changed the context.
"""

from decimal import Context
from typing import Final

EXACT: Final = Context(prec=1000)
"""Sums and products of two floats have at most 650 digits, so none is rounded. Divide elsewhere."""
