"""What a policy file says, laid over what it extends, every value still at its own place.

Plugins and waivers add up; prices, evidence and a binding's settings merge key by key, in profiles
too; all else is replaced whole. A binding remembers every mandatory one that it was inherited from:
`tightening` holds it to them once the policies are known.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from policy_engine.policy import Level
from policy_engine.policy_file import shapes
from policy_engine.policy_file.declaring import example_of
from policy_engine.policy_file.keys import ID, FileKeys, Lies, lying
from policy_engine.policy_file.outdated import Names, Outdated, text_of
from policy_engine.policy_file.shapes import NodePlace, wrote
from policy_engine.source.problems import Problems, Spot, excerpt, near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, SequenceNode

_FIELDS = FileKeys.model_fields

_BINDING = frozenset({"policies", "profiles"})

OWN = "bound"
"""Why what a file says by itself holds against a required pack: that must not loosen it either."""


@dataclass(frozen=True, slots=True)
class BoundSetting:
    """A binding as written, before its policy looks at the settings.

    Attributes:
        at: Where its id stands, in the file that wrote to it last.
        where: Where the file under reading brought it in: its own line, or that of its `extends:`.
        settings: All that is set of it, by key.
        inherited_from: The extended file that wrote to it last; None for a file's own binding.
        held_to: What it was inherited from and may not loosen.
    """

    at: Spot
    where: Spot
    settings: Mapping[str, Item]
    inherited_from: str | None = None
    held_to: tuple["HeldBinding", ...] = ()

    @property
    def mandatory(self) -> Spot | None:
        """Where it was made mandatory, if it was."""
        level = self.settings.get("level")
        if level and isinstance(level.node, ScalarNode) and level.node.value == Level.MANDATORY:
            return level.at
        return None


@dataclass(frozen=True, slots=True)
class HeldBinding:
    """A binding that no file above may loosen.

    Attributes:
        bound: It, as its own file left it.
        made: Where it was made so.
        word: Why it holds: it is `mandatory`, of a pack that is `required`, a file's `OWN`, or what
            a profile is laid over.
    """

    bound: BoundSetting
    made: Spot
    word: str = "mandatory"

    @property
    def so(self) -> str:
        """Say why it holds, and where that was said."""
        return f"the binding is {self.word} ({self.made.file}:{self.made.line})"

    def unchangeable(self, name: str) -> tuple[str, str]:
        """Return what to say of a key that cannot be changed, and the remedy."""
        return f"{self.so}; it cannot be changed", self.remedy(name)

    def remedy(self, name: str) -> str:
        """Say which two lines are at odds about a key: the reader's own, or the one that holds."""
        item = self.bound.settings.get(name)
        at = self.made if item is None else item.at
        return f"remove the line, or change {at.file}:{at.line}"


