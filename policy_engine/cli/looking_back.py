"""What `backtest` and `audit` share: their formats, the store, and where the answer goes."""

from typing import TYPE_CHECKING, Any

from policy_engine.cli.options import formats_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policy_engine.cli.output import Place
    from policy_engine.history.told import Section
    from policy_engine.http.deadline import Deadline
    from policy_engine.tracking.store import Store

FORMATS = ("text", "json", "markdown", "html")
UNREADABLE = 3
_WIDEST = 200

formatting = formats_of(FORMATS)


def opened(given: str | None, deadline: "Deadline") -> "tuple[str, Store]":
    """Return the tracking URI and its store.

    Raises:
        UsageError: If there is none.
    """
    from policy_engine.errors import UsageError
    from policy_engine.tracking.address import tracking_uri
    from policy_engine.tracking.opening import open_store
    from policy_engine.tracking.store import NoSuchStore, ReadFailed

    uri = tracking_uri(given)
    try:
        return uri, open_store(uri, deadline)
    except (NoSuchStore, ReadFailed) as e:
        raise UsageError(str(e)) from e


def write(places: "Sequence[Place]", told: "list[Section]", plain: dict[str, Any]) -> None:
    """Write the answer in each format.

    Raises:
        UsageError: If a file cannot be written.
    """
    import shutil

    from policy_engine.history.formats import FORMATS, as_json, as_text

    for place in places:
        if place.format == "json":
            text = as_json(plain)
        elif place.format == "text" and place.file is None:
            text = as_text(told, min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST))
        else:
            text = FORMATS[place.format](told)
        place.write(text)
