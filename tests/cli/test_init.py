"""`init`: what it sees in a repository and on a real server, and that what it writes holds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from click.testing import CliRunner

from policy_engine.cli import cli, init
from policy_engine.cli.init.numbers import Pair, example_values, proposed_point, written
from policy_engine.cli.init.repository import candidate_paths
from policy_engine.cli.init.texts import ProposedFile, first_test, policy_file
from policy_engine.http.deadline import Deadline
from policy_engine.loading import load
from policy_engine.tracking.survey import Survey, survey
from tests.command import command
from tests.conftest import running_mlflow, trained_on
from tests.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MlflowServer, Trained

ROOT = Path(__file__).parents[2]
WORKFLOW = ".github/workflows/model-gate.yml"


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A server of this file's own: on the shared one, other tests' experiments are newer."""
    with running_mlflow(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="module")
def trained(mlflow_server: MlflowServer) -> Trained:
    return trained_on(mlflow_server)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "Fraud Models"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def put(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


# The repository


def test_folders_with_code_that_imports_mlflow_are_what_training_depends_on(root: Path) -> None:
    put(root, "fraud/train.py", "import os\nimport mlflow\n")
    put(root, "fraud/deep/tune.py", "from mlflow import MlflowClient\n")
    put(root, "churn/notebook.ipynb", '{"source": ["import mlflow\\n"]}')
    put(root, "serve/app.py", "import mlflow_extras\n# import mlflow is not done here\n")
    put(root, "tests/test_train.py", "import mlflow\n")
    put(root, ".venv/lib/x.py", "import mlflow\n")
    put(root, "{{cookiecutter.name}}/train.py", "import mlflow\n")
    put(root, "requirements.txt")
    assert candidate_paths(root) == ("churn/**", "fraud/**", "requirements.txt")


def test_a_script_at_the_root_stands_for_itself(root: Path) -> None:
    put(root, "train.py", "if True:\n    import mlflow\n")
    put(root, "uv.lock")
    assert candidate_paths(root) == ("train.py", "uv.lock")


def test_where_nothing_trains_no_path_is_proposed(root: Path) -> None:
    put(root, "requirements.txt")
    assert candidate_paths(root) == ()


# The server


def test_a_real_server_tells_metric_models_and_champion(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    found = survey(mlflow_server.uri, {"f" * 40}, Deadline(30))
    assert (found.experiment, found.is_ours) == ("fraud", False)
    assert (found.metric, found.goal) == ("val_accuracy", "maximize")
    assert found.why_metric == "the experiment's primary metric"
    assert found.registered == ("fraud",)
    assert found.champion == "fraud"
    assert set(found.models) > {"fraud-model", "first", "second"}
    assert found.model_name is None  # one run has several models, the others do not
    assert found.runs >= 2


def test_an_embedded_store_without_tags_tells_by_what_its_runs_log(tmp_path: Path) -> None:
    import mlflow
    from sklearn.dummy import DummyClassifier

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    place = str(tmp_path / "artifacts")
    other = client.create_experiment("another team's", artifact_location=place)
    mine = client.create_experiment("churn", artifact_location=place)
    head = "a" * 40
    for experiment, commit, metrics in (
        (other, "b" * 40, {"test_auc": 0.9}),
        (other, "b" * 40, {"test_auc": 0.8}),
        (mine, head, {"train_loss": 0.1, "val_loss": 0.2, "val_f1": 0.9, "rows": 10}),
    ):
        run = client.create_run(experiment, tags={"mlflow.source.git.commit": commit})
        model = DummyClassifier().fit([[0.0], [1.0]], [0, 1])
        for name, value in metrics.items():
            client.log_metric(run.info.run_id, name, value + model.score([[0.0]], [0]) * 0)
        client.set_terminated(run.info.run_id)
    found = survey(uri, {head}, Deadline(30))
    assert found == Survey(
        runs=1,
        experiment="churn",
        is_ours=True,
        metric="val_f1",
        goal="maximize",
        why_metric="in 1 of 1 runs",
        values=(0.9,),
        newest=run.info.run_id,
    )


def test_no_metric_of_the_rows_that_training_saw_is_proposed(tmp_path: Path) -> None:
    """Autologging writes seven of them, and none of evaluation rows."""
    import mlflow

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("churn", artifact_location=str(tmp_path / "artifacts"))
    run = client.create_run(experiment)
    for name in ("training_roc_auc", "training_accuracy_score", "training_score"):
        client.log_metric(run.info.run_id, name, 1.0)
    client.set_terminated(run.info.run_id)
    found = survey(uri, set(), Deadline(30))
    assert (found.metric, found.values) == (None, ())
    assert found.of_training == ("training_accuracy_score", "training_roc_auc", "training_score")
    client.log_metric(run.info.run_id, "RandomForestClassifier_score_X_test", 0.9)
    found = survey(uri, set(), Deadline(30))
    assert (found.metric, found.values) == ("RandomForestClassifier_score_X_test", (0.9,))


def test_where_the_runs_log_no_metric_of_evaluation_rows_the_next_step_is_to_log_one(
    root: Path,
) -> None:
    found = Survey(runs=1, of_training=("training_r2_score", "training_score"), newest="a" * 32)
    seen = init.Seen(found, None, ())
    proposal = init.propose(root, seen)
    assert list(init.conclusion(seen, proposal, None, 1.0)) == [
        (
            "next     log a metric of evaluation rows in the training's run: "
            'mlflow.log_metric("val_r2", model.score(X_test, y_test))'
        ),
        (
            "         call fit and this within `with mlflow.start_run():`, or autologging ends the "
            "run with fit;"
        ),
        "         and say `metric: {name: val_r2, goal: maximize}` in the policy file;",
        "         then train, and `policy-engine check`",
    ]
    assert (
        "# The metric that counts: of rows that training did not see. The runs log none yet;\n"
        "# training_r2_score, training_score are of the rows that training saw.\n"
        "# Log one in the training, in the same run, and name it here:\n"
        '#   mlflow.log_metric("val_r2", model.score(X_test, y_test))\n'
        "# metric: {name: val_r2, goal: maximize}\n"
    ) in policy_file(proposal)


def test_where_most_runs_log_several_models_one_of_them_is_proposed(tmp_path: Path) -> None:
    import mlflow

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.create_experiment("churn", artifact_location=str(tmp_path / "artifacts"))
    for names in (("explainer", "model"), ("model", "scaler")):
        run = client.create_run(experiment)
        for name in names:
            model = client.create_logged_model(experiment, name, run.info.run_id)
            client.finalize_logged_model(model.model_id, "READY")
        client.set_terminated(run.info.run_id)
    found = survey(uri, set(), Deadline(30))
    assert (found.models[0], found.model_name) == ("model", "model")


# What is written


PROPOSAL = ProposedFile(
    name="fraud",
    metric="val_f1",
    goal="maximize",
    alias="champion",
    paths=("fraud/**", "requirements.txt"),
    experiment="fraud",
    models=("fraud", "model"),
    model_name=None,
)


def variant(**facts: object) -> ProposedFile:
    from dataclasses import replace

    return replace(PROPOSAL, **facts)  # type: ignore[arg-type]  # checked by the texts


@pytest.mark.parametrize(
    "proposal",
    [
        PROPOSAL,
        variant(metric=None, goal=None, alias=None, paths=(), experiment=None, models=()),
        variant(metric="profit: net", goal="maximize", model_name="on", paths=("a b/**",)),
        variant(metric="val_loss", goal="minimize", model_name="model", paths=()),
        variant(metric="cost", goal="minimize"),
    ],
    ids=["all", "nothing", "odd names", "a loss", "unknown metric"],
)
def test_what_is_written_is_valid_at_once_and_its_test_passes(
    root: Path, proposal: ProposedFile
) -> None:
    init.write_proposal(proposal, root)
    (file,) = load(("policies",), root).policies.files
    assert (file.metric.name if file.metric else None) == proposal.metric
    assert file.candidate.paths == proposal.paths
    assert file.candidate.model_name == proposal.model_name
    rules = [{"alias": "champion"}] if proposal.alias else []
    assert file.baseline == (*rules, {"commit": "merge-base"})
    told = command("test")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("3 cases: all as expected\n")


def test_the_commented_suggestions_are_valid_too(root: Path) -> None:
    text = policy_file(PROPOSAL)
    for suggestion in ("applies_to", "model-size-budget", "metric-threshold", "cost-per-point"):
        assert text.count(f"# {suggestion}: ") == 1
        text = text.replace(f"# {suggestion}: ", f"{suggestion}: ")
    text = text.replace("# first_run: true", "first_run: true")
    put(root, "policies/fraud.yaml", text)
    (file,) = load(("policies",), root).policies.files
    assert file.first_run
    assert file.applies_to is not None
    assert file.applies_to.model == "fraud"


def test_the_commented_alias_is_valid_where_it_stands(root: Path) -> None:
    """It stood above `baseline:` once, and broke the file when the `#` went."""
    text = policy_file(variant(alias=None))
    put(root, "policies/fraud.yaml", text.replace("# - alias: NAME@", "- alias: fraud@"))
    (file,) = load(("policies",), root).policies.files
    assert file.baseline == ({"alias": "fraud@champion"}, {"commit": "merge-base"})


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (Survey(registered=("fraud",), champion="fraud", registers=True), "alias: champion"),
        (Survey(registered=("fraud",), champion="fraud"), "alias: fraud@champion"),
        (Survey(registered=("fraud", "old")), "alias: fraud@champion"),
    ],
    ids=["each training registers", "the champion alone is registered", "no alias yet"],
)
def test_the_alias_is_written_as_it_must_stand(root: Path, found: Survey, line: str) -> None:
    text = policy_file(init.propose(root, init.Seen(found, None, ())))
    assert f"baseline:\n  - {line} # the version in use\n" in text


