"""The tables: which phase of a call may follow which, and how an agent's visible state follows from the facts.

A phase change that the table does not hold is a mistake of ours and raises; an event about something that is over is
not a mistake, it is an empty line in the engine.
"""

from __future__ import annotations

from acd.queues.model import Agent, AgentState, Call, CallPhase

P = CallPhase

TRANSITIONS: dict[CallPhase, frozenset[CallPhase]] = {
    P.WAITING: frozenset({P.OFFERED, P.TALKING, P.AFTER, P.ENDED}),  # TALKING: served by the fallback meanwhile
    P.OFFERED: frozenset({P.WAITING, P.CONNECTING, P.TALKING, P.AFTER, P.ENDED}),
    P.CONNECTING: frozenset({P.WAITING, P.TALKING, P.AFTER, P.ENDED}),
    P.TALKING: frozenset({P.WAITING, P.AFTER, P.ENDED}),
    P.AFTER: frozenset({P.WAITING, P.ENDED}),
    P.ENDED: frozenset(),
}


class IllegalMove(AssertionError):
    """The engine tried a phase change that the table does not hold; nothing was changed."""


def move(call: Call, to: CallPhase) -> None:
    """Put the call into phase `to`; IllegalMove if the table does not allow it. Staying is always allowed."""
    if to is call.phase:
        return
    if to not in TRANSITIONS[call.phase]:
        raise IllegalMove(f"call {call.id}: {call.phase} -> {to}")
    call.phase = to


def agent_state(agent: Agent, at: float) -> AgentState:
    """What a supervisor sees of the agent at `at`; the first rule that holds wins."""
    rules = (
        (agent.call_id is not None, AgentState.TALKING),
        (agent.offer_id is not None, AgentState.OFFERED),
        (not agent.logged_in, AgentState.OFFLINE),
        (agent.pause_reason is not None, AgentState.PAUSED),
        (agent.wrap_until is not None, AgentState.WRAP_UP),
        (not agent.reachable, AgentState.UNREACHABLE),
        (bool(agent.own_channels) or agent.rest_until > at, AgentState.BUSY),
    )
    return next((state for holds, state in rules if holds), AgentState.READY)
