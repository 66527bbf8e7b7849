"""How a batch gets to the database: the same synchronous work, run where it costs the event loop least.

A batch is half a dozen statements. Through aiosqlite each is three trips between threads, some 4 ms of CPU a batch
when measured; so for SQLite a thread of our own does the whole batch in one trip. PostgreSQL is waited for on the
loop.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from sqlalchemy import URL, Connection, select
from sqlalchemy.ext.asyncio.engine import AsyncEngine

from acd.records import rows
from acd.records.batch import Batch
from acd.records.database import SQLITE, connect_in_thread
from acd.records.tables import calls
from acd.records.upserts import Upserts

_IDS_PER_QUERY = 500  # both databases limit the parameters of a statement to some 32,000
_REMEMBERED_CALLS = 500  # the latest written; of one that is not among them the database is asked

_ONE_LIFE = 1

Work = Callable[[Connection], None]


class Writer(Protocol):
    """Runs work in one transaction: all of it or nothing."""

    async def run(self, work: Work) -> None: ...

    async def close(self) -> None: ...


class OnLoop(Writer):
    """On the event loop, which goes on while the server works."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def run(self, work: Work) -> None:
        async with self._engine.begin() as connection:
            await connection.run_sync(work)

    async def close(self) -> None:
        """Nothing of our own to close."""


class InThread(Writer):
    """In one thread of our own, with a connection of its own."""

    def __init__(self, url: URL) -> None:
        self._engine = connect_in_thread(url)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")

    async def run(self, work: Work) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._run, work)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)

    def _run(self, work: Work) -> None:
        with self._engine.begin() as connection:
            work(connection)


def writer_for(engine: AsyncEngine) -> Writer:
    """The writer that suits the engine's database."""
    return InThread(engine.url) if engine.url.drivername == SQLITE else OnLoop(engine)


class BatchWriter:
    """Turns batches into statements. Remembers how far it wrote each live call, to save asking the database."""

    def __init__(self, dialect: str, default_region: str) -> None:
        self._upserts = Upserts(dialect)
        self._region = default_region
        self._written: OrderedDict[str, int] = OrderedDict()  # call -> seq of its record, last written last

    def write(self, connection: Connection, batch: Batch) -> None:
        """Write the batch within the connection's transaction; `remember` it once that is committed."""
        known = self._known_seqs(connection, batch)
        for table, values in self._values(batch, known).items():
            if values:
                self._upserts.write(connection, table, values)

    def stamp(self, connection: Connection, at: float) -> None:
        """Note that the daemon is alive at `at`."""
        self._upserts.write(connection, "life", [{"id": _ONE_LIFE, "alive_at": at}])

    def remember(self, batch: Batch) -> None:
        """The batch is in the database for good."""
        for call_id, record in batch.records.items():
            self._written[call_id] = max(record.seq, self._written.get(call_id, 0))
            self._written.move_to_end(call_id)
        while len(self._written) > _REMEMBERED_CALLS:
            self._written.popitem(last=False)

    def forget(self) -> None:
        """The database may be another one than before (a failover, a restart that lost the last commits): look."""
        self._written.clear()

    def _known_seqs(self, connection: Connection, batch: Batch) -> dict[str, int]:
        """Up to which fact each call is in the database. Too low a number is harmless: a row is written again."""
        known: dict[str, int] = {}
        unknown: list[str] = []
        for call_id, record in batch.records.items():
            seq = self._written.get(call_id)  # one look: `forget` may come between two
            if seq is not None:
                known[call_id] = seq
            elif len(record.events) != record.seq:  # a whole one is written whole: to ask would cost as much
                unknown.append(call_id)
        known.update(_read_seqs(connection, unknown))
        return known

    def _values(self, batch: Batch, known: Mapping[str, int]) -> dict[str, list[rows.Values]]:
        """The rows to be written by table, parents first. Records that the store has already are left out."""
        values: dict[str, list[rows.Values]] = {table: [] for table in self._upserts}
        for call_id, record in sorted(batch.records.items()):  # in one order, so that two writers cannot deadlock
            known_seq = known.get(call_id, 0)
            fresh = batch.new_facts(call_id, known_seq)
            values["call_events"] += map(rows.event_values, fresh)
            if call_id not in known or known_seq < record.seq:
                values["calls"].append(rows.call_values(record, self._region))
                values["offers"] += rows.offer_values(record, known_seq, fresh)
                values["surveys"] += rows.survey_values(record)
                values["voicemails"] += rows.message_values(record)
        values["agent_sessions"] += map(rows.change_values, batch.changes)
        values["agents"] += [rows.kept_values(kept) for _, kept in sorted(batch.kept.items())]
        return values


def _read_seqs(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    known: dict[str, int] = {}
    for start in range(0, len(ids), _IDS_PER_QUERY):
        part = ids[start : start + _IDS_PER_QUERY]
        found = connection.execute(select(calls.c.id, calls.c.seq).where(calls.c.id.in_(part)))
        known.update({row.id: row.seq for row in found})
    return known
