"""From the texts of policy files to policies that are ready to judge."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import chain
from operator import or_
from types import MappingProxyType
from typing import Any

from policy_engine.errors import UsageError
from policy_engine.evidence import Needs
from policy_engine.policy_file import waivers
from policy_engine.policy_file.baseline import ANY_RULE, KnownRules, read_baseline
from policy_engine.policy_file.bindings import Binding, bind_all, yielding
from policy_engine.policy_file.digests import digest_of
from policy_engine.policy_file.keys import (
    AppliesTo,
    CandidateSetting,
    EvidenceSetting,
    FileKeys,
    MetricSetting,
)
from policy_engine.policy_file.library import Library
from policy_engine.policy_file.merge import Draft, plugins_of
from policy_engine.policy_file.offers import Offered, PackText
from policy_engine.policy_file.outdated import Names, Outdated
from policy_engine.policy_file.profiles import NO_DEMANDS, Demands, bind_profiles, unknown_profile
from policy_engine.policy_file.reading import read_value
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_file.waiver import Waiver
from policy_engine.quantities import Rate
from policy_engine.report import JudgingText
from policy_engine.source.problems import Problems, Spot

_NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """One policy file with all that it extends, valid.

    Attributes:
        path: From the repository's root (POSIX).
        bindings: In the order of the file, extended ones first.
        metric: The metric that counts; None: the experiment's own tags decide.
        applies_to: Which candidates it judges; None: all.
        candidate: Which changes need a run, and which model counts.
        baseline: The rules to find the baseline by, in order, each with one key.
        prices: Hourly price by machine; `default` is for any other.
        first_run: Whether there can be no baseline yet.
        evidence: The user's own names of evidence, and how much of it is read.
        plugins: Outside plugins that it needs.
        required: The packs that lie beneath it whatever it says, by name.
        profile: The profile that judges; None: none does.
        under: What each profile tightens or adds, as bound under it, by the profile's name.
        base: The bindings without a profile.
    """

    path: str
    bindings: tuple[Binding, ...]
    metric: MetricSetting | None
    applies_to: AppliesTo | None
    candidate: CandidateSetting
    baseline: tuple[dict[str, Any], ...]
    prices: Mapping[str, Rate]
    first_run: bool
    evidence: EvidenceSetting
    plugins: tuple[str, ...]
    required: tuple[str, ...] = ()
    profile: str | None = None
    under: Mapping[str, tuple[Binding, ...]] = field(default_factory=dict)
    base: tuple[Binding, ...] = ()

    @property
    def needs(self) -> Needs:
        """The evidence that its policies read with these settings."""
        return reduce(or_, (binding.needs for binding in self.bindings), Needs.RUN)

    def id_today(self, id_: str) -> str:
        """Return the id of the binding that a test means, which may have its policy's old name."""
        if any(binding.id == id_ for binding in self.bindings):
            return id_
        for binding in self.bindings:
            formerly = {former.name for former in type(binding.policy).policy_formerly}
            if id_ in formerly and binding.id == binding.policy_name:
                return binding.id
        return id_


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policy files of a check.

    Attributes:
        files: Sorted by path.
        digest: `sha256:` over path and bytes of every file, pack and file of waivers that was
            drawn on, and over the names of required packs and of the profile.
        required_ids: What required packs bind: every file has it, at least as tight.
        waivers: The waivers of all of them, in the order of the files.
        outdated: Old names that they are written with.
        texts: Every file and pack that was drawn on, each with a digest of its own.
        profile: The profile that judges; None: none does.
    """

    files: tuple[PolicyFile, ...]
    digest: str
    required_ids: frozenset[str] = frozenset()
    waivers: tuple[Waiver, ...] = ()
    outdated: tuple[Outdated, ...] = ()
    texts: tuple[JudgingText, ...] = ()
    profile: str | None = None

    @property
    def needs(self) -> Needs:
        """The evidence that all its policies read."""
        return reduce(or_, (file.needs for file in self.files), Needs.RUN)

    def to_look_after(self) -> Iterator[str]:
        """Yield what is not wrong yet, or for nothing: old names, and waivers that nothing has."""
        yield from (old.note() for old in self.outdated)
        for waiver in self.waivers:
            if waiver.unbound is not None:
                at = f"{waiver.at.file}:{waiver.at.line}"
                yield f"{at}: {waiver.key}.id: {waiver.unbound}; the waiver waives nothing"


def named_plugins(
    files: Mapping[str, bytes], neighbours: Mapping[str, bytes] = _NO_FILES
) -> tuple[str, ...]:
    """Return the plugins that policy files, and the files they extend, need loaded.

    Packs are left out: they hold no `plugins`, and are not known before plugins are loaded.

    Args:
        files: Policy files, by path.
        neighbours: Files that these may extend, by path.

    Raises:
        PolicyFileError: If a file cannot be read so far; holds all that is wrong by then.
    """
    problems = Problems()
    library = Library(files, waivers.split(neighbours)[1], None, problems)
    drafts = [library.draft(path) for path in sorted(files)]
    unlisted = any(p.key.startswith(("plugins", "extends")) for p in problems.found)
    if unlisted or not library.is_readable:
        problems.raise_any()
    return plugins_of(drafts)


def load_policies(
    files: Mapping[str, bytes],
    offered: Mapping[str, Offered],
    packs: Mapping[str, PackText],
    neighbours: Mapping[str, bytes] = _NO_FILES,
    demands: Demands = NO_DEMANDS,
    rules: KnownRules = ANY_RULE,
) -> PolicySet:
    """Return the policy files, merged with what they extend and fully checked.

    `load_merged` returns how they were merged, too. Without `rules` any baseline rule will do.
    """
    return load_merged(files, offered, packs, neighbours, demands, rules=rules)[0]


def load_merged(
    files: Mapping[str, bytes],
    offered: Mapping[str, Offered],
    packs: Mapping[str, PackText],
    neighbours: Mapping[str, bytes] = _NO_FILES,
    demands: Demands = NO_DEMANDS,
    *,
    rules: KnownRules,
) -> tuple[PolicySet, tuple[Draft, ...]]:
    """Return the policy files, and each as it was merged: every value at its own place.

    Args:
        files: The policy files to judge by, by path from the repository's root (POSIX).
        offered: The policies that plugins offer, by name.
        packs: The packs that plugins offer, by name.
        neighbours: Files beside these that they may extend, by path; a `waivers.yaml` among them
            is for every policy file of its folder.
        demands: What the command line asks of every policy file.
        rules: The baseline rules that there are.

    Raises:
        PolicyFileError: If anything is wrong, with all that is; also if there is no file.
        UsageError: If a required pack does not exist, or a file lacks the profile.
    """
    problems = Problems()
    if not files:
        problems.add(Spot("policies", 1, 1), "", "there is no policy file", "name one, or a folder")
    beside, neighbours = waivers.split(neighbours)
    names = Names(offered, packs)
    library = Library(files, neighbours, packs, problems, demands.require, names)
    drafts = [library.draft(path) for path in sorted(files)]
    read = [_read(draft, offered, problems, rules) for draft in drafts]
    if demands.profile is not None:
        _refuse_unknown_profile(demands.profile, drafts)
        read = [_under(demands.profile, *each) for each in zip(read, drafts, strict=True)]
    bound = {file.path: (*file.bindings, *_elsewhere(file)) for file in read}
    waived = [waivers.of_file(draft, bound[draft.path]) for draft in drafts]
    waived.append(waivers.of_folders(beside, bound, neighbours, problems, names))
    problems.raise_any()
    held = waivers.merged(chain.from_iterable(waived))
    policies = PolicySet(
        files=tuple(read),
        digest=_digest([*sorted({*library.used, *beside.items()}), *_asked(demands)]),
        required_ids=frozenset(_required_ids(drafts, demands.profile)),
        waivers=held,
        outdated=_once(library, drafts, held),
        texts=tuple(_texts(library.used, packs)),
        profile=demands.profile,
    )
    return policies, tuple(drafts)


def _refuse_unknown_profile(profile: str, drafts: Iterable[Draft]) -> None:
    for draft in drafts:
        if draft.is_sound and profile not in draft.profiles:
            raise UsageError(unknown_profile(profile, draft))


def _asked(demands: Demands) -> Iterator[tuple[str, bytes]]:
    """Yield what the command line demands, as parts of the digest."""
    if demands.require:
        yield "--require", "\n".join(sorted(set(demands.require))).encode()
    if demands.profile is not None:
        yield "--profile", demands.profile.encode()


def _required_ids(drafts: Iterable[Draft], profile: str | None) -> Iterator[str]:
    """Yield the bindings of required packs, and of their sections for the profile."""
    for draft in drafts:
        for pack in draft.required.values():
            yield from pack.bindings
            if profile in pack.profiles:
                yield from pack.profiles[profile].bindings


def _texts(
    used: Iterable[tuple[str, bytes]], packs: Mapping[str, PackText]
) -> Iterator[JudgingText]:
    """Yield each text with its digest, packs under their names."""
    named = {pack.path: (name, pack.plugin) for name, pack in packs.items()}
    for path, text in used:
        name, plugin = named.get(path, (path, None))
        yield JudgingText(name, digest_of(text, path), plugin)


def _once(
    library: Library, drafts: Iterable[Draft], held: Iterable[Waiver]
) -> tuple[Outdated, ...]:
    """Return all old names, each place once, in the order of files and lines."""
    found = [*library.outdated, *(old for draft in drafts for old in draft.outdated)]
    found += [waiver.outdated for waiver in held if waiver.outdated is not None]
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.at))


def _read(
    draft: Draft, offered: Mapping[str, Offered], problems: Problems, known: KnownRules
) -> PolicyFile:
    before = len(problems.found)
    if draft.required:
        for id_, each in draft.bindings.items():
            draft.bindings[id_] = yielding(id_, each, offered, draft.packs)
    bound = {id_: bind_all(id_, b, offered, problems) for id_, b in draft.bindings.items()}
    draft.base_bindings = dict(draft.bindings)
    under = bind_profiles(draft, bound, offered, problems)
    bindings = tuple(binding for binding in bound.values() if binding is not None)
    if not draft.bindings and draft.is_sound and len(problems.found) == before:
        remedy = "bind one under `policies:`, or extend a pack: `extends: [recommended]`"
        message = "no policy is bound; nothing would be judged"
        problems.add(Spot(draft.path, 1, 1), "policies", message, remedy)
    keys = _sections(draft, problems)
    baseline = draft.sections.get("baseline")
    return PolicyFile(
        path=draft.path,
        bindings=bindings,
        metric=keys.metric,
        applies_to=keys.applies_to,
        candidate=keys.candidate or CandidateSetting.model_construct(),
        baseline=read_baseline(baseline, problems, known) if baseline else (),
        prices=keys.prices,
        first_run=keys.first_run,
        evidence=keys.evidence or EvidenceSetting.model_construct(),
        plugins=plugins_of([draft]),
        required=tuple(draft.required),
        under=under,
        base=bindings,
    )


def _under(profile: str, file: PolicyFile, draft: Draft) -> PolicyFile:
    """Return the policy file with a profile laid over its bindings; so is its draft."""
    draft.bindings = {**draft.base_bindings, **draft.under[profile]}
    bound = {binding.id: binding for binding in (*file.base, *file.under[profile])}
    return replace(file, profile=profile, bindings=tuple(bound.values()))


def _elsewhere(file: PolicyFile) -> Iterator[Binding]:
    """Yield what profiles that do not judge bind more."""
    known = {binding.id for binding in file.bindings}
    yield from (b for each in file.under.values() for b in each if b.id not in known)


def _sections(draft: Draft, problems: Problems) -> FileKeys:
    """Return what the sections say that are read from the file alone; what is wrong is left out."""
    values = {}
    for name, item in draft.sections.items():
        if name != "baseline":
            place = NodePlace(item.node, name, problems)
            values[name] = read_value(place, name, FileKeys.model_fields[name])
    return FileKeys.model_construct(**{n: v for n, v in values.items() if v is not None})


def _digest(texts: Iterable[tuple[str, bytes]]) -> str:
    """Return the digest; lengths stand before the bytes, so that nothing can be shifted about."""
    digest = hashlib.sha256()
    for path, text in texts:
        for part in (path.encode("utf-8", "surrogateescape"), text):
            digest.update(f"{len(part)}:".encode())
            digest.update(part)
    return f"sha256:{digest.hexdigest()}"
