"""A backtest by other processes: each experiment is a task of an executor, added up here in order.

What goes to a worker are the texts of the policy files, never the policies: it loads them with the
plugins that are installed there, and reads MLflow with its own credentials.
"""

import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from policy_engine.errors import PluginError, UsageError
from policy_engine.history.backtest import Asked, Backtest, Step, Tell, experiments, look_at
from policy_engine.history.tally import Newly, Tally
from policy_engine.http.deadline import Deadline
from policy_engine.loading import load_texts
from policy_engine.policy_file import PolicySet
from policy_engine.policy_file.profiles import Demands
from policy_engine.source.problems import PolicyFileError
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.store import Json, NoSuchStore, NotFound, ReadFailed, Store

Texts = tuple[Mapping[str, bytes], Mapping[str, bytes]]
"""Policy files, and files beside them, by path."""


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker has to know.

    Attributes:
        asked: What was asked, without the policies.
        texts: Each side's policy files.
        demands: What is asked of every one of them.
        digests: What each side's policies must come to there too.
        uri: Where the runs are.
    """

    asked: Asked
    texts: tuple[Texts, ...]
    demands: Demands
    digests: tuple[str, ...]
    uri: str

    @classmethod
    def of(cls, asked: Asked, texts: tuple[Texts, ...], demands: Demands, uri: str) -> "Work":
        """Return it in a form that can be sent."""
        return cls(
            asked=replace(asked, sides=()),
            texts=tuple((dict(files), dict(beside)) for files, beside in texts),
            demands=demands,
            digests=tuple(policies.digest for policies in asked.sides),
            uri=uri,
        )

    def sides(self) -> tuple[PolicySet, ...]:
        """Load the policies where this runs.

        Raises:
            UsageError: If they are not those that were asked for.
            PolicyFileError, PluginError: If they cannot be loaded.
        """
        sides = tuple(load_texts(*texts, self.demands).policies for texts in self.texts)
        if tuple(policies.digest for policies in sides) != self.digests:
            raise UsageError(
                "a pack or plugin is another one there than here; install the same versions"
            )
        return sides


@dataclass(frozen=True, slots=True)
class Part:
    """What one experiment came to."""

    tallies: tuple[Tally, ...]
    newly: Newly
    judged: int
    left_out: dict[str, int]
    read: int
    ended: str | None


def judged_there(work: Work, experiment: Json, seconds: float) -> Part:
    """Judge one experiment: this is what a worker does.

    Args:
        work: What was asked.
        experiment: Which one.
        seconds: How long it may take.
    """
    steps = [Step()]
    deadline = Deadline(seconds)
    try:
        asked = replace(work.asked, sides=work.sides())
        store = open_store(work.uri, deadline)
    except (UsageError, PolicyFileError, PluginError, NoSuchStore, NotFound, ReadFailed) as e:
        return Part((), Newly(), 0, {}, 0, f"a worker cannot judge: {e}")
    result = look_at(store, deadline, asked, [experiment], steps.append)
    return Part(
        tallies=result.tallies,
        newly=result.newly,
        judged=sum(result.experiments.values()),
        left_out=result.left_out,
        read=steps[-1].runs,
        ended=result.ended,
    )


def backtest_by(
    executor: Executor, store: Store, deadline: Deadline, asked: Asked, work: Work, tell: Tell
) -> Backtest:
    """Judge past runs by the processes of an executor; what it comes to is what one would say.

    Args:
        executor: Runs tasks; one that was lost with its process is for it to repeat.
        store: Where the runs are: it lists the experiments.
        deadline: When to give up.
        asked: Which runs, by which policies.
        work: The same for the workers.
        tell: Is told how far it is, after each experiment.

    Raises:
        NotFound, ReadFailed: As `backtest`.
    """
    began = time.monotonic()
    found = experiments(store, asked.experiment)
    result = Backtest(asked, tuple(Tally() for _ in asked.sides))
    step = Step(experiments=len(found))
    left = deadline.remaining()
    tasks = [executor.submit(judged_there, work, experiment, left) for experiment in found]
    try:
        for experiment, task in zip(found, tasks, strict=True):
            part = task.result(deadline.remaining())
            _add(result, str(experiment["name"]), part)
            step.experiment, step.name = step.experiment + 1, str(experiment["name"])
            step.runs, step.judged = step.runs + part.read, step.judged + part.judged
            step.done = step.experiment / step.experiments
            tell(step)
            if part.ended is not None:
                result.ended = part.ended
                break
    except KeyboardInterrupt:
        result.ended = "interrupted"
    except TimeoutError:
        result.ended = f"the workers took longer than {deadline.seconds:g} s"
    except Exception as e:  # noqa: BLE001 (whatever ends a worker; executors name it as they like)
        result.ended = f"the workers: {type(e).__name__}: {e}"
    finally:
        for task in tasks:
            task.cancel()
    result.seconds = time.monotonic() - began
    return result


def _add(result: Backtest, name: str, part: Part) -> None:
    """Add what the next experiment came to."""
    for tally, more in zip(result.tallies, part.tallies, strict=bool(part.tallies)):
        tally.extend(more)
    result.newly.extend(part.newly)
    for reason, count in part.left_out.items():
        result.left_out[reason] = result.left_out.get(reason, 0) + count
    if part.judged:
        result.experiments[name] = result.experiments.get(name, 0) + part.judged
