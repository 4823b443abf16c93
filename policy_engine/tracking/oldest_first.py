"""Experiments' runs from the oldest to the newest, page by page, with the next ones under way.

Neither the server nor the judge waits for the other, from one experiment to the next either. Memory
holds the runs of one page, however many there are; of pages that wait, the text that the server
sent, a tenth of that. A page that could not be read is asked for again, as long as there is time: a
reading of an hour shall not be lost to a server's restart.

MLflow's token of a page says how many runs are before it. So the page after one that is still under
way can be asked for at the same time; it counts once the page before it came and names it. The
price is an empty page or two behind the last one of an experiment.
"""

import base64
import binascii
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, islice, pairwise
from operator import itemgetter
from typing import TypeVar

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.store import Json, ReadFailed, Refused, Store, TooOld

T = TypeVar("T")

_Reads = Callable[[], list[Json]]
_Answer = tuple[_Reads, str | None]
"""What reads a page, and the token of the next one."""

PAGE = 150
"""Runs of one page: 0.3 s of a server's time, and some 12 MB as Python has them."""
AHEAD = 3
"""Pages that are asked for, or wait, while one is judged; at least one more than come at once."""
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""How long to wait before a page is asked for again (seconds)."""


def pages_oldest_first(
    store: Store, deadline: Deadline, experiment_ids: Sequence[str], since: int, concurrency: int
) -> Iterator[Iterator[list[Json]]]:
    """Yield, for each experiment in turn, the pages of its active runs by their start.

    Args:
        store: Where they are.
        deadline: When to give up.
        experiment_ids: Whose runs, each once.
        since: The first moment in which a run may have begun (epoch, milliseconds).
        concurrency: The most pages that are asked for at the same time.

    Raises:
        ReadFailed: If a page cannot be read, or the server does not sort its runs.
    """

    def ask(experiment_id: str, token: str | None) -> _Answer:
        return _patiently(lambda: store.oldest_first(experiment_id, since, PAGE, token), deadline)

    pages = _Pages(ask, experiment_ids, concurrency)
    for _, of_one in groupby(pages.in_order(), key=itemgetter(0)):
        yield _read(of_one, since)


def page_after(token: str | None, size: int) -> str | None:
    """Return the token of the page after one of a size; None where tokens do not tell it."""
    try:
        offset = json.loads(base64.b64decode(token or "", validate=True))["offset"]
        return _behind(offset + size) if _behind(offset) == token else None
    except (binascii.Error, ValueError, LookupError, TypeError):
        return None


def _behind(runs: int) -> str:
    return base64.b64encode(json.dumps({"offset": runs}).encode()).decode()


def _read(pages: Iterable[tuple[str, _Reads]], since: int) -> Iterator[list[Json]]:
    latest = since
    for _, read in pages:
        page = read()
        for run in page:
            began = int(run["info"].get("start_time") or 0)
            if began < latest:
                raise ReadFailed(
                    "the server does not sort runs by their start: no past can be told from what "
                    "came after it"
                )
            latest = began
        yield page


def _patiently(ask: Callable[[], T], deadline: Deadline) -> T:
    for pause in PAUSES_S:
        try:
            return ask()
        except (Refused, TooOld):
            raise
        except ReadFailed:
            if pause >= deadline.remaining():
                raise
            time.sleep(pause)
    return ask()


@dataclass(slots=True, eq=False)
class _Page:
    """A page that was asked for.

    Attributes:
        of: Whose runs it holds.
        token: By which it was asked for; None: the first.
        sure: Whether the page before it named it.
        answer: What came, or why nothing did; None: not yet.
    """

    of: "_Experiment"
    token: str | None
    sure: bool
    answer: _Answer | BaseException | None = None


class _Experiment:
    """An experiment whose pages are asked for.

    Attributes:
        id_: Its id.
        under_way: Its pages that were asked for and not taken, in order.
    """

    def __init__(self, id_: str) -> None:
        self.id_ = id_
        self.under_way: deque[_Page] = deque()
        self._last: _Page | None = None
        self._counts = True  # whether tokens tell how many runs are before a page

    def next(self) -> _Page | None:
        """Return the page to ask for next; None: there is none, or only an answer can tell."""
        last = self._last
        if last is None:
            return _Page(self, None, sure=True)
        if last.answer is None:
            token, sure = page_after(last.token, PAGE) if self._counts else None, False
        elif isinstance(last.answer, BaseException):
            return None
        else:
            token, sure = last.answer[1], last.sure
        return _Page(self, token, sure) if token is not None else None

    def begin(self, page: _Page) -> None:
        """Note that a page is asked for."""
        self._last = page
        self.under_way.append(page)

    def make_sure(self) -> None:
        """Hold pages that were asked for early against the token that the one before brought."""
        for number, (page, after) in enumerate(pairwise(tuple(self.under_way)), 1):
            if after.sure or not page.sure or not isinstance(page.answer, tuple):
                continue
            if page.answer[1] != after.token:
                self._last, self._counts = page, False
                while len(self.under_way) > number:
                    self.under_way.pop()
                return
            after.sure = True

    @property
    def is_at_end(self) -> bool:
        """Whether all pages were taken."""
        return self._last is not None and not self.under_way and self.next() is None


class _Pages:
    """The pages of experiments one after the other; the next ones are asked for in threads."""

    def __init__(
        self,
        ask: Callable[[str, str | None], _Answer],
        experiment_ids: Sequence[str],
        at_once: int,
    ) -> None:
        self._ask, self._at_once = ask, at_once
        self._most = max(AHEAD, at_once + 1)
        self._asking = 0
        self._begun: deque[_Experiment] = deque()
        self._others = deque(map(_Experiment, experiment_ids))
        self._changed = threading.Condition()

    def in_order(self) -> Iterator[tuple[str, _Reads]]:
        """Yield each page once it came; of an experiment there is one at least."""
        with self._changed:
            self._ask_for_more()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_at_end() or self._answer() is not None)
                if self._is_at_end():
                    return
                page = self._begun[0].under_way.popleft()
                self._ask_for_more()
            if isinstance(page.answer, tuple):
                yield page.of.id_, page.answer[0]
            elif page.answer is not None:
                raise page.answer

    def _is_at_end(self) -> bool:
        return not self._begun and not self._others

    def _answer(self) -> "_Answer | BaseException | None":
        """Return what came of the page that is to be read next; None: nothing yet."""
        under_way = self._begun[0].under_way if self._begun else None
        return under_way[0].answer if under_way else None

    def _ask_for_more(self) -> None:
        while self._begun and self._begun[0].is_at_end:
            self._begun.popleft()
        while self._asking < self._at_once and (page := self._next()) is not None:
            if page.of not in self._begun:
                self._begun.append(self._others.popleft())
            page.of.begin(page)
            self._asking += 1
            try:
                # One thread a page: one that waits would keep the memory in which it received.
                threading.Thread(target=self._read, args=(page,), daemon=True).start()
            except RuntimeError as e:  # the machine gives no more threads
                self._asking -= 1
                page.answer = e

    def _next(self) -> _Page | None:
        """Return what to ask for next: of the experiment that is read if its pages are too few."""
        later = sum(len(each.under_way) for each in islice(self._begun, 1, None))
        for each in chain(self._begun, islice(self._others, 1)):
            is_read = not self._begun or each is self._begun[0]
            if (len(each.under_way) if is_read else later) < self._most and (page := each.next()):
                return page
        return None

    def _read(self, page: _Page) -> None:
        answer: _Answer | BaseException
        try:
            answer = self._ask(page.of.id_, page.token)
        except BaseException as e:  # noqa: BLE001 (handed to whoever waits)
            answer = e
        with self._changed:
            page.answer = answer
            self._asking -= 1
            page.of.make_sure()
            self._ask_for_more()
            self._changed.notify_all()
