"""Lays out the pages of the site: these, a page a policy, and the reference of the Python names.

    python docs/website.py FOLDER        # `make site` does it, and builds the site of them

A link keeps its target: one to something that the site has not stops the build.
"""  # noqa: INP001 (a script beside the pages that it reads)

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath

import api
import generate

from policy_engine import plugins
from policy_engine.cli import catalogue

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]*)(#[^)\s]*)?(?=\))")
_FENCE = re.compile(r"^( *```\w+) [^\n`]+$", re.MULTILINE)
_MARK = re.compile(r"^<!-- .* -->\n+", re.MULTILINE)
_IN_CODE = re.compile(r"(^ *```.*?^ *```$|``[^\n]*?``|`[^`\n]*`)", re.MULTILINE | re.DOTALL)
_POLICIES = "docs/reference/policies.md"
_EXAMPLES = ".github/examples"

_HOMES = {
    "docs/README.md": "index.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages that stand elsewhere on the site, by path in this repository."""


def pages() -> dict[str, str]:
    """Return the text of each page of the site, by path."""
    texts = {path: (ROOT / path).read_text("utf-8") for path in (*_HOMES, *_in_docs())}
    made = {_at(path): moved(text, path, _at(path)) for path, text in texts.items()}
    made["reference/policies.md"] = moved(_policies(), _POLICIES, "reference/policies.md")
    made["examples.md"] = _examples()
    for name, text in _each_policy():
        made[f"reference/policies/{name}.md"] = moved(
            text, _POLICIES, f"reference/policies/{name}.md"
        )
    return made | {f"api/{name}.md": api.page(name) for name in api.MODULES}


def order(made: Mapping[str, str]) -> list[dict[str, object]]:
    """Return what the site's table of contents says: the sections of the index, in its order."""
    sections: list[dict[str, object]] = [{"Home": "index.md"}]
    for heading, text in re.findall(
        r"^## (\w[\w-]*).*?\n(.*?)(?=^## |\Z)", made["index.md"], re.MULTILINE | re.DOTALL
    ):
        paths = dict.fromkeys(path for path, _ in _LINK.findall(text) if path.endswith(".md"))
        sections.append({heading: [_entry(path, made) for path in paths]})
    policies = sorted(path for path in made if path.startswith("reference/policies/"))
    sections.append({"Policies": [_entry(path, made) for path in policies]})
    sections.append({"Python": [_entry(f"api/{name}.md", made) for name in api.MODULES]})
    rest = ("examples.md", "security.md", "changelog.md")
    sections.append({"More": [_entry(path, made) for path in rest]})
    return sections


def main(folder: Path) -> None:
    """Write the pages, their pictures and the site's settings into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    made = pages()
    for name, text in made.items():
        path = folder / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in ("images", "schema"):
        shutil.copytree(HERE / name, folder / "pages" / name)
    head, mark, rest = (HERE / "zensical.toml").read_text("utf-8").partition("\n[project.theme]")
    settings = f"{head}nav = {_toml(order(made))}\n{mark}{rest}"
    (folder / "zensical.toml").write_text(settings, encoding="utf-8")


def _in_docs() -> Iterator[str]:
    for path in sorted(HERE.rglob("*.md")):
        if path.relative_to(ROOT).as_posix() not in _HOMES:
            yield path.relative_to(ROOT).as_posix()


def _at(path: str) -> str:
    """Return where the site has a file of this repository."""
    return _HOMES.get(path) or path.removeprefix("docs/")


def _entry(path: str, made: Mapping[str, str]) -> dict[str, object]:
    title = re.search(r"^# (.+)$", made[path], re.MULTILINE)
    if title is None:
        raise ValueError(f"{path}: the page has no title")
    return {title[1].replace("`", ""): path}


def moved(text: str, path: str, to: str) -> str:
    """Return a page as the site has it: links lead to the site's pages, fences name a language."""
    text = "".join(_deeper(_MARK.sub("", text)))
    parts = _IN_CODE.split(_FENCE.sub(r"\1", text))
    for number in range(0, len(parts), 2):  # between the code
        parts[number] = _LINK.sub(lambda found: _link(found, path, to), parts[number])
    return "".join(parts)


def _deeper(text: str) -> Iterator[str]:
    """Yield the lines; what goes on with a numbered point gets the four columns that count here."""
    is_point = False
    for line in text.splitlines(keepends=True):
        goes_on = line.startswith("   ") or not line.strip()
        yield f" {line}" if is_point and goes_on and line.strip() else line
        is_point = (goes_on and is_point) or re.match(r"\d+\. ", line) is not None


def _link(found: re.Match[str], path: str, to: str) -> str:
    """Return a link from the site's page to what it meant in the repository.

    Raises:
        ValueError: If the site has no such page.
    """
    link, anchor = found[1], found[2] or ""
    target = os.path.normpath(PurePosixPath(path).parent / link) if link else path
    if target == _POLICIES and anchor[1:] in _names():
        there, anchor = f"reference/policies/{anchor[1:]}.md", ""
    elif target.startswith(_EXAMPLES):
        there, anchor = "examples.md", _heading_of(target)
    elif target in _HOMES or target.startswith("docs/"):
        there = _at(target)
    else:
        raise ValueError(
            f"{path}: the site has no {target}; link a page, or add it to docs/website.py"
        )
    return os.path.relpath(there, PurePosixPath(to).parent) + anchor if there != to else anchor


def _heading_of(target: str) -> str:
    name = target.removeprefix(_EXAMPLES).strip("/").replace(".", "")
    return f"#{name}" if name else ""


def _examples() -> str:
    """Return a page with each of the example workflows."""
    head = "Whole files for `.github/workflows/`; the how-to pages say which to take."
    parts = (
        f"## {path.name}\n\n```yaml\n{path.read_text('utf-8')}```\n"
        for path in sorted((ROOT / _EXAMPLES).glob("*.yml"))
    )
    return "\n".join([f"# Example workflows\n\n{head}\n", *parts])


@cache
def _names() -> frozenset[str]:
    return frozenset(plugins.load_plugins().policies)


def _policies() -> str:
    """Return the index of the policies, by difference."""
    offered = plugins.load_plugins().policies
    return "\n".join([generate.POLICIES, *generate.contents(offered)]) + "\n"


def _each_policy() -> Iterator[tuple[str, str]]:
    offered = plugins.load_plugins().policies
    for name in offered:
        section = generate.section(catalogue.describe(name, offered))
        yield name, f"# {name}\n\n{generate.title(offered[name].policy)}\n\n{section}"


def _toml(value: object) -> str:
    """Return a value as TOML; texts are written as JSON has them, which TOML reads alike."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
