"""A store for readers who have just seen something happen: they find it in what they read.

Records are written up to a second after the fact, in batches. Whoever asks for them makes the recorder hurry
and waits a moment; when the database is away, nobody waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acd.ports import AgentSession, CallFilter, Entry, Page, Store
from acd.queues.commands import AgentKept
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, CallId
from acd.records.recorder import Recorder

PATIENCE_S = 0.5


class FreshStore(Store):
    """`store`, read behind `recorder`."""

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self._store = store
        self._recorder = recorder

    async def _settled(self) -> Store:
        await self._recorder.settle(PATIENCE_S)
        return self._store

    async def write(self, entries: Sequence[Entry]) -> None:
        """As the store."""
        await self._store.write(entries)

    async def call(self, call_id: CallId) -> CallRecord | None:
        """As the store, with what was put before."""
        return await (await self._settled()).call(call_id)

    async def whole_calls(self, call_ids: Sequence[CallId]) -> Mapping[CallId, CallRecord]:
        """As the store, with what was put before."""
        return await (await self._settled()).whole_calls(call_ids)

    async def calls(self, wanted: CallFilter, limit: int, cursor: str | None = None) -> Page:
        """As the store, with what was put before."""
        return await (await self._settled()).calls(wanted, limit, cursor)

    async def open_calls(self) -> tuple[CallRecord, ...]:
        """As the store, with what was put before."""
        return await (await self._settled()).open_calls()

    async def ended_among(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        """As the store, with what was put before."""
        return await (await self._settled()).ended_among(call_ids)

    async def ended_since(self, at: float) -> tuple[CallRecord, ...]:
        """As the store, with what was put before."""
        return await (await self._settled()).ended_since(at)

    async def left_since(self, at: float, limit: int) -> tuple[CallRecord, ...]:
        """As the store, with what was put before."""
        return await (await self._settled()).left_since(at, limit)

    async def last_served(self, limit: int) -> tuple[tuple[str, AgentId], ...]:
        """As the store, with what was put before."""
        return await (await self._settled()).last_served(limit)

    async def surveyed_since(self, at: float) -> Mapping[str, float]:
        """As the store, with what was put before."""
        return await (await self._settled()).surveyed_since(at)

    async def standings(self) -> tuple[AgentKept, ...]:
        """As the store, with what was put before."""
        return await (await self._settled()).standings()

    async def stamp(self, at: float) -> None:
        """As the store."""
        await self._store.stamp(at)

    async def last_stamp(self) -> float | None:
        """As the store."""
        return await self._store.last_stamp()

    async def agent_sessions(self, agent_id: AgentId, since: float, until: float) -> tuple[AgentSession, ...]:
        """As the store, with what was put before."""
        return await (await self._settled()).agent_sessions(agent_id, since, until)

    async def close(self) -> None:
        """As the store."""
        await self._store.close()
