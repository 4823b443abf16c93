"""What a policy file asks for in points of a metric, where nobody says what a point is."""

from collections.abc import Iterator

from policy_engine.evidence.metrics import known
from policy_engine.policy_file import PolicyFile
from policy_engine.quantities.words import first_few

_MOST = 6


def without_point(file: PolicyFile) -> Iterator[str]:
    """Yield which policies cannot judge before the file says what a point of its metric is."""
    metric = file.metric
    kind = known(metric.name) if metric else None
    if metric is None or metric.point is not None or (kind and kind.point is not None):
        return
    ids = [binding.id for binding in file.bindings if binding.policy.needs_point()]
    if ids:
        goal = metric.goal or (kind.goal if kind else "…")
        yield (
            f"nothing says what a point of {metric.name} is, so {first_few(ids, _MOST)} cannot "
            f"judge by points; say `metric: {{name: {metric.name}, goal: {goal}, point: …}}`, in "
            "the metric's own units"
        )
