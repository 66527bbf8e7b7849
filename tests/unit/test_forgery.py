"""A caller's number that holds line ends: what is seen of it, and what becomes of the link."""

from __future__ import annotations

import pytest

from acd.ami.forgery import Trust, trust

HEAD = "Event: Newchannel\r\nChannel: PJSIP/trunk-1\r\nChannelState: 4\r\nChannelStateDesc: Ring\r\nCallerIDNum: "
TAIL = "\r\nCallerIDName: \r\nExten: 74951234567\r\nPriority: 1\r\nUniqueid: a.1\r\nLinkedid: a.1"


def first_block(number: str) -> bytes:
    return (HEAD + number + TAIL).split("\r\n\r\n")[0].encode()


@pytest.mark.parametrize(
    ("number", "worth"),
    [
        ("+79161234567", Trust.GENUINE),
        ("1\r\nUniqueid: victim", Trust.DOUBLED),
        ("1\r\nLinkedid: victim", Trust.DOUBLED),
        ("1\r\n\r\nEvent: Hangup\r\nUniqueid: victim", Trust.TORN),
        ("1\r\nUniqueid: x\r\n\r\nEvent: Hangup", Trust.TORN),
    ],
)
def test_a_number_with_line_ends_shows(number: str, worth: Trust) -> None:
    assert trust(first_block(number)) is worth


def test_events_without_a_channel_are_taken_as_they_are() -> None:
    assert trust(b"Event: DeviceStateChange\r\nDevice: PJSIP/1001\r\nState: INUSE") is Trust.GENUINE
