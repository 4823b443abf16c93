"""A server behind a login: what plugins of MLflow send is sent, and a login page is named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.command import run_command
from tests.tracking.relay import relaying
from tests.tracking.team import Gate
from tests.tracking.test_rest import LET_IN

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import MlflowServer, Trained

SECRET = "s3cret-of-the-access-plugin"
POLICIES = "metric: {name: val_accuracy}\npolicies:\n  run-finished: on\n"
# As those for Cloudflare Access and for Google's IAP are written.
PROVIDER = f"""
import os
import time

from mlflow.tracking.request_header.abstract_request_header_provider import RequestHeaderProvider


class Access(RequestHeaderProvider):
    def in_context(self):
        return "ACCESS_ID" in os.environ

    def request_headers(self):
        if os.environ["ACCESS_ID"] == "broken":
            raise KeyError("{SECRET}")
        if os.environ["ACCESS_ID"] == "silent":
            time.sleep(60)
        return {{"CF-Access-Client-Id": os.environ["ACCESS_ID"], "CF-Access-Secret": "{SECRET}"}}
"""
AUTH = f"""
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider


class Auth(RequestAuthProvider):
    def get_name(self):
        return "acme"

    def get_auth(self):
        def sign(request):
            request.headers["X-Acme"] = "{SECRET}"
            return request

        return sign
"""
WANTED = {"CF-Access-Client-Id": "team", "CF-Access-Secret": SECRET}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Gate.of(tmp_path, "", p=POLICIES)
    return tmp_path


def installed(folder: Path, entry_points: str, name: str = "acme-access", **modules: str) -> str:
    """Install modules as a distribution; return the path that finds it."""
    place = folder / "installed"
    metadata = place / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir(parents=True)
    for module, text in modules.items():
        (place / f"{module}.py").write_text(text)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    return str(place)


def with_headers(folder: Path, name: str = "acme-access") -> str:
    points = "[mlflow.request_header_provider]\naccess = acme_access:Access\n"
    return installed(folder, points, name, acme_access=PROVIDER)


def check(
    folder: Path, uri: str, trained: Trained, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    asked = ("check", "--run", trained.candidate, "--tracking-uri", uri, "--timeout", "60s")
    return run_command(folder, *asked, **variables)


def said(done: subprocess.CompletedProcess[bytes]) -> str:
    return " ".join(done.stdout.decode().split())


def test_what_a_plugin_of_mlflow_adds_to_requests_is_sent_to_a_server_behind_a_login(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    path = with_headers(folder)
    with relaying(mlflow_server.uri, wants=WANTED) as relay:
        done = check(folder, relay.uri, trained, PYTHONPATH=path, ACCESS_ID="team")
    assert done.returncode == 0
    assert SECRET not in said(done) + done.stderr.decode()


def test_without_the_plugin_the_login_page_is_named_with_what_to_install(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    with relaying(mlflow_server.uri, wants=WANTED) as relay:
        done = check(folder, relay.uri, trained)
    assert done.returncode == 3
    assert (
        f"a login page stands before MLflow at {relay.uri} (HTTP 403: Sign in to acme): {LET_IN}"
    ) in said(done)


def test_a_plugin_that_is_not_at_work_here_sends_nothing(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    path = with_headers(folder)
    with relaying(mlflow_server.uri, wants=WANTED) as relay:
        done = check(folder, relay.uri, trained, PYTHONPATH=path)
    assert (done.returncode, "plugin 'access'" in said(done)) == (3, False)


def test_a_plugin_that_fails_is_named_and_what_its_error_says_is_not_shown(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    path = with_headers(folder)
    why = (
        "the plugin 'access' of acme-access did not say which headers MLflow's server wants "
        "(KeyError): they are not sent"
    )
    with relaying(mlflow_server.uri, wants=WANTED) as relay:
        refused = check(folder, relay.uri, trained, PYTHONPATH=path, ACCESS_ID="broken")
    served = check(folder, mlflow_server.uri, trained, PYTHONPATH=path, ACCESS_ID="broken")
    assert (refused.returncode, served.returncode) == (3, 0)
    for done in (refused, served):
        assert why in said(done)
        assert SECRET not in said(done) + done.stderr.decode()


def test_a_plugin_that_says_nothing_does_not_hold_up_the_doctor(
    folder: Path, mlflow_server: MlflowServer
) -> None:
    path = with_headers(folder)
    asked = ("doctor", "--tracking-uri", mlflow_server.uri, "--timeout", "3s")
    began = time.monotonic()
    done = run_command(folder, *asked, PYTHONPATH=path, ACCESS_ID="silent")
    assert time.monotonic() - began < 40
    assert f"MLflow at {mlflow_server.uri} did not answer within 3 s" in said(done)


def test_a_header_with_a_line_break_is_not_sent(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    path = with_headers(folder)
    done = check(folder, mlflow_server.uri, trained, PYTHONPATH=path, ACCESS_ID="a\nX-Evil: b")
    assert done.returncode == 0
    assert "wants (ValueError): they are not sent" in said(done)


def test_mlflow_is_imported_for_a_server_only_where_such_a_plugin_is_installed(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    def imported(**variables: str) -> bool:
        more = {"PYTHONPROFILEIMPORTTIME": "1", **variables}
        lines = check(folder, mlflow_server.uri, trained, **more).stderr.decode().splitlines()
        return "mlflow" in {line.rpartition("|")[2].strip() for line in lines}

    assert not imported()
    assert imported(PYTHONPATH=with_headers(folder))


def test_a_provider_that_mlflow_brings_itself_counts_for_nothing(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    path = with_headers(folder, "mlflow_tracing")
    with relaying(mlflow_server.uri, wants=WANTED) as relay:
        done = check(folder, relay.uri, trained, PYTHONPATH=path, ACCESS_ID="team")
    assert done.returncode == 3


def test_a_plugin_that_signs_requests_is_used_where_mlflow_is_told_its_name(
    folder: Path, trained: Trained, mlflow_server: MlflowServer
) -> None:
    points = "[mlflow.request_auth_provider]\nacme = acme_auth:Auth\n"
    path = installed(folder, points, acme_auth=AUTH)
    with relaying(mlflow_server.uri, wants={"X-Acme": SECRET}) as relay:
        done = check(folder, relay.uri, trained, PYTHONPATH=path, MLFLOW_TRACKING_AUTH="acme")
        without = check(folder, relay.uri, trained, PYTHONPATH=path)
    assert (done.returncode, without.returncode) == (0, 3)
