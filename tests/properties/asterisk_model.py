"""A toy Asterisk: callers in verbs, phones that ring, and the events these lead to. It obeys the brain's orders.

It is the truth that the property machine holds the brain against: what the brain is told is only what this model
queues in `events`, and the machine may deliver that late, twice, in another order or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues import handed
from acd.queues.found import FoundCall
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, Side

NODE = "main"
AFTER_S = 5.0
BYE_S = 1.0
TAPE_S = 30.0


@dataclass
class Caller:
    """A caller's channel. `offer` and `agent` are those of the last leg, `noted` what the channel's variables say.

    `beside`: the other phones, while several ring.
    """

    call: CallId
    did: str
    number: str
    entered_at: float
    verb: str = "hold"
    since: float = 0.0
    seq: int = 0
    queue: str = ""
    offer: OfferId | None = None
    agent: AgentId | None = None
    leg: str = ""  # of the agent: "", "dialled", "answered", "bridged"
    noted: tuple[OfferId | None, AgentId | None] = (None, None)
    from_agent: AgentId | None = None  # whose own phone it comes from
    beside: dict[OfferId, AgentId] = field(default_factory=dict)
    bridged_at: float = 0.0
    known: bool = False  # the brain has said that the two talk

    def taken_unknown(self) -> bool:
        """Whether an agent has picked up and the brain does not know: whoever asks is told, and moves nobody."""
        return self.verb == "connect" and self.leg in ("answered", "bridged") and not self.known

    def legs(self) -> dict[OfferId, AgentId]:
        """All phones that ring, or the one that talks."""
        first = {self.offer: self.agent} if self.leg and self.offer is not None and self.agent is not None else {}
        return first | self.beside

    def leave_out(self, offer: OfferId) -> None:
        """This one of several phones rings no longer."""
        if offer == self.offer:
            self.offer = next(iter(self.beside))
            self.agent = self.beside.pop(self.offer)
            self.noted = (self.offer, self.agent)
        else:
            del self.beside[offer]


_TAKES_AWAY = (cmd.Ring, cmd.Drop, cmd.Withdraw, cmd.Collect, cmd.Bye, cmd.Record)


@dataclass
class Asterisk:
    """All callers, and the events not yet delivered. `linked`: whether orders and events get through at all."""

    callers: dict[CallId, Caller] = field(default_factory=dict)
    events: list[ev.Event] = field(default_factory=list)
    reachable: dict[AgentId, bool] = field(default_factory=dict)
    own: dict[AgentId, set[str]] = field(default_factory=dict)
    linked: bool = True

    # -- orders -------------------------------------------------------------------------------------------------

    def obey(self, command: cmd.Command, at: float) -> None:
        """Carry out an order; one for a channel that is gone is an error the brain hears of."""
        if not self.linked:
            return
        away = isinstance(command, _TAKES_AWAY) or (isinstance(command, cmd.Hold) and command.move)
        if away and self._asked_for(command.call_id, at):
            return
        match command:
            case cmd.Ring():
                self._ring(command, at)
            case cmd.Drop():
                self._drop(command, at)
            case cmd.Withdraw():
                self._to(command.call_id, "hold", at)
            case cmd.Hold(move=True):
                self._to(command.call_id, "hold", at)
            case cmd.Mark() if command.call_id in self.callers:
                self.callers[command.call_id].known = True
            case cmd.Adopt() if command.call_id in self.callers:
                self.callers[command.call_id].known = True
                self.callers[command.call_id].noted = (command.offer_id, command.agent_id)
            case cmd.Collect() | cmd.Bye():
                caller = self._to(command.call_id, "collect" if isinstance(command, cmd.Collect) else "bye", at)
                if caller is not None:
                    caller.seq = command.seq
            case cmd.Record():
                caller = self._to(command.call_id, "record", at)
                if caller is not None:
                    caller.seq = command.seq

    def begin(self) -> None:
        """A link is new: who is seen to talk then is not asked for."""
        self.linked = True
        for caller in self.callers.values():
            caller.known = caller.leg == "bridged"

    def _asked_for(self, call: CallId, at: float) -> bool:
        """Before a caller is taken away: whether an agent has taken the call, which the brain is told then."""
        caller = self.callers.get(call)
        if caller is None or caller.offer is None or not caller.taken_unknown():
            return False
        if caller.leg == "answered":  # the bridge comes within milliseconds
            self.bridge(caller, at)
        self.tell(ev.TakenAfterAll(at, call, caller.offer))
        return True

    def _ring(self, ring: cmd.Ring, at: float) -> None:
        caller = self._to(ring.call_id, "connect", at)
        if caller is None:
            self.tell(*(ev.OfferEnded(at, leg.offer_id, OfferResult.ERROR) for leg in ring.legs))
            return
        engaged = {agent for other in self.callers.values() if other is not caller for agent in other.legs().values()}
        dialled = [leg for leg in ring.legs if leg.agent_id not in engaged]
        self.tell(*(ev.OfferEnded(at, leg.offer_id, OfferResult.BUSY) for leg in ring.legs if leg not in dialled))
        caller.queue, caller.known = ring.queue, False
        if not dialled:
            self._to(ring.call_id, "hold", at)
            return
        caller.offer, caller.agent, caller.leg = dialled[0].offer_id, dialled[0].agent_id, "dialled"
        caller.noted = (caller.offer, caller.agent)
        caller.beside = {leg.offer_id: leg.agent_id for leg in dialled[1:]}

    def _drop(self, drop: cmd.Drop, at: float) -> None:
        """A leg is hung up; after the last one the dialling is over."""
        caller = self.callers.get(drop.call_id)
        if caller is not None and caller.leg == "dialled" and drop.offer_id in caller.legs():
            self.fail(caller, drop.offer_id, OfferResult.NO_ANSWER, at)

    def _to(self, call: CallId, verb: str, at: float) -> Caller | None:
        """Redirect: whatever the channel was doing ends, and the agent's leg with it."""
        caller = self.callers.get(call)
        if caller is None:
            return None
        self._drop_leg(caller, at)
        caller.verb, caller.since = verb, at
        if verb == "hold":
            self.tell(ev.CallHeld(at, call))
        return caller

    def _drop_leg(self, caller: Caller, at: float) -> None:
        self.tell(*(ev.AgentLegGone(at, offer) for offer in caller.legs()))
        caller.leg = ""
        caller.beside = {}

    def tell(self, *events: ev.Event) -> None:
        """Events for the brain, if there is a link."""
        if self.linked:
            self.events.extend(events)

    # -- what people do -----------------------------------------------------------------------------------------

    def enter(self, call: CallId, did: str, number: str, ago: float, at: float) -> None:
        """A call comes in and is held."""
        self.callers[call] = Caller(call, did, number, at - ago, since=at)
        self.tell(ev.CallEntered(at, call, NODE, did, number, "", at - ago), ev.CallHeld(at, call))

    def hang_up(self, caller: Caller, at: float) -> None:
        """The caller hangs up, wherever they are; what is on tape until then is kept."""
        self.tell(ev.PartyHungUp(at, caller.call, Side.CALLER))
        if caller.verb == "record":
            self.tell(ev.VerbDone(at, caller.call, caller.seq, "hangup", "", at - caller.since))
        self._end(caller, at)

    def _end(self, caller: Caller, at: float) -> None:
        self._drop_leg(caller, at)
        del self.callers[caller.call]
        self.tell(ev.CallerLeft(at, caller.call))
        if caller.from_agent is not None:
            self.own.get(caller.from_agent, set()).discard(caller.call)
            self.tell(ev.OwnCallEnded(at, caller.from_agent, caller.call))

    def fail(self, caller: Caller, offer: OfferId, result: OfferResult, at: float) -> None:
        """A phone stops to ring; with the last one the dialling came to nothing and the caller is held again."""
        self.tell(ev.OfferEnded(at, offer, result), ev.AgentLegGone(at, offer))
        if caller.beside:
            caller.leave_out(offer)
        else:
            self._to(caller.call, "hold", at)

    def ring_out(self, caller: Caller, at: float) -> None:
        """Nobody picks up."""
        self.tell(*(ev.OfferEnded(at, offer, OfferResult.NO_ANSWER) for offer in caller.legs()))
        self._to(caller.call, "hold", at)

    def answer(self, caller: Caller, offer: OfferId, at: float) -> None:
        """An agent picks up, the other phones are silent."""
        others = [other for other in caller.legs() if other != offer]
        caller.offer, caller.agent, caller.leg, caller.beside = offer, caller.legs()[offer], "answered", {}
        caller.noted = (caller.offer, caller.agent)
        self.tell(ev.OfferRinging(at, offer), ev.OfferAccepted(at, offer))
        self.tell(*(ev.AgentLegGone(at, other) for other in others))

    def bridge(self, caller: Caller, at: float) -> None:
        """The two are connected."""
        assert caller.offer is not None
        caller.leg, caller.bridged_at = "bridged", at
        self.tell(ev.Connected(at, caller.offer))

    def agent_hangs_up(self, caller: Caller, at: float) -> None:
        """After the pick-up: the caller goes on in the dialplan."""
        assert caller.offer is not None
        self.tell(ev.PartyHungUp(at, caller.call, Side.AGENT))
        self._drop_leg(caller, at)
        if caller.noted[0] is not None:
            self.tell(ev.TalkEnded(at, caller.noted[0]))
        caller.verb, caller.since = "after", at

    # -- transfers ----------------------------------------------------------------------------------------------

    def send_on(self, caller: Caller, to: str, at: float) -> None:
        """A blind transfer by the agent whom the caller talks with."""
        self._drop_leg(caller, at)
        caller.verb, caller.since = "hold", at
        self.tell(handed.CallSentOn(at, caller.call, to), ev.CallHeld(at, caller.call))

    def ask(self, asker: AgentId, call: CallId, did: str, at: float) -> None:
        """An agent calls a queue's number from the agent's own phone."""
        self.callers[call] = Caller(call, did, asker, at, since=at, from_agent=asker)
        self.own.setdefault(asker, set()).add(call)
        self.tell(ev.OwnCallStarted(at, asker, call), ev.CallEntered(at, call, NODE, did, asker, "", at, asker))
        self.tell(ev.CallHeld(at, call))

    def complete(self, caller: Caller, question: Caller, at: float) -> None:
        """The agent hands the caller over to whom the question was put; or, when nobody has answered it, early."""
        left = caller.offer
        if question.leg == "bridged":
            caller.offer, caller.agent = question.offer, question.agent
            self.tell(handed.CallHandedOver(at, caller.call, question.agent, question.offer, question.call))
        else:
            caller.leg = ""
            self.tell(handed.CallHandedEarly(at, caller.call, None, question.call))
            self._drop_leg(question, at)
        question.leg = ""
        if left is not None:
            self.tell(ev.AgentLegGone(at, left))
        self._end(question, at)

    def press(self, caller: Caller, digits: str, at: float) -> None:
        """The caller answers a question."""
        self.tell(ev.VerbDone(at, caller.call, caller.seq, "ok" if digits else "timeout", digits))
        caller.verb, caller.since = "after", at

    def end_tape(self, caller: Caller, at: float) -> None:
        """The message is over."""
        self.tell(ev.VerbDone(at, caller.call, caller.seq, "ok", "", at - caller.since))
        caller.verb, caller.since = "after", at

    def fall_back(self, caller: Caller, at: float) -> None:
        """The dialplan sees no heartbeat."""
        caller.verb, caller.since = "fallback", at
        self.tell(ev.CallAway(at, caller.call))

    def pass_time(self, at: float) -> None:
        """What the dialplan does by itself."""
        for caller in list(self.callers.values()):
            if caller.verb == "after" and at - caller.since >= AFTER_S:
                self._end(caller, at)
            elif caller.verb == "record" and at - caller.since >= TAPE_S:
                self.end_tape(caller, at)
            elif caller.verb == "bye" and at - caller.since >= BYE_S:
                self.tell(ev.VerbDone(at, caller.call, caller.seq, "ok"))
                self._end(caller, at)
            elif caller.verb == "fallback" and self.linked and at - caller.since >= BYE_S:
                self._to(caller.call, "hold", at)

    def restart(self) -> None:
        """All calls are cut and nobody is told."""
        self.callers.clear()
        self.events.clear()
        self.own.clear()

    # -- the link -----------------------------------------------------------------------------------------------

    def picture(self, at: float, restarted: bool = False) -> ev.NodeRead:
        """What a reading shows now."""
        calls = tuple(_seen(one) for one in self.callers.values())
        phones = frozenset(agent for agent, there in self.reachable.items() if there)
        own = tuple((agent, channel) for agent, channels in self.own.items() for channel in sorted(channels))
        return ev.NodeRead(at, NODE, restarted, calls, phones, own)


def _seen(one: Caller) -> FoundCall:
    bridged = one.leg == "bridged"
    handed_over = bridged and one.verb == "connect" and one.noted[1] != one.agent
    offer, agent = (one.offer, one.agent) if handed_over else one.noted
    return FoundCall(
        one.call,
        one.did,
        one.number,
        "",
        one.entered_at,
        one.verb,
        one.queue,
        offer or "",
        agent or "",
        bridged,
        from_agent=one.from_agent,
        handed_over=handed_over,
        beside=tuple(one.beside.items()),
    )
