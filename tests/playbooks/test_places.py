"""The place in the line, and who gets it back."""

from __future__ import annotations

import pytest

from acd.queues import events as ev
from acd.queues.model import Nobody, OfferResult, Outcome, Overflow
from acd.queues.places import Places
from tests.playbooks.playbook import START, Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    after,
    agent,
    connected,
    enters,
    event,
    fact,
    found,
    leaves,
    login,
    no,
    node_lost,
    node_read,
    notes_queue,
    offer_ends,
    plan,
    queue,
    rings,
    says_bye,
)

ANNA, OTHER = "+79160000001", "+79160000009"


def house(**sales: object) -> Playbook:
    return start(
        plan(
            [agent("1001", sales=5), agent("1002", support=5)],
            [queue("sales", "sales >= 1", SALES, **sales), queue("support", "support >= 1", SUPPORT)],
        )
    )


def left_after_a_minute(**sales: object) -> Playbook:
    """Anna has waited for a minute and hung up; somebody else came meanwhile."""
    play = house(**sales)
    assert play >> enters("a1", number=ANNA) >> after(30) >> enters("b", number=OTHER) >> after(30) >> leaves("a1")
    return play


def test_who_calls_again_in_time_is_ahead_again():
    play = left_after_a_minute()
    assert play >> after(299) >> enters("a2", number=ANNA) << fact("a2", "resumed", earlier="a1", joined_at=START)
    assert play >> login("1001") << rings("a2", "1001", joined_at=START)


def test_the_wait_in_the_record_is_the_new_calls_own():
    play = left_after_a_minute()
    assert play >> after(100) >> enters("a2", number=ANNA) >> after(7) >> login("1001") << rings("a2", "1001")
    assert play >> connected("a2.1")
    assert play.record("a2").wait_s == 7.0
    assert play.record("a2").queued_at == START + 160


def test_the_longest_wait_begins_anew():
    play = left_after_a_minute(max_wait_s=200)
    assert play >> after(139) >> enters("a2", number=ANNA) >> after(31) << says_bye("b")
    assert play >> after(168.9)
    assert play >> after(0.1) << says_bye("a2")


def test_too_late_is_the_end_of_the_line():
    play = left_after_a_minute(resume_place_s=60)
    assert play >> after(60.1) >> enters("a2", number=ANNA) << no(fact("a2", "resumed"))
    assert play >> login("1001") << rings("b", "1001")


@pytest.mark.parametrize(
    ("number", "did", "sales"),
    [(OTHER, SALES, {}), (ANNA, SUPPORT, {}), (ANNA, SALES, {"resume_place_s": 0.0})],
    ids=["another number", "another queue", "not in this queue"],
)
def test_the_place_is_the_numbers_in_the_queue(number: str, did: str, sales: dict[str, object]):
    play = left_after_a_minute(**sales)
    assert play >> after(1) >> enters("a2", did, number=number) << no(fact("a2", "resumed"))


def test_a_withheld_number_resumes_nothing():
    play = house()
    assert play >> enters("a1", number="") >> after(9) >> leaves("a1")
    assert play >> enters("a2", number="") << no(fact("a2", "resumed"))


def test_a_place_is_resumed_once():
    play = left_after_a_minute()
    assert play >> enters("a2", number=ANNA) >> enters("a3", number=ANNA) << no(fact("a3", "resumed"))
    assert play >> after(10) >> leaves("a2")
    assert play >> enters("a4", number=ANNA) << fact("a4", "resumed", earlier="a2", joined_at=START + 60)


def test_who_was_served_or_overflowed_left_no_place():
    play = house(max_waiting=1, nobody=Nobody.WAIT)
    assert play >> login("1001") >> enters("a1", number=ANNA) << rings("a1", "1001")
    assert play >> enters("x", number="+79160000005") >> enters("b1", number=OTHER) << says_bye("b1")
    assert play >> connected("a1.1") >> leaves("a1") >> leaves("b1") >> leaves("x")
    assert play >> enters("a2", number=ANNA) << no(fact("a2", "resumed"))
    assert play >> leaves("a2") >> enters("b2", number=OTHER) << no(fact("b2", "resumed"))


def test_who_was_lost_with_asterisk_has_the_place_as_well():
    play = house()
    assert play >> enters("a1", number=ANNA) >> after(20) >> node_lost() >> node_read(restarted=True)
    assert play.record("a1").outcome is Outcome.LOST
    assert play >> enters("a2", number=ANNA) << fact("a2", "resumed", joined_at=START)


def test_who_abandons_after_an_overflow_dials_the_first_queue_again():
    overflow = Overflow(queue="support")  # type: ignore[arg-type]
    play = house(max_wait_s=60, overflow=overflow)
    assert play >> enters("a1", number=ANNA) >> after(60) << notes_queue("a1", "support") >> after(5) >> leaves("a1")
    assert play >> enters("a2", number=ANNA) << fact("a2", "resumed", joined_at=START)
    assert play >> enters("a3", SUPPORT, number=ANNA) << no(fact("a3", "resumed"))


def test_places_outlive_the_daemon():
    play = left_after_a_minute()
    again = house()
    again.now = play.now
    left = (play.record("a1"),)
    assert again >> event("the records are read", lambda at: ev.Restored(at, (), left))
    assert again >> enters("a2", number=ANNA) << fact("a2", "resumed", earlier="a1", joined_at=START)


def test_a_resumed_place_outlives_the_daemon():
    play = left_after_a_minute()
    assert play >> enters("a2", number=ANNA) >> after(4)
    record = play.record("a2")
    again = house()
    again.now = play.now
    assert again >> event("the records are read", lambda at: ev.Restored(at, (record,)))
    assert again >> node_read(found("a2", "hold", number=ANNA), reachable=("1001",))
    assert again >> login("1001") << rings("a2", "1001", joined_at=START)


def test_an_overflow_outlives_the_daemon():
    overflow = Overflow(queue="support")  # type: ignore[arg-type]
    play = house(max_wait_s=60, overflow=overflow)
    assert play >> enters("a1", number=ANNA) >> after(60) >> after(100)
    record = play.record("a1")
    again = house(max_wait_s=60, overflow=overflow)
    again.now = play.now
    assert again >> event("the records are read", lambda at: ev.Restored(at, (record,)))
    assert again >> node_read(found("a1", "hold", number=ANNA)) >> after(499.9)
    assert again >> after(0.1) << says_bye("a1")


def test_no_failed_offer_costs_the_place():
    play = house()
    assert play >> login("1001") >> enters("a1", number=ANNA) << rings("a1", "1001")
    assert play >> offer_ends("a1.1", OfferResult.NO_ANSWER) << rings("a1", "1001", joined_at=START)
    assert play >> offer_ends("a1.2", OfferResult.BUSY) >> after(5) << rings("a1", "1001", joined_at=START)
    assert play >> offer_ends("a1.3", OfferResult.REFUSED) >> after(10) << rings("a1", "1001", joined_at=START)


def test_no_more_places_than_agreed_are_remembered_and_none_for_too_long():
    play = left_after_a_minute()
    places = Places(longest_s=300, limit=1)
    places.left(play.record("a1"))
    assert play >> leaves("b")
    places.left(play.record("b"))
    assert len(places) == 1
    assert play >> enters("c", number="+79160000005") >> after(301) >> leaves("c")
    roomy = Places(longest_s=300)
    roomy.left(play.record("b"))
    roomy.left(play.record("c"))
    assert len(roomy) == 1
