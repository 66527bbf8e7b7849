"""The agents' phones over all Asterisks: an agent is reachable when any of them can reach the phone.

Each Asterisk tells of its own phones only; the brain knows of one phone per agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from acd.queues.model import AgentId

OwnCalls = tuple[tuple[AgentId, str], ...]

GONE_STATES = frozenset({"UNAVAILABLE", "INVALID"})


class Phones:
    """What each Asterisk in service has said last. One object for all of them."""

    def __init__(self) -> None:
        self._reachable: dict[str, set[AgentId]] = {}
        self._own: dict[str, set[tuple[AgentId, str]]] = {}

    def read(self, node: str, reachable: Iterable[AgentId], own: OwnCalls) -> tuple[frozenset[AgentId], OwnCalls]:
        """The whole picture of one Asterisk; returns that of all of them."""
        self._reachable[node] = set(reachable)
        self._own[node] = set(own)
        return frozenset(chain(*self._reachable.values())), tuple(sorted(set(chain(*self._own.values()))))

    def told(self, node: str, agent_id: AgentId, reachable: bool) -> bool | None:
        """A phone's new device state: whether the agent is reachable at all; None when that is no news."""
        here = self._reachable.setdefault(node, set())
        before = agent_id in here
        if reachable is before:
            return None
        (here.add if reachable else here.discard)(agent_id)
        return any(agent_id in agents for agents in self._reachable.values())

    def own_began(self, node: str, agent_id: AgentId, channel: str) -> None:
        """A channel of the agent's own."""
        self._own.setdefault(node, set()).add((agent_id, channel))

    def own_ended(self, node: str, agent_id: AgentId, channel: str) -> None:
        """It is gone."""
        self._own.setdefault(node, set()).discard((agent_id, channel))

    def lost(self, node: str) -> None:
        """This Asterisk is out of reach, and with it what it said."""
        self._reachable.pop(node, None)
        self._own.pop(node, None)
