"""What an edit of policy files makes of the rules: removed, looser, tighter, added or neither.

Values are compared, not lines: what a file extends, and what a default says, counts as well.
"""

from policy_engine.policy_file.edits.comparing import (
    LONGEST,
    MOST,
    NO_EDITS,
    Edited,
    Policies,
    edited,
)

__all__ = ["LONGEST", "MOST", "NO_EDITS", "Edited", "Policies", "edited"]
