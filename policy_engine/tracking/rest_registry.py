"""The registered models of an MLflow server, which need not be the one that keeps the runs."""

from policy_engine.http.showing import shown
from policy_engine.tracking.rest_api import ABSENT, INVALID, Api
from policy_engine.tracking.store import Json, checked_name, checked_version, of_runs, same_for_all

_PAGE = 1000  # versions in one answer
_MODELS_PAGE = 500  # registered models in one answer


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

    def registered_models(self) -> list[Json]:
        """Return all registered models with their aliases."""
        path = "registered-models/search"
        params = {"max_results": str(_MODELS_PAGE)}
        found = self._api.all_by_get(path, "registered_models", params, {})
        if not all(isinstance(each.get("name"), str) for each in found):
            raise self._api.wrong_shape(path, "a registered model without a name")
        return [same_for_all(each) for each in found]

    def versions_of_runs(self, run_ids: tuple[str, ...]) -> list[Json]:
        """Return the registered versions of the models of some runs, at most a thousand."""
        path = "model-versions/search"
        params = {"filter": of_runs(run_ids), "max_results": str(_PAGE)}
        found = list(self._api.records(path, self._api.get(path, params, {}), "model_versions"))
        if any(each.get("run_id") not in run_ids for each in found):
            raise self._api.wrong_shape(path, "its 'run_id' is not the one asked for")
        return [same_for_all(each) for each in found]

    def _no_registered_model(self, name: str) -> str:
        return f"MLflow at {self._api.address} has no registered model '{shown(name)}'"
