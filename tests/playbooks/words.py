"""The vocabulary of the playbooks: what may happen (`>>`), what may be said about it (`<<`), and the plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from acd.queues import asked, boot, handed
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.about import CallerKnown
from acd.queues.found import FoundCall
from acd.queues.journey import CallRecord
from acd.queues.model import (
    AgentId,
    AgentSpec,
    CallId,
    OfferId,
    OfferResult,
    Plan,
    QueueName,
    QueueSpec,
    Relaxation,
    Side,
)
from acd.queues.requirements import parse

NODE = "main"
SALES = "74951234567"
SUPPORT = "74957654321"


# -- the plan -----------------------------------------------------------------------------------------------


def queue(name: str, require: str, *dids: str, relax: dict[float, str] | None = None, **more: object) -> QueueSpec:
    """A queue of the plan; `relax` is seconds -> expression."""
    steps = tuple(Relaxation(after_s, parse(text)) for after_s, text in (relax or {}).items())
    return QueueSpec(QueueName(name), parse(require), frozenset(dids), steps, **more)  # type: ignore[arg-type]


def agent(agent_id: str, *, confirm: bool = False, login: bool = False, **skills: int) -> AgentSpec:
    """An agent of the plan with these skill levels; `login`: at the start of the daemon."""
    return AgentSpec(AgentId(agent_id), f"Agent {agent_id}", f"PJSIP/{agent_id}", skills, login, confirm)


def plan(agents: list[AgentSpec], queues: list[QueueSpec] | None = None, **known: Mapping[str, Any]) -> Plan:
    """A shop; unless said otherwise, with one queue `sales` that rings 20 s and wraps up 15 s."""
    queues = queues or [queue("sales", "sales >= 1", SALES)]
    return Plan({one.name: one for one in queues}, {one.id: one for one in agents}, **known)


# -- what happens -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """Something that happens, at whatever time the playbook has reached."""

    text: str
    event: Callable[[float], ev.Event]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class After:
    """Time passes; timers fire."""

    seconds: float

    def __str__(self) -> str:
        return f"{self.seconds} s later"


def after(seconds: float) -> After:
    return After(seconds)


def enters(call: str, did: str = SALES, number: str = "79160000001", ago: float = 0.0) -> Step:
    """A caller comes in, `ago` seconds before now by Asterisk's clock."""
    return Step(
        f"{call} enters", lambda at: ev.CallEntered(at, CallId(call), NODE, did, number, "Иван", round(at - ago, 3))
    )


def consults(agent_id: str, call: str, did: str = SUPPORT) -> Step:
    """An agent calls a queue's number from the agent's own phone: this is the call."""
    asker = AgentId(agent_id)
    return Step(
        f"{agent_id} asks a queue: {call}",
        lambda at: ev.CallEntered(at, CallId(call), NODE, did, agent_id, "", at, from_agent=asker),
    )


def sent_on(call: str, to: str) -> Step:
    return Step(f"{call} is sent on to {to}", lambda at: handed.CallSentOn(at, CallId(call), to))


def handed_over(call: str, agent_id: str | None, offer: str | None, consultation: str | None = None) -> Step:
    agent = None if agent_id is None else AgentId(agent_id)
    leg = None if offer is None else OfferId(offer)
    asked = None if consultation is None else CallId(consultation)
    return Step(
        f"{call} is handed over to {agent_id}, leg {offer}",
        lambda at: handed.CallHandedOver(at, CallId(call), agent, leg, asked),
    )


def handed_early(call: str, agent_id: str | None = None, consultation: str | None = None) -> Step:
    agent = None if agent_id is None else AgentId(agent_id)
    asked = None if consultation is None else CallId(consultation)
    return Step(
        f"{call} is handed over before anybody answered",
        lambda at: handed.CallHandedEarly(at, CallId(call), agent, asked),
    )


def leaves(call: str) -> Step:
    return Step(f"{call} leaves", lambda at: ev.CallerLeft(at, CallId(call)))


def hangs_up(call: str, side: Side) -> Step:
    return Step(f"{call}: {side} hangs up", lambda at: ev.PartyHungUp(at, CallId(call), side))


def held(call: str) -> Step:
    return Step(f"{call} is in the hold verb", lambda at: ev.CallHeld(at, CallId(call)))


