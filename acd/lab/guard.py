"""A small process that outlives the program which started an Asterisk, and takes that Asterisk with it.

It is run as a script of its own (`python -I -S guard.py JSON`), so it imports nothing but the standard
library. A program cannot clean up after its own SIGKILL; this process can: it notices that its starter is
gone (the pipe is closed or it has a new parent), kills the Asterisk and removes its directory. Should the
guard itself be killed, the kernel kills the Asterisk (PR_SET_PDEATHSIG).

Orders come line by line on stdin, and each has one line of answer on stdout:

    run   -> "running PID"
    state -> "running PID" or "exited CODE"
    term  -> "exited CODE"   SIGTERM, and SIGKILL after `term_timeout_s`
    kill  -> "exited CODE"
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
LOOK_EVERY_S = 0.5
POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_guard() -> None:
    for number in POLITE:  # what is ignored stays ignored in the command, until it says otherwise
        signal.signal(number, signal.SIG_DFL)
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)


class Guard:
    """Keeps one command: what it is, whether it runs, what to do when all is over."""

    def __init__(self, order: dict[str, object]) -> None:
        self.command = [str(word) for word in order["command"]]  # type: ignore[attr-defined]
        self.remove = str(order["remove"])
        self.output = str(order["output"])
        self.cleanup = [str(word) for word in order["cleanup"]]  # type: ignore[attr-defined]
        self.term_timeout_s = float(str(order["term_timeout_s"]))
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> str:
        if self.process is None or self.process.poll() is not None:
            with open(self.output, "ab") as output:  # noqa: PTH123
                self.process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    preexec_fn=_die_with_guard,  # noqa: PLW1509 - this process has one thread
                )
        return self.state()

    def state(self) -> str:
        if self.process is None:
            return "exited 0"
        code = self.process.poll()
        return f"running {self.process.pid}" if code is None else f"exited {code}"

    def term(self) -> str:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(self.term_timeout_s)
        return self.kill()

    def kill(self) -> str:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        if self.cleanup:
            subprocess.run(self.cleanup, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return self.state()

    def end(self) -> None:
        self.kill()
        shutil.rmtree(self.remove, ignore_errors=True)


def _raise_file_limit() -> None:
    """Asterisk needs four sockets a call leg; an ordinary user's soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """Serve orders until the starter is gone."""
    # Ctrl-C and a polite kill are the starter's to handle; the guard follows by losing its pipe.
    for number in POLITE:
        signal.signal(number, signal.SIG_IGN)
    _raise_file_limit()
    guard = Guard(json.loads(sys.argv[1]))
    orders = {"run": guard.run, "state": guard.state, "term": guard.term, "kill": guard.kill}
    starter = os.getppid()
    try:
        while os.getppid() == starter:
            # A fork of the starter may hold the pipe open, hence the look at the parent as well.
            if not select.select([0], [], [], LOOK_EVERY_S)[0]:
                continue
            line = os.read(0, 64)
            if not line:
                break
            print(orders[line.decode().strip()](), flush=True)
    finally:
        guard.end()


if __name__ == "__main__":
    main()
