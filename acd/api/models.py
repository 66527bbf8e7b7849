"""What goes over the wire, as pydantic models: the OpenAPI document is made from these, so they cannot disagree.

Times are ISO 8601 with the offset of the configured timezone; durations are seconds in fields ending `_s`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from acd.api.fields import Iso, Moment, Note, Out, Word
from acd.api.models_config import Config
from acd.queues.journey import Fact, Value
from acd.queues.model import PRIORITY_LIMIT, AgentState, OfferResult, Outcome, Side, SurveyResult


class In(BaseModel):
    """Base of all that is asked: an unknown key is refused, because a mistyped filter must not mean `all`."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Nothing(In):
    """No query, or no body."""


class Health(Out):
    """The process is alive; what is worth a look is named."""

    status: Literal["ok", "degraded"]
    degraded: dict[str, str]


class Readiness(Out):
    """Whether calls can be served; `reasons`: `database`, `asterisk.<name>` -> one sentence."""

    status: Literal["ready", "unready"]
    reasons: dict[str, str]


class QueueToday(Out):
    """Calls of the present local day."""

    offered: int
    answered: int
    abandoned: int
    service_level: float | None = Field(
        description="share 0..1 of all offered calls answered in time; null: no call yet"
    )


class Queue(Out):
    """A queue now."""

    name: str
    waiting: int
    longest_wait_s: float
    agents_online: int
    agents_ready: int
    estimated_wait_s: float | None = Field(
        description="of somebody who would call now; null: nobody on duty may take the call"
    )
    today: QueueToday


class QueueList(Out):
    """All queues."""

    items: list[Queue]
    next: str | None = None


class AgentToday(Out):
    """An agent's present local day."""

    answered: int
    missed: int
    talk_s: float


class Agent(Out):
    """An agent now. `since`: when the state began."""

    id: str
    name: str
    state: AgentState
    since: Iso
    reason: str | None
    call_id: str | None
    skills: dict[str, int]
    today: AgentToday
    mirrored: bool = Field(
        description="Asterisk's fallback queue is known to have the agent logged in, and paused, as here; false: "
        "should the daemon end now, it may go by what was before"
    )


class AgentList(Out):
    """All agents."""

    items: list[Agent]
    next: str | None = None


class Node(Out):
    """One Asterisk."""

    name: str
    connected: bool
    since: Iso
    problem: str | None


class Status(Out):
    """Everything but the calls. `problems` make the daemon unready, `degraded` is worth a look."""

    as_of: Iso
    queues: list[Queue]
    agents: list[Agent]
    nodes: list[Node]
    problems: dict[str, str]
    degraded: dict[str, str]
    config: Config


class Offer(Out):
    """The call rang at an agent's phone for `ring_s`; `result` null while it rings."""

    id: str
    agent: str
    at: Iso
    result: OfferResult | None
    ring_s: float | None


class Leg(Out):
    """One conversation of the call; `agent` null: with somebody outside. `talk_s` null: it goes on."""

    agent: str | None
    queue: str | None
    began_at: Iso
    talk_s: float | None
    ended_by: Side | None


class Survey(Out):
    """How the survey went; `score` 0..10 when answered."""

    result: SurveyResult | None
    score: int | None


class Disposition(Out):
    """What the agent noted."""

    code: str
    amount: float | None
    note: str


class Event(Out):
    """One fact of the journey. Moments in `data` (keys ending `_at`) are ISO 8601."""

    seq: int
    at: Iso
    fact: Fact
    data: dict[str, Value]


class Call(Out):
    """One call, from the trunk to the survey. Of a live call `wait_s` and `talk_s` are so far."""

    id: str
    state: Literal["live", "ended"]
    number: str
    name: str = Field(description="what the caller calls himself: never trust it as text of ours")
    did: str
    node: str
    queue: str | None
    entered_at: Iso
    queued_at: Iso | None
    answered_at: Iso | None
    talk_ended_at: Iso | None
    ended_at: Iso | None
    ended_by: Side | None
    outcome: Outcome | None
    wait_s: float | None
    estimated_wait_s: float | None = Field(
        description=(
            "what is left of the wait; it grows only when agents go or calls come before. null: it does not wait, "
            "nobody on duty may take it, or this is a delta of the event stream"
        )
    )
    talk_s: float | None
    agent: str | None = Field(description="who talked with the caller last")
    from_agent: str | None = Field(description="the agent from whose own phone it came; such a call is no customer's")
    merged_into: str | None = Field(description="the call for whose sake an agent made this one")
    priority: float | None = Field(description="points of its own, added to the queue's; null of ended calls in lists")
    offers: list[Offer]
    legs: list[Leg] = Field(description="the conversations, one after the other")
    survey: Survey
    disposition: Disposition | None
    reconciled: bool = Field(description="true: the end was missed and found out later")
    fallback: bool = Field(description="true: it was in Asterisk's own queue while no daemon was there")
    events: list[Event] = Field(description="filled for one call, empty in lists and deltas")


