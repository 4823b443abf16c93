"""`demo`: the gate at work on models that are trained here."""

import click

from policy_engine.cli.app import command


@command("demo", "policy-engine demo")
@click.option("--folder", default="policy-engine-demo", show_default=True, metavar="FOLDER")
def demo_command(folder: str) -> int:
    """Train real models into an embedded MLflow store and judge four pull requests."""
    from pathlib import Path

    from policy_engine.cli import demo

    return demo.run_demo(Path(folder))
