"""The event log on disk: what the core heard, for `acd replay`. It holds people's numbers and names.

Lines are gathered in memory and written by a thread, so the loop never waits for the disk. When the disk cannot keep
up or fails, events are dropped and counted: the numbers in the log then show the gap. A full file is renamed to
`FILE.1`, that one to `FILE.2` and so on; the oldest goes. Every start of the daemon begins a new file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedWriter
from pathlib import Path
from typing import Final

import structlog

from acd.ivr.core import Recipe
from acd.ivr.eventlog import Header, event_line, header_line
from acd.masking import personal
from acd.queues.commands import Command
from acd.queues.events import Event, Reconfigured

log = structlog.get_logger(__name__)

Written = Callable[[], bytes]
"""A line yet to be written out."""

GATHER_S: Final = 0.25
WAITING_BYTES: Final = 16_000_000
"""What may wait for the disk; a busy second is some 500 kB."""
MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class EventLogSettings:
    """Where, how large a file may get in bytes, and how many full ones are kept beside the one being written."""

    path: Path
    max_bytes: int
    keep: int


class Parts:
    """The files. Blocking, to be used by one thread at a time; OSError when the disk refuses."""

    def __init__(self, settings: EventLogSettings, recipe: Recipe, run: str) -> None:
        self._settings = settings
        self._recipe = recipe
        self._run = run
        self._part = 0
        self._file: BufferedWriter | None = None
        self._size = 0

    def write(self, first: int, lines: bytes) -> None:
        """Append lines, the first of which is the run's event number `first`."""
        if self._file is None or self._size + len(lines) > self._settings.max_bytes or self._removed():
            self._begin(first)
        assert self._file is not None
        try:
            self._file.write(lines)
            self._file.flush()
        except OSError:
            self.close()  # a line may be cut: what follows begins a part of its own
            raise
        self._size += len(lines)

    def _removed(self) -> bool:
        """Whether somebody (`acd forget`) has removed the present part."""
        return not self._settings.path.exists()

    def _begin(self, first: int) -> None:
        self.close()
        self._make_room()
        self._part += 1
        header = header_line(Header(self._run, self._part, first, self._recipe)).encode()
        descriptor = os.open(self._settings.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._file.write(header)
        self._size = len(header)

    def _make_room(self) -> None:
        """FILE.1 -> FILE.2 and so on, FILE -> FILE.1; the oldest is overwritten or, with none to keep, FILE is."""
        path, keep = self._settings.path, self._settings.keep
        path.parent.mkdir(parents=True, exist_ok=True)
        names = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1))]
        for older, newer in zip(reversed(names[1:]), reversed(names[:-1]), strict=True):
            if newer.exists():
                newer.replace(older)

    def expire(self, before: float) -> int:
        """End the present part, and remove the files last written to before `before` (seconds since 1970); how many."""
        self.close()
        old = [path for path in files(self._settings.path) if path.stat().st_mtime < before]
        for path in old:
            path.unlink()
        return len(old)

    def close(self) -> None:
        """Nothing more is written to the present part."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError as error:
                log.warning("the event log's end is lost", problem=str(error))


def files(path: Path) -> list[Path]:
    """The parts of the event log at `path` that are there: the present one and the full ones."""
    full = [one for one in path.parent.glob(f"{path.name}.*") if one.suffix[1:].isdecimal()]
    return [one for one in (path, *sorted(full)) if one.is_file()]


class EventLog:
    """ports.Tape. `run` must be running for anything to be written; everything heard is written, waits, or is lost."""

    def __init__(
        self, settings: EventLogSettings, recipe: Recipe, run: str, waiting_bytes: int = WAITING_BYTES
    ) -> None:
        self._parts = Parts(settings, recipe, run)
        self._path = settings.path
        self._limit = waiting_bytes
        self._lines: list[tuple[int, bytes | Written]] = []
        self._bytes = 0
        self._heard = 0
        self._problem: str | None = None
        self._news = asyncio.Event()
        self._ending = asyncio.Event()
        self._expiring: tuple[asyncio.Future[None], float] | None = None
        self.lost = 0
        self.written = 0
        self.expired = 0

    def heard(self, event: Event, commands: Sequence[Command] | None) -> None:
        """Keep an event and a proof of what came of it; returns at once."""
        self._heard += 1
        if self._bytes > self._limit:
            self._lose(1, "the disk does not keep up")
            return
        if isinstance(event, Reconfigured):  # a whole plan takes long to write down: it is for the thread to do
            self._keep(partial(_written, self._heard, event, commands), 0)
            return
        try:
            line = event_line(self._heard, event, commands).encode()
        except Exception:
            log.exception("an event cannot be written down", kind=type(event).__name__, hide=personal(event))
            self._lose(1, "an event cannot be written down")
            return
        self._keep(line, len(line))

    def _keep(self, line: bytes | Written, size: int) -> None:
        self._lines.append((self._heard, line))
        self._bytes += size
        self._news.set()

    def health(self) -> str | None:
        """One sentence when events have been lost, else None."""
        if not self.lost:
            return None
        why = self._problem or "the disk did not keep up"
        return f"{self.lost} events are missing in the event log ({why}): this run can be replayed up to the gap"

    async def run(self) -> None:
        """Write what is heard, until `close` is called; then the rest."""
        while not self._ending.is_set():
            await self._news.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GATHER_S):
                    await self._ending.wait()
            await self._write()
        await self._write()
        await asyncio.to_thread(self._parts.close)

    async def expire(self, before: float) -> None:
        """Have `run` begin a new file and remove those last written to before `before`. OSError.

        `expired` counts them; `before` is in seconds since 1970.
        """
        self._expiring = asyncio.get_running_loop().create_future(), before
        self._news.set()
        await self._expiring[0]

    def close(self) -> None:
        """Have `run` write the rest and return."""
        self._ending.set()
        self._news.set()

    async def _write(self) -> None:
        lines, self._lines = self._lines, []
        self._bytes = 0
        self._news.clear()
        await self._expire()
        if not lines:
            return
        try:
            await asyncio.to_thread(lambda: self._parts.write(lines[0][0], _joined(lines)))
        except OSError as error:
            self._lose(len(lines), error.strerror or str(error))
        else:
            self.written += len(lines)

    async def _expire(self) -> None:
        if self._expiring is None:
            return
        (done, before), self._expiring = self._expiring, None
        try:
            self.expired += await asyncio.to_thread(self._parts.expire, before)
        except OSError as error:
            if not done.done():
                done.set_exception(error)
        else:
            if not done.done():
                done.set_result(None)

    def _lose(self, events: int, why: str) -> None:
        if self._problem != why:
            log.error("events are lost to the event log", problem=why, path=str(self._path))
        self._problem = why
        self.lost += events


def _written(n: int, event: Event, commands: Sequence[Command] | None) -> bytes:
    return event_line(n, event, commands).encode()


def _joined(lines: Sequence[tuple[int, bytes | Written]]) -> bytes:
    return b"".join(line if isinstance(line, bytes) else line() for _, line in lines)
