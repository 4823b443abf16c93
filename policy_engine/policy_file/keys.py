"""Every key of a policy file: its type, what it says, its default and an example; nowhere else.

A key is added by its field: the reader, "did you mean", the JSON Schema and the page of the
reference know it from then on. A field without a description stops the import.
"""

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from policy_engine.evidence.metrics import Goal, known
from policy_engine.policy import Level
from policy_engine.policy_file.declaring import Keys, Said
from policy_engine.policy_file.reading import Written
from policy_engine.policy_file.values import (
    Ceiling,
    Class,
    Day,
    DayOrOff,
    Glob,
    Person,
    Point,
    Version,
    When,
)
from policy_engine.quantities import Bytes, HourlyPrice

Treatment = Literal["block", "warn", "skip"]
"""What a binding makes of a finding that is neither pass nor fail."""

SOFT: Mapping[str, tuple[Treatment, ...]] = {
    "on_missing": ("warn", "skip"),
    "on_inconclusive": ("skip",),
}
"""What no mandatory binding says, by key."""

NOTHING: Mapping[str, Any] = {}

ID = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
"""What the id of a binding looks like, and the name of a profile."""


class Lies(Enum):
    """How a section lies over the one beneath it; a key that says none of these replaces it."""

    ADDED = "adds up"
    MERGED = "is merged key by key"
    ITSELF = "is of its own file alone"


NOT_IN_A_PACK = "a pack may not hold it"
"""Marks such a key."""


class AppliesTo(Keys):
    """Which candidates the file judges: all that is set must hold."""

    is_never_empty = True

    model: Annotated[str | None, Said(due="a pattern")] = Field(
        None, description="The logged or the registered name (glob).", examples=["fraud-*"]
    )
    experiment: Annotated[str | None, Said(due="a pattern")] = Field(
        None, description="The experiment's name (glob).", examples=["fraud/*"]
    )
    tags: Annotated[Mapping[str, str], Said(kind="tag name to glob")] = Field(
        NOTHING,
        min_length=1,
        description="Tags of the run.",
        examples=[{"region": "eu-*"}],
    )


class MetricSetting(Keys):
    """The metric that counts; without it the experiment's primary metric does."""

    name: Annotated[str, Said(due="a metric's name")] = Field(
        description="Its name in MLflow.", examples=["val_f1"]
    )
    goal: Annotated[Goal | None, Said(unsaid="known by name")] = Field(
        None, description="Which direction is better."
    )
    point: Annotated[Point | None, Said(unsaid="known by name")] = Field(
        None, description="One point (pt), in the metric's own units.", examples=[0.5]
    )
    scale: Literal["fraction", "percent"] = Field(
        "fraction", description="How training logs it: 0.935, or 93.5, which is read as 0.935."
    )
    take: Literal["last", "best", "at-model"] = Field(
        "last",
        description="Which value counts where it was logged several times: the last, the best, or "
        "the last one up to the step that the model was logged at.",
    )
    dataset: Annotated[str | None, Said(due="the name of a dataset", unsaid="the only one")] = (
        Field(
            None,
            description="The dataset that counts, where `mlflow.models.evaluate` evaluated the "
            "model on several in runs of their own.",
        )
    )
    positive: Class | None = Field(
        None,
        description="The positive class of a classification metric; else 1 or true.",
        examples=["fraud"],
    )

    def check(self, written: Written) -> None:
        """Note a direction that is not known, or not the metric's; a point as long as its range."""
        kind, name = known(self.name), self.name
        if kind is None and "goal" not in written:
            remedy = "say `goal: maximize` or `goal: minimize`"
            message = f"it is not known whether a greater {name} is better"
            written.place("name").wrong(message, remedy)
        if kind is not None and self.goal not in (None, kind.goal):
            message = f"{name} is a metric to {kind.goal}, not to {self.goal}"
            remedy = "remove the goal, or log the metric under a name of its own"
            written.place("goal").wrong(message, remedy)
        if self.point is None or self.scale == "percent":
            return
        if kind is not None and kind.bounded and self.point >= 1:
            written.place("point").wrong(
                f"a point of {self.point} is all of the range of {name}, which lies in [0, 1]",
                f"say `scale: percent` if {name} is logged in percent, "
                "or write a point such as 0.01",
            )


