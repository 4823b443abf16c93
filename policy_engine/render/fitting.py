"""What fits into a comment: whole rows, the important ones first, and a count of the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from policy_engine.quantities.words import count

_NOTICE_ROOM = 200  # bytes


@dataclass(frozen=True, slots=True)
class Part:
    """A run of rows that is shown as far as there is room; those of a high rank go first.

    Attributes:
        rank: From 0, which goes last.
        noun: What a row is called, in the singular.
        rows: One or more whole lines each.
        opening: What stands above the rows, if there is one.
        closing: What stands below them.
    """

    rank: int
    noun: str
    rows: Sequence[str]
    opening: str = ""
    closing: str = ""


def fitted(parts: Sequence[Part], room: int, elsewhere: str) -> str:
    """Return the parts in their order, cut on a row, with a notice that counts what is left out.

    Args:
        parts: The parts.
        room: How large the text may be, notice included (bytes of UTF-8).
        elsewhere: Where the rest is, in our own words.
    """
    shown = _fitting(parts, room - _NOTICE_ROOM)
    body = "".join(_shown(part, count) for part, count in zip(parts, shown, strict=True))
    return body + _notice(parts, shown, elsewhere)


def size(text: str) -> int:
    """Return the bytes that text takes."""
    return len(text.encode())


def _fitting(parts: Sequence[Part], room: int) -> list[int]:
    """Return how many rows of each part fit; nothing is shown behind the first that does not."""
    shown = [0] * len(parts)
    for i in sorted(range(len(parts)), key=lambda i: parts[i].rank):
        part = parts[i]
        for row in part.rows:
            room -= size(_framed(part, [row]) if shown[i] == 0 else f"{row}\n")
            if room < 0:
                return shown
            shown[i] += 1
    return shown


def _shown(part: Part, count: int) -> str:
    return _framed(part, part.rows[:count]) if count else ""


def _framed(part: Part, lines: Iterable[str]) -> str:
    return "\n".join([*filter(None, [part.opening]), *lines, *filter(None, [part.closing]), ""])


def _notice(parts: Sequence[Part], shown: Sequence[int], elsewhere: str) -> str:
    """Say what was left out, counted."""
    left_out: dict[str, int] = {}
    for part, kept in zip(parts, shown, strict=True):
        left_out[part.noun] = left_out.get(part.noun, 0) + len(part.rows) - kept
    counted = [count(number, f"more {noun}") for noun, number in left_out.items() if number]
    if not counted:
        return ""
    verb = "is" if sum(left_out.values()) == 1 else "are"
    return f"\n**{', '.join(counted)} {verb} in {elsewhere}.**\n"
