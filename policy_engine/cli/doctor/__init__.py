"""What a check would meet here, before one fails on it: each line says what to do.

It asks what `check` would ask, and judges nothing. No line holds a token or a password.
"""

import os
from collections.abc import Iterator

from policy_engine.change.situation import Job
from policy_engine.check import Options
from policy_engine.cli.doctor.job import event_line, fork_line, token_line
from policy_engine.cli.doctor.line import Line, State, next_step
from policy_engine.cli.doctor.metric import metric_line
from policy_engine.cli.doctor.owners import owners_line
from policy_engine.cli.doctor.policies import plugins_line, policies_line, ready_or_not
from policy_engine.cli.doctor.tracking import clock_line, health_of, run_lines, tracking_line
from policy_engine.errors import PolicyEngineError

__all__ = ["Line", "State", "examine", "next_step"]


def examine(options: Options) -> Iterator[Line]:
    """Yield what was found, in the order in which to fix it.

    Args:
        options: As for a check.
    """
    try:
        job = Job(options.root, os.environ, options.trusted_ref)
    except PolicyEngineError as e:
        remedy = "see GITHUB_EVENT_PATH, and that GITHUB_TOKEN may read pull requests"
        yield Line("event", State.PROBLEM, str(e), remedy)
        return
    yield event_line(job)
    yield token_line(job)
    yield fork_line(job.event)
    ready = ready_or_not(options)
    yield policies_line(options, ready)
    yield owners_line(options, ready)
    yield plugins_line(ready)
    yield metric_line(ready)
    store = health_of(options)
    yield tracking_line(options, store)
    yield clock_line(store, job)
    yield from run_lines(options, ready, store)
