"""A backtest tells the truth of stores that are planted to mislead it."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale_store import make_store
from policy_engine.check import Options, check
from policy_engine.history.replay import NOT_REPLAYED
from tests.command import command
from tests.history.faulty import faulty
from tests.history.past_runs import EXPERIMENT, Ran, blank_store, write_store
from tests.mlflow_server import How, served

ASK = ("backtest", "--experiment", EXPERIMENT, "--policies", "p.yaml")
BEST = "baseline:\n  - best: {within: 90d}\n"
GAIN = "policies:\n  metric-threshold: {metric: val_f1, goal: maximize, min_absolute_change: 0}\n"


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without runs: MLflow takes some seconds to make its tables."""
    return blank_store(tmp_path_factory.mktemp("blank"))


@pytest.fixture
def here(tmp_path: Path, blank: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(blank, tmp_path / blank.name)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def policies(here: Path, body: str, name: str = "p.yaml") -> None:
    (here / name).write_text(f"version: 1\nmetric: {{name: val_f1}}\n{body}", "utf-8")


def looked(address: str, *more: str, code: int = 0) -> dict[str, Any]:
    """Return what a backtest says, as JSON."""
    told = command(
        *(*ASK, "--tracking-uri", address, "--format", "json", *more),
    )
    assert told.code == code, told
    said: dict[str, Any] = json.loads(told.out)
    return said


def outcomes(said: dict[str, Any], id_: str, side: int = 0) -> dict[str, int]:
    """Return how often a policy came to each outcome that it came to."""
    (found,) = (p for p in said["sides"][side]["by_policy"] if p["id"] == id_)
    return {outcome: count for outcome, count in found["outcomes"].items() if count}


def test_a_better_run_of_the_future_is_no_baseline(here: Path) -> None:
    """Each run is a little better than all before it: against the past, all gain; today, one."""
    address, ids = write_store(here, [Ran(0.80 + n / 100, at=n) for n in range(6)])
    policies(here, BEST + GAIN)
    assert outcomes(looked(address), "metric-threshold") == {"missing": 1, "pass": 5}
    for found in check(
        Options(
            runs=(ids[0],), baseline=ids[5], policies=("p.yaml",), tracking_uri=address, root=here
        )
    ).subjects:
        assert [finding.outcome.value for finding in found.findings] == ["fail"]


def test_a_run_that_had_not_ended_is_no_baseline_though_it_had_begun(here: Path) -> None:
    runs = [Ran(0.80, at=0), Ran(0.95, at=1, until=9), Ran(0.81, at=2), Ran(0.82, at=10)]
    address, _ = write_store(here, runs)
    policies(here, BEST + GAIN)
    assert outcomes(looked(address), "metric-threshold") == {"missing": 1, "pass": 2, "fail": 1}


def test_a_run_that_a_rule_names_is_no_baseline_of_those_before_it(here: Path) -> None:
    address, ids = write_store(here, [Ran(0.80, at=0), Ran(0.70, at=1), Ran(0.81, at=2)])
    policies(here, f"baseline:\n  - run: {ids[1]}\n{GAIN}")
    said = looked(address)
    assert outcomes(said, "metric-threshold") == {"missing": 2, "pass": 1}
    (policy,) = said["sides"][0]["by_policy"]
    told = f"no baseline (run: {ids[1]}: run {ids[1][:8]}"
    assert [run["why"] for run in policy["runs"]] == [
        f"{told} ended after the candidate: it is of its future)",
        f"{told} is the candidate itself)",
    ]


def test_a_lucky_baseline_shows_as_false_alarms(here: Path) -> None:
    """Sixty runs of one recipe, which differ by chance: the best of them is beaten by few."""
    noise = random.Random(19)  # noqa: S311 (no secret)
    recipe = {"commit": "c" * 40, "params": {"depth": "3"}}
    runs = [
        Ran(0.80 + noise.gauss(0, 0.01), at=n, **recipe)  # type: ignore[arg-type]
        for n in range(60)
    ]
    address, _ = write_store(here, runs)
    policies(here, f"{BEST}{GAIN}  baseline-logged: on\n")
    said = looked(address)
    alarms = {p["id"]: p["false_alarms"] for p in said["sides"][0]["by_policy"]}
    assert outcomes(said, "metric-threshold")["fail"] > 50
    assert alarms["metric-threshold"]["failed"] > 0.85 * alarms["metric-threshold"]["repeats"] > 40
    assert alarms["baseline-logged"]["failed"] == 0


def test_what_failed_after_it_had_passed_with_the_same_recipe_is_a_false_alarm(here: Path) -> None:
    recipe = {"commit": "c" * 40, "params": {"depth": "3"}}
    other = [{"commit": "d" * 40}, {"data": "d2"}, {"params": {"depth": "4"}}]
    values = [(0.81, recipe), (0.79, recipe | {"params": {"depth": "3", "seed": "7"}})]
    values += [(0.82, recipe), *((0.70, recipe | each) for each in other)]  # type: ignore[operator]
    runs = [Ran(f1, at=n, **facts) for n, (f1, facts) in enumerate(values)]  # type: ignore[arg-type]
    address, _ = write_store(here, runs)
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.80}\n")
    (policy,) = looked(address)["sides"][0]["by_policy"]
    assert policy["false_alarms"]["repeats"] == 2
    assert policy["false_alarms"]["failed"] == 1
    assert policy["outcomes"]["fail"] == 4


