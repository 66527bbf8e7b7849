"""The starter's end of the guard: one process that can be started, stopped and killed again and again.

Blocking calls with deadlines, no event loop: a fixture may start the Asterisk in one loop and a test stop
it in another.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import threading
from pathlib import Path

from acd.errors import LabError

GUARD = Path(__file__).with_name("guard.py")
ANSWER_TIMEOUT_S = 10.0


class GuardedProcess:
    """A command under a guard process. `directory` is removed when this program is gone, however it went."""

    def __init__(
        self, command: list[str], directory: Path, output: Path, cleanup: list[str], term_timeout_s: float
    ) -> None:
        order = {
            "command": command,
            "remove": str(directory),
            "output": str(output),
            "cleanup": cleanup,
            "term_timeout_s": term_timeout_s,
        }
        self._directory = directory
        self._term_timeout_s = term_timeout_s
        self._turn = threading.Lock()
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )

    @property
    def guard_pid(self) -> int:
        """Process id of the guard."""
        return self._guard.pid

    def run(self) -> int:
        """Start the command unless it runs; its process id."""
        words = self._ask("run", ANSWER_TIMEOUT_S).split()
        if words[0] != "running":
            raise LabError(f"the process ended at once with code {words[-1]}")
        return int(words[1])

    def running(self) -> bool:
        """Does the command run?"""
        return self._ask("state", ANSWER_TIMEOUT_S).startswith("running")

    def term(self) -> int:
        """Ask the command to end (SIGTERM), insist after the time-out; its exit code, negative by a signal."""
        return int(self._ask("term", self._term_timeout_s + ANSWER_TIMEOUT_S).split()[-1])

    def kill(self) -> int:
        """SIGKILL, and wait until it is gone; its exit code."""
        return int(self._ask("kill", ANSWER_TIMEOUT_S).split()[-1])

    def close(self) -> None:
        """End guard and command; the directory is gone when this returns."""
        assert self._guard.stdin is not None and self._guard.stdout is not None
        self._guard.stdin.close()
        try:
            self._guard.wait(ANSWER_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        self._guard.stdout.close()
        # Only a guard that was itself killed has left it.
        shutil.rmtree(self._directory, ignore_errors=True)

    def _ask(self, order: str, timeout_s: float) -> str:
        assert self._guard.stdin is not None and self._guard.stdout is not None
        with self._turn:
            try:
                self._guard.stdin.write(f"{order}\n".encode())
            except OSError:
                raise LabError("the laboratory's guard process is gone") from None
            if not select.select([self._guard.stdout], [], [], timeout_s)[0]:
                raise LabError(f"the laboratory's guard process did not answer `{order}`")
            answer = os.read(self._guard.stdout.fileno(), 256).decode().strip()
        if not answer:
            raise LabError("the laboratory's guard process is gone")
        return answer
