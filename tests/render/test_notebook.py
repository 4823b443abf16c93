from __future__ import annotations

import pytest

from policy_engine.render.notebook import notebook_table
from tests.render import reports
from tests.render.hostile import HOSTILE, commands, everywhere
from tests.render.test_html import tags


def test_a_notebook_shows_the_verdict_and_what_blocks_first() -> None:
    shown = notebook_table(reports.report(reports.subject(reports.SEEDED, reports.SIZE)))
    assert shown.startswith("<p><b>pass</b> (exit code 0)</p>")
    assert shown.index("model-size-budget") < shown.index("seeds-fixed")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_tag(text: str) -> None:
    for (place, hostile), benign in zip(
        everywhere(text).items(), everywhere("benign").values(), strict=True
    ):
        shown = notebook_table(hostile)
        assert tags(shown) == tags(notebook_table(benign)), place
        assert commands(shown) == [], place
