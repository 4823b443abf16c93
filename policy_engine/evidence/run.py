"""A run as one policy may see it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from policy_engine.evidence.evaluations import several_datasets
from policy_engine.evidence.measurement import Grade, Measurement
from policy_engine.evidence.metrics import known
from policy_engine.evidence.model import Artifact, Model
from policy_engine.evidence.predictions import Predictions
from policy_engine.evidence.record import (
    DatasetRecord,
    ImportanceRecord,
    Invalid,
    Needs,
    RunRecord,
)
from policy_engine.evidence.states import (
    InvalidEvidence,
    MissingEvidence,
    UndeclaredNeed,
    near_names,
    present,
    value_of,
)
from policy_engine.evidence.whose import remedy_of

Dataset = DatasetRecord
Importance = ImportanceRecord

_WHOLE = 100
"""All of a metric in percent."""
_END = "let the run end by itself (with mlflow.start_run(): …)"


class Run:
    """A run as one policy may see it: what its `needs` name, and nothing else."""

    __slots__ = ("_needs", "_record", "role")

    def __init__(self, record: RunRecord, needs: Needs, role: str = "candidate") -> None:
        """See `record` as `role` (candidate, baseline, …), restricted to `needs`."""
        self._record = record
        self._needs = needs
        self.role = role

    @property
    def run_id(self) -> str:
        """MLflow's id, 32 hexadecimal digits."""
        return self._record.run_id

    @property
    def run_name(self) -> str | None:
        """The name that people gave it."""
        return self._record.run_name

    @property
    def experiment(self) -> str | None:
        """The name of its experiment."""
        return self._record.experiment

    @property
    def status(self) -> str:
        """RUNNING, SCHEDULED, FINISHED, FAILED or KILLED."""
        return self._record.status

    @property
    def lifecycle(self) -> str:
        """Active or deleted."""
        return self._record.lifecycle

    @property
    def start_time(self) -> datetime:
        """When it began (UTC), as the training client said."""
        return present(self._record.start_time, f"the {self.role} run has no start time", _END)

    @property
    def end_time(self) -> datetime:
        """When it ended (UTC), as the training client said."""
        return present(self._record.end_time, f"the {self.role} run has no end time", _END)

    @property
    def trained(self) -> datetime:
        """When its training ended (UTC), as the training client said; without an end, its start."""
        return self._record.end_time or self.start_time

    @property
    def duration(self) -> Measurement:
        """From start to end (s); the training client wrote both times."""
        span = self.end_time - self.start_time
        seconds = Decimal(span.days * 86400 + span.seconds)
        if span.microseconds:
            seconds += Decimal(span.microseconds).scaleb(-6)
        if seconds < 0:
            raise InvalidEvidence(f"the {self.role} run ends before it starts")
        return Measurement(seconds, "s", Grade.LOGGED, "run start and end")

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of its metrics."""
        return tuple(self._record.metrics)

    def metric(self, name: str) -> Measurement:
        """Return the last value of a metric, in the metric's own units.

        Raises:
            MissingEvidence: If the run has no such metric; names the nearest.
            InvalidEvidence: If it is NaN or infinite, or lies outside the range that its name says.
        """
        value = self._record.metrics.get(name)
        datasets = several_datasets(self._record, name) if value is None else ()
        if datasets:
            raise MissingEvidence(
                f"the {self.role} run has no metric {name}; its model has it on "
                f"{len(datasets)} datasets ({', '.join(datasets)})",
                f"say which counts: `metric: {{name: {name}, dataset: {datasets[0]}}}`",
            )
        if value is None:
            raise MissingEvidence(
                f"the {self.role} run has no metric {name}{near_names(name, self._record.metrics)}",
                self.to_log(f'log it: mlflow.log_metric("{name}", value)'),
            )
        if isinstance(value, Invalid):
            raise InvalidEvidence(
                f"metric {name} of the {self.role} run is {value.invalid}",
                "find out why training logged it, and log a finite number",
            )
        return _measured(name, value, self.role)

    def param(self, name: str) -> str:
        """Return a parameter, as text.

        Raises:
            MissingEvidence: If the run has no such parameter; names the nearest.
        """
        return self._text(self._record.params, "parameter", name)

    def tag(self, name: str) -> str:
        """Return a tag, as text.

        Raises:
            MissingEvidence: If the run has no such tag; names the nearest.
        """
        return self._text(self._record.tags, "tag", name)

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that are whole (a tag that MLflow cut off is left out)."""
        return _whole_texts(self._record.tags)

    @property
    def parent_id(self) -> str | None:
        """The id of the run whose child it is; None where it is no child."""
        parent = self._record.tags.get("mlflow.parentRunId")
        return parent if isinstance(parent, str) and parent else None

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters that are whole (one that MLflow cut off is left out)."""
        return _whole_texts(self._record.params)

    @property
    def tag_names(self) -> tuple[str, ...]:
        """The names of its tags, of cut-off ones too."""
        return tuple(self._record.tags)

    @property
    def param_names(self) -> tuple[str, ...]:
        """The names of its parameters, of cut-off ones too."""
        return tuple(self._record.params)

    @property
    def model(self) -> Model:
        """Its logged model. Needs `MODEL`.

        Raises:
            MissingEvidence: If the run logged none that is READY.
            UnreadableEvidence: If it logged several and the policy file names none.
        """
        self._declared(Needs.MODEL)
        record = self._record.model
        if record is None:
            raise MissingEvidence(
                f"the {self.role} run has no logged model that is READY",
                self.to_log(
                    "log it: mlflow.<flavor>.log_model(model, name=…), and see that it ends READY"
                ),
            )
        return Model(value_of(record, f"the model of the {self.role} run"))

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """Its dataset inputs. Needs `DATASETS`."""
        self._declared(Needs.DATASETS)
        return self._record.datasets

    @property
    def files(self) -> tuple[Artifact, ...]:
        """Its stored files (not its models'), with sizes in bytes. Needs `FILES`."""
        self._declared(Needs.FILES)
        return value_of(self._record.files, f"the files of the {self.role} run")

    @property
    def aliases(self) -> Mapping[str, str]:
        """Alias to version of the registered model that its model belongs to. Needs `REGISTRY`."""
        self._declared(Needs.REGISTRY)
        return value_of(self._record.aliases, f"the registered model of the {self.role} run")

    @property
    def children(self) -> tuple["Run", ...]:
        """Its child runs, run facts only. Needs `CHILDREN`.

        Of a run that is itself a child they are all children of its parent: a search as a whole.
        """
        self._declared(Needs.CHILDREN)
        records = value_of(self._record.children, f"the child runs of the {self.role} run")
        open_to = Needs.RUN | (self._needs & Needs.DATASETS)
        return tuple(Run(child, open_to, f"child of the {self.role}") for child in records)

    @property
    def repeats(self) -> tuple["Run", ...]:
        """Runs of the same commit, failed and deleted ones too, facts only. Needs `REPEATS`.

        Their dataset inputs need `DATASETS` too.
        """
        self._declared(Needs.REPEATS)
        records = value_of(self._record.repeats, f"the repeated runs of the {self.role} run")
        open_to = Needs.RUN | (self._needs & Needs.DATASETS)
        return tuple(Run(each, open_to, f"repeat of the {self.role}") for each in records)

    @property
    def predictions(self) -> Predictions:
        """Its logged per-row predictions. Needs `PREDICTIONS`.

        Raises:
            MissingEvidence: If neither it nor an evaluation run of its model logged any.
        """
        self._declared(Needs.PREDICTIONS)
        table = self._record.predictions
        if table is None:
            raise MissingEvidence(
                f"the {self.role} run has no predictions table",
                self.to_log(
                    "log it: policy_engine.training.log_predictions(row_id, target, prediction)"
                ),
            )
        return Predictions(
            value_of(table, f"the predictions table of the {self.role} run"), self.role
        )

    @property
    def importance(self) -> Importance:
        """How much each feature counts. Needs `IMPORTANCE`.

        Raises:
            MissingEvidence: If no file says it.
        """
        self._declared(Needs.IMPORTANCE)
        record = self._record.importance
        if record is None:
            raise MissingEvidence(
                f"the {self.role} run has no feature importances",
                self.to_log("log them: policy_engine.training.log_importance(values, method=…)"),
            )
        return value_of(record, f"the feature importances of the {self.role} run")

    @property
    def tries(self) -> int:
        """Runs tagged with this pull request in the experiment, deleted ones too. Needs `CHANGE`.

        The runs of one search count once.

        Raises:
            MissingEvidence: Outside a pull request.
        """
        self._declared(Needs.CHANGE)
        return value_of(self._record.tries, "the number of runs of this pull request")

    def to_log(self, remedy: str) -> str:
        """Return what a training would log as a remedy for whoever can do it.

        What a baseline lacks, the change's author cannot log; and a run that autologging began, it
        ended too.
        """
        return remedy_of(self.role, self._record.tags, remedy)

    def _declared(self, need: Needs) -> None:
        if need not in self._needs:
            raise UndeclaredNeed(
                f"the policy reads {need.name} of the {self.role} without declaring it",
                f"add `Needs.{need.name}` to the policy's `needs`",
            )

    def _text(self, texts: Mapping[str, str | Invalid], kind: str, name: str) -> str:
        value = texts.get(name)
        if value is None:
            raise MissingEvidence(
                f"the {self.role} run has no {kind} {name}{near_names(name, texts)}"
            )
        if isinstance(value, Invalid):
            raise InvalidEvidence(
                f"{kind} {name} of the {self.role} run is {value.invalid}", "log a shorter text"
            )
        return value


def _whole_texts(texts: Mapping[str, str | Invalid]) -> Mapping[str, str]:
    """Return the texts that are whole: the same mapping, shut, where all are, as nearly always."""
    whole: Any = texts
    if Invalid in set(map(type, texts.values())):
        whole = {key: text for key, text in texts.items() if isinstance(text, str)}
    return MappingProxyType(whole)


@lru_cache
def _measured(name: str, value: float, role: str) -> Measurement:
    """Return a metric with its unit; several policies ask for the same one."""
    number = Decimal(repr(value))
    kind = known(name)
    if kind is not None and kind.bounded and not 0 <= number <= 1:
        remedy = "log it as a fraction"
        if 1 < number <= _WHOLE:
            remedy += f", or say that it is in percent: `metric: {{name: {name}, scale: percent}}`"
        raise InvalidEvidence(
            f"metric {name} of the {role} run is {value}; it lies in [0, 1] by definition", remedy
        )
    return Measurement(number, name, Grade.LOGGED, f"metric {name}")
