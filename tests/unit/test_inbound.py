"""Messages in, events out: what each message means, and that no message means more than it should."""

from __future__ import annotations

import pytest

from acd.ami import fields
from acd.ami.dialled import offer_result
from acd.ami.messages import Message
from acd.queues import events as ev
from acd.queues.model import CallId, OfferId, OfferResult, Side
from tests.unit.ami_words import ANNA, AT, BORIS, CALL, CALLER, OFFER, Ear

HOSTILE = (
    "",
    "x" * 10_000,
    "500&PJSIP/x",
    "${SHELL(id)}",
    "a,b,c",
    "\u202e\u0000\u0007",
    "Action: Originate",
    "nan",
    "1e999",
    "-1",
    "9" * 5_000,
    "٣٣",
    "%s%n",
    "'; DROP TABLE calls;--",
    "\ufffd\ufffd",
)
HEADERS = (
    "Call", "Channel", "Uniqueid", "Linkedid", "CallerIDNum", "CallerIDName", "Did", "Entered", "Offer", "Agent",
    "Taken", "Status", "Cause", "Tech", "RingMs", "Seq", "Digits", "Endpoint", "Order", "DestUniqueid", "DestChannel",
    "DialStatus", "BridgeNumChannels", "Device", "State", "Newname", "UserEvent",
)  # fmt: skip


# -- the caller -----------------------------------------------------------------------------------------------


def test_a_caller_enters() -> None:
    events = Ear().hears_user("AcdEnter", ("Did", "+74951234567"), ("Entered", f"{AT - 0.5}"))
    assert events == [
        ev.CallEntered(AT, CallId(CALL), "main", "+74951234567", "+79160000001", "Иван", pytest.approx(AT - 0.5))
    ]


def test_a_caller_enters_once() -> None:
    assert Ear().entered().hears_user("AcdEnter", ("Did", "1")) == []


@pytest.mark.parametrize("missing", ["Channel", "Uniqueid", "Call"])
def test_an_entry_we_could_not_steer_is_none(missing: str) -> None:
    ear = Ear()
    assert ear.hears_user("AcdEnter", (missing, "")) == []
    assert not ear.registry.callers


def test_a_call_whose_entry_went_unheard_is_entered_by_its_hold() -> None:
    entered, held = Ear().hears_user("AcdHold", ("Did", "74951234567"), ("Entered", f"{AT - 20}"))
    assert isinstance(entered, ev.CallEntered)
    assert (entered.did, entered.entered_at) == ("74951234567", pytest.approx(AT - 20))
    assert held == ev.CallHeld(AT, CallId(CALL))


def test_a_call_in_the_fallback_queue_is_not_offered_from_there() -> None:
    assert Ear().hears_user("AcdFallback") == [ev.CallAway(AT, CallId(CALL))]


TAKEN = ("Taken", f"{AT - 9}@PJSIP/1001")
LEG = (("Channel", "PJSIP/1001-0000000a"), ("Uniqueid", "u7"), ("Linkedid", "u1"))


def test_an_agent_who_takes_a_call_from_the_fallback_queue_is_no_longer_on_a_call_of_their_own() -> None:
    ear = Ear().entered()
    (own,) = ear.new_channel(uniqueid="u7")
    assert isinstance(own, ev.OwnCallStarted)
    taken, over = ear.hears_user("AcdTaken", *LEG, TAKEN)
    assert taken == ev.CallTaken(AT, CallId(CALL), OfferId(f"{CALL}.t7"), ANNA)
    assert over == ev.OwnCallEnded(AT, ANNA, own.channel)
    assert ear.hears("HangupRequest", *LEG) == [ev.PartyHungUp(AT, CallId(CALL), Side.AGENT)]
    assert ear.hears("Hangup", *LEG) == [ev.AgentLegGone(AT, OfferId(f"{CALL}.t7"))]


def test_who_takes_a_strangers_call_takes_none_of_ours() -> None:
    assert Ear().hears_user("AcdTaken", *LEG, TAKEN) == []


@pytest.mark.parametrize(
    ("taken", "agent", "since"),
    [
        (f"{AT - 9}@PJSIP/1001", ANNA, AT - 9),
        (f"{AT - 9}@PJSIP/9", None, AT - 9),
        ("", None, None),
        ("@PJSIP/1002", BORIS, None),
    ],
)
def test_the_end_of_a_conversation_in_the_fallback_queue(taken: str, agent: str | None, since: float | None) -> None:
    ear = Ear().entered()
    assert ear.hears_user("AcdServed", ("Taken", taken)) == [ev.CallServed(AT, CallId(CALL), agent, since)]


