"""The daemon's ports in memory: a small shop whose pictures the tests set, built from the real dataclasses."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from acd.errors import AcdError, NotAllowed, StorageError, UnknownAgent, UnknownCall, UnknownQueue
from acd.feed import LiveFeed
from acd.ports import AgentSession, CallFilter, ConfigView, Entry, Page, ReloadView
from acd.queues import decisions
from acd.queues.journey import CallRecord, Fact, JourneyEvent, apply, fold
from acd.queues.model import AgentId, AgentState, CallId, QueueName
from acd.queues.views import AgentToday, AgentView, AgentWhy, Candidate, NodeView, Prospect, QueueToday, QueueView, Why

NOW = 1_790_000_000.0


class FakeMirrors:
    """Fallback queues that know of everybody but `behind`, by endpoint."""

    def __init__(self) -> None:
        self.behind: set[str] = set()
        self.waited_for: list[str] = []

    def mirrored(self, endpoint: str) -> bool:
        return endpoint not in self.behind

    async def until_mirrored(self, endpoint: str, within_s: float) -> None:
        self.waited_for.append(endpoint)


def journey(call_id: str, at: float, *facts: tuple[Fact, dict[str, str | int | float | None]]) -> CallRecord:
    """A call whose facts follow each other by one second."""
    return fold(JourneyEvent(CallId(call_id), n, at + n - 1, fact, data) for n, (fact, data) in enumerate(facts, 1))


def waiting(call_id: str, at: float, number: str = "+79160000001", name: str = "") -> CallRecord:
    """A call that waits in `sales`."""
    entered: dict[str, str | int | float | None] = {
        "node": "main",
        "did": "74951234567",
        "number": number,
        "name": name,
    }
    return journey(call_id, at, (Fact.ENTERED, entered), (Fact.QUEUED, {"queue": "sales", "joined_at": at + 1}))


def and_then(record: CallRecord, *facts: tuple[Fact, dict[str, str | int | float | None]]) -> CallRecord:
    """The record with more facts, each a second after the other."""
    for fact, data in facts:
        at = record.events[-1].at + 1
        record = apply(record, JourneyEvent(record.id, record.seq + 1, at, fact, data))
    return record


def talking(call_id: str, at: float, agent: str = "1001", number: str = "+79160000002") -> CallRecord:
    """A call that `agent` has answered."""
    offer: dict[str, str | int | float | None] = {"offer_id": f"{call_id}-o1", "agent": agent}
    ranked = [(AgentId(agent), "idle 132.0 s"), (AgentId("1002"), "past the soft cap; idle 30.1 s")]
    why = decisions.data("longest_idle", 12, ranked, {"talking": 5, "wrap_up": 0, "skills": 40}, [AgentId(agent)])
    return and_then(
        waiting(call_id, at, number), (Fact.OFFERED, {**offer, **why}), (Fact.ACCEPTED, offer), (Fact.CONNECTED, offer)
    )


def ended(call_id: str, at: float, agent: str = "1001", number: str = "+79160000003") -> CallRecord:
    """A call that was answered, surveyed and ended."""
    return and_then(
        talking(call_id, at, agent, number),
        (Fact.TALK_ENDED, {"agent": agent, "by": "agent"}),
        (Fact.SURVEY_ENDED, {"result": "answered", "score": 9}),
        (Fact.ENDED, {"outcome": "answered", "by": "caller"}),
    )


def agent(agent_id: str, name: str, state: AgentState = AgentState.READY) -> AgentView:
    return AgentView(AgentId(agent_id), name, state, NOW - 60, None, None, {"sales": 5}, AgentToday(3, 1, 125.5))


class FakeReloads:
    """Answers as it is told to."""

    def __init__(self) -> None:
        self.answer: ReloadView | AcdError = ReloadView(NOW, "", "unchanged")

    async def reload(self, by: str) -> ReloadView:
        if isinstance(self.answer, AcdError):
            raise self.answer
        return replace(self.answer, by=by)


class FakeBoard:
    """Shows what it is told to show."""

    def __init__(self) -> None:
        self.at = NOW
        self.queue_views = [
            QueueView(QueueName("sales"), 1, 4.5, 2, 1, QueueToday(10, 8, 1, 0.75), 12.5),
            QueueView(QueueName("support"), 0, 0.0, 0, 0, QueueToday()),
        ]
        self.agent_views = [agent("1001", "Анна"), agent("1002", "Boris", AgentState.OFFLINE)]
        self.node_views = [NodeView("main", True, NOW - 3600, None)]
        self.config = ConfigView(NOW - 3600)
        self.calls: dict[str, CallRecord] = {}
        self.waits: dict[CallId, float] = {}
        self.reasons: dict[str, str] = {}
        self.worth_a_look: dict[str, str] = {}
        self.breaks = False

    def now(self) -> float:
        return self.at

    def queues(self) -> Sequence[QueueView]:
        if self.breaks:
            raise RuntimeError("secret of the inside +79161234567")
        return self.queue_views

    def agents(self) -> Sequence[AgentView]:
        return self.agent_views

    def nodes(self) -> Sequence[NodeView]:
        return self.node_views

    def live_calls(self) -> Sequence[CallRecord]:
        return sorted((call for call in self.calls.values() if call.ended_at is None), key=lambda call: call.entered_at)

    def waiting_calls(self, queue: str) -> Sequence[CallRecord]:
        if queue not in {view.name for view in self.queue_views}:
            raise UnknownQueue(queue)
        return [call for call in self.live_calls() if call.queue == queue and call.answered_at is None]

    def estimated_waits(self) -> Mapping[CallId, float]:
        return self.waits

    def estimated_wait_s(self, call_id: CallId) -> float | None:
        return self.waits.get(call_id)

    def call(self, call_id: CallId) -> CallRecord | None:
        return self.calls.get(call_id)

    def why(self, call_id: CallId) -> Why | None:
        if call_id not in {call.id for call in self.live_calls()}:
            return None
        candidate = Candidate(AgentId("1002"), "Boris", False, False, "logged out", obstacle="offline")
        return Why(call_id, self.at, "Nobody who could take it is ready.", 1, (candidate,), {"offline": 1})

    def agent_why(self, agent_id: AgentId) -> AgentWhy:
        reason = "skills: ru >= 1 is required, ru is missing"
        call = Prospect(CallId("a"), QueueName("sales"), 1, 0.12345, False, reason, "skills")
        summary = "ready; 1 waits, none of them for this agent: skills 1"
        return AgentWhy(agent_id, self.at, AgentState.READY, summary, 1, (call,))

    def problems(self) -> Mapping[str, str]:
        return self.reasons

    def configuration(self) -> ConfigView:
        return self.config

    def degraded(self) -> Mapping[str, str]:
        return self.worth_a_look


class FakeFloor:
    """Changes the board as the brain would, and tells the feed."""

    def __init__(self, board: FakeBoard, feed: LiveFeed) -> None:
        self._board = board
        self._feed = feed
        self.decides = asyncio.Event()  # clear it, and nothing is ever decided
        self.decides.set()

    async def login(self, agent_id: AgentId) -> AgentView:
        return await self._set(agent_id, AgentState.READY)

    async def logout(self, agent_id: AgentId) -> AgentView:
        return await self._set(agent_id, AgentState.OFFLINE)

    async def pause(self, agent_id: AgentId, reason: str) -> AgentView:
        return await self._set(agent_id, AgentState.PAUSED, reason)

    async def ready(self, agent_id: AgentId) -> AgentView:
        if self._agent(agent_id).state is AgentState.OFFLINE:
            raise NotAllowed("The agent is logged out; log in first.")
        return await self._set(agent_id, AgentState.READY)

    async def disposition(self, call_id: CallId, code: str, amount: float | None, note: str) -> CallRecord:
        record = self._board.calls.get(call_id)
        if record is None:
            raise UnknownCall("The call is not live any more.")
        record = and_then(record, (Fact.DISPOSITION, {"code": code, "amount": amount, "note": note}))
        self._board.calls[call_id] = record
        self._feed.publish(call=record)
        return record

    async def message_heard(self, call_id: CallId) -> CallRecord:
        return self._noted(call_id, (Fact.HEARD, {}))

    async def prioritise(self, call_id: CallId, priority: float, by: str) -> CallRecord:
        return self._noted(call_id, (Fact.PRIORITY, {"priority": priority, "by": by}))

    async def move(self, call_id: CallId, queue: QueueName, by: str) -> CallRecord:
        if queue not in {view.name for view in self._board.queue_views}:
            raise UnknownQueue(queue)
        joined_at = self._board.calls[call_id].queued_at
        queued = (Fact.QUEUED, {"queue": queue, "joined_at": joined_at})
        return self._noted(call_id, (Fact.MOVED, {"queue": queue, "by": by}), queued)

    async def pull(self, call_id: CallId, agent_id: AgentId, by: str) -> CallRecord:
        if self._agent(agent_id).state is not AgentState.READY:
            raise NotAllowed("The agent is not ready.")
        offer = {"offer_id": f"{call_id}-pulled", "agent": agent_id}
        return self._noted(call_id, (Fact.PULLED, {"agent": agent_id, "by": by}), (Fact.OFFERED, {**offer}))

    def _noted(self, call_id: CallId, *facts: tuple[Fact, dict[str, str | int | float | None]]) -> CallRecord:
        record = self._board.calls[call_id] = and_then(self._board.calls[call_id], *facts)
        self._feed.publish(call=record)
        return record

    def _agent(self, agent_id: AgentId) -> AgentView:
        for view in self._board.agent_views:
            if view.id == agent_id:
                return view
        raise UnknownAgent(agent_id)

    async def _set(self, agent_id: AgentId, state: AgentState, reason: str | None = None) -> AgentView:
        await self.decides.wait()
        view = replace(self._agent(agent_id), state=state, reason=reason, since=self._board.now())
        self._board.agent_views = [view if view.id == old.id else old for old in self._board.agent_views]
        self._feed.publish(agent=view)
        return view


class FakeStore:
    """Ended calls in memory; the cursor is the number of the next item. `away` makes it fail."""

    def __init__(self) -> None:
        self.records: dict[str, CallRecord] = {}
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise StorageError("The database cannot be reached.")

    async def write(self, entries: Sequence[Entry]) -> None:
        self._check()
        self.records.update({entry.record.id: entry.record for entry in entries if entry.record})

    async def call(self, call_id: CallId) -> CallRecord | None:
        self._check()
        return self.records.get(call_id)

    async def whole_calls(self, call_ids: Sequence[CallId]) -> Mapping[CallId, CallRecord]:
        self._check()
        return {call_id: self.records[call_id] for call_id in call_ids if call_id in self.records}

    async def calls(self, wanted: CallFilter, limit: int, cursor: str | None = None) -> Page:
        self._check()
        start = int(cursor or 0)
        found = sorted(
            (record for record in self.records.values() if _matches(record, wanted)),
            key=lambda record: (record.entered_at, record.id),
            reverse=True,
        )
        page = tuple(replace(record, events=()) for record in found[start : start + limit])
        return Page(page, str(start + limit) if len(found) > start + limit else None)

    async def open_calls(self) -> tuple[CallRecord, ...]:
        self._check()
        return tuple(record for record in self.records.values() if record.ended_at is None)

    async def ended_since(self, at: float) -> tuple[CallRecord, ...]:
        self._check()
        return tuple(record for record in self.records.values() if record.ended_at and record.entered_at >= at)

    async def left_since(self, at: float, limit: int) -> tuple[CallRecord, ...]:
        self._check()
        return ()

    async def last_served(self, limit: int) -> tuple[tuple[str, AgentId], ...]:
        self._check()
        return ()

    async def surveyed_since(self, at: float) -> Mapping[str, float]:
        self._check()
        asked = {record.number: record.survey_asked_at for record in self.records.values()}
        return {number: when for number, when in asked.items() if when is not None and when >= at}

    async def agent_sessions(self, agent_id: AgentId, since: float, until: float) -> tuple[AgentSession, ...]:
        self._check()
        return ()

    async def close(self) -> None:
        self.records.clear()


def _matches(record: CallRecord, wanted: CallFilter) -> bool:
    return (
        wanted.queue in (None, record.queue)
        and wanted.agent in (None, record.agent)
        and wanted.number in (None, record.number)
        and wanted.ended in (None, record.ended_at is not None)
        and (wanted.since is None or wanted.since <= record.entered_at)
        and (wanted.until is None or record.entered_at < wanted.until)
        and wanted.voicemail in (None, record.message is not None)
        and wanted.heard in (None, record.message is not None and record.message.heard_at is not None)
    )


def message(call_id: str, at: float, *more: Fact) -> CallRecord:
    """A call that ended on the tape."""
    over: dict[str, str | int | float | None] = {"from": "sales", "to": "voicemail", "via": "voicemail"}
    taped: dict[str, str | int | float | None] = {"duration_s": 12.5, "file": f"acd/{call_id}.wav"}
    return and_then(
        waiting(call_id, at),
        (Fact.OVERFLOWED, over),
        (Fact.VOICEMAIL, taped),
        (Fact.ENDED, {"outcome": "closed", "by": "system"}),
        *((fact, {}) for fact in more),
    )
