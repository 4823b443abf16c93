"""`audit`: what registered models come to today."""

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.looking_back import FORMATS, UNREADABLE, formatting, opened, write
from policy_engine.cli.options import (
    demanding,
    policies_option,
    seconds,
    text_option,
    timeout_option,
    tracking_uri_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@command("audit", "policy-engine audit --alias champion --format html=audit.html")
@text_option("--alias", default="champion", show_default=True, help="Alias, or a glob.")
@text_option("--model", default="*", metavar="GLOB", help="Registered names; all of them.")
@policies_option
@demanding
@formatting
@tracking_uri_option
@timeout_option("30min")
def audit_command(formats: tuple[str, ...], timeout: str, **given: Any) -> int:
    """Judge every registered model's aliased versions today, the worst first.

    The exit code is that of a check of all of them. What needs a baseline or a pull request is not
    asked. Models that no policy file is for are listed, and so are waivers with their last day.
    """
    from datetime import UTC, datetime
    from pathlib import Path

    from policy_engine.cli import output
    from policy_engine.history.audit import Asked, audit
    from policy_engine.history.audit_told import audit_sections, plain_audit
    from policy_engine.http.deadline import Deadline
    from policy_engine.judging.evaluate import Context
    from policy_engine.loading import load
    from policy_engine.log import progress
    from policy_engine.policy_file.profiles import Demands
    from policy_engine.render.links import Links
    from policy_engine.report import Engine, PolicySource
    from policy_engine.tracking.store import ReadFailed

    places = output.places(formats, FORMATS)
    now = datetime.now(UTC).replace(microsecond=0)
    with redirect_stdout(sys.stderr):
        loaded = load(given["policies"], Path(), Demands(given["require"], given["profile"]))
        deadline = Deadline(seconds("--timeout", timeout))
        uri, store = opened(given["tracking_uri"], deadline)
        source = PolicySource(loaded.policies.digest, trusted=True)
        asked = Asked(
            loaded.policies,
            given["model"],
            given["alias"],
            Context(now, source, Engine("", ())),
            loaded.plugins.resolve_baseline,
        )
        try:
            with progress() as say:
                found = audit(store, deadline, asked, _telling(say))
        except ReadFailed as e:
            click.echo(str(e), err=True)
            return UNREADABLE
    write(places, audit_sections(found, now, Links(mlflow=uri)), plain_audit(found))
    return int(found.exit_code)


def _telling(say: "Callable[[str], None]") -> "Callable[[int, int], None]":
    return lambda done, of: say(f"{done:,} of {of:,} judged")