@dataclass(slots=True)
class Draft:
    """The merged content of a policy file, of which only the outline was read.

    Attributes:
        path: The file, as messages name it.
        problems: Where problems go.
        extends: What the file itself extends, and where it says so.
        sections: The keys that are replaced whole, or merged key by key, but the bindings.
        plugins: The plugins that are named, and where.
        bindings: What is bound, by id, extended ones first.
        unbound: What it, or a file that it extends, turned off: where, by id.
        required: The packs that lie beneath it whatever it says, each as read.
        packs: The paths of all packs that there are.
        waivers: The sections with waivers, extended ones first.
        names: What old names come to.
        outdated: The old names that it, or what it extends, is written with.
        profiles: What each profile lays over the bindings, by its name.
        under: Each profile's bindings as merged with these, once the policies are known.
        section: The keys to its bindings.
        base_bindings: The bindings without a profile, once one is laid over them.
        base: Of a profile: the draft whose bindings it is laid over.
        is_sound: Whether its outline was right: if not, what is absent may just be unread.
    """

    path: str
    problems: Problems
    extends: dict[str, Spot] = field(default_factory=dict)
    sections: dict[str, Item] = field(default_factory=dict)
    plugins: dict[str, Spot] = field(default_factory=dict)
    bindings: dict[str, BoundSetting] = field(default_factory=dict)
    unbound: dict[str, NodePlace] = field(default_factory=dict)
    required: dict[str, "Draft"] = field(default_factory=dict)
    packs: frozenset[str] = frozenset()
    waivers: list[Item] = field(default_factory=list)
    names: Names = field(default_factory=Names)
    outdated: list[Outdated] = field(default_factory=list)
    profiles: dict[str, "Draft"] = field(default_factory=dict)
    under: dict[str, dict[str, BoundSetting]] = field(default_factory=dict)
    base_bindings: dict[str, BoundSetting] = field(default_factory=dict)
    section: str = "policies"
    base: "Draft | None" = None
    is_sound: bool = True

    def lay_required(self, name: str, pack: "Draft") -> None:
        """Lay a pack beneath all else, so that none of its bindings can be dropped or loosened."""
        self.required[name] = pack
        self._lay(pack, Spot(self.path, 1, 1), is_required=True)

    def hold_to_own(self, alone: "Draft") -> None:
        """Note what the file comes to without required packs: they do not loosen it."""
        self.hold_to(alone, list(self.required.values()))
        for name, layer in self.profiles.items():
            packs = [
                pack.profiles[name] for pack in self.required.values() if name in pack.profiles
            ]
            if name in alone.profiles:
                layer.hold_to(alone.profiles[name], packs)

    def hold_to(self, alone: "Draft", required: Sequence["Draft"]) -> None:
        """Note what another draft comes to, of what these packs bind too."""
        for id_, bound in alone.bindings.items():
            if any(id_ in pack.bindings for pack in required):
                merged = self.bindings[id_]
                held_to = (*merged.held_to, HeldBinding(bound, bound.at, OWN))
                self.bindings[id_] = replace(merged, held_to=held_to)

    def lay_draft(self, other: "Draft", extends: Spot) -> None:
        """Lay what is extended at this place over what was extended before it."""
        self._lay(other, extends, is_required=False)
        for id_, place in other.unbound.items():
            self.unbound[id_] = place
            if id_ in self.bindings:
                _refuse_to_drop(self.bindings[id_], place, "required")

    def _lay(self, other: "Draft", at: Spot, *, is_required: bool) -> None:
        self.is_sound &= other.is_sound
        for name, item in other.sections.items():
            self._lay_section(name, item)
        self.plugins.update(other.plugins)
        self.waivers += other.waivers
        self.outdated += other.outdated
        self.lay_bindings(other, at, is_required=is_required)
        for name, layer in other.profiles.items():
            self._profile(name).lay_bindings(layer, at, is_required=is_required)

    def lay_bindings(self, other: "Draft", at: Spot, *, is_required: bool) -> None:
        """Lay the bindings of another draft over these; they hold as they say, or are required."""
        for id_, bound in other.bindings.items():
            held_to = bound.held_to
            if is_required:
                held_to = (*held_to, HeldBinding(bound, bound.at, "required"))
            elif bound.mandatory:
                held_to = (*held_to, HeldBinding(bound, bound.mandatory))
            inherited = replace(bound, where=at, inherited_from=bound.at.file, held_to=held_to)
            self._lay_binding(id_, inherited)

    def lay_file(self, items: Mapping[str, Item]) -> None:
        """Lay the file's own keys over all that it extends."""
        for name in (*lying(None), *lying(Lies.MERGED)):
            if name in items and name not in _BINDING and self._is_mergeable(name, items[name]):
                self._lay_section(name, items[name])
        if "waivers" in items:
            self.waivers.append(items["waivers"])
        if "plugins" in items:
            place = NodePlace(items["plugins"].node, "plugins", self.problems)
            for name, at in shapes.texts(place, example_of("plugins", _FIELDS["plugins"])):
                self.plugins.setdefault(name, at.node.at)
        if "policies" in items and self._is_mergeable("policies", items["policies"]):
            assert isinstance(items["policies"].node, MappingNode)  # noqa: S101 (mypy)
            self.lay_statements(items["policies"].node.items)
        if "profiles" in items and self._is_mergeable("profiles", items["profiles"]):
            assert isinstance(items["profiles"].node, MappingNode)  # noqa: S101 (mypy)
            for name, item in items["profiles"].node.items.items():
                self._lay_profile(name, item)

    def lay_statements(self, written: Mapping[str, Item]) -> None:
        """Lay what a file says of each id over what was said beneath it."""
        for id_, item in written.items():
            now = self._id_today(id_, item)
            if now != id_ and now in written:
                what = f"'{now}' is the same policy"
                self.problems.add(item.at, f"{self.section}.{id_}", what, "keep one of them")
            else:
                self._lay_statement(now, self._today(now, id_, item))

    def _lay_profile(self, name: str, item: Item) -> None:
        """Lay what the file says under a profile over what was said beneath it."""
        place = NodePlace(item.node, f"profiles.{name}", self.problems)
        written = shapes.mapping(place, "prod: {model-size-budget: {max_size: 50MB}}")
        if not re.fullmatch(ID, name):
            message = f"{excerpt(name)} is not a name: letters, digits, '-', '_' and '.'"
            self.problems.add(item.at, "profiles", message, "write it like prod")
        elif written is not None:
            self._profile(name).lay_statements(written)

    def _profile(self, name: str) -> "Draft":
        if name not in self.profiles:
            self.profiles[name] = Draft(
                self.path,
                self.problems,
                packs=self.packs,
                names=self.names,
                outdated=self.outdated,
                section=f"profiles.{name}",
                base=self,
            )
        return self.profiles[name]

    def _is_mergeable(self, name: str, item: Item) -> bool:
        """Say whether a key can be laid over the same beneath, or note why not."""
        place = NodePlace(item.node, name, self.problems)
        example = example_of(name, _FIELDS[name])
        return name not in lying(Lies.MERGED) or shapes.mapping(place, example) is not None

    def _lay_section(self, name: str, above: Item) -> None:
        beneath = self.sections.get(name)
        is_merged = name in lying(Lies.MERGED)
        self.sections[name] = _merged(beneath, above) if is_merged else above

    def _lay_statement(self, id_: str, item: Item) -> None:
        """Lay what the file says of one id: settings, `on` or `off`."""
        node = item.node
        place = NodePlace(node, f"{self.section}.{id_}", self.problems)
        if isinstance(node, MappingNode):
            self._lay_binding(id_, BoundSetting(item.at, item.at, node.items))
        elif isinstance(node, ScalarNode) and node.value is True:
            self._lay_binding(id_, BoundSetting(item.at, item.at, {}))
        elif isinstance(node, ScalarNode) and node.value is False:
            self._unbind(id_, place)
        elif isinstance(node, ScalarNode) and node.text in {"on", "off"}:
            place.wrong(f"expected settings, got the text {wrote(node)}", "remove the quotes")
        else:
            remedy = "write it like {max_size: 200MB}, or `on` for its defaults, or `off`"
            place.wrong(f"expected settings, got {wrote(node)}", remedy)

    def _id_today(self, id_: str, item: Item) -> str:
        """Return the id that a statement is about: an old name of a policy is its name of today."""
        items = item.node.items if isinstance(item.node, MappingNode) else {}
        if "policy" in items or self._beneath(id_) is not None:
            return id_
        return self.names.policy(id_, item.at, f"{self.section}.{id_}", self.outdated)

    def _today(self, id_: str, written: str, item: Item) -> Item:
        """Return a statement with the names of today."""
        node = item.node
        if not isinstance(node, MappingNode):
            return item
        key, items = f"{self.section}.{written}", dict(node.items)
        own, beneath = text_of(items.get("policy")), self._beneath(id_)
        if own is not None:
            value = items["policy"].node
            now = self.names.policy(own, value.at, f"{key}.policy", self.outdated)
            if now != own and isinstance(value, ScalarNode):
                renamed = replace(value, value=now, text=now)
                items["policy"] = Item(items["policy"].at, renamed)
        settings = beneath.settings if beneath else {}
        policy = text_of(items.get("policy")) or text_of(settings.get("policy")) or id_
        read = self.names.settings(policy, key, items, self.problems, self.outdated)
        self.names.ending(policy, item.at, key, self.outdated)
        return Item(item.at, replace(node, items=read))

    def _beneath(self, id_: str) -> BoundSetting | None:
        """Return what is bound under an id so far; of a profile, by the file itself too."""
        found = self.bindings.get(id_)
        return found if found or self.base is None else self.base.bindings.get(id_)

    def _unbind(self, id_: str, place: NodePlace) -> None:
        if self.base is not None:
            message = "a profile only tightens: it turns no binding off"
            place.wrong(message, "remove the line, or turn it off under `policies:`")
            return
        bound = self.bindings.get(id_)
        if bound is None:
            message = f"nothing to turn off: no file or pack beneath binds '{id_}'"
            bound_beneath = near_or_all(id_, self.bindings, "bound beneath")
            place.wrong(message, bound_beneath if self.bindings else "remove the line")
        elif not _refuse_to_drop(bound, place, "mandatory", "required"):
            del self.bindings[id_]
            self.unbound[id_] = place

    def _lay_binding(self, id_: str, bound: BoundSetting) -> None:
        beneath = self.bindings.get(id_)
        if beneath is None:
            self.bindings[id_] = bound
            return
        self.bindings[id_] = replace(
            bound,
            settings=self.laid(id_, beneath.settings, bound.settings),
            inherited_from=bound.inherited_from or beneath.inherited_from,
            held_to=_each_once(*beneath.held_to, *bound.held_to),
        )

    def laid(
        self, id_: str, beneath: Mapping[str, Item], above: Mapping[str, Item]
    ) -> dict[str, Item]:
        """Return settings laid over others: one for one, and limits that have keys key by key."""
        policy = text_of(above.get("policy")) or text_of(beneath.get("policy")) or id_
        by_key = self.names.limits_by_key(policy) & beneath.keys() & above.keys()
        both = {name: _merged(beneath[name], above[name]) for name in by_key}
        return {**beneath, **above, **both}


