"""Several phones ring for one call, and phones in the town that take a call by a key."""

from __future__ import annotations

import pytest

from acd.queues.model import AgentId, OfferId, OfferResult, Outcome, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    connected,
    drops,
    enters,
    fact,
    found,
    hangs_up,
    holds,
    leaves,
    login,
    logout,
    mirrors,
    no,
    node_lost,
    node_read,
    offer_ends,
    pause,
    picks_up,
    plan,
    pulled,
    queue,
    reachable,
    ready,
    ringing,
    rings,
    rings_all,
    sent_on,
    stops,
    talk_ends,
    timer,
    withdraws,
)

THREE = [agent("1001", sales=5), agent("1002", sales=5), agent("1003", sales=5)]
OUTSIDE = agent("0901", confirm=True, sales=5)


def all_ring(agents=THREE, **queue_facts) -> Playbook:
    """c1 rings at all who are there; they logged in one second after the other."""
    facts = {"strategy": "ring_all", **queue_facts}
    play = start(plan(agents, [queue("sales", "sales >= 1", SALES, **facts)]))
    for one in agents:
        assert play >> login(one.id) >> after(1)
    return play


def results(play: Playbook, call: str = "c1") -> dict[str, str | None]:
    return {offer.agent: offer.result for offer in play.record(call).offers}


def rung() -> Playbook:
    play = all_ring()
    assert play >> enters("c1") << rings_all("c1", "1001", "1002", "1003")
    return play


def test_all_who_may_take_it_are_rung_at_once_by_one_order():
    play = rung()
    (ring,) = [command for command in play.commands if type(command).__name__ == "Ring"]
    assert [leg.offer_id for leg in ring.legs] == ["c1.1", "c1.2", "c1.3"]
    assert {one.state_since for one in play.core.engine.desk.agents.values()} == {play.now}


def test_the_first_to_pick_up_has_the_call_and_nobody_missed_it():
    play = rung()
    assert (
        play
        >> ringing("c1.2")
        >> ringing("c1.1")
        >> after(3)
        >> picks_up("c1.2")
        << fact("c1", "offer_ended", offer_id="c1.1", result="elsewhere")
        << fact("c1", "offer_ended", offer_id="c1.3", result="elsewhere")
        << agent_is("1001", "ready")
        << agent_is("1003", "ready")
        >> picks_up("c1.1")
        >> offer_ends("c1.1", OfferResult.NO_ANSWER)
        >> agent_leg_gone("c1.1")
        >> connected("c1.2")
        << agent_is("1002", "talking", call_id="c1")
    )
    assert results(play) == {"1001": "elsewhere", "1002": "answered", "1003": "elsewhere"}
    assert play.record("c1").agent == "1002"
    agents = play.core.engine.desk.agents
    assert [one.missed_in_row for one in agents.values()] == [0, 0, 0]
    assert [play.core.book.figures.agent(one).missed for one in agents] == [0, 0, 0]
    assert play.timers() == set()


def test_an_agent_whose_phone_is_answered_elsewhere_takes_the_next_call_in_the_same_moment():
    play = rung()
    assert play >> enters("c2") >> picks_up("c1.1") << rings_all("c2", "1002", "1003")


def test_the_bridge_alone_proves_who_picked_up():
    play = rung()
    assert play >> connected("c1.3") << agent_is("1003", "talking", call_id="c1") << agent_is("1001", "ready")


def test_each_phone_that_stops_frees_its_agent_and_the_others_ring_on():
    play = rung()
    assert (
        play
        >> offer_ends("c1.2", OfferResult.REFUSED)
        << agent_is("1002", "ready")
        >> offer_ends("c1.1", OfferResult.BUSY)
        << agent_is("1001", "busy")
        << no(fact("c1", "queued"))
        >> enters("c2")
        << rings("c2", "1002")
        >> picks_up("c1.3")
        >> connected("c1.3")
        << agent_is("1003", "talking", call_id="c1")
    )
    assert results(play) == {"1001": "busy", "1002": "refused", "1003": "answered"}


