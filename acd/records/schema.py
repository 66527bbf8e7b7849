"""Bringing the schema up to date, and telling whether the database can be used.

Migrations run in one transaction under a lock, so two processes that upgrade at once take turns and the second finds
nothing to do; a step that fails leaves the schema as it was.

Which revisions there are is told by the names of their files, and alembic imported only when there is something to do:
it costs a quarter of a second, and callers wait for a daemon that starts.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from sqlalchemy import URL, Connection, column, inspect, select, table, text, update
from sqlalchemy.ext.asyncio.engine import AsyncEngine

from acd.errors import StorageError
from acd.records import database
from acd.records.explain import place, translated
from acd.records.tables import calls

VERSION_TABLE = "acd_schema_version"
"""Ours alone: another program that uses alembic in the same database keeps its own."""

FREE_BYTES_NEEDED = 16 * 1024 * 1024
"""On the disk of a SQLite file: some 6,000 calls, time enough for somebody to notice."""

_UPGRADE_LOCK = 0x616364  # "acd": the number of PostgreSQL's advisory lock
_MIGRATIONS = Path(__file__).parent / "migrations"


async def upgrade(url: str) -> None:
    """Create or upgrade the schema. StorageError when the database cannot be used or is of a newer program."""
    async with database.connected(url, migrating=True) as engine:
        with translated(engine.url):
            async with engine.connect() as plain:
                connection = await plain.execution_options(**{database.WRITES: True})
                async with connection.begin():
                    await connection.run_sync(_upgrade)


async def check(url: str) -> None:
    """Nothing when the database answers, can be written and has our schema; else StorageError saying what to do."""
    async with database.connected(url) as engine:
        with translated(engine.url):
            await _check(engine)
        _check_disk(engine.url)


async def _check(engine: AsyncEngine) -> None:
    async with engine.connect() as plain:
        await plain.run_sync(_check_version)
    async with engine.connect() as plain:
        connection = await plain.execution_options(**{database.WRITES: True})
        async with connection.begin():
            # Changes nothing, and still needs the rights, a writable file and a disk that is not full.
            version = table(VERSION_TABLE, column("version_num"))
            await connection.execute(update(version).values(version_num=version.c.version_num))
            await connection.execute(update(calls).where(calls.c.id == "").values(seq=calls.c.seq))


def _check_disk(url: URL) -> None:
    """A full disk still takes a write that needs no new page, so the free space is asked for."""
    if url.drivername != database.SQLITE or not url.database:
        return
    if shutil.disk_usage(Path(url.database).parent).free < FREE_BYTES_NEEDED:
        raise StorageError(f"The disk that holds {place(url)} is nearly full: free some space.")


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    current = _revision(connection)
    if current is not None and current not in _revisions():
        raise _newer(connection, current)
    if current != _revisions()[0]:
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_version(connection: Connection) -> None:
    current = _revision(connection)
    if current is None:
        raise StorageError(f"There are no tables of ours yet in {place(connection.engine.url)}: run `acd db upgrade`.")
    if current not in _revisions():
        raise _newer(connection, current)
    if current != _revisions()[0]:
        raise StorageError(
            f"The schema of {place(connection.engine.url)} is the older {current}, this program needs "
            f"{_revisions()[0]}: run `acd db upgrade`."
        )


def _newer(connection: Connection, current: str) -> StorageError:
    return StorageError(
        f"The schema {current} of {place(connection.engine.url)} was made by a newer version of this program (this one "
        f"knows up to {_revisions()[0]}): install that version, or restore the backup made before it."
    )


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.execute(select(column("version_num")).select_from(table(VERSION_TABLE))).scalar()
    return found


@cache
def _revisions() -> tuple[str, ...]:
    """All revisions this program knows, newest first: `v0003_legs.py` is 0003."""
    names = (path.name for path in (_MIGRATIONS / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py"))
    return tuple(sorted((name[1:5] for name in names), reverse=True))
