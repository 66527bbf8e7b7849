"""Which channel is which: the translation table between Asterisk's names and ours, for one Asterisk.

A caller's channel is known by the call id it carries. A new channel on an agent's phone is the leg of an offer when it
belongs to a caller (same Linkedid) for whom that agent was ordered to be dialled and not seen dialled yet; any other
is a call of the agent's own. So an offer that is withdrawn and followed at once by another never lends it its leg, and
an agent to whom a caller is transferred is not taken for one who was offered the call, until the transfer is completed:
then the leg is the caller's, whatever it was made for. A channel on a trunk tells of no agent: whose leg it is, is
known when it is dialled, by what is dialled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from acd.queues.handed import CallHandedEarly
from acd.queues.model import AgentId, CallId, OfferId, OfferResult


@dataclass(slots=True)
class RungLeg:
    """What is known of one phone of the last order to dial. `cause` is the Q.850 number the phone itself gave."""

    channel: str = ""
    dropped: bool = False  # to be hung up as soon as there is a channel
    dialled_at: float | None = None
    rang: bool = False
    cause: str = ""
    result: OfferResult | None = None


@dataclass(slots=True)
class Caller:
    """A caller's channel. `expected` are the offers ordered and not yet seen dialled.

    `offer_id` is the last offer's: of several that ring the first, until one is picked up (`up`).
    `dials` is the first offer of the order to dial that is on its way or rings, as far as the brain can know: until the
    dialling is told to be over, or the brain has said that the two talk.
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
    ring: dict[OfferId, RungLeg] = field(default_factory=dict)
    up: bool = False
    bridged: bool = False  # with an agent of the last order to dial
    dials: OfferId | None = None
    moves: int = 0  # redirects ordered so far

    def ordered(self, agent_id: AgentId, offer_id: OfferId) -> None:
        """An order to dial this agent is on its way."""
        self.ordered_all([(agent_id, offer_id)])

    def ordered_all(self, legs: Iterable[tuple[AgentId, OfferId]]) -> None:
        """An order to dial these agents at once is on its way."""
        self.ring, self.up, self.bridged = {}, False, False
        for agent_id, offer_id in legs:
            self.ring[offer_id] = RungLeg()
            self.expected.pop(agent_id, None)  # the newest one last
            self.expected[agent_id] = offer_id
        self.offer_id = self.dials = next(iter(self.ring))

    def answered(self, offer_id: OfferId) -> None:
        """This phone was picked up."""
        if offer_id in self.ring:
            self.offer_id, self.up = offer_id, True

    def talks(self, offer_id: OfferId) -> None:
        """The brain knows that the two talk: nothing rings for the caller any more."""
        if offer_id in self.ring:
            self.dials = None

    def not_taken(self, offer_id: OfferId) -> None:
        """The dialling that went by this offer is over, and nobody has talked to the caller."""
        if offer_id == self.dials and not self.bridged:
            self.dials = None

    @property
    def rings_several(self) -> bool:
        """Whether the last order was to dial more than one."""
        return len(self.ring) > 1

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
    early: dict[str, CallHandedEarly] = field(default_factory=dict)  # uniqueid of the own call that is taken over
    doubtful: set[CallId] = field(default_factory=set)  # the last sweep found them against what we had heard
    unwanted: list[tuple[OfferId, str]] = field(default_factory=list)  # legs that are dropped and have a channel
    behind: dict[str, list[AgentId]] = field(default_factory=dict)  # a trunk's device -> who is called through it

    def __post_init__(self) -> None:
        if not self.behind:
            self._look_behind()

    def _look_behind(self) -> None:
        self.behind = {}
        for endpoint, agent_id in self.endpoints.items():
            if device_of(endpoint) != endpoint:
                self.behind.setdefault(device_of(endpoint), []).append(agent_id)

    def assign(self, phones: Iterable[tuple[AgentId, str]]) -> None:
        """These are the agents' phones now, "" for none. Legs that are known stay whose they are."""
        given = dict(phones)
        kept = {endpoint: agent_id for endpoint, agent_id in self.endpoints.items() if agent_id not in given}
        self.endpoints = kept | {endpoint: agent_id for agent_id, endpoint in given.items() if endpoint}
        self._look_behind()

    def caller_entered(self, caller: Caller) -> None:
        """Remember a caller's channel."""
        self.doubtful.discard(caller.call_id)
        self.callers[caller.call_id] = caller
        self.by_uniqueid[caller.uniqueid] = caller
        self.by_linkedid[caller.linkedid] = caller

    def caller_gone(self, caller: Caller) -> None:
        """Forget a caller's channel."""
        self.doubtful.discard(caller.call_id)
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

    def agents_on(self, device: str) -> Iterable[AgentId]:
        """Whose phones a device such as `PJSIP/1001` is, or, of a trunk, lies before."""
        agent_id = self.endpoints.get(device)
        behind = self.behind.get(device, ())
        return behind if agent_id is None else (agent_id, *behind)

    def leg_of(self, agent_id: AgentId, linkedid: str) -> OfferId | None:
        """The offer whose leg a new channel on this agent's phone is; None: it is a call of the agent's own."""
        caller = self.by_linkedid.get(linkedid)
        return caller.expected.get(agent_id) if caller is not None else None

    def dial_began(self, caller: Caller, uniqueid: str, channel: str, dialled: str = "", at: float = 0.0) -> None:
        """The caller's channel dials another one; `dialled` is what, without the technology: `79161234567@trunk`."""
        technology = channel.partition("/")[0]
        agent_id = self.agent_of_channel(channel) or self.endpoints.get(f"{technology}/{dialled}")
        offer_id = self.legs.get(uniqueid)
        if offer_id is None and caller.expected:  # else it is no order of ours that dials
            offer_id = caller.offer_id if agent_id is None else caller.expected.get(agent_id)
        if offer_id is None:
            return
        self.legs[uniqueid] = offer_id
        caller.dialled(offer_id)
        leg = caller.ring.get(offer_id)
        if leg is not None:
            leg.channel, leg.dialled_at = channel, at
            if leg.dropped:
                self.unwanted.append((offer_id, channel))

    def leg_found(self, uniqueid: str, offer_id: OfferId, channel: str, ringing: bool) -> None:
        """A leg that was seen in a picture: since when it is dialled nobody knows, it is long enough."""
        self.legs[uniqueid] = offer_id
        rung = self.rung(offer_id)
        if rung is not None and rung[1].dialled_at is None:
            rung[1].channel, rung[1].dialled_at, rung[1].rang = channel, 0.0, ringing

    def rung(self, offer_id: OfferId) -> tuple[Caller, RungLeg] | None:
        """The caller whom this offer was ordered for last, and its phone; None when it is over or not ours."""
        caller = self.callers.get(call_of(offer_id))
        leg = caller.ring.get(offer_id) if caller is not None else None
        return None if caller is None or leg is None else (caller, leg)

    def is_dialled(self, offer_id: OfferId) -> bool:
        """Whether the dialling for this offer has been heard to begin."""
        rung = self.rung(offer_id)
        return rung is not None and rung[1].dialled_at is not None

    def take(self) -> Registry:
        """Forget all channels, the picture is read anew; returns what was known."""
        before = replace(self)
        self.callers, self.by_uniqueid, self.by_linkedid, self.legs, self.own = {}, {}, {}, {}, {}
        self.rings, self.handed, self.early = {}, {}, {}
        self.doubtful = set()
        return before


def call_of(offer_id: OfferId) -> CallId:
    """The call that an offer was made for."""
    return CallId(offer_id.rpartition(".")[0])


def device_of(endpoint: str) -> str:
    """The device that Asterisk reports on: `PJSIP/trunk` for the outside number `PJSIP/79161234567@trunk`."""
    technology, _, name = endpoint.partition("/")
    return f"{technology}/{name.rpartition('@')[2]}"


def ring_of(offer_id: str, agent_ids: str) -> list[tuple[AgentId, OfferId]]:
    """Who was ordered to be dialled, from ACD_OFFER and ACD_AGENT.

    Of several agents, joined by `&`, the offers count on from the first one's.
    """
    call, _, number = offer_id.rpartition(".")
    agents = agent_ids.split("&")
    if len(agents) == 1 or not number.isdecimal() or len(number) > 9:
        return [(AgentId(agents[0]), OfferId(offer_id))]
    return [(AgentId(agent), OfferId(f"{call}.{int(number) + n}")) for n, agent in enumerate(agents)]