def test_a_run_that_was_tagged_since_is_no_baseline_of_a_day_when_nobody_knows_its_tags(
    here: Path,
) -> None:
    """MLflow keeps no time with a tag: who had `baseline.kind` that day, nobody can say."""
    runs = [Ran(0.70, at=0, tags={"baseline.kind": "existing"}), Ran(0.80, at=1), Ran(0.75, at=2)]
    address, _ = write_store(here, runs)
    policies(
        here, f"baseline:\n  - tag: {{baseline.kind: existing}}\n  - best: {{within: 90d}}\n{GAIN}"
    )
    said = looked(address)
    assert outcomes(said, "metric-threshold") == {NOT_REPLAYED: 3}
    (policy,) = said["sides"][0]["by_policy"]
    assert policy["not_replayed"] == {"tags have no history (tag: baseline.kind=existing)": 3}
    assert policy["blocked"] == 0
    passed = looked(address, "--pass-over")
    assert outcomes(passed, "metric-threshold") == {"missing": 1, "pass": 1, "fail": 1}


@pytest.mark.parametrize(
    ("rule", "why"),
    [("alias: champion", "aliases have no history"), ("commit: merge-base", "the merge base of")],
)
def test_what_has_no_history_is_an_outcome_of_its_own(here: Path, rule: str, why: str) -> None:
    address, _ = write_store(here, [Ran(0.80, at=0), Ran(0.81, at=1)])
    policies(here, f"baseline:\n  - {rule}\n{GAIN}  baseline-logged: on\n  clean-tree: on\n")
    said = looked(address)
    assert outcomes(said, "metric-threshold") == {NOT_REPLAYED: 2}
    assert outcomes(said, "baseline-logged") == {NOT_REPLAYED: 2}
    assert outcomes(said, "clean-tree") == {"missing": 2}
    assert all(
        reason.startswith(why)
        for policy in said["sides"][0]["by_policy"]
        for reason in policy["not_replayed"]
    )
    told = command(*ASK, "--tracking-uri", address)
    assert (
        "For a baseline of then, put `- best: {within: 90d}` behind such a rule, and look back "
        "with --pass-over: it tries the next rule."
    ) in " ".join(told.out.split())


