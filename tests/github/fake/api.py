"""What the fake GitHub does with a request that its description allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.github.fake import shapes
from tests.github.fake.state import BOT, CheckRun, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.github.fake.state import Actor, Comment

MOST_CHANGED_FILES = 3000
LONGEST_COMMENT = 65_536  # characters
LONGEST_FIELD = 65_535  # bytes
LONGEST_TITLE = 255  # characters
_FORBIDDEN = (403, "Resource not accessible by integration")
_NOT_AN_APP = (403, "You must authenticate via a GitHub App.")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: who asks, the values in the path, the query, the body."""

    actor: Actor
    values: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]

    def number(self, name: str) -> int:
        """Return a number out of the path."""
        return int(self.values[name])


class RefusalError(Exception):
    """GitHub's answer to what it does not do; `limit` says that a limit in its prose was passed."""

    def __init__(self, status: int, message: str, *, limit: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.limit = status, message, limit


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body; a list is served in pages."""

    status: int
    body: Any
    key: str | None = None  # where a page lies in an object


class Api:
    """GitHub's rules over one repository's state."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.routes: dict[str, Callable[[Asked], Answer]] = {
            "users/get-authenticated": self.me,
            "repos/get": lambda _: Answer(200, shapes.repository(self.state)),
            "repos/get-content": self.contents,
            "git/get-ref": self.ref,
            "pulls/list": self.pulls,
            "pulls/get": lambda a: Answer(200, shapes.pull(self.state, self._pull(a))),
            "pulls/list-files": self.changed_files,
            "issues/list-comments": self.comments,
            "issues/create-comment": self.create_comment,
            "issues/get-comment": lambda a: Answer(200, shapes.comment(self._comment(a))),
            "issues/update-comment": self.update_comment,
            "issues/delete-comment": self.delete_comment,
            "checks/create": self.create_check_run,
            "checks/update": self.update_check_run,
            "checks/get": lambda a: Answer(200, shapes.check_run(self._check_run(a))),
            "checks/list-annotations": self.annotations,
            "checks/list-for-ref": self.check_runs,
        }

    def me(self, asked: Asked) -> Answer:
        """A job's token is nobody."""
        if asked.actor.is_app:
            raise RefusalError(*_FORBIDDEN)
        return Answer(200, shapes.filled("public-user", login=asked.actor.login))

    def contents(self, asked: Asked) -> Answer:
        """A folder's entries or a file, at a commit."""
        sha = self.state.resolve(asked.query.get("ref", self.state.default_branch))
        if sha is None:
            raise RefusalError(404, f"No commit found for the ref {asked.query.get('ref')}")
        found = shapes.contents(self.state.trees.get(sha, {}), asked.values["path"])
        if found is None:
            raise RefusalError(404, "Not Found")
        return Answer(200, found)

    def ref(self, asked: Asked) -> Answer:
        """The tip of a branch."""
        name = asked.values["ref"]
        sha = self.state.branches.get(name.removeprefix("heads/"))
        if sha is None or not name.startswith("heads/"):
            raise RefusalError(404, "Not Found")
        return Answer(200, shapes.ref(name, sha))

    def pulls(self, asked: Asked) -> Answer:
        """Pull requests, newest first; `head` is `owner:branch`."""
        wanted, head = asked.query.get("state", "open"), asked.query.get("head")
        found = [
            shapes.pull(self.state, pull, simple=True)
            for _, pull in sorted(self.state.pulls.items(), reverse=True)
            if wanted in {pull.state, "all"}
            and head in {None, f"{(pull.head_repository or '').partition('/')[0]}:{pull.head_ref}"}
        ]
        return Answer(200, found)

    def changed_files(self, asked: Asked) -> Answer:
        """The files of a pull request, as far as GitHub lists them."""
        files = self._pull(asked).files[:MOST_CHANGED_FILES]
        return Answer(200, [shapes.changed_file(path, before) for path, before in files])

    def comments(self, asked: Asked) -> Answer:
        """Comments, oldest first."""
        number = self._issue(asked)
        found = [c for c in self.state.comments if c.number == number]
        return Answer(200, [shapes.comment(c) for c in sorted(found, key=lambda c: c.id)])

    def create_comment(self, asked: Asked) -> Answer:
        """Add a comment."""
        number = self._issue(asked)
        self._may_write(asked)
        self._hold_comment(asked)
        made = self.state.comment(asked.body["body"], asked.actor.login, number)
        return Answer(201, shapes.comment(made))

    def update_comment(self, asked: Asked) -> Answer:
        """Edit a comment; a job may edit those of others, too."""
        self._may_write(asked)
        comment = self._comment(asked)
        self._hold_comment(asked)
        comment.body = asked.body["body"]
        return Answer(200, shapes.comment(comment))

    def delete_comment(self, asked: Asked) -> Answer:
        """Delete a comment."""
        self._may_write(asked)
        self.state.comments.remove(self._comment(asked))
        return Answer(204, None)

    def create_check_run(self, asked: Asked) -> Answer:
        """Add a check run."""
        self._hold_check_run(asked)
        body, output = asked.body, asked.body.get("output", {})
        if not self.state.knows(body["head_sha"]):
            raise RefusalError(422, f"No commit found for SHA: {body['head_sha']}")
        run = CheckRun(
            id=next(self.state.ids),
            name=body["name"],
            head_sha=body["head_sha"],
            status=body.get("status", "queued"),
            conclusion=body.get("conclusion"),
            external_id=body.get("external_id", ""),
            details_url=body.get("details_url"),
            title=output.get("title"),
            summary=output.get("summary"),
            text=output.get("text"),
            annotations=list(output.get("annotations", [])),
        )
        self.state.check_runs.append(run)
        return Answer(201, shapes.check_run(run))

    def update_check_run(self, asked: Asked) -> Answer:
        """Change a check run; its annotations are added."""
        self._hold_check_run(asked)
        run, output = self._check_run(asked), asked.body.get("output", {})
        run.status = asked.body.get("status", run.status)
        run.conclusion = asked.body.get("conclusion", run.conclusion)
        run.title, run.summary = output.get("title", run.title), output.get("summary", run.summary)
        run.annotations += output.get("annotations", [])
        return Answer(200, shapes.check_run(run))

    def annotations(self, asked: Asked) -> Answer:
        """Return the annotations of a check run."""
        optional = {"start_column": None, "end_column": None, "title": None, "raw_details": None}
        blob = {"blob_href": "https://github.example/"}
        return Answer(200, [optional | blob | a for a in self._check_run(asked).annotations])

    def check_runs(self, asked: Asked) -> Answer:
        """Return the check runs of a commit, newest first."""
        sha, name = asked.values["ref"], asked.query.get("check_name")
        found = [
            shapes.check_run(run)
            for run in reversed(self.state.check_runs)
            if run.head_sha == sha and name in {None, run.name}
        ]
        return Answer(200, found, key="check_runs")

    def _pull(self, asked: Asked) -> Any:
        pull = self.state.pulls.get(asked.number("pull_number"))
        if pull is None:
            raise RefusalError(404, "Not Found")
        return pull

    def _issue(self, asked: Asked) -> int:
        number = asked.number("issue_number")
        if number not in self.state.pulls:
            raise RefusalError(404, "Not Found")
        return number

    def _comment(self, asked: Asked) -> Comment:
        number = asked.number("comment_id")
        for comment in self.state.comments:
            if comment.id == number:
                return comment
        raise RefusalError(404, "Not Found")

    def _check_run(self, asked: Asked) -> CheckRun:
        number = asked.number("check_run_id")
        for run in self.state.check_runs:
            if run.id == number:
                return run
        raise RefusalError(404, "Not Found")

    def _may_write(self, asked: Asked) -> None:
        if not asked.actor.may_write:
            raise RefusalError(*_FORBIDDEN)

    def _hold_comment(self, asked: Asked) -> None:
        body = asked.body["body"]
        if not body.strip():
            raise RefusalError(422, "Body can't be blank", limit=True)
        if len(body) > LONGEST_COMMENT:
            raise RefusalError(422, "Body is too long (maximum is 65536 characters)", limit=True)

    def _hold_check_run(self, asked: Asked) -> None:
        if not asked.actor.is_app:
            raise RefusalError(*_NOT_AN_APP)
        self._may_write(asked)
        for problem in _beyond_prose(asked.body):
            raise RefusalError(422, problem, limit=True)


def _beyond_prose(body: Mapping[str, Any]) -> Iterator[str]:
    """Say which limits a check run passes that stand in GitHub's prose alone."""
    if body.get("status") == "completed" and "conclusion" not in body:
        yield "a completed run needs a conclusion"
    output = body.get("output", {})
    yield from _too_long(output, ("summary", "text"), LONGEST_FIELD)
    for annotation in output.get("annotations", []):
        yield from _too_long(annotation, ("message", "raw_details"), LONGEST_FIELD)
        if len(annotation.get("title", "")) > LONGEST_TITLE:
            yield "an annotation's title exceeds 255 characters"
        if annotation["end_line"] < annotation["start_line"]:
            yield "an annotation ends before it starts"


def _too_long(part: Mapping[str, Any], names: Sequence[str], limit: int) -> Iterator[str]:
    for name in names:
        if len(part.get(name, "").encode()) > limit:
            yield f"{name} exceeds a maximum bytesize of {limit}"


__all__ = ["BOT", "Answer", "Api", "Asked", "RefusalError"]
