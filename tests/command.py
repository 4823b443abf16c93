"""The real command on real files, in this process: what it prints, and how it ends."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine import cli
from policy_engine.evidence import EVERYTHING
from policy_engine.evidence.record import CandidateRecord, EvidenceRecord, RunRecord
from policy_engine.testing import model, run

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The report that `--format json` printed."""
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def subject(self) -> dict[str, Any]:
        """The only subject of the report."""
        (subject,) = self.report["subjects"]
        assert isinstance(subject, dict)
        return subject

    @property
    def findings(self) -> list[tuple[str, str, str]]:
        """Outcome, effect and message of each finding of the only subject."""
        return [
            (f["outcome"], f["effect"], f["detail"] or f["message"])
            for f in self.subject["findings"]
        ]


def command(*arguments: str) -> Told:
    """Run `policy-engine` with these arguments."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    code = ended.value.code
    assert isinstance(code, int)
    return Told(code, out.getvalue(), err.getvalue())


def candidate(**facts: Any) -> RunRecord:
    """Return a run that every policy of these tests passes, but for the given facts."""
    known: dict[str, Any] = {"metrics": {"val_f1": 0.91}, "model": model(size="1MB")}
    return run(**(known | facts))


def evidence(*runs: RunRecord, **facts: Any) -> EvidenceRecord:
    """Return evidence with these candidates, collected for every need; `baseline` is of each."""
    baselines = facts.pop("baselines", ())
    known: dict[str, Any] = {
        "needs": EVERYTHING.names,
        "candidates": tuple(CandidateRecord(run=each, baselines=baselines) for each in runs),
    }
    return EvidenceRecord(**(known | facts))


class Project:
    """A folder with policies and evidence, which is the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def policy(self, text: str, path: str = "policies/fraud.yaml") -> None:
        """Write a policy file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def saved(self, record: EvidenceRecord | str | bytes) -> str:
        """Save evidence, well formed or not, and return its path."""
        if isinstance(record, EvidenceRecord):
            record = record.to_text()
        data = record.encode() if isinstance(record, str) else record
        (self.folder / "evidence.json").write_bytes(data)
        return "evidence.json"

    def check(self, record: EvidenceRecord | str | bytes, *arguments: str) -> Told:
        """Judge saved evidence; the report comes as JSON unless a format is asked for."""
        formats = () if any(a.startswith("--format") for a in arguments) else ("--format", "json")
        return command("check", "--evidence", self.saved(record), *formats, *arguments)


def run_command(
    folder: Path, /, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `policy-engine` in a process of its own; it ends without a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "policy_engine", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in done.stderr
    return done
