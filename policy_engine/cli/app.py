"""The command itself: its group, how its commands are made, and how it ends."""

import gc
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from policy_engine.cli.streams import guard, settle
from policy_engine.errors import UsageError

EXAMPLE = "policy-engine check --run 8f0c… --tracking-uri http://127.0.0.1:5000"
"""What most people type first."""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Example: {EXAMPLE}",
)
@click.version_option(package_name="policy-engine")
@click.option("--debug", is_flag=True, help="Show the traceback of an error, of a policy too.")
@click.pass_context
def cli(context: click.Context, *, debug: bool) -> None:
    """Fail a pull request when its model is not worth merging, and say why with numbers.

    Exit codes: 0 may merge, 1 a policy blocks, 2 usage or policy file wrong, 3 could not decide,
    4 nothing was evaluated.
    """
    context.obj = debug
    if debug:
        context.call_on_close(_shown_tracebacks())


def _shown_tracebacks() -> Callable[[], None]:
    """Have the tracebacks of policies that break on stderr; return what ends that."""
    import logging

    handler = logging.StreamHandler()
    log = logging.getLogger("policy_engine.policies")
    log.addHandler(handler)
    return lambda: log.removeHandler(handler)


def command(name: str, example: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Return the decorator for a command whose help ends with an example."""
    return cli.command(name, epilog=f"Example: {example}")


USAGE, INTERRUPTED = 2, 130
"""Exit codes that no other takes the place of."""
GC_THRESHOLD = 50_000
"""New objects before Python looks for rubbish. What a start makes, stays: to look for rubbish in it
again and again took 6 % of a check."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; every error that a user can act on is one plain sentence."""
    gc.set_threshold(GC_THRESHOLD)
    guard()
    code = _ended(arguments)
    try:
        settle()
    except UsageError as e:
        from policy_engine.cli import crash

        if code not in {USAGE, INTERRUPTED}:  # else it is told already, or nobody waits for it
            code = crash.explain_error(e)
    sys.exit(code)


def _ended(arguments: list[str] | None) -> int:
    """Return the exit code, once the command has run and its error is told."""
    debug = "--debug" in (sys.argv[1:] if arguments is None else arguments)
    try:
        code = cli.main(args=arguments, prog_name="policy-engine", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as e:
        e.show()
        return USAGE
    except Exception as e:  # noqa: BLE001 (`crash` explains whatever it is)
        from policy_engine.cli import crash

        if debug:
            import traceback

            traceback.print_exception(e)
        return crash.explain_error(e)
    except SystemExit:
        # Our commands return their code. Whoever else exits here must not choose it.
        click.echo("policy-engine: a plugin called exit(); nothing was decided", err=True)
        return 3
    return code or 0
