"""`AttendedTransfer`: what Asterisk has done with an agent's two calls, in the brain's terms.

An agent talks with a caller on one channel (the leg) and asks somebody on another (an own call). When the transfer is
completed while both are talked on, Asterisk puts the caller into the bridge of the own call, in its channel's place:
the caller stays in `acd-connect`, with its variables; the leg and the own call's channel go. It does not matter which
of the two calls the phone names first.

When nobody has answered the own call yet (DestType `App`), the caller's channel takes over the own call where it stands
in the dialplan, and its variables. The brain is told to take it out of there, but not before it is there: Asterisk says
`AttendedTransfer` when it has only queued that, and while it is done no action finds the channel, nor is what was set
before it kept. It is done when the own call's channel hangs up.
"""

from __future__ import annotations

from dataclasses import replace

from acd.ami.messages import Message
from acd.ami.phones import Phones
from acd.ami.registry import Caller, Registry, call_of
from acd.queues import events as ev
from acd.queues import handed
from acd.queues.model import CallId, OfferId

DONE = frozenset({"Bridge", "Link"})  # Link: two bridges that could not be merged, with a pair of channels between
PARTIES = ("Transferee", "TransferTarget")
AGENTS = ("OrigTransferer", "SecondTransferer")


def attended(message: Message, at: float, registry: Registry, phones: Phones, node: str) -> list[ev.Event]:
    """The events of a completed transfer; keeps the registry true."""
    if message.get("Result") != "Success":
        return []
    caller = _caller(message, registry)
    match message.get("DestType"):
        case "App" if caller is not None:
            return _early(message, at, caller, registry)
        case "App":
            _take_over(message, registry)
            return []
        case dest if dest in DONE:
            party = next((one for one in PARTIES if _uniqueid(message, one) != (caller.uniqueid if caller else "")), "")
            return _joined(message, party, at, caller, registry, phones, node)
        case _:
            return []


def _uniqueid(message: Message, who: str) -> str:
    return message.get(f"{who}Uniqueid", "")


def _caller(message: Message, registry: Registry) -> Caller | None:
    """The caller whom an agent hands over; None: neither of the two was in a call of ours as one who called."""
    for who in PARTIES:
        caller = registry.by_uniqueid.get(_uniqueid(message, who))
        if caller is not None:
            return caller
    for who in AGENTS:
        offer_id = registry.legs.get(_uniqueid(message, who))
        if offer_id is not None:
            return registry.caller_of(offer_id)
    return None


def _asked(message: Message, registry: Registry) -> str:
    """The uniqueid of the agent's own call."""
    return next((one for one in (_uniqueid(message, who) for who in AGENTS) if one in registry.own), "")


def _early(message: Message, at: float, caller: Caller, registry: Registry) -> list[ev.Event]:
    """To be told by `taken_over`; at once when the own call's channel is gone already. The agent is out of it now."""
    asked = _asked(message, registry)
    consultation = registry.by_uniqueid.get(asked)
    call_id = consultation.call_id if consultation is not None else None
    event = handed.CallHandedEarly(at, caller.call_id, registry.rings.get(asked), call_id)
    if not asked:
        return [event]
    for who in AGENTS:
        registry.legs.pop(_uniqueid(message, who), None)  # how it ends says nothing of the caller any more
    registry.early[asked] = event
    return []


def taken_over(uniqueid: str, at: float, registry: Registry) -> list[ev.Event]:
    """This channel hangs up: if a caller was to take it over, that is done, and orders reach the caller again."""
    event = registry.early.pop(uniqueid, None)
    return [] if event is None else [replace(event, at=at)]


def _take_over(message: Message, registry: Registry) -> None:
    """Somebody who is no caller of ours (the agent had called them) goes on in the line in the agent's place."""
    consultation = registry.by_uniqueid.get(_asked(message, registry))
    channel, uniqueid = message.get("TransfereeChannel", ""), _uniqueid(message, "Transferee")
    if consultation is not None and channel and uniqueid:
        registry.moved(consultation, channel, uniqueid, message.get("TransfereeLinkedid", uniqueid))


def _joined(
    message: Message, party: str, at: float, caller: Caller | None, registry: Registry, phones: Phones, node: str
) -> list[ev.Event]:
    """`party` is who the agent had asked."""
    uniqueid, channel = _uniqueid(message, party), message.get(f"{party}Channel", "")
    agent_id, offer_id = registry.agent_of_channel(channel), registry.legs.get(uniqueid)
    if caller is None:
        return _left_to_themselves(message, at, registry, phones, node)
    if agent_id is None or not uniqueid:
        return [handed.CallHandedOver(at, caller.call_id, None, None)]
    if offer_id is not None:
        consultation = call_of(offer_id) if call_of(offer_id) != caller.call_id else None
        registry.hand_over(caller, uniqueid, offer_id)
        return [handed.CallHandedOver(at, caller.call_id, agent_id, offer_id, consultation)]
    offer_id = leg_name(caller.call_id, uniqueid)
    own = registry.own.get(uniqueid)
    registry.hand_over(caller, uniqueid, offer_id)
    events: list[ev.Event] = [handed.CallHandedOver(at, caller.call_id, agent_id, offer_id)]
    if own is not None:  # after it: the agent must not look free in between
        phones.own_ended(node, *own)
        events.append(ev.OwnCallEnded(at, *own))
    return events


def _left_to_themselves(message: Message, at: float, registry: Registry, phones: Phones, node: str) -> list[ev.Event]:
    """Somebody whom the agent had called talks with another agent: from now on a call of that agent's own."""
    events: list[ev.Event] = []
    for who in PARTIES:
        uniqueid, channel = _uniqueid(message, who), message.get(f"{who}Channel", "")
        agent_id = registry.agent_of_channel(channel)
        if agent_id is None or registry.legs.pop(uniqueid, None) is None:
            continue
        own = (agent_id, f"{node}:{channel}")
        registry.own[uniqueid] = own
        phones.own_began(node, *own)
        events.append(ev.OwnCallStarted(at, *own))
    return events


def leg_name(call_id: CallId, uniqueid: str) -> OfferId:
    """The id of a leg that no offer made: `<call>.t<n>`, n being Asterisk's number of the channel."""
    return OfferId(f"{call_id}.t{''.join(filter(str.isdecimal, uniqueid.rpartition('.')[2]))}")
