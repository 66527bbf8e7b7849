"""The rules by which a call's record follows from its facts."""

from __future__ import annotations

import pytest

from acd.queues.journey import CallRecord, Fact, JourneyEvent, Message, apply, fold
from acd.queues.model import CallId, OfferResult, Outcome, Side, SurveyResult
from tests.journeys import (
    Told,
    accepted,
    connected,
    ended,
    entered,
    journey,
    offer_ended,
    offered,
    overflowed,
    question_call,
    queued,
    served_call,
    survey_asked,
    survey_ended,
    talk_ended,
    transferred_call,
    voicemail,
)


def told(*facts: Told) -> CallRecord:
    return fold(journey("a", *facts))


def test_no_facts_give_no_record() -> None:
    with pytest.raises(ValueError, match="at least one fact"):
        fold([])


def test_the_first_fact_says_who_called_what_and_when() -> None:
    record = told(entered(100.0, "+74951234567"))
    assert (record.id, record.entered_at, record.number) == ("a", 100.0, "+74951234567")
    assert (record.node, record.did, record.name) == ("main", "74950000000", "Иван")
    assert (record.wait_s, record.ended_at, record.outcome, record.survey_result) == (None, None, None, None)


def test_a_served_call_from_trunk_to_survey() -> None:
    record = fold(served_call("a", 1000.0))
    assert (record.queue, record.queued_at) == ("sales", 1000.125)
    assert record.agent == "1001"
    assert record.answered_at == 1008.2
    assert record.wait_s == pytest.approx(8.075)
    assert record.talk_s == pytest.approx(42.5)
    assert (record.talk_ended_at, record.ended_at) == (1050.7, 1060.5)
    assert (record.outcome, record.ended_by) == (Outcome.ANSWERED, Side.AGENT)
    assert (record.survey_result, record.survey_score) == (SurveyResult.ANSWERED, 9)
    assert record.survey_asked_at == 1051.0
    assert record.disposition == {"code": "sale", "amount": 1999.9, "note": "Да"}
    assert [event.seq for event in record.events] == list(range(1, 13))


def test_the_wait_of_who_left_ends_with_the_call() -> None:
    record = told(entered(100.0), queued(101.0), ended(131.0, "abandoned"))
    assert (record.wait_s, record.talk_s, record.agent) == (30.0, None, None)
    assert (record.outcome, record.ended_by) == (Outcome.ABANDONED, Side.CALLER)


def test_who_was_never_queued_never_waited() -> None:
    record = told(entered(100.0), ended(110.0, "closed", "system"))
    assert (record.wait_s, record.queued_at, record.ended_by) == (None, None, Side.SYSTEM)


@pytest.mark.parametrize("joined_at", [90.0, 90])
def test_the_wait_counts_from_the_place_that_was_kept(joined_at: float) -> None:
    record = told(entered(100.0), queued(101.0, joined_at=joined_at), ended(131.0, "abandoned"))
    assert (record.queued_at, record.wait_s) == (90.0, 41.0)


def test_another_queue_takes_the_call_but_not_its_wait() -> None:
    record = told(entered(100.0), queued(101.0, "sales"), queued(120.0, "support"), ended(131.0, "abandoned"))
    assert (record.queue, record.queued_at, record.wait_s) == ("support", 101.0, 30.0)


def test_a_wait_is_never_negative() -> None:
    record = told(entered(100.0), queued(101.0), offered(101.0, "o1"), connected(100.5, "o1"))
    assert record.wait_s == 0.0


def test_an_offer_rings_until_it_is_accepted_not_until_the_bridge() -> None:
    record = told(entered(100.0), queued(100.0), offered(101.0, "o1"), accepted(105.0, "o1"), connected(106.0, "o1"))
    [offer] = record.offers
    assert (offer.at, offer.result, offer.ring_s) == (101.0, OfferResult.ANSWERED, 4.0)


def test_an_offer_whose_acceptance_was_not_seen_rings_until_the_bridge() -> None:
    record = told(entered(100.0), queued(100.0), offered(101.0, "o1"), connected(106.0, "o1"))
    assert (record.offers[0].result, record.offers[0].ring_s) == (OfferResult.ANSWERED, 5.0)


@pytest.mark.parametrize("result", [r for r in OfferResult if r is not OfferResult.ANSWERED])
def test_an_offer_that_came_to_nothing_keeps_its_cause(result: OfferResult) -> None:
    record = told(entered(100.0), queued(100.0), offered(101.0, "o1"), offer_ended(103.0, "o1", result))
    assert (record.offers[0].result, record.offers[0].ring_s) == (result, 2.0)
    assert (record.answered_at, record.agent, record.wait_s) == (None, None, None)


