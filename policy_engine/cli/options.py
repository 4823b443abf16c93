"""The options that several commands have, each said once."""

from collections.abc import Callable
from typing import Any, TypeAlias

import click

Decorator: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]


def filled(_context: click.Context, _option: click.Parameter, value: Any) -> Any:
    """Refuse an empty text: `--commit "$SHA"` without a SHA must not judge another commit."""
    texts = value if isinstance(value, tuple) else (value,)
    if any(text is not None and not text.strip() for text in texts):
        raise click.BadParameter("it is empty; is a variable not set?")
    return value


def text_option(*names: str, **more: Any) -> Decorator:
    """Return an option whose value is a text that says something."""
    return click.option(*names, callback=filled, **more)


def count_option(name: str, **more: Any) -> Decorator:
    """Return an option whose value is a whole number from 1 on."""
    return click.option(name, type=click.IntRange(min=1), **more)


def together(*options: Decorator) -> Decorator:
    """Return one decorator that adds options, in the order in which the help shows them."""

    def add(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return add


# Where the policies come from.

policies_option = text_option(
    "--policies",
    multiple=True,
    default=("policies",),
    show_default=False,
    metavar="PATH",
    help="Policy file or folder (policies/ by default).",
)
demanding = together(
    text_option(
        "--require",
        multiple=True,
        metavar="[PLUGIN:]PACK",
        help=(
            "Lay a pack, of an installed plugin too, beneath every policy file; none can loosen it."
        ),
    ),
    text_option(
        "--profile",
        metavar="NAME",
        help="Lay this profile of every policy file over its bindings; it only tightens them.",
    ),
)

# Which MLflow, and how long it may take.

tracking_uri_option = text_option("--tracking-uri", metavar="URI", help="Else MLFLOW_TRACKING_URI.")


def timeout_option(default: str, told: str = "Limit of all reads.") -> Decorator:
    """Return the limit of time; `seconds` reads it."""
    return click.option("--timeout", default=default, show_default=True, help=told)


def seconds(flag: str, text: str) -> float:
    """Return a duration such as `30s` in seconds."""
    from policy_engine.quantities import parse_duration

    try:
        return float(parse_duration(text))
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint=flag) from e


# Where the answer goes.


def format_option(told: str, default: str = "text") -> Decorator:
    """Return `--format NAME[=FILE]`; `output.places` reads it."""
    return text_option(
        "--format",
        "formats",
        multiple=True,
        default=(default,),
        metavar="NAME[=FILE]",
        help=told,
    )


def formats_of(names: tuple[str, ...]) -> Decorator:
    """Return `--format` for a command that has these formats."""
    return format_option(f"{', '.join(names)}; one without =FILE goes to stdout.")
