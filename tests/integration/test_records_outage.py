"""Recorder, spool and database while the database is stopped, locked or its disk full: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, make_url
from structlog.testing import capture_logs

from acd import tasks
from acd.errors import StorageError
from acd.ports import CallFilter, Entry
from acd.process import GC_THRESHOLD
from acd.queues.journey import fold
from acd.queues.model import CallId
from acd.records.database import connect
from acd.records.recorder import Recorder, RecorderLimits
from acd.records.schema import upgrade
from acd.records.spool import Spool, SpoolSettings
from acd.records.store import SqlStore
from tests.deadlines import until
from tests.disks import small_disk
from tests.faults import Figure
from tests.journeys import entries, served_call
from tests.postgres import Postgres

QUICK = RecorderLimits(batch_after_s=0.01, retry_first_s=0.02, retry_most_s=0.1)
CALLS = [f"call-{n}" for n in range(30)]
SPOOL_BYTES = 64_000_000
STALL_S = 0.5  # the machine may be busy; a wait for the lock on the loop would be far longer


def told() -> list[Entry]:
    """Thirty calls that go on at the same time."""
    each = [entries(served_call(name, 1000.0 + n)) for n, name in enumerate(CALLS)]
    return [entry for step in zip(*each, strict=True) for entry in step]


@asynccontextmanager
async def recording(
    url: str, spooled: Path | None = None, limits: RecorderLimits = QUICK
) -> AsyncIterator[tuple[Recorder, SqlStore]]:
    """A run; its end is a kill: nothing more is written. With `spooled` it has a spool there."""
    store = SqlStore(connect(url), "RU")
    spool = None if spooled is None else Spool(SpoolSettings(spooled, SPOOL_BYTES))
    if spool is not None:
        await spool.open()
    recorder = Recorder(store, limits, spool)
    task = tasks.spawn(recorder.run(), "recorder")
    try:
        yield recorder, store
    finally:
        await tasks.stop(task)
        if spool is not None:
            await spool.close()
        await store.close()


async def put_over_time(recorder: Recorder, told: list[Entry]) -> None:
    for entry in told:
        recorder.put(entry)
        await asyncio.sleep(0.001)


async def assert_whole(store: SqlStore) -> None:
    for n, name in enumerate(CALLS):
        assert await store.call(CallId(name)) == fold(served_call(name, 1000.0 + n))
    assert len((await store.calls(CallFilter(), 1000)).items) == len(CALLS)


@contextmanager
def spared() -> Iterator[None]:
    """The collector is spared as in the daemon, so that a stall is not its look at what the test holds."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


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


@pytest.mark.fault(16)
@pytest.mark.postgres
async def test_postgres_stops_amid_the_traffic_and_comes_back(postgres_server: Postgres, postgres_url: str) -> None:
    await upgrade(postgres_url)
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


@pytest.mark.fault(16)
@pytest.mark.postgres
async def test_postgres_stops_we_are_killed_and_both_come_back(
    postgres_server: Postgres, postgres_url: str, tmp_path: Path, figure: Figure
) -> None:
    await upgrade(postgres_url)
    entries_told = told()
    async with recording(postgres_url, tmp_path / "spool") as (recorder, _):
        await put_over_time(recorder, entries_told[:100])
        await until(lambda: recorder.written > 0, "some written")
        await asyncio.to_thread(postgres_server.stop)
        await put_over_time(recorder, entries_told[100:200])
    async with recording(postgres_url, tmp_path / "spool") as (recorder, store):
        try:
            await put_over_time(recorder, entries_told[200:])
            with pytest.raises(StorageError):
                await recorder.caught_up()
        finally:
            postgres_server.start()  # not in a thread: the server would end with it
        back_at = time.monotonic()
        await until(lambda: not recorder._spooled.replaying, "what the killed one left is written", 30.0)
        assert await recorder.flush(30.0)
        figure("caught up with PostgreSQL after", time.monotonic() - back_at, "s")
        assert recorder.replayed > 0
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


