"""Whether the last daemon has been gone for long, and so whether what its agents were still holds.

It stamps the store and the spool while it lives, so that the end of one that was killed is known to a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from acd.errors import StorageError
from acd.ports import Clock, Store
from acd.queues.commands import AgentKept
from acd.records.catchup import Remembered
from acd.records.spool import Spool

log = structlog.get_logger(__name__)

STAMP_EVERY_S = 60.0  # no agent's state depends on a minute


class Lifetime:
    """`keep_s`: the longest absence after which agents are as they were."""

    def __init__(self, store: Store, clock: Clock, keep_s: float, spool: Spool | None = None) -> None:
        self._store = store
        self._spool = spool
        self._clock = clock
        self._keep_s = keep_s

    async def agents_before(self) -> tuple[AgentKept, ...]:
        """As the last daemon left them; nothing when it was another day's work. StorageError."""
        return await self._store.standings() if self._is_recent(await self._store.last_stamp()) else ()

    async def left_in_spool(self) -> Remembered:
        """What is known without the store: agents, as above, and open calls."""
        if self._spool is None:
            return Remembered()
        try:
            left = await self._spool.remembered()
        except OSError as error:
            log.error("the spool cannot be read", problem=error.strerror)
            return Remembered()
        return left if self._is_recent(self._spool.alive_at) else Remembered(left.open_calls)

    def _is_recent(self, alive_at: float | None) -> bool:
        return alive_at is not None and self._clock.now() - alive_at <= self._keep_s

    async def keep_stamping(self, usable: Callable[[], bool]) -> None:
        """Until cancelled; the store not before it is `usable`: what the last daemon stamped must have been read."""
        while True:
            if usable():
                await self.stamp()
            elif self._spool is not None:
                self._spool.stamp()
            await asyncio.sleep(STAMP_EVERY_S)

    async def stamp(self) -> None:
        """Alive now. A store that is away will hear of it the next time."""
        if self._spool is not None:
            self._spool.stamp()
        try:
            await self._store.stamp(self._clock.now())
        except StorageError as error:
            log.warning("not stamped as alive", error=str(error))