def test_hang_ups_of_strangers_mean_nothing() -> None:
    ear = Ear().entered()
    assert ear.hears("Hangup", ("Channel", "PJSIP/x-1"), ("Uniqueid", "u99")) == []
    assert ear.hears("HangupRequest", ("Channel", "PJSIP/x-1"), ("Uniqueid", "")) == []
    assert ear.hears("Hangup", ("Channel", "PJSIP/x-1")) == []


def test_the_callers_end_is_told_once() -> None:
    ear = Ear().entered()
    assert ear.hears("HangupRequest", *CALLER) == [ev.PartyHungUp(AT, CallId(CALL), Side.CALLER)]
    assert ear.hears("Hangup", *CALLER) == [ev.CallerLeft(AT, CallId(CALL))]
    assert ear.hears("Hangup", *CALLER) == []
    assert not ear.registry.by_linkedid


def test_asterisks_own_end_cuts_the_call_at_either_end_of_it() -> None:
    ear = Ear().ringing()
    cut = [ev.PartyHungUp(AT, CallId(CALL), Side.SYSTEM)]
    assert ear.hears("SoftHangupRequest", *CALLER, ("Cause", "4")) == cut
    assert ear.hears("SoftHangupRequest", ("Uniqueid", "u2"), ("Cause", "4")) == cut
    assert ear.hears("SoftHangupRequest", *CALLER, ("Cause", "16")) == []  # the dialplan's end, or an order of ours
    assert ear.hears("SoftHangupRequest", ("Uniqueid", "u99"), ("Cause", "4")) == []


def test_a_channel_that_was_renamed_is_steered_by_its_new_name() -> None:
    ear = Ear().entered()
    ear.hears("Rename", ("Channel", "PJSIP/trunk-00000001"), ("Newname", "PJSIP/trunk-9"), ("Uniqueid", "u1"))
    assert ear.registry.callers[CallId(CALL)].channel == "PJSIP/trunk-9"


# -- the agent's phone ----------------------------------------------------------------------------------------


def test_an_offer_rings_is_picked_up_and_bridged() -> None:
    ear = Ear().ringing()
    leg = ("DestUniqueid", "u2")
    assert ear.hears("DialState", *CALLER, leg, ("DialStatus", "RINGING")) == [ev.OfferRinging(AT, OFFER)]
    assert ear.hears("DialEnd", *CALLER, leg, ("DialStatus", "ANSWER")) == [ev.OfferAccepted(AT, OFFER)]
    assert ear.hears("BridgeEnter", ("Uniqueid", "u2"), ("BridgeNumChannels", "1")) == []
    assert ear.hears("BridgeEnter", ("Uniqueid", "u1"), ("BridgeNumChannels", "2")) == [ev.Connected(AT, OFFER)]


def test_whoever_comes_second_into_the_bridge_connects() -> None:
    ear = Ear().ringing()
    assert ear.hears("BridgeEnter", ("Uniqueid", "u2"), ("BridgeNumChannels", "2")) == [ev.Connected(AT, OFFER)]


def test_the_agents_hang_up_ends_the_talk_and_then_the_leg() -> None:
    ear = Ear().ringing()
    assert ear.hears("HangupRequest", ("Uniqueid", "u2")) == [ev.PartyHungUp(AT, CallId(CALL), Side.AGENT)]
    assert ear.hears("Hangup", ("Uniqueid", "u2")) == [ev.AgentLegGone(AT, OFFER)]
    assert ear.hears("Hangup", ("Uniqueid", "u2")) == []


def test_a_withdrawn_offers_leg_is_not_taken_for_the_next_offers() -> None:
    """Anna is dialled, withdrawn, and Boris ordered, before the first word about Anna's leg is heard."""
    ear = Ear().entered().ordered(ANNA, f"{CALL}.1").ordered(BORIS, f"{CALL}.2")
    assert ear.new_channel("1001", "anna") == []
    ear.dial_begins("1001", "anna")
    assert ear.hears("DialState", ("DestUniqueid", "anna"), ("DialStatus", "RINGING")) == [
        ev.OfferRinging(AT, f"{CALL}.1")  # type: ignore[arg-type]
    ]
    ear.new_channel("1002", "boris")
    ear.dial_begins("1002", "boris")
    assert ear.hears("DialEnd", ("DestUniqueid", "boris"), ("DialStatus", "ANSWER")) == [
        ev.OfferAccepted(AT, f"{CALL}.2")  # type: ignore[arg-type]
    ]
    assert ear.hears("HangupRequest", ("Uniqueid", "anna")) == []
    assert ear.hears("Hangup", ("Uniqueid", "anna")) == [ev.AgentLegGone(AT, f"{CALL}.1")]  # type: ignore[arg-type]


