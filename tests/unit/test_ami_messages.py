"""Messages: what Asterisk 22 really sends, read back as plain facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.message import Message as PanoramiskMessage

from acd.ami.messages import Message, Response, parse

HANGUP = (
    "Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/1001-00000001\r\nChannelStateDesc: Up\r\n"
    "CallerIDNum: 123\r\nCallerIDName: Анна \\\"Q\\\" \\'s \\? \\\\ \\n\r\nConnectedLineName: \\'b\r\n"
    "AccountCode: \r\nChanVariable: ACD_CALL=42\r\nChanVariable: ACD_VERB=\r\nCause: 16"
)


def test_an_event_is_a_case_insensitive_mapping_of_its_headers():
    event = parse(HANGUP.encode())
    assert event is not None
    assert isinstance(event, PanoramiskMessage)
    assert event.name == "Hangup"
    assert event["channel"] == event["Channel"] == "PJSIP/1001-00000001"
    assert event.get("AccountCode") == ""
    assert event.get("Nothing") is None
    assert event.get("Nothing", "x") == "x"
    assert "CAUSE" in event
    assert "Nothing" not in event
    assert event.headers[0] == ("Event", "Hangup")


def test_channel_variables_are_read_and_unset_ones_left_out():
    event = parse(HANGUP.encode())
    assert event is not None
    assert event.variables == {"ACD_CALL": "42"}
    status = Message.of("Status", ("Variable", "ACD_CALL=(null)"), ("Variable", "ACD_QUEUE=a=b"))
    assert status.variables == {"ACD_QUEUE": "a=b"}
    both = Message.of("DialBegin", ("ChanVariable", "A=1"), ("DestChanVariable", "A=2"))
    assert (both.variables, both.variables_of("Dest")) == ({"A": "1"}, {"A": "2"})


def test_names_of_channel_snapshots_are_unescaped_and_raw_names_are_left_alone():
    event = parse(HANGUP.encode())
    assert event is not None
    assert event["CallerIDName"] == 'Анна "Q" \'s ? \\ \n'
    assert event["ConnectedLineName"] == "'b"
    dial = Message.of("DialBegin", ("DestChannelStateDesc", "Down"), ("DestCallerIDName", r"\'b"))
    assert dial["DestCallerIDName"] == "'b"
    raw = Message.of("OriginateResponse", ("CallerIDName", r"back\nslash"))
    assert raw["CallerIDName"] == r"back\nslash"
    status = Message.of("Status", ("ChannelStateDesc", "Up"), ("EffectiveConnectedLineName", r"a\nb"))
    assert status["EffectiveConnectedLineName"] == r"a\nb"


ESCAPES = {
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
    "\\": r"\\", "'": r"\'", '"': r"\"", "?": r"\?",
}  # fmt: skip


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_unescaping_undoes_what_asterisk_did(name: str):
    escaped = "".join(ESCAPES.get(letter, letter) for letter in name)
    event = Message.of("Newchannel", ("ChannelStateDesc", "Up"), ("CallerIDName", escaped))
    assert event["CallerIDName"] == name


def test_the_first_of_repeated_headers_wins_so_a_userevent_cannot_forge_its_channel():
    event = Message.of("UserEvent", ("Channel", "PJSIP/real"), ("UserEvent", "X"), ("channel", "forged"))
    assert event["Channel"] == "PJSIP/real"
    assert event.all("CHANNEL") == ("PJSIP/real", "forged")


def test_a_message_cannot_be_changed_and_a_typo_does_not_pass():
    event = parse(HANGUP.encode())
    with pytest.raises(TypeError):
        event["Channel"] = "x"  # type: ignore[index]
    with pytest.raises(TypeError):
        del event["Channel"]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        event.chanel  # type: ignore[union-attr] # noqa: B018


def test_success_is_read_from_the_response_and_not_from_being_an_event():
    assert not Message.of("Hangup").success
    assert not Message.of("OriginateResponse", ("Response", "Failure")).success
    assert Message.of("OriginateResponse", ("Response", "Success")).success
    refused = parse(b"Response: Error\r\nActionID: 1\r\nMessage: No such channel")
    assert isinstance(refused, Response)
    assert (refused.ok, refused.text, refused.action_id) == (False, "No such channel", "1")


def test_the_action_id_is_a_header_and_not_a_word_in_a_value():
    assert Message.of("UserEvent", ("Note", "ActionID: 5")).action_id is None
    assert Message.of("Status", ("Channel", "x"), ("ActionID", "5")).action_id == "5"


def test_what_is_neither_event_nor_response_is_none_and_leading_blank_lines_do_no_harm():
    assert parse(b"Report0SourceSSRC: 0x1\r\nReport0IAJitter: 3") is None
    assert parse(b"") is None
    event = parse(("\r\n" + HANGUP).encode())
    assert event is not None
    assert event.name == "Hangup"


def test_a_message_shows_no_numbers_or_names_in_logs():
    assert repr(parse(HANGUP.encode())) == "<Message Hangup of 11 headers>"


@given(st.binary(), st.text())
def test_anything_is_read_without_failing(noise: bytes, name: str):
    for block in (noise, b"Event: " + noise, b"Response: " + noise):
        message = parse(block)
        if message is not None:
            assert len(message.headers) >= len(message)
            assert message.variables is not None
            assert (name in message) == (message.get(name) is not None)
            assert all(key in message for key in message)
