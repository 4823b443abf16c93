"""Evidence written by hand: section by section as in the evidence file, with shorter forms.

A short form is what people write: `size: 253MB`, `duration: 2h`, `predictions: {row_id: […], …}`.
What a test leaves out has a plain default: the run is FINISHED and took an hour.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from policy_engine.evidence import EVERYTHING, Needs
from policy_engine.evidence.record import (
    BaselineRecord,
    CandidateRecord,
    ChangeRecord,
    EvidenceRecord,
    Invalid,
    PassedOver,
    Record,
    RunRecord,
    Unreadable,
)
from policy_engine.policy_file import PolicyFile, shapes
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_tests.keys import EvidenceKeys
from policy_engine.policy_tests.row_counts import RowCount, with_rows
from policy_engine.policy_tests.short_forms import in_run, inside, short_moment, take_duration
from policy_engine.source.problems import near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, SequenceNode

R = TypeVar("R", bound=Record)

_EXAMPLE = "{candidate: {metrics: {val_f1: 0.91}}}"
_GAPS: frozenset[str | int] = frozenset({Invalid.__name__, Unreadable.__name__})
_HOUR = timedelta(hours=1)
_NOTHING: dict[str, Any] = {n.kind.field: n.kind.none for n in Needs if n.kind.none is not None}
"""What a real read finds where there is nothing to find."""


class _Role(NamedTuple):
    """A run of the case: what it is called where it says no id, and when it began."""

    number: int
    start: datetime


def read_case_evidence(place: NodePlace, at: datetime, file: PolicyFile) -> EvidenceRecord | None:
    """Return the evidence of a case, or note what is wrong with it.

    Args:
        place: The mapping with candidate, baseline and so on.
        at: The moment of judgement.
        file: The policy file that will judge it.
    """
    before = len(place.problems.found)
    items = shapes.mapping(place, _EXAMPLE, EvidenceKeys.model_fields)
    if items is None:
        return None
    if "candidate" not in items:
        remedy = f"write it like evidence: {_EXAMPLE}"
        place.problems.add(place.node.at, f"{place.key}.candidate", "missing setting", remedy)
        return None
    run = _run(place.of("candidate", items["candidate"]), _Role(0, at - 4 * _HOUR))
    rows = _rows(place, items)
    candidate = CandidateRecord(
        run=with_rows(run or RunRecord(run_id="0" * 32), rows, "candidate"),
        model_name=file.candidate.model_name,
        baselines=_baselines(place, items, at, file, rows),
        history=_runs(place, items, "history", at),
        later=_runs(place, items, "later", at),
    )
    change = None
    if "change" in items:
        change = _record(place.of("change", items["change"]), ChangeRecord, {})
    if len(place.problems.found) > before:
        return None
    return EvidenceRecord(needs=EVERYTHING.names, change=change, candidates=(candidate,))


def _rows(place: NodePlace, items: Mapping[str, Item]) -> tuple[RowCount, ...]:
    """Return the rows of both sides as counts; none where the case says none."""
    if "rows" not in items:
        return ()
    example = "rows: [{target: 1, candidate: 1, baseline: 0, rows: 9}]"
    for side in ("candidate", "baseline"):
        node = items[side].node if side in items else None
        if isinstance(node, MappingNode) and "predictions" in node.items:
            at = node.items["predictions"].at
            message = "its rows are said twice: by `predictions` and by `rows`"
            place.problems.add(at, f"{place.key}.{side}.predictions", message, "remove one of them")
    places = shapes.sequence(place.of("rows", items["rows"]), example) or ()
    read = [_record(each, RowCount, {}) for each in places]
    return tuple(each for each in read if each is not None)


def _commits(place: NodePlace, items: Mapping[str, Item]) -> int | None:
    """Return how many commits lie between baseline and candidate; None where nobody says it."""
    if "commits" not in items:
        return None
    at = place.of("commits", items["commits"])
    value = _plain(at.node)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    at.wrong(f"must be a whole number from 0 on, not {shapes.wrote(at.node)}")
    return None


def _runs(
    place: NodePlace, items: Mapping[str, Item], key: str, at: datetime
) -> tuple[RunRecord, ...]:
    if key not in items:
        return ()
    places = shapes.sequence(place.of(key, items[key]), f"{key}: [{{metrics: {{val_f1: 0.9}}}}]")
    first = 2 if key == "history" else 300
    runs = (
        _run(each, _Role(first + index, at - timedelta(days=2 + index)))
        for index, each in enumerate(places or ())
    )
    return tuple(run for run in runs if run is not None)


def _baselines(
    place: NodePlace,
    items: Mapping[str, Item],
    at: datetime,
    file: PolicyFile,
    rows: Sequence[RowCount],
) -> tuple[BaselineRecord, ...]:
    """Return what the file's rules and those of its policies find: what the case says, or none."""
    if "baselines" in items:
        places = shapes.sequence(place.of("baselines", items["baselines"]), "baselines: [{run: …}]")
        given = [_record(each, BaselineRecord, {"run": in_run}) for each in places or ()]
        known = [record for record in given if record is not None]
    else:
        known = []
    metric = file.metric.name if file.metric else None
    run = None
    if "baseline" in items:
        run = _run(place.of("baseline", items["baseline"]), _Role(1, at - timedelta(days=1)))
        run = run and with_rows(run, rows, "baseline")
        commits = _commits(place, items)
        known.append(
            BaselineRecord(
                rules=file.baseline, metric=metric, found_by="the case", run=run, commits=commits
            )
        )
    if "baseline_of" in items:
        known += _own(place.of("baseline_of", items["baseline_of"]), at, file, metric)
    own = [rules for binding in file.bindings for rules in binding.policy.rules()]
    for rules in (file.baseline, *own):
        if not any(r.rules == rules and r.metric == metric for r in known):
            absent = PassedOver(rule="the case", why="it has no such baseline")
            known.append(BaselineRecord(rules=rules, metric=metric, passed_over=(absent,)))
    return tuple(known)


