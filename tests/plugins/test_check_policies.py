"""`check_policies` calls what a plugin does with a report, as a check does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from policy_engine.testing import check_policies, run
from tests.plugin_factory import Site, on_the_path, policy_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "version: 1\nplugins: [acme-policies]\npolicies: {acme-rule: on}\n"
RULE = policy_module("yield Finding(Outcome.PASS, 'fine')")
READY = "\n@hookimpl\ndef report_ready(report):\n    "
FORMAT = "\n@hookimpl\ndef register_renderers():\n    return {'acme': "


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    with on_the_path(Site(tmp_path / "site"), monkeypatch) as site:
        yield site


def test_formats_and_notifiers_are_given_the_report(site: Site) -> None:
    told = site.folder / "told"
    write = f"Path({str(told)!r}).write_text(report.verdict.value)"
    site.install(RULE + READY + f"{write}\n" + FORMAT + "lambda report: report.verdict.value}\n")
    assert check_policies(FILE, candidate=run()).verdict == "pass"
    assert told.read_text() == "pass"


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        (
            READY + "raise ValueError('full')\n",
            (
                "plugin acme-policies[acme] 1.2.0: report_ready raised ValueError: full; "
                "the verdict stands"
            ),
        ),
        (FORMAT + "lambda report: 3}\n", "the format acme returned 3, which is not text"),
    ],
)
def test_one_that_breaks_down_fails_the_test(site: Site, hook: str, said: str) -> None:
    site.install(RULE + hook)
    with pytest.raises(AssertionError) as failure:
        check_policies(FILE, candidate=run())
    assert str(failure.value) == said
