"""What stands between a waiting call and an agent: for every pair exactly one answer, the first of these that holds.

It is the matcher's own question asked of one pair: when nothing stands in the way (`Obstacle.NONE`), the next event
makes an offer of that call or to that agent. A property test holds the two against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from acd.queues import matching
from acd.queues.engine import Engine
from acd.queues.model import Agent, AgentState, Call, CallPhase, QueueSpec
from acd.queues.refusals import again_in_s
from acd.queues.states import agent_state


class Obstacle(StrEnum):
    """The kinds, in the order in which they are looked for: the pair's, the agent's, the call's own."""

    THEIRS = "theirs"  # none: the agent has the call, or is being rung for it
    NO_QUEUE = "no_queue"
    SKILLS = "skills"
    STEP = "step"  # skills that a later step asks for
    HELD = "held"  # for another agent
    OFFLINE = "offline"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    REFUSED = "refused"
    STOPPING = "stopping"
    STARTING = "starting"
    SERVED = "served"  # the call does not wait (any more)
    AWAY = "away"  # its Asterisk cannot be steered, or has it in the fallback queue
    LEAVING = "leaving"  # the caller is hanging up
    RESTING = "resting"  # the last offer failed, the next comes in a moment
    NONE = "none"


UNFIT: Final = frozenset({Obstacle.SKILLS, Obstacle.STEP, Obstacle.HELD})
"""The call is not for the agent (yet), free or not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What stands between the two, in words for a supervisor."""

    kind: Obstacle
    text: str


def between(engine: Engine, call: Call, agent: Agent, at: float) -> Finding:
    """What stands between the live call and the agent at `at`."""
    if is_theirs(call, agent):
        return Finding(Obstacle.THEIRS, "this call is theirs")
    return (
        _of_pair(engine, call, agent, at)
        or _of_agent(engine, call, agent, at)
        or of_call(engine, call, at)
        or Finding(Obstacle.NONE, "nothing stands in the way; an offer is about to be made")
    )


def is_theirs(call: Call, agent: Agent) -> bool:
    """Whether the agent has the call or is being rung for it."""
    return agent.call_id == call.id or agent.offer_id in (call.offer_id or "", *call.beside)


def of_call(engine: Engine, call: Call, at: float) -> Finding | None:
    """What keeps the call from everybody."""
    if engine.closed is not None:
        return Finding(Obstacle.STOPPING if engine.stopping else Obstacle.STARTING, engine.closed)
    if call.phase is not CallPhase.WAITING:
        return Finding(Obstacle.SERVED, _PHASES[call.phase])
    if not call.at_home:
        return Finding(Obstacle.AWAY, "its Asterisk cannot be steered at the moment; the place is kept")
    if call.hung_up is not None:
        return Finding(Obstacle.LEAVING, "the caller is hanging up")
    if call.not_before > at:
        return Finding(Obstacle.RESTING, f"the last offer failed; the next one comes in {call.not_before - at:.0f} s")
    return None


_PHASES: Final = {
    CallPhase.OFFERED: "the call is being offered",
    CallPhase.CONNECTING: "the call is being connected",
    CallPhase.TALKING: "the call is being talked on",
    CallPhase.AFTER: "the call waits no more",
    CallPhase.ENDED: "the call has ended",
}
_STATES: Final = {
    AgentState.OFFLINE: Finding(Obstacle.OFFLINE, "logged out"),
    AgentState.OFFERED: Finding(Obstacle.OFFERED, "another call is being offered"),
    AgentState.TALKING: Finding(Obstacle.TALKING, "talking to another caller"),
    AgentState.WRAP_UP: Finding(Obstacle.WRAP_UP, "in wrap-up"),
    AgentState.UNREACHABLE: Finding(Obstacle.UNREACHABLE, "the phone is not reachable"),
    AgentState.BUSY: Finding(Obstacle.BUSY, "the phone is busy with a call of its own"),
}


def _of_pair(engine: Engine, call: Call, agent: Agent, at: float) -> Finding | None:
    """Why the call is not for this agent, free or not."""
    if call.queue not in engine.plan.queues:
        return Finding(Obstacle.NO_QUEUE, "the call is in no queue")
    held = matching.held_for(call, engine.plan, at)
    if held == agent.spec.id:
        return None
    if held is not None:
        until = f" for {call.only_until - at:.0f} s" if call.only_until is not None else ""
        return Finding(Obstacle.HELD, f"held for {held}{until}")
    if matching.qualified(call, agent, engine.plan, at):
        return None
    queue = matching.queue_of(call, engine.plan)
    lacks = "skills: " + queue.require.explain(agent.spec.skills, matching.attributes(call))
    opens_in = opens_in_s(call, agent, queue, at)
    if opens_in is None:
        return Finding(Obstacle.SKILLS, lacks)
    return Finding(Obstacle.STEP, f"{lacks}; may take it in {opens_in:.0f} s")


def opens_in_s(call: Call, agent: Agent, queue: QueueSpec, at: float) -> float | None:
    """Seconds until the first relaxation that lets the agent have the call; None when none will."""
    about = matching.attributes(call)
    opens_at = [
        call.joined_at + step.after_s for step in queue.relax if step.require.satisfied_by(agent.spec.skills, about)
    ]
    return max(0.0, min(opens_at) - at) if opens_at else None


def _of_agent(engine: Engine, call: Call, agent: Agent, at: float) -> Finding | None:
    """Why an agent who may have the call does not get it."""
    state = agent_state(agent, at)
    if state is not AgentState.READY:
        return of_state(engine, agent, at)
    again_s = again_in_s(
        call, agent.spec.id, engine.desk.on_duty(), lambda other: matching.qualified(call, other, engine.plan, at), at
    )
    if again_s:
        return Finding(Obstacle.REFUSED, f"refused this call; asked again in {again_s:.0f} s at the latest")
    return None


def of_state(engine: Engine, agent: Agent, at: float) -> Finding:
    """Why an agent who is not ready gets no (other) call."""
    state = agent_state(agent, at)
    match state:
        case AgentState.PAUSED:
            return Finding(Obstacle.PAUSED, f"paused: {agent.pause_reason}")
        case AgentState.WRAP_UP if agent.wrap_until is not None:
            return Finding(Obstacle.WRAP_UP, f"in wrap-up for {max(0.0, agent.wrap_until - at):.0f} s")
        case AgentState.BUSY if not agent.own_channels:
            return Finding(Obstacle.BUSY, f"an offer to the phone failed; it rests for {agent.rest_until - at:.0f} s")
        case AgentState.UNREACHABLE if agent.reachable:
            text = f"the phone did not answer; tried again in {agent.rest_until - at:.0f} s, or when it registers"
            return Finding(Obstacle.UNREACHABLE, text)
        case AgentState.OFFERED if agent.offer_id in engine.offers:
            other = engine.calls[engine.offers[agent.offer_id].call_id]
            return Finding(
                Obstacle.OFFERED, f"another call came before and is being offered: {points(engine, other, at)}"
            )
        case AgentState.TALKING:
            return Finding(Obstacle.TALKING, f"talking to another caller: {agent.call_id}")
    return _STATES[state]


def points(engine: Engine, call: Call, at: float) -> str:
    """The call and its score, which is what decides between two calls."""
    queue = engine.plan.queues.get(call.queue) if call.queue is not None else None
    if queue is None:
        return str(call.id)
    return f"{call.id} of {queue.name}, {matching.score(call, queue, at):.2f} points"
