"""The wall: which server, trained with which client, over which database and artifact store."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from tests.servers.environments import HOME, LATEST, NEWEST

VERSIONS = ("2.9", "2.16", "2.22", "3.0", "3.4", "3.10", NEWEST)
"""Folders of `requirements/servers/`, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A server and who logged to it; left out: a client of its version, SQLite, served folders."""

    server: str
    client: str = ""
    database: str = "sqlite"
    artifacts: str = "local"

    @property
    def trained_with(self) -> str:
        """The version of the client."""
        return self.client or self.server

    def __str__(self) -> str:
        """Name what is not as usual."""
        parts = [self.server, f"client-{self.client}" if self.client else ""]
        usual = Stand(server=self.server)
        parts += [self.database] if self.database != usual.database else []
        parts += [self.artifacts] if self.artifacts != usual.artifacts else []
        return "+".join(part for part in parts if part)


ORDINARY = [
    Stand(server="2.22"),
    Stand(server="3.0"),
    Stand(server=NEWEST, artifacts="s3"),
]
"""What `make test` tries too: the last MLflow 2, the first 3, and a store that is not a folder."""

_LOCAL = [Stand(server=v, artifacts=a) for v, a in product(VERSIONS, ("local", "local-direct"))]
_S3 = [Stand(server=v, artifacts=a) for v, a in product(VERSIONS, ("s3", "s3-direct"))]
_CLOUDS = [
    Stand(server=v, artifacts=a)
    for v, a in product(
        ("2.9", "2.22", "3.0", NEWEST), ("azure", "azure-direct", "gcs", "gcs-direct")
    )
]
_DATABASES = [
    Stand(server=v, database=d)
    for v, d in product(("2.9", "2.22", "3.0", NEWEST), ("postgresql", "mariadb"))
]
_CROSSWISE = [
    Stand(server=server, client=client)
    for server, client in (
        ("2.22", "2.9"),
        ("2.9", "2.22"),
        ("3.0", "2.22"),
        ("3.0", NEWEST),
        ("3.10", "3.4"),
        (NEWEST, "2.9"),
        (NEWEST, "2.22"),
        (NEWEST, "3.0"),
        (NEWEST, "3.10"),
    )
]
_MIXED = [
    Stand(server=NEWEST, client="2.22", database="postgresql", artifacts="s3"),
    Stand(server="2.22", database="mariadb", artifacts="s3-direct"),
]
_LATEST = [
    *(Stand(server=LATEST, artifacts=a) for a in ("local", "local-direct", "s3", "azure", "gcs")),
    *(Stand(server=LATEST, database=d) for d in ("postgresql", "mariadb")),
    *(Stand(server=LATEST, client=c) for c in ("2.9", "2.22", "3.0", NEWEST)),
    *(Stand(server=s, client=LATEST) for s in ("3.0", NEWEST)),
]

_KINDS = [ORDINARY, _LOCAL, _S3, _CLOUDS, _DATABASES, _CROSSWISE, _MIXED]
if (HOME / LATEST / ".locked").exists():
    _KINDS.append(_LATEST)
STANDS = tuple(dict.fromkeys(stand for kind in _KINDS for stand in kind))
"""All of the wall, each once."""
