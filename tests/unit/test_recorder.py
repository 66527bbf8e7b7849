"""The recorder: at once for those who put, in order and once for the database, whatever the database does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from acd import tasks
from acd.ports import CallFilter, Entry
from acd.queues.journey import fold
from acd.queues.model import AgentState, CallId
from acd.records.fresh import FreshStore
from acd.records.recorder import Recorder, RecorderLimits
from tests.deadlines import until
from tests.fakes.stores import MoodyStore
from tests.journeys import change, entries, served_call, waiting_call

QUICK = RecorderLimits(batch=10, batch_after_s=0.01, retry_first_s=0.01, retry_most_s=0.04, write_timeout_s=0.2)
SLOW_TO_RETRY = RecorderLimits(batch_after_s=30.0, retry_first_s=0.01, retry_most_s=30.0)


@pytest.fixture
def store() -> MoodyStore:
    return MoodyStore()


@asynccontextmanager
async def running(store: MoodyStore, limits: RecorderLimits = QUICK) -> AsyncIterator[Recorder]:
    recorder = Recorder(store, limits)
    task = tasks.spawn(recorder.run(), "recorder")
    try:
        yield recorder
    finally:
        await tasks.stop(task)


async def test_what_is_put_is_written(store: MoodyStore) -> None:
    events = served_call("a", 1000.0)
    async with running(store) as recorder:
        for entry in entries(events):
            recorder.put(entry)
        assert recorder.queued == 12
        await until(lambda: recorder.queued == 0, "everything written")
        assert (recorder.written, recorder.dropped, recorder.set_aside) == (12, 0, 0)
        assert recorder.health() is None
    assert await store.call(CallId("a")) == fold(events)


async def test_facts_of_one_moment_are_one_batch_and_no_batch_is_too_large(store: MoodyStore) -> None:
    async with running(store) as recorder:
        for n in range(25):
            recorder.put(change(float(n), AgentState.READY))
        assert await recorder.flush(5.0)
    assert [len(batch) for batch in store.batches] == [10, 10, 5]


async def test_put_takes_less_than_a_millisecond_and_the_loop_goes_on(store: MoodyStore) -> None:
    store.away = True
    many = [entry for n in range(2000) for entry in entries(waiting_call(f"c{n}", 1000.0 + n))]
    async with running(store, RecorderLimits(waiting=1000)) as recorder:
        slowest_s = 0.0
        for entry in many:
            began = time.thread_time()  # the machine may be busy with others
            recorder.put(entry)
            slowest_s = max(slowest_s, time.thread_time() - began)
        assert slowest_s < 0.001


async def test_the_database_goes_away_and_comes_back(store: MoodyStore) -> None:
    async with running(store) as recorder:
        store.away = True
        recorder.put(change(1.0, AgentState.READY))
        await until(lambda: store.tries >= 3, "tried again and again")
        for n in range(2, 40):
            recorder.put(change(float(n), AgentState.READY))
        assert recorder.health() == "39 entries wait to be written: The database is away."
        store.away = False
        await until(lambda: recorder.queued == 0, "everything written")
        assert recorder.health() is None
    moments = [entry.agent.at for entry in store.kept() if entry.agent]
    assert moments == [float(n) for n in range(1, 40)]


async def test_a_lost_answer_makes_nothing_twice(store: MoodyStore) -> None:
    events = served_call("a", 1000.0)
    async with running(store) as recorder:
        store.loses_answers = True
        for entry in entries(events):
            recorder.put(entry)
        await until(lambda: len(store.batches) >= 2, "written twice")
        store.loses_answers = False
        await until(lambda: recorder.queued == 0, "done")
        assert recorder.written == 12
    assert await store.call(CallId("a")) == fold(events)


async def test_a_store_that_hangs_is_as_one_that_is_away(store: MoodyStore) -> None:
    async with running(store) as recorder:
        store.hangs = True
        recorder.put(change(1.0, AgentState.READY))
        await until(recorder.health, "found to be hanging")
        assert "did not answer in time" in (recorder.health() or "")
        store.hangs = False
        await until(lambda: recorder.queued == 0, "written")


async def test_tries_become_seldom(store: MoodyStore) -> None:
    store.away = True
    async with running(store, RecorderLimits(retry_first_s=0.02, retry_most_s=10.0, batch_after_s=0.0)) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        began = time.monotonic()
        await until(lambda: store.tries == 5, "five tries")
        assert time.monotonic() - began >= 0.02 + 0.04 + 0.08 + 0.16


async def test_one_warning_and_one_relief_per_outage(store: MoodyStore) -> None:
    with capture_logs() as lines:
        async with running(store) as recorder:
            for _ in range(2):
                store.away, store.tries = True, 0
                recorder.put(change(time.time(), AgentState.READY))
                await until(lambda: store.tries >= 4, "several tries")
                store.away = False
                await until(lambda: recorder.queued == 0, "written")
    outages = ["records are not being written", "records are being written again"] * 2
    assert [line["event"] for line in lines] == outages


async def test_the_bound_holds_what_waits_stays_and_the_loss_is_told_once(store: MoodyStore) -> None:
    store.away = True
    with capture_logs() as lines:
        async with running(
            store, RecorderLimits(waiting=5, batch=1, batch_after_s=0.0, retry_first_s=0.01)
        ) as recorder:
            recorder.put(change(0.0, AgentState.READY))
            await until(lambda: store.tries >= 1, "one at hand")
            for n in range(1, 20):
                recorder.put(change(float(n), AgentState.READY))
            assert (recorder.queued, recorder.dropped) == (6, 14)
            assert "14 entries found no room beside the 6" in (recorder.health() or "")
            store.away = False
            await until(lambda: recorder.queued == 0, "written")
            assert recorder.health() is None
            assert (recorder.written, recorder.dropped) == (6, 14)
    assert [entry.agent.at for entry in store.kept() if entry.agent] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [line["event"] for line in lines].count("no room for records: new ones are dropped") == 1
    assert {"event": "records find room again", "dropped": 14, "log_level": "warning"} in lines


async def test_the_facts_of_a_call_take_one_place_and_all_arrive(store: MoodyStore) -> None:
    events = served_call("a", 1000.0)
    recorder = Recorder(store, RecorderLimits(waiting=1))
    for entry in entries(events):
        recorder.put(entry)
    assert (recorder.queued, recorder.dropped) == (12, 0)
    task = tasks.spawn(recorder.run(), "recorder")
    assert await recorder.flush(5.0)
    await tasks.stop(task)
    assert len(store.kept()) == 1
    assert await store.call(CallId("a")) == fold(events)


async def test_a_call_whose_first_facts_found_no_room_is_made_whole_by_a_later_one(store: MoodyStore) -> None:
    events = served_call("a", 1000.0)
    *early, last = entries(events)
    async with running(store, RecorderLimits(waiting=1, batch_after_s=0.01)) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        for entry in early:
            recorder.put(entry)
        assert recorder.dropped == 11
        await until(lambda: recorder.queued == 0, "room again")
        recorder.put(last)
        assert await recorder.flush(5.0)
    assert await store.call(CallId("a")) == fold(events)


async def test_an_entry_that_can_never_be_written_holds_up_nobody(store: MoodyStore) -> None:
    store.poison = lambda entry: entry.agent is not None and entry.agent.at in (3.0, 7.0, 8.0)
    with capture_logs() as lines:
        async with running(store) as recorder:
            for n in range(10):
                recorder.put(change(float(n), AgentState.READY))
            recorder.put(entries(waiting_call("a", 1.0, "+74951234567"))[1])
            assert await recorder.flush(5.0)
            assert (recorder.written, recorder.set_aside, recorder.health()) == (8, 3, None)
    assert [entry.agent.at for entry in store.kept() if entry.agent] == [0.0, 1.0, 2.0, 4.0, 5.0, 6.0, 9.0]
    told = [line for line in lines if line["event"] == "record refused by the database and set aside"]
    assert [line["agent"] for line in told] == ["1001"] * 3
    assert "4951234567" not in repr(lines)


async def test_a_database_that_goes_away_amid_the_search_for_a_bad_entry(store: MoodyStore) -> None:
    def bad(entry: object) -> bool:
        store.away = store.tries == 3  # between two halves
        return entry is poison

    store.poison = bad
    poison = change(4.0, AgentState.READY)
    async with running(store) as recorder:
        for n in range(9):
            recorder.put(poison if n == 4 else change(float(n), AgentState.READY))
        await until(lambda: store.tries >= 4, "away")
        store.away = False
        assert await recorder.flush(5.0)
        assert (recorder.written, recorder.set_aside) == (8, 1)
    assert [entry.agent.at for entry in store.kept() if entry.agent] == [0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0]


async def test_flush_does_not_wait_for_the_usual_pauses(store: MoodyStore) -> None:
    async with running(store, SLOW_TO_RETRY) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        assert await recorder.flush(5.0)
        assert recorder.written == 1


async def test_flush_tries_at_once_though_the_next_try_was_far_off(store: MoodyStore) -> None:
    limits = RecorderLimits(batch_after_s=0.0, retry_first_s=30.0, retry_most_s=30.0)
    async with running(store, limits) as recorder:
        store.away = True
        recorder.put(change(1.0, AgentState.READY))
        await until(recorder.health, "away")
        store.away = False
        assert await recorder.flush(5.0)


async def test_flush_gives_up_in_time_and_says_what_is_lost(store: MoodyStore) -> None:
    store.away = True
    with capture_logs() as lines:
        async with running(store) as recorder:
            recorder.put(change(1.0, AgentState.READY))
            assert not await recorder.flush(0.1)
    assert {"event": "records not written", "entries": 1}.items() <= lines[-1].items()


async def test_flush_with_nothing_to_do(store: MoodyStore) -> None:
    async with running(store) as recorder:
        assert await recorder.flush(1.0)
    assert store.tries == 0


async def test_who_reads_finds_what_was_put_just_before(store: MoodyStore) -> None:
    async with running(store, SLOW_TO_RETRY) as recorder:
        for entry in entries(served_call("a", 1000.0)):
            recorder.put(entry)
        page = await FreshStore(store, recorder).calls(CallFilter(), 10)
    assert [record.id for record in page.items] == ["a"]


async def test_what_nothing_else_knows_is_written_soon_and_the_rest_with_it(store: MoodyStore) -> None:
    limits = RecorderLimits(batch_after_s=30.0, urgent_after_s=0.01)
    events = served_call("a", 1000.0)
    async with running(store, limits) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        for entry in entries(events):
            recorder.put(entry)
        await until(lambda: recorder.queued == 0, "written long before the batch was due")
    assert len(store.batches) == 1


async def test_what_can_be_found_out_again_waits_for_company(store: MoodyStore) -> None:
    limits = RecorderLimits(batch_after_s=0.3, urgent_after_s=0.01)
    async with running(store, limits) as recorder:
        began = time.monotonic()
        recorder.put(change(1.0, AgentState.READY))
        await until(lambda: recorder.queued == 0, "written")
        assert time.monotonic() - began >= 0.29


async def test_settling_waits_for_nothing_that_was_put_later(store: MoodyStore) -> None:
    async with running(store) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        settling = asyncio.gather(recorder.settle(5.0))
        await asyncio.sleep(0)
        recorder.put(change(2.0, AgentState.PAUSED))
        assert await settling == [True]


async def test_nobody_waits_for_a_database_that_is_away(store: MoodyStore) -> None:
    store.away = True
    async with running(store) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        await until(recorder.health, "away")
        began = time.monotonic()
        assert not await recorder.settle(5.0)
        assert time.monotonic() - began < 1.0


async def test_settling_ends_in_time(store: MoodyStore) -> None:
    store.hangs = True
    async with running(store, SLOW_TO_RETRY) as recorder:
        recorder.put(change(1.0, AgentState.READY))
        assert not await recorder.settle(0.05)


async def test_a_recorder_stopped_amid_a_write_goes_on_where_it_was(store: MoodyStore) -> None:
    store.hangs = True
    recorder = Recorder(store, QUICK)
    task = tasks.spawn(recorder.run(), "recorder")
    recorder.put(change(1.0, AgentState.READY))
    await until(lambda: store.tries == 1, "writing")
    await tasks.stop(task)
    assert recorder.queued == 1
    store.hangs = False
    task = tasks.spawn(recorder.run(), "recorder")
    assert await recorder.flush(5.0)
    await tasks.stop(task)
    assert len(store.kept()) == 1


async def test_an_entry_whose_record_lacks_facts_stands_for_itself_alone(store: MoodyStore) -> None:
    events = served_call("a", 1000.0)
    bare_entries = [Entry(e.journey, replace(e.record, events=())) for e in entries(events) if e.record]
    recorder = Recorder(store, QUICK)
    for entry in bare_entries:
        recorder.put(entry)
    task = tasks.spawn(recorder.run(), "recorder")
    assert await recorder.flush(5.0)
    await tasks.stop(task)
    assert await store.call(CallId("a")) == fold(events)
