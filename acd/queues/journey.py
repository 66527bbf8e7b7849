"""A call's journey: the facts of one call in order, and the record that is folded from them.

One code for live and historical figures: the live view of a call, the row in the database and every report come from
`apply`, fact by fact. A fact that comes twice (same `seq`) changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeGuard

from acd.queues.frozen import amend, replace
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, Outcome, Side, SurveyResult

Value = str | int | float | bool | None


class Fact(StrEnum):
    """Kinds of facts; the comment names the data keys."""

    ENTERED = "entered"  # node, did, number, name; priority when there is any; agent from whose own phone it came
    KNOWN = "known"  # name, points, priority (the call's own, with these points), about.<attribute>: if there is any
    QUEUED = "queued"  # queue; joined_at
    RESUMED = "resumed"  # earlier, joined_at: the place that an earlier call of the number left
    OVERFLOWED = "overflowed"  # from, to, via (queue, did, voicemail, goodbye), reason; did
    VOICEMAIL = "voicemail"  # duration_s (None: not known), file
    HEARD = "heard"  # - : somebody has listened to the message
    OFFERED = "offered"  # offer_id, agent; rule, ready, ranked, others, chosen: see decisions.py
    RINGING = "ringing"  # offer_id
    OFFER_ENDED = "offer_ended"  # offer_id, agent, result; reason, when there is one
    ACCEPTED = "accepted"  # offer_id, agent
    CONNECTED = "connected"  # offer_id, agent
    TALK_ENDED = "talk_ended"  # agent, by
    TRANSFERRED = (
        "transferred"  # from, to, kind (blind, attended), target (agent, queue, outside, nobody), consultation
    )
    RETURNED = "returned"  # agent, reason: a transfer to an agent came to nothing, the caller is in the line again
    MERGED = "merged"  # into: the call this one was asked for
    FALLBACK = "fallback"  # - : to Asterisk's own queue, no daemon being there
    PROMPT = "prompt"  # what
    SURVEY_ASKED = "survey_asked"  # question
    SURVEY_ENDED = "survey_ended"  # result, score, reason
    DISPOSITION = "disposition"  # code, amount, note
    PRIORITY = "priority"  # priority, by
    MOVED = "moved"  # queue, by
    PULLED = "pulled"  # agent, by
    RECONCILED = "reconciled"  # what
    ENDED = "ended"  # outcome, by


@dataclass(frozen=True, slots=True)
class JourneyEvent:
    """One fact. `seq` counts from 1 within the call; `at` is in seconds since 1970."""

    call_id: CallId
    seq: int
    at: float
    fact: Fact
    data: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)  # no slots: `replace` copies it as a whole
class OfferRecord:
    """One offer. `ring_s` is from the offer to its end or answer; None while it lives."""

    offer_id: OfferId
    agent: AgentId
    at: float
    result: OfferResult | None = None
    ring_s: float | None = None


@dataclass(frozen=True)
class Message:
    """What the caller left on tape; `duration_s` None when nobody saw the end of it."""

    at: float
    duration_s: float | None = None
    heard_at: float | None = None


@dataclass(frozen=True)
class LegRecord:
    """One conversation: with whom (None: nobody of ours), for which queue; `talk_s` and `ended_by` when it is over."""

    agent: AgentId | None
    queue: str | None
    offer_id: OfferId | None
    began_at: float
    talk_s: float | None = None
    ended_by: Side | None = None


@dataclass(frozen=True)  # no slots: `replace` copies it as a whole
class CallRecord:
    """All that is known of one call. Moments in seconds since 1970, durations in seconds, None where not (yet) so.

    `agent` is who talked with the caller last, `talk_s` the sum over the legs that are over. A call with `from_agent`
    came from an agent's own phone; it is no customer's, and `merged_into` is the customer's call it was made for.
    """

    id: CallId
    seq: int = 0  # the last fact applied
    node: str = ""
    number: str = ""
    did: str = ""
    name: str = ""
    queue: str | None = None
    entered_at: float = 0.0
    queued_at: float | None = None
    answered_at: float | None = None
    talk_ended_at: float | None = None
    ended_at: float | None = None
    outcome: Outcome | None = None
    ended_by: Side | None = None
    wait_s: float | None = None
    talk_s: float | None = None
    agent: AgentId | None = None
    offers: tuple[OfferRecord, ...] = ()
    legs: tuple[LegRecord, ...] = ()
    from_agent: AgentId | None = None
    merged_into: CallId | None = None
    survey_result: SurveyResult | None = None
    survey_score: int | None = None
    survey_asked_at: float | None = None
    disposition: Mapping[str, Value] | None = None
    message: Message | None = None
    reconciled: bool = False
    fallback: bool = False  # it was in Asterisk's own queue, nobody of us being there
    events: tuple[JourneyEvent, ...] = ()


_OF_POINTS = (Fact.PRIORITY, Fact.KNOWN, Fact.ENTERED)


def own_priority(record: CallRecord) -> float | None:
    """The points of the call's own that were last heard of; None when no fact speaks of them."""
    for event in reversed(record.events):
        points = event.data.get("priority") if event.fact in _OF_POINTS else None
        if _is_number(points):
            return float(points)
    return None


