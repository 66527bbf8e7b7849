"""What is found of one caller: in a picture (`events.NodeRead`), or in the dialplan's notes (`events.CallsNoted`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from acd.queues.model import AgentId, CallId, OfferId


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What Asterisk's own fallback queue did with a caller. Moments in seconds since 1970, None: not (yet) so.

    `agent_id`: who took the call at `taken_at`; None: nobody of ours. `over_at`: when that agent hung up.
    """

    fell_at: float
    taken_at: float | None = None
    agent_id: AgentId | None = None
    over_at: float | None = None


class Left(StrEnum):
    """Who ended a call that nobody listened to."""

    CALLER = "caller"
    SYSTEM = "system"  # the dialplan, having no orders
    ENOUGH = "enough"  # the dialplan, nobody in the fallback queue having taken the call
    CUT = "cut"  # neither: Asterisk's own end


@dataclass(frozen=True, slots=True)
class NotedCall:
    """What the dialplan noted of a caller while no daemon listened; `ended_at` None: nobody saw the end.

    `verb` is the last one. `doing` and `digits`: the last question put, and what was pressed. `offer_id`: the last
    order to dial, to the agent `offered_to`; if it was answered, `dialled_at` is when it was begun, `over_at` when the
    agent hung up first.
    """

    call_id: CallId
    did: str
    number: str
    entered_at: float
    verb: str
    queue: str = ""
    from_agent: AgentId | None = None
    elsewhere: Elsewhere | None = None
    ended_at: float | None = None
    left: Left = Left.CALLER
    doing: int | None = None
    digits: str = ""
    offer_id: str = ""
    offered_to: AgentId | None = None
    dialled_at: float | None = None
    over_at: float | None = None


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
    elsewhere: Elsewhere | None = None  # it has been in the fallback queue
    doing: int | None = None  # number of the last order carried out, and what was pressed to it
    digits: str = ""
    handed_over: bool = False  # it is not the agent noted on the channel who is with the caller, but this one
    consultation: CallId | None = None  # the call this one's leg was made for, where that is known
    beside: tuple[tuple[OfferId, AgentId], ...] = ()  # further offers that ring at the same time
    dialled_at: float | None = None  # in `after`: the order to dial that was answered was begun then ...
    over_at: float | None = None  # ... and the agent hung up then
