from __future__ import annotations

import html
import re
import shutil
import subprocess
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from policy_engine.policy import Level
from policy_engine.render.formats.html import as_html
from policy_engine.render.remedies import steps
from policy_engine.render.way_out import waive_lines
from policy_engine.report import PolicySource, Verdict, WaiverUse
from tests.render import reports
from tests.render.golden import golden
from tests.render.hostile import HOSTILE, commands, everywhere

if TYPE_CHECKING:
    from pathlib import Path

ANY_TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=120)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[object, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "code":
            self.found.append((tag, *attrs))

    def handle_endtag(self, tag: str) -> None:
        if tag != "code":
            self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("comment", data))


def tags(page: str) -> list[tuple[object, ...]]:
    """Return the tags of a page (but for code) with their attributes, and its comments."""
    parser = _Tags()
    parser.feed(page)
    parser.close()
    return parser.found


@cache
def benign_tags(parts: int) -> dict[str, list[tuple[object, ...]]]:
    """Return the tags of each place's page when its text is harmless; a remedy has parts."""
    harmless = everywhere("benign")
    harmless["remedy"] = everywhere("; ".join(["benign"] * parts))["remedy"]
    return {place: tags(as_html(each)) for place, each in harmless.items()}


def test_the_whole_page() -> None:
    assert as_html(reports.mixed()) == golden("mixed.html")


def test_the_page_asks_for_nothing_and_runs_nothing() -> None:
    page = as_html(reports.mixed())
    assert not re.search(
        r"<(script|link|img|iframe|object|form|a)\b|\burl\(|@import|\bon\w+=", page
    )
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_every_finding_is_on_the_page_and_none_is_folded_away() -> None:
    page = re.sub("<details>.*?</details>", "", as_html(reports.mixed()), flags=re.DOTALL)
    for finding in reports.mixed().subjects[0].findings:
        assert f'<th scope="row">{finding.id}' in page


def test_policies_that_are_not_trusted_are_said_above() -> None:
    untrusted = PolicySource("sha256:ab", "feature@9f8e7d6")
    page = as_html(reports.report(reports.subject(reports.SEEDED), policies=untrusted))
    assert (
        "<strong>Not trusted:</strong> judged by policies of <code>feature@9f8e7d6</code> that "
        "are not the default branch's own."
    ) in page.split("<main>")[0]


def test_a_candidate_that_could_not_be_judged_says_why() -> None:
    page = as_html(reports.nothing_judged(Verdict.NOT_EVALUATED, "no run for commit 1a2b3c4"))
    assert "<p>no run for commit 1a2b3c4</p>" in page
    assert "<table>" not in page


def test_proposal_and_waivers_have_sections_of_their_own() -> None:
    found = reports.report(
        reports.subject(reports.COST),
        proposal=reports.proposal(reports.changed()),
        waivers=WaiverUse(expired=({"id": "old", "owner": "@ana"},)),
    )
    page = as_html(found)
    assert (
        "<p>The policies that this pull request proposes would change 1 of 31 findings; their "
        "verdict would be: warn. They decide nothing before the merge.</p>"
    ) in page
    assert '<tr><th scope="row">model-size-budget <span class="part">size</span></th>' in page
    assert "<h2>Waivers: 1 expired, 1 used</h2><dl><dt>expired</dt><dd>old, owner @ana</dd>" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_changes_no_tag(text: str) -> None:
    for place, hostile in everywhere(text).items():
        page = as_html(hostile)
        if place != "proposal's problem":  # it has lines of its own
            assert tags(page) == benign_tags(len(steps(text)))[place], place
        assert commands(page) == [], place
        assert page.encode(), place


@given(ANY_TEXT)
@settings(max_examples=max(5, settings().max_examples // 3))  # each draws a dozen plots
def test_no_text_adds_a_tag(text: str) -> None:
    assume(text != "p")  # the one unit that has no bar: a p-value is not a budget
    for place, found in everywhere(text).items():
        if place != "proposal's problem":
            assert tags(as_html(found)) == benign_tags(len(steps(text)))[place], place


def test_a_browser_sees_the_page_as_it_is_written(tmp_path: Path) -> None:
    """Chromium builds the tags that we wrote, of a hostile report too."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    page = as_html(everywhere("</td></table><script>document.title='x'</script>")["message"])
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile"]
    done = subprocess.run(
        [browser, *flags, "--dump-dom", (tmp_path / "page.html").as_uri()],
        check=True,
        capture_output=True,
        timeout=100,
    )
    assert tags(done.stdout.decode()) == tags(page)


def test_what_blocks_has_the_lines_that_waive_it_after_its_table() -> None:
    page = as_html(reports.mixed())
    lines = html.unescape(page.split("<pre>")[1].split("</pre>")[0]).splitlines()
    commands = waive_lines(reports.mixed().subjects[0], reports.mixed())
    assert lines == "\n".join(commands).splitlines()
    assert [command.split(" ")[1] for command in commands] == ["check", "waive"]
    strict = reports.subject(reports.SIZE._replace(level=Level.MANDATORY))
    assert "<pre>" not in as_html(reports.report(strict))
