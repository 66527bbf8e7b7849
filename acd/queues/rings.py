"""Whose phones ring together for one call.

A phone that is to confirm (`AgentSpec.confirm`) rings alone: Asterisk gives the call to the first that is picked up,
and a voicemail box picks up faster than anybody. It has its turn when its agent comes first by the strategy's order; a
ring-out sends those who let it ring to the end of the idle, so the turns alternate.
"""

from __future__ import annotations

from collections.abc import Sequence

from acd.queues.model import Agent

MAX_BYTES = 900  # of the ids, and of the endpoints: what a line of a manager action (1,024 bytes) holds of them


def together(agents: Sequence[Agent]) -> tuple[Agent, ...]:
    """Those of the agents, who are in the order of preference, whose phones ring at once. At least one."""
    if agents[0].spec.confirm:
        return (agents[0],)
    chosen: list[Agent] = []
    ids = endpoints = 0
    for agent in agents:
        if agent.spec.confirm:
            continue
        ids += len(agent.spec.id.encode()) + 1
        endpoints += len(agent.spec.endpoint.encode()) + 1
        if chosen and max(ids, endpoints) > MAX_BYTES:
            break
        chosen.append(agent)
    return tuple(chosen)
