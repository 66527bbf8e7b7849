"""What the brain shows: frozen pictures of queues, agents and decisions for the API, the metrics and the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acd.queues.decisions import Decision
from acd.queues.model import AgentId, AgentState, CallId, QueueName


@dataclass(frozen=True, slots=True)
class QueueToday:
    """Calls of the present local day by queue. `service_level` is a share 0..1, None before the first call ended.

    `offered` holds those that are in the queue now as well. A call counts in one queue: the last one it was in, with
    its wait since the first.

    Formula: answered within `service_level_s`, divided by all calls offered to the queue that have been answered or
    have ended without an answer (the "all offered calls" definition of COPC).
    """

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    service_level: float | None = None


@dataclass(frozen=True, slots=True)
class QueueView:
    """A queue at one moment."""

    name: QueueName
    waiting: int
    longest_wait_s: float
    agents_online: int
    agents_ready: int
    today: QueueToday
    estimated_wait_s: float | None = None  # of somebody who would call now; None: nobody on duty may take the call


@dataclass(frozen=True, slots=True)
class AgentToday:
    """An agent's present local day. `talk_s` in seconds."""

    answered: int = 0
    missed: int = 0
    talk_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AgentView:
    """An agent at one moment; `since` is when the state began, in seconds since 1970.

    `mirrored`: every Asterisk's fallback queue is known to have the agent logged in, and paused, as here.
    """

    id: AgentId
    name: str
    state: AgentState
    since: float
    reason: str | None
    call_id: CallId | None
    skills: dict[str, int]
    today: AgentToday
    mirrored: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """One agent as seen for one call. `chosen` for those it rings at; `reason` says why or why not.

    `rank` counts from 1 among those who were ready when the call was last offered, None for the rest; `obstacle` is
    the reason in one stable word.
    """

    agent_id: AgentId
    name: str
    eligible: bool
    chosen: bool
    reason: str
    rank: int | None = None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Why:
    """Why a call is where it is: one sentence, and the agents with a reason each. `position` counts from 1.

    Of very many agents the foremost are named; `obstacles` counts all, by the reason's word. `decisions` are those
    that have been made about the call, oldest first.
    """

    call_id: CallId
    at: float
    summary: str
    position: int | None
    candidates: tuple[Candidate, ...]
    obstacles: Mapping[str, int] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Prospect:
    """One waiting call as seen for one agent. `position` is that in the whole line, from 1; `score` in points."""

    call_id: CallId
    queue: QueueName
    position: int
    score: float
    eligible: bool
    reason: str
    obstacle: str


@dataclass(frozen=True, slots=True)
class AgentWhy:
    """Why an agent gets no call now: one sentence, and the waiting calls in their order, of very many the first.

    `waiting` counts them all.
    """

    agent_id: AgentId
    at: float
    state: AgentState
    summary: str
    waiting: int
    calls: tuple[Prospect, ...]


@dataclass(frozen=True, slots=True)
class NodeView:
    """One Asterisk: whether it is in service, since when (seconds since 1970), and what is wrong if it is not."""

    name: str
    connected: bool
    since: float
    problem: str | None
