"""A hotline full of people on an Asterisk of its own: dozens who talk, whose agents' phones ring, who wait.

Their ends are those of the benchmark (`acd.lab.bench.ends`): SIP without sound, two sockets for all of them. `crowd`
puts it up; agents are 2001, 2002... and all serve the queue `crowd`.

    async with crowd(agents=55) as people:
        daemon = ... people.queues, people.agents ...
        await people.talk(50)
        await people.ring(5)
        await people.wait(20)
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from acd.lab.asterisk import LabAsterisk, LabSpec, run_asterisk
from acd.lab.bench.ends import AgentEnd, Ends, Habits, Seen
from acd.lab.bench.stage import agent_users, fixed_phones
from tests.deadlines import until

QUEUE, DID = "crowd", "74951000777"
TRUNK, PHONES = "127.0.0.12", "127.0.0.14"
PER_S = 40.0
ARRIVED_S = 20.0
RING_S = 120


@dataclass
class Crowd:
    """`asterisk` is theirs alone; the calls are in the order in which they came."""

    asterisk: LabAsterisk
    ends: Ends
    users: list[str]
    talking: list[Seen] = field(default_factory=list)
    rung: list[Seen] = field(default_factory=list)
    waiting: list[Seen] = field(default_factory=list)

    @property
    def queues(self) -> dict[str, Any]:
        """The configuration's section: one queue that all of them serve, without wrap-up and survey."""
        patient = {"ring_timeout_s": RING_S, "max_waiting": 1000, "max_wait_s": 3600}
        return {QUEUE: {"dids": [DID], "require": f"{QUEUE} >= 1", "wrap_up_s": 0, "survey": "none", **patient}}

    @property
    def agents(self) -> dict[str, Any]:
        """The configuration's section: everybody is there from the start."""
        return {
            user: {"name": f"Агент {user}", "endpoint": f"PJSIP/{user}", "skills": {QUEUE: 1}, "login": "start"}
            for user in self.users
        }

    @property
    def calls(self) -> list[Seen]:
        """All of them."""
        return [*self.talking, *self.rung, *self.waiting]

    @property
    def lost(self) -> list[Seen]:
        """Callers who were hung up on, or never let in."""
        return [seen for seen in self.calls if seen.ended_at is not None or seen.answered_at is None]

    @property
    def ringing(self) -> list[AgentEnd]:
        """The phones that ring."""
        return [self.ends.agents[user] for user in self.users if self.ends.rings(user)]

    async def talk(self, count: int) -> None:
        """So many callers talk with an agent, and go on talking."""
        self.ends.habits = Habits(ring_s=0.02, talk_s=math.inf)
        new = await self._come(count)
        self.talking += new
        await until(lambda: all(seen.talked_at for seen in new), f"{count} talk", ARRIVED_S)

    async def ring(self, count: int) -> None:
        """So many agents' phones ring, and go on ringing."""
        self.ends.habits = Habits(ring_s=math.inf, talk_s=math.inf)
        new = await self._come(count)
        self.rung += new
        await until(lambda: all(seen.offered_at for seen in new), f"{count} phones ring", ARRIVED_S)

    async def wait(self, count: int) -> None:
        """So many callers wait; nobody is free for them."""
        new = await self._come(count)
        self.waiting += new
        await until(lambda: all(seen.answered_at for seen in new), f"{count} wait", ARRIVED_S)

    async def _come(self, count: int) -> list[Seen]:
        began, new = time.monotonic(), []
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / PER_S - time.monotonic()))
            new.append(self.ends.call(TRUNK, DID))
        return new

    def pick_up(self) -> None:
        """Every phone that rings is picked up, and from now on at once."""
        self.ends.habits = Habits(ring_s=0.02, talk_s=math.inf)
        for agent in self.ringing:
            self.ends.pick_up(agent)

    def hang_up(self, seen: Seen) -> None:
        """The agent who talks with this caller puts the phone down."""
        self.ends.hang_up(self.ends.agent_of(seen))

    async def go(self) -> None:
        """All callers hang up."""
        await self.ends.quiet(0.0)


@contextlib.asynccontextmanager
async def crowd(agents: int) -> AsyncIterator[Crowd]:
    """The place for it, empty. Raises LabError."""
    ends, users = Ends(PHONES, (TRUNK,)), agent_users(agents)
    ends.start()
    try:
        spec = LabSpec(trunk_host=TRUNK, phones=fixed_phones(users, *ends.phones))
        async with run_asterisk(spec) as asterisk:
            ends.server = (asterisk.sip_host, asterisk.sip_port)
            yield Crowd(asterisk, ends, users)
    finally:
        ends.stop()