def test_a_profile_and_a_required_pack_are_laid_over_both_sides(here: Path) -> None:
    address, _ = write_store(here, [Ran(0.80, at=0), Ran(0.90, at=1)])
    body = "policies:\n  metric-threshold: {metric: val_f1, min: 0.7}\n"
    strict = "profiles:\n  release:\n    metric-threshold: {min: 0.85}\n"
    policies(here, body + strict)
    policies(here, body + strict, "q.yaml")
    asked = ("--against", "q.yaml", "--profile", "release")
    for side in 0, 1:
        assert outcomes(looked(address), "metric-threshold") == {"pass": 2}
        assert outcomes(looked(address, *asked), "metric-threshold", side) == {"pass": 1, "fail": 1}
    required = looked(address, "--require", "recommended")
    bound = {policy["id"] for policy in required["sides"][0]["by_policy"]}
    assert {"metric-threshold", "run-finished"} <= bound
    told = command(*ASK, "--tracking-uri", address, "--profile", "none-such")
    assert told.code == 2
    assert "none-such" in told.err


def test_files_and_rows_that_are_not_read_are_not_taken_for_missing(here: Path) -> None:
    address, _ = write_store(here, [Ran(0.80, at=0)])
    policies(here, "policies:\n  model-size-budget: {max_size: 1MB}\n  metric-recomputed: on\n")
    said = looked(address)
    assert outcomes(said, "model-size-budget") == {NOT_REPLAYED: 1}
    assert outcomes(said, "metric-recomputed") == {NOT_REPLAYED: 1}
    full = looked(address, "--full")
    assert outcomes(full, "model-size-budget") == {"missing": 1}
    assert outcomes(full, "metric-recomputed") == {"missing": 1}


def test_runs_that_are_no_candidates_are_left_out_and_counted(here: Path) -> None:
    runs = [
        Ran(0.8, at=0),
        Ran(0.8, at=1, status="FAILED"),
        Ran(0.8, at=2, status="RUNNING"),
        Ran(0.8, at=3, tags={"mlflow.parentRunId": "a" * 32}),
        Ran(0.8, at=4, until=3),
    ]
    address, _ = write_store(here, runs)
    policies(here, "policies:\n  run-finished: on\n  metric-threshold: {metric: val_f1, min: 0}\n")
    said = looked(address)
    assert said["experiments"] == {EXPERIMENT: 1}
    assert said["left_out"] == {
        "FAILED, not FINISHED": 1,
        "RUNNING, not FINISHED": 1,
        "child of a search": 1,
        "ends before it begins": 1,
    }


def test_the_limits_that_would_have_blocked_so_many_are_told(here: Path) -> None:
    """Values 0.01 to 1.00: with the least 5 of 100 below it, the limit is the sixth."""
    order = list(range(1, 101))
    random.Random(1).shuffle(order)  # noqa: S311 (no secret)
    address, _ = write_store(here, [Ran(n / 100, at=i) for i, n in enumerate(order)])
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.2, max: 0.97}\n")
    (policy,) = looked(address)["sides"][0]["by_policy"]
    least, most = policy["limits"]
    assert least["distribution"]["blocking"] == {"1%": 0.02, "5%": 0.06, "10%": 0.11}
    assert most["distribution"]["blocking"] == {"1%": 0.99, "5%": 0.95, "10%": 0.90}
    assert (least["limit"], least["beyond"], least["runs"]) == (0.2, 19, 100)
    assert (most["limit"], most["beyond"], most["runs"]) == (0.97, 3, 100)
    assert sum(least["distribution"]["bins"]) == 100


def test_two_rule_sets_side_by_side_name_what_would_newly_be_blocked(here: Path) -> None:
    address, ids = write_store(here, [Ran(0.80, at=0), Ran(0.85, at=1), Ran(0.90, at=2)])
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.88}\n")
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.82}\n", "old.yaml")
    said = looked(address, "--against", "old.yaml")
    assert [side["blocked"] for side in said["sides"]] == [2, 1]
    assert said["newly_blocked"]["count"] == 1
    (newly,) = said["newly_blocked"]["runs"]
    assert (newly["run_id"], newly["by"]) == (ids[1], ["metric-threshold"])


