"""What is in the spool and not in memory: first what earlier runs left, later what this one had no room for."""

from __future__ import annotations

import structlog

from acd.ports import Store
from acd.records.backlog import Waiting
from acd.records.catchup import lacking
from acd.records.segments import Chunk, Place
from acd.records.spool import Spool

log = structlog.get_logger(__name__)


class Spooled:
    """Read in order, each time the next part. Without a spool there is never anything.

    `replaying`: there may be something of earlier runs. `parked`: entries of this run, from number `next_n` on.
    """

    def __init__(self, spool: Spool | None) -> None:
        self._spool = spool
        self._place = Place()
        self._last_n = 0
        self._damaged = 0
        self.replaying = spool is not None
        self.parked = 0
        self.next_n = 0

    def park(self, n: int) -> None:
        """Entry `n` of this run is in the spool alone."""
        if not self.parked:
            self.next_n = n
            self._place = Place()
            log.warning("memory is full of records: further ones are left in the spool for now")
        self.parked += 1
        self._last_n = n

    async def take_old(self, store: Store) -> list[Waiting]:
        """What the store lacks of the next part; the part before must be written. StorageError.

        These were put in another run: they stand for nothing that was put in this one.
        """
        chunk = await self._read_old()
        batch = await lacking(chunk.lines, store)
        for waiting in batch:
            waiting.stands_for = 0
        self._place = chunk.following
        self._damaged += chunk.damaged
        if chunk.over:
            self.replaying = False
            if self._damaged:
                log.warning("lines of the spool were damaged", lines=self._damaged)
        return batch

    async def take_parked(self, store: Store) -> tuple[list[Waiting], int, int]:
        """The same of this run; beside it how many entries the store has already, and how many are lost."""
        assert self._spool is not None
        last_n = self._last_n
        try:
            chunk = await self._spool.read_own(self._place, self.next_n)
        except OSError as error:
            log.error("the spool cannot be read", problem=error.strerror)
            chunk, last_n = Chunk((), self._place, over=True), self._last_n
        batch = await lacking(chunk.lines, store)
        self._place = chunk.following
        if chunk.lines:
            self.next_n = chunk.lines[-1].n + 1
        self.parked -= len(chunk.lines)
        if not chunk.over or last_n != self._last_n:  # more came meanwhile
            return batch, len(chunk.lines) - len(batch), 0
        lost, self.parked = self.parked, 0
        return batch, len(chunk.lines) - len(batch), lost

    async def _read_old(self) -> Chunk:
        assert self._spool is not None
        try:
            chunk = await self._spool.read_old(self._place)
        except OSError as error:
            log.error("the spool cannot be read", problem=error.strerror)
            return Chunk((), self._place, over=True)
        if chunk.over:
            self._spool.old_is_written()
        return chunk
