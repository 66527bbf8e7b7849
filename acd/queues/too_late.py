"""A caller who was to be taken from a ringing phone, and an agent had picked it up: what is put right then.

    OFFERED --withdrawn, moved, pulled, let go--> anywhere --taken after all--> TALKING with the agent of that offer

We had decided on old knowledge: the phone was picked up before our order came, or before we heard of it. The shell asks
before it takes anybody away (`acd.ami.redirects`), so nothing has been done to the caller; everything that we made of
the call since is taken back. It is talked on as what it was when that offer was made, in the queue it was in then. What
was ordered stays in the journey, and that it came too late.
"""

from __future__ import annotations

from acd.queues.calls import Calls
from acd.queues.commands import Mark
from acd.queues.corrections import Correction
from acd.queues.events import TakenAfterAll
from acd.queues.fallback import Fallback
from acd.queues.journey import CallRecord, Fact
from acd.queues.model import Call, OfferId, QueueName
from acd.queues.offers import Offers
from acd.queues.places import waits_since
from acd.queues.shop import Shop


class TooLate:
    """Takes orders back that came too late."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers, fallback: Fallback) -> None:
        self._shop = shop
        self._calls = calls
        self._offers = offers
        self._fallback = fallback

    def taken(self, call: Call, event: TakenAfterAll) -> None:
        """The agent of this offer talks with the caller, or has; nothing when that is known."""
        record = self._shop.book.get(call.id)
        if record is None or any(leg.offer_id == event.offer_id for leg in record.legs):
            return
        at = event.at
        offer = self._shop.offers.get(event.offer_id)
        since = at if event.since is None else min(event.since, at)
        if offer is not None and offer.call_id == call.id:  # another phone of several was to be silenced
            self._offers.connect(offer, call, max(since, offer.at))
        else:
            self._take_back(call, record, event.offer_id, at)
            self._talks(call, record, event.offer_id, since, at)
        if event.over_at is not None and self._fallback.over(call, call.agent_id, since, event.over_at, at):
            self._calls.hand_to_survey(call, at)

    def _take_back(self, call: Call, record: CallRecord, offer_id: OfferId, at: float) -> None:
        """Neither let go nor in another queue."""
        self._shop.corrected(call, at, Correction.TOO_LATE)
        self._offers.cancel_timers(call)
        self._calls.sticky.release(call)
        if call.leaving:
            call.leaving = call.message = False
            call.final = None
        queue = self._shop.spec(_queue_at(record, offer_id) or QueueName(""))
        if queue is not None and queue.name != call.queue:
            call.queue, call.rules = queue.name, None
            self._shop.note(call, at, Fact.QUEUED, queue=queue.name, joined_at=waits_since(call))

    def _talks(self, call: Call, record: CallRecord, offer_id: OfferId, since: float, at: float) -> None:
        """An agent to whom we have given another call meanwhile is not rung for that: this phone is in use."""
        agent_id = next((offer.agent for offer in record.offers if offer.offer_id == offer_id), None)
        self._fallback.taken(call, agent_id, offer_id, since, at)
        agent = self._shop.desk.get(agent_id) if agent_id is not None else None
        if agent is not None and agent.call_id == call.id:
            self._shop.desk.accepted(agent)
            self._calls.sticky.served(call, agent.spec.id)
        self._shop.emit(Mark(call.id, offer_id, since))
        if call.hung_up is not None:
            self._calls.end_talk(call, at, call.hung_up)


def _queue_at(record: CallRecord, offer_id: OfferId) -> QueueName | None:
    """The queue in which the call was offered so."""
    queue = None
    for event in record.events:
        if event.fact is Fact.QUEUED:
            queue = QueueName(str(event.data.get("queue")))
        elif event.fact is Fact.OFFERED and event.data.get("offer_id") == offer_id:
            return queue
    return None
