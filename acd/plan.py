"""From the checked configuration to the brain's own plan: the one place where the two vocabularies meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acd.config import About as ConfiguredAbout
from acd.config import Agent, Queue, Settings
from acd.config import Overflow as ConfiguredOverflow
from acd.numbers import normalise
from acd.ports import Changes
from acd.queues.about import LANGUAGE
from acd.queues.model import (
    About,
    AgentId,
    AgentSpec,
    Nobody,
    Overflow,
    Plan,
    Prefer,
    QueueName,
    QueueSpec,
    Relaxation,
    SurveyKind,
)
from acd.queues.scripts import MessageScript, SurveyScript


def plan_of(settings: Settings) -> Plan:
    """Queues and agents as the brain wants them."""
    queues = [_queue(QueueName(name), queue) for name, queue in settings.queues.items()]
    agents = [_agent(AgentId(agent_id), agent) for agent_id, agent in settings.agents.items()]
    region = settings.default_country
    return Plan(
        {queue.name: queue for queue in queues},
        {agent.id: agent for agent in agents},
        numbers={number.lstrip("+"): _about(about) for number, about in settings.numbers.items()},
        callers={normalise(number, region): _about(about) for number, about in settings.callers.items()},
        attributes={LANGUAGE: settings.language},
    )


def share(plan: Plan, before: Plan) -> dict[str, Changes]:
    """What is other than before. What is the same is made the same thing, which is seen at once afterwards.

    The plan must not be in use yet. It takes a while: 10,000 agents are compared.
    """
    changes = {
        "queues": _compared(plan.queues, before.queues),
        "agents": _compared(plan.agents, before.agents),
        "numbers": _compared(plan.numbers, before.numbers),
        "callers": _compared(plan.callers, before.callers),
    }
    for agent_id, spec in plan.agents.items():
        known = before.agents.get(agent_id)
        if known == spec:
            plan.agents[agent_id] = known
    return changes


def _compared(now: Mapping[Any, object], before: Mapping[Any, object]) -> Changes:
    known = [key for key in now if key in before]
    return Changes(
        len(now) - len(known),
        sum(now[key] != before[key] for key in known),
        len(before) - len(known),
        known != [key for key in before if key in now],
    )


def message_of(settings: Settings) -> MessageScript:
    """How long a message may be."""
    return MessageScript(max_s=settings.voicemail.max_s)


def script_of(settings: Settings) -> SurveyScript:
    """The survey's times and attempts."""
    survey = settings.survey
    return SurveyScript(first_s=survey.first_digit_s, more_s=survey.second_digit_s, attempts=survey.attempts)


def _queue(name: QueueName, queue: Queue) -> QueueSpec:
    return QueueSpec(
        name=name,
        require=queue.require,
        dids=frozenset(queue.dids),
        relax=tuple(Relaxation(step.after_s, step.require) for step in queue.relax),
        ring_timeout_s=queue.ring_timeout_s,
        wrap_up_s=queue.wrap_up_s,
        service_level_s=queue.service_level_s,
        survey=SurveyKind(queue.survey),
        priority=queue.priority,
        ageing_per_min=queue.ageing_per_min,
        missed_limit=queue.missed_limit,
        music=queue.music,
        strategy=queue.strategy,
        prefer=Prefer(queue.prefer),
        max_waiting=queue.max_waiting,
        max_wait_s=queue.max_wait_s,
        divert_above_s=queue.divert_above_s,
        nobody=Nobody(queue.nobody),
        overflow=_overflow(queue.overflow),
        sticky_s=queue.sticky_s,
        resume_place_s=queue.resume_place_s,
    )


def _overflow(overflow: ConfiguredOverflow | None) -> Overflow:
    if overflow is None:
        return Overflow()
    return Overflow(QueueName(overflow.queue) if overflow.queue else None, overflow.did, overflow.voicemail)


def _about(what: ConfiguredAbout) -> About:
    return About(what.priority, {LANGUAGE: what.language} if what.language else {})


def _agent(agent_id: AgentId, agent: Agent) -> AgentSpec:
    return AgentSpec(
        agent_id,
        agent.name,
        agent.endpoint,
        dict(agent.skills),
        agent.login == "start",
        agent.confirm,
        agent.soft_cap_calls,
    )
