"""Makes a page of each public module: its names with their signatures and docstrings."""  # noqa: INP001 (a script's part)

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Annotated, get_args, get_origin

MODULES = (
    "policy_engine",
    "policy_engine.policy",
    "policy_engine.evidence",
    "policy_engine.quantities",
    "policy_engine.expressions",
    "policy_engine.hookspecs",
    "policy_engine.report",
    "policy_engine.testing",
    "policy_engine.training",
)
"""What a plugin, or a training, may import; all else may change with any version."""

_SECTIONS = ("Args", "Attributes", "Raises", "Returns", "Yields")
_WIDEST = 88
"""Columns of a signature on one line."""


def page(module_name: str) -> str:
    """Return the page of a module."""
    module = import_module(module_name)
    notes = _notes(module)
    names = "\n".join(_section(name, getattr(module, name), notes) for name in public(module))
    return f"# {module_name}\n\n{_prose(inspect.getdoc(module) or '')}\n\n{names}"


def public(module: ModuleType) -> list[str]:
    """Return the names that a module offers: what it lists, or what it defines."""
    listed = getattr(module, "__all__", None)
    if listed is not None:
        return sorted(listed, key=str.lower)
    own = (n for n, each in vars(module).items() if _is_of(module, each) and n[0] != "_")
    return sorted(own, key=str.lower)


def _is_of(module: ModuleType, each: object) -> bool:
    kind = inspect.isclass(each) or inspect.isfunction(each)
    return kind and getattr(each, "__module__", "") == module.__name__


def _section(name: str, each: object, notes: Mapping[str, str]) -> str:
    if not (inspect.isclass(each) or inspect.isfunction(each)):
        return f"## {name}\n\n{_value(each)}\n\n{notes.get(name, '')}\n"
    home = each.__module__
    if not home.startswith("policy_engine"):
        return f"## {name}\n\n`{name}` of {home.partition('.')[0]}.\n"
    if inspect.isclass(each):
        parts = [_prose(_own_doc(each)), *_methods(each)]
        return "\n\n".join([f"## {name}", f"```python\nclass {_called(name, each)}\n```", *parts])
    shown = f"```python\ndef {_called(name, each)}\n```"
    return "\n\n".join([f"## {name}", shown, _prose(_own_doc(each))]) + "\n"


def _value(each: object) -> str:
    """Return what a constant is, or which values a type of settings holds."""
    if get_origin(each) is Annotated:
        return f"A type of settings; at run time `{_plain(_kind(get_args(each)[0]))}`."
    text = _plain(repr(each))
    return f"`{text if len(text) <= _WIDEST else text[:_WIDEST] + '…'}`"


def _notes(module: ModuleType) -> dict[str, str]:
    """Return what stands below the constants of a module and of its parts, by name."""
    path = Path(str(module.__file__))
    parts = path.parent.rglob("*.py") if path.name == "__init__.py" else [path]
    bodies = (ast.parse(part.read_text("utf-8")).body for part in parts)
    return {
        name.id: inspect.cleandoc(below.value.value)
        for body in bodies
        for line, below in pairwise(body)
        if isinstance(line, ast.Assign | ast.AnnAssign)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
        for name in (line.targets if isinstance(line, ast.Assign) else [line.target])
        if isinstance(name, ast.Name)
    }


def _methods(of: type) -> Iterator[str]:
    """Yield a section for each public method and property that a class defines itself."""
    for name, member in vars(of).items():
        inner = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if name.startswith("_") or not (inspect.isfunction(inner) or isinstance(inner, property)):
            continue
        shown = f"`{of.__name__}.{name}`" + ("" if isinstance(inner, property) else "()")
        yield f"**{shown}**\n\n{_prose(_own_doc(inner))}"


def _own_doc(each: object) -> str:
    """Return the docstring, but not one that a base class or a type has instead."""
    text = getattr(each, "__doc__", None)
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _called(name: str, each: object) -> str:
    """Return a name with its parameters, on lines of their own where they are long."""
    try:
        signature = inspect.signature(each)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return name
    text = _plain(f"{name}{signature}")
    if len(text) <= _WIDEST:
        return text
    rest = "".join(f"    {_plain(str(each))},\n" for each in signature.parameters.values())
    returned = signature.return_annotation
    back = "" if returned is inspect.Signature.empty else _plain(f" -> {_kind(returned)}")
    return f"{name}(\n{rest}){back}"


def _kind(annotation: object) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _plain(text: str) -> str:
    """Return a signature without the modules of its types, and without the addresses of values."""
    text = re.sub(r"<class '([\w.]+)'>", r"\1", text)
    text = re.sub(r"<(\w+)[^<>]* at 0x[0-9a-f]+>", r"\1", text)
    return re.sub(r"~(?=\w)|\b(?:\w+\.)+(?=\w)", "", text)


def _prose(doc: str) -> str:
    """Return a docstring as Markdown: its sections are lists, its examples are code."""
    for name in _SECTIONS:
        doc = re.sub(
            rf"^{name}:\n((?:(?: {{4}}.*)?(?:\n|$))+)",
            lambda found, name=name: f"**{name}**\n\n{_entries(found[1], name)}\n",
            doc,
            flags=re.MULTILINE,
        )
    return doc.rstrip()


def _entries(text: str, section: str) -> str:
    """Return the entries of a section as a list; what is indented further goes on with one."""
    lines = [line[4:] for line in text.splitlines() if line.strip()]
    entries: list[str] = []
    for line in lines:
        if line.startswith(" ") and entries:
            entries[-1] += f" {line.strip()}"
        elif section in {"Returns", "Yields"} and entries:
            entries[-1] += f" {line}"
        else:
            entries.append(re.sub(r"^(\*{0,2}[\w.]+):", r"`\1`:", line))
    return "".join(f"- {entry}\n" for entry in entries)
