"""Events that never come: what makes the brain look, and what it makes of what it sees.

A look that contradicts what is believed is believed itself when the next one, a second later, shows the same.
"""

from __future__ import annotations

import pytest

from acd.queues.model import OfferResult, Outcome, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    Says,
    Step,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    asks,
    away,
    connected,
    corrects,
    enters,
    fact,
    found,
    hangs_up,
    held,
    leaves,
    login,
    looks,
    no,
    node_lost,
    node_read,
    offer_ends,
    picks_up,
    plan,
    queue,
    ringing,
    rings,
    talk_ends,
    withdraws,
)

AGENTS = [agent("1001", sales=5), agent("1002", sales=5)]
OFFER = {"offer_id": "c1.1", "agent_id": "1001"}
HOLD = found("c1", "hold", **OFFER)
DIALS = found("c1", "connect", **OFFER)
TALKS = found("c1", "connect", bridged=True, **OFFER)
AFTER = found("c1", "after", **OFFER)
SETTLED_S = 1.25


def sees(*calls, own=()) -> Step:
    return node_read(*calls, reachable=("1001",), own=own)


def shop(*steps: Step, survey: bool = True) -> Playbook:
    """A caller rings at the only agent, in an Asterisk that has been listened to all the while."""
    facts = {} if survey else {"wrap_up_s": 0}
    play = start(plan(AGENTS, [queue("sales", "sales >= 1", SALES, **facts)]))
    assert play >> sees() >> login("1001") >> enters("c1") << rings("c1", "1001")
    for step in steps:
        assert play >> step
    return play


# -- what makes it look -----------------------------------------------------------------------------------------------


def test_an_offer_of_which_nothing_rings_is_looked_at_if_it_was_not_dialled_either():
    assert shop() >> after(1.2) << no(looks("c1.1")) >> after(0.1) << looks("c1.1")


def test_a_phone_that_rings_is_looked_at_when_its_time_is_over():
    play = shop(ringing("c1.1"))
    assert play >> after(21.9) << no(looks()) >> after(0.2) << looks()
    assert play >> after(2.8) >> after(0.2) << withdraws("c1.1") << rings("c1", "1001")


def test_a_phone_that_is_slow_to_ring_is_looked_at_then_as_well():
    assert shop() >> after(2) << looks("c1.1") >> after(20.1) << looks()


def test_a_caller_on_hold_whose_phone_has_rung_is_looked_at():
    assert shop(ringing("c1.1")) >> held("c1") >> after(1.3) << looks()


def test_a_bridge_that_does_not_come_is_looked_for():
    assert shop(picks_up("c1.1")) >> after(1.3) << looks()


def test_a_caller_who_hung_up_and_does_not_go_is_looked_for():
    assert shop(ringing("c1.1")) >> hangs_up("c1", Side.CALLER) >> after(1.3) << looks()
    play = shop(ringing("c1.1"))
    assert play >> offer_ends("c1.1", OfferResult.CALLER_LEFT) >> after(1.3) << looks()


def test_after_a_conversation_the_dialplan_is_waited_for():
    play = shop(picks_up("c1.1"), connected("c1.1"))
    assert play >> agent_leg_gone("c1.1") >> after(1.3) << looks()


@pytest.mark.parametrize(
    ("steps", "leads_to"),
    [
        ((ringing("c1.1"), picks_up("c1.1"), connected("c1.1")), ()),
        ((ringing("c1.1"), offer_ends("c1.1", OfferResult.NO_ANSWER)), (rings("c1", "1001"),)),
        ((picks_up("c1.1"), connected("c1.1"), agent_leg_gone("c1.1"), talk_ends("c1.1")), (asks("c1", 1),)),
        ((ringing("c1.1"), hangs_up("c1", Side.CALLER), leaves("c1")), ()),
    ],
)
def test_what_goes_its_way_is_not_looked_at(steps: tuple[Step, ...], leads_to: tuple[Says, ...]):
    *before, last = steps
    play = shop(*before) >> last
    for says in leads_to:
        play = play << says
    assert play >> after(1.1) << no(looks()) << no(looks("c1.2"))


def test_nobody_looks_at_an_asterisk_out_of_reach():
    assert shop() >> node_lost() >> after(60) << no(looks()) << no(looks("c1.1"))


# -- what it makes of it ----------------------------------------------------------------------------------------------


def test_what_contradicts_is_looked_at_twice():
    play = shop(ringing("c1.1"), after(SETTLED_S))
    assert play >> sees(HOLD) << no(fact("c1", "reconciled")) << no(looks())
    assert play >> after(1) << looks()
    assert (
        play
        >> sees(HOLD)
        << corrects("offer_ended", call_id="c1")
        << fact("c1", "reconciled")
        << fact("c1", "offer_ended", result="withdrawn")
        << rings("c1", "1001")
    )


