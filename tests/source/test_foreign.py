"""What training code wrote in JSON and YAML breaks no check, whatever it is."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from policy_engine.evidence.record import CandidateRecord, EvidenceRecord
from policy_engine.source.foreign import LONGEST_TEXT, json_value, yaml_value
from policy_engine.tracking.rest_api import _parsed
from policy_engine.tracking.translate import model_record, run_record
from tests.tracking.team import FILES, NOON_MS, Gate, Team

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import MlflowServer

BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)
HOSTILE = {
    "deep": "[" * 900 + "]" * 900,
    "deeper than any reader": "[" * 100_000,
    "long number": "1" * 5000,
    "half": '{"a": ',
    "a key twice": '{"num_rows": 3, "num_rows": 4}',
}
HOSTILE_YAML = {
    "an alias that holds itself": "flavors: &a {sklearn: *a}\n",
    "a list that holds itself": "flavors: {}\nx: &x [*x]\n",
    "aliases of aliases": f"flavors: {{}}\n{BOMB}",
    "a number of many hexadecimal digits": f"flavors: {{}}\nsize: 0x{'f' * 6000}\n",
    "900 levels": f"flavors: {{}}\nx: {'[' * 900}{']' * 900}\n",
    "merges of merges": f"flavors: {{}}\n{MERGED}",
    "a number of many sixties": f"flavors: {{}}\nsize: {'1:' * 100_000}1\n",
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
    with pytest.raises(ValueError, match=r"it |Exceeds|Expecting|twice"):
        json_value(text)


@pytest.mark.parametrize("text", HOSTILE_YAML.values(), ids=HOSTILE_YAML)
def test_hostile_yaml_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match=r"it |Exceeds|Expecting"):
        yaml_value(text)


@pytest.mark.parametrize("read", [json_value, yaml_value])
def test_a_text_longer_than_any_is_not_parsed(read: Callable[[str], Any]) -> None:
    with pytest.raises(ValueError, match=f"it is longer than {LONGEST_TEXT} characters"):
        read(f'"{"x" * LONGEST_TEXT}"')


@pytest.mark.parametrize("text", ["{a: &x {b: 1}, c: *x, d: {<<: *x}}", "&x [1, 2]", "&x 3"])
def test_honest_aliases_and_merges_are_read(text: str) -> None:
    assert yaml_value(text) == yaml.safe_load(text)


def test_a_long_text_of_digits_in_quotes_is_text() -> None:
    assert yaml_value(f"'{'1' * 5000}'") == "1" * 5000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**300), 10**300) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_what_an_honest_file_holds_comes_back_whole(value: Any) -> None:
    assert json_value(json.dumps(value)) == value


@given(JSON)
def test_what_an_honest_yaml_file_holds_comes_back_whole(value: Any) -> None:
    assert yaml_value(yaml.safe_dump(value)) == value


@given(st.text("&*<>: -[]{}'\"!,?|%@~\n\t0a1.e", max_size=200))
def test_any_yaml_is_a_value_that_comes_back_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        value = yaml_value(text)
        # As text: NaN equals nothing.
        assert repr(yaml_value(yaml.safe_dump(value))) == repr(value)


@given(st.text('{}[]:,"\\\\uNaIfity0a1.e-', max_size=200))
def test_any_json_is_a_value_that_comes_back_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        value = json_value(text)
        assert repr(json_value(json.dumps(value))) == repr(value)


BROKEN = st.text(st.characters(codec=None, categories=None)) | st.sampled_from(
    ["\ud800", "x\udfff", "\ud83d\ude00", "\ude00\ud83d"]
)


@given(name=BROKEN, value=BROKEN)
def test_a_lone_surrogate_means_the_same_live_and_saved(name: str, value: str) -> None:
    """Half of a pair is not text that a file could hold: it is U+FFFD from the first read on."""
    data = {"tags": [{"key": name, "value": value}], "params": [{"key": name, "value": value}]}
    run = {"info": {"run_id": "a1", "run_name": value}, "data": data}
    answer = _parsed(json.dumps(run).encode())
    live = EvidenceRecord(candidates=(CandidateRecord(run=run_record(answer, None)),))
    saved = EvidenceRecord.from_json(live.to_text())
    assert (saved, saved.digest) == (live, live.digest)


@given(BROKEN)
def test_what_training_code_wrote_has_no_lone_surrogate(text: str) -> None:
    key, (value,) = json_value(json.dumps({text: [text]})).popitem()
    assert not re.search("[\ud800-\udfff]", key + value)


def test_a_profile_of_two_pairs_keeps_its_letters() -> None:
    assert json_value(r'{"a": "\ud83d\ude00 \ud83d"}') == {"a": "\U0001f600 \ufffd"}


@pytest.mark.parametrize("digits", ["9" * 5000, "1", "00000000000000000002", "10"])
def test_a_version_of_any_number_of_digits_has_its_place(digits: str) -> None:
    listed = json.dumps([{"name": "fraud", "version": v} for v in (digits, "3", "none")])
    tags = [{"key": "mlflow.modelVersions", "value": listed}]
    record = model_record({"info": {"model_id": "m-1", "tags": tags}})
    places = [v.version for v in record.versions]
    later = len(digits.lstrip("0")) > 1
    assert places == (["none", "3", digits] if later else ["none", digits, "3"])


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
    assert "the MLmodel file cannot be read" in finding.whole
