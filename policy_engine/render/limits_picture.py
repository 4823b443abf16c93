"""A picture of the report: how much of each limit the candidate uses, as a Mermaid chart.

Units differ from policy to policy, so each number is drawn as its share of what is allowed at most:
a size, a cost, a loss. So above 100 % is always over the limit. A value that must be at least a
limit uses nothing up, and is not drawn.
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
_TITLE = "% of what is allowed; red is over it"
_NOT_A_BUDGET = ("p",)  # a p-value twice as large is not twice as bad


@dataclass(frozen=True, slots=True)
class _Bar:
    label: str
    share: Decimal  # of the limit; 1 is at the limit
    is_broken: bool
    is_unsure: bool  # the number may be chance


def as_limits_picture(subject: Subject) -> str | None:
    """Return the source of a Mermaid chart, or None where there is nothing to see.

    It holds numbers, and the ids and parts of findings as `escape.chart_label` makes them, so that
    no text can leave the chart's syntax.
    """
    found = [(bar, finding) for finding in subject.findings if (bar := _bar(finding))]
    if len(found) < FEWEST:
        return None
    found.sort(key=lambda pair: (pair[1].effect is Effect.BLOCK, pair[0].share), reverse=True)
    return "\n".join(_chart([bar for bar, _ in found[:MOST]]))


def _bar(finding: Judged) -> _Bar | None:
    share = share_of(finding, finding.measured)
    if share is None:
        return None
    part = f" {finding.part}" if finding.part else ""
    is_unsure = finding.outcome is Outcome.INCONCLUSIVE
    return _Bar(f"{finding.id}{part}", share, rows.is_problem(finding), is_unsure)


def share_of(finding: Judged, value: Measurement | None) -> Decimal | None:
    """Return how much a value uses of what its limit allows; None where the two make no share.

    A limit below 0 that a gain must reach is a loss that is allowed: the share is that of the loss.
    """
    bound = finding.limit
    if bound is None or value is None or value.unit != bound.unit or bound.unit in _NOT_A_BUDGET:
        return None
    sign = 1 if bound.op in ("<=", "<") else -1
    if bound.value * sign <= 0:
        return None
    return divide(max(value.value * sign, Decimal(0)), bound.value * sign)


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
    yield f'  y-axis "{_TITLE}{clipped}" 0 --> {end}'
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
    told = f"over {_WHOLE}" if is_just_over else str(percent)
    if percent > _SAID:
        told = f"over {_SAID}"
    share = f"{' (unsure)' if bar.is_unsure else ''} {told} %"
    return chart_label(bar.label, _LABEL - len(share)) + share


def _percent(bar: _Bar) -> int:
    return int(min(bar.share * 100, Decimal(_FURTHEST)).to_integral_value())
