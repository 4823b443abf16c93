"""A check as one line of JSON, for whoever gathers the checks of many repositories."""

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from policy_engine.report import Judged, Report


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoggedSubject(_Record):
    """One policy file on one candidate."""

    policy_file: str = Field(description="Path of the policy file.")
    verdict: str = Field(description="The verdict of this policy file.")
    run: str | None = Field(description="The candidate run's id; null where there is none.")
    model: str | None = Field(description="The model: registered name and version, else its name.")
    commit: str | None = Field(description="The commit that was trained.")


class LoggedPolicy(_Record):
    """What one binding came to; of several findings, each."""

    policy_file: str = Field(description="Path of the policy file.")
    id: str = Field(description="The binding's id.")
    policy: str = Field(description="The policy's name.")
    part: str | None = Field(description="The part of the finding, where there are several.")
    level: str = Field(description="The level on that day.")
    outcome: str = Field(description="What was found.")
    effect: str = Field(description="What that does to the merge.")


class LoggedWaiver(_Record):
    """A waiver that let a finding pass."""

    id: str = Field(description="The binding's id.")
    part: str | None = Field(description="The part, if it names one.")
    approved_by: str = Field(description="Who approved it.")
    owner: str = Field(description="Who fixes what it waives.")
    expires: str = Field(description="Its last day (UTC).")
    where: str = Field(description="File and line of it.")


class LoggedDurations(_Record):
    """How long what took (seconds)."""

    prepare: float | None = Field(description="Reading policies and plugins.")
    check: float | None = Field(description="Reading the evidence and judging.")
    total: float = Field(description="All of the command but publishing.")


class LogLine(_Record):
    """One check."""

    schema_: Literal["policy-engine/check/v1"] = Field(alias="schema", description="This form.")
    at: str = Field(description="The moment of judgement, or of the error (UTC).")
    repository: str | None = Field(description="owner/name; null outside GitHub Actions.")
    pull_request: int | None = Field(description="Its number; null outside of one.")
    verdict: str | None = Field(description="The verdict; null where an error ended the check.")
    exit_code: int = Field(description="The exit code of the command, before publishing.")
    error: str | None = Field(description="What ended the check; null where there is a verdict.")
    version: str = Field(description="The engine's version.")
    plugins: tuple[str, ...] = Field(description="Plugins that took part.")
    policies_digest: str | None = Field(description="Of all policies that judged.")
    policies_ref: str | None = Field(description="The commit that they are of.")
    trusted: bool | None = Field(description="Whether they are the default branch's own.")
    require: tuple[str, ...] = Field(description="The packs that `--require` named.")
    profile: str | None = Field(description="The profile that `--profile` named; null for none.")
    subjects: tuple[LoggedSubject, ...] = Field(description="Each policy file on each candidate.")
    policies: tuple[LoggedPolicy, ...] = Field(description="Each finding.")
    waivers: tuple[LoggedWaiver, ...] = Field(description="Waivers that were used.")
    durations: LoggedDurations = Field(description="How long it took (seconds).")


def subjects_of(report: Report) -> Iterator[LoggedSubject]:
    """Yield what a line says of each subject."""
    for subject in report.subjects:
        run = subject.candidate
        yield LoggedSubject(
            policy_file=subject.policy_file,
            verdict=subject.verdict.value,
            run=run.run_id if run else None,
            model=run.registered or run.model if run else None,
            commit=run.commit if run else None,
        )


def policies_of(report: Report) -> Iterator[LoggedPolicy]:
    """Yield what a line says of each finding."""
    for subject in report.subjects:
        for found in subject.findings:
            yield LoggedPolicy(
                policy_file=subject.policy_file,
                id=found.id,
                policy=found.policy,
                part=found.part,
                level=found.level.value,
                outcome=found.outcome.value,
                effect=found.effect.value,
            )


def waivers_of(report: Report) -> Iterator[LoggedWaiver]:
    """Yield each waiver that a finding used, once."""
    once: dict[str, Judged] = {
        finding.waiver["where"]: finding
        for subject in report.subjects
        for finding in subject.findings
        if finding.waiver is not None
    }
    for finding in once.values():
        told = finding.waiver or {}
        yield LoggedWaiver.model_validate(
            {name: told.get(name) for name in LoggedWaiver.model_fields}
        )
