"""Which HTTP requests does a check make, and what is each for."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from benchmarks.figures import Section
from benchmarks.recorder import Asked, recorder
from benchmarks.server import Trained, quiet_environment

_NEEDED = {
    "POST experiments/search": "MLflow looks for runs only in experiments that are named",
    "POST runs/search head_sha = COMMIT": "the runs of the commit, by our tag",
    "POST runs/search git.commit = COMMIT": "the same by MLflow's tag; MLflow knows no OR",
    "GET runs/get CANDIDATE": "status, times, metrics and tags; which model it put out",
    "GET experiments/get": "its name, for the report; its primary metric",
    "GET logged-models CANDIDATE'S MODEL": "READY or not; the registered name, for the alias",
    "GET directories of CANDIDATE'S MODEL": "the stored files with their sizes",
    "GET MLmodel of CANDIDATE'S MODEL": "flavors; the size that MLflow recorded",
    "POST runs/search children of CANDIDATE": "child runs: training costs what they cost",
    "GET registered-models/alias": "the version, and so the run, behind `champion`",
    "GET runs/get BASELINE": "status, times, metrics and tags of the baseline",
    "GET logged-models BASELINE'S MODEL": "READY or not; its registered versions",
    "GET directories of BASELINE'S MODEL": "the size that growth is measured from",
    "GET MLmodel of BASELINE'S MODEL": "the size that MLflow recorded, if files are missing",
    "POST runs/search children of BASELINE": "child runs, for its training cost",
}
"""Each request that a check of the six policies may make, and why it cannot do without."""


class _Way(NamedTuple):
    """A way to name the candidate, and what a check then asks."""

    title: str
    asked: tuple[str, ...]


def measure(
    command: Path, repository: Path, address: str, trained: Trained, commit: str
) -> Section:
    """Return the requests of a check, for each way to name the candidate.

    Args:
        command: The installed console script.
        repository: The work tree that it runs in; the evidence is saved beside it.
        address: The MLflow server's.
        trained: What the server holds.
        commit: The candidate's commit.
    """
    saved = repository.with_name("evidence.json")
    with recorder(address) as (proxy, asked):
        server = ["--tracking-uri", proxy]
        runs = {
            "`--run`": ["--run", trained.candidate, *server, "--save-evidence", str(saved)],
            "`--commit`": ["--commit", commit, *server],
            "`--evidence`": ["--evidence", str(saved)],
        }
        ways = []
        for title, arguments in runs.items():
            asked.clear()
            subprocess.run(
                [str(command), "check", *arguments],
                cwd=repository,
                env=quiet_environment(),
                check=True,
                stdout=subprocess.DEVNULL,
            )
            ways.append(_Way(title, tuple(_named(each, trained, commit) for each in asked)))
    return _section(ways)


def _section(ways: Sequence[_Way]) -> Section:
    unknown = sorted({each for way in ways for each in way.asked if each not in _NEEDED})
    if unknown:
        raise ValueError(f"nothing says what these requests are for: {', '.join(unknown)}")
    twice = [way.title for way in ways if len(set(way.asked)) < len(way.asked)]
    if twice:
        raise ValueError(f"the same request is made twice with {', '.join(twice)}")
    rows = [
        (name, why, *("1" if name in way.asked else "" for way in ways))
        for name, why in _NEEDED.items()
    ]
    totals = ("**all**", "", *(f"**{len(way.asked)}**" for way in ways))
    return Section(
        name="requests",
        headers=("request", "what for", *(way.title for way in ways)),
        rows=[*rows, totals],
        numbers=3,
        distributions=("mlflow-skinny", "policy-engine"),
        notes=["Recorded by a proxy before a real server; none is made twice."],
    )


def _named(asked: Asked, trained: Trained, commit: str) -> str:
    """Return a request as `_NEEDED` names it."""
    text = unquote(asked.path) + str(asked.body or "")
    for word, meaning in (
        (trained.candidate_model, "CANDIDATE'S MODEL"),
        (trained.champion_model, "BASELINE'S MODEL"),
        (trained.candidate, "CANDIDATE"),
        (trained.champion, "BASELINE"),
        (commit, "COMMIT"),
    ):
        text = text.replace(word, meaning)
    path = text.partition("2.0/mlflow/")[2]
    for part, form in _FORMS:
        if part in path:
            who = next((w for w in _WHO if w in path), "")
            return f"{asked.method} {form} {who}".rstrip()
    return f"{asked.method} {path}"


_WHO = ("CANDIDATE'S MODEL", "BASELINE'S MODEL", "CANDIDATE", "BASELINE", "COMMIT")
_FORMS = (
    ("artifacts/directories", "directories of"),
    ("artifact_file_path=MLmodel", "MLmodel of"),
    ("mlflow.parentRunId` = ", "runs/search children of"),
    ("policy_engine.head_sha` = ", "runs/search head_sha ="),
    ("mlflow.source.git.commit` = ", "runs/search git.commit ="),
    ("logged-models/", "logged-models"),
    ("experiments/search", "experiments/search"),
    ("experiments/get", "experiments/get"),
    ("registered-models/alias", "registered-models/alias"),
    ("runs/get", "runs/get"),
)
