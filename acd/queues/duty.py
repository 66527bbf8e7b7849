"""Sets of agents as integers: bit n stands for the plan's n-th agent.

Counting who of a queue is on duty, or how far two queues share their people, is then one `&` and one `bit_count`,
however many agents there are. Who may take what is a matter of the plan and is worked out once; who is on duty is kept
up to date agent by agent as things happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acd.queues.model import Agent, AgentId, AgentSpec, Plan
from acd.queues.requirement_tree import AllOf, AnyOf, Attribute, Not
from acd.queues.requirements import Requirement

POOLS_KEPT = 4096
"""Requirements times values of call attributes: a plan has far fewer, unless it asks for callers' numbers."""


class Duty:
    """Who is on duty: logged in, not paused, with a phone that is there. A call or a wrap-up does not change it."""

    def __init__(self, agents: Iterable[AgentId]) -> None:
        self._bits = {agent_id: 1 << number for number, agent_id in enumerate(agents)}
        self.here = 0
        self.free = 0  # those of them who are ready

    def note(self, agent: Agent, ready: bool) -> None:
        """The agent may have changed."""
        bit = self._bits[agent.spec.id]
        here = agent.logged_in and agent.pause_reason is None and agent.reachable
        self.here = self.here | bit if here else self.here & ~bit
        self.free = self.free | bit if ready else self.free & ~bit

    def pool(self, agents: Iterable[AgentId]) -> int:
        """These agents as a set; those the plan does not have are left out."""
        pool = 0
        for agent_id in agents:
            pool |= self._bits.get(agent_id, 0)
        return pool


class Pools:
    """Who satisfies a requirement for a call with given attributes, on duty or not."""

    def __init__(self, plan: Plan) -> None:
        self._agents: list[AgentSpec] = list(plan.agents.values())
        self._asked: dict[Requirement, tuple[str, ...]] = {}
        self._pools: dict[tuple[Requirement, tuple[str | None, ...]], int] = {}

    def of(self, requirement: Requirement, attributes: Mapping[str, str]) -> int:
        """The set; worked out once for all calls that are alike in what the requirement asks of them."""
        asked = self._asked.get(requirement)
        if asked is None:
            asked = self._asked[requirement] = tuple(sorted(_asked_of_the_call(requirement)))
        key = (requirement, tuple(map(attributes.get, asked)))
        pool = self._pools.get(key)
        if pool is None:
            if len(self._pools) >= POOLS_KEPT:
                self._pools.clear()
            pool = self._pools[key] = sum(
                1 << number
                for number, agent in enumerate(self._agents)
                if requirement.satisfied_by(agent.skills, attributes)
            )
        return pool


def _asked_of_the_call(requirement: Requirement) -> set[str]:
    """Names of the call attributes that the requirement looks at."""
    match requirement:
        case Attribute(name=name):
            return {name}
        case Not(inner=inner):
            return _asked_of_the_call(inner)
        case AllOf(parts=parts) | AnyOf(parts=parts):
            return set().union(*(_asked_of_the_call(part) for part in parts))
        case _:
            return set()
