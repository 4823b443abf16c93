"""The demo's story: train a champion and four candidates, judge each, say what to try next."""

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from policy_engine import check
from policy_engine.cli import output
from policy_engine.cli.demo.commands import next_steps, shell_command
from policy_engine.cli.demo.folder import Folder, claim, prepare_folder
from policy_engine.errors import UsageError
from policy_engine.hookspecs import Renderer
from policy_engine.log import progress
from policy_engine.render import FORMATS, rows
from policy_engine.render.blocks import reasons
from policy_engine.render.columns import paragraph, wrap
from policy_engine.render.formats.text import as_text

if TYPE_CHECKING:
    from policy_engine.cli.demo.recipes import DemoRecipe
    from policy_engine.cli.demo.train import Trainer
    from policy_engine.report import Report

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


WIDTH = 80
"""The story's width (columns)."""
_RENDERERS: Mapping[str, Renderer] = {
    "text": partial(as_text, verbose=True),
    **{name: FORMATS[name] for name in ("markdown", "html", "json")},
}


_INTRODUCTION = """
A team reads handwritten digits. Its champion is a forest of 60 trees, registered
in MLflow. Four pull requests bring a model each; the gate judges them by
{file}.
A CPU second of training costs 1 USD here, so that seconds read like the hours of
a real training. All numbers are measured on this machine.
"""


@dataclass(frozen=True, slots=True)
class DemoPullRequest:
    """A candidate, what its author says of it, what there is to see, and the promised exit code."""

    title: str
    claim: str
    to_see: str
    recipe: str
    exit_code: int


_PULL_REQUESTS = (
    DemoPullRequest(
        "another kind of model",
        "A support vector machine, tuned over six settings, in place of the forest.",
        "a test on the rows of both models shows the gain, and it costs next to nothing.",
        "TUNED_SVM",
        0,
    ),
    DemoPullRequest(
        "the same forest, with 1,000 trees instead of 60",
        "The accuracy went up.",
        "the one number that rose may be chance, and it took 17 times the model.",
        "MANY_TREES",
        1,
    ),
    DemoPullRequest(
        "a first model for a new question",
        "Which tumours are benign? The accuracy looks good.",
        "good compared with what? Six policies have one cause, and it is told once.",
        "NEW_QUESTION",
        1,
    ),
    DemoPullRequest(
        "a small neural network",
        "Deep learning has come to the team. The training script broke off at the serving\n"
        "probe, for want of an example to send; the model was stored by then.",
        "a run that broke off does not merge, and a simple model is better here.",
        "NETWORK",
        1,
    ),
)


def run_demo(path: Path) -> int:
    """Tell the story in a folder; what it is told with is real.

    It changes this process: every `MLFLOW_*` variable goes, so that nothing can reach a real
    tracking server or registry, and warnings are silenced.

    Args:
        path: The folder; it must not exist, be empty, or be an earlier demo's.

    Returns:
        0 if each pull request came out as promised (or the reader changed the policies), else 1.

    Raises:
        UsageError: If the folder is not the demo's to use, or the extra `demo` is not installed.
        PolicyFileError: If the reader's policies are wrong.
    """
    folder = claim(path)
    with progress() as say:
        say("starting MLflow and scikit-learn")
        train, recipes = _training()
    if prepare_folder(folder):
        _tell(f"{path} holds the store of an earlier demo: it starts anew")
    if folder.has_own_rules:
        _tell(f"{folder.policies} was changed: your rules judge")
    loaded = check.load([str(folder.policies)])
    with progress() as say:
        runs = _train(train.Trainer(folder), recipes, say)
    checks = [_options(folder, run_id) for run_id in runs]
    output.print_text(_INTRODUCTION.format(file=folder.policy_file))
    codes = [
        _show(folder, number, request, options, loaded)
        for number, (request, options) in enumerate(zip(_PULL_REQUESTS, checks, strict=True), 1)
    ]
    output.print_text(next_steps(folder, checks))
    return _outcome(folder, codes)


def _training() -> tuple[ModuleType, ModuleType]:
    """Return the modules of how and of what to train; MLflow reads its environment on import."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ.update(_QUIET)
    warnings.simplefilter("ignore")
    try:
        from policy_engine.cli.demo import recipes, train  # after the environment is made
    except ImportError as e:
        package = (e.name or "a package").partition(".")[0]
        raise UsageError(
            f"the demo trains real models, and {package} is not installed: "
            "pip install 'policy-engine[demo]'"
        ) from e
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return train, recipes


def _train(trainer: "Trainer", recipes: ModuleType, say: Callable[[str], None]) -> list[str]:
    """Train the champion and then the candidates; return the candidates' run ids."""
    candidates: list[DemoRecipe] = [getattr(recipes, each.recipe) for each in _PULL_REQUESTS]
    several = [recipes.CHAMPION, *candidates]
    runs: list[str] = []
    for number, recipe in enumerate(several, 1):
        say(f"training model {number} of {len(several)}: {recipe.run_name} ({recipe.data.name})")
        runs.append(trainer.train(recipe))
        if recipe is recipes.CHAMPION:
            trainer.crown(recipe.data.name)
    return runs[1:]


def _options(folder: Folder, run_id: str) -> check.Options:
    return check.Options(
        runs=(run_id,),
        policies=(str(folder.policies),),
        tracking_uri=folder.tracking_uri,
    )


def _show(
    folder: Folder,
    number: int,
    request: DemoPullRequest,
    options: check.Options,
    loaded: check.Loaded,
) -> int:
    """Tell of a pull request and its verdict, and file its reports; return the exit code."""
    title = f"Pull request {number}: {request.title}"
    report = check.check(options, loaded)
    files = folder.reports(number)
    for name, file in files.items():
        file.write_text(_RENDERERS[name](report), encoding="utf-8")
    lines = [
        f"\n{title}\n{'=' * len(title)}\n{request.claim}\n",
        *_verdict(report),
        *wrap(f"To see: {request.to_see}", WIDTH),
        f"\n$ {shell_command(options)}",
        f"The whole report: {files['text']} (.md, .html, .json)",
    ]
    output.print_text("\n".join(lines) + "\n")
    return int(report.exit_code)


def _verdict(report: "Report") -> Iterator[str]:
    """Yield the verdict, its reasons and what changed, in a few lines."""
    counts = rows.tally(rows.every_finding(report))
    word = rows.WORDS[report.verdict].upper()
    yield f"{word} (exit code {int(report.exit_code)}): {counts}"
    for reason in reasons(report):
        yield from paragraph("  - ", reason, WIDTH)
    compared = [c for s in report.subjects for c in s.changes if c.baseline is not None]
    if compared:
        changes = "; ".join(f"{c.what} {c.difference}" for c in compared[:3])
        yield from paragraph("  changed: ", changes, WIDTH)


def _outcome(folder: Folder, codes: list[int]) -> int:
    promised = [request.exit_code for request in _PULL_REQUESTS]
    if codes == promised or folder.has_own_rules:
        return 0
    _tell(f"the demo promised the exit codes {promised} and got {codes}: please report it")
    return 1


def _tell(note: str) -> None:
    print(note, file=sys.stderr, flush=True)
