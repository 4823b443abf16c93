"""The one place where text that others wrote becomes part of our output.

Run, model and metric names, tags, rules, and every message that quotes them come from the pull
request under judgement. GitHub links `@name`, `#1` and bare URLs after Markdown was rendered, so
backslashes and entities do not stop them: only code is left alone.
"""

import html
import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from policy_engine.log import UNSEEN

SHORT = 200
"""The longest name that is shown, in characters."""
LONG = 1000
"""The longest sentence that is shown, in characters."""

_UNKNOWN = "\ufffd"
_SEPARATORS = "\x1c\x1d\x1e\x1f"  # blanks to Python, control characters to a terminal
_BACKTICKS = re.compile("`+")
_MOST_BACKTICKS = 20  # GitHub's parser takes no fence of more than 80 for one
_COLONS = re.compile(f":(?=[{UNSEEN}]*:)")  # `::error::` of a GitHub runner
# `##[error]` of a GitHub runner, `##vso[` of an Azure one.
_HASHES = re.compile(rf"#[{UNSEEN}]*#[\w{UNSEEN}]*(?=\[)")
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
_MOST_PATH = 1000
_PLAIN = re.compile(
    r"[(]?(?:[A-Za-z]+(?:-[A-Za-z]+)*(?:'s)?|[-+]?\d{1,6}(?:,\d{3})*(?:\.\d+)?%?)[.,;:)!?]*"
    r"|p(?:50|95|99)|[A-Z]{3}/pt[.,;:)]*"
    r"|[-<>=\N{MULTIPLICATION SIGN}\N{ALMOST EQUAL TO}]{1,2}"
)
_SHA = re.compile(r"[(]?[a-f]{7,}[.,;:)!?]*")
_MOST_CALL = 120
_NO_LABEL = re.compile("[^A-Za-z0-9 ._=()-]")


def clean(text: object, longest: int = SHORT) -> str:
    """Return text as one line that can be printed, never empty.

    Line ends, tabs and other blanks become spaces; control and format characters (bidirectional
    marks, zero-width ones), lone surrogates, private and unassigned characters become U+FFFD.

    Args:
        text: Anything; a value that is not text is shown as `str` shows it.
        longest: Where it is cut, with `…` as the last character (characters).
    """
    line = str(text).strip()[: longest + 1]
    if not line.isprintable():
        line = "".join(map(_printable, line))
    line = line.strip()
    if len(line) > longest:
        line = line[: longest - 1].rstrip() + "…"
    return line or "(empty)"


