"""What a store of MLflow answers, whoever asks it, and how it says that it cannot.

NotFound        MLflow says that the thing is not there
Unreadable      nobody can say: network, authentication, a size cap, a wrong shape, the deadline
NoSuchStore     the tracking URI names no store that can be read

Two of the unreadable are told apart, since there may be another way: Refused, a question that the
server does not take, and Unsupported, a kind of read that it does not know.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from policy_engine.http.showing import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from policy_engine.http.deadline import Deadline
    from policy_engine.tracking.query import Query

Json = dict[str, Any]
T = TypeVar("T")

_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")  # MLflow's own: 32 hexadecimal digits
_SHORT_ID = re.compile(r"[0-9a-f]{8}")  # as a report names a run
_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")
_IN_RUN = re.compile(r"runs:/([0-9A-Za-z][0-9A-Za-z_-]{0,127})/(.*)", re.DOTALL)
_EXPERIMENT_ID = re.compile(r"[0-9]{1,32}")
_VERSION = re.compile(r"[0-9]{1,18}")
# A server leaves these out where MLflow's client fills in a blank.
_LEFT_OUT = ("deployment_job_state", "status_message", "user_id")


class NotFound(Exception):  # noqa: N818 -- an answer of MLflow, not an error of ours
    """MLflow says that the thing does not exist; the message is one plain sentence."""


class ReadFailed(Exception):  # noqa: N818 -- named for the state of the evidence, as NotFound is
    """The thing may exist and could not be read; one plain sentence that says what to do."""


class Refused(ReadFailed):
    """The server refuses the question as it was put; a simpler one may be answered."""


class Unsupported(ReadFailed):
    """The server speaks MLflow's language, and does not know this kind of read."""


class TooOld(ReadFailed):
    """The server is older than what is read: nothing of it is worth reading on."""


class OverCap(ReadFailed):
    """It is larger than what is read of such a thing.

    Attributes:
        size: How large it is (bytes); None where nobody said.
    """

    def __init__(self, text: str, size: int | None) -> None:
        super().__init__(text)
        self.size = size


class NoSuchStore(Exception):  # noqa: N818 -- as NotFound
    """The tracking URI names nothing that can be read: a mistake of whoever gave it."""


class Entry(NamedTuple):
    """A file or a folder among the artifacts of a run or a model.

    Attributes:
        path: POSIX path from the artifact root.
        is_dir: Whether it is a folder.
        size: Bytes; None for a folder, and for a file of which MLflow does not know it.
    """

    path: str
    is_dir: bool
    size: int | None


class InRun(NamedTuple):
    """A model that lies among the artifacts of a run, as all did before MLflow 3.

    Attributes:
        run_id: The run.
        folder: POSIX path of the folder that holds its MLmodel file; empty for the root.
    """

    run_id: str
    folder: str

    @classmethod
    def of(cls, model_id: str) -> InRun | None:
        """Return the place that a model's id names; None for the id of a logged model."""
        found = _IN_RUN.fullmatch(model_id)
        return cls(found[1], found[2]) if found else None

    @property
    def model_id(self) -> str:
        """What stands for a logged model's id: MLflow's own address of the folder."""
        return f"runs:/{self.run_id}/{self.folder}"

    def path(self, inner: str) -> str:
        """Return the path of a file of the model from the root of the run's artifacts."""
        return posixpath.join(self.folder, inner) if inner else self.folder

    def entries(self, listed: Iterable[Entry]) -> list[Entry]:
        """Return a listing of the run's artifacts with paths from the model's folder."""
        skipped = len(self.folder) + 1 if self.folder else 0
        return [each._replace(path=each.path[skipped:]) for each in listed]


