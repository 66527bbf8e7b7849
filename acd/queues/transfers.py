"""A talking caller whom an agent sends on: to another agent or to a queue, unasked (blind) or asked (attended).

    TALKING --blind--> WAITING in the queue, or held for the one agent --not taken, nobody's number--> WAITING as before
    TALKING --attended--> TALKING with whoever was asked

Asterisk moves the channels, we follow. The call stays one call with one journey: the first agent's wrap-up begins, the
caller keeps `joined_at`, and is asked once, at the very end. A transfer that comes to nothing puts the caller back into
the line of the transferring agent's queue, at the old place; that agent is asked again only when nobody else is left.

An agent's own call through a queue, made to ask before an attended transfer, is a call with a record of its own; when
the transfer is completed it is merged into the customer's: whoever answered it goes on with the customer.
"""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues import handed, refusals
from acd.queues.calls import Calls
from acd.queues.commands import Adopt, Reclaim
from acd.queues.found import FoundCall
from acd.queues.journey import CallRecord, Fact, JourneyEvent, Value
from acd.queues.model import Agent, AgentId, Call, CallId, CallPhase, Offer, OfferId, OfferResult, QueueSpec, Side
from acd.queues.offers import LIVE, Offers
from acd.queues.places import waits_since
from acd.queues.shop import Shop

Happened = handed.CallSentOn | handed.CallHandedOver | handed.CallHandedEarly
TALKED = (CallPhase.TALKING, CallPhase.AFTER)  # AFTER: the agent's leg was gone before we heard why


@dataclass(frozen=True, slots=True)
class _Hold:
    """A call waits for an agent to whom it was sent; `offers_made` is how many offers it had had by then."""

    agent: Agent
    until: float
    offers_made: int

    def holds(self, call: Call) -> bool:
        """Whether the call is still held, and by this: nobody else has decided about it since."""
        return call.phase not in TALKED and (call.only, call.only_until) == (self.agent.spec.id, self.until)

    def over(self, call: Call, at: float) -> str | None:
        """Why the waiting call need not be held any longer."""
        if not self.agent.logged_in:
            return "logged out"
        if call.offers_made > self.offers_made:
            return "did not take it"
        return "not free in time" if self.until <= at else None


