"""A policy file with all that it extends, as one file, and where each value of it comes from.

The text is a policy file itself: it binds the same policies with the same settings.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import yaml

from policy_engine.policy_file import Binding, Draft, PackText, PolicyFile
from policy_engine.policy_file.keys import BindingKeys, Lies, lying
from policy_engine.policy_file.merge import BoundSetting
from policy_engine.policy_file.one_line import dumped, flow_of
from policy_engine.policy_file.setting_kinds import written
from policy_engine.source.problems import Spot
from policy_engine.source.yaml_source import Item, MappingNode, ScalarNode

WIDTH = 80
"""Characters of a line, where paths are not longer than that by themselves."""
_WIDEST = 46  # characters of a value that still has its origin behind it
_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of YAML, and where it comes from."""

    text: str
    origin: str | None = None


Notes = Mapping[tuple[str, str], Sequence[str]]
"""Sentences beside bindings, by policy file and id."""
_NO_NOTES: Notes = MappingProxyType({})


def effective_file(
    files: Iterable[tuple[PolicyFile, Draft]],
    packs: Mapping[str, PackText],
    notes: Notes = _NO_NOTES,
) -> Iterator[str]:
    """Yield each policy file as what it comes to, every value with its origin.

    Args:
        files: The files, each with how it was merged.
        packs: The packs that plugins offer, by name.
        notes: What stands as a comment beneath a binding's id.
    """
    names = {pack.path: name for name, pack in packs.items()}
    for file, draft in files:
        yield _Effective(file, draft, names, notes).text()


class _Effective:
    def __init__(
        self, file: PolicyFile, draft: Draft, packs: Mapping[str, str], notes: Notes
    ) -> None:
        self._file = file
        self._draft = draft
        self._packs = packs
        self._notes = notes
        self._drawn_on: dict[str, None] = {}

    def text(self) -> str:
        """Return the file."""
        lines = [_Line("version: 1"), *self._sections(), _Line("policies:")]
        for binding in self._file.bindings:
            lines += self._binding(binding, self._draft.bindings[binding.id])
        body = _aligned(lines)
        return "\n".join([*self._head(), *body, *self._dropped()])

    def _head(self) -> Iterator[str]:
        yield f"# {self._file.path} with all that it extends."
        yield "# Behind each value stands where it comes from."
        for path in self._drawn_on:
            yield f"# {self._packs[path]}: {path}"
        if self._file.profile is not None:
            yield f"# under the profile {self._file.profile}"
        if self._file.required:
            yield f"# required, beneath all else: {', '.join(self._file.required)}"

    def _dropped(self) -> Iterator[str]:
        for id_, place in self._draft.unbound.items():
            if id_ not in self._draft.bindings:
                yield f"# turned off: {id_} ({self._origin(place.node.at)})"

    def _sections(self) -> Iterator[_Line]:
        draft = self._draft
        if draft.plugins:
            yield _Line("plugins:")
            for name, at in draft.plugins.items():
                yield _Line(f"  - {dumped(name)}", self._origin(at))
        merged = lying(Lies.MERGED)
        for name, item in sorted(draft.sections.items(), key=lambda each: each[0] in merged):
            if name not in merged:
                yield from self._item(name, item, "")
            elif isinstance(item.node, MappingNode) and item.node.items:
                yield _Line(f"{name}:")
                for key, inner in item.node.items.items():
                    yield from self._item(key, inner, "  ")

    def _item(self, key: str, item: Item, indent: str) -> Iterator[_Line]:
        """Yield a key with its value: in one line where it fits, else its parts one by one."""
        head = f"{indent}{dumped(key)}:"
        flow = f"{head} {flow_of(item.node)}"
        if len(flow) > WIDTH and isinstance(item.node, ScalarNode):
            yield _Line(f"{indent}# {self._origin(item.node.at)}")
            yield from _wrapped(key, item.node.value, indent)
        elif isinstance(item.node, ScalarNode) or len(flow) <= _WIDEST:
            yield _Line(flow, self._origin(item.node.at))
        elif isinstance(item.node, MappingNode):
            yield _Line(head)
            for name, inner in item.node.items.items():
                yield from self._item(name, inner, f"{indent}  ")
        else:
            yield _Line(head)
            for node in item.node.nodes:
                yield _Line(f"{indent}  - {flow_of(node)}", self._origin(node.at))

    def _binding(self, binding: Binding, bound: BoundSetting) -> Iterator[_Line]:
        yield _Line(f"  {binding.id}:", self._origin(bound.at))
        for note in self._notes.get((self._file.path, binding.id), ()):
            yield from (_Line(f"    # {line}") for line in textwrap.wrap(note, WIDTH - 6))
        fields = type(binding.policy).model_fields
        engine = BindingKeys.model_fields
        for name in dict.fromkeys(("policy", *fields, *engine)):
            item = bound.settings.get(name)
            if item is not None:
                yield from self._item(name, item, "    ")
            elif name in fields:
                value = written(fields[name], getattr(binding.policy, name))
                yield from _default(name, value)
            elif engine[name].default is not None:
                yield _Line(f"    {name}: {engine[name].default}", _DEFAULT)

    def _origin(self, at: Spot) -> str:
        name = self._packs.get(at.file)
        if name is not None:
            self._drawn_on[at.file] = None
        return f"{name or at.file}:{at.line}"


def _default(name: str, value: Any) -> Iterator[_Line]:
    """Yield a setting that nobody said; a list that is too long for a line entry by entry."""
    flow = f"    {name}: {dumped(value)}"
    if len(flow) + len(_DEFAULT) + 4 <= WIDTH or not isinstance(value, list):
        yield _Line(flow, _DEFAULT)
        return
    yield _Line(f"    {name}:", _DEFAULT)
    for entry in value:
        yield _Line(f"      - {dumped(entry)}")


def _aligned(lines: list[_Line]) -> Iterator[str]:
    """Yield the lines, origins in one column; above the line where it is too long for that."""
    column = max((len(line.text) for line in lines if len(line.text) <= _WIDEST), default=0) + 2
    for line in lines:
        comment = f"# {line.origin}"
        if line.origin is None:
            yield line.text
        elif len(line.text) < column and column + len(comment) <= WIDTH:
            yield f"{line.text:{column}}{comment}"
        elif len(line.text) + 2 + len(comment) <= WIDTH:
            yield f"{line.text}  {comment}"
        else:
            indent = len(line.text) - len(line.text.lstrip())
            yield f"{'':{indent}}{comment}"
            yield line.text


def _wrapped(key: str, value: Any, indent: str) -> Iterator[_Line]:
    """Yield a key with a long text, in as many lines as it takes."""
    text: str = yaml.safe_dump({key: value}, allow_unicode=True, width=WIDTH - len(indent) - 12)
    for line in text.splitlines():
        yield _Line(f"{indent}{line}".rstrip())
