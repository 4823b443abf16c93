"""Judge saved evidence: `python -m benchmarks.scripts.judge POLICIES EVIDENCE`.

Prints how long judging took (seconds, JSON), with what it imports, without the read.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from policy_engine.check import load, read_evidence
from policy_engine.judging.evaluate import Context, evaluate
from policy_engine.report import Engine, PolicySource


def main() -> None:
    """Read, then judge with a watch in hand."""
    policies, file = sys.argv[1:]
    loaded = load((policies,))
    evidence = read_evidence(Path(file))
    context = Context(datetime.now(UTC), PolicySource(loaded.policies.digest), Engine("0", ()))
    began = time.perf_counter()
    evaluate(loaded.policies, evidence, context)
    print(json.dumps(time.perf_counter() - began))


if __name__ == "__main__":
    main()
