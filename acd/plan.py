"""From the checked configuration to the brain's own plan: the one place where the two vocabularies meet."""

from __future__ import annotations

from acd.config import Agent, Queue, Settings
from acd.ivr.survey import SurveyScript
from acd.queues.model import AgentId, AgentSpec, Plan, QueueName, QueueSpec, Relaxation, SurveyKind


def plan_of(settings: Settings) -> Plan:
    """Queues and agents as the brain wants them."""
    queues = [_queue(QueueName(name), queue) for name, queue in settings.queues.items()]
    agents = [_agent(AgentId(agent_id), agent) for agent_id, agent in settings.agents.items()]
    return Plan({queue.name: queue for queue in queues}, {agent.id: agent for agent in agents})


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
    )


def _agent(agent_id: AgentId, agent: Agent) -> AgentSpec:
    return AgentSpec(agent_id, agent.name, agent.endpoint, dict(agent.skills), agent.login == "start")
