"""Who takes whom: one line over all queues, and for its head the best of the agents who may.

Order of the line: score = priority of the queue + the call's own + minutes waited x the queue's ageing per minute;
highest first, ties by join time, then by id. A call that nobody ready may take does not hold up those behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acd.queues.model import Agent, Call, CallPhase, Plan, QueueSpec, Side
from acd.queues.requirements import Requirement
from acd.queues.strategies import longest_idle


def score(call: Call, queue: QueueSpec, at: float) -> float:
    """The call's points at `at`: the queue's, its own, and those of its age."""
    return queue.priority + call.priority + (at - call.joined_at) / 60.0 * queue.ageing_per_min


def line(calls: Iterable[Call], plan: Plan, at: float) -> list[Call]:
    """The waiting calls in the order in which they will be served."""
    waiting = [call for call in calls if call.phase is CallPhase.WAITING and call.queue in plan.queues]
    return sorted(waiting, key=lambda call: (-score(call, queue_of(call, plan), at), call.joined_at, call.id))


def queue_of(call: Call, plan: Plan) -> QueueSpec:
    """The spec of the call's queue; KeyError when the call is in none."""
    if call.queue is None:
        raise KeyError(call.id)
    return plan.queues[call.queue]


def open_requirements(call: Call, queue: QueueSpec, at: float) -> list[Requirement]:
    """The requirement and every relaxation whose deadline, counted from the join time, has passed."""
    relaxed = [step.require for step in queue.relax if call.joined_at + step.after_s <= at]
    return [queue.require, *relaxed]


def attributes(call: Call) -> Mapping[str, str]:
    """What a requirement may ask about the call itself; see `acd.queues.about`."""
    return call.attributes


def qualified(call: Call, agent: Agent, plan: Plan, at: float) -> bool:
    """Whether the agent's skills satisfy the queue's requirement or an open relaxation."""
    about = attributes(call)
    return any(
        wanted.satisfied_by(agent.spec.skills, about) for wanted in open_requirements(call, queue_of(call, plan), at)
    )


def pick(call: Call, ready: Iterable[Agent], plan: Plan, at: float) -> Agent | None:
    """The ready agent who gets the call, or None.

    Agents who refused this very call come only when nobody else is left, and not before their back-off is over.
    """
    able = [agent for agent in ready if qualified(call, agent, plan, at)]
    fresh = [agent for agent in able if agent.spec.id not in call.refused_by]
    again = [agent for agent in able if call.refused_by.get(agent.spec.id, at + 1) <= at]
    return longest_idle(fresh or again)


def can_be_offered(call: Call, at: float) -> bool:
    """Whether the waiting call may be offered at `at` at all: it can be steered, is not resting, is not hanging up."""
    return call.at_home and call.not_before <= at and call.hung_up is not Side.CALLER