class CandidateSetting(Keys):
    """Which changes need a run, and which model counts."""

    paths: tuple[Glob, ...] = Field(
        (),
        min_length=1,
        description="Globs of what training depends on, from the repository's root; `**` spans "
        "folders.",
        examples=[["training/**"]],
    )
    model_name: Annotated[str | None, Said(due="a model's name", unsaid="the only model")] = Field(
        None, description="Which logged model of a run counts, where there are several."
    )


Rule = Annotated[Mapping[str, Any], WithJsonSchema({"type": "object"})]
"""A baseline rule: one key, which `baseline.KnownRules` knows, and what that takes."""


class EvidenceSetting(Keys):
    """Other names of the evidence, and how much of it is read."""

    names: Annotated[Mapping[str, str], Said(kind="documented name to your own")] = Field(
        NOTHING,
        min_length=1,
        description="What your runs call a metric, parameter or tag that a policy reads.",
        examples=[{"cost.total": "my_cost"}],
    )
    max_text: Annotated[Bytes | None, Said(unsaid="64MiB")] = Field(
        None,
        description="The largest predictions table that is read; 64 MiB is 67.1 MB: about 2.5 "
        "million rows of `row_id`, `target`, `prediction` and `score`.",
        examples=["1MB"],
    )

    def check(self, written: Written) -> None:
        """Note a cap under which nothing can be read."""
        if self.max_text == 0:
            place = written.place("max_text")
            place.wrong("nothing can be read under a cap of 0 B", "write it like max_text: 1MB")


class BindingKeys(Keys):
    """What the engine itself takes out of a binding; all other keys are settings of its policy."""

    policy: Annotated[str | None, Said(due="a policy's name", unsaid="the id")] = Field(
        None, description="Which policy this binds.", examples=["metric-threshold"]
    )
    level: Level = Field(Level.OVERRIDABLE, description="What its findings may do to a merge.")
    enforce_from: DayOrOff | None = Field(
        None,
        description="Advisory before that day (00:00 UTC), its level from then on; not with "
        "`advisory`.",
        examples=["2027-01-31"],
    )
    when: Annotated[When | None, Said(unsaid="always")] = Field(
        None,
        description="Whom the policy is asked about; where it does not hold, the finding is "
        "`not-applicable`.",
        examples=['candidate.tags["region"] == "eu"'],
    )
    on_missing: Treatment = Field("block", description="What a `missing` finding does.")
    on_inconclusive: Treatment = Field("warn", description="What an `inconclusive` finding does.")
    owner: Person | None = Field(
        None,
        description="Whom to ask: a login, a team or an e-mail address. Findings name it.",
        examples=["@acme/risk"],
    )
    why: str | None = Field(None, description="Why the team binds it, for who reads the file.")

    def check(self, written: Written) -> None:
        """Note a day without a level to enforce, and what softens a mandatory binding."""
        if self.enforce_from is not None and self.level == Level.ADVISORY:
            remedy = "remove it, or set the level that shall hold from then on"
            message = "an advisory binding is never enforced"
            written.place("enforce_from").wrong(message, remedy)
        if self.level != Level.MANDATORY:
            return
        for name, refused in SOFT.items():
            word = getattr(self, name)
            if word in refused:
                message = f"a mandatory binding cannot say `{name}: {word}`"
                remedy = "remove the line, or set `level: overridable`"
                written.place(name).wrong(message, remedy)


