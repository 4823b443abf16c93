"""The units that quantities are written in, and shown in."""

import re
from decimal import Decimal

BYTES = {
    "B": 1,
    **{f"{p}B": 10 ** (3 * i) for i, p in enumerate(["k", "M", "G", "T"], 1)},
    "KB": 10**3,
    **{f"{p}iB": 2 ** (10 * i) for i, p in enumerate(["K", "M", "G", "T"], 1)},
}
"""Bytes in each unit of size."""
LARGE_BYTES = ("TB", "GB", "MB", "kB")
"""Those that sizes are shown in, greatest first."""
SECONDS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
"""Seconds in each unit of time."""
CURRENCY = re.compile(r"[A-Z]{3}\Z")
"""A currency, as ISO 4217 writes it."""
