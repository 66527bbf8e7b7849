"""A talking caller whom an agent sends on: blind or asked, to an agent or a queue; and what may come in between."""

from __future__ import annotations

from itertools import permutations

import pytest

from acd.queues import events as ev
from acd.queues.model import OfferResult, Outcome, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    adopts,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    asks,
    away,
    connected,
    consults,
    enters,
    event,
    fact,
    found,
    handed_early,
    handed_over,
    hangs_up,
    held,
    holds,
    leaves,
    login,
    logout,
    looks,
    no,
    node_read,
    notes_queue,
    offer_ends,
    own_call,
    own_call_ends,
    pause,
    plan,
    queue,
    ready,
    reclaims,
    rings,
    says_bye,
    sent_on,
    served,
    talk_ends,
)

QUEUES = [
    queue("sales", "sales >= 1", SALES, wrap_up_s=15),
    queue("support", "support >= 1", SUPPORT, wrap_up_s=30),
]
ANNA, BORIS = "1001", "1002"


def talking() -> Playbook:
    """c1, who came 60 s ago, has talked with Anna of sales for 10 s; Boris of support is ready."""
    play = start(plan([agent(ANNA, sales=5), agent(BORIS, support=5)], QUEUES))
    assert play >> login(ANNA) >> login(BORIS) >> enters("c1", ago=60) << rings("c1", ANNA)
    for step in served("c1.1"):
        assert play >> step
    assert play >> after(10)
    return play


def asking(answered: bool = True) -> Playbook:
    """Anna has called support from her own phone, and talks with Boris since 5 s."""
    play = talking()
    assert play >> own_call(ANNA) >> consults(ANNA, "c2") << rings("c2", BORIS)
    if answered:
        for step in served("c2.1"):
            assert play >> step
        assert play >> after(5)
    return play


def legs(play: Playbook, call: str = "c1") -> list[tuple]:
    return [(leg.agent, leg.queue, leg.talk_s) for leg in play.record(call).legs]


# -- blind to a queue ------------------------------------------------------------------------------------------------


def test_blind_to_a_queue_keeps_the_place_and_begins_the_wrap_up():
    play = talking()
    joined_at = play.core.engine.calls["c1"].joined_at
    assert (
        play
        >> sent_on("c1", SUPPORT)
        << fact("c1", "talk_ended", agent=ANNA, by="agent")
        << fact("c1", "transferred", to="support", kind="blind", target="queue")
        << agent_is(ANNA, "wrap_up")
        << rings("c1", BORIS, queue="support", joined_at=joined_at)
        >> agent_leg_gone("c1.1")
        >> held("c1")
        >> connected("c1.2")
        >> after(20)
        >> hangs_up("c1", Side.AGENT)
        << agent_is(BORIS, "wrap_up")
        >> talk_ends("c1.2")
        << asks("c1", 1)
        >> leaves("c1")
    )
    assert legs(play) == [(ANNA, "sales", 10.0), (BORIS, "support", 20.0)]
    record = play.record("c1")
    assert (record.agent, record.talk_s, record.outcome) == (BORIS, 30.0, Outcome.ANSWERED)
    figures = play.core.book.figures
    assert (figures.queue("sales").offered, figures.queue("support").answered) == (0, 1)
    assert [(figures.agent(one).answered, figures.agent(one).talk_s) for one in (ANNA, BORIS)] == [(1, 10.0), (1, 20.0)]


SIGNS = {"leg": agent_leg_gone("c1.1"), "hangs up": hangs_up("c1", Side.AGENT), "sent on": sent_on("c1", SUPPORT)}


@pytest.mark.parametrize("order", list(permutations(SIGNS)), ids="-".join)
def test_it_does_not_matter_which_sign_of_the_transfer_comes_first(order):
    play = talking()
    for name in order:
        play >> SIGNS[name]
        if name == "sent on":
            play << rings("c1", BORIS)
        assert play
    assert play >> connected("c1.2") >> after(1) >> leaves("c1")
    assert legs(play) == [(ANNA, "sales", 10.0), (BORIS, "support", 1.0)]


