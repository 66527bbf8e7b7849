"""Reading an Asterisk back: who is in our dialplan, which legs ring, which phones are there. One look, one picture.

The first picture of a link is the truth. A later one, a sweep, comes while events are on their way: Asterisk sends
those of before the picture after it. So a caller who is in only one of the two, what we heard and what we see, is left
as heard until the next sweep shows the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace

import structlog

from acd.ami import fields
from acd.ami.client import AmiClient
from acd.ami.messages import Message
from acd.ami.phones import GONE_STATES, OwnCalls
from acd.ami.registry import Caller, Registry, call_of, device_of, ring_of
from acd.ami.transfers import leg_name
from acd.errors import AmiRefused
from acd.numbers import normalise
from acd.queues.found import Elsewhere, FoundCall
from acd.queues.model import AgentId, CallId, OfferId

log = structlog.get_logger(__name__)

RINGING = "5"  # ChannelState
Ring = list[tuple[AgentId, OfferId]]
FACTS = ("ACD_CALL", "ACD_DID", "ACD_ENTERED", "ACD_VERB", "ACD_QUEUE", "ACD_OFFER", "ACD_AGENT", "ACD_TALKING",
         "ACD_FELL", "SHARED(ACD_TAKEN)", "ACD_SERVED", "ACD_DOING", "ACD_DIGITS", "ACD_DIALLED_MS")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """One Asterisk at one moment: callers in our dialplan, phones it can reach, the agents' calls of their own."""

    calls: tuple[FoundCall, ...]
    reachable: frozenset[AgentId]
    own: OwnCalls
    unsure: frozenset[CallId]  # callers not seen, whose end may be on its way


async def read_picture(
    client: AmiClient,
    registry: Registry,
    node: str,
    time: fields.AsteriskTime,
    default_region: str,
    at: float,
    sweep: bool,
) -> Picture:
    """Ask Asterisk for its channels and devices; fills the registry anew. AmiError when the link fails meanwhile."""
    channels, devices = await asyncio.gather(
        client.collect("Status", ("AllVariables", "false"), ("Variables", ",".join(FACTS))),
        _device_states(client),
    )
    before = registry.take()
    if not sweep:
        before.take()
    calls = []
    with_agents = _agents_in_bridges(channels, registry)
    for channel in channels:
        call_id = fields.call_id(channel.variables.get("ACD_CALL", ""))
        if call_id is None:
            continue
        if sweep and call_id not in before.callers and call_id not in before.doubtful:
            registry.doubtful.add(call_id)  # its entry is on its way, most likely
            continue
        caller = _caller(call_id, channel, before.callers.get(call_id))
        registry.caller_entered(caller)
        if caller.offer_id is not None and caller.offer_id in before.handed:
            registry.handed[caller.offer_id] = caller
        ring = _ring(channel, channels, registry)
        found = _found(call_id, channel, ring, time, default_region, at, registry.agent_of_channel(caller.channel))
        found = replace(found, elsewhere=_elsewhere(channel.variables, time, at, registry))
        calls.append(_with_whom(found, channel, with_agents, registry, before))
    unsure = _not_seen(registry, before)
    own = _phones(channels, registry, before, node)
    return Picture(tuple(calls), _reachable(devices, registry), own, unsure)


def _not_seen(registry: Registry, before: Registry) -> frozenset[CallId]:
    """Callers we know of and do not see for the first time: they are kept for one more round."""
    unsure = {call_id for call_id in before.callers if call_id not in registry.callers} - before.doubtful
    for call_id in unsure:
        registry.caller_entered(before.callers[call_id])
    registry.doubtful |= unsure
    return frozenset(unsure)


async def _device_states(client: AmiClient) -> dict[str, str] | None:
    """Device -> its state; None when Asterisk cannot tell (res_manager_devicestate is not loaded)."""
    try:
        devices = await client.collect("DeviceStateList")
    except AmiRefused as error:
        log.warning("phones taken for reachable", reason=str(error), fix="load res_manager_devicestate.so")
        return None
    return {device.get("Device", ""): device.get("State", "") for device in devices}


