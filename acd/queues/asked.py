"""The events of what people ask about a call over the API: supervisors' orders, and what is noted of a call."""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, CallId, QueueName


@dataclass(frozen=True, slots=True)
class Disposed:
    """An agent says what became of the call. `record` is the ended call as recorded, if it is no longer in memory."""

    at: float
    call_id: CallId
    code: str
    amount: float | None
    note: str
    record: CallRecord | None = None


@dataclass(frozen=True, slots=True)
class CallPriority:
    """A supervisor gives the waiting call these points of its own, in place of those it has; `by` is who it was."""

    at: float
    call_id: CallId
    priority: float
    by: str


@dataclass(frozen=True, slots=True)
class CallMoved:
    """A supervisor puts the waiting call into another queue; it keeps its place."""

    at: float
    call_id: CallId
    queue: QueueName
    by: str


@dataclass(frozen=True, slots=True)
class CallPulled:
    """A supervisor has the waiting call offered to this ready agent now, before others and whatever the skills."""

    at: float
    call_id: CallId
    agent_id: AgentId
    by: str


@dataclass(frozen=True, slots=True)
class MessageHeard:
    """Somebody has listened to the message of this call. `record` as in `Disposed`."""

    at: float
    call_id: CallId
    record: CallRecord | None = None
