"""Journeys for tests: facts of a call told in a line each, and the entries they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from acd.ports import Entry
from acd.queues.commands import AgentChanged
from acd.queues.journey import CallRecord, Fact, JourneyEvent, Value, apply, fold
from acd.queues.model import AgentId, AgentState, CallId

Told = tuple[Fact, float, dict[str, Value]]
"""A fact, the moment it came, and its data."""


def journey(call_id: str, *told: Told) -> list[JourneyEvent]:
    """The facts in order, numbered from 1."""
    return [JourneyEvent(CallId(call_id), seq, at, fact, data) for seq, (fact, at, data) in enumerate(told, start=1)]


def entered(at: float, number: str = "+74951234567", **more: Value) -> Told:
    return Fact.ENTERED, at, {"node": "main", "did": "74950000000", "number": number, "name": "Иван", **more}


def queued(at: float, queue: str = "sales", **more: Value) -> Told:
    return Fact.QUEUED, at, {"queue": queue, **more}


def offered(at: float, offer_id: str, agent: str = "1001") -> Told:
    return Fact.OFFERED, at, {"offer_id": offer_id, "agent": agent}


def offer_ended(at: float, offer_id: str, result: str, agent: str = "1001") -> Told:
    return Fact.OFFER_ENDED, at, {"offer_id": offer_id, "agent": agent, "result": result}


def accepted(at: float, offer_id: str, agent: str = "1001") -> Told:
    return Fact.ACCEPTED, at, {"offer_id": offer_id, "agent": agent}


def connected(at: float, offer_id: str, agent: str = "1001") -> Told:
    return Fact.CONNECTED, at, {"offer_id": offer_id, "agent": agent}


def talk_ended(at: float, by: str = "agent", agent: str = "1001") -> Told:
    return Fact.TALK_ENDED, at, {"agent": agent, "by": by}


def survey_asked(at: float) -> Told:
    return Fact.SURVEY_ASKED, at, {"question": "nps"}


def survey_ended(at: float, result: str, score: int | None = None) -> Told:
    return Fact.SURVEY_ENDED, at, {"result": result, "score": score, "reason": ""}


def overflowed(at: float, to: str, via: str = "queue", reason: str = "max_waiting", **more: Value) -> Told:
    return Fact.OVERFLOWED, at, {"from": "sales", "to": to, "via": via, "reason": reason, **more}


def voicemail(at: float, duration_s: float | None = 12.5) -> Told:
    return Fact.VOICEMAIL, at, {"duration_s": duration_s, "file": "acd/x.wav"}


def ended(at: float, outcome: str = "answered", by: str = "caller") -> Told:
    return Fact.ENDED, at, {"outcome": outcome, "by": by}


def served_call(call_id: str, at: float, number: str = "+74951234567", agent: str = "1001") -> list[JourneyEvent]:
    """A call from trunk to survey, 60.5 seconds long, that the second agent answered."""
    first, second = f"{call_id}-1", f"{call_id}-2"
    return journey(
        call_id,
        entered(at, number),
        queued(at + 0.125),
        offered(at + 0.25, first, "1009"),
        offer_ended(at + 5.25, first, "refused", "1009"),
        offered(at + 5.3, second, agent),
        accepted(at + 8.1, second, agent),
        connected(at + 8.2, second, agent),
        talk_ended(at + 50.7, agent=agent),
        survey_asked(at + 51.0),
        survey_ended(at + 58.0, "answered", 9),
        (Fact.DISPOSITION, at + 59.0, {"code": "sale", "amount": 1999.9, "note": "Да"}),
        ended(at + 60.5),
    )


def transferred_call(call_id: str, at: float) -> list[JourneyEvent]:
    """A call that one agent handed over to another, who had been asked through a queue; they talk on."""
    first, second = f"{call_id}-1", f"{call_id}-question-1"
    return journey(
        call_id,
        entered(at),
        queued(at + 0.125),
        offered(at + 0.25, first, "1001"),
        connected(at + 5.0, first, "1001"),
        talk_ended(at + 65.5, agent="1001"),
        (Fact.TRANSFERRED, at + 65.5, {"from": "1001", "to": "1002", "kind": "attended", "target": "agent"}),
        queued(at + 65.5, "support"),
        connected(at + 65.5, second, "1002"),
    )


def question_call(call_id: str, at: float, into: str) -> list[JourneyEvent]:
    """A call from an agent's own phone, merged into the customer's."""
    return journey(
        call_id, entered(at, "1001", agent="1001"), queued(at, "support"), (Fact.MERGED, at + 9.0, {"into": into}),
        ended(at + 9.0),
    )  # fmt: skip


def waiting_call(call_id: str, at: float, number: str = "+74951234567", queue: str = "sales") -> list[JourneyEvent]:
    """A call that waits in its queue."""
    return journey(call_id, entered(at, number), queued(at + 0.125, queue))


def abandoned_call(call_id: str, at: float, number: str = "+74951234567") -> list[JourneyEvent]:
    """A call that waited ten seconds and left."""
    return journey(call_id, entered(at, number), queued(at + 0.125), ended(at + 10.0, "abandoned"))


def entries(events: Iterable[JourneyEvent]) -> list[Entry]:
    """What the dispatcher hands to the recorder for these facts: each with the record it leads to."""
    records: dict[CallId, CallRecord] = {}
    made = []
    for event in events:
        records[event.call_id] = apply(records.get(event.call_id), event)
        made.append(Entry(journey=event, record=records[event.call_id]))
    return made


def bare(events: Iterable[JourneyEvent]) -> CallRecord:
    """The record of these facts as lists have it, without the facts."""
    return replace(fold(events), events=())


def change(
    at: float, state: AgentState, agent: str = "1001", reason: str | None = None, call_id: str | None = None
) -> Entry:
    """An agent's change of state."""
    call = None if call_id is None else CallId(call_id)
    return Entry(agent=AgentChanged(at, AgentId(agent), state, reason, call))