def code(text: object, longest: int = SHORT) -> str:
    """Return text as a Markdown code span, which neither mentions, links nor ends early."""
    line = _BACKTICKS.sub(_bounded, _hashes_apart(clean(text, longest)))
    fence = "`" * (1 + max(map(len, _BACKTICKS.findall(line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def table_code(text: object, longest: int = SHORT) -> str:
    """Return text as a Markdown code span that stays within one cell of a table."""
    return code(text, longest).replace("|", r"\|")


def terminal(text: object, longest: int = SHORT) -> str:
    """Return text for a terminal or a job's log, in which no runner finds a command.

    It may be wrapped anywhere: no `::` and no `##[` is left, so a later line cannot begin with one.
    """
    return _hashes_apart(_COLONS.sub(": ", clean(text, longest)))


def annotation(text: object, longest: int = SHORT) -> str:
    """Return text for an annotation: as for a log, and without characters beyond U+FFFF.

    GitHub refuses a request whose annotations hold such a character (an emoji), and with it all of
    them.
    """
    return _BEYOND_BMP.sub(_UNKNOWN, terminal(text, longest))


def command_data(text: str) -> str:
    """Return clean text as the data of a workflow command; its line ends survive."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Return clean text as a property's value in a workflow command."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")


def azure_data(text: str) -> str:
    """Return clean text as the message of an Azure Pipelines command; its line ends survive."""
    return text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")


def azure_property(text: str) -> str:
    """Return clean text as a property's value in an Azure Pipelines command."""
    return azure_data(text).replace(";", "%3B").replace("]", "%5D")


def repository_path(text: str) -> str | None:
    """Return a path that can be a file of the repository, and None for any other text.

    It is relative and POSIX, without `..` and without a character that cannot be printed.
    """
    parts = text.split("/")
    is_path = not {"", ".", ".."} & set(parts) and "\\" not in text and ":" not in parts[0]
    return text if is_path and len(text) <= _MOST_PATH and clean(text, _MOST_PATH) == text else None


def chart_label(text: object, longest: int) -> str:
    """Return text for a quoted label of a Mermaid chart: letters, digits, and a few marks."""
    label = _NO_LABEL.sub("_", clean(text, 1000))
    return label if len(label) <= longest else label[: longest - 2] + ".."


def html_code(text: object, longest: int = SHORT) -> str:
    """Return text as an HTML element for code, within HTML or within a table of Markdown's HTML."""
    return f"<code>{html_text(text, longest)}</code>"


def html_text(text: object, longest: int = SHORT) -> str:
    """Return text for an HTML element or a quoted attribute; in a log it is not a command."""
    escaped = html.escape(clean(text, longest), quote=True)
    escaped = _HASHES.sub(lambda found: found[0].replace("#", "&#35;"), escaped)
    return _COLONS.sub("&#58;", escaped)


def html_prose(text: object, longest: int = LONG) -> str:
    """Return a sentence as HTML: plain words stand as they are, everything else stands in code.

    Plain are words of letters, numbers, and marks of a sentence beside them. So what GitHub could
    turn into a mention, a link or a reference (`@`, `#`, `/`, `_`, letters beside digits) is left
    to code, and a name that others chose looks like one.
    """
    if not text:
        return ""
    told = []
    for is_plain, words in groupby(_whole(clean(text, longest).split(" ")), key=_is_plain):
        if is_plain:
            told += [html.escape(word, quote=True) for word in words]
        else:
            before, name, behind = _bare(" ".join(words))
            told.append(f"{before}<code>{html_text(name, longest)}</code>{behind}")
    return " ".join(told)


def _is_plain(word: str) -> bool:
    return _PLAIN.fullmatch(word) is not None and not _SHA.fullmatch(word)


def _whole(words: Iterable[str]) -> Iterator[str]:
    """Yield the words of a sentence, a call with its arguments as one."""
    held = ""
    for word in words:
        held = f"{held} {word}" if held else word
        if held.count("(") <= held.count(")") or _is_plain(held) or " " in held[_MOST_CALL:]:
            yield held
            held = ""
    if held:
        yield held


def _bare(words: str) -> tuple[str, str, str]:
    """Return what is code in a sentence, and the sentence's own marks before and behind it."""
    name = words.rstrip(".,;:!?")
    if name.startswith("(") or name.count(")") > name.count("("):
        name = name.rstrip(")")
    before = "(" if name.startswith("(") and ")" not in name else ""
    name = name[len(before) :]
    if not name:
        return "", words, ""
    return before, name.strip("`") or name, words[len(before) + len(name) :]


def json_text(text: str) -> str:
    """Return JSON in which a runner that sees it in a log finds no command; it reads the same.

    Only text can hold `##`, and every line of JSON begins with a mark of its own.
    """
    return _HASHES.sub(lambda found: found[0].replace("#", "\\u0023"), text)


def _hashes_apart(line: str) -> str:
    return _HASHES.sub(lambda found: f"{found[0]} ", line)


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    return " " if char.isspace() and char not in _SEPARATORS else _UNKNOWN


def _bounded(ticks: re.Match[str]) -> str:
    run = ticks[0]
    return run if len(run) <= _MOST_BACKTICKS else run[:_MOST_BACKTICKS] + "…"