def test_an_agent_the_caller_was_transferred_to_is_on_a_call_of_their_own() -> None:
    ear = Ear().ringing()
    assert ear.new_channel("1002", "u3") == [ev.OwnCallStarted(AT, BORIS, "main:PJSIP/1002-0000000a")]
    ear.dial_begins("1002", "u3")
    assert ear.hears("DialEnd", ("DestUniqueid", "u3"), ("DialStatus", "ANSWER")) == []


def test_once_dialled_the_same_agent_may_get_the_caller_by_a_transfer() -> None:
    ear = Ear().ringing()
    ear.hears("Hangup", ("Uniqueid", "u2"))
    ear.hears_user("AcdDial", ("Offer", OFFER), ("Status", "NOANSWER"))
    assert ear.new_channel("1001", "u3") != []


def test_an_offer_that_made_no_leg_leaves_nothing_expected() -> None:
    ear = Ear().entered().ordered()
    ear.hears_user("AcdDial", ("Offer", OFFER), ("Status", "CHANUNAVAIL"))
    assert ear.new_channel() == [ev.OwnCallStarted(AT, ANNA, "main:PJSIP/1001-0000000a")]


def test_a_leg_that_is_not_on_the_agents_own_channel_is_the_offer_ordered_last() -> None:
    """PJSIP/1001@branch dials a channel called PJSIP/branch-..."""
    ear = Ear().entered().ordered()
    ear.dial_begins("branch", "u2")
    assert ear.hears("DialEnd", ("DestUniqueid", "u2"), ("DialStatus", "ANSWER")) == [ev.OfferAccepted(AT, OFFER)]


def test_an_own_call_begins_and_ends_once() -> None:
    ear = Ear()
    channel = "main:PJSIP/1001-0000000a"
    assert ear.new_channel(linkedid="other") == [ev.OwnCallStarted(AT, ANNA, channel)]
    assert ear.new_channel(linkedid="other") == []
    assert ear.hears("Hangup", ("Uniqueid", "u2")) == [ev.OwnCallEnded(AT, ANNA, channel)]
    assert ear.hears("Hangup", ("Uniqueid", "u2")) == []


def test_an_agent_who_calls_the_hotline_is_busy_until_the_call_is_over() -> None:
    ear = Ear()
    mine = (("Channel", "PJSIP/1001-0000000a"), ("Uniqueid", "u2"), ("Linkedid", "u2"))
    ear.hears("Newchannel", *mine)
    ear.hears_user("AcdEnter", *mine)
    assert ear.hears("Hangup", *mine) == [
        ev.CallerLeft(AT, CallId(CALL)),
        ev.OwnCallEnded(AT, ANNA, "main:PJSIP/1001-0000000a"),
    ]


def test_only_changes_of_reachability_are_news() -> None:
    ear = Ear()
    device = ("Device", "PJSIP/1001")
    states = ("NOT_INUSE", "RINGING", "INUSE", "UNAVAILABLE", "INVALID", "UNKNOWN", "NOT_INUSE")
    heard = [ear.hears("DeviceStateChange", device, ("State", state)) for state in states]
    news = [event.reachable for events in heard for event in events if isinstance(event, ev.PhoneReachable)]
    assert news == [True, False, True]


def test_a_phone_that_another_asterisk_reaches_is_reachable() -> None:
    ear = Ear()
    ear.phones.read("other", [ANNA], ())
    ear.phones.read("main", [ANNA], ())
    device = ("Device", "PJSIP/1001")
    assert ear.hears("DeviceStateChange", device, ("State", "UNAVAILABLE")) == [ev.PhoneReachable(AT, ANNA, True)]
    ear.phones.lost("other")
    assert ear.phones.read("main", [], ()) == (frozenset(), ())


