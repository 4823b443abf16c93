from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mlflow
import pytest

from policy_engine import training
from policy_engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cost")
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    # By its id, so that neither an earlier nor a later test finds another active experiment.
    yield mlflow.create_experiment("cost", artifact_location=str(folder / "artifacts"))
    mlflow.set_tracking_uri("")


def logged(experiment: str, **facts: Any) -> tuple[dict[str, float], dict[str, str]]:
    given: dict[str, Any] = {"total": 12.4, "currency": "USD"}
    with mlflow.start_run(experiment_id=experiment) as run:
        training.log_cost(**(given | facts))
    data = mlflow.get_run(run.info.run_id).data
    ours = {k: v for k, v in data.tags.items() if k.startswith(("cost.", "compute."))}
    return data.metrics, ours


def test_the_cost_and_its_currency_are_logged(experiment: str) -> None:
    assert logged(experiment) == ({"cost.total": 12.4}, {"cost.currency": "USD"})


def test_all_that_is_known_is_logged(experiment: str) -> None:
    metrics, tags = logged(
        experiment, total=0, serving_per_1k=0.002, instance="ml.g5.xlarge", gpus=4
    )
    assert metrics == {"cost.total": 0.0, "cost.serving_per_1k": 0.002}
    assert tags == {
        "cost.currency": "USD",
        "compute.instance": "ml.g5.xlarge",
        "compute.gpus": "4",
    }


def test_no_gpu_is_a_count_too(experiment: str) -> None:
    assert logged(experiment, gpus=0)[1]["compute.gpus"] == "0"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"total": -1}, "total is -1; it is an amount of at least 0"),
        ({"total": float("nan")}, "total is nan; it is an amount of at least 0"),
        ({"total": float("inf")}, "total is inf; it is an amount of at least 0"),
        ({"total": True}, "total is True; it is an amount of at least 0"),
        ({"total": "much"}, "total is 'much'; it is an amount of at least 0"),
        ({"serving_per_1k": -0.1}, "serving_per_1k is -0.1; it is an amount of at least 0"),
        ({"currency": "$"}, "currency is '$'; write its code, such as 'USD'"),
        ({"currency": "usd"}, "currency is 'usd'; write its code, such as 'USD'"),
        ({"currency": None}, "currency is None; write its code, such as 'USD'"),
        ({"instance": " "}, "instance is empty; name the machine, or leave it out"),
        ({"gpus": -1}, "gpus is -1; it is a whole number of at least 0"),
        ({"gpus": 1.5}, "gpus is 1.5; it is a whole number of at least 0"),
        ({"gpus": True}, "gpus is True; it is a whole number of at least 0"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_logged(
    experiment: str, facts: dict[str, Any], message: str
) -> None:
    given: dict[str, Any] = {"total": 12.4, "currency": "USD"} | facts
    with mlflow.start_run(experiment_id=experiment) as run, pytest.raises(UsageError) as caught:
        training.log_cost(**given)
    assert str(caught.value) == message
    assert mlflow.get_run(run.info.run_id).data.metrics == {}


def test_without_an_active_run_no_stray_one_is_begun(experiment: str) -> None:
    before = len(mlflow.search_runs([experiment], output_format="list"))
    with pytest.raises(UsageError) as caught:
        training.log_cost(1, "USD")
    message = "there is no active run to log into: with mlflow.start_run(): …"
    assert str(caught.value) == message
    assert len(mlflow.search_runs([experiment], output_format="list")) == before
