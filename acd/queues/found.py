"""What a look at an Asterisk finds of one caller: the parts of a picture (`events.NodeRead`)."""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues.model import AgentId, CallId, OfferId


@dataclass(frozen=True, slots=True)
class FoundCall:
    """A caller found in our dialplan when an Asterisk was read back. `verb` is the verb the channel is in."""

    call_id: CallId
    did: str
    number: str
    name: str
    entered_at: float
    verb: str
    queue: str = ""
    offer_id: str = ""
    agent_id: str = ""
    bridged: bool = False
    talking_since: float | None = None  # as noted on the channel for this offer
    from_agent: AgentId | None = None
    handed_over: bool = False  # it is not the agent noted on the channel who is with the caller, but this one
    consultation: CallId | None = None  # the call this one's leg was made for, where that is known
    beside: tuple[tuple[OfferId, AgentId], ...] = ()  # further offers that ring at the same time
