"""Making, upgrading and checking a real database, and what is said when it cannot be used."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, event, text

from acd.errors import RecordRefused, StorageError
from acd.ports import CallFilter
from acd.queues.journey import Fact, fold
from acd.queues.model import CallId
from acd.records.database import connect, parse
from acd.records.schema import VERSION_TABLE, check, upgrade
from acd.records.store import SqlStore
from acd.records.tables import metadata
from tests.contract.stores import url_of
from tests.journeys import entered, entries, journey, served_call, waiting_call
from tests.postgres import PASSWORD, Postgres

REAL = pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
UPGRADERS = 4
UPGRADER = """
import asyncio, sys
from acd.records.schema import upgrade
print("ready", flush=True)
sys.stdin.readline()
asyncio.run(upgrade(sys.argv[1]))
"""


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(kind, request, tmp_path)


async def fault(url: str) -> str:
    """What `check` says."""
    with pytest.raises(StorageError) as caught:
        await check(url)
    assert PASSWORD not in repr(caught.value)
    return str(caught.value)


def refusal(url: str) -> str:
    with pytest.raises(StorageError) as caught:
        connect(url)
    assert "secret" not in str(caught.value)
    return str(caught.value)


async def execute(url: str, statement: str) -> None:
    engine = connect(url)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@REAL
async def test_a_fresh_database_needs_an_upgrade_and_then_is_well(url: str) -> None:
    assert "run `acd db upgrade`" in await fault(url)
    await upgrade(url)
    await check(url)
    await upgrade(url)
    await check(url)


@REAL
async def test_the_migrations_make_the_tables_that_the_program_uses(url: str) -> None:
    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, metadata))

    await upgrade(url)
    engine = connect(url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


@REAL
async def test_the_index_of_open_calls_has_no_ended_ones(url: str) -> None:
    """The program's tables leave that out, and comparing them with the migrations does not see it."""
    made = {
        "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'ix_calls_open'",
        "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_calls_open'",
    }
    await upgrade(url)
    engine = connect(url)
    async with engine.connect() as connection:
        said = (await connection.execute(text(made[engine.dialect.name]))).scalar_one()
    await engine.dispose()
    assert re.search(r"WHERE \(?ended_at IS NULL", said), said


@REAL
async def test_processes_that_upgrade_at_once_do_not_hurt_each_other(url: str) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", UPGRADER, url, **pipes) for _ in range(UPGRADERS)
    ]
    for process in started:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    said = [(await process.communicate())[0].decode() for process in started]
    assert [process.returncode for process in started] == [0] * UPGRADERS, said
    assert said == [""] * UPGRADERS  # and nothing is printed or logged
    await check(url)


@REAL
async def test_the_schema_of_a_newer_program_is_left_alone(url: str) -> None:
    await upgrade(url)
    await execute(url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert "was made by a newer version of this program" in await fault(url)
    with pytest.raises(StorageError, match="made by a newer version"):
        await upgrade(url)


@REAL
async def test_a_failed_upgrade_leaves_nothing_half_made(url: str) -> None:
    await execute(url, "CREATE TABLE agent_sessions (somebody_elses INTEGER)")
    with pytest.raises(StorageError):
        await upgrade(url)
    await execute(url, "DROP TABLE agent_sessions")
    await upgrade(url)
    await check(url)


@REAL
async def test_a_second_writer_that_is_behind_undoes_nothing(url: str) -> None:
    await upgrade(url)
    ahead, behind = SqlStore(connect(url), "RU"), SqlStore(connect(url), "RU")
    events = served_call("a", 1000.0)
    told = entries(events)
    await behind.write(told[:3])
    await ahead.write(told)
    for entry in told[3:-1]:
        await behind.write([entry])
        assert await ahead.call(CallId("a")) == fold(events)
    await ahead.close()
    await behind.close()


async def test_an_upgrade_does_not_touch_other_peoples_logging(tmp_path: Path) -> None:
    before = (logging.getLogger().level, list(logging.getLogger().handlers))
    await upgrade(f"sqlite+aiosqlite:///{tmp_path}/acd.db")
    assert (logging.getLogger().level, logging.getLogger().handlers) == before


async def test_the_directory_is_made(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/var/lib/acd.db"
    await upgrade(url)
    await check(url)


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "sqlite:///var/acd.db", "mysql://acd:secret@host/acd", "postgresql://acd:secret@host/acd"],
)
def test_other_databases_are_refused_with_the_forms_that_work(url: str) -> None:
    assert "sqlite+aiosqlite:///" in refusal(url)


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
def test_a_database_without_a_file_is_refused(url: str) -> None:
    assert "names no file" in refusal(url)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)  # what Python does for a package that is not there
    assert "`asyncpg` is not installed" in refusal("postgresql+asyncpg://acd:secret@host/acd")


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert f"The directory {tmp_path}/file/var" in refusal(f"sqlite+aiosqlite:///{tmp_path}/file/var/acd.db")


