"""What the brain knows: the shop's plan (queues, agents) and the living things on it (calls, agents, offers).

Specs are frozen and come from the configuration; the living things are plain mutable records that only the engine
and the modules it is made of change. Nothing here decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from acd.queues.requirements import Requirement

CallId = NewType("CallId", str)
AgentId = NewType("AgentId", str)
OfferId = NewType("OfferId", str)
QueueName = NewType("QueueName", str)

PRIORITY_LIMIT = 10_000  # points either way that a queue, a number, a caller or a supervisor may give
DEFAULT_MUSIC = "default"  # the class of music on hold that a caller hears from the first moment


class CallPhase(StrEnum):
    """Where a call is. Every phase has an owner: the caller's channel, and while offered the agent's as well."""

    WAITING = "waiting"
    OFFERED = "offered"
    CONNECTING = "connecting"  # the agent picked up, the bridge is not there yet
    TALKING = "talking"
    AFTER = "after"  # the agent is gone, the caller is still here (survey, goodbye)
    ENDED = "ended"


IN_LINE = (CallPhase.WAITING, CallPhase.OFFERED, CallPhase.CONNECTING)
"""Phases of a call that nobody has served yet and that has its place in a queue's line."""


class AgentState(StrEnum):
    """What a supervisor sees of an agent; the names are the contract's."""

    OFFLINE = "offline"
    READY = "ready"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"
    PAUSED = "paused"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


class OfferResult(StrEnum):
    """How an offer ended. The middle four are the four causes, each with its own consequence."""

    ANSWERED = "answered"
    REFUSED = "refused"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    CALLER_LEFT = "caller_left"
    WITHDRAWN = "withdrawn"
    ELSEWHERE = "elsewhere"  # several phones rang, and another agent was first
    ERROR = "error"


class Outcome(StrEnum):
    """How a call ended; exactly one per call. The names are the contract's."""

    ANSWERED = "answered"
    ABANDONED = "abandoned"
    OVERFLOWED = "overflowed"
    TIMED_OUT = "timed_out"
    CLOSED = "closed"
    CALLBACK = "callback"
    LOST = "lost"


class Side(StrEnum):
    """Who hung up."""

    CALLER = "caller"
    AGENT = "agent"
    SYSTEM = "system"


class SurveyKind(StrEnum):
    """What is asked after a served call."""

    NPS = "nps"
    NONE = "none"


class SurveyResult(StrEnum):
    """How the survey went; the names are the contract's."""

    ANSWERED = "answered"
    INVALID = "invalid"
    NO_ANSWER = "no_answer"
    HUNG_UP = "hung_up"
    NOT_OFFERED = "not_offered"


@dataclass(frozen=True, slots=True)
class Relaxation:
    """From `after_s` seconds after the call was queued, agents who satisfy `require` may take it too."""

    after_s: float
    require: Requirement


class Prefer(StrEnum):
    """Which of the ready agents come first, before the strategy has its say."""

    ANY = "any"  # every open step's agents are alike
    STEP = "step"  # those whom an earlier step lets in


class Nobody(StrEnum):
    """What becomes of a call to a queue whose agents are all logged out."""

    WAIT = "wait"
    OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True)
class Overflow:
    """Where a call goes that cannot wait (longer): one of these. All empty: a spoken goodbye."""

    queue: QueueName | None = None
    did: str | None = None
    voicemail: bool = False


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """One queue of the plan. Durations in seconds, priority in points, ageing in points per minute of waiting."""

    name: QueueName
    require: Requirement
    dids: frozenset[str] = frozenset()
    relax: tuple[Relaxation, ...] = ()
    ring_timeout_s: float = 20.0
    wrap_up_s: float = 15.0
    service_level_s: float = 20.0
    survey: SurveyKind = SurveyKind.NPS
    priority: float = 0.0
    ageing_per_min: float = 1.0
    missed_limit: int = 3
    music: str = DEFAULT_MUSIC
    strategy: str = "longest_idle"
    prefer: Prefer = Prefer.ANY
    max_waiting: int = 50
    max_wait_s: float = 600.0
    divert_above_s: float = 0.0  # a caller whose estimated wait is longer overflows at once; 0: never
    nobody: Nobody = Nobody.WAIT
    overflow: Overflow = Overflow()
    sticky_s: float = 0.0
    resume_place_s: float = 300.0


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """One agent of the plan. `endpoint` is what Asterisk dials, such as `PJSIP/1001`."""

    id: AgentId
    name: str
    endpoint: str
    skills: dict[str, int]
    login_at_start: bool = False
    confirm: bool = False  # takes a call by pressing a key: nobody else's voicemail box does that
    soft_cap_calls: int = 100  # answered calls of a day after which the agent is offered calls last; 0: never


