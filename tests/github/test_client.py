"""What the one adapter over github3.py reads, and how it bears what goes wrong."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from policy_engine.errors import UsageError
from policy_engine.github.client import BOT, Client, connect
from policy_engine.github.failure import (
    GitHubError,
    NotAllowedError,
    NotFoundError,
    UnclearError,
)
from tests.github.fake.server import GitHubFake
from tests.github.fake.state import BASE, HEAD, File, Pull, Submodule, Symlink

if TYPE_CHECKING:
    from collections.abc import Callable

NO_ADDRESS = (
    "GITHUB_API_URL must be an https address without user, query and fragment "
    "(http only on loopback), such as https://api.github.com"
)
RATES = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800"}


def client(fake: GitHubFake, total_s: float = 20.0, environ: Any = None) -> Client:
    """Return a client of the fake."""
    known: dict[str, str] = {
        "GITHUB_TOKEN": fake.token,
        "GITHUB_REPOSITORY": "acme/fraud",
        "GITHUB_API_URL": fake.api_url,
    }
    return connect(known | (environ or {}), total_s=total_s)


def said(act: Callable[[], Any]) -> str:
    """Return the sentence of the error that an act ends with."""
    with pytest.raises((GitHubError, UsageError)) as raised:
        act()
    return str(raised.value)


def test_the_tip_of_a_branch_is_a_sha(github_fake: GitHubFake) -> None:
    github_fake.state.branches["release/2026"] = HEAD
    assert client(github_fake).tip("release/2026") == HEAD


def test_a_branch_that_is_not_there_is_said(github_fake: GitHubFake) -> None:
    with pytest.raises(NotFoundError, match="404"):
        client(github_fake).tip("gone")


def test_the_default_branch_is_asked_for(github_fake: GitHubFake) -> None:
    assert client(github_fake).default_branch() == "main"


@pytest.mark.parametrize("name", ["fraud.yaml", "a#b.yml", "p.yml?ref=evil", "ü %41.yml"])
def test_a_file_is_read_by_its_own_name(github_fake: GitHubFake, name: str) -> None:
    github_fake.state.commit(BASE, {f"policies/{name}": b"version: 1\n"})
    assert client(github_fake).file(f"policies/{name}", BASE) == b"version: 1\n"


def test_an_empty_file_is_empty(github_fake: GitHubFake) -> None:
    github_fake.state.commit(BASE, {"policies/empty.yml": b""})
    assert client(github_fake).file("policies/empty.yml", BASE) == b""


def test_any_bytes_come_back_whole(github_fake: GitHubFake) -> None:
    data = bytes(range(256)) * 4000
    github_fake.state.commit(BASE, {"policies/data": data})
    assert client(github_fake).file("policies/data", BASE) == data


@pytest.mark.parametrize("path", ["../pulls/7", "/etc/passwd", "a/../../b", "policies//x", "", "."])
def test_a_path_out_of_the_repository_is_refused(github_fake: GitHubFake, path: str) -> None:
    assert said(lambda: client(github_fake).file(path, BASE)) == (
        f"{path} is not a path from the repository's root"
    )
    assert github_fake.requests == []


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (b"x" * 1_100_000, "policies/x has 1100000 bytes: GitHub gives files of up to 1 MB"),
        (Submodule(), "policies/x is a submodule at bbbbbbb: only plain files are read"),
        (Symlink("../secret"), "policies/x is a symlink at bbbbbbb: only plain files are read"),
        (Symlink("other.yml"), "policies/x is a symlink at bbbbbbb: only plain files are read"),
    ],
)
def test_what_is_no_plain_file_is_an_error_and_never_empty(
    github_fake: GitHubFake, file: Any, message: str
) -> None:
    github_fake.state.commit(BASE, {"policies/x": file, "other.yml": b"version: 1\n"})
    assert said(lambda: client(github_fake).file("policies/x", BASE)) == message


def test_a_folder_is_no_file_and_a_file_no_folder(github_fake: GitHubFake) -> None:
    github_fake.state.commit(BASE, {"policies/x.yml": b""})
    asked = client(github_fake)
    assert said(lambda: asked.file("policies", BASE)) == (
        "policies is a folder at bbbbbbb, no file"
    )
    assert said(lambda: asked.folder("policies/x.yml", BASE)) == (
        "policies/x.yml is not a folder at bbbbbbb"
    )


def test_a_folder_is_listed_with_the_kind_of_each_entry(github_fake: GitHubFake) -> None:
    tree: dict[str, File] = {
        "p/a.yml": b"1",
        "p/b/c.yml": b"",
        "p/link.yml": Symlink("a.yml"),
        "q.yml": b"",
    }
    github_fake.state.commit(BASE, tree)
    assert [(e.path, e.kind, e.size) for e in client(github_fake).folder("p", BASE)] == [
        ("p/a.yml", "file", 1),
        ("p/b", "dir", 0),
        ("p/link.yml", "symlink", 0),
    ]


def test_a_folder_that_github_may_cut_off_is_an_error(github_fake: GitHubFake) -> None:
    github_fake.state.commit(BASE, {f"p/{i}.yml": b"" for i in range(1001)})
    assert said(lambda: client(github_fake).folder("p", BASE)) == (
        "p has 1000 files or more: GitHub may list only some"
    )


def test_a_pull_request_tells_what_a_gate_must_know(github_fake: GitHubFake) -> None:
    github_fake.state.pulls[7] = Pull(7, head_repository="eve/fraud", labels=("model", "🚀"))
    pull = client(github_fake).pull(7)
    assert (pull.number, pull.head_sha, pull.base_sha, pull.base_ref) == (7, HEAD, BASE, "main")
    assert (pull.author, pull.label_names, pull.is_fork) == ("ana", ("model", "🚀"), True)


def test_a_pull_request_of_a_deleted_fork_and_account_is_a_fork_of_nobody(
    github_fake: GitHubFake,
) -> None:
    github_fake.state.pulls[7] = Pull(7, head_repository=None, author=None)
    (pull,) = client(github_fake).open_pulls(HEAD)
    assert (pull.author, pull.is_fork) == (None, True)


def test_only_open_pull_requests_with_that_very_head_are_found(github_fake: GitHubFake) -> None:
    github_fake.state.pulls |= {
        8: Pull(8, head_sha="9" * 40),
        9: Pull(9, state="closed"),
        10: Pull(10, head_repository="eve/fraud"),
    }
    asked = client(github_fake)
    assert [p.number for p in asked.open_pulls(HEAD)] == [10, 7]
    assert [p.number for p in asked.open_pulls(HEAD, "eve:bigger-model")] == [10]
    assert github_fake.asked == ["GET pulls", "GET pulls"]


def test_changed_paths_have_both_names_of_a_renamed_file(github_fake: GitHubFake) -> None:
    files = [(f"f{i:03}.py", None) for i in range(250)]
    github_fake.state.pulls[7].files = [*files, ("new.py", "old.py")]
    paths = client(github_fake).changed_paths(7)
    assert paths == (*(path for path, _ in files), "new.py", "old.py")
    assert github_fake.asked == ["GET pulls/7/files"] * 3


def test_changed_paths_are_unknown_where_github_stops_listing(github_fake: GitHubFake) -> None:
    github_fake.state.pulls[7].files = [(f"{i}.py", None) for i in range(3001)]
    assert client(github_fake).changed_paths(7) is None


def test_a_job_writes_as_the_bot_and_a_person_as_themselves(github_fake: GitHubFake) -> None:
    assert client(github_fake).login() == BOT
    assert github_fake.requests == []
    person = github_fake.as_person("ana")
    assert client(github_fake, environ={"GITHUB_TOKEN": person}).login() == "ana"


def test_what_a_token_may_not_read_is_told_from_what_fails(github_fake: GitHubFake) -> None:
    github_fake.fail("GET", "pulls", 403, message="Resource not accessible by integration")
    asked = client(github_fake)
    assert [asked.may_read("pulls"), asked.may_read("pulls")] == [False, True]


def test_a_read_that_fails_twice_is_made_a_third_time(github_fake: GitHubFake) -> None:
    github_fake.fail("GET", "pulls/7", 502, times=2)
    assert client(github_fake).pull(7).number == 7
    assert github_fake.asked == ["GET pulls/7"] * 3


def test_a_limit_that_names_its_time_is_waited_for(github_fake: GitHubFake) -> None:
    github_fake.fail("GET", "pulls/7", 429, headers={"Retry-After": "1"})
    github_fake.fail("GET", "pulls/7", 403, headers={"Retry-After": "1"})
    began = time.monotonic()
    assert client(github_fake).pull(7).number == 7
    assert time.monotonic() - began >= 2.0


@pytest.mark.parametrize(
    ("status", "headers", "message"),
    [
        (429, {"Retry-After": "60"}, "slow down"),
        (403, {"Retry-After": "60"}, "slow down"),
        (403, {}, "You have exceeded a secondary rate limit."),
        (403, RATES, "API rate limit exceeded"),
        (429, {}, "slow down"),
    ],
)
def test_a_limit_longer_than_the_patience_ends_at_once(
    github_fake: GitHubFake, status: int, headers: dict[str, str], message: str
) -> None:
    github_fake.fail("GET", "pulls/7", status, headers=headers, message=message)
    began = time.monotonic()
    sentence = said(lambda: client(github_fake).pull(7))
    assert time.monotonic() - began < 5.0
    assert sentence.startswith(f"GitHub answered {status} ({message}): GET /repos/acme/fraud/pulls")
    assert sentence.endswith("more than is left of 20 s")


def test_a_refusal_is_no_limit_and_not_tried_again(github_fake: GitHubFake) -> None:
    github_fake.fail("GET", "pulls/7", 403, message="Resource not accessible by integration")
    with pytest.raises(NotAllowedError):
        client(github_fake).pull(7)
    assert github_fake.asked == ["GET pulls/7"]


def test_a_write_that_may_have_happened_is_not_made_again(github_fake: GitHubFake) -> None:
    github_fake.fail("POST", "issues/7/comments", 502, after_commit=True)
    with pytest.raises(UnclearError):
        client(github_fake).post("issues", "7", "comments", body={"body": "hello"})
    assert github_fake.bodies == ["hello"]


def test_a_write_that_a_limit_turned_away_is_made_again(github_fake: GitHubFake) -> None:
    github_fake.fail("POST", "issues/7/comments", 403, headers={"Retry-After": "1"})
    client(github_fake).post("issues", "7", "comments", body={"body": "hello"})
    assert github_fake.bodies == ["hello"]


def test_writes_keep_a_second_apart(github_fake: GitHubFake) -> None:
    asked = client(github_fake)
    began = time.monotonic()
    for _ in range(2):
        asked.post("issues", "7", "comments", body={"body": "hello"})
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("stall", [True, False])
def test_silence_ends_with_the_patience(github_fake: GitHubFake, stall: bool) -> None:
    if stall:
        github_fake.stall("GET", "pulls/7", 5.0)
    else:
        github_fake.fail("GET", "pulls/7", 502, times=99)
    began = time.monotonic()
    sentence = said(lambda: client(github_fake, total_s=2.0).pull(7))
    assert time.monotonic() - began < 4.0
    words = "did not answer in time" if stall else "answered 502 (fault)"
    assert sentence == f"GitHub {words}: GET /repos/acme/fraud/pulls/7"


def test_a_silence_of_twelve_seconds_is_borne(github_fake: GitHubFake) -> None:
    github_fake.stall("GET", "pulls/7", 12.0)
    assert client(github_fake).pull(7).number == 7


def test_a_github_that_is_down_is_said_in_a_sentence(github_fake: GitHubFake) -> None:
    asked = client(github_fake, total_s=2.0)
    github_fake.close()
    assert said(lambda: asked.pull(7)) == (
        "GitHub cannot be reached: GET /repos/acme/fraud/pulls/7"
    )


def test_a_login_page_is_not_taken_for_an_answer(github_fake: GitHubFake) -> None:
    github_fake.page("GET", "pulls/7", b"<html>sign in</html>")
    assert said(lambda: client(github_fake).pull(7)) == (
        "GitHub sent no JSON: is that GitHub's API?: GET /repos/acme/fraud/pulls/7"
    )


def test_a_moved_repository_is_said_and_a_post_does_not_become_a_get(
    github_fake: GitHubFake,
) -> None:
    target = {"Location": f"{github_fake.api_url}/repos/acme/fraud/issues/7/comments"}
    github_fake.fail("POST", "issues/7/comments", 301, headers=target)
    sentence = said(
        lambda: client(github_fake).post("issues", "7", "comments", body={"body": "hello"})
    )
    assert sentence == (
        "GitHub answered with a redirect (301): was the repository renamed or moved?: "
        "POST /repos/acme/fraud/issues/7/comments"
    )
    assert github_fake.asked == ["POST issues/7/comments"]


def test_a_link_to_another_host_is_not_followed_with_the_token(github_fake: GitHubFake) -> None:
    github_fake.state.pulls[7].files = [(f"{i}.py", None) for i in range(101)]
    asked = client(github_fake)
    asked._session.base_url += "/repos/acme/fraud"
    assert said(lambda: asked.get("user")) == (
        "GitHub answered 404 (Not Found): GET /repos/acme/fraud/user"
    )
    with pytest.raises(GitHubError, match="links to another host"):
        asked._session.request("GET", "http://127.0.0.1:1/repos/acme/fraud/pulls")
    github_fake.violations.clear()  # the first request above asks for what nobody asks


def test_an_answer_of_another_shape_is_an_error_and_not_a_crash(github_fake: GitHubFake) -> None:
    github_fake.page("GET", "pulls/7", b'{"number": "7"}')
    assert said(lambda: client(github_fake).pull(7)) == (
        "GitHub answers something else than a pull request: number: Input should be a valid integer"
    )
    github_fake.page("GET", "pulls", b"3")
    assert said(lambda: client(github_fake).open_pulls(HEAD)) == (
        "GitHub answers no list to GET pulls"
    )


def test_an_enterprise_server_is_asked_below_its_prefix() -> None:
    fake = GitHubFake(prefix="/api/v3")
    try:
        fake.state.pulls[7].files = [(f"{i}.py", None) for i in range(150)]
        paths = client(fake).changed_paths(7)
        assert (paths is not None and len(paths), fake.violations) == (150, [])
    finally:
        fake.close()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "GITHUB_TOKEN",
            "",
            "GITHUB_TOKEN is not set: give the step `env: GITHUB_TOKEN: ${{ github.token }}`",
        ),
        (
            "GITHUB_TOKEN",
            "ghs_secret\nX-Evil: 1",
            "GITHUB_TOKEN holds a blank or a line break: set it without",
        ),
        ("GITHUB_REPOSITORY", "acme", "GITHUB_REPOSITORY must be of the form owner/name"),
        *(
            (
                "GITHUB_API_URL",
                address,
                NO_ADDRESS,
            )
            for address in (
                "http://github.example/api/v3",
                "https://ana:pw@github.example",
                "https://github.example/?a=b",
                "ftp://github.example",
                "nonsense",
            )
        ),
    ],
)
def test_a_variable_that_cannot_be_used_is_said_and_no_token_shown(
    github_fake: GitHubFake, name: str, value: str, message: str
) -> None:
    assert said(lambda: client(github_fake, environ={name: value})) == message


def test_no_token_is_in_a_log_or_an_error(
    github_fake: GitHubFake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    github_fake.fail("GET", "pulls/7", 403, message=f"you sent {github_fake.token}")
    sentence = said(lambda: client(github_fake).pull(7))
    list(client(github_fake).pages("issues", "7", "comments"))
    assert github_fake.tokens == {github_fake.token}
    assert "…" in sentence
    assert github_fake.token not in sentence + caplog.text


def test_what_github_says_cannot_forge_a_command_of_the_runner(github_fake: GitHubFake) -> None:
    github_fake.fail("GET", "pulls/7", 422, message="\n::set-output name=verdict::pass ##[error]x")
    sentence = said(lambda: client(github_fake).pull(7))
    assert (sentence.count("\n"), "::" in sentence, "##[" in sentence) == (0, False, False)
