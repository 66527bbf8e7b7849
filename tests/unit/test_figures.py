"""The day's figures: what counts as offered, answered and in time, and that nothing is counted twice."""

from __future__ import annotations

from dataclasses import replace

from acd.queues.book import Book
from acd.queues.figures import DayFigures
from acd.queues.journey import CallRecord, Fact, OfferRecord
from acd.queues.model import AgentId, CallId, OfferId, OfferResult, Outcome, Side
from acd.queues.views import AgentToday, QueueToday

SERVICE_LEVEL_S = 20.0
ANNA = AgentId("1001")
WAITING = CallRecord(CallId("c"), queue="sales", entered_at=1500.0)


def figures() -> DayFigures:
    day = DayFigures({"sales": SERVICE_LEVEL_S})
    day.begin(1000.0)
    return day


def answered(wait_s: float, call: str = "a") -> CallRecord:
    return CallRecord(
        CallId(call), queue="sales", entered_at=1500.0, answered_at=1500.0 + wait_s, wait_s=wait_s, agent=ANNA
    )


def abandoned() -> CallRecord:
    return replace(WAITING, wait_s=5.0, outcome=Outcome.ABANDONED)


def test_a_day_without_calls_has_no_service_level() -> None:
    assert figures().queue("sales") == QueueToday(0, 0, 0, None)


def test_answered_within_the_limit_over_all_that_were_decided() -> None:
    day = figures()
    for record in (answered(20.0), answered(20.1), abandoned(), answered(1.0)):
        day.changed(None, record)
    assert day.queue("sales") == QueueToday(4, 3, 1, 0.5)


def test_a_call_being_talked_on_is_answered_already_and_a_waiting_one_only_offered() -> None:
    day = figures()
    day.changed(None, answered(3.0))
    day.changed(None, WAITING)
    assert day.queue("sales") == QueueToday(2, 1, 0, 1.0)


def test_a_record_that_changes_takes_its_old_count_along() -> None:
    day = figures()
    day.changed(None, WAITING)
    day.changed(WAITING, replace(WAITING, queue="support"))
    assert (day.queue("sales").offered, day.queue("support").offered) == (0, 1)


def test_a_call_of_yesterday_is_not_of_today() -> None:
    day = figures()
    day.changed(None, replace(answered(3.0), entered_at=999.0))
    assert day.queue("sales") == QueueToday(0, 0, 0, None)


def test_an_agents_day_counts_calls_missed_offers_and_talk_while_the_call_lives() -> None:
    day = figures()
    missed = OfferRecord(OfferId("a.1"), ANNA, 1500.0, OfferResult.NO_ANSWER, 20.0)
    refused = OfferRecord(OfferId("a.2"), ANNA, 1520.0, OfferResult.REFUSED, 2.0)
    day.changed(None, replace(WAITING, offers=(missed, refused)))
    day.changed(None, replace(answered(3.0), talk_s=60.0))
    assert day.agent(ANNA) == AgentToday(answered=1, missed=1, talk_s=60.0)


def journey(book: Book) -> None:
    call = CallId("a")
    book.note(call, 1500.0, Fact.ENTERED, node="main", did="1", number="2", name="")
    book.note(call, 1500.0, Fact.QUEUED, queue="sales", joined_at=1500.0)
    book.note(call, 1501.0, Fact.OFFERED, offer_id="a.1", agent=ANNA)
    book.note(call, 1521.0, Fact.OFFER_ENDED, offer_id="a.1", agent=ANNA, result=OfferResult.NO_ANSWER)
    book.note(call, 1522.0, Fact.OFFERED, offer_id="a.2", agent=ANNA)
    book.note(call, 1525.0, Fact.CONNECTED, offer_id="a.2", agent=ANNA)
    book.note(call, 1535.0, Fact.TALK_ENDED, agent=ANNA, by=Side.AGENT)


def test_facts_one_by_one_and_the_whole_record_give_the_same_figures() -> None:
    live, loaded = Book(figures()), Book(figures())
    journey(live)
    before_its_end = (live.figures.queue("sales"), live.figures.agent(ANNA))
    ended = live.note(CallId("a"), 1540.0, Fact.ENDED, outcome=Outcome.ANSWERED, by=Side.CALLER).event.call_id
    record = live.get(ended)
    assert record is not None
    loaded.begin_day(1000.0, [record])
    after = (live.figures.queue("sales"), live.figures.agent(ANNA))
    assert before_its_end == after == (loaded.figures.queue("sales"), loaded.figures.agent(ANNA))
    assert after == (QueueToday(1, 1, 0, 0.0), AgentToday(1, 1, 10.0))


def test_a_day_that_is_counted_anew_counts_what_is_here_once() -> None:
    book = Book(figures())
    journey(book)
    stale = book.get(CallId("a"))
    assert stale is not None
    book.note(CallId("a"), 1540.0, Fact.ENDED, outcome=Outcome.ANSWERED, by=Side.CALLER)
    book.begin_day(1000.0, [stale])
    assert book.figures.queue("sales") == QueueToday(1, 1, 0, 0.0)
