"""Every error that policy-engine explains to its user.

PolicyEngineError            one plain sentence; the command prints it without a traceback
├── UsageError               the command or the environment is wrong (exit 2)
├── PolicyFileError          a policy file is wrong; holds every problem found (exit 2)
├── PluginError              a plugin cannot be loaded or breaks its contract (exit 2)
├── GitHubError              github: it cannot be asked, or does not do it (exit 3)
└── EvidenceError            evidence.py: missing, invalid, unreadable, or not declared
"""


class PolicyEngineError(Exception):
    """Something that the user can act on, said in one plain sentence."""


class UsageError(PolicyEngineError):
    """The command line, or what it names, is wrong: nothing was judged (exit 2)."""


class PluginError(PolicyEngineError):
    """A plugin is absent, broken or at odds with another: nothing was judged (exit 2)."""
