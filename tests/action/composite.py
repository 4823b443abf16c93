"""Executes the steps of a composite action, or of a job, as GitHub's runner does.

The `run:` steps are real: bash runs them, with files for their outputs. A `uses:` step is what the
test says it is. Syntax that this runner does not know is an error, never passed over.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from tests.action.commands import SUMMARY_LIMIT, Command, FileError, read_file, read_log
from tests.action.expressions import UnknownSyntaxError, holds, render

Stub = Callable[[dict[str, str]], Mapping[str, str]]
"""What a `uses:` step does: it gets `with`, and gives its outputs."""

_STEP_KEYS = frozenset({"name", "id", "if", "shell", "env", "run", "uses", "with"})
_FILES = ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY")
_SHELLS = {
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"),
    None: ("bash", "-e"),  # a job's step that names no shell; in an action that is an error
}


@dataclass(slots=True)
class Told:
    """How an action or a job went.

    Attributes:
        failed: Whether a step failed.
        outputs: The outputs of the action; none of a job.
        steps: The outputs of each step that ran and has an id.
        ran: The names of the steps that ran.
        log: All that the steps printed, stdout and stderr in one.
        summary: The job summary, as people see it.
    """

    failed: bool = False
    outputs: dict[str, str] = field(default_factory=dict)
    steps: dict[str, dict[str, str]] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    log: str = ""
    summary: str = ""

    @property
    def commands(self) -> list[Command]:
        """The workflow commands in the log."""
        return read_log(self.log)


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the steps of one action or job share."""

    contexts: dict[str, Any]
    told: Told
    action: Path | None


