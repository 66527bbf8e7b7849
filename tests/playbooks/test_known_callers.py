"""What a CRM knows of a caller, heard while the call is in the line already, or too late."""

from __future__ import annotations

from acd.queues import events as ev
from acd.queues.journey import own_priority
from acd.queues.model import About, CallId, OfferResult, Overflow
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    after,
    agent,
    connected,
    enters,
    event,
    fact,
    is_known,
    leaves,
    login,
    no,
    offer_ends,
    plan,
    prioritised,
    queue,
    reconfigured,
    rings,
)

ANNA = agent("1001", sales=5)
VIP = agent("1002", sales=5, vip=5)


def shop(**known: object) -> Playbook:
    """Анна sells to everybody, her colleague to those who are worth it too; both are logged out."""
    lines = [queue("sales", "sales >= 1 and (not segment == 'vip' or vip >= 1)", SALES)]
    return start(plan([ANNA, VIP], lines, **known))  # type: ignore[arg-type]


def test_the_call_is_queued_and_offered_without_it():
    assert shop() >> login("1002") >> enters("c1") << fact("c1", "queued") << rings("c1", "1002")


def test_the_points_put_the_call_ahead_of_the_older_one():
    play = shop(numbers={SALES: About(1)})
    assert (
        play
        >> enters("old", ago=60)
        >> enters("new")
        >> is_known("new", "Ольга", 20)
        << fact("new", "known", name="Ольга", priority=21)
        >> login("1002")
        << rings("new", "1002")
    )
    assert (play.record("new").name, own_priority(play.record("new"))) == ("Ольга", 21)


def test_the_attributes_choose_among_the_agents_at_once():
    play = shop()
    assert (
        play
        >> enters("c1")
        >> is_known("c1", segment="vip")
        << fact("c1", "known", **{"about.segment": "vip"})
        >> login("1001")
        << no(rings("c1", "1001"))
        >> login("1002")
        << rings("c1", "1002")
    )


def test_an_agent_who_may_have_the_call_only_now_has_it_now():
    lines = [queue("sales", "sales >= 1 and segment == 'vip'", SALES)]
    play = start(plan([ANNA], lines))
    assert play >> login("1001") >> enters("c1") >> is_known("c1", segment="vip") << rings("c1", "1001")


def test_a_phone_that_rings_already_rings_on_and_the_next_is_one_who_suits():
    play = shop()
    assert (
        play
        >> login("1001")
        >> enters("c1")
        << rings("c1", "1001")
        >> is_known("c1", segment="vip")
        >> login("1002")
        >> offer_ends("c1.1", OfferResult.REFUSED)
        << rings("c1", "1002")
    )


def test_a_supervisors_word_about_the_points_stands():
    play = shop()
    assert play >> enters("c1") >> prioritised("c1", 3) >> is_known("c1", "Ольга", 20)
    assert play.core.engine.calls[CallId("c1")].priority == 3
    assert own_priority(play.record("c1")) == 3
    assert play >> enters("c2") >> is_known("c2", "Ольга", 20) >> prioritised("c2", 3)
    assert play.core.engine.calls[CallId("c2")].priority == 3


def test_it_is_heard_once():
    play = shop()
    again = is_known("c1", "Ольга", 20)
    assert play >> enters("c1") >> again >> again << no(fact("c1", "known"))
    assert play.core.engine.calls[CallId("c1")].priority == 20


def test_what_the_call_itself_says_is_not_overruled():
    play = shop()
    assert play >> enters("c1", number="+79160000001") >> is_known("c1", did="1", number="2")
    attributes = play.core.engine.calls[CallId("c1")].attributes
    assert (attributes["did"], attributes["number"]) == (SALES, "+79160000001")


def test_what_comes_too_late_changes_nothing():
    play = shop()
    assert play >> is_known("nobody", "Ольга") << no(fact("nobody", "known"))
    assert play >> enters("c1") >> leaves("c1") >> is_known("c1", "Ольга", 20) << no(fact("c1", "known"))
    assert play.record("c1").name == "Иван"


def test_it_is_noted_while_the_call_is_talked_on():
    play = shop()
    assert play >> login("1002") >> enters("c1") << rings("c1", "1002") >> connected("c1.1") >> is_known("c1", "Ольга")
    assert play.record("c1").name == "Ольга"


def test_the_next_daemon_knows_it_as_well():
    before = shop()
    assert before >> enters("old", ago=60) >> enters("new") >> is_known("new", "Ольга", 20, segment="vip")
    records = (before.record("old"), before.record("new"))
    play = shop()
    assert play >> event("the records are loaded", lambda at: ev.Restored(at, records))
    call = play.core.engine.calls[CallId("new")]
    assert (call.name, call.priority, call.attributes["segment"]) == ("Ольга", 20, "vip")


def test_another_number_and_another_plan_take_nothing_of_it_away():
    """What the plan says changes with the number and the plan; what a CRM said is added to it all the same."""
    lines = [queue("sales", "sales >= 1", SALES, max_wait_s=30, overflow=Overflow(did=SUPPORT)),
             queue("support", "support >= 1", SUPPORT)]  # fmt: skip
    known = {"numbers": {SALES: About(1), SUPPORT: About(2)}}
    play = start(plan([ANNA], lines, **known))
    assert play >> enters("c1") >> is_known("c1", "Ольга", 20, segment="vip") >> after(31)
    call = play.core.engine.calls[CallId("c1")]
    assert (call.did, call.priority, call.attributes["segment"]) == (SUPPORT, 21, "vip")
    assert play >> reconfigured(plan([ANNA], lines, numbers={SUPPORT: About(5)}))
    assert (call.priority, call.attributes["segment"]) == (25, "vip")
