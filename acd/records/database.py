"""Engines for the two databases we speak, with every limit and timeout set."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio.engine import AsyncEngine, create_async_engine

from acd.errors import StorageError

SQLITE = "sqlite+aiosqlite"
POSTGRES = "postgresql+asyncpg"

BUSY_TIMEOUT_S = 5.0  # a second writer (a backup) is done long before; the wait is in a thread
POOL_SIZE = 5  # one for the writer, the rest for reports and pages
POOL_OVERFLOW = 5
POOL_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 15.0
MIGRATION_TIMEOUT_S = 600.0  # of one statement; a year of calls is rewritten in far less
DRIVER_END_S = 1.0
RECYCLE_S = 1800.0  # below the idle limits of common firewalls and poolers
WAL_KEPT_BYTES = 16 * 1024 * 1024  # a long report lets the WAL grow; afterwards it is cut back to this

WRITES = "acd_writes"
"""Execution option of a connection: its transaction takes SQLite's write lock at the start.

A SQLite transaction that reads first and then writes fails at once, without waiting, when somebody else wrote in
between; with the lock taken at the start it waits its turn.
"""


def parse(url: str) -> URL:
    """The parsed address. StorageError when it is not one of a database we speak."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in (SQLITE, POSTGRES):
        raise StorageError(
            f"`database` must begin with `{SQLITE}:///` (and a file name) or `{POSTGRES}://` (and a server)."
        )
    if parsed.drivername == SQLITE and parsed.database in (None, "", ":memory:"):
        raise StorageError(f"`database` names no file: write `{SQLITE}:///var/acd.db`.")
    return parsed


def connect(url: str, *, migrating: bool = False) -> AsyncEngine:
    """An engine for the database at `url`; nothing is contacted yet, SQLite's directory is created.

    `migrating` gives each statement a long time (another process may be migrating just now) and switches SQLite's
    foreign keys off: it alters a table by replacing it, which must not cascade.
    StorageError when the address is wrong, the driver is missing or the directory cannot be made.
    """
    parsed = parse(url)
    options = _sqlite_options(parsed, migrating) if parsed.drivername == SQLITE else _postgres_options(migrating)
    try:
        engine = create_async_engine(
            parsed,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_TIMEOUT_S,
            hide_parameters=True,  # they are people's numbers, and errors end in logs
            **options,
        )
    except ModuleNotFoundError as error:
        raise StorageError(
            f"The driver `{error.name}` is not installed: `pip install 'asterisk-acd[postgres]'`, or use SQLite."
        ) from error
    if parsed.drivername == SQLITE:
        _prepare_sqlite(engine.sync_engine, foreign_keys=not migrating)
    return engine


@asynccontextmanager
async def connected(url: str, *, migrating: bool = False) -> AsyncIterator[AsyncEngine]:
    """`connect` for a short while. Afterwards nothing of it is left, not even after a connection that failed.

    The SQLite driver ends a thread of its own without waiting for it, and a thread that outlives the event loop dies
    with a traceback on the user's screen.
    """
    before = set(threading.enumerate())
    engine = connect(url, migrating=migrating)
    try:
        yield engine
    finally:
        await engine.dispose()
        with suppress(TimeoutError):
            async with asyncio.timeout(DRIVER_END_S):
                while _driver_threads() - before:  # noqa: ASYNC110 - a thread announces its end to nobody
                    await asyncio.sleep(0.001)


def _driver_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if "_connection_worker_thread" in thread.name}


def connect_in_thread(url: URL) -> Engine:
    """An engine for a SQLite file that works in the thread that calls it; its transactions are for writing."""
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        pool_size=1,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        hide_parameters=True,
        connect_args={"timeout": BUSY_TIMEOUT_S},
        execution_options={WRITES: True},
    )
    _prepare_sqlite(engine, foreign_keys=True)
    return engine


def _sqlite_options(url: URL, migrating: bool) -> dict[str, Any]:
    directory = Path(url.database or "").parent
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The directory {directory} for the database cannot be made ({error.strerror}): "
            "make it, and give it to the daemon's user."
        ) from error
    return {"connect_args": {"timeout": MIGRATION_TIMEOUT_S if migrating else BUSY_TIMEOUT_S}}


def _postgres_options(migrating: bool) -> dict[str, Any]:
    return {
        "pool_pre_ping": True,
        "pool_recycle": RECYCLE_S,
        "connect_args": {
            "timeout": CONNECT_TIMEOUT_S,
            "command_timeout": MIGRATION_TIMEOUT_S if migrating else COMMAND_TIMEOUT_S,
            # Our statements are short; compiling them costs more than running them.
            "server_settings": {"application_name": "acd", "jit": "off"},
        },
    }


def _prepare_sqlite(engine: Engine, foreign_keys: bool) -> None:
    pragmas = (
        "journal_mode=WAL",  # readers do not wait for the writer, nor the writer for them
        "synchronous=NORMAL",  # safe in WAL: a power cut may lose the last moment, never the file
        "secure_delete=ON",  # what is erased is overwritten, not only passed over
        f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
        f"journal_size_limit={WAL_KEPT_BYTES}",
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not where the driver guesses
        cursor = connection.cursor()
        try:
            for pragma in pragmas:
                cursor.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()  # the pool would leave it, and its thread, to the garbage collector
            raise
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
