"""Judge saved evidence, twice: `python -m benchmarks.scripts.judge POLICIES EVIDENCE`.

Prints both times (seconds, JSON). The first holds what judging imports; for the second, the
evidence is read anew, so that nothing that was worked out of it is there yet.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from policy_engine.check import Loaded, load, read_evidence
from policy_engine.evaluate import Context, evaluate
from policy_engine.report import Engine, PolicySource


def judge(loaded: Loaded, file: Path) -> float:
    """Return how long judging took (seconds), without the read."""
    evidence = read_evidence(file)
    context = Context(datetime.now(UTC), PolicySource(loaded.policies.digest), Engine("0", ()))
    began = time.perf_counter()
    evaluate(loaded.policies, evidence, context)
    return time.perf_counter() - began


def main() -> None:
    """Judge, and judge again."""
    policies, file = sys.argv[1:]
    loaded = load((policies,))
    print(json.dumps([judge(loaded, Path(file)) for _ in range(2)]))


if __name__ == "__main__":
    main()
