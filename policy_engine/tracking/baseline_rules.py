"""The baseline rules that are built in: a class each, with its key, its value, its search and name.

What is declared here is all that there is: the reader of policy files, their JSON Schema, the
reference and every list of rules are made of `RULES`. Reading a policy file loads this module, so
it loads what a search needs when it searches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from policy_engine.evidence.commit import COMMIT_TAGS
from policy_engine.policy_file.declaring import Keys
from policy_engine.quantities import Duration, parse_duration
from policy_engine.quantities.words import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from policy_engine.evidence.record import RunRecord
    from policy_engine.tracking.baselines import BaselineSearch
    from policy_engine.tracking.store import Json

AT_ONCE = 8
"""Commits whose runs are asked for at the same time."""
COLLECTION = "collection"
"""Up to when a policy's own `best` rule may look, in place of the candidate's start: `until`."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A run that a rule proposes, the model if the rule fixed it, and among how many it is best."""

    run: "Json"
    model_id: str | None = None
    among: int | None = None


class PassOver(Exception):  # noqa: N818 (not an error: the next rule is tried)
    """The rule found nothing; the message says why."""


class BaselineRule(Keys):
    """A rule that finds the run to beat. The field `value` is what a policy file writes behind it.

    A subclass states `key=`, declares `value` with a description, and finds.
    """

    key: ClassVar[str]

    def __init_subclass__(cls, key: str) -> None:
        """Note the key; the rule is registered once its field is known."""
        super().__init_subclass__()
        cls.key = key

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Register the rule under its key.

        Raises:
            TypeError: If it lacks a part, or its key is another rule's.
        """
        super().__pydantic_init_subclass__(**kwargs)
        name = f"{cls.__module__}.{cls.__name__}"
        if set(cls.model_fields) != {"value"}:
            raise TypeError(f"{name} has to declare `value`, and no other field")
        if "find" not in vars(cls):
            raise TypeError(f"{name} has no find()")
        if cls.key in RULES:
            raise TypeError(f"{name} and {RULES[cls.key].__name__} both have the key '{cls.key}'")
        RULES[cls.key] = cls

    @classmethod
    def find(cls, value: Any, search: "BaselineSearch") -> Hit:
        """Return the run that a value names.

        Args:
            value: As written in a policy file, or as a policy's own `rules()` say.
            search: The candidate, and what may be asked.

        Raises:
            PassOver: If there is none; says why.
            NotFound, ReadFailed: As the store says.
        """
        raise NotImplementedError

    @classmethod
    def said(cls, value: Any) -> str:
        """Return the value in a line."""
        return in_a_line(value)


RULES: dict[str, type[BaselineRule]] = {}
"""The rules by key, in the order in which they are listed."""


def in_a_line(value: Any) -> str:
    """Return the value of a rule as a line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return str(value)


class AliasRule(BaselineRule, key="alias"):
    """The run of a registered version."""

    value: str = Field(
        description="Of the version with this alias of the candidate's registered model; or, as "
        "`fraud@champion`, of a model that is named here, for a candidate that is registered only "
        "after the merge.",
        examples=["champion", "fraud@champion"],
    )

    @classmethod
    def find(cls, value: str, search: "BaselineSearch") -> Hit:
        """Return the run of the version with the alias."""
        from policy_engine.tracking.versions import (  # noqa: PLC0415
            model_of_version,
            run_of_version,
        )

        # A registered name may hold an @, an alias may not.
        name, at, alias = value.removeprefix("models:/").rpartition("@")
        if not at:
            name, alias = search.registered_name(value), value
        reads = search.reads
        version = reads.get(reads.store.version_by_alias, name, alias)
        if version.get("run_id"):
            search.ahead(version["run_id"], model_of_version(version))
        return search.only(Hit(*run_of_version(reads, version)))


class CommitRule(BaselineRule, key="commit"):
    """The run of the commit that the change is based on."""

    value: Literal["merge-base"] = Field(
        description="Of the merge base with the default branch, else of its nearest first-parent "
        "ancestor with a run, 50 at most."
    )

    @classmethod
    def find(cls, value: str, search: "BaselineSearch") -> Hit:  # noqa: ARG003 (it has one value)
        """Return the newest run of the nearest ancestor that has one."""
        from policy_engine.tracking.translate import tagged_commit  # noqa: PLC0415

        if not search.ancestors:
            raise PassOver("git knows no merge base with the default branch here")
        for start in range(0, len(search.ancestors), AT_ONCE):
            batch = search.ancestors[start : start + AT_ONCE]
            asked = [(sha, [search.begin(((tag, sha),)) for tag in COMMIT_TAGS]) for sha in batch]
            for sha, futures in asked:
                found = [run for future in futures for run in search.reads.wait(future)]
                # By id: a run with both tags is found twice.
                runs = {run["info"]["run_id"]: run for run in found if tagged_commit(run) == sha}
                hit = search.first(list(runs.values()))
                if hit is not None:
                    return hit
        base, *before = search.ancestors
        among = f" or of {count(len(before), 'commit')} before it" if before else ""
        raise PassOver(f"no run of the merge base {base[:12]}{among}")