def test_who_waits_in_the_second_queue_is_told_so_and_waits_by_its_first_entry():
    play = talking()
    assert (
        play >> pause(BORIS) >> enters("c2", SUPPORT, ago=30) >> sent_on("c1", SUPPORT) << notes_queue("c1", "support")
    )
    assert play >> ready(BORIS) << rings("c1", BORIS)


def test_a_caller_who_leaves_the_second_queue_was_answered_once():
    play = talking()
    assert play >> logout(BORIS) >> sent_on("c1", SUPPORT) >> after(5) >> leaves("c1")
    record = play.record("c1")
    assert (record.outcome, record.ended_by, record.survey_result) == (Outcome.ANSWERED, "caller", "not_offered")
    assert play.timers() == {"wrap:1001"}


# -- blind to an agent -----------------------------------------------------------------------------------------------


def test_blind_to_an_agent_asks_for_no_skill():
    play = talking()
    assert play >> sent_on("c1", BORIS) << rings("c1", BORIS, queue="sales") >> connected("c1.2") >> after(5)
    assert play >> leaves("c1") << agent_is(BORIS, "wrap_up")
    assert legs(play) == [(ANNA, "sales", 10.0), (BORIS, "sales", 5.0)]
    assert "only:c1" not in play.timers()


def test_an_agent_who_is_busy_is_waited_for_as_long_as_a_phone_rings():
    play = talking()
    assert play >> own_call(BORIS) >> sent_on("c1", BORIS) << no(fact("c1", "returned")) >> after(15)
    assert play >> ready(ANNA) >> after(4) >> own_call_ends(BORIS) << rings("c1", BORIS)


def test_after_that_the_caller_is_anybodys_again():
    play = talking()
    assert play >> pause(BORIS) >> sent_on("c1", BORIS) >> after(19) >> ready(ANNA)
    assert play >> after(1) << fact("c1", "returned", agent=BORIS, reason="not free in time") << rings("c1", ANNA)


@pytest.mark.parametrize("result", [OfferResult.REFUSED, OfferResult.NO_ANSWER, OfferResult.UNREACHABLE])
def test_an_agent_who_does_not_take_it_gives_the_caller_back_at_the_old_place(result):
    play = talking()
    joined_at = play.core.engine.calls["c1"].joined_at
    assert play >> sent_on("c1", BORIS) << rings("c1", BORIS) >> after(16)
    assert (
        play
        >> offer_ends("c1.2", result)
        << fact("c1", "returned", agent=BORIS, reason="did not take it")
        << rings("c1", ANNA, joined_at=joined_at)
    )


@pytest.mark.parametrize("to", ["", "999", "74950000000"])
def test_a_number_of_nobody_gives_the_caller_back(to):
    play = talking()
    assert play >> sent_on("c1", to) << fact("c1", "transferred", target="nobody") << fact("c1", "returned")
    assert play >> after(15) << rings("c1", ANNA)


def test_an_agent_who_is_not_here_or_oneself_is_not_waited_for():
    play = talking()
    assert play >> logout(BORIS) >> sent_on("c1", BORIS) << fact("c1", "returned", reason="logged out")
    play = talking()
    assert play >> sent_on("c1", ANNA) << fact("c1", "returned", reason="sent it")
    assert play >> after(15) << rings("c1", ANNA)


def test_who_sent_the_caller_is_asked_when_nobody_else_is_left():
    play = start(
        plan([agent(ANNA, sales=5), agent(BORIS, sales=5)], [queue("sales", "sales >= 1", SALES, wrap_up_s=0)])
    )
    assert play >> login(ANNA) >> login(BORIS) >> enters("c1") << rings("c1", ANNA) >> connected("c1.1") >> after(3)
    assert play >> sent_on("c1", SALES) << rings("c1", BORIS) >> offer_ends("c1.2", OfferResult.REFUSED)
    assert play >> after(10) << rings("c1", ANNA)


def test_an_agent_who_goes_home_while_a_call_is_held_for_them():
    play = talking()
    assert play >> pause(BORIS) >> sent_on("c1", BORIS) >> logout(BORIS) << fact("c1", "returned", reason="logged out")


