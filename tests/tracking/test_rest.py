"""Every way in which a server can mislead a reader, and what the reader says to it."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from policy_engine.http.deadline import Deadline
from policy_engine.tracking.opening import open_store
from policy_engine.tracking.query import Query, tagged
from policy_engine.tracking.rest import RestStore
from policy_engine.tracking.store import (
    Entry,
    NoSuchStore,
    NotFound,
    ReadFailed,
    TooOld,
    Unsupported,
)
from tests.tracking.hostile_server import (
    as_json,
    attachment,
    body,
    broken_off,
    error,
    hang_up,
    html,
    redirect,
    serving,
    trickled_body,
    trickled_headers,
    unannounced,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from policy_engine.tracking.store import Store
    from tests.conftest import MlflowServer, Trained
    from tests.tracking.hostile_server import HostileServer

RUN = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
MODEL = f"m-{RUN}"
CREDENTIALS = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
LET_IN = (
    "install the plugin for MLflow that sends what it asks for (entry point "
    f"`mlflow.request_header_provider`) beside policy-engine, or {CREDENTIALS}"
)


def reader(server: HostileServer | MlflowServer, seconds: float = 20.0) -> RestStore:
    return RestStore(server.uri, Deadline(seconds))


def refusal(read: Callable[[], object], kind: type[Exception] = ReadFailed) -> str:
    """Return the sentence with which a read ends."""
    with pytest.raises(kind) as caught:
        read()
    assert caught.value.__cause__ is None
    return str(caught.value)


def file(path: str, size: int | None) -> Entry:
    return Entry(path, is_dir=False, size=size)


def folder(path: str) -> Entry:
    return Entry(path, is_dir=True, size=None)


def a_run(run_id: str = RUN) -> dict[str, object]:
    return {"info": {"run_id": run_id, "experiment_id": "1"}, "data": {}}


# Answers that MLflow's own client takes for a run without metrics.


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"run": {"info": "x"}}, "no 'info'"),
        ({"run": {}}, "no 'info'"),
        ({"run": []}, "no 'run'"),
        ({}, "no 'run'"),
        ({"run": {"info": {"run_id": "f" * 32}}}, "its 'run_id' is not the one asked for"),
        ({"run": {"info": {"run_id": None}}}, "its 'run_id' is not the one asked for"),
    ],
)
def test_an_object_that_is_not_the_run_asked_for_is_unreadable(answer: object, why: str) -> None:
    with serving(as_json(answer)) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} sent an answer of the wrong shape to runs/get ({why}): "
            "check that the tracking URI leads to MLflow"
        )


@pytest.mark.parametrize(
    "content",
    [b" " * 40, b"", b"[]", b'"x"', b"null", b"<html>log in</html>", b"[" * 100_000, b"\xff\xfe"],
    ids=["blanks", "nothing", "list", "text", "null", "login page", "deep nesting", "no text"],
)
def test_an_answer_that_is_no_json_object_is_unreadable(content: bytes) -> None:
    with serving(body(content)) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} sent no JSON object as the answer to runs/get: check that "
            f"the tracking URI leads to MLflow and not to a login page, and {CREDENTIALS}"
        )


READS: dict[str, tuple[Callable[[Store], object], object]] = {
    "model": (lambda s: s.model(MODEL), {"model": {"info": {"model_id": "m-1"}}}),
    "experiment": (lambda s: s.experiment("7"), {"experiment": {"experiment_id": "8"}}),
    "experiment by name": (lambda s: s.experiment_by_name("a"), {"experiment": {"name": "b"}}),
    "experiments": (lambda s: s.experiments(), {"experiments": [{"name": "no id"}]}),
    "version": (
        lambda s: s.version("fraud", "3"),
        {"model_version": {"name": "fraud", "version": "4"}},
    ),
    "version by alias": (
        lambda s: s.version_by_alias("fraud", "champion"),
        {"model_version": {"name": "other", "version": "4"}},
    ),
    "registered model": (lambda s: s.registered_model("a"), {"registered_model": {"name": "b"}}),
    "runs": (lambda s: s.runs(["1"], Query(), limit=5), {"runs": {}}),
    "runs without an id": (
        lambda s: s.runs(["1"], Query(), limit=5),
        {"runs": [{"info": {"experiment_id": "1"}}]},
    ),
    "runs of another experiment": (
        lambda s: s.runs(["1"], Query(), limit=5),
        {"runs": [{"info": {"experiment_id": "2", "run_id": RUN}}]},
    ),
    "no list of runs": (lambda s: s.runs(["1"], Query(), limit=5), {"message": "welcome"}),
    "page token": (lambda s: s.runs(["1"], Query(), limit=5), {"next_page_token": 7}),
    "models of another run": (
        lambda s: s.models_of_run("1", RUN),
        {"models": [{"info": {"model_id": MODEL, "source_run_id": "f" * 32}}]},
    ),
    "list without a root": (lambda s: s.list_run(RUN), {"files": []}),
    "list of another folder": (
        lambda s: s.list_run(RUN, "a"),
        {"root_uri": "x", "files": [{"path": "b/c", "is_dir": False, "file_size": 1}]},
    ),
    "list that leads upwards": (
        lambda s: s.list_model(MODEL),
        {"root_uri": "x", "files": [{"path": "..", "is_dir": True}]},
    ),
    "negative size": (
        lambda s: s.list_model(MODEL),
        {"root_uri": "x", "files": [{"path": "a", "is_dir": False, "file_size": -1}]},
    ),
    "size as text": (
        lambda s: s.list_model(MODEL),
        {"root_uri": "x", "files": [{"path": "a", "is_dir": False, "file_size": "1"}]},
    ),
}


@pytest.mark.parametrize(("read", "answer"), READS.values(), ids=READS.keys())
def test_every_other_read_is_held_to_what_it_asked_for_too(
    read: Callable[[Store], object], answer: object
) -> None:
    with serving(as_json(answer)) as server:
        assert "sent an answer of the wrong shape to" in refusal(lambda: read(reader(server)))


def test_a_metric_that_is_no_number_is_handed_on_as_mlflow_sent_it() -> None:
    content = json.dumps({"run": {**a_run(), "data": {"metrics": ["NaN", float("nan")]}}}).encode()
    with serving(body(content)) as server:
        text, number = reader(server).run(RUN)["data"]["metrics"]
    assert text == "NaN"
    assert number != number  # noqa: PLR0124 -- so is NaN


# The network.


def test_a_body_that_breaks_off_is_asked_for_again_and_then_unreadable() -> None:
    with serving(broken_off) as server:
        store = reader(server)
        assert refusal(lambda: store.run(RUN)) == (
            f"MLflow at {server.uri} broke off in the middle of an answer; try again"
        )
    assert store.request_count == len(server.seen) == 3


def test_a_server_that_recovers_at_the_third_attempt_is_read() -> None:
    with serving(hang_up, html(503), as_json({"run": a_run()})) as server:
        store = reader(server)
        assert store.run(RUN) == a_run()
    assert store.request_count == 3


def test_a_server_that_hangs_up_is_unreadable() -> None:
    with serving(hang_up) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} hung up without an answer; try again, or look into its log"
        )


def test_a_closed_port_is_said_within_two_seconds() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{closed.getsockname()[1]}"
        began = time.monotonic()
        assert refusal(lambda: RestStore(uri, Deadline(20)).run(RUN)) == (
            f"MLflow at {uri} cannot be reached; check the tracking URI and that the server runs"
        )
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("slow", [trickled_body, trickled_headers])
def test_a_server_that_trickles_is_left_at_the_deadline(slow: Callable[..., None]) -> None:
    with serving(slow) as server:
        began = time.monotonic()
        assert refusal(lambda: reader(server, 0.6).run(RUN)) == (
            f"MLflow at {server.uri} did not answer within 0.6 s; "
            "try again, or allow more with --timeout"
        )
    assert time.monotonic() - began < 1.5


def test_after_the_deadline_nothing_is_asked() -> None:
    with serving(as_json({"run": a_run()})) as server:
        assert "did not answer within 0 s" in refusal(lambda: reader(server, 0).run(RUN))
    assert server.seen == []


def test_too_many_requests_is_asked_again_after_the_pause_that_the_server_wants() -> None:
    busy = as_json({}, 429, retry_after="1")
    with serving(busy, as_json({"run": a_run()})) as server:
        began = time.monotonic()
        assert reader(server).run(RUN) == a_run()
    assert time.monotonic() - began >= 1


def test_a_pause_beyond_the_deadline_is_not_waited_for() -> None:
    with serving(as_json({}, 429, retry_after="3600")) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} is busy (HTTP 429) and asks to wait 3600 s, more than is "
            "left of 20 s; try again, or allow more with --timeout"
        )
    assert len(server.seen) == 1


@pytest.mark.parametrize(("status", "requests"), [(500, 3), (502, 3), (503, 3), (504, 3)])
def test_a_failing_server_is_unreadable(status: int, requests: int) -> None:
    with serving(error(status, "INTERNAL_ERROR")) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} failed (HTTP {status}: it says why); "
            "try again, or look into the server's log"
        )
    assert len(server.seen) == requests


# Who asks, and where.


def test_a_redirect_is_not_followed_and_carries_no_credentials_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-secret")
    with serving(html()) as elsewhere:
        location = f"http://user:pw@{elsewhere.address}/login?next=tok-secret"
        with serving(redirect(location)) as server:
            assert refusal(lambda: reader(server).run(RUN)) == (
                f"a login page stands before MLflow at {server.uri} (HTTP 302, a redirect to "
                f"{elsewhere.uri}/login): {LET_IN}"
            )
    assert elsewhere.seen == []


def test_a_redirect_to_what_may_be_mlflow_is_named_and_not_followed() -> None:
    with serving(redirect("https://mlflow.acme.example/")) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} answers with a redirect (HTTP 302) to "
            "https://mlflow.acme.example, which is not followed: if that is MLflow, make it the "
            f"tracking URI; if it is a login page, {CREDENTIALS}"
        )


@pytest.mark.parametrize(
    "location",
    [
        "https://acme.cloudflareaccess.com/cdn-cgi/access/login/mlflow.acme.example",
        "https://accounts.google.com/o/oauth2/v2/auth?client_id=x",
        "/oauth2/sign_in?rd=%2F",
        "https://idp.acme.example/sso/saml",
        "https://login.microsoftonline.com/common",
    ],
)
def test_a_redirect_to_a_login_page_is_called_that(location: str) -> None:
    with serving(redirect(location)) as server:
        said = refusal(lambda: reader(server).run(RUN))
    start = f"a login page stands before MLflow at {server.uri} (HTTP 302, a redirect to "
    assert said.startswith(start)
    assert said.endswith(f"): {LET_IN}")


def test_a_login_page_in_place_of_an_answer_is_called_that() -> None:
    with serving(html(403)) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"a login page stands before MLflow at {server.uri} (HTTP 403: Log in): {LET_IN}"
        )
    assert len(server.seen) == 1


def test_a_web_page_that_forbids_is_not_taken_for_a_right_that_mlflow_withholds() -> None:
    page = body(b"<html><head><title>403 Forbidden</title></head></html>", 403)
    with serving(page) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"a proxy or firewall before MLflow at {server.uri} answers with a web page (HTTP 403: "
            f"403 Forbidden): let this machine through, or {LET_IN}"
        )


def test_a_401_says_which_variables_to_set() -> None:
    with serving(error(401, "UNAUTHENTICATED")) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} does not know who asks (HTTP 401): {CREDENTIALS}"
        )
    assert len(server.seen) == 1


def test_a_403_says_that_the_user_may_not_read() -> None:
    with serving(error(403, "PERMISSION_DENIED", "Permission denied")) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow at {server.uri} does not allow this read (HTTP 403: Permission denied): "
            f"give the user READ permission, or {CREDENTIALS}"
        )


def test_a_server_that_repeats_our_secrets_does_not_get_them_into_a_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ana")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pass-wörd")
    basic = base64.b64encode("ana:pass-wörd".encode()).decode()
    with serving(error(400, "BAD_REQUEST", f"no {basic} and\n no pass-wörd")) as server:
        uri = server.uri.replace("//", "//eve:url-secret@")
        with pytest.raises(ReadFailed) as caught:
            RestStore(server.uri, Deadline(20)).run(RUN)
        with pytest.raises(ReadFailed) as of_uri:
            RestStore(uri, Deadline(20)).run(RUN)
    assert str(caught.value) == (
        f"MLflow at {server.uri} refused runs/get (HTTP 400): no *** and no ***"
    )
    assert "url-secret" not in str(of_uri.value)
    assert server.seen[0].headers["authorization"] == f"Basic {basic}"
    of_eve = base64.b64encode(b"eve:url-secret").decode()
    assert server.seen[1].headers["authorization"] == f"Basic {of_eve}"


def test_a_token_and_a_workspace_are_sent_as_mlflow_sends_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok")
    monkeypatch.setenv("MLFLOW_WORKSPACE", " team-a ")
    with serving(as_json({"run": a_run()})) as server:
        reader(server).run(RUN)
    assert server.seen[0].headers["authorization"] == "Bearer tok"
    assert server.seen[0].headers["x-mlflow-workspace"] == "team-a"


def test_credentials_that_mlflow_stored_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow" / "credentials").write_text(
        "[mlflow]\nmlflow_tracking_username = ana\nmlflow_tracking_password = a%b\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(as_json({"run": a_run()})) as server:
        reader(server).run(RUN)
    expected = base64.b64encode(b"ana:a%b").decode()
    assert server.seen[0].headers["authorization"] == f"Basic {expected}"


def test_a_token_with_a_line_break_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-secret\n")
    assert refusal(lambda: open_store("http://127.0.0.1", Deadline(9))) == (
        "MLFLOW_TRACKING_TOKEN holds a line break: set it without"
    )


def test_a_certificate_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(tmp_path / "absent.pem"))
    store = RestStore("https://127.0.0.1:1", Deadline(9))
    assert refusal(lambda: store.run(RUN)) == (
        "MLflow at https://127.0.0.1:1 was not asked: MLFLOW_TRACKING_SERVER_CERT_PATH or "
        "MLFLOW_TRACKING_CLIENT_CERT_PATH names no file"
    )


# Not MLflow, or too old.


@pytest.mark.parametrize("reply", [html(404), error(404, "ENDPOINT_NOT_FOUND")])
def test_a_server_without_mlflows_endpoints_is_no_mlflow(reply: Callable[..., None]) -> None:
    with serving(reply) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"{server.uri} does not look like an MLflow server; check the tracking URI"
        )
    assert [each.path for each in server.seen][1:] == ["/version"]


def test_a_server_of_mlflow_2_keeps_no_logged_models_and_is_asked_once() -> None:
    with serving(html(404), body(b"2.22.1")) as server:
        store = reader(server)
        assert refusal(lambda: store.models_of_run("1", RUN), Unsupported) == (
            f"MLflow 2.22.1 at {server.uri} does not know logged-models/search"
        )
        assert refusal(lambda: store.models_of_run("1", OTHER), Unsupported) == (
            f"MLflow at {server.uri} keeps no logged models"
        )
        assert (len(server.seen), store.server, store.notes) == (2, "2.22.1", ())


@pytest.mark.parametrize("version", ["2.8.1", "1.30.0", "2.0.1"])
def test_a_server_older_than_2_9_is_named_and_refused(version: str) -> None:
    with serving(html(404), body(version.encode())) as server:
        assert refusal(lambda: reader(server).models_of_run("1", RUN), TooOld) == (
            f"the server at {server.uri} runs MLflow {version}; policy-engine reads MLflow 2.9 "
            "and newer: upgrade the server"
        )


def test_what_a_server_of_unknown_make_lacks_is_a_note() -> None:
    """As GitLab: it answers runs as MLflow does, and knows neither all endpoints nor a version."""
    with serving(as_json({"run": a_run(RUN)}), error(404, "")) as server:
        store = reader(server)
        store.run(RUN)
        why = f"the server at {server.uri} does not know artifacts/list"
        assert refusal(lambda: store.list_run(RUN), Unsupported) == why
        assert store.notes == (f"{why}: what it would tell is missing",)


def test_a_failing_artifact_store_is_said_without_the_servers_html() -> None:
    with serving(html(500)) as server:
        assert refusal(lambda: reader(server).run_text(RUN, "notes.txt", 100)) == (
            f"MLflow at {server.uri} could not read the file 'notes.txt' of run {RUN} from its "
            "artifact store (HTTP 500): see that the server itself can read the store (its "
            "credentials, the bucket, the address); the server's log says why"
        )


def test_an_mlflow_3_behind_something_that_blocks_is_said() -> None:
    with serving(html(404), body(b"3.17.2")) as server:
        assert refusal(lambda: reader(server).run(RUN)) == (
            f"MLflow 3.17.2 at {server.uri} does not know runs/get; "
            "check that nothing between here and there blocks it"
        )


# Files.


def test_a_login_page_is_not_taken_for_a_file() -> None:
    with serving(html()) as server:
        assert refusal(lambda: reader(server).run_text(RUN, "notes.txt", 100)) == (
            f"MLflow at {server.uri} sent a web page in place of the file 'notes.txt' of run "
            f"{RUN}: check that the tracking URI leads to MLflow and not to a login page, "
            f"and {CREDENTIALS}"
        )


def test_a_file_at_its_cap_is_read_and_one_byte_more_is_not() -> None:
    with serving(attachment(b"12345")) as server:
        store = reader(server)
        assert store.model_text(MODEL, "MLmodel", 5) == "12345"
        assert refusal(lambda: store.model_text(MODEL, "MLmodel", 4)) == (
            f"the file 'MLmodel' of model {MODEL} is 5 bytes; at most 4 bytes are read"
        )


def test_a_file_that_does_not_say_its_size_is_left_at_its_cap() -> None:
    with serving(unannounced(b"x" * 1_000_000)) as server:
        assert refusal(lambda: reader(server).model_text(MODEL, "MLmodel", 100)) == (
            f"the file 'MLmodel' of model {MODEL} is more than 100 bytes; "
            "at most 100 bytes are read"
        )


def test_a_packed_file_is_left_at_its_cap_while_it_is_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    packed = body(bomb, content_encoding="gzip", content_disposition="attachment")
    with serving(packed) as server:
        assert refusal(lambda: reader(server).model_text(MODEL, "MLmodel", 100_000)) == (
            f"the file 'MLmodel' of model {MODEL} is more than 100000 bytes; "
            "at most 100000 bytes are read"
        )


def test_a_file_that_is_no_text_is_unreadable() -> None:
    with serving(attachment(b"\x80\x04\x95")) as server:
        assert refusal(lambda: reader(server).model_text(MODEL, "model.pkl", 100)) == (
            f"the file 'model.pkl' of model {MODEL} is not UTF-8 text; only text is read"
        )


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/passwd", "..\\x", "a\\b", "a\0b", "", ".", "a//b", "a/"]
)
def test_a_path_that_could_lead_elsewhere_is_refused_without_a_request(path: str) -> None:
    with serving(attachment(b"x")) as server:
        store = reader(server)
        assert "is refused: write it from the artifact root" in refusal(
            lambda: store.run_text(RUN, path, 100)
        )
        if path:
            assert "is refused" in refusal(lambda: store.list_model(MODEL, path))
    assert server.seen == []


def test_files_on_all_pages_are_listed_in_order_of_path() -> None:
    pages = (
        {"root_uri": "x", "files": [{"path": "b", "is_dir": True}], "next_page_token": "two words"},
        {"root_uri": "x", "files": [{"path": "a", "is_dir": False, "file_size": 3}]},
    )
    with serving(*(as_json(page) for page in pages)) as server:
        entries = reader(server).list_run(RUN)
    assert entries == [file("a", 3), folder("b")]
    assert server.seen[1].path.endswith("page_token=two+words")


@pytest.mark.parametrize(("content", "size"), [(b"", 0), (b"large", None)])
def test_a_file_without_a_size_among_others_is_read_to_see_whether_it_is_empty(
    content: bytes, size: int | None
) -> None:
    files = [{"path": "a", "is_dir": False}, {"path": "b", "is_dir": False, "file_size": 3}]
    listing = as_json({"root_uri": "x", "files": files})
    with serving(listing, attachment(content)) as server:
        assert reader(server).list_run(RUN) == [file("a", size), file("b", 3)]
    assert len(server.seen) == 2


@pytest.mark.parametrize(("content", "size"), [(b"", 0), (b"large", None)])
def test_sizes_that_the_store_never_tells_are_not_taken_for_zero(
    content: bytes, size: int | None
) -> None:
    listing = as_json({"root_uri": "x", "files": [{"path": "a", "is_dir": False}]})
    with serving(listing, attachment(content)) as server:
        assert reader(server).list_model(MODEL) == [file("a", size)]
    assert len(server.seen) == 2


# Ids, filters and addresses.


@pytest.mark.parametrize(
    ("read", "sentence"),
    [
        (lambda s: s.run("x' OR 1"), "'x' OR 1' is not a run id: letters, digits, - and _"),
        (lambda s: s.run("../" + RUN), f"'../{RUN}' is not a run id: letters, digits, - and _"),
        (lambda s: s.run(RUN + "\n"), f"'{RUN}' is not a run id: letters, digits, - and _"),
        (
            lambda s: s.model("m-1/../2"),
            "'m-1/../2' is not a logged model's id: m- and 32 digits 0-9 and a-f",
        ),
        (lambda s: s.experiment("1;2"), "'1;2' is not an experiment id: digits alone"),
        (
            lambda s: s.runs(["1", "x"], Query(), limit=1),
            "'x' is not an experiment id: digits alone",
        ),
        (lambda s: s.version("fraud", "latest"), "'latest' is not a model version: digits alone"),
        (lambda s: s.registered_model(" "), "'' is not a name that MLflow gives"),
        (lambda s: s.version_by_alias("a", "b\n"), "'b' is not a name that MLflow gives"),
    ],
)
def test_an_id_that_cannot_be_one_is_not_found_without_a_request(
    read: Callable[[Store], object], sentence: str
) -> None:
    with serving(html()) as server:
        assert refusal(lambda: read(reader(server)), NotFound) == sentence
    assert server.seen == []


def test_a_name_is_quoted_in_the_address() -> None:
    with serving(as_json({"registered_model": {"name": "a/b&c=d é"}})) as server:
        reader(server).registered_model("a/b&c=d é")
    assert server.seen[0].path.endswith("?name=a%2Fb%26c%3Dd+%C3%A9")


def test_a_filter_on_a_tag_is_quoted() -> None:
    assert tagged("mlflow.source.git.commit", "ab12").filter == (
        "tags.`mlflow.source.git.commit` = 'ab12'"
    )


@pytest.mark.parametrize("text", ["", "it's", 'a"b', "a`b", "a\nb", "a\\b", "a\0b", "a\u2028b"])
def test_a_filter_refuses_what_it_cannot_quote(text: str) -> None:
    for key, value in ((text, "v"), ("k", text)):
        with pytest.raises(ValueError, match="cannot be written in a filter of MLflow"):
            tagged(key, value)


@pytest.mark.parametrize("uri", ["http://", "http://:5000", "http://[::1", "http://h:port"])
def test_an_address_without_a_host_is_no_store(uri: str) -> None:
    with pytest.raises(NoSuchStore, match="is not an address of a server"):
        open_store(uri, Deadline(1))


# Pages.


def test_runs_are_read_up_to_the_limit_and_no_page_more() -> None:
    def with_tag(run_id: str) -> dict[str, object]:
        return {**a_run(run_id), "data": {"tags": [{"key": "a", "value": "b"}]}}

    ids = [f"{number:032x}" for number in range(4)]
    first = {"runs": [with_tag(each) for each in ids[:2]], "next_page_token": "2"}
    second = {"runs": [with_tag(each) for each in ids[2:]], "next_page_token": "4"}
    with serving(as_json(first), as_json(second)) as server:
        runs = reader(server).runs(["1"], tagged("a", "b"), limit=3)
    assert [run["info"]["run_id"] for run in runs] == ids[:3]
    query = {
        "experiment_ids": ["1"],
        "filter": "tags.`a` = 'b'",
        "run_view_type": "ACTIVE_ONLY",
        "order_by": ["attributes.start_time DESC"],
    }
    assert [json.loads(each.body) for each in server.seen] == [
        {**query, "max_results": 3},
        {**query, "max_results": 1, "page_token": "2"},
    ]


@pytest.mark.parametrize(
    "text",
    [
        '{"runs": [RUN], "next_page_token": "b2Zmc2V0PTI="}',
        '{\n  "runs": [RUN],\n  "next_page_token": "b2Zmc2V0PTI="\n}\n',
        '{"next_page_token": "b2Zmc2V0PTI=", "runs": [RUN]}',
    ],
    ids=["in a line", "as MLflow writes it", "at the beginning"],
)
def test_the_token_of_the_next_page_is_found_wherever_it_stands(text: str) -> None:
    with serving(body(text.replace("RUN", json.dumps(a_run())).encode())) as server:
        read, token = reader(server).oldest_first("1", 0, 2, None)
    assert token == "b2Zmc2V0PTI="
    assert read() == [a_run()]


def test_what_a_run_says_at_the_end_of_the_last_page_is_no_token() -> None:
    run = {**a_run(), "data": {"tags": [{"key": "a", "value": '"next_page_token": "x"}'}]}}
    for last in ({"runs": [run]}, {"runs": [{**run, "next_page_token": "x"}]}):
        with serving(as_json(last)) as server:
            read, token = reader(server).oldest_first("1", 0, 2, None)
        assert token is None
        assert read() == last["runs"]


def test_a_page_that_ends_in_a_token_and_is_no_object_says_so_when_it_is_read() -> None:
    with serving(body(b'{"runs": [}, "next_page_token": "x"}')) as server:
        read, token = reader(server).oldest_first("1", 0, 2, None)
        assert token == "x"
        assert refusal(read) == (
            f"MLflow at {server.uri} sent no JSON object as the answer to runs/search: check that "
            f"the tracking URI leads to MLflow and not to a login page, and {CREDENTIALS}"
        )


def test_no_experiment_means_no_runs_and_no_request() -> None:
    with serving(html()) as server:
        assert reader(server).runs([], Query(), limit=5) == []
    assert server.seen == []


# The real server.


def test_each_read_of_a_real_server_is_one_request(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    store = reader(mlflow_server)
    reads: list[Callable[[], object]] = [
        lambda: store.run(trained.candidate),
        lambda: store.runs([trained.experiment_id], Query(), limit=200),
        lambda: store.experiment(trained.experiment_id),
        lambda: store.experiment_by_name("fraud"),
        store.experiments,
        lambda: store.models_of_run(trained.experiment_id, trained.candidate),
        lambda: store.model(trained.candidate_model),
        lambda: store.list_model(trained.candidate_model),
        lambda: store.list_model(trained.proxied_model),
        lambda: store.list_run(trained.candidate, "notes"),
        lambda: store.model_text(trained.candidate_model, "MLmodel", 100_000),
        lambda: store.model_text(trained.proxied_model, "code/rules/limits/limits.txt", 100),
        lambda: store.run_text(trained.candidate, "notes/for reviewers.txt", 100),
        lambda: store.run_text(trained.proxied, "tables/deep/rows.csv", 100),
        lambda: store.version("fraud", "2"),
        lambda: store.version_by_alias("fraud", "champion"),
        lambda: store.registered_model("fraud"),
    ]
    for read in reads:
        read()
    assert store.request_count == len(reads)


def test_one_reader_serves_many_threads(mlflow_server: MlflowServer, trained: Trained) -> None:
    store = reader(mlflow_server)
    ids = [trained.champion, trained.candidate, trained.parent, trained.proxied] * 8
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(store.run, ids))
    assert [run["info"]["run_id"] for run in runs] == ids
    assert store.request_count == len(ids)


def test_a_real_server_says_what_it_does_not_have(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    store = reader(mlflow_server)
    at = f"MLflow at {mlflow_server.uri}"
    model = trained.champion_model
    for read, sentence in (
        (lambda: store.run(RUN), f"{at} has no run {RUN}"),
        (lambda: store.list_run(RUN), f"{at} has no run {RUN}"),
        (lambda: store.model(MODEL), f"{at} has no logged model {MODEL}"),
        (lambda: store.list_model(MODEL), f"{at} has no logged model {MODEL}"),
        (lambda: store.experiment("77"), f"{at} has no experiment 77"),
        (lambda: store.experiment_by_name("x"), f"{at} has no experiment named 'x'"),
        (lambda: store.version("fraud", "9"), f"{at} has no version 9 of model 'fraud'"),
        (lambda: store.registered_model("x"), f"{at} has no registered model 'x'"),
        (lambda: store.version_by_alias("x", "champion"), f"{at} has no registered model 'x'"),
        (
            lambda: store.version_by_alias("fraud", "x"),
            "the registered model 'fraud' has no alias 'x'",
        ),
        (
            lambda: store.model_text(model, "absent", 9),
            f"{at} does not have the file 'absent' of model {model}",
        ),
        (
            lambda: store.run_text(trained.champion, "notes", 9),
            f"{at} does not have the file 'notes' of run {trained.champion}",
        ),
    ):
        assert refusal(read, NotFound) == sentence


def test_a_failed_log_model_leaves_a_model_without_files_beside_the_ready_one(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    store = reader(mlflow_server)
    models = store.models_of_run(trained.experiment_id, trained.failed_log)
    assert {each["info"]["model_id"]: each["info"]["status"] for each in models} == {
        trained.failed_log_ready: "LOGGED_MODEL_READY",
        trained.failed_log_failed: "LOGGED_MODEL_UPLOAD_FAILED",
    }
    assert store.list_model(trained.failed_log_failed) == []


def test_nan_and_clamped_infinity_are_handed_on_as_mlflow_tells_them(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    metrics = reader(mlflow_server).run(trained.not_numbers)["data"]["metrics"]
    assert {each["key"]: each["value"] for each in metrics} == {
        "val_accuracy": 0.9,
        "nan": "NaN",
        "inf": 1.7976931348623157e308,
        "minus_inf": -1.7976931348623157e308,
    }


def test_a_deleted_run_is_read_by_its_id_and_found_only_among_the_deleted(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    store = reader(mlflow_server)
    assert store.run(trained.deleted)["info"]["lifecycle_stage"] == "deleted"
    experiment = [trained.experiment_id]
    active = store.runs(experiment, Query(), limit=200)
    deleted = store.runs(experiment, Query(), limit=200, deleted=True)
    assert trained.deleted not in {each["info"]["run_id"] for each in active}
    assert [each["info"]["run_id"] for each in deleted] == [trained.deleted]


def test_the_experiments_are_the_active_ones(mlflow_server: MlflowServer, trained: Trained) -> None:
    found = {each["experiment_id"] for each in reader(mlflow_server).experiments()}
    assert {trained.experiment_id, trained.proxied_experiment_id} <= found
    assert trained.deleted_experiment_id not in found


def test_runs_are_found_by_the_tag_of_their_commit(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    query = tagged("policy_engine.head_sha", trained.candidate_sha)
    runs = reader(mlflow_server).runs([trained.experiment_id], query, limit=10)
    assert [each["info"]["run_id"] for each in runs] == [trained.candidate]


def test_an_empty_file_alone_in_its_folder_has_size_zero(
    mlflow_server: MlflowServer, trained: Trained
) -> None:
    store = reader(mlflow_server)
    assert store.list_model(trained.proxied_model, "code/rules") == [
        file("code/rules/__init__.py", 0),
        folder("code/rules/limits"),
    ]
    assert store.request_count == 2