def away(call: str) -> Step:
    return Step(f"{call} is in the fallback queue", lambda at: ev.CallAway(at, CallId(call)))


def ringing(offer: str) -> Step:
    return Step(f"{offer} rings", lambda at: ev.OfferRinging(at, OfferId(offer)))


def picks_up(offer: str) -> Step:
    return Step(f"{offer} is picked up", lambda at: ev.OfferAccepted(at, OfferId(offer)))


def connected(offer: str) -> Step:
    return Step(f"{offer} is bridged", lambda at: ev.Connected(at, OfferId(offer)))


def offer_ends(offer: str, result: OfferResult, reason: str = "") -> Step:
    return Step(f"{offer} ends: {result}", lambda at: ev.OfferEnded(at, OfferId(offer), result, reason))


def taken_after_all(offer: str, *, since_ago: float | None = None, over_ago: float | None = None) -> Step:
    """The order that came after was not carried out: the phone had been picked up. Over: they have talked already."""

    def event(at: float) -> ev.Event:
        since, over_at = (None if ago is None else at - ago for ago in (since_ago, over_ago))
        return ev.TakenAfterAll(at, CallId(offer.rpartition(".")[0]), OfferId(offer), since, over_at)

    return Step(f"{offer} had been picked up", event)


def talk_ends(offer: str) -> Step:
    return Step(f"{offer}: the caller is back in the dialplan", lambda at: ev.TalkEnded(at, OfferId(offer)))


def agent_leg_gone(offer: str) -> Step:
    return Step(f"{offer}: the agent's leg is gone", lambda at: ev.AgentLegGone(at, OfferId(offer)))


def presses(call: str, digits: str, seq: int, status: str = "ok") -> Step:
    return Step(f"{call} presses {digits!r}", lambda at: ev.VerbDone(at, CallId(call), seq, status, digits))


def taped(call: str, seconds: float | None, status: str = "ok") -> Step:
    """The recording of the message is over, after so many seconds of sound."""
    return Step(
        f"{call}: {seconds} s on tape, {status}", lambda at: ev.VerbDone(at, CallId(call), 1, status, "", seconds)
    )


def login(agent_id: str) -> Step:
    return Step(f"{agent_id} logs in", lambda at: ev.AgentLogin(at, AgentId(agent_id)))


def logout(agent_id: str) -> Step:
    return Step(f"{agent_id} logs out", lambda at: ev.AgentLogout(at, AgentId(agent_id)))


def pause(agent_id: str, reason: str = "lunch") -> Step:
    return Step(f"{agent_id} pauses", lambda at: ev.AgentPause(at, AgentId(agent_id), reason))


def ready(agent_id: str) -> Step:
    return Step(f"{agent_id} is ready", lambda at: ev.AgentReady(at, AgentId(agent_id)))


def reachable(agent_id: str, yes: bool = True) -> Step:
    return Step(
        f"{agent_id}'s phone {'registers' if yes else 'goes'}",
        lambda at: ev.PhoneReachable(at, AgentId(agent_id), yes),
    )


def own_call(agent_id: str, channel: str = "PJSIP/own-1") -> Step:
    return Step(f"{agent_id} calls somebody", lambda at: ev.OwnCallStarted(at, AgentId(agent_id), channel))


def own_call_ends(agent_id: str, channel: str = "PJSIP/own-1") -> Step:
    return Step(f"{agent_id} ends that call", lambda at: ev.OwnCallEnded(at, AgentId(agent_id), channel))


def timer_due(name: str) -> Step:
    return Step(f"timer {name} comes due", lambda at: ev.TimerDue(at, name))


def node_lost() -> Step:
    return Step("the link to Asterisk is gone", lambda at: ev.NodeLost(at, NODE))


def found(call: str, verb: str, **more: object) -> FoundCall:
    """A caller as Asterisk shows it; not later than the playbook's beginning unless `entered_at` is given."""
    facts = {"did": SALES, "number": "79160000001", "name": "Иван", "entered_at": 1_699_999_990.0, **more}
    return FoundCall(call_id=CallId(call), verb=verb, **facts)  # type: ignore[arg-type]