class TagRule(BaselineRule, key="tag"):
    """The newest run with tags."""

    value: Mapping[str, str] = Field(
        min_length=1,
        description="The newest of the candidate's experiment with these tags.",
        examples=[{"baseline.kind": "existing"}],
    )

    @classmethod
    def find(cls, value: Mapping[str, str], search: "BaselineSearch") -> Hit:
        """Return the newest run that has all the tags."""
        return search.newest(tuple(value.items()))


class BestWithin(Keys):
    """The best run by the metric."""

    within: Duration = Field(
        description="How long before the candidate began such a run ended at most.",
        examples=["90d"],
    )


class BestRule(BaselineRule, key="best"):
    """The best run by the metric."""

    value: BestWithin = Field(
        description="The best by the metric, of at most 200 runs of the experiment that ended "
        "before the candidate began.",
        examples=[{"within": "90d"}],
    )

    @classmethod
    def find(cls, value: Mapping[str, Any], search: "BaselineSearch") -> Hit:
        """Return the best of the runs that fit.

        Args:
            value: `within`; a policy may ask for `tags`, `same_data` and `no_more` too, and look
                `until` the collection.
            search: The candidate, and what may be asked.
        """
        if search.metric is None or search.goal is None:
            raise PassOver("nothing says which metric counts")
        until = search.at if value.get("until") == COLLECTION else None
        runs = search.earlier(float(parse_duration(value["within"])), until)
        if not runs:
            by = "the candidate began" if until is None else "the evidence was collected"
            raise PassOver(f"no FINISHED run began within it and ended before {by}")
        word = "earlier " if until is None else ""
        fitting = [run for run in runs if _fits(run, value, search)]
        if not fitting:
            raise PassOver(
                f"none of the {len(runs)} {word}FINISHED run(s) has tags and data as asked for"
            )
        known = [(search.value(run), run) for run in fitting if search.refusal(run) is None]
        if not known:
            raise PassOver(
                f"none of the {len(runs)} {word}FINISHED run(s) has a finite {search.metric}"
            )
        best = (max if search.goal == "maximize" else min)(known, key=lambda pair: pair[0])
        return Hit(best[1], among=len(known))

    @classmethod
    def said(cls, value: Mapping[str, Any]) -> str:
        """Return the window alone: what a policy asks of the runs would fill a page."""
        return in_a_line({"within": value["within"]})


def _fits(run: "Json", asked: Mapping[str, Any], search: "BaselineSearch") -> bool:
    """Say whether a run is one that `best` may choose from, by what a policy asks for.

    `tags` maps names to globs; one tag that fits, as written or in lower case, is enough. With
    `same_data`, runs whose datasets all have other digests than the candidate's do not fit; with
    `no_more`, runs of which one of these numbers is above the candidate's.
    """
    from policy_engine.tracking.translate import run_record, tags_of  # noqa: PLC0415

    limited: Mapping[str, str] = asked.get("no_more") or {}
    if limited and taking_more(search.candidate, limited)(run_record(run, None)):
        return False
    globs: Mapping[str, Sequence[str]] = asked.get("tags") or {}
    tags = tags_of(run) if globs else {}
    if globs and not any(
        fnmatchcase(value, glob) or fnmatchcase(value.lower(), glob)
        for name, each in globs.items()
        if (value := tags.get(name, "").strip())
        for glob in each
    ):
        return False
    if not asked.get("same_data"):
        return True
    mine = {data.digest for data in search.candidate.datasets}
    theirs = {data.digest for data in run_record(run, None).datasets}
    return not (mine and theirs) or not mine.isdisjoint(theirs)


def taking_more(
    candidate: "RunRecord", limited: Mapping[str, str]
) -> "Callable[[RunRecord], bool]":
    """Return what says whether a number of a run is above the candidate's.

    Args:
        candidate: The candidate; what it says is looked up once, however many runs are asked about.
        limited: Metrics, or `duration`, each with the tag that must be equal in both to compare it.
            A duration counts only where the two share none of the metrics.
    """
    own = [
        (name, number, tag, candidate.tags.get(tag))
        for name, tag in limited.items()
        if isinstance(number := candidate.metrics.get(name), float)
    ]
    by, length = limited.get("duration"), _seconds(candidate)

    def takes_more(run: "RunRecord") -> bool:
        metrics, tags = run.metrics, run.tags
        shares_one = False
        for name, number, tag, value in own:
            theirs = metrics.get(name)
            if isinstance(theirs, float) and tags.get(tag) == value:
                if theirs > number:
                    return True
                shares_one = True
        if shares_one or by is None:
            return False
        return _seconds(run) > length and tags.get(by) == candidate.tags.get(by)

    return takes_more


def _seconds(run: "RunRecord") -> float:
    """Return how long a run took; NaN where it does not say so."""
    if run.start_time is None or run.end_time is None:
        return float("nan")
    return (run.end_time - run.start_time).total_seconds()


class RunRule(BaselineRule, key="run"):
    """A run by its id."""

    value: str = Field(description="This one.", examples=["<run id>"])

    @classmethod
    def find(cls, value: str, search: "BaselineSearch") -> Hit:
        """Return the run."""
        return search.only(Hit(search.reads.get(search.reads.store.run, value)))
