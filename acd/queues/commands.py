"""What the brain wants done. The shell carries each out and reports what came of it as an event."""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues.corrections import Correction
from acd.queues.journey import JourneyEvent
from acd.queues.model import DEFAULT_MUSIC, AgentId, AgentState, CallId, OfferId, QueueName, Standing, SurveyKind


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the caller into the hold verb of this queue, or tell the channel its queue when it is there already."""

    call_id: CallId
    queue: QueueName
    joined_at: float
    move: bool = True  # False: only note the queue on the channel, the caller is in the hold verb already
    music: str = DEFAULT_MUSIC


@dataclass(frozen=True, slots=True)
class Leg:
    """One phone to be rung for an offer."""

    offer_id: OfferId
    agent_id: AgentId
    endpoint: str


@dataclass(frozen=True, slots=True)
class Ring:
    """Offer the call: dial the legs' endpoints at once from the caller's channel for `ring_timeout_s` seconds.

    The first to pick up has the call. The offers of several legs are numbered one after the other. `confirm_s`: who
    picks up takes the call by a key, within so many seconds after the prompt; 0: by picking up. Such a leg rings alone.
    """

    call_id: CallId
    legs: tuple[Leg, ...]
    ring_timeout_s: float
    queue: QueueName
    joined_at: float
    music: str = DEFAULT_MUSIC
    confirm_s: float = 0.0

    @property
    def offer_id(self) -> OfferId:
        """The first leg's, by which the dialling goes."""
        return self.legs[0].offer_id

    @property
    def agent_id(self) -> AgentId:
        """The first leg's."""
        return self.legs[0].agent_id


@dataclass(frozen=True, slots=True)
class Drop:
    """Hang up the agent's leg of this offer; other phones that ring for the call ring on."""

    call_id: CallId
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Stop the dialling of this offer, and of all beside it, and bring the caller back to the hold verb."""

    call_id: CallId
    offer_id: OfferId


@dataclass(frozen=True, slots=True)
class Mark:
    """Note on the caller's channel since when it talks: a daemon killed at this moment must not take it along."""

    call_id: CallId
    offer_id: OfferId
    since: float


@dataclass(frozen=True, slots=True)
class Adopt:
    """Note on the caller's channel that it talks with another agent now, on another leg: a transfer was completed."""

    call_id: CallId
    offer_id: OfferId
    agent_id: AgentId
    queue: QueueName | None
    joined_at: float
    since: float


@dataclass(frozen=True, slots=True)
class Reclaim:
    """The caller's channel has taken over another call's variables: give it its own back."""

    call_id: CallId


@dataclass(frozen=True, slots=True)
class Say:
    """Play sound files, then back to the hold verb."""

    call_id: CallId
    seq: int
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collect:
    """Play, then read one digit within `first_s`; a second one within `more_s` when the first is in `more_after`."""

    call_id: CallId
    seq: int
    prompts: tuple[str, ...]
    first_s: float
    more_after: str = ""
    more_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Bye:
    """Play and hang up."""

    call_id: CallId
    seq: int
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """Play, then record the caller for `max_s` seconds at most; `#` or silence ends it as well."""

    call_id: CallId
    seq: int
    prompts: tuple[str, ...]
    max_s: float


@dataclass(frozen=True, slots=True)
class MirrorAgent:
    """Keep the native fallback queue's member in step with the agent."""

    agent_id: AgentId
    endpoint: str
    name: str
    member: bool
    paused: bool


@dataclass(frozen=True, slots=True)
class Look:
    """Read this Asterisk once more, now: something is believed of its calls that may not be so.

    `unless_dialled`: not when the dialling for this offer was heard to begin, a phone is only slow to ring then.
    """

    node: str
    unless_dialled: OfferId | None = None


@dataclass(frozen=True, slots=True)
class AssignPhones:
    """From now on these are the agents' phones; an empty endpoint: that agent has none any more.

    Nothing is believed of a new phone until a look at Asterisk has shown it: the shell takes one at once.
    """

    phones: tuple[tuple[AgentId, str], ...]


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Send `TimerDue(name)` at `due_at`; a timer of that name is replaced."""

    name: str
    due_at: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer of this name, if there is one."""

    name: str


@dataclass(frozen=True, slots=True)
class Journal:
    """A fact of a call's journey, to be kept for ever."""

    event: JourneyEvent


@dataclass(frozen=True, slots=True)
class Corrected:
    """A look has shown that this was otherwise than believed, and it was put right: to be logged and counted."""

    what: Correction
    call_id: CallId | None = None
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True)
class AgentChanged:
    """An agent's visible state changed at `at`."""

    at: float
    agent_id: AgentId
    state: AgentState
    reason: str | None
    call_id: CallId | None


@dataclass(frozen=True, slots=True)
class AgentKept:
    """What of an agent the next daemon must know has changed: the newest is the whole truth."""

    at: float
    agent_id: AgentId
    standing: Standing


@dataclass(frozen=True, slots=True)
class Served:
    """A conversation ended and the caller is still here: the IVR's turn."""

    call_id: CallId
    at: float
    number: str
    survey: SurveyKind


@dataclass(frozen=True, slots=True)
class TakeMessage:
    """A caller is to leave a message, after these words: the IVR's turn."""

    call_id: CallId
    prompts: tuple[str, ...]


CallCommand = Hold | Ring | Drop | Mark | Adopt | Reclaim | Withdraw | Say | Collect | Bye | Record
SwitchCommand = CallCommand | MirrorAgent | AssignPhones | Look
BookCommand = SetTimer | CancelTimer | Journal | Corrected | AgentChanged | AgentKept | Served | TakeMessage
Command = SwitchCommand | BookCommand