def test_with_the_last_phone_that_stops_the_call_waits_at_its_old_place():
    play = rung()
    joined_at = play.core.engine.calls["c1"].joined_at
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) >> offer_ends("c1.2", OfferResult.BUSY)
    assert play >> offer_ends("c1.3", OfferResult.UNREACHABLE) << agent_is("1003", "unreachable")
    assert play >> after(5) << rings("c1", "1002", joined_at=joined_at)


def test_a_ring_out_is_missed_by_each_whose_phone_rang_and_they_are_rung_again():
    play = rung()
    assert play >> after(20) >> offer_ends("c1.1", OfferResult.NO_ANSWER) >> offer_ends("c1.2", OfferResult.NO_ANSWER)
    assert play >> offer_ends("c1.3", OfferResult.NO_ANSWER) << rings_all("c1", "1001", "1002", "1003")
    assert [one.missed_in_row for one in play.core.engine.desk.agents.values()] == [1, 1, 1]


def test_a_ring_that_asterisk_does_not_end_is_withdrawn_once():
    play = rung()
    assert play >> reachable("1002", False) >> reachable("1002")
    assert play >> after(25) << withdraws("c1.1") << rings_all("c1", "1001", "1002", "1003")
    first = [(offer.agent, offer.result) for offer in play.record("c1").offers][:3]
    assert first == [("1001", "no_answer"), ("1002", "unreachable"), ("1003", "no_answer")]


def test_who_logs_out_or_pauses_stops_the_own_phone_only():
    play = rung()
    assert play >> pause("1001") << drops("c1.1") << agent_is("1001", "paused")
    assert play >> logout("1002") << drops("c1.2") << agent_is("1002", "offline")
    assert play >> pause("1003") << withdraws("c1.3")
    assert set(results(play).values()) == {"withdrawn"}
    assert play >> ready("1003") << rings("c1", "1003")


def test_a_supervisor_who_gives_the_call_to_one_of_those_who_ring_stops_the_others():
    play = rung()
    assert play >> pulled("c1", "1002") << drops("c1.1") << drops("c1.3") << fact("c1", "pulled", agent="1002")
    assert play >> pulled("c1", "1002") >> picks_up("c1.2") >> connected("c1.2") << agent_is("1002", "talking")


def test_a_supervisor_who_gives_it_to_somebody_else_stops_all():
    play = all_ring([*THREE, agent("1004", support=5)])
    assert play >> enters("c1") << rings_all("c1", "1001", "1002", "1003")
    assert play >> pulled("c1", "1004") << withdraws("c1.1") << rings_all("c1", "1004")
    assert set(results(play).values()) == {"withdrawn", None}


def test_a_stopping_daemon_withdraws_the_dialling_as_one():
    play = rung()
    assert play >> stops() << withdraws("c1.1")
    assert set(results(play).values()) == {"withdrawn"}


def test_a_caller_who_leaves_frees_all():
    play = rung()
    assert play >> hangs_up("c1", Side.CALLER) >> leaves("c1") << agent_is("1001", "ready") << agent_is("1003", "ready")
    assert set(results(play).values()) == {"caller_left"}
    assert play.record("c1").outcome is Outcome.ABANDONED
    assert play.timers() == set()


def test_who_is_gone_before_the_bridge_costs_the_others_nothing_but_a_second_ring():
    play = rung()
    assert play >> picks_up("c1.2") >> talk_ends("c1.2") << holds("c1") >> after(1.9)
    assert play >> after(0.1) << rings_all("c1", "1001", "1003", "1002")
    assert [offer.result for offer in play.record("c1").offers][:3] == ["elsewhere", "error", "elsewhere"]


def test_a_phone_that_failed_beside_holds_nobody_up_once_another_was_answered():
    """The call rests two seconds after an error; it is over with the talk, and no timer would end it later."""
    agents = [*THREE, agent("1004", support=5)]
    queues = [queue("sales", "sales >= 1", SALES, strategy="ring_all"), queue("support", "support >= 1", SUPPORT)]
    play = start(plan(agents, queues))
    for one in agents:
        assert play >> login(one.id)
    assert play >> enters("c1") << rings_all("c1", "1001", "1002", "1003")
    assert play >> offer_ends("c1.1", OfferResult.ERROR) >> picks_up("c1.2") >> connected("c1.2")
    assert play >> sent_on("c1", SUPPORT) << rings("c1", "1004", queue="support")