def _merged(beneath: Item | None, above: Item) -> Item:
    """Return a value laid over another: of two mappings, key by key."""
    if beneath is None or not (
        isinstance(beneath.node, MappingNode) and isinstance(above.node, MappingNode)
    ):
        return above
    old, new = beneath.node.items, above.node.items
    items = {**old, **{name: _merged(old.get(name), item) for name, item in new.items()}}
    return Item(above.at, replace(above.node, items=items))


def plugins_of(drafts: Iterable[Draft]) -> tuple[str, ...]:
    """Return the plugins that the files name, each once, in the order of the files."""
    return tuple(dict.fromkeys(name for draft in drafts for name in draft.plugins))


def _refuse_to_drop(bound: BoundSetting, place: NodePlace, *words: str) -> bool:
    """Say whether a binding holds for one of these reasons; then note that it cannot be dropped."""
    held = next((each for each in bound.held_to if each.word in words), None)
    if held is None:
        return False
    remedy = f"remove the line, or change {held.made.file}:{held.made.line}"
    place.wrong(f"{held.so}; it cannot be turned off", remedy)
    return True


def _each_once(*held: HeldBinding) -> tuple[HeldBinding, ...]:
    """Return them without those that came twice, by two ways: else a diamond of files doubles."""
    once: dict[int, HeldBinding] = {}
    for each in held:
        once.setdefault(id(each.bound), each)  # a pack that is required stays so, extended too
    return tuple(once.values())


def same(one: Node, other: Node) -> bool:
    """Say whether two values are equal, a boolean never being a number."""
    if isinstance(one, ScalarNode) and isinstance(other, ScalarNode):
        return (type(one.value), one.value) == (type(other.value), other.value)
    if isinstance(one, SequenceNode) and isinstance(other, SequenceNode):
        return len(one.nodes) == len(other.nodes) and all(map(same, one.nodes, other.nodes))
    if isinstance(one, MappingNode) and isinstance(other, MappingNode):
        return one.items.keys() == other.items.keys() and all(
            same(item.node, other.items[name].node) for name, item in one.items.items()
        )
    return False
