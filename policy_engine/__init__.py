"""policy-engine: a gate for machine-learning pull requests.

The names that most policies need. They load on first use, so that `policy-engine --help` stays
quick. Public beside them: `policy_engine.evidence`, `.quantities`, `.testing`, `.training`.
"""

import sys

_AS_COMMAND = sys.argv[:1] == ["-m"] and sys.orig_argv[-len(sys.argv)].endswith("policy_engine")
if _AS_COMMAND and not sys.flags.safe_path:
    # `python -m` looks for modules in the folder that it is called in first: here, in what is under
    # judgement. Nothing is imported before this but by Python itself.
    del sys.path[0]

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

if TYPE_CHECKING:
    from policy_engine.evidence import (
        Case,
        InvalidEvidence,
        Measurement,
        MissingEvidence,
        Needs,
        NotApplicable,
        UnreadableEvidence,
    )
    from policy_engine.hookspecs import hookimpl
    from policy_engine.policy import Field, Finding, Level, Limit, Outcome, Policy, part

__version__ = "0.1.0"

_HOMES = {
    "Case": "evidence",
    "InvalidEvidence": "evidence",
    "Measurement": "evidence",
    "MissingEvidence": "evidence",
    "Needs": "evidence",
    "NotApplicable": "evidence",
    "UnreadableEvidence": "evidence",
    "hookimpl": "hookspecs",
    "Field": "policy",
    "Finding": "policy",
    "Level": "policy",
    "Limit": "policy",
    "Outcome": "policy",
    "Policy": "policy",
    "part": "policy",
}

__all__ = [
    "Case",
    "Field",
    "Finding",
    "InvalidEvidence",
    "Level",
    "Limit",
    "Measurement",
    "MissingEvidence",
    "Needs",
    "NotApplicable",
    "Outcome",
    "Policy",
    "UnreadableEvidence",
    "hookimpl",
    "part",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'policy_engine' has no attribute '{name}'")
    return getattr(import_module(f"policy_engine.{_HOMES[name]}"), name)
