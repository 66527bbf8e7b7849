"""Recorder and database together while the database is stopped, locked or unwritable: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, make_url

from acd import tasks
from acd.ports import CallFilter, Entry
from acd.queues.journey import fold
from acd.queues.model import CallId
from acd.records.database import connect
from acd.records.recorder import Recorder, RecorderLimits
from acd.records.schema import upgrade
from acd.records.store import SqlStore
from tests.deadlines import until
from tests.journeys import entries, served_call
from tests.postgres import Postgres

QUICK = RecorderLimits(batch_after_s=0.01, retry_first_s=0.02, retry_most_s=0.1)
CALLS = [f"call-{n}" for n in range(30)]
STALL_S = 0.5  # the machine may be busy; a wait for the lock on the loop would be far longer


def told() -> list[Entry]:
    """Thirty calls that go on at the same time."""
    each = [entries(served_call(name, 1000.0 + n)) for n, name in enumerate(CALLS)]
    return [entry for step in zip(*each, strict=True) for entry in step]


@asynccontextmanager
async def recording(url: str) -> AsyncIterator[tuple[Recorder, SqlStore]]:
    await upgrade(url)
    store = SqlStore(connect(url), "RU")
    recorder = Recorder(store, QUICK)
    task = tasks.spawn(recorder.run(), "recorder")
    try:
        yield recorder, store
    finally:
        await tasks.stop(task)
        await store.close()


async def put_over_time(recorder: Recorder, told: list[Entry]) -> None:
    for entry in told:
        recorder.put(entry)
        await asyncio.sleep(0.001)


async def assert_whole(store: SqlStore) -> None:
    for n, name in enumerate(CALLS):
        assert await store.call(CallId(name)) == fold(served_call(name, 1000.0 + n))
    assert len((await store.calls(CallFilter(), 1000)).items) == len(CALLS)


async def longest_stall_s() -> float:
    """The longest time the loop left us waiting beyond what we asked for; ends when cancelled."""
    loop = asyncio.get_running_loop()
    worst = 0.0
    try:
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            worst = max(worst, loop.time() - before - 0.005)
    except asyncio.CancelledError:
        return worst


@pytest.mark.postgres
async def test_postgres_stops_amid_the_traffic_and_comes_back(postgres_server: Postgres, postgres_url: str) -> None:
    entries_told = told()
    async with recording(postgres_url) as (recorder, store):
        await put_over_time(recorder, entries_told[:100])
        await until(lambda: recorder.written > 0, "some written")
        await asyncio.to_thread(postgres_server.stop)
        try:
            await put_over_time(recorder, entries_told[100:])
            await until(recorder.health, "found to be away")
            said = recorder.health() or ""
            assert "cannot be reached" in said or "shutting down" in said or "broke" in said, said
        finally:
            postgres_server.start()  # not in a thread: the server would end with it
        await until(lambda: recorder.queued == 0, "all written", 30.0)
        assert (recorder.written, recorder.dropped, recorder.set_aside) == (len(entries_told), 0, 0)
        assert recorder.health() is None
        await assert_whole(store)


@pytest.mark.postgres
async def test_a_standby_that_lacks_the_last_commits_gets_them_with_what_follows(
    postgres_server: Postgres, postgres_url: str
) -> None:
    await upgrade(postgres_url)
    store = SqlStore(connect(postgres_url), "RU")
    events = served_call("a", 1000.0)
    told = entries(events)
    await store.write(told[:3])
    name = make_url(postgres_url).database or ""
    postgres_server.sql(name, "UPDATE calls SET seq = 1; DELETE FROM call_events WHERE seq > 1; DELETE FROM offers")
    postgres_server.sql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
    await store.write(told[3:])
    assert await store.call(CallId("a")) == fold(events)
    await store.close()


async def test_sqlite_is_locked_by_another_program_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.records.database.BUSY_TIMEOUT_S", 4 * STALL_S)
    entries_told = told()
    async with recording(f"sqlite+aiosqlite:///{tmp_path}/acd.db") as (recorder, store):
        await put_over_time(recorder, entries_told[:100])
        assert await recorder.flush(10.0)
        stall = asyncio.create_task(longest_stall_s())  # noqa: TID251
        with closing(sqlite3.connect(tmp_path / "acd.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            await put_over_time(recorder, entries_told[100:])
            await until(recorder.health, "found to be locked")
            assert "is locked by another program" in (recorder.health() or "")
            assert len((await store.calls(CallFilter(), 1000)).items) == len(CALLS)  # readers do not mind
            other.rollback()
        assert await recorder.flush(10.0)
        stall.cancel()
        assert await stall < STALL_S
        await assert_whole(store)


async def test_the_sqlite_file_cannot_be_written_for_a_while(tmp_path: Path, writers: list[sqlite3.Connection]) -> None:
    entries_told = told()
    async with recording(f"sqlite+aiosqlite:///{tmp_path}/acd.db") as (recorder, store):
        await put_over_time(recorder, entries_told[:100])
        assert await recorder.flush(10.0)
        forbid_writing(writers, True)
        await put_over_time(recorder, entries_told[100:])
        await until(recorder.health, "found to be unwritable")
        assert "is read-only" in (recorder.health() or "")
        forbid_writing(writers, False)
        assert await recorder.flush(10.0)
        await assert_whole(store)


@pytest.fixture
def writers() -> Iterator[list[sqlite3.Connection]]:
    """The plain connections to SQLite that are made during the test: those that write."""
    made: list[sqlite3.Connection] = []

    def note(connection: object, _record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            made.append(connection)

    event.listen(Engine, "connect", note)
    yield made
    event.remove(Engine, "connect", note)


def forbid_writing(connections: list[sqlite3.Connection], forbidden: bool) -> None:
    """By SQLite's own switch: root may write any file."""
    assert connections
    for connection in connections:
        connection.execute(f"PRAGMA query_only = {int(forbidden)}")
