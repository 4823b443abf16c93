"""The sections of a policy file beside its bindings: what it concerns, its metric, its baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, get_args

from policy_engine.evidence.metrics import Goal, known
from policy_engine.policy_file import shapes
from policy_engine.policy_file.shapes import Place, wrote
from policy_engine.quantities import Rate, exact, parse_bytes, parse_duration, parse_rate
from policy_engine.source.problems import Problems, near_or_all
from policy_engine.source.yaml_source import Item, MappingNode, Node, ScalarNode, SequenceNode

Scale = Literal["fraction", "percent"]
Take = Literal["last", "best", "at-model"]

_GOALS: tuple[Goal, ...] = get_args(Goal)
_SCALES: tuple[Scale, ...] = get_args(Scale)
_TAKES: tuple[Take, ...] = get_args(Take)
_METRIC_KEYS = ("name", "goal", "point", "scale", "take", "dataset", "positive")
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class MetricSetting:
    """The file's `metric:`, as written; what it leaves out its name may tell.

    Attributes:
        name: Its name in MLflow.
        goal: The direction that is better.
        point: One point in the metric's own units, greater than 0.
        positive: The class that counts as positive.
        scale: How training logs it; a percent is read as the fraction that it is.
        take: Which value counts where it was logged several times.
        dataset: On which dataset, where a run's model was evaluated on several; None: the only one.
    """

    name: str
    goal: Goal | None = None
    point: Decimal | None = None
    positive: str | int | float | bool | None = None
    scale: Scale = "fraction"
    dataset: str | None = None
    take: Take = "last"


@dataclass(frozen=True, slots=True)
class AppliesTo:
    """Which candidates a file judges: all that is set must hold; values are globs."""

    model: str | None = None
    experiment: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: _NOTHING)


def read_metric(place: Place) -> MetricSetting | None:
    """Return the metric setting, or note why it is none."""
    example = "metric: {name: val_f1, goal: maximize}"
    if isinstance(place.node, ScalarNode) and isinstance(place.node.value, str):
        example = f"metric: {{name: {place.node.text}}}"
    items = shapes.mapping(place, example, _METRIC_KEYS)
    if items is None:
        return None
    name = None
    if "name" in items:
        name = shapes.text(place.of("name", items["name"]), "a metric's name")
    else:
        remedy = f"write it like {example}"
        place.problems.add(place.node.at, f"{place.key}.name", "missing setting", remedy)
    goal = _choice(place, items, "goal", _GOALS)
    if name is not None:
        _check_goal(place, items, name, goal)
    rest = _point_and_positive(place, items)
    scale = _choice(place, items, "scale", _SCALES)
    if name is not None and rest[0] is not None and scale != "percent":
        _check_point(place.of("point", items["point"]), name, rest[0])
    take = _choice(place, items, "take", _TAKES)
    dataset = None
    if "dataset" in items:
        dataset = shapes.text(place.of("dataset", items["dataset"]), "the name of a dataset")
    if name is None:
        return None
    return MetricSetting(name, goal, *rest, scale or "fraction", dataset, take or "last")


def _choice(
    place: Place, items: Mapping[str, Item], key: str, allowed: Sequence[shapes.Choice]
) -> shapes.Choice | None:
    return shapes.choice(place.of(key, items[key]), allowed) if key in items else None


def _check_goal(place: Place, items: Mapping[str, Item], name: str, goal: Goal | None) -> None:
    kind = known(name)
    if kind is None and "goal" not in items:
        remedy = "say `goal: maximize` or `goal: minimize`"
        message = f"nobody knows whether a greater {name} is better"
        place.of("name", items["name"]).wrong(message, remedy)
    if kind is not None and goal is not None and goal != kind.goal:
        message = f"{name} is a metric to {kind.goal}, not to {goal}"
        remedy = "remove the goal, or log the metric under a name of its own"
        place.of("goal", items["goal"]).wrong(message, remedy)


def _check_point(place: Place, name: str, point: Decimal) -> None:
    kind = known(name)
    if kind is not None and kind.bounded and point >= 1:
        place.wrong(
            f"a point of {point} is all of the range of {name}, which lies in [0, 1]",
            f"say `scale: percent` if {name} is logged in percent, or write a point such as 0.01",
        )


def _point_and_positive(
    place: Place, items: Mapping[str, Item]
) -> tuple[Decimal | None, str | int | float | bool | None]:
    point: Decimal | None = None
    if "point" in items:
        point = _point(place.of("point", items["point"]))
    positive = None
    if "positive" in items:
        inner = place.of("positive", items["positive"])
        value = inner.node.data
        if isinstance(value, (str, int, float)):
            positive = value
        else:
            inner.wrong(f"one class is due, not {wrote(inner.node)}", "write a text or a number")
    return point, positive


def _point(place: Place) -> Decimal | None:
    try:
        point = exact(place.node.data)
    except ValueError:
        number = shapes.as_number(place.node)
        remedy = f"write {number}" if number else "write it like point: 0.5"
        place.wrong(f"a number is due, not {wrote(place.node)}", remedy)
        return None
    if point > 0:
        return point
    place.wrong(f"a number greater than 0 is due, not {wrote(place.node)}")
    return None


def read_applies_to(place: Place) -> AppliesTo | None:
    """Return which candidates the file judges, or note why it cannot be said."""
    example = 'applies_to: {model: "fraud-*"}'
    items = shapes.mapping(place, example, ("model", "experiment", "tags"))
    if items is None:
        return None
    if isinstance(place.node, MappingNode) and not place.node.items:
        place.wrong("nothing is named here", f"write it like {example}, or remove the key")
        return None
    globs = {
        name: shapes.text(place.of(name, items[name]), "a pattern")
        for name in ("model", "experiment")
        if name in items
    }
    tags = _NOTHING
    if "tags" in items:
        tags = _texts_by_name(place.of("tags", items["tags"]), 'tags: {team: "risk"}')
    return AppliesTo(globs.get("model"), globs.get("experiment"), tags)


def _texts_by_name(place: Place, example: str) -> Mapping[str, str]:
    items = shapes.mapping(place, example) or {}
    values = {name: shapes.text(place.of(name, item)) for name, item in items.items()}
    if isinstance(place.node, MappingNode) and not items:
        place.wrong("nothing is named here", f"write it like {example}")
    return MappingProxyType({name: value for name, value in values.items() if value is not None})


def read_candidate(place: Place) -> tuple[tuple[str, ...], str | None]:
    """Return the paths that training depends on, and the name of the logged model."""
    example = 'candidate: {paths: ["training/**"]}'
    items = shapes.mapping(place, example, ("paths", "model_name")) or {}
    paths: tuple[str, ...] = ()
    if "paths" in items:
        example = 'paths: ["training/**"]'
        inner = place.of("paths", items["paths"])
        paths = tuple(glob for glob, at in shapes.texts(inner, example) if _is_glob(glob, at))
        if isinstance(inner.node, SequenceNode) and not inner.node.nodes:
            inner.wrong("the list is empty", f"write it like {example}, or remove the key")
    name = None
    if "model_name" in items:
        name = shapes.text(place.of("model_name", items["model_name"]), "a model's name")
    return paths, name


def _is_glob(glob: str, place: Place) -> bool:
    """Say whether a glob can match; one that cannot would excuse every change from a run."""
    parts = glob.split("/")
    glued = next((part for part in parts if "**" in part and part != "**"), None)
    if "\\" in glob:
        place.wrong("a path is written with /, not with \\", "write it like training/**")
    elif glob.startswith("/") or ".." in parts or "." in parts or parts[-1] == "":
        remedy = (
            f"write it like {glob.lstrip('/')}**" if glob.strip("./") and parts[-1] == "" else None
        )
        remedy = remedy or "write it like training/**"
        place.wrong("this path can match no file of the repository", remedy)
    elif glob.startswith("!"):
        remedy = "name what training depends on, such as training/**"
        place.wrong("a path with a ! in front leaves nothing out here", remedy)
    elif "{" in glob or "}" in glob:
        place.wrong("braces are read as they stand", "write a line for each of them")
    elif glob != glob.strip():
        place.wrong("a space stands before or behind the path", f"write it like {glob.strip()}")
    elif glued is not None:
        remedy = f"write it like {glob.replace(glued, glued.replace('**', '**/*', 1), 1)}"
        place.wrong("** for any folders stands alone between slashes", remedy)
    else:
        return True
    return False


BASELINE_RULES = ("alias", "commit", "tag", "best", "run")
"""The kinds of baseline rules that are built in."""


def read_baseline(place: Place, *, any_rule: bool) -> tuple[dict[str, Any], ...]:
    """Return the baseline rules in order.

    Args:
        place: Where they stand.
        any_rule: Whether one that is not built in may be a plugin's.
    """
    places = shapes.sequence(place, "baseline: [{alias: champion}]")
    if places is not None and not places:
        place.wrong("the list is empty", "write a rule such as `- alias: champion`")
    rules = (_rule(each, any_rule=any_rule) for each in places or ())
    return tuple(rule for rule in rules if rule is not None)


def _rule(place: Place, *, any_rule: bool) -> dict[str, Any] | None:
    node = place.node
    if not isinstance(node, MappingNode) or len(node.items) != 1:
        what = "several keys" if isinstance(node, MappingNode) and node.items else wrote(node)
        remedy = "begin each rule with its own `-`, such as `- alias: champion`"
        place.wrong(f"a rule with one key is due, not {what}", remedy)
        return None
    ((kind, item),) = node.items.items()
    inner = place.of(kind, item)
    if kind in {"alias", "run"}:
        shapes.text(inner)
    elif kind == "commit":
        shapes.choice(inner, ("merge-base",))
    elif kind == "tag":
        _texts_by_name(inner, "tag: {baseline.kind: existing}")
    elif kind == "best":
        _best(inner)
    elif any_rule:
        _plain_json(inner.node, inner.key, inner.problems)
    else:
        known = near_or_all(kind, BASELINE_RULES, "built in are")
        place.problems.add(item.at, place.key, f"no loaded plugin knows the rule '{kind}'", known)
    return {kind: item.node.data}


def _best(place: Place) -> None:
    example = "best: {within: 90d}"
    items = shapes.mapping(place, example, ("within",))
    if items is None:
        return
    if "within" in items:
        _quantity(place.of("within", items["within"]), parse_duration)
    else:
        place.problems.add(
            place.node.at, f"{place.key}.within", "missing setting", f"write it like {example}"
        )


def _plain_json(node: Node, key: str, problems: Problems) -> None:
    """Note dates: a rule is kept in reports, which are JSON."""
    if isinstance(node, ScalarNode):
        if isinstance(node.value, date):
            Place(node, key, problems).wrong(*shapes.not_text(node))
    elif isinstance(node, SequenceNode):
        for index, inner in enumerate(node.nodes):
            _plain_json(inner, f"{key}[{index}]", problems)
    else:
        for name, item in node.items.items():
            _plain_json(item.node, f"{key}.{name}", problems)


def _quantity(place: Place, parse: Any) -> Any:
    """Return what one of the parsers of `quantities` makes of the value, or None."""
    try:
        return parse(place.node.data)
    except ValueError as error:
        place.wrong(str(error))
    return None


def read_prices(items: Mapping[str, Item], problems: Problems) -> Mapping[str, Rate]:
    """Return the hourly price of each machine."""
    places = {name: Place(item.node, f"prices.{name}", problems) for name, item in items.items()}
    rates = {name: _quantity(place, parse_rate) for name, place in places.items()}
    return MappingProxyType({name: rate for name, rate in rates.items() if rate is not None})


def read_evidence(
    items: Mapping[str, Item], problems: Problems
) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """Return the user's own names by documented name, and the size caps (B) by name."""
    known_keys = ("names", "max_text")
    for name, item in items.items():
        if name not in known_keys:
            shapes.unknown_key(problems, item, f"evidence.{name}", name, known_keys)
    names = _NOTHING
    if "names" in items:
        place = Place(items["names"].node, "evidence.names", problems)
        names = _texts_by_name(place, "names: {cost.total: my_cost}")
    caps: dict[str, int] = {}
    if "max_text" in items:
        place = Place(items["max_text"].node, "evidence.max_text", problems)
        size = _quantity(place, parse_bytes)
        if size == 0:
            place.wrong("nothing can be read under a cap of 0 B", "write it like max_text: 1MB")
        elif size is not None:
            caps["max_text"] = size
    return names, MappingProxyType(caps)