def test_an_agent_at_a_phone_is_rung_for_one_call_only():
    assert rung() >> enters("c2") >> offer_ends("c1.1", OfferResult.NO_ANSWER) << rings("c2", "1001")


def test_several_offers_are_read_back_after_a_restart_and_the_rest_of_them_goes_on():
    play = all_ring()
    seen = found(
        "c1",
        "connect",
        queue="sales",
        offer_id="c1.1",
        agent_id="1001",
        beside=((OfferId("c1.3"), AgentId("1003")),),
    )
    everybody = ("1001", "1002", "1003")
    assert play >> node_read(seen, reachable=everybody) << agent_is("1001", "offered") << agent_is("1003", "offered")
    assert play >> enters("c2") << rings_all("c2", "1002")
    assert play >> connected("c1.3") << agent_is("1003", "talking") << agent_is("1001", "ready")
    assert play >> offer_ends("c2.1", OfferResult.NO_ANSWER) << rings_all("c2", "1001", "1002")


def test_a_picture_shows_which_of_several_phones_still_ring_and_who_talks():
    play = rung()
    everybody = ("1001", "1002", "1003")
    two = found(
        "c1", "connect", queue="sales", offer_id="c1.2", agent_id="1002", beside=((OfferId("c1.3"), AgentId("1003")),)
    )
    assert play >> after(5) >> node_read(two, reachable=everybody) << agent_is("1001", "ready")
    assert play >> node_lost()
    talking = found("c1", "connect", queue="sales", offer_id="c1.3", agent_id="1003", bridged=True)
    assert play >> after(5) >> node_read(talking, reachable=everybody) << agent_is("1003", "talking", call_id="c1")
    assert results(play) == {"1001": "withdrawn", "1002": "elsewhere", "1003": "answered"}


# -- a phone in the town ------------------------------------------------------------------------------------


def outside(*others, **queue_facts) -> Playbook:
    """0901 in the town and others; c1 rings at 0901."""
    play = start(plan([OUTSIDE, *others], [queue("sales", "sales >= 1", SALES, **queue_facts)]))
    for one in (OUTSIDE, *others):
        assert play >> login(one.id) >> after(1)
    assert play >> enters("c1") << rings("c1", "0901", confirm_s=10.0)
    return play


def test_a_voicemail_box_is_a_ring_out_with_a_reason_of_its_own_and_the_place_is_kept():
    play = outside(THREE[0])
    joined_at = play.core.engine.calls["c1"].joined_at
    assert (
        play
        >> after(30)
        >> offer_ends("c1.1", OfferResult.NO_ANSWER, "unconfirmed")
        << fact("c1", "offer_ended", result="no_answer", reason="unconfirmed")
        << rings("c1", "1001", confirm_s=0.0, joined_at=joined_at)
    )
    assert play.core.engine.desk.agents["0901"].missed_in_row == 1


def test_the_time_for_the_key_is_added_to_the_time_to_ring():
    play = outside()
    assert play >> after(44.9) >> after(0.1) << withdraws("c1.1") << drops("c1.1") << rings("c1", "0901")


def test_a_key_is_an_answer():
    assert outside() >> ringing("c1.1") >> picks_up("c1.1") >> connected("c1.1") << agent_is("0901", "talking")


def test_a_caller_who_leaves_takes_the_leg_along():
    play = outside()
    assert play >> hangs_up("c1", Side.CALLER) << drops("c1.1") >> leaves("c1") << agent_is("0901", "ready")


def test_who_pauses_while_the_key_is_asked_for_is_hung_up_and_the_dialplan_says_when():
    play = outside(THREE[0])
    assert play >> pause("0901") << drops("c1.1") << no(rings("c1", "1001"))
    assert (
        play
        >> offer_ends("c1.1", OfferResult.NO_ANSWER, "unconfirmed")
        << agent_is("0901", "paused")
        << rings("c1", "1001")
    )
    assert results(play)["0901"] == "withdrawn"
    assert play.core.engine.desk.agents["0901"].missed_in_row == 0


def test_a_stopping_daemon_ends_the_question_too():
    assert outside() >> stops() << withdraws("c1.1") << drops("c1.1")


