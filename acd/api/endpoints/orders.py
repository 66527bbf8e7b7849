"""A supervisor's orders about a waiting call. They take effect before anything else is decided."""

from __future__ import annotations

from typing import Any, Final

from acd.api.endpoints.calls import record_of, shown
from acd.api.models import Call, MoveBody, Nothing, PriorityBody, PullBody
from acd.api.routing import Ask, Route
from acd.api.settings import Role
from acd.errors import NotAllowed
from acd.queues.model import AgentId, CallId, QueueName


async def priority(ask: Ask[Nothing, PriorityBody]) -> Call:
    call_id = await _live(ask)
    return shown(ask, await ask.backend.floor.prioritise(call_id, ask.body.priority, _who(ask)))


async def move(ask: Ask[Nothing, MoveBody]) -> Call:
    call_id = await _live(ask)
    return shown(ask, await ask.backend.floor.move(call_id, QueueName(ask.body.queue), _who(ask)))


async def pull(ask: Ask[Nothing, PullBody]) -> Call:
    call_id = await _live(ask)
    return shown(ask, await ask.backend.floor.pull(call_id, AgentId(ask.body.agent), _who(ask)))


async def _live(ask: Ask[Any, Any]) -> CallId:
    """The call of the path; UnknownCall, or NotAllowed for one that ended so long ago that only the store has it."""
    record = await record_of(ask)
    if record.ended_at is not None:
        raise NotAllowed("Only a waiting call can be given orders: it has ended.")
    return record.id


def _who(ask: Ask[Any, Any]) -> str:
    return ask.who.name if ask.who is not None else ""


def _order(verb: str, summary: str, handler: Any, *codes: str, **more: Any) -> Route:
    return Route(
        "POST",
        f"/api/v1/calls/{{id}}/{verb}",
        Role.SUPERVISOR,
        summary,
        handler,
        Call,
        tag="calls",
        codes=("unknown_call", *codes, "not_allowed", "storage"),
        **more,
    )


ROUTES: Final = (
    _order(
        "priority",
        "Give the waiting call other points of its own",
        priority,
        body=PriorityBody,
        description="In place of those that its dialled number and its caller gave it; the queue's are added.",
    ),
    _order(
        "move",
        "Put the waiting call into another queue",
        move,
        "unknown_queue",
        body=MoveBody,
        description="It keeps the time it joined, and so its age; the steps of the other queue count from it.",
    ),
    _order(
        "pull",
        "Offer the waiting call to this agent now",
        pull,
        "unknown_agent",
        body=PullBody,
        description="Before all others and whatever the agent's skills; the agent must be ready. A phone that rings "
        "for the call elsewhere is stopped. When the agent does not take it, it is back at its place.",
    ),
)