class CallList(Out):
    """A page of calls; `next` is the cursor of the next page, null on the last one."""

    items: list[Call]
    next: str | None = None


class Voicemail(Out):
    """A message that a caller left."""

    call_id: str
    number: str
    name: str = Field(description="what the caller calls himself: never trust it as text of ours")
    queue: str | None
    at: Iso
    duration_s: float | None = Field(description="null: nobody saw the end of the recording")
    heard: bool
    heard_at: Iso | None
    file: str = Field(description="under the `recording` directory of Asterisk's spool")
    audio: str | None = Field(description="address of the sound; null: it lies on Asterisk's machine only")


class VoicemailList(Out):
    """A page of messages; `next` is the cursor of the next page, null on the last one."""

    items: list[Voicemail]
    next: str | None = None


class Candidate(Out):
    """An agent as seen for the call. `chosen`: it rings or rang there, and of an ended call that they answered."""

    agent: str
    name: str
    eligible: bool
    chosen: bool
    reason: str
    rank: int | None = Field(description="from 1, among those who were ready when the call was last offered")
    obstacle: str = Field(description="the reason in one stable word; empty for an ended call")


class Considered(Out):
    """An agent who was ready and could have had the call. `reason` is what gave the `rank`, which counts from 1."""

    agent: str
    rank: int
    reason: str


class Decision(Out):
    """The call was offered to `chosen` at `at`. `rule` is the queue's strategy."""

    at: Iso
    offer_id: str
    chosen: list[str]
    rule: str
    ready: int = Field(description="how many could have had the call; `candidates` are the first of them")
    candidates: list[Considered]
    others: dict[str, int] = Field(description="what kept those who could not have it -> how many")


class Why(Out):
    """Why a call is where it is, or why it went where it went. `position` counts from 1, null when not waiting."""

    call_id: str
    at: Iso
    summary: str
    position: int | None
    candidates: list[Candidate] = Field(description="of very many agents the foremost; of an ended call, the offers")
    obstacles: dict[str, int] = Field(description="all agents of a live call, counted by `obstacle`")
    decisions: list[Decision] = Field(description="every offer of the call with its reasons, oldest first")


class Prospect(Out):
    """A waiting call as seen for the agent; `position` is that in the line over all queues, from 1."""

    call_id: str
    queue: str
    position: int
    score: float
    eligible: bool
    reason: str
    obstacle: str


class AgentWhy(Out):
    """Why an agent gets no call now, or has the one they have. `waiting` counts all calls in the line."""

    agent: str
    at: Iso
    state: AgentState
    summary: str
    waiting: int
    calls: list[Prospect] = Field(description="waiting calls in the order in which they will be served, the first 50")


class Snapshot(Status):
    """First event of the stream: the status and all live calls."""

    calls: list[Call]


class Delta(Out):
    """An event of the stream: the thing named by `kind`, as it is after the change."""

    kind: Literal["agent", "call", "node"]
    agent: Agent | None = None
    call: Call | None = None
    node: Node | None = None


class Session(Out):
    """The cookie has been set."""

    expires_at: Iso


class PauseBody(In):
    """Why the agent is away."""

    reason: Word


class DispositionBody(In):
    """What came of the call; `amount` in the money of the house."""

    code: Word
    amount: float | None = None
    note: Note = ""


class PriorityBody(In):
    """The call's own points."""

    priority: int = Field(ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT, strict=True)


class MoveBody(In):
    """Where to."""

    queue: Word


class PullBody(In):
    """To whom."""

    agent: Word


class CallsQuery(In):
    """Which calls. Live ones come first when `state` is not given, each kind newest first."""

    state: Literal["live", "ended"] | None = None
    queue: Word | None = None
    agent: Word | None = Field(None, description="the agent who had the call")
    number: Word | None = Field(None, description="the caller's number, digits and + only")
    since: Moment | None = Field(
        None, alias="from", description="entered at or after; no offset: the configured timezone"
    )
    until: Moment | None = Field(None, alias="to", description="entered before")
    limit: int | None = Field(None, ge=1, le=200)
    cursor: str | None = Field(None, max_length=500)


class VoicemailsQuery(In):
    """Which messages. The latest callers come first."""

    queue: Word | None = None
    since: Moment | None = Field(
        None, alias="from", description="entered at or after; no offset: the configured timezone"
    )
    until: Moment | None = Field(None, alias="to", description="entered before")
    heard: bool | None = None
    limit: int | None = Field(None, ge=1, le=200)
    cursor: str | None = Field(None, max_length=500)
