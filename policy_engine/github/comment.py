"""The one comment of a gate on a pull request: found again, edited in place, never doubled.

Its first line is a marker that no reader sees. The marker counts only where it begins a comment of
our own author, so neither a quoted marker nor somebody else's makes another comment ours.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from policy_engine.github.answers import Created, part_of, read
from policy_engine.github.failure import GitHubError, NotFoundError, UnclearError

if TYPE_CHECKING:
    from policy_engine.github.client import Client

MARKER_ROOM = 400
"""What a marker takes at most (bytes)."""

_MARKER = re.compile(
    r"<!-- policy-engine:comment v1 id=([A-Za-z0-9._-]{1,50}) sha=([0-9a-f]{40,64})"
    r" says=([0-9a-f]{64}) text=([0-9a-f]{64}) -->"
)
_MOMENT = re.compile(r"evaluated at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")
_ROUNDS = 4  # how often another job, or a person, may come in between


class Marker(NamedTuple):
    """What a comment's first line says: of which gate and commit, and what it told.

    `says` is the digest of the decision, `text` that of the words below: a re-run says the same in
    words that name another time, and a person may have edited the words.
    """

    gate: str
    sha: str
    says: str
    text: str

    def line(self) -> str:
        """Return it as the comment's first line."""
        return (
            f"<!-- policy-engine:comment v1 id={self.gate} sha={self.sha} "
            f"says={self.says} text={self.text} -->"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentSpot:
    """Which comment: whose, of which gate, on which pull request, about which commit.

    Attributes:
        pull_request: Its number.
        head_sha: The commit that was judged.
        gate: Tells several gates on one pull request apart.
        author: Whose comments are ours; None: whoever the token stands for.
    """

    pull_request: int
    head_sha: str
    gate: str
    author: str | None = None


class _Comment(NamedTuple):
    id: int
    author: str
    marker: Marker
    is_whole: bool  # nobody edited it, but for who gave the marker another digest
    timeless: str


def keep(
    client: Client, place: CommentSpot, text: str, says: str, *, may_begin: bool
) -> str | None:
    """Make the comment say this, and return why it does not; None: it says it now.

    Args:
        client: Where to ask.
        place: Which comment.
        text: What it says, in Markdown.
        says: The digest of the decision, 64 hexadecimal digits: the same decision on the same
            commit is not written again.
        may_begin: Whether to write one where there is none yet.

    Raises:
        GitHubError: If GitHub does not do it; there is at most one comment all the same.
    """
    writer = _Writer(client, place, Marker(place.gate, place.head_sha, says, _digest(text)), text)
    return writer.keep(may_begin=may_begin)


class _Writer:
    """One attempt to bring the comment up to date."""

    def __init__(self, client: Client, place: CommentSpot, marker: Marker, text: str) -> None:
        self._client = client
        self._place = place
        self._marker = marker
        self._text = text
        self._body = f"{marker.line()}\n{text}"
        self._author = place.author or client.login()
        self._has_failed = False

    def keep(self, *, may_begin: bool) -> str | None:
        own = self._own()
        for _ in range(_ROUNDS):
            oldest = own[0] if own else None
            if oldest is None and not may_begin:
                return None
            if oldest is not None and self._is_current(oldest):
                break
            newer = self._newer_head()
            if newer is not None:
                # What another job wrote about the newer commit stands; our doubles do not.
                self._delete(own[1:])
                return newer
            if oldest is None:
                own = self._begun()
            elif self._edited(oldest):
                break
            else:
                own = own[1:]
        else:
            raise GitHubError("the comment was gone each time it was written")
        self._delete(own[1:])
        return None

    def _is_current(self, comment: _Comment) -> bool:
        there, wanted = comment.marker, self._marker
        is_same = comment.is_whole and comment.timeless == _timeless(self._text)
        return is_same and (there.sha, there.says) == (wanted.sha, wanted.says)

    def _newer_head(self) -> str | None:
        """Say that the pull request moved on, if it did."""
        head = self._client.pull(self._place.pull_request).head_sha
        if head == self._place.head_sha:
            return None
        return (
            f"the pull request has moved on to {head[:7]}, whose own check writes the comment; "
            f"this one is about {self._place.head_sha[:7]}"
        )

    def _begun(self) -> list[_Comment]:
        """Write a comment, and return all of ours: another job may have been as quick."""
        number = str(self._place.pull_request)
        try:
            answer = self._client.post("issues", number, "comments", body={"body": self._body})
        except UnclearError:
            own = self._own()  # it may be there
            if not own and self._has_failed:
                raise
            self._has_failed = True
            return own
        made = read(Created, answer, "a comment")
        if made.user is not None:
            self._author = made.user.login  # whoever we thought we were
        known = {comment.id: comment for comment in self._own()}
        # A list may lag behind; and whoever edited ours meanwhile knew better.
        known[made.id] = _Comment(
            made.id, self._author, self._marker, is_whole=True, timeless=_timeless(self._text)
        )
        return [known[each] for each in sorted(known)]

    def _edited(self, comment: _Comment) -> bool:
        """Edit a comment; False: it was deleted meanwhile."""
        try:
            self._client.patch("issues", "comments", str(comment.id), body={"body": self._body})
        except NotFoundError:
            return False
        return True

    def _delete(self, younger: Sequence[_Comment]) -> None:
        for comment in younger:
            try:
                self._client.delete("issues", "comments", str(comment.id))
            except NotFoundError:
                continue  # another job had the same thought

    def _own(self) -> list[_Comment]:
        """Return our comments of this gate, oldest first, behind however many others."""
        number = str(self._place.pull_request)
        found = map(_comment, self._client.pages("issues", number, "comments"))
        mine = [
            each
            for each in found
            if each and each.author == self._author and each.marker.gate == self._place.gate
        ]
        return sorted(mine, key=lambda each: each.id)


def _comment(answer: Any) -> _Comment | None:
    """Return a comment that begins with a marker; None for any other, however odd."""
    number, body, author = part_of(answer, "id"), part_of(answer, "body"), part_of(answer, "user")
    login = part_of(author, "login")
    if not (isinstance(number, int) and isinstance(body, str) and isinstance(login, str)):
        return None
    first, _, text = body.partition("\n")
    marker = _MARKER.fullmatch(first.rstrip("\r"))
    if marker is None:
        return None
    found = Marker(*marker.groups())
    return _Comment(number, login, found, _digest(text) == found.text, _timeless(text))


def _timeless(text: str) -> str:
    """Return the digest of the words but for the moment of judgement, which a re-run renews."""
    return _digest(_MOMENT.sub("evaluated at", text))


def _digest(text: str) -> str:
    """Return the digest of a comment's words; GitHub may change their line ends."""
    lines = "\n".join(line.rstrip() for line in text.splitlines()).strip()
    return hashlib.sha256(lines.encode("utf-8", "replace")).hexdigest()
