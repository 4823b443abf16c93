"""What plugins of MLflow send with each request: Cloudflare Access, Google's IAP and the like.

MLflow's client asks them by the entry points `mlflow.request_header_provider`. So does this, but
without MLflow: where no such plugin is installed, nothing is imported.
"""

import os
import re
import warnings
from collections.abc import Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple

from policy_engine.http.deadline import Deadline, within

GROUP = "mlflow.request_header_provider"
"""The entry points of plugins that add headers."""

_OF_MLFLOW = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SHORTEST_SECRET = 8  # characters; "true" in a message gives nothing away


class PluginHeaders(NamedTuple):
    """The headers that plugins want sent, and a sentence for each plugin that did not tell."""

    headers: Mapping[str, str]
    failed: tuple[str, ...] = ()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The texts that no message may show."""
        parts = [part for value in self.headers.values() for part in (value, *value.split())]
        return tuple(part for part in parts if len(part) >= _SHORTEST_SECRET)

    @classmethod
    def of_installed(cls, deadline: Deadline) -> "PluginHeaders":
        """Ask the installed plugins, in MLflow's order; a header of several is joined as there.

        A plugin that fails takes nothing from the others, as in MLflow: its server may let us in
        without it. One that has told nothing by the deadline, as it may ask a network, has failed.
        """
        headers: dict[str, str] = {}
        failed: list[str] = []
        for point in entry_points(group=GROUP):
            package = point.dist.name if point.dist else "an unknown package"
            if package.lower().replace("_", "-") in _OF_MLFLOW:
                continue
            try:
                ask = partial(_told_by, point)
                for name, value in within(deadline.timeout(deadline.seconds), ask):
                    headers[name] = f"{headers[name]} {value}" if name in headers else value
            except (Exception, SystemExit) as e:  # noqa: BLE001 (a plugin raises anything)
                # Not the error's own text, which may quote a secret.
                failed.append(
                    f"the plugin '{point.name}' of {package} did not say which headers MLflow's "
                    f"server wants ({type(e).__name__}): they are not sent"
                )
        return cls(headers, tuple(failed))


def _told_by(point: EntryPoint) -> list[tuple[str, str]]:
    """Return the headers of one plugin.

    Raises:
        ValueError: If one of them cannot be sent.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a plugin imports mlflow
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of MLflow and what it imports, none of them ours
        provider = point.load()()
        told = dict(provider.request_headers()) if provider.in_context() else {}
    for name, value in told.items():
        if not _NAME.fullmatch(name) or any(character in value for character in "\r\n\0"):
            raise ValueError("no header of HTTP")
    return list(told.items())
