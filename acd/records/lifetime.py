"""Whether the last daemon has been gone for long, and so whether what its agents were still holds.

It stamps the store while it lives, so that the end of one that was killed is known to a minute.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from acd.errors import StorageError
from acd.ports import Clock, Store
from acd.queues.commands import AgentKept

log = structlog.get_logger(__name__)

STAMP_EVERY_S = 60.0  # no agent's state depends on a minute


class Lifetime:
    """`keep_s`: the longest absence after which agents are as they were."""

    def __init__(self, store: Store, clock: Clock, keep_s: float) -> None:
        self._store = store
        self._clock = clock
        self._keep_s = keep_s

    async def agents_before(self) -> tuple[AgentKept, ...]:
        """As the last daemon left them; nothing when it was another day's work. StorageError."""
        alive_at = await self._store.last_stamp()
        if alive_at is None or self._clock.now() - alive_at > self._keep_s:
            return ()
        return await self._store.standings()

    async def keep_stamping(self, usable: Callable[[], bool]) -> None:
        """Until cancelled; not before the store is `usable`: what the last daemon stamped must have been read."""
        while True:
            if usable():
                await self.stamp()
            await asyncio.sleep(STAMP_EVERY_S)

    async def stamp(self) -> None:
        """Alive now. A store that is away will hear of it the next time."""
        try:
            await self._store.stamp(self._clock.now())
        except StorageError as error:
            log.warning("not stamped as alive", error=str(error))
