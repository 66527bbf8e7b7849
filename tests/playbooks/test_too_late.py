"""Orders that came too late: the phone from which the caller was to be taken had been picked up."""

from __future__ import annotations

import pytest

from acd.queues.model import Nobody, OfferResult, Outcome, Overflow, Side
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    Step,
    after,
    agent,
    agent_is,
    agent_leg_gone,
    asks,
    connected,
    corrects,
    drops,
    enters,
    fact,
    hangs_up,
    leaves,
    login,
    logout,
    looks,
    moved,
    no,
    node_read,
    offer_ends,
    pause,
    picks_up,
    plan,
    pulled,
    queue,
    ready,
    records,
    ringing,
    rings,
    rings_all,
    says_bye,
    stops,
    taken_after_all,
    talk_ends,
    timer,
    withdraws,
)

ANNA, BORIS = agent("1001", sales=5), agent("1002", support=5)
QUEUES = [queue("sales", "sales >= 1", SALES, wrap_up_s=15), queue("support", "support >= 1", SUPPORT, wrap_up_s=60)]


RINGS_C2 = rings("c2", "1001")


def shop(*steps: Step, **sales: object) -> Playbook:
    """A caller rings at Анна; Борис, who supports, is ready."""
    queues = [queue("sales", "sales >= 1", SALES, **{"wrap_up_s": 15, **sales}), QUEUES[1]]
    play = start(plan([ANNA, BORIS], queues))
    assert play >> node_read(reachable=("1001", "1002")) >> login("1001") >> login("1002")
    assert play >> enters("c1") << rings("c1", "1001") >> ringing("c1.1")
    for step in steps:
        assert play >> step
    return play


def talks_with_anna(play: Playbook) -> None:
    call = play.core.engine.calls["c1"]
    assert (call.phase, call.agent_id, call.offer_id, call.queue) == ("talking", "1001", "c1.1", "sales")
    assert play.core.engine.desk.agents["1001"].call_id == "c1"
    assert play.timers() == set()


def test_a_call_that_was_moved_too_late_is_talked_on_in_the_queue_it_was_answered_in():
    play = shop()
    assert play >> moved("c1", "support") << withdraws("c1.1") << rings("c1", "1002")
    assert (
        play
        >> taken_after_all("c1.1")
        << corrects("too_late", call_id="c1")
        << fact("c1", "offer_ended", offer_id="c1.2", result="withdrawn")
        << fact("c1", "queued", queue="sales")
        << fact("c1", "connected", offer_id="c1.1", agent="1001")
        << agent_is("1001", "talking", call_id="c1")
        << agent_is("1002", "ready")
    )
    talks_with_anna(play)
    assert play >> picks_up("c1.1") << no(fact("c1", "accepted")) >> connected("c1.1") << no(fact("c1", "connected"))
    assert play >> hangs_up("c1", Side.AGENT) << timer("wrap:1001", in_s=15) << agent_is("1001", "wrap_up")
    assert play >> agent_leg_gone("c1.1") >> talk_ends("c1.1") << asks("c1", 1) >> leaves("c1")
    record = play.record("c1")
    assert (record.queue, record.agent, record.outcome, record.reconciled) == ("sales", "1001", "answered", True)
    assert [(offer.agent, offer.result) for offer in record.offers] == [
        ("1001", OfferResult.ANSWERED),
        ("1002", OfferResult.WITHDRAWN),
    ]
    assert [(leg.agent, leg.queue, leg.offer_id) for leg in record.legs] == [("1001", "sales", "c1.1")]
    assert any(event.fact == "moved" for event in record.events), "what was ordered stays in the journey"


def test_the_signs_of_the_conversation_may_come_first():
    play = shop()
    assert play >> pulled("c1", "1002") << withdraws("c1.1") << rings("c1", "1002")
    assert play >> picks_up("c1.1") >> connected("c1.1") << no(fact("c1", "connected"))
    assert play >> taken_after_all("c1.1") << fact("c1", "connected", agent="1001")
    talks_with_anna(play)


def test_it_is_told_once():
    play = shop(picks_up("c1.1"), connected("c1.1"))
    assert play >> taken_after_all("c1.1") << no(corrects("too_late")) << no(fact("c1", "connected"))
    assert play >> talk_ends("c1.1") << asks("c1", 1) >> taken_after_all("c1.1") << no(corrects("too_late"))


def test_who_was_paused_too_late_talks_first():
    play = shop()
    assert play >> pause("1001") << withdraws("c1.1") << agent_is("1001", "paused")
    assert play >> taken_after_all("c1.1") << agent_is("1001", "talking", call_id="c1")
    talks_with_anna(play)
    assert play >> talk_ends("c1.1") << asks("c1", 1) << agent_is("1001", "paused")


