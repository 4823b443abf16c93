"""What training code wrote in JSON and YAML breaks no check, whatever it is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.source.foreign import json_value, yaml_value
from tests.tracking.team import FILES, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MlflowServer

BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "deep": "[" * 900 + "]" * 900,
    "deeper than any reader": "[" * 100_000,
    "long number": "1" * 5000,
    "half": '{"a": ',
}
HOSTILE_YAML = {
    "an alias that holds itself": "flavors: &a {sklearn: *a}\n",
    "a list that holds itself": "flavors: {}\nx: &x [*x]\n",
    "aliases of aliases": f"flavors: {{}}\n{BOMB}",
    "a number of many hexadecimal digits": f"flavors: {{}}\nsize: 0x{'f' * 6000}\n",
    "900 levels": f"flavors: {{}}\nx: {'[' * 900}{']' * 900}\n",
    "brackets without end": f"flavors: {{}}\nx: {'[' * 100_000}\n",
}
POLICIES = """
metric: {name: val_accuracy}
baseline: [{best: {within: 90d}}]
policies:
  run-finished: on
  baseline-logged: on
  model-size-budget: {max_size: 25MB}
  dataset-identity: {contexts: [training]}
"""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_json_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"it |Exceeds|Expecting"):
        json_value(text)


@pytest.mark.parametrize("text", HOSTILE_YAML.values(), ids=HOSTILE_YAML)
def test_hostile_yaml_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"it |Exceeds|Expecting"):
        yaml_value(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_an_honest_file_holds_comes_back_whole(value: Any) -> None:
    assert json_value(json.dumps(value)) == value


@pytest.fixture
def team(mlflow_server: MlflowServer) -> Team:
    return Team.of(mlflow_server)


def with_dataset(team: Team, run: str, profile: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    data = Dataset(
        name="rows", digest="d1", source_type="code", source="{}", schema=profile, profile=profile
    )
    tags = [InputTag("mlflow.data.context", "training")]
    team.client.log_inputs(run, [DatasetInput(data, tags)])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_run_of_the_experiment_ends_nobody_elses_check(
    text: str, team: Team, tmp_path: Path
) -> None:
    experiment = team.experiment()
    with_dataset(team, team.run(experiment, begin=NOON_MS - 10_000_000), text)
    candidate = team.run(experiment)
    team.model(candidate)
    with_dataset(team, candidate, '{"num_rows": 3}')
    report = Gate.of(tmp_path, team.server.uri, p=POLICIES).check(runs=(candidate,))
    assert report.exit_code == 0


@pytest.mark.parametrize("text", HOSTILE_YAML.values(), ids=HOSTILE_YAML)
def test_a_hostile_mlmodel_file_is_an_error_of_its_own_run(
    text: str, team: Team, tmp_path: Path
) -> None:
    run = team.run(team.experiment())
    team.model(run, files={**FILES, "MLmodel": text.encode()})
    policies = "policies: {safe-serialization: on}\n"
    report = Gate.of(tmp_path, team.server.uri, p=policies).check(runs=(run,))
    (finding,) = report.subjects[0].findings
    assert (report.exit_code, finding.outcome.value) == (3, "error")
    assert "the MLmodel file cannot be read" in finding.message