async def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "acd.db").mkdir()
    assert "cannot be opened" in await fault(f"sqlite+aiosqlite:///{tmp_path}/acd.db")


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "acd.db").write_text("Dear diary, " * 100)
    assert "is no SQLite database" in await fault(f"sqlite+aiosqlite:///{tmp_path}/acd.db")


async def test_a_database_that_another_program_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acd.records.database.BUSY_TIMEOUT_S", 0.1)
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    await upgrade(url)
    with closing(sqlite3.connect(tmp_path / "acd.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "is locked by another program" in await fault(url)


async def test_a_full_disk_is_called_full(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    await upgrade(url)
    store = SqlStore(connect(url), "RU")

    def no_page_more(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    event.listen(Engine, "connect", no_page_more)
    try:
        with pytest.raises(StorageError, match="is full: free some space"):
            await store.write([e for n in range(500) for e in entries(waiting_call(f"c{n}", 1.0))])
    finally:
        event.remove(Engine, "connect", no_page_more)
    assert (await store.calls(CallFilter(), 10)).items == ()
    await store.close()


async def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    await upgrade(url)
    monkeypatch.setattr("acd.records.schema.FREE_BYTES_NEEDED", 2**60)
    assert "is nearly full" in await fault(url)


@pytest.mark.postgres
async def test_a_wrong_password(postgres_server: Postgres, postgres_url: str) -> None:
    said = await fault(postgres_server.url(parse(postgres_url).database or "", password="another-secret"))
    assert "refuses the user `acd`" in said and "another-secret" not in said


@pytest.mark.postgres
async def test_a_database_that_does_not_exist(postgres_server: Postgres) -> None:
    assert "does not exist on the server: create it (`createdb -O acd nowhere`)" in await fault(
        postgres_server.url("nowhere")
    )


async def test_a_server_that_does_not_run() -> None:
    assert "on 127.0.0.1:1 cannot be reached" in await fault(f"postgresql+asyncpg://acd:{PASSWORD}@127.0.0.1:1/acd")


@pytest.mark.postgres
async def test_a_server_that_only_reads(postgres_server: Postgres, postgres_url: str) -> None:
    await upgrade(postgres_url)
    database = parse(postgres_url).database or ""
    postgres_server.sql("postgres", f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    assert "is read-only" in await fault(postgres_url)


@pytest.mark.postgres
async def test_a_user_without_rights(postgres_server: Postgres, postgres_url: str) -> None:
    await upgrade(postgres_url)
    database = parse(postgres_url).database or ""
    postgres_server.sql(database, f"DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    said = await fault(postgres_url.replace("//acd:", "//guest:"))
    assert "The user `guest` lacks rights" in said


@pytest.mark.postgres
async def test_a_value_the_database_cannot_hold_is_refused_and_not_quoted(postgres_url: str) -> None:
    await upgrade(postgres_url)
    store = SqlStore(connect(postgres_url), "RU")
    for bad in ("+7495\0" + "1234567", "\ud800" + "1234567", "9" * 1_000_000):
        events = journey("bad", entered(1.0, "+74950000001"), (Fact.QUEUED, 2.0, {"queue": bad}))
        with pytest.raises(RecordRefused) as caught:
            await store.write([*entries(waiting_call("good", 1.0)), *entries(events)])
        assert "1234567" not in str(caught.value)
    assert (await store.calls(CallFilter(), 10)).items == ()
    await store.close()


async def test_a_value_that_sqlite_cannot_hold_is_refused_and_nothing_of_its_batch_is_kept(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    await upgrade(url)
    store = SqlStore(connect(url), "RU")
    for bad in ("\ud800", 2**80):
        events = journey("bad", entered(1.0), (Fact.QUEUED, 2.0, {"queue": "sales"}))
        made = entries(events)
        record = made[1].record
        assert record is not None
        spoilt = replace(made[1], record=replace(record, node=bad))  # type: ignore[arg-type]
        with pytest.raises(RecordRefused):
            await store.write([*entries(waiting_call("good", 1.0)), spoilt])
    assert (await store.calls(CallFilter(), 10)).items == ()
    await store.close()


def test_a_database_that_cannot_be_opened_leaves_no_thread_that_outlives_the_loop(tmp_path: Path) -> None:
    """Such a thread would die with a traceback on the screen of whoever typed the command."""
    closed, wrong = tmp_path / "closed", tmp_path / "wrong.db"
    closed.mkdir()
    (closed / "acd.db").mkdir()
    wrong.write_text("Dear diary, " * 100)
    before = set(threading.enumerate())
    for _ in range(20):
        for path in (closed / "acd.db", wrong):
            asyncio.run(fault(f"sqlite+aiosqlite:///{path}"))
            assert set(threading.enumerate()) <= before
