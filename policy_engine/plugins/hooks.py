"""What can be wrong with how a plugin implements the hooks."""

import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any

from policy_engine import hookspecs
from policy_engine.hookspecs import PROJECT
from policy_engine.quantities.words import listed
from policy_engine.source.code import place
from policy_engine.source.problems import near_or_all

Marks = Callable[[Any, str], Any]
"""Returns how a plugin marks what it calls so as a hook; None: it does not."""


def hooks_known() -> dict[str, list[str]]:
    """Return the arguments of every hook, by its name."""
    specs = {n: f for n, f in vars(hookspecs).items() if hasattr(f, f"{PROJECT}_spec")}
    return {name: list(inspect.signature(spec).parameters) for name, spec in sorted(specs.items())}


def mistakes_of_hooks(plugin: Any, marks: Marks) -> Iterator[str]:
    """Yield each mistake of a plugin's hooks, marked and forgotten ones, with its place."""
    known = hooks_known()
    for name in dir(plugin):
        options = marks(plugin, name)
        function = getattr(plugin, name)
        if options is None:
            if name in known and inspect.isroutine(function):
                yield f"{place(function)}: {name} is not marked: write @hookimpl above it"
            continue
        at, hook = place(function), options.get("specname") or name
        if hook not in known:
            yield f"{at}: there is no hook '{hook}'; {near_or_all(hook, known, 'the hooks are')}"
        else:
            yield from (f"{at}: {hook} {each}" for each in _of_function(function, known[hook]))


def _of_function(function: Any, known: Collection[str]) -> Iterator[str]:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        yield "is async, and nobody awaits it: write a plain function"
        return
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters):
        yield "has keyword-only parameters, which no plugin is given: remove the `*`"
        return
    for each in parameters:
        if each.default is inspect.Parameter.empty and each.name not in known:
            yield f"has no argument '{each.name}'; {_arguments(known)}"


def _arguments(known: Collection[str]) -> str:
    return f"it takes {listed(list(known), 'and')}" if known else "it takes none"
