"""What plugins offer to policy files: policies and packs, with the names that they had."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from policy_engine.policy import Former, Policy


@dataclass(frozen=True, slots=True)
class Offered:
    """A policy that a plugin offers.

    Attributes:
        source: Its class, or what loads it.
        plugin: The plugin.
        formerly: Names that it had.
        distribution: What a policy file writes under `plugins:` to have it; "" for our own.
    """

    source: type[Policy] | Callable[[], type[Policy]]
    plugin: str
    formerly: tuple[Former, ...] = ()
    distribution: str = ""

    @property
    def policy(self) -> type[Policy]:
        """The class.

        Raises:
            PluginError: If it is loaded only now, and cannot be.
        """
        return self.source if isinstance(self.source, type) else self.source()


class PackText(NamedTuple):
    """A pack: its path for messages, such as `recommended (pack of policy-engine[general])`.

    Attributes:
        path: It.
        text: Its bytes.
        plugin: The distribution of the plugin that brings it.
        formerly: Names that it had.
    """

    path: str
    text: bytes
    plugin: str = ""
    formerly: tuple[Former, ...] = ()
