"""Every key of a file of policy tests: its type, what it says and an example; nowhere else."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from policy_engine.evidence.record import BaselineRecord, ChangeRecord, RunRecord
from policy_engine.policy import Outcome
from policy_engine.policy_file import shapes
from policy_engine.policy_file.declaring import Keys, ReadAs
from policy_engine.policy_file.shapes import NodePlace
from policy_engine.policy_tests.row_counts import RowCount
from policy_engine.report import Effect

_NOTHING: Mapping[str, Any] = {}
Run = Annotated[RunRecord, WithJsonSchema({"$ref": "#/$defs/run"})]
"""A run in its short form: what it does not say is as in an ordinary one."""
Found = Annotated[Outcome, WithJsonSchema({"$ref": "#/$defs/outcome"})]
Moment = Annotated[datetime, WithJsonSchema({"type": "string"})]
Count = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0})]
Full = Annotated[BaselineRecord, WithJsonSchema({})]
_EFFECTS = tuple(effect.value for effect in Effect if effect is not Effect.WAIVED)


def _read_effect(place: NodePlace) -> Effect | None:
    word = shapes.choice(place, _EFFECTS)
    return None if word is None else Effect(word)


Unwaived = Annotated[
    Effect, ReadAs(_read_effect, "effect"), WithJsonSchema({"enum": list(_EFFECTS)})
]


class ExpectedKeys(Keys):
    """The outcome, and more of what must be said."""

    outcome: Found = Field(description="The outcome of its part, else the worst of all findings.")
    part: str | None = Field(None, description="The part of the finding.", examples=["size"])
    message: str | None = Field(None, description="A part of its message.")
    effect: Unwaived | None = Field(None, description="What it does to the merge.")


class EvidenceKeys(Keys):
    """Evidence by hand."""

    candidate: Run = Field(description="The run to judge.")
    baseline: Run | None = Field(None, description="The run to beat.")
    baseline_of: Mapping[str, Run] = Field(
        _NOTHING, min_length=1, description="For rules of a policy's own: by the binding's id."
    )
    baselines: tuple[Full, ...] = Field((), description="Outcomes of rules, in full.")
    rows: tuple[RowCount, ...] = Field(
        (), min_length=1, description="What candidate and baseline predicted, as counts of rows."
    )
    commits: Count | None = Field(
        None, description="Commits that the candidate's has and the baseline's has not (count)."
    )
    history: tuple[Run, ...] = Field((), description="Earlier runs, newest first.")
    later: tuple[Run, ...] = Field((), description="Later runs, newest first.")
    change: ChangeRecord | None = Field(None, description="The pull request.")


class CaseKeys(Keys):
    """One case."""

    name: str = Field(description="What it shows; unique in the file.")
    at: Moment | None = Field(None, description="The moment of judgement.")
    evidence: str | EvidenceKeys = Field(description="A file with the evidence, or the evidence.")
    expect: Mapping[str, Found | ExpectedKeys | tuple[Found | ExpectedKeys, ...]] = Field(
        min_length=1, description="By the binding's id: what must be found."
    )


class PolicyTestFile(Keys):
    """What a policy file must decide on which evidence."""

    version: Literal[1] = Field(description="The format of the file.")
    policy_file: str = Field(
        description="The policy file under test, from this file's own folder.",
        examples=["../fraud.yaml"],
    )
    profile: str | None = Field(
        None, description="The profile of the policy file that judges.", examples=["prod"]
    )
    cases: tuple[CaseKeys, ...] = Field(description="The cases.")
    not_possible: Mapping[str, Mapping[str, str]] = Field(
        _NOTHING, description="What no case can show, by the binding's id, with the reason."
    )
