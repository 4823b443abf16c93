"""A repository with a gate: the command as a job runs it, against the fake GitHub."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.testing import model, run
from tests.command import Told, command, evidence
from tests.github.fake.job import job, outputs, summary
from tests.github.fake.state import BASE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from policy_engine.evidence.record import RunRecord
    from tests.github.fake.server import GitHubFake


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job's command ended, and what it left for the runner."""

    code: int
    out: str
    err: str
    outputs: dict[str, str]
    summary: str

    @property
    def everything(self) -> str:
        """All that it wrote anywhere but to GitHub."""
        return "\n".join([self.out, self.err, self.summary, *self.outputs.values()])


def policies(limits: int = 1, minimum: float = 0.9) -> str:
    """Return a policy file with so many bindings; each wants the metric to reach the minimum."""
    bindings = "".join(
        f"  limit-{i}: {{policy: metric-threshold, metric: val_f1, min: {minimum}}}\n"
        for i in range(limits)
    )
    return f"version: 1\nmetric: {{name: val_f1, goal: maximize}}\npolicies:\n{bindings}"


class Gate:
    """A checkout whose candidate has a val_f1 of 0.85, and the jobs that judge it."""

    def __init__(self, fake: GitHubFake, folder: Path) -> None:
        self.fake = fake
        self.folder = folder
        self.jobs = 0
        self.environ: dict[str, str] = {}
        self.rules(policies())
        self.candidate()

    def rules(self, text: str) -> None:
        """Let this be the policy file, here and on the default branch."""
        (self.folder / "policies").mkdir(exist_ok=True)
        (self.folder / "policies" / "fraud.yaml").write_text(text)
        self.fake.state.commit(BASE, {"policies/fraud.yaml": text.encode()}, "main")

    def candidate(self, val_f1: float = 0.85, **facts: Any) -> RunRecord:
        """Let this be the candidate."""
        known: dict[str, Any] = {"metrics": {"val_f1": val_f1}, "model": model(size="1MB")}
        change = facts.pop("change", None)
        record = run(**(known | facts))
        (self.folder / "evidence.json").write_text(evidence(record, change=change).to_text())
        return record

    def check(self, *arguments: str, **facts: Any) -> Ended:
        """Judge the candidate in a job of its own, as of one moment."""
        at = facts.pop("at", "2026-11-22T12:00:00Z")
        return self.run("check", "--evidence", "evidence.json", "--at", at, *arguments, **facts)

    def run(self, *arguments: str, event: str = "pull_request", **facts: Any) -> Ended:
        """Run the command in a job of its own.

        Args:
            arguments: The command's.
            event: What started the job.
            facts: `process`: whether it is the shipped command in a process of its own, as slow as
                that is; and those of `job`.
        """
        self.jobs += 1
        folder = self.folder.parent / f"{self.folder.name}-job-{self.jobs}"
        run = _shipped if facts.pop("process", False) else _here
        environ = job(self.fake, folder, event, **facts) | self.environ
        told = run(arguments, self.folder, environ)
        return Ended(told.code, told.out, told.err, outputs(folder), summary(folder))


def _here(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Told:
    with pytest.MonkeyPatch.context() as here, chdir(folder):
        for name, value in environ.items():
            here.setenv(name, value)
        return command(*arguments)


def _shipped(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Told:
    ended = subprocess.run(
        [sys.executable, "-m", "policy_engine", *arguments],
        check=False,
        cwd=folder,
        env=os.environ | dict(environ),
        capture_output=True,
        encoding="utf-8",
        timeout=100,
    )
    return Told(ended.returncode, ended.stdout, ended.stderr)


def report(ended: Ended) -> dict[str, Any]:
    """Return the report that `--format json` printed."""
    read: dict[str, Any] = json.loads(ended.out)
    return read
