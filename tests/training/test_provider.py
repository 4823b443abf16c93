"""The tags that a run carries: on real MLflow runs, and for every place that code may run in."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from policy_engine.training import RunContextProvider
from policy_engine.training.provider import GIT_BUDGET_S
from tests.repository import Repository

ROOT = Path(__file__).parents[2]
RUN_URL = "https://github.com/acme/fraud/actions/runs/4711"
WARNING = "policy-engine cannot say all of what was trained here: "


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A work tree with one commit; it is the current folder."""
    repository = Repository.new(tmp_path / "work")
    repository.commit("train.py")
    monkeypatch.chdir(repository.folder)
    return repository


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One SQLite store for all: MLflow takes seconds to make a new one."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


class Checkout:
    """What GitHub Actions makes for a pull request: HEAD is detached at the merge commit."""

    def __init__(self, repository: Repository, event_file: Path) -> None:
        self.base = repository.git("rev-parse", "HEAD")
        repository.git("checkout", "--quiet", "-b", "feature")
        self.head = repository.commit("train.py", text="feature")
        repository.git("checkout", "--quiet", "--detach", "main")
        self.merge = repository.merge("feature")
        event_file.write_text(
            json.dumps(
                {
                    "number": 12,
                    "pull_request": {
                        "number": 12,
                        "head": {"sha": self.head, "repo": {"full_name": "acme/fraud"}},
                        "base": {
                            "sha": self.base,
                            "ref": "main",
                            "repo": {"full_name": "acme/fraud"},
                        },
                        "labels": [],
                        "user": {"login": "ana"},
                    },
                    "repository": {"full_name": "acme/fraud", "default_branch": "main"},
                }
            )
        )
        self.environment = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event_file),
            "GITHUB_REPOSITORY": "acme/fraud",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": self.merge,
        }
        self.tags = {
            "policy_engine.head_sha": self.head,
            "policy_engine.dirty": "false",
            "policy_engine.pull_request": "12",
            "policy_engine.repository": "acme/fraud",
            "policy_engine.run_url": RUN_URL,
        }


@pytest.fixture
def checkout(repository: Repository, tmp_path: Path) -> Checkout:
    return Checkout(repository, tmp_path / "event.json")


