"""The options that say what is collected, shared by `check`, `collect` and `doctor`."""

from typing import TYPE_CHECKING, Any

import click

from policy_engine.cli.options import (
    demanding,
    policies_option,
    seconds,
    text_option,
    timeout_option,
    together,
    tracking_uri_option,
)

if TYPE_CHECKING:
    from policy_engine.check import Options

collecting = together(
    text_option("--run", "runs", multiple=True, metavar="ID", help="Candidate run."),
    text_option("--model", "models", multiple=True, metavar="URI", help="Candidate model."),
    text_option("--commit", metavar="SHA", help="Judge the runs of this commit."),
    text_option("--baseline", metavar="RUN", help="The run to beat, whatever the rules say."),
    policies_option,
    demanding,
    text_option(
        "--trusted-ref",
        metavar="REF",
        help="The commit whose policies judge; else as the CI system's variables say.",
    ),
    tracking_uri_option,
    text_option("--registry-uri", metavar="URI", help="Else MLFLOW_REGISTRY_URI, else as MLflow."),
    timeout_option("30s", "Limit of all reads; of judging too, 10s at least."),
    click.option("--wait", default="0s", show_default=True, help="Wait for a run to come."),
)


def options_of(given: dict[str, Any], **more: Any) -> "Options":
    """Return the options of a check that the flags give.

    Args:
        given: What these flags give, by the name of its option.
        more: What flags of the one command give.
    """
    from policy_engine.check import Options

    given = dict(given)
    timeout_s = seconds("--timeout", given.pop("timeout"))
    wait_s = seconds("--wait", given.pop("wait"))
    return Options(**given, **more, timeout_s=timeout_s, wait_s=wait_s)