def _own(
    place: NodePlace, at: datetime, file: PolicyFile, metric: str | None
) -> Iterator[BaselineRecord]:
    """Yield what the rules of a policy's own find, by the binding's id."""
    example = "baseline_of: {deep-margin: {metrics: {val_f1: 0.8}}}"
    rules = {b.id: b.policy.rules() for b in file.bindings if b.policy.rules()}
    for id_, item in (shapes.mapping(place, example) or {}).items():
        if id_ not in rules:
            remedy = near_or_all(id_, rules, "bindings with rules of their own")
            message = "no binding of this id looks for a baseline of its own"
            place.problems.add(item.at, f"{place.key}.{id_}", message, remedy, id_)
            continue
        run = _run(place.of(id_, item), _Role(200, at - timedelta(days=1)))
        for each in rules[id_]:
            yield BaselineRecord(rules=each, metric=metric, found_by="the case", run=run)


def _run(place: NodePlace, role: _Role) -> RunRecord | None:
    def complete(data: dict[str, Any], place: NodePlace) -> dict[str, Any]:
        span = take_duration(place, data)
        start = data.get("start_time", role.start.isoformat())
        if "end_time" not in data:
            try:
                length = timedelta(seconds=float(span)) if span is not None else _HOUR
                data["end_time"] = (short_moment(start) + length).isoformat()
            except OverflowError:
                inside(place, "duration").wrong("the run would end when no calendar goes so far")
        known = {"run_id": f"{role.number:032x}", "start_time": start, **_NOTHING}
        return in_run({**known, **data}, place)

    return _record(place, RunRecord, {"": complete}, also=("duration",))


def _record(
    place: NodePlace,
    kind: type[R],
    forms: Mapping[str, Callable[[dict[str, Any], NodePlace], dict[str, Any]]],
    also: Sequence[str] = (),
) -> R | None:
    """Return a record of the evidence file, or note what is wrong with it.

    Args:
        place: Where it stands.
        kind: Which record.
        forms: What writes short forms out, by the key of the part; "" for all of it.
        also: Keys that only a short form has.
    """
    items = shapes.mapping(place, _EXAMPLE, (*kind.model_fields, *also))
    if items is None:
        return None
    before = len(place.problems.found)
    data = {name: _plain(item.node) for name, item in items.items()}
    for key, form in forms.items():
        if not key:
            data = form(data, place)
        elif isinstance(data.get(key), dict):
            data[key] = form(data[key], inside(place, key))
    if len(place.problems.found) > before:
        return None
    try:
        return kind.model_validate_json(json.dumps(data))
    except ValidationError as error:
        _complain(place, error)
        return None


def _plain(node: Node) -> Any:
    """Return plain JSON; a moment without a zone is UTC."""
    if isinstance(node, MappingNode):
        return {key: _plain(item.node) for key, item in node.items.items()}
    if isinstance(node, SequenceNode):
        return [_plain(inner) for inner in node.nodes]
    value = node.value
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _complain(place: NodePlace, error: ValidationError) -> None:
    """Note each value that is wrong, once, with all that would have been right there."""
    said: dict[str, tuple[NodePlace, list[str]]] = {}
    errors = error.errors(include_url=False, include_input=False)
    # Whoever writes a value wrong did not mean to write one of the two results that are none.
    meant = [each for each in errors if not _GAPS & set(each["loc"])]
    for each in meant or errors:
        at = place
        for part in each["loc"]:
            at = _step(at, part)
        text = "unknown setting" if each["type"] == "extra_forbidden" else _lower(each["msg"])
        said.setdefault(at.key, (at, []))[1].append(text)
    for at, sentences in said.values():
        at.wrong("; or ".join(dict.fromkeys(sentences)))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _step(place: NodePlace, part: str | int) -> NodePlace:
    """Return the place of a part; parts that name a type of a union are passed by."""
    node = place.node
    if isinstance(node, MappingNode) and part in node.items:
        return place.of(str(part), node.items[str(part)])
    if isinstance(node, SequenceNode) and part in range(len(node.nodes)):
        return NodePlace(node.nodes[int(part)], f"{place.key}[{part}]", place.problems)
    return place
