"""Whatever is killed, torn, repeated or away, and when: the store has the facts that were put, each once.

A house of daemons one after the other on one spool and one database. Each puts facts, the database comes and goes, a
power cut takes the end of the last segment, a segment is there twice. In the end every call's record is the fold of
its facts; and a daemon that begins while the database is away knows every open call whole.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acd import tasks
from acd.ports import Entry
from acd.queues.journey import CallRecord, JourneyEvent, fold
from acd.queues.model import AgentState, CallId
from acd.records import lines, scribe, spool
from acd.records.recorder import Recorder, RecorderLimits
from acd.records.spool import Spool, SpoolSettings
from tests.fakes.stores import MoodyStore
from tests.journeys import change, served_call

LIMITS = RecorderLimits(
    waiting=1, batch=2, urgent_after_s=0.0, batch_after_s=0.0, retry_first_s=0.001, retry_most_s=0.002
)
STORY = served_call("", 1000.0)
ACTS = ("put", "put", "put", "change", "away", "back", "settle", "kill", "cut", "twice", "torn")


class House:
    """The daemons' common place, and what is expected of it."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self._folder = folder
        self._chance = chance
        self.store = MoodyStore()
        self.told: dict[CallId, dict[int, JourneyEvent]] = {}
        self.changes: list[Entry] = []
        self._calls = 0
        self._spool = Spool(SpoolSettings(folder / "acd.spool", 100_000, roll_s=0.0))
        self._recorder = Recorder(self.store, LIMITS, self._spool)
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """As the daemon boots."""
        self._spool = Spool(SpoolSettings(self._folder / "acd.spool", 100_000, roll_s=0.0))
        self._recorder = Recorder(self.store, LIMITS, self._spool)
        await self._spool.open()
        left = await self._spool.remembered()
        assert left.open_calls == self._in_order()
        self._task = tasks.spawn(self._recorder.run(), "recorder")
        if not self.store.away:
            await self._recorder.caught_up()
            assert await self.store.open_calls() == self._in_order()
        self._recorder.live = self.open

    async def end(self) -> None:
        """Killed: the database gets nothing any more, the disk has what was put."""
        await tasks.stop(self._task)
        await self._spool.close()

    def open(self) -> list[CallRecord]:
        """The open calls as a core would have them."""
        records = [_record(facts) for facts in self.told.values() if facts]
        return [record for record in records if record.ended_at is None]

    def _in_order(self) -> tuple[CallRecord, ...]:
        return tuple(sorted(self.open(), key=lambda record: (record.entered_at, record.id)))

    def put(self) -> None:
        """One more fact of an open call, or of a new one."""
        opened = self.open()
        if not opened or self._chance.random() < 0.3:
            self._calls += 1
            call_id, seq = CallId(f"call-{self._calls}"), 1
        else:
            known = self._chance.choice(opened)
            call_id, seq = known.id, known.seq + 1
        like = STORY[min(seq, len(STORY)) - 1]
        event = JourneyEvent(call_id, seq, like.at + self._calls + seq, like.fact, like.data)
        facts = self.told.setdefault(call_id, {})
        facts[seq] = event
        self._recorder.put(Entry(journey=event, record=_record(facts)))

    def change(self) -> None:
        self.changes.append(change(float(len(self.changes)), AgentState.READY))
        self._recorder.put(self.changes[-1])

    async def settle(self) -> None:
        """When the database is there, what was put gets there."""
        if not self.store.away:
            assert await self._recorder.flush(10.0)

    # -- what may happen to a disk while nobody runs --------------------------------------------------------------

    def files(self) -> list[Path]:
        return sorted((self._folder / "acd.spool").glob("*.spool"))

    def cut(self) -> None:
        """The power fails: of the last lines some are gone that the database does not have either."""
        if not self.files():
            return
        last = self.files()[-1]
        kept = last.read_bytes().splitlines(keepends=True)
        gone: list[JourneyEvent] = []
        while kept and self._chance.random() < 0.6:
            line = lines.read(kept[-1]) if lines.number(kept[-1][:-1]) else None
            if line is None or line.fact is None or self._is_stored(line.fact):
                break
            kept.pop()
            gone.append(line.fact)
        last.write_bytes(b"".join(kept))
        for event in gone:
            if event not in self._on_disk():  # else it was there twice
                self.told[event.call_id].pop(event.seq, None)

    def _on_disk(self) -> list[JourneyEvent]:
        texts = [text for file in self.files() for text in file.read_bytes().split(b"\n")[:-1]]
        found = [lines.read(text) for text in texts if lines.number(text) is not None]
        return [line.fact for line in found if line is not None and line.fact is not None]

    def torn(self) -> None:
        """Half a line at the end, as of something that was just being written."""
        if self.files():
            line = lines.fact_line(999, STORY[0])
            with self.files()[-1].open("ab") as file:
                file.write(line[: self._chance.randrange(1, len(line))])

    def twice(self) -> None:
        """A segment is there twice, as if one daemon had begun to write it off and another had gone on."""
        if self.files():
            source = self._chance.choice(self.files())
            run = max(int(path.stem.partition("-")[0]) for path in self.files()) + 1
            shutil.copyfile(source, source.with_name(f"{run:08d}-00000001.spool"))

    def _is_stored(self, event: JourneyEvent) -> bool:
        return event.seq in self.store._events.get(event.call_id, {})

    async def check(self) -> None:
        for call_id, facts in self.told.items():
            found = await self.store.call(call_id)
            if facts:
                assert found == _record(facts)
            else:
                assert found is None
        kept = [entry.agent for batch in self.store.batches for entry in batch if entry.agent is not None]
        assert set(kept) == {entry.agent for entry in self.changes}


def _record(facts: dict[int, JourneyEvent]) -> CallRecord:
    return fold(event for _, event in sorted(facts.items()))


@contextmanager
def hasty() -> Iterator[None]:
    """A thread that does not rest, and small segments."""
    rests, size = scribe.GATHER_S, spool.SEGMENT_BYTES
    scribe.GATHER_S, spool.SEGMENT_BYTES = 0.0, 700  # type: ignore[misc]
    try:
        yield
    finally:
        scribe.GATHER_S, spool.SEGMENT_BYTES = rests, size  # type: ignore[misc]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=st.lists(st.sampled_from(ACTS), max_size=60), seed=st.integers(0, 2**32))
def test_the_store_has_what_was_put_once_whatever_happens(acts: list[str], seed: int) -> None:
    """Chance is not hypothesis's own: how many segments there are depends on the thread's pace."""
    with tempfile.TemporaryDirectory() as folder, hasty():
        asyncio.run(_live(House(Path(folder), random.Random(seed)), acts))


async def _live(house: House, acts: list[str]) -> None:
    await house.begin()
    for act in acts:
        match act:
            case "put":
                house.put()
            case "change":
                house.change()
            case "away" | "back":
                house.store.away = act == "away"
            case "settle":
                await house.settle()
            case "kill":
                await house.end()
                await house.begin()
            case "cut" | "torn" | "twice":
                await house.end()
                getattr(house, act)()
                await house.begin()
        await asyncio.sleep(0)
    await house.end()
    house.store.away = False
    await house.begin()
    await house.settle()
    await house.check()
    await house.end()
