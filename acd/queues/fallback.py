"""What Asterisk does with callers by itself while no daemon steers them, and what becomes of it in the books.

The dialplan takes those who wait to a native queue when the heartbeat is stale, and brings them home when it is fresh
again. Whom the native queue served is found talking, or is told of; who has left meanwhile was noted, and the record is
made afterwards. An agent who talks through the fallback queue talks: nothing is offered to them beside it.
"""

from __future__ import annotations

from acd.queues import events as ev
from acd.queues.calls import Calls
from acd.queues.corrections import Correction
from acd.queues.found import Elsewhere, Left, NotedCall
from acd.queues.journey import Fact
from acd.queues.model import AgentId, Call, CallPhase, Offer, OfferId, OfferResult, Outcome, QueueName, Side
from acd.queues.offers import LIVE, Offers
from acd.queues.shop import Shop

SIDES = {Left.CALLER: Side.CALLER, Left.SYSTEM: Side.SYSTEM, Left.ENOUGH: Side.SYSTEM, Left.CUT: Side.SYSTEM}


class Fallback:
    """Follows the callers who are out of our hands."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers) -> None:
        self._shop = shop
        self._calls = calls
        self._offers = offers

    def away(self, call: Call, at: float) -> None:
        """The caller is in Asterisk's own fallback queue: not ours to offer until the dialplan brings it home.

        Callers fall back from the hold verb only: of one who is being offered or served this is old news, our order
        to dial has overtaken it.
        """
        if call.phase is CallPhase.WAITING:
            call.at_home = False
            call.touched_at = at
            self._shop.changed(call)
            self._shop.note(call, at, Fact.FALLBACK)

    def fell(self, call: Call, fell_at: float) -> None:
        """The caller is found to have been in the fallback queue; nothing when that is known."""
        record = self._shop.book.get(call.id)
        if record is not None and not record.fallback:
            self._shop.note(call, fell_at, Fact.FALLBACK)

    def taken(self, call: Call, agent_id: AgentId | None, offer_id: OfferId | None, since: float, at: float) -> None:
        """The caller talks with somebody whom we did not send, since then; `offer_id` is what the leg is known by."""
        if call.leaving or (call.phase is CallPhase.TALKING and offer_id in (None, call.offer_id)):
            return
        since = min(since, at)
        agent = self._shop.desk.get(agent_id) if agent_id is not None else None
        self._talks(call, agent.spec.id if agent is not None else None, offer_id, since, at)
        if agent is None:
            return
        if offer_id is not None:
            call.offer_id = offer_id
            self._shop.offers[offer_id] = Offer(offer_id, call.id, agent.spec.id, since)
        self._offers.engaged(agent, at)
        if agent.offer_id is None and agent.call_id is None:
            self._shop.desk.talking(agent, call)

    def _talks(self, call: Call, agent_id: AgentId | None, offer_id: OfferId | None, since: float, at: float) -> None:
        if call.phase in LIVE:
            self._offers.end_all(call, OfferResult.WITHDRAWN, since)
        if call.phase is CallPhase.TALKING:  # that one's end went by unheard
            self._calls.end_talk(call, since, Side.SYSTEM)
        self._shop.forget_offer(call)
        self._shop.move(call, CallPhase.TALKING, at)
        self._offers.cancel_timers(call)
        call.answered_at = call.answered_at or since
        call.talk_ended_at = None
        call.agent_id = agent_id
        self._shop.note(call, since, Fact.CONNECTED, agent=agent_id, offer_id=offer_id)

    def served(self, call: Call, event: ev.CallServed) -> None:
        """The conversation is over and the caller still here: the survey's turn."""
        if self.over(call, event.agent_id, event.since, event.at, event.at):
            self._calls.hand_to_survey(call, event.at)

    def over(self, call: Call, agent_id: AgentId | None, since: float | None, over_at: float, at: float) -> bool:
        """The conversation is over, and was unheard, maybe. False: the caller was on the way out already."""
        call.at_home = True
        if call.leaving:
            return False
        if call.phase in (CallPhase.WAITING, *LIVE):  # that it was taken went by unheard
            self._talks(call, agent_id, None, over_at if since is None else min(since, over_at), at)
        if call.phase is CallPhase.TALKING:
            self._calls.end_talk(call, min(over_at, at), Side.AGENT)
        self._shop.forget_offer(call)
        return True

    # -- afterwards -----------------------------------------------------------------------------------------

    def noted(self, event: ev.CallsNoted) -> None:
        """Close the books on calls that ended unheard, and make those of calls that nobody has heard of at all."""
        for seen in event.calls:
            record = self._shop.book.get(seen.call_id)
            if record is not None and record.ended_at is not None:
                continue
            call = self._shop.calls.get(seen.call_id) or self._open(seen, event)
            self._shop.corrected(call, event.at, Correction.NOTED)
            self._close(call, seen, event.at)

    def _open(self, seen: NotedCall, event: ev.CallsNoted) -> Call:
        """The record of a call that never was in our line: nobody is to be found for it any more."""
        entered = ev.CallEntered(
            event.at, seen.call_id, event.node, seen.did, seen.number, "", seen.entered_at, seen.from_agent
        )
        call = self._calls.open_books(entered)
        queue = self._shop.plan.queues.get(QueueName(seen.queue)) or self._shop.plan.queue_of_did(seen.did)
        if queue is None:
            call.final = Outcome.CLOSED
        else:
            call.queue = queue.name
            call.joined_at = call.queued_at = call.entered_at
            self._shop.note(call, call.entered_at, Fact.QUEUED, queue=queue.name, joined_at=call.joined_at)
        return call

    def _close(self, call: Call, seen: NotedCall, at: float) -> None:
        """What happened, in its order; no moment is before the one it follows, whatever the clocks say."""
        ended_at = at if seen.ended_at is None else min(seen.ended_at, at)
        latest = max(call.entered_at, call.answered_at or 0.0)
        ended_at = max(ended_at, latest)
        if seen.offer_id and seen.dialled_at is not None:
            self._was_answered(call, seen, OfferId(seen.offer_id), _between(latest, seen.dialled_at, ended_at), at)
        elsewhere = seen.elsewhere
        if elsewhere is not None:
            self.fell(call, _between(call.entered_at, elsewhere.fell_at, ended_at))
            if elsewhere.taken_at is not None and not call.leaving:
                self._was_taken(call, elsewhere, elsewhere.taken_at, ended_at, at)
        cut = seen.ended_at is None or seen.left is Left.CUT
        call.cut = cut and not call.leaving and call.phase is not CallPhase.AFTER
        if call.phase is CallPhase.TALKING:
            over_at = seen.over_at
            by = Side.AGENT if over_at is not None else SIDES[seen.left]
            self._calls.end_talk(call, ended_at if over_at is None else _between(latest, over_at, ended_at), by)
        if cut:
            call.final = call.final or Outcome.LOST
        elif seen.left is Left.ENOUGH:
            call.final = call.final or Outcome.TIMED_OUT
        self._calls.finish(call, ended_at, SIDES[seen.left])

    def _was_answered(self, call: Call, seen: NotedCall, offer_id: OfferId, since: float, at: float) -> None:
        """Our last order to dial was answered. We may have taken it back, on a dead link, or not got to note it."""
        offer = self._shop.offers.get(offer_id)
        if offer is not None and offer.call_id == call.id and call.phase in LIVE:
            self._offers.connect(offer, call, max(since, offer.at))
            return
        record = self._shop.book.get(call.id)
        legs = record.legs if record is not None else ()
        if not call.leaving and all(leg.offer_id != offer_id for leg in legs):
            agent = self._shop.desk.get(seen.offered_to) if seen.offered_to is not None else None
            self._talks(call, agent.spec.id if agent is not None else None, offer_id, since, at)

    def _was_taken(self, call: Call, elsewhere: Elsewhere, taken_at: float, ended_at: float, at: float) -> None:
        """Unless we know of it: the daemon may have been there for a while in between."""
        record = self._shop.book.get(call.id)
        known = record is not None and any(leg.began_at >= taken_at - SAME_S for leg in record.legs)
        if known or (call.phase is CallPhase.AFTER and call.answered_at is None):
            return
        since = _between(call.entered_at, taken_at, ended_at)
        self._talks(call, elsewhere.agent_id, None, since, at)
        if elsewhere.over_at is not None:
            self._calls.end_talk(call, _between(since, elsewhere.over_at, ended_at), Side.AGENT)


SAME_S = 1.0  # two clocks' stamps of one moment


def _between(earliest: float, moment: float, latest: float) -> float:
    return max(earliest, min(moment, latest))
