"""What can happen, as the brain hears it. Every event has `at`, in seconds since 1970 by the daemon's steady clock.

The shell turns AMI messages, API requests and timers into these; the same log of events gives the same commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acd.queues.about import CallerKnown
from acd.queues.asked import CallMoved, CallPriority, CallPulled, Disposed, MessageHeard
from acd.queues.boot import AgentsRestored, Booting, Opened
from acd.queues.found import FoundCall, NotedCall
from acd.queues.handed import CallHandedEarly, CallHandedOver, CallSentOn
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, Plan, Side
from acd.queues.scripts import MessageScript, SurveyScript


@dataclass(frozen=True, slots=True)
class CallEntered:
    """A caller is in our dialplan. `entered_at` is Asterisk's own stamp; strings are already filtered."""

    at: float
    call_id: CallId
    node: str
    did: str
    number: str
    name: str
    entered_at: float
    from_agent: AgentId | None = None  # whose own phone it comes from; None: from outside


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """The caller's channel is gone; `reconciled` when we were told by a look at Asterisk, not by its event."""

    at: float
    call_id: CallId
    reconciled: bool = False


@dataclass(frozen=True, slots=True)
class PartyHungUp:
    """The first sign that a party put the phone down; the channels follow some milliseconds later."""

    at: float
    call_id: CallId
    side: Side


@dataclass(frozen=True, slots=True)
class CallHeld:
    """The dialplan says that the caller is in the hold verb."""

    at: float
    call_id: CallId


@dataclass(frozen=True, slots=True)
class CallAway:
    """The dialplan found the heartbeat stale and took the caller to the native fallback queue.

    `CallHeld` says when the caller is home again.
    """

    at: float
    call_id: CallId


@dataclass(frozen=True, slots=True)
class CallTaken:
    """An agent whom the native fallback queue rang has picked up: the two talk. `offer_id` is what the leg is known by.

    `agent_id` None: nobody of ours.
    """

    at: float
    call_id: CallId
    offer_id: OfferId
    agent_id: AgentId | None


@dataclass(frozen=True, slots=True)
class CallServed:
    """The agent of the fallback queue has hung up and the caller is still on the line, ready for the next verb.

    `agent_id` and `since` (None: not known): who had taken the call, and when.
    """

    at: float
    call_id: CallId
    agent_id: AgentId | None
    since: float | None


@dataclass(frozen=True, slots=True)
class CallsNoted:
    """Calls that ended while nobody listened to this Asterisk, as its dialplan noted them."""

    at: float
    node: str
    calls: tuple[NotedCall, ...]


@dataclass(frozen=True, slots=True)
class OfferRinging:
    """The agent's phone rings (180 or 183 seen)."""

    at: float
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class OfferAccepted:
    """The agent picked up; the bridge comes next."""

    at: float
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class Connected:
    """Caller and agent are in one bridge."""

    at: float
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class OfferEnded:
    """The dialling ended without a conversation; the caller is back in the hold verb.

    Of one of several phones that ring: it stopped, the others ring on. `reason` says more than the result, if need be.
    """

    at: float
    offer_id: OfferId
    result: OfferResult
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TakenAfterAll:
    """A phone that rang for the caller had been picked up when we took the caller from it: so that was not done.

    They talk, or have talked: since `since` (None: about now), until `over_at`, when the caller is ready for the next
    verb. Whatever has been ordered of the call since is not done either.
    """

    at: float
    call_id: CallId
    offer_id: OfferId
    since: float | None = None
    over_at: float | None = None


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """The agent's leg is gone after a conversation and the caller is still on the line, ready for the next verb."""

    at: float
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class AgentLegGone:
    """The channel towards the agent ended; of use when nothing else says so."""

    at: float
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class VerbDone:
    """A say, collect, record or bye ended by itself. `status` is `ok`, `timeout`, `error` or `hangup`."""

    at: float
    call_id: CallId
    seq: int
    status: str
    digits: str = ""
    recorded_s: float | None = None  # length of what was recorded, when there is any


@dataclass(frozen=True, slots=True)
class PhoneReachable:
    """Whether the agent's phone is registered, as Asterisk's device state says."""

    at: float
    agent_id: AgentId
    reachable: bool