def test_a_metric_without_a_known_point_gets_one_and_a_limit_on_its_own_side(root: Path) -> None:
    found = Survey(metric="val_rmse", goal="minimize", values=(60.5, 60.3, 64.0))
    proposal = init.propose(root, init.Seen(found, None, ()))
    text = policy_file(proposal)
    assert (
        "# A point is the least difference that you would talk about; it was taken as\n"
        "# 1 % of the newest run's 60.5. Some policies count in points: decide what it is.\n"
        "metric: {name: val_rmse, goal: minimize, point: 0.6}\n"
    ) in text
    assert "# metric-threshold: {metric: val_rmse, max: 61.7, level: mandatory}\n" in text
    (case, *_) = yaml.safe_load(first_test(proposal))["cases"]
    assert case["evidence"]["candidate"]["metrics"] == {"val_rmse": 60.5}
    assert case["evidence"]["baseline"]["metrics"] == {"val_rmse": 61.7}


@pytest.mark.parametrize(
    ("metric", "values", "point"),
    [
        ("val_rmse", (60.5, 60.3, 64.0, 61.0, 60.0), ("0.4", "a tenth of the spread of 5 runs")),
        ("val_rmse", (60.5, 60.3, 94.0, 61.0, 60.0), ("0.6", "1 % of the newest run's 60.5")),
        ("val_rmse", (60.5,) * 5, ("0.6", "1 % of the newest run's 60.5")),
        ("profit", (-0.000123,), ("0.000001", "1 % of the newest run's -0.000123")),
        ("profit", (250000.0,), ("2000", "1 % of the newest run's 250000")),
        ("val_f1", (0.9, 0.8, 0.7), None),
        ("val_rmse", (0.0,), None),
        ("val_rmse", (), None),
    ],
)
def test_a_point_is_a_tenth_of_the_spread_or_1_percent(
    metric: str, values: tuple[float, ...], point: tuple[str, str] | None
) -> None:
    found = proposed_point(metric, values)
    assert (found and (written(found.value), found.why)) == point


