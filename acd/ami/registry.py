"""Which channel is which: the translation table between Asterisk's names and ours, for one Asterisk.

A caller's channel is known by the call id it carries. A new channel on an agent's phone is the leg of an offer when it
belongs to a caller (same Linkedid) for whom that agent was ordered to be dialled and not seen dialled yet; any other
is a call of the agent's own. So an offer that is withdrawn and followed at once by another never lends it its leg, and
an agent to whom a caller is transferred is not taken for one who was offered the call, until the transfer is completed:
then the leg is the caller's, whatever it was made for.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from acd.queues.model import AgentId, CallId, OfferId


@dataclass(slots=True)
class Caller:
    """A caller's channel. `offer_id` is the last offer's; `expected` are those ordered and not yet seen dialled.

    `did` and `entered` are the channel's own words, to be given back to it if it should lose them.
    """

    call_id: CallId
    channel: str
    uniqueid: str
    linkedid: str
    did: str = ""
    entered: str = ""
    offer_id: OfferId | None = None
    expected: dict[AgentId, OfferId] = field(default_factory=dict)
    moves: int = 0  # redirects ordered so far

    def ordered(self, agent_id: AgentId, offer_id: OfferId) -> None:
        """An order to dial this agent is on its way."""
        self.offer_id = offer_id
        self.expected.pop(agent_id, None)  # the newest one last
        self.expected[agent_id] = offer_id

    def dialled(self, offer_id: OfferId) -> None:
        """This offer's dialling has begun or is over: Asterisk is past it and all that were ordered before."""
        if offer_id in self.expected.values():
            for agent_id, expected in list(self.expected.items()):
                del self.expected[agent_id]
                if expected == offer_id:
                    return


@dataclass(slots=True)
class Registry:
    """All channels of ours on one Asterisk. `endpoints` maps `PJSIP/1001` to the agent's id."""

    endpoints: dict[str, AgentId]
    callers: dict[CallId, Caller] = field(default_factory=dict)
    by_uniqueid: dict[str, Caller] = field(default_factory=dict)
    by_linkedid: dict[str, Caller] = field(default_factory=dict)
    legs: dict[str, OfferId] = field(default_factory=dict)  # uniqueid of the agent's leg -> offer
    own: dict[str, tuple[AgentId, str]] = field(default_factory=dict)  # uniqueid -> agent, channel name
    rings: dict[str, AgentId] = field(default_factory=dict)  # uniqueid of an agent's own call -> whom it dials
    handed: dict[OfferId, Caller] = field(default_factory=dict)  # a leg made for another call -> whose it is now
    doubtful: set[CallId] = field(default_factory=set)  # the last sweep found them against what we had heard

    def caller_entered(self, caller: Caller) -> None:
        """Remember a caller's channel."""
        self.callers[caller.call_id] = caller
        self.by_uniqueid[caller.uniqueid] = caller
        self.by_linkedid[caller.linkedid] = caller

    def caller_gone(self, caller: Caller) -> None:
        """Forget a caller's channel."""
        self._off_the_books(caller)
        if caller.offer_id is not None and self.handed.get(caller.offer_id) is caller:
            del self.handed[caller.offer_id]

    def _off_the_books(self, caller: Caller) -> None:
        self.callers.pop(caller.call_id, None)
        self.by_uniqueid.pop(caller.uniqueid, None)
        if self.by_linkedid.get(caller.linkedid) is caller:
            del self.by_linkedid[caller.linkedid]

    def moved(self, caller: Caller, channel: str, uniqueid: str, linkedid: str) -> None:
        """Another channel goes on as this caller."""
        self._off_the_books(caller)
        caller.channel, caller.uniqueid, caller.linkedid = channel, uniqueid, linkedid
        self.caller_entered(caller)

    def linked(self, caller: Caller, linkedid: str) -> None:
        """Asterisk takes the older id of two that meet in a bridge."""
        if linkedid and linkedid != caller.linkedid:
            self.moved(caller, caller.channel, caller.uniqueid, linkedid)

    def caller_of(self, offer_id: OfferId) -> Caller | None:
        """Whose leg this is: an offer's id is its call's id and a number, `<call>.<n>`, unless it was handed over."""
        return self.handed.get(offer_id) or self.callers.get(call_of(offer_id))

    def hand_over(self, caller: Caller, uniqueid: str, offer_id: OfferId) -> None:
        """From now on this agent's channel is the caller's leg, known by this id."""
        self.own.pop(uniqueid, None)
        self.legs[uniqueid] = offer_id
        if caller.offer_id is not None:
            self.handed.pop(caller.offer_id, None)
        caller.offer_id = offer_id
        self.handed[offer_id] = caller

    def renamed(self, uniqueid: str, channel: str) -> None:
        """Asterisk gave a channel another name."""
        caller = self.by_uniqueid.get(uniqueid)
        if caller is not None:
            caller.channel = channel

    def agent_of_channel(self, channel: str) -> AgentId | None:
        """The agent whose phone a channel such as `PJSIP/1001-0000002a` is on."""
        return self.endpoints.get(channel.rpartition("-")[0])

    def leg_of(self, agent_id: AgentId, linkedid: str) -> OfferId | None:
        """The offer whose leg a new channel on this agent's phone is; None: it is a call of the agent's own."""
        caller = self.by_linkedid.get(linkedid)
        return caller.expected.get(agent_id) if caller is not None else None

    def dial_began(self, caller: Caller, uniqueid: str, channel: str) -> None:
        """The caller's channel dials another one."""
        agent_id = self.agent_of_channel(channel)
        offer_id = self.legs.get(uniqueid)
        if offer_id is None and caller.expected:  # else it is no order of ours that dials
            offer_id = caller.offer_id if agent_id is None else caller.expected.get(agent_id)
        if offer_id is not None:
            self.legs[uniqueid] = offer_id
            caller.dialled(offer_id)

    def take(self) -> Registry:
        """Forget all channels, the picture is read anew; returns what was known."""
        before = replace(self)
        self.callers, self.by_uniqueid, self.by_linkedid, self.legs, self.own = {}, {}, {}, {}, {}
        self.rings, self.handed = {}, {}
        self.doubtful = set()
        return before


def call_of(offer_id: OfferId) -> CallId:
    """The call that an offer was made for."""
    return CallId(offer_id.rpartition(".")[0])