def test_a_held_caller_may_hang_up():
    play = talking()
    assert play >> pause(BORIS) >> sent_on("c1", BORIS) >> leaves("c1") >> after(60)
    assert play.timers() == set()


def test_a_transfer_of_a_call_nobody_talks_on_is_nothing():
    play = start(plan([agent(ANNA, sales=5)], QUEUES))
    assert play >> enters("c1") >> sent_on("c1", SUPPORT) << no(fact("c1", "transferred"))
    assert play >> handed_over("c1", ANNA, "c9.1") << no(fact("c1", "transferred"))
    assert play >> sent_on("c9", SUPPORT) >> handed_early("c9")
    play = talking()
    assert play >> talk_ends("c1.1") << asks("c1", 1) >> hangs_up("c1", Side.CALLER) >> leaves("c1")
    assert play >> sent_on("c1", SUPPORT) << no(fact("c1", "transferred"))


# -- attended --------------------------------------------------------------------------------------------------------


def test_attended_through_a_queue_is_one_journey():
    play = asking()
    assert (
        play
        >> handed_over("c1", BORIS, "c2.1", "c2")
        << fact("c1", "talk_ended", agent=ANNA, by="agent")
        << fact("c2", "merged", into="c1")
        << fact("c1", "transferred", to=BORIS, kind="attended", target="agent", consultation="c2")
        << fact("c1", "connected", agent=BORIS, offer_id="c2.1")
        << adopts("c1", "c2.1", BORIS)
        << agent_is(ANNA, "wrap_up")
        << agent_is(BORIS, "talking", call_id="c1")
        >> handed_over("c1", BORIS, "c2.1", "c2")
        << no(fact("c1", "transferred"))
        >> agent_leg_gone("c1.1")
        >> leaves("c2")
        << fact("c2", "ended", outcome="answered")
        >> own_call_ends(ANNA)
        >> after(20)
        >> hangs_up("c1", Side.AGENT)
        << agent_is(BORIS, "wrap_up")
        >> agent_leg_gone("c2.1")
        >> talk_ends("c2.1")
        << asks("c1", 1)
        >> leaves("c1")
    )
    assert legs(play) == [(ANNA, "sales", 15.0), (BORIS, "support", 20.0)]
    assert legs(play, "c2") == [(BORIS, "support", 5.0)]
    question = play.record("c2")
    assert (question.from_agent, question.merged_into, question.survey_result) == (ANNA, "c1", "not_offered")
    figures = play.core.book.figures
    assert (figures.queue("support").offered, figures.queue("sales").offered) == (1, 0)
    assert (figures.agent(BORIS).answered, figures.agent(BORIS).talk_s) == (1, 25.0)


ENDS = {
    "leg": agent_leg_gone("c1.1"),
    "question": leaves("c2"),
    "over": handed_over("c1", BORIS, "c2.1", "c2"),
    "own": own_call_ends(ANNA),
}


@pytest.mark.parametrize("order", list(permutations(ENDS)), ids="-".join)
def test_the_signs_of_an_attended_transfer_may_come_in_any_order(order):
    play = asking()
    for name in order:
        assert play >> ENDS[name]
    engine = play.core.engine
    assert engine.desk.agents[BORIS].call_id == "c1" and engine.desk.agents[BORIS].wrap_until is None
    assert play >> after(3) >> leaves("c1")
    assert legs(play)[1:] == [(BORIS, "support" if order.index("over") < order.index("question") else "sales", 3.0)]
    assert play.record("c2").merged_into in ("c1", None)


def test_attended_to_an_agent_who_was_called_directly():
    play = talking()
    assert play >> own_call(ANNA, "a") >> own_call(BORIS, "b") << agent_is(BORIS, "busy") >> after(5)
    assert (
        play
        >> handed_over("c1", BORIS, "c1.t7")
        << agent_is(BORIS, "talking", call_id="c1")
        << agent_is(ANNA, "wrap_up")
        << adopts("c1", "c1.t7", BORIS)
        >> own_call_ends(BORIS, "b")
        >> own_call_ends(ANNA, "a")
        >> after(2)
        >> talk_ends("c1.t7")
        << asks("c1", 1)
        << agent_is(BORIS, "wrap_up")
    )
    assert legs(play) == [(ANNA, "sales", 15.0), (BORIS, "sales", 2.0)]


