"""What each case expects, and what no case can show."""

from collections.abc import Mapping

from policy_engine.policy import Outcome
from policy_engine.policy_file import PolicyFile, shapes
from policy_engine.policy_file.reading import read_keys, read_mapping
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_tests.keys import ExpectedKeys
from policy_engine.policy_tests.model import COVERED, Expected
from policy_engine.source.problems import excerpt, near_or_all
from policy_engine.source.yaml_source import Item, ScalarNode

_OUTCOMES = tuple(outcome.value for outcome in Outcome)


def read_expected(place: NodePlace, file: PolicyFile) -> list[Expected]:
    """Return what a case expects of a policy file; note what is wrong, an unknown id too."""
    example = "expect: {model-size-budget: fail}"
    items = shapes.mapping(place, example)
    if items is not None and not items:
        place.wrong("nothing is expected", f"write it like {example}")
    found: list[Expected] = []
    for written, item in (items or {}).items():
        id_ = file.id_today(written)
        if not _is_bound(place, id_, item, file):
            continue
        inner = place.of(written, item)
        is_list = not isinstance(inner.node.data, (str, dict))
        several = shapes.sequence(inner, "[{part: size, outcome: fail}]") if is_list else [inner]
        found += [one for each in several or () if (one := _one(each, id_)) is not None]
    return found


def read_not_possible(place: NodePlace, file: PolicyFile) -> Mapping[str, Mapping[Outcome, str]]:
    """Return, by id and outcome, why no case can show it."""
    example = "not_possible: {run-finished: {missing: every run has a status}}"
    words = tuple(outcome.value for outcome in COVERED)
    said: dict[str, dict[Outcome, str]] = {}
    for written, item in (shapes.mapping(place, example) or {}).items():
        id_ = file.id_today(written)
        if not _is_bound(place, id_, item, file):
            continue
        inner = place.of(written, item)
        for word, why in (shapes.mapping(inner, example, words) or {}).items():
            text = shapes.text(inner.of(word, why), "a reason")
            if text is not None:
                said.setdefault(id_, {})[Outcome(word)] = text
    return said


def _is_bound(place: NodePlace, id_: str, item: Item, file: PolicyFile) -> bool:
    bound = [binding.id for binding in file.bindings]
    if id_ in bound:
        return True
    message = f"{file.path} binds no {excerpt(id_)}"
    remedy = near_or_all(id_, bound, "bound there")
    place.problems.add(item.at, f"{place.key}.{id_}", message, remedy, id_)
    return False


def _one(place: NodePlace, id_: str) -> Expected | None:
    if isinstance(place.node, ScalarNode):
        outcome = shapes.choice(place, _OUTCOMES)
        return Expected(place.node.at, id_, Outcome(outcome)) if outcome else None
    written = read_mapping(ExpectedKeys, place, "{outcome: missing, message: no baseline}")
    if written is None:
        return None
    if "outcome" not in written:
        written.missing("outcome", f"write one of: {', '.join(_OUTCOMES)}")
        return None
    keys = read_keys(ExpectedKeys, written)
    if keys is None:
        return None
    return Expected(written.at, id_, keys.outcome, keys.part, keys.message, keys.effect)
