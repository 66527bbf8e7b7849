"""Records as rows and back again. Exact both ways: what is read equals what was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from acd.numbers import normalise
from acd.ports import AgentSession
from acd.queues.commands import AgentChanged, AgentKept
from acd.queues.journey import CallRecord, Fact, JourneyEvent, LegRecord, Message, OfferRecord
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, Outcome, Side, Standing, SurveyResult

Values = dict[str, Any]
"""One row to be written: column name -> value."""

_OFFER_FACTS = frozenset({Fact.OFFERED, Fact.OFFER_ENDED, Fact.ACCEPTED, Fact.CONNECTED})


def call_values(record: CallRecord, region: str) -> Values:
    """The row of `calls`."""
    return {
        "id": record.id,
        "seq": record.seq,
        "node": record.node,
        "number": record.number,
        "number_norm": normalise(record.number, region),
        "did": record.did,
        "name": record.name,
        "queue": record.queue,
        "entered_at": record.entered_at,
        "queued_at": record.queued_at,
        "answered_at": record.answered_at,
        "talk_ended_at": record.talk_ended_at,
        "ended_at": record.ended_at,
        "outcome": record.outcome,
        "ended_by": record.ended_by,
        "wait_s": record.wait_s,
        "talk_s": record.talk_s,
        "agent": record.agent,
        "from_agent": record.from_agent,
        "merged_into": record.merged_into,
        "legs": [asdict(leg) for leg in record.legs],
        "disposition": None if record.disposition is None else dict(record.disposition),
        "reconciled": record.reconciled,
        "fallback": record.fallback,
    }


def event_values(event: JourneyEvent) -> Values:
    """The row of `call_events`."""
    return {
        "call_id": event.call_id,
        "seq": event.seq,
        "at": event.at,
        "fact": event.fact,
        "data": dict(event.data),
    }


def offer_values(record: CallRecord, known_seq: int, fresh: Sequence[JourneyEvent]) -> list[Values]:
    """The rows of `offers` that the fresh facts touch; all of them when facts since `known_seq` are missing."""
    whole = {event.seq for event in fresh}.issuperset(range(known_seq + 1, record.seq + 1))
    touched = {event.data.get("offer_id") for event in fresh if event.fact in _OFFER_FACTS}
    return [
        {
            "call_id": record.id,
            "nth": nth,
            "offer_id": offer.offer_id,
            "agent": offer.agent,
            "at": offer.at,
            "result": offer.result,
            "ring_s": offer.ring_s,
        }
        for nth, offer in enumerate(record.offers, start=1)
        if not whole or offer.offer_id in touched
    ]


def survey_values(record: CallRecord) -> list[Values]:
    """The row of `surveys`, when there is anything to say."""
    if record.survey_asked_at is None and record.survey_result is None:
        return []
    return [
        {
            "call_id": record.id,
            "asked_at": record.survey_asked_at,
            "result": record.survey_result,
            "score": record.survey_score,
        }
    ]


def message_values(record: CallRecord) -> list[Values]:
    """The row of `voicemails`, when the caller left a message."""
    message = record.message
    if message is None:
        return []
    return [
        {"call_id": record.id, "at": message.at, "duration_s": message.duration_s, "heard_at": message.heard_at},
    ]


def change_values(change: AgentChanged) -> Values:
    """The row of `agent_sessions`."""
    return {
        "agent_id": change.agent_id,
        "began_at": change.at,
        "state": change.state,
        "reason": change.reason,
        "call_id": change.call_id,
    }


def kept_values(kept: AgentKept) -> Values:
    """The row of `agents`."""
    return {"agent_id": kept.agent_id, "at": kept.at, **asdict(kept.standing)}


def kept_of(row: Row[Any]) -> AgentKept:
    """What a row of `agents` holds."""
    facts = {name: value for name, value in row._mapping.items() if name not in ("agent_id", "at")}
    return AgentKept(row.at, AgentId(row.agent_id), Standing(**facts))


def record_of(row: Row[Any], offers: Sequence[OfferRecord] = (), events: Sequence[JourneyEvent] = ()) -> CallRecord:
    """The record of a row of `calls` joined with its survey (`asked_at`, `result`, `score`) and its message
    (`message_at`, `message_s`, `heard_at`).
    """
    return CallRecord(
        id=CallId(row.id),
        seq=row.seq,
        node=row.node,
        number=row.number,
        did=row.did,
        name=row.name,
        queue=row.queue,
        entered_at=row.entered_at,
        queued_at=row.queued_at,
        answered_at=row.answered_at,
        talk_ended_at=row.talk_ended_at,
        ended_at=row.ended_at,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        ended_by=None if row.ended_by is None else Side(row.ended_by),
        wait_s=row.wait_s,
        talk_s=row.talk_s,
        agent=None if row.agent is None else AgentId(row.agent),
        from_agent=None if row.from_agent is None else AgentId(row.from_agent),
        merged_into=None if row.merged_into is None else CallId(row.merged_into),
        legs=tuple(_leg_of(leg) for leg in row.legs or ()),
        offers=tuple(offers),
        survey_result=None if row.result is None else SurveyResult(row.result),
        survey_score=row.score,
        survey_asked_at=row.asked_at,
        disposition=row.disposition,
        message=None if row.message_at is None else Message(row.message_at, row.message_s, row.heard_at),
        reconciled=row.reconciled,
        fallback=bool(row.fallback),
        events=tuple(events),
    )


def _leg_of(leg: Values) -> LegRecord:
    ended_by = leg["ended_by"]
    return LegRecord(**{**leg, "ended_by": None if ended_by is None else Side(ended_by)})


def event_of(row: Row[Any]) -> JourneyEvent:
    """The fact of a row of `call_events`."""
    return JourneyEvent(CallId(row.call_id), row.seq, row.at, Fact(row.fact), row.data)


def offer_of(row: Row[Any]) -> OfferRecord:
    """The offer of a row of `offers`."""
    result = None if row.result is None else OfferResult(row.result)
    return OfferRecord(OfferId(row.offer_id), AgentId(row.agent), row.at, result, row.ring_s)


def session_of(row: Row[Any], ended_at: float | None) -> AgentSession:
    """The stretch that a row of `agent_sessions` began."""
    call_id = None if row.call_id is None else CallId(row.call_id)
    return AgentSession(AgentId(row.agent_id), row.state, row.reason, call_id, row.began_at, ended_at)
