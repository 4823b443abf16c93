"""Names that a plugin's newer version writes otherwise: read until a day, and told until then."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import NamedTuple

from policy_engine.policy import Ending, Former, Policy
from policy_engine.policy_file.offers import Offered, PackText
from policy_engine.policy_file.setting_kinds import is_a_limit_by_key
from policy_engine.source.problems import Problems, Spot
from policy_engine.source.yaml_source import Item, ScalarNode


@dataclass(frozen=True, slots=True)
class Outdated:
    """One old name as a file writes it.

    Attributes:
        at: Where it stands.
        key: The path of keys to it.
        what: Its kind: `policy`, `setting`, `pack`.
        old: It.
        new: What it is called now; None: it ends without a successor.
        until: The last day (UTC) on which it is read.
        instead: What to do about it.
    """

    at: Spot
    key: str
    what: str
    old: str
    new: str | None
    until: date
    instead: str

    @property
    def said(self) -> str:
        """What is the case, for a problem or a note that names the place."""
        came = f"is now called '{self.new}'" if self.new else "is retired"
        return f"{self.what} '{self.old}' {came}"

    @property
    def over(self) -> str:
        """What is the case after the last day."""
        read = "the old name" if self.new else "it"
        return f"{self.said}; {read} was read until {self.until}"

    def note(self) -> str:
        """Return it as a note, while it is read."""
        place = f"{self.at.file}:{self.at.line}" if self.at.line else self.at.file
        return f"{place}: {self.said}, and read until {self.until}: {self.instead}"


class _Setting(NamedTuple):
    """What an old setting comes to."""

    new: str | None
    until: date
    instead: str | None


class Names:
    """What old names of policies, settings and packs come to."""

    def __init__(
        self,
        offered: Mapping[str, Offered] = MappingProxyType({}),
        packs: Mapping[str, PackText] = MappingProxyType({}),
    ) -> None:
        """Know the old names of what plugins offer."""
        self._offered = offered
        self._policies = dict(_former((name, each.formerly) for name, each in offered.items()))
        self._packs = dict(_former((name, each.formerly) for name, each in packs.items()))
        self._pack_texts = frozenset(each.path for each in packs.values())

    def policy(self, name: str, at: Spot, key: str, found: list[Outdated]) -> str:
        """Return what a policy is called now; note where that is another name."""
        return self._renamed("policy", self._policies, name, at, key, found)

    def pack(self, name: str, at: Spot, key: str, found: list[Outdated]) -> str:
        """Return what a pack is called now; note where that is another name."""
        return self._renamed("pack", self._packs, name, at, key, found)

    def settings(
        self,
        policy: str,
        key: str,
        items: Mapping[str, Item],
        problems: Problems,
        found: list[Outdated],
    ) -> dict[str, Item]:
        """Return the settings of a binding under the names of today; note the old ones."""
        old = dict(self._settings(policy))
        read: dict[str, Item] = {}
        for name, item in items.items():
            if name not in old:
                read[name] = item
                continue
            new, until, instead = old[name]
            instead = instead or self._write(new or name, item.at)
            found.append(Outdated(item.at, f"{key}.{name}", "setting", name, new, until, instead))
            if new is not None and new in items:
                problems.add(item.at, f"{key}.{name}", f"'{new}' says the same", "keep one of them")
            else:
                read[new or name] = item
        return read

    def ending(self, policy: str, at: Spot, key: str, found: list[Outdated]) -> None:
        """Note a policy that ends."""
        offered = self._offered.get(policy)
        ends = offered.policy.policy_ends if offered is not None else None
        if ends is not None:
            found.append(Outdated(at, key, "policy", policy, None, ends.until, ends.instead))

    def limits_by_key(self, policy: str) -> frozenset[str]:
        """Return the settings of a policy that merge key by key: a limit for each."""
        offered = self._offered.get(policy)
        fields = offered.policy.model_fields if offered is not None else {}
        return frozenset(name for name, field in fields.items() if is_a_limit_by_key(field))

    def _settings(self, policy: str) -> Iterator[tuple[str, _Setting]]:
        offered = self._offered.get(policy)
        return iter(()) if offered is None else _settings_of(offered.policy)

    def _renamed(
        self,
        what: str,
        known: Mapping[str, tuple[str, Former]],
        name: str,
        at: Spot,
        key: str,
        found: list[Outdated],
    ) -> str:
        if name not in known:
            return name
        new, former = known[name]
        instead = self._write(new, at)
        found.append(Outdated(at, key, what, name, new, former.until, instead))
        return new

    def _write(self, name: str, at: Spot) -> str:
        """Return what to write; a plugin's own pack is out of reach of `--fix`."""
        fix = ", or let `policy-engine validate --fix` do so"
        return f"write {name}{'' if at.file in self._pack_texts else fix}"


def refuse_outdated(outdated: Iterable[Outdated], now: datetime) -> None:
    """Refuse old names whose last day is over.

    Raises:
        PolicyFileError: With all of them.
    """
    today, problems = now.astimezone(UTC).date(), Problems()
    for each in outdated:
        if today > each.until:
            problems.add(each.at, each.key, each.over, each.instead)
    problems.raise_any()


def text_of(item: Item | None) -> str | None:
    """Return a value that is a text."""
    node = item.node if item is not None else None
    return node.value if isinstance(node, ScalarNode) and isinstance(node.value, str) else None


def _settings_of(policy: type[Policy]) -> Iterator[tuple[str, _Setting]]:
    for name, field in policy.model_fields.items():
        for each in field.metadata:
            if isinstance(each, Former):
                yield each.name, _Setting(name, each.until, None)
            elif isinstance(each, Ending):
                yield name, _Setting(None, each.until, each.instead)


def _former(
    named: Iterable[tuple[str, tuple[Former, ...]]],
) -> Iterator[tuple[str, tuple[str, Former]]]:
    for name, formerly in named:
        for each in formerly:
            yield each.name, (name, each)
