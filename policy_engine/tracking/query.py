"""Which runs are looked for: the same question as a filter of MLflow, and asked of a run here.

A server may refuse a filter that a newer one understands. So what is asked is kept as conditions:
they can be written in MLflow's language, and held against a run that came without them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNQUOTABLE = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029'\"`\\]")
PARENT_TAG = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Conditions that all hold of a run; none: every run.

    Attributes:
        tags: Pairs of a tag and its whole value.
        finished: Whether its status is FINISHED.
        started_from: The first moment in which it may have begun (epoch, milliseconds).
        ended_until: The last moment in which it may have ended (epoch, milliseconds).
        ended_after: The moment after which it ended (epoch, milliseconds).
        roots: Whether child runs are left out. No filter says it: servers before MLflow 3.12 do
            not understand `IS NULL`.

    Raises:
        ValueError: If a tag or its value holds a quote, a backtick, a backslash or a control
            character: MLflow's language has no way to write them that holds everywhere.
    """

    tags: tuple[tuple[str, str], ...] = ()
    finished: bool = False
    started_from: int | None = None
    ended_until: int | None = None
    ended_after: int | None = None
    roots: bool = False

    def __post_init__(self) -> None:
        for text in (text for pair in self.tags for text in pair):
            if not text or _UNQUOTABLE.search(text):
                raise ValueError(f"{text!r} cannot be written in a filter of MLflow")

    @property
    def filter(self) -> str:
        """The conditions in MLflow's language, as far as every server understands them."""
        return " AND ".join(self._conditions())

    def _conditions(self) -> Iterator[str]:
        for key, value in self.tags:
            yield f"tags.`{key}` = '{value}'"
        if self.finished:
            yield "attributes.status = 'FINISHED'"
        if self.ended_after is not None:
            yield f"attributes.end_time > {self.ended_after}"
        if self.ended_until is not None:
            yield f"attributes.end_time <= {self.ended_until}"
        if self.started_from is not None:
            yield f"attributes.start_time >= {self.started_from}"

    def fits(self, run: dict[str, Any]) -> bool:
        """Say whether all conditions hold of a run, as MLflow answers it."""
        info = run["info"]
        tags = {each["key"]: each.get("value") for each in run.get("data", {}).get("tags") or ()}
        began, ended = int(info.get("start_time") or 0), int(info.get("end_time") or 0)
        return (
            all(tags.get(key) == value for key, value in self.tags)
            and (not self.finished or info.get("status") == "FINISHED")
            and (self.started_from is None or began >= self.started_from)
            and (self.ended_until is None or 0 < ended <= self.ended_until)
            and (self.ended_after is None or ended > self.ended_after)
            and not (self.roots and PARENT_TAG in tags)
        )


def tagged(key: str, value: str) -> Query:
    """Return the question for all runs with one tag."""
    return Query(tags=((key, value),))
