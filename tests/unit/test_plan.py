"""From the checked configuration to the brain's plan: nothing is lost on the way."""

from __future__ import annotations

from dataclasses import fields

from acd.config import Settings
from acd.plan import plan_of, script_of
from acd.queues.model import (
    About,
    AgentId,
    AgentSpec,
    Nobody,
    Overflow,
    Prefer,
    QueueName,
    QueueSpec,
    SurveyKind,
)

SETTINGS = Settings.model_validate(
    {
        "asterisk": [{"name": "main", "host": "127.0.0.1", "port": 5038, "username": "acd", "secret": "x"}],
        "queues": {
            "sales": {
                "dids": ["74951234567", "+74951234568"], "require": "sales >= 1", "ring_timeout_s": 7, "wrap_up_s": 8,
                "service_level_s": 9, "survey": "none", "priority": 3, "ageing_per_min": 4, "missed_limit": 5,
                "music": "jazz", "relax": [{"after_s": 30, "require": "anyone"}], "strategy": "ring_all",
                "prefer": "step", "max_waiting": 10, "max_wait_s": 11, "divert_above_s": 12, "nobody": "overflow",
                "overflow": {"queue": "rest"}, "sticky_s": 13, "resume_place_s": 14,
            },
            "rest": {"require": "anyone"},
        },
        "agents": {
            "1001": {"name": "Анна", "endpoint": "PJSIP/1001", "skills": {"sales": 5}, "login": "start"},
            "1002": {"name": "Борис", "endpoint": "PJSIP/1002", "confirm": True, "soft_cap_calls": 7},
        },
        "numbers": {"+74951234567": {"priority": 1, "language": "en"}},
        "callers": {"89161234567": {"priority": 2}},
        "survey": {"first_digit_s": 4, "second_digit_s": 1, "attempts": 3},
    }
)  # fmt: skip


def test_a_queue_arrives_whole() -> None:
    queue = plan_of(SETTINGS).queues[QueueName("sales")]
    assert (queue.ring_timeout_s, queue.wrap_up_s, queue.service_level_s) == (7, 8, 9)
    assert (queue.survey, queue.priority, queue.ageing_per_min) == (SurveyKind.NONE, 3, 4)
    assert (queue.missed_limit, queue.music) == (5, "jazz")
    assert (queue.strategy, queue.prefer, queue.nobody) == ("ring_all", Prefer.STEP, Nobody.OVERFLOW)
    assert (queue.max_waiting, queue.max_wait_s, queue.divert_above_s) == (10, 11, 12)
    assert (queue.overflow, queue.sticky_s, queue.resume_place_s) == (Overflow(QueueName("rest")), 13, 14)
    assert queue.require.satisfied_by({"sales": 1}, {}) and not queue.require.satisfied_by({}, {})
    (step,) = queue.relax
    assert step.after_s == 30 and step.require.satisfied_by({}, {})


def test_every_field_of_a_queue_can_be_configured() -> None:
    """A field of the brain's that the configuration cannot reach would be a dead one."""
    told, silent = (plan_of(SETTINGS).queues[QueueName(name)] for name in ("sales", "rest"))
    same = [field.name for field in fields(QueueSpec) if getattr(told, field.name) == getattr(silent, field.name)]
    assert same == []


def test_a_number_leads_to_its_queue_with_and_without_plus() -> None:
    plan = plan_of(SETTINGS)
    for did in ("74951234567", "+74951234567", "74951234568", "+74951234568"):
        assert plan.queue_of_did(did) is plan.queues[QueueName("sales")]
    for did in ("", "+", "7495", "749512345670"):
        assert plan.queue_of_did(did) is None


def test_agents_arrive_whole() -> None:
    assert plan_of(SETTINGS).agents == {
        "1001": AgentSpec(AgentId("1001"), "Анна", "PJSIP/1001", {"sales": 5}, login_at_start=True),
        "1002": AgentSpec(AgentId("1002"), "Борис", "PJSIP/1002", {}, confirm=True, soft_cap_calls=7),
    }


def test_what_is_known_of_numbers_arrives_whole() -> None:
    plan = plan_of(SETTINGS)
    assert plan.numbers == {"74951234567": About(1, {"language": "en"})}
    assert plan.callers == {"+79161234567": About(2, {})}
    assert plan.attributes == {"language": "ru"}


def test_the_surveys_patience() -> None:
    script = script_of(SETTINGS)
    assert (script.first_s, script.more_s, script.attempts) == (4, 1, 3)