def test_an_accepted_offer_that_never_became_a_conversation_is_no_answered_one() -> None:
    record = told(
        *(entered(100.0), queued(100.0), offered(101.0, "o1"), accepted(105.0, "o1")),
        *(offer_ended(105.5, "o1", "caller_left"), ended(105.5, "abandoned")),
    )
    assert (record.offers[0].result, record.offers[0].ring_s) == (OfferResult.CALLER_LEFT, 4.0)
    assert record.answered_at is None


def test_the_first_end_of_an_offer_counts_when_it_was_not_accepted() -> None:
    record = told(
        *(entered(100.0), queued(100.0), offered(101.0, "o1"), offer_ended(103.0, "o1", "refused")),
        *(offered(104.0, "o2", "1002"), offer_ended(109.0, "o1", "no_answer"), accepted(110.0, "o1")),
    )
    assert [(offer.result, offer.ring_s) for offer in record.offers] == [(OfferResult.REFUSED, 2.0), (None, None)]


def test_talk_adds_up_over_two_conversations_and_the_gap_is_no_talk() -> None:
    record = told(
        *(entered(100.0), queued(100.0), offered(100.0, "o1"), connected(110.0, "o1"), talk_ended(120.0)),
        *(queued(120.0, "support"), offered(121.0, "o2", "1002"), connected(130.0, "o2", "1002")),
        *(talk_ended(135.0, "caller", "1002"), ended(135.0)),
    )
    assert (record.talk_s, record.wait_s, record.answered_at) == (15.0, 10.0, 110.0)
    assert (record.agent, record.talk_ended_at, record.ended_by) == ("1002", 135.0, Side.CALLER)


def test_while_the_second_conversation_lasts_the_talk_is_not_over() -> None:
    record = told(
        *(entered(100.0), queued(100.0), offered(100.0, "o1"), connected(110.0, "o1"), talk_ended(120.0)),
        *(offered(121.0, "o2", "1002"), connected(130.0, "o2", "1002")),
    )
    assert (record.talk_ended_at, record.talk_s) == (None, 10.0)


def test_the_end_of_a_talk_that_never_began_is_no_talk_time() -> None:
    record = told(entered(100.0), queued(100.0), talk_ended(120.0), ended(121.0, "lost", "system"))
    assert (record.talk_s, record.talk_ended_at, record.ended_by) == (None, None, Side.SYSTEM)


def test_the_end_of_a_talk_told_twice_counts_once() -> None:
    record = told(entered(1.0), queued(1.0), connected(2.0, "o"), talk_ended(10.0), talk_ended(20.0), ended(21.0))
    assert (record.talk_s, record.talk_ended_at) == (8.0, 10.0)


def test_a_call_that_ends_while_they_talk_ends_the_talk() -> None:
    record = told(entered(1.0), queued(1.0), connected(2.0, "o"), ended(10.0, "lost", "system"))
    assert (record.talk_s, record.talk_ended_at, record.ended_by) == (8.0, 10.0, Side.SYSTEM)


def test_who_gives_up_in_a_second_queue_ended_the_call_whoever_ended_the_talk() -> None:
    record = told(
        *(entered(1.0), queued(1.0), connected(2.0, "o"), talk_ended(9.0, "agent")),
        *(queued(9.0, "support"), ended(20.0, "answered", "caller")),
    )
    assert (record.ended_by, record.talk_s) == (Side.CALLER, 7.0)


def test_a_late_end_of_an_offer_that_was_connected_changes_nothing() -> None:
    record = told(entered(1.0), queued(1.0), offered(1.0, "o"), connected(3.0, "o"), offer_ended(9.0, "o", "withdrawn"))
    assert (record.offers[0].result, record.offers[0].ring_s) == (OfferResult.ANSWERED, 2.0)


def test_a_call_that_is_over_was_at_least_not_offered_the_survey() -> None:
    assert told(entered(1.0), ended(2.0, "abandoned")).survey_result is SurveyResult.NOT_OFFERED
    assert told(entered(1.0)).survey_result is None


@pytest.mark.parametrize("result", ["invalid", "no_answer", "hung_up"])
def test_a_survey_without_an_answer_has_no_score(result: str) -> None:
    record = told(entered(1.0), survey_asked(2.0), survey_ended(3.0, result), ended(4.0))
    assert (record.survey_result, record.survey_score, record.survey_asked_at) == (SurveyResult(result), None, 2.0)


def test_a_call_that_ended_in_the_middle_of_the_question_was_hung_up_on() -> None:
    record = told(entered(1.0), survey_asked(2.0), ended(4.0))
    assert record.survey_result is SurveyResult.HUNG_UP


