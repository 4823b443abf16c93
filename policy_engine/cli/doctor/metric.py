"""Whether the metric that counts can be judged by."""

from collections.abc import Iterator

from policy_engine.change.prepared import Prepared
from policy_engine.cli.doctor.line import FIRST, Line, State
from policy_engine.cli.doctor.policies import Ready
from policy_engine.judging.subjects import on_training_rows
from policy_engine.judging.uncounted import without_point
from policy_engine.policy_file import PolicyFile

_NAME = "metric"


def metric_line(ready: Ready) -> Line:
    """Say which metric counts, and what keeps policies from judging by it."""
    if not isinstance(ready, Prepared):
        return Line(_NAME, State.NOT_APPLICABLE, FIRST)
    files = ready.policies.files
    doubts = [f"{file.path}: {doubt}" for file in files for doubt in _doubts(file)]
    if doubts:
        return Line(_NAME, State.PROBLEM, "; ".join(doubts))
    names = dict.fromkeys(file.metric.name for file in files if file.metric)
    if names:
        return Line(_NAME, State.OK, ", ".join(names))
    said = "no policy file names one: the experiment's primary metric counts"
    return Line(_NAME, State.NOT_APPLICABLE, said)


def _doubts(file: PolicyFile) -> Iterator[str]:
    if file.metric is not None:
        yield from on_training_rows(file.metric.name)
    yield from without_point(file)
