"""Who has to approve an edit of the policies: the rules of CODEOWNERS."""

import re
from collections.abc import Iterator
from pathlib import Path

from policy_engine.change.elsewhere import checkout_of
from policy_engine.change.prepared import Prepared
from policy_engine.change.situation import asked
from policy_engine.check import Options
from policy_engine.cli.doctor.line import FIRST, Line, State
from policy_engine.cli.doctor.policies import Ready
from policy_engine.errors import UsageError
from policy_engine.git import work_tree as git
from policy_engine.quantities.words import first_few, plural

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where the file lies; the first that is there counts."""
LARGEST = 3 * 1024 * 1024
"""GitHub reads no larger file (bytes)."""

_SECTION = re.compile(r"\^?\[(?P<name>[^]]+)\](\[\d+\])?(?P<owners>.*)")
_NAME = "owners"


def owners_line(options: Options, ready: Ready) -> Line:
    """Say whether somebody has to approve an edit of the policies."""
    if not isinstance(ready, Prepared):
        return Line(_NAME, State.NOT_APPLICABLE, FIRST)
    if asked(lambda: git.head(options.root)) is None:
        return Line(_NAME, State.NOT_APPLICABLE, "there is no commit of a git repository here")
    if _is_elsewhere(options):
        said = "the policies are of another repository: see there who approves an edit"
        return Line(_NAME, State.NOT_APPLICABLE, said)
    prefix = asked(lambda: git.prefix(options.root)) or ""
    root = options.root.joinpath(*(".." for _ in Path(prefix).parts))
    paths = sorted(f"{prefix}{path}" for path in ready.paths if not Path(path).is_absolute())
    folder = f"/{paths[0].rpartition('/')[0]}/".replace("//", "/") if paths else "/policies/"
    rule = f"`{folder} @your-org/policy-owners`"
    place = next((name for name in PLACES if (root / name).is_file()), None)
    if place is None:
        said = "no CODEOWNERS: whoever may merge may loosen the policies"
        remedy = f"write {rule} to {PLACES[0]}, and require a review of code owners"
        # Not every forge asks owners, and a first gate on one's own machine is no problem.
        return Line(_NAME, State.NOT_APPLICABLE, said, remedy)
    with (root / place).open(encoding="utf-8", errors="replace") as file:
        unowned = sorted(set(paths) - set(owned(file.read(LARGEST), paths)))
    if unowned:
        which = first_few(unowned, 3)
        said = f"{place} names no owner of the {plural('policy file', len(unowned))} {which}"
        return Line(_NAME, State.PROBLEM, said, f"write {rule} as its last line")
    return Line(_NAME, State.OK, f"{place} names owners of every policy file")


def _is_elsewhere(options: Options) -> bool:
    try:
        return checkout_of(options.policies, options.root) is not None
    except UsageError:  # of several repositories
        return True


def owned(text: str, paths: list[str]) -> Iterator[str]:
    """Yield those of some paths that have an owner: of each section the last rule that fits counts.

    Args:
        text: The content of CODEOWNERS.
        paths: Paths from the repository's root.
    """
    sections: dict[str, list[tuple[re.Pattern[str], bool]]] = {}
    name, has_default = "", False
    for line in text.splitlines():
        pattern, owners = _rule(line)
        if section := _SECTION.match(line.strip()):
            name, has_default = section["name"].casefold(), _names_owner(section["owners"].split())
        elif pattern:
            has_owner = _names_owner(owners) or (has_default and not owners)
            sections.setdefault(name, []).append((_compiled(pattern), has_owner))
    for path in paths:
        fitting = ([o for rule, o in rules if rule.match(path)] for rules in sections.values())
        if any(last[-1] for last in fitting if last):
            yield path


def _rule(line: str) -> tuple[str, list[str]]:
    words = re.split(r"(?<!\\)\s+", line.partition(" #")[0].strip())
    pattern = "" if words[0].startswith("#") else words[0]
    return pattern.replace("\\ ", " "), words[1:]


def _names_owner(words: list[str]) -> bool:
    return any("@" in word for word in words)


def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of paths: as gitignore has it, but that `docs/*` covers no deeper folder."""
    is_anchored = "/" in pattern.rstrip("/")
    body = "".join(map(_part, re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/"))))
    deeper = "/.*" if pattern.endswith("/") else "" if pattern.endswith("/*") else "(/.*)?"
    return re.compile(f"{'' if is_anchored else '(.*/)?'}{body}{deeper}\\Z")


def _part(text: str) -> str:
    wild = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return wild.get(text) or re.escape(text)