def test_there_and_back():
    play = asking()
    assert play >> handed_over("c1", BORIS, "c2.1", "c2") >> leaves("c2") >> own_call_ends(ANNA) >> after(15)
    assert play >> own_call(BORIS) >> consults(BORIS, "c3", SALES) << rings("c3", ANNA) >> connected("c3.1")
    assert play >> handed_over("c1", ANNA, "c3.1", "c3") << agent_is(BORIS, "wrap_up") >> leaves("c3") >> after(4)
    assert play >> talk_ends("c3.1") << asks("c1", 1)
    assert [leg[:2] for leg in legs(play)] == [(ANNA, "sales"), (BORIS, "support"), (ANNA, "sales")]


def test_attended_to_somebody_outside():
    play = talking()
    assert play >> handed_over("c1", None, None) << fact("c1", "transferred", target="outside", to="")
    assert play >> agent_leg_gone("c1.1") >> after(9) >> leaves("c1")
    assert legs(play) == [(ANNA, "sales", 10.0), (None, "sales", 9.0)]


def test_a_colleague_behind_a_local_channel_is_looked_for_when_it_is_gone():
    play = talking()
    seen = found("c1", "connect", queue="sales", offer_id="c1.t7", agent_id=BORIS, bridged=True, handed_over=True)
    a_look = node_read(seen, reachable=(ANNA, BORIS))
    before = found("c1", "connect", offer_id="c1.1", agent_id=ANNA, bridged=True)
    assert play >> node_read(before, reachable=(ANNA, BORIS))
    assert play >> handed_over("c1", None, None) >> after(1.3) << looks()
    assert play >> a_look >> after(1.1) << looks() >> a_look << agent_is(BORIS, "talking", call_id="c1")


def test_after_a_talk_outside_nobody_is_asked_and_nobody_is_lost():
    play = talking()
    assert play >> handed_over("c1", None, None) >> talk_ends("c1.1") << no(fact("c1", "survey_asked"))
    assert play >> after(5) >> leaves("c1")


def test_completed_while_the_question_rings_is_sent_on_to_that_queue():
    play = asking(answered=False)
    joined_at = play.core.engine.calls["c1"].joined_at
    assert (
        play
        >> handed_early("c1", consultation="c2")
        << reclaims("c1")
        << fact("c2", "offer_ended", result="withdrawn")
        << fact("c1", "transferred", kind="attended", target="queue", to="support", consultation="c2")
        << holds("c1")
        << rings("c1", BORIS, queue="support", joined_at=joined_at)
        >> leaves("c2")
        >> own_call_ends(ANNA)
        >> connected("c1.2")
    )
    assert play.record("c2").outcome == Outcome.ABANDONED and play.record("c2").merged_into == "c1"


def test_completed_while_a_colleague_rings_is_sent_on_to_the_colleague():
    play = talking()
    assert play >> own_call(ANNA, "a") >> own_call(BORIS, "b") >> handed_early("c1", BORIS) << holds("c1")
    assert play >> own_call_ends(BORIS, "b") << rings("c1", BORIS)


def test_completed_while_it_rings_outside_gives_the_caller_back():
    play = talking()
    assert play >> handed_early("c1") << holds("c1") << fact("c1", "returned", reason="nobody had answered")
    assert play >> after(15) << rings("c1", ANNA)


# -- what else may happen --------------------------------------------------------------------------------------------


def test_the_caller_hangs_up_while_the_agent_asks():
    play = asking()
    assert play >> hangs_up("c1", Side.CALLER) << agent_is(ANNA, "wrap_up") >> leaves("c1") >> after(15)
    assert play >> leaves("c2") << agent_is(BORIS, "wrap_up") >> own_call_ends(ANNA) << agent_is(ANNA, "ready")


