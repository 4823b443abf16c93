"""Runs page by page: within a cap, without children where they are not wanted, filter or no filter.

A filter that a server refuses is not the end: its newest runs are asked for and filtered here.
Nor is one that it ignores, as GitLab does: what comes back is held against the question.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from policy_engine.tracking.store import Json, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from policy_engine.tracking.query import Query

PAGE = 1000
"""Runs in one answer, at most."""
MOST_LOOKED_AT = 5000
"""Runs that one search looks at, newest first: about 50 MB."""
_MOST_PAGES = 50


class Pages(Protocol):
    """One page of a store's runs."""

    def __call__(self, filter_: str, size: int, token: str | None) -> tuple[list[Json], str | None]:
        """Return at most `size` runs, newest first, and the token of the next page."""


def search(
    pages: Pages, query: Query, limit: int, *, deleted: bool, tell: Callable[[str], None]
) -> list[Json]:
    """Return at most `limit` runs that the query fits, those that began last first.

    Args:
        pages: Asks the store.
        query: What must hold.
        limit: The most runs to return.
        deleted: Whether the deleted runs are looked at instead of the active ones.
        tell: Takes a sentence on what the search could not do.

    Raises:
        Unreadable: As `pages` does.
    """
    asked = replace(query, roots=False)
    ignored = False

    def stands(run: Json) -> bool:
        nonlocal ignored
        if not asked.fits(run):
            ignored = True
            return False
        is_deleted = run["info"].get("lifecycle_stage") == "deleted"
        return is_deleted == deleted and query.fits(run)

    if limit < 1:
        return []
    try:
        found, cut = _look(pages, query.filter, stands, limit)
    except Refused as refusal:
        if not query.filter:
            raise
        found, cut = _look(pages, "", stands, None)
        found.sort(key=lambda run: -int(run["info"].get("start_time") or 0))
        tell(f"{refusal}; so its runs were read without a filter, and chosen here")
    else:
        if ignored:
            tell("the server does not filter the runs that it is asked for: they were chosen here")
    if cut:
        tell(
            f"a search for runs ({query.filter or 'all'}) ended after the newest {MOST_LOOKED_AT}, "
            f"or {_MOST_PAGES} pages: older ones were not looked at"
        )
    return found[:limit]


def _look(
    pages: Pages, filter_: str, keep: Callable[[Json], bool], limit: int | None
) -> tuple[list[Json], bool]:
    """Return what is to be kept, `limit` or somewhat more, and whether the cap ended the search."""
    found: list[Json] = []
    seen, token = 0, None
    for _ in range(_MOST_PAGES):
        # Where nothing was left out yet, no more is asked for than is wanted.
        wanted = limit - len(found) if limit is not None and seen == len(found) else PAGE
        page, token = pages(filter_, min(wanted, PAGE), token)
        seen += len(page)
        found += [run for run in page if keep(run)]
        if token is None or (limit is not None and len(found) >= limit):
            return found, False
        if seen >= MOST_LOOKED_AT:
            break
    return found, True
