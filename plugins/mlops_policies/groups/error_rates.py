"""The true and the false positive rates of groups: out of predictions, or out of logged rates."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlops_policies.groups.group_counts import (
    Counts,
    Label,
    counts_of,
    logged_counts,
    logged_rows,
    require_groups,
    same_label,
    table_with,
)
from policy_engine.evidence import InvalidEvidence, MissingEvidence, Predictions, Run

_TWO = 2
_MOST_CLASSES = 50
"""So many different whole numbers are not classes any more."""
_LOG = (
    "log the column: policy_engine.training.log_predictions(row_id=…, target=…, prediction=…, {}=…)"
)
TPR, FPR = "tpr", "fpr"
KINDS = {TPR: "true positive rate", FPR: "false positive rate"}


@dataclass(frozen=True, slots=True)
class Rates:
    """The true and the false positive rates of the groups of one attribute, for one class."""

    attribute: str
    positive: Label | None
    by_kind: Mapping[str, Counts]

    @property
    def part(self) -> str:
        """What tells this finding apart."""
        return self.attribute if self.positive is None else f"{self.attribute}/{self.positive}"


def rates_of(run: Run, attribute: str, positive: Label | None) -> list[Rates]:
    """Return the rates of one attribute, one entry a class.

    Raises:
        MissingEvidence: If nothing was logged of it, or nothing says which class is meant.
        InvalidEvidence: If what was logged is not a rate or no count.
    """
    table = table_with(run, attribute)
    if table is None:
        found = [_logged_rates(run, attribute)]
    else:
        classes = _classes(table, positive, run)
        found = [
            Rates(attribute, each if len(classes) > 1 else None, _counted(table, attribute, each))
            for each in classes
        ]
    for kind in found[0].by_kind.values():
        require_groups(kind, attribute, run)
    return found


def _counted(table: Predictions, attribute: str, positive: Label) -> dict[str, Counts]:
    true = [same_label(cell, positive) for cell in table.targets]
    said = [same_label(cell, positive) for cell in table.predictions]
    return {
        TPR: counts_of(table, attribute, said, true),
        FPR: counts_of(table, attribute, said, [not each for each in true]),
    }


def _logged_rates(run: Run, attribute: str) -> Rates:
    rows = logged_rows(run, attribute)
    if not rows:
        raise MissingEvidence(
            f"protected attribute {attribute} declared but no group counts: the {run.role} run has "
            "neither a predictions table with that column nor metrics "
            f"{TPR}/{attribute}/<value>, {FPR}/{attribute}/<value>, count/{attribute}/<value> "
            f"and positives/{attribute}/<value>",
            _LOG.format(attribute),
        )
    positives = logged_rows(run, attribute, "positives")
    for group, count in rows.items():
        name = f"positives/{attribute}/{group}"
        if group not in positives:
            run.metric(name)  # raises that it is not there
        if positives[group] > count:
            raise InvalidEvidence(
                f"metric {name} of the {run.role} run is {positives[group]:,}, of {count:,} rows",
                "log how many rows of the group belong to the positive class",
            )
    of_class = {group: positives[group] for group in rows}
    others = {group: count - positives[group] for group, count in rows.items()}
    return Rates(
        attribute,
        None,
        {
            TPR: logged_counts(run, TPR, attribute, of_class),
            FPR: logged_counts(run, FPR, attribute, others),
        },
    )


def _classes(table: Predictions, positive: Label | None, run: Run) -> list[Label]:
    """Return the classes to judge, each against the rest.

    Raises:
        MissingEvidence: If the target is not a class, or nothing says which of two is positive.
    """
    held: dict[Label, None] = {cell: None for cell in table.targets if cell is not None}
    if any(isinstance(c, float) and not c.is_integer() for c in held) or (
        len(held) > _MOST_CLASSES and not any(isinstance(c, str) for c in held)
    ):
        raise MissingEvidence(
            f"the target of the {run.role} run is a number, no class: it has no error rates by "
            "class",
            "log classes as target and prediction, such as whether the number is over a bound",
        )
    if positive is not None:
        if not any(same_label(each, positive) for each in held):
            raise MissingEvidence(
                f"no target of the {run.role} run is {positive}, the positive class",
                "set `positive` to a class that the targets hold",
            )
        return [positive]
    classes = sorted(held, key=str)
    if len(classes) > _TWO:
        return classes
    if any(same_label(each, 1) for each in held):
        return [next(each for each in held if same_label(each, 1))]
    raise MissingEvidence(
        f"nothing says which class is positive: the targets of the {run.role} run are "
        f"{' and '.join(map(str, classes))}",
        "set `positive` to the class, or `metric: {name: …, positive: …}` in the policy file",
    )
