"""Who satisfies a requirement, as a set of bits: one integer for everybody who may take a kind of call.

A comparison of a skill is looked up level by level among those who have the skill; `and`, `or` and `not` are then `&`,
`|` and the complement, so nobody is asked one by one, however many agents and skills there are. It says the same as
`Requirement.satisfied_by`, which stays the definition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from acd.queues import bits
from acd.queues.model import AgentSpec, Plan, QueueSpec
from acd.queues.requirement_tree import OPERATORS
from acd.queues.requirements import AllOf, AnyOf, Anyone, Attribute, Not, Requirement, Skill

TIERS_LIMIT = 256
"""Most sets of skills whose tiers are kept; at 10,000 agents one set takes at most some 100 KiB."""


class Pools:
    """The agents of the plan, bit `n` for the `n`th of them, and their skills the other way round."""

    def __init__(self, agents: Sequence[AgentSpec]) -> None:
        self.everybody = (1 << len(agents)) - 1
        self._agents = agents
        having: defaultdict[str, defaultdict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for number, agent in enumerate(agents):
            for skill, level in agent.skills.items():
                having[skill][level].append(number)
        self._having = {
            skill: {level: bits.of(numbers) for level, numbers in levels.items()} for skill, levels in having.items()
        }
        self._tiers: dict[frozenset[str], tuple[int, ...]] = {}

    def of(self, requirement: Requirement, attributes: Mapping[str, str]) -> int:
        """Everybody whose skills satisfy the requirement for a call with these attributes."""
        match requirement:
            case Anyone():
                return self.everybody
            case Skill(name, op, level):
                return self._comparing(name, op, level)
            case Attribute():
                return self.everybody if requirement.satisfied_by({}, attributes) else 0
            case Not(inner):
                return self.everybody & ~self.of(inner, attributes)
            case AllOf(parts):
                able = self.everybody
                for part in parts:
                    able &= self.of(part, attributes)
                return able
            case AnyOf(parts):
                able = 0
                for part in parts:
                    able |= self.of(part, attributes)
                return able
        raise TypeError(f"no pool of a {type(requirement).__name__}")

    def _comparing(self, name: str, op: str, wanted: int) -> int:
        holds, able = OPERATORS[op], 0
        for level, those in self._having.get(name, {}).items():
            if holds(level, wanted):
                able |= those
        return able

    def tiers(self, skills: frozenset[str]) -> tuple[int, ...]:
        """Everybody by the sum of their levels of these skills, the smallest sum first."""
        known = self._tiers.get(skills)
        if known is None:
            if len(self._tiers) >= TIERS_LIMIT:
                self._tiers.clear()
            known = self._tiers[skills] = self._tiers_of(skills)
        return known

    def _tiers_of(self, skills: frozenset[str]) -> tuple[int, ...]:
        by_sum: defaultdict[int, list[int]] = defaultdict(list)
        for number, agent in enumerate(self._agents):
            by_sum[sum(agent.skills.get(skill, 0) for skill in skills)].append(number)
        return tuple(bits.of(by_sum[total]) for total in sorted(by_sum))


def pools_of(plan: Plan) -> Pools:
    """The pools of the plan's agents, in its order; made once and kept with the plan."""
    known = plan.kept.get(Pools)
    if not isinstance(known, Pools):
        known = plan.kept[Pools] = Pools(list(plan.agents.values()))
    return known


def asked(queue: QueueSpec) -> tuple[str, ...]:
    """Names of the call attributes that the queue's requirements look at."""
    wanted = (queue.require, *(step.require for step in queue.relax))
    return tuple(sorted(frozenset().union(*(attributes_named(one) for one in wanted))))


def attributes_named(requirement: Requirement) -> frozenset[str]:
    """The attributes of a call that the requirement asks about."""
    match requirement:
        case Attribute(name):
            return frozenset({name})
        case Not(inner):
            return attributes_named(inner)
        case AllOf(parts) | AnyOf(parts):
            return frozenset().union(*(attributes_named(part) for part in parts))
    return frozenset()
