"""The day's figures: what today's call records add up to, kept up to date fact by fact.

A record counts the same whether its call still lives or was loaded at boot: when a fact changes it, what it counted
before is taken off and what it counts now is put on. Nothing is counted from anything but records.

A transferred call counts in the queue it is in last, and as answered with each of its agents; each has the talk of the
own legs. A call from an agent's own phone is no customer's: only the talk of those who were asked counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from acd.queues.journey import CallRecord, Fact
from acd.queues.model import AgentId, CallId, OfferResult, Outcome
from acd.queues.views import AgentToday, QueueToday

COUNTED = frozenset({Fact.QUEUED, Fact.OFFER_ENDED, Fact.CONNECTED, Fact.TALK_ENDED, Fact.ENDED})
"""The facts after which a record may count differently."""


@dataclass(slots=True)
class _QueueDay:
    offered: int = 0
    decided: int = 0  # answered, or ended without: what the service level is a share of
    answered: int = 0
    abandoned: int = 0
    in_time: int = 0


@dataclass(slots=True)
class _AgentDay:
    answered: int = 0
    missed: int = 0
    talk_s: float = 0.0


class DayFigures:
    """Counters of the local day that began at `day_began_at`. `service_level_s` is by queue name, in seconds."""

    def __init__(self, service_level_s: dict[str, float]) -> None:
        self._service_level_s = service_level_s
        self._queues: defaultdict[str, _QueueDay] = defaultdict(_QueueDay)
        self._agents: defaultdict[AgentId, _AgentDay] = defaultdict(_AgentDay)
        self._changed: set[AgentId] = set()
        self._answered_by: dict[tuple[CallId, str], float | None] = {}  # what held when live calls were answered
        self.day_began_at = 0.0

    def reconfigure(self, service_level_s: dict[str, float], live: Iterable[CallRecord]) -> None:
        """Other times from now on. What was answered by now is judged by what held then, as it was counted.

        `live`: the calls that may still be counted anew.
        """
        for record in live:
            if record.answered_at is not None and record.queue is not None:
                key = (record.id, record.queue)
                self._answered_by.setdefault(key, self._service_level_s.get(record.queue))
        self._service_level_s = service_level_s

    def begin(self, day_began_at: float) -> None:
        """A new day: all counters at nought."""
        self._changed.update(self._agents)
        self._queues.clear()
        self._agents.clear()
        self.day_began_at = day_began_at

    def changed(self, before: CallRecord | None, after: CallRecord) -> None:
        """A call's record is `after` now; None before its first fact, or when it was loaded."""
        if after.entered_at >= self.day_began_at:
            if before is not None:
                self._count(before, -1)
            self._count(after, 1)
        if after.ended_at is not None and self._answered_by:
            for queue in {leg.queue for leg in after.legs} | {after.queue}:
                self._answered_by.pop((after.id, queue or ""), None)

    def _count(self, record: CallRecord, sign: int) -> None:
        if record.queue is not None and record.from_agent is None:
            self._count_queue(record, record.queue, sign)
        for offer in record.offers:
            if offer.result is OfferResult.NO_ANSWER:
                self._agents[offer.agent].missed += sign
        legs = [(leg.agent, leg.talk_s or 0.0) for leg in record.legs] or [(record.agent, record.talk_s or 0.0)]
        for agent in {agent for agent, _ in legs if agent is not None and record.from_agent is None}:
            self._agents[agent].answered += sign
        for talker, talk_s in legs:
            if talker is not None:
                self._changed.add(talker)
                self._agents[talker].talk_s += sign * talk_s

    def _count_queue(self, record: CallRecord, name: str, sign: int) -> None:
        day = self._queues[name]
        day.offered += sign
        if record.answered_at is not None:
            day.decided += sign
            day.answered += sign
            limit_s = self._answered_by.get((record.id, name), self._service_level_s.get(name))
            if limit_s is not None and record.wait_s is not None and record.wait_s <= limit_s:
                day.in_time += sign
        elif record.outcome is not None:
            day.decided += sign
            if record.outcome is Outcome.ABANDONED:
                day.abandoned += sign

    def take_changed(self) -> set[AgentId]:
        """The agents whose calls or talk have been counted anew since the last time."""
        changed, self._changed = self._changed, set()
        return changed

    def queue(self, name: str) -> QueueToday:
        """The queue's day so far."""
        day = self._queues.get(name, _QueueDay())
        level = day.in_time / day.decided if day.decided else None
        return QueueToday(day.offered, day.answered, day.abandoned, level)

    def agent(self, agent_id: AgentId) -> AgentToday:
        """The agent's day so far; talk counts when it has ended."""
        day = self._agents.get(agent_id, _AgentDay())
        return AgentToday(day.answered, day.missed, max(0.0, round(day.talk_s, 6)))
