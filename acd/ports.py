"""The boundaries: what the dispatcher and the API need from the world, as interfaces.

Each has a real implementation (Asterisk, SQLAlchemy, the event loop) and may have a fake one; both pass the same
contract tests. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from acd.queues.commands import AgentChanged, AgentKept, Command, SwitchCommand
from acd.queues.events import Event
from acd.queues.journey import CallRecord, JourneyEvent
from acd.queues.model import AgentId, CallId, QueueName
from acd.queues.views import AgentView, AgentWhy, NodeView, QueueView, Why


class Clock(Protocol):
    """Seconds since 1970 that never step: the wall clock at start plus the monotonic time since."""

    def now(self) -> float: ...


class Switch(Protocol):
    """Asterisk as the dispatcher sees it. Never blocks: failures come back as events."""

    def carry_out(self, command: SwitchCommand) -> None: ...


class Mirrors(Protocol):
    """The fallback queues of all Asterisks, by the agents' phones."""

    def mirrored(self, endpoint: str) -> bool:
        """Whether each is known to have the agent with this phone as the agent stands."""
        ...

    async def until_mirrored(self, endpoint: str, within_s: float) -> None:
        """Returns when those in reach have, or did not say so in time."""
        ...


class Timers(Protocol):
    """Named one-shot timers that come back as `TimerDue`."""

    def set(self, name: str, due_at: float) -> None: ...

    def cancel(self, name: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to be recorded: a fact of a journey with the record it leads to, or a change of an agent's."""

    journey: JourneyEvent | None = None
    record: CallRecord | None = None
    agent: AgentChanged | None = None
    kept: AgentKept | None = None


class Recorder(Protocol):
    """Takes entries for the database. `put` returns at once and never raises; what cannot be kept is counted."""

    def put(self, entry: Entry) -> None: ...


class Tape(Protocol):
    """Keeps what the core heard, to be replayed. `heard` returns at once and never raises."""

    def heard(self, event: Event, commands: Sequence[Command] | None) -> None:
        """An event, and what the core answered; None: it made a mistake in it."""
        ...


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which recorded calls are wanted. None means any; `since` <= entered_at < `until`, seconds since 1970."""

    queue: str | None = None
    agent: str | None = None
    number: str | None = None
    ended: bool | None = None
    since: float | None = None
    until: float | None = None
    voicemail: bool | None = None
    heard: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of recorded calls, newest first (by entered_at, then id). `next_cursor` is None on the last one."""

    items: tuple[CallRecord, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AgentSession:
    """A stretch of one agent state. `ended_at` None while it lasts; moments in seconds since 1970."""

    agent_id: AgentId
    state: str
    reason: str | None
    call_id: CallId | None
    began_at: float
    ended_at: float | None


class Store(Protocol):
    """Where records are kept. `write` is atomic per batch, and writing the same entries again changes nothing.

    Raises StorageError when the store cannot be used.
    """

    async def write(self, entries: Sequence[Entry]) -> None: ...

    async def call(self, call_id: CallId) -> CallRecord | None:
        """The record with its events, or None."""
        ...

    async def whole_calls(self, call_ids: Sequence[CallId]) -> Mapping[CallId, CallRecord]:
        """Those of these calls that there are, with their events."""
        ...

    async def calls(self, wanted: CallFilter, limit: int, cursor: str | None = None) -> Page:
        """Records (their `events` left empty). ValueError for a cursor that is not ours."""
        ...

    async def open_calls(self) -> tuple[CallRecord, ...]:
        """Records, with their events, of calls that have not ended."""
        ...

    async def ended_among(self, call_ids: Sequence[CallId]) -> frozenset[CallId]:
        """Those of these calls that are recorded as ended."""
        ...

    async def ended_since(self, at: float) -> tuple[CallRecord, ...]:
        """Records (without events) of calls that entered at or after `at` and have ended: the day's figures."""
        ...

    async def left_since(self, at: float, limit: int) -> tuple[CallRecord, ...]:
        """The last `limit` records (with events) of calls with a number that were left at or after `at`.

        Abandoned or lost: their places may be resumed.
        """
        ...

    async def last_served(self, limit: int) -> tuple[tuple[str, AgentId], ...]:
        """Numbers and the agent who served each last, the latest first; out of the last `limit` served calls."""
        ...

    async def surveyed_since(self, at: float) -> Mapping[str, float]:
        """Number -> when it was last asked the survey question, for those asked at or after `at`."""
        ...

    async def standings(self) -> tuple[AgentKept, ...]:
        """What was last kept of every agent, by id."""
        ...

    async def stamp(self, at: float) -> None:
        """The daemon is alive at `at`."""
        ...

    async def last_stamp(self) -> float | None:
        """When it last was; None when nobody ever said."""
        ...

    async def agent_sessions(self, agent_id: AgentId, since: float, until: float) -> tuple[AgentSession, ...]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Changes:
    """How many of a kind are new, other than before, and gone. `reordered`: they stand in another order."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    reordered: bool = False

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self != Changes()


@dataclass(frozen=True, slots=True)
class ReloadView:
    """What came of reading the configuration again, at `at` (seconds since 1970), on whose word.

    `outcome`: `reloaded`, `unchanged` or `refused`, then for so many `errors`. `brain_s`: for how long nothing else
    was decided on.
    """

    at: float
    by: str
    outcome: str
    errors: int = 0
    changes: Mapping[str, Changes] = field(default_factory=dict)
    sections: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    brain_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ConfigView:
    """Since when what is in force is known to be what the file says, and what came of the last reload."""

    loaded_at: float
    last: ReloadView | None = None


class Reloads(Protocol):
    """Reads the configuration again."""

    async def reload(self, by: str) -> ReloadView:
        """ConfigError: refused, with every reason; NotAllowed: there is nothing to read."""
        ...


class Board(Protocol):
    """The live picture, read by the API. Synchronous: it is memory."""

    def now(self) -> float: ...

    def queues(self) -> Sequence[QueueView]: ...

    def agents(self) -> Sequence[AgentView]: ...

    def nodes(self) -> Sequence[NodeView]: ...

    def live_calls(self) -> Sequence[CallRecord]:
        """Live calls, oldest first, with their events so far."""
        ...

    def waiting_calls(self, queue: str) -> Sequence[CallRecord]:
        """The queue's waiting calls in the order in which they will be served. UnknownQueue."""
        ...

    def estimated_waits(self) -> Mapping[CallId, float]:
        """How long the waiting callers will still wait, seconds; left out: those whom nobody on duty may serve."""
        ...

    def estimated_wait_s(self, call_id: CallId) -> float | None:
        """The same of one call; None when it does not wait as well."""
        ...

    def call(self, call_id: CallId) -> CallRecord | None:
        """A live or only just ended call."""
        ...

    def why(self, call_id: CallId) -> Why | None:
        """Why a live call is where it is; None when it is not live."""
        ...

    def agent_why(self, agent_id: AgentId) -> AgentWhy:
        """Why an agent gets no call now, or has the one they have. UnknownAgent."""
        ...

    def problems(self) -> Mapping[str, str]:
        """What is wrong now: `database`, `asterisk.<name>` -> one sentence. Empty when all is well."""
        ...

    def degraded(self) -> Mapping[str, str]:
        """What is worth a look but does not make us unready."""
        ...

    def configuration(self) -> ConfigView:
        """What is known of the configuration in force."""
        ...


class Floor(Protocol):
    """What the API may change. Each waits until the brain has decided and returns the agent or call as it is then.

    An order to an agent waits for the fallback queue as well, for a moment: `AgentView.mirrored` says whether it knows.

    UnknownAgent, UnknownCall, NotAllowed.
    """

    async def login(self, agent_id: AgentId) -> AgentView: ...

    async def logout(self, agent_id: AgentId) -> AgentView: ...

    async def pause(self, agent_id: AgentId, reason: str) -> AgentView: ...

    async def ready(self, agent_id: AgentId) -> AgentView: ...

    async def disposition(self, call_id: CallId, code: str, amount: float | None, note: str) -> CallRecord: ...

    async def prioritise(self, call_id: CallId, priority: float, by: str) -> CallRecord:
        """Other points for a waiting call; `by` is who orders it, in these three."""
        ...

    async def move(self, call_id: CallId, queue: QueueName, by: str) -> CallRecord:
        """A waiting call into another queue. UnknownQueue."""
        ...

    async def pull(self, call_id: CallId, agent_id: AgentId, by: str) -> CallRecord:
        """A waiting call to this agent, now."""
        ...

    async def message_heard(self, call_id: CallId) -> CallRecord:
        """Somebody has listened to the call's message. UnknownMessage."""
        ...


@dataclass(frozen=True, slots=True)
class Delta:
    """One change for those who watch. `number` grows by one; `kind` is `agent`, `call` or `node`."""

    number: int
    kind: str
    agent: AgentView | None = None
    call: CallRecord | None = None
    node: NodeView | None = None


class Feed(Protocol):
    """Changes as they happen. A subscriber who does not keep up is closed, never buffered without a limit."""

    def last_number(self) -> int: ...

    def since(self, number: int) -> Sequence[Delta] | None:
        """The deltas after `number` that are still kept, or None when some are gone (send a snapshot instead)."""
        ...

    def subscribe(self) -> AsyncIterator[Delta]:
        """Deltas from now on; ends when the subscriber fell behind or the daemon stops."""
        ...