def test_the_agent_hangs_up_instead_of_completing():
    play = asking()
    assert play >> hangs_up("c1", Side.AGENT) >> talk_ends("c1.1") << asks("c1", 1) >> leaves("c1")
    assert play.record("c1").legs[0].ended_by == "agent"
    assert play >> leaves("c2") >> own_call_ends(ANNA)


def test_who_is_asked_refuses_and_the_question_waits_on():
    play = asking(answered=False)
    assert play >> offer_ends("c2.1", OfferResult.REFUSED) >> after(10) << rings("c2", BORIS)
    assert play >> leaves("c2") << agent_is(BORIS, "ready")
    assert play.record("c1").legs[0].talk_s is None


def test_an_agent_who_asks_is_not_asked_for_a_score():
    play = asking()
    assert play >> hangs_up("c2", Side.AGENT) >> talk_ends("c2.1") << says_bye("c2") >> leaves("c2")
    assert play.record("c2").survey_result == "not_offered"


def test_a_conversation_handed_over_while_nobody_listened_is_seen_in_the_picture():
    play = talking()
    seen = found("c1", "connect", queue="sales", offer_id="c1.t7", agent_id=BORIS, bridged=True, handed_over=True)
    assert (
        play
        >> node_read(seen, reachable=(ANNA, BORIS))
        << fact("c1", "transferred", to=BORIS)
        << adopts("c1", "c1.t7", BORIS)
        << agent_is(ANNA, "wrap_up")
        << agent_is(BORIS, "talking", call_id="c1")
        >> node_read(seen, reachable=(ANNA, BORIS))
        << no(fact("c1", "transferred"))
        >> talk_ends("c1.t7")
        << asks("c1", 1)
    )


def test_a_stranger_found_in_a_handed_over_conversation_is_taken_as_it_is():
    play = start(plan([agent(ANNA, sales=5), agent(BORIS, support=5)], QUEUES))
    seen = found("c1", "connect", queue="sales", offer_id="c1.t7", agent_id=BORIS, bridged=True, handed_over=True)
    assert play >> login(BORIS) >> node_read(seen, reachable=(ANNA, BORIS)) << adopts("c1", "c1.t7", BORIS)
    assert play >> talk_ends("c1.t7") << asks("c1", 1)


def test_a_caller_sent_on_while_the_heartbeat_was_stale_comes_home():
    play = talking()
    assert play >> sent_on("c1", SUPPORT) << rings("c1", BORIS) >> offer_ends("c1.2", OfferResult.UNREACHABLE)
    assert play >> away("c1") >> held("c1")


def test_a_call_that_was_sent_on_and_rings_when_the_daemon_dies_rings_on():
    play = talking()
    assert play >> sent_on("c1", SUPPORT) << rings("c1", BORIS)
    again = start(plan([agent(ANNA, sales=5), agent(BORIS, support=5)], QUEUES))
    again.now = play.now
    assert again >> event("the records are read", lambda at: ev.Restored(at, (play.record("c1"),))) >> login(BORIS)
    seen = found("c1", "connect", queue="support", offer_id="c1.2", agent_id=BORIS)
    assert again >> node_read(seen, reachable=(ANNA, BORIS)) << no(fact("c1", "offer_ended")) >> connected("c1.2")
    assert again >> after(4) >> leaves("c1")
    assert legs(again) == [(ANNA, "sales", 10.0), (BORIS, "support", 4.0)]


def test_a_conversation_that_was_handed_over_before_the_daemon_died_goes_on():
    play = asking()
    assert play >> handed_over("c1", BORIS, "c2.1", "c2") >> leaves("c2")
    again = start(plan([agent(ANNA, sales=5), agent(BORIS, support=5)], QUEUES))
    again.now = play.now
    seen = found("c1", "connect", queue="support", offer_id="c2.1", agent_id=BORIS, bridged=True)
    assert (
        again
        >> event("the records are read", lambda at: ev.Restored(at, (play.record("c1"),)))
        >> node_read(seen, reachable=(ANNA, BORIS))
        >> after(6)
    )
    assert again >> talk_ends("c2.1") << asks("c1", 1) << agent_is(BORIS, "offline")
    assert legs(again) == [(ANNA, "sales", 15.0), (BORIS, "support", 6.0)]
