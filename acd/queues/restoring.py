"""What the last daemon left in the records: who stood how, which calls were live, who had which place.

That is what was true when it ended. Asterisk's picture, which comes after it, decides (`acd.queues.recovery`).
"""

from __future__ import annotations

from acd.queues import boot, known_callers, places
from acd.queues import events as ev
from acd.queues.about import introduce
from acd.queues.calls import Calls
from acd.queues.journey import CallRecord, Fact, OfferRecord, own_priority
from acd.queues.limits import OUTCOMES, Reason
from acd.queues.model import Call, CallPhase, Offer, OfferResult, QueueName, QueueSpec
from acd.queues.offers import Offers
from acd.queues.shop import Shop
from acd.queues.transfers import Transfers, sent_on


class Restoring:
    """Brings agents and calls back to where they were."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers, transfers: Transfers) -> None:
        self._shop = shop
        self._calls = calls
        self._offers = offers
        self._transfers = transfers

    def handle(self, event: ev.Restored | boot.AgentsRestored | boot.Opened) -> None:
        """What the shell remembers of the last daemon."""
        match event:
            case boot.AgentsRestored():
                self._agents(event)
            case ev.Restored():
                self._restored(event)
            case boot.Opened():
                for call in self._shop.waiting.values():
                    self._shop.changed(call)

    def _agents(self, event: boot.AgentsRestored) -> None:
        """Who turns out to be away, the database being late, is rung no longer."""
        self._shop.desk.begin(event.standings, event.at)
        for agent in self._shop.desk.agents.values():
            if not agent.logged_in or agent.pause_reason is not None:
                self._offers.withdraw_from(agent, event.at)

    def _restored(self, event: ev.Restored) -> None:
        """Open the books on calls that were live when the last daemon stopped; the node's picture decides on them."""
        for record in event.left:
            self._calls.places.left(record)
        self._calls.sticky.remember(event.served_by)
        for record in event.open_calls:
            if self._shop.book.get(record.id) is None and record.ended_at is None:
                self._shop.book.adopt(record)
                self._restore(record, event.at)

    def _restore(self, record: CallRecord, at: float) -> None:
        did = places.dialled(record)
        call = Call(record.id, record.node, did, record.number, record.name, record.entered_at)
        known_callers.recall(call, record)
        introduce(call, self._shop.plan)
        ordered = own_priority(record)
        call.priority = call.priority if ordered is None else ordered
        call.at_home = False
        call.offers_made = len(record.offers)
        call.answered_at = record.answered_at
        call.talk_ended_at = record.talk_ended_at
        call.from_agent = record.from_agent
        queue = self._shop.plan.queues.get(QueueName(record.queue or ""))
        if queue is not None:
            call.queue = queue.name
            call.joined_at = places.place_of(record)
            call.queued_at = places.queued_at(record)
        unfinished = [offer for offer in record.offers if offer.result is None]
        if record.answered_at is None:
            _restore_overflow(call, record)
        else:
            call.agent_id = record.legs[-1].agent if record.legs else record.agent
            if record.talk_ended_at is None:
                call.phase = CallPhase.TALKING
            elif sent_on(record) is not None:
                call.queued_at = max(call.queued_at, record.talk_ended_at)
            elif not unfinished:  # else it is offered once more
                call.phase = CallPhase.AFTER
        self._shop.add(call)
        if call.phase is CallPhase.TALKING:
            self._restore_talk(call, record)
            return
        if queue is not None and call.phase is CallPhase.WAITING:
            self._calls.set_deadlines(call, queue, at)
            self._restore_hold(call, queue, record, at)
        for last in unfinished:
            self._restore_offer(call, last, at)

    def _restore_talk(self, call: Call, record: CallRecord) -> None:
        agent = self._shop.desk.get(call.agent_id) if call.agent_id is not None else None
        if agent is None or agent.offer_id is not None or agent.call_id is not None:
            return
        self._shop.desk.talking(agent, call)
        last = record.legs[-1] if record.legs else None
        if last is not None and last.offer_id is not None:
            call.offer_id = last.offer_id
            self._shop.offers[last.offer_id] = Offer(last.offer_id, call.id, agent.spec.id, last.began_at)

    def _restore_hold(self, call: Call, queue: QueueSpec, record: CallRecord, at: float) -> None:
        """A call that is held for one agent goes on being held until the time that was given then."""
        if record.answered_at is not None:
            self._transfers.restore(call, record)
            return
        joined = next((event for event in reversed(record.events) if event.fact is Fact.QUEUED), None)
        if joined is None or joined.at + queue.sticky_s <= at:
            return
        if not any(event.fact is Fact.OFFERED and event.seq > joined.seq for event in record.events):
            self._calls.sticky.hold(call, queue, joined.at)

    def _restore_offer(self, call: Call, last: OfferRecord, at: float) -> None:
        agent = self._shop.desk.get(last.agent)
        free = agent is not None and agent.offer_id is None and agent.call_id is None
        if agent is not None and free and call.queue is not None:
            self._offers.reserve(Offer(last.offer_id, call.id, last.agent, last.at, rang=True), call, agent, at)
            return
        self._shop.note(
            call, at, Fact.OFFER_ENDED, offer_id=last.offer_id, agent=last.agent, result=OfferResult.WITHDRAWN
        )


def _restore_overflow(call: Call, record: CallRecord) -> None:
    """A caller who was on the way out, to the goodbye or to leave a message, still is."""
    last = next((e for e in reversed(record.events) if e.fact in (Fact.OVERFLOWED, Fact.QUEUED)), None)
    if last is None or last.fact is not Fact.OVERFLOWED:
        return
    call.phase = CallPhase.AFTER
    call.leaving = True
    call.message = last.data.get("via") == "voicemail"
    call.final = OUTCOMES[Reason(str(last.data.get("reason")))]