class Transfers:
    """Follows the transfers."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers) -> None:
        self._shop = shop
        self._calls = calls
        self._offers = offers
        self._held: dict[CallId, _Hold] = {}

    def happened(self, call: Call, event: Happened) -> None:
        """An agent's phone has sent the caller on; nothing when there is no conversation it could have left."""
        if call.phase not in TALKED or call.answered_at is None or call.leaving:
            return
        if isinstance(event, handed.CallHandedOver) and event.offer_id is not None and call.offer_id == event.offer_id:
            return  # told before
        match event:
            case handed.CallSentOn(at, _, to):
                self._blind(call, to, at)
            case handed.CallHandedOver():
                self._attended(call, event)
            case handed.CallHandedEarly():
                self._early(call, event)

    # -- to whom nobody has talked ----------------------------------------------------------------------------------

    def _blind(self, call: Call, to: str, at: float) -> None:
        by = self._leave(call, at)
        queue = self._shop.plan.queue_of_did(to)
        agent = self._shop.desk.get(AgentId(to))
        if queue is not None:
            self._note(call, at, by, "blind", "queue", queue.name)
            self._to_queue(call, queue, by, at)
        elif agent is not None:
            self._note(call, at, by, "blind", "agent", agent.spec.id)
            self._to_agent(call, agent, by, at)
        else:
            self._note(call, at, by, "blind", "nobody", to)
            self._back(call, by, at)
            self._returned(call, None, "nobody has this number", at)

    def _early(self, call: Call, event: handed.CallHandedEarly) -> None:
        """As if sent on blindly: the caller leaves the agent's own call, which ends with that, and gets the order."""
        at, by = event.at, self._leave(call, event.at)
        self._shop.emit(Reclaim(call.id))
        asked = self._shop.calls.get(event.consultation) if event.consultation is not None else None
        queue = self._shop.queue_of(asked) if asked is not None else None
        agent = self._shop.desk.get(event.agent_id) if event.agent_id is not None else None
        if asked is not None:
            self._merge(asked, call, at)
        self._shop.hold(call)
        if queue is not None:
            self._note(call, at, by, "attended", "queue", queue.name, event.consultation)
            self._to_queue(call, queue, by, at)
        elif agent is not None:
            self._note(call, at, by, "attended", "agent", agent.spec.id)
            self._to_agent(call, agent, by, at)
        else:
            self._note(call, at, by, "attended", "outside", "")
            self._back(call, by, at)
            self._returned(call, None, "nobody had answered", at)

    def _leave(self, call: Call, at: float) -> AgentId | None:
        """The agent is out of the conversation. Who refused the call before it was talked on may be asked again."""
        call.refused_by.clear()
        if call.phase is CallPhase.TALKING:
            self._calls.end_talk(call, at, Side.AGENT)
        return call.agent_id

    def _to_queue(self, call: Call, queue: QueueSpec, by: AgentId | None, at: float) -> None:
        self._back(call, by, at)
        self._calls.join(call, queue, at)
        self._calls.sticky.release(call)  # who served the caller last is who sent the caller on

    def _to_agent(self, call: Call, agent: Agent, by: AgentId | None, at: float) -> None:
        """Hold the call for this agent, as long as a phone rings; not for one who is not here, or who sent it."""
        self._back(call, by, at)
        if not agent.logged_in or agent.spec.id == by:
            self._returned(call, agent.spec.id, "logged out" if agent.spec.id != by else "sent it", at)
            return
        self._hold_for(call, agent, at, call.offers_made)

    def _hold_for(self, call: Call, agent: Agent, at: float, offers_made: int) -> None:
        """From `at` on, when it had had so many offers."""
        queue = self._shop.queue_of(call)
        call.only = agent.spec.id
        call.only_until = at + (queue.ring_timeout_s if queue is not None else 0.0)
        refusals.forgive(self._shop, call, agent.spec.id)
        self._held[call.id] = _Hold(agent, call.only_until, offers_made)
        self._shop.alarms.set(f"only:{call.id}", call.only_until)
        self._shop.changed(call)

    def _back(self, call: Call, by: AgentId | None, at: float) -> None:
        """Into the line, at the old place; who sent the caller on is asked when nobody else is left."""
        self._calls.back_in_line(call, at)
        if self._shop.queue_of(call) is None:  # gone from the plan while they talked
            self._calls.place(call, None, at)
            return
        if by is not None:
            refusals.refused(self._shop, call, by, at)
        self._shop.changed(call)

    # -- to whom the agent has talked -------------------------------------------------------------------------------

    def _attended(self, call: Call, event: handed.CallHandedOver) -> None:
        at, by = event.at, self._leave(call, event.at)
        asked = self._shop.calls.get(event.consultation) if event.consultation is not None else None
        queue = self._shop.queue_of(asked) if asked is not None else None
        if asked is not None:
            self._merge(asked, call, at)
        agent = self._shop.desk.get(event.agent_id) if event.agent_id is not None else None
        if agent is not None and agent.offer_id is not None:
            self._offers.withdraw_from(agent, at)
        free = agent is not None and agent.call_id is None and agent.offer_id is None
        to = agent.spec.id if agent is not None else ""
        self._note(call, at, by, "attended", "agent" if agent else "outside", to, event.consultation)
        self._shop.forget_offer(call)
        self._offers.cancel_timers(call)
        if queue is not None and queue.name != call.queue:
            call.queue, call.queued_at = queue.name, at
            call.rules = asked.rules if asked is not None else None
            self._shop.note(call, at, Fact.QUEUED, queue=queue.name, joined_at=waits_since(call))
        self._shop.move(call, CallPhase.TALKING, at)
        call.talk_ended_at = None
        if agent is None or not free or event.offer_id is None:
            call.agent_id = None
            self._shop.note(call, at, Fact.CONNECTED, agent=None)
            self._shop.expect(call, at + self._shop.backoff.look_s)  # an agent behind a Local channel is seen by then
            return
        self._adopt(call, agent, event.offer_id, at)

    def _adopt(self, call: Call, agent: Agent, offer_id: OfferId, at: float) -> None:
        """The caller talks with this agent, on a leg that was made for another call."""
        call.agent_id = agent.spec.id
        self._shop.desk.handed_over(agent)  # the end of the call it was made for may have been heard first
        self._shop.desk.talking(agent, call)
        self._shop.note(call, at, Fact.CONNECTED, offer_id=offer_id, agent=agent.spec.id)
        self._tie(call, agent.spec.id, offer_id, at)

    def _tie(self, call: Call, agent_id: AgentId, offer_id: OfferId, since: float) -> None:
        """The call's leg is known by this id, to us and on the caller's channel."""
        self._shop.forget_offer(call)
        self._shop.offers[offer_id] = Offer(offer_id, call.id, agent_id, since, rang=True, accepted_at=since)
        call.offer_id = offer_id
        self._shop.emit(Adopt(call.id, offer_id, agent_id, call.queue, call.joined_at, since))

    def seen(self, call: Call, seen: FoundCall, at: float) -> None:
        """A look at Asterisk shows the caller with another agent than the caller's channel says."""
        agent_id, offer_id = AgentId(seen.agent_id), OfferId(seen.offer_id)
        if call.phase is CallPhase.TALKING and call.agent_id == agent_id:
            self._tie(call, agent_id, offer_id, at)  # we know, the channel does not: we died over telling it
        else:
            self.happened(call, handed.CallHandedOver(at, call.id, agent_id, offer_id, seen.consultation))

    def _merge(self, asked: Call, into: Call, at: float) -> None:
        """The agent's own call has served its purpose; its channel goes in a moment, who answered it goes on."""
        if asked.phase is CallPhase.TALKING:
            agent = self._shop.desk.get(asked.agent_id) if asked.agent_id is not None else None
            self._shop.note(asked, at, Fact.TALK_ENDED, agent=asked.agent_id, by=Side.AGENT)
            asked.talk_ended_at = at
            if agent is not None and agent.call_id == asked.id:
                self._shop.desk.handed_over(agent)
        if asked.phase in LIVE:
            self._offers.end_all(asked, OfferResult.WITHDRAWN, at)
        self._shop.forget_offer(asked)
        self._offers.cancel_timers(asked)
        asked.leaving = True
        self._shop.move(asked, CallPhase.AFTER, at)
        self._shop.note(asked, at, Fact.MERGED, into=into.id)

    def restore(self, call: Call, record: CallRecord) -> None:
        """A call that had been sent to an agent when the last daemon ended is held for that agent as long as before."""
        sent = sent_on(record)
        if sent is None:
            return
        by = AgentId(str(sent.data.get("from") or ""))
        if by in self._shop.desk.agents:
            refusals.refused(self._shop, call, by, sent.at)
        agent = self._shop.desk.get(AgentId(str(sent.data.get("to"))))
        returned = any(event.fact is Fact.RETURNED and event.seq > sent.seq for event in record.events)
        if agent is None or returned or sent.data.get("target") != "agent":
            return
        offers_made = sum(event.fact is Fact.OFFERED and event.seq < sent.seq for event in record.events)
        self._hold_for(call, agent, sent.at, offers_made)

    # -- afterwards ---------------------------------------------------------------------------------------------------

    def settle(self, at: float) -> None:
        """A call that is held for an agent is let go to all when that agent had it, did not come, or went home."""
        for call_id, hold in list(self._held.items()):
            call = self._shop.calls.get(call_id)
            if call is None or not hold.holds(call):
                self._let_go(call_id, call)
                continue
            reason = hold.over(call, at) if call.phase is CallPhase.WAITING else None
            if reason is not None:
                self._let_go(call_id, call)
                self._returned(call, hold.agent.spec.id, reason, at)

    def _let_go(self, call_id: CallId, call: Call | None) -> None:
        """The call is anybody's again, if nobody else has decided about it."""
        hold = self._held.pop(call_id)
        if call is None:
            self._shop.alarms.cancel(f"only:{call_id}")
        elif (call.only, call.only_until) == (hold.agent.spec.id, hold.until):
            self._shop.alarms.cancel(f"only:{call_id}")
            call.only = call.only_until = None
            self._shop.changed(call)

    def _returned(self, call: Call, agent_id: AgentId | None, reason: str, at: float) -> None:
        self._shop.note(call, at, Fact.RETURNED, agent=agent_id, reason=reason)

    def _note(
        self,
        call: Call,
        at: float,
        by: AgentId | None,
        kind: str,
        target: str,
        to: str,
        consultation: CallId | None = None,
    ) -> None:
        data: dict[str, Value] = {"from": by, "to": to, "kind": kind, "target": target, "consultation": consultation}
        self._shop.note(call, at, Fact.TRANSFERRED, **data)


def sent_on(record: CallRecord) -> JourneyEvent | None:
    """The transfer by which the call is in the line (again), by its record; None when it is not."""
    for event in reversed(record.events):
        match event.fact:
            case Fact.TRANSFERRED:
                return event
            case Fact.TALK_ENDED | Fact.CONNECTED | Fact.SURVEY_ASKED | Fact.MERGED | Fact.OVERFLOWED | Fact.ENDED:
                return None
    return None
