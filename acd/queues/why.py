"""The answers to "why does this caller wait?" and "why does this agent get no call?", worked out when asked.

Every pair of call and agent is seen as the matcher sees it (`obstacles.py`); what was decided before is in the journey
(`decisions.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Final

from acd.queues import matching, obstacles
from acd.queues.decisions import Decision, history
from acd.queues.engine import Engine
from acd.queues.model import Agent, AgentId, AgentState, Call, CallPhase
from acd.queues.obstacles import UNFIT, Obstacle
from acd.queues.states import agent_state
from acd.queues.views import AgentWhy, Candidate, Prospect, Why

MOST_CANDIDATES: Final = 200
MOST_PROSPECTS: Final = 50
MOST_LOOKED_AT: Final = 10_000
"""Waiting calls that are looked at for one agent."""


def explain(engine: Engine, call: Call, at: float) -> Why:
    """Why the live call is where it is at `at`."""
    record = engine.book.get(call.id)
    decisions = history(record) if record is not None else ()
    ranks = _ranks(decisions)
    seen = [_candidate(engine, call, agent, ranks, at) for agent in engine.desk.agents.values()]
    counts = Counter(candidate.obstacle for candidate in seen)
    seen.sort(key=_foremost)
    return Why(
        call.id,
        at,
        _summary(engine, call, seen, at),
        engine.matcher.position(call.id, at),
        tuple(seen[:MOST_CANDIDATES]),
        dict(counts),
        decisions,
    )


def explain_agent(engine: Engine, agent: Agent, at: float) -> AgentWhy:
    """Why the agent has the call they have, or none, at `at`."""
    line = islice(engine.matcher.line(at), MOST_LOOKED_AT)
    prospects = [_prospect(engine, call, agent, position, at) for position, call in enumerate(line, 1)]
    waiting = engine.matcher.waiting()
    return AgentWhy(
        agent.spec.id,
        at,
        agent_state(agent, at),
        _agent_summary(engine, agent, prospects, waiting, at),
        waiting,
        tuple(prospects[:MOST_PROSPECTS]),
    )


# -- of a call ------------------------------------------------------------------------------------------------


def _ranks(decisions: Iterable[Decision]) -> dict[AgentId, int]:
    """The order of the last decision."""
    last = next(reversed(list(decisions)), None)
    return {one.agent: one.rank for one in last.candidates} if last is not None else {}


def _foremost(candidate: Candidate) -> tuple[bool, bool, float]:
    return not candidate.chosen, not candidate.eligible, candidate.rank if candidate.rank is not None else float("inf")


def _candidate(engine: Engine, call: Call, agent: Agent, ranks: dict[AgentId, int], at: float) -> Candidate:
    found = obstacles.between(engine, call, agent, at)
    able = call.queue in engine.plan.queues and matching.qualified(call, agent, engine.plan, at)
    return Candidate(
        agent.spec.id,
        agent.spec.name,
        able,
        found.kind is Obstacle.THEIRS,
        found.text,
        ranks.get(agent.spec.id),
        found.kind,
    )


def _summary(engine: Engine, call: Call, candidates: list[Candidate], at: float) -> str:
    theirs = ", ".join(candidate.name for candidate in candidates if candidate.chosen) or "an agent"
    match call.phase:
        case CallPhase.OFFERED:
            return f"it is being offered to {theirs}"
        case CallPhase.CONNECTING:
            return f"it is being connected with {theirs}"
        case CallPhase.TALKING:
            return f"it is being talked on with {theirs}"
        case CallPhase.AFTER:
            return "its conversation is over" if call.answered_at else _on_the_way_out(call)
        case _:
            return _why_waiting(engine, call, candidates, at)


def _on_the_way_out(call: Call) -> str:
    return "the caller leaves a message" if call.message else "it is being said goodbye"


def _why_waiting(engine: Engine, call: Call, candidates: list[Candidate], at: float) -> str:
    own = obstacles.of_call(engine, call, at)
    if own is not None:
        return own.text
    held = matching.held_for(call, engine.plan, at)
    if held is not None:
        reason = next((candidate.reason for candidate in candidates if candidate.agent_id == held), "")
        until = f" for {call.only_until - at:.0f} s" if call.only_until is not None else ""
        return f"it is held for {held}{until}: {reason}"
    able = [candidate for candidate in candidates if candidate.eligible]
    if able:
        return f"{len(able)} qualified, none of them free: {_counted(one.obstacle for one in able)}"
    queue = matching.queue_of(call, engine.plan)
    opens_in = [obstacles.opens_in_s(call, agent, queue, at) for agent in engine.desk.agents.values()]
    soonest = min((seconds for seconds in opens_in if seconds is not None), default=None)
    if soonest is not None:
        return f"nobody may take it yet; the next step opens in {soonest:.0f} s"
    return "no agent has the skills it needs"


def _counted(kinds: Iterable[str]) -> str:
    counts = Counter(str(kind).replace("_", "-") for kind in kinds)
    return ", ".join(f"{kind} {count}" for kind, count in counts.most_common())


# -- of an agent ----------------------------------------------------------------------------------------------


def _prospect(engine: Engine, call: Call, agent: Agent, position: int, at: float) -> Prospect:
    queue = matching.queue_of(call, engine.plan)
    found = obstacles.between(engine, call, agent, at)
    return Prospect(
        call.id,
        queue.name,
        position,
        matching.score(call, queue, at),
        matching.qualified(call, agent, engine.plan, at),
        found.text,
        found.kind,
    )


def _agent_summary(engine: Engine, agent: Agent, prospects: list[Prospect], waiting: int, at: float) -> str:
    state = agent_state(agent, at)
    offer = engine.offers.get(agent.offer_id) if agent.offer_id is not None else None
    if state is AgentState.TALKING:
        return f"talking on {agent.call_id}; {_waiting(waiting)}"
    if offer is not None:
        return f"being offered {obstacles.points(engine, engine.calls[offer.call_id], at)}; {_waiting(waiting)}"
    if state is not AgentState.READY:
        meant = sum(one.eligible for one in prospects)
        return f"{obstacles.of_state(engine, agent, at).text}; {_waiting(waiting)}, {meant} of them for this agent"
    return _why_idle(prospects, waiting)


def _why_idle(prospects: list[Prospect], waiting: int) -> str:
    if not prospects:
        return "ready; nobody waits"
    clear = next((one for one in prospects if one.obstacle == Obstacle.NONE), None)
    if clear is not None:
        return f"ready; {clear.call_id} is about to be offered"
    unfit = [one for one in prospects if Obstacle(one.obstacle) in UNFIT]
    if len(unfit) == len(prospects):
        return f"ready; {_waiting(waiting)}, none of them for this agent: {_counted(one.obstacle for one in unfit)}"
    return f"ready; {_waiting(waiting)}, none can be offered now: {_counted(one.obstacle for one in prospects)}"


def _waiting(count: int) -> str:
    return f"{count} waits" if count == 1 else f"{count} wait"
