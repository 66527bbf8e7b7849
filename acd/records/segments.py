"""The spool's files: appended to, read in order, thrown away from the oldest on.

    RUN-INDEX.spool   one segment; RUN counts the starts of the daemon, INDEX the segments of a run
    lock              held by the daemon that writes here; it is free as soon as that one is dead

Every run writes segments of its own, so a line that a power cut tore is the last of its file. Blocking, and for one
thread at a time. OSError when the disk refuses.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from acd.errors import StorageError
from acd.records import lines
from acd.records.lines import Line

BLOCK_BYTES: Final = 2 * lines.LINE_BYTES
"""Read at a time: some 200 lines, which hold up the event loop for some milliseconds."""
_SUFFIX: Final = ".spool"


@dataclass(slots=True)
class Segment:
    """One file. `last_n` is the largest number in it, as far as this run wrote it."""

    run: int
    index: int
    path: Path
    size: int
    last_n: int = 0

    @property
    def place(self) -> Place:
        """Its beginning."""
        return Place(self.run, self.index)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where to read on; the default is the beginning of everything."""

    run: int = 0
    index: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines in order, and where those after them are. `over`: there was nothing left to read."""

    lines: tuple[Line, ...]
    following: Place
    damaged: int = 0
    over: bool = False


class Segments:
    """The files of one spool. `size` is what they take, in bytes."""

    def __init__(self, folder: Path, segment_bytes: int) -> None:
        self._folder = folder
        self._lock_file = folder / "lock"
        self._segment_bytes = segment_bytes
        self._old: list[Segment] = []  # of earlier runs
        self._closed: list[Segment] = []  # of this one
        self._current: Segment | None = None
        self._descriptor: int | None = None
        self._lock: int | None = None
        self._needed: dict[int, int] = {}  # earlier run -> the first number that the database may lack
        self._index = 0
        self.alive_at: float | None = None  # when the last daemon was, seconds since 1970
        self.run = 0
        self.size = 0
        self._began_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether this spool is ours."""
        return self._lock is not None

    @property
    def unneeded_from(self) -> int | None:
        """Once everything up to this number is in the database, there are segments to be thrown away."""
        return self._closed[0].last_n if self._closed else None

    def age_s(self, now_s: float) -> float:
        """Since when the present segment has been written to, by the monotonic clock; 0 without one."""
        return now_s - self._began_s if self._current is not None else 0.0

    def open(self) -> None:
        """Take the spool and see what is there. StorageError when another daemon has it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            self.alive_at = self._lock_file.stat().st_mtime
        lock = self._locked()
        try:
            self._look()
        except OSError:
            os.close(lock)
            raise
        self._lock = lock

    def _look(self) -> None:
        self._old = sorted(self._found(), key=lambda segment: segment.place)
        self.size = sum(segment.size for segment in self._old)
        self.run = max((segment.run for segment in self._old), default=0) + 1
        for segment in reversed(self._old):  # the last mark of each run counts
            if segment.run not in self._needed:
                mark = lines.last_mark(segment.path.read_bytes())
                if mark is not None:
                    self._needed[segment.run] = mark

    def _locked(self) -> int:
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StorageError(f"the spool {self._folder} is in use by another daemon") from None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def stamp(self) -> None:
        """A daemon is alive: the next one reads it in `alive_at`."""
        if self._lock is not None:
            os.utime(self._lock_file)

    def _found(self) -> Iterator[Segment]:
        for path in self._folder.glob(f"*{_SUFFIX}"):
            run, _, index = path.stem.partition("-")
            if run.isdecimal() and index.isdecimal():
                yield Segment(int(run), int(index), path, path.stat().st_size)

    # -- writing ------------------------------------------------------------------------------------------------

    def append(self, data: bytes, last_n: int, sync: bool = False) -> None:
        """Write whole lines; `sync`: so that a power cut does not take them.

        After a failure none of them is there, and the next ones begin a segment.
        """
        if self._current is None:
            self._begin()
        assert self._current is not None and self._descriptor is not None
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            if sync:
                os.fsync(self._descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._descriptor, self._current.size)
            self.roll()
            raise
        self._current.size += len(data)
        self._current.last_n = max(self._current.last_n, last_n)
        self.size += len(data)
        if self._current.size >= self._segment_bytes:
            self.roll()

    def _begin(self) -> None:
        path = self._folder / f"{self.run:08d}-{self._index + 1:08d}{_SUFFIX}"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._index += 1
        self._current = Segment(self.run, self._index, path, 0)
        self._began_s = time.monotonic()

    def roll(self) -> None:
        """What follows begins a new segment."""
        if self._current is None or self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        segment, self._current = self._current, None
        os.close(descriptor)
        if segment.size:
            self._closed.append(segment)
        else:
            segment.path.unlink(missing_ok=True)

    def prune(self, needed_n: int, kept: bytes, with_old: bool) -> None:
        """Throw away what is in the database: closed segments below `needed_n`, and those of earlier runs if so said.

        `kept` is what must be remembered of it, written before anything goes.
        """
        gone = [segment for segment in self._closed if segment.last_n < needed_n]  # what comes now is not among them
        self.append(kept + lines.mark_line(needed_n), 0, sync=True)
        for segment in [*gone, *(self._old if with_old else ())]:
            segment.path.unlink(missing_ok=True)
            self.size -= segment.size
        self._closed = [segment for segment in self._closed if segment not in gone]
        if with_old:
            self._old = []

    def close(self) -> None:
        """Let go of the spool; what is there stays."""
        self.roll()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    # -- reading ------------------------------------------------------------------------------------------------

    def read_old(self, place: Place) -> Chunk:
        """The next entries of earlier runs that the database may lack."""
        return self._read([segment for segment in self._old if segment.place >= _whole(place)], place, None)

    def read_own(self, place: Place, from_n: int) -> Chunk:
        """The next entries of this run with that number or a larger one."""
        own = [*self._closed, *([self._current] if self._current is not None else [])]
        return self._read([segment for segment in own if segment.place >= _whole(place)], place, from_n)

    def remembered(self, kind: bytes = b"") -> Iterator[Line]:
        """Everything that earlier runs left here, kept lines too; of one kind of line, if so said."""
        for segment in self._old:
            for text in segment.path.read_bytes().split(b"\n")[:-1]:
                wanted = kind in text and lines.number(text) is not None
                line = lines.read(text) if wanted else None
                if line is not None:
                    yield line

    def _read(self, segments: list[Segment], place: Place, from_n: int | None) -> Chunk:
        for segment in segments:
            offset = place.offset if segment.place == _whole(place) else 0
            with segment.path.open("rb") as file:
                file.seek(offset)
                block = file.read(BLOCK_BYTES)
            whole = block.rfind(b"\n") + 1
            if not whole and len(block) == BLOCK_BYTES:
                whole = len(block)  # no line of ours
            if whole:
                needed = self._needed.get(segment.run, 1) if from_n is None else from_n
                return _chunk(block[:whole], needed, Place(segment.run, segment.index, offset + whole))
        return Chunk((), place, over=True)


def _whole(place: Place) -> Place:
    return Place(place.run, place.index)


def _chunk(block: bytes, from_n: int, following: Place) -> Chunk:
    found, damaged = [], 0
    for text in block.split(b"\n")[:-1]:
        n = lines.number(text)
        if n is None:
            damaged += 1
        elif n >= max(from_n, 1):
            line = lines.read(text)
            if line is not None:
                found.append(line)
    return Chunk(tuple(found), following, damaged)
