"""The demo's simulated people in one hand: a dozen agents at their phones, and a crowd of callers on the trunk."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import structlog

from acd.lab.people import AgentHabits, CallerHabits, Crowd, CrowdCounts, CrowdPlan, SimulatedAgent
from acd.lab.phone import Phone
from acd.lab.sip import SipError
from acd.lab.udp import HostPort

log = structlog.get_logger(__name__)

LIVELY_AGENTS = AgentHabits(
    ring_min_s=0.5, ring_max_s=2.5, talk_min_s=3.0, talk_mean_s=8.0, talk_max_s=25.0, hang_up_first_share=0.9
)
LIVELY_CALLERS = CallerHabits(patience_min_s=3.0, patience_mean_s=25.0, talk_limit_s=20.0)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How lively it is. Times in seconds, rate in calls a second."""

    rate_per_s: float = 1.1
    arrivals_s: float = 60.0
    drain_s: float = 30.0
    seed: int = 1
    people: int = 10**9


@dataclass
class People:
    """Agents and callers. `start`, `run`, `stop`; `counts` is live."""

    server: HostPort
    passwords: dict[str, str]
    names: dict[str, str]
    dids: tuple[tuple[str, float], ...]
    trunk_host: str
    local_host: str = "127.0.0.1"
    trunk_server: HostPort | None = None
    """Where the callers call when that is another address than `server`."""
    agent_habits: AgentHabits = LIVELY_AGENTS
    caller_habits: CallerHabits = LIVELY_CALLERS
    traffic: Traffic = field(default_factory=Traffic)
    agents: list[SimulatedAgent] = field(default_factory=list)
    crowd: Crowd | None = None

    @property
    def counts(self) -> CrowdCounts:
        """What has become of the callers so far."""
        return self.crowd.counts if self.crowd is not None else CrowdCounts()

    async def start(self) -> None:
        """Phones on and registered."""
        for user, password in self.passwords.items():
            agent = SimulatedAgent(
                user,
                password,
                self.server,
                name=self.names.get(user, user),
                habits=self.agent_habits,
                rng=random.Random(f"{user}/{self.traffic.seed}"),
                local_host=self.local_host,
            )
            self.agents.append(agent)
            await agent.start()

    async def run(self) -> None:
        """Callers call until the traffic is over and the last of them has gone."""
        server = self.trunk_server or self.server
        trunk = Phone(user="trunk", password="", server=server, local_host=self.trunk_host)
        await trunk.start()
        plan = CrowdPlan(
            self.dids,
            rate_per_s=self.traffic.rate_per_s,
            duration_s=self.traffic.arrivals_s,
            drain_s=self.traffic.drain_s,
            seed=self.traffic.seed,
            people=self.traffic.people,
        )
        self.crowd = Crowd(trunk, plan, self.caller_habits)
        try:
            await self.crowd.run()
        finally:
            await trunk.stop()

    async def stop(self) -> None:
        """Phones off, whatever state they are in."""
        results = await asyncio.gather(*(agent.stop() for agent in self.agents), return_exceptions=True)
        for result in results:
            if isinstance(result, SipError | OSError):
                log.debug("phone did not stop well", error=str(result))
        self.agents.clear()
