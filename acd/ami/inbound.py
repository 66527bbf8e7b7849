"""AMI messages in, events of the brain out: one function per message, no decision.

Messages that are doubled, late or about channels that are not ours give no event. Whatever a caller or a phone wrote
is checked at the door (`acd.ami.fields`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import structlog

from acd.ami import fields
from acd.ami.dialled import leg_result, offer_result, unconfirmed
from acd.ami.messages import Message
from acd.ami.phones import GONE_STATES, Phones
from acd.ami.registry import Caller, Registry, RungLeg
from acd.ami.transfers import attended, leg_name, taken_over
from acd.numbers import normalise
from acd.queues import events as ev
from acd.queues import handed
from acd.queues.model import AgentId, OfferId, OfferResult, Side

log = structlog.get_logger(__name__)

TOWN_REASONS = ("number", "rate", "at_once", "lock")
SHUTDOWN = "4"
"""Who asks for the soft hang-up: Asterisk, which is about to end (AST_SOFTHANGUP_SHUTDOWN in its channel.h)."""
GONE_CONTACTS = frozenset({"Removed", "Unreachable", "Unknown"})
VERB_ENDS = frozenset({"ok", "timeout", "error", "hangup"})

Events = list[ev.Event]
Handler = Callable[[Message, float], Events]


class Translator:
    """For one Asterisk. `translate` takes a message and the time it came; it also keeps registry and phones true."""

    def __init__(
        self,
        node: str,
        registry: Registry,
        phones: Phones,
        time: fields.AsteriskTime,
        default_region: str,
        key: str = "",
    ) -> None:
        """`key` is what our dialplan's events must carry; without one they are believed as they are."""
        self._node = node
        self._registry = registry
        self._phones = phones
        self._time = time
        self._region = default_region
        self._key = key
        self.refused = Counter(dict.fromkeys(TOWN_REASONS, 0))
        self._handlers: dict[str, Handler] = {
            "UserEvent": self._user_event,
            "Newchannel": self._new_channel,
            "Rename": self._renamed,
            "DialBegin": self._dial_begin,
            "DialState": self._dial_state,
            "DialEnd": self._dial_end,
            "BridgeEnter": self._bridge_enter,
            "AttendedTransfer": self._attended,
            "HangupRequest": self._hangup_request,
            "SoftHangupRequest": self._shutting_down,
            "Hangup": self._hangup,
            "DeviceStateChange": self._device_state,
            "ContactStatus": self._contact,
        }
        self._user_handlers: dict[str, Handler] = {
            "AcdEnter": self._entered,
            "AcdHold": self._held,
            "AcdDial": self._dialled,
            "AcdTransfer": self._sent_on,
            "AcdDone": self._done,
            "AcdFallback": self._fell_back,
            "AcdTaken": self._taken,
            "AcdServed": self._served,
            "AcdAgent": self._agent_order,
            "AcdTown": self._refused_in_town,
        }

    @property
    def heard(self) -> tuple[str, ...]:
        """Names of the messages that may mean something."""
        return tuple(name for name in self._handlers if name not in self.heard_if)

    @property
    def heard_if(self) -> Mapping[str, tuple[str, str]]:
        """Of these only a few do: name -> header and value."""
        return {"SoftHangupRequest": ("Cause", SHUTDOWN)}

    def translate(self, message: Message, at: float) -> Events:
        """What the message means to the brain; nothing, for most."""
        handler = self._handlers.get(message.name)
        return handler(message, at) if handler else []

    # -- from our dialplan ----------------------------------------------------------------------------------

    def _user_event(self, message: Message, at: float) -> Events:
        if self._key and message.get("Key") != self._key:
            return []  # of another daemon's time, or of nobody who knows us
        handler = self._user_handlers.get(message.get("UserEvent", ""))
        return handler(message, at) if handler else []

    def _entered(self, message: Message, at: float) -> Events:
        call_id = fields.call_id(message.get("Call", ""))
        channel, uniqueid = message.get("Channel", ""), message.get("Uniqueid", "")
        known = call_id in self._registry.callers or uniqueid in self._registry.by_uniqueid
        if call_id is None or not channel or not uniqueid or known:
            return []
        caller = Caller(call_id, channel, uniqueid, message.get("Linkedid", uniqueid))
        caller.did, caller.entered = fields.dialled(message.get("Did", "")), fields.stamp(message.get("Entered", ""))
        self._registry.caller_entered(caller)
        return [
            ev.CallEntered(
                at,
                call_id,
                self._node,
                fields.dialled(message.get("Did", "")),
                normalise(message.get("CallerIDNum", ""), self._region),
                fields.name(message.get("CallerIDName", "")),
                self._time.ours(message.get("Entered", ""), at, fields.LIVE_STAMP_S),
                self._registry.agent_of_channel(channel),
            )
        ]

    def _held(self, message: Message, at: float) -> Events:
        """In hold. A call whose entry went by unheard (straight to the fallback queue) is entered by this."""
        call_id = fields.call_id(message.get("Call", ""))
        return [] if call_id is None else [*self._entered(message, at), ev.CallHeld(at, call_id)]

    def _dialled(self, message: Message, at: float) -> Events:
        """The dialling is over; where several phones rang, for each of them: the brain passes over what it knows."""
        offer_id = OfferId(message.get("Offer", ""))
        rung = self._registry.rung(offer_id)
        legs = rung[0].ring if rung and rung[0].rings_several else {}
        caller = self._registry.caller_of(offer_id)
        if caller is not None:
            caller.dialled(list(legs)[-1] if legs else offer_id)
            caller.not_taken(offer_id)
        if message.get("Status") == "ANSWER":
            up = rung[0].offer_id if rung else None
            first = up if up in legs else offer_id
            return [ev.TalkEnded(at, one) for one in (first, *(one for one in legs if one != first))]
        if len(legs) < 2:
            reason = "unconfirmed" if unconfirmed(message) else ""
            return [ev.OfferEnded(at, offer_id, offer_result(message), reason)]
        return [ev.OfferEnded(at, one, _result_of(leg, message)) for one, leg in legs.items()]

    def _done(self, message: Message, at: float) -> Events:
        call_id = fields.call_id(message.get("Call", ""))
        seq = fields.order_number(message.get("Seq", ""))
        if call_id is None or seq is None:
            return []
        status = message.get("Status", "")
        digits = fields.keys(message.get("Digits", ""))
        recorded_s = fields.recorded_s(message.get("Bytes", ""))
        return [ev.VerbDone(at, call_id, seq, status if status in VERB_ENDS else "error", digits, recorded_s)]

    def _sent_on(self, message: Message, at: float) -> Events:
        """An agent's phone has sent the caller to this number: a blind transfer."""
        call_id = fields.call_id(message.get("Call", ""))
        return [] if call_id is None else [handed.CallSentOn(at, call_id, fields.dialled(message.get("To", "")))]

    def _fell_back(self, message: Message, at: float) -> Events:
        """Of a call that entered unheard nothing is made here: it must not be offered. The next picture shows it."""
        call_id = fields.call_id(message.get("Call", ""))
        return [] if call_id is None else [ev.CallAway(at, call_id)]

    def _taken(self, message: Message, at: float) -> Events:
        """From the agent's own leg, which the fallback queue made: no longer a call of the agent's own."""
        call_id, uniqueid = fields.call_id(message.get("Call", "")), message.get("Uniqueid", "")
        caller = self._registry.callers.get(call_id) if call_id is not None else None
        if caller is None or not uniqueid:
            return []  # the next picture shows the two together
        own = self._registry.own.get(uniqueid)
        offer_id = leg_name(caller.call_id, uniqueid)
        self._registry.hand_over(caller, uniqueid, offer_id)
        events: Events = [ev.CallTaken(at, caller.call_id, offer_id, self._who_took(message))]
        if own is not None:  # after it: the agent must not look free in between
            self._phones.own_ended(self._node, *own)
            events.append(ev.OwnCallEnded(at, *own))
        return events

    def _who_took(self, message: Message) -> AgentId | None:
        _, endpoint = fields.taken(message.get("Taken", ""))
        return self._registry.endpoints.get(endpoint)

    def _served(self, message: Message, at: float) -> Events:
        call_id = fields.call_id(message.get("Call", ""))
        if call_id is None:
            return []
        moment, _ = fields.taken(message.get("Taken", ""))
        since = self._time.ours(moment, at, fields.OLD_STAMP_S) if moment else None
        return [ev.CallServed(at, call_id, self._who_took(message), since)]

    def _agent_order(self, message: Message, at: float) -> Events:
        agent_id = self._registry.endpoints.get(message.get("Endpoint", ""))
        if agent_id is None:
            return []
        match message.get("Order"):
            case "login":
                return [ev.AgentLogin(at, agent_id)]
            case "logout":
                return [ev.AgentLogout(at, agent_id)]
            case "pause":
                return [ev.AgentPause(at, agent_id, "feature code")]
            case "ready":
                return [ev.AgentReady(at, agent_id)]
            case _:
                return []

    def _refused_in_town(self, message: Message, _at: float) -> Events:
        """Not the brain's business: the dialplan would not have a call to the town. Told and counted."""
        reason = message.get("Reason", "")
        reason = reason if reason in TOWN_REASONS else "other"
        self.refused[reason] += 1
        endpoint, number = message.get("Endpoint", ""), fields.dialled(message.get("To", ""))
        log.warning("call to the town refused", node=self._node, endpoint=endpoint, to=number, reason=reason)
        return []

    # -- from Asterisk itself -------------------------------------------------------------------------------

    def _new_channel(self, message: Message, at: float) -> Events:
        channel, uniqueid = message.get("Channel", ""), message.get("Uniqueid", "")
        agent_id = self._registry.agent_of_channel(channel)
        if agent_id is None or not uniqueid or uniqueid in self._registry.own or uniqueid in self._registry.legs:
            return []
        offer_id = self._registry.leg_of(agent_id, message.get("Linkedid", ""))
        if offer_id is not None:
            self._registry.legs[uniqueid] = offer_id
            return []
        channel = f"{self._node}:{channel}"
        self._registry.own[uniqueid] = (agent_id, channel)
        self._phones.own_began(self._node, agent_id, channel)
        return [ev.OwnCallStarted(at, agent_id, channel)]

    def _renamed(self, message: Message, at: float) -> Events:
        self._registry.renamed(message.get("Uniqueid", ""), message.get("Newname", ""))
        return []

    def _dial_begin(self, message: Message, at: float) -> Events:
        uniqueid, channel = message.get("Uniqueid", ""), message.get("DestChannel", "")
        caller = self._registry.by_uniqueid.get(uniqueid)
        leg = message.get("DestUniqueid", "")
        if caller is not None and leg:
            self._registry.dial_began(caller, leg, channel, message.get("DialString", ""), at)
        rings = self._registry.agent_of_channel(channel)
        if uniqueid in self._registry.own and rings is not None:
            self._registry.rings[uniqueid] = rings
        return []

    def _dial_state(self, message: Message, at: float) -> Events:
        offer_id = self._leg(message)
        if offer_id is None or message.get("DialStatus") not in ("RINGING", "PROGRESS"):
            return []
        if rung := self._registry.rung(offer_id):
            rung[1].rang = True
        return [ev.OfferRinging(at, offer_id)]

    def _dial_end(self, message: Message, at: float) -> Events:
        """One phone is picked up, or no longer rings.

        Of the last one that rings AcdDial tells, from where the caller can be steered again.
        """
        offer_id = self._leg(message)
        rung = self._registry.rung(offer_id) if offer_id is not None else None
        status = message.get("DialStatus", "")
        if offer_id is not None and status == "ANSWER":
            if rung:
                rung[0].answered(offer_id)
            return [ev.OfferAccepted(at, offer_id)]
        if offer_id is None or rung is None or not rung[0].rings_several or status == "CANCEL":
            return []
        caller, leg = rung
        rang_ms = 0.0 if leg.dialled_at is None else (at - leg.dialled_at) * 1000.0
        leg.result = leg_result(status, leg.cause, leg.rang, rang_ms)
        others = [other for other in caller.ring.values() if other.result is None]
        return [ev.OfferEnded(at, offer_id, leg.result)] if others else []

    def _leg(self, message: Message) -> OfferId | None:
        return self._registry.legs.get(message.get("DestUniqueid", ""))

    def _bridge_enter(self, message: Message, at: float) -> Events:
        """Whoever of the two comes second makes it a conversation."""
        caller = self._registry.by_uniqueid.get(message.get("Uniqueid", ""))
        if caller is not None:
            self._registry.linked(caller, message.get("Linkedid", ""))
        if message.get("BridgeNumChannels") != "2":
            return []
        uniqueid = message.get("Uniqueid", "")
        offer_id = self._registry.legs.get(uniqueid)
        if offer_id is None and caller is not None and (caller.up or not caller.rings_several):
            offer_id = caller.offer_id
        rung = self._registry.rung(offer_id) if offer_id else None
        if rung:
            rung[0].bridged = True
        return [ev.Connected(at, offer_id)] if offer_id else []

    def _attended(self, message: Message, at: float) -> Events:
        return attended(message, at, self._registry, self._phones, self._node)

    def _hangup_request(self, message: Message, at: float) -> Events:
        uniqueid = message.get("Uniqueid", "")
        caller = self._registry.by_uniqueid.get(uniqueid)
        if caller is not None:
            return [ev.PartyHungUp(at, caller.call_id, Side.CALLER)]
        offer_id = self._registry.legs.get(uniqueid)
        rung = self._registry.rung(offer_id) if offer_id else None
        if rung:
            rung[1].cause = message.get("Cause", "")
        caller = self._registry.caller_of(offer_id) if offer_id else None
        if caller is None or caller.offer_id != offer_id:  # the leg of an offer that is over
            return []
        return [ev.PartyHungUp(at, caller.call_id, Side.AGENT)]

    def _shutting_down(self, message: Message, at: float) -> Events:
        """Asterisk cuts this channel, be it the caller's or the agent's."""
        uniqueid, registry = message.get("Uniqueid", ""), self._registry
        offer_id = registry.legs.get(uniqueid)
        caller = registry.by_uniqueid.get(uniqueid) or (registry.caller_of(offer_id) if offer_id else None)
        if caller is None or message.get("Cause") != SHUTDOWN:
            return []
        return [ev.PartyHungUp(at, caller.call_id, Side.SYSTEM)]

    def _hangup(self, message: Message, at: float) -> Events:
        """A channel may be several things at once: an agent may call the hotline from the agent's own phone."""
        uniqueid = message.get("Uniqueid", "")
        registry = self._registry
        events = taken_over(uniqueid, at, registry)
        caller = registry.by_uniqueid.get(uniqueid)
        if caller is not None:
            registry.caller_gone(caller)
            events.append(ev.CallerLeft(at, caller.call_id))
        offer_id = registry.legs.pop(uniqueid, None)
        if offer_id is not None:
            events.append(ev.AgentLegGone(at, offer_id))
        registry.rings.pop(uniqueid, None)
        own = registry.own.pop(uniqueid, None)
        if own is not None:
            self._phones.own_ended(self._node, *own)
            events.append(ev.OwnCallEnded(at, *own))
        return events

    def _contact(self, message: Message, at: float) -> Events:
        """A registration from a place that was not known, or that answers again; of a mere refresh nothing is told."""
        agent_id = self._registry.endpoints.get(f"PJSIP/{message.get('EndpointName', '')}")
        if agent_id is None or message.get("ContactStatus") in GONE_CONTACTS:
            return []
        return [ev.PhoneRenewed(at, agent_id)]

    def _device_state(self, message: Message, at: float) -> Events:
        there = message.get("State") not in GONE_STATES
        told = [
            (agent_id, self._phones.told(self._node, agent_id, there))
            for agent_id in self._registry.agents_on(message.get("Device", ""))
        ]
        return [ev.PhoneReachable(at, agent_id, reachable) for agent_id, reachable in told if reachable is not None]


def _result_of(leg: RungLeg, message: Message) -> OfferResult:
    """Of a phone among several: what it said itself; else what the dialling as a whole came to."""
    if leg.result is not None:
        return leg.result
    if message.get("Status") == "CANCEL":
        return OfferResult.CALLER_LEFT
    return OfferResult.UNREACHABLE if leg.dialled_at is None else offer_result(message)
