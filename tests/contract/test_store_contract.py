"""What every store promises, held against each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acd.errors import RecordRefused
from acd.ports import AgentSession, CallFilter, Entry, Store
from acd.queues.commands import AgentKept
from acd.queues.journey import Fact, JourneyEvent, Message, fold
from acd.queues.model import AgentId, AgentState, CallId, Standing
from tests.contract.stores import KINDS, opened, url_of
from tests.journeys import (
    Told,
    abandoned_call,
    bare,
    change,
    ended,
    entered,
    entries,
    journey,
    overflowed,
    question_call,
    queued,
    served_call,
    survey_asked,
    transferred_call,
    voicemail,
    waiting_call,
)

NOON = 1_790_000_000.123456  # a double with a crooked end
ANYTHING = CallFilter()


@pytest.fixture(params=KINDS)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    # A URL's fixture must be asked for outside the loop's own work, hence by name.
    url = None if request.param == "memory" else url_of(request.param, request, tmp_path)
    async with opened(url) as made:
        yield made


async def ids(store: Store, wanted: CallFilter = ANYTHING) -> list[str]:
    return [record.id for record in (await store.calls(wanted, 100)).items]


async def test_a_call_is_read_as_it_was_written_to_the_last_bit(store: Store) -> None:
    events = served_call("a", NOON)
    await store.write(entries(events))
    assert await store.call(CallId("a")) == fold(events)


async def test_legs_and_questions_are_read_as_they_were_written(store: Store) -> None:
    transferred, question = transferred_call("a", NOON), question_call("q", NOON + 50, "a")
    await store.write([*entries(transferred), *entries(question)])
    for call_id, events in (("a", transferred), ("q", question)):
        assert await store.call(CallId(call_id)) == fold(events)
    listed = {record.id: record for record in (await store.calls(ANYTHING, 100)).items}
    assert [leg.agent for leg in listed[CallId("a")].legs] == ["1001", "1002"]
    assert (listed[CallId("q")].from_agent, listed[CallId("q")].merged_into) == ("1001", "a")


async def test_an_unknown_call_is_none(store: Store) -> None:
    assert await store.call(CallId("nobody")) is None


async def test_calls_that_are_recorded_as_ended_are_told_from_others(store: Store) -> None:
    await store.write([*entries(served_call("a", NOON)), *entries(waiting_call("w", NOON))])
    assert await store.ended_among([CallId("a"), CallId("w"), CallId("nobody")]) == {"a"}
    assert await store.ended_among([]) == frozenset()


async def test_that_a_call_was_in_the_fallback_queue_is_kept(store: Store) -> None:
    fell: Told = (Fact.FALLBACK, NOON + 9, {})
    events = journey("f", entered(NOON), queued(NOON), fell, ended(NOON + 20, "abandoned"))
    await store.write([*entries(events), *entries(served_call("a", NOON))])
    listed = {record.id: record.fallback for record in (await store.calls(ANYTHING, 100)).items}
    assert listed == {"f": True, "a": False}


async def test_an_empty_batch_is_no_fault(store: Store) -> None:
    await store.write([])
    assert await ids(store) == []


async def test_writing_again_changes_nothing(store: Store) -> None:
    events = served_call("a", NOON)
    batch = entries(events)
    for part in (batch, batch, batch[:3], batch[5:6], batch[::-1]):
        await store.write(part)
    assert await store.call(CallId("a")) == fold(events)


async def test_an_older_record_does_not_undo_a_newer_one(store: Store) -> None:
    batch = entries(served_call("a", NOON))
    await store.write(batch)
    await store.write(batch[:2])
    found = await store.call(CallId("a"))
    assert found is not None and found.outcome == "answered" and len(found.offers) == 2


async def test_a_fact_whose_entry_was_lost_comes_with_the_next_record(store: Store) -> None:
    events = served_call("a", NOON)
    batch = entries(events)
    await store.write(batch[:2])
    await store.write(batch[-1:])
    assert await store.call(CallId("a")) == fold(events)


async def test_a_call_grows_over_many_writes(store: Store) -> None:
    events = served_call("a", NOON)
    for count, entry in enumerate(entries(events), start=1):
        await store.write([entry])
        assert await store.call(CallId("a")) == fold(events[:count])


async def test_a_batch_is_written_whole_or_not_at_all(store: Store) -> None:
    fact = JourneyEvent(CallId("b"), 1, NOON, Fact.ENTERED)
    with pytest.raises(RecordRefused):
        await store.write([*entries(waiting_call("a", NOON)), Entry(journey=fact)])
    assert await ids(store) == []


async def test_data_of_facts_keeps_its_types(store: Store) -> None:
    data = {"int": 1, "float": 1.0, "tiny": 5e-324, "yes": True, "none": None, "text": "Ёж \\ \" '; --\t"}
    events = journey("a", entered(NOON), (Fact.PROMPT, NOON + 1, data))
    await store.write(entries(events))
    found = await store.call(CallId("a"))
    assert found is not None
    assert [(key, type(value), value) for key, value in found.events[1].data.items()] == [
        (key, type(value), value) for key, value in data.items()
    ]


async def test_calls_are_listed_newest_first_without_their_events(store: Store) -> None:
    for number, call_id in enumerate("abc"):
        await store.write(entries(served_call(call_id, NOON + number)))
    page = await store.calls(ANYTHING, 10)
    assert page.items == tuple(bare(served_call(call_id, NOON + n)) for n, call_id in [(2, "c"), (1, "b"), (0, "a")])
    assert page.next_cursor is None


async def test_pages_are_stable_while_calls_come_in(store: Store) -> None:
    for call_id in ("d", "b", "a", "c", "B"):  # one moment: the id decides, byte by byte
        await store.write(entries(waiting_call(call_id, NOON)))
    first = await store.calls(ANYTHING, 2)
    assert [record.id for record in first.items] == ["d", "c"]
    await store.write(entries([*waiting_call("new", NOON + 1), *waiting_call("e", NOON)]))
    second = await store.calls(ANYTHING, 2, first.next_cursor)
    await store.write(entries(waiting_call("newer", NOON + 2)))
    third = await store.calls(ANYTHING, 2, second.next_cursor)
    assert [record.id for record in second.items] == ["b", "a"]
    assert [record.id for record in third.items] == ["B"]
    assert third.next_cursor is None


async def test_a_last_page_that_is_full_has_no_next(store: Store) -> None:
    await store.write(entries([*waiting_call("a", NOON), *waiting_call("b", NOON)]))
    assert (await store.calls(ANYTHING, 2)).next_cursor is None


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "ü", "=", "W10", "e30", "W05hTiwgImEiXQ", "WzEuMCwgMV0", "WzEuMCwgIlx1MDAwMCJd", "A" * 4000, "\0"],
)
async def test_a_cursor_that_is_not_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await store.calls(ANYTHING, 10, cursor)


async def test_filters(store: Store) -> None:
    await store.write(entries(served_call("served", NOON, "89161234567", "1002")))
    await store.write(entries(abandoned_call("gone", NOON + 1, "1001")))
    await store.write(entries(waiting_call("waits", NOON + 2, "anonymous", "support")))
    assert await ids(store, CallFilter(queue="sales")) == ["gone", "served"]
    assert await ids(store, CallFilter(agent="1002")) == ["served"]
    assert await ids(store, CallFilter(agent="1009")) == []  # was only offered the call
    assert await ids(store, CallFilter(ended=True)) == ["gone", "served"]
    assert await ids(store, CallFilter(ended=False)) == ["waits"]
    assert await ids(store, CallFilter(since=NOON + 1, until=NOON + 2)) == ["gone"]
    assert await ids(store, CallFilter(queue="sales", ended=True, since=NOON, until=NOON + 1)) == ["served"]


@pytest.mark.parametrize("asked", ["+79161234567", "89161234567", "8 (916) 123-45-67", "79161234567"])
async def test_a_number_is_found_however_it_is_written(store: Store, asked: str) -> None:
    await store.write(entries([*waiting_call("a", NOON, "89161234567"), *waiting_call("b", NOON + 1, "+79161234567")]))
    await store.write(entries(waiting_call("c", NOON + 2, "1001")))
    assert await ids(store, CallFilter(number=asked)) == ["b", "a"]
    assert await ids(store, CallFilter(number="1001")) == ["c"]
    assert await ids(store, CallFilter(number="34567")) == []  # the whole number, no part of it


async def test_open_calls_come_oldest_first_with_their_events(store: Store) -> None:
    later, earlier = waiting_call("a", NOON + 5), waiting_call("b", NOON)
    await store.write(entries([*later, *earlier, *served_call("c", NOON)]))
    assert await store.open_calls() == (fold(earlier), fold(later))


async def test_the_days_calls_are_those_that_entered_since_and_ended(store: Store) -> None:
    await store.write(entries(served_call("yesterday", NOON - 1)))
    await store.write(entries([*abandoned_call("b", NOON + 1), *served_call("a", NOON), *waiting_call("c", NOON)]))
    assert await store.ended_since(NOON) == (bare(served_call("a", NOON)), bare(abandoned_call("b", NOON + 1)))


async def test_who_was_asked_the_survey_question_and_when_last(store: Store) -> None:
    def asked(call_id: str, at: float, number: str) -> list[Entry]:
        return entries(journey(call_id, entered(at - 60, number), survey_asked(at)))

    await store.write(asked("a", NOON - 1, "+74951111111"))
    await store.write([*asked("b", NOON, "+74952222222"), *asked("c", NOON + 7, "+74952222222")])
    await store.write([*asked("d", NOON + 5, "+74952222222"), *asked("e", NOON, "")])
    await store.write(entries(waiting_call("f", NOON, "+74953333333")))
    assert await store.surveyed_since(NOON) == {"+74952222222": NOON + 7}


def message(call_id: str, at: float, *more: Told, queue: str = "sales") -> list[JourneyEvent]:
    """A call that left a message."""
    over = overflowed(at + 1, "voicemail", "voicemail")
    return journey(call_id, entered(at), queued(at, queue), over, voicemail(at + 9), ended(at + 12, "closed"), *more)


async def test_messages_are_found_among_the_calls(store: Store) -> None:
    heard = message("b", NOON + 1, (Fact.HEARD, NOON + 600, {}))
    await store.write(entries([*message("a", NOON), *heard, *served_call("c", NOON + 2)]))
    await store.write(entries(message("d", NOON + 3, queue="support")))
    assert await ids(store, CallFilter(voicemail=True)) == ["d", "b", "a"]
    assert await ids(store, CallFilter(voicemail=True, heard=False, queue="sales")) == ["a"]
    assert await ids(store, CallFilter(voicemail=True, heard=True)) == ["b"]
    assert await ids(store, CallFilter(voicemail=False)) == ["c"]
    assert await store.call(CallId("b")) == fold(heard)
    page = await store.calls(CallFilter(voicemail=True), 2)
    assert [record.message for record in page.items] == [Message(NOON + 12, 12.5), Message(NOON + 10, 12.5, NOON + 600)]
    assert (await store.calls(CallFilter(voicemail=True), 2, page.next_cursor)).items == (bare(message("a", NOON)),)


async def test_a_message_without_a_length_is_a_message(store: Store) -> None:
    events = journey("a", entered(NOON), voicemail(NOON + 1, None))
    await store.write(entries(events))
    assert await store.call(CallId("a")) == fold(events)
    assert await ids(store, CallFilter(voicemail=True)) == ["a"]


async def test_who_heard_a_message_is_not_forgotten_by_a_late_writer(store: Store) -> None:
    batch = entries(message("a", NOON, (Fact.HEARD, NOON + 60, {})))
    await store.write(batch)
    await store.write(batch[:-1])
    assert await ids(store, CallFilter(heard=True)) == ["a"]


async def test_places_that_were_left_lately(store: Store) -> None:
    lost = journey("l", entered(NOON + 5), queued(NOON + 5), ended(NOON + 9, "lost"))
    withheld = journey("w", entered(NOON, ""), queued(NOON), ended(NOON + 12, "abandoned"))
    await store.write(entries([*abandoned_call("old", NOON - 50), *abandoned_call("a", NOON), *lost, *withheld]))
    await store.write(entries([*served_call("s", NOON), *waiting_call("x", NOON)]))
    left = await store.left_since(NOON, 10)
    assert left == (fold(lost), fold(abandoned_call("a", NOON)))
    assert await store.left_since(NOON, 1) == (fold(abandoned_call("a", NOON)),)
    assert await store.left_since(NOON + 11, 10) == ()


async def test_who_served_a_number_last(store: Store) -> None:
    one, other = "+74951111111", "+74952222222"
    await store.write(entries([*served_call("a", NOON, one, "1001"), *served_call("b", NOON + 9, one, "1002")]))
    await store.write(entries([*served_call("c", NOON + 5, other, "1003"), *served_call("d", NOON + 7, "", "1001")]))
    await store.write(entries(abandoned_call("e", NOON + 20, one)))
    assert await store.last_served(10) == ((one, AgentId("1002")), (other, AgentId("1003")))
    assert await store.last_served(1) == ((one, AgentId("1002")),)


async def test_agent_sessions_last_until_the_next_change(store: Store) -> None:
    agent = AgentId("1001")
    changes = [
        change(NOON, AgentState.READY),
        change(NOON + 10, AgentState.TALKING, call_id="a"),
        change(NOON + 20, AgentState.WRAP_UP),
        change(NOON + 20, AgentState.PAUSED, reason="lunch"),
        change(NOON + 15, AgentState.READY, agent="1002"),
    ]
    await store.write(changes)
    await store.write([changes[2], changes[0]])
    ready = AgentSession(agent, "ready", None, None, NOON, NOON + 10)
    talking = AgentSession(agent, "talking", None, CallId("a"), NOON + 10, NOON + 20)
    paused = AgentSession(agent, "paused", "lunch", None, NOON + 20, None)
    assert await store.agent_sessions(agent, NOON - 5, NOON + 60) == (ready, talking, paused)
    assert await store.agent_sessions(agent, NOON + 5, NOON + 10) == (ready,)
    assert await store.agent_sessions(agent, NOON + 10, NOON + 11) == (talking,)
    assert await store.agent_sessions(agent, NOON + 12, NOON + 20) == (talking,)
    assert await store.agent_sessions(agent, NOON + 90, NOON + 99) == (paused,)
    assert await store.agent_sessions(agent, NOON - 9, NOON) == ()
    assert await store.agent_sessions(AgentId("nobody"), NOON, NOON + 60) == ()


async def test_readers_and_writers_at_once(store: Store) -> None:
    async def write(name: str) -> None:
        for entry in entries(served_call(name, NOON)):
            await store.write([entry])

    async def read() -> None:
        for _ in range(10):
            for record in (await store.calls(ANYTHING, 10)).items:
                assert record.queue in (None, "sales")

    await asyncio.gather(*(write(f"call-{n}") for n in range(4)), read(), read())
    for n in range(4):
        assert await store.call(CallId(f"call-{n}")) == fold(served_call(f"call-{n}", NOON))


async def test_the_last_word_about_each_agent_is_kept(store: Store) -> None:
    def kept(agent_id: str, at: float, **facts: object) -> Entry:
        return Entry(kept=AgentKept(at, AgentId(agent_id), Standing(**facts)))  # type: ignore[arg-type]

    lunch = {"logged_in": True, "pause_reason": "обед", "idle_since": NOON + 0.1}
    batch = [kept("1001", NOON, logged_in=True), kept("1002", NOON), kept("1001", NOON + 1, **lunch)]
    for part in (batch, batch):
        await store.write(part)
        assert await store.standings() == (batch[2].kept, batch[1].kept)
    everything = Standing(True, "missed", NOON, NOON, 3, 2, NOON, True)
    backwards = Entry(kept=AgentKept(NOON - 3600, AgentId("1002"), everything))  # the clock was set back
    await store.write([backwards])
    assert await store.standings() == (batch[2].kept, backwards.kept)


async def test_the_last_stamp_is_remembered(store: Store) -> None:
    assert await store.last_stamp() is None
    for at in (NOON, NOON + 60, NOON - 3600):
        await store.stamp(at)
        assert await store.last_stamp() == at
