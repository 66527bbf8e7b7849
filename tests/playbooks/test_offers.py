"""A ringing phone: how it is answered, and the ways in which it is not, each with its own consequence."""

from __future__ import annotations

import pytest

from acd.queues.model import OfferResult, Outcome, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    connected,
    enters,
    fact,
    found,
    hangs_up,
    held,
    holds,
    leaves,
    login,
    logout,
    no,
    node_read,
    offer_ends,
    own_call,
    own_call_ends,
    pause,
    picks_up,
    plan,
    queue,
    reachable,
    ready,
    renewed,
    ringing,
    rings,
    stops,
    talk_ends,
    timer,
    timer_due,
    withdraws,
)

ONE = [agent("1001", sales=5)]
TWO = [agent("1001", sales=5), agent("1002", sales=5)]


def offered(agents=ONE, **queue_facts) -> Playbook:
    """c1 rings at 1001; the others log in one second later each."""
    play = start(plan(agents, [queue("sales", "sales >= 1", SALES, **queue_facts)]))
    for one in agents:
        assert play >> login(one.id) >> after(1)
    assert play >> enters("c1") << rings("c1", "1001")
    return play


def offers_of(play: Playbook, call: str = "c1") -> list[tuple[str, str | None]]:
    return [(offer.agent, offer.result) for offer in play.record(call).offers]


def test_an_answered_offer_is_a_conversation():
    play = offered()
    assert (
        play
        >> after(1)
        >> ringing("c1.1")
        << fact("c1", "ringing", offer_id="c1.1")
        >> after(3)
        >> picks_up("c1.1")
        << fact("c1", "accepted", agent="1001")
        >> after(0.1)
        >> connected("c1.1")
        << fact("c1", "connected", agent="1001")
        << agent_is("1001", "talking", call_id="c1")
    )
    record = play.record("c1")
    assert record.wait_s == pytest.approx(4.1)
    assert record.offers[0].ring_s == pytest.approx(4.0)
    assert (record.offers[0].result, record.agent) == ("answered", "1001")
    assert play.timers() == set()


def test_the_bridge_proves_a_pick_up_that_was_not_seen():
    play = offered()
    assert play >> connected("c1.1") << fact("c1", "accepted") << agent_is("1001", "talking", call_id="c1")
    assert play >> picks_up("c1.1") << no(fact("c1", "accepted")) >> ringing("c1.1") << no(fact("c1", "ringing"))


def test_a_refusal_keeps_the_place_and_goes_to_the_next_agent():
    play = offered(TWO)
    joined_at = play.core.engine.calls["c1"].joined_at
    assert (
        play
        >> after(5)
        >> offer_ends("c1.1", OfferResult.REFUSED)
        << fact("c1", "offer_ended", result="refused", agent="1001")
        << rings("c1", "1002", joined_at=joined_at)
        << agent_is("1001", "ready")
    )


def test_who_refused_a_call_is_not_offered_it_again_while_somebody_else_is_free_but_takes_the_next_one():
    assert (
        offered(TWO)
        >> offer_ends("c1.1", OfferResult.REFUSED)
        << rings("c1", "1002")
        >> enters("c2")
        << rings("c2", "1001")
    )


def test_when_nobody_else_is_left_the_refuser_is_asked_again_after_a_while_and_never_in_a_hot_loop():
    play = offered()
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) << timer("refused:c1:1001", in_s=10)
    assert play >> after(9.9) >> after(0.1) << rings("c1", "1001")
    assert play >> offer_ends("c1.2", OfferResult.REFUSED) >> after(9.9)


def test_two_refusers_are_each_asked_again_in_their_own_time():
    assert (
        offered(TWO)
        >> offer_ends("c1.1", OfferResult.REFUSED)
        << rings("c1", "1002")
        >> after(8)
        >> offer_ends("c1.2", OfferResult.REFUSED)
        >> after(2)
        << rings("c1", "1001")
    )


def test_a_busy_phone_rests_and_the_next_agent_is_tried():
    play = offered(TWO)
    assert (
        play
        >> offer_ends("c1.1", OfferResult.BUSY)
        << rings("c1", "1002")
        << agent_is("1001", "busy")
        << timer("rest:1001", in_s=5)
        >> enters("c2")
        >> after(5)
        << rings("c2", "1001")
    )


def test_a_lone_busy_phone_is_not_hammered():
    play = offered()
    assert play >> offer_ends("c1.1", OfferResult.BUSY) >> enters("c2") >> after(4.9)
    assert play >> after(0.1) << rings("c1", "1001")


def test_a_ring_out_is_a_missed_call_and_the_limit_pauses():
    play = offered(missed_limit=3)
    assert (
        play
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        << rings("c1", "1001")
        >> offer_ends("c1.2", OfferResult.NO_ANSWER)
        << rings("c1", "1001")
        >> offer_ends("c1.3", OfferResult.NO_ANSWER)
        << agent_is("1001", "paused", reason="missed")
        >> after(500)
        >> ready("1001")
        << rings("c1", "1001")
        >> offer_ends("c1.4", OfferResult.NO_ANSWER)
        << rings("c1", "1001")
    )
    assert offers_of(play)[:4] == [("1001", "no_answer")] * 4


