"""Where the true difference lies, beside the bound that it must clear."""

from policy_engine.quantities import show
from policy_engine.render import rows
from policy_engine.render.plots.figure import Figure, drawn
from policy_engine.render.plots.lanes import Lane, lanes
from policy_engine.report import Judged, Subject

_HEAD = ("policy", "interval", "bound", "compared on")


def interval_figures(subject: Subject) -> list[Figure]:
    """Return a figure for each unit in which findings have an interval."""
    found = [finding for finding in subject.findings if finding.interval]
    units = dict.fromkeys(f.interval.unit for f in found if f.interval)
    figures = (_figure(unit, [f for f in found if _unit(f) == unit]) for unit in units)
    return [figure for figure in figures if figure]


def _figure(unit: str, found: list[Judged]) -> Figure | None:
    lines = [lane for finding in found if (lane := _lane(finding))]
    if not lines:
        return None
    named = "percentage points" if unit == "pt" else "the metric's own units"
    return Figure(
        title="Gain over the baseline, with chance",
        says="Each bar is where the true gain lies; right of the dashed line at 0 is better. "
        "A red mark is the bound that the policy sets.",
        head=_HEAD,
        rows=tuple(map(_row, found)),
        spec=lanes(lines, f"gain in {named}", 0.0, is_thick=False),
    )


def _unit(finding: Judged) -> str | None:
    return None if finding.interval is None else finding.interval.unit


def _lane(finding: Judged) -> Lane | None:
    where = finding.interval
    if where is None:
        return None
    low, high = drawn(where.low), drawn(where.high)
    if low is None or high is None:
        return None
    bound = finding.limit
    return Lane(
        name=named(finding),
        told=_ends(finding),
        low=low,
        high=high,
        limit=drawn(bound.value) if bound is not None and _same_unit(finding) else None,
        kind=rows.kind(finding),
    )


def _same_unit(finding: Judged) -> bool:
    """Say whether limit and interval have one scale; a metric's own unit is its name."""
    if finding.limit is None or finding.interval is None:
        return False
    return finding.limit.unit == (finding.interval.unit or finding.about)


def named(finding: Judged) -> str:
    """Return a finding's id with its part."""
    return f"{finding.id} ({finding.part})" if finding.part else finding.id


def _ends(finding: Judged) -> str:
    where = finding.interval
    if where is None:
        return ""
    low, high = (show(end, where.unit) for end in (where.low, where.high))
    return f"{low.removesuffix(f' {where.unit}')} to {high}"


def _row(finding: Judged) -> tuple[str, ...]:
    where = finding.interval
    on = where.on if where else ""
    share = f"{show(where.confidence, '%')} interval: " if where else ""
    return (named(finding), f"{share}{_ends(finding)}", rows.limit(finding) or "", on)
