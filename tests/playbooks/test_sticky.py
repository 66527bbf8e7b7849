"""The agent who knows the caller is waited for, for a bounded time."""

from __future__ import annotations

import pytest

from acd.queues import events as ev
from acd.queues.model import AgentId, OfferResult
from tests.playbooks.playbook import Playbook, start
from tests.playbooks.words import (
    SALES,
    SUPPORT,
    Step,
    after,
    agent,
    connected,
    enters,
    event,
    leaves,
    login,
    logout,
    no,
    offer_ends,
    pause,
    plan,
    queue,
    reachable,
    rings,
    timer,
)

KNOWN, OTHER = "+79160000001", "+79160000009"


def house(sticky_s: float = 30.0, require: str = "sales >= 1") -> Playbook:
    return start(
        plan(
            [agent("1001", sales=5), agent("1002", sales=5)],
            [
                queue("sales", require, SALES, sticky_s=sticky_s, wrap_up_s=0),
                queue("support", "anyone", SUPPORT, wrap_up_s=0),
            ],
        )
    )


def anna_knows_and_talks(**more: object) -> Playbook:
    """1001 has served KNOWN and talks to another now; 1002 is free."""
    play = house(**more)  # type: ignore[arg-type]
    assert play >> login("1001") >> enters("k1", number=KNOWN) << rings("k1", "1001") >> connected("k1.1")
    assert play >> leaves("k1") >> enters("o1", number=OTHER) << rings("o1", "1001") >> connected("o1.1")
    assert play >> login("1002")
    return play


def test_who_was_served_by_somebody_waits_for_the_same():
    play = anna_knows_and_talks()
    assert play >> enters("k2", number=KNOWN) << timer("only:k2", in_s=30)
    assert play >> after(29) >> leaves("o1") << rings("k2", "1001")


def test_others_pass_by_meanwhile():
    play = anna_knows_and_talks()
    assert play >> enters("k2", number=KNOWN) >> after(1)
    assert play >> enters("x", number="+79160000005") << rings("x", "1002")


def test_after_the_agreed_time_anybody_will_do():
    play = anna_knows_and_talks()
    assert play >> enters("k2", number=KNOWN) >> after(29.9)
    assert play >> after(0.1) << rings("k2", "1002")


def test_a_queue_without_it_and_a_number_unknown_or_withheld_hold_nothing():
    play = anna_knows_and_talks(sticky_s=0.0)
    assert play >> enters("k2", number=KNOWN) << rings("k2", "1002")
    again = anna_knows_and_talks()
    assert again >> enters("x", number="") << rings("x", "1002")


@pytest.mark.parametrize(
    "goes", [logout("1001"), pause("1001"), reachable("1001", False)], ids=["logs out", "pauses", "phone goes"]
)
def test_an_agent_off_duty_ends_the_hold_at_once(goes: Step):
    play = anna_knows_and_talks()
    assert play >> enters("k2", number=KNOWN) >> goes << rings("k2", "1002")
    assert "only:k2" not in play.timers()


def test_an_agent_off_duty_is_not_waited_for():
    play = anna_knows_and_talks()
    assert play >> pause("1001") >> enters("k2", number=KNOWN) << rings("k2", "1002")


def test_an_agent_who_is_not_qualified_is_not_waited_for():
    play = start(
        plan(
            [agent("1001", support=5), agent("1002", sales=5, support=1)],
            [queue("sales", "sales >= 1", SALES, sticky_s=30), queue("support", "support >= 5", SUPPORT)],
        )
    )
    assert play >> login("1001") >> enters("k1", SUPPORT, number=KNOWN) << rings("k1", "1001") >> connected("k1.1")
    assert play >> login("1002") >> enters("k2", number=KNOWN) << rings("k2", "1002")


def test_an_offer_that_comes_to_nothing_ends_the_hold():
    play = anna_knows_and_talks()
    assert play >> leaves("o1") >> enters("k2", number=KNOWN) << rings("k2", "1001")
    assert play >> offer_ends("k2.1", OfferResult.REFUSED) << rings("k2", "1002")


def test_who_leaves_while_held_leaves_nothing_behind():
    play = anna_knows_and_talks()
    assert play >> enters("k2", number=KNOWN) >> leaves("k2")
    assert not {name for name in play.timers() if name.endswith("k2")}


def test_the_last_one_to_serve_the_number_is_the_one():
    play = anna_knows_and_talks()
    assert play >> pause("1001") >> enters("k2", number=KNOWN) << rings("k2", "1002") >> connected("k2.1")
    assert play >> leaves("k2") >> leaves("o1")
    assert play >> enters("k3", number=KNOWN) << rings("k3", "1002")


def test_what_the_records_know_is_known_at_boot():
    play = house()
    served_by = ((KNOWN, AgentId("1002")), (KNOWN, AgentId("1001")))
    assert play >> event("the records are read", lambda at: ev.Restored(at, (), (), served_by))
    assert play >> login("1001") >> after(1) >> login("1002")
    assert play >> enters("k1", number=KNOWN) << rings("k1", "1002") << no(rings("k1", "1001"))
