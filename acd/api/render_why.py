"""Why an ended call went where it went, told from its record alone: each offer, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from acd.queues.decisions import history
from acd.queues.journey import CallRecord, Fact, OfferRecord
from acd.queues.model import OfferResult, Outcome
from acd.queues.views import Candidate, Why

_ENDS: Final[Mapping[OfferResult | None, str]] = {
    OfferResult.ANSWERED: "answered",
    OfferResult.REFUSED: "refused",
    OfferResult.BUSY: "was busy",
    OfferResult.NO_ANSWER: "did not answer",
    OfferResult.UNREACHABLE: "could not be reached",
    OfferResult.CALLER_LEFT: "was ringing when the caller left",
    OfferResult.WITHDRAWN: "was ringing when the offer was withdrawn",
    OfferResult.ELSEWHERE: "was ringing when another agent answered",
    OfferResult.ERROR: "could not be rung",
    None: "was ringing when the record ended",
}
_OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.ANSWERED: "answered",
    Outcome.ABANDONED: "abandoned by the caller",
    Outcome.OVERFLOWED: "sent on by the queue's overflow",
    Outcome.TIMED_OUT: "ended because it waited too long",
    Outcome.CLOSED: "ended because the queue was closed",
    Outcome.CALLBACK: "turned into a callback",
    Outcome.LOST: "lost with its channel",
}


def why_ended(record: CallRecord, names: Mapping[str, str]) -> Why:
    """The story of a call that is over; `names` of agents by id, for those still known."""
    decisions = history(record)
    ranks = {(made.offer_id, one.agent): one.rank for made in decisions for one in made.candidates}
    return Why(
        call_id=record.id,
        at=record.ended_at if record.ended_at is not None else record.entered_at,
        summary=_summary(record),
        position=None,
        candidates=tuple(
            Candidate(
                agent_id=offer.agent,
                name=names.get(offer.agent, ""),
                eligible=True,
                chosen=offer.result is OfferResult.ANSWERED,
                reason=_reason(offer),
                rank=ranks.get((offer.offer_id, offer.agent)),
            )
            for offer in record.offers
        ),
        decisions=decisions,
    )


def _summary(record: CallRecord) -> str:
    how = _OUTCOMES[record.outcome] if record.outcome is not None else "not closed"
    where = f" by {record.agent}" if record.outcome is Outcome.ANSWERED and record.agent else ""
    queue = f" in queue {record.queue}" if record.queue else ""
    after = f" after waiting {record.wait_s:.1f} s" if record.wait_s is not None else ""
    return f"{_overflows(record)}The call was {how}{where}{queue}{after}; offers made: {len(record.offers)}."


def _overflows(record: CallRecord) -> str:
    """Each step of the way, with the limit that was met."""
    steps = [event.data for event in record.events if event.fact is Fact.OVERFLOWED]
    return "".join(f"It went from {step['from']} to {step['to']} by {step['reason']}. " for step in steps)


def _reason(offer: OfferRecord) -> str:
    ring = f" after ringing {offer.ring_s:.1f} s" if offer.ring_s is not None else ""
    return f"{_ENDS[offer.result]}{ring}"
