"""A backtest or an audit in each format; `escape` makes harmless what others wrote."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from policy_engine.history.told import Cell, Section
from policy_engine.render.columns import table_lines, wrap
from policy_engine.render.escape import LONG, html_prose, html_text, table_code, terminal
from policy_engine.render.html_style import STYLE

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
WIDTH = 160
"""Columns of a text that goes to a file."""


def as_text(sections: Sequence[Section], width: int = WIDTH) -> str:
    """Return sections for a terminal of so many columns."""
    return "\n\n".join("\n".join(_text(each, width)) for each in sections) + "\n"


def _text(section: Section, width: int) -> Iterator[str]:
    yield terminal(section.title)
    for sentence in section.sentences:
        yield from wrap(terminal(sentence, LONG), width)
    if section.rows:
        rows = [[terminal(cell.text) if cell.text else "" for cell in r] for r in section.rows]
        for block in table_lines(section.head, rows, width):
            yield from block


def as_markdown(sections: Sequence[Section]) -> str:
    """Return sections as Markdown, such as a comment takes."""
    return "\n\n".join("\n".join(_markdown(each)) for each in sections) + "\n"


def _markdown(section: Section) -> Iterator[str]:
    yield f"## {html_prose(section.title)}"
    for sentence in section.sentences:
        yield f"\n{html_prose(sentence)}"
    if section.rows:
        yield f"\n| {' | '.join(section.head)} |"
        yield "|---" * len(section.head) + "|"
        for row in section.rows:
            yield f"| {' | '.join(map(_markdown_cell, row))} |"


def _markdown_cell(cell: Cell) -> str:
    if not cell.text:
        return ""
    text = cell.text.replace("|", r"\|") if cell.is_ours else table_code(cell.text)
    return f"[{text}]({cell.link})" if cell.link else text


def as_html(sections: Sequence[Section]) -> str:
    """Return sections as one page that asks for nothing from elsewhere and runs no script."""
    title = html_text(sections[0].title)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>",
        *(line for section in sections for line in _html(section)),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _html(section: Section) -> Iterator[str]:
    yield f"<section><h2>{html_text(section.title, LONG)}</h2>"
    yield from (f"<p>{html_prose(sentence)}</p>" for sentence in section.sentences)
    if section.rows:
        head = "".join(f'<th scope="col">{html_text(each)}</th>' for each in section.head)
        yield f"<table><thead><tr>{head}</tr></thead><tbody>"
        for row in section.rows:
            yield f"<tr>{''.join(f'<td>{_html_cell(cell)}</td>' for cell in row)}</tr>"
        yield "</tbody></table>"
    yield "</section>"


def _html_cell(cell: Cell) -> str:
    if not cell.text:
        return ""
    text = html_text(cell.text)
    return f'<a href="{html_text(cell.link, LONG)}">{text}</a>' if cell.link else text


def as_json(value: dict[str, Any]) -> str:
    """Return plain values as JSON."""
    return json.dumps(value, indent=2, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Sequence[Section]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "html": as_html,
}
"""What writes sections, by the format's name; `json` writes values instead."""
