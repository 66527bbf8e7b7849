"""The tables: which phase of a call may follow which and why, and how an agent's visible state follows from the facts.

A phase change that the table does not hold is a mistake of ours and raises; an event about something that is over is
not a mistake, it is an empty line in the engine. `docs/states.md` is generated from this file: `make states`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from acd.queues.model import Agent, AgentState, Call, CallPhase

P = CallPhase

TRANSITIONS: Mapping[CallPhase, Mapping[CallPhase, str]] = {
    P.WAITING: {
        P.OFFERED: "an agent's phone is rung",
        P.TALKING: "served elsewhere: by Asterisk's fallback queue while the daemon was away; or withdrawn too late",
        P.AFTER: "let go: to the goodbye, or to leave a message",
        P.ENDED: "the caller leaves",
    },
    P.OFFERED: {
        P.WAITING: "it is not taken: refused, busy, not answered, unreachable, withdrawn, or the caller leaves",
        P.CONNECTING: "the agent picks up",
    },
    P.CONNECTING: {
        P.WAITING: "a party is gone before the bridge",
        P.TALKING: "caller and agent are bridged",
    },
    P.TALKING: {
        P.AFTER: "a party hangs up",
    },
    P.AFTER: {
        P.WAITING: "back to the old place: the conversation broke, there was none, or the agent sent the caller on",
        P.TALKING: "handed over to another agent, the first one's leg being gone already; or let go too late",
        P.ENDED: "the caller leaves",
    },
    P.ENDED: {},
}
"""From -> to -> what leads there."""


class IllegalMove(AssertionError):
    """The engine tried a phase change that the table does not hold; nothing was changed."""


def move(call: Call, to: CallPhase) -> None:
    """Put the call into phase `to`; IllegalMove if the table does not allow it. Staying is always allowed."""
    if to is call.phase:
        return
    if to not in TRANSITIONS[call.phase]:
        raise IllegalMove(f"call {call.id}: {call.phase} -> {to}")
    call.phase = to


@dataclass(frozen=True, slots=True)
class AgentRule:
    """`state` is seen of an agent of whom `holds` at that time; `when` says it in words."""

    state: AgentState
    when: str
    holds: Callable[[Agent, float], bool]


def _unreachable(agent: Agent, at: float) -> bool:
    return not agent.reachable or (agent.unanswered and agent.rest_until > at)


AGENT_RULES = (
    AgentRule(AgentState.TALKING, "is in a conversation that the hotline made", lambda a, at: a.call_id is not None),
    AgentRule(AgentState.OFFERED, "is being offered a call", lambda a, at: a.offer_id is not None),
    AgentRule(AgentState.OFFLINE, "is not logged in", lambda a, at: not a.logged_in),
    AgentRule(AgentState.PAUSED, "is paused, by order or for missed calls", lambda a, at: a.pause_reason is not None),
    AgentRule(AgentState.WRAP_UP, "has time for notes after a call", lambda a, at: a.wrap_until is not None),
    AgentRule(AgentState.UNREACHABLE, "has a phone that is not registered, or did not answer", _unreachable),
    AgentRule(AgentState.BUSY, "has a call of their own", lambda a, at: bool(a.own_channels)),
    AgentRule(AgentState.BUSY, "rests after an offer that failed", lambda a, at: a.rest_until > at),
)
"""In their order; one of whom none of these is true is READY."""


def agent_state(agent: Agent, at: float) -> AgentState:
    """What a supervisor sees of the agent at `at`; the first rule that holds wins."""
    for rule in AGENT_RULES:
        if rule.holds(agent, at):
            return rule.state
    return AgentState.READY