@dataclass(frozen=True, slots=True)
class PhoneRenewed:
    """The agent's phone has registered anew, from wherever it is now: what rang at its old place rings for nobody."""

    at: float
    agent_id: AgentId


@dataclass(frozen=True, slots=True)
class OwnCallStarted:
    """A channel on the agent's phone that is not one of our offers."""

    at: float
    agent_id: AgentId
    channel: str


@dataclass(frozen=True, slots=True)
class OwnCallEnded:
    """The end of such a channel."""

    at: float
    agent_id: AgentId
    channel: str


@dataclass(frozen=True, slots=True)
class AgentLogin:
    """The agent asks for work."""

    at: float
    agent_id: AgentId


@dataclass(frozen=True, slots=True)
class AgentLogout:
    """The agent goes; a conversation is finished first, a ringing offer is withdrawn."""

    at: float
    agent_id: AgentId


@dataclass(frozen=True, slots=True)
class AgentPause:
    """The agent takes no calls for now. `reason` is free text of at most 64 characters."""

    at: float
    agent_id: AgentId
    reason: str


@dataclass(frozen=True, slots=True)
class AgentReady:
    """The end of a pause or of a wrap-up."""

    at: float
    agent_id: AgentId


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer set by a command has come due; `name` is the name it was set by."""

    at: float
    name: str


@dataclass(frozen=True, slots=True)
class NodeLost:
    """The link to an Asterisk is gone. Its callers keep their places; no order is given until it is back."""

    at: float
    node: str


@dataclass(frozen=True, slots=True)
class NodeRead:
    """The whole picture of one Asterisk: the callers in our dialplan, the phones reachable or on calls of their own.

    `restarted`: Asterisk itself was started anew since the last picture, so every call known before is cut.
    `began_at`: since when it runs (None: not known); a call that came before and is gone was cut.
    `asked_at`: when the reading was begun (None: at `at`); the picture says nothing about a call that changed since.
    `unsure`: calls that were not seen and may be there or not; the next picture tells.
    """

    at: float
    node: str
    restarted: bool
    calls: tuple[FoundCall, ...]
    reachable: frozenset[AgentId]
    own_channels: tuple[tuple[AgentId, str], ...] = ()
    asked_at: float | None = None
    unsure: frozenset[CallId] = frozenset()
    began_at: float | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """At boot, before any Asterisk is read: the calls that the records hold as not ended, and what is remembered.

    `left`: calls that ended not long ago, oldest first: whose places may be resumed. `served_by`: numbers and who
    served each last, the latest first. `asked_at`: number -> when it was last asked the survey's question, as far back
    as that matters.
    """

    at: float
    open_calls: tuple[CallRecord, ...]
    left: tuple[CallRecord, ...] = ()
    served_by: tuple[tuple[str, AgentId], ...] = ()
    asked_at: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DayBegan:
    """Local midnight, or boot: `ended` are the records of calls that entered since `day_began_at` and have ended."""

    at: float
    day_began_at: float
    ended: tuple[CallRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """The configuration was read again: from now on this is the plan. What it means for whom, `reconfiguring` says."""

    at: float
    plan: Plan
    script: SurveyScript = field(default_factory=SurveyScript)
    ask_again_after_days: float = 30.0
    message: MessageScript = field(default_factory=MessageScript)


@dataclass(frozen=True, slots=True)
class Stopping:
    """The daemon is told to stop: offers are withdrawn, callers keep their places in Asterisk."""

    at: float


Event = (
    CallEntered
    | CallerKnown
    | CallerLeft
    | PartyHungUp
    | CallHeld
    | CallAway
    | CallTaken
    | CallServed
    | CallsNoted
    | OfferRinging
    | OfferAccepted
    | Connected
    | OfferEnded
    | TakenAfterAll
    | TalkEnded
    | AgentLegGone
    | CallSentOn
    | CallHandedOver
    | CallHandedEarly
    | VerbDone
    | PhoneReachable
    | PhoneRenewed
    | OwnCallStarted
    | OwnCallEnded
    | AgentLogin
    | AgentLogout
    | AgentPause
    | AgentReady
    | TimerDue
    | NodeLost
    | NodeRead
    | Restored
    | Booting
    | AgentsRestored
    | Opened
    | DayBegan
    | Disposed
    | CallPriority
    | CallMoved
    | CallPulled
    | MessageHeard
    | Reconfigured
    | Stopping
)
