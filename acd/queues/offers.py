"""One call at agents' phones: from the reservation to the bridge, or to one of the ways in which it fails.

An agent has at most one live offer, ever; `Desk.offered` raises if the brain should try otherwise. A call may have
several, one for each phone that rings (`rings.together`): each ends by itself, with the last one the call waits again,
and when one takes the call the others were answered elsewhere, which is nobody's fault. In whatever way an offer fails,
the call keeps its place; what it means for the agent is decided by `Desk.offer_over`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from acd.queues import refusals
from acd.queues.commands import Drop, Leg, Look, Mark, Ring, Withdraw
from acd.queues.journey import Fact, Value
from acd.queues.model import Agent, Call, CallPhase, Offer, OfferId, OfferResult, Side
from acd.queues.rings import together
from acd.queues.shop import Shop

LIVE = (CallPhase.OFFERED, CallPhase.CONNECTING)


class Offers:
    """Makes, follows and ends offers."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def make(self, call: Call, agents: Sequence[Agent], at: float, why: Mapping[str, Value]) -> None:
        """Offer the call to the agents, who are in the order of preference: all whose phones may ring together.

        `why` is the decision, as `decisions.data` has it; the first offer holds it for all.
        """
        queue = self._shop.rules_of(call)
        chosen = together(agents)
        legs = tuple(self._leg(call, agent, at, {} if number else why) for number, agent in enumerate(chosen))
        confirm_s = self._shop.backoff.confirm_s if chosen[0].spec.confirm else 0.0
        self._shop.emit(Ring(call.id, legs, queue.ring_timeout_s, queue.name, call.joined_at, queue.music, confirm_s))

    def _leg(self, call: Call, agent: Agent, at: float, why: Mapping[str, Value]) -> Leg:
        call.offers_made += 1
        offer = Offer(OfferId(f"{call.id}.{call.offers_made}"), call.id, agent.spec.id, at)
        self.reserve(offer, call, agent, at)
        self._shop.note(call, at, Fact.OFFERED, offer_id=offer.id, agent=agent.spec.id, **why)
        return Leg(offer.id, agent.spec.id, agent.spec.endpoint)

    def reserve(self, offer: Offer, call: Call, agent: Agent, at: float) -> None:
        """Tie call, offer and agent together, until Asterisk's own ring timer must have ended it.

        Where a key is to be pressed, twice its time is added: once for the prompt.
        """
        shop = self._shop
        shop.desk.offered(agent, offer)
        shop.keep_offer(call, offer)
        shop.move(call, CallPhase.OFFERED, at)
        offer.confirm = agent.spec.confirm
        shop.alarms.set(f"ring:{offer.id}", self._rings_until(offer, call, at) + shop.backoff.backstop_s)
        shop.expect(call, at + shop.backoff.look_s)

    def _rings_until(self, offer: Offer, call: Call, since: float) -> float:
        """When the dialling that began at `since` has ended by itself, with what a key takes."""
        key_s = 2 * self._shop.backoff.confirm_s if offer.confirm else 0.0
        return since + self._shop.rules_of(call).ring_timeout_s + key_s

    def ringing(self, offer: Offer, call: Call, at: float) -> None:
        """The phone rings."""
        if call.phase is CallPhase.OFFERED and not offer.rang:
            offer.rang = True
            self._shop.expect(call, self._rings_until(offer, call, offer.at) + self._shop.backoff.late_s)
            self._shop.note(call, at, Fact.RINGING, offer_id=offer.id)

    def accept(self, offer: Offer, call: Call, at: float) -> None:
        """The agent picked up, and confirmed where that is asked; nothing when it is known.

        It is too late for all others whose phones ring for the call.
        """
        if call.phase is not CallPhase.OFFERED:
            return
        offer.accepted_at = at
        self._shop.put_first(call, offer)
        self._shop.move(call, CallPhase.CONNECTING, at)
        for other in self._shop.offers_of(call)[1:]:
            self.end(other, call, OfferResult.ELSEWHERE, at)
        self._shop.desk.accepted(self._shop.desk.agents[offer.agent_id])
        self._shop.alarms.cancel(f"ring:{offer.id}")
        self._shop.expect(call, at + self._shop.backoff.look_s)
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

    def failed(self, offer: Offer, call: Call, result: OfferResult, at: float, reason: str = "") -> None:
        """Asterisk says how the dialling ended, or how one of several phones did."""
        if call.phase not in LIVE:
            return
        if result is OfferResult.CALLER_LEFT:
            call.hung_up = call.hung_up or Side.CALLER  # the channel's end follows; nobody is rung for it any more
            self._shop.expect(call, at + self._shop.backoff.look_s)
        elif offer.withdrawn:
            result, reason = OfferResult.WITHDRAWN, ""
        if result is OfferResult.NO_ANSWER and offer.excused:
            result = OfferResult.UNREACHABLE
        self.end(offer, call, result, at, reason)

    def end_all(self, call: Call, result: OfferResult, at: float) -> None:
        """All of the call's offers came to nothing, for the same reason."""
        for offer in self._shop.offers_of(call):
            self.end(offer, call, result, at)

    def end(self, offer: Offer, call: Call, result: OfferResult, at: float, reason: str = "") -> None:
        """The offer came to nothing; if it was the last one, the call is waiting again, at its old place."""
        shop = self._shop
        agent = shop.desk.agents[offer.agent_id]
        shop.drop_offer(call, offer)
        shop.alarms.cancel(f"ring:{offer.id}")
        if call.offer_id is None:
            shop.move(call, CallPhase.WAITING, at)
            if call.hung_up is None:
                shop.alarms.cancel(f"look:{call.id}")
        if result is OfferResult.REFUSED:
            refusals.refused(shop, call, agent.spec.id, at)
        elif result is OfferResult.ERROR:
            self.not_yet(call, at)
        shop.desk.offer_over(agent, offer, result, shop.rules_of(call).missed_limit, shop.backoff, at)
        more = {"reason": reason} if reason else {}
        shop.note(call, at, Fact.OFFER_ENDED, offer_id=offer.id, agent=agent.spec.id, result=result, **more)

    def not_yet(self, call: Call, at: float) -> None:
        """Asterisk could not dial for this caller: offer the agents to others first."""
        call.not_before = at + self._shop.backoff.error_call_s
        self._shop.alarms.set(f"retry:{call.id}", call.not_before)
        self._shop.changed(call)

    def lost_before_bridge(self, call: Call, at: float) -> None:
        """The agent picked up and was gone before the bridge: the caller goes back to the line."""
        self.end_all(call, OfferResult.ERROR, at)
        self._shop.hold(call)

    def withdraw(self, call: Call, result: OfferResult, at: float) -> None:
        """Stop all phones that ring for the call.

        Of one that is not at home it is not known whether they do: the caller may talk to somebody else by now, and no
        order may break that up. What is to be seen there is followed when its Asterisk is read.
        """
        offers = self._shop.offers_of(call)
        self._order(call, Withdraw(call.id, offers[0].id))
        self.let_go(call)
        for offer in offers:
            excuse = OfferResult.WITHDRAWN if offer.withdrawn else OfferResult.UNREACHABLE if offer.excused else result
            self.end(offer, call, excuse if result is OfferResult.NO_ANSWER else result, at)

    def _order(self, call: Call, command: Withdraw | Drop) -> None:
        if call.at_home:
            self._shop.emit(command)

    def let_go(self, call: Call) -> None:
        """The caller goes: a leg that is asked for a key is hung up, Asterisk itself would do it after the answer."""
        if call.phase is CallPhase.OFFERED:
            for offer in self._shop.offers_of(call):
                if offer.confirm:
                    self._order(call, Drop(call.id, offer.id))

    def withdraw_from(self, agent: Agent, at: float) -> None:
        """Stop the agent's phone, if it rings; others beside it ring on. One who has picked up has the call.

        While a key is asked for, the caller's channel takes one Redirect and refuses the next, so there the leg is hung
        up and the dialling left to end by itself.
        """
        offer = self._shop.offers.get(agent.offer_id) if agent.offer_id is not None else None
        call = self._shop.calls[offer.call_id] if offer is not None else None
        if offer is None or call is None or call.phase is not CallPhase.OFFERED:
            return
        if offer.confirm:
            offer.withdrawn = True
            self.let_go(call)
        elif call.beside:
            self._order(call, Drop(call.id, offer.id))
            self.end(offer, call, OfferResult.WITHDRAWN, at)
        else:
            self.withdraw(call, OfferResult.WITHDRAWN, at)

    def engaged(self, agent: Agent, at: float) -> None:
        """The agent turns out to talk to somebody else: nobody talks and is rung, nor asked for a key."""
        offer = self._shop.offers.get(agent.offer_id) if agent.offer_id is not None else None
        call = self._shop.calls[offer.call_id] if offer is not None else None
        if offer is not None and call is not None and offer.confirm and call.phase is CallPhase.OFFERED:
            self.let_go(call)
            self.end(offer, call, OfferResult.WITHDRAWN, at)
        else:
            self.withdraw_from(agent, at)

    def withdraw_all(self, at: float) -> None:
        """Stop every phone that rings: the daemon stops."""
        for call in self._shop.calls.values():
            if call.phase is CallPhase.OFFERED:
                self.withdraw(call, OfferResult.WITHDRAWN, at)

    def overdue(self, offer_id: OfferId, at: float) -> None:
        """Asterisk's ring timer should have ended this offer long ago."""
        offer = self._shop.offers.get(offer_id)
        call = self._shop.calls[offer.call_id] if offer is not None else None
        if offer is None or call is None or call.phase is not CallPhase.OFFERED:
            return
        if not call.at_home:  # no order reaches it now; what came of the offer is seen when its Asterisk is read
            self._shop.alarms.set(f"ring:{offer.id}", at + self._shop.backoff.backstop_s)
            return
        self.withdraw(call, OfferResult.NO_ANSWER, at)

    def look_due(self, call: Call, at: float) -> None:
        """What had to follow has not been heard of. A phone that is only slow to ring is given its time."""
        slow = None
        if call.phase is CallPhase.OFFERED:
            first = self._shop.offers_of(call)[0]
            late_at = self._rings_until(first, call, first.at) + self._shop.backoff.late_s
            if late_at > at:
                self._shop.expect(call, late_at)
                slow = first.id if not first.rang else None
        elif call.phase is CallPhase.CONNECTING:
            self._shop.expect(call, at + self._shop.backoff.late_s)
        if call.at_home:  # else it is looked at when its Asterisk is read, or comes home
            self._shop.emit(Look(call.node, slow))

    def cancel_timers(self, call: Call) -> None:
        """The call needs no more waking: it is talked on, or gone."""
        self.cancel_deadlines(call)
        self._shop.alarms.cancel(f"look:{call.id}")
        refusals.cancel(self._shop, call)
        self._shop.alarms.cancel(f"retry:{call.id}")
        call.not_before = 0.0  # with no timer to end it, the rest would outlast a short talk

    def cancel_deadlines(self, call: Call) -> None:
        """The call leaves its queue's line: what it had to wait for there comes no more."""
        self.cancel_queue_deadlines(call)
        self._shop.alarms.cancel(f"only:{call.id}")

    def cancel_queue_deadlines(self, call: Call) -> None:
        """Those that the queue gives, or gave under another plan: its steps, and the longest wait."""
        for number in range(call.steps):
            self._shop.alarms.cancel(f"relax:{call.id}:{number}")
        self._shop.alarms.cancel(f"limit:{call.id}")
