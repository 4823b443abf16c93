"""Where a report's links lead: addresses that are built here, from configuration.

No address of MLflow's, and no text of a run, becomes a link.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from policy_engine.render.escape import repository_path
from policy_engine.report import RunRef, Where

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}")  # what MLflow takes for a run's id


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What links are built from; without a part, its links are left out.

    Everybody who can read the pull request reads these hosts.

    Attributes:
        mlflow: MLflow's address, such as a tracking URI. User, password and query are not shown.
        server: GitHub's address: `https://github.com`.
        repository: The repository that the policy files lie in: `acme/fraud`.
        commit: The commit of the policies that judged (all digits of its sha, or the first).
    """

    mlflow: str | None = None
    server: str | None = None
    repository: str | None = None
    commit: str | None = None

    def run(self, run: RunRef) -> str | None:
        """Return the address of a run's page in MLflow's interface."""
        base = _base(self.mlflow or "")
        if base is None or not _RUN.fullmatch(run.run_id):
            return None
        return f"{base}/#/runs/{run.run_id}"  # MLflow looks the experiment up

    def line(self, where: Where) -> str | None:
        """Return the address of a line of a policy file, as it was when it judged."""
        base, path = _base(self.server or ""), repository_path(where.file)
        named = _REPOSITORY.fullmatch(self.repository or "") and _COMMIT.fullmatch(
            self.commit or ""
        )
        if base is None or path is None or not named:
            return None
        quoted = "/".join(quote(part, safe="") for part in path.split("/"))
        return f"{base}/{self.repository}/blob/{self.commit}/{quoted}#L{where.line}"


NO_LINKS = Links()
"""A report without links."""


def _base(address: str) -> str | None:
    """Return scheme, host, port and path of an http address, and nothing else of it."""
    try:
        url = urlsplit(address.strip())
        port = "" if url.port is None else f":{url.port}"
        segments = list(_segments(url.path))
    except ValueError:  # a port or an IPv6 address that is none, or half of a surrogate pair
        return None
    host = url.hostname or ""
    if url.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        return None
    host = f"[{host}]" if ":" in host else host
    return "/".join([f"{url.scheme}://{host}{port}", *segments])


def _segments(path: str) -> Iterator[str]:
    for part in path.split("/"):
        if unquote(part) not in {"", ".", ".."}:
            yield quote(unquote(part), safe="")
