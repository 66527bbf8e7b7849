"""The agents as members of Asterisk's own queue, to which callers fall back while there is no daemon."""

from __future__ import annotations

from collections.abc import Callable

from acd.queues.commands import Command, MirrorAgent
from acd.queues.model import Agent, AgentId


class Mirror:
    """Who was told to be a member with which phone, and paused or not. `emit` takes the commands."""

    def __init__(self, emit: Callable[[Command], None]) -> None:
        self._emit = emit
        self._told: dict[AgentId, tuple[bool, bool, str]] = {}
        self._all = False  # once: the logged out as well, who may have stayed members

    def again(self) -> None:
        """Forget what was told: the queue may have lost its members, or kept some too many."""
        self._told.clear()
        self._all = True

    def settle(self) -> None:
        """Everybody has been told of."""
        self._all = False

    def keep(self, agent: Agent) -> None:
        """Keep the member in step with the agent."""
        member = agent.logged_in and not agent.spec.confirm  # app_queue would connect a voicemail box
        endpoint, paused = agent.spec.endpoint, agent.pause_reason is not None
        told = self._told.get(agent.spec.id)
        if told == (member, paused, endpoint) or (told is None and not member and not self._all):
            return
        self._told[agent.spec.id] = (member, paused, endpoint)
        self._emit(MirrorAgent(agent.spec.id, endpoint, agent.spec.name, member, paused))

    def leave_old_phone(self, agent: Agent) -> None:
        """The agent's old phone is no member any more; before anybody's new one becomes one."""
        told = self._told.get(agent.spec.id)
        if told is not None and told[2] != agent.spec.endpoint:
            del self._told[agent.spec.id]
            if told[0]:
                self._emit(MirrorAgent(agent.spec.id, told[2], agent.spec.name, member=False, paused=False))

    def forget(self, agent: Agent) -> None:
        """The agent is gone, and logged out."""
        self.keep(agent)
        self._told.pop(agent.spec.id, None)
