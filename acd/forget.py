"""`acd forget NUMBER`: everything that is kept of a caller is erased, beside a running daemon or without one.

Calls stay as figures and lose number, name and note; messages go with their sound; the number is taken out of what
people wrote in other calls; files of the event log that mention it are removed (a running daemon begins a new one). A
live call is not touched: it is said, and to be forgotten when it is over. What Asterisk has noted of calls without a
daemon loses the number before anything else: the record that is made of it must not bring it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection

from acd.ami.fields import AsteriskTime
from acd.ami.notes import Notes
from acd.ami.registry import Registry
from acd.ami.visit import visit
from acd.config import Settings
from acd.errors import AmiError, StorageError
from acd.eventlog import files
from acd.masking import mask
from acd.numbers import normalise
from acd.parts import ami_settings, spool_path
from acd.records import database, erase, schema
from acd.records.store import SqlStore
from acd.retention import PAUSE_S, remove_sound

SHORTEST: Final = 7
"""Digits. Shorter numbers are extensions, and stand in many a text by chance."""

Tell = Callable[[str], Any]


@dataclass
class Forgotten:
    """What was done; `left`: sentences about what could not be."""

    calls: int = 0
    mentions: int = 0
    messages: int = 0
    event_logs: int = 0
    notes: int = 0
    left: list[str] = field(default_factory=list)


def number_of(text: str, region: str) -> str | None:
    """The number as the records hold it; None when it is none that can be looked for."""
    number = normalise(text, region)
    return number if len(erase.digits_of(number)) >= SHORTEST else None


async def run(settings: Settings, number: str, tell: Tell) -> bool:
    """Forget a number as `number_of` gives it; True when nothing of it is left. StorageError."""
    await schema.check(settings.database)
    async with database.connected(settings.database) as engine:
        store = SqlStore(engine, settings.default_country)
        try:
            done = await Eraser(store, settings, number).everything()
        finally:
            await store.close()
    await asyncio.to_thread(_empty_wal, database.parse(settings.database))
    tell(f"{mask(number)}: {done.calls} calls made nobody's, {done.messages} messages deleted")
    tell(f"taken out of what was written in {done.mentions} other calls; {done.event_logs} event log files removed")
    if done.notes:
        tell(f"taken out of {done.notes} notes of Asterisk's")
    for sentence in done.left:
        tell(f"left: {sentence}")
    tell("a running daemon remembers for whom it keeps a place or an agent until it is started anew")
    return not done.left


class Eraser:
    """Forgets one number in one house."""

    def __init__(self, store: SqlStore, settings: Settings, number: str) -> None:
        self._store = store
        self._settings = settings
        self._number = number
        recordings = settings.voicemail.directory
        self._recordings = Path(recordings) if recordings else None
        self._done = Forgotten()

    async def everything(self) -> Forgotten:
        """Where it can be found."""
        await self._notes()
        await self._own_calls()
        await self._mentions()
        await self._event_logs()
        await self._what_is_left()
        return self._done

    async def _notes(self) -> None:
        for asterisk in self._settings.asterisk:
            try:
                async with visit(ami_settings(self._settings, asterisk)) as client:
                    notes = Notes(client, Registry({}), AsteriskTime(), self._settings.default_country)
                    done, live = await notes.make_nobodys(self._number, time.time())
            except AmiError as error:
                what = f"what Asterisk {asterisk.name} noted of calls without a daemon"
                self._done.left.append(f"{what}: it cannot be asked ({error})")
                continue
            self._done.notes += done
            if live:
                where = f"Asterisk {asterisk.name}'s own queue"
                self._done.left.append(f"{live} calls in {where} are not touched: forget once more afterwards")

    async def _own_calls(self) -> None:
        while ids := await self._store.look(self._page):
            with_message = await self._store.look(partial(_messages_of, ids))
            gone, why = await asyncio.to_thread(remove_sound, self._recordings, with_message)
            if why:
                raise StorageError(f"a message in {self._recordings} cannot be removed: {why}")
            if gone and self._recordings is None:
                self._done.left += [
                    f"the sound of a message, recording/acd/{call_id}.wav in Asterisk's spool" for call_id in gone
                ]
            await self._store.change(partial(self._make_nobodys, ids, gone))
            await asyncio.sleep(PAUSE_S)

    def _page(self, connection: Connection) -> list[str]:
        return [row.id for row in erase.calls_of(connection, self._number)]

    def _make_nobodys(self, ids: Sequence[str], with_message: Sequence[str], connection: Connection) -> None:
        found = [row for row in erase.calls_of(connection, self._number) if row.id in set(ids)]
        calls, messages = erase.anonymise(connection, found), erase.delete_messages(connection, with_message)
        self._done.calls += calls
        self._done.messages += messages

    async def _mentions(self) -> None:
        ids = await self._store.look(partial(_mentions, self._number))
        for start in range(0, len(ids), erase.PAGE):
            await self._store.change(partial(self._take_out, ids[start : start + erase.PAGE]))
            await asyncio.sleep(PAUSE_S)

    def _take_out(self, ids: Sequence[str], connection: Connection) -> None:
        self._done.mentions += erase.take_out(connection, ids, self._number)

    async def _event_logs(self) -> None:
        path = self._settings.event_log.path
        if path is None:
            return
        needle = erase.digits_of(self._number).encode()
        for part in files(Path(path)):
            try:
                if await asyncio.to_thread(_holds, part, needle):
                    part.unlink(missing_ok=True)
                    self._done.event_logs += 1
            except OSError as error:
                self._done.left.append(f"{part} may mention it and cannot be removed: {error.strerror}")

    async def _what_is_left(self) -> None:
        live = await self._store.look(partial(_live, self._number))
        if live:
            self._done.left.append(f"{live} calls that have not ended are not touched: forget once more afterwards")
        spool = spool_path(self._settings)
        needle = erase.digits_of(self._number).encode()
        if spool is not None and await asyncio.to_thread(_spooled, spool, needle):
            self._done.left.append(
                f"the spool {spool} holds it for a few minutes more, until the daemon has no use for it: nothing comes "
                "back from there"
            )
        region = self._settings.default_country
        if any(normalise(known, region) == self._number for known in self._settings.callers):
            self._done.left.append("the configuration names it under `callers`")


def _empty_wal(url: URL) -> None:
    """SQLite's log still holds the pages as they were; a reader in between may keep it until its next turn."""
    if url.drivername == database.SQLITE and url.database is not None:
        with contextlib.closing(sqlite3.connect(url.database, timeout=database.BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _messages_of(ids: Sequence[str], connection: Connection) -> list[str]:
    return erase.messages_of(connection, ids)


def _mentions(number: str, connection: Connection) -> list[str]:
    return erase.mentions(connection, number)


def _live(number: str, connection: Connection) -> int:
    return erase.live_calls_of(connection, number)


def _spooled(spool: Path, needle: bytes) -> bool:
    for segment in spool.glob("*.spool"):
        with contextlib.suppress(FileNotFoundError):  # the daemon throws them away as it goes
            if _holds(segment, needle):
                return True
    return False


def _holds(part: Path, needle: bytes) -> bool:
    with part.open("rb") as lines:
        return any(needle in line for line in lines)
