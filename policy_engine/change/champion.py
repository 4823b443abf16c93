"""What proposed policies would make of the champion, where the change itself needs no run.

Most pull requests that edit policies train nothing, so that nothing of theirs shows what the edit
does. The baseline's own evidence does: it is judged as a candidate's, and decides nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from policy_engine.evidence import Needs
from policy_engine.evidence.record import ChampionRecord, ChangeRecord, EvidenceRecord
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.policy_file import PolicyFile, PolicySet
from policy_engine.policy_file.scope import needs_run
from policy_engine.report import Champion, PolicySource, Subject, Verdict

MOST_FILES = 20
"""Edited policy files that are tried on their champion."""
UNNAMED = (
    "without a candidate nobody can tell which model the champion is: write "
    "`alias: name@champion` under `baseline:`"
)
TOO_MANY = f"only the first {MOST_FILES} edited policy files are tried on their champion"

_BESIDE = Needs.BASELINE | Needs.CHANGE
"""What a champion has none of: a baseline to beat, and a change that it is of."""
_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Named:
    """A champion by the baseline rule that names it without a candidate.

    Attributes:
        rule: The rule: `alias: fraud@champion`; None where none names one.
        run: The id of its run, where the rule says that.
        model: Its address, `models:/fraud@champion`, where the rule says that.
        absent: Why there is none; None where there is one.
    """

    rule: str | None = None
    run: str | None = None
    model: str | None = None
    absent: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A champion to read.

    Attributes:
        policy_files: The paths of the edited files whose champion it is.
        named: Which it is.
        policies: Whose needs are read: the edited files, as proposed and as they judge.
    """

    policy_files: tuple[str, ...]
    named: Named
    policies: PolicySet


def wanted(
    today: PolicySet, proposed: PolicySet, change: ChangeRecord | None
) -> tuple[Wanted, ...]:
    """Return the champions of the edited policy files that the change needs no run.

    A file that judges already names its own champion: no edit of its baseline rules counts here.

    Args:
        today: The policies that judge.
        proposed: Those that the change proposes.
        change: What it touches.
    """
    old = {file.path: file for file in today.files}
    edited = [
        file
        for file in proposed.files
        if not needs_run(old.get(file.path, file), change)
        and (file != old.get(file.path) or today.waivers != proposed.waivers)
    ]
    groups: dict[Named, list[PolicyFile]] = {}
    for number, file in enumerate(edited):
        one = _named(old.get(file.path, file)) if number < MOST_FILES else Named(absent=TOO_MANY)
        groups.setdefault(one, []).append(file)
    return tuple(
        Wanted(tuple(file.path for file in files), one, _both(files, old, today))
        for one, files in groups.items()
    )


def champions_under(
    proposed: PolicySet, today: PolicySet, evidence: EvidenceRecord, context: Context
) -> tuple[Champion, ...]:
    """Return what the edited policy files would make of their champions.

    Args:
        proposed: The policies that the change proposes.
        today: Those that judge.
        evidence: With the champions that were read.
        context: As it was for the policies that judge.
    """
    # Once merged, they would be the default branch's own.
    source = PolicySource(proposed.digest, context.source.ref, trusted=True)
    merged = replace(context, source=source)
    return tuple(
        champion
        for record in evidence.champions or ()
        for file in proposed.files
        if file.path in record.policy_files
        for champion in _champions(record, file, (proposed, today), merged)
    )


def _champions(
    record: ChampionRecord, file: PolicyFile, both: tuple[PolicySet, PolicySet], context: Context
) -> Iterator[Champion]:
    proposed, today = both
    old = next((each for each in today.files if each.path == file.path), None)
    verdict = _verdict(replace(today, files=(old,)), record, context) if old else None
    for subject in _subjects(replace(proposed, files=(file,)), record, context):
        yield Champion(
            found_by=record.rule,
            today=verdict,
            left_out=left_out(file),
            proposed=subject,
        )


def _verdict(policies: PolicySet, record: ChampionRecord, context: Context) -> Verdict:
    order = list(Verdict)
    return min((s.verdict for s in _subjects(policies, record, context)), key=order.index)


def _subjects(policies: PolicySet, record: ChampionRecord, context: Context) -> tuple[Subject, ...]:
    mine = replace(policies, files=tuple(map(alone, policies.files)))
    try:
        return evaluate(mine, record.evidence, context).subjects
    except (Exception, SystemExit) as e:  # noqa: BLE001 (a proposal stops nobody)
        unread = EvidenceRecord(unreadable=f"it breaks the engine down: {type(e).__name__}: {e}")
        return evaluate(replace(mine, waivers=()), unread, context).subjects


def left_out(file: PolicyFile) -> tuple[str, ...]:
    """Return the bindings of a file that cannot be asked of a run that is compared with none."""
    return tuple(binding.id for binding in file.bindings if binding.needs & _BESIDE)


def alone(file: PolicyFile) -> PolicyFile:
    """Return a file with what can be asked of a run that is compared with none."""
    kept = tuple(binding for binding in file.bindings if not binding.needs & _BESIDE)
    return replace(file, bindings=kept, first_run=False)


def _both(files: list[PolicyFile], old: Mapping[str, PolicyFile], today: PolicySet) -> PolicySet:
    """Return the files as proposed and as they judge: what one of them needs is read."""
    judging = [old[file.path] for file in files if file.path in old]
    return PolicySet(tuple(map(alone, (*files, *judging))), today.digest)


def _named(file: PolicyFile) -> Named:
    """Return the champion by the first rule that names one without a candidate."""
    for rule in file.baseline:
        for key, value in rule.items():
            if key == "run":
                return Named(f"run: {value}", run=str(value))
            name = _registered(file, str(value)) if key == "alias" else None
            if name is not None:
                return Named(f"alias: {value}", model=f"models:/{name}")
    return Named(absent=UNNAMED)


def _registered(file: PolicyFile, alias: str) -> str | None:
    """Return `name@alias`, as the rule says it or with the one model that the file is for."""
    if "@" in alias:
        return alias.removeprefix("models:/")
    model = file.applies_to.model if file.applies_to else None
    return None if model is None or _GLOB & set(model) else f"{model}@{alias}"
