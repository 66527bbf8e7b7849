"""When a call cannot stay in its queue, and where it goes then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acd.queues import events as ev
from acd.queues.model import About, CallId, Nobody, OfferResult, Outcome, Overflow, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    after,
    agent,
    away,
    connected,
    enters,
    event,
    fact,
    found,
    hangs_up,
    held,
    leaves,
    login,
    logout,
    no,
    node_lost,
    node_read,
    notes_queue,
    offer_ends,
    pause,
    picks_up,
    plan,
    queue,
    records,
    rings,
    says_bye,
    timer,
    withdraws,
)

THIRD = "74950000003"
GOODBYE = ("acd/all-busy", "acd/goodbye")
TO_SUPPORT = Overflow(queue="support")  # type: ignore[arg-type]


BYE = Overflow()


def house(overflow: Overflow = BYE, support: dict | None = None, **sales: object) -> Playbook:
    """Sales, as given, and support; Anna (1001) sells, Boris (1002) supports."""
    return start(
        plan(
            [agent("1001", sales=5), agent("1002", support=5)],
            [
                queue("sales", "sales >= 1", SALES, overflow=overflow, **sales),
                queue("support", "support >= 1", SUPPORT, **(support or {})),
            ],
        )
    )


def outcome(play: Playbook, call: str) -> Outcome | None:
    return play.record(call).outcome


# -- max_waiting ------------------------------------------------------------------------------------------------


def test_one_more_than_may_wait_is_said_goodbye():
    play = house(max_waiting=2)
    assert (
        play
        >> enters("c1")
        >> enters("c2")
        >> enters("c3")
        << fact("c3", "queued", queue="sales")
        << fact("c3", "overflowed", **{"from": "sales", "to": "goodbye", "reason": "max_waiting"})
        << says_bye("c3", *GOODBYE)
        >> after(3)
        >> leaves("c3")
        << fact("c3", "ended", outcome="overflowed", by="system")
    )
    assert play.record("c3").wait_s == 0.0


def test_a_call_at_somebodys_phone_does_not_wait():
    play = house(max_waiting=1)
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert play >> enters("c2") << notes_queue("c2")
    assert play >> enters("c3") << says_bye("c3")
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) << rings("c2", "1001")
    assert play >> enters("c4") << says_bye("c4")


def test_room_is_made_by_whoever_leaves():
    play = house(max_waiting=1)
    assert play >> enters("c1") >> leaves("c1") >> enters("c2", number="79160000002") << notes_queue("c2")


def test_a_full_queue_still_takes_a_call_that_somebody_ready_may_have_at_once():
    play = start(
        plan([agent("1001", sales=1), agent("1002", sales=1)], [queue("sales", "sales >= 1", SALES, max_waiting=1)])
    )
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert play >> login("1002") >> enters("c2") << rings("c2", "1002")


def test_another_queues_calls_do_not_count():
    play = house(max_waiting=1)
    assert play >> enters("c1", SUPPORT) >> enters("c2") << notes_queue("c2")


# -- max_wait_s -------------------------------------------------------------------------------------------------


def test_the_longest_wait_ends_to_the_second_counted_from_the_entry():
    play = house(max_wait_s=60)
    assert play >> enters("c1", ago=10) << timer("limit:c1", in_s=50)
    assert play >> after(49.9)
    assert play >> after(0.1) << says_bye("c1", *GOODBYE) << fact("c1", "overflowed", reason="max_wait_s")
    assert play >> leaves("c1")
    assert (outcome(play, "c1"), play.record("c1").wait_s) == (Outcome.TIMED_OUT, 60.0)


def test_a_phone_that_rings_at_the_deadline_rings_out_first():
    play = house(max_wait_s=60)
    assert play >> enters("c1") >> after(50) >> login("1001") << rings("c1", "1001")
    assert play >> after(20) >> offer_ends("c1.1", OfferResult.NO_ANSWER) << says_bye("c1")
    assert play >> leaves("c1")
    assert outcome(play, "c1") is Outcome.TIMED_OUT


def test_an_answer_after_the_deadline_is_an_answer():
    play = house(max_wait_s=60)
    assert play >> enters("c1") >> after(50) >> login("1001") << rings("c1", "1001") >> after(15)
    assert play >> picks_up("c1.1") >> connected("c1.1") >> after(600) >> leaves("c1")
    assert outcome(play, "c1") is Outcome.ANSWERED


def test_a_conversation_is_never_cut_and_who_comes_back_from_one_has_the_whole_wait_anew():
    play = house(max_wait_s=60)
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert play >> connected("c1.1") >> after(300) >> hangs_up("c1", Side.AGENT)
    assert play >> logout("1001") >> held("c1") << timer("limit:c1", in_s=60)


def test_who_hangs_up_at_the_deadline_has_abandoned():
    play = house(max_wait_s=60)
    assert play >> enters("c1") >> after(59.9) >> hangs_up("c1", Side.CALLER) >> after(1)
    assert play >> leaves("c1")
    assert outcome(play, "c1") is Outcome.ABANDONED


def test_a_caller_in_the_fallback_queue_overflows_when_home_again():
    play = house(max_wait_s=60)
    assert play >> enters("c1") >> away("c1") >> after(300)
    assert play >> held("c1") << says_bye("c1", *GOODBYE)


def test_while_the_link_is_gone_nobody_is_moved():
    play = house(max_wait_s=60)
    assert play >> enters("c1") >> node_lost() >> after(300)
    assert play >> node_read(found("c1", "hold")) << says_bye("c1", *GOODBYE)


# -- nobody logged in -------------------------------------------------------------------------------------------


def test_callers_wait_for_somebody_to_log_in_unless_told_otherwise():
    play = house()
    assert play >> enters("c1") << notes_queue("c1") << no(fact("c1", "overflowed"))


def test_with_nobody_logged_in_a_call_is_closed():
    play = house(nobody=Nobody.OVERFLOW)
    assert play >> login("1002") >> enters("c1") << says_bye("c1", "acd/closed", "acd/goodbye")
    assert play >> leaves("c1")
    assert outcome(play, "c1") is Outcome.CLOSED


def test_who_is_paused_is_still_here():
    play = house(nobody=Nobody.OVERFLOW)
    assert play >> login("1001") >> pause("1001") >> enters("c1") << notes_queue("c1")


def test_somebody_whom_a_later_step_lets_in_is_somebody():
    play = house(nobody=Nobody.OVERFLOW)
    relaxed = start(
        plan(
            [agent("1002", support=5)],
            [queue("sales", "sales >= 1", SALES, nobody=Nobody.OVERFLOW, relax={30: "support >= 1"})],
        )
    )
    assert relaxed >> login("1002") >> enters("c1") << notes_queue("c1")
    assert play >> enters("c1") << says_bye("c1")


def test_when_the_last_one_logs_out_those_who_wait_overflow():
    play = house(TO_SUPPORT, nobody=Nobody.OVERFLOW)
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> enters("c2")
    assert (
        play
        >> logout("1001")
        << withdraws("c1.1")
        << fact("c1", "overflowed", to="support", reason="nobody")
        << fact("c2", "overflowed", to="support", reason="nobody")
    )


def test_a_conversation_goes_on_when_its_agent_logs_out():
    play = house(nobody=Nobody.OVERFLOW)
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001") >> connected("c1.1")
    assert play >> logout("1001") << no(fact("c1", "overflowed"))


# -- the estimate -----------------------------------------------------------------------------------------------


def test_who_would_wait_too_long_is_diverted_at_once():
    play = house(TO_SUPPORT, divert_above_s=100)
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert play >> after(1) >> enters("c2") << fact("c2", "overflowed", to="support", reason="divert_above_s")


def test_nobody_here_is_no_estimate():
    play = house(TO_SUPPORT, divert_above_s=1)
    assert play >> enters("c1") << notes_queue("c1") << no(fact("c1", "overflowed"))


# -- where to ---------------------------------------------------------------------------------------------------


def test_another_queue_keeps_the_place_and_the_wait():
    play = house(TO_SUPPORT, max_wait_s=60, support={"max_wait_s": 30})
    assert play >> enters("c1") >> after(45) >> enters("c2", SUPPORT) >> after(14.9)
    assert play >> after(0.1) << notes_queue("c1", "support") << timer("limit:c1", in_s=30)
    assert play >> login("1002") << rings("c1", "1002", queue="support")  # the older one first
    assert play >> connected("c1.1") >> after(5) >> leaves("c1")
    record = play.record("c1")
    assert (record.outcome, record.queue, record.wait_s) == (Outcome.ANSWERED, "support", 60.0)
    assert [event.data["queue"] for event in record.events if event.fact == "queued"] == ["sales", "support"]


def test_a_second_queues_steps_count_from_the_place():
    support = {"relax": {45.0: "sales >= 1"}}
    play = house(TO_SUPPORT, max_wait_s=60, support=support)
    assert play >> enters("c1") >> after(59) >> login("1001") << rings("c1", "1001")
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) >> after(1) << notes_queue("c1", "support")
    assert play >> after(9) << rings("c1", "1001", queue="support")


def test_the_second_queues_wait_ends_as_well():
    play = house(TO_SUPPORT, max_wait_s=60, support={"max_wait_s": 30})
    assert play >> enters("c1") >> after(60) >> after(30) << says_bye("c1")
    assert play >> leaves("c1")
    assert (outcome(play, "c1"), play.record("c1").wait_s) == (Outcome.TIMED_OUT, 90.0)


def test_a_full_second_queue_sends_on_by_its_own_overflow():
    play = house(TO_SUPPORT, max_waiting=1, support={"max_waiting": 1, "overflow": Overflow(voicemail=True)})
    assert play >> enters("c1") >> enters("c2", SUPPORT)
    assert (
        play
        >> enters("c3")
        << fact("c3", "overflowed", **{"from": "sales", "to": "support"})
        << fact("c3", "overflowed", **{"from": "support", "to": "voicemail"})
        << records("c3", "acd/all-busy", "acd/leave-message")
    )


def test_a_circle_ends_with_the_goodbye():
    back = Overflow(queue="sales")  # type: ignore[arg-type]
    play = house(TO_SUPPORT, max_waiting=1, support={"max_waiting": 1, "overflow": back})
    assert play >> enters("c1") >> enters("c2", SUPPORT) >> enters("c3") << says_bye("c3")


def test_a_number_of_ours_is_as_if_it_had_been_dialled():
    play = house(Overflow(did="+" + SUPPORT), max_waiting=1)
    assert play >> login("1002") >> enters("c1")
    assert (
        play
        >> enters("c2")
        << fact("c2", "overflowed", to="support", via="did")
        << rings("c2", "1002", queue="support")
    )
    assert play.record("c2").did == SALES


def test_what_the_number_says_of_its_calls_comes_with_it():
    house_plan = replace(
        plan(
            [agent("1002", support=5)],
            [
                queue("sales", "sales >= 1", SALES, max_waiting=1, overflow=Overflow(did=SUPPORT)),
                queue("support", f'support >= 1 and did == "{SUPPORT}" and language == "en"', SUPPORT),
            ],
        ),
        numbers={SUPPORT: About(7.0, {"language": "en"})},
    )
    play = start(house_plan)
    assert play >> enters("c1") >> login("1002") >> enters("c2") << rings("c2", "1002", queue="support")
    assert play.core.engine.calls[CallId("c2")].priority == 7.0
    again = start(house_plan)
    again.now = play.now
    record = play.record("c2")
    assert again >> event("the records are read", lambda at: ev.Restored(at, (record,)))
    assert again.core.engine.calls[CallId("c2")].did == SUPPORT


def test_somebody_ready_in_the_second_queue_is_nobodys_limit():
    play = house(TO_SUPPORT, max_waiting=1, support={"max_waiting": 1})
    assert play >> enters("c1") >> login("1002") >> enters("c2", SUPPORT) << rings("c2", "1002")
    assert play >> connected("c2.1") >> leaves("c2") >> after(15)
    assert play >> enters("c3") << rings("c3", "1002", queue="support")


def test_abandoned_in_the_second_queue_is_abandoned():
    play = house(TO_SUPPORT, max_waiting=1)
    assert play >> enters("c1") >> enters("c2") >> after(5) >> leaves("c2")
    assert (outcome(play, "c2"), play.record("c2").queue) == (Outcome.ABANDONED, "support")


@pytest.mark.parametrize("when", ["at once", "while it is said"])
def test_who_hangs_up_in_the_goodbye_has_overflowed(when: str):
    play = house(max_waiting=1)
    assert play >> enters("c1") >> enters("c2") << says_bye("c2")
    assert play >> (after(0) if when == "at once" else after(2)) >> hangs_up("c2", Side.CALLER) >> leaves("c2")
    assert (outcome(play, "c2"), play.record("c2").ended_by) == (Outcome.OVERFLOWED, Side.CALLER)


def test_the_day_adds_up_whatever_became_of_the_calls():
    play = house(TO_SUPPORT, max_waiting=1, support={"max_waiting": 2})
    assert play >> login("1002") >> enters("c1") >> enters("c2") << rings("c2", "1002") >> connected("c2.1")
    assert play >> enters("c3") >> enters("c4", SUPPORT) >> enters("c5") << says_bye("c5")
    assert play >> leaves("c5") >> leaves("c1")
    figures = play.core.book.figures
    days = [figures.queue("sales"), figures.queue("support")]
    assert sum(day.offered for day in days) == 5
    assert (sum(day.answered for day in days), sum(day.abandoned for day in days)) == (1, 1)
