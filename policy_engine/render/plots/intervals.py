"""Where the true difference lies, beside the bound that it must clear."""

from decimal import Decimal

from policy_engine.quantities import show
from policy_engine.render import rows
from policy_engine.render.plots.figure import Figure, drawn
from policy_engine.render.plots.lanes import Lane, lanes
from policy_engine.report import Judged, Subject

_HEAD = ("policy", "interval", "bound", "compared on")
_HEAD_OF_SLICES = ("policy", "interval of the gain", "drop that is allowed", "drop", "compared on")
_WHOLE = "Gain over the baseline, with chance"
_OF_THE_WHOLE = (
    "Each bar is where the true gain lies; right of the dashed line at 0 is better. "
    "A red mark is the bound that the policy sets."
)
_SLICES = "Slices that dropped, with chance"
_OF_SLICES = (
    "Each bar is where the true gain of a slice lies; the thin mark is what was seen, the red one "
    "what it may lose. A slice fails where its bar is left of the dashed line at 0 and its thin "
    "mark left of the red one. Slices without a finding of their own are not drawn."
)


def interval_figures(subject: Subject) -> list[Figure]:
    """Return a figure for each unit in which findings have an interval; slices have their own."""
    found: dict[tuple[bool, str], list[Judged]] = {}
    for finding in subject.findings:
        if finding.interval:
            key = (rows.is_drop(finding), finding.interval.unit)
            found.setdefault(key, []).append(finding)
    figures = (_figure(*key, several) for key, several in sorted(found.items(), key=_gain_first))
    return [figure for figure in figures if figure]


def _gain_first(found: tuple[tuple[bool, str], object]) -> bool:
    (is_of_slices, _), _ = found
    return is_of_slices


def _figure(is_of_slices: bool, unit: str, found: list[Judged]) -> Figure | None:
    lines = [lane for finding in found if (lane := _lane(finding))]
    if not lines:
        return None
    named = "percentage points" if unit == "pt" else "the metric's own units"
    title, says = (_SLICES, _OF_SLICES) if is_of_slices else (_WHOLE, _OF_THE_WHOLE)
    return Figure(
        title=title,
        says=says,
        head=_HEAD_OF_SLICES if is_of_slices else _HEAD,
        rows=tuple(map(_row, found)),
        spec=lanes(lines, f"gain in {named}", 0.0, is_thick=False),
    )


def _lane(finding: Judged) -> Lane | None:
    where = finding.interval
    if where is None:
        return None
    low, high = drawn(where.low), drawn(where.high)
    if low is None or high is None:
        return None
    limit, seen = _limit(finding), _seen(finding)
    return Lane(
        name=finding.part if finding.part and rows.is_drop(finding) else named(finding),
        told=_ends(finding),
        low=low,
        high=high,
        limit=drawn(limit),
        beside=drawn(seen),
        kind=rows.kind(finding),
    )


def _limit(finding: Judged) -> Decimal | None:
    """Return the limit as a gain: a drop is one below 0."""
    if finding.limit is None or not _same_unit(finding):
        return None
    return -finding.limit.value if rows.is_drop(finding) else finding.limit.value


def _seen(finding: Judged) -> Decimal | None:
    """Return the gain of a slice that was seen; of the whole a bound was measured."""
    if finding.measured is None or not rows.is_drop(finding):
        return None
    return -finding.measured.value


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
    seen = [rows.measured_cell(finding) or ""] if rows.is_drop(finding) else []
    return (named(finding), f"{share}{_ends(finding)}", rows.limit(finding) or "", *seen, on)
