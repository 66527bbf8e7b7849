"""The one consumer of the one inbox: takes an event, lets the core decide, has its commands carried out.

There is no `await` between taking an event and having handed out all its commands, so the brain never sees half a
decision. Whatever comes of a command comes back as an event.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import assert_never

import structlog

from acd.errors import AcdError
from acd.ivr.core import Core
from acd.masking import personal
from acd.ports import Entry, Recorder, Switch, Tape, Timers
from acd.queues.boot import AgentsRestored, Booting, Opened
from acd.queues.commands import (
    AgentChanged,
    AgentKept,
    BookCommand,
    CancelTimer,
    Command,
    Corrected,
    Drop,
    Journal,
    Ring,
    Served,
    SetTimer,
    SwitchCommand,
    TakeMessage,
    Withdraw,
)
from acd.queues.corrections import SENTENCES, Correction
from acd.queues.events import CallsNoted, DayBegan, Event, NodeLost, NodeRead, Restored, Stopping, TimerDue
from acd.queues.journey import Fact, JourneyEvent

log = structlog.get_logger(__name__)

INBOX_LIMIT = 20_000
BURST = 64  # events decided on in a row before the loop gets a turn: a full inbox must not starve timers and HTTP
NEVER_REFUSED = (
    Booting, AgentsRestored, Restored, NodeLost, NodeRead, CallsNoted, Opened, DayBegan, Stopping, TimerDue
)  # fmt: skip
"""Nobody would tell these again, and there are never many: one per link, boot, day or timer."""

Watcher = Callable[[AgentChanged | Journal], None]


class Dispatcher:
    """Between the core and the world. `watch` is told of every agent change and every fact, `tape` of every event."""

    def __init__(
        self, core: Core, recorder: Recorder, watch: Watcher, limit: int = INBOX_LIMIT, tape: Tape | None = None
    ) -> None:
        self.core = core
        self._recorder = recorder
        self._watch = watch
        self._limit = limit
        self._tape = tape
        self._inbox: asyncio.Queue[tuple[Event, asyncio.Future[float] | None]] = asyncio.Queue()
        self._switch: Switch | None = None
        self._timers: Timers | None = None
        self.handled = 0
        self.refused = 0
        self.corrections = Counter[Correction](dict.fromkeys(Correction, 0))

    def connect(self, switch: Switch, timers: Timers) -> None:
        """Wire the two that themselves need the inbox; before `run`."""
        self._switch = switch
        self._timers = timers

    def post(self, event: Event) -> bool:
        """Put an event into the inbox. False when it is full: the caller must make good for it (resync)."""
        if self._inbox.qsize() >= self._limit and not isinstance(event, NEVER_REFUSED):
            self.refused += 1
            return False
        self._inbox.put_nowait((event, None))
        return True

    async def ask(self, event: Event) -> float:
        """Put an order from outside into the inbox and wait until it is decided. The refusal is raised.

        Returns for how many seconds it, and nothing else, was decided on.

        There is room for it always: who asks waits, so there are no more of these than there are askers.
        """
        answer: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait((event, answer))
        return await answer

    def pending(self) -> int:
        """Events not yet decided on."""
        return self._inbox.qsize()

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            for _ in range(BURST):
                event, answer = await self._inbox.get()
                self._decide(event, answer)
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Wait until everything that is in the inbox now has been decided on."""
        await self.ask(TimerDue(0.0, "drain"))  # a timer nobody set: nothing comes of it

    def _decide(self, event: Event, answer: asyncio.Future[float] | None) -> None:
        began = time.perf_counter() if answer is not None else 0.0
        refusal = self.core.engine.refusal(event) if answer is not None else None
        if refusal is None:
            refusal = self._handle(event)
        if answer is not None and not answer.done():
            if refusal is None:
                answer.set_result(time.perf_counter() - began)
            else:
                answer.set_exception(refusal)

    def _handle(self, event: Event) -> AcdError | None:
        """A mistake of ours in one event must not stop the rest: it is logged, less what it says of people."""
        assert self._switch is not None
        commands = None
        try:
            commands = self.core.handle(event)
            wanted = _still_wanted(commands)
            for command in wanted:  # somebody waits for these, nobody for the books
                if isinstance(command, SwitchCommand):
                    self._switch.carry_out(command)
            for command in wanted:
                if not isinstance(command, SwitchCommand):
                    self._book(command)
        except Exception:
            call_id = getattr(event, "call_id", None)
            hide = personal(event, None if call_id is None else self.core.book.get(call_id))
            log.exception("the core failed on an event", kind=type(event).__name__, call=call_id, hide=hide)
            return AcdError("the daemon made a mistake in this; it is in its log")
        finally:
            if self._tape is not None:
                self._tape.heard(event, commands)
        self.handled += 1
        return None

    def _book(self, command: BookCommand) -> None:
        assert self._timers is not None
        match command:
            case SetTimer(name, due_at):
                self._timers.set(name, due_at)
            case CancelTimer(name):
                self._timers.cancel(name)
            case Journal(event):
                _log_fact(command)
                self._recorder.put(Entry(journey=event, record=self.core.book.get(event.call_id)))
                self._watch(command)
            case Corrected(what, call_id, agent_id):
                self.corrections[what] += 1
                log.warning("corrected", what=str(what), found=SENTENCES[what], call=call_id, agent=agent_id)
            case AgentChanged():
                self._recorder.put(Entry(agent=command))
                self._watch(command)
            case AgentKept():
                self._recorder.put(Entry(kept=command))
            case Served() | TakeMessage():
                raise AssertionError("the core answers this itself")
            case _:
                assert_never(command)


def _still_wanted(commands: list[Command]) -> list[Command]:
    """Without the Withdraws that a Ring of the same call follows: the new order ends the old dialling as well.

    And Asterisk refuses to redirect a channel that has not carried out the last Redirect yet. Where a leg is to be
    hung up on its own (Drop), the dialling may end by that, and the caller must not be met on the way.
    """
    rung = {command.call_id for command in commands if isinstance(command, Ring)}
    rung -= {command.call_id for command in commands if isinstance(command, Drop)}
    if not rung:
        return commands
    return [command for command in commands if not (isinstance(command, Withdraw) and command.call_id in rung)]


_TOLD_FACTS = frozenset(
    {
        Fact.FALLBACK,
        Fact.OVERFLOWED,
        Fact.PRIORITY,
        Fact.MOVED,
        Fact.PULLED,
        Fact.ENDED,
    }
)
"""The rest is in the records and on the API; a line for each fact would cost as much as deciding on the call."""


def _log_fact(journal: Journal) -> None:
    event = journal.event
    if event.fact in _TOLD_FACTS:
        log.info(str(event.fact), call=event.call_id, **event.data)
    elif event.fact is Fact.OFFERED and "rule" in event.data:
        _log_decision(event)


def _log_decision(offered: JourneyEvent) -> None:
    """The decision in one line, without the parsing that `decisions.told` takes."""
    data = offered.data
    agent, _, key = str(data["ranked"]).partition(", ")[0].partition(" ")
    chosen = data.get("chosen") or agent
    log.info("offered", call=offered.call_id, to=chosen, by=data["rule"], key=key, of_ready=data["ready"])
