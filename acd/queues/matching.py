"""Who takes whom, as it is defined: one line over all queues, and who may have a call.

Order of the line: score = the queue's priority + the caller's + minutes waited x the queue's ageing per minute; highest
first, ties by join time, then by id. A call that nobody ready may take does not hold up those behind it.

These are the definitions, a call and an agent at a time. `matcher` answers by an index, which must say the same; the
tests compare the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acd.queues.model import Agent, AgentId, Call, CallId, CallPhase, Plan, QueueSpec
from acd.queues.requirements import Requirement

MICRO = 1_000_000
_PER_MIN = 60 * MICRO

Standing = tuple[int, float, CallId]
"""Sorts calls, whoever is served first being smallest: minus the score in exact units, the join time, the id."""


def score(call: Call, queue: QueueSpec, at: float) -> float:
    """The call's points at `at`."""
    return queue.priority + call.priority + (at - call.joined_at) / 60.0 * queue.ageing_per_min


def ageing(queue: QueueSpec) -> int:
    """What a microsecond of waiting adds to the score, in exact units (below)."""
    return round(queue.ageing_per_min * MICRO)


def lasting(call: Call, queue: QueueSpec) -> Standing:
    """The part of the call's standing that time does not change: calls that age alike keep the order it gives.

    Counted in whole millionths of a point, whole microseconds and their product, so that a score that is cut into a
    lasting and a growing part is the same to the last digit, which floating point would not give.
    """
    points = round((queue.priority + call.priority) * MICRO)
    return round(call.joined_at * MICRO) * ageing(queue) - points * _PER_MIN, call.joined_at, call.id


def standing(call: Call, queue: QueueSpec, at: float) -> Standing:
    """What the call's place in the line at `at` follows from: the smallest is served first."""
    lasts, joined_at, call_id = lasting(call, queue)
    return lasts - round(at * MICRO) * ageing(queue), joined_at, call_id


def line(calls: Iterable[Call], plan: Plan, at: float) -> list[Call]:
    """The waiting calls in the order in which they will be served."""
    waiting = [call for call in calls if call.phase is CallPhase.WAITING and call.queue in plan.queues]
    return sorted(waiting, key=lambda call: standing(call, queue_of(call, plan), at))


def queue_of(call: Call, plan: Plan) -> QueueSpec:
    """The spec of the call's queue; KeyError when the call is in none, or in one that is gone from the plan."""
    if call.rules is not None:
        return call.rules
    if call.queue is None:
        raise KeyError(call.id)
    return plan.queues[call.queue]


def steps_open(call: Call, queue: QueueSpec, at: float) -> int:
    """How many relaxations have reached their deadline, which is counted from the join time; they open in order."""
    return sum(call.joined_at + step.after_s <= at for step in queue.relax)


def open_requirements(call: Call, queue: QueueSpec, at: float) -> list[Requirement]:
    """The requirement and every relaxation that is open."""
    return [queue.require, *(step.require for step in queue.relax[: steps_open(call, queue, at)])]


def attributes(call: Call) -> Mapping[str, str]:
    """What a requirement may ask about the call itself; see `acd.queues.about`."""
    return call.attributes


def held_for(call: Call, plan: Plan, at: float) -> AgentId | None:
    """The one agent who may have the call at `at`; None when it is open to all who are qualified.

    A call held for an agent whom the plan does not know (any more) is open to all: it must not wait for nobody.
    """
    if call.only is None or call.only not in plan.agents:
        return None
    return call.only if call.only_until is None or at < call.only_until else None


def qualified(call: Call, agent: Agent, plan: Plan, at: float) -> bool:
    """Whether the agent's skills satisfy the queue's requirement or an open relaxation; of a held call, who it is."""
    held = held_for(call, plan, at)
    return agent.spec.id == held if held is not None else skilled(call, agent, plan, at)


def skilled(call: Call, agent: Agent, plan: Plan, at: float) -> bool:
    """Whether the agent's skills satisfy the queue's requirement or an open relaxation."""
    about = attributes(call)
    return any(
        wanted.satisfied_by(agent.spec.skills, about) for wanted in open_requirements(call, queue_of(call, plan), at)
    )


def can_be_offered(call: Call, at: float) -> bool:
    """Whether the waiting call may be offered at `at` at all: it can be steered, is not resting, is not hanging up."""
    return call.at_home and call.not_before <= at and call.hung_up is None


def changes_at(call: Call, queue: QueueSpec, at: float) -> float | None:
    """When, after `at`, time alone makes a difference to who may have the waiting call; None when it never does."""
    moments = [call.not_before, *(call.joined_at + step.after_s for step in queue.relax), *call.refused_by.values()]
    moments += call.refused_until.values()
    if call.only is not None and call.only_until is not None:
        moments.append(call.only_until)
    return min((moment for moment in moments if moment > at), default=None)
