"""Plain English: turns of phrase that readers stumble over do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted((ROOT / "policy_engine").rglob("*.py")),
    *sorted((ROOT / "plugins").rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted(ROOT.glob("*.md")),
]
THINGS = (
    "number|whole|finite|mapping|list|text|time|file|folder|plain|JSON|YAML|table|login|name|day|"
    "price|id|command|measurement|gate|report|schema|path|version|address|class|probability"
)
INSTEAD = {
    rf"(?<!there )\b(?:is|was) no (?:{THINGS})\b": "is not a …",
    r"\b(?:is|are) due\b(?! to)": "expected …, got …, or: is needed",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\bnobody knows\b": "it is not known, or: unknown",
    r"\bow(?:e|es|ed) (?:a|no|it|them)\b": "needs",
    r"\bdearer\b(?! than)": "more expensive",
}


@pytest.mark.parametrize(("phrase", "instead"), INSTEAD.items())
def test_nobody_has_to_guess_what_a_sentence_means(phrase: str, instead: str) -> None:
    pattern = re.compile(phrase)
    found = [
        f"{page.relative_to(ROOT)}:{number}: {line.strip()}"
        for page in PAGES
        for number, line in enumerate(page.read_text("utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], f"write: {instead}"
