"""Who among the eligible: each strategy takes agents who may have the call and names one. Ties go by agent id."""

from __future__ import annotations

from collections.abc import Iterable

from acd.queues.model import Agent


def longest_idle(agents: Iterable[Agent]) -> Agent | None:
    """The agent who has been free for the longest time."""
    return min(agents, key=lambda agent: (agent.idle_since, agent.spec.id), default=None)
