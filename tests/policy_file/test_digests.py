"""Digests that can be quoted: one a text, the same whatever else a check was asked for."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from importlib.metadata import distribution
from typing import TYPE_CHECKING

import pytest

from policy_engine.plugins.record import record_digest
from policy_engine.policy_file.digests import digest_of
from tests.command import Project, candidate, evidence
from tests.plugin_factory import Site, on_the_path, policy_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "version: 1\npolicies:\n  run-finished: on\n"
WAIVERS = "waivers:\n- {id: run-finished}\n# theirs\n"


def plain(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path)
    made.policy(FILE)
    return made


def texts(project: Project, *arguments: str) -> dict[str, tuple[str, str | None]]:
    told = project.check(evidence(candidate()), *arguments).report["policies"]["texts"]
    return {each["path"]: (each["digest"], each["plugin"]) for each in told}


def test_a_file_has_the_digest_that_sha256sum_says(project: Project) -> None:
    said = subprocess.run(
        ["/usr/bin/env", "sha256sum", "policies/fraud.yaml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    assert texts(project) == {"policies/fraud.yaml": (f"sha256:{said}", None)}


@pytest.mark.parametrize(
    "arguments",
    [(), ("--require", "advisory"), ("--policies", "policies/fraud.yaml"), ("--at", "2026-01-01")],
)
def test_no_flag_changes_the_digest_of_a_file(project: Project, arguments: tuple[str, ...]) -> None:
    assert texts(project, *arguments)["policies/fraud.yaml"] == (plain(FILE), None)


def test_a_pack_and_a_file_beneath_have_digests_of_their_own(project: Project) -> None:
    project.policy("version: 1\nextends: [_part.yaml, advisory]\npolicies: {run-finished: on}\n")
    project.policy("version: 1\nmetric: {name: val_f1}\n", "policies/_part.yaml")
    found = texts(project)
    assert set(found) == {"advisory", "policies/_part.yaml", "policies/fraud.yaml"}
    assert found["advisory"][1] == "policy-engine"
    assert found["policies/_part.yaml"][0] == plain("version: 1\nmetric: {name: val_f1}\n")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (FILE + WAIVERS, FILE),
        (f"version: 1\n{WAIVERS}policies: {{run-finished: on}}\n",) * 2,
        ("version: 1\npolicies: {run-finished: {why: the waivers ended}}\n",) * 2,
        ("{version: 1, waivers: [], policies: {run-finished: on}}\n",) * 2,
    ],
)
def test_the_digest_is_apart_from_the_waivers(text: str, rest: str) -> None:
    assert digest_of(text.encode(), "p.yaml") == plain(rest.replace(WAIVERS, ""))


# What a plugin installed


RECORD = """\
acme_policies.py,sha256=aaa,10
acme_policies-1.2.0.dist-info/METADATA,sha256=bbb,20
acme_policies-1.2.0.dist-info/INSTALLER,sha256=ccc,4
acme_policies-1.2.0.dist-info/RECORD,,
__pycache__/acme_policies.cpython-311.pyc,,
../../../bin/acme,sha256=ddd,30
"""
COUNTED = "acme_policies-1.2.0.dist-info/METADATA,sha256=bbb\nacme_policies.py,sha256=aaa\n"


@pytest.fixture
def site(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with on_the_path(Site(project.folder / "site"), monkeypatch) as site:
        site.install(policy_module("yield Finding(Outcome.PASS, 'fine')"))
        yield site


def recorded(site: Site, project: Project) -> object:
    project.policy("version: 1\nplugins: [acme-policies]\npolicies: {acme-rule: on}\n")
    told = project.check(evidence(candidate())).report["engine"]["distributions"]
    (mine,) = [each for each in told if each["name"] == "acme-policies"]
    assert mine["version"] == "1.2.0"
    return mine["record"]


def test_a_plugin_is_quoted_by_what_its_wheel_installed(site: Site, project: Project) -> None:
    info = site.folder / "acme_policies-1.2.0.dist-info"
    (info / "RECORD").write_text(RECORD)
    assert recorded(site, project) == plain(COUNTED)
    (info / "RECORD").write_text("".join(reversed(RECORD.splitlines(keepends=True)[:4])))
    assert recorded(site, project) == plain(COUNTED), "whoever installed it, in whatever order"
    (info / "RECORD").write_text(RECORD.replace("aaa", "aab"))
    assert recorded(site, project) == plain(COUNTED.replace("aaa", "aab"))


@pytest.mark.parametrize("editable", [False, True])
def test_where_nothing_was_recorded_nothing_is_said(
    site: Site, project: Project, *, editable: bool
) -> None:
    if editable:
        info = site.folder / "acme_policies-1.2.0.dist-info"
        (info / "RECORD").write_text(RECORD)
        (info / "direct_url.json").write_text(
            '{"dir_info": {"editable": true}, "url": "file:///x"}'
        )
    assert recorded(site, project) is None


def test_the_digest_of_a_real_distribution_is_that_of_its_files() -> None:
    files = distribution("pluggy").files or []
    rows = sorted(
        (str(file), f"{file.hash.mode}={file.hash.value}")
        for file in files
        if file.hash and file.name not in {"INSTALLER", "REQUESTED", "direct_url.json"}
    )
    assert record_digest("pluggy") == plain("".join(f"{path},{told}\n" for path, told in rows))
    assert record_digest("no-such-distribution") is None
