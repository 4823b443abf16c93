"""How an error ends the command: one plain sentence, or a block to paste into an issue."""

import platform
import re
import sys
import traceback
from importlib.metadata import PackageNotFoundError, version

import click

from policy_engine import __version__
from policy_engine.errors import PluginError, PolicyEngineError, UsageError
from policy_engine.report import ExitCode
from policy_engine.source.problems import PolicyFileError

UNDECIDED = int(ExitCode.UNDECIDED)
_USAGE = (UsageError, PluginError, PolicyFileError)
_PACKAGES = ("mlflow-skinny", "pydantic", "pluggy", "requests", "click")
_SECRET = re.compile(r"://[^/\s@]+@|(?i:token|password|secret|authorization)\W{1,4}\S+")


def exit_code(error: BaseException) -> int:
    """Return what a command ends with that ends with this error; it is never 0."""
    is_usage = isinstance(error, (*_USAGE, click.ClickException))
    return int(ExitCode.USAGE if is_usage else ExitCode.UNDECIDED)


def sentence(error: BaseException) -> str:
    """Return what went wrong, as people are told: a sentence, or every problem of a policy file."""
    if isinstance(error, PolicyEngineError):
        return str(error)
    if isinstance(error, click.ClickException):
        return error.format_message()
    return f"policy-engine broke down: {type(error).__name__}"


def explain_error(error: Exception) -> int:
    """Tell stderr what went wrong and return the exit code; it is never 0."""
    if isinstance(error, PolicyEngineError):
        sys.stderr.write(_shown(error) + "\n")
        return exit_code(error)
    sys.stderr.write(
        f"policy-engine broke down: {type(error).__name__}; nothing was decided.\n"
        f"Please report it with this block:\n{_block(error)}\n"
    )
    return int(ExitCode.UNDECIDED)


def _shown(error: PolicyEngineError) -> str:
    return str(error) if isinstance(error, PolicyFileError) else f"policy-engine: {error}"


def _block(error: Exception) -> str:
    lines = [
        f"policy-engine {__version__}, Python {platform.python_version()}, {platform.system()}",
        ", ".join(f"{name} {_version(name)}" for name in _PACKAGES),
        "".join(traceback.format_exception(error)).rstrip(),
    ]
    return _SECRET.sub("[redacted]", "\n".join(lines))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
