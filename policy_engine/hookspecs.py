"""The plugin contract: five hooks. A plugin implements those it needs.

    from policy_engine import hookimpl

    @hookimpl
    def register_policies():
        return [MyPolicy]

A plugin is a module (or object) that an entry point of the group `policy_engine` names.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from policy_engine.evidence import Run
    from policy_engine.policy import Deferred, Pack, Policy
    from policy_engine.report import Report

PROJECT = "policy_engine"
"""The name of the pluggy project and of the entry-point group."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Renderer = Callable[["Report"], str]
"""Turns a report into the text of one format."""


class Tracking(Protocol):
    """A read-only finder of runs for baseline rules; it holds no token and no client."""

    def run(self, run_id: str) -> "Run":
        """Return a run by id."""

    def by_alias(self, name: str, alias: str) -> "Run":
        """Return the run of the registered version that carries the alias."""

    def by_tag(self, key: str, value: str) -> "tuple[Run, ...]":
        """Return FINISHED runs of the candidate's experiment with this tag, newest first."""


@hookspec
def register_policies() -> "Iterable[type[Policy] | Deferred]":  # type: ignore[empty-body]
    """Return the policies that this plugin provides.

    Called once, when plugins are loaded. A name that another plugin provides too stops the run.

    Returns:
        Policy classes; or, of a plugin with many, where each is: `policy_engine.policy.Deferred`.

    Since 0.1.
    """


@hookspec
def register_packs() -> "Mapping[str, Path | Pack]":  # type: ignore[empty-body]
    """Return the packs that this plugin provides: policy files for others to extend.

    Called once, when plugins are loaded.

    Returns:
        Pack name to the path of its YAML file; `policy_engine.policy.Pack` of one that had others.

    Since 0.1.
    """


@hookspec
def register_renderers() -> Mapping[str, Renderer]:  # type: ignore[empty-body]
    """Return formats for `--format`.

    Called once, when plugins are loaded. A name that exists already stops the run.

    Returns:
        Format name to a function from report to text.

    Since 0.1.
    """


@hookspec(firstresult=True)
def resolve_baseline(rule: Mapping[str, Any], candidate: "Run", tracking: Tracking) -> "Run | None":
    """Find the baseline for a rule of a policy file that is not built in.

    Called for each such rule, in order, while evidence is collected; the first result counts.

    Args:
        rule: The rule as written under `baseline:`, one key.
        candidate: The run under judgement.
        tracking: Where to look; read-only.

    Returns:
        A run that `tracking` returned, or None if this plugin does not know the rule.

    Raises:
        MissingEvidence: If the plugin knows the rule and found no run; the message says why.

    Since 0.1.
    """


@hookspec
def report_ready(report: "Report") -> None:
    """Take note of a finished report, for example to store it elsewhere.

    Called once, after judgement and before publication. What it raises is said on stderr and
    changes no verdict.

    Args:
        report: The report, frozen.

    Since 0.1.
    """