def test_what_was_only_on_its_way_is_not_looked_at_again():
    play = shop(ringing("c1.1"), after(SETTLED_S))
    assert play >> sees(HOLD) >> after(0.1) >> offer_ends("c1.1", OfferResult.REFUSED)
    assert play >> after(1) << no(looks())
    assert not play.record("c1").reconciled


def test_a_doubt_about_what_has_changed_since_begins_anew():
    play = shop(ringing("c1.1"), after(SETTLED_S))
    assert play >> sees(HOLD) >> picks_up("c1.1") >> after(SETTLED_S)
    assert play >> sees(HOLD) << no(fact("c1", "reconciled"))


def test_a_call_that_was_never_dialled_is_offered_again_after_others():
    play = shop()
    assert play >> enters("c2") >> after(SETTLED_S) << looks("c1.1")
    waits = found("c2", "hold")
    assert play >> sees(HOLD, waits) >> after(1) << looks()
    assert play >> sees(HOLD, waits) << corrects("offer_ended") << rings("c2", "1001")
    assert play >> offer_ends("c2.1", OfferResult.REFUSED) >> after(2) << rings("c1", "1001")


def test_a_call_whose_refusal_was_not_heard_is_offered_again_at_once():
    play = shop(ringing("c1.1"), held("c1"), after(SETTLED_S))
    assert play >> sees(HOLD) >> after(1) << looks()
    assert play >> sees(HOLD) << corrects("offer_ended") << rings("c1", "1001")


def test_a_bridge_that_was_not_heard_is_seen_and_nobody_is_cut_off():
    play = shop(ringing("c1.1"), after(22))
    assert play >> sees(TALKS) >> after(1) << looks()
    assert play >> sees(TALKS) << corrects("answered") << agent_is("1001", "talking")
    assert play >> after(60) >> talk_ends("c1.1") << asks("c1", 1)
    assert play.record("c1").reconciled


def test_the_end_of_a_conversation_that_was_not_heard_leads_to_the_survey():
    play = shop(picks_up("c1.1"), connected("c1.1"), after(30))
    assert play >> sees(AFTER) >> after(1) << looks()
    assert play >> sees(AFTER) << corrects("talk_ended") << agent_is("1001", "wrap_up") << asks("c1", 1)


def test_a_survey_that_the_dialplan_was_not_heard_to_wait_for_begins_all_the_same():
    play = shop(picks_up("c1.1"), connected("c1.1"), after(30), hangs_up("c1", Side.AGENT))
    assert play >> after(SETTLED_S) << looks()
    assert play >> sees(AFTER) >> after(1) << looks()
    assert play >> sees(AFTER) << corrects("survey") << asks("c1", 1)
    assert play >> sees(AFTER) >> after(1) << no(looks())


def test_who_hung_up_and_is_gone_has_abandoned():
    play = shop(hangs_up("c1", Side.CALLER))
    assert play >> sees() << corrects("ended") << agent_is("1001", "ready")
    record = play.record("c1")
    assert (record.outcome, record.ended_by, record.reconciled) == (Outcome.ABANDONED, Side.CALLER, True)


def test_who_seemed_to_hang_up_and_is_still_there_waits_on():
    play = shop(ringing("c1.1"), offer_ends("c1.1", OfferResult.CALLER_LEFT), after(SETTLED_S))
    assert play >> sees(HOLD) << corrects("still_here") << rings("c1", "1001")


def test_the_way_to_the_fallback_queue_and_back_is_seen():
    play = start(plan(AGENTS, [queue("sales", "sales >= 1", SALES)]))
    away_seen = found("c1", "fallback")
    assert play >> sees() >> enters("c1") >> sees(away_seen) >> after(1) << looks()
    assert play >> sees(away_seen) << corrects("away")
    assert play >> login("1001") >> after(1) >> sees(found("c1", "hold")) >> after(1) << looks()
    assert play >> sees(found("c1", "hold")) << corrects("home") << rings("c1", "1001")
    fell = start(plan(AGENTS, [queue("sales", "sales >= 1", SALES)]))
    assert fell >> sees() >> enters("c1") >> away("c1") >> sees(away_seen) << no(corrects("away"))


def test_phones_and_own_calls_are_counted_when_they_had_been_heard_of():
    play = start(plan(AGENTS, [queue("sales", "sales >= 1", SALES)]))
    assert play >> sees() << no(corrects("phone"))
    assert play >> sees(own=(("1001", "PJSIP/1001-1"),)) << corrects("own_call", agent_id="1001")
    assert play >> node_read(reachable=("1001", "1002")) << corrects("phone", agent_id="1002") << corrects("own_call")
    assert play >> node_read(reachable=("1001", "1002")) << no(corrects("phone")) << no(corrects("own_call"))


def test_a_conversation_is_never_doubted_while_it_is_seen():
    play = shop(picks_up("c1.1"), connected("c1.1"))
    for _ in range(3):
        assert play >> after(25) >> sees(TALKS) >> after(1) << no(looks())
    assert not play.record("c1").reconciled
