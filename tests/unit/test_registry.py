"""Which channel is which."""

from __future__ import annotations

from acd.ami.registry import Caller, Registry
from acd.queues.model import AgentId, CallId, OfferId
from tests.unit.ami_words import ANNA, BORIS, ENDPOINTS


def caller(n: int = 1, linkedid: str = "") -> Caller:
    return Caller(CallId(f"c{n}"), f"PJSIP/trunk-{n}", f"u{n}", linkedid or f"u{n}")


def test_channels_are_known_by_the_phone_they_are_on() -> None:
    registry = Registry(dict(ENDPOINTS))
    assert registry.agent_of_channel("PJSIP/1001-0000002a") == ANNA
    assert registry.agent_of_channel("PJSIP/10011-0000002a") is None
    assert registry.agent_of_channel("PJSIP/1001") is None
    assert registry.agent_of_channel("") is None


def test_callers_come_and_go() -> None:
    registry = Registry(dict(ENDPOINTS))
    one = caller()
    registry.caller_entered(one)
    assert registry.by_uniqueid["u1"] is registry.by_linkedid["u1"] is registry.callers[CallId("c1")] is one
    registry.caller_gone(one)
    registry.caller_gone(one)
    assert not registry.callers and not registry.by_uniqueid and not registry.by_linkedid


def test_of_two_callers_with_one_linkedid_the_one_left_stays_known() -> None:
    registry = Registry(dict(ENDPOINTS))
    one, other = caller(1, "same"), caller(2, "same")
    registry.caller_entered(one)
    registry.caller_entered(other)
    registry.caller_gone(one)
    assert registry.by_linkedid["same"] is other


def test_asterisk_dials_in_the_order_it_was_told() -> None:
    one = caller()
    for n, agent in enumerate((ANNA, BORIS, AgentId("1003")), 1):
        one.ordered(agent, OfferId(f"c1.{n}"))
    one.dialled(OfferId("c1.2"))
    assert one.expected == {AgentId("1003"): OfferId("c1.3")}
    one.dialled(OfferId("c1.1"))
    assert one.expected == {AgentId("1003"): OfferId("c1.3")}


def test_a_second_order_for_the_same_agent_replaces_the_first() -> None:
    one = caller()
    one.ordered(ANNA, OfferId("c1.1"))
    one.ordered(BORIS, OfferId("c1.2"))
    one.ordered(ANNA, OfferId("c1.3"))
    one.dialled(OfferId("c1.2"))
    assert one.expected == {ANNA: OfferId("c1.3")}


def test_reading_anew_hands_over_what_was_known() -> None:
    registry = Registry(dict(ENDPOINTS))
    registry.caller_entered(caller())
    registry.legs["a1"] = OfferId("c1.1")
    before = registry.take()
    assert not registry.callers and not registry.legs and registry.endpoints == ENDPOINTS
    assert set(before.callers) == {"c1"} and before.legs == {"a1": "c1.1"}


def test_phones_become_somebody_elses_in_one_moment() -> None:
    registry = Registry({"PJSIP/1001": ANNA, "PJSIP/1002": BORIS})
    registry.assign([(ANNA, "PJSIP/1002"), (BORIS, "PJSIP/1001")])
    assert registry.endpoints == {"PJSIP/1002": ANNA, "PJSIP/1001": BORIS}
    registry.assign([(BORIS, ""), (ANNA, "PJSIP/79160000009@trunk")])
    assert registry.endpoints == {"PJSIP/79160000009@trunk": ANNA}
    assert list(registry.agents_on("PJSIP/trunk")) == [ANNA]


def test_a_leg_that_is_known_stays_whose_it_is() -> None:
    registry = Registry({"PJSIP/1001": ANNA})
    registry.legs["u1"] = OfferId("c1.1")
    registry.assign([(ANNA, "PJSIP/2001")])
    assert registry.legs == {"u1": "c1.1"}
