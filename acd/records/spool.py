"""The spool: what is to be recorded lies on the disk before the database has it, so that a kill takes nothing.

Lines go to a thread (`scribe.py`) that writes them within milliseconds; what the kernel has taken survives the
process. Nothing is synced: a power cut may take the last seconds. When the disk refuses, does not keep up or the
bound is reached, what comes is not spooled, and counted; the recorder has it in memory as well.

A segment goes when the database has all of it. What the next daemon must know though the database be away (the facts
of open calls, the last word on each agent) is first written into a segment that stays.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from acd.ports import Entry
from acd.queues.commands import AgentKept
from acd.queues.journey import CallRecord, JourneyEvent
from acd.queues.model import AgentId
from acd.records import lines
from acd.records.catchup import Remembered, gathered
from acd.records.scribe import Scribe
from acd.records.segments import Chunk, Place, Segments

log = structlog.get_logger(__name__)

WAITING_BYTES: Final = 4_000_000
"""What may wait for the thread: some 20,000 facts, ten seconds of the busiest hour."""
SEGMENTS: Final = 16
SEGMENT_BYTES: Final = 4_000_000
ROLL_S: Final = 300.0
"""What the database has lies here for little longer: it holds people's numbers."""
OPEN_S: Final = 5.0
CLOSE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """The directory, how much may lie there in bytes, and how long when the database has it, in seconds."""

    path: Path
    max_bytes: int
    roll_s: float = ROLL_S


class Spool:
    """To be used from the event loop's thread only; nothing is kept before `open` or after `close`."""

    def __init__(self, settings: SpoolSettings) -> None:
        self._settings = settings
        self._segments = Segments(settings.path, min(SEGMENT_BYTES, max(1, settings.max_bytes // SEGMENTS)))
        self._scribe = Scribe(self._segments)
        self._standings: dict[AgentId, AgentKept] = {}  # the last word on each agent
        self._running = False
        self._pruning = False
        self._old_is_written = False
        self._refused = 0
        self._refusal: str | None = None

    @property
    def bytes(self) -> int:
        """What lies on the disk."""
        return self._segments.size

    @property
    def alive_at(self) -> float | None:
        """When the last daemon was, to a minute, in seconds since 1970; None when there was none."""
        return self._segments.alive_at

    @property
    def shed(self) -> int:
        """Entries that were not spooled."""
        return self._refused + self._scribe.failed

    def health(self) -> str | None:
        """One sentence when something is not spooled, else None."""
        problem = self._scribe.problem or self._refusal
        if problem is None:
            return None
        return (
            f"{problem}: what the database does not have yet is in memory only, and lost if the daemon is killed "
            f"({self.shed} entries so far)"
        )

    # -- writing ------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take the spool. Never raises: without it everything goes on, and `health` says so."""
        self._running = True
        self._scribe.start()
        try:
            async with asyncio.timeout(OPEN_S):
                await self._scribe.ask(self._scribe.open)
                left = await self._scribe.ask(lambda: gathered(self._segments.remembered(lines.OTHER)))
                self._standings = {kept.agent_id: kept for kept in left.standings}
        except (TimeoutError, OSError) as error:
            log.error("the spool does not open", path=str(self._settings.path), problem=str(error) or "not in time")

    def append(self, n: int, entry: Entry) -> bool:
        """Have the entry written as number `n` of this run; returns at once. False: it is not going to be."""
        if not self._running:
            return False
        try:
            line = lines.entry_line(n, entry)
        except (TypeError, ValueError):
            log.exception("an entry cannot be written down")
            self._refused += 1
            return False
        refusal = self._why_not(len(line))
        if refusal is not None:
            self._refuse(refusal)
            return False
        if self._refusal is not None:
            log.warning("entries are spooled again", not_spooled=self.shed)
            self._refusal = None
        self._scribe.write(n, line)
        if entry.kept is not None:
            self._standings[entry.kept.agent_id] = entry.kept
        return True

    def written(self, needed_n: int, live: Iterable[CallRecord] | None) -> None:
        """The database has all smaller numbers. `live`: the calls to be remembered; None: throw nothing away yet."""
        if not self._running or self._scribe.problem is not None:
            return
        if live is None or self._pruning or not self._due(needed_n):
            self._scribe.write(0, lines.mark_line(needed_n))
            return
        self._pruning = True
        facts = [fact for record in live for fact in record.events]
        others = [Entry(kept=kept) for kept in self._standings.values()]
        self._scribe.do(lambda: self._prune(needed_n, facts, others))

    def stamp(self) -> None:
        """We are alive now."""
        if self._running:
            self._scribe.do(self._segments.stamp)

    def old_is_written(self) -> None:
        """The database has everything that earlier runs left."""
        self._old_is_written = True

    async def close(self) -> None:
        """Write what is left, and let go."""
        if self._running:
            self._running = False
            await self._scribe.stop(CLOSE_S)

    def _why_not(self, size: int) -> str | None:
        waiting, path, most = self._scribe.waiting_bytes, self._settings.path, self._settings.max_bytes
        if self._scribe.rests:
            return self._scribe.problem
        if waiting + size > WAITING_BYTES:
            return f"the disk of the spool {path} does not keep up"
        if size > lines.LINE_BYTES:
            return f"an entry of {size:,} bytes is too long for the spool"
        if self._segments.size + waiting + size > most:
            return f"the spool {path} is full ({most:,} bytes)"
        return None

    def _refuse(self, why: str) -> None:
        if self._refusal is None and not self._scribe.rests:
            log.error("entries are not spooled", problem=why)
        self._refusal = why
        self._refused += 1

    def _due(self, needed_n: int) -> bool:
        """Whether there is enough to be thrown away."""
        unneeded_from = self._segments.unneeded_from
        if unneeded_from is not None and unneeded_from < needed_n:
            return True
        return self._segments.age_s(time.monotonic()) > self._settings.roll_s

    def _prune(self, needed_n: int, facts: list[JourneyEvent], others: list[Entry]) -> None:
        """In the thread."""
        try:
            if self._segments.age_s(time.monotonic()) > self._settings.roll_s:
                self._segments.roll()
            self._segments.prune(needed_n, lines.kept_lines(facts, others), self._old_is_written)
        finally:
            self._pruning = False

    # -- reading ------------------------------------------------------------------------------------------------

    async def read_old(self, place: Place) -> Chunk:
        """The next entries that earlier runs left and the database may lack. OSError."""
        return await self._scribe.ask(lambda: self._segments.read_old(place))

    async def read_own(self, place: Place, from_n: int) -> Chunk:
        """The next entries of this run with that number or a larger one. OSError."""
        return await self._scribe.ask(lambda: self._segments.read_own(place, from_n))

    async def remembered(self) -> Remembered:
        """What earlier runs left, whether the database has it or not. OSError."""
        return await self._scribe.ask(lambda: gathered(self._segments.remembered()))
