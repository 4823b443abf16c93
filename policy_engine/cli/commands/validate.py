"""`validate`: files of policies, checked."""

from typing import Any

import click

from policy_engine.cli.app import command
from policy_engine.cli.options import demanding


@command("validate", "policy-engine validate policies/fraud.yaml")
@click.argument("paths", nargs=-1)
@click.option("--fix", is_flag=True, help="Write old names anew, as plugins call things today.")
@demanding
def validate_command(paths: tuple[str, ...], *, fix: bool, **asked: Any) -> None:
    """Check policy files: every problem at once, with file, line and remedy."""
    from datetime import UTC, datetime
    from pathlib import Path

    from policy_engine import check
    from policy_engine.change.situation import idle_globs
    from policy_engine.judging.subjects import on_training_rows
    from policy_engine.judging.uncounted import without_point
    from policy_engine.policy_file.outdated import refuse_outdated
    from policy_engine.policy_file.profiles import Demands
    from policy_engine.policy_file.waiver import refuse_too_far_ahead
    from policy_engine.quantities import count

    paths = paths or ("policies",)
    policies = check.load(paths, demands=Demands(**asked)).policies
    if fix and policies.outdated:
        from policy_engine.cli.fix import fix_files

        fix_files(policies.outdated)
        policies = check.load(paths, demands=Demands(**asked)).policies
    refuse_too_far_ahead(policies.waivers, datetime.now(UTC))
    refuse_outdated(policies.outdated, datetime.now(UTC))
    for file in policies.files:
        click.echo(f"{file.path}: valid, {count(len(file.bindings), 'policy')}")
    for file in policies.files:
        notes = on_training_rows(file.metric.name) if file.metric else ()
        for sentence in (*notes, *without_point(file)):
            click.echo(f"note: {file.path}: {sentence}", err=True)
    for sentence in (*idle_globs(Path(), policies.files), *policies.to_look_after()):
        click.echo(f"note: {sentence}", err=True)