def test_the_same_files_of_a_commit_are_a_side_too(here: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],
            check=True,
            capture_output=True,
            cwd=here,
        )

    address, _ = write_store(here, [Ran(0.80, at=0), Ran(0.85, at=1)])
    git("init", "-b", "main")
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.5}\n")
    git("add", "p.yaml")
    git("commit", "-m", "policies")
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.82}\n")
    said = looked(address, "--against", "main")
    assert [side["blocked"] for side in said["sides"]] == [1, 0]
    told = command(
        *("backtest", "--experiment", EXPERIMENT, "--policies", "p.yaml"),
        *("--tracking-uri", address, "--against", "nowhere"),
    )
    assert told.code == 2
    assert (
        told.err
        == "policy-engine: --against nowhere: no such path here, and no such commit in git\n"
    )


def test_the_text_says_it_all_on_one_screen(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    address, ids = write_store(here, [Ran(0.80, at=0), Ran(0.85, at=1), Ran(0.90, at=2)])
    policies(
        here, f"{BEST}{GAIN}  latest: {{policy: metric-threshold, metric: val_f1, min: 0.84}}\n"
    )
    told = command(
        *("backtest", "--experiment", EXPERIMENT, "--policies", "p.yaml", "--tracking-uri", address)
    )
    assert (told.code, told.err) == (0, "")
    golden = (Path(__file__).parent / "golden" / "backtest.txt").read_text("utf-8")
    assert told.out == golden.replace("RUN_ID_8", ids[0][:8])


@pytest.mark.parametrize("form", ["markdown", "html", "text", "json"])
def test_text_that_others_wrote_is_harmless_in_every_format(here: Path, form: str) -> None:
    hostile = "<script>alert(1)</script> @everyone | ::error::x"
    address, _ = write_store(here, [Ran(0.5, at=0, name=hostile)])
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.8}\n")
    told = command(
        *("backtest", "--experiment", EXPERIMENT, "--policies", "p.yaml"),
        *("--tracking-uri", address, "--format", form),
    )
    assert told.code == 0
    if form == "html":
        assert "<script>" not in told.out
        assert "&lt;script&gt;" in told.out
    elif form == "markdown":
        assert "`<script>alert(1)</script> @everyone \\| ::error::x" in told.out
    elif form == "text":
        assert "::error::" not in told.out
    else:
        assert json.loads(told.out)["newly_blocked"]["runs"][0]["name"] == hostile


def test_mistakes_are_told_in_a_sentence(here: Path) -> None:
    address, _ = write_store(here, [Ran(0.5, at=0, status="FAILED")])
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.8}\n")
    ask = ("backtest", "--policies", "p.yaml", "--tracking-uri", address)
    told = command(*ask, "--experiment", "fruad")
    assert told.code == 2
    assert "has no experiment named 'fruad'" in told.err
    told = command(*ask, "--experiment", "x*")
    assert (told.code, told.err) == (2, "policy-engine: no experiment's name matches 'x*'\n")
    told = command(*ask, "--experiment", EXPERIMENT, "--since", "soon")
    assert told.code == 2
    told = command(*ask, "--experiment", EXPERIMENT)
    assert told.code == 4
    assert "no past run was judged." in told.out


# On the benchmarks' store, whose runs are as teams leave them.


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> str:
    return make_store(tmp_path_factory.mktemp("scale"), runs=600, registered=4)


RECOMMENDED = f"extends: [recommended]\nprices: {{default: 2 USD/h}}\n{BEST}"


def many(address: str, *more: str, code: int = 0) -> dict[str, Any]:
    told = command(
        *("backtest", "--experiment", "team-*", "--policies", "p.yaml"),
        *("--tracking-uri", address, "--format", "json", *more),
    )
    assert told.code == code, told
    said: dict[str, Any] = json.loads(told.out)
    return said


