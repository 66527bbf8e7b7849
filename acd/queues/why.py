"""The answer to "why does this caller wait?": every agent, seen as the matcher sees them for this call."""

from __future__ import annotations

from acd.queues import matching, refusals
from acd.queues.engine import Engine
from acd.queues.model import Agent, AgentState, Call, CallPhase, Side
from acd.queues.states import agent_state
from acd.queues.views import Candidate, Why

_AWAY = {
    AgentState.OFFLINE: "logged out",
    AgentState.OFFERED: "another call is being offered",
    AgentState.TALKING: "talking to another caller",
    AgentState.WRAP_UP: "in wrap-up",
    AgentState.UNREACHABLE: "the phone is not reachable",
    AgentState.BUSY: "the phone is busy with a call of its own",
}


def explain(engine: Engine, call: Call, at: float) -> Why:
    """Why the live call is where it is at `at`."""
    candidates = tuple(_candidate(engine, call, agent, at) for agent in engine.desk.agents.values())
    position = engine.matcher.position(call.id, at)
    return Why(call.id, at, _summary(engine, call, candidates, at), position, candidates)


def _summary(engine: Engine, call: Call, candidates: tuple[Candidate, ...], at: float) -> str:
    match call.phase:
        case CallPhase.OFFERED | CallPhase.CONNECTING:
            return "it is being offered to " + (", ".join(c.name for c in candidates if c.chosen) or "an agent")
        case CallPhase.TALKING:
            return "it is being talked on with " + next((c.name for c in candidates if c.chosen), "an agent")
        case CallPhase.AFTER:
            return "its conversation is over" if call.answered_at else _on_the_way_out(call)
        case _:
            return _why_waiting(engine, call, candidates, at)


def _on_the_way_out(call: Call) -> str:
    return "the caller leaves a message" if call.message else "it is being said goodbye"


def _why_waiting(engine: Engine, call: Call, candidates: tuple[Candidate, ...], at: float) -> str:
    if engine.stopping:
        return "the daemon is stopping"
    if not call.at_home:
        return "its Asterisk cannot be steered at the moment; the place is kept"
    if call.hung_up is Side.CALLER:
        return "the caller is hanging up"
    if call.not_before > at:
        return f"the last offer failed; the next one comes in {call.not_before - at:.0f} s"
    able = [candidate for candidate in candidates if candidate.eligible]
    if able:
        return f"{len(able)} qualified, none of them free"
    opens_in = [opens for agent in engine.desk.agents.values() if (opens := _opens_in_s(engine, call, agent, at))]
    if opens_in:
        return f"nobody may take it yet; the next step opens in {min(opens_in):.0f} s"
    return "no agent has the skills it needs"


def _candidate(engine: Engine, call: Call, agent: Agent, at: float) -> Candidate:
    chosen = agent.call_id == call.id or agent.offer_id in (call.offer_id or "", *call.beside)
    able = call.queue in engine.plan.queues and matching.qualified(call, agent, engine.plan, at)
    return Candidate(agent.spec.id, agent.spec.name, able, chosen, _reason(engine, call, agent, at, able, chosen))


def _reason(engine: Engine, call: Call, agent: Agent, at: float, able: bool, chosen: bool) -> str:
    if chosen:
        return "this call is theirs"
    if call.queue not in engine.plan.queues:
        return "the call is in no queue"
    if not able:
        queue = matching.queue_of(call, engine.plan)
        lacks = "skills: " + queue.require.explain(agent.spec.skills, matching.attributes(call))
        opens_in_s = _opens_in_s(engine, call, agent, at)
        return lacks if opens_in_s is None else f"{lacks}; may take it in {opens_in_s:.0f} s"
    state = agent_state(agent, at)
    if state is AgentState.PAUSED:
        return f"paused: {agent.pause_reason}"
    if state is AgentState.READY:
        return _why_not_rung(engine, call, agent, at)
    if state is AgentState.BUSY and not agent.own_channels:
        return f"an offer to the phone failed; it rests for {agent.rest_until - at:.0f} s"
    if state is AgentState.UNREACHABLE and agent.reachable:
        return f"the phone did not answer; tried again in {agent.rest_until - at:.0f} s, or when it registers"
    return _AWAY[state]


def _why_not_rung(engine: Engine, call: Call, agent: Agent, at: float) -> str:
    again_s = refusals.again_in_s(
        call, agent.spec.id, engine.desk.on_duty(), lambda other: matching.qualified(call, other, engine.plan, at), at
    )
    if again_s:
        return f"refused this call; asked again in {again_s:.0f} s at the latest"
    return "free; another call comes before, or an offer is about to be made"


def _opens_in_s(engine: Engine, call: Call, agent: Agent, at: float) -> float | None:
    """Seconds until the first relaxation that lets the agent have the call; None when none will."""
    queue = matching.queue_of(call, engine.plan) if call.queue in engine.plan.queues else None
    opens_at = [
        call.joined_at + step.after_s
        for step in (queue.relax if queue else ())
        if step.require.satisfied_by(agent.spec.skills, matching.attributes(call))
    ]
    return max(0.0, min(opens_at) - at) if opens_at else None
