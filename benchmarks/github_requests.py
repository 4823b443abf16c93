"""Which requests does a published check make of GitHub, and what is each for?"""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.figures import Section
from tests.github.fake.server import GitHubFake
from tests.github.gate import Gate, policies

_NEEDED = {
    "GET git/ref/heads/main": "the tip of the default branch, whose policies judge",
    "GET contents/policies": "which policy files there are",
    "GET contents/policies/fraud.yaml": "the policy file (one each)",
    "GET pulls/7/files": "the paths that the pull request touches",
    "GET pulls/7": "its head: after the paths, and again before a comment is written",
    "POST check-runs": "the check run with up to 50 annotations",
    "PATCH check-runs/ID": "50 annotations more",
    "GET issues/7/comments": "the comments, 100 a page; after a new one: was another job as quick?",
    "POST issues/7/comments": "a comment where there is none",
    "PATCH issues/comments/ID": "the comment, edited",
}
"""Each request that a published check may make, and why it cannot do without."""


class _Way(NamedTuple):
    """A situation, and what a check then asks, in order."""

    title: str
    asked: list[str]


def measure() -> Section:
    """Return the requests of a published check in a clone without the default branch."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        checkout.mkdir()
        fake = GitHubFake()
        try:
            ways = _ways(Gate(fake, checkout))
        finally:
            fake.close()
    if fake.violations:
        raise ValueError(f"GitHub does not allow this: {fake.violations}")
    return _section(ways)


def _ways(gate: Gate) -> list[_Way]:
    def asked(title: str, *arguments: str, prepare: Callable[[], object] = lambda: None) -> _Way:
        prepare()
        gate.fake.requests.clear()
        gate.check(*arguments, process=True)
        return _Way(title, [re.sub(r"\b\d{4}$", "ID", each) for each in gate.fake.asked])

    return [
        asked("nothing to say", prepare=lambda: gate.candidate(val_f1=0.95)),
        asked("first comment", prepare=lambda: gate.candidate(val_f1=0.85)),
        asked("same decision"),
        asked("another decision", prepare=lambda: gate.candidate(val_f1=0.8)),
        asked(
            "with a check run, 120 findings",
            "--check-run",
            prepare=lambda: gate.rules(policies(120)),
        ),
    ]


def _section(ways: list[_Way]) -> Section:
    unknown = sorted({each for way in ways for each in way.asked if each not in _NEEDED})
    if unknown:
        raise ValueError(f"nothing says what these requests are for: {', '.join(unknown)}")
    rows = [
        (name, why, *(str(way.asked.count(name) or "") for way in ways))
        for name, why in _NEEDED.items()
    ]
    totals = ("**all**", "", *(f"**{len(way.asked)}**" for way in ways))
    return Section(
        name="github",
        headers=("request", "what for", *(way.title for way in ways)),
        rows=[*rows, totals],
        numbers=len(ways),
        distributions=("github3.py", "policy-engine"),
        notes=["Counted by a fake that is held to GitHub's own description of its API."],
    )
