"""Whose phone is whose, while the plan changes: nobody is given a phone at which somebody else is still served.

An agent whose phone is another one now, and who is talking or being rung, keeps the old one until that is over; so
does one who has left the plan. Whoever is to have such a phone waits for it, and so on; two who change phones with each
other do it in one moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from acd.queues.model import Agent, AgentId, AgentSpec


def busy(agent: Agent) -> bool:
    """Whether a call of ours is at the agent's phone."""
    return agent.call_id is not None or agent.offer_id is not None


def told_of(before: AgentSpec, now: AgentSpec) -> bool:
    """Whether more is different than name and skills, of which only the plan's own tables are made."""
    shown = (before.endpoint, before.confirm, before.soft_cap_calls)
    return shown != (now.endpoint, now.confirm, now.soft_cap_calls)


class Handsets:
    """Endpoints by agent and the other way round, and what is still to be changed."""

    def __init__(self, specs: Iterable[AgentSpec]) -> None:
        self._of = {spec.id: spec.endpoint for spec in specs}
        self._holder = {endpoint: agent_id for agent_id, endpoint in self._of.items()}
        self._wanted: dict[AgentId, AgentSpec] = {}

    def expect(self, agent: Agent, spec: AgentSpec) -> None:
        """The plan gives the agent this spec: at once, but for another phone, which `settle` hands out."""
        held = self._of.get(agent.spec.id)
        if held == spec.endpoint and (agent.spec.confirm is spec.confirm or not busy(agent)):
            self._wanted.pop(spec.id, None)
            agent.spec = spec
            return
        self._wanted[spec.id] = spec
        agent.spec = replace(spec, endpoint=held or spec.endpoint, confirm=agent.spec.confirm if held else spec.confirm)

    def owe(self, agent_id: AgentId) -> bool:
        """Whether the agent is yet to get what an earlier plan gives."""
        return agent_id in self._wanted

    def give_back(self, agent_id: AgentId) -> None:
        """The agent has left."""
        self._wanted.pop(agent_id, None)
        endpoint = self._of.pop(agent_id, None)
        if endpoint is not None and self._holder.get(endpoint) == agent_id:
            del self._holder[endpoint]

    def settle(self, agents: Mapping[AgentId, Agent]) -> list[tuple[Agent, bool]]:
        """Those who get all of the spec that they are to have, in this moment; True: with another phone."""
        if not self._wanted:
            return []
        movers = {agent_id: spec for agent_id, spec in self._wanted.items() if not busy(agents[agent_id])}
        while stuck := [agent_id for agent_id, spec in movers.items() if not self._will_be_free(spec, movers)]:
            for agent_id in stuck:
                del movers[agent_id]
        given = [(agents[agent_id], self._of.get(agent_id) != spec.endpoint) for agent_id, spec in movers.items()]
        for agent_id in movers:
            self.give_back(agent_id)
        for agent_id, spec in movers.items():
            self._of[agent_id] = spec.endpoint
            self._holder[spec.endpoint] = agent_id
            agents[agent_id].spec = spec
        return given

    def _will_be_free(self, spec: AgentSpec, movers: Mapping[AgentId, AgentSpec]) -> bool:
        holder = self._holder.get(spec.endpoint)
        return holder is None or holder == spec.id or holder in movers
