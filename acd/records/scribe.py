"""The spool's thread: writes lines as they come, and does everything else that touches the disk.

Even an append to a file can take seconds when the disk is in trouble; the event loop never waits for it. The thread
writes as soon as there is something, then rests for GATHER_S: what comes meanwhile goes in one write.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Final, TypeVar

import structlog

from acd.errors import StorageError
from acd.records.segments import Segments

log = structlog.get_logger(__name__)

T = TypeVar("T")

GATHER_S: Final = 0.005
RETRY_S: Final = 5.0


class Scribe:
    """Owns `segments`. To be used from the event loop's thread, but for what is said to be the thread's.

    `problem` says why nothing is written, None when all is well; `failed` counts the entries that were not.
    """

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="spool", daemon=True)  # a hung disk holds up no exit
        self._lines: deque[tuple[int, bytes]] = deque()
        self._awake = False  # the thread has been told of the lines
        self._given_bytes = 0  # the loop alone writes this, the thread the next one
        self._done_bytes = 0
        self._retry_at_s = 0.0
        self.problem: str | None = "not opened yet"
        self.failed = 0

    @property
    def waiting_bytes(self) -> int:
        """What was given and is not written yet."""
        return self._given_bytes - self._done_bytes

    @property
    def rests(self) -> bool:
        """After a failure nothing is tried for a while."""
        return self.problem is not None and time.monotonic() < self._retry_at_s

    def start(self) -> None:
        """Begin, with nothing open."""
        self._thread.start()

    def write(self, n: int, line: bytes) -> None:
        """Have the line of entry `n` written (0: it is nobody's); returns at once."""
        self._given_bytes += len(line)
        self._lines.append((n, line))
        if not self._awake:
            self._awake = True
            self._jobs.put(self._write)

    def do(self, work: Callable[[], None]) -> None:
        """Have the thread do this after all it was given before. An OSError is a problem as one of writing is."""

        def guarded() -> None:
            try:
                work()
            except OSError as error:
                self._trouble(error, 0)

        self._jobs.put(guarded)

    async def ask(self, work: Callable[[], T]) -> T:
        """What comes of it, done by the thread after all it was given before."""
        answer: Future[T] = Future()

        def job() -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(work())
            except Exception as error:
                answer.set_exception(error)

        self._jobs.put(job)
        return await asyncio.wrap_future(answer)

    async def stop(self, patience_s: float) -> None:
        """Write what is left, let go of the files, and end; a disk that hangs is left to itself."""
        self._jobs.put(self._write)
        self._jobs.put(self._segments.close)
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join, patience_s)

    # -- in the thread --------------------------------------------------------------------------------------------

    def open(self) -> None:
        """The thread's: take the spool, unless it is ours already; what went wrong is in `problem`."""
        try:
            if not self._segments.is_open:
                self._segments.open()
        except (OSError, StorageError) as error:
            self._trouble(error, 0)
        else:
            self._well()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                with suppress(Exception):  # the log may lie on the same full disk
                    log.exception("the spool failed")

    def _write(self) -> None:
        self._awake = False  # before looking: who adds a line after the look wakes us again
        lines: list[tuple[int, bytes]] = []
        while self._lines:
            lines.append(self._lines.popleft())
        if not lines:
            return
        data = b"".join(line for _, line in lines)
        try:
            if not self._segments.is_open:
                self._segments.open()
            self._segments.append(data, max(n for n, _ in lines))
        except (OSError, StorageError) as error:
            self._trouble(error, sum(n > 0 for n, _ in lines))
        else:
            self._well()
        finally:
            self._done_bytes += len(data)
        time.sleep(GATHER_S)

    def _trouble(self, error: OSError | StorageError, entries: int) -> None:
        why = str(error) if isinstance(error, StorageError) else f"the spool fails: {error.strerror or error}"
        before, self.problem = self.problem, why
        self.failed += entries
        self._retry_at_s = time.monotonic() + RETRY_S
        if before != why:
            log.error("the spool is not written", problem=why)

    def _well(self) -> None:
        before, self.problem = self.problem, None
        if self.failed and before is not None:
            log.warning("the spool is written again", not_spooled=self.failed)
