"""Who gets which call, and in what order."""

from __future__ import annotations

from acd.queues.commands import Leg
from acd.queues.model import AgentId, OfferId, OfferResult, Outcome
from tests.playbooks.playbook import start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    after,
    agent,
    agent_is,
    connected,
    enters,
    fact,
    leaves,
    login,
    no,
    notes_queue,
    offer_ends,
    picks_up,
    plan,
    presses,
    queue,
    rings,
    says_bye,
    timer,
)


def two_queues(**more):
    return [queue("sales", "sales >= 1", SALES, **more), queue("support", "support >= 1", SUPPORT)]


def test_a_dialled_number_leads_to_its_queue():
    assert (
        start(plan([agent("1001", sales=5)], two_queues()))
        >> enters("c1", SUPPORT)
        << fact("c1", "queued", queue="support")
        << notes_queue("c1", "support")
        >> enters("c2", "+" + SALES)
        << fact("c2", "queued", queue="sales")
    )


def test_an_unknown_number_is_said_goodbye_and_recorded_closed():
    play = start(plan([agent("1001", sales=5)]))
    assert play >> login("1001") >> enters("c1", "70000000000") << says_bye("c1") >> leaves("c1")
    record = play.record("c1")
    assert (record.outcome, record.ended_by, record.queue) == (Outcome.CLOSED, "system", None)


def test_a_call_rings_at_the_ready_agent_at_once():
    assert (
        start(plan([agent("1001", sales=5)]))
        >> login("1001")
        << agent_is("1001", "ready")
        >> enters("c1")
        << rings("c1", "1001", legs=(Leg(OfferId("c1.1"), AgentId("1001"), "PJSIP/1001"),), ring_timeout_s=20.0)
        << agent_is("1001", "offered")
        << timer("ring:c1.1", in_s=25)
        << no(notes_queue("c1"))
    )


def test_a_waiting_call_rings_as_soon_as_somebody_logs_in():
    assert start(plan([agent("1001", sales=5)])) >> enters("c1") >> login("1001") << rings("c1", "1001")


def test_only_an_agent_with_the_skill_is_rung():
    play = start(plan([agent("1001", sales=5), agent("1002", support=5)], two_queues()))
    assert play >> login("1001") >> login("1002") >> enters("c1", SUPPORT) << rings("c1", "1002")
    assert play >> enters("c2", SUPPORT) << notes_queue("c2", "support")


def test_a_call_that_nobody_ready_may_take_does_not_hold_up_those_behind_it():
    assert (
        start(plan([agent("1001", sales=5)], two_queues()))
        >> enters("c1", SUPPORT)
        >> enters("c2", SALES)
        >> login("1001")
        << rings("c2", "1001")
    )


def test_the_longest_idle_agent_is_rung():
    assert (
        start(plan([agent("1001", sales=5), agent("1002", sales=1)]))
        >> login("1002")
        >> after(1)
        >> login("1001")
        >> after(1)
        >> enters("c1")
        << rings("c1", "1002")
        >> enters("c2")
        << rings("c2", "1001")
    )


def test_two_calls_and_one_agent_make_one_offer_and_the_other_stays_first():
    assert (
        start(plan([agent("1001", sales=5)]))
        >> login("1001")
        >> enters("c1")
        << rings("c1", "1001")
        >> enters("c2")
        >> enters("c3")
        >> leaves("c1")
        << rings("c2", "1001")
    )


def test_the_longest_waiting_call_is_served_first_by_its_entry_not_by_its_arrival_here():
    assert (
        start(plan([agent("1001", sales=5)]))
        >> enters("c1", ago=1)
        >> enters("c2", ago=9)
        >> login("1001")
        << rings("c2", "1001")
    )


def test_priority_comes_before_waiting_and_ageing_overtakes_it():
    queues = [
        queue("vip", "sales >= 1", "1", priority=10, ageing_per_min=1),
        queue("plain", "sales >= 1", "2", ageing_per_min=1),
        queue("fast", "sales >= 1", "3", ageing_per_min=20),
    ]
    agents = [agent("1001", sales=5), agent("1002", sales=5), agent("1003", sales=5)]
    play = start(plan(agents, queues))
    assert (
        play
        >> enters("old", "2", ago=120)
        >> enters("ageing", "3", ago=60)
        >> enters("vip", "1")
        >> login("1001")
        << rings("ageing", "1001")
        >> login("1002")
        << rings("vip", "1002")
        >> login("1003")
        << rings("old", "1003")
    )


def test_a_neighbour_queue_cannot_starve_the_call_that_came_first():
    queues = [queue("a", "sales >= 1", "1"), queue("b", "sales >= 1", "2")]
    play = start(plan([agent("1001", sales=5)], queues))
    assert play >> enters("first", "1", ago=3)
    for number in range(5):
        assert play >> enters(f"later{number}", "2", ago=1)
    assert play >> login("1001") << rings("first", "1001")


def test_a_relaxation_opens_at_its_deadline_though_the_first_steps_agents_are_only_busy():
    queues = [
        queue("sales", "sales >= 1", SALES, relax={30: "support >= 5", 60: "anyone"}),
    ]
    agents = [agent("1001", sales=5), agent("1002", support=7), agent("1003")]
    play = start(plan(agents, queues))
    assert (
        play
        >> login("1001")
        >> login("1002")
        >> login("1003")
        >> enters("c1")
        << rings("c1", "1001")
        >> picks_up("c1.1")
        >> connected("c1.1")
        >> enters("c2")
        << timer("relax:c2:0", in_s=30)
        << timer("relax:c2:1", in_s=60)
        >> enters("c3")
        >> after(29.9)
        >> after(0.2)
        << rings("c2", "1002")
        >> picks_up("c2.1")
        >> connected("c2.1")
        >> after(29.9)
        << rings("c3", "1003")
    )


def test_a_relaxation_counts_from_the_entry_and_one_already_open_needs_no_timer():
    queues = [queue("sales", "sales >= 9", SALES, relax={30: "sales >= 1"})]
    assert (
        start(plan([agent("1001", sales=5)], queues))
        >> login("1001")
        >> enters("c1", ago=31)
        << rings("c1", "1001")
        >> offer_ends("c1.1", OfferResult.BUSY)
        >> after(5)
        << rings("c1", "1001")
    )


def test_an_event_about_nothing_we_know_changes_nothing():
    play = start(plan([agent("1001", sales=5)]))
    before = len(play.commands)
    assert (
        play
        >> leaves("ghost")
        >> picks_up("ghost.1")
        >> presses("ghost", "9", 1)
        >> login("9999")
        >> offer_ends("ghost.1", OfferResult.BUSY)
    )
    assert len(play.commands) == before + 1  # the first event of all shows the one agent, offline
