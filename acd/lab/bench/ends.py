"""Both ends of every call: callers on a few trunks and hundreds of agents' phones, on one UDP socket each.

A call is known at both ends by the caller's number, which is new for every call. Moments are seconds since 1970 by the
kernel's stamps of arrival, so that a late event loop of ours does not count as the switch's delay.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from acd.lab.bench import wire
from acd.lab.bench.repeats import Repeats
from acd.lab.udp import HostPort, Moment, UdpSocket, bind

FIRST_NUMBER = 79_000_000_000
SEED = 1
SWEEP_S = 0.1
HANG_UP_LIMIT_S = 5.0


@dataclass(slots=True)
class Seen:
    """One call as its ends saw it; None: that did not happen. `status` is the answer that refused it."""

    number: str
    invited_at: float
    answered_at: float | None = None
    offered_at: float | None = None
    talked_at: float | None = None
    ended_at: float | None = None
    status: int = 0

    @property
    def failed(self) -> bool:
        """Refused, not answered, or never brought to an agent who could talk."""
        return self.talked_at is None

    @property
    def offer_s(self) -> float | None:
        """From the caller's 200 to the agent's INVITE."""
        if self.answered_at is None or self.offered_at is None:
            return None
        return self.offered_at - self.answered_at


@dataclass(frozen=True, slots=True)
class Habits:
    """Every agent's phone rings so long, then talks so long and hangs up. Seconds; `math.inf`: until told otherwise.

    Talks are `talk_s` long on average, evenly spread from half of it to three halves: were all alike, agents would
    become free in step with whatever looks at them once a second.
    """

    ring_s: float = 0.1
    talk_s: float = 1.0


@dataclass(slots=True)
class AgentEnd:
    """One agent's phone: how often it was rung; `gaps_s`: idle times between two calls."""

    user: str
    invites: int = 0
    live: int = 0
    ended_at: float | None = None
    gaps_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Leg:
    dialog: wire.Dialog
    seen: Seen | None
    agent: AgentEnd | None = None
    invite: bytes = b""  # of an agent's leg: what to answer
    branch: str = ""
    last: bytes = b""
    up: bool = False
    over: bool = False
    free: bool = False  # an agent's: the phone is idle again


