"""Measure, print the figures, and put them into the README where asked to.

    python benchmarks/run.py                     # all of it, some minutes
    python benchmarks/run.py --only judging      # one section
    python benchmarks/run.py --write             # also into benchmarks/README.md

It measures the `policy-engine` that is installed beside the interpreter that runs it. Nothing here
is a test: a slow machine fails nobody.
"""

import argparse
import compileall
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from benchmarks import (
    all_policies,
    bootstrap,
    check_server,
    figures,
    github_requests,
    help_start,
    judging,
    large_sets,
    looking_back,
    repository,
    requests_made,
)
from benchmarks.server import Trained, mlflow_server, train

SECTIONS = (
    "help",
    "judging",
    "requests",
    "github",
    "check",
    "policies",
    "bootstrap",
    "large",
    "history",
)
_SOURCES = ("policy_engine", "plugins/mlops_policies", "benchmarks")


class Scene:
    """A work tree, and a server with two models; each is made when it is first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.root = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    @property
    def repository(self) -> Path:
        """The work tree."""
        return self.root / "repository"

    @cached_property
    def commit(self) -> str:
        """The commit that the candidate was trained on."""
        return repository.make(self.repository)

    @cached_property
    def address(self) -> str:
        """The server's."""
        return self._stack.enter_context(mlflow_server(self.root))

    @cached_property
    def trained(self) -> Trained:
        """What the server holds."""
        return train(self.address, self.commit)


def measured(wanted: list[str], skinny: Path | None) -> Iterator[figures.Section]:
    """Yield each section once it is measured."""
    command = Path(sys.executable).with_name("policy-engine")
    with ExitStack() as stack:
        scene = Scene(stack)
        if "help" in wanted:
            yield help_start.measure(command, scene.root)
        if "judging" in wanted:
            yield judging.measure()
        if "requests" in wanted:
            trained = scene.trained
            yield requests_made.measure(
                command, scene.repository, scene.address, trained, scene.commit
            )
        if "github" in wanted:
            yield github_requests.measure()
        pythons = [Path(sys.executable)] if "check" in wanted else []
        for python in [*pythons, *([skinny] if skinny else [])]:
            trained = scene.trained
            beside = python.with_name("policy-engine")
            yield check_server.measure(
                beside, scene.repository, scene.address, trained, str(python)
            )
        if "policies" in wanted:  # later than what looks for the runs of the same commit
            commit = scene.commit
            yield all_policies.measure(command, scene.repository, scene.address, commit)
        if "bootstrap" in wanted:
            yield bootstrap.measure()
        if "large" in wanted:
            yield large_sets.measure()
        if "history" in wanted:
            yield looking_back.measure(command, scene.root)


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description="Measure policy-engine.")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="one section")
    parser.add_argument("--write", action="store_true", help="put the figures into README.md")
    parser.add_argument(
        "--skinny",
        type=Path,
        metavar="PYTHON",
        help="measure the check also in this environment, which has mlflow-skinny alone",
    )
    arguments = parser.parse_args()
    for source in _SOURCES:
        compileall.compile_dir(Path(__file__).parents[1] / source, quiet=1)
    for section in measured(arguments.only or list(SECTIONS), arguments.skinny):
        print(f"\n{section.name}\n\n{section.as_markdown()}\n", flush=True)
        if arguments.write:
            figures.write(section)


if __name__ == "__main__":
    main()
