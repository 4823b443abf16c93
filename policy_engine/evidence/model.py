"""A logged model as a policy may see it."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from policy_engine.evidence.measurement import Grade, Measurement
from policy_engine.evidence.record import FileRecord, ModelMetricRecord, ModelRecord, VersionRecord
from policy_engine.evidence.states import MissingEvidence, UndeclaredNeed, value_of

Artifact = FileRecord
ModelMetric = ModelMetricRecord
Version = VersionRecord


class Model:
    """A logged model of a run."""

    __slots__ = ("_record",)

    def __init__(self, record: ModelRecord) -> None:
        """See `record` through the four results of a read."""
        self._record = record

    @property
    def model_id(self) -> str:
        """MLflow's id, `m-` and 32 hexadecimal digits.

        Of a model among its run's own artifacts, which has none: `runs:/RUN_ID/folder`.
        """
        return self._record.model_id

    def is_named(self, model_id: str) -> bool:
        """Say whether an id that something was logged under is this model's.

        MLflow 2 gives no ids: there it may be the UUID of the MLmodel file.
        """
        facts = self._record.mlmodel
        uuid = facts.get("model_uuid") if isinstance(facts, dict) else None
        return model_id in {self.model_id, uuid}

    @property
    def name(self) -> str:
        """The name that it was logged under."""
        return self._record.name

    @property
    def status(self) -> str:
        """READY, PENDING or FAILED."""
        return self._record.status

    @property
    def versions(self) -> tuple[VersionRecord, ...]:
        """Its registered versions, newest last."""
        return self._record.versions

    @property
    def size(self) -> Measurement:
        """The sum of its stored files (B).

        Raises:
            MissingEvidence: If no file is stored; never 0 B.
        """
        size = value_of(self._record.size, f"the size of model '{self.name}'")
        if not size:
            raise MissingEvidence(
                f"model '{self.name}' has no stored files",
                "log the model again and check that the upload ended",
            )
        return Measurement(Decimal(size), "B", Grade.MEASURED, "artifact listing")

    @property
    def logged_size(self) -> int | None:
        """What MLflow's client wrote as its size (bytes; without the environment files), if so."""
        return self._record.logged_size

    @property
    def created(self) -> datetime | None:
        """When it was logged (UTC), as MLflow keeps it."""
        return self._record.created

    @property
    def metrics(self) -> tuple[ModelMetric, ...]:
        """The metrics that were logged for it, each with its dataset and run."""
        return self._record.metrics

    @property
    def mlmodel(self) -> Mapping[str, Any]:
        """Its MLmodel file, as plain values."""
        return value_of(self._record.mlmodel, f"the MLmodel file of model '{self.name}'")

    def text(self, path: str) -> str:
        """Return a small file of the model: `requirements.txt` and the like. Needs `FILES`.

        Raises:
            MissingEvidence: If the model has no such file.
        """
        texts = self._record.texts
        if texts is None:
            raise UndeclaredNeed(
                "the policy reads files of the model without declaring it",
                "add `Needs.FILES` to the policy's `needs`",
            )
        if path not in texts:
            raise MissingEvidence(
                f"model '{self.name}' has no {path}",
                "log the model with MLflow's log_model, which writes it",
            )
        return value_of(texts[path], f"{path} of model '{self.name}'")

    @property
    def files(self) -> tuple[Artifact, ...]:
        """Its stored files, with sizes in bytes."""
        return value_of(self._record.files, f"the files of model '{self.name}'")

    @property
    def flavors(self) -> tuple[str, ...]:
        """The flavors that its MLmodel file names."""
        return value_of(self._record.flavors, f"the MLmodel file of model '{self.name}'")
