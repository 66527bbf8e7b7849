"""The promises that the telephones alone can tell of: nobody lost, nobody offered twice, breaks respected. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from acd.lab.chaos.diary import LegSeen
from acd.lab.chaos.evidence import SAME_MOMENT_S, SAME_OFFER_S, Evidence, Violation, overlaps
from acd.lab.chaos.hammer import Order

SILENCE_LIMIT_S: Final = 10.5
"""Four seconds for a digit, here, and five for an order after it: then the dialplan ends a call that gets none."""
IN_PEACE_AFTER_S: Final = 0.5
TOLD_WITHIN_S: Final = 1.0
"""After an outage: by then Asterisk's own queue has been told what it had missed."""
A_TALK_S: Final = 0.5
"""Shorter: the agent picked up while the offer was being withdrawn."""
BOTH_RING_S: Final = 0.5
"""Of a caller who is taken from one telephone and offered at the next. Asterisk lets go of the first leg before it
dials the second, but each leg's SIP is sent by a thread of its own, and the INVITE may overtake the CANCEL."""
SENT_AGAIN_S: Final = 32.0
"""So long is an INVITE repeated that nobody hears (RFC 3261, timer B); it cannot be taken back before it is heard."""
LET_IN, NOT_LOST = "callers are let in", "callers are not lost"
ONE_OFFER, ONE_PHONE = "one offer an agent", "one phone a call"
RULED: Final = frozenset({"overflowed", "timed_out", "closed"})


def let_in(evidence: Evidence) -> Iterator[Violation]:
    for caller in evidence.callers:
        if caller.answered_at is not None or caller.by_caller or caller.cut:
            continue
        until = caller.ended_at or caller.invited_at
        if not overlaps((caller.invited_at - 1.0, until + 1.0), evidence.asterisk_down):
            yield Violation(LET_IN, f"refused with {caller.status}", caller.number)


def served_or_let_go(evidence: Evidence) -> Iterator[Violation]:
    """Who did not hang up by themselves talked to an agent to the end, or was let go by a rule."""
    promise = NOT_LOST
    legs, records = evidence.legs_by_number(), evidence.records_by_number()
    for caller in evidence.entered():
        if caller.number in evidence.left:
            yield Violation(promise, "still on the line in the end", caller.number)
            continue
        if caller.by_caller or caller.cut or caller.ended_at is None:
            continue
        talked = [leg for leg in legs[caller.number] if leg.answered_at is not None]
        if talked:
            last = max(talked, key=lambda leg: leg.answered_at or 0.0)
            if not last.by_agent and not last.cut:
                yield Violation(promise, f"the conversation with {last.agent} was ended by neither", caller.number)
        elif not any(record["outcome"] in RULED for record in records[caller.number]):
            waited_s = caller.ended_at - caller.invited_at
            yield Violation(promise, f"hung up on after {waited_s:.1f} s, without an agent or a rule", caller.number)


def not_broken_off(evidence: Evidence) -> Iterator[Violation]:
    """Nobody is taken from an agent in the middle of a conversation, whatever becomes of them then."""
    legs = evidence.legs_by_number()
    for caller in evidence.entered():
        for leg in legs[caller.number]:
            if leg.by_agent or leg.cut or leg.answered_at is None or leg.ended_at is None or caller.ended_at is None:
                continue
            if leg.ended_at - leg.answered_at > A_TALK_S and leg.ended_at < caller.ended_at - SAME_MOMENT_S:
                what = f"taken from {leg.agent} after {leg.ended_at - leg.answered_at:.1f} s"
                yield Violation("conversations are not broken off", what, caller.number)


def never_silent(evidence: Evidence) -> Iterator[Violation]:
    for caller in evidence.entered():
        if caller.longest_silence_s > SILENCE_LIMIT_S and not caller.cut:
            yield Violation("no dead ends", f"heard nothing for {caller.longest_silence_s:.1f} s", caller.number)


