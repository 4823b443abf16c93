"""The one comment, whatever comes in between: another job, a newer commit, a person."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from policy_engine.github.client import Client
from policy_engine.github.comment import MARKER_ROOM, CommentSpot, Marker, keep
from policy_engine.github.failure import GitHubError
from policy_engine.github.session import Patience, Session
from tests.github.fake.state import BOT, HEAD, TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.github.fake.server import GitHubFake

NEWER = "9" * 40
FIRST_TIME = (
    ("GET", "issues/7/comments"),
    ("GET", "pulls/7"),
    ("POST", "issues/7/comments"),
    ("GET", "issues/7/comments"),
)


def write(
    fake: GitHubFake, text: str, *, head: str = HEAD, gate: str = "fraud", may_begin: bool = True
) -> str | None:
    """Bring the comment up to date, as a job of its own does."""
    session = Session(fake.api_url, TOKEN, Patience(total_s=20.0, gap_s=0.0, backoff_s=0.01))
    client = Client(session, "acme/fraud", is_job=True)
    says = f"{sum(text.partition(' evaluated at ')[0].encode()):064x}"
    place = CommentSpot(pull_request=7, head_sha=head, gate=gate)
    return keep(client, place, text, says, may_begin=may_begin)


def texts(fake: GitHubFake) -> list[str]:
    """Return what our comments say, below their markers."""
    return [body.partition("\n")[2] for body in fake.bodies]


def before(fake: GitHubFake, step: int, act: Callable[[], object]) -> None:
    """Let something happen just before a step of the first job."""
    method, path = FIRST_TIME[step]
    if step == 3:  # the second look at the comments comes after the first
        fake.meanwhile(method, path, lambda: None)
    fake.meanwhile(method, path, act)


@pytest.mark.parametrize("step", range(4))
def test_another_job_at_any_step_leaves_one_comment(github_fake: GitHubFake, step: int) -> None:
    before(github_fake, step, lambda: write(github_fake, "theirs"))
    write(github_fake, "ours")
    assert len(texts(github_fake)) == 1


@pytest.mark.parametrize("step", range(4))
def test_a_newer_commit_at_any_step_keeps_its_report(github_fake: GitHubFake, step: int) -> None:
    def push() -> None:
        github_fake.state.pulls[7].head_sha = NEWER
        assert write(github_fake, "newer", head=NEWER) is None

    before(github_fake, step, push)
    write(github_fake, "older")
    assert texts(github_fake) == ["newer"]


def test_a_newer_commit_before_an_edit_keeps_its_report(github_fake: GitHubFake) -> None:
    write(github_fake, "first")

    def push() -> None:
        github_fake.state.pulls[7].head_sha = NEWER
        write(github_fake, "newer", head=NEWER)

    github_fake.meanwhile("GET", "pulls/7", push)
    assert write(github_fake, "older") == (
        "the pull request has moved on to 9999999, whose own check writes the comment; "
        "this one is about aaaaaaa"
    )
    assert texts(github_fake) == ["newer"]


def test_three_jobs_at_once_leave_one_comment(github_fake: GitHubFake) -> None:
    github_fake.meanwhile("POST", "issues/7/comments", lambda: write(github_fake, "second"))
    github_fake.meanwhile("POST", "issues/7/comments", lambda: write(github_fake, "third"))
    write(github_fake, "first")
    assert len(texts(github_fake)) == 1


def test_doubles_of_an_earlier_time_are_removed_and_the_oldest_stays(
    github_fake: GitHubFake,
) -> None:
    write(github_fake, "text")
    (oldest,) = github_fake.state.comments
    for _ in range(2):
        github_fake.state.comment(oldest.body, BOT)
    write(github_fake, "text")
    assert [comment.id for comment in github_fake.state.comments] == [oldest.id]


def test_words_that_were_changed_under_a_fitting_marker_are_written_anew(
    github_fake: GitHubFake,
) -> None:
    """Whoever may edit the comment may edit the marker's digest of its words as well."""
    write(github_fake, "the model is too large")
    (comment,) = github_fake.state.comments
    theirs = hashlib.sha256(b"all is well").hexdigest()
    marker = re.sub(r" text=\w+", f" text={theirs}", comment.body.partition("\n")[0])
    comment.body = f"{marker}\nall is well"
    write(github_fake, "the model is too large")
    assert texts(github_fake) == ["the model is too large"]


def test_a_re_run_that_decides_the_same_writes_nothing(github_fake: GitHubFake) -> None:
    first, later = "it passed; evaluated at 2026-11-30 09:00:00 UTC", "10:17:31 UTC"
    write(github_fake, first)
    write(github_fake, first.replace("09:00:00 UTC", later))
    assert texts(github_fake) == [first]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_write_without_an_answer_is_looked_for_before_it_is_made_again(
    github_fake: GitHubFake, is_there: bool
) -> None:
    github_fake.fail("POST", "issues/7/comments", 502, after_commit=is_there)
    write(github_fake, "text")
    posts = github_fake.asked.count("POST issues/7/comments")
    assert (texts(github_fake), posts) == (["text"], 1 if is_there else 2)


def test_a_write_that_never_gets_an_answer_ends(github_fake: GitHubFake) -> None:
    github_fake.fail("POST", "issues/7/comments", 502, times=99)
    with pytest.raises(GitHubError, match="502"):
        write(github_fake, "text")
    assert github_fake.asked.count("POST issues/7/comments") == 2


def test_comments_that_are_gone_each_time_end(github_fake: GitHubFake) -> None:
    write(github_fake, "first")
    (comment,) = github_fake.state.comments
    for _ in range(5):
        github_fake.state.comment(comment.body, BOT)
    github_fake.meanwhile("PATCH", "issues/comments/.*", github_fake.state.comments.clear)
    with pytest.raises(GitHubError, match="the comment was gone each time it was written"):
        write(github_fake, "second")


def test_a_deleted_comment_is_not_begun_again_where_there_is_nothing_to_say(
    github_fake: GitHubFake,
) -> None:
    write(github_fake, "first")
    github_fake.meanwhile("PATCH", "issues/comments/.*", github_fake.state.comments.clear)
    assert write(github_fake, "second", may_begin=False) is None
    assert texts(github_fake) == []


@pytest.mark.parametrize(
    "first_line",
    [
        "<!-- policy-engine:comment v1 id=fraud -->",
        "<!-- policy-engine:comment v2 id=fraud sha={sha} says={digest} text={digest} -->",
        " <!-- policy-engine:comment v1 id=fraud sha={sha} says={digest} text={digest} -->",
        "<!-- policy-engine:comment v1 id=fraud sha={sha} says={digest} text={digest} --> more",
        "<!-- policy-engine:comment v1 id=other sha={sha} says={digest} text={digest} -->",
        "<!-- policy-engine:comment v1 id=fraud sha={sha} says={digest} text=\uff46{short} -->",
    ],
)
def test_only_a_whole_marker_of_this_gate_makes_a_comment_ours(
    github_fake: GitHubFake, first_line: str
) -> None:
    line = first_line.format(sha=HEAD, digest="0" * 64, short="0" * 63)
    foreign = github_fake.state.comment(f"{line}\nfirst", BOT)
    write(github_fake, "ours")
    assert (foreign.body, len(github_fake.bodies)) == (f"{line}\nfirst", 2)


def test_a_marker_has_room() -> None:
    longest = Marker("x" * 50, "a" * 64, "b" * 64, "c" * 64).line()
    assert len(longest) < MARKER_ROOM