class Store(Protocol):
    """What MLflow answers, as the JSON of its REST API; nothing is interpreted. Thread-safe.

    Every method raises NotFound or Unreadable. An answer is about the id that was asked for, or
    it is Unreadable. MLflow lists a folder that is not there as an empty one, and so does this.
    """

    @property
    def request_count(self) -> int:
        """HTTP requests so far, retries included; 0 where MLflow's own client makes them."""

    @property
    def is_local(self) -> bool:
        """Whether it is a file of this machine, which no server keeps."""

    @property
    def server(self) -> str | None:
        """The version of MLflow behind it as far as it is known: `2.16.2`, or `3`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence for each thing that had to be read in another way, or only in part."""

    def run(self, run_id: str) -> Json:
        """Return `info`, `data`, `inputs` and `outputs` of a run, deleted ones too."""

    def runs(
        self,
        experiment_ids: Sequence[str],
        query: Query,
        *,
        limit: int,
        deleted: bool = False,
    ) -> list[Json]:
        """Return at most `limit` runs that the query fits, those that began last first.

        Args:
            experiment_ids: Where to look. MLflow finds nothing, silently, in an unknown one.
            query: What must hold of a run.
            limit: The most runs to return, whatever MLflow's page size.
            deleted: Look among the deleted runs instead of the active ones.
        """

    def oldest_first(
        self, experiment_id: str, since: int, size: int, token: str | None
    ) -> tuple[Callable[[], list[Json]], str | None]:
        """Return what reads a page of an experiment's active runs by their start, and a token.

        The token is the next page's, which can be asked for before this one is read.

        Args:
            experiment_id: Where to look.
            since: The first moment in which a run may have begun (epoch, milliseconds).
            size: The most runs of the page.
            token: What the page before said; None: the first page.
        """

    def experiment(self, experiment_id: str) -> Json:
        """Return `experiment_id`, `name`, `tags` and more."""

    def experiment_by_name(self, name: str) -> Json:
        """Return the experiment of that name."""

    def experiments(self) -> list[Json]:
        """Return all active experiments, as `experiment` does."""

    def models_of_run(self, experiment_id: str, run_id: str) -> list[Json]:
        """Return `info` and `data` of each model that the run logged, whatever its status.

        Unsupported where the store keeps no logged models: before MLflow 3.
        """

    def model(self, model_id: str) -> Json:
        """Return `info` and `data` of a logged model."""

    def list_model(self, model_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a model, by path; not what lies deeper.

        `model_id` is a logged model's id, or the `runs:/` address of one among a run's artifacts.
        """

    def list_run(self, run_id: str, folder: str = "") -> list[Entry]:
        """Return what lies in one folder of a run's own artifacts; its models lie elsewhere."""

    def model_text(self, model_id: str, path: str, cap: int) -> str:
        """Return the text of one UTF-8 file of a model; Unreadable if over `cap` bytes."""

    def run_text(self, run_id: str, path: str, cap: int) -> str:
        """Return the text of one UTF-8 file of a run; Unreadable if over `cap` bytes."""

    def metric_history(self, run_id: str, key: str) -> list[Json]:
        """Return all values of a metric of a run: `value`, `timestamp` and `step` of each."""

    def assessments(self, experiment_id: str, run_id: str) -> list[list[Json]]:
        """Return what was judged of each trace of a run, a list for each trace."""

    def version(self, name: str, version: str) -> Json:
        """Return a version of a registered model."""

    def version_by_alias(self, name: str, alias: str) -> Json:
        """Return the version of a registered model that an alias points to."""

    def registered_model(self, name: str) -> Json:
        """Return a registered model with its aliases."""

    def registered_models(self) -> list[Json]:
        """Return all registered models, as `registered_model` does."""

    def versions_of_run(self, run_id: str) -> list[Json]:
        """Return the registered versions whose model the run logged."""

    def versions_of_runs(self, run_ids: tuple[str, ...]) -> list[Json]:
        """Return the registered versions of the models of several runs, at most a thousand."""


def checked_run_id(run_id: str) -> str:
    """Return the id; NotFound if no run can have it, so that no request carries it."""
    return _checked(_RUN_ID, run_id, "a run id: letters, digits, - and _")


def no_run(address: str, run_id: str) -> str:
    """Return the sentence that a server has no such run, and what to do of a report's short id."""
    said = f"MLflow at {address} has no run {checked_run_id(run_id)}"
    if _SHORT_ID.fullmatch(run_id) is None:
        return said
    return f"{said}; an id has 32 digits: the JSON report and MLflow's page have them all"


def of_runs(run_ids: tuple[str, ...]) -> str:
    """Return the filter for the registered versions of some runs, in MLflow's language."""
    ids = [f"'{checked_run_id(run_id)}'" for run_id in run_ids]
    return f"run_id={ids[0]}" if len(ids) == 1 else f"run_id IN ({','.join(ids)})"


def checked_model_id(model_id: str) -> str:
    """Return the id; NotFound if no logged model can have it."""
    return _checked(_MODEL_ID, model_id, "a logged model's id: m- and 32 digits 0-9 and a-f")


def checked_experiment_id(experiment_id: str) -> str:
    """Return the id; NotFound if no experiment can have it."""
    return _checked(_EXPERIMENT_ID, experiment_id, "an experiment id: digits alone")


def checked_version(version: str) -> str:
    """Return the version; NotFound if no registered model can have it."""
    return _checked(_VERSION, version, "a model version: digits alone")


def _checked(pattern: re.Pattern[str], text: str, kind: str) -> str:
    if pattern.fullmatch(text) is None:
        raise NotFound(f"'{shown(text)}' is not {kind}")
    return text


def checked_name(name: str) -> str:
    """Return a name of an experiment, registered model or alias; NotFound if it cannot be one."""
    if not name.strip() or not name.isprintable():
        raise NotFound(f"'{shown(name)}' is not a name that MLflow gives")
    return name


def checked_path(path: str) -> str:
    """Return a path of a file below an artifact root; Unreadable if it could lead elsewhere."""
    strange = not path or path.startswith("/") or "\\" in path or "\0" in path
    if strange or posixpath.normpath("/" + path) != "/" + path:
        raise ReadFailed(
            f"the artifact path '{shown(path)}' is refused: write it from the artifact root, "
            "with '/' between the parts and without '..'"
        )
    return path


def checked_folder(folder: str) -> str:
    """Return a path of a folder, empty for the root; Unreadable as `checked_path`."""
    return checked_path(folder) if folder else folder


def same_for_all(record: Json) -> Json:
    """Return a model or model version without the blanks that only some readers fill in."""
    for part in (record, record.get("info"), *(record.get("latest_versions") or ())):
        if isinstance(part, dict):
            for key in _LEFT_OUT:
                if part.get(key) in {"", "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED"}:
                    del part[key]
    return record


MOST_UNSIZED = 16
"""Files of one folder that are read to see whether they are empty."""


def with_empty_files(entries: Sequence[Entry], read: Callable[[str], object]) -> list[Entry]:
    """Return a folder's entries by path, with 0 for the size of an empty file.

    MLflow's JSON drops a size of 0, which looks the same as a size that the artifact store does
    not tell. So a file without one is read to see; where the first of a folder without any size is
    not empty, the store tells none. A size that stays unknown is None, never 0.

    Args:
        entries: One folder's; a size that MLflow did not send is None.
        read: Reads a file with a cap of 0 bytes; raises unless it is there and empty.
    """
    unsized = [each for each in entries if not each.is_dir and each.size is None]
    told = any(each.size is not None for each in entries if not each.is_dir)
    empty: set[str] = set()
    for each in unsized[:MOST_UNSIZED]:
        try:
            read(each.path)
        except (NotFound, ReadFailed):
            if not told:
                break
        else:
            empty.add(each.path)
    return sorted(each._replace(size=0) if each.path in empty else each for each in entries)


MOST_RECORDS = 500_000
"""Records of one question, over all its pages: values of a metric, files of a folder."""


def with_page(found: list[T], page: Iterable[T], what: str) -> None:
    """Add a page to what was found; ReadFailed once that is over the cap, before a next is asked.

    Args:
        found: The pages so far.
        page: One more.
        what: What is asked for, as a message names it.
    """
    found += page
    if len(found) > MOST_RECORDS:
        raise ReadFailed(f"{what} is more than {MOST_RECORDS} records; it is not read")


def is_local(uri: str) -> bool:
    """Say whether a tracking URI names a file of this machine, which no server keeps."""
    return uri.partition(":")[0].partition("+")[0].strip().lower() == "sqlite"


def over_cap(what: str, cap: int, size: int | None) -> OverCap:
    """Return the error for a thing larger than its cap; both in bytes, size None if unknown."""
    told = f"{size} bytes" if size is not None else f"more than {cap} bytes"
    return OverCap(f"{what} is {told}; at most {cap} bytes are read", size)


def over_deadline(address: str, deadline: Deadline) -> ReadFailed:
    """Return the error for a store that took too long."""
    return ReadFailed(
        f"MLflow at {address} did not answer within {deadline.seconds:g} s; "
        "try again, or allow more with --timeout"
    )


def decoded(content: bytes, what: str) -> str:
    """Return bytes as text; Unreadable if they are not UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise ReadFailed(f"{what} is not UTF-8 text; only text is read") from None
