"""Makes the `Decision` of each choice: who was ready, in which order and why, and what kept how many of the others.

It is made at the moment of the offer and costs no more with many agents than with few: agents are counted as sets of
bits, and the first `MOST_NAMED` are named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acd.queues import decisions, matching
from acd.queues.bits import Renumbering
from acd.queues.decisions import MANY_AGENTS, MOST_NAMED, MOST_NAMED_OF_MANY, MOST_TOLD
from acd.queues.journey import Value
from acd.queues.lanes import Lane
from acd.queues.matcher import Choice, Matcher
from acd.queues.model import Agent, AgentId, AgentState, Call, Prefer
from acd.queues.rings import together
from acd.queues.shop import Shop
from acd.queues.states import agent_state
from acd.queues.strategies import STRATEGIES
from acd.queues.views import AgentToday

LACKS = "skills"
HELD = "held"
REFUSED = "refused"


@dataclass(slots=True)
class _Seen:
    """`strategies.Ranked`: an agent in the light of one decision."""

    lane: Lane
    at: float
    agent: Agent
    today: AgentToday = AgentToday()  # noqa: RUF009 - frozen
    place: int = 0

    @property
    def idle_s(self) -> float:
        return max(0.0, self.at - self.agent.idle_since)

    @property
    def level(self) -> int:
        return sum(self.agent.spec.skills.get(skill, 0) for skill in self.lane.skills())


class Deciding:
    """Keeps the agents by state, as bits; `sync` after each event, then `told` for each choice, before its offers."""

    def __init__(self, shop: Shop, matcher: Matcher) -> None:
        self._shop = shop
        self._matcher = matcher
        self._in_state: dict[AgentState, int] = dict.fromkeys(AgentState, 0)
        self._state: dict[AgentId, AgentState] = {}

    @property
    def _most(self) -> int:
        return MOST_NAMED if len(self._shop.desk.agents) <= MANY_AGENTS else MOST_NAMED_OF_MANY

    def reconfigure(self, renumbered: Renumbering) -> None:
        """The agents have other numbers; who is not one of the plan's any more is nobody's other."""
        self._in_state = {state: renumbered(members) for state, members in self._in_state.items()}
        for agent_id in [agent_id for agent_id in self._state if agent_id not in self._shop.plan.agents]:
            del self._state[agent_id]

    def sync(self, at: float) -> None:
        """Take in whom the event has changed."""
        for agent_id in self._shop.desk.touched:
            self._move(agent_id, agent_state(self._shop.desk.agents[agent_id], at))

    def _move(self, agent_id: AgentId, to: AgentState) -> None:
        before = self._state.get(agent_id)
        if before is to:
            return
        bit = 1 << self._matcher.readiness.numbers[agent_id]
        if before is not None:
            self._in_state[before] ^= bit
        self._in_state[to] |= bit
        self._state[agent_id] = to

    def told(self, choice: Choice, at: float) -> dict[str, Value]:
        """The decision as the `offered` fact holds it; of a call that has been offered very often only the rule."""
        call, lane = choice.call, self._matcher.lane_of(choice.call)
        chosen = together(choice.agents)
        who = [agent.spec.id for agent in chosen]
        noted: dict[str, Value] = {}
        if lane is not None and call.offers_made < MOST_TOLD:
            able = self._matcher.candidates(call, at)
            ranked = self._ranked(call, chosen, able, lane, at)
            noted = decisions.data(
                lane.queue.strategy, able.bit_count(), ranked, self._others(call, lane, able, at), who
            )
        for agent_id in who:
            self._move(agent_id, AgentState.OFFERED)
        return noted

    def _ranked(
        self, call: Call, agents: Sequence[Agent], able: int, lane: Lane, at: float
    ) -> list[tuple[AgentId, str]]:
        """The chosen, then those who would have been, each with what ranked them."""
        numbers = self._matcher.readiness.numbers
        chosen = [numbers[agent.spec.id] for agent in agents[: self._most]]
        for number in chosen:
            able ^= 1 << number
        following = self._matcher.ranked(call, able, self._most - len(chosen)) if able else ()
        seen = _Seen(lane, at, agents[0])
        return [self._reason(call, number, seen) for number in (*chosen, *following)]

    def _reason(self, call: Call, number: int, seen: _Seen) -> tuple[AgentId, str]:
        readiness, lane = self._matcher.readiness, seen.lane
        seen.agent = agent = readiness.agents[number]
        seen.today = readiness.today(number)
        seen.place = number + 1
        reason = STRATEGIES[lane.queue.strategy].tell(seen)
        if readiness.capped >> number & 1:
            reason = f"past the soft cap; {reason}"
        if lane.queue.prefer is Prefer.STEP and len(lane.steps) > 1:
            step = next(nth for nth, pool in enumerate(lane.steps) if pool >> number & 1)
            reason = f"step {step}; {reason}"
        return agent.spec.id, f"asked again; {reason}" if agent.spec.id in call.refused_by else reason

    def _others(self, call: Call, lane: Lane, able: int, at: float) -> dict[str, int]:
        """Those who could not have it: by state those who are meant, and all who are not."""
        counts: dict[str, int] = {}
        for state, members in self._in_state.items():
            if members and state is not AgentState.READY:
                counts[state] = (members & lane.pool).bit_count()
        if able != (willing := lane.pool & self._matcher.readiness.ready):
            counts[REFUSED] = (willing ^ able).bit_count()
        kept_off = HELD if matching.held_for(call, self._shop.plan, at) is not None else LACKS
        counts[kept_off] = (self._matcher.everybody() & ~lane.pool).bit_count()
        return counts