@pytest.fixture
def pull_request(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """The same, with this process in GitHub Actions."""
    for name, value in checkout.environment.items():
        monkeypatch.setenv(name, value)
    return checkout


def tags() -> dict[str, str]:
    return RunContextProvider().tags()


class TestOutsideGitHub:
    def test_run_carries_the_commit_and_a_clean_tree(self, repository: Repository) -> None:
        assert tags() == {
            "policy_engine.head_sha": repository.git("rev-parse", "HEAD"),
            "policy_engine.dirty": "false",
        }

    def test_local_changes_are_told(self, repository: Repository) -> None:
        (repository.folder / "train.py").write_text("other")
        assert tags()["policy_engine.dirty"] == "true"

    def test_files_that_the_run_leaves_are_no_local_changes(self, repository: Repository) -> None:
        (repository.folder / "mlflow.db").touch()
        assert tags()["policy_engine.dirty"] == "false"

    def test_repository_without_a_commit_gives_no_tags(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(Repository.new(tmp_path / "new").folder)
        assert tags() == {}

    def test_folder_outside_every_repository_gives_no_tags_and_no_warning(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert tags() == {}
        assert caplog.messages == []

    def test_work_tree_on_a_machine_without_git_gives_no_tags_and_a_warning(
        self,
        repository: Repository,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        assert tags() == {}
        assert caplog.messages == [f"{WARNING}there is no git command on the PATH: install git"]

    def test_where_git_cannot_be_asked_the_ci_system_names_the_commit(
        self,
        repository: Repository,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        head = repository.git("rev-parse", "HEAD")
        monkeypatch.setenv("CI_COMMIT_SHA", "f" * 40)
        assert tags()["policy_engine.head_sha"] == head, "git goes first"
        monkeypatch.setenv("PATH", str(tmp_path))
        assert tags() == {"policy_engine.head_sha": "f" * 40}
        assert caplog.messages == []

    def test_commit_made_between_two_runs_of_a_notebook_is_seen(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("policy_engine.training.provider._KEPT_S", -1.0)
        provider = RunContextProvider()
        first = provider.tags()["policy_engine.head_sha"]
        second = repository.commit("train.py")
        assert provider.tags()["policy_engine.head_sha"] == second != first

    def test_git_is_not_asked_anew_for_each_model_and_dataset(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        provider = RunContextProvider()
        first = provider.tags()
        monkeypatch.setenv("PATH", str(tmp_path))
        assert provider.tags() == first != {}


class TestWhichWorkTree:
    """Asked of a real process: what runs decides, and where."""

    SHOW = "from policy_engine.training import RunContextProvider as R; print(R().tags())"

    def sha(self, cwd: Path, *command: str, stdin: str = "") -> str | None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        result = subprocess.run(
            [sys.executable, *command],
            cwd=cwd,
            env=environment,
            input=stdin,
            check=True,
            capture_output=True,
            text=True,
        )
        assert result.stderr == ""
        found: dict[str, str] = json.loads(result.stdout.replace("'", '"'))
        return found.get("policy_engine.head_sha")

    @pytest.fixture
    def script(self, repository: Repository) -> Path:
        file = repository.folder / "training" / "train.py"
        file.parent.mkdir()
        file.write_text(self.SHOW)
        repository.commit()
        return file

    def test_script_is_found_whatever_the_current_folder(
        self, repository: Repository, script: Path, tmp_path: Path
    ) -> None:
        assert self.sha(tmp_path, str(script)) == repository.git("rev-parse", "HEAD")

    def test_script_goes_before_the_repository_of_the_current_folder(
        self, repository: Repository, script: Path, tmp_path: Path
    ) -> None:
        data = Repository.new(tmp_path / "data")
        data.commit("rows.csv")
        assert self.sha(data.folder, str(script)) == repository.git("rev-parse", "HEAD")

    def test_link_to_the_script_leads_to_its_repository(
        self, repository: Repository, script: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "link.py").symlink_to(script)
        assert self.sha(tmp_path, "link.py") == repository.git("rev-parse", "HEAD")

    def test_script_that_changes_the_current_folder_is_still_found(
        self, repository: Repository, script: Path, tmp_path: Path
    ) -> None:
        script.write_text(f"import os; os.chdir({str(tmp_path)!r})\n{self.SHOW}")
        sha = repository.commit()
        assert self.sha(repository.folder, "training/train.py") == sha

    def test_module_is_found_like_a_script(self, repository: Repository, script: Path) -> None:
        assert self.sha(repository.folder, "-m", "training.train") == repository.git(
            "rev-parse", "HEAD"
        )

    @pytest.mark.parametrize("command", [("-c", SHOW), ("-",)])
    def test_current_folder_does_where_there_is_no_script(
        self, repository: Repository, command: tuple[str, ...]
    ) -> None:
        sha = self.sha(repository.folder, *command, stdin=self.SHOW)
        assert sha == repository.git("rev-parse", "HEAD")

    def test_current_folder_does_for_a_script_outside_every_repository(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        (tmp_path / "launch.py").write_text(self.SHOW)
        sha = self.sha(repository.folder, str(tmp_path / "launch.py"))
        assert sha == repository.git("rev-parse", "HEAD")

    def test_installed_command_in_a_foreign_repository_does_not_count(
        self, repository: Repository, tmp_path: Path
    ) -> None:
        """A version manager keeps interpreters and their commands inside its own clone."""
        manager = Repository.new(tmp_path / "manager")
        (manager.folder / ".gitignore").write_text("versions/\n")
        manager.commit("README.md", text="manager")
        command = manager.folder / "versions" / "bin" / "train"
        command.parent.mkdir(parents=True)
        command.write_text(self.SHOW)
        assert self.sha(repository.folder, str(command)) == repository.git("rev-parse", "HEAD")
        assert self.sha(tmp_path, str(command)) is None


class TestInGitHubActions:
    def test_pull_request_is_known_by_its_head_not_by_its_merge(
        self, pull_request: Checkout
    ) -> None:
        assert tags() == pull_request.tags

    def test_head_that_was_checked_out_itself_is_the_pull_request_too(
        self, pull_request: Checkout, repository: Repository
    ) -> None:
        repository.git("checkout", "--quiet", "--detach", pull_request.head)
        assert tags() == pull_request.tags

    def test_other_code_trained_by_the_same_job_is_not_taken_for_the_pull_request(
        self, pull_request: Checkout, repository: Repository
    ) -> None:
        """The baseline, for example: as a candidate it would be judged in place of the change."""
        repository.git("checkout", "--quiet", "--detach", pull_request.base)
        assert tags() == {
            "policy_engine.head_sha": pull_request.base,
            "policy_engine.dirty": "false",
            "policy_engine.repository": "acme/fraud",
            "policy_engine.run_url": RUN_URL,
        }

    def test_github_is_believed_where_git_knows_nothing(
        self, pull_request: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        expected = pull_request.tags.copy()
        del expected["policy_engine.dirty"]
        assert tags() == expected

    def test_push_names_no_pull_request(
        self, pull_request: Checkout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
        found = tags()
        assert found["policy_engine.head_sha"] == pull_request.merge
        assert "policy_engine.pull_request" not in found

    def test_value_too_long_to_be_honest_is_left_out_not_cut(
        self, pull_request: Checkout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITHUB_SERVER_URL", f"https://{'a' * 100}")
        monkeypatch.setenv("GITHUB_REPOSITORY", f"{'o' * 64}/{'n' * 64}")
        assert "policy_engine.run_url" not in tags()


class TestNothingStopsTraining:
    def test_broken_event_file_costs_the_tags_and_one_warning(
        self,
        pull_request: Checkout,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """HEAD is the merge commit here: as `head_sha` it would be wrong."""
        monkeypatch.setenv("GITHUB_EVENT_PATH", "absent.json")
        provider = RunContextProvider()
        assert [provider.tags(), provider.tags()] == [{}, {}]
        assert caplog.messages == [
            f"{WARNING}cannot read the event file absent.json: No such file or directory"
        ]
        assert caplog.records[0].levelno == logging.WARNING
        assert caplog.records[0].name == "policy_engine.training.provider"

    def test_git_that_hangs_holds_training_up_once_and_not_for_long(
        self,
        pull_request: Checkout,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        _fake_git(tmp_path / "bin", "exec sleep 60", monkeypatch)
        monkeypatch.setattr("policy_engine.training.provider._KEPT_S", -1.0)
        provider = RunContextProvider()
        start = time.monotonic()
        found = [provider.tags(), provider.tags()]
        assert time.monotonic() - start < GIT_BUDGET_S + 1.5
        expected = pull_request.tags.copy()
        del expected["policy_engine.dirty"]
        assert found == [expected, expected]
        assert len(caplog.messages) == 1
        assert caplog.messages[0].startswith(f"{WARNING}git ")
        assert caplog.messages[0].endswith(" s")

    def test_work_tree_that_is_slow_to_compare_keeps_its_commit(
        self, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha = repository.git("rev-parse", "HEAD")
        script = f'case "$*" in *rev-parse*) echo {sha};; *status*) exec sleep 60;; esac'
        _fake_git(tmp_path / "bin", script, monkeypatch)
        assert tags() == {"policy_engine.head_sha": sha}

    def test_current_folder_that_was_deleted_costs_the_tags(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        folder = tmp_path / "gone"
        folder.mkdir()
        monkeypatch.chdir(folder)
        folder.rmdir()
        assert tags() == {}
        assert caplog.messages == [f"{WARNING}[Errno 2] No such file or directory"]

    @pytest.mark.parametrize("value", ["{", "[]", "7", "", '"text"', "[" * 100_000])
    def test_odd_run_context_of_the_user_costs_nothing(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        monkeypatch.setenv("MLFLOW_RUN_CONTEXT", value)
        assert tags()["policy_engine.head_sha"] == repository.git("rev-parse", "HEAD")


def test_importing_training_loads_no_heavy_module() -> None:
    """It is imported whenever mlflow is, in every process of everybody's training."""
    code = (
        "import sys, policy_engine; before = set(sys.modules); import policy_engine.training;"
        "names = sorted(set(sys.modules) - before);"
        "print([n for n in names if n.partition('.')[0] not in sys.stdlib_module_names])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )
    allowed = {"errors", "git", "git.ci", "git.work_tree"}
    allowed |= {"github", "github.event", "github.payload"}
    allowed |= {"training", "training.provider"}
    loaded = set(json.loads(result.stdout.replace("'", '"')))
    assert loaded <= {f"policy_engine.{name}" for name in allowed}


def test_provider_has_every_method_that_mlflow_asks_for() -> None:
    from mlflow.tracking.context.abstract_context import RunContextProvider as OfMlflow

    asked = {name for name in vars(OfMlflow) if not name.startswith("_")}
    assert asked == {"in_context", "tags"}
    assert RunContextProvider().in_context() is True


class TestOnRealRuns:
    """MLflow in a process of its own, with our entry point in the metadata of a distribution."""

    @pytest.fixture
    def installed(self, tmp_path: Path) -> Path:
        """What an installation of policy-engine leaves for MLflow to find."""
        metadata = tmp_path / "installed" / "policy_engine-0.1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: policy-engine\nVersion: 0.1.0\n"
        )
        (metadata / "entry_points.txt").write_text(
            "[mlflow.run_context_provider]\n"
            "policy_engine = policy_engine.training:RunContextProvider\n"
        )
        return metadata.parent

    def train(self, script: str, cwd: Path, installed: Path, **environment: str) -> Any:
        """Run a training script, and return what it prints last and what it warned of."""
        result = subprocess.run(
            [sys.executable, "-c", dedent(script)],
            cwd=cwd,
            env=os.environ | {"PYTHONPATH": f"{installed}{os.pathsep}{ROOT}"} | environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert "Failure attempting to register" not in result.stderr
        return json.loads(result.stdout.splitlines()[-1]), result.stderr

    @staticmethod
    def ours(tags: dict[str, str]) -> dict[str, str]:
        return {name: value for name, value in tags.items() if name.startswith("policy_engine.")}

    def test_pull_request_is_on_the_run_unless_the_user_says_otherwise(
        self, checkout: Checkout, repository: Repository, installed: Path, store: str
    ) -> None:
        """It imports our module before mlflow: the order in which a subclass would be lost."""
        script = """
            import policy_engine.training
            import json, mlflow

            with mlflow.start_run() as plain:
                pass
            with mlflow.start_run(tags={"policy_engine.pull_request": "99"}) as own:
                pass
            mlflow.set_tag("policy_engine.head_sha", "mine")
            mlflow.end_run()
            resumed = mlflow.last_active_run().info.run_id
            with mlflow.start_run(run_id=resumed):
                pass
            ids = [plain.info.run_id, own.info.run_id, resumed]
            print(json.dumps([mlflow.get_run(id).data.tags for id in ids]))
        """
        (plain, own, resumed), _ = self.train(
            script, repository.folder, installed, MLFLOW_TRACKING_URI=store, **checkout.environment
        )
        assert self.ours(plain) == checkout.tags
        assert self.ours(own) == checkout.tags | {"policy_engine.pull_request": "99"}
        assert self.ours(resumed) == checkout.tags | {"policy_engine.head_sha": "mine"}

    def test_outside_github_commit_and_local_changes_are_on_the_run_and_its_model(
        self, repository: Repository, installed: Path, store: str
    ) -> None:
        script = """
            import json, mlflow

            with mlflow.start_run() as run:
                model = mlflow.initialize_logged_model(name="model")
            print(json.dumps([mlflow.get_run(run.info.run_id).data.tags, model.tags]))
        """
        sha = repository.git("rev-parse", "HEAD")
        (repository.folder / "train.py").write_text("other")
        (run, model), _ = self.train(
            script, repository.folder, installed, MLFLOW_TRACKING_URI=store
        )
        expected = {"policy_engine.head_sha": sha, "policy_engine.dirty": "true"}
        assert self.ours(run) == expected
        assert self.ours(model) == expected

    def test_run_context_of_the_user_wins(
        self, repository: Repository, installed: Path, store: str
    ) -> None:
        script = """
            import json, mlflow

            with mlflow.start_run() as run:
                pass
            print(json.dumps(mlflow.get_run(run.info.run_id).data.tags))
        """
        run, _ = self.train(
            script,
            repository.folder,
            installed,
            MLFLOW_TRACKING_URI=store,
            MLFLOW_RUN_CONTEXT='{"policy_engine.head_sha": "mine"}',
        )
        assert self.ours(run) == {
            "policy_engine.head_sha": "mine",
            "policy_engine.dirty": "false",
        }

    @pytest.mark.parametrize("broken", ["event file", "git"])
    def test_what_is_broken_does_not_stop_a_run(
        self,
        checkout: Checkout,
        repository: Repository,
        installed: Path,
        store: str,
        tmp_path: Path,
        broken: str,
    ) -> None:
        script = """
            import json, mlflow

            runs = []
            for _ in range(2):
                with mlflow.start_run() as run:
                    mlflow.log_metric("accuracy", 0.9)
                runs.append(mlflow.get_run(run.info.run_id))
            print(json.dumps([[run.info.status, run.data.tags] for run in runs]))
        """
        environment = checkout.environment | {"MLFLOW_TRACKING_URI": store}
        expected: dict[str, str] = {}
        if broken == "event file":
            (tmp_path / "event.json").write_text("{")
        else:
            _program(tmp_path / "bin", "echo 'fatal: it is broken' >&2; exit 128")
            environment["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
            expected = checkout.tags.copy()
            del expected["policy_engine.dirty"]
        runs, said = self.train(script, repository.folder, installed, **environment)
        assert [(status, self.ours(found)) for status, found in runs] == [
            ("FINISHED", expected),
            ("FINISHED", expected),
        ]
        assert said.count(WARNING) == 1


def _program(folder: Path, script: str) -> None:
    """Write a `git` that does what no real one does on demand."""
    folder.mkdir()
    command = folder / "git"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(stat.S_IRWXU)


def _fake_git(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(folder, script)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