def one_offer_an_agent(evidence: Evidence) -> Iterator[Violation]:
    """A telephone that was deaf may have missed the end of the call before, and may hear of an offer that is over."""
    by_agent: dict[str, list[LegSeen]] = defaultdict(list)
    for leg in evidence.legs:
        by_agent[leg.agent].append(leg)
    for agent, legs in by_agent.items():
        for number, leg in enumerate(legs):
            if _late_copy(evidence, leg):
                continue
            for earlier in legs[:number]:
                both = (earlier.invited_at, leg.invited_at)
                if not _during(leg, earlier) or earlier.turned_away or overlaps(both, evidence.deaf.get(agent, ())):
                    continue
                what = f"{agent} had {earlier.number} when {leg.number} came"
                yield Violation(ONE_OFFER, what, leg.number)


def one_phone_a_call(evidence: Evidence) -> Iterator[Violation]:
    """No queue here rings several at once."""
    for number, legs in evidence.legs_by_number().items():
        for place, leg in enumerate(legs):
            for earlier in legs[:place]:
                both = (earlier.invited_at, leg.invited_at)
                deaf = overlaps(both, evidence.deaf.get(earlier.agent, ()))
                allowed_s = BOTH_RING_S if earlier.answered_at is None else SAME_MOMENT_S
                late = _late_copy(evidence, leg)
                if leg.agent != earlier.agent and _during(leg, earlier, allowed_s) and not deaf and not late:
                    what = f"it came to {leg.agent} while it was at {earlier.agent}"
                    yield Violation(ONE_PHONE, what, number)


def _late_copy(evidence: Evidence, leg: LegSeen) -> bool:
    """An INVITE of before, sent again until the telephone heard it; it was taken back at the first answer."""
    if leg.answered_at is not None or leg.ended_at is None or leg.ended_at - leg.invited_at >= SAME_MOMENT_S:
        return False
    deaf = evidence.deaf.get(leg.agent, ())
    since = leg.invited_at - SENT_AGAIN_S
    if evidence.by_asterisk_alone(leg):  # which leaves no moment of it
        return overlaps((since, leg.invited_at), deaf)
    sent = [at for at in evidence.offered(leg) if since < at < leg.invited_at - SAME_OFFER_S]
    return any(overlaps((at, at), deaf) for at in sent)


def _during(leg: LegSeen, earlier: LegSeen, allowed_s: float = SAME_MOMENT_S) -> bool:
    return earlier.ended_at is None or leg.invited_at < earlier.ended_at - allowed_s


def breaks(evidence: Evidence) -> Iterator[Violation]:
    """Who was paused by an order that was answered is left in peace until the next order.

    But by Asterisk's own queue, if the answer said that it had not been told, and it could not be until it rang. Who
    was out of the configuration meanwhile has come to it as somebody new.
    """
    by_agent: dict[str, list[Order]] = defaultdict(list)
    for order in sorted(evidence.orders, key=lambda order: order.at):
        by_agent[order.agent].append(order)
    for agent, orders in by_agent.items():
        for place, order in enumerate(orders):
            if order.what != "pause" or order.status != 200:
                continue
            others = [other for other in orders[:place] if other.answered_at > order.at]  # which of them came last?
            until = orders[place + 1].at if place + 1 < len(orders) else float("inf")
            for leg in evidence.legs:
                if others or leg.agent != agent or _untold(evidence, order, leg):
                    continue
                if overlaps((order.at, leg.invited_at), evidence.unknown.get(agent, ())):
                    continue
                if order.answered_at + IN_PEACE_AFTER_S < leg.invited_at < until:
                    what = f"{agent} was rung {leg.invited_at - order.answered_at:.1f} s after being paused by order"
                    yield Violation("breaks are respected", what, leg.number)


def _untold(evidence: Evidence, order: Order, leg: LegSeen) -> bool:
    """One outage from the order to the ringing, and the client knew that nobody had told Asterisk."""
    if order.mirrored or not evidence.by_asterisk_alone(leg):
        return False
    outages = evidence.service.outages
    return any(began <= order.answered_at and leg.invited_at <= over + TOLD_WITHIN_S for began, over in outages)
