"""The commands that the demo prints: pasted into the shell that ran the demo, they work."""

import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from policy_engine.check import Options
from policy_engine.cli.demo.folder import Folder

_NEXT_STEPS = """
What to try next
================
1. Look at the runs in the MLflow UI, at http://127.0.0.1:5000 (Ctrl-C ends it):

{ui}

2. Change a limit. Raise max_size to 100MB in
   {file}
   and check pull request 2 again: one line more passes, the others hold.

{second}

3. Say what is true of pull request 3: its question has no champion yet. Take the
   `#` away from `first_run: true` in that file, and check it again.

{third}

4. Write a policy file of your own, and check with it: --policies my.yaml. These
   say which policies there are, what one means, and whether your file is right:

{policies}
"""


def shell_command(options: Options) -> str:
    """Return the command line of a check, one option a line."""
    given = [
        *(["--run", run] for run in options.runs),
        *(["--policies", path] for path in options.policies),
        ["--tracking-uri", options.tracking_uri or ""],
    ]
    first = f"{_tool('policy-engine', 'policy_engine')} check"
    return " \\\n    ".join([first, *map(shlex.join, given)])


def next_steps(folder: Folder, checks: Sequence[Options]) -> str:
    """Return what the reader may do now.

    Args:
        folder: The demo's folder.
        checks: The checks of the pull requests.
    """
    engine = _tool("policy-engine", "policy_engine")
    store = shlex.join(["--backend-store-uri", folder.tracking_uri])
    return _NEXT_STEPS.format(
        ui=_indented(f"{_tool('mlflow', 'mlflow')} server --workers 1 \\\n    {store}"),
        file=folder.policy_file,
        second=_indented(shell_command(checks[1])),
        third=_indented(shell_command(checks[2])),
        policies=_indented(
            f"{engine} list\n{engine} explain cost-per-point\n{engine} validate my.yaml"
        ),
    )


def _tool(name: str, module: str) -> str:
    """Return how this shell calls a command of the environment that runs the demo."""
    beside = Path(sys.executable).with_name(name)
    on_path = shutil.which(name)
    if on_path is not None and Path(on_path) == beside:
        return name
    if beside.is_file():
        return shlex.quote(_from_here(beside))
    return f"{shlex.quote(_from_here(Path(sys.executable)))} -m {module}"


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _indented(text: str) -> str:
    return "\n".join(f"   {line}" for line in text.splitlines())
