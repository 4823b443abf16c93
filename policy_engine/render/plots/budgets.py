"""How much of each limit is in use, and parts of one policy beside each other."""

from decimal import Decimal

from policy_engine.render import rows
from policy_engine.render.limits_picture import share_of
from policy_engine.render.plots.figure import Figure, Spec, drawn
from policy_engine.render.plots.intervals import named
from policy_engine.render.plots.lanes import Lane, lanes
from policy_engine.report import Judged, Subject

_HEAD = ("policy", "measured", "limit", "baseline")
_END = Decimal(2)  # of the limit: where a bar ends at the latest
_FEWEST = 2  # parts to compare


def budget_figure(subject: Subject) -> Figure | None:
    """Return how much of its limit each number uses, the worst first; maybe None."""
    apart = {id(finding) for several in _families(subject) for finding in several}
    found = [
        (share, finding)
        for finding in subject.findings
        if id(finding) not in apart and finding.interval is None
        if (share := share_of(finding, finding.measured)) is not None
    ]
    if not found:
        return None
    found.sort(key=lambda pair: pair[0], reverse=True)
    lines = [_budget(share, finding) for share, finding in found]
    cut = " Bars end at 200%." if found[0][0] > _END else ""
    return Figure(
        title="Size, latency and other numbers against their limits",
        says="Each bar is how much the candidate uses of what is allowed at most: right of the "
        f"dashed line is over the limit. A thin mark is the baseline.{cut}",
        head=_HEAD,
        rows=tuple(_row(finding) for _, finding in found),
        spec=_from_nothing(lanes(lines, "% of what is allowed", 100.0, is_thick=True)),
    )


def part_figures(subject: Subject) -> list[Figure]:
    """Return a figure for each policy that judges slices or groups by one limit."""
    return [figure for several in _families(subject) if (figure := _parts(several))]


def _families(subject: Subject) -> list[list[Judged]]:
    found: dict[tuple[object, ...], list[Judged]] = {}
    for finding in subject.findings:
        value, bound = finding.measured, finding.limit
        if finding.part and value and bound and bound.unit == value.unit and not finding.interval:
            found.setdefault((finding.id, bound), []).append(finding)
    return [several for several in found.values() if len(several) >= _FEWEST]


def _parts(found: list[Judged]) -> Figure | None:
    bound = found[0].limit
    limit = drawn(bound.value) if bound else None
    lines = [lane for finding in found if (lane := _part(finding))]
    if bound is None or limit is None or not lines:
        return None
    unit = {"%": "share", "pt": "percentage points"}.get(bound.unit, "the unit of the limit")
    side = "left" if bound.op in ("<=", "<") else "right"
    return Figure(
        title="Slices and groups beside each other",
        says=f"Each line ends at what was measured in a part of {found[0].id}: {side} of the "
        "dashed line, which is the limit, is good.",
        head=_HEAD,
        rows=tuple(map(_row, found)),
        spec=lanes(lines, f"in {unit}", limit, is_thick=True),
    )


def _part(finding: Judged) -> Lane | None:
    value, bound = finding.measured, finding.limit
    at = drawn(value.value) if value else None
    limit = drawn(bound.value) if bound else None
    if at is None or limit is None:
        return None
    return Lane(
        name=finding.part or "",
        told=rows.measured_cell(finding) or "",
        low=min(at, limit),
        high=max(at, limit),
        kind=rows.kind(finding),
    )


def _budget(share: Decimal, finding: Judged) -> Lane:
    baseline = share_of(finding, finding.baseline)
    return Lane(
        name=named(finding),
        told=_told(finding),
        low=0.0,
        high=_percent(share),
        beside=None if baseline is None else _percent(baseline),
        kind=rows.kind(finding),
    )


def _told(finding: Judged) -> str:
    """Return number and limit; a metric's name as the unit of both says nothing here."""
    said = f"{rows.measured_cell(finding)} ({rows.limit(finding)})"
    is_metric = finding.limit and finding.limit.unit == finding.about
    return said.replace(f" {finding.about}", "") if is_metric else said


def _percent(share: Decimal) -> float:
    return float(min(share, _END) * 100)


def _from_nothing(spec: Spec) -> Spec:
    """Let the axis of a share begin at 0: there is nothing on its other side."""
    for layer in spec["layer"]:
        scale = layer["encoding"]["x"].get("scale")
        if scale:
            scale["domain"] = [0.0, scale["domain"][1]]
    return spec


def _row(finding: Judged) -> tuple[str, ...]:
    cells = (rows.measured_cell(finding), rows.limit(finding), rows.baseline(finding))
    return (named(finding), *(cell or "" for cell in cells))
