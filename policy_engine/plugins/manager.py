"""The plugin manager: load, check, refuse clashes, sort. It fails closed.

The modules that policy-engine ships always load. Any other plugin loads only when a policy file
names its distribution under `plugins:`; a named plugin that is absent, fails to import, misspells a
hook or clashes with another stops the run.
"""

import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, distributions
from importlib.util import find_spec
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import pluggy

from policy_engine import hookspecs
from policy_engine.errors import PluginError, PolicyEngineError
from policy_engine.evidence import Run
from policy_engine.evidence.states import UndeclaredNeed
from policy_engine.hookspecs import PROJECT, Renderer, Tracking
from policy_engine.plugins.hooks import mistakes_of_hooks
from policy_engine.plugins.policies import mistakes_of
from policy_engine.plugins.record import record_digest
from policy_engine.plugins.written import mistakes_written
from policy_engine.policy import Deferred, Pack, Policy
from policy_engine.policy_file import KnownRules, Offered, PackText
from policy_engine.policy_file.library import normal
from policy_engine.report import Distribution, Report
from policy_engine.source.code import place, place_of_error, place_within
from policy_engine.tracking.baseline_rules import RULES

OURS = "policy-engine"
TRACE = "POLICY_ENGINE_TRACE"


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """One plugin that takes part: `distribution[entry]`, its version, the hooks it implements."""

    name: str
    distribution: str
    version: str
    entry: str
    hooks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Plugins:
    """Everything that the loaded plugins offer."""

    def __init__(self, found: Iterable[tuple[str, str, EntryPoint]]) -> None:
        """Load entry points given as (distribution, version, entry point).

        Raises:
            PluginError: If one of them is broken, or two are at odds.
        """
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.loaded = tuple(self._register(*each) for each in found)
        if os.environ.get(TRACE) == "1":
            self._manager.trace.root.setwriter(sys.stderr.write)
            self._manager.enable_tracing()
        self.policies: Mapping[str, Offered] = self._offered("register_policies", self._policies)
        self.packs: Mapping[str, PackText] = self._offered("register_packs", self._packs)
        _refuse_reuse("register_policies", self.policies)
        _refuse_reuse("register_packs", self.packs)
        self.renderers: Mapping[str, Renderer] = self._offered(
            "register_renderers", self._renderers
        )
        self.baseline_rules = KnownRules(
            built_in={key: rule.model_fields["value"] for key, rule in RULES.items()},
            any_other=any("resolve_baseline" in loaded.hooks for loaded in self.loaded),
        )

    def has(self, distribution: str) -> bool:
        """Say whether the plugins of a distribution are loaded, by any spelling of its name."""
        return normal(distribution) in {loaded.distribution for loaded in self.loaded}

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """The distributions that took part, each with the digest of what it installed."""
        versions = {each.distribution: each.version for each in self.loaded}
        return tuple(
            Distribution(name, version, record_digest(name)) for name, version in versions.items()
        )

    def resolve_baseline(
        self, rule: Mapping[str, Any], candidate: Run, tracking: Tracking
    ) -> Run | None:
        """Ask the plugins for the run that a baseline rule names; the first answer counts."""
        try:
            found = self._manager.hook.resolve_baseline(
                rule=dict(rule), candidate=candidate, tracking=tracking
            )
        except SystemExit as e:
            raise PluginError(f"resolve_baseline called exit({e}) for the rule {dict(rule)}") from e
        except UndeclaredNeed as e:
            at = self._place("resolve_baseline", e)
            raise PluginError(
                f"resolve_baseline{at} reads more of a run than its facts: a rule is given tags, "
                "parameters, metrics and times"
            ) from e
        except PolicyEngineError:
            raise
        except Exception as e:  # whatever a plugin raises goes on, with its place
            e.add_note(self._place("resolve_baseline", e))
            raise
        if found is not None and not isinstance(found, Run):
            raise PluginError(
                f"resolve_baseline returned {found!r:.100}, which is no run of `tracking`, for the "
                f"rule {dict(rule)}: return a run that `tracking` gave, or None"
            )
        return found

    def report_ready(self, report: Report, tell: Callable[[str], object]) -> None:
        """Hand the report to every plugin; what one of them raises is told and changes nothing.

        Args:
            report: The report.
            tell: Where what went wrong is said.
        """
        for loaded in self.loaded:
            if "report_ready" not in loaded.hooks:
                continue
            try:
                self._alone("report_ready", loaded)(report=report)
            except (Exception, SystemExit) as e:  # noqa: BLE001 (the verdict stands)
                why = f"{type(e).__name__}: {e}{self._place('report_ready', e)}"
                tell(f"plugin {loaded}: report_ready raised {why}; the verdict stands")

    def _place(self, hook: str, error: BaseException) -> str:
        """Return where in the plugins that have a hook an error comes from; "" where in none."""
        for loaded in self.loaded:
            if hook in loaded.hooks:
                plugin = self._manager.get_plugin(loaded.name)
                module = getattr(plugin, "__name__", type(plugin).__module__)
                at = place_within(error, module.partition(".")[0])
                if at is not None:
                    return f" ({at})"
        return ""

    def _register(self, owner: str, version: str, entry: EntryPoint) -> LoadedPlugins:
        name = f"{owner}[{entry.name}]"
        try:
            plugin = entry.load()
        except (Exception, SystemExit) as e:  # a plugin raises anything
            why = _unimported(entry.module, e)
            if isinstance(e, ModuleNotFoundError) and e.name == entry.module:
                why += (
                    f", which the entry point '{entry.name}' names: correct that, or have the "
                    "build put the module into the wheel"
                )
            raise PluginError(f"plugin {name} {version} {why}") from e
        _refuse(f"{name} {version}", mistakes_of_hooks(plugin, self._manager.parse_hookimpl_opts))
        try:
            self._manager.register(plugin, name)
        except Exception as e:  # pluggy asks the plugin for all that it has: any of it may raise
            raise PluginError(f"plugin {name} {version} breaks the hook contract: {e}") from e
        hooks = sorted(caller.name for caller in self._manager.get_hookcallers(plugin) or ())
        if not hooks:
            raise PluginError(
                f"plugin {name} {version}: {place(plugin)}: it implements no hook: "
                "mark its functions with @hookimpl"
            )
        return LoadedPlugins(name, owner, version, entry.name, tuple(hooks))

    def _offered(
        self, hook: str, read: Callable[[LoadedPlugins, Any], Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return what all plugins offer through a hook; a name offered twice is refused."""
        offered: dict[str, Any] = {}
        owner: dict[str, str] = {}
        for loaded in self.loaded:
            if hook not in loaded.hooks:
                continue
            for name, thing in read(loaded, self._answer(hook, loaded)).items():
                if name in owner:
                    raise PluginError(
                        f"{hook}: '{name}' is provided by {owner[name]} and by {loaded.name}: "
                        "give one of them another name"
                    )
                owner[name] = loaded.name
                offered[name] = thing
        return dict(sorted(offered.items()))

    def _alone(self, hook: str, loaded: LoadedPlugins) -> pluggy.HookCaller:
        """Return the hook of one plugin."""
        plugin = self._manager.get_plugin(loaded.name)
        others = [p for p in self._manager.get_plugins() if p is not plugin]
        return self._manager.subset_hook_caller(hook, others)

    def _answer(self, hook: str, loaded: LoadedPlugins) -> Any:
        try:
            answers = self._alone(hook, loaded)()
        except (Exception, SystemExit) as e:  # a plugin raises anything
            raise PluginError(f"plugin {loaded}: {hook} raised {type(e).__name__}: {e}") from e
        return answers[0] if answers else None

    def _policies(self, loaded: LoadedPlugins, answer: Any) -> Mapping[str, Offered]:
        if not isinstance(answer, Iterable) or isinstance(answer, str):
            _refuse(
                loaded,
                [self._returned("register_policies", loaded, answer, "a list of policy classes")],
            )
        answer = list(answer)
        _refuse_mistakes(loaded, [each for each in answer if not isinstance(each, Deferred)])
        offered: dict[str, Offered] = {}
        for policy in answer:
            if isinstance(policy, Deferred):
                name, formerly = policy.name, policy.formerly
                source: Any = partial(_imported, loaded, policy)
            else:
                name, formerly, source = policy.policy_name, policy.policy_formerly, policy
            if name in offered:
                raise PluginError(f"plugin {loaded} provides '{name}' twice")
            named = "" if loaded.distribution == OURS else loaded.distribution
            offered[name] = Offered(source, loaded.entry, formerly, named)
        return offered

    def _returned(self, hook: str, loaded: LoadedPlugins, answer: Any, due: str) -> str:
        """Return that a hook returned something else than expected."""
        function = getattr(self._manager.get_plugin(loaded.name), hook, None)
        return f"{place(function)}: {hook} returned {answer!r:.100}: return {due}"

    def _packs(self, loaded: LoadedPlugins, answer: Any) -> Mapping[str, PackText]:
        if not isinstance(answer, Mapping):
            due = 'a mapping such as {"acme": Path(__file__).with_name("acme.yaml")}'
            _refuse(loaded, [self._returned("register_packs", loaded, answer, due)])
        packs = {}
        for name, given in answer.items():
            path, formerly = given if isinstance(given, Pack) else (given, ())
            if not isinstance(path, (str, PathLike)):
                raise PluginError(f"plugin {loaded}: pack '{name}' is {path!r:.200}, no path")
            try:
                text = Path(path).read_bytes()
            except OSError as e:
                raise PluginError(
                    f"plugin {loaded}: pack '{name}' cannot be read: {e}: write the path of a file "
                    "that the build puts into the wheel"
                ) from e
            at = f"{name} (pack of {loaded.name})"
            packs[name] = PackText(at, text, loaded.distribution, formerly)
        return packs

    def _renderers(self, loaded: LoadedPlugins, answer: Any) -> Mapping[str, Renderer]:
        from policy_engine.render import FORMATS  # noqa: PLC0415 (only a plugin with renderers asks)

        if not isinstance(answer, Mapping) or not all(callable(r) for r in answer.values()):
            due = 'a mapping such as {"acme": function_from_report_to_text}'
            _refuse(loaded, [self._returned("register_renderers", loaded, answer, due)])
        taken = sorted(set(answer) & set(FORMATS))
        if taken:
            raise PluginError(f"plugin {loaded}: format '{taken[0]}' is built in")
        return dict(answer)


def load_plugins(named: Iterable[str] = (), required: Iterable[str] = ()) -> Plugins:
    """Load the built-in plugins and those of the named distributions.

    Args:
        named: Distributions that policy files name under `plugins:`.
        required: Distributions that `--require` names.

    Raises:
        PluginError: If one is absent or broken, or two are at odds.
    """
    by = {OURS: "", **{normal(name): "named by --require" for name in required}}
    by |= {normal(name): "named under `plugins:`" for name in named if normal(name) != OURS}
    found = []
    for name in (OURS, *sorted(by.keys() - {OURS})):
        try:
            offering = distribution(name)
        except PackageNotFoundError:
            raise PluginError(_absent(name, by[name])) from None
        entries = sorted(offering.entry_points.select(group=PROJECT), key=lambda e: e.name)
        if not entries:
            raise PluginError(_absent(name, by[name]))
        found += [(name, offering.version, entry) for entry in entries]
    return Plugins(found)


def installed() -> dict[str, str]:
    """Return the version of every installed distribution that offers plugins, by name."""
    versions: dict[str, str] = {}
    for each in distributions():
        name = normal(each.metadata["Name"] or "")
        if name not in versions and each.entry_points.select(group=PROJECT):
            versions[name] = each.version
    return versions


def _absent(name: str, by: str) -> str:
    if name == OURS:
        return "policy-engine is not installed here (its entry points are not to be found)"
    have = ", ".join(sorted(set(installed()) - {OURS})) or "none"
    return (
        f"plugin '{name}' is {by} but not installed, or offers no plugin; installed plugins: {have}"
    )


def _imported(loaded: LoadedPlugins, deferred: Deferred) -> type[Policy]:
    """Return the class of a deferred policy; what is wrong with it stops the run as early ones do.

    Raises:
        PluginError: If it cannot be imported, is not a policy, or has another name or old names.
    """
    module, _, attribute = deferred.place.partition(":")
    try:
        policy: type[Policy] = getattr(import_module(module), attribute)
    except (Exception, SystemExit) as e:  # a plugin raises anything
        why = _unimported(module, e)
        raise PluginError(
            f"plugin {loaded}: policy '{deferred.name}' of {deferred.place} {why}"
        ) from e
    _refuse_mistakes(loaded, [policy])
    if policy.policy_name != deferred.name:
        raise PluginError(
            f"plugin {loaded}: {deferred.place} is '{policy.policy_name}', not '{deferred.name}'"
        )
    if policy.policy_formerly != deferred.formerly:
        raise PluginError(
            f"plugin {loaded}: {deferred.place} has other old names than its Deferred: "
            f"give the same formerly={policy.policy_formerly}"
        )
    return policy


def _refuse_mistakes(loaded: LoadedPlugins, policies: list[Any]) -> None:
    """Refuse policies that could not judge; ours are held to the same by our tests.

    Raises:
        PluginError: With every mistake.
    """
    if loaded.distribution == OURS:
        return
    found = list(chain.from_iterable(map(mistakes_of, policies)))
    modules = dict.fromkeys(inspect.getmodule(each) for each in policies if isinstance(each, type))
    for module in modules:
        found += mistakes_written(module) if module is not None else []
    _refuse(loaded, found)


def _refuse_reuse(hook: str, offered: Mapping[str, Offered] | Mapping[str, PackText]) -> None:
    """Refuse an old name that is the name, or an old name, of something else."""
    now = dict.fromkeys(offered, "the name of another one")
    for name, each in offered.items():
        for former in each.formerly:
            if former.name in now:
                raise PluginError(
                    f"{hook}: '{former.name}' is an old name of '{name}', and {now[former.name]}: "
                    "an old name is never used for something else"
                )
            now[former.name] = f"one of '{name}'"


def _refuse(loaded: LoadedPlugins | str, mistakes: Iterable[str]) -> None:
    """Refuse a plugin with these mistakes, if there are any: all of them at once."""
    found = list(dict.fromkeys(mistakes))
    if len(found) == 1:
        raise PluginError(f"plugin {loaded}: {found[0]}")
    if found:
        listed = "".join(f"\n  {each}" for each in found)
        raise PluginError(f"plugin {loaded} has {len(found)} mistakes:{listed}")


def _unimported(module: str, error: BaseException) -> str:
    """Return why a module cannot be imported, and which of its lines says so."""
    spec = find_spec(module.partition(".")[0])
    folders = tuple(spec.submodule_search_locations or ()) if spec else ()
    at = place_of_error(error, spec.origin if spec else None, folders)
    why = (error.msg if isinstance(error, SyntaxError) else str(error)).partition("\n")[0]
    return f"failed to import{f' ({at})' if at else ''}: {type(error).__name__}: {why}"
