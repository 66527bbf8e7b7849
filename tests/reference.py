"""Who takes whom, done the plain way: every waiting call in order, every ready agent looked at, nothing remembered.

The matcher's index must lead to exactly the offers that come of this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from acd.queues import events as ev
from acd.queues import matching
from acd.queues.engine import Engine
from acd.queues.matcher import RING_ALL_LIMIT
from acd.queues.model import Agent, AgentState, Call, CallPhase, Prefer
from acd.queues.states import agent_state
from tests import rules


class PlainEngine(Engine):
    """The engine with the plain match in the matcher's place."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._order = list(self.desk.agents)
        self._last: dict[str | None, int] = {}
        self.decided: list[tuple[str, int, list[str]]] = []  # the call, how many could have had it, and their order

    def _reconfigure(self, event: ev.Reconfigured) -> None:
        before, stopping = self._order, self.stopping
        super()._reconfigure(event)
        if stopping:
            return
        self._order = list(event.plan.agents)
        stayed = {
            queue: next((one for one in before[number::-1] if one in event.plan.agents), None)
            for queue, number in self._last.items()
            if queue in event.plan.queues and number >= 0
        }
        self._last = {queue: self._order.index(one) for queue, one in stayed.items() if one is not None}

    def _offer(self, at: float) -> None:
        for call in matching.line(self.calls.values(), self.plan, at):
            ready = [agent for agent in self.desk.agents.values() if agent_state(agent, at) is AgentState.READY]
            chosen = self._chosen(call, ready, at) if matching.can_be_offered(call, at) else []
            if chosen:
                self.decided.append(
                    (call.id, len(takers(call, ready, self, at)), self._ranked(call, chosen, ready, at))
                )
                self._last[call.queue] = self._order.index(chosen[0].spec.id)
                self._offers.make(call, chosen, at, {})

    def _ranked(self, call: Call, chosen: list[Agent], ready: Iterable[Agent], at: float) -> list[str]:
        """The chosen, and who would have been next; with chance nobody knows."""
        left = [one for one in takers(call, ready, self, at) if one not in chosen]
        ranked = list(chosen)
        while left and matching.queue_of(call, self.plan).strategy != "random":
            ranked.append(self._best(call, left, at))
            left.remove(ranked[-1])
        return [one.spec.id for one in ranked]

    def _chosen(self, call: Call, ready: Iterable[Agent], at: float) -> list[Agent]:
        able = takers(call, ready, self, at)
        limit = RING_ALL_LIMIT if matching.queue_of(call, self.plan).strategy == "ring_all" else 1
        chosen: list[Agent] = []
        while able and len(chosen) < limit:
            best = self._best(call, able, at)
            chosen.append(best)
            able.remove(best)
        return chosen

    def _best(self, call: Call, able: list[Agent], at: float) -> Agent:
        queue, figures = matching.queue_of(call, self.plan), self.book.figures
        wanted = matching.open_requirements(call, queue, at)
        if queue.prefer is Prefer.STEP and matching.held_for(call, self.plan, at) is None:
            about = matching.attributes(call)
            by_step = [[one for one in able if step.satisfied_by(one.spec.skills, about)] for step in wanted]
            able = next(those for those in by_step if those)
        rested = [one for one in able if not 0 < one.spec.soft_cap_calls <= figures.agent(one.spec.id).answered]
        able = rested or able
        if len(able) == 1:
            return able[0]
        named = frozenset().union(*(step.skills() for step in wanted))
        after = self._last.get(call.queue, -1) + 1

        def known(agent: Agent) -> int:
            return sum(agent.spec.skills.get(skill, 0) for skill in named)

        def place(agent: Agent) -> int:
            return self._order.index(agent.spec.id)

        keys: dict[str, Callable[[Agent], float]] = {
            "longest_idle": lambda _: 0,
            "ring_all": lambda _: 0,
            "fewest_calls": lambda agent: figures.agent(agent.spec.id).answered,
            "least_talk_time": lambda agent: figures.agent(agent.spec.id).talk_s,
            "most_skilled": lambda agent: -known(agent),
            "least_skilled": known,
            "top_down": place,
            "round_robin": lambda agent: (place(agent) - after) % len(self._order),
        }
        if queue.strategy == "random":
            return sorted(able, key=place)[self.matcher.draw(len(able))]
        return min(able, key=lambda one: (keys[queue.strategy](one), one.idle_since, one.spec.id))


def takers(call: Call, ready: Iterable[Agent], engine: Engine, at: float) -> list[Agent]:
    """The ready agents who may be offered the waiting call, those who have not refused it before all others."""
    able = [agent for agent in ready if matching.qualified(call, agent, engine.plan, at)]
    fresh = [agent for agent in able if agent.spec.id not in call.refused_by]
    return fresh or [agent for agent in able if rules.may_be_asked(engine, call, agent, at)]


def line(engine: Engine, at: float) -> list[Call]:
    """The waiting calls in order."""
    waiting = [call for call in engine.calls.values() if call.phase is CallPhase.WAITING]
    return matching.line(waiting, engine.plan, at)
