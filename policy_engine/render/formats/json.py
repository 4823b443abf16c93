"""The report as JSON: complete, for machines and for later."""

import json

from policy_engine.render.escape import json_text
from policy_engine.report import Report


def as_json(report: Report) -> str:
    """Return the report as indented JSON, in ASCII.

    Any text survives, a lone surrogate too, since JSON can escape what UTF-8 cannot hold.

    Raises:
        ValueError: If the report holds NaN or infinity, which JSON does not know.
    """
    return json_text(json.dumps(report.to_dict(), indent=2, allow_nan=False)) + "\n"
