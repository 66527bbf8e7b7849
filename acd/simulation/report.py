"""What came of a simulated day: per queue, per agent, and how good the estimates of the waits were.

Counts and service level are those of the daemon's own figures (`acd.queues.figures`) over its own records; waits are
read from the same records. Times are seconds, shares 0..1, None where there is nothing to tell of.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from acd.queues.commands import AgentChanged
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, AgentState, Outcome, QueueSpec
from acd.simulation.accuracy import Estimates, accuracy
from acd.simulation.scenario import Scenario
from acd.simulation.world import World

AT_WORK = (AgentState.OFFERED, AgentState.TALKING, AgentState.WRAP_UP, AgentState.BUSY)
ON_DUTY = (*AT_WORK, AgentState.READY)


@dataclass(frozen=True, slots=True)
class QueueReport:
    """A queue's day. Of the ended calls `p95_wait_s` and `max_wait_s` take all, `asa_s` the answered.

    `occupancy` is that of the agents who may take its calls; `unserved` still waited when nothing more could happen.
    """

    name: str
    offered: int
    answered: int
    abandoned: int
    overflowed: int
    timed_out: int
    closed: int
    unserved: int
    service_level: float | None
    service_level_s: float
    asa_s: float | None
    p95_wait_s: float | None
    max_wait_s: float | None
    occupancy: float | None
    estimates: Estimates | None


@dataclass(frozen=True, slots=True)
class AgentReport:
    """An agent's day; `on_duty_s` and `occupancy` (ringing, talk and wrap-up in it) are of the hours simulated."""

    id: str
    name: str
    answered: int
    missed: int
    talk_s: float
    on_duty_s: float
    occupancy: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The whole day, and what it took to simulate it."""

    hours: float
    seed: int
    calls: int
    events: int
    took_s: float
    queues: tuple[QueueReport, ...]
    agents: tuple[AgentReport, ...]
    estimates: Estimates | None


def report(scenario: Scenario, world: World, took_s: float) -> Report:
    """The day of the world that the scenario led to; `took_s` of somebody's time."""
    hours = _hours(world.changes, scenario.begins_at, scenario.ends_at)
    ended = defaultdict(list)
    for record in world.ended:
        ended[record.queue].append(record)
    return Report(
        hours=(scenario.ends_at - scenario.begins_at) / 3600.0,
        seed=scenario.seed,
        calls=world.calls,
        events=world.events,
        took_s=took_s,
        queues=tuple(
            _queue(queue, world, ended[queue.name], hours) for queue in scenario.plan.queues.values() if queue.dids
        ),
        agents=tuple(
            _agent(agent_id, world, hours) for agent_id in dict.fromkeys(one.agent for one in scenario.shifts)
        ),
        estimates=accuracy(world.guesses, world.ended),
    )


def _queue(queue: QueueSpec, world: World, ended: Sequence[CallRecord], hours: dict[AgentId, _Hours]) -> QueueReport:
    today = world.core.book.figures.queue(queue.name)
    outcomes = Counter(record.outcome for record in ended)
    waits_s = sorted(record.wait_s for record in ended if record.wait_s is not None)
    answered_s = [record.wait_s for record in ended if record.answered_at is not None and record.wait_s is not None]
    theirs = [hours[agent_id] for agent_id in world.who_may_serve(queue) if agent_id in hours]
    return QueueReport(
        name=queue.name,
        offered=today.offered,
        answered=today.answered,
        abandoned=today.abandoned,
        overflowed=outcomes[Outcome.OVERFLOWED],
        timed_out=outcomes[Outcome.TIMED_OUT],
        closed=outcomes[Outcome.CLOSED],
        unserved=today.offered - len(ended),
        service_level=today.service_level,
        service_level_s=queue.service_level_s,
        asa_s=math.fsum(answered_s) / len(answered_s) if answered_s else None,
        p95_wait_s=waits_s[math.ceil(0.95 * len(waits_s)) - 1] if waits_s else None,
        max_wait_s=waits_s[-1] if waits_s else None,
        occupancy=_occupancy(theirs),
        estimates=accuracy(world.guesses, ended),
    )


def _agent(agent_id: AgentId, world: World, hours: dict[AgentId, _Hours]) -> AgentReport:
    today = world.core.book.figures.agent(agent_id)
    name = world.core.engine.plan.agents[agent_id].name
    mine = hours.get(agent_id, _Hours())
    return AgentReport(agent_id, name, today.answered, today.missed, today.talk_s, mine.on_duty_s, _occupancy([mine]))


@dataclass(slots=True)
class _Hours:
    on_duty_s: float = 0.0
    at_work_s: float = 0.0


def _hours(changes: Iterable[AgentChanged], begins_at: float, ends_at: float) -> dict[AgentId, _Hours]:
    """How long each agent was on duty and at work within the window, from the changes of state."""
    hours: defaultdict[AgentId, _Hours] = defaultdict(_Hours)
    now: dict[AgentId, AgentChanged] = {}

    def close(before: AgentChanged, at: float) -> None:
        lasted_s = max(0.0, min(at, ends_at) - max(before.at, begins_at))
        hours[before.agent_id].on_duty_s += lasted_s if before.state in ON_DUTY else 0.0
        hours[before.agent_id].at_work_s += lasted_s if before.state in AT_WORK else 0.0

    for change in changes:
        before = now.get(change.agent_id)
        if before is not None:
            close(before, change.at)
        now[change.agent_id] = change
    for last in now.values():
        close(last, ends_at)
    return hours


def _occupancy(hours: Sequence[_Hours]) -> float | None:
    on_duty_s = math.fsum(one.on_duty_s for one in hours)
    return math.fsum(one.at_work_s for one in hours) / on_duty_s if on_duty_s > 0 else None
