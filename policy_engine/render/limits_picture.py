"""A picture of the report: how much of each limit the candidate uses, as a Mermaid chart.

Units differ from policy to policy, so each number is drawn as its share of its limit. Where more
is better the share is turned around: beyond 100 % a limit is broken, whichever way it points.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from policy_engine.evidence import Measurement
from policy_engine.policy import Outcome
from policy_engine.quantities import divide
from policy_engine.render import rows
from policy_engine.render.escape import chart_label
from policy_engine.report import Effect, Judged, Subject

FEWEST = 2
"""Numbers with a limit below which there is nothing to see."""
MOST = 10
"""Numbers that are drawn; the rest stays in the table."""

_END = 200  # per cent: where a bar ends at the latest
_STEP = 20
_BEYOND, _WITHIN, _LIMIT = "#cf222e", "#218bff", "#808890"  # told from a light and a dark page
_ROW, _FRAME = 30, 90  # pixels
_WIDTH = 660  # pixels: a comment is wider, and Mermaid cuts labels off where it has to scale
_LABEL = 46  # characters: every policy with part and share; what labels take is lost to the bars
_FURTHEST = 99_999  # per cent
_WHOLE = 100  # per cent
_SAID = 2_000  # per cent: beyond, how much beyond says nothing
_BROKEN = Decimal(_FURTHEST)
_BEYOND_IT = Decimal("1.2")  # where what blocks ends that is no share of its limit
_NOT_A_BUDGET = ("p",)  # a p-value twice as large is not twice as bad


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    share: Decimal  # of the limit; 1 is at the limit
    is_broken: bool
    is_unsure: bool = False  # the number may be chance
    is_share: bool = True


def as_limits_picture(subject: Subject) -> str | None:
    """Return the source of a Mermaid chart, or None where there is nothing to see.

    It holds numbers, and the ids and parts of findings as `escape.chart_label` makes them, so that
    no text can leave the chart's syntax.
    """
    found = [(bar, finding) for finding in subject.findings if (bar := _of_candidate(finding))]
    if len(found) < FEWEST:
        return None
    found.sort(key=lambda pair: (pair[1].effect is Effect.BLOCK, pair[0].share), reverse=True)
    bars = [bar for pair in found[:MOST] for bar in (pair[0], _of_baseline(pair[1])) if bar]
    return "\n".join(_chart(bars))


def _of_candidate(finding: Judged) -> _Bar | None:
    share = used_of(finding)
    if share is None:
        return None
    part = f" {finding.part}" if finding.part else ""
    is_unsure = finding.outcome is Outcome.INCONCLUSIVE
    is_share = share_of(finding, finding.measured) is not None
    return _Bar(f"{finding.id}{part}", share, rows.is_problem(finding), is_unsure, is_share)


def _of_baseline(finding: Judged) -> _Bar | None:
    share = share_of(finding, finding.baseline)
    return None if share is None else _Bar("(the baseline)", share, is_broken=False)


def used_of(finding: Judged) -> Decimal | None:
    """Return how much of its limit the candidate uses; what blocks is beyond it.

    None where there is no limit, or nothing measured; or no share, and nothing is blocked by it.
    """
    share = share_of(finding, finding.measured)
    blocks = finding.effect is Effect.BLOCK and finding.measured and finding.limit
    return _BEYOND_IT if share is None and blocks else share


def share_of(finding: Judged, value: Measurement | None) -> Decimal | None:
    """Return how much of its limit a value uses; None where the two make no share.

    A limit below 0 is a loss that is allowed: the share is that of the loss.
    """
    bound = finding.limit
    if bound is None or value is None or value.unit != bound.unit or bound.unit in _NOT_A_BUDGET:
        return None
    is_most = bound.op in ("<=", "<")
    if bound.value < 0 and not is_most:
        return divide(max(-value.value, Decimal(0)), -bound.value)
    if bound.value <= 0:
        return None
    if is_most:
        return divide(max(value.value, Decimal(0)), bound.value)
    return min(divide(bound.value, value.value), _BROKEN) if value.value > 0 else _BROKEN


def _chart(bars: list[_Bar]) -> Iterator[str]:
    labels = ", ".join(f'"{label}"' for label in _apart(map(_label, bars)))
    longest = max(_percent(bar) for bar in bars)
    end = min(_END, max(-(-longest // _STEP) * _STEP, 100 + _STEP))
    clipped = f" (bars end at {_END} %)" if longest > _END else ""
    yield "---"
    yield "config:"
    yield "  xyChart:"
    yield f"    width: {_WIDTH}"
    yield "    plotReservedSpacePercent: 25"  # Mermaid drops labels that would leave less
    yield f"    height: {_FRAME + _ROW * len(bars)}"
    yield "    yAxis: {labelFontSize: 12, titleFontSize: 14}"
    yield "  themeVariables:"
    yield f'    xyChart: {{plotColorPalette: "{_BEYOND}, {_WITHIN}, {_LIMIT}"}}'
    yield "---"
    yield "xychart-beta horizontal"
    yield f"  x-axis [{labels}]"
    yield f'  y-axis "% of the limit in use; red is beyond it{clipped}" 0 --> {end}'
    # The second series covers the first up to the limit: what is beyond stays in its colour.
    for most in (end, 100):
        yield f"  bar [{', '.join(str(min(_percent(bar), most)) for bar in bars)}]"
    yield f"  line [{', '.join(['100'] * len(bars))}]"


def _apart(labels: Iterable[str]) -> Iterator[str]:
    """Yield labels that differ: Mermaid draws two bars of one label as one."""
    seen: Counter[str] = Counter()
    for label in labels:
        seen[label] += 1
        name, _, share = label.removesuffix(" %").rpartition(" ")
        yield label if seen[label] == 1 else f"{name} ({seen[label]}) {share} %"


def _label(bar: _Bar) -> str:
    percent = _percent(bar)
    is_just_over = bar.is_broken and bar.share > 1 and percent == _WHOLE
    told = f"over {_WHOLE}" if is_just_over or not bar.is_share else str(percent)
    if percent > _SAID:
        told = f"over {_SAID}"
    share = f"{' (unsure)' if bar.is_unsure else ''} {told} %"
    return chart_label(bar.label, _LABEL - len(share)) + share


def _percent(bar: _Bar) -> int:
    return int(min(bar.share * 100, Decimal(_FURTHEST)).to_integral_value())