@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True])
def test_it_judges_the_newest_run_as_a_check_does(here: Path, scale: str, *, full: bool) -> None:
    """For the newest run nothing is of the future: a check of today is what a backtest replays."""
    from mlflow import MlflowClient

    client: Any = MlflowClient(scale)
    policies(here, RECOMMENDED)
    compared = 0
    for number in range(1, 4):
        name = f"team-{number:02d}/training"
        id_ = client.get_experiment_by_name(name).experiment_id
        runs = client.search_runs([id_], "attributes.status = 'FINISHED'")
        roots = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        newest = max(roots, key=lambda run: run.info.end_time)
        judged = check(
            Options(runs=(newest.info.run_id,), policies=("p.yaml",), tracking_uri=scale, root=here)
        )
        progress = here / f"{number}.{full}.jsonl"
        command(
            *("backtest", "--experiment", name, "--policies", "p.yaml", "--tracking-uri", scale),
            *("--resume", str(progress), *(["--full"] if full else [])),
        )
        lines = [json.loads(line) for line in progress.read_text("utf-8").splitlines()[1:]]
        (line,) = (each for each in lines if each["run"]["run_id"] == newest.info.run_id)
        replayed = {id_: outcome for _, id_, outcome, *_ in line["sides"][0]}
        for finding in judged.subjects[0].findings:
            alone = [f for f in judged.subjects[0].findings if f.id == finding.id]
            if replayed[finding.id] != NOT_REPLAYED and len(alone) == 1:
                assert (finding.id, finding.outcome.value) == (finding.id, replayed[finding.id])
                compared += 1
    assert compared >= (50 if full else 15)


@pytest.mark.slow
def test_a_backtest_that_was_killed_goes_on_and_says_the_same(here: Path, scale: str) -> None:
    policies(here, RECOMMENDED)
    whole = many(scale)
    progress = here / "progress.jsonl"
    arguments = [
        *(sys.executable, "-m", "policy_engine", "backtest", "--experiment", "team-*"),
        *("--policies", "p.yaml", "--tracking-uri", scale, "--resume", str(progress)),
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not progress.exists() or progress.read_bytes().count(b"\n") < 50:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with progress.open("ab") as file:
        file.write(b'{"run": {"run_id"')  # as a disk that was full leaves it
    assert 50 <= progress.read_bytes().count(b"\n") < sum(whole["experiments"].values())
    assert many(scale, "--resume", str(progress)) == whole
    assert many(scale, "--resume", str(progress)) == whole


@pytest.mark.slow
def test_an_interrupted_backtest_says_what_was_done(here: Path, scale: str) -> None:
    policies(here, RECOMMENDED)
    progress = here / "progress.jsonl"
    arguments = [
        *(sys.executable, "-m", "policy_engine", "backtest", "--experiment", "team-*"),
        *("--policies", "p.yaml", "--tracking-uri", scale, "--resume", str(progress)),
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not progress.exists() or progress.read_bytes().count(b"\n") < 50:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert "Not all runs were judged: interrupted." in out
    assert "would have blocked" in out


def test_a_file_of_another_question_is_not_resumed(here: Path) -> None:
    address, _ = write_store(here, [Ran(0.5, at=0)])
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.8}\n")
    looked(address, "--resume", "progress.jsonl")
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.7}\n")
    ask = (
        *("backtest", "--experiment", EXPERIMENT, "--policies", "p.yaml"),
        *("--tracking-uri", address, "--resume"),
    )
    told = command(*ask, "progress.jsonl")
    assert (told.code, told.err) == (
        2,
        "policy-engine: --resume progress.jsonl: it was written with other policies; name a new "  # noqa: ISC004
        "file, or ask the same again\n",
    )
    told = command(*ask, "p.yaml")
    assert (told.code, told.err) == (
        2,
        "policy-engine: --resume p.yaml: not a file that a backtest wrote; name a new one\n",
    )


def test_a_limit_ends_early_and_says_so(here: Path) -> None:
    address, _ = write_store(here, [Ran(0.5, at=n) for n in range(4)])
    policies(here, "policies:\n  metric-threshold: {metric: val_f1, min: 0.8}\n")
    said = looked(address, "--limit", "2")
    assert said["ended"] == "--limit 2 was reached"
    assert said["sides"][0]["runs"] == 2


@pytest.mark.slow
def test_a_server_that_fails_now_and_then_gets_the_same_report(
    here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("served")
    database = make_store(root, runs=600, registered=0)
    policies(here, RECOMMENDED)
    whole = many(database)
    with served(root, How(database=database)) as server, faulty(server.uri, every=10) as relay:
        assert many(relay.uri) == whole
        assert relay.dropped >= 1
        assert relay.refused >= 1
