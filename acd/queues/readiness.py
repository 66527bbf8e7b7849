"""The ready agents, in the orders that the strategies in use ask for, and who is over the daily soft cap."""

from __future__ import annotations

from collections.abc import Iterable

from acd.queues.figures import DayFigures
from acd.queues.ladder import Ladder
from acd.queues.model import Agent, AgentId
from acd.queues.strategies import LONGEST_IDLE, STRATEGIES

Rank = tuple[float, float, AgentId]
"""A strategy's figure, idle since when, and who: smallest first."""


class Readiness:
    """Agents by their number in the plan; `ready`, `capped` and `news` are sets of bits."""

    def __init__(self, agents: Iterable[Agent], figures: DayFigures, in_use: Iterable[str]) -> None:
        self._figures = figures
        self.agents = list(agents)
        self.numbers = {agent.spec.id: number for number, agent in enumerate(self.agents)}
        self.ready = 0
        self.capped = 0  # they have answered `soft_cap_calls` or more today
        self.news = 0  # ready since the last match
        self._ladders: dict[str, Ladder[Rank]] = {
            name: Ladder() for name in {LONGEST_IDLE, *in_use} if STRATEGIES[name].figure is not None
        }

    def update(self, agent_id: AgentId, ready: bool) -> None:
        """The agent or the agent's day has changed, or may have."""
        number = self.numbers.get(agent_id)
        if number is None:  # an agent of another day's plan, in the records
            return
        bit = 1 << number
        self._cap(number, bit)
        if not ready:
            self._leave(number, bit)
            return
        if not self.ready & bit:
            self.ready |= bit
            self.news |= bit
        self._rank(number)

    def _cap(self, number: int, bit: int) -> None:
        spec = self.agents[number].spec
        over = 0 < spec.soft_cap_calls <= self._figures.agent(spec.id).answered
        if over is not bool(self.capped & bit):
            self.capped ^= bit

    def _leave(self, number: int, bit: int) -> None:
        if self.ready & bit:
            self.ready ^= bit
            self.news &= ~bit
            for ladder in self._ladders.values():
                ladder.drop(number)

    def _rank(self, number: int) -> None:
        agent = self.agents[number]
        today = self._figures.agent(agent.spec.id)
        for name, ladder in self._ladders.items():
            figure = STRATEGIES[name].figure
            if figure is not None:
                ladder.put(number, (figure(today), agent.idle_since, agent.spec.id))

    def foremost(self, strategy: str, able: int) -> int:
        """The first of these ready agents by the strategy's figure, then by idle time and id."""
        return self._ladders[strategy].first(able)