@pytest.mark.parametrize(
    ("order", "event"),
    [
        ("login", ev.AgentLogin(AT, ANNA)),
        ("logout", ev.AgentLogout(AT, ANNA)),
        ("pause", ev.AgentPause(AT, ANNA, "feature code")),
        ("ready", ev.AgentReady(AT, ANNA)),
    ],
)
def test_feature_codes(order: str, event: ev.Event) -> None:
    assert Ear().hears_user("AcdAgent", ("Endpoint", "PJSIP/1001"), ("Order", order)) == [event]


def test_a_feature_code_of_a_stranger_or_an_unknown_one_is_nothing() -> None:
    assert Ear().hears_user("AcdAgent", ("Endpoint", "PJSIP/9999"), ("Order", "login")) == []
    assert Ear().hears_user("AcdAgent", ("Endpoint", "PJSIP/1001"), ("Order", "explode")) == []


# -- verbs ----------------------------------------------------------------------------------------------------


def test_keys_come_with_the_number_of_their_order() -> None:
    done = Ear().hears_user("AcdDone", ("Seq", "3"), ("Status", "ok"), ("Digits", "10"))
    assert done == [ev.VerbDone(AT, CallId(CALL), 3, "ok", "10")]


@pytest.mark.parametrize("seq", ["", "x", "-1", "9" * 5_000, "٣", "1.5"])
def test_an_answer_to_no_order_of_ours_is_nothing(seq: str) -> None:
    assert Ear().hears_user("AcdDone", ("Seq", seq), ("Status", "ok")) == []


def test_an_unknown_status_is_an_error() -> None:
    (done,) = Ear().hears_user("AcdDone", ("Seq", "1"), ("Status", "x" * 1000), ("Digits", "1a2"))
    assert done == ev.VerbDone(AT, CallId(CALL), 1, "error", "12")


# -- how a dialling ended -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cause", "tech", "ring_ms", "result"),
    [
        ("BUSY", "21", "SIP 603 Decline", "900", OfferResult.REFUSED),
        ("BUSY", "17", "SIP 603 Decline", "20", OfferResult.REFUSED),
        ("BUSY", "17", "SIP 600 Busy Everywhere", "20", OfferResult.REFUSED),
        ("BUSY", "17", "SIP 486 Busy Here", "2500", OfferResult.REFUSED),
        ("BUSY", "17", "SIP 486 Busy Here", "15", OfferResult.BUSY),
        ("BUSY", "17", "", "15", OfferResult.BUSY),
        ("CHANUNAVAIL", "19", "SIP 480 Temporarily Unavailable", "15", OfferResult.BUSY),
        ("NOANSWER", "19", "SIP 480 Temporarily Unavailable", "4000", OfferResult.REFUSED),
        ("NOANSWER", "0", "SIP 180 Ringing", "20000", OfferResult.NO_ANSWER),
        ("NOANSWER", "0", "", "20000", OfferResult.UNREACHABLE),
        ("CHANUNAVAIL", "20", "", "2", OfferResult.UNREACHABLE),
        ("CHANUNAVAIL", "0", "", "", OfferResult.UNREACHABLE),
        ("CONGESTION", "34", "SIP 503 Service Unavailable", "30", OfferResult.UNREACHABLE),
        ("CANCEL", "0", "SIP 180 Ringing", "3000", OfferResult.CALLER_LEFT),
        ("INVALIDARGS", "0", "", "0", OfferResult.ERROR),
        ("", "", "", "", OfferResult.ERROR),
        ("BUSY", "17", "SIP 486 Busy Here", "nan", OfferResult.BUSY),
    ],
)
def test_how_a_dialling_ended(status: str, cause: str, tech: str, ring_ms: str, result: OfferResult) -> None:
    headers = (("Status", status), ("Cause", cause), ("Tech", tech), ("RingMs", ring_ms))
    assert offer_result(Message.of("UserEvent", *headers)) is result
    told = Ear().entered().hears_user("AcdDial", ("Offer", OFFER), *headers)
    assert told == [ev.OfferEnded(AT, OFFER, result)]


def test_a_dial_that_was_answered_ends_the_talk() -> None:
    told = Ear().ringing().hears_user("AcdDial", ("Offer", OFFER), ("Status", "ANSWER"), ("Tech", "SIP 200 OK"))
    assert told == [ev.TalkEnded(AT, OFFER)]


