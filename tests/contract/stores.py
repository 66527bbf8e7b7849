"""The stores that the contract is held against: plain memory, a SQLite file, a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from acd.ports import Store
from acd.records.database import connect
from acd.records.memory import MemoryStore
from acd.records.schema import upgrade
from acd.records.store import SqlStore

REGION = "RU"
KINDS = ["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def url_of(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database of this kind."""
    if kind == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/acd.db"
    return str(request.getfixturevalue("postgres_url"))


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[Store]:
    """A store at this address, its schema up to date; None is memory."""
    if url is None:
        yield MemoryStore(REGION)
        return
    await upgrade(url)
    store = SqlStore(connect(url), REGION)
    try:
        yield store
    finally:
        await store.close()