def test_a_ring_out_goes_to_the_next_agent_first():
    assert (
        offered(TWO)
        >> after(20)
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        << rings("c1", "1002")
        >> after(20)
        >> offer_ends("c1.2", OfferResult.NO_ANSWER)
        << rings("c1", "1001")
    )


def test_an_answer_and_a_refusal_break_the_row_of_ring_outs():
    play = offered(missed_limit=2, wrap_up_s=0)
    assert play >> offer_ends("c1.1", OfferResult.NO_ANSWER) << rings("c1", "1001")
    assert play >> picks_up("c1.2") >> connected("c1.2") >> leaves("c1") >> enters("c2") << rings("c2", "1001")
    assert play >> offer_ends("c2.1", OfferResult.NO_ANSWER) << rings("c2", "1001")
    assert play >> offer_ends("c2.2", OfferResult.REFUSED) >> after(10) << rings("c2", "1001")
    assert play >> offer_ends("c2.3", OfferResult.NO_ANSWER) << rings("c2", "1001")


def test_an_unreachable_phone_is_out_until_it_registers():
    assert (
        offered(TWO)
        >> offer_ends("c1.1", OfferResult.UNREACHABLE)
        << rings("c1", "1002")
        << agent_is("1001", "unreachable")
        >> enters("c2")
        >> after(20)
        >> reachable("1001")
        << rings("c2", "1001")
    )


def test_an_unreachable_phone_that_never_registers_is_tried_again_ever_more_seldom():
    play = offered(max_wait_s=7200)
    for number, rest_s in enumerate((30, 60, 120, 240, 300, 300), 1):
        assert (
            play
            >> offer_ends(f"c1.{number}", OfferResult.UNREACHABLE)
            << agent_is("1001", "unreachable")
            >> after(rest_s - 0.1)
            >> after(0.1)
            << rings("c1", "1001")
        )
    assert play >> picks_up("c1.7") >> connected("c1.7") >> leaves("c1") >> after(15)
    assert play >> enters("c2") << rings("c2", "1001")
    assert play >> offer_ends("c2.1", OfferResult.UNREACHABLE) >> after(30) << rings("c2", "1001")


def test_that_asterisk_still_holds_the_registration_is_no_news_of_a_phone_that_did_not_answer():
    play = offered()
    assert play >> offer_ends("c1.1", OfferResult.UNREACHABLE) >> after(5)
    assert play >> node_read(found("c1", "hold"), reachable=("1001",)) >> after(24.9)
    assert play >> after(0.1) << rings("c1", "1001")


def test_an_error_rests_the_call_and_the_agent_and_others_go_on():
    play = offered()
    assert (
        play
        >> offer_ends("c1.1", OfferResult.ERROR)
        << timer("retry:c1", in_s=2)
        >> enters("c2")
        >> after(1.9)
        >> after(0.1)
        << rings("c1", "1001")
    )


def test_a_broken_phone_does_not_stop_the_line_while_a_whole_one_is_free():
    play = offered(TWO)
    assert play >> offer_ends("c1.1", OfferResult.ERROR) >> enters("c2") << rings("c2", "1002")


def test_a_ring_that_asterisk_does_not_end_is_ended_here():
    play = offered(ring_timeout_s=10)
    assert play >> after(14.9) >> after(0.1) << withdraws("c1.1") << rings("c1", "1001")
    assert offers_of(play)[0] == ("1001", "no_answer")


def test_a_timer_that_comes_early_is_set_again():
    play = offered()
    assert play >> timer_due("ring:c1.1") << timer("ring:c1.1", in_s=25)


def test_events_about_a_dead_offer_change_nothing():
    play = offered(TWO)
    assert play >> offer_ends("c1.1", OfferResult.BUSY) << rings("c1", "1002")
    before = len(play.commands)
    assert (
        play
        >> picks_up("c1.1")
        >> connected("c1.1")
        >> talk_ends("c1.1")
        >> agent_leg_gone("c1.1")
        >> offer_ends("c1.1", OfferResult.REFUSED)
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        >> timer_due("ring:c1.1")
        >> held("c1")
    )
    assert len(play.commands) == before


def test_a_caller_who_leaves_while_it_rings_costs_the_agent_nothing():
    play = offered()
    assert (
        play
        >> ringing("c1.1")
        >> after(5)
        >> hangs_up("c1", Side.CALLER)
        >> agent_leg_gone("c1.1")
        >> leaves("c1")
        << fact("c1", "offer_ended", result="caller_left")
        << agent_is("1001", "ready")
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        << no(agent_is("1001", "paused"))
    )
    record = play.record("c1")
    assert (record.outcome, record.ended_by, record.wait_s) == (Outcome.ABANDONED, "caller", 5.0)
    assert play.core.engine.desk.agents["1001"].missed_in_row == 0
    assert play.timers() == set()