@dataclass(frozen=True, slots=True)
class About:
    """What is known beforehand of a caller or of a dialled number: points, and attributes a requirement may ask of."""

    priority: float = 0.0
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole shop: what the configuration says, checked."""

    queues: dict[QueueName, QueueSpec]
    agents: dict[AgentId, AgentSpec]
    numbers: Mapping[str, About] = field(default_factory=dict)  # dialled, without + -> what it says of its calls
    callers: Mapping[str, About] = field(default_factory=dict)  # normalised number -> what is known of the caller
    attributes: Mapping[str, str] = field(default_factory=dict)  # of every call, such as the hotline's language

    kept: dict[type, object] = field(init=False, repr=False, compare=False, default_factory=dict)
    """What follows from the plan alone and takes long, by its type: it may be made before it is asked for."""
    _by_did: dict[str, QueueSpec] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for queue in self.queues.values():
            for did in queue.dids:
                self._by_did.setdefault(did.lstrip("+"), queue)

    def queue_of_did(self, did: str) -> QueueSpec | None:
        """The queue that serves this dialled number; a leading `+` makes no difference."""
        return self._by_did.get(did.lstrip("+"))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failed offer keeps an agent or a pair of call and agent apart, in seconds.

    They keep a phone that answers every offer with the same refusal from being rung in a hot loop, and are short
    enough that a lone agent who pressed the wrong key gets the caller back at once. Those of an agent double with each
    failure in a row, up to `agent_limit_s`.
    """

    refused_pair_s: float = 10.0  # the same call to the same agent, when nobody else is left
    refused_others_s: float = 60.0  # and while there is somebody else: no caller waits for ever beside an idle agent
    busy_agent_s: float = 5.0  # the phone said busy though we know of no call on it
    unreachable_agent_s: float = 30.0  # the phone gave no answer and no registration has been heard of since
    error_call_s: float = 2.0  # the call, when Asterisk could not carry out the offer
    error_agent_s: float = 2.0  # the agent then, so that a line of callers does not hammer one broken phone
    agent_limit_s: float = 300.0  # no failing phone rests longer
    confirm_s: float = 10.0  # who picked up an external phone has so long to press the key, once the prompt is over
    backstop_s: float = 5.0  # past the ring timeout, Asterisk's own timer has surely failed
    late_s: float = 2.0  # and past this its word must have been lost: a look tells
    look_s: float = 1.25  # what follows an order, or a sign, within milliseconds has not been heard of: a look tells
    doubt_s: float = 1.0  # after a look that contradicts us; what it showed too early is heard by then


@dataclass(slots=True)
class Offer:
    """A live offer: one call rings at one agent's phone, and maybe at others' by offers of their own."""

    id: OfferId
    call_id: CallId
    agent_id: AgentId
    at: float
    rang: bool = False
    accepted_at: float | None = None
    confirm: bool = False  # the agent takes it by a key: nothing is accepted before that
    withdrawn: bool = False  # the leg is being hung up; the dialplan says when the caller can be steered again
    excused: bool = False  # the phone went away or came back meanwhile: a ring-out is not the agent's


@dataclass(frozen=True, slots=True)
class Told:
    """What a waiting caller was last told: the remaining wait, and the agents on duty and rivals ahead it stood on."""

    wait_s: float
    agents: int
    rivals: int


@dataclass(slots=True)
class Call:
    """A live call. `joined_at` is the place in the line and never grows while the call lives."""

    id: CallId
    node: str
    did: str
    number: str
    name: str
    entered_at: float
    from_agent: AgentId | None = None  # the agent from whose own phone it comes: a question, not a customer
    queue: QueueName | None = None
    rules: QueueSpec | None = None  # the queue as it was when the conversation began, if it is another now
    joined_at: float = 0.0  # the place; of a caller who came back, the old one
    queued_at: float = 0.0  # when it was put into the queue it is in: `max_wait_s` counts from then
    steps: int = 0  # of a queue, that have had timers; at most
    priority: float = 0.0  # the caller's own points, added to the queue's
    attributes: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)  # those among them that a CRM told ...
    known_points: float = 0.0  # ... and the points it gave
    only: AgentId | None = None  # held for this agent (sticky, transfer, pull) ...
    only_until: float | None = None  # ... until then; None: for as long as it takes
    phase: CallPhase = CallPhase.WAITING
    offer_id: OfferId | None = None  # of several that ring the first, until one of them takes the call
    beside: list[OfferId] = field(default_factory=list)  # the others
    agent_id: AgentId | None = None
    answered_at: float | None = None
    talk_ended_at: float | None = None
    refused_by: dict[AgentId, float] = field(default_factory=dict)  # agent -> not again before this time ...
    refused_until: dict[AgentId, float] = field(default_factory=dict)  # ... nor before this, while there are others
    not_before: float = 0.0
    offers_made: int = 0
    at_home: bool = True  # False while its Asterisk cannot be steered, or holds the caller in the fallback queue
    hung_up: Side | None = None  # the channel is about to end: the caller put the phone down, or Asterisk itself ends
    final: Outcome | None = None  # the outcome when the call ends unanswered; abandoned if None
    cut: bool = False  # Asterisk itself went down under the call
    leaving: bool = False  # we have sent the caller to the goodbye ...
    message: bool = False  # ... or to leave a message
    touched_at: float = 0.0  # the last change; a picture of Asterisk begun before it is too old to doubt it
    told: Told | None = None  # the last estimate, so that the next one does not grow without a cause


@dataclass(frozen=True, slots=True)
class Standing:
    """What of an agent outlives the daemon: said by hand, or earned. Moments in seconds since 1970.

    Everything else (the phone, the calls) is read back from Asterisk.
    """

    logged_in: bool = False
    pause_reason: str | None = None
    wrap_until: float | None = None
    idle_since: float = 0.0
    missed_in_row: int = 0
    failures_in_row: int = 0
    rest_until: float = 0.0
    unanswered: bool = False


@dataclass(slots=True)
class Agent:
    """A living agent. The state a supervisor sees is derived from these facts by `states.agent_state`."""

    spec: AgentSpec
    logged_in: bool = False
    pause_reason: str | None = None
    reachable: bool = True
    unseen: bool = False  # the phone is a new one, and Asterisk has not been asked for it yet
    own_channels: set[str] = field(default_factory=set)
    offer_id: OfferId | None = None
    call_id: CallId | None = None  # the call being talked on
    wrap_until: float | None = None
    rest_until: float = 0.0
    unanswered: bool = False  # the rest is for a phone that did not answer at all: it registers, or the rest ends
    failures_in_row: int = 0  # offers that the phone did not even ring for
    idle_since: float = 0.0
    missed_in_row: int = 0
    state_since: float = 0.0
