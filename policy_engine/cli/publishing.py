"""The options that say what GitHub is told, shared by `check` and `publish`."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from policy_engine.cli.options import seconds, text_option, together
from policy_engine.tracking.address import tracking_uri

if TYPE_CHECKING:
    from policy_engine.github.event import Event
    from policy_engine.github.publish import Publishing
    from policy_engine.report import Report

publishing = together(
    click.option(
        "--comment",
        "comments",
        type=click.Choice(["always", "problems", "never"]),
        default="problems",
        show_default=True,
        help="When there is a comment on the pull request.",
    ),
    click.option(
        "--check-run/--no-check-run",
        default=False,
        help="Write a check run too; it needs `checks: write`.",
    ),
    text_option(
        "--id", "gate", metavar="NAME", help="Tells several gates on one pull request apart."
    ),
    text_option(
        "--comment-author",
        metavar="LOGIN",
        help="Whose comments are ours, for the token of an app.",
    ),
    click.option(
        "--publish-timeout",
        default="2min",
        show_default=True,
        help="Limit of all that GitHub does.",
    ),
)


class Publisher(NamedTuple):
    """Tells GitHub of a report, or that there is none; does nothing where it is not to."""

    how: "Publishing | None"

    def publish(self, report: "Report", event: "Event | None" = None) -> None:
        """Publish a report; what goes wrong is said on stderr."""
        if self.how is not None:
            from policy_engine.github.publish import publish

            publish(report, self.how, os.environ, event)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tell GitHub of an error that ends the command, and let it pass."""
        try:
            yield
        except (Exception, SystemExit) as error:  # told, and raised again
            if self.how is not None:
                from policy_engine.cli import crash
                from policy_engine.github.publish import publish_failure

                said, code = crash.sentence(error), crash.exit_code(error)
                publish_failure(said, code, os.environ)
            raise


def publisher(given: dict[str, Any], formats: Sequence[str] = ()) -> Publisher:
    """Take the options of publishing out of a command's own, and return what they ask for.

    Args:
        given: The command's options; those of publishing are taken out.
        formats: The values of `--format`.
    """
    names = ("publish", "comments", "check_run", "gate", "comment_author", "publish_timeout")
    publish, comments, check_run, gate, author, timeout = (given.pop(name) for name in names)
    mlflow = tracking_uri(given.get("tracking_uri")) or None
    is_job = os.environ.get("GITHUB_ACTIONS") == "true"
    if publish and not is_job:
        raise click.UsageError(
            "publishing needs a job of GitHub Actions, where GITHUB_ACTIONS is `true`"
        )
    if not (is_job if publish is None else publish):
        return Publisher(None)
    from policy_engine.github.publish import GATE, Comments, Publishing

    files = [file for name, _, file in (text.partition("=") for text in formats) if name == "json"]
    with Publisher(Publishing()).watching():
        if gate is not None and not GATE.fullmatch(gate):
            raise click.BadParameter(
                "at most 50 letters, digits, '.', '_' and '-'", param_hint="--id"
            )
        how = Publishing(
            comments=Comments(comments),
            check_run=check_run,
            gate=gate,
            author=author,
            total_s=seconds("--publish-timeout", timeout),
            mlflow=mlflow,
            report_file=next(filter(None, files), ""),
            annotations="github" not in formats,
        )
    return Publisher(how)
