"""`AttendedTransfer` and `AcdTransfer` into events, and what the registry makes of the channels afterwards."""

from __future__ import annotations

import pytest

from acd.queues import events as ev
from acd.queues import handed
from acd.queues.model import CallId, OfferId, Side
from tests.unit.ami_words import ANNA, AT, BORIS, CALL, OFFER, Ear

QUESTION = "20260101120005-123456789013"
OWN = (("Channel", "PJSIP/1001-0000000b"), ("Uniqueid", "lab-7.3"), ("Linkedid", "lab-7.3"))
BORIS_CHANNEL, BORIS_ID = "PJSIP/1002-0000000c", "lab-7.4"


def talking() -> Ear:
    """The caller (u1) talks with Anna (u2)."""
    ear = Ear().ringing()
    ear.hears("BridgeEnter", ("Uniqueid", "u1"), ("Linkedid", "u1"), ("BridgeNumChannels", "2"))
    ear.hears("Newchannel", *OWN)
    return ear


def asks_directly(ear: Ear) -> Ear:
    """Anna dials Boris from her own phone."""
    ear.hears("Newchannel", ("Channel", BORIS_CHANNEL), ("Uniqueid", BORIS_ID), ("Linkedid", "lab-7.3"))
    ear.hears("DialBegin", *OWN, ("DestChannel", BORIS_CHANNEL), ("DestUniqueid", BORIS_ID))
    return ear


def asks_a_queue(ear: Ear, answered: bool = True) -> Ear:
    """Anna calls a queue from her own phone; the queue's order is to ring Boris."""
    ear.hears_user("AcdEnter", *OWN, ("Call", QUESTION), ("Did", "74957654321"), ("Entered", f"{AT}"))
    if answered:
        ear.registry.callers[CallId(QUESTION)].ordered(BORIS, OfferId(f"{QUESTION}.1"))
        ear.hears("Newchannel", ("Channel", BORIS_CHANNEL), ("Uniqueid", BORIS_ID), ("Linkedid", "lab-7.3"))
        ear.hears("DialBegin", *OWN, ("DestChannel", BORIS_CHANNEL), ("DestUniqueid", BORIS_ID))
    return ear


def completes(ear: Ear, *, reverse: bool = False, target: bool = True, **more: str) -> list[ev.Event]:
    """As Asterisk 22 tells it; `reverse`: the phone named its two calls the other way round."""
    leg, own, caller, boris = ("PJSIP/1001-0000000a", "u2"), ("PJSIP/1001-0000000b", "lab-7.3"), (
        "PJSIP/trunk-00000001",
        "u1",
    ), (BORIS_CHANNEL, BORIS_ID)  # fmt: skip
    sides = [("OrigTransferer", leg), ("SecondTransferer", own), ("Transferee", caller), ("TransferTarget", boris)]
    if reverse:
        sides = [("OrigTransferer", own), ("SecondTransferer", leg), ("Transferee", boris), ("TransferTarget", caller)]
    headers = {
        f"{side}{what}": value
        for side, names in sides
        if target or side != "TransferTarget"
        for what, value in zip(("Channel", "Uniqueid"), names, strict=True)
    }
    headers |= {"Result": "Success", "DestType": "Bridge" if target else "App", **more}
    return ear.hears("AttendedTransfer", *headers.items())


@pytest.mark.parametrize("reverse", [False, True])
def test_handed_over_to_an_agent_called_directly(reverse: bool) -> None:
    ear = asks_directly(talking())
    leg = OfferId(f"{CALL}.t4")
    assert completes(ear, reverse=reverse) == [
        handed.CallHandedOver(AT, CallId(CALL), BORIS, leg),
        ev.OwnCallEnded(AT, BORIS, f"main:{BORIS_CHANNEL}"),
    ]
    assert ear.hears("HangupRequest", ("Uniqueid", "u2")) == []  # Anna's leg: she is out of it
    assert ear.hears("HangupRequest", ("Uniqueid", BORIS_ID)) == [ev.PartyHungUp(AT, CallId(CALL), Side.AGENT)]
    assert ear.hears("Hangup", ("Uniqueid", BORIS_ID)) == [ev.AgentLegGone(AT, leg)]
    assert ear.hears_user("AcdDial", ("Offer", leg), ("Status", "ANSWER")) == [ev.TalkEnded(AT, leg)]


@pytest.mark.parametrize("reverse", [False, True])
def test_handed_over_to_who_answered_the_question(reverse: bool) -> None:
    ear = asks_a_queue(talking())
    leg = OfferId(f"{QUESTION}.1")
    assert completes(ear, reverse=reverse) == [handed.CallHandedOver(AT, CallId(CALL), BORIS, leg, CallId(QUESTION))]
    assert ear.hears("Hangup", *OWN) == [
        ev.CallerLeft(AT, CallId(QUESTION)),
        ev.OwnCallEnded(AT, ANNA, "main:PJSIP/1001-0000000b"),
    ]
    assert ear.hears("HangupRequest", ("Uniqueid", BORIS_ID)) == [ev.PartyHungUp(AT, CallId(CALL), Side.AGENT)]


def test_the_end_of_the_question_may_be_heard_first() -> None:
    ear = asks_a_queue(talking())
    ear.hears("Hangup", *OWN)
    ear.hears("Hangup", ("Uniqueid", "u2"))
    leg = OfferId(f"{QUESTION}.1")
    assert completes(ear) == [handed.CallHandedOver(AT, CallId(CALL), BORIS, leg, CallId(QUESTION))]