def node_read(
    *calls: FoundCall,
    reachable: tuple[str, ...] = (),
    restarted: bool = False,
    own: tuple[tuple[str, str], ...] = (),
    runs_s: float | None = None,
) -> Step:
    """Asterisk, which runs since so long, is read back; phones not named in `reachable` are not registered."""
    phones = frozenset(AgentId(one) for one in reachable)
    busy = tuple((AgentId(one), channel) for one, channel in own)
    return Step(
        "Asterisk is read back: " + (", ".join(f"{call.call_id} in {call.verb}" for call in calls) or "nobody there"),
        lambda at: ev.NodeRead(
            at, NODE, restarted, calls, phones, busy, began_at=None if runs_s is None else at - runs_s
        ),
    )


def prioritised(call: str, priority: float, by: str = "olga") -> Step:
    return Step(f"{by} gives {call} {priority} points", lambda at: asked.CallPriority(at, CallId(call), priority, by))


def is_known(call: str, name: str = "", priority: float = 0.0, **attributes: str) -> Step:
    return Step(
        f"{call} is known: {name} {priority} {attributes}",
        lambda at: CallerKnown(at, CallId(call), name, priority, attributes),
    )


def moved(call: str, queue_name: str, by: str = "olga") -> Step:
    return Step(
        f"{by} moves {call} to {queue_name}", lambda at: asked.CallMoved(at, CallId(call), QueueName(queue_name), by)
    )


def pulled(call: str, agent_id: str, by: str = "olga") -> Step:
    return Step(
        f"{by} pulls {call} to {agent_id}", lambda at: asked.CallPulled(at, CallId(call), AgentId(agent_id), by)
    )


def reconfigured(plan: Plan, **more: Any) -> Step:
    """The configuration is read again."""
    return Step("another plan is in force", lambda at: ev.Reconfigured(at, plan, **more))


def stops() -> Step:
    return Step("the daemon is told to stop", ev.Stopping)


def boots() -> Step:
    return Step("the daemon begins", boot.Booting)


def restored(*records: CallRecord) -> Step:
    """The records that the last daemon left open."""
    return event("the records of open calls are loaded", lambda at: ev.Restored(at, records))


def agents_restored(*kept: cmd.AgentKept) -> Step:
    """How the agents stood; those who are not named begin as the plan says."""
    names = ", ".join(one.agent_id for one in kept) or "nobody"
    return Step(f"the agents are as they were: {names}", lambda at: boot.AgentsRestored(at, kept))


def opens() -> Step:
    return Step("every Asterisk has been read", boot.Opened)


def renewed(agent_id: str) -> Step:
    return Step(f"{agent_id}'s phone registers from elsewhere", lambda at: ev.PhoneRenewed(at, AgentId(agent_id)))


def event(text: str, make: Callable[[float], ev.Event]) -> Step:
    """Any other event."""
    return Step(text, make)


def served(offer: str) -> tuple[Step, Step, Step]:
    """From ringing to the bridge, in Asterisk's usual order."""
    return ringing(offer), picks_up(offer), connected(offer)


# -- what is said about it ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Says:
    """A statement about commands: of this kind, with these fields."""

    kind: type
    fields: tuple[tuple[str, object], ...]
    text: str
    order: bool = False
    forbidden: bool = False
    in_s: float | None = None

    def __str__(self) -> str:
        return self.text

    def fits(self, command: cmd.Command, now: float | None = None) -> bool:
        """Whether the command is one of these."""
        if not isinstance(command, self.kind):
            return False
        timed = self.in_s is not None and isinstance(command, cmd.SetTimer) and now is not None
        if timed and abs(command.due_at - now - self.in_s) > 1e-6:
            return False
        return all(_field(command, name) == value for name, value in self.fields)

    def found_in(self, commands: list[cmd.Command], now: float) -> bool:
        """Whether any of the commands is one of these."""
        return any(self.fits(command, now) for command in commands)


def _field(command: cmd.Command, name: str) -> object:
    if isinstance(command, cmd.Journal):
        own = {"call_id": command.event.call_id, "fact": command.event.fact}
        return own.get(name, command.event.data.get(name))
    if isinstance(command, cmd.Ring) and name == "agent_ids":
        return tuple(leg.agent_id for leg in command.legs)
    return getattr(command, name)


def is_order(command: cmd.Command) -> bool:
    """Whether somebody on a phone would notice."""
    if isinstance(command, cmd.Hold):
        return command.move
    return isinstance(command, cmd.Ring | cmd.Drop | cmd.Withdraw | cmd.Say | cmd.Collect | cmd.Bye | cmd.Record)


