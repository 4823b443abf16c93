"""Where a plugin's code stands: the file and line that a message names."""

import ast
import inspect
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FrameType, ModuleType
from typing import Any


def place(thing: Any, line: int | None = None) -> str:
    """Return `file:line` of a class, function or module, as its author would open it.

    Args:
        thing: What is looked for.
        line: The line, where it is known better than by the thing.
    """
    try:
        file = inspect.getsourcefile(thing)
        found = line or _first_line(thing)
    except (OSError, TypeError):
        file, found = None, 0
    if file is None:
        return str(getattr(thing, "__module__", None) or type(thing).__name__)
    return f"{shown(file)}:{found}"


def shown(file: str) -> str:
    """Return a path from the folder that one works in, or whole where it lies elsewhere."""
    try:
        return Path(file).resolve().relative_to(Path.cwd()).as_posix()
    except (OSError, ValueError):
        return file


def place_of_setting(policy: type, name: str) -> str:
    """Return where a policy says a setting (or `needs`): the class that says it, and its line."""
    for owner in policy.__mro__:
        line = _line_within(owner, name)
        if line is not None:
            return place(owner, line)
    return place(policy)


def place_of_error(
    error: BaseException, file: str | None, folders: tuple[str, ...] = ()
) -> str | None:
    """Return where an exception was raised: the last line of a plugin's code that led to it.

    Args:
        error: What was raised.
        file: A file of the plugin.
        folders: Folders of the plugin.
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f"{shown(error.filename)}:{error.lineno}"
    lines = [(frame.f_code.co_filename, line) for frame, line in walk_tb(error.__traceback__)]
    for name, line in reversed(lines):
        if name == file or any(Path(folder) in Path(name).parents for folder in folders):
            return f"{shown(name)}:{line}"
    return None


def place_within(error: BaseException, package: str) -> str | None:
    """Return where code of a package raised, or led to what did: the same on every machine."""
    found = None
    for frame, line in walk_tb(error.__traceback__):
        found = _named_place(frame, line, package) or found
    return found


def place_of_yield(generator: Any, package: str) -> str | None:
    """Return where a generator of a package stands, the same on every machine."""
    found = None
    while (frame := getattr(generator, "gi_frame", None)) is not None:
        found = _named_place(frame, frame.f_lineno, package) or found
        generator = generator.gi_yieldfrom
    return found


def _named_place(frame: FrameType, line: int, package: str) -> str | None:
    module = str(frame.f_globals.get("__name__", ""))
    if module.partition(".")[0] != package:
        return None
    path = "/".join((*module.split(".")[:-1], Path(frame.f_code.co_filename).name))
    return f"{path}:{line}, in {frame.f_code.co_name}"


@lru_cache
def tree(module: ModuleType) -> ast.Module | None:
    """Return the syntax tree of a module; None where its source is not there to be read."""
    try:
        return ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return None


def definition(function: Callable[..., Any], module: ModuleType | None) -> ast.FunctionDef | None:
    """Return how a function is written; None where that cannot be read."""
    code: CodeType | None = getattr(function, "__code__", None)
    written = None if module is None else tree(module)
    if written is None or code is None:
        return None
    for node in ast.walk(written):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            if first == code.co_firstlineno:
                return node
    return None


def _first_line(thing: Any) -> int:
    code = getattr(inspect.unwrap(thing) if callable(thing) else thing, "__code__", None)
    if code is not None:
        return int(code.co_firstlineno)
    return 1 if inspect.ismodule(thing) else inspect.getsourcelines(thing)[1]


def _line_within(owner: type, name: str) -> int | None:
    module = inspect.getmodule(owner)
    written = tree(module) if module is not None else None
    for node in ast.walk(written) if written else ():
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__:
            for statement in node.body:
                if name in _named(statement):
                    return statement.lineno
    return None


def _named(statement: ast.stmt) -> list[str]:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    return [target.id for target in targets if isinstance(target, ast.Name)]