def test_the_score_nought_is_a_score() -> None:
    assert told(entered(1.0), survey_asked(2.0), survey_ended(3.0, "answered", 0)).survey_score == 0


def test_true_is_no_score() -> None:
    event: Told = (Fact.SURVEY_ENDED, 3.0, {"result": "answered", "score": True})
    assert told(entered(1.0), event).survey_score is None


def test_what_was_put_right_by_a_look_at_asterisk_says_so() -> None:
    assert told(entered(1.0), (Fact.RECONCILED, 2.0, {"what": "hangup"})).reconciled
    assert not told(entered(1.0)).reconciled


def test_the_last_disposition_counts() -> None:
    record = told(entered(1.0), (Fact.DISPOSITION, 2.0, {"code": "a"}), (Fact.DISPOSITION, 3.0, {"code": "b"}))
    assert record.disposition == {"code": "b"}


def test_a_fact_that_comes_again_changes_nothing() -> None:
    events = served_call("a", 1000.0)
    doubled = [event for event in events for _ in range(2)]
    assert fold(doubled) == fold(events)
    assert fold([*events, *events]) == fold(events)
    record = fold(events)
    assert apply(record, events[3]) is record


def test_facts_that_only_tell_the_story_change_no_figure() -> None:
    plain = told(entered(1.0), queued(2.0))
    story = told(entered(1.0), queued(2.0), (Fact.PROMPT, 3.0, {"what": "welcome"}), (Fact.FALLBACK, 4.0, {}))
    assert [event.fact for event in story.events[2:]] == [Fact.PROMPT, Fact.FALLBACK]
    assert (story.queue, story.wait_s, story.outcome) == (plain.queue, plain.wait_s, plain.outcome)


def test_nobody_answered_at_the_beginning_of_time_by_mistake() -> None:
    first = JourneyEvent(CallId("a"), 1, 0.0, Fact.CONNECTED, {"offer_id": "o", "agent": "1001"})
    second = JourneyEvent(CallId("a"), 2, 5.0, Fact.CONNECTED, {"offer_id": "p", "agent": "1002"})
    assert fold([first, second]).answered_at == 0.0


def test_who_overflows_to_another_queue_waits_on() -> None:
    record = told(entered(100.0), queued(100.0), overflowed(160.0, "support"), queued(160.0, "support"))
    assert (record.queue, record.queued_at, record.wait_s) == ("support", 100.0, None)
    served = apply(record, JourneyEvent(CallId("a"), 5, 170.0, Fact.CONNECTED, {"offer_id": "o", "agent": "1001"}))
    assert served.wait_s == 70.0


@pytest.mark.parametrize("via", ["voicemail", "goodbye"])
def test_the_wait_of_who_is_let_go_ends_there(via: str) -> None:
    record = told(entered(100.0), queued(100.0), overflowed(160.0, via, via), ended(190.0, "timed_out"))
    assert (record.queue, record.wait_s, record.outcome) == ("sales", 60.0, Outcome.TIMED_OUT)


def test_a_call_leaves_one_message_which_is_heard_once() -> None:
    heard = (Fact.HEARD, 500.0, {})
    record = told(entered(100.0), voicemail(120.0, 9.5), voicemail(130.0, 3.0), heard, (Fact.HEARD, 600.0, {}))
    assert record.message == Message(120.0, 9.5, 500.0)
    assert told(entered(100.0), heard).message is None  # type: ignore[arg-type]


def test_a_handed_over_call_has_a_leg_for_each_conversation() -> None:
    record = fold(transferred_call("a", 1000.0))
    first, second = record.legs
    assert (first.agent, first.queue, first.offer_id, first.talk_s, first.ended_by) == (
        "1001", "sales", "a-1", 60.5, "agent"
    )  # fmt: skip
    assert (second.agent, second.queue, second.talk_s) == ("1002", "support", None)
    assert (record.agent, record.answered_at, record.wait_s, record.talk_s) == ("1002", 1005.0, 4.875, 60.5)
    assert record.talk_ended_at is None and record.ended_by is None
    over = fold(
        [*record.events, JourneyEvent(record.id, 9, 1100.0, Fact.ENDED, {"outcome": "answered", "by": "caller"})]
    )
    assert (over.talk_s, over.legs[1].talk_s, over.legs[1].ended_by) == (95.0, 34.5, "caller")


def test_a_question_knows_whose_it_is_and_what_became_of_it() -> None:
    record = fold(question_call("q", 1000.0, "a"))
    assert (record.from_agent, record.merged_into, record.legs) == ("1001", "a", ())
