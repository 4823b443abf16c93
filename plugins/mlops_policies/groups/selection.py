"""Whether a prediction benefits the person: a class, or a number within a bound."""

import re
from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt

from mlops_policies.groups.group_counts import Cell, Label, same_label
from policy_engine.evidence import InvalidEvidence, MissingEvidence, Predictions, Run

_BOUND = re.compile(r"(?P<op><=|>=|<|>)\s*(?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\Z")
_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {"<=": le, ">=": ge, "<": lt, ">": gt}
_MOST_CLASSES = 10
"""Classes that a message lists."""


def selected(table: Predictions, favourable: Label, run: Run) -> list[bool]:
    """Say of each row whether its prediction benefits the person.

    Raises:
        MissingEvidence: If neither a prediction nor a target is ever the favourable one.
        InvalidEvidence: If a bound is asked of what is not a number.
    """
    bound = _BOUND.match(favourable) if isinstance(favourable, str) else None
    said = table.predictions
    if bound is None:
        hits = [same_label(cell, favourable) for cell in said]
        if not any(hits):
            _require_known(table, favourable, run)
        return hits
    if any(isinstance(cell, (str, bool)) for cell in said):
        raise InvalidEvidence(
            f"favourable is the bound {favourable}, but predictions of the {run.role} run are no "
            "numbers",
            "set `favourable` to the class that benefits the person",
        )
    holds, number = _OPERATORS[bound["op"]], float(bound["number"])
    return [cell is not None and holds(float(cell), number) for cell in said]


def _require_known(table: Predictions, favourable: Label, run: Run) -> None:
    targets = table.targets
    if any(same_label(cell, favourable) for cell in targets):
        return
    classes = sorted({str(cell) for cell in targets})
    held = f": they hold {', '.join(classes)}" if _are_classes(classes, targets) else ""
    raise MissingEvidence(
        f"neither a prediction nor a target of the {run.role} run is {favourable}{held}",
        "set `favourable` to the prediction that benefits the person; of numbers to a bound, "
        "such as '>= 600'",
    )


def _are_classes(held: Sequence[str], targets: Sequence[Cell]) -> bool:
    """Say whether the values may be shown: few, and none the mark of a single row."""
    return len(held) <= _MOST_CLASSES and len(targets) >= _MOST_CLASSES * len(held)