@pytest.mark.fault(16)
async def test_sqlite_is_locked_by_another_program_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    monkeypatch.setattr("acd.records.database.BUSY_TIMEOUT_S", 4 * STALL_S)
    entries_told = told()
    await upgrade(f"sqlite+aiosqlite:///{tmp_path}/acd.db")
    async with recording(f"sqlite+aiosqlite:///{tmp_path}/acd.db", tmp_path / "spool") as (recorder, store):
        await put_over_time(recorder, entries_told[:100])
        assert await recorder.flush(10.0)
        stall = asyncio.create_task(longest_stall_s())  # noqa: TID251
        with spared(), closing(sqlite3.connect(tmp_path / "acd.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            await put_over_time(recorder, entries_told[100:])
            await until(recorder.health, "found to be locked")
            assert "is locked by another program" in (recorder.health() or "")
            assert len((await store.calls(CallFilter(), 1000)).items) == len(CALLS)  # readers do not mind
            other.rollback()
        assert await recorder.flush(10.0)
        stall.cancel()
        figure("longest stall of the loop", await stall * 1000, "ms")
        assert await stall < STALL_S
        await assert_whole(store)


async def test_the_sqlite_file_cannot_be_written_for_a_while(tmp_path: Path, writers: list[sqlite3.Connection]) -> None:
    entries_told = told()
    await upgrade(f"sqlite+aiosqlite:///{tmp_path}/acd.db")
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


@pytest.mark.fault(16)
@pytest.mark.parametrize("killed", [True, False], ids=["killed", "lives on"])
async def test_ten_minutes_without_the_database_at_two_thousand_calls_an_hour(
    killed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    """Told as fast as it goes; memory has room for a tenth of it, the rest is in the spool alone."""
    monkeypatch.setattr("acd.records.database.BUSY_TIMEOUT_S", 0.2)
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    limits = replace(QUICK, waiting=30)
    calls = [served_call(f"call-{n:04d}", 1000.0 + n) for n in range(333)]
    all_entries = [entry for events in calls for entry in entries(events)]
    await upgrade(url)
    stall = asyncio.create_task(longest_stall_s())  # noqa: TID251
    with spared(), closing(sqlite3.connect(tmp_path / "acd.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        async with recording(url, tmp_path / "spool", limits) as (recorder, store):
            for n, entry in enumerate(all_entries):
                recorder.put(entry)
                await asyncio.sleep(0.001 if n % 20 == 0 else 0)
            assert (recorder.queued, recorder.dropped) == (len(all_entries), 0)
            await until(recorder.health, "found to be locked")
            on_disk = sum(path.stat().st_size for path in (tmp_path / "spool").glob("*.spool"))
            figure("calls meanwhile", len(calls), "calls")
            figure("facts in the spool", len(all_entries), "facts")
            figure("spool", on_disk / 1e6, "MB")
            assert on_disk < SPOOL_BYTES
            if not killed:
                other.rollback()
                back_at = time.monotonic()
                assert await recorder.flush(30.0)
                assert (recorder.written, recorder.dropped) == (len(all_entries), 0)
        other.rollback()
        if killed:
            back_at = time.monotonic()
            async with recording(url, tmp_path / "spool", limits) as (recorder, store):
                await recorder.caught_up()
                assert (recorder.replayed, recorder.set_aside) == (len(all_entries), 0)
        figure("caught up after", time.monotonic() - back_at, "s")
        stall.cancel()
        figure("longest stall of the loop", await stall * 1000, "ms")
    assert await stall < STALL_S
    store = SqlStore(connect(url), "RU")
    kept = await store.whole_calls([events[0].call_id for events in calls])
    assert len((await store.calls(CallFilter(), 1000)).items) == len(calls)
    await store.close()
    missing = [events for events in calls if kept.get(events[0].call_id) != fold(events)]
    figure("records missing", len(missing), "records")
    assert not missing


@pytest.mark.fault(16)
async def test_one_disk_is_full_for_the_database_and_the_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Figure
) -> None:
    """Then memory is all there is; health says both, and with room again everything is written."""
    monkeypatch.setattr("acd.records.scribe.RETRY_S", 0.1)
    entries_told = told()
    with small_disk(tmp_path / "disk") as disk, capture_logs(), spared():
        url = f"sqlite+aiosqlite:///{disk.path}/acd.db"
        await upgrade(url)
        stall = asyncio.create_task(longest_stall_s())  # noqa: TID251
        async with recording(url, disk.path / "spool") as (recorder, store):
            await put_over_time(recorder, entries_told[:100])
            assert await recorder.flush(10.0)
            disk.fill()
            await put_over_time(recorder, entries_told[100:])
            spool = recorder._spool
            assert spool is not None
            await until(lambda: recorder.health() and spool.health(), "both are told")
            assert "The disk that holds" in (recorder.health() or "")
            assert "lost if the daemon is killed" in (spool.health() or "")
            assert spool.shed > 0
            disk.free()
            freed_at = time.monotonic()
            assert await recorder.flush(10.0)
            figure("written when there is room after", time.monotonic() - freed_at, "s")
            assert (recorder.written, recorder.dropped) == (len(entries_told), 0)
            await assert_whole(store)
            await until(lambda: _spooled_again(recorder), "the spool is written again")
        stall.cancel()
        figure("longest stall of the loop", await stall * 1000, "ms")
        assert await stall < STALL_S


def _spooled_again(recorder: Recorder) -> bool:
    """A fact more, as long as it takes."""
    recorder.put(entries(served_call("later", 5000.0))[0])
    spool = recorder._spool
    return spool is not None and spool.health() is None


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
