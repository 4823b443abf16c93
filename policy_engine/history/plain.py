"""A backtest as plain JSON values."""

from dataclasses import asdict
from typing import Any

from policy_engine.history.backtest import Backtest
from policy_engine.history.tally import OUTCOMES, SHARES, Numbers, PolicyTally, Tally

SCHEMA = "policy-engine/backtest/v1"


def plain_backtest(result: Backtest) -> dict[str, Any]:
    """Return a backtest as JSON values, every key always there."""
    asked = result.asked
    return {
        "schema": SCHEMA,
        "experiment": asked.experiment,
        "since": asked.since.isoformat() if asked.since else None,
        "full": asked.whole_s is not None,
        "pass_over": asked.skips,
        "ended": result.ended,
        "experiments": result.experiments,
        "left_out": result.left_out,
        "sides": [
            {"policies": name, "digest": policies.digest, **_tally(tally)}
            for name, policies, tally in zip(asked.names, asked.sides, result.tallies, strict=True)
        ],
        "newly_blocked": {
            "count": result.newly.count,
            "runs": [{**asdict(run), "by": list(ids)} for run, ids in result.newly.runs],
        },
    }


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "runs": tally.runs,
        "blocked": tally.blocked,
        "for_no_policy_file": tally.unclaimed,
        "by_policy": [_policy(each) for each in tally.worst_first()],
    }


def _policy(tally: PolicyTally) -> dict[str, Any]:
    bounds = tally.alarm_bounds
    return {
        "policy_file": tally.policy_file,
        "id": tally.id,
        "blocked": tally.blocked,
        "outcomes": {outcome: tally.outcomes[outcome] for outcome in OUTCOMES},
        "not_replayed": dict(tally.reasons.most_common()),
        "false_alarms": {
            "repeats": tally.repeats,
            "failed": tally.alarms,
            "bounds": list(bounds) if bounds is not None else None,
        },
        "runs": [{**asdict(run), "why": why} for run, why in tally.runs],
        "limits": [_numbers(each) for each in tally.numbers.values()],
    }


def _numbers(numbers: Numbers) -> dict[str, Any]:
    spread = numbers.spread
    return {
        "part": numbers.part,
        "op": numbers.op,
        "unit": numbers.unit,
        "limit": numbers.limit,
        "runs": len(numbers.values),
        "beyond": numbers.beyond,
        "distribution": spread
        and {
            "unit": spread.unit,
            "ends": list(spread.ends),
            "bins": spread.bins,
            "quartiles": list(spread.quartiles),
            "blocking": {f"{share:.0%}": spread.blocking(share) for share in SHARES},
        },
    }
