"""Sets of agents as integers, bit n for the plan's n-th agent: who is on duty, and who may come to take what.

Counting who of a queue is on duty, or how far two queues share their people, is then one `&` and one `bit_count`,
however many agents there are. Who may take what is a matter of the plan and is worked out once; who is on duty is kept
up to date agent by agent as things happen.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from itertools import accumulate
from operator import or_

from acd.queues import bits, matching
from acd.queues.bits import Renumbering
from acd.queues.model import Agent, AgentId, Call, Plan, QueueName, QueueSpec
from acd.queues.pools import Pools, asked

LADDERS_KEPT = 4096
"""Queues times values of what their requirements ask of a call: a plan has far fewer, unless it asks for numbers."""


class Duty:
    """Who is on duty: logged in, not paused, with a phone that is there. A call or a wrap-up does not change it."""

    def __init__(self, agents: Iterable[AgentId]) -> None:
        self.numbers = {agent_id: number for number, agent_id in enumerate(agents)}
        self.here = 0
        self.free = 0  # those of them who are ready

    def renumber(self, agents: Iterable[AgentId], staying: Container[AgentId]) -> Renumbering:
        """These agents, in this order; who of before is not `staying` is in no set any more."""
        before, self.numbers = self.numbers, {agent_id: number for number, agent_id in enumerate(agents)}
        renumbered = Renumbering([self.numbers[one] if one in staying else -1 for one in before])
        self.here, self.free = renumbered(self.here), renumbered(self.free)
        return renumbered

    def note(self, agent: Agent, ready: bool) -> None:
        """The agent may have changed."""
        bit = 1 << self.numbers[agent.spec.id]
        here = agent.logged_in and agent.pause_reason is None and agent.reachable
        self.here = self.here | bit if here else self.here & ~bit
        self.free = self.free | bit if ready else self.free & ~bit

    def pool(self, agents: Iterable[AgentId]) -> int:
        """These agents as a set; those the plan does not have are left out."""
        return bits.of(self.numbers[agent_id] for agent_id in agents if agent_id in self.numbers)


class Able:
    """Who may take the calls of a queue, step by step."""

    def __init__(self, plan: Plan, pools: Pools) -> None:
        self._pools = pools
        self._asked = {queue.name: asked(queue) for queue in plan.queues.values()}
        self._known: dict[tuple[QueueName, tuple[str | None, ...]], tuple[int, ...]] = {}

    def steps(self, call: Call, queue: QueueSpec) -> tuple[int, ...]:
        """By the requirement alone, with the first relaxation as well, and so on to the last."""
        asked = self._asked[queue.name]
        about = matching.attributes(call) if asked else {}
        key = (queue.name, tuple(map(about.get, asked)))
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= LADDERS_KEPT:
                self._known.clear()
            wanted = (queue.require, *(step.require for step in queue.relax))
            known = self._known[key] = tuple(accumulate((self._pools.of(one, about) for one in wanted), or_))
        return known
