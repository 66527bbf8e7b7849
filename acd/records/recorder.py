"""The recorder: facts go in at once, and reach the database as soon as it takes them.

The brain puts entries and never waits. Each goes to the spool on the disk (`spool.py`), for the case that we are
killed, and into memory, from where one task writes them in batches, in order. While the database is away the
batch at hand is tried again, ever more seldom; the store takes the same entries twice without harm, so a try whose
answer was lost needs no care. An entry that the database refuses for its own sake is found by halving the batch, and
is set aside with a line in the log, so that it holds up nobody else.

When memory holds as much as it may, entries are left in the spool alone (parked), and read from there once all that
came before them is written. What earlier runs left in the spool is written before anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from acd.errors import AcdError, StorageError
from acd.ports import Entry, Store
from acd.ports import Recorder as RecorderPort
from acd.queues.journey import CallRecord, Fact
from acd.records.backlog import Backlog, Waiting
from acd.records.spool import Spool
from acd.records.spooled import Spooled

log = structlog.get_logger(__name__)


UNREPEATABLE = frozenset({Fact.SURVEY_ENDED, Fact.DISPOSITION, Fact.PRIORITY, Fact.MOVED, Fact.ENDED})
"""Facts that nothing but the database knows a moment later."""


@dataclass(frozen=True, slots=True)
class RecorderLimits:
    """How much waits, and for how long. Durations in seconds.

    `waiting` counts calls (and agents' changes) in memory, some 6 kB each. A commit costs as much as deciding on a
    call, so facts are gathered for `batch_after_s`, and for `urgent_after_s` when one of UNREPEATABLE is among them:
    a machine that dies takes its spool along.
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
    `replayed` counts what earlier runs had left and the database lacked. `live` tells the calls that have not ended,
    once they are known: nothing is thrown out of the spool before.
    """

    def __init__(self, store: Store, limits: RecorderLimits | None = None, spool: Spool | None = None) -> None:
        self._store = store
        self._spool = spool
        self._limits = limits or RecorderLimits()
        self._backlog = Backlog(self._limits.waiting)
        self._at_hand: deque[list[Waiting]] = deque()  # batches taken from the backlog and not yet written
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()  # set while somebody waits in `flush`
        self._idle = asyncio.Event()
        if spool is None:
            self._idle.set()
        self._urgent = asyncio.Event()  # something of UNREPEATABLE waits
        self._progress = asyncio.Event()  # set after every try
        self._problem: str | None = None
        self._dropped_in_spell = 0
        self._retry_s = self._limits.retry_first_s
        self._n = 0  # of the last entry put
        self._spooled = Spooled(spool)
        self.live: Callable[[], Iterable[CallRecord]] | None = None
        self.written = 0
        self.replayed = 0
        self.dropped = 0
        self.set_aside = 0

    @property
    def queued(self) -> int:
        """Entries that wait to be written, those being written included."""
        return (
            self._backlog.entries + sum(w.stands_for for batch in self._at_hand for w in batch) + self._spooled.parked
        )

    def put(self, entry: Entry) -> None:
        """Take the entry; returns at once. One that finds no room is counted in `dropped`."""
        self._n += 1
        spooled = self._spool is not None and self._spool.append(self._n, entry)
        if self._spooled.parked and spooled:
            self._spooled.park(self._n)
        elif not self._backlog.add(entry, self._n):
            if not spooled:
                self._drop()
                return
            self._spooled.park(self._n)
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
                await self._take()
            await self._write_at_hand()
            if self._spooled.replaying:
                continue
            if self._spool is not None:
                self._spool.written(self._needed_n(), self.live() if self.live is not None else None)
            if not self.queued:
                self._idle.set()

    async def caught_up(self) -> None:
        """Wait until all that earlier runs left in the spool is written. StorageError when the database is away."""
        self._hurry.set()
        try:
            while self._spooled.replaying:
                self._progress.clear()
                await self._progress.wait()
                if self._spooled.replaying and self._problem is not None:
                    raise StorageError(self._problem)
        finally:
            self._hurry.clear()

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

    def _needed_n(self) -> int:
        """The first entry that the database may lack, when nothing is at hand."""
        parked_n = self._spooled.next_n if self._spooled.parked else None
        return min((n for n in (self._backlog.first_n, parked_n) if n is not None), default=self._n + 1)

    async def _take(self) -> None:
        if self._spooled.replaying or (self._spooled.parked and not len(self._backlog)):
            await self._take_spooled()
        else:
            await self._take_batch()

    async def _take_spooled(self) -> None:
        had = lost = 0
        try:
            async with asyncio.timeout(self._limits.write_timeout_s):
                if self._spooled.replaying:
                    batch = await self._spooled.take_old(self._store)
                else:
                    batch, had, lost = await self._spooled.take_parked(self._store)
        except (StorageError, TimeoutError) as error:
            await self._not_now(error)
        else:
            self._back()
            self.written += had
            for _ in range(lost):
                self._drop()
            if batch:
                self._at_hand.append(batch)
        self._progress.set()

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
        while self._at_hand:
            batch = self._at_hand[0]
            try:
                async with asyncio.timeout(self._limits.write_timeout_s):
                    await self._store.write([waiting.entry for waiting in batch])
            except (StorageError, TimeoutError) as error:
                await self._not_now(error)
            except Exception as error:
                self._back()  # it answered
                self._split(batch, error)
            else:
                self._at_hand.popleft()
                self.written += sum(waiting.stands_for for waiting in batch)
                self.replayed += sum(not waiting.stands_for for waiting in batch)
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

    async def _not_now(self, error: StorageError | TimeoutError) -> None:
        """The database is away: wait, ever longer."""
        self._away(str(error) or "The database did not answer in time.")
        self._progress.set()
        await self._pause(self._retry_s, hurried_s=self._limits.retry_first_s)
        self._retry_s = min(self._retry_s * 2, self._limits.retry_most_s)

    def _away(self, problem: str) -> None:
        if self._problem is None:
            log.warning("records are not being written", problem=problem, entries=self.queued)
        self._problem = problem

    def _back(self) -> None:
        self._retry_s = self._limits.retry_first_s
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
