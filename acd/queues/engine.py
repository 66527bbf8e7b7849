"""The decision machine: `handle(event) -> [command]`, and nothing else happens.

    WAITING --offer--> OFFERED --picks up--> CONNECTING --bridge--> TALKING --agent gone--> AFTER --> ENDED
       ^                  |                      |                                            ^
       +---- refused, busy, no answer, unreachable, withdrawn ----+     (the caller may leave from anywhere)

A call keeps `joined_at` in every case, so its place in the line is never lost. After every event but those of a
daemon that begins or stops the line is matched against the ready agents: there is never a waiting call beside a ready
agent who could take it. An event about an offer or a call that is over is ignored: it came late, which is no error.

This file is the table of contents: which event goes where. Who takes whom is in `matcher`. What is done about a caller
is in `calls`, about one in Asterisk's own hands in `fallback`, about one whom an agent sends on in `transfers`, about a
ringing phone in `offers`, about a call that cannot wait in `overflow`, about an agent in `desk`, on a supervisor's word
in `orders`, about one that came too late in `too_late`, about a lost or restarted Asterisk in `recovery`.
"""

from __future__ import annotations

from acd.errors import AcdError, NotAllowed, UnknownCall, UnknownMessage
from acd.queues import asked, boot, handed, known_callers, refusals
from acd.queues import events as ev
from acd.queues.about import CallerKnown
from acd.queues.book import Book
from acd.queues.calls import Calls
from acd.queues.commands import Command
from acd.queues.deciding import Deciding
from acd.queues.fallback import Fallback
from acd.queues.journey import Fact
from acd.queues.matcher import Draw, Matcher, always_the_first
from acd.queues.model import Agent, AgentId, Backoff, CallId, OfferId, Plan
from acd.queues.offers import Offers
from acd.queues.orders import Orders
from acd.queues.overflow import Overflows
from acd.queues.reconfiguring import Reconfiguring
from acd.queues.recovery import Recovery
from acd.queues.restoring import Restoring
from acd.queues.shop import Shop
from acd.queues.too_late import TooLate
from acd.queues.transfers import Transfers

CallEvent = (
    CallerKnown
    | ev.CallerLeft
    | ev.PartyHungUp
    | ev.CallHeld
    | ev.CallAway
    | ev.CallTaken
    | ev.CallServed
    | handed.CallSentOn
    | handed.CallHandedOver
    | handed.CallHandedEarly
    | ev.TakenAfterAll
)
OfferEvent = ev.OfferRinging | ev.OfferAccepted | ev.Connected | ev.OfferEnded | ev.TalkEnded | ev.AgentLegGone
AgentEvent = (
    ev.PhoneReachable
    | ev.PhoneRenewed
    | ev.OwnCallStarted
    | ev.OwnCallEnded
    | ev.AgentLogin
    | ev.AgentLogout
    | ev.AgentPause
    | ev.AgentReady
)