def _order(kind: type, text: str, **fields: object) -> Says:
    return Says(kind, tuple(fields.items()), text, order=True)


def _aside(kind: type, text: str, /, **fields: object) -> Says:
    return Says(kind, tuple(fields.items()), text)


def rings(call: str, agent_id: str, **fields: object) -> Says:
    return _order(cmd.Ring, f"{call} rings at {agent_id}", call_id=call, agent_id=agent_id, **fields)


def rings_all(call: str, *agent_ids: str, **fields: object) -> Says:
    """All of them at once, in this order."""
    said = f"{call} rings at {', '.join(agent_ids)}"
    return _order(cmd.Ring, said, call_id=call, agent_ids=agent_ids, **fields)


def drops(offer: str) -> Says:
    return _order(cmd.Drop, f"{offer}'s leg is hung up", offer_id=offer)


def looks(unless_dialled: str | None = None) -> Says:
    """Asterisk is to be read again, but not if the dialling for this offer was heard to begin."""
    return _aside(cmd.Look, "a look at Asterisk", node=NODE, unless_dialled=unless_dialled)


def corrects(what: str, **about: object) -> Says:
    return _aside(cmd.Corrected, f"{what} is put right", what=what, **about)


def withdraws(offer: str) -> Says:
    return _order(cmd.Withdraw, f"{offer} is withdrawn", offer_id=offer)


def holds(call: str, queue_name: str = "sales") -> Says:
    return _order(cmd.Hold, f"{call} is put on hold", call_id=call, queue=queue_name)


def asks(call: str, seq: int, *prompts: str) -> Says:
    fields: dict[str, object] = {"prompts": prompts} if prompts else {}
    return _order(cmd.Collect, f"{call} is asked (order {seq})", call_id=call, seq=seq, **fields)


def says_bye(call: str, *prompts: str) -> Says:
    fields: dict[str, object] = {"prompts": prompts} if prompts else {}
    return _order(cmd.Bye, f"goodbye to {call}", call_id=call, **fields)


def records(call: str, *prompts: str) -> Says:
    fields: dict[str, object] = {"prompts": prompts} if prompts else {}
    return _order(cmd.Record, f"{call} is recorded", call_id=call, **fields)


def adopts(call: str, offer: str, agent_id: str) -> Says:
    return _aside(cmd.Adopt, f"{call} is told of {agent_id}", call_id=call, offer_id=offer, agent_id=agent_id)


def reclaims(call: str) -> Says:
    return _aside(cmd.Reclaim, f"{call} is given its facts back", call_id=call)


def notes_queue(call: str, queue_name: str = "sales") -> Says:
    return _aside(cmd.Hold, f"the queue is noted on {call}", call_id=call, queue=queue_name, move=False)


def agent_is(agent_id: str, state: str, **fields: object) -> Says:
    return _aside(cmd.AgentChanged, f"{agent_id} is {state} {fields or ''}", agent_id=agent_id, state=state, **fields)


def mirrors(agent_id: str, **fields: object) -> Says:
    return _aside(cmd.MirrorAgent, f"{agent_id} in the fallback queue: {fields}", agent_id=agent_id, **fields)


def assigns(*phones: tuple[str, str]) -> Says:
    """These agents, in this order, have these phones from now on; "": none any more."""
    return _aside(cmd.AssignPhones, f"phones are given: {phones}", phones=phones)


def fact(call: str, kind: str, /, **fields: object) -> Says:
    """A fact of the call's journey; only the data given here is compared."""
    return _aside(cmd.Journal, f"{call}: {kind} {fields or ''}", call_id=call, fact=kind, **fields)


def timer(name: str, in_s: float) -> Says:
    return Says(cmd.SetTimer, (("name", name),), f"timer {name} in {in_s} s", in_s=in_s)


def no(says: Says) -> Says:
    """None of these."""
    return Says(says.kind, says.fields, f"not: {says.text}", forbidden=True, in_s=says.in_s)


def describe(command: cmd.Command) -> str:
    """A command in the words of the playbooks."""
    match command:
        case cmd.Journal(event):
            return f"{event.call_id}: {event.fact} {dict(event.data)}"
        case cmd.AgentChanged(_, agent_id, state, reason, call_id):
            return f"{agent_id} is {state} reason={reason} call={call_id}"
        case _:
            return repr(command)
