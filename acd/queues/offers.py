"""One call at one agent's phone: from the reservation to the bridge, or to one of the ways in which it fails.

An agent has at most one live offer, ever; `Desk.offered` raises if the brain should try otherwise. In whatever way an
offer fails, the call keeps its place; what it means for the agent is decided by `Desk.offer_over`.
"""

from __future__ import annotations

from collections.abc import Mapping

from acd.queues import matching
from acd.queues.commands import Mark, Ring, Withdraw
from acd.queues.journey import Fact, Value
from acd.queues.model import Agent, Call, CallPhase, Offer, OfferId, OfferResult, Side
from acd.queues.shop import Shop

LIVE = (CallPhase.OFFERED, CallPhase.CONNECTING)


class Offers:
    """Makes, follows and ends offers."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def make(self, call: Call, agent: Agent, at: float, why: Mapping[str, Value]) -> None:
        """Offer the call to the agent; `why` is the decision, as `decisions.data` has it."""
        queue = matching.queue_of(call, self._shop.plan)
        call.offers_made += 1
        offer = Offer(OfferId(f"{call.id}.{call.offers_made}"), call.id, agent.spec.id, at)
        self.reserve(offer, call, agent, at)
        self._shop.note(call, at, Fact.OFFERED, offer_id=offer.id, agent=agent.spec.id, **why)
        self._shop.emit(
            Ring(
                call.id,
                offer.id,
                agent.spec.id,
                agent.spec.endpoint,
                queue.ring_timeout_s,
                queue.name,
                call.joined_at,
                queue.music,
            )
        )

    def reserve(self, offer: Offer, call: Call, agent: Agent, at: float) -> None:
        """Tie call, offer and agent together, until Asterisk's own ring timer must have ended it."""
        shop = self._shop
        shop.desk.offered(agent, offer)
        shop.offers[offer.id] = offer
        call.offer_id = offer.id
        shop.move(call, CallPhase.OFFERED, at)
        ring_s = matching.queue_of(call, shop.plan).ring_timeout_s
        shop.alarms.set(f"ring:{offer.id}", at + ring_s + shop.backoff.backstop_s)

    def ringing(self, offer: Offer, call: Call, at: float) -> None:
        """The phone rings."""
        if call.phase is CallPhase.OFFERED and not offer.rang:
            offer.rang = True
            self._shop.note(call, at, Fact.RINGING, offer_id=offer.id)

    def accept(self, offer: Offer, call: Call, at: float) -> None:
        """The agent picked up; nothing when that is known."""
        if call.phase is not CallPhase.OFFERED:
            return
        offer.accepted_at = at
        self._shop.move(call, CallPhase.CONNECTING, at)
        self._shop.desk.accepted(self._shop.desk.agents[offer.agent_id])
        self._shop.alarms.cancel(f"ring:{offer.id}")
        self._shop.note(call, at, Fact.ACCEPTED, offer_id=offer.id, agent=offer.agent_id)

    def connect(self, offer: Offer, call: Call, at: float) -> None:
        """Caller and agent talk. A pick-up that was not seen is proved by the bridge."""
        self.accept(offer, call, at)
        if call.phase is not CallPhase.CONNECTING:
            return
        self._shop.move(call, CallPhase.TALKING, at)
        call.agent_id = offer.agent_id
        call.answered_at = call.answered_at or at
        call.talk_ended_at = None
        self._shop.desk.talking(self._shop.desk.agents[offer.agent_id], call)
        self.cancel_timers(call)
        self._shop.note(call, at, Fact.CONNECTED, offer_id=offer.id, agent=offer.agent_id)
        self._shop.emit(Mark(call.id, offer.id, at))

    def failed(self, offer: Offer, call: Call, result: OfferResult, at: float) -> None:
        """Asterisk says how the dialling ended."""
        if call.phase not in LIVE:
            return
        if result is OfferResult.CALLER_LEFT:
            call.hung_up = call.hung_up or Side.CALLER  # the channel's end follows; nobody is rung for it any more
        if result is OfferResult.NO_ANSWER and offer.excused:
            result = OfferResult.UNREACHABLE
        self.end(offer, call, result, at)

    def end(self, offer: Offer, call: Call, result: OfferResult, at: float) -> None:
        """The offer came to nothing; the call is waiting again, at its old place."""
        shop = self._shop
        agent = shop.desk.agents[offer.agent_id]
        shop.forget_offer(call)
        shop.alarms.cancel(f"ring:{offer.id}")
        shop.move(call, CallPhase.WAITING, at)
        if result is OfferResult.REFUSED:
            call.refused_by[agent.spec.id] = at + shop.backoff.refused_pair_s
            shop.alarms.set(f"refused:{call.id}:{agent.spec.id}", at + shop.backoff.refused_pair_s)
        elif result is OfferResult.ERROR:
            call.not_before = at + shop.backoff.error_call_s
            shop.alarms.set(f"retry:{call.id}", call.not_before)
        missed_limit = matching.queue_of(call, shop.plan).missed_limit
        shop.desk.offer_over(agent, offer, result, missed_limit, shop.backoff, at)
        shop.note(call, at, Fact.OFFER_ENDED, offer_id=offer.id, agent=agent.spec.id, result=result)

    def lost_before_bridge(self, offer: Offer, call: Call, at: float) -> None:
        """The agent picked up and was gone before the bridge: the caller goes back to the line."""
        self.end(offer, call, OfferResult.ERROR, at)
        self._shop.hold(call)

    def withdraw(self, offer: Offer, result: OfferResult, at: float) -> None:
        """Stop a phone that rings."""
        self._shop.emit(Withdraw(offer.call_id, offer.id))
        self.end(offer, self._shop.calls[offer.call_id], result, at)

    def withdraw_from(self, agent: Agent, at: float) -> None:
        """Stop the agent's phone, if it rings; one who has picked up has the call."""
        offer = self._shop.offers.get(agent.offer_id) if agent.offer_id is not None else None
        if offer is not None and self._shop.calls[offer.call_id].phase is CallPhase.OFFERED:
            self.withdraw(offer, OfferResult.WITHDRAWN, at)

    def withdraw_all(self, at: float) -> None:
        """Stop every phone that rings: the daemon stops."""
        for agent in self._shop.desk.agents.values():
            self.withdraw_from(agent, at)

    def overdue(self, offer_id: OfferId, at: float) -> None:
        """Asterisk's ring timer should have ended this offer long ago."""
        offer = self._shop.offers.get(offer_id)
        call = self._shop.calls[offer.call_id] if offer is not None else None
        if offer is None or call is None or call.phase is not CallPhase.OFFERED:
            return
        if not call.at_home:  # no order reaches it now; what came of the offer is seen when its Asterisk is read
            self._shop.alarms.set(f"ring:{offer.id}", at + self._shop.backoff.backstop_s)
            return
        self.withdraw(offer, OfferResult.UNREACHABLE if offer.excused else OfferResult.NO_ANSWER, at)

    def cancel_timers(self, call: Call) -> None:
        """The call needs no more waking: it is talked on, or gone."""
        self.cancel_deadlines(call)
        for agent_id in call.refused_by:
            self._shop.alarms.cancel(f"refused:{call.id}:{agent_id}")
        self._shop.alarms.cancel(f"retry:{call.id}")

    def cancel_deadlines(self, call: Call) -> None:
        """The call leaves its queue's line: what it had to wait for there comes no more."""
        queue = self._shop.queue_of(call)
        for number in range(len(queue.relax) if queue else 0):
            self._shop.alarms.cancel(f"relax:{call.id}:{number}")
        self._shop.alarms.cancel(f"limit:{call.id}")
        self._shop.alarms.cancel(f"only:{call.id}")
