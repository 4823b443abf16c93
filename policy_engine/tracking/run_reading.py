"""One run with all that the needs name: begun at once, then waited for."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, ClassVar

from policy_engine.evidence import Needs
from policy_engine.evidence.commit import COMMIT_TAGS
from policy_engine.evidence.record import (
    FileRecord,
    Gap,
    ImportanceRecord,
    ModelRecord,
    RunRecord,
    TableRecord,
)
from policy_engine.tracking.assessments import with_whole_means
from policy_engine.tracking.meant import MOST_CHILDREN
from policy_engine.tracking.models import begin_model, list_files, read_model, read_model_by_id
from policy_engine.tracking.query import PARENT_TAG, tagged
from policy_engine.tracking.reads import Reads, reading
from policy_engine.tracking.series import with_series
from policy_engine.tracking.store import Json, NotFound
from policy_engine.tracking.store import ReadFailed as UnreadableRead
from policy_engine.tracking.tables import read_importance, read_predictions, read_texts
from policy_engine.tracking.translate import run_record, tags_of

_SHA = re.compile("[0-9a-f]{7,64}")
MOST_REPEATS = 200
MOST_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """What to read of each run.

    Attributes:
        needs: The kinds of evidence.
        table_cap: The largest table (bytes).
        metrics: The metrics that count, each with the value that is taken of several.
    """

    needs: Needs
    table_cap: int
    metrics: tuple[tuple[str, str], ...] = ()


class Begun:
    """The reads of one run, begun at once; `record` waits for them."""

    def __init__(
        self,
        reads: Reads,
        run: Json,
        scope: Scope,
        model_name: str | None,
        model_id: str | None,
        beside: "Begun | None" = None,
    ) -> None:
        """Begin to read a run; `beside` is the candidate if this is a baseline."""
        self._reads = reads
        self._run = run
        self._beside = beside
        info = run["info"]
        self._experiment = reads.start(reads.store.experiment, info["experiment_id"])
        self._needs = scope.needs
        self._metrics = scope.metrics
        self._cap = scope.table_cap
        files = Needs.MODEL in self._needs
        self._model: Future[ModelRecord | Gap | None] | None = None
        if model_id is not None:
            self._model = reads.spawn(read_model_by_id, reads, model_id, files=files)
        elif files or beside is None:
            rather = beside.model_name if beside is not None else lambda: None
            self._model = reads.spawn(
                read_model, reads, run, model_name, files=files, rather=rather
            )
        self._begun: dict[Needs, Future[Any]] = {
            need: reads.spawn(read, self)
            for need, read in self.READERS.items()
            if need in self._needs
        }

    def ahead(self, run_id: str, model_id: str | None) -> None:
        """Begin what a baseline of that run and model will be asked for, if it becomes one.

        It is most likely of the same experiment; if it is not, its child runs are asked for again.
        """
        reads = self._reads
        reads.start(reads.store.run, run_id)
        if Needs.CHILDREN in self._needs:
            self._start_children(self._run["info"]["experiment_id"], run_id)
        if model_id is not None and Needs.MODEL in self._needs:
            begin_model(reads, model_id)

    def _start_children(self, experiment_id: str, run_id: str) -> "Future[list[Json]]":
        query = tagged(PARENT_TAG, run_id)
        return self._reads.start(
            self._reads.store.runs, (experiment_id,), query, limit=MOST_CHILDREN
        )

    def model(self) -> ModelRecord | Gap | None:
        """Return its model; None where there is none, or nobody asked."""
        return self._reads.wait(self._model) if self._model else None

    def model_name(self) -> str | None:
        """Return the name that its model was logged under."""
        model = self.model()
        return model.name if isinstance(model, ModelRecord) else None

    def facts(self) -> RunRecord:
        """Return the run's own facts.

        Raises:
            Unreadable: If its experiment cannot be read.
        """
        try:
            record = run_record(self._run, self._reads.wait(self._experiment))
            return with_whole_means(self._reads, record)
        except NotFound as e:
            raise UnreadableRead(f"{e}, which run {self._run['info']['run_id']} belongs to") from e

    def record(self) -> RunRecord:
        """Return the run with all that was begun.

        Raises:
            Unreadable: If its experiment cannot be read, or the deadline has come.
        """
        model = self.model()
        if isinstance(model, ModelRecord) and Needs.FILES in self._needs:
            model = model.model_copy(update={"texts": read_texts(self._reads, model)})
        facts = with_series(self._reads, self._run, self.facts(), self._metrics)
        return facts.model_copy(
            update={
                "model": model,
                **{need.kind.field: self._waited(need) for need in self._begun},
            }
        )

    def _waited(self, need: Needs) -> Any:
        """Return what was read for a need, or the record that it could not be; None: not begun."""
        begun = self._begun.get(need)
        return reading(self._reads.wait, begun) if begun is not None else None

    def _read_predictions(self) -> TableRecord | Gap | None:
        return read_predictions(self._reads, self._run, self.model(), self._cap, self._rather)

    def _rather(self) -> str | None:
        """Return the digest of the data that the candidate's table is of; None for itself."""
        if self._beside is None:
            return None
        table = self._beside.predictions()
        return table.dataset if isinstance(table, TableRecord) else None

    def predictions(self) -> TableRecord | Gap | None:
        """Return the predictions table; waits for it."""
        table: TableRecord | Gap | None = self._waited(Needs.PREDICTIONS)
        return table

    def _read_importance(self) -> ImportanceRecord | Gap | None:
        return read_importance(self._reads, self._run)

    def _read_files(self) -> tuple[FileRecord, ...]:
        return list_files(self._reads, self._reads.store.list_run, self._run["info"]["run_id"])

    def _read_repeats(self) -> tuple[RunRecord, ...]:
        """Return the runs of the same commit, deleted ones too, but the run itself."""
        info, tags = self._run["info"], tags_of(self._run)
        said = next(((tag, tags[tag]) for tag in COMMIT_TAGS if tag in tags), None)
        if said is None or not _SHA.fullmatch(said[1]):
            return ()  # no commit, or a text that names none
        asked = [
            self._reads.start(
                self._reads.store.runs,
                (info["experiment_id"],),
                tagged(*said),
                limit=MOST_REPEATS,
                deleted=deleted,
            )
            for deleted in (False, True)
        ]
        runs = [run for future in asked for run in self._reads.wait(future)]
        if len(runs) >= MOST_REPEATS:
            raise UnreadableRead(f"the commit has {MOST_REPEATS} runs or more")
        return tuple(
            run_record(run, None) for run in runs if run["info"]["run_id"] != info["run_id"]
        )

    def _read_children(self) -> tuple[RunRecord, ...]:
        info = self._run["info"]
        # A run of a search costs what the whole search does.
        searched = tags_of(self._run).get(PARENT_TAG) or info["run_id"]
        runs = self._reads.wait(self._start_children(info["experiment_id"], searched))
        if len(runs) >= MOST_CHILDREN:
            raise UnreadableRead(f"the run has {MOST_CHILDREN} child runs or more")
        return tuple(run_record(run, None) for run in runs)

    def _read_aliases(self) -> Mapping[str, str] | None:
        model = self.model()
        if not isinstance(model, ModelRecord) or not model.versions:
            return None
        name = model.versions[-1].name
        registered = self._reads.get(self._reads.store.registered_model, name)
        return {str(a["alias"]): str(a["version"]) for a in registered.get("aliases") or ()}

    READERS: ClassVar[Mapping[Needs, Callable[["Begun"], Any]]] = {
        Needs.FILES: _read_files,
        Needs.REGISTRY: _read_aliases,
        Needs.CHILDREN: _read_children,
        Needs.REPEATS: _read_repeats,
        Needs.PREDICTIONS: _read_predictions,
        Needs.IMPORTANCE: _read_importance,
    }
    """What reads each kind of evidence of a run, but for its facts and its model."""