def _caller(call_id: CallId, channel: Message, before: Caller | None) -> Caller:
    uniqueid, facts = channel.get("Uniqueid", ""), channel.variables
    name, linkedid = channel.get("Channel", ""), channel.get("Linkedid", uniqueid)
    if before is not None and before.uniqueid == uniqueid:
        caller = before  # the same object: a redirect that is being asked again is this caller's, or given up
        caller.channel, caller.linkedid = name, linkedid
    else:
        caller = Caller(call_id, name, uniqueid, linkedid)
        if facts.get("ACD_VERB") == "connect" and facts.get("ACD_OFFER") and facts.get("ACD_AGENT"):
            caller.ordered_all(ring_of(facts["ACD_OFFER"], facts["ACD_AGENT"]))
            if channel.get("BridgeID", ""):
                caller.dials = None
    caller.did, caller.entered = fields.dialled(facts.get("ACD_DID", "")), fields.stamp(facts.get("ACD_ENTERED", ""))
    return caller


def _agents_in_bridges(channels: list[Message], registry: Registry) -> dict[str, list[Message]]:
    """Bridge -> the channels of agents' phones in it."""
    found: dict[str, list[Message]] = {}
    for channel in channels:
        bridge = channel.get("BridgeID", "")
        if bridge and registry.agent_of_channel(channel.get("Channel", "")) is not None:
            found.setdefault(bridge, []).append(channel)
    return found


def _with_whom(
    found: FoundCall, channel: Message, with_agents: dict[str, list[Message]], registry: Registry, before: Registry
) -> FoundCall:
    """Whom the caller really talks with: a transfer may have been completed, and its word lost on the way to us."""
    caller = registry.callers[found.call_id]
    others = [other for other in with_agents.get(channel.get("BridgeID", ""), ()) if not _same(other, caller)]
    if found.verb not in ("connect", "fallback") or len(others) != 1:
        return found
    uniqueid = others[0].get("Uniqueid", "")
    agent_id = registry.agent_of_channel(others[0].get("Channel", ""))
    if agent_id is None or not uniqueid or (found.verb == "connect" and agent_id == found.agent_id):
        return found
    offer_id = before.legs.get(uniqueid) or leg_name(found.call_id, uniqueid)
    asked = call_of(offer_id)
    registry.hand_over(caller, uniqueid, offer_id)
    consultation = asked if asked != found.call_id else None
    if found.verb == "fallback":
        since = found.elsewhere.taken_at if found.elsewhere is not None else None
        return replace(found, agent_id=agent_id, offer_id=offer_id, handed_over=True, talking_since=since)
    return replace(found, agent_id=agent_id, offer_id=offer_id, handed_over=True, consultation=consultation)


def _same(channel: Message, caller: Caller) -> bool:
    return channel.get("Uniqueid", "") == caller.uniqueid


def _ring(caller: Message, channels: list[Message], registry: Registry) -> Ring:
    """The offers that are being dialled from this channel, or the one that is talked on: of several the legs tell."""
    facts = caller.variables
    ordered = ring_of(facts.get("ACD_OFFER", ""), facts.get("ACD_AGENT", ""))
    if len(ordered) == 1:
        return ordered
    bridge = caller.get("BridgeID", "")
    talks, _, _ = facts.get("ACD_TALKING", "").rpartition("@")
    marked = [leg for leg in ordered if bridge and leg[1] == talks]
    if marked:
        return marked
    there = {
        registry.agent_of_channel(one.get("Channel", ""))
        for one in channels
        if one.get("Linkedid") == caller.get("Linkedid") and (not bridge or one.get("BridgeID") == bridge)
    }
    return [leg for leg in ordered if leg[0] in there] or ordered