class Runner:
    """A machine that runs jobs: its folders, its environment, and what `uses:` steps do.

    Attributes:
        environment: The variables of the job; what a step writes to GITHUB_ENV joins them.
        uses: For each action, by its name before the `@`: a stub, or the folder of a composite one.
        known: Outputs of steps of those composite actions that are not to be run again, by id.
    """

    def __init__(
        self, workspace: Path, temp: Path, environment: Mapping[str, str], **github: Any
    ) -> None:
        self.workspace, self.temp = workspace, temp
        temp.mkdir(parents=True, exist_ok=True)
        self.environment = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_ARCH": "X64",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(temp),
        } | dict(environment)
        self.github = github
        self.uses: dict[str, Stub | Path] = {}
        self.known: Mapping[str, Mapping[str, str]] = {}
        self.path: list[str] = []

    def action(
        self,
        folder: Path,
        inputs: Mapping[str, str],
        known: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Told:
        """Run a composite action.

        Args:
            folder: Where its action.yml is.
            inputs: The `with` of the step that uses it.
            known: Outputs of steps that ran before, by id: those steps are passed over.
        """
        content = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
        runs = content["runs"]
        if runs["using"] != "composite" or runs.keys() != {"using", "steps"}:
            raise UnknownSyntaxError(f"runs: {runs.keys()} using {runs['using']}")
        declared = content["inputs"]
        if unexpected := inputs.keys() - declared.keys():
            raise UnknownSyntaxError(f"no such input: {', '.join(sorted(unexpected))}")
        contexts = {"github": self.github, "steps": {}, "env": {}, "runner": {}}
        # A default counts only where `with` does not name the input at all: '' is given.
        contexts["inputs"] = {
            name: inputs[name] if name in inputs else render(each.get("default"), contexts)
            for name, each in declared.items()
        }
        told = self._run(runs["steps"], _Scope(contexts, Told(), folder), known or {})
        told.outputs = {
            name: render(each["value"], contexts) for name, each in content["outputs"].items()
        }
        return told

    def job(self, workflow: Path, name: str, **contexts: Any) -> Told:
        """Run the steps of one job of a workflow; what surrounds them is not interpreted."""
        job = yaml.safe_load(workflow.read_text("utf-8"))["jobs"][name]
        job_env = {
            key: render(value, {"github": self.github} | contexts)
            for key, value in job.get("env", {}).items()
        }
        scope = {"github": self.github, "steps": {}, "env": job_env, "runner": {}} | contexts
        scope["runner"] = {"temp": str(self.temp)}
        return self._run(job["steps"], _Scope(scope, Told(), None), {})

    def _run(
        self, steps: Iterable[dict[str, Any]], scope: _Scope, known: Mapping[str, Mapping[str, str]]
    ) -> Told:
        for step in steps:
            if unknown := step.keys() - _STEP_KEYS:
                raise UnknownSyntaxError(f"a step with {', '.join(sorted(unknown))}")
            name, told = step.get("id"), scope.told
            if name is not None and name in known:
                outputs = dict(known[name])
            elif holds(step.get("if", "success()"), scope.contexts, failed=told.failed):
                told.ran.append(step.get("name") or step.get("uses") or step["run"])
                outputs = self._step(step, scope)
            else:
                continue
            if name:
                told.steps[name] = outputs
                scope.contexts["steps"][name] = {"outputs": outputs}
        return scope.told

    def _step(self, step: dict[str, Any], scope: _Scope) -> dict[str, str]:
        def rendered(mapping: Mapping[str, Any]) -> dict[str, str]:
            return {
                key: render(value, scope.contexts, failed=scope.told.failed)
                for key, value in mapping.items()
            }

        env = scope.contexts["env"] | rendered(step.get("env", {}))
        if "uses" in step:
            return self._used(step["uses"], rendered(step.get("with", {})), env, scope.told)
        if step.get("shell") not in _SHELLS or (scope.action and "shell" not in step):
            raise UnknownSyntaxError(f"shell: {step.get('shell')}")
        script = render(step["run"], scope.contexts, failed=scope.told.failed)
        return self._bash(_SHELLS[step.get("shell")], script, env, scope)

    def _used(
        self, action: str, given: dict[str, str], env: Mapping[str, str], told: Told
    ) -> dict[str, str]:
        name, _, _ = action.partition("@")
        if name not in self.uses:
            raise UnknownSyntaxError(f"uses: {action}: say what it does")
        does = self.uses[name]
        if not isinstance(does, Path):
            return dict(does(given))
        before = self.environment
        self.environment = before | dict(env)
        try:
            inner = self.action(does, given, self.known)
        finally:
            self.environment = before
        told.failed |= inner.failed
        told.log += inner.log
        told.summary += inner.summary
        return inner.outputs

    def _bash(
        self, shell: tuple[str, ...], script: str, env: Mapping[str, str], scope: _Scope
    ) -> dict[str, str]:
        folder = self.temp / "_runner_file_commands" / uuid4().hex
        folder.mkdir(parents=True)
        files = {name: folder / name.lower() for name in _FILES}
        for file in files.values():
            file.touch()
        (folder / "script.sh").write_text(script, "utf-8")
        variables = self.environment | dict(env) | {k: str(v) for k, v in files.items()}
        if scope.action:
            variables["GITHUB_ACTION_PATH"] = str(scope.action)
        if self.path:
            variables["PATH"] = os.pathsep.join([*reversed(self.path), variables["PATH"]])
        done = subprocess.run(
            [*shell, folder / "script.sh"],
            cwd=self.workspace,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        scope.told.log += done.stdout
        scope.told.failed |= done.returncode != 0
        return self._heard(files, done.stdout, scope.told)

    def _heard(self, files: Mapping[str, Path], log: str, told: Told) -> dict[str, str]:
        """Take in what a step wrote to its files and said in its log."""
        outputs: dict[str, str] = {}
        for command in read_log(log):
            if command.name == "set-output":
                outputs[command.properties.get("name", "")] = command.data
            elif command.name in {"set-env", "add-path"}:
                told.failed = True
        try:
            outputs |= read_file(files["GITHUB_OUTPUT"].read_text("utf-8"))
            self.environment |= read_file(files["GITHUB_ENV"].read_text("utf-8"))
        except FileError as e:
            told.log += f"##[error]{e}\n"
            told.failed = True
        self.path += filter(None, files["GITHUB_PATH"].read_text("utf-8").splitlines())
        summary = files["GITHUB_STEP_SUMMARY"].read_bytes()
        if len(summary) > SUMMARY_LIMIT:
            told.log += f"##[error]the job summary has {len(summary)} bytes and is dropped\n"
        else:
            told.summary += summary.decode()
        return outputs
