"""What a batch of entries comes down to: the newest record of every call, each fact once, the agents' changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from acd.errors import RecordRefused
from acd.ports import Entry
from acd.queues.commands import AgentChanged, AgentKept
from acd.queues.journey import CallRecord, JourneyEvent
from acd.queues.model import AgentId, CallId


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries sorted out: `records` and `facts` by call, facts by their `seq`, changes of agents as they came.

    `kept`: the last of each agent.
    """

    records: Mapping[CallId, CallRecord]
    facts: Mapping[CallId, Mapping[int, JourneyEvent]]
    changes: tuple[AgentChanged, ...]
    kept: Mapping[AgentId, AgentKept]

    def new_facts(self, call_id: CallId, known_seq: int) -> list[JourneyEvent]:
        """The call's facts to be written when the store has its record up to `known_seq`, in order.

        A record brings all its facts along, so a fact whose own entry was lost is made good by the next one.
        """
        later = {event.seq: event for event in self.records[call_id].events if event.seq > known_seq}
        own = self.facts.get(call_id, {})
        return [event for _, event in sorted({**later, **own}.items())]


def collect(entries: Sequence[Entry]) -> Batch:
    """Sort the entries out. RecordRefused for a fact without the record it leads to."""
    records: dict[CallId, CallRecord] = {}
    facts: dict[CallId, dict[int, JourneyEvent]] = {}
    changes: list[AgentChanged] = []
    kept: dict[AgentId, AgentKept] = {}
    for entry in entries:
        if entry.record is not None:
            known = records.get(entry.record.id)
            if known is None or known.seq < entry.record.seq:
                records[entry.record.id] = entry.record
        if entry.journey is not None:
            if entry.record is None or entry.record.id != entry.journey.call_id:
                raise RecordRefused("A fact of a call was handed over without the record of that call.")
            facts.setdefault(entry.journey.call_id, {}).setdefault(entry.journey.seq, entry.journey)
        if entry.agent is not None:
            changes.append(entry.agent)
        if entry.kept is not None:
            kept[entry.kept.agent_id] = entry.kept
    return Batch(records, facts, tuple(changes), kept)
