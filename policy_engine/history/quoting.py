"""What a backtest's file says of limits, in sentences for comments of a policy file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from policy_engine.errors import UsageError
from policy_engine.history.told import amount
from policy_engine.render.escape import terminal
from policy_engine.source.foreign import json_value

LARGEST = 16 * 1024 * 1024
"""The largest file that is read (bytes)."""
_WORDS = {"<=": "at most", "<": "less than", ">=": "at least", ">": "more than"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class _Distribution(_Part):
    unit: str
    blocking: dict[str, float]


class _Limit(_Part):
    part: str | None
    op: str
    limit: float | None
    runs: int
    distribution: _Distribution | None


class _Policy(_Part):
    policy_file: str
    id: str
    limits: list[_Limit]


class _Side(_Part):
    digest: str
    runs: int
    by_policy: list[_Policy]


class _File(_Part):
    format: Literal["policy-engine/backtest/v1"] = Field(alias="schema")
    experiment: str
    sides: list[_Side]


@dataclass(frozen=True, slots=True)
class Quoted:
    """Limits that a backtest looked for.

    Attributes:
        source: Where they are from, in a sentence without its end.
        digest: Of the policies that it judged by.
        limits: For each policy file and id, a sentence a limit.
    """

    source: str
    digest: str
    limits: dict[tuple[str, str], tuple[str, ...]]


def quoted(path: Path) -> Quoted:
    """Return what the file of a backtest says of the limits of its first policies.

    Raises:
        UsageError: If it cannot be read, or `backtest --format json` did not write it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as e:
        raise UsageError(f"--backtest {path}: {e.strerror}") from e
    try:
        value = json_value(data.decode("utf-8")) if len(data) <= LARGEST else None
        found = _File.model_validate(value)
        side = found.sides[0]
    except (ValueError, ValidationError, IndexError) as e:
        raise UsageError(
            f"--backtest {path}: not a file of a backtest; write one with `policy-engine backtest "
            "--experiment NAME --format json=FILE`"
        ) from e
    return Quoted(
        source=terminal(f"{path}: {side.runs:,} runs of experiment {found.experiment}"),
        digest=side.digest,
        limits={(each.policy_file, each.id): tuple(_said(each)) for each in side.by_policy},
    )


def _said(policy: _Policy) -> Iterator[str]:
    for each in policy.limits:
        if each.distribution is None or each.op not in _WORDS:
            continue
        of = "" if each.limit is not None else " of the limit of that day"
        first, *others = (
            (amount(limit, each.distribution.unit), share.replace("%", " %"))
            for share, limit in each.distribution.blocking.items()
        )
        yield terminal(
            f"{f'{each.part}: ' if each.part else ''}{_WORDS[each.op]} {first[0]}{of} would have "
            f"blocked {first[1]} of {each.runs:,} runs"
            + "".join(f"; {limit}: {share}" for limit, share in others)
        )
