"""A file of what was judged already, a line a run, so that a backtest goes on where it ended.

The first line says what was asked, for a file that answers another question is refused. A line that
was cut off, as by a full disk, is the end of what is known.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from policy_engine.errors import UsageError
from policy_engine.history.replay import Number, Said, Verdicts
from policy_engine.history.tally import PastRun

SCHEMA = "policy-engine/backtest-progress/v1"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A run with what each side's policies said of it."""

    run: PastRun
    recipe: str | None
    sides: tuple[Verdicts, ...]


class Progress:
    """The runs that were judged, and where more are noted; without a file it keeps nothing."""

    def __init__(self, path: Path | None, asked: dict[str, Any]) -> None:
        """Open the file, or begin it.

        Args:
            path: The file; None: there is none.
            asked: What decides every judgement: policies, store, options.

        Raises:
            UsageError: If the file answers another question, or cannot be written.
        """
        self._asked = {"schema": SCHEMA, **asked}
        self._file: TextIOWrapper | None = None
        self.known: dict[str, Judgement] = {}
        if path is None:
            return
        try:
            if path.exists() and path.stat().st_size:
                kept = self._read(path)
                with path.open("r+b") as file:
                    file.truncate(kept)
            self._file = path.open("a", encoding="utf-8")
            if not self._file.tell():
                self._line(self._asked)
        except (OSError, UnicodeDecodeError) as e:
            raise UsageError(f"--resume {path}: {e}") from e

    def note(self, judgement: Judgement) -> None:
        """Note a run, so that it need not be judged again."""
        if self._file is not None:
            self._line(_plain(judgement))

    def close(self) -> None:
        """Write what is held back."""
        if self._file is not None:
            self._file.close()

    def _line(self, value: dict[str, Any]) -> None:
        assert self._file is not None  # noqa: S101 (its callers look)
        self._file.write(json.dumps(value, separators=(",", ":")) + "\n")
        self._file.flush()

    def _read(self, path: Path) -> int:
        """Read what is known; return how many bytes of the file hold it."""
        kept = 0
        for number, line in enumerate(_lines(path)):
            try:
                value = json.loads(line)
            except ValueError:
                break
            if number == 0:
                self._refuse_other(path, value)
            else:
                judgement = _judgement(value)
                self.known[judgement.run.run_id] = judgement
            kept += len(line)
        if not kept:
            raise UsageError(f"--resume {path}: not a file that a backtest wrote; name a new one")
        return kept

    def _refuse_other(self, path: Path, value: Any) -> None:
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise UsageError(f"--resume {path}: not a file that a backtest wrote; name a new one")
        differing = sorted(k for k in {*value, *self._asked} if value.get(k) != self._asked.get(k))
        if differing:
            raise UsageError(
                f"--resume {path}: it was written with other {', '.join(differing)}; "
                "name a new file, or ask the same again"
            )


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines that are whole."""
    with path.open("rb") as file:
        yield from (line for line in file if line.endswith(b"\n"))


def _plain(judgement: Judgement) -> dict[str, Any]:
    return {
        "run": asdict(judgement.run),
        "recipe": judgement.recipe,
        "sides": [
            [[file, id_, *_said(said)] for (file, id_), said in side.items()]
            for side in judgement.sides
        ],
    }


def _said(said: Said) -> list[Any]:
    numbers = [[n.part, n.op, n.unit, n.value, n.limit] for n in said.numbers]
    return [said.outcome, said.blocks, said.why, numbers]


def _judgement(value: dict[str, Any]) -> Judgement:
    return Judgement(
        PastRun(**value["run"]),
        value["recipe"],
        tuple(
            {
                (file, id_): Said(outcome, blocks, why, tuple(Number(*each) for each in numbers))
                for file, id_, outcome, blocks, why, numbers in side
            }
            for side in value["sides"]
        ),
    )
