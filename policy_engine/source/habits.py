"""Values as other tools take them, and what to write instead: decimal commas, variables, quotes."""

import re

_COMMA = re.compile(r"(?P<whole>[-+]?[0-9]*),(?P<rest>[0-9]+)(?P<unit>\s*[^0-9,.].*)?\Z")
_GROUPS = re.compile(
    r"(?P<whole>[-+]?[0-9]{1,3}(?:(?P<by>[., _'])[0-9]{3})(?:(?P=by)[0-9]{3})*)"
    r"(?P<rest>[.,][0-9]+)?(?P<unit>\s*[^0-9,.].*)?\Z"
)
_VARIABLE = re.compile(r"\$\{|\$\(|\{\{|\$[A-Za-z_]|%[A-Za-z_]+%")
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb]")
_IN_A_GROUP = 3  # digits


def other_way(text: str) -> str | None:
    """Return what to write instead of a value that is refused; None where nobody can tell."""
    if _TYPOGRAPHIC.search(text):
        return f"write {_TYPOGRAPHIC.sub('', text)}, without typographic quotes"
    if _VARIABLE.search(text):
        return "write the value itself: a policy file does not fill in variables"
    return _with_a_point(text.strip()) or _without_separators(text.strip())


def _with_a_point(text: str) -> str | None:
    comma = _COMMA.match(text)
    if comma is None:
        return None
    whole, rest, unit = comma["whole"] or "0", comma["rest"], comma["unit"] or ""
    point = f"{whole}.{rest}{unit}"
    if len(rest) == _IN_A_GROUP and whole.strip("+-0"):
        return f"write {point} with a decimal point, or {whole}{rest}{unit} without a separator"
    return f"write {point}, with a decimal point"


def _without_separators(text: str) -> str | None:
    groups = _GROUPS.match(text)
    if groups is None:
        return None
    whole, by, rest = groups["whole"], groups["by"], groups["rest"] or ""
    if rest[:1] == by or (by == "." and not rest):
        return None
    plain = whole.replace(by, "") + rest.replace(",", ".")
    return f"write {plain}{groups['unit'] or ''}, without separators"
