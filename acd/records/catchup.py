"""From the spool's lines back to entries: what of them the store lacks, with the records they lead to.

A line has the fact alone. The record is folded from what the store has of the call and what the lines say, each fact
once, by number: a line that the store has already, or that comes twice, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog

from acd.ports import Entry, Store
from acd.queues.commands import AgentKept
from acd.queues.journey import CallRecord, Fact, JourneyEvent, fold
from acd.queues.model import AgentId, CallId
from acd.records.backlog import Waiting
from acd.records.lines import Line

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the last daemons left: calls that have not ended, oldest first, and what was last kept of each agent."""

    open_calls: tuple[CallRecord, ...] = ()
    standings: tuple[AgentKept, ...] = ()


async def lacking(lines: Sequence[Line], store: Store) -> list[Waiting]:
    """What the store lacks of these lines, in their order. StorageError."""
    facts = _by_call(line.fact for line in lines if line.fact is not None)
    known = await store.whole_calls(list(facts))
    records = {call_id: _merged(known.get(call_id), own) for call_id, own in facts.items()}
    later = await _kept_later(lines, store)
    had = {call_id: {event.seq for event in record.events} for call_id, record in known.items()}
    found = []
    for line in lines:
        if line.other is not None:
            if line.other.kept is None or line.other.kept.at >= later.get(line.other.kept.agent_id, 0.0):
                found.append(Waiting(line.other, line.n))
        elif line.fact is not None:
            record, seen = records[line.fact.call_id], had.setdefault(line.fact.call_id, set())
            if record is not None and line.fact.seq not in seen:
                seen.add(line.fact.seq)
                found.append(Waiting(Entry(journey=line.fact, record=record), line.n))
    return found


def gathered(lines: Iterable[Line]) -> Remembered:
    """The calls that are open by these lines, and whole; and the last word on each agent."""
    facts: dict[CallId, dict[int, JourneyEvent]] = {}
    ended: set[CallId] = set()
    standings: dict[AgentId, AgentKept] = {}
    for line in lines:
        if line.other is not None:
            if line.other.kept is not None:
                standings[line.other.kept.agent_id] = line.other.kept
        elif line.fact is not None and line.fact.call_id not in ended:
            if line.fact.fact is Fact.ENDED:
                ended.add(line.fact.call_id)
                facts.pop(line.fact.call_id, None)
            else:
                facts.setdefault(line.fact.call_id, {})[line.fact.seq] = line.fact
    records = [_merged(None, own) for own in facts.values() if max(own) == len(own)]
    whole = [record for record in records if record is not None]
    return Remembered(
        tuple(sorted(whole, key=lambda record: (record.entered_at, record.id))), tuple(standings.values())
    )


async def _kept_later(lines: Sequence[Line], store: Store) -> dict[AgentId, float]:
    """When the store last heard of the agents, if the lines speak of any: an old word must not undo a later one."""
    if not any(line.other is not None and line.other.kept is not None for line in lines):
        return {}
    return {kept.agent_id: kept.at for kept in await store.standings()}


def _by_call(events: Iterable[JourneyEvent]) -> dict[CallId, dict[int, JourneyEvent]]:
    facts: dict[CallId, dict[int, JourneyEvent]] = {}
    for event in events:
        facts.setdefault(event.call_id, {}).setdefault(event.seq, event)
    return facts


def _merged(known: CallRecord | None, facts: dict[int, JourneyEvent]) -> CallRecord | None:
    """What the store knows goes before; None when it is no call's story."""
    whole = facts | {event.seq: event for event in (known.events if known is not None else ())}
    try:
        return fold(event for _, event in sorted(whole.items()))
    except ValueError:
        log.exception("the facts of a call in the spool make no record", call=next(iter(facts.values())).call_id)
        return None
