"""Several phones that ring for one call, and phones behind a trunk: which leg is whose, and what each came to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from acd.ami.dialled import leg_result
from acd.ami.messages import Message
from acd.ami.registry import Registry, RungLeg, device_of, ring_of
from acd.queues import events as ev
from acd.queues.events import Event
from acd.queues.model import AgentId, OfferId, OfferResult
from tests.unit.ami_words import ANNA, AT, BORIS, CALL, CALLER, ENDPOINTS, OFFER, Ear
from tests.unit.test_resync import CALLER as SEEN
from tests.unit.test_resync import channel, read

SECOND, THIRD = OfferId(f"{CALL}.2"), OfferId(f"{CALL}.3")
OUTSIDE = AgentId("0901")
NUMBER = "79160000901@trunk"
R = OfferResult


def two_ring() -> Ear:
    """Anna's phone (u2) and Boris's (u3) ring."""
    ear = Ear().entered()
    next(iter(ear.registry.callers.values())).ordered_all([(ANNA, OFFER), (BORIS, SECOND)])
    for agent, uniqueid in (("1001", "u2"), ("1002", "u3")):
        assert ear.new_channel(agent, uniqueid) == []
    for agent, uniqueid in (("1001", "u2"), ("1002", "u3")):
        assert ear.dial_begins(agent, uniqueid) == []
        ear.hears("DialState", ("DestUniqueid", uniqueid), ("DialStatus", "RINGING"))
    return ear


def ends(ear: Ear, uniqueid: str, status: str, cause: str = "", after_s: float = 2.0) -> list[Event]:
    if cause:
        ear.hears("HangupRequest", ("Uniqueid", uniqueid), ("Cause", cause))
    return ear.hears("DialEnd", *CALLER, ("DestUniqueid", uniqueid), ("DialStatus", status), at=AT + after_s)


def dialled(ear: Ear, status: str, **more: str) -> list[Event]:
    return ear.hears_user("AcdDial", ("Offer", OFFER), ("Status", status), *more.items())


def told(events: Iterable[Event]) -> list[tuple[str, str]]:
    return [(one.offer_id, one.result) for one in events if isinstance(one, ev.OfferEnded)]


def test_legs_are_known_by_whose_phone_they_are_on() -> None:
    ear = two_ring()
    assert ear.registry.legs == {"u2": OFFER, "u3": SECOND} and not ear.registry.own
    assert ear.hears("DialState", ("DestUniqueid", "u3"), ("DialStatus", "RINGING")) == [ev.OfferRinging(AT, SECOND)]


def test_who_picks_up_has_the_call_and_the_others_end_without_a_word_about_them() -> None:
    ear = two_ring()
    assert ends(ear, "u2", "CANCEL") == []
    assert ends(ear, "u3", "ANSWER") == [ev.OfferAccepted(AT + 2, SECOND)]
    assert ear.hears("Hangup", ("Uniqueid", "u2"), ("Cause", "26")) == [ev.AgentLegGone(AT, OFFER)]
    assert ear.hears("BridgeEnter", ("Uniqueid", "u1"), ("BridgeNumChannels", "2")) == [ev.Connected(AT, SECOND)]
    assert ear.hears("HangupRequest", ("Uniqueid", "u3"))[0] == ev.PartyHungUp(AT, CALL, "agent")  # type: ignore[arg-type]
    assert dialled(ear, "ANSWER")[0] == ev.TalkEnded(AT, SECOND)


def test_a_bridge_before_anybody_is_known_to_have_picked_up_names_nobody() -> None:
    ear = two_ring()
    assert ear.hears("BridgeEnter", ("Uniqueid", "u1"), ("BridgeNumChannels", "2")) == []
    assert ear.hears("BridgeEnter", ("Uniqueid", "u3"), ("BridgeNumChannels", "2")) == [ev.Connected(AT, SECOND)]


def test_one_that_stops_ends_by_itself_and_of_the_last_one_the_dialplan_tells() -> None:
    ear = two_ring()
    assert told(ends(ear, "u2", "NOANSWER", cause="21")) == [(OFFER, "refused")]
    assert ends(ear, "u3", "BUSY", cause="17") == []
    assert told(dialled(ear, "BUSY", Cause="17", Tech="SIP 603 Decline")) == [(OFFER, "refused"), (SECOND, "refused")]


def test_a_ring_out_is_everybodys() -> None:
    ear = two_ring()
    assert told(ends(ear, "u2", "NOANSWER", after_s=20)) == [(OFFER, "no_answer")]
    assert ends(ear, "u3", "NOANSWER", after_s=20) == []
    assert told(dialled(ear, "NOANSWER", Tech="SIP 180 Ringing")) == [(OFFER, "no_answer"), (SECOND, "no_answer")]


def test_a_phone_that_could_not_be_dialled_at_all_is_not_there() -> None:
    ear = two_ring()
    next(iter(ear.registry.callers.values())).ring[THIRD] = RungLeg()
    assert told(ends(ear, "u2", "NOANSWER")) + told(ends(ear, "u3", "NOANSWER"))
    assert told(dialled(ear, "NOANSWER"))[-1] == (THIRD, "unreachable")


def test_a_caller_who_left_is_nobodys_ring_out() -> None:
    ear = two_ring()
    assert ends(ear, "u2", "CANCEL") == ends(ear, "u3", "CANCEL") == []
    assert {result for _, result in told(dialled(ear, "CANCEL"))} == {"caller_left"}


def test_words_about_an_earlier_ring_are_about_that() -> None:
    ear = two_ring()
    next(iter(ear.registry.callers.values())).ordered_all([(ANNA, THIRD)])
    assert ends(ear, "u2", "NOANSWER") == []
    assert told(dialled(ear, "NOANSWER", Tech="SIP 180 Ringing")) == [(OFFER, "no_answer")]


@pytest.mark.parametrize(
    ("status", "cause", "rang", "rang_ms", "result"),
    [
        ("NOANSWER", "21", True, 900, R.REFUSED),
        ("NOANSWER", "21", False, 10, R.REFUSED),
        ("BUSY", "17", False, 20, R.BUSY),
        ("BUSY", "17", True, 900, R.REFUSED),
        ("NOANSWER", "19", True, 900, R.REFUSED),
        ("NOANSWER", "", True, 20_000, R.NO_ANSWER),
        ("NOANSWER", "", False, 20_000, R.UNREACHABLE),
        ("CHANUNAVAIL", "3", False, 5, R.UNREACHABLE),
        ("CONGESTION", "", False, 5, R.UNREACHABLE),
        ("NOANSWER", "38", True, 900, R.ERROR),
        ("", "", False, 0, R.ERROR),
    ],
)
def test_why_a_phone_stopped(status: str, cause: str, rang: bool, rang_ms: float, result: OfferResult) -> None:
    assert leg_result(status, cause, rang, rang_ms) is result


# -- behind a trunk -------------------------------------------------------------------------------------------


def test_who_picks_up_outside_and_presses_nothing_is_a_ring_out_with_a_reason() -> None:
    ear = Ear().ringing()
    (ended,) = ear.hears_user("AcdDial", ("Offer", OFFER), ("Status", "CONGESTION"), ("Tech", "SIP 200 OK"))
    assert ended == ev.OfferEnded(AT, OFFER, R.NO_ANSWER, "unconfirmed")
    (ended,) = ear.hears_user("AcdDial", ("Offer", OFFER), ("Status", "CONGESTION"), ("Tech", "SIP 503 Busy"))
    assert ended == ev.OfferEnded(AT, OFFER, R.UNREACHABLE)


def trunk_ear() -> Ear:
    ear = Ear()
    ear.registry = Registry({**ENDPOINTS, f"PJSIP/{NUMBER}": OUTSIDE})
    ear.translator._registry = ear.registry
    return ear.entered()


def test_a_leg_on_a_trunk_is_known_by_what_is_dialled_and_is_no_call_of_the_agents_own() -> None:
    ear = trunk_ear()
    caller = next(iter(ear.registry.callers.values()))
    caller.ordered_all([(ANNA, OFFER), (OUTSIDE, SECOND)])
    assert ear.new_channel("trunk", "u9") == [] and not ear.registry.own
    dest = (("DestChannel", "PJSIP/trunk-0000000a"), ("DestUniqueid", "u9"), ("DialString", NUMBER))
    ear.hears("DialBegin", *CALLER, *dest)
    assert ear.registry.legs["u9"] == SECOND
    assert ear.hears("Newchannel", ("Channel", "PJSIP/trunk-0000000b"), ("Uniqueid", "x"), ("Linkedid", "x")) == []


def test_a_trunk_that_goes_takes_along_all_who_are_called_through_it() -> None:
    ear = trunk_ear()
    ear.phones.read("main", {ANNA, OUTSIDE}, ())
    gone = ear.hears("DeviceStateChange", ("Device", "PJSIP/trunk"), ("State", "UNAVAILABLE"))
    assert gone == [ev.PhoneReachable(AT, OUTSIDE, False)]


def test_the_device_of_an_outside_number_is_its_trunk() -> None:
    assert (device_of("PJSIP/1001"), device_of(f"PJSIP/{NUMBER}")) == ("PJSIP/1001", "PJSIP/trunk")


# -- read back ------------------------------------------------------------------------------------------------


def seen_to_ring(bridge: str = "", **facts: str) -> Any:
    variables = SEEN.variables | {"ACD_AGENT": "1001&1002&1003", **facts}
    return channel("PJSIP/trunk-1", "u1", bridge=bridge, **variables)


def test_who_was_ordered_to_be_dialled() -> None:
    assert ring_of(OFFER, "1001&1002") == [(ANNA, OFFER), (BORIS, SECOND)]
    assert ring_of(OFFER, "1001") == [(ANNA, OFFER)]
    assert ring_of("rubbish", "1001&1002") == [(ANNA, "rubbish")]
    assert ring_of("", "") == [("", "")]


async def test_of_several_phones_those_that_ring_are_read_back() -> None:
    picture, registry = await read(seen_to_ring(), channel("PJSIP/1002-1", "u3", "u1"))
    (found,) = picture.calls
    assert (found.offer_id, found.agent_id, found.beside) == (SECOND, BORIS, ())
    assert registry.legs == {"u3": SECOND} and picture.own == ()
    picture, _ = await read(seen_to_ring(), channel("PJSIP/1001-1", "u2", "u1"), channel("PJSIP/1002-1", "u3", "u1"))
    assert picture.calls[0].beside == ((SECOND, BORIS),)
    picture, _ = await read(seen_to_ring())
    assert [offer for offer, _ in picture.calls[0].beside] == [SECOND, THIRD]


async def test_of_several_the_one_in_the_bridge_has_the_call_or_the_one_that_was_marked() -> None:
    talks = channel("PJSIP/1002-1", "u3", "u1", bridge="b1")
    picture, _ = await read(seen_to_ring("b1"), channel("PJSIP/1001-1", "u2", "u1"), talks)
    assert (picture.calls[0].offer_id, picture.calls[0].bridged, picture.calls[0].beside) == (SECOND, True, ())
    picture, _ = await read(seen_to_ring("b1", ACD_TALKING=f"{THIRD}@{AT - 9:.3f}"))
    assert (picture.calls[0].offer_id, picture.calls[0].talking_since) == (THIRD, AT - 9)


async def test_a_leg_on_a_trunk_is_found_again() -> None:
    registry = Registry({**ENDPOINTS, f"PJSIP/{NUMBER}": OUTSIDE})
    caller = seen_to_ring(ACD_AGENT=OUTSIDE)
    leg = Message.of("Status", *channel("PJSIP/trunk-2", "u9", "u1").headers[1:], ("Application", "AppDial"))
    picture, registry = await read(caller, leg, devices={"PJSIP/trunk": "NOT_INUSE"}, registry=registry)
    assert picture.reachable == {OUTSIDE}
    assert registry.legs == {"u9": OFFER} and picture.own == ()
