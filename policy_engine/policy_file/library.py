"""The texts that policy files draw on: themselves, the files beside them, and packs.

What a file extends counts from left to right, each with its own extensions laid beneath it first.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from policy_engine.errors import UsageError
from policy_engine.policy_file import shapes
from policy_engine.policy_file.declaring import example_of
from policy_engine.policy_file.keys import NOT_IN_A_PACK, FileKeys
from policy_engine.policy_file.merge import Draft
from policy_engine.policy_file.offers import PackText
from policy_engine.policy_file.outdated import Names, Outdated
from policy_engine.policy_file.reading import read_outline
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_file.tightening import note_unsaid
from policy_engine.quantities.words import nearest
from policy_engine.source.problems import PolicyFileError, Problems, Spot, near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, load_yaml

_FIELDS = FileKeys.model_fields
_SUFFIXES = (".yaml", ".yml")
_LONGEST_CHAIN = 20  # files, each extending the next


class _Source(NamedTuple):
    path: str
    text: bytes
    is_pack: bool


class Library:
    """Every text that policy files may draw on, read at most once.

    Attributes:
        is_readable: Whether every text that was asked for is YAML of this version.
        outdated: The old names among required packs.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        neighbours: Mapping[str, bytes],
        packs: Mapping[str, PackText] | None,
        problems: Problems,
        require: Sequence[str] = (),
        names: Names | None = None,
    ) -> None:
        """Offer these texts; `packs` None leaves packs out unread (they are not known yet).

        The packs of `require` (`PACK` or `PLUGIN:PACK`) lie beneath every policy file.

        Raises:
            UsageError: If there is no pack of such a name, or it is another plugin's.
        """
        self._beside = {**neighbours, **files}
        self._packs = packs
        self._problems = problems
        self._names = names or Names()
        self.outdated: list[Outdated] = []
        # What is wrong in a file is said once, where it lies over what is required.
        self._alone = (
            Library(files, neighbours, packs, Problems(), names=names) if require else self
        )
        self._required = {name: self._of_flag(name) for name in require}
        self._drafts: dict[tuple[_Source, bool], Draft] = {}
        self._chain: list[_Source] = []
        self.is_readable = True

    @property
    def used(self) -> tuple[tuple[str, bytes], ...]:
        """Path and bytes of every text that was drawn on, sorted by path."""
        return tuple(sorted({(source.path, source.text) for source, _ in self._drafts}))

    def draft(self, path: str) -> Draft:
        """Return a policy file with what it extends laid beneath it; problems are noted."""
        source = _Source(path, self._beside[path], is_pack=False)
        if not self._required:
            return self._draft(source)
        draft = self._draft(source, on_top=True)
        note_unsaid(draft)
        draft.hold_to_own(self._alone.draft(path))
        return draft

    def _draft(self, source: _Source, *, on_top: bool = False) -> Draft:
        if (source, on_top) not in self._drafts:
            self._chain.append(source)
            self._drafts[source, on_top] = self._fresh(source, on_top=on_top)
            self._chain.pop()
        return self._drafts[source, on_top]

    def _fresh(self, source: _Source, *, on_top: bool) -> Draft:
        packs = frozenset(pack.path for pack in (self._packs or {}).values())
        draft = Draft(source.path, self._problems, packs=packs, names=self._names)
        before = len(self._problems.found)
        for name, pack in self._required.items() if on_top else ():
            draft.lay_required(name, self._draft(pack))
        items = self._outline(source)
        if "extends" in items:
            place = NodePlace(items["extends"].node, "extends", self._problems)
            for name, at in shapes.texts(place, example_of("extends", _FIELDS["extends"])):
                draft.extends[name] = at.node.at
                now = self._names.pack(name, at.node.at, at.key, draft.outdated)
                extended = self._extended(source, now, at)
                if extended is not None:
                    draft.lay_draft(extended, at.node.at)
        draft.lay_file(items)
        draft.is_sound &= len(self._problems.found) == before
        return draft

    def _outline(self, source: _Source) -> dict[str, Item]:
        """Return the keys of a file that can be read on; none if it is of another version."""
        try:
            root = load_yaml(source.text, source.path)
        except PolicyFileError as error:
            self._problems.found.extend(error.problems)
            self.is_readable = False
            return {}
        written = read_outline(FileKeys, root, self._problems)
        if written is None:
            self.is_readable = False
            return {}
        return {n: i for n, i in written.items.items() if self._is_allowed(source, n, i)}

    def _is_allowed(self, source: _Source, name: str, item: Item) -> bool:
        """Say whether a key of the file can be read on; note why not, and every empty value."""
        if source.is_pack and NOT_IN_A_PACK in _FIELDS[name].metadata:
            remedy = "write it in the policy file that extends the pack"
            self._problems.add(item.at, name, f"a pack may not hold `{name}`", remedy)
            return False
        return not self._is_empty(name, item.node)

    def _is_empty(self, name: str, node: Node) -> bool:
        """Note empty values at any depth; say whether the section itself is one."""
        if name == "policies" and isinstance(node, MappingNode):
            for id_, item in node.items.items():
                remedy = "write a value, or remove it"
                if isinstance(item.node, ScalarNode):
                    remedy = "write `on` to bind it with its defaults, or `off`"
                shapes.note_empty(item.node, f"policies.{id_}", self._problems, remedy)
            return False
        shapes.note_empty(node, name, self._problems, "write a value, or remove it")
        return isinstance(node, ScalarNode) and node.value is None

    def _extended(self, source: _Source, name: str, place: NodePlace) -> Draft | None:
        """Return the draft of what a file extends, or note why it cannot."""
        found = self._find(source, name, place)
        if found is None:
            return None
        if found in self._chain:
            names = [link.path for link in self._chain[self._chain.index(found) :]]
            place.wrong(f"a file extends itself: {' → '.join([*names, found.path])}")
            return None
        if len(self._chain) >= _LONGEST_CHAIN:
            place.wrong(f"more than {_LONGEST_CHAIN} files extend each other in a row")
            return None
        return self._draft(found)

    def _find(self, source: _Source, name: str, place: NodePlace) -> _Source | None:
        if not name.endswith(_SUFFIXES):
            return self._pack(source, name, place)
        if source.is_pack:
            place.wrong(f"a pack may only extend packs, not '{name}'")
            return None
        if "/" in name or "\\" in name:
            place.wrong(f"'{name}' is not beside this file", "extend a file of the same folder")
            return None
        path = posixpath.join(posixpath.dirname(source.path), name)
        if path in self._beside:
            return _Source(path, self._beside[path], is_pack=False)
        files = {posixpath.splitext(beside)[0]: beside for beside in self._names_beside(source)}
        meant = next(iter(nearest(posixpath.splitext(name)[0], files)), None)
        remedy = f"did you mean '{files[meant]}'?" if meant else None
        place.wrong(f"no file '{name}' is beside this one", remedy)
        return None

    def _pack(self, source: _Source, name: str, place: NodePlace) -> _Source | None:
        if self._packs is None:
            return None
        if name in self._packs:
            pack = self._packs[name]
            return _Source(pack.path, pack.text, is_pack=True)
        remedy = near_or_all(name, sorted(self._packs), "known packs")
        if not source.is_pack and f"{name}.yaml" in self._names_beside(source):
            remedy = f"did you mean the file '{name}.yaml'?"
        place.wrong(f"no pack is called '{name}'", remedy)
        return None

    def _of_flag(self, given: str) -> _Source:
        """Return the pack that `--require` names, by an old name too.

        Raises:
            UsageError: If there is none, or it is another plugin's.
        """
        packs = self._packs or {}
        plugin, written = plugin_and_pack(given)
        name = self._renamed(given, written)
        if name not in packs:
            hint = near_or_all(name, sorted(packs), "known packs")
            more = "" if plugin else "; one of your own plugin's is written PLUGIN:PACK"
            raise UsageError(f"--require {given}: no pack is called '{name}'; {hint}{more}")
        pack = packs[name]
        if plugin and pack.plugin != normal(plugin):
            raise UsageError(
                f"--require {given}: '{name}' is a pack of {pack.plugin}, not of {plugin}"
            )
        return _Source(pack.path, pack.text, is_pack=True)

    def _renamed(self, given: str, written: str) -> str:
        """Return what a required pack is called now; an old name is the flag's to change."""
        found: list[Outdated] = []
        name = self._names.pack(written, Spot(f"--require {given}", 0, 0), "", found)
        instead = f"write --require {given.removesuffix(written)}{name}"
        self.outdated += (replace(each, instead=instead) for each in found)
        return name

    def _names_beside(self, source: _Source) -> list[str]:
        folder = posixpath.dirname(source.path)
        paths = [p for p in self._beside if posixpath.dirname(p) == folder and p != source.path]
        return sorted(map(posixpath.basename, paths))


def plugin_and_pack(given: str) -> tuple[str | None, str]:
    """Return what `PLUGIN:PACK` or `PACK` names: the plugin's distribution, and the pack."""
    plugin, colon, pack = given.rpartition(":")
    return (plugin if colon else None), pack


def normal(distribution: str) -> str:
    """Return a distribution's name as packaging compares them."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