def test_another_call_that_was_given_to_the_agent_meanwhile_goes_back_to_its_place():
    play = shop()
    assert (
        play >> enters("c2") >> pulled("c1", "1002") << withdraws("c1.1") << rings("c1", "1002") << rings("c2", "1001")
    )
    assert play >> taken_after_all("c1.1") << withdraws("c2.1") << agent_is("1001", "talking", call_id="c1")
    talks = play.core.engine
    assert talks.calls["c2"].phase == "waiting" and talks.desk.agents["1001"].offer_id is None


def test_a_phone_that_had_said_busy_to_that_call_is_that_of_one_who_talks():
    play = shop()
    assert (
        play >> enters("c2") >> pulled("c1", "1002") << withdraws("c1.1") << rings("c1", "1002") << rings("c2", "1001")
    )
    assert play >> offer_ends("c2.1", OfferResult.BUSY)
    assert play >> taken_after_all("c1.1") << agent_is("1001", "talking", call_id="c1")
    assert play >> after(30) << no(fact("c2", "offered"))


def test_a_conversation_that_was_over_by_then_is_followed_by_the_survey():
    play = shop()
    assert play >> after(5) >> pulled("c1", "1002") << withdraws("c1.1") << rings("c1", "1002")
    assert (
        play
        >> taken_after_all("c1.1", since_ago=3, over_ago=1)
        << fact("c1", "connected", agent="1001")
        << fact("c1", "talk_ended", agent="1001", by=Side.AGENT)
        << asks("c1", 1)
        << agent_is("1001", "wrap_up")
        << agent_is("1002", "ready")
    )
    assert play.record("c1").talk_s == pytest.approx(2)


def test_who_hung_up_after_the_conversation_has_not_abandoned():
    play = shop()
    assert play >> pulled("c1", "1002") << withdraws("c1.1") << rings("c1", "1002") >> connected("c1.1")
    assert play >> taken_after_all("c1.1") >> hangs_up("c1", Side.CALLER) >> leaves("c1")
    assert (play.record("c1").outcome, play.record("c1").ended_by) == (Outcome.ANSWERED, Side.CALLER)


def test_a_caller_who_was_to_be_let_go_is_not():
    play = shop(nobody=Nobody.OVERFLOW)
    assert play >> logout("1001") << withdraws("c1.1") << says_bye("c1")
    assert play >> taken_after_all("c1.1") << agent_is("1001", "talking", call_id="c1")
    talks_with_anna(play)
    assert play >> talk_ends("c1.1") << asks("c1", 1) >> leaves("c1")
    assert (play.record("c1").outcome, play.record("c1").ended_by) == (Outcome.ANSWERED, Side.AGENT)


def test_nor_is_one_who_was_to_leave_a_message():
    play = shop(nobody=Nobody.OVERFLOW, overflow=Overflow(voicemail=True))
    assert play >> logout("1001") << withdraws("c1.1") << records("c1") >> taken_after_all("c1.1")
    talks_with_anna(play)
    assert play >> node_read(reachable=("1001", "1002"), restarted=True) << no(fact("c1", "voicemail"))


def test_a_daemon_that_stops_leaves_those_who_talk():
    play = shop()
    assert play >> stops() << withdraws("c1.1") >> taken_after_all("c1.1") << fact("c1", "connected", agent="1001")
    talks_with_anna(play)


def test_of_several_phones_the_one_that_was_to_be_silenced_may_have_been_first():
    both = [queue("sales", "sales >= 1", SALES, strategy="ring_all")]
    play = start(plan([ANNA, agent("1002", sales=5)], both))
    assert play >> login("1001") >> login("1002") >> enters("c1") << rings_all("c1", "1001", "1002")
    assert play >> ringing("c1.1") >> ringing("c1.2") >> pause("1002") << drops("c1.2")
    assert play >> taken_after_all("c1.2") << agent_is("1002", "talking", call_id="c1") << agent_is("1001", "ready")
    record = play.record("c1")
    assert (record.agent, [offer.result for offer in record.offers]) == ("1002", ["withdrawn", "answered"])


def test_a_phone_that_rings_on_beside_a_silenced_one_and_was_picked_up_has_the_call():
    both = [queue("sales", "sales >= 1", SALES, strategy="ring_all")]
    play = start(plan([ANNA, agent("1002", sales=5)], both))
    assert play >> login("1001") >> login("1002") >> enters("c1") << rings_all("c1", "1001", "1002")
    assert play >> pause("1002") << drops("c1.2") >> taken_after_all("c1.1") << no(corrects("too_late"))
    assert play.core.engine.calls["c1"].agent_id == "1001"


def test_nothing_is_doubted_afterwards():
    play = shop()
    assert play >> moved("c1", "support") << withdraws("c1.1") << rings("c1", "1002") >> taken_after_all("c1.1")
    assert play >> after(60) << no(looks()) << no(rings("c1", "1002"))
    assert play >> ready("1001") << no(fact("c1", "offered"))
