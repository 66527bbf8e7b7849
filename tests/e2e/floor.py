"""The house of a test module: each test has its own queue, number and agents in it, so that no test meets another's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

FIRST_DID = 74951000001


@dataclass(frozen=True)
class Line:
    """One queue: call `did` to get into it; `agents` are the ids of those who may serve it."""

    queue: str
    did: str
    agents: tuple[str, ...]


@dataclass
class Floor:
    """Queues and agents, collected while a test module is read; `queues` and `agents` are configuration sections."""

    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: dict[str, dict[str, Any]] = field(default_factory=dict)

    def line(self, queue: str, agents: Iterable[str], *, login: str = "start", **options: Any) -> Line:
        """A queue that asks for a skill of its own, and agents who have it. No wrap-up and no survey unless said."""
        did = str(FIRST_DID + len(self.queues))
        standard = {"require": f"{queue} >= 1", "wrap_up_s": 0, "survey": "none"}
        self.queues[queue] = {"dids": [did], **standard, **options}
        ids = tuple(agents)
        for agent_id in ids:
            self.agent(agent_id, login=login)["skills"][queue] = 1
        return Line(queue, did, ids)

    def outside(self, agent_id: str, number: str) -> None:
        """The agent's phone is somewhere in the town, behind the trunk; a key must be pressed to take a call."""
        self.agents[agent_id] |= {"endpoint": f"PJSIP/{number}@trunk", "confirm": True}

    def agent(self, agent_id: str, *, login: str = "start") -> dict[str, Any]:
        """The agent's section, made when it is new."""
        new = {"name": f"Агент {agent_id}", "endpoint": f"PJSIP/{agent_id}", "skills": {}, "login": login}
        return self.agents.setdefault(agent_id, new)
