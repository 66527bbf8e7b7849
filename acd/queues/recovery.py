"""Bringing the brain back in step with an Asterisk: link lost, picture read.

Asterisk is the store of record for a live call: what its channels say goes. What only the brain knows (the join time,
who refused) is kept for every call that is still there. A picture takes its time to be read, so it is not believed
about a call that changed after the reading began; the next one will show what has become of it. And what a look
shows that comes among events is doubted once (`doubts`).
"""

from __future__ import annotations

from acd.queues import events as ev
from acd.queues.calls import Calls
from acd.queues.commands import Bye, Corrected, TakeMessage
from acd.queues.corrections import Belief, Correction
from acd.queues.doubts import HOLDING, Doubts, awaits_survey
from acd.queues.fallback import Fallback
from acd.queues.found import FoundCall
from acd.queues.journey import Fact
from acd.queues.model import (
    AgentId,
    Call,
    CallPhase,
    Offer,
    OfferId,
    OfferResult,
    Outcome,
    QueueName,
    Side,
)
from acd.queues.offers import LIVE, Offers
from acd.queues.shop import Shop
from acd.queues.transfers import TALKED, Transfers


class Recovery:
    """Compares what we believe with what is, and follows what is."""

    def __init__(self, shop: Shop, calls: Calls, offers: Offers, transfers: Transfers, fallback: Fallback) -> None:
        self._shop = shop
        self._transfers = transfers
        self._fallback = fallback
        self._calls = calls
        self._offers = offers
        self._in_step: set[str] = set()  # nodes whose link has held since they were last read
        self._served: list[Call] = []  # found after their conversation; the IVR's facts come after all of ours
        self.doubts = Doubts(shop)

    def handle(self, event: ev.NodeLost | ev.NodeRead | ev.CallsNoted) -> None:
        """What the shell has found out about an Asterisk."""
        match event:
            case ev.NodeLost():
                self.node_lost(event)
            case ev.NodeRead():
                self.node_read(event)
            case ev.CallsNoted():
                self._fallback.noted(event)

    def node_lost(self, event: ev.NodeLost) -> None:
        """No order can be given to the node's calls; they keep their places."""
        self._in_step.discard(event.node)
        self.doubts.forget(event.node)
        for call in self._shop.calls.values():
            if call.node == event.node:
                call.at_home = False
                self._shop.changed(call)

    def node_read(self, event: ev.NodeRead) -> None:
        """The picture of one Asterisk."""
        heard = event.node in self._in_step and not event.restarted
        found = {call.call_id for call in event.calls} | event.unsure
        asked_at = event.at if event.asked_at is None else event.asked_at
        ours = [call for call in self._shop.calls.values() if call.node == event.node]
        heard_since = {call.id for call in ours if call.touched_at > asked_at}
        for call in ours:
            if event.restarted or (call.id not in found and call.id not in heard_since):
                self._gone(call, event)
        self._phones(event, heard)
        for seen in event.calls:
            known = self._shop.calls.get(seen.call_id)
            if known is None:
                self._discover(seen, event)
            elif known.id in heard_since:
                known.at_home = seen.verb != "fallback"
                self._shop.changed(known)
            elif not heard or self.doubts.confirmed(known, seen, event.at):
                self._correct(known, seen, event.at, heard)
            else:
                self._still_here(known, event.at)
        served, self._served = self._served, []
        for call in served:
            self._calls.hand_to_survey(call, event.at)
        if event.restarted or event.node not in self._in_step:
            self._in_step.add(event.node)
            self._shop.desk.mirror_again()

    # -- the picture ----------------------------------------------------------------------------------------

    def _gone(self, call: Call, event: ev.NodeRead) -> None:
        """Nobody noted the end. If Asterisk has been started anew since the call came, that was it, and not later."""
        restarted = event.restarted or (event.began_at is not None and call.entered_at < event.began_at)
        self._shop.corrected(call, event.at, Correction.CUT if restarted else Correction.ENDED)
        if call.hung_up is not Side.CALLER:  # of one who did, only the channel's end was not heard
            call.final = call.final or Outcome.LOST
        call.cut = restarted and not call.leaving and call.phase is not CallPhase.AFTER
        self._calls.finish(call, self._over_at(call, event) if restarted else event.at, Side.SYSTEM)

    def _over_at(self, call: Call, event: ev.NodeRead) -> float:
        """Not before the last thing that is known of the call, whatever the clocks say."""
        record = self._shop.book.get(call.id)
        heard = [fact.at for fact in record.events if fact.fact is not Fact.RECONCILED] if record is not None else []
        return event.at if event.began_at is None else min(event.at, max(event.began_at, *heard, call.entered_at))

    def _phones(self, event: ev.NodeRead, heard: bool) -> None:
        own: dict[AgentId, set[str]] = {}
        for agent_id, channel in event.own_channels:
            own.setdefault(agent_id, set()).add(channel)
        for agent in self._shop.desk.agents.values():
            reachable, channels = agent.spec.id in event.reachable, own.get(agent.spec.id, set())
            if heard and reachable is not agent.reachable and not agent.unseen:
                self._shop.emit(Corrected(Correction.PHONE, agent_id=agent.spec.id))
            if heard and channels != agent.own_channels:
                self._shop.emit(Corrected(Correction.OWN_CALL, agent_id=agent.spec.id))
            self._shop.desk.phone_seen(agent, reachable, event.at)
            self._shop.desk.own_calls_read(agent, channels, event.at)

    def _discover(self, seen: FoundCall, event: ev.NodeRead) -> None:
        """A caller we have no open record of: it came while nobody was listening, or its end is not heard yet."""
        if self._shop.book.get(seen.call_id) is not None:
            return
        entered = ev.CallEntered(
            event.at, seen.call_id, event.node, seen.did, seen.number, seen.name, seen.entered_at, seen.from_agent
        )
        call = self._calls.open_books(entered)
        self._shop.corrected(call, event.at, Correction.ENTERED)
        call.offers_made = max(_offer_number(offer_id) for offer_id in _offers_seen(seen))
        self._follow(call, seen, event.at)

    def _still_here(self, call: Call, at: float) -> None:
        """The channel has outlived the sign of its end."""
        if call.hung_up is not None:
            call.hung_up = None
            self._shop.changed(call)
            self._shop.corrected(call, at, Correction.STILL_HERE)

    def _correct(self, call: Call, seen: FoundCall, at: float, heard: bool) -> None:
        """Follow what was seen, and say what that has changed."""
        before, waited_for = Belief.of(call), awaits_survey(self._shop, call)
        undialled = call.phase is CallPhase.OFFERED and not any(offer.rang for offer in self._shop.offers_of(call))
        self._follow(call, seen, at)
        what = before.corrected(Belief.of(call), heard)
        if what is None and waited_for and seen.verb == "after":
            what = Correction.SURVEY
        if what is not None:
            self._shop.corrected(call, at, what)
        if heard and undialled and call.phase is CallPhase.WAITING:
            self._offers.not_yet(call, at)

    def _follow(self, call: Call, seen: FoundCall, at: float) -> None:
        call.at_home = seen.verb != "fallback"
        call.hung_up, call.cut = None, False  # the channel has outlived the sign of its end
        self._shop.changed(call)
        if call.leaving:
            if seen.verb in HOLDING:  # the order never reached it
                self._calls.show_out(call, TakeMessage(call.id, ()) if call.message else Bye(call.id, 0, ()), at)
            return
        if call.queue is None:
            queue = self._shop.plan.queues.get(QueueName(seen.queue)) or self._shop.plan.queue_of_did(seen.did)
            self._calls.place(call, queue, at)
            if queue is None:
                return
        if seen.elsewhere is not None:
            self._fallback.fell(call, min(seen.elsewhere.fell_at, at))
        if seen.verb == "connect":
            self._follow_connect(call, seen, at)
        elif seen.verb == "fallback" and seen.bridged:
            self._follow_fallback(call, seen, at)
        elif seen.verb == "after" and _just_served(call, seen):
            assert seen.elsewhere is not None
            over_at = seen.elsewhere.over_at or at
            if self._fallback.over(call, seen.elsewhere.agent_id, seen.elsewhere.taken_at, over_at, at):
                self._served.append(call)
        elif seen.verb == "after" and call.answered_at is None and seen.over_at is not None:
            self._was_served(call, seen, seen.over_at, at)
        else:
            self._follow_alone(call, seen, at)

    def _was_served(self, call: Call, seen: FoundCall, over_at: float, at: float) -> None:
        """Whom we sent picked up, talked and hung up, and nothing of it was heard: Asterisk noted when."""
        since = over_at if seen.dialled_at is None else min(seen.dialled_at, over_at)
        offer = self._shop.offers.get(OfferId(seen.offer_id))
        if offer is not None and offer.call_id == call.id:
            self._offers.connect(offer, call, max(since, offer.at))
        if self._fallback.over(call, AgentId(seen.agent_id) or None, since, over_at, at):
            self._served.append(call)

    def _follow_alone(self, call: Call, seen: FoundCall, at: float) -> None:
        """Nobody talks to this caller."""
        self._drop_offer(call, at)
        talked = call.phase is CallPhase.TALKING
        if talked:
            self._calls.end_talk(call, at, Side.SYSTEM)
            self._shop.forget_offer(call)
        if seen.verb in HOLDING:
            self._calls.back_in_line(call, at)
        elif seen.verb == "after" and (talked or awaits_survey(self._shop, call)):
            self._served.append(call)
        elif seen.verb == "after" and call.answered_at is None and call.queue is not None:
            self._calls.back_in_line(call, at)  # the dialplan would hang up on an unserved caller
            self._shop.hold(call)
        elif call.phase is CallPhase.WAITING:
            self._shop.move(call, CallPhase.AFTER, at)

    def _follow_fallback(self, call: Call, seen: FoundCall, at: float) -> None:
        """The fallback queue has found somebody: whom, is known when it is an agent's phone that is in the bridge."""
        agent_id, offer_id = (AgentId(seen.agent_id), OfferId(seen.offer_id)) if seen.handed_over else (None, None)
        since = at if seen.talking_since is None else seen.talking_since
        self._fallback.taken(call, agent_id, offer_id, since, at)

    def _follow_connect(self, call: Call, seen: FoundCall, at: float) -> None:
        if seen.handed_over and call.phase in TALKED:
            self._transfers.seen(call, seen, at)
            return
        self._drop_unseen(call, seen, at)
        if call.phase is CallPhase.WAITING:
            self._adopt_offers(call, seen, at)
        offer = self._shop.offers.get(OfferId(seen.offer_id))
        if seen.bridged and offer is not None and offer.call_id == call.id:
            self._offers.connect(offer, call, at if seen.talking_since is None else min(at, seen.talking_since))
            if seen.handed_over and call.phase is CallPhase.TALKING:
                self._transfers.seen(call, seen, at)

    def _drop_unseen(self, call: Call, seen: FoundCall, at: float) -> None:
        """Offers that are no longer dialled. Where somebody talks, all others end with that, answered elsewhere."""
        there = _offers_seen(seen)
        ours = self._shop.offers_of(call)
        if call.phase not in LIVE or (seen.bridged and any(offer.id in there for offer in ours)):
            return
        for offer in ours:
            if offer.id not in there:
                self._offers.end(offer, call, OfferResult.WITHDRAWN, at)

    def _adopt_offers(self, call: Call, seen: FoundCall, at: float) -> None:
        """The daemon before us made these offers; take them over as they are."""
        for offer_id, agent_id in ((OfferId(seen.offer_id), AgentId(seen.agent_id)), *seen.beside):
            agent = self._shop.desk.get(agent_id)
            if offer_id and agent is not None and agent.offer_id is None and agent.call_id is None:
                self._offers.reserve(Offer(offer_id, call.id, agent_id, at, rang=True), call, agent, at)
                self._shop.note(call, at, Fact.OFFERED, offer_id=offer_id, agent=agent_id)
        if call.offer_id is not None:
            return
        if seen.bridged:
            self._fallback.taken(call, AgentId(seen.agent_id) or None, None, at, at)
        else:
            call.at_home = False  # somebody we do not know is being dialled: the dialplan will say how it ends

    def _drop_offer(self, call: Call, at: float) -> None:
        if call.phase in LIVE:
            self._offers.end_all(call, OfferResult.WITHDRAWN, at)


def _just_served(call: Call, seen: FoundCall) -> bool:
    """Whether the fallback queue's agent has hung up a moment ago, and nobody has asked the caller anything since."""
    over = seen.elsewhere is not None and seen.elsewhere.over_at is not None
    return over and (call.answered_at is None or call.phase is CallPhase.TALKING)


def _offers_seen(seen: FoundCall) -> tuple[OfferId, ...]:
    return OfferId(seen.offer_id), *(offer_id for offer_id, _ in seen.beside)


def _offer_number(offer_id: str) -> int:
    """The count in an offer's id, so that ours never use a number again."""
    number = offer_id.rpartition(".")[2]
    return int(number) if number.isdecimal() and len(number) < 10 else 0
