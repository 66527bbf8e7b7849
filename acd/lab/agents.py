"""Simulated agents: people with a registered phone who mostly answer it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import structlog

from acd.lab.call import Call
from acd.lab.incoming import IncomingCall
from acd.lab.media import Media
from acd.lab.phone import Phone, Witness
from acd.lab.sip import SipError, SipTimeout
from acd.lab.transactions import Timers
from acd.lab.udp import HostPort

log = structlog.get_logger(__name__)

VOICE = "agent"
_STOP_LIMIT_S = 3.0


@dataclass(frozen=True, slots=True)
class AgentHabits:
    """How an agent treats calls. Shares are of all calls offered, 0 to 1."""

    ring_min_s: float = 1.0
    ring_max_s: float = 5.0
    """The phone rings this long before it is picked up or refused, evenly spread."""
    reject_share: float = 0.03
    """Refused, with 603 or 486."""
    ring_out_share: float = 0.03
    """Nobody there: it rings until the caller's side gives up."""
    ring_out_limit_s: float = 120.0
    """Longest ringing that is left alone; then the phone refuses by itself."""
    talk_min_s: float = 5.0
    talk_mean_s: float = 20.0
    talk_max_s: float = 120.0
    """Talking time: the least, plus an exponential part up to the mean, cut at the most."""
    hang_up_first_share: float = 0.85
    """Of the answered: the agent hangs up first. Otherwise the caller has until `talk_max_s` to do so."""


@dataclass(slots=True)
class AgentCounts:
    """What happened at one agent's phone; `talk_s` is the sum."""

    offered: int = 0
    answered: int = 0
    rejected: int = 0
    missed: int = 0
    talk_s: float = 0.0


async def stays(call: Call, seconds: float) -> bool:
    """Wait; True when the call is still alive after `seconds`, False as soon as it is over."""
    try:
        await call.wait_ended(max(0.0, seconds))
    except SipTimeout:
        return True
    return False


class SimulatedAgent:
    """One agent with one phone that takes one call at a time (a second one hears busy)."""

    def __init__(
        self,
        user: str,
        password: str,
        server: HostPort,
        *,
        name: str = "",
        habits: AgentHabits | None = None,
        rng: random.Random | None = None,
        local_host: str = "127.0.0.1",
        media: Media = "sparse",
        timers: Timers | None = None,
        witness: Witness | None = None,
    ) -> None:
        self.habits = habits or AgentHabits()
        self.counts = AgentCounts()
        self._rng = rng or random.Random(user)
        self.phone = Phone(
            user=user,
            password=password,
            server=server,
            local_host=local_host,
            display_name=name,
            media=media,
            voice=VOICE,
            timers=timers,
            max_calls=1,
            on_incoming=self._take,
            witness=witness,
        )

    async def start(self, *, expires_s: int = 600) -> None:
        """Switch the phone on and register. Raises as `Phone.register`."""
        await self.phone.start()
        await self.phone.register(expires_s=expires_s)

    async def stop(self) -> None:
        """Hang up, unregister and switch off, within a few seconds even when nobody answers any more."""
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                for call in list(self.phone.calls.values()):
                    await call.hang_up()
                await self.phone.unregister()
        except (SipError, TimeoutError) as error:
            log.info("agent left without goodbye", user=self.phone.user, error=str(error))
        finally:
            await self.phone.stop()

    async def _take(self, call: IncomingCall) -> None:
        self.counts.offered += 1
        habits, chance = self.habits, self._rng.random()
        await call.ring()
        if chance < habits.ring_out_share:
            if await stays(call, habits.ring_out_limit_s):
                await call.reject(480)
            self.counts.missed += 1
            return
        if not await stays(call, self._rng.uniform(habits.ring_min_s, habits.ring_max_s)):
            self.counts.missed += 1
        elif chance < habits.ring_out_share + habits.reject_share:
            self.counts.rejected += 1
            await call.reject(self._rng.choice((603, 486)))
        else:
            await self._talk(call)

    async def _talk(self, call: IncomingCall) -> None:
        await call.answer()
        self.counts.answered += 1
        await stays(call, self._talk_time_s())
        await call.hang_up()
        answered, ended = call.times.answered_at, call.times.ended_at
        if answered is not None and ended is not None:
            self.counts.talk_s += ended.loop_s - answered.loop_s

    def _talk_time_s(self) -> float:
        habits = self.habits
        if self._rng.random() >= habits.hang_up_first_share:
            return habits.talk_max_s
        spread_s = max(habits.talk_mean_s - habits.talk_min_s, 0.001)
        return min(habits.talk_min_s + self._rng.expovariate(1 / spread_s), habits.talk_max_s)
