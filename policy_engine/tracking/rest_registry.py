"""The registered models of an MLflow server, which need not be the one that keeps the runs."""

from policy_engine.tracking.rest_api import ABSENT, INVALID, Api
from policy_engine.tracking.store import (
    Json,
    checked_name,
    checked_run_id,
    checked_version,
    same_for_all,
    shown,
)

_PAGE = 1000  # versions in one answer


class RestRegistry:
    """Reads a registry; see `Store` for what each method returns."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def version(self, name: str, version: str) -> Json:
        """Return a version of a registered model."""
        path = "model-versions/get"
        params = {"name": checked_name(name), "version": checked_version(version)}
        missing = f"MLflow at {self._api.address} has no version {version} of model '{shown(name)}'"
        answer = self._api.get(path, params, {ABSENT: missing, INVALID: missing})
        found = self._api.same(path, self._api.part(path, answer, "model_version"), **params)
        return same_for_all(found)

    def version_by_alias(self, name: str, alias: str) -> Json:
        """Return the version that an alias points to."""
        path = "registered-models/alias"
        params = {"name": checked_name(name), "alias": checked_name(alias)}
        missing = {
            ABSENT: self._no_registered_model(name),
            # MLflow says 400 where the model is there and the alias is not.
            INVALID: f"the registered model '{shown(name)}' has no alias '{shown(alias)}'",
        }
        answer = self._api.get(path, params, missing)
        found = self._api.same(path, self._api.part(path, answer, "model_version"), name=name)
        return same_for_all(found)

    def registered_model(self, name: str) -> Json:
        """Return a registered model with its aliases."""
        path = "registered-models/get"
        missing = self._no_registered_model(name)
        answer = self._api.get(
            path, {"name": checked_name(name)}, {ABSENT: missing, INVALID: missing}
        )
        found = self._api.same(path, self._api.part(path, answer, "registered_model"), name=name)
        return same_for_all(found)

    def versions_of_run(self, run_id: str) -> list[Json]:
        """Return the registered versions whose model the run logged."""
        path = "model-versions/search"
        params = {"filter": f"run_id='{checked_run_id(run_id)}'", "max_results": str(_PAGE)}
        found = self._api.records(path, self._api.get(path, params, {}), "model_versions")
        return [same_for_all(self._api.same(path, each, run_id=run_id)) for each in found]

    def _no_registered_model(self, name: str) -> str:
        return f"MLflow at {self._api.address} has no registered model '{shown(name)}'"
