"""The one adapter over github3.py: what the rest of the project asks of GitHub.

    client = connect(os.environ)
    client.file("policies/fraud.yaml", client.tip("main"))

One client is one piece of work: its patience counts from the moment it is made. github3.py is
imported then, not before.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from policy_engine.errors import UsageError
from policy_engine.github.answers import (
    ChangedFile,
    FileContent,
    PullRequest,
    Reference,
    Repository,
    TreeEntry,
    User,
    part_of,
    read,
)
from policy_engine.github.failure import GitHubError, NotAllowedError

if TYPE_CHECKING:
    from policy_engine.github.session import Session

MOST_ENTRIES = 1000
"""Entries of a folder that GitHub lists; it does not say when it leaves some out."""
MOST_CHANGED_FILES = 3000
"""Changed files of a pull request that GitHub lists."""
BOT = "github-actions[bot]"
"""The author of what a job writes with its own token."""

_PUBLIC = "https://api.github.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}")
_TOKEN = re.compile(r"[!-~]{1,5000}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_JOB_TOKEN = "ghs_"  # noqa: S105 -- how a token begins is no secret


def connect(
    environ: Mapping[str, str],
    *,
    repository: str | None = None,
    total_s: float = 120.0,
) -> Client:
    """Return a client for the repository of a job.

    Args:
        environ: GITHUB_TOKEN, GITHUB_REPOSITORY and GITHUB_API_URL are read.
        repository: `owner/name`; None: GITHUB_REPOSITORY.
        total_s: How long all requests and pauses may take together (seconds).

    Raises:
        UsageError: If a variable is missing or malformed.
    """
    token = environ.get("GITHUB_TOKEN", "")
    if not token:
        raise UsageError(
            "GITHUB_TOKEN is not set: give the step `env: GITHUB_TOKEN: ${{ github.token }}`"
        )
    if not _TOKEN.fullmatch(token):
        raise UsageError("GITHUB_TOKEN holds a blank or a line break: set it without")
    name = repository or environ.get("GITHUB_REPOSITORY", "")
    if not _REPOSITORY.fullmatch(name):
        raise UsageError("GITHUB_REPOSITORY must be of the form owner/name")
    address = api_address(environ)
    # It takes a quarter of a second, and most commands ask GitHub nothing.
    from policy_engine.github.session import Patience, Session  # noqa: PLC0415

    session = Session(address, token, Patience(total_s=total_s))
    return Client(session, name, is_job=token.startswith(_JOB_TOKEN))


def api_address(environ: Mapping[str, str]) -> str:
    """Return GITHUB_API_URL, else that of github.com; plain http only on loopback.

    Raises:
        UsageError: If the token would travel in the clear, or the address is none.
    """
    address = (environ.get("GITHUB_API_URL") or _PUBLIC).rstrip("/")
    try:
        parts = urlsplit(address)
        is_plain = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        is_plain = False
    is_safe = is_plain and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )
    if not is_safe or parts.query or parts.fragment:
        raise UsageError(
            "GITHUB_API_URL must be an https address without user, query and fragment "
            "(http only on loopback), such as https://api.github.com"
        )
    return address


class Client:
    """One repository on GitHub.

    Args:
        session: Where requests go.
        repository: `owner/name`.
        is_job: Whether the token is one that GitHub gave to a job or an app.
    """

    def __init__(self, session: Session, repository: str, *, is_job: bool) -> None:
        self.repository = repository
        self.is_job = is_job
        self._session = session

    # What is read of the repository.

    def default_branch(self) -> str:
        """Return the name of the default branch."""
        return read(Repository, self.get(), "a repository").default_branch

    def tip(self, branch: str) -> str:
        """Return the sha of a branch's latest commit."""
        answer = self.get("git", "ref", "heads", *branch.split("/"))
        return read(Reference, part_of(answer, "object"), "the tip of a branch").sha

    def folder(self, path: str, sha: str) -> tuple[TreeEntry, ...]:
        """Return the entries of a folder at a commit, by name.

        Raises:
            NotFoundError: If there is nothing at that path.
            GitHubError: If it is not a folder, or so large that GitHub lists only some of it.
            UsageError: If the path leaves the repository.
        """
        answer = self.get("contents", *_steps(path), ref=sha)
        if not isinstance(answer, list):
            raise GitHubError(f"{path} is not a folder at {sha[:7]}")
        if len(answer) >= MOST_ENTRIES:
            raise GitHubError(f"{path} has {MOST_ENTRIES} files or more: GitHub may list only some")
        return tuple(read(list[TreeEntry], answer, "the entries of a folder"))

    def file(self, path: str, sha: str) -> bytes:
        """Return the bytes of a file at a commit: all of them, or an error.

        Raises:
            NotFoundError: If there is nothing at that path.
            GitHubError: If it is not a plain file, or larger than the 1 MB that GitHub gives.
            UsageError: If the path leaves the repository.
        """
        answer = self.get("contents", *_steps(path), ref=sha)
        if isinstance(answer, list):
            raise GitHubError(f"{path} is a folder at {sha[:7]}, no file")
        found = read(FileContent, answer, "a file")
        # A link to a file is answered with that file; only its path tells.
        if found.kind != "file" or found.path != path:
            kind = "symlink" if found.kind == "file" else found.kind
            raise GitHubError(f"{path} is a {kind} at {sha[:7]}: only plain files are read")
        if found.encoding != "base64" or found.content is None:
            raise GitHubError(f"{path} has {found.size} bytes: GitHub gives files of up to 1 MB")
        try:
            data = base64.b64decode("".join(found.content.split()), validate=True)
        except (binascii.Error, ValueError):
            raise GitHubError(f"{path} came from GitHub with broken content") from None
        if len(data) != found.size:
            raise GitHubError(f"{path} came from GitHub cut off: {len(data)} of {found.size} bytes")
        return data

    def pull(self, number: int) -> PullRequest:
        """Return a pull request."""
        return read(PullRequest, self.get("pulls", str(number)), "a pull request")

    def open_pulls(self, head_sha: str, head: str | None = None) -> tuple[PullRequest, ...]:
        """Return the open pull requests whose head is a commit, of forks too.

        GitHub's own list of a commit's pull requests knows none of forks.

        Args:
            head_sha: The commit.
            head: `owner:branch` that it was pushed to, which saves pages.
        """
        query = {"state": "open"} | ({"head": head} if head else {})
        pulls = (read(PullRequest, each, "a pull request") for each in self.pages("pulls", **query))
        return tuple(pull for pull in pulls if pull.head_sha == head_sha)

    def changed_paths(self, number: int) -> tuple[str, ...] | None:
        """Return the paths that a pull request touches; of a renamed file both names.

        None: they are not all known, since GitHub lists 3,000 files at most.
        """
        pages = self.pages("pulls", str(number), "files")
        answers = list(islice(pages, MOST_CHANGED_FILES))
        if len(answers) >= MOST_CHANGED_FILES:
            return None
        files = read(list[ChangedFile], answers, "the files of a pull request")
        paths = {path for file in files for path in (file.filename, file.previous_filename) if path}
        return tuple(sorted(paths))

    def login(self) -> str:
        """Return whose comments this token writes; a job's token is not a user, and not asked.

        A token of another app looks like a job's: GitHub tells nobody which app it is of.
        """
        if self.is_job:
            return BOT
        try:
            return read(User, self._json("GET", f"{self._session.base_url}/user"), "a user").login
        except NotAllowedError:
            return BOT

    def may_read(self, *path: str) -> bool:
        """Say whether the token may read what lies at a path, such as `pulls`.

        Raises:
            GitHubError: If GitHub does not say.
        """
        try:
            self.get(*path, per_page="1")
        except NotAllowedError:
            return False
        return True

    def clock(self) -> tuple[datetime, datetime]:
        """Return GitHub's time and our own of the same moment (UTC); its own counts seconds.

        Raises:
            GitHubError: If GitHub does not answer, or does not say.
        """
        asked = datetime.now(UTC)
        response = self._session.request("GET", self._url(()))
        try:
            return parsedate_to_datetime(response.headers["Date"]).astimezone(UTC), asked
        except (KeyError, ValueError):
            raise GitHubError("GitHub does not say what time it is") from None

    # The requests themselves; a path is given in steps, from the repository on.

    def get(self, *path: str, **query: str) -> Any:
        """Return what lies at a path."""
        return self._json("GET", self._url(path), params=query)

    def pages(self, *path: str, **query: str) -> Iterator[Any]:
        """Yield the items of a list, of however many pages."""
        from github3.structs import GitHubIterator  # noqa: PLC0415 (as in `connect`)

        everything = -1
        items = GitHubIterator(everything, self._url(path), _Item, self._session, dict(query))
        try:
            for item in items:
                yield item.value
        except TypeError:  # github3.py expects a list
            raise GitHubError(f"GitHub answers no list to GET {'/'.join(path)}") from None

    def post(self, *path: str, body: Mapping[str, Any]) -> Any:
        """Make something; it is never sent twice, unless a limit of GitHub turned it away.

        Raises:
            UnclearError: If there was no answer: it may be there all the same.
        """
        return self._json("POST", self._url(path), json=body)

    def patch(self, *path: str, body: Mapping[str, Any], repeat: bool = True) -> Any:
        """Change something; `repeat` False for what adds up with each request."""
        return self._json("PATCH", self._url(path), json=body, repeat=repeat)

    def delete(self, *path: str) -> None:
        """Delete something.

        Raises:
            NotFoundError: If it is not there, or no longer.
        """
        self._json("DELETE", self._url(path))

    def _url(self, path: tuple[str, ...]) -> str:
        steps = "/".join(quote(step, safe="") for step in ("repos", *self._names, *path))
        return f"{self._session.base_url}/{steps}"

    @property
    def _names(self) -> list[str]:
        return self.repository.split("/")

    def _json(self, method: str, url: str, **how: Any) -> Any:
        response = self._session.request(method, url, **how)
        return response.json() if response.content else None


class _Item:
    """One item of a list as it came: github3.py's own classes fail where an author is gone."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _steps(path: str) -> list[str]:
    """Return the steps of a path within the repository.

    Raises:
        UsageError: If it leaves the repository.
    """
    steps = path.split("/")
    if {"", ".", ".."} & set(steps) or "\\" in path:
        raise UsageError(f"{path} is not a path from the repository's root")
    return steps