# -- what strangers write -------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_value_of_a_header_breaks_or_grows_the_picture(header: str, value: str) -> None:
    value = value.replace("\0", "")
    for state in (Ear, lambda: Ear().entered(), lambda: Ear().ringing()):
        for name in ("Newchannel", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "HangupRequest", "Hangup",
                     "DeviceStateChange", "Rename", "Nonsense"):  # fmt: skip
            _bounded(state(), state().hears(name, *CALLER, (header, value)))
        for name in ("AcdEnter", "AcdHold", "AcdDial", "AcdDone", "AcdFallback", "AcdTaken", "AcdServed", "AcdAgent"):
            ear = state()
            _bounded(ear, ear.hears_user(name, (header, value)))


def _bounded(ear: Ear, events: list[ev.Event]) -> None:
    assert "" not in ear.registry.by_uniqueid and "" not in ear.registry.legs and "" not in ear.registry.own
    for event in events:
        if isinstance(event, ev.CallEntered):
            assert AT - fields.LIVE_STAMP_S <= event.entered_at <= AT
            assert len(event.name) <= 80 and event.name.isprintable()
            assert len(event.number) <= 64 and len(event.did) <= 32
            assert set(event.did) <= set("0123456789+")
        if isinstance(event, ev.VerbDone):
            assert len(event.digits) <= 8 and set(event.digits) <= set("0123456789*#")
            assert event.status in ("ok", "timeout", "error")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Иван Петров", "Иван Петров"),
        ('O"Brien \\ Sons', 'O"Brien \\ Sons'),
        ("<unknown>", ""),
        ("  a\tb\u202ec  ", "abc"),
        ("я" * 200, "я" * 80),
        ("\ufffd", "\ufffd"),
    ],
)
def test_names_are_fit_to_be_shown(written: str, shown: str) -> None:
    assert fields.name(written) == shown


# -- Asterisk's clock -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead_s", [0.0, 3600.0, -3600.0])
def test_an_asterisk_with_another_clock_gives_right_waits(ahead_s: float) -> None:
    ear = Ear()
    ear.time.heard(f"{AT + ahead_s:.3f}", AT)
    (entered,) = ear.hears_user("AcdEnter", ("Entered", f"{AT + ahead_s - 1.5:.3f}"))
    assert isinstance(entered, ev.CallEntered)
    assert entered.entered_at == pytest.approx(AT - 1.5, abs=0.01)


@pytest.mark.parametrize("stepped_s", [3600.0, -3600.0])
def test_a_clock_stepped_since_the_last_heartbeat_is_not_believed(stepped_s: float) -> None:
    ear = Ear()
    ear.time.heard(f"{AT}", AT)
    (entered,) = ear.hears_user("AcdEnter", ("Entered", f"{AT + stepped_s}"))
    assert isinstance(entered, ev.CallEntered)
    assert entered.entered_at == AT


def test_a_clock_that_says_rubbish_is_taken_for_what_it_was() -> None:
    time = fields.AsteriskTime()
    time.heard(f"{AT + 10}", AT)
    time.heard("nan", AT + 1)
    assert time.theirs(AT + 1) == AT + 11


@pytest.mark.parametrize(
    ("size", "seconds"),
    [("16044", 1.0), ("44", None), ("0", None), ("", None), ("x", None), ("9" * 30, None), ("-16044", None)],
)
def test_how_long_a_message_is_follows_from_the_size_of_its_file(size: str, seconds: float | None) -> None:
    done = Ear().hears_user("AcdDone", ("Seq", "1"), ("Status", "hangup"), ("Bytes", size))
    assert done == [ev.VerbDone(AT, CallId(CALL), 1, "hangup", "", seconds)]


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("endpoint", "status", "news"),
    [
        ("1001", "NonQualified", True),
        ("1001", "Reachable", True),
        ("1001", "Removed", False),
        ("trunk", "NonQualified", False),
    ],
)
def test_a_contact_that_is_new_is_news_of_its_agents_phone(endpoint: str, status: str, news: bool) -> None:
    ear = Ear()
    contact = (("URI", "sip:1001@127.0.0.1:5062"), ("AOR", endpoint), ("EndpointName", endpoint))
    came = ear.hears("ContactStatus", *contact, ("ContactStatus", status))
    assert came == ([ev.PhoneRenewed(AT, ANNA)] if news else [])


def test_a_refused_call_to_the_town_is_counted_and_is_no_event() -> None:
    ear = Ear()
    for reason in ("rate", "rate", "number", "x" * 10_000):
        assert ear.hears_user("AcdTown", ("Endpoint", "PJSIP/1001"), ("Reason", reason), ("To", "+7&x")) == []
    assert {**ear.translator.refused} == {"number": 1, "rate": 2, "at_once": 0, "lock": 0, "other": 1}
