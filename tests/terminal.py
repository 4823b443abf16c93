"""The command with a real terminal as its stderr."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Seen(NamedTuple):
    """What a command printed, and what a terminal on its stderr was sent."""

    code: int
    out: str
    terminal: str

    @property
    def said(self) -> list[str]:
        """What stood on the line, one after the other."""
        return [text for text in re.split(r"\r\x1b\[K", self.terminal) if text]


def on_a_terminal(folder: Path, *arguments: str, until: str | None = None) -> Seen:
    """Run the command with a real terminal as its stderr; interrupt it once it says `until`."""
    ours, theirs = pty.openpty()
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")])}
    with subprocess.Popen(
        [sys.executable, "-m", "policy_engine", *arguments],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as process:
        os.close(theirs)
        sent = b""
        try:
            while part := os.read(ours, 4096):
                sent += part
                if until and until.encode() in sent:
                    process.send_signal(signal.SIGINT)
                    until = None
        except OSError:  # the command ended, and its terminal with it
            pass
        out, _ = process.communicate()
    os.close(ours)
    return Seen(process.returncode, out, sent.decode())
