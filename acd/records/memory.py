"""The store in plain memory: the same contract as the SQL one, for a daemon that need not remember and for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice, pairwise

from acd.numbers import normalise
from acd.ports import AgentSession, CallFilter, Entry, Page, Store
from acd.queues.commands import AgentChanged, AgentKept
from acd.queues.journey import CallRecord, JourneyEvent
from acd.queues.model import AgentId, CallId
from acd.queues.places import LEFT
from acd.records import cursor as cursors
from acd.records.batch import Batch, collect

MAX_PAGE = 1000
"""Calls on one page, whatever was asked for."""


class MemoryStore(Store):
    """Keeps at most `max_calls` calls and as many changes of each agent; the ended ones first written go first."""

    def __init__(self, default_region: str, max_calls: int = 100_000) -> None:
        self._region = default_region
        self._max_calls = max_calls
        self._records: dict[CallId, CallRecord] = {}  # without their events
        self._events: dict[CallId, dict[int, JourneyEvent]] = {}
        self._kept: dict[AgentId, AgentKept] = {}
        self._alive_at: float | None = None
        self._changes: dict[AgentId, dict[tuple[float, str], AgentChanged]] = {}

    async def write(self, entries: Sequence[Entry]) -> None:
        batch = collect(entries)  # refuses before anything has changed
        for call_id, record in batch.records.items():
            self._write_call(batch, call_id, record)
        for change in batch.changes:
            own = self._changes.setdefault(change.agent_id, {})
            own.setdefault((change.at, change.state), change)
            if len(own) > self._max_calls:
                del own[next(iter(own))]
        self._kept.update(batch.kept)
        self._forget()

    async def call(self, call_id: CallId) -> CallRecord | None:
        record = self._records.get(call_id)
        return None if record is None else self._whole(record)

    async def whole_calls(self, call_ids: Sequence[CallId]) -> Mapping[CallId, CallRecord]:
        return {call_id: self._whole(self._records[call_id]) for call_id in call_ids if call_id in self._records}

    async def calls(self, wanted: CallFilter, limit: int, cursor: str | None = None) -> Page:
        limit = max(1, min(limit, MAX_PAGE))
        end = None if cursor is None else cursors.decode(cursor)
        found = [
            record
            for record in reversed(self._in_order())
            if (end is None or _place(record) < end) and self._fits(record, wanted)
        ]
        if len(found) <= limit:
            return Page(tuple(found), None)
        return Page(tuple(found[:limit]), cursors.encode(*_place(found[limit - 1])))

    async def open_calls(self) -> tuple[CallRecord, ...]:
        """Oldest first."""
        return tuple(self._whole(record) for record in self._in_order() if record.ended_at is None)

    async def ended_among(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        known = (self._records.get(call_id) for call_id in call_ids)
        return frozenset(record.id for record in known if record is not None and record.ended_at is not None)

    async def ended_since(self, at: float) -> tuple[CallRecord, ...]:
        """Oldest first."""
        return tuple(r for r in self._in_order() if r.ended_at is not None and r.entered_at >= at)

    async def left_since(self, at: float, limit: int) -> tuple[CallRecord, ...]:
        """Oldest first."""
        left = [
            record
            for record in self._records.values()
            if record.ended_at is not None and record.ended_at >= at and record.outcome in LEFT and record.number
        ]
        latest = sorted(left, key=lambda record: (record.ended_at, record.id))[-limit:]
        return tuple(self._whole(record) for record in latest)

    async def last_served(self, limit: int) -> tuple[tuple[str, AgentId], ...]:
        """Of the latest `limit` served calls."""
        served = [record for record in reversed(self._in_order()) if record.agent is not None and record.number]
        latest: dict[str, AgentId] = {}
        for record in served[:limit]:
            latest.setdefault(record.number, AgentId(str(record.agent)))
        return tuple(latest.items())

    async def surveyed_since(self, at: float) -> Mapping[str, float]:
        asked: dict[str, float] = {}
        for record in self._records.values():
            moment = record.survey_asked_at
            if record.number and moment is not None and moment >= at:
                asked[record.number] = max(moment, asked.get(record.number, moment))
        return asked

    async def standings(self) -> tuple[AgentKept, ...]:
        return tuple(kept for _, kept in sorted(self._kept.items()))

    async def stamp(self, at: float) -> None:
        self._alive_at = at

    async def last_stamp(self) -> float | None:
        return self._alive_at

    async def agent_sessions(self, agent_id: AgentId, since: float, until: float) -> tuple[AgentSession, ...]:
        """Those that overlap `since` <= t < `until`, whole, oldest first; stretches of no length are left out."""
        changes = sorted(self._changes.get(agent_id, {}).values(), key=lambda change: change.at)
        return tuple(
            session
            for session in _sessions(changes)
            if session.began_at < until and (session.ended_at is None or session.ended_at > since)
        )

    async def close(self) -> None:
        """Nothing to close."""

    def _write_call(self, batch: Batch, call_id: CallId, record: CallRecord) -> None:
        known = self._records.get(call_id)
        events = self._events.setdefault(call_id, {})
        for event in batch.new_facts(call_id, known.seq if known else 0):
            events.setdefault(event.seq, event)
        if known is None or known.seq < record.seq:
            self._records[call_id] = replace(record, events=())

    def _forget(self) -> None:
        excess = len(self._records) - self._max_calls
        if excess <= 0:
            return
        ended = (call_id for call_id, record in self._records.items() if record.ended_at is not None)
        for call_id in list(islice(ended, excess)):
            del self._records[call_id]
            del self._events[call_id]

    def _whole(self, record: CallRecord) -> CallRecord:
        return replace(record, events=tuple(event for _, event in sorted(self._events[record.id].items())))

    def _in_order(self) -> list[CallRecord]:
        return sorted(self._records.values(), key=_place)

    def _fits(self, record: CallRecord, wanted: CallFilter) -> bool:
        return (
            wanted.queue in (None, record.queue)
            and wanted.agent in (None, record.agent)
            and (wanted.number is None or self._same_number(wanted.number, record.number))
            and wanted.ended in (None, record.ended_at is not None)
            and (wanted.since is None or record.entered_at >= wanted.since)
            and (wanted.until is None or record.entered_at < wanted.until)
            and wanted.voicemail in (None, record.message is not None)
            and wanted.heard in (None, record.message is not None and record.message.heard_at is not None)
        )

    def _same_number(self, one: str, other: str) -> bool:
        return normalise(one, self._region) == normalise(other, self._region)


def _place(record: CallRecord) -> tuple[float, str]:
    return record.entered_at, record.id


def _sessions(changes: Sequence[AgentChanged]) -> Iterable[AgentSession]:
    for change, following in pairwise([*changes, None]):
        assert change is not None
        ended_at = None if following is None else following.at
        if ended_at != change.at:
            yield AgentSession(change.agent_id, change.state, change.reason, change.call_id, change.at, ended_at)