class WaiverKeys(Keys):
    """One finding may pass until a day, up to a value."""

    one_of = ("model", "run", "version")

    id: str = Field(
        description="The id of a binding, which is not `mandatory`.", examples=["model-size-budget"]
    )
    part: Annotated[str | None, Said(unsaid="every part")] = Field(
        None,
        description="The part of the finding, where the policy has several.",
        examples=["size"],
    )
    model: str | None = Field(
        None,
        description="For what: a glob on the model's logged or registered name.",
        examples=["fraud-*"],
    )
    run: str | None = Field(None, description="Or for what: a run id.", examples=["<run id>"])
    version: Version | None = Field(
        None, description="Or for what: a version of a registered model.", examples=["fraud/3"]
    )
    ceiling: Annotated[Ceiling | None, Said(unsaid="needed where the finding has a limit")] = Field(
        None,
        description="The value up to which it holds, in the limit's unit.",
        examples=["70 USD"],
    )
    reason: str = Field(
        description="Why it may pass.",
        examples=["the new embedding is needed for the launch"],
    )
    owner: Person = Field(description="Who fixes what it waives.", examples=["@ana"])
    approved_by: Person = Field(
        description="Who approved it; not the author of the change.", examples=["@ben"]
    )
    ticket: str = Field(description="Where the fixing is planned.", examples=["ML-12"])
    expires: Day = Field(
        description="Its last day (UTC), at most 90 days ahead.", examples=["2027-01-31"]
    )


class WaiversFile(Keys):
    """Waivers for every policy file of the folder."""

    version: Literal[1] = Field(description="The format of the file.")
    waivers: tuple[WaiverKeys, ...] = Field(description="Findings that may pass until a day.")


class FileKeys(Keys):
    """Which policies judge which candidates, by which limits, against which baseline."""

    version: Annotated[Literal[1], Lies.ITSELF, Said(kind="the number 1")] = Field(
        description="The format of the file."
    )
    extends: Annotated[tuple[str, ...], Lies.ITSELF, Said(kind="list of packs and files")] = Field(
        (),
        description="What lies beneath this file: packs, and files of the same folder.",
        examples=[["recommended"]],
    )
    plugins: Annotated[
        tuple[str, ...], Lies.ADDED, NOT_IN_A_PACK, Said(kind="list of distributions")
    ] = Field(
        (),
        description="Distributions of outside plugins to load.",
        examples=[["acme-policies"]],
    )
    applies_to: Annotated[AppliesTo | None, NOT_IN_A_PACK, Said(unsaid="every candidate")] = Field(
        None, examples=[{"model": "fraud-*"}]
    )
    metric: Annotated[MetricSetting | None, Said(unsaid="the experiment's primary metric")] = Field(
        None, examples=[{"name": "val_f1", "goal": "maximize"}]
    )
    candidate: CandidateSetting | None = Field(None, examples=[{"paths": ["training/**"]}])
    baseline: Annotated[tuple[Rule, ...], Said(kind="list of rules")] = Field(
        (),
        min_length=1,
        description="How to find the run to beat: rules, tried in order.",
        examples=[[{"alias": "champion"}]],
    )
    first_run: bool = Field(
        default=False, description="Whether there can be no baseline yet.", examples=[True]
    )
    prices: Annotated[Mapping[str, HourlyPrice], Lies.MERGED] = Field(
        NOTHING,
        description="What an hour of a machine costs, by the run's tag `compute.instance`; "
        "`default` is any other.",
        examples=[{"default": "0.50 USD/h"}],
    )
    evidence: Annotated[EvidenceSetting | None, Lies.MERGED] = Field(
        None, examples=[{"names": {"cost.total": "my_cost"}}]
    )
    policies: Annotated[Mapping[str, BindingKeys], Lies.MERGED] = Field(
        NOTHING,
        description="The bindings: the name of a policy, or an id of your own with `policy:`.",
        examples=[{"model-size-budget": {"max_size": "200MB"}}],
    )
    profiles: Annotated[
        Mapping[str, Mapping[str, BindingKeys]],
        Lies.MERGED,
        Said(kind="name of a profile to bindings"),
    ] = Field(
        NOTHING,
        description="What is tighter, or bound too, under a profile: `--profile prod` lays it over "
        "`policies`.",
        examples=[{"prod": {"model-size-budget": {"max_size": "50MB"}}}],
    )
    waivers: Annotated[tuple[WaiverKeys, ...], Lies.ADDED, NOT_IN_A_PACK] = Field(
        (), description="Findings that may pass until a day."
    )


@cache
def lying(how: Lies | None) -> tuple[str, ...]:
    """Return the keys of a policy file that lie so over those beneath; None: that replace them."""
    return tuple(
        name
        for name, field in FileKeys.model_fields.items()
        if how is next((each for each in field.metadata if isinstance(each, Lies)), None)
    )