class Ends:
    """`start`, then `call` as often as wanted, `quiet` in between, `stop`."""

    def __init__(self, agents_host: str, trunk_hosts: Iterable[str]) -> None:
        self.habits = Habits()
        self.agents: dict[str, AgentEnd] = {}
        self.on_ended: Callable[[Seen], None] | None = None
        self.server: HostPort = ("127.0.0.1", 5060)
        self._hosts = (agents_host, tuple(trunk_hosts))
        self._sockets: dict[str, UdpSocket] = {}
        self._phones = ""
        self._legs: dict[bytes, _Leg] = {}
        self._calls: dict[str, Seen] = {}
        self._numbers = itertools.count(FIRST_NUMBER)
        self._random = random.Random(SEED)
        self._repeats = Repeats(self._send)
        self._sweeper: asyncio.TimerHandle | None = None

    # -- life

    def start(self) -> None:
        """Open the sockets. Raises OSError."""
        agents_host, trunks = self._hosts
        self._sound = bind(agents_host, 0)  # bound and never read: what Asterisk plays is lost there at no cost
        self._sdp = wire.SDP.format(host=agents_host, port=self._sound.getsockname()[1])
        for host in (agents_host, *trunks):
            self._sockets[host] = UdpSocket(host, 0, self._receiver(host))
        self._sweep()

    def stop(self) -> None:
        """Close them; nobody is told."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for opened in self._sockets.values():
            opened.close()
        self._sound.close()

    @property
    def phones(self) -> HostPort:
        """Where every agent's phone is."""
        return self._sockets[self._hosts[0]].address

    @property
    def repeated(self) -> int:
        """Messages said again so far, because half a second went by without an answer."""
        return self._repeats.repeated

    def call(self, trunk: str, did: str) -> Seen:
        """One more caller dials `did` from the trunk at this host."""
        number = str(next(self._numbers))
        me = wire.text(self._sockets[trunk].address)
        server = wire.text(self.server)
        dialog = wire.Dialog(
            me, number, f"<sip:{number}@{me}>;tag={number}", f"<sip:{did}@{server}>", f"sip:{did}@{server}"
        )
        seen = Seen(number, time.time())
        leg = _Leg(dialog, seen, branch=f"z9hG4bK{number}.1INVITE")
        self._calls[number] = seen
        self._legs[number.encode()] = leg
        self._repeats.say(trunk, f"{number} INVITE", dialog.request("INVITE", body=self._sdp))
        return seen

    def leave(self, seen: Seen) -> None:
        """The caller hangs up; nothing when the call is over."""
        leg = self._legs.get(seen.number.encode())
        if leg is not None:
            self._hang_up(leg)

    async def quiet(self, limit_s: float) -> None:
        """Wait until every call is over; after `limit_s` callers hang up, and what is left then is forgotten."""
        await self._until_over(limit_s)
        for leg in list(self._legs.values()):
            if leg.agent is None:
                self._hang_up(leg)
        await self._until_over(HANG_UP_LIMIT_S)
        self._legs.clear()
        self._calls.clear()
        self._repeats.clear()
        for agent in self.agents.values():
            agent.live, agent.ended_at = 0, None

    async def _until_over(self, limit_s: float) -> None:
        until = time.monotonic() + limit_s
        while self._legs and time.monotonic() < until:  # noqa: ASYNC110 - a look now and then costs the load less
            await asyncio.sleep(0.02)

    def _sweep(self) -> None:
        self._repeats.sweep()
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _send(self, host: str, data: bytes) -> None:
        self._sockets[host].send(data, self.server)

    # -- what arrives

    def _receiver(self, host: str) -> Callable[[bytes, HostPort, Moment], None]:
        def receive(data: bytes, _source: HostPort, moment: Moment) -> None:
            if data.startswith(b"SIP/2.0 "):
                self._answered(host, data, moment.unix_s)
            else:
                self._asked(host, data, moment.unix_s)

        return receive

    def _answered(self, host: str, data: bytes, at: float) -> None:
        leg = self._legs.get(wire.header(data, b"Call-ID"))
        method, status = wire.method_of(data).decode(), wire.status_of(data)
        if leg is None:
            return
        self._repeats.forget(f"{leg.dialog.call_id} {method}")
        if status < 200:
            return
        if method == "BYE":
            self._over(leg, at)
        elif method == "INVITE" and leg.seen is not None:
            leg.dialog.remote = wire.header(data, b"To").decode("utf-8", "replace")
            if status < 300:
                self._picked_up(host, leg, data, at)
            else:
                self._send(host, leg.dialog.request("ACK", branch=leg.branch))
                leg.seen.status = leg.seen.status or status
                self._over(leg, at)

    def _picked_up(self, host: str, leg: _Leg, data: bytes, at: float) -> None:
        assert leg.seen is not None
        leg.dialog.target = wire.uri_of(wire.header(data, b"Contact")) or leg.dialog.target
        self._send(host, leg.dialog.request("ACK"))
        if not leg.up:
            leg.up, leg.seen.answered_at = True, at

    def _asked(self, host: str, data: bytes, at: float) -> None:
        call_id = wire.header(data, b"Call-ID")
        leg = self._legs.get(call_id)
        match data.partition(b" ")[0]:
            case b"INVITE" if leg is not None:
                self._send(host, leg.last)  # it came twice
            case b"INVITE":
                self._rings(host, call_id, data, at)
            case b"ACK" if leg is not None:
                self._talks(leg, at)
            case b"CANCEL" if leg is not None:
                self._send(host, wire.answer(data, "200 OK", leg.dialog.me, tag=leg.dialog.call_id))
                self._say_final(host, leg, "487 Request Terminated")
                self._over(leg, at)
            case b"BYE":
                me = wire.text(self._sockets[host].address)
                self._send(host, wire.answer(data, "200 OK", me))
                if leg is not None:
                    self._over(leg, at)
            case b"ACK":
                pass
            case _:
                self._send(host, wire.answer(data, "200 OK", wire.text(self._sockets[host].address)))

    # -- an agent's phone

    def _rings(self, host: str, call_id: bytes, invite: bytes, at: float) -> None:
        agent = self.agents.setdefault(user := wire.user_of(invite), AgentEnd(user))
        seen = self._calls.get(wire.user_of(wire.header(invite, b"From")))
        if seen is not None and seen.offered_at is None:
            seen.offered_at = at
        if agent.ended_at is not None and agent.live == 0:
            agent.gaps_s.append(at - agent.ended_at)
        agent.invites += 1
        agent.live += 1
        me = wire.text(self._sockets[host].address)
        tag = f"a{call_id.decode('ascii', 'replace')[:16]}"
        dialog = wire.Dialog(
            me,
            call_id.decode("ascii", "replace"),
            wire.header(invite, b"To").decode() + f";tag={tag}",
            wire.header(invite, b"From").decode("utf-8", "replace"),
            wire.uri_of(wire.header(invite, b"Contact")),
        )
        leg = _Leg(dialog, seen, agent, invite, tag)
        leg.last = wire.answer(invite, "180 Ringing", me, tag=tag)
        self._legs[call_id] = leg
        self._send(host, leg.last)
        self._later(self.habits.ring_s, self._pick_up, leg)

    def pick_up(self, agent: AgentEnd) -> None:
        """Now, whatever rings there."""
        for leg in self._legs_of(agent):
            self._pick_up(leg)

    def hang_up(self, agent: AgentEnd) -> None:
        """Now, whomever this agent talks with."""
        for leg in self._legs_of(agent):
            self._hang_up(leg)

    def rings(self, user: str) -> bool:
        """Whether this agent's phone rings now."""
        return any(leg.agent.user == user and not leg.up for leg in self._legs.values() if leg.agent is not None)

    def agent_of(self, seen: Seen) -> AgentEnd:
        """Whose phone this caller's call is on. Raises LookupError when it is on none."""
        return next(leg.agent for leg in self._legs.values() if leg.agent is not None and leg.seen is seen)

    def _legs_of(self, agent: AgentEnd) -> list[_Leg]:
        return [leg for leg in self._legs.values() if leg.agent is agent]

    @staticmethod
    def _later(delay_s: float, what: Callable[[_Leg], None], leg: _Leg) -> None:
        if math.isfinite(delay_s):
            asyncio.get_running_loop().call_later(delay_s, what, leg)

    def _pick_up(self, leg: _Leg) -> None:
        if not leg.over and not leg.up:
            self._say_final(leg.dialog.me.partition(":")[0], leg, "200 OK")

    def _say_final(self, host: str, leg: _Leg, status: str) -> None:
        body = self._sdp if status.startswith("200") else ""
        leg.last = wire.answer(leg.invite, status, leg.dialog.me, tag=leg.branch, body=body)
        self._repeats.say(host, f"{leg.dialog.call_id} ACK", leg.last)

    def _talks(self, leg: _Leg, at: float) -> None:
        self._repeats.forget(f"{leg.dialog.call_id} ACK")
        if leg.agent is None or leg.up or leg.over:
            return
        leg.up = True
        if leg.seen is not None:
            leg.seen.talked_at = at
        talk_s = self.habits.talk_s * self._random.uniform(0.5, 1.5)
        self._later(talk_s, self._hang_up, leg)

    # -- the end

    def _hang_up(self, leg: _Leg) -> None:
        if leg.over:
            return
        if not leg.up:  # a caller nobody answered: Asterisk is told, and may still say 200
            self._over(leg, time.time())
            return
        self._set_free(leg, time.time())
        leg.dialog.cseq += 1
        host = leg.dialog.me.partition(":")[0]
        self._repeats.say(host, f"{leg.dialog.call_id} BYE", leg.dialog.request("BYE"))

    def _over(self, leg: _Leg, at: float) -> None:
        if leg.over:
            return
        leg.over = True
        self._legs.pop(leg.dialog.call_id.encode(), None)
        self._repeats.forget(f"{leg.dialog.call_id} INVITE")
        self._set_free(leg, at)
        if leg.agent is not None or leg.seen is None:
            return
        leg.seen.ended_at = at
        self._calls.pop(leg.seen.number, None)
        if self.on_ended is not None:
            self.on_ended(leg.seen)

    @staticmethod
    def _set_free(leg: _Leg, at: float) -> None:
        """The agent's call is over as soon as one side has said so."""
        if leg.agent is not None and not leg.free:
            leg.free = True
            leg.agent.live -= 1
            leg.agent.ended_at = at
