"""The store on SQL: SQLite and PostgreSQL alike, by the same statements."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, event, func, or_, select, tuple_
from sqlalchemy.ext.asyncio.engine import AsyncConnection, AsyncEngine

from acd.numbers import normalise
from acd.ports import AgentSession, CallFilter, Entry, Page, Store
from acd.queues.commands import AgentKept
from acd.queues.journey import CallRecord, JourneyEvent, OfferRecord
from acd.queues.model import AgentId, CallId
from acd.queues.places import LEFT
from acd.records import cursor as cursors
from acd.records import rows
from acd.records.batch import collect
from acd.records.database import POSTGRES
from acd.records.explain import translated
from acd.records.tables import agent_sessions, agents, call_events, calls, life, offers, surveys, voicemails
from acd.records.writing import BatchWriter, Work, writer_for

T = TypeVar("T")

MAX_PAGE = 1000
"""Calls on one page, whatever was asked for."""

_LONGEST_CALL_S = 86_400.0  # who ended lately entered within this: the index is by entry

_IDS_PER_QUERY = 500  # both databases limit the parameters of a statement to some 32,000

_ROWS_PER_BREATH = 500  # building records of a whole day must not hold up the event loop


class SqlStore(Store):
    """Records in the database behind `engine` (see `database.connect`), whose schema is up to date.

    `default_region` (ISO 3166) is how numbers without a country code are read.
    """

    def __init__(self, engine: AsyncEngine, default_region: str) -> None:
        self._engine = engine
        self._region = default_region
        self._writer = writer_for(engine)
        self._batches = BatchWriter(engine.dialect.name, default_region)
        event.listen(engine.sync_engine, "connect", lambda *_: self._batches.forget())
        self._reading = engine
        if engine.url.drivername == POSTGRES:  # SQLite's readers see one moment of the database anyway
            self._reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def write(self, entries: Sequence[Entry]) -> None:
        """All or nothing; what is there already stays as it is.

        StorageError when the database cannot be used, RecordRefused when it can never take these entries.
        """
        batch = collect(entries)
        try:
            with translated(self._engine.url):
                await self._writer.run(lambda connection: self._batches.write(connection, batch))
        except BaseException:  # cancelled, too: nobody knows what was kept
            self._batches.forget()
            raise
        self._batches.remember(batch)

    async def call(self, call_id: CallId) -> CallRecord | None:
        found = await self._records(_joined().where(calls.c.id == call_id), with_events=True)
        return found[0] if found else None

    async def whole_calls(self, call_ids: Sequence[CallId]) -> Mapping[CallId, CallRecord]:
        found: dict[CallId, CallRecord] = {}
        for start in range(0, len(call_ids), _IDS_PER_QUERY):
            wanted = _joined().where(calls.c.id.in_(call_ids[start : start + _IDS_PER_QUERY]))
            found |= {record.id: record for record in await self._records(wanted, with_events=True)}
        return found

    async def calls(self, wanted: CallFilter, limit: int, cursor: str | None = None) -> Page:
        limit = max(1, min(limit, MAX_PAGE))
        query = _joined().where(*self._conditions(wanted))
        if cursor is not None:
            query = query.where(tuple_(calls.c.entered_at, calls.c.id) < tuple_(*cursors.decode(cursor)))
        query = query.order_by(calls.c.entered_at.desc(), calls.c.id.desc()).limit(limit + 1)
        found = await self._records(query)
        if len(found) <= limit:
            return Page(found, None)
        last = found[limit - 1]
        return Page(found[:limit], cursors.encode(last.entered_at, last.id))

    async def open_calls(self) -> tuple[CallRecord, ...]:
        """Oldest first."""
        query = _joined().where(calls.c.ended_at.is_(None)).order_by(calls.c.entered_at, calls.c.id)
        return await self._records(query, with_events=True)

    async def ended_among(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        query = select(calls.c.id).where(calls.c.id.in_(call_ids), calls.c.ended_at.is_not(None))
        async with self._begin() as connection:
            return frozenset(CallId(row.id) for row in await connection.execute(query))

    async def ended_since(self, at: float) -> tuple[CallRecord, ...]:
        """Oldest first."""
        query = _joined().where(calls.c.entered_at >= at, calls.c.ended_at.is_not(None))
        return await self._records(query.order_by(calls.c.entered_at, calls.c.id))

    async def left_since(self, at: float, limit: int) -> tuple[CallRecord, ...]:
        """Oldest first."""
        query = (
            _joined()
            .where(calls.c.ended_at >= at, calls.c.entered_at >= at - _LONGEST_CALL_S)
            .where(calls.c.outcome.in_(LEFT), calls.c.number != "")
            .order_by(calls.c.ended_at.desc(), calls.c.id.desc())
            .limit(limit)
        )
        return tuple(reversed(await self._records(query, with_events=True)))

    async def last_served(self, limit: int) -> tuple[tuple[str, AgentId], ...]:
        """Of the latest `limit` served calls."""
        query = (
            select(calls.c.number, calls.c.agent)
            .where(calls.c.agent.is_not(None), calls.c.number != "")
            .order_by(calls.c.entered_at.desc(), calls.c.id.desc())
            .limit(limit)
        )
        latest: dict[str, AgentId] = {}
        async with self._begin() as connection:
            for row in await connection.execute(query):
                latest.setdefault(row.number, AgentId(row.agent))
        return tuple(latest.items())

    async def surveyed_since(self, at: float) -> Mapping[str, float]:
        query = (
            select(calls.c.number, func.max(surveys.c.asked_at).label("last_asked_at"))
            .join_from(surveys, calls)
            .where(surveys.c.asked_at >= at, calls.c.number != "")
            .group_by(calls.c.number)
        )
        async with self._begin() as connection:
            return {row.number: row.last_asked_at for row in await connection.execute(query)}

    async def standings(self) -> tuple[AgentKept, ...]:
        async with self._begin() as connection:
            found = await connection.execute(select(agents).order_by(agents.c.agent_id))
            return tuple(rows.kept_of(row) for row in found)

    async def stamp(self, at: float) -> None:
        with translated(self._engine.url):
            await self._writer.run(lambda connection: self._batches.stamp(connection, at))

    async def last_stamp(self) -> float | None:
        async with self._begin() as connection:
            found: float | None = (await connection.execute(select(func.max(life.c.alive_at)))).scalar()
            return found

    async def agent_sessions(self, agent_id: AgentId, since: float, until: float) -> tuple[AgentSession, ...]:
        """Those that overlap `since` <= t < `until`, whole, oldest first; stretches of no length are left out."""
        began_at = agent_sessions.c.began_at
        own = agent_sessions.c.agent_id == agent_id
        first = select(func.max(began_at)).where(own, began_at <= since).scalar_subquery()
        beyond = select(func.min(began_at)).where(own, began_at >= until).scalar_subquery()
        query = (
            select(agent_sessions)
            .where(own, began_at >= func.coalesce(first, since), or_(began_at < until, began_at == beyond))
            .order_by(began_at, agent_sessions.c.id)
        )
        async with self._begin() as connection:
            changes = (await connection.execute(query)).all()
        return tuple(session for session in _sessions(changes) if session.began_at < until)

    async def change(self, work: Work) -> None:
        """Run short work on the records in one transaction, in turn with `write`. StorageError."""
        with translated(self._engine.url):
            await self._writer.run(work)

    async def look(self, work: Callable[[Connection], T]) -> T:
        """What work finds that only reads; it holds up nobody, however long it takes. StorageError."""
        async with self._begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        """Close the connections. The store must not be used afterwards."""
        await self._writer.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncConnection]:
        with translated(self._engine.url):
            async with self._reading.begin() as connection:
                yield connection

    def _conditions(self, wanted: CallFilter) -> Iterable[Any]:
        if wanted.queue is not None:
            yield calls.c.queue == wanted.queue
        if wanted.agent is not None:
            yield calls.c.agent == wanted.agent
        if wanted.number is not None:
            yield calls.c.number_norm == normalise(wanted.number, self._region)
        if wanted.ended is not None:
            yield calls.c.ended_at.is_not(None) if wanted.ended else calls.c.ended_at.is_(None)
        if wanted.since is not None:
            yield calls.c.entered_at >= wanted.since
        if wanted.until is not None:
            yield calls.c.entered_at < wanted.until
        if wanted.voicemail is not None:
            yield voicemails.c.at.is_not(None) if wanted.voicemail else voicemails.c.at.is_(None)
        if wanted.heard is not None:
            yield voicemails.c.heard_at.is_not(None) if wanted.heard else voicemails.c.heard_at.is_(None)

    async def _records(self, query: Select[Any], with_events: bool = False) -> tuple[CallRecord, ...]:
        """The records of a query made by `_joined`, in its order."""
        ids = query.with_only_columns(calls.c.id)
        events: dict[str, list[JourneyEvent]] = defaultdict(list)
        made: dict[str, list[OfferRecord]] = defaultdict(list)
        async with self._begin() as connection:
            found = (await connection.execute(query)).all()
            for row in await connection.execute(_parts(offers, ids).order_by(offers.c.call_id, offers.c.nth)):
                made[row.call_id].append(rows.offer_of(row))
            if with_events:
                parts = _parts(call_events, ids).order_by(call_events.c.call_id, call_events.c.seq)
                for row in await connection.execute(parts):
                    events[row.call_id].append(rows.event_of(row))
        records = []
        for start in range(0, len(found), _ROWS_PER_BREATH):
            for row in found[start : start + _ROWS_PER_BREATH]:
                records.append(rows.record_of(row, made[row.id], events[row.id]))
            await asyncio.sleep(0)
        return tuple(records)


def _joined() -> Select[Any]:
    survey = (surveys.c.asked_at, surveys.c.result, surveys.c.score)
    message = (voicemails.c.at.label("message_at"), voicemails.c.duration_s.label("message_s"), voicemails.c.heard_at)
    return select(calls, *survey, *message).select_from(calls.outerjoin(surveys).outerjoin(voicemails))


def _parts(table: Any, ids: Select[Any]) -> Select[Any]:
    wanted = ids.subquery()
    return select(table).where(table.c.call_id.in_(select(wanted.c.id)))


def _sessions(changes: Sequence[Row[Any]]) -> Iterable[AgentSession]:
    """The stretches between changes, in order; the last one goes on."""
    for change, following in pairwise([*changes, None]):
        assert change is not None
        ended_at = None if following is None else following.began_at
        if ended_at != change.began_at:
            yield rows.session_of(change, ended_at)
