"""The earlier runs that a number is comparable with: on the same data, of another change."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mlops_policies.comparing.same_data import Identity, Same, evaluation_data, same_data
from mlops_policies.reading.dataset_context import CONTEXT_REMEDY, context_of
from policy_engine.evidence import (
    COMMIT_TAGS,
    Case,
    InvalidEvidence,
    Measurement,
    MissingEvidence,
    Run,
)

PARENT_TAG = "mlflow.parentRunId"
BRANCH_TAG = "mlflow.source.git.branch"
PULL_REQUEST_TAG = "policy_engine.pull_request"
OF_THE_CHANGE = "are of the same change"
"""Why runs do not count that share the candidate's pull request or commit: they are tries of it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Which earlier runs count.

    Attributes:
        read: Reads the number of a run.
        trains: Whether training data decides (a cost, a duration), else evaluation data.
        data: Whether only runs on the candidate's data count.
        hardware: The tag that must be equal; None: any machine.
        branch: The branch that the run must be tagged with; None: any.
        same_commit: Whether runs of the candidate's own commit count.
        age: How long before the candidate a run may have begun.
    """

    read: Callable[[Run], Measurement]
    trains: bool
    data: bool
    hardware: str | None
    branch: str | None
    same_commit: bool
    age: timedelta


@dataclass(frozen=True, slots=True)
class Past:
    """The runs that count, and why others do not.

    Attributes:
        runs: Those that count, newest first, each with its number.
        left_out: How many do not, by reason.
    """

    runs: tuple[tuple[Run, Measurement], ...]
    left_out: Counter[str]

    @property
    def told(self) -> str:
        """Why others do not count, as the end of a sentence; empty where all do."""
        reasons = [f"{number} {why}" for why, number in self.left_out.most_common()]
        return f"; not counted: {', '.join(reasons)}" if reasons else ""


def past_of(case: Case, kind: Kind, most: int) -> Past:
    """Return the newest `most` earlier runs that are comparable. Needs `HISTORY` and `DATASETS`.

    Raises:
        MissingEvidence: If the candidate does not say on which data or machine it ran.
    """
    candidate = case.candidate
    unit = kind.read(candidate).unit
    mine = _data(candidate, kind)
    machine = None if kind.hardware is None else _machine(candidate, kind.hardware)
    since = candidate.start_time - kind.age
    found: list[tuple[Run, Measurement]] = []
    left_out: Counter[str] = Counter()
    for run in case.history:
        if run.start_time < since or len(found) == most:
            break
        why = _unlike(candidate, run, kind) or _elsewhere(run, kind, mine, machine)
        value = None if why else _value(run, kind)
        if value is None or value.unit != unit:
            left_out[why or "do not log it, or in another currency"] += 1
        else:
            found.append((run, value))
    return Past(tuple(found), left_out)


def _unlike(candidate: Run, run: Run, kind: Kind) -> str:
    """Say why a run is no earlier run of the same kind; empty where it is one."""
    own = (PULL_REQUEST_TAG, *(() if kind.same_commit else COMMIT_TAGS))
    if any(tag in run.tags and run.tags[tag] == candidate.tags.get(tag) for tag in own):
        return OF_THE_CHANGE
    if (PARENT_TAG in run.tags) != (PARENT_TAG in candidate.tags):
        return "are children of a search, or the search"
    return ""


def _elsewhere(run: Run, kind: Kind, mine: Sequence[Identity], machine: str | None) -> str:
    """Say why a run was made elsewhere, or may have been; empty where it was not."""
    if kind.branch is not None and run.tags.get(BRANCH_TAG) != kind.branch:
        return f"are not tagged with branch {kind.branch}"
    if kind.hardware is not None and run.tags.get(kind.hardware) != machine:
        return "ran on other hardware, or do not say on which"
    if kind.data and same_data(mine, _identities(run, kind)) is not Same.YES:
        return "are on other data, or do not say on which"
    return ""


def _value(run: Run, kind: Kind) -> Measurement | None:
    try:
        return kind.read(run)
    except (MissingEvidence, InvalidEvidence):
        return None


def _machine(candidate: Run, tag: str) -> str:
    machine = candidate.tags.get(tag)
    if machine is None:
        raise MissingEvidence(
            f"the candidate run does not say on which hardware it ran (tag {tag})",
            f'set the tag in every run: mlflow.set_tag("{tag}", "ml.g5.xlarge"), or set '
            "same_hardware: false and say why",
        )
    return machine


def _data(candidate: Run, kind: Kind) -> Sequence[Identity]:
    mine = _identities(candidate, kind)
    if kind.data and not mine:
        what = "training" if kind.trains else "evaluation"
        raise MissingEvidence(f"the candidate run does not say its {what} data", CONTEXT_REMEDY)
    return mine


def _identities(run: Run, kind: Kind) -> Sequence[Identity]:
    if not kind.trains:
        return evaluation_data(run)
    return [Identity.of(d) for d in run.datasets if context_of(d) == "training"]
