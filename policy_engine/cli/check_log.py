"""`check --log`: a line of JSON for each check, whether it ended in a verdict or in an error."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from policy_engine import __version__
from policy_engine.cli import crash
from policy_engine.cli.output import print_text
from policy_engine.errors import UsageError

if TYPE_CHECKING:
    from policy_engine.github.event import Event
    from policy_engine.report import Report


@dataclass(slots=True)
class CheckLog:
    """What is known of a check so far.

    Attributes:
        target: Where the line goes: a file, `-` for stdout, None for nowhere.
        require: The packs that were asked for, of a check that ends in an error too.
        profile: The profile that was asked for; None: none was.
        event: What started the job.
        report: The report.
        prepared_s: How long policies and plugins took (seconds).
        checked_s: How long evidence and judging took (seconds).
    """

    target: str | None
    require: tuple[str, ...] = ()
    profile: str | None = None
    event: "Event | None" = None
    report: "Report | None" = None
    prepared_s: float | None = None
    checked_s: float | None = None
    _began: float = field(default_factory=time.monotonic)

    def prepared(self, event: "Event | None") -> None:
        """Note that policies and plugins are loaded."""
        self.event = event
        self.prepared_s = time.monotonic() - self._began

    def checked(self, report: "Report") -> None:
        """Note the report."""
        self.report = report
        self.checked_s = time.monotonic() - self._began - (self.prepared_s or 0)

    @contextmanager
    def writing(self) -> Iterator["CheckLog"]:
        """Write the line at the end, of an error too, which passes.

        Raises:
            UsageError: If the file cannot be written to: nothing is judged then.
        """
        if self.target is None:
            yield self
            return
        self._append("")
        try:
            yield self
        except (Exception, SystemExit) as error:  # told, and raised again
            self._append(self._line(crash.exit_code(error), crash.sentence(error)))
            raise
        report = self.report
        self._append(self._line(int(report.exit_code) if report else crash.UNDECIDED, None))

    def _line(self, code: int, error: str | None) -> str:
        from policy_engine.render import log_line

        report, event = self.report, self.event
        policies = report.policies if report else None
        line = log_line.LogLine(
            schema="policy-engine/check/v1",
            at=f"{report.evaluated_at if report else datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            repository=event.repository if event else None,
            pull_request=event.pull_request if event else None,
            verdict=report.verdict.value if report and error is None else None,
            exit_code=code,
            error=error,
            version=__version__,
            plugins=report.engine.plugins if report else (),
            policies_digest=policies.digest if policies else None,
            policies_ref=policies.ref if policies else None,
            trusted=policies.trusted if policies else None,
            require=self.require,
            profile=self.profile,
            subjects=tuple(log_line.subjects_of(report)) if report else (),
            policies=tuple(log_line.policies_of(report)) if report else (),
            waivers=tuple(log_line.waivers_of(report)) if report else (),
            durations=log_line.LoggedDurations(
                prepare=_rounded(self.prepared_s),
                check=_rounded(self.checked_s),
                total=round(time.monotonic() - self._began, 3),
            ),
        )
        return line.model_dump_json(by_alias=True) + "\n"

    def _append(self, text: str) -> None:
        if self.target == "-":
            print_text(text)
            return
        try:
            with Path(self.target or "").open("a", encoding="utf-8") as file:
                file.write(text)
        except OSError as e:
            raise UsageError(f"--log {self.target}: {e.strerror}; name a file to write to") from e


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
