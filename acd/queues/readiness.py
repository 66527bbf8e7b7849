"""The ready agents, in the orders that the strategies in use ask for, and who is over the daily soft cap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from acd.queues import bits
from acd.queues.bits import Renumbering
from acd.queues.figures import DayFigures
from acd.queues.ladder import Ladder
from acd.queues.model import Agent, AgentId
from acd.queues.strategies import LONGEST_IDLE, STRATEGIES
from acd.queues.views import AgentToday

Rank = tuple[float, float, AgentId]
"""A strategy's figure, idle since when, and who: smallest first."""


class Readiness:
    """Agents by their number in the plan; `ready` and `capped` are sets of bits.

    One who becomes ready is often rung in the same moment; so places in the ladders are given only when they are asked
    for, and when the match is over.
    """

    def __init__(self, agents: Iterable[Agent], figures: DayFigures, in_use: Iterable[str]) -> None:
        self._figures = figures
        self.agents = list(agents)
        self.numbers = {agent.spec.id: number for number, agent in enumerate(self.agents)}
        self.ready = 0
        self.capped = 0  # they have answered `soft_cap_calls` or more today
        self.news: set[int] = set()  # ready since the last match
        self._unranked: set[int] = set()
        self._today = [AgentToday()] * len(self.agents)
        self._ladders: dict[str, tuple[Ladder[Rank], Callable[[AgentToday], float]]] = {
            name: (Ladder(), figure) for name, figure in _figures(in_use)
        }

    def reconfigure(self, agents: Iterable[Agent], renumbered: Renumbering, in_use: Iterable[str]) -> None:
        """Other agents, in another order, to be had by other strategies. Who stays is ready or not as before."""
        before, self.agents = self._today, list(agents)
        self.numbers = {agent.spec.id: number for number, agent in enumerate(self.agents)}
        self.ready, self.capped = renumbered(self.ready), renumbered(self.capped)
        self._today = [AgentToday()] * len(self.agents)
        for number, today in zip(renumbered.to, before, strict=True):
            if number >= 0:
                self._today[number] = today
        for ladder, _ in self._ladders.values():
            ladder.renumber(renumbered.to)
        known, self._ladders = self._ladders, {}
        for name, figure in _figures(in_use):
            self._ladders[name] = known.get(name) or (self._ladder(figure), figure)

    def _ladder(self, figure: Callable[[AgentToday], float]) -> Ladder[Rank]:
        """All who are ready, in the order of the figure."""
        ladder: Ladder[Rank] = Ladder()
        ladder.fill(sorted((self._key(number, figure), number) for number in bits.members(self.ready)))
        return ladder

    def _key(self, number: int, figure: Callable[[AgentToday], float]) -> Rank:
        agent = self.agents[number]
        return figure(self._today[number]), agent.idle_since, agent.spec.id

    def update(self, agent_id: AgentId, ready: bool) -> None:
        """The agent has changed, or may have."""
        number = self.numbers[agent_id]
        bit = 1 << number
        if not ready:
            self._leave(number, bit)
            return
        if not self.ready & bit:
            self.ready |= bit
            self.news.add(number)
        self._unranked.add(number)

    def recount(self, agent_id: AgentId) -> None:
        """The agent's day has been counted anew."""
        number = self.numbers.get(agent_id)
        if number is None:  # an agent of another day's plan, in the records
            return
        today, bit = self._figures.agent(agent_id), 1 << number
        self._today[number] = today
        if (0 < self.agents[number].spec.soft_cap_calls <= today.answered) is not bool(self.capped & bit):
            self.capped ^= bit
        if self.ready & bit:
            self._unranked.add(number)

    def _leave(self, number: int, bit: int) -> None:
        if self.ready & bit:
            self.ready ^= bit
            self.news.discard(number)
            self._unranked.discard(number)
            for ladder, _ in self._ladders.values():
                ladder.drop(number)

    def settle(self) -> None:
        """The match is over: nobody is news any more, and everybody who is ready has a place."""
        self.news.clear()
        self._rank()

    def _rank(self) -> None:
        for number in self._unranked:
            for ladder, figure in self._ladders.values():
                ladder.put(number, self._key(number, figure))
        self._unranked.clear()

    def foremost(self, strategy: str, able: int) -> int:
        """The first of these ready agents by the strategy's figure, then by idle time and id."""
        self._rank()
        return self._ladders[strategy][0].first(able)

    def several(self, strategy: str, able: int, most: int) -> list[int]:
        """The first of these ready agents, in the same order, at most so many."""
        self._rank()
        return self._ladders[strategy][0].several(able, most)

    def today(self, number: int) -> AgentToday:
        """The agent's day, as it ranks them."""
        return self._today[number]


def _figures(in_use: Iterable[str]) -> Iterator[tuple[str, Callable[[AgentToday], float]]]:
    """The strategies that keep the ready in an order, each once; the one that settles ties always."""
    for name in dict.fromkeys((LONGEST_IDLE, *in_use)):
        figure = STRATEGIES[name].figure
        if figure is not None:
            yield name, figure
