"""The workflows to copy are safe to copy: what they say the action takes, what they run works."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.action.composite import Runner, Told
from tests.action.conftest import ROOT, machine

EXAMPLES = sorted((ROOT / ".github" / "examples").glob("*.yml"))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "how-to" / "github-actions.md").read_text("utf-8")
MOST = 64 * 1024 * 1024


def content(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return loaded


def jobs(path: Path) -> list[dict[str, Any]]:
    return list(content(path)["jobs"].values())


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path) for step in job["steps"]]


by_name = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@by_name
def test_an_example_names_inputs_that_the_action_has(path: Path) -> None:
    used = [step for step in steps(path) if step.get("uses", "").startswith("OWNER/")]
    assert len(used) == 1
    assert used[0].get("with", {}).keys() <= ACTION["inputs"].keys()


@by_name
def test_an_example_grants_nothing_but_what_each_job_names(path: Path) -> None:
    assert content(path)["permissions"] == {}
    assert all(job["permissions"] for job in jobs(path))
    assert all(job["timeout-minutes"] and job["name"] for job in jobs(path))


@by_name
def test_an_example_leaves_no_credentials_in_the_checkout(path: Path) -> None:
    checkouts = [s for s in steps(path) if s.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@by_name
def test_an_example_can_be_required(path: Path) -> None:
    """No path filter that leaves it pending, no job that is passed over on a pull request.

    And no verdict on the commit from a pull request into a branch of the author's own.
    """
    # PyYAML reads the key `on` as a boolean.
    events = dict(content(path)[True])
    if "pull_request" in events:
        assert events.pop("pull_request") == {
            "branches": ["main"],
            "types": ["opened", "synchronize", "reopened", "edited"],
        }
        assert all("if" not in job for job in jobs(path))
    assert not any(
        "paths" in (each or {}) or "branches" in (each or {}) for each in events.values()
    )


@by_name
def test_an_example_is_on_the_page(path: Path) -> None:
    assert f"(../../.github/examples/{path.name})" in PAGE


def test_a_job_that_runs_code_of_a_fork_has_no_secret_and_one_that_has_a_token_runs_none() -> None:
    evidence, verdict = (
        (ROOT / ".github" / "examples" / f"fork-{name}.yml").read_text("utf-8")
        for name in ("evidence", "verdict")
    )
    assert "secrets." not in evidence
    assert "write" not in yaml.safe_dump(yaml.safe_load(evidence))
    assert "checkout" not in yaml.safe_dump(yaml.safe_load(verdict))
    assert "head_ref" not in verdict


# What the second stage takes out of the artifact.


def artifact(folder: Path, files: dict[str, bytes | zipfile.ZipInfo]) -> Path:
    """Write an artifact as GitHub serves it; it is at hand as `gh api … > …` gives it."""
    path = folder / "artifact.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            if isinstance(data, bytes):
                archive.writestr(name, data)
            else:
                archive.writestr(data, "/etc/passwd")
    return path


def take(folder: Path, served: Path | None) -> tuple[Runner, Told]:
    """Run the step; `gh` is a stand-in that serves one artifact, or none."""
    gh = folder / "bin" / "gh"
    gh.parent.mkdir()
    listed = "" if served is None else "4711"
    gh.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        f'*/runs/42/artifacts*) [ "$3" = --jq ] && echo "{listed}" ;;\n'
        f"*/artifacts/4711/zip) cat '{served}' ;;\n"
        '*) echo "gh: Not Found (HTTP 404)" >&2; exit 1 ;;\n'
        "esac\n"
    )
    gh.chmod(0o755)
    runner = machine(folder, token="t")
    runner.environment["PATH"] = f"{gh.parent}:{runner.environment['PATH']}"
    runner.github = {"token": "t", "event": {"workflow_run": {"id": 42}}}
    runner.uses["OWNER/policy-engine"] = lambda given: given
    told = runner.job(ROOT / ".github" / "examples" / "fork-verdict.yml", "verdict")
    return runner, told


def test_the_second_stage_takes_the_evidence_and_no_other_file(tmp_path: Path) -> None:
    data = json.dumps({"schema": "…"}).encode()
    files: dict[str, bytes | zipfile.ZipInfo] = {
        "evidence.json": data,
        "../../escaped": b"x",
        "policies/fraud.yaml": b"x",
    }
    runner, told = take(tmp_path, artifact(tmp_path, files))
    assert not told.failed, told.log
    taken = runner.temp / "evidence.json"
    assert taken.read_bytes() == data
    assert told.ran == ["Take one file out of the artifact, as data", "OWNER/policy-engine@v0.1.0"]
    left = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert not left & {"escaped", "fraud.yaml"}


def test_evidence_that_is_a_link_is_read_as_text(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("evidence.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    runner, told = take(tmp_path, artifact(tmp_path, {"evidence.json": link}))
    assert not told.failed, told.log
    taken = runner.temp / "evidence.json"
    assert (taken.is_symlink(), taken.read_text("utf-8")) == (False, "/etc/passwd")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"evidence.json": bytes(MOST + 1)}, "evidence.json is larger than 64 MiB"),
        ({"other.json": b"{}"}, "There is no item named 'evidence.json' in the archive"),
        (None, ""),
    ],
    ids=["a bomb", "no evidence", "no artifact"],
)
def test_an_artifact_that_is_not_as_it_should_be_is_not_judged(
    files: dict[str, bytes | zipfile.ZipInfo] | None, said: str, tmp_path: Path
) -> None:
    served = None if files is None else artifact(tmp_path, files)
    runner, told = take(tmp_path, served)
    assert told.failed
    assert told.ran == ["Take one file out of the artifact, as data"]
    assert said in told.log
    assert not (runner.temp / "evidence.json").exists()


def test_an_artifact_that_is_too_large_is_not_downloaded_to_its_end(tmp_path: Path) -> None:
    served = tmp_path / "artifact.zip"
    with served.open("wb") as file:
        file.truncate(MOST + 4096)
    runner, told = take(tmp_path, served)
    assert told.failed
    assert (runner.temp / "artifact.zip").stat().st_size == MOST + 1