def test_handed_early_while_the_question_waits_or_rings() -> None:
    ear = asks_a_queue(talking(), answered=False)
    assert completes(ear, target=False) == []
    own_ended = ev.OwnCallEnded(AT, ANNA, "main:PJSIP/1001-0000000b")
    assert ear.hears("Hangup", *OWN) == [
        handed.CallHandedEarly(AT, CallId(CALL), None, CallId(QUESTION)),
        ev.CallerLeft(AT, CallId(QUESTION)),
        own_ended,
    ]
    for ear, rung in ((asks_directly(talking()), BORIS), (talking(), None)):
        assert completes(ear, target=False) == []
        assert ear.hears("Hangup", *OWN) == [handed.CallHandedEarly(AT, CallId(CALL), rung), own_ended]


def test_between_the_word_and_the_deed_of_an_early_transfer_the_agents_leg_says_nothing() -> None:
    ear = asks_directly(talking())
    completes(ear, target=False)
    assert ear.hears("HangupRequest", ("Uniqueid", "u2")) == ear.hears("Hangup", ("Uniqueid", "u2")) == []
    assert ear.hears("Hangup", ("Uniqueid", "u1")) == [ev.CallerLeft(AT, CallId(CALL))]
    ear.hears("Hangup", *OWN)
    assert ear.registry.early == {}


def test_handed_early_and_the_question_is_gone_already() -> None:
    ear = talking()
    ear.hears("Hangup", *OWN)
    assert completes(ear, target=False) == [handed.CallHandedEarly(AT, CallId(CALL), None)]


def test_what_the_channel_that_took_over_says_of_the_other_call_enters_nobody() -> None:
    ear = asks_a_queue(talking(), answered=False)
    completes(ear, target=False)
    ear.hears("Hangup", *OWN)
    assert ear.hears_user("AcdHold", ("Call", QUESTION)) == [ev.CallHeld(AT, CallId(QUESTION))]
    assert ear.registry.by_uniqueid["u1"].call_id == CALL


def test_handed_over_to_somebody_outside() -> None:
    ear = talking()
    told = completes(ear, TransferTargetChannel="PJSIP/trunk-0000000d", TransferTargetUniqueid="u9")
    assert told == [handed.CallHandedOver(AT, CallId(CALL), None, None)]


def test_whom_an_agent_had_called_and_hands_to_another_is_that_agents_own_call() -> None:
    ear = Ear()
    ear.hears("Newchannel", *OWN)
    asks_a_queue(ear)
    told = completes(ear, TransfereeUniqueid="u9", TransfereeChannel="PJSIP/trunk-00000001")
    assert told == [ev.OwnCallStarted(AT, BORIS, f"main:{BORIS_CHANNEL}")]
    assert ear.hears("Hangup", ("Uniqueid", BORIS_ID)) == [ev.OwnCallEnded(AT, BORIS, f"main:{BORIS_CHANNEL}")]


def test_whom_an_agent_had_called_may_take_the_place_in_the_line() -> None:
    ear = Ear()
    ear.hears("Newchannel", *OWN)
    asks_a_queue(ear, answered=False)
    assert completes(ear, target=False, TransfereeUniqueid="u9", TransfereeChannel="PJSIP/trunk-00000001") == []
    assert ear.hears("Hangup", *OWN) == [ev.OwnCallEnded(AT, ANNA, "main:PJSIP/1001-0000000b")]
    assert ear.registry.callers[CallId(QUESTION)].channel == "PJSIP/trunk-00000001"
    assert ear.hears("Hangup", ("Uniqueid", "u9")) == [ev.CallerLeft(AT, CallId(QUESTION))]


@pytest.mark.parametrize("more", [{"Result": "Fail"}, {"DestType": "Threeway"}, {"DestType": "Fail"}, {"DestType": ""}])
def test_a_transfer_that_was_none(more: dict[str, str]) -> None:
    assert completes(asks_directly(talking()), **more) == []


def test_a_blind_transfer_is_told_by_the_dialplan() -> None:
    ear = talking()
    assert ear.hears_user("AcdTransfer", ("To", "+7495x1002&")) == [handed.CallSentOn(AT, CallId(CALL), "+74951002")]
    assert ear.hears_user("AcdTransfer", ("Call", "x"), ("To", "1002")) == []


def test_an_older_link_that_comes_with_a_bridge_is_followed() -> None:
    """Asterisk gives both in a bridge the older Linkedid; the next leg is dialled under it."""
    ear = talking()
    ear.hears("BridgeEnter", ("Uniqueid", "u1"), ("Linkedid", "lab-1.1"), ("BridgeNumChannels", "2"))
    ear.registry.callers[CallId(CALL)].ordered(BORIS, OfferId(f"{CALL}.2"))
    assert ear.new_channel("1002", "u5", "lab-1.1") == []
    assert ear.registry.legs["u5"] == f"{CALL}.2"


def test_a_question_is_known_as_coming_from_an_agent() -> None:
    ear = Ear()
    ear.hears("Newchannel", *OWN)
    (entered,) = ear.hears_user("AcdEnter", *OWN, ("Call", QUESTION), ("Did", "1"), ("Entered", f"{AT}"))
    assert isinstance(entered, ev.CallEntered) and entered.from_agent == ANNA
    (entered,) = Ear().hears_user("AcdEnter", ("Did", "1"), ("Entered", f"{AT}"))
    assert isinstance(entered, ev.CallEntered) and entered.from_agent is None


@pytest.mark.parametrize("header", ["TransfereeUniqueid", "TransferTargetUniqueid", "OrigTransfererUniqueid"])
@pytest.mark.parametrize("value", ["", "u2", "lab-7.3", "\u202e", "x" * 5000])
def test_no_header_of_a_transfer_breaks_the_translation(header: str, value: str) -> None:
    for target in (True, False):
        for event in completes(asks_a_queue(talking()), target=target, **{header: value}):
            assert event.at == AT
    assert OFFER
