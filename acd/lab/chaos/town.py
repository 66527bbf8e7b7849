"""The people of a chaos run: the demo's shop and staff, callers with and without patience, and their troubles.

What they do by themselves and what befalls them comes from the seed; whom a trouble befalls, from its stroke's draw.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any

from acd.lab import shop
from acd.lab.agents import AgentHabits, SimulatedAgent
from acd.lab.asterisk import LabAsterisk
from acd.lab.call import Call
from acd.lab.callers import CallerHabits, CallerStory
from acd.lab.chaos.diary import Diary
from acd.lab.people import Crowd, CrowdPlan
from acd.lab.phone import Phone
from acd.lab.sip import SipError
from acd.lab.staff import LIVELY_AGENTS, LIVELY_CALLERS
from acd.tasks import spawn

TRUNK = "trunk"
LONGEST_STAY_S = 3600.0  # who is still on the line in the end is the judge's matter
REGISTER_RETRY_S = 1.0
REGISTER_TRIES = 20
RUSH_PER_S = 20.0

AGENTS = replace(
    LIVELY_AGENTS,
    ring_min_s=0.3,
    ring_max_s=2.0,
    reject_share=0.05,
    ring_out_share=0.04,
    talk_min_s=1.5,
    talk_mean_s=3.5,
    talk_max_s=14.0,
    hang_up_first_share=0.85,
)
HASTY = replace(LIVELY_CALLERS, patience_min_s=1.0, patience_mean_s=20.0, talk_limit_s=8.0, question_limit_s=20.0)
PATIENT = replace(HASTY, patience_min_s=600.0, patience_mean_s=600.0)
"""They never give up: if one is forgotten, it shows."""

RATES_PER_S = ((HASTY, 0.65), (PATIENT, 0.3))

REFUSING = replace(AGENTS, reject_share=0.6)
SLEEPING = replace(AGENTS, ring_out_share=0.6)


def queues() -> dict[str, dict[str, Any]]:
    """The shop's queues, quicker, and with rules that let callers go: such a goodbye is no loss."""
    quick = {"ring_timeout_s": 6, "wrap_up_s": 2}
    rules: dict[str, dict[str, Any]] = {
        "sales": {"max_wait_s": 60, "overflow": {"queue": "support"}},
        "support": {"max_waiting": 25, "max_wait_s": 90, "overflow": {"hangup": True}},
        "vip": {"max_wait_s": 40, "overflow": {"queue": "sales"}},
    }
    return {name: {**queue, **quick, **rules[name]} for name, queue in shop.QUEUES.items()}


class Town:
    """Everybody with a telephone. `start`, `run` until nobody calls any more and all have gone, `stop`."""

    def __init__(self, asterisk: LabAsterisk, diary: Diary, seed: int, arrivals_s: float) -> None:
        self.diary = diary
        self.agents: dict[str, SimulatedAgent] = {}
        self.deaf: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """When a telephone was deaf, in seconds since 1970."""
        self._asterisk = asterisk
        self._seed = seed
        self._server = (asterisk.sip_host, asterisk.sip_port)
        self._plan = CrowdPlan(shop.DIDS, duration_s=arrivals_s, drain_s=LONGEST_STAY_S)
        self._trunk = Phone(user=TRUNK, server=self._server, local_host=asterisk.trunk_host, witness=diary)
        self._crowds: list[Crowd] = []
        self._running: list[asyncio.Task[Any]] = []

    @property
    def stories(self) -> list[CallerStory]:
        """What the callers tell who have hung up."""
        return [story for crowd in self._crowds for story in crowd.stories]

    async def start(self) -> None:
        """Phones on and registered. Raises SipError."""
        await self._trunk.start()
        for account in self._asterisk.agents:
            agent = SimulatedAgent(
                account.id,
                account.password,
                self._server,
                habits=AGENTS,
                rng=random.Random(f"{self._seed}/{account.id}"),
                witness=self.diary,
            )
            self.agents[account.id] = agent
            await agent.start()

    async def run(self) -> None:
        """Callers call until the traffic is over and the last of them has gone."""
        for number, (habits, rate_per_s) in enumerate(RATES_PER_S):
            self._let_in(habits, rate_per_s, self._plan.duration_s, self._seed * 100 + number)
        while unfinished := [task for task in self._running if not task.done()]:
            await asyncio.wait(unfinished)

    async def stop(self) -> None:
        """Phones off, whatever state they are in."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        await asyncio.gather(*(agent.stop() for agent in self.agents.values()), return_exceptions=True)
        await self._trunk.stop()

    def _let_in(self, habits: CallerHabits, rate_per_s: float, duration_s: float, seed: int) -> None:
        plan = replace(self._plan, rate_per_s=rate_per_s, duration_s=duration_s, seed=seed)
        crowd = Crowd(self._trunk, plan, habits)
        self._crowds.append(crowd)
        self._running.append(spawn(crowd.run(), "crowd"))

    # -- troubles ---------------------------------------------------------------------------------------------------

    def rush(self, size: int, chance: int) -> None:
        """So many callers more, on the average, all at once."""
        self._let_in(HASTY, RUSH_PER_S, size / RUSH_PER_S, chance)

    async def hang_ups(self, size: int, chance: int) -> int:
        """So many callers hang up, wherever they are; how many there were."""
        live = sorted(self._trunk.calls.values(), key=lambda call: call.times.invited_at.loop_s)
        chosen = random.Random(chance).sample(live, min(size, len(live)))
        await asyncio.gather(*(_hang_up(call) for call in chosen))
        return len(chosen)

    async def moods(self, habits: AgentHabits, for_s: float) -> None:
        """All agents have these habits for a while."""
        self._treat_calls(habits)
        await asyncio.sleep(for_s)
        self._treat_calls(AGENTS)

    def _treat_calls(self, habits: AgentHabits) -> None:
        for agent in self.agents.values():
            agent.habits = habits

    async def unplug(self, chance: int, for_s: float) -> str:
        """A telephone hears nothing for a while; whose it is."""
        agent = self._one(chance)
        began = time.time()
        agent.phone.silent = True
        await asyncio.sleep(for_s)
        agent.phone.silent = False
        self.deaf[agent.phone.user].append((began, time.time()))
        return agent.phone.user

    async def unregister(self, chance: int, for_s: float) -> str:
        """A telephone says goodbye, whatever it is doing, and comes back; whose it is."""
        agent = self._one(chance)
        with contextlib.suppress(SipError):
            await agent.phone.unregister()
        await asyncio.sleep(for_s)
        await self._register(agent)
        return agent.phone.user

    async def reregister(self, chance: int) -> str:
        """A telephone that rings, if there is one, registers anew; whose it is."""
        ringing = [agent for agent in self.agents.values() if any(call.unanswered for call in _calls(agent))]
        agent = random.Random(chance).choice(ringing) if ringing else self._one(chance)
        await self._register(agent)
        return agent.phone.user

    async def _register(self, agent: SimulatedAgent) -> None:
        """Until it succeeds, for Asterisk may be away."""
        for _ in range(REGISTER_TRIES):
            with contextlib.suppress(SipError):
                await agent.phone.register()
                return
            await asyncio.sleep(REGISTER_RETRY_S)

    def _one(self, chance: int) -> SimulatedAgent:
        return self.agents[random.Random(chance).choice(sorted(self.agents))]


def _calls(agent: SimulatedAgent) -> list[Call]:
    return list(agent.phone.calls.values())


async def _hang_up(call: Call) -> None:
    with contextlib.suppress(SipError):
        await call.hang_up()
