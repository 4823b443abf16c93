"""Exact decimals: what is written is what is compared."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

EXACT = Context(prec=1000)
"""Sums and products of two floats have at most 650 digits, so none is rounded; `divide` divides."""
DIVIDE = Context(prec=28, rounding=ROUND_HALF_EVEN)
"""What divides."""


def exact(value: object) -> Decimal:
    """Return a finite number as the exact decimal that was written.

    Args:
        value: An `int`, `float` or `Decimal`; a float counts as its shortest decimal form.

    Raises:
        ValueError: If it is anything else (a boolean and text too), NaN or infinite.
    """
    if type(value) is float:
        number = Decimal(repr(value))
    elif type(value) is int or isinstance(value, Decimal):
        number = Decimal(value)
    else:
        raise ValueError(f"expected a number, got {named(value)}")
    if not number.is_finite():
        raise ValueError(f"expected a finite number, got {value}")
    return number


def not_exact(value: object, what: str) -> str:
    """Return what to say of a value that is no `Decimal`, with the right form."""
    kind = type(value).__name__
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        right = f'Decimal("{value}")' if isinstance(value, float) else f"Decimal({value})"
        return f"{what} {value} is of the type {kind}: write {right}, or exact(…) of quantities"
    return f"{what} is {value!r:.100} of the type {kind}: give a Decimal"


def divide(numerator: Decimal, denominator: Decimal) -> Decimal:
    """Return the quotient to 28 significant digits, whatever the process's decimal context says."""
    return DIVIDE.divide(numerator, denominator)


def named(value: object) -> str:
    """Return a value as a message quotes it."""
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    return f"'{value}'" if isinstance(value, str) else f"{value}"
