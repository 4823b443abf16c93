"""What can go wrong with GitHub, in plain sentences; none holds a token.

GitHubError             GitHub cannot be asked, or does not do what it was asked (exit 3)
├── NotAllowedError     the token may not do this, or GitHub does not know it
├── NotFoundError       it is not there, or the token may not even know of it
└── UnclearError        no answer: whether a request that is not repeated had its effect is unknown
"""

from policy_engine.errors import PolicyEngineError


class GitHubError(PolicyEngineError):
    """GitHub cannot be asked, or does not do what it was asked."""


class NotAllowedError(GitHubError):
    """The token may not do this (403), or GitHub does not know it (401)."""


class NotFoundError(GitHubError):
    """It is not there (404, 410), or the token may not even know of it."""


class UnclearError(GitHubError):
    """A request that is not repeated got no answer: it may have had its effect."""
