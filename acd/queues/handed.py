"""The events of transfers: what an agent's telephone did with a caller.

Blind to an agent or a queue, or after asking there; done with the telephone's own keys, so Asterisk alone knows of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues.model import AgentId, CallId, OfferId


@dataclass(frozen=True, slots=True)
class CallSentOn:
    """A blind transfer: the agent's phone has sent the caller to this number; the caller is in the hold verb."""

    at: float
    call_id: CallId
    to: str


@dataclass(frozen=True, slots=True)
class CallHandedOver:
    """An attended transfer: the caller is now in a bridge with whomever the agent had asked.

    `agent_id` is who that is (None: nobody of ours) and `offer_id` what this leg is known by from now on.
    `consultation`: the agent's own call, when it went through a queue.
    """

    at: float
    call_id: CallId
    agent_id: AgentId | None
    offer_id: OfferId | None
    consultation: CallId | None = None


@dataclass(frozen=True, slots=True)
class CallHandedEarly:
    """An attended transfer, completed before anybody had answered the agent's own call.

    The caller's channel has taken over that call where it was, its variables included. It rang at `agent_id`, or was in
    a queue's line as `consultation`; neither: it rang outside.
    """

    at: float
    call_id: CallId
    agent_id: AgentId | None
    consultation: CallId | None = None
