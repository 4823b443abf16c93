"""What both sides hold to alike: size, packing, redirects, pauses, and what went wrong."""

from __future__ import annotations

import gzip
import json
import socket
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from policy_engine.github.session import MAX_ANSWER
from policy_engine.http.deadline import Deadline
from policy_engine.http.repeating import asked_pause
from policy_engine.tracking.rest import RestStore
from tests.http.sides import RUN, github, refused_by_github, refused_by_mlflow
from tests.http.slow_server import pouring
from tests.http.slow_server import serving as serving_bytes
from tests.tracking.hostile_server import as_json, body, broken_off, hang_up, redirect, serving

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1024 * 1024
JSON_CAP = 64 * MEGABYTE
PULL = "GET /repos/acme/fraud/pulls/7"
UNREAD = f"GitHub gave an answer that cannot be read: {PULL}"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def over_cap(size: str) -> str:
    return f"the answer to runs/get is {size} bytes; at most {JSON_CAP} bytes are read"


# Size.


@pytest.mark.parametrize("digits", [10, 18, 5000])
def test_a_body_that_is_announced_too_large_is_not_read(digits: int) -> None:
    begin = _HEAD + b"Content-Length: " + b"9" * digits + b"\r\n\r\n"
    with serving_bytes(pouring(begin)) as address:
        said = refused_by_mlflow(f"http://{address}", 9.0)
        assert refused_by_github(f"http://{address}", 9.0) == UNREAD
    assert said == over_cap("9" * digits if digits < 19 else f"more than {JSON_CAP}")


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        (_HEAD + b"\r\n", b" " * 65536),
        (_CHUNKED, b"10000\r\n" + b" " * 65536 + b"\r\n"),
        (
            _HEAD + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"8000\r\n" + b" " * 32768 + b"\r\n",
        ),
    ],
    ids=["no length", "chunks", "a length that is a lie"],
)
def test_a_body_that_pours_is_left_at_its_cap(begin: bytes, piece: bytes) -> None:
    with serving_bytes(pouring(begin, piece)) as address:
        assert refused_by_mlflow(f"http://{address}", 60.0) == over_cap(f"more than {JSON_CAP}")
        assert refused_by_github(f"http://{address}", 60.0) == UNREAD


@pytest.mark.parametrize("status", [b"404 Not Found", b"302 Found"])
def test_the_body_of_an_error_or_a_redirect_that_pours_is_not_kept(status: bytes) -> None:
    begin = b"HTTP/1.1 " + status + b"\r\nLocation: http://127.0.0.1:1/\r\n\r\n"
    with serving_bytes(pouring(begin)) as address:
        tracemalloc.start()
        try:
            refused_by_mlflow(f"http://{address}", 9.0)
            assert tracemalloc.get_traced_memory()[1] < 8 * MEGABYTE
            tracemalloc.reset_peak()
            assert refused_by_github(f"http://{address}", 60.0) == UNREAD
            assert tracemalloc.get_traced_memory()[1] < 4 * MAX_ANSWER
        finally:
            tracemalloc.stop()


def test_the_head_of_a_chunk_without_end_is_not_kept() -> None:
    with serving_bytes(pouring(_CHUNKED, b"0" * 65536)) as address:
        assert refused_by_mlflow(f"http://{address}", 20.0) == (
            f"MLflow at http://{address} broke off in the middle of an answer; try again"
        )
        assert refused_by_github(f"http://{address}", 1.5) == (
            f"GitHub hung up without an answer: {PULL}"
        )


def test_what_is_packed_is_unpacked_up_to_its_cap() -> None:
    bomb = body(gzip.compress(bytes(JSON_CAP + 1)), content_encoding="gzip")
    with serving(bomb) as server:
        assert refused_by_mlflow(server.uri, 60.0) == over_cap(f"more than {JSON_CAP}")
        assert refused_by_github(server.uri, 60.0) == UNREAD


def test_what_is_packed_as_nobody_asked_is_not_unpacked() -> None:
    twice = body(gzip.compress(gzip.compress(b"{}")), content_encoding="gzip, gzip")
    with serving(twice) as server:
        assert refused_by_mlflow(server.uri, 9.0) == (
            f"MLflow at {server.uri} sent an answer that cannot be unpacked; try again"
        )
        assert refused_by_github(server.uri, 1.5) == UNREAD
    assert {each.headers["accept-encoding"] for each in server.seen} == {"gzip, deflate"}


def test_a_packed_answer_is_read() -> None:
    run = {"run": {"info": {"run_id": RUN, "experiment_id": "1"}, "data": {}}}
    packed = body(gzip.compress(json.dumps(run).encode()), content_encoding="gzip")
    with serving(packed) as server:
        assert RestStore(server.uri, Deadline(9.0)).run(RUN) == run["run"]
        assert github(server.uri, 9.0).get("pulls", "7") == run


# Redirects.