def test_numbers_of_a_test_stay_where_the_metric_can_be() -> None:
    assert example_values("val_f1", None, (0.015,)) == Pair("0.015", "0")
    assert example_values("error_rate", None, (0.99,)) == Pair("0.99", "1")
    assert example_values("val_r2", None, (0.005,)) == Pair("0.005", "-0.015")


def test_the_workflow_is_the_one_that_the_docs_tell_to_copy(root: Path) -> None:
    init.write_proposal(PROPOSAL, root)
    example = (ROOT / ".github/examples/pull-request.yml").read_text("utf-8")
    assert (root / WORKFLOW).read_text("utf-8") == example


def test_the_workflow_is_of_the_repository_s_own_default_branch(root: Path) -> None:
    """One for `main` would never run where the branch has another name."""
    repository = Repository.new(root)
    repository.git("checkout", "--quiet", "-b", "master")
    repository.commit("README.md")
    init.write_proposal(PROPOSAL, root)
    events = yaml.safe_load((root / WORKFLOW).read_text("utf-8"))[True]
    assert events["pull_request"]["branches"] == ["master"]


def test_nothing_is_overwritten(root: Path) -> None:
    put(root, "policies/tests/fraud.yaml", "mine")
    put(root, WORKFLOW, "mine")
    assert [(w.path, w.kept) for w in init.write_proposal(PROPOSAL, root)] == [
        ("policies/fraud.yaml", None),
        ("policies/tests/fraud.yaml", "it exists already"),
        (WORKFLOW, "it exists already"),
    ]
    assert (root / WORKFLOW).read_text() == "mine"


def test_a_second_policy_file_for_the_same_runs_is_not_written(root: Path) -> None:
    put(root, "policies/ours.yaml", "version: 1\npolicies: {run-finished: on}\n")
    first, second = init.write_proposal(PROPOSAL, root)
    assert (first.path, first.kept) == ("policies/fraud.yaml", "policies/ has ours.yaml already")
    assert (second.path, second.kept) == (WORKFLOW, None)
    assert not (root / "policies/fraud.yaml").exists()


# The command