class Engine:
    """The brain. One instance, one caller at a time; `book` keeps the journeys."""

    def __init__(self, plan: Plan, book: Book, backoff: Backoff | None = None, draw: Draw = always_the_first) -> None:
        self._shop = shop = Shop(plan, book, backoff or Backoff())
        self._offers = Offers(shop)
        self._calls = Calls(shop, self._offers)
        self._orders = Orders(shop, self._calls, self._offers)
        self._overflows = Overflows(shop, self._calls)
        self._transfers = Transfers(shop, self._calls, self._offers)
        self._fallback = Fallback(shop, self._calls, self._offers)
        self._too_late = TooLate(shop, self._calls, self._offers, self._fallback)
        self._restoring = Restoring(shop, self._calls, self._offers, self._transfers)
        self._recovery = Recovery(shop, self._calls, self._offers, self._transfers, self._fallback)
        self._reconfiguring = Reconfiguring(shop, self._calls, self._offers, self._overflows)
        self.book = book
        self.calls = shop.calls
        self.offers = shop.offers
        self.desk = shop.desk
        self.matcher = Matcher(shop, draw)
        self._deciding = Deciding(shop, self.matcher)
        self.stopping = False
        self.booting = False

    @property
    def plan(self) -> Plan:
        """The plan that is followed now."""
        return self._shop.plan

    @property
    def shop(self) -> Shop:
        """The floor, for those who only look."""
        return self._shop

    @property
    def closed(self) -> str | None:
        """Why no call is offered to anybody at the moment; None when the line is matched."""
        if self.stopping:
            return "the daemon is stopping"
        return "the daemon is starting: Asterisk is being read back" if self.booting else None

    def handle(self, event: ev.Event) -> list[Command]:
        """Decide. The commands are to be carried out in their order."""
        if isinstance(event, ev.TimerDue) and not self._shop.alarms.came(event.name, event.at):
            return self._shop.take_commands()
        self._dispatch(event)
        self._transfers.settle(event.at)
        if self.desk.settle(event.at):
            refusals.thinned_out(self._shop)
        self._calls.sticky.settle(event.at)
        self._deciding.sync(event.at)
        if self.closed is not None:
            self.matcher.sync(event.at)
            self.matcher.settle(event.at)
        else:
            self._overflows.settle(event.at)
            self._match(event.at)
        self._calls.announce()
        self.desk.publish(event.at)
        return self._shop.take_commands()

    def refusal(self, event: ev.Event) -> AcdError | None:
        """Why an order from outside cannot be taken now; None when `handle` will carry it out."""
        match event:
            case ev.AgentLogin(agent_id=agent_id) | ev.AgentLogout(agent_id=agent_id):
                return self.desk.refusal(agent_id, needs_login=False)
            case ev.AgentPause(agent_id=agent_id) | ev.AgentReady(agent_id=agent_id):
                return self.desk.refusal(agent_id, needs_login=True)
            case asked.Disposed(call_id=call_id, record=record):
                known = self.book.get(call_id) or record
                if known is None:
                    return UnknownCall(f"there is no call {call_id!r}")
                if known.answered_at is None:
                    return NotAllowed("this call has not been answered, so there is nothing to say about it")
            case asked.CallPriority() | asked.CallMoved() | asked.CallPulled():
                return self._orders.refusal(event, self.closed)
            case asked.MessageHeard(call_id=call_id, record=record):
                known = self.book.get(call_id) or record
                if known is None or known.message is None:
                    return UnknownMessage(f"there is no message of a call {call_id!r}")
        return None

    def _dispatch(self, event: ev.Event) -> None:
        match event:
            case ev.CallEntered():
                self._calls.entered(event)
            case (
                CallerKnown()
                | ev.CallerLeft()
                | ev.PartyHungUp()
                | ev.CallHeld()
                | ev.CallAway()
                | ev.CallTaken()
                | ev.CallServed()
                | handed.CallSentOn()
                | handed.CallHandedOver()
                | handed.CallHandedEarly()
                | ev.TakenAfterAll()
            ):
                self._call_event(event)
            case asked.CallPriority() | asked.CallMoved() | asked.CallPulled():
                self._orders.carry_out(event, self.closed)
            case (
                ev.OfferRinging()
                | ev.OfferAccepted()
                | ev.Connected()
                | ev.OfferEnded()
                | ev.TalkEnded()
                | ev.AgentLegGone()
            ):
                self._offer_event(event)
            case ev.TimerDue():
                self._timer_due(event)
            case boot.Booting() | ev.Restored() | boot.AgentsRestored() | boot.Opened():
                self._boot(event)
            case ev.NodeLost() | ev.NodeRead() | ev.CallsNoted():
                self._recovery.handle(event)
            case ev.DayBegan():
                self.book.begin_day(event.day_began_at, event.ended)
                self._shop.pace.begin(event.ended)
            case asked.Disposed() | asked.MessageHeard():
                self._note_afterwards(event)
            case ev.Reconfigured() | ev.Stopping():
                self._daemon_event(event)
            case ev.VerbDone():
                pass  # the IVR's; nothing in the line depends on it
            case _:
                self._agent_event(event)

    def _boot(self, event: boot.Booting | ev.Restored | boot.AgentsRestored | boot.Opened) -> None:
        if isinstance(event, boot.Booting):
            self.booting = True
            return
        self.booting = self.booting and not isinstance(event, boot.Opened)
        self._restoring.handle(event)

    def _daemon_event(self, event: ev.Reconfigured | ev.Stopping) -> None:
        match event:
            case ev.Reconfigured():
                self._reconfigure(event)
            case ev.Stopping():
                self.stopping = True
                self._offers.withdraw_all(event.at)

    def _reconfigure(self, event: ev.Reconfigured) -> None:
        """A daemon that stops begins nothing new."""
        if self.stopping:
            return
        renumbered = self._reconfiguring.carry_out(event)
        self.matcher.reconfigure(renumbered)
        self._deciding.reconfigure(renumbered)

    def _call_event(self, event: CallEvent) -> None:
        call = self.calls.get(event.call_id)
        if call is None:
            return
        match event:
            case CallerKnown():
                known_callers.heard(self._shop, call, event)
            case ev.CallerLeft():
                self._calls.left(call, event)
            case ev.PartyHungUp(side=side):
                self._calls.party_hung_up(call, side, event.at)
            case ev.CallHeld():
                self._calls.held(call, event.at)
            case ev.CallAway():
                self._fallback.away(call, event.at)
            case ev.CallTaken(at=at, agent_id=agent_id, offer_id=offer_id):
                self._fallback.taken(call, agent_id, offer_id, at, at)
            case ev.CallServed():
                self._fallback.served(call, event)
            case handed.CallSentOn() | handed.CallHandedOver() | handed.CallHandedEarly():
                self._transfers.happened(call, event)
            case ev.TakenAfterAll():
                self._too_late.taken(call, event)

    def _offer_event(self, event: OfferEvent) -> None:
        offer = self.offers.get(event.offer_id)
        if offer is None:
            return
        call = self.calls[offer.call_id]
        match event:
            case ev.OfferRinging():
                self._offers.ringing(offer, call, event.at)
            case ev.OfferAccepted():
                self._offers.accept(offer, call, event.at)
            case ev.Connected():
                self._offers.connect(offer, call, event.at)
                self._calls.sticky.served(call, offer.agent_id)
            case ev.OfferEnded(result=result, reason=reason):
                self._offers.failed(offer, call, result, event.at, reason)
            case ev.TalkEnded():
                self._calls.talk_ended(call, event.at)
            case ev.AgentLegGone():
                self._calls.agent_leg_gone(call, event.at)

    def _agent_event(self, event: AgentEvent) -> None:
        agent = self.desk.get(event.agent_id)
        if agent is None or (event.agent_id not in self.plan.agents and isinstance(event, ev.AgentLogin)):
            return
        match event:
            case ev.PhoneReachable(reachable=reachable):
                self._phone_reachable(agent, reachable, event.at)
            case ev.PhoneRenewed():
                self._excuse(agent)
            case ev.OwnCallStarted(channel=channel):
                self.desk.own_call_began(agent, channel)
            case ev.OwnCallEnded(channel=channel):
                self.desk.own_call_ended(agent, channel, event.at)
            case ev.AgentLogin():
                self.desk.login(agent, event.at)
            case ev.AgentLogout():
                self.desk.logout(agent)
                self._offers.withdraw_from(agent, event.at)
                self._overflows.somebody_left()
            case ev.AgentPause(reason=reason) if agent.logged_in:
                self.desk.pause(agent, reason)
                self._offers.withdraw_from(agent, event.at)
            case ev.AgentReady() if agent.logged_in:
                self.desk.take_calls(agent, event.at)

    def _phone_reachable(self, agent: Agent, reachable: bool, at: float) -> None:
        """A phone that goes or comes back while it should ring excuses its agent from a missed call."""
        if reachable is not agent.reachable:
            self._excuse(agent)
        self.desk.phone_reachable(agent, reachable, at)

    def _excuse(self, agent: Agent) -> None:
        offer = self.offers.get(agent.offer_id) if agent.offer_id is not None else None
        if offer is not None:
            offer.excused = True

    def _timer_due(self, event: ev.TimerDue) -> None:
        """`relax`, `retry` and `only` have nothing to do but to wake the match."""
        kind, _, rest = event.name.partition(":")
        match kind:
            case "wrap":
                self.desk.wrap_up_due(self.desk.agents[AgentId(rest)], event.at)
            case "rest":
                self.desk.rest_due(self.desk.agents[AgentId(rest)])
            case "ring":
                self._offers.overdue(OfferId(rest), event.at)
            case "look":
                self._offers.look_due(self.calls[CallId(rest)], event.at)
            case "doubt":
                self._recovery.doubts.due(rest)
            case "limit":
                self._overflows.due(CallId(rest))
            case "refused":
                call_id, _, agent_id = rest.partition(":")
                refusals.look_again(self._shop, self.calls[CallId(call_id)], AgentId(agent_id), event.at)

    def _note_afterwards(self, event: asked.Disposed | asked.MessageHeard) -> None:
        """A fact of a call that may be over and only in the records."""
        if event.record is not None and event.record.ended_at is not None:
            self.book.adopt(event.record)
        if self.book.get(event.call_id) is None:
            return
        match event:
            case asked.Disposed(at, call_id, code, amount, note):
                noted = self.book.note(call_id, at, Fact.DISPOSITION, code=code, amount=amount, note=note)
            case asked.MessageHeard(at, call_id):
                noted = self.book.note(call_id, at, Fact.HEARD)
        self._shop.emit(noted)

    def _match(self, at: float) -> None:
        """Offer the waiting calls, in order, to the best ready agents who may take them.

        Who has just come, found nobody and may not wait goes elsewhere, where somebody may be ready.
        """
        moved = True
        while moved:
            self.matcher.sync(at)
            self._offer(at)
            self.matcher.settle(at)  # first: who is turned away by the estimate is told by the line
            moved = self._overflows.turn_away(at)

    def _offer(self, at: float) -> None:
        for choice in self.matcher.choices(at):
            self._offers.make(choice.call, choice.agents, at, self._deciding.told(choice, at))
