"""Every night what has been kept long enough is erased: a page of rows at a time, with pauses, beside the calls.

What is kept how long is decided table by table (`records.keep_days`). Calls are made nobody's and stay for the figures;
facts, messages with their sound, agents' states and files of the event log go. A night that was missed (the daemon was
down) is made good at the next start. A failure costs the night, is told by /readyz as degraded, and is tried again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Row

from acd.config import Settings
from acd.errors import StorageError
from acd.eventlog import EventLog
from acd.ports import Clock
from acd.records import erase
from acd.records.store import SqlStore

log = structlog.get_logger(__name__)

DAY_S: Final = 86_400.0
PAUSE_S: Final = 0.05
"""Between two pages: nine tenths of the time belong to those who write."""
CATCH_UP_AFTER_S: Final = 60.0
"""After the start: not while the house is being read back."""

Each = Callable[[Connection, Sequence[Row[Any]]], int]


@dataclass(frozen=True, slots=True)
class KeepDays:
    """Days that each kind is kept; 0: for ever. `messages` are rows and sound files."""

    calls: int = 0
    facts: int = 0
    messages: int = 0
    agent_sessions: int = 0
    event_log: int = 0


class Retention:
    """`nightly` must be running. `erased` counts, by kind, since the start."""

    def __init__(
        self,
        keep: KeepDays,
        store: SqlStore,
        clock: Clock,
        zone: str,
        hour: int,
        event_log: EventLog | None = None,
        recordings: str | None = None,
    ) -> None:
        """At `hour` o'clock of `zone`. `recordings`: where messages lie that may be removed."""
        self._keep = keep
        self._store = store
        self._clock = clock
        self._zone = ZoneInfo(zone)
        self._hour = hour
        self._event_log = event_log
        self._recordings = Path(recordings) if recordings else None
        self._done: dict[str, erase.Place] = {}
        self._problem: str | None = None
        self.erased: Counter[str] = Counter(calls=0, facts=0, messages=0, agent_sessions=0, event_log=0)

    @classmethod
    def of(cls, settings: Settings, store: SqlStore, clock: Clock, event_log: EventLog | None) -> Retention:
        """As the configuration asks for."""
        records, asked = settings.records, dict(settings.records.keep_days)
        keep = {kind: records.retention_days if days is None else days for kind, days in asked.items()}
        recordings = settings.voicemail.directory
        return cls(KeepDays(**keep), store, clock, settings.timezone, records.purge_hour, event_log, recordings)

    def health(self) -> str | None:
        """One sentence when the last purge did not come to its end."""
        return self._problem

    async def nightly(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(CATCH_UP_AFTER_S)
        await self.purge(self._clock.now() - DAY_S)
        while True:
            await asyncio.sleep(max(1.0, self.next_night(self._clock.now()) - self._clock.now()))
            await self.purge(self._clock.now())

    def next_night(self, now: float) -> float:
        """When the hour strikes next after `now`, in seconds since 1970."""
        here = datetime.fromtimestamp(now, self._zone)
        for days in (0, 1):
            night = datetime.combine(here.date() + timedelta(days=days), time(self._hour), self._zone).timestamp()
            if night > now:
                return night
        return now + DAY_S

    async def purge(self, now: float) -> None:
        """Erase what is over at `now`."""
        before = self.erased.copy()
        problems: list[str] = []
        for kind, work in (
            ("calls", self._calls),
            ("facts", self._facts),
            ("messages", self._messages),
            ("agent_sessions", self._agent_sessions),
            ("event_log", self._files),
        ):
            days = getattr(self._keep, kind)
            if not days:
                continue
            try:
                await work(now - days * DAY_S)
            except (StorageError, OSError) as error:
                problems.append(f"{kind}: {error.strerror if isinstance(error, OSError) else error}")
        self._problem = f"not everything was erased in time ({'; '.join(problems)})" if problems else None
        done = {kind: count - before[kind] for kind, count in self.erased.items() if count != before[kind]}
        if problems:
            log.error("purge failed", problems=problems, **done)
        elif done:
            log.info("purged", **done)

    async def _calls(self, before: float) -> None:
        await self._walk("calls", before, erase.anonymise)

    async def _facts(self, before: float) -> None:
        await self._walk("facts", before, erase.delete_facts)

    async def _walk(self, kind: str, before: float, each: Each) -> None:
        """Over all ended calls that entered before, but for those that an earlier night has seen."""
        place = self._done.get(kind, erase.Place())
        found: Sequence[Row[Any]] = ()
        changed = 0

        def page(connection: Connection) -> None:
            nonlocal found, changed
            found = erase.ended_calls(connection, before, place)
            changed = each(connection, found)

        while True:
            await self._store.change(page)
            self.erased[kind] += changed
            if len(found) < erase.PAGE:
                break
            place = erase.Place(found[-1].entered_at, found[-1].id)
            await asyncio.sleep(PAUSE_S)
        self._done[kind] = erase.Place(before - DAY_S)  # calls that were live for long were passed over

    async def _messages(self, before: float) -> None:
        stuck: set[str] = set()
        refused = ""
        while ids := await self._store.look(lambda connection: erase.messages(connection, before, stuck)):
            gone, why = await asyncio.to_thread(remove_sound, self._recordings, ids)
            stuck.update(set(ids) - set(gone))
            refused = why or refused
            await self._store.change(partial(self._delete_messages, gone))
            await asyncio.sleep(PAUSE_S)
        if stuck:
            raise StorageError(f"{len(stuck)} sound files cannot be removed ({refused})")

    def _delete_messages(self, ids: Sequence[str], connection: Connection) -> None:
        self._count("messages", erase.delete_messages(connection, ids))

    async def _agent_sessions(self, before: float) -> None:
        lasting = await self._store.look(lambda connection: erase.lasting_sessions(connection, before))
        after: int | None = 0

        def page(connection: Connection) -> None:
            nonlocal after
            assert after is not None
            deleted, after = erase.delete_sessions(connection, before, after, lasting)
            self._count("agent_sessions", deleted)

        while after is not None:
            await self._store.change(page)
            await asyncio.sleep(PAUSE_S)

    async def _files(self, before: float) -> None:
        if self._event_log is not None:
            await self._event_log.expire(before)
            self.erased["event_log"] = self._event_log.expired

    def _count(self, kind: str, rows: int) -> None:
        self.erased[kind] += rows


def remove_sound(recordings: Path | None, ids: Sequence[str]) -> tuple[list[str], str]:
    """Remove the messages of these calls; those that are gone, and why others could not be removed."""
    gone, why = [], ""
    for call_id in ids:
        try:
            if recordings is not None:
                (recordings / f"{call_id}.wav").unlink(missing_ok=True)
            gone.append(call_id)
        except OSError as error:
            why = error.strerror or type(error).__name__
    return gone, why