def _found(
    call_id: CallId,
    channel: Message,
    ring: Ring,
    time: fields.AsteriskTime,
    region: str,
    at: float,
    from_agent: AgentId | None,
) -> FoundCall:
    facts = channel.variables
    (agent_id, offer_id), *others = ring
    return FoundCall(
        call_id,
        fields.dialled(facts.get("ACD_DID", "")),
        normalise(channel.get("CallerIDNum", ""), region),
        fields.name(channel.get("CallerIDName", "")),
        time.ours(facts.get("ACD_ENTERED", ""), at, fields.OLD_STAMP_S),
        facts.get("ACD_VERB", ""),
        facts.get("ACD_QUEUE", ""),
        offer_id,
        agent_id,
        bool(channel.get("BridgeID", "")),
        _talking_since(facts.get("ACD_TALKING", ""), offer_id, at),
        from_agent,
        doing=fields.order_number(facts.get("ACD_DOING", "")),
        digits=fields.keys(facts.get("ACD_DIGITS", "")),
        beside=tuple((other_id, agent) for agent, other_id in others),
        dialled_at=_of_the_talk(facts, fields.stamp_ms(facts.get("ACD_DIALLED_MS", "")), time, at),
        over_at=_of_the_talk(facts, fields.stamp(facts.get("ACD_SERVED", "")), time, at),
    )


def _of_the_talk(facts: Mapping[str, str], stamp: str, time: fields.AsteriskTime, at: float) -> float | None:
    """A moment of the conversation that is over, as the dialplan noted it; None where there was none."""
    over = facts.get("ACD_VERB", "") == "after" and fields.stamp(facts.get("ACD_SERVED", ""))
    return time.ours(stamp, at, fields.OLD_STAMP_S) if over and stamp else None


def _talking_since(mark: str, offer_id: str, at: float) -> float | None:
    """What `Mark` noted, if it is about the offer that the channel is at."""
    marked, _, since = mark.rpartition("@")
    return fields.finite(since, at) if offer_id and marked == offer_id else None


def _elsewhere(facts: Mapping[str, str], time: fields.AsteriskTime, at: float, registry: Registry) -> Elsewhere | None:
    """What the fallback queue did, as the dialplan noted it on the channel."""
    fell = fields.stamp(facts.get("ACD_FELL", ""))
    if not fell:
        return None
    moment, endpoint = fields.taken(facts.get("SHARED(ACD_TAKEN)", ""))
    over = fields.stamp(facts.get("ACD_SERVED", ""))
    fell_at, taken_at, over_at = (
        time.ours(one, at, fields.OLD_STAMP_S) if one else None for one in (fell, moment, over)
    )
    assert fell_at is not None
    if taken_at is None:
        return Elsewhere(fell_at)
    return Elsewhere(
        fell_at, taken_at, registry.endpoints.get(endpoint), over_at if (over_at or 0.0) >= taken_at else None
    )


def _phones(channels: list[Message], registry: Registry, before: Registry, node: str) -> OwnCalls:
    """Tell the agents' legs of our offers from their own calls."""
    for channel in channels:
        name, uniqueid = channel.get("Channel", ""), channel.get("Uniqueid", "")
        agent_id = registry.agent_of_channel(name)
        offer_id = registry.legs.get(uniqueid) or before.legs.get(uniqueid) or _leg_of(agent_id, channel, registry)
        if offer_id is not None:
            registry.leg_found(uniqueid, offer_id, name, channel.get("ChannelState") == RINGING)
        elif agent_id is not None and uniqueid:
            registry.own[uniqueid] = (agent_id, f"{node}:{name}")
    for uniqueid, offer_id in before.legs.items():  # the end of one not seen may be on its way as well
        if registry.caller_of(offer_id) is not None:
            registry.legs.setdefault(uniqueid, offer_id)
    return tuple(registry.own.values())


def _leg_of(agent_id: AgentId | None, channel: Message, registry: Registry) -> OfferId | None:
    """A channel on a trunk tells of no agent: one that a caller's dialling made is the leg of the only offer."""
    linkedid = channel.get("Linkedid", "")
    if agent_id is not None:
        return registry.leg_of(agent_id, linkedid)
    caller = registry.by_linkedid.get(linkedid)
    dialled = channel.get("Application") == "AppDial" and channel.get("Uniqueid", "") not in registry.by_uniqueid
    return next(iter(caller.ring)) if caller is not None and dialled and len(caller.ring) == 1 else None


def _reachable(states: dict[str, str] | None, registry: Registry) -> frozenset[AgentId]:
    if states is None:
        return frozenset(registry.endpoints.values())
    here = (one for one in registry.endpoints if states.get(device_of(one), "INVALID") not in GONE_STATES)
    return frozenset(registry.endpoints[endpoint] for endpoint in here)