def test_no_redirect_is_followed_with_what_we_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-secret")
    with serving(as_json({})) as elsewhere, serving(redirect(f"{elsewhere.uri}/x")) as server:
        assert refused_by_mlflow(server.uri, 9.0) == (
            f"MLflow at {server.uri} answers with a redirect (HTTP 302) to {elsewhere.uri}/x, "
            "which is not followed: if that is MLflow, make it the tracking URI; if it is a login "
            "page, set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            "MLFLOW_TRACKING_TOKEN"
        )
        assert refused_by_github(server.uri, 9.0) == (
            "GitHub answered with a redirect (302): was the repository renamed or moved?: " + PULL
        )
    assert (len(server.seen), elsewhere.seen) == (2, [])


# Pauses.


def test_a_pause_is_a_number_or_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    asked = [asked_pause({"Retry-After": each}) for each in ("0", " 7 ", later)]
    assert asked[:2] == [0.0, 7.0]
    assert 3500.0 < (asked[2] or 0.0) <= 3600.0


@pytest.mark.parametrize(
    "text", ["", "soon", "-1", "1.5", "Mon, 99 Jan 2026 00:00:00 GMT", "1 Jan 99999 00:00 GMT"]
)
def test_a_pause_that_says_nothing_is_none(text: str) -> None:
    assert asked_pause({"Retry-After": text}) is None


def test_a_pause_until_a_time_that_is_over_is_none_at_all() -> None:
    assert asked_pause({"Retry-After": "Thu, 01 Jan 1998 00:00:00 GMT"}) == 0.0


def test_a_date_beyond_the_deadline_is_not_waited_for() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(days=900), usegmt=True)
    with serving(as_json({"message": "slow"}, 429, retry_after=date)) as server:
        assert "is busy (HTTP 429) and asks to wait 7.776e+07 s" in refused_by_mlflow(
            server.uri, 9.0
        )
        said = refused_by_github(server.uri, 9.0)
    assert said.startswith(f"GitHub answered 429 (slow): {PULL}; it asks to wait 777")
    assert said.endswith(" s, more than is left of 9 s")
    assert len(server.seen) == 2


def test_a_limit_that_asks_for_no_pause_is_not_asked_without_one() -> None:
    with serving(as_json({"message": "slow"}, 429, retry_after="0")) as server:
        refused_by_github(server.uri, 2.5)
    assert 1 < len(server.seen) <= 3


# What went wrong.


def test_a_connection_that_ends_is_tried_again_and_then_said() -> None:
    with serving(hang_up) as server:
        assert refused_by_mlflow(server.uri, 9.0) == (
            f"MLflow at {server.uri} hung up without an answer; try again, or look into its log"
        )
        assert refused_by_github(server.uri, 2.9) == f"GitHub hung up without an answer: {PULL}"
    assert len(server.seen) == 5
    with serving(broken_off) as server:
        assert refused_by_github(server.uri, 1.5) == f"GitHub hung up without an answer: {PULL}"


def test_a_tls_handshake_that_ends_early_says_nothing_of_certificates() -> None:
    with serving_bytes(lambda connection, _: connection.recv(4096)) as address:
        assert refused_by_mlflow(f"https://{address}", 9.0) == (
            f"MLflow at https://{address} hung up without an answer; try again, or look into "
            "its log"
        )
        assert refused_by_github(f"https://{address}", 1.5) == (
            f"GitHub hung up without an answer: {PULL}"
        )


@pytest.mark.parametrize("name", ["x" * 70 + ".example", "mlflow.invalid", "a..example"])
def test_a_name_that_there_is_not_is_said(name: str) -> None:
    assert refused_by_mlflow(f"http://{name}", 9.0).startswith(f"MLflow at http://{name} cannot be")
    assert refused_by_github(f"https://{name}", 1.5).startswith("GitHub cannot be")


def test_a_server_without_tls_is_no_trusted_one() -> None:
    with serving(as_json({})) as server:
        address = server.uri.replace("http:", "https:")
        assert refused_by_mlflow(address, 9.0) == (
            f"MLflow at {address} has a certificate that is not trusted: "
            "set MLFLOW_TRACKING_SERVER_CERT_PATH"
        )
        assert refused_by_github(address, 9.0) == (
            f"GitHub has a certificate that is not trusted: set REQUESTS_CA_BUNDLE: {PULL}"
        )


def test_a_bundle_of_certificates_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "absent.pem"))
    assert refused_by_github("https://127.0.0.1:1", 9.0) == (
        f"GitHub was not asked: REQUESTS_CA_BUNDLE names no file: {PULL}"
    )


def test_a_proxy_that_is_not_there_is_said_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        proxy = f"http://ana:s3cret@127.0.0.1:{closed.getsockname()[1]}"
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    assert refused_by_mlflow("https://mlflow.acme.example", 9.0) == (
        "MLflow at https://mlflow.acme.example is not reached through the proxy: "
        "check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    )
    assert refused_by_github("https://api.github.com", 1.5) == (
        f"GitHub is not reached through the proxy: check HTTPS_PROXY and NO_PROXY: {PULL}"
    )