def test_for_scripts_it_writes_what_it_proposes(
    root: Path, mlflow_server: MlflowServer, trained: Trained
) -> None:
    put(root, "training/train.py", "import mlflow\n")
    told = command("init", "--yes", "--tracking-uri", mlflow_server.uri)
    assert told.code == 0, told.err
    newest = survey(mlflow_server.uri, (), Deadline(30)).newest or ""
    assert told.out == (
        "wrote    policies/fraud.yaml\n"
        "wrote    policies/tests/fraud.yaml\n"
        f"wrote    {WORKFLOW}\n"
        "valid    policies/fraud.yaml, 26 policies\n"
        f"checked  the newest run, {newest[:8]}: May not merge: the candidate run has no logged "
        "model that is READY; val_accuracy lost more than 3.00 pt, which fails untested\n"
        "to do    log it: mlflow.<flavor>.log_model(model, name=…), and see that it ends READY\n"
        f"next     read the policy file; `policy-engine check --run {newest}` shows the whole "
        "report\n"
    )
    assert "metric:   val_accuracy (the experiment's primary metric)\n" in told.err
    assert "baseline: alias champion of fraud, else the merge base\n" in told.err
    assert "training: training/**\n" in told.err
    assert command("validate").code == 0
    assert command("test").code == 0
    judged = command("check", "--run", trained.candidate, "--tracking-uri", mlflow_server.uri)
    assert judged.code in {0, 1}  # decided: the rules found a baseline, the metric was there
    assert "no metric" not in judged.out
    assert "found by alias: fraud@champion" in " ".join(judged.out.split())  # its name is random


def test_without_a_server_it_still_writes_a_valid_gate(root: Path) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    told = command("init", "--yes")
    assert told.code == 0
    assert told.out.startswith("wrote    policies/fraud-models.yaml\n")
    assert "tracking: not asked or not readable" in told.err


def test_a_server_that_does_not_answer_is_said_and_stops_nothing(root: Path) -> None:
    told = command("init", "--yes", "--tracking-uri", "http://127.0.0.1:9", "--timeout", "5s")
    assert told.code == 0
    assert "127.0.0.1:9" in told.err
    assert load(("policies",), root).policies.files


def test_a_store_that_does_not_exist_is_a_mistake(root: Path) -> None:
    told = command("init", "--yes", "--tracking-uri", "sqlite:///nowhere.db")
    assert told.code == 2
    assert not (root / "policies").exists()


def test_without_a_terminal_it_asks_nobody_and_writes_nothing(root: Path) -> None:
    done = CliRunner().invoke(cli, ["init"], standalone_mode=True)
    assert done.exit_code == 2
    assert "there is nobody to ask here: say --yes to write what is proposed" in done.output
    assert not (root / "policies").exists()


def test_on_a_terminal_each_proposal_can_be_answered(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(root, "train.py", "import mlflow\n")
    answers = iter(["Churn", "profit", "maximize", "250", "prod", "churn/** data/**"])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert command("init").code == 0
    text = yaml.safe_load((root / "policies/churn.yaml").read_text())
    assert text["metric"] == {"name": "profit", "goal": "maximize", "point": 250}
    assert text["baseline"] == [{"alias": "prod"}, {"commit": "merge-base"}]
    assert text["candidate"] == {"paths": ["churn/**", "data/**"]}
    assert command("test").code == 0


def test_a_point_that_is_no_number_is_a_mistake(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["x", "val_rmse", "some"])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    told = command("init")
    assert told.code == 2
    assert "one point must be a number above 0, not 'some'" in told.err
    assert not (root / "policies").exists()


def test_a_dash_is_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["x", "-", "-", "-"])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert command("init").code == 0
    text = yaml.safe_load((root / "policies/x.yaml").read_text())
    assert {"metric", "candidate"}.isdisjoint(text)
    assert text["baseline"] == [{"commit": "merge-base"}]


def test_with_the_metric_that_init_asks_for_its_first_test_still_passes(root: Path) -> None:
    asked = variant(metric=None, goal=None, of_training=("training_accuracy_score",))
    init.write_proposal(asked, root)
    (path,) = (root / "policies").glob("*.yaml")
    path.write_text(path.read_text().replace("# metric: {", "metric: {"))
    told = command("test")
    assert (told.code, told.err) == (0, "")
    assert told.out.endswith("3 cases: all as expected\n")


def test_a_test_of_a_loss_expects_the_smaller_value_to_be_better() -> None:
    cases = yaml.safe_load(first_test(variant(metric="val_loss", goal="minimize")))["cases"]
    evidence = cases[0]["evidence"]
    assert (
        evidence["candidate"]["metrics"]["val_loss"] < evidence["baseline"]["metrics"]["val_loss"]
    )
