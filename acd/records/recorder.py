"""The recorder: facts go in at once, and reach the database as soon as it takes them.

The brain puts entries and never waits. One task writes them in batches, in order. While the database is away the
batch at hand is tried again, ever more seldom; the store takes the same entries twice without harm, so a try whose
answer was lost needs no care. An entry that the database refuses for its own sake is found by halving the batch, and
is set aside with a line in the log, so that it holds up nobody else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from acd.errors import AcdError, StorageError
from acd.ports import Entry, Store
from acd.ports import Recorder as RecorderPort
from acd.queues.journey import Fact
from acd.records.backlog import Backlog, Waiting

log = structlog.get_logger(__name__)


UNREPEATABLE = frozenset({Fact.SURVEY_ENDED, Fact.DISPOSITION, Fact.PRIORITY, Fact.MOVED, Fact.ENDED})
"""Facts that nothing but the database knows a moment later."""


@dataclass(frozen=True, slots=True)
class RecorderLimits:
    """How much waits, and for how long. Durations in seconds.

    `waiting` counts calls (and agents' changes), some 6 kB each. A commit costs as much as deciding on a call, so
    facts are gathered for `batch_after_s` (what a crash loses of them, the channels in Asterisk still know), and for
    `urgent_after_s` when one of UNREPEATABLE is among them.
    """

    waiting: int = 10_000
    batch: int = 200
    urgent_after_s: float = 0.25
    batch_after_s: float = 1.0
    retry_first_s: float = 0.2
    retry_most_s: float = 15.0
    write_timeout_s: float = 30.0


class Recorder(RecorderPort):
    """Writes what is put into `store`; `run` must be running for anything to be written.

    To be used from the event loop's thread only. Every entry put is counted once, in `queued`, `written`, `dropped`
    (it found no room; the call's next entry may still make it good) or `set_aside` (the database can never take it).
    """

    def __init__(self, store: Store, limits: RecorderLimits | None = None) -> None:
        self._store = store
        self._limits = limits or RecorderLimits()
        self._backlog = Backlog(self._limits.waiting)
        self._at_hand: deque[list[Waiting]] = deque()  # batches taken from the backlog and not yet written
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()  # set while somebody waits in `flush`
        self._idle = asyncio.Event()
        self._idle.set()
        self._urgent = asyncio.Event()  # something of UNREPEATABLE waits
        self._progress = asyncio.Event()  # set after every try
        self._problem: str | None = None
        self._dropped_in_spell = 0
        self.written = 0
        self.dropped = 0
        self.set_aside = 0

    @property
    def queued(self) -> int:
        """Entries that wait to be written, those being written included."""
        return self._backlog.entries + sum(w.stands_for for batch in self._at_hand for w in batch)

    def put(self, entry: Entry) -> None:
        """Take the entry; returns at once. One that finds no room is counted in `dropped`."""
        if not self._backlog.add(entry):
            self._drop()
            return
        self._idle.clear()
        self._news.set()
        if entry.journey is not None and entry.journey.fact in UNREPEATABLE:
            self._urgent.set()

    def health(self) -> str | None:
        """One sentence when records do not reach the database, else None."""
        if self._dropped_in_spell:
            return (
                f"{self._dropped_in_spell} entries found no room beside the {self.queued} that wait to be written: "
                f"{self._problem or 'the database is too slow for what happens.'}"
            )
        if self._problem is not None:
            return f"{self.queued} entries wait to be written: {self._problem}"
        return None

    async def run(self) -> None:
        """Write until cancelled. What is being written then is kept, and written when run again."""
        while True:
            if not self._at_hand:
                await self._take_batch()
            await self._write_at_hand()
            if not len(self._backlog):
                self._idle.set()

    async def flush(self, timeout_s: float) -> bool:
        """Wait until all is written, without the usual pauses; False, and a line in the log, if time ran out."""
        self._hurry.set()
        self._urgent.set()
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            log.error("records not written", entries=self.queued, problem=self._problem)
            return False
        finally:
            self._hurry.clear()
        return True

    async def settle(self, timeout_s: float) -> bool:
        """Hurry, and wait until all that was put before this call is written; False if time ran out or it is away."""
        wanted = self._finished + self.queued
        self._hurry.set()
        self._urgent.set()
        try:
            async with asyncio.timeout(timeout_s):
                while self._finished < wanted and self._problem is None:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            return False
        finally:
            self._hurry.clear()
        return self._problem is None

    @property
    def _finished(self) -> int:
        return self.written + self.dropped + self.set_aside

    async def _take_batch(self) -> None:
        await self._news.wait()
        if len(self._backlog) < self._limits.batch:
            first_s = min(self._limits.urgent_after_s, self._limits.batch_after_s)
            await self._pause(first_s, hurried_s=0.0)
            await self._pause(self._limits.batch_after_s - first_s, hurried_s=0.0, cut_short=self._urgent)
        self._urgent.clear()
        batch = self._backlog.take(self._limits.batch)
        if not len(self._backlog):
            self._news.clear()
        if batch:
            self._at_hand.append(batch)

    async def _write_at_hand(self) -> None:
        retry_s = self._limits.retry_first_s
        while self._at_hand:
            batch = self._at_hand[0]
            try:
                async with asyncio.timeout(self._limits.write_timeout_s):
                    await self._store.write([waiting.entry for waiting in batch])
            except (StorageError, TimeoutError) as error:
                self._away(str(error) or "The database did not answer in time.")
                await self._pause(retry_s, hurried_s=self._limits.retry_first_s)
                retry_s = min(retry_s * 2, self._limits.retry_most_s)
            except Exception as error:
                self._back()  # it answered
                self._split(batch, error)
            else:
                self._at_hand.popleft()
                self.written += sum(waiting.stands_for for waiting in batch)
                self._back()
            self._progress.set()

    def _split(self, batch: Sequence[Waiting], error: Exception) -> None:
        """Halve a batch that was refused; an entry that is refused alone is set aside."""
        self._at_hand.popleft()
        if len(batch) > 1:
            middle = len(batch) // 2
            self._at_hand.extendleft([list(batch[middle:]), list(batch[:middle])])
            return
        [waiting] = batch
        self.set_aside += waiting.stands_for
        record, agent = waiting.entry.record, waiting.entry.agent
        log.error(
            "record refused by the database and set aside",
            call=record.id if record else None,
            seq=record.seq if record else None,
            agent=agent.agent_id if agent else None,
            error=str(error) if isinstance(error, AcdError) else type(error).__name__,  # others may quote values
        )

    async def _pause(self, seconds: float, hurried_s: float, cut_short: asyncio.Event | None = None) -> None:
        """Wait, but not when somebody is in a hurry: then `hurried_s` at most. `cut_short` ends it as well."""
        if self._hurry.is_set():
            await asyncio.sleep(min(seconds, hurried_s))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await (cut_short or self._hurry).wait()

    def _away(self, problem: str) -> None:
        if self._problem is None:
            log.warning("records are not being written", problem=problem, entries=self.queued)
        self._problem = problem

    def _back(self) -> None:
        if self._problem is not None:
            log.info("records are being written again", entries=self.queued)
            self._problem = None
        if self._dropped_in_spell and len(self._backlog) <= self._limits.waiting // 2:
            log.warning("records find room again", dropped=self._dropped_in_spell)
            self._dropped_in_spell = 0

    def _drop(self) -> None:
        if not self._dropped_in_spell:
            log.error("no room for records: new ones are dropped", entries=self.queued, problem=self._problem)
        self._dropped_in_spell += 1
        self.dropped += 1
