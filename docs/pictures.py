"""Draw the comments and the report that the pages show: real verdicts of the demo, in a browser.

`make pictures` runs the demo, renders four of its verdicts as on a pull request whose policies are
the default branch's own, and takes the pictures with headless Chromium. The numbers are those of
the machine that drew them.
"""  # noqa: INP001 (a script beside the pages that it draws for)

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options as Markdown

from policy_engine.check import Options, check
from policy_engine.judging.report_file import read_report
from policy_engine.render.formats.html import as_html
from policy_engine.render.formats.markdown import as_markdown
from policy_engine.report import PolicySource, Report

IMAGES = Path(__file__).parent / "images"
WIDTHS = (900, 360)
_SOURCE = "main@5d41402"
_WARNS = """
version: 1
metric: {name: val_accuracy}
baseline:
  - alias: champion
policies:
  no-regression: {margin: 1pt}
  significant-improvement: {on_inconclusive: warn}
  metric-threshold: {metric: val_accuracy, min: 0.9}
"""
_STYLE = """
body { font: 14px/1.5 system-ui, 'DejaVu Sans', 'Noto Color Emoji', sans-serif; margin: 16px;
  color: #1f2328; background: #fff; overflow-wrap: anywhere; }
h2, h3 { line-height: 1.3; margin: 8px 0 12px; } h2 { font-size: 20px; } h3 { font-size: 16px; }
code { font: 12px monospace; background: #eff1f3; border-radius: 6px; padding: .15em .35em; }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px; overflow: auto; }
pre code { background: none; padding: 0; }
table { border-collapse: collapse; margin: 8px 0; display: block; overflow: auto; }
th, td { border: 1px solid #d1d9e0; padding: 4px 10px; text-align: left; font-size: 14px;
  overflow-wrap: normal; }
ul { padding-left: 1.5em; } li { margin: 6px 0; } sub { color: #59636e; }
"""
_DARK = """
body { color: #f0f6fc; background: #0d1117; } code { background: #262c36; }
pre { background: #151b23; } pre code { background: none; }
th, td { border-color: #3d444d; } sub { color: #9198a1; }
"""


def draw(browser: str) -> None:
    """Write the pictures of four verdicts, on a wide and a narrow screen, light and dark."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, report in _verdicts(Path(folder)):
            trusted = replace(report, policies=_trusted(report))
            page = Path(folder) / "page.html"
            for width in WIDTHS:
                for scheme, more in (("light", ""), ("dark", _DARK)):
                    page.write_text(_page(as_markdown(trusted), _STYLE + more), encoding="utf-8")
                    _shoot(browser, page, IMAGES / f"comment-{name}-{width}-{scheme}.png", width)
            if name == "fails":
                page.write_text(as_html(trusted), encoding="utf-8")
                _shoot(browser, page, IMAGES / "report-fails-900-light.png", WIDTHS[0], 1700)


def _verdicts(folder: Path) -> Iterator[tuple[str, Report]]:
    """Yield four verdicts of the demo: it passes, is blocked, may be chance, and nothing judged."""
    demo = folder / "policy-engine-demo"
    command = [sys.executable, "-m", "policy_engine", "demo"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)  # noqa: S603 (our own)
    yield "passes", read_report(demo / "reports" / "pr-1.json")
    blocked = read_report(demo / "reports" / "pr-2.json")
    yield "fails", blocked
    (folder / "policies").mkdir()
    (folder / "policies" / "digits.yaml").write_text(_WARNS, encoding="utf-8")
    store = f"sqlite:///{demo}/mlflow.db"
    candidate = blocked.subjects[0].candidate
    assert candidate is not None  # noqa: S101 (the demo judged a run)
    yield "warns", check(Options(runs=(candidate.run_id,), tracking_uri=store, root=folder))
    nothing = Options(commit="9f8e7d6c" * 5, tracking_uri=store, root=folder)
    yield "not-evaluated", check(nothing)


def _trusted(report: Report) -> PolicySource:
    return PolicySource(report.policies.digest, _SOURCE, trusted=True)


def _page(comment: str, style: str) -> str:
    """Return the comment as a page; the diagrams that GitHub draws are left out."""
    blocks = comment.split("```mermaid\n")
    text = blocks[0] + "".join(block.partition("```\n")[2] for block in blocks[1:])
    body = cmarkgfm.github_flavored_markdown_to_html(text, Markdown.CMARK_OPT_UNSAFE)
    return f'<!doctype html><meta charset="utf-8"><style>{style}</style>{body}'


def _shoot(browser: str, page: Path, image: Path, width: int, height: int = 0) -> None:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    profile = f"--user-data-dir={page.parent / 'profile'}"
    height = height or (1000 if width == WIDTHS[0] else 1400)
    size, shot = f"--window-size={width},{height}", f"--screenshot={image}"
    command = [browser, *flags, profile, size, shot, page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)  # noqa: S603 (our own)


if __name__ == "__main__":
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        sys.exit("pictures need Chromium: apt-get install chromium fonts-noto-color-emoji")
    draw(found)
