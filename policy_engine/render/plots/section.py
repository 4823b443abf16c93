"""The plots of one subject as HTML: each with its sentence, and with its numbers folded."""

from collections.abc import Iterator

from policy_engine.render.escape import html_text
from policy_engine.render.plots.budgets import budget_figure, part_figures
from policy_engine.render.plots.cost import cost_figure
from policy_engine.render.plots.drawing import HOW_TO, is_installed, svg
from policy_engine.render.plots.figure import Figure
from policy_engine.render.plots.intervals import interval_figures
from policy_engine.report import Subject


def figures_of(subject: Subject) -> list[Figure]:
    """Return what of a subject can be drawn, gain first."""
    singles = (cost_figure(subject), *part_figures(subject), budget_figure(subject))
    return [*interval_figures(subject), *(figure for figure in singles if figure)]


def as_plots(subject: Subject, name: str) -> Iterator[str]:
    """Yield the plots as lines of a page; without the library, one line on how to get them.

    Args:
        subject: What they are of.
        name: Begins their ids: no other subject of the page has it.
    """
    figures = figures_of(subject)
    if not figures:
        return
    if not is_installed():
        yield f'<p class="rule">Plots of these numbers: <code>{HOW_TO}</code></p>'
        return
    yield '<div class="plots">'
    for number, figure in enumerate(figures, 1):
        yield from _figure(figure, f"{name}-{number}")
    yield "</div>"


def _figure(figure: Figure, name: str) -> Iterator[str]:
    title, says = html_text(figure.title), html_text(figure.says, 1000)
    yield f"<figure><figcaption><b>{title}</b> {says}</figcaption>"
    yield svg(figure.spec, name, title, says)
    yield "<details><summary>the numbers</summary><table><thead><tr>"
    yield "".join(f'<th scope="col">{head}</th>' for head in figure.head)
    yield "</tr></thead><tbody>"
    for first, *others in figure.rows:
        cells = "".join(f"<td>{html_text(cell) if cell else ''}</td>" for cell in others)
        yield f'<tr><th scope="row">{html_text(first)}</th>{cells}</tr>'
    yield "</tbody></table></details></figure>"
