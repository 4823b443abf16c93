"""No server holds up a reader beyond its deadline, wherever in its answer it is slow."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from policy_engine.github.failure import UnclearError
from policy_engine.http.deadline import Deadline
from policy_engine.tracking.health import health
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.store import ReadFailed
from policy_engine.tracking.survey import survey
from tests.http.sides import github, refused_by_github, refused_by_mlflow
from tests.http.slow_server import dripping, no_room, reading_nothing, serving, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 1.0
LONGEST = 8.0  # a slow machine's share included

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_TLS_RECORD = b"\x16\x03\x03\x40\x00"  # announces 16 KB of a handshake

SLOW = {
    "says nothing": silent,
    "drips its status line": dripping(b"HTTP/1.1 200 ", b"a"),
    "drips a header": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n"),
    "says only that one may go on": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drips an announced body": dripping(_OK + b"Content-Length: 9999\r\n\r\n{", b" "),
    "drips a body without end": dripping(_OK + b"\r\n{", b" "),
    "drips the body of an error": dripping(
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999\r\n\r\n{", b" "
    ),
    "drips the body of a redirect": dripping(
        b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 9999\r\n\r\n{", b" "
    ),
    "drips chunks": dripping(_CHUNKED, b"1\r\n \r\n"),
    "drips the head of a chunk": dripping(_CHUNKED, b"0"),
    "drips the end of its chunks": dripping(_CHUNKED + b"0\r\n", b"X: a\r\n"),
}
SLOW_IN_TLS = {
    "says nothing in the handshake": silent,
    "drips the handshake": dripping(_TLS_RECORD, b"\0", first=True),
}


def in_time(ask: Callable[[str, float], str], address: str) -> str:
    """Return the sentence with which a question ends, in time."""
    began = time.monotonic()
    said = ask(address, SECONDS)
    assert time.monotonic() - began < LONGEST
    return said


def late(address: str) -> str:
    return f"MLflow at {address} did not answer within 1 s; try again, or allow more with --timeout"


LATE = "GitHub did not answer in time: GET /repos/acme/fraud/pulls/7"
UNREACHED = "GitHub cannot be reached: GET /repos/acme/fraud/pulls/7"


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW.keys())
def test_an_mlflow_that_is_slow_is_left_at_the_deadline(act: Callable[..., None]) -> None:
    with serving(act) as address:
        assert in_time(refused_by_mlflow, f"http://{address}") == late(f"http://{address}")


@pytest.mark.parametrize("act", SLOW.values(), ids=SLOW.keys())
def test_a_github_that_is_slow_is_left_at_the_deadline(act: Callable[..., None]) -> None:
    with serving(act) as address:
        assert in_time(refused_by_github, f"http://{address}") == LATE


@pytest.mark.parametrize("act", SLOW_IN_TLS.values(), ids=SLOW_IN_TLS.keys())
def test_a_tls_handshake_that_stalls_is_left_at_the_deadline(act: Callable[..., None]) -> None:
    with serving(act) as address:
        assert in_time(refused_by_mlflow, f"https://{address}") == late(f"https://{address}")
        assert in_time(refused_by_github, f"https://{address}") == LATE


def test_a_connection_that_nobody_takes_is_left_at_the_deadline() -> None:
    with no_room() as address:
        assert in_time(refused_by_mlflow, f"http://{address}") == late(f"http://{address}")
        assert in_time(refused_by_github, f"http://{address}") == UNREACHED


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_drips_is_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    with serving(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")) as proxy:
        monkeypatch.setenv(f"{scheme}_proxy", f"http://{proxy}")
        monkeypatch.setenv("no_proxy", "")
        address = f"{scheme}://mlflow.acme.example"
        assert in_time(refused_by_mlflow, address) == late(address)


def test_a_proxy_that_drips_between_us_and_github_is_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serving(dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a")) as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy}")
        monkeypatch.setenv("no_proxy", "")
        assert in_time(refused_by_github, "https://api.github.com") == LATE


def test_names_that_nobody_resolves_are_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A resolver that says nothing cannot be had on loopback without changing the machine."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(30))
    address = "http://mlflow.acme.example"
    assert in_time(refused_by_mlflow, address) == late(address)
    assert in_time(refused_by_github, "https://api.github.com") == UNREACHED


def test_all_addresses_of_a_name_share_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with several addresses that take no connection: no such name is on loopback."""
    with no_room() as address:
        host, _, port = address.partition(":")
        place = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, int(port)))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [place] * 9)
        named = f"http://mlflow.acme.example:{port}"
        assert in_time(refused_by_mlflow, named) == late(named)


def test_a_write_that_nobody_takes_is_left_at_the_deadline() -> None:
    began = time.monotonic()
    with serving(reading_nothing) as address:
        client = github(f"http://{address}", SECONDS)
        with pytest.raises(UnclearError) as raised:
            client.post("issues", "7", "comments", body={"body": "x" * 8_000_000})
    assert time.monotonic() - began < LONGEST
    assert str(raised.value) == (
        "GitHub did not answer in time: POST /repos/acme/fraud/issues/7/comments"
    )


def _knows_its_version(connection: socket.socket, stopping: threading.Event) -> None:
    """Say which version it is, and drip on all other questions."""
    if b"GET /version " in connection.recv(4096):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n3.1.0")
        return
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not stopping.wait(0.05):
        connection.sendall(b"a")


@pytest.mark.parametrize(
    "look",
    [health, lambda uri, deadline: survey(uri, (), deadline)],
    ids=["doctor", "init"],
)
def test_what_only_mlflows_own_client_reads_is_left_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, look: Callable[[str, Deadline], object]
) -> None:
    database = tmp_path / "registry.db"
    with closing(sqlite3.connect(database)) as made:
        made.execute("CREATE TABLE experiments (id)")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"sqlite:///{database}")
    with serving(_knows_its_version) as address:
        deadline = Deadline(SECONDS)
        open_store(f"http://{address}", deadline)  # imports mlflow, which takes its time
        began = time.monotonic()
        with pytest.raises(ReadFailed) as raised:
            look(f"http://{address}", deadline)
        assert time.monotonic() - began < LONGEST
    assert str(raised.value) == (
        "MLflow did not answer within 1 s; see whether the server is well, or give it longer "
        "with --timeout"
    )