_BLANK = CallRecord(id=CallId(""))


def fold(events: Iterable[JourneyEvent]) -> CallRecord:
    """The record that the facts of one call give; ValueError when there are none."""
    record: CallRecord | None = None
    for event in events:
        record = apply(record, event)
    if record is None:
        raise ValueError("a journey has at least one fact")
    return record


def apply(record: CallRecord | None, event: JourneyEvent) -> CallRecord:
    """The record after one more fact. A fact that was applied already is ignored."""
    if record is None:
        record = _BLANK
    if event.seq <= record.seq:
        return record
    record = replace(record, id=event.call_id, seq=event.seq, events=(*record.events, event))
    change = _CHANGES.get(event.fact)
    return change(record, event) if change else record  # the copy is nobody's yet: a change may be made in it


def _entered(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return amend(
        record,
        node=_text(event, "node"),
        did=_text(event, "did"),
        number=_text(event, "number"),
        name=_text(event, "name"),
        entered_at=event.at,
        from_agent=AgentId(_text(event, "agent")) or None,
    )


def _known(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, name=_text(event, "name") or record.name)


def _queued(record: CallRecord, event: JourneyEvent) -> CallRecord:
    joined = event.data.get("joined_at")
    first = record.queued_at
    if first is None:
        first = float(joined) if _is_number(joined) else event.at
    # Who hung up on an earlier agent does not say who ends the call now.
    return amend(record, queue=_text(event, "queue"), queued_at=first, ended_by=None)


def _overflowed(record: CallRecord, event: JourneyEvent) -> CallRecord:
    """Who is let go waits no longer; who goes to another queue waits on."""
    if _text(event, "via") not in ("voicemail", "goodbye"):
        return record
    return replace(record, wait_s=_waited_s(record, event.at))


def _voicemail(record: CallRecord, event: JourneyEvent) -> CallRecord:
    if record.message is not None:
        return record
    duration_s = event.data.get("duration_s")
    return replace(record, message=Message(event.at, float(duration_s) if _is_number(duration_s) else None))


def _heard(record: CallRecord, event: JourneyEvent) -> CallRecord:
    if record.message is None or record.message.heard_at is not None:
        return record
    return replace(record, message=replace(record.message, heard_at=event.at))


def _offered(record: CallRecord, event: JourneyEvent) -> CallRecord:
    offer = OfferRecord(OfferId(_text(event, "offer_id")), AgentId(_text(event, "agent")), event.at)
    return amend(record, offers=(*record.offers, offer))


def _offer_ended(record: CallRecord, event: JourneyEvent) -> CallRecord:
    offer_id, result = _text(event, "offer_id"), OfferResult(_text(event, "result"))
    if _was_connected(record, offer_id):
        return record

    def undone(offer: OfferRecord) -> OfferRecord:  # picked up, and gone before the bridge: nobody was answered
        if offer.offer_id != offer_id or offer.result is not OfferResult.ANSWERED:
            return offer
        return replace(offer, result=result)

    record = replace(record, offers=tuple(undone(offer) for offer in record.offers))
    return _close_offer(record, event, result)


def _was_connected(record: CallRecord, offer_id: str) -> bool:
    return any(e.fact is Fact.CONNECTED and _text(e, "offer_id") == offer_id for e in record.events)


def _accepted(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return _close_offer(record, event, None)  # picked up; answered only when the bridge is there


def _connected(record: CallRecord, event: JourneyEvent) -> CallRecord:
    wait_s = _waited_s(record, event.at)
    record = _was_answered(_close_offer(record, event, OfferResult.ANSWERED), event)
    return replace(
        record,
        answered_at=_first(record.answered_at, event.at),
        agent=AgentId(_text(event, "agent")) or record.agent,
        wait_s=wait_s,
        talk_ended_at=None,
        legs=(*record.legs, _leg(record, event)),
    )


def _was_answered(record: CallRecord, event: JourneyEvent) -> CallRecord:
    """Whatever we took the offer's end to be before."""
    wanted = _text(event, "offer_id")
    if all(offer.result is OfferResult.ANSWERED for offer in record.offers if offer.offer_id == wanted):
        return record

    def answered(offer: OfferRecord) -> OfferRecord:
        return offer if offer.offer_id != wanted else replace(offer, result=OfferResult.ANSWERED)

    return replace(record, offers=tuple(answered(offer) for offer in record.offers))


def _leg(record: CallRecord, event: JourneyEvent) -> LegRecord:
    agent, offer_id = AgentId(_text(event, "agent")), OfferId(_text(event, "offer_id"))
    return LegRecord(agent or None, record.queue, offer_id or None, event.at)


def _talk_ended(record: CallRecord, event: JourneyEvent) -> CallRecord:
    if record.answered_at is None or record.talk_ended_at is not None:
        return record  # nobody is talking
    by, leg_s = Side(_text(event, "by")), max(0.0, event.at - _talking_since(record))
    legs = (*record.legs[:-1], replace(record.legs[-1], talk_s=leg_s, ended_by=by)) if record.legs else ()
    talk_s = (record.talk_s or 0.0) + leg_s
    return replace(record, talk_ended_at=event.at, talk_s=talk_s, ended_by=by, legs=legs)


def _talking_since(record: CallRecord) -> float:
    return record.legs[-1].began_at if record.legs else record.answered_at or record.entered_at


def _transferred(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, ended_by=None)  # who left the conversation does not say who ends the call


def _merged(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, merged_into=CallId(_text(event, "into")) or None)


def _survey_asked(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, survey_asked_at=_first(record.survey_asked_at, event.at))


def _survey_ended(record: CallRecord, event: JourneyEvent) -> CallRecord:
    score = event.data.get("score")
    return replace(
        record,
        survey_result=SurveyResult(_text(event, "result")),
        survey_score=score if type(score) is int else None,  # True is no score
    )


def _disposition(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, disposition=dict(event.data))


def _reconciled(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, reconciled=True)


def _fell_back(record: CallRecord, event: JourneyEvent) -> CallRecord:
    return replace(record, fallback=True)


def _ended(record: CallRecord, event: JourneyEvent) -> CallRecord:
    record = _talk_ended(record, event)  # a conversation does not outlast its call
    return replace(
        record,
        ended_at=event.at,
        outcome=Outcome(_text(event, "outcome")),
        ended_by=record.ended_by or Side(_text(event, "by")),
        wait_s=_waited_s(record, event.at),
        survey_result=record.survey_result or _unfinished_survey(record, Side(_text(event, "by"))),
    )


def _waited_s(record: CallRecord, at: float) -> float | None:
    """The wait, if it ends now: from the first queue to here."""
    if record.wait_s is None and record.queued_at is not None:
        return max(0.0, at - record.queued_at)
    return record.wait_s


def _unfinished_survey(record: CallRecord, by: Side) -> SurveyResult:
    """Asked, and nothing more was heard of it: the caller hung up, or the dialplan ended the call by itself."""
    if record.survey_asked_at is None:
        return SurveyResult.NOT_OFFERED
    return SurveyResult.HUNG_UP if by is Side.CALLER else SurveyResult.NO_ANSWER


def _close_offer(record: CallRecord, event: JourneyEvent, result: OfferResult | None) -> CallRecord:
    """The ringing ends with the first of these facts, the offer with the first that has a result."""
    wanted = _text(event, "offer_id")

    def closed(offer: OfferRecord) -> OfferRecord:
        if offer.offer_id != wanted or offer.result is not None:
            return offer
        ring_s = offer.ring_s if offer.ring_s is not None else max(0.0, event.at - offer.at)
        return replace(offer, result=result, ring_s=ring_s)

    return replace(record, offers=tuple(closed(offer) for offer in record.offers))


def _first(known: float | None, now: float) -> float:
    return now if known is None else known


def _is_number(value: Value) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(event: JourneyEvent, key: str) -> str:
    value = event.data.get(key)
    return "" if value is None else str(value)


_CHANGES = {
    Fact.ENTERED: _entered,
    Fact.KNOWN: _known,
    Fact.QUEUED: _queued,
    Fact.OVERFLOWED: _overflowed,
    Fact.VOICEMAIL: _voicemail,
    Fact.HEARD: _heard,
    Fact.OFFERED: _offered,
    Fact.OFFER_ENDED: _offer_ended,
    Fact.ACCEPTED: _accepted,
    Fact.CONNECTED: _connected,
    Fact.TALK_ENDED: _talk_ended,
    Fact.TRANSFERRED: _transferred,
    Fact.MERGED: _merged,
    Fact.SURVEY_ASKED: _survey_asked,
    Fact.SURVEY_ENDED: _survey_ended,
    Fact.DISPOSITION: _disposition,
    Fact.RECONCILED: _reconciled,
    Fact.FALLBACK: _fell_back,
    Fact.ENDED: _ended,
}