def test_a_caller_who_is_hanging_up_is_offered_to_nobody():
    play = offered(TWO)
    assert play >> hangs_up("c1", Side.CALLER) >> offer_ends("c1.1", OfferResult.CALLER_LEFT) >> leaves("c1")
    assert play.record("c1").outcome is Outcome.ABANDONED


def test_a_dialling_that_ended_because_the_caller_left_is_offered_to_nobody_else():
    assert offered(TWO) >> offer_ends("c1.1", OfferResult.CALLER_LEFT) >> after(1) >> leaves("c1")


def test_a_caller_who_leaves_between_answer_and_bridge_frees_the_agent_and_is_abandoned_once():
    play = offered()
    assert (
        play
        >> picks_up("c1.1")
        >> hangs_up("c1", Side.CALLER)
        >> leaves("c1")
        << agent_is("1001", "ready")
        << fact("c1", "ended", outcome="abandoned")
        >> connected("c1.1")
        << no(agent_is("1001", "talking"))
        >> talk_ends("c1.1")
        >> leaves("c1")
        << no(fact("c1", "ended"))
    )
    assert offers_of(play) == [("1001", "caller_left")]


def test_an_agent_who_is_gone_before_the_bridge_gives_the_caller_back_to_the_line():
    play = offered(TWO)
    assert (
        play
        >> picks_up("c1.1")
        >> agent_leg_gone("c1.1")
        >> talk_ends("c1.1")
        << holds("c1")
        << fact("c1", "offer_ended", result="error")
        >> after(2)
        << rings("c1", "1002")
    )


def test_logging_out_or_pausing_withdraws_a_ringing_offer():
    assert offered(TWO) >> pause("1001") << withdraws("c1.1") << rings("c1", "1002") << agent_is("1001", "paused")
    assert offered(TWO) >> logout("1001") << withdraws("c1.1") << rings("c1", "1002") << agent_is("1001", "offline")


def test_who_has_picked_up_keeps_the_call_even_when_pausing_or_logging_out():
    play = offered()
    assert play >> picks_up("c1.1") >> logout("1001") >> connected("c1.1") << agent_is("1001", "talking", call_id="c1")
    assert play >> leaves("c1") << agent_is("1001", "offline")


def test_a_phone_that_registers_anew_while_ringing_is_one_offer_and_no_missed_call():
    play = offered(missed_limit=1)
    assert (
        play
        >> reachable("1001", False)
        >> reachable("1001")
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        << rings("c1", "1001")
    )
    assert offers_of(play)[0] == ("1001", "unreachable")


@pytest.mark.fault(12)
def test_a_phone_that_registers_from_elsewhere_while_ringing_is_no_missed_call():
    play = offered(missed_limit=1)
    assert play >> renewed("1001") >> offer_ends("c1.1", OfferResult.NO_ANSWER) << rings("c1", "1001")
    assert offers_of(play)[0] == ("1001", "unreachable")


def test_a_phone_that_goes_while_ringing_is_no_missed_call_and_out():
    play = offered(missed_limit=1)
    assert play >> reachable("1001", False) >> after(25) << withdraws("c1.1") << agent_is("1001", "unreachable")
    assert play >> reachable("1001") << rings("c1", "1001")


def test_device_states_that_say_nothing_new_excuse_nobody():
    play = offered(missed_limit=1)
    assert play >> reachable("1001") >> offer_ends("c1.1", OfferResult.NO_ANSWER) << agent_is("1001", "paused")


def test_an_agent_on_a_call_of_their_own_is_busy_until_the_last_one_ends():
    play = start(plan(ONE))
    assert (
        play
        >> login("1001")
        >> own_call("1001", "a")
        << agent_is("1001", "busy")
        >> own_call("1001", "b")
        >> enters("c1")
        >> own_call_ends("1001", "a")
        >> own_call_ends("1001", "a")
        >> own_call_ends("1001", "b")
        << rings("c1", "1001")
    )


def test_an_unregistered_phone_is_unreachable_and_coming_back_is_the_end_of_the_idle_line():
    play = start(plan(TWO))
    assert play >> login("1001") >> after(1) >> login("1002")
    assert play >> reachable("1001", False) << agent_is("1001", "unreachable")
    assert play >> after(1) >> reachable("1001") << agent_is("1001", "ready") >> enters("c1") << rings("c1", "1002")


def test_a_stopping_daemon_withdraws_and_offers_no_more():
    play = offered(TWO)
    assert (
        play
        >> enters("c2")
        << rings("c2", "1002")
        >> picks_up("c2.1")
        >> stops()
        << withdraws("c1.1")
        >> enters("c3")
        >> ready("1001")
        >> connected("c2.1")
        << agent_is("1002", "talking")
    )
    assert offers_of(play) == [("1001", "withdrawn")]
