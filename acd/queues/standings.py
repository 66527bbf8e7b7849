"""What of the agents outlives the daemon: noted whenever it changes, and made fit for now when it comes back.

Kept is what was said by hand or earned (`model.Standing`): the log-in, the pause and its reason, the wrap-up's
deadline, the place among the idle, failures in a row. Everything else, the phone and the calls, is Asterisk's to tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from acd.queues.commands import AgentKept, Command
from acd.queues.model import Agent, AgentId, Standing

_Facts = tuple[bool, str | None, float | None, float, int, int, float, bool]
"""The fields of a `Standing`: to compare them costs less than to make one."""

_NOTHING: _Facts = (False, None, None, 0.0, 0, 0, 0.0, False)


class Standings:
    """The standings of all agents as they were last told. `emit` takes the commands."""

    def __init__(self, emit: Callable[[Command], None]) -> None:
        self._emit = emit
        self._kept: dict[AgentId, _Facts] = {}
        self._begun: dict[AgentId, _Facts] = {}

    def keep(self, agent: Agent, at: float) -> None:
        """Have it kept if it has changed."""
        facts = _facts(agent)
        if self._kept.get(agent.spec.id, _NOTHING) != facts:
            self._kept[agent.spec.id] = facts
            self._emit(AgentKept(at, agent.spec.id, Standing(*facts)))

    def forget(self, agent: Agent, at: float) -> None:
        """The agent is gone from the plan: as they stand now, should they ever come back."""
        self.keep(agent, at)
        self._kept.pop(agent.spec.id, None)
        self._begun.pop(agent.spec.id, None)

    def began(self, agent: Agent) -> None:
        """The agent begins like this."""
        self._begun[agent.spec.id] = _facts(agent)

    def ordered(self, agent: Agent) -> None:
        """The agent has spoken: whatever is remembered of before is older, even where the word changes nothing."""
        self._begun.pop(agent.spec.id, None)

    def as_begun(self, agent: Agent) -> bool:
        """Whether nothing has happened to the agent since the daemon began."""
        return _facts(agent) == self._begun.get(agent.spec.id, _NOTHING)


def deadlines_of_now(kept: AgentKept, at: float) -> Standing:
    """The standing as it is at `at`: what has run out meanwhile is over.

    After a clock that was set back, no wrap-up and no rest is longer than it was to be, and nobody idle in the future.
    """
    was, passed_s = kept.standing, min(0.0, at - kept.at)
    idle_since = min(was.idle_since + passed_s, at)
    wrap_until = None if was.wrap_until is None else was.wrap_until + passed_s
    if wrap_until is not None and wrap_until <= at:
        idle_since, wrap_until = max(idle_since, wrap_until), None
    rest_until = was.rest_until + passed_s
    if rest_until <= at:
        return replace(was, idle_since=idle_since, wrap_until=wrap_until, rest_until=0.0, unanswered=False)
    return replace(was, idle_since=idle_since, wrap_until=wrap_until, rest_until=rest_until)


def _facts(agent: Agent) -> _Facts:
    return (
        agent.logged_in,
        agent.pause_reason,
        agent.wrap_until,
        agent.idle_since,
        agent.missed_in_row,
        agent.failures_in_row,
        agent.rest_until,
        agent.unanswered,
    )