def test_where_all_ring_an_outside_phone_has_its_own_turn():
    agents = [THREE[0], OUTSIDE, THREE[1]]
    play = all_ring(agents)
    assert play >> enters("c1") << rings_all("c1", "1001", "1002", confirm_s=0.0)
    assert play >> offer_ends("c1.1", OfferResult.NO_ANSWER)
    assert play >> offer_ends("c1.2", OfferResult.NO_ANSWER) << rings_all("c1", "0901", confirm_s=10.0)
    assert (
        play >> after(1) >> offer_ends("c1.3", OfferResult.NO_ANSWER, "unconfirmed") << rings_all("c1", "1001", "1002")
    )
    assert results(play)["0901"] == "no_answer"


def test_an_outside_phone_is_no_member_of_the_fallback_queue():
    play = start(plan([OUTSIDE, THREE[0]]))
    assert play >> login("0901") << no(mirrors("0901", member=True)) >> login("1001") << mirrors("1001", member=True)


# -- who refused, and phones that fail ------------------------------------------------------------------------


def refused_by_first(agents=THREE, **queue_facts) -> Playbook:
    play = start(plan(agents, [queue("sales", "sales >= 1", SALES, **queue_facts)]))
    for one in agents:
        assert play >> login(one.id) >> after(1)
    assert play >> enters("c1") << rings("c1", "1001") >> after(1)
    return play


TWO = THREE[:2]


def test_who_refused_is_left_out_while_somebody_else_may_come_free():
    play = refused_by_first(TWO)
    assert play >> enters("c2") << rings("c2", "1002") >> picks_up("c2.1") >> connected("c2.1")
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) >> after(10) >> after(40) >> leaves("c2")
    assert [offer.agent for offer in play.record("c1").offers] == ["1001"]


def test_after_a_minute_the_refuser_is_asked_again_though_somebody_else_is_there():
    play = refused_by_first(TWO)
    assert play >> enters("c2") << rings("c2", "1002") >> picks_up("c2.1") >> connected("c2.1")
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) << timer("refused:c1:1001", in_s=10)
    assert play >> after(59.9) >> after(0.1) << rings("c1", "1001")


@pytest.mark.parametrize("goes", [logout("1002"), pause("1002"), reachable("1002", False)])
def test_when_the_last_one_else_goes_off_duty_the_refuser_is_asked_again(goes):
    play = refused_by_first(TWO)
    assert play >> enters("c2") << rings("c2", "1002") >> picks_up("c2.1") >> connected("c2.1")
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) >> after(15) >> goes << rings("c1", "1001")


def test_somebody_else_without_the_skill_is_nobody_else_until_the_step_opens():
    agents = [agent("1001", sales=5), agent("1002", support=5)]
    play = refused_by_first(agents, relax={20: "support"})
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) >> after(9.9) >> after(0.1) << rings("c1", "1001")


def test_somebody_else_who_refused_as_well_is_nobody_else():
    play = refused_by_first(TWO)
    assert play >> offer_ends("c1.1", OfferResult.REFUSED) << rings("c1", "1002") >> after(12)
    assert play >> offer_ends("c1.2", OfferResult.REFUSED) << rings("c1", "1001")


def test_a_phone_that_is_busy_again_and_again_is_tried_ever_more_seldom_up_to_a_limit():
    play = start(plan([THREE[0]], [queue("sales", "sales >= 1", SALES, max_wait_s=7200)]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    for number, rest_s in enumerate((5, 10, 20, 40, 80, 160, 300, 300), 1):
        assert play >> offer_ends(f"c1.{number}", OfferResult.BUSY) >> after(rest_s - 0.1)
        assert play >> after(0.1) << rings("c1", "1001")


def test_a_phone_that_rings_again_is_forgiven_its_failures():
    play = start(plan([THREE[0]]))
    assert play >> login("1001") >> enters("c1") << rings("c1", "1001")
    assert play >> offer_ends("c1.1", OfferResult.BUSY) >> after(5) << rings("c1", "1001")
    assert play >> offer_ends("c1.2", OfferResult.BUSY) >> after(10) << rings("c1", "1001")
    assert play >> offer_ends("c1.3", OfferResult.NO_ANSWER) << rings("c1", "1001")
    assert play >> offer_ends("c1.4", OfferResult.BUSY) << timer("rest:1001", in_s=5)
