"""Events doubled, in another order, among unknown ones: the same records, and the same agents, as in order.

What Asterisk really said (`tests/transcripts`) is told again. It queues the events of all sessions in one list, in the
order in which its threads hand them in, and TCP keeps that order. So what may change places are events that two threads
hand in at about the same time: those that are about no common channel and no common bridge. A channel's own thread
tells of it in order, and a new channel is told of after what its maker did before.
"""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.ami.messages import Message
from tests import rules
from tests.transcripts import replay
from tests.transcripts.test_replay import STORIES, compare

UNKNOWN = tuple(
    Message(block)
    for block in (
        b"Event: NoSuchEventYet\r\nChannel: PJSIP/trunk-00000000\r\nUniqueid: lab-1",
        b"Event: Hangup\r\nChannel: PJSIP/other-00000009\r\nUniqueid: other-9\r\nLinkedid: other-9",
        b"Event: Newchannel\r\nChannel: PJSIP/other-00000009\r\nUniqueid: other-9\r\nLinkedid: other-9",
        b"Event: BridgeEnter\r\nBridgeUniqueid: b\r\nBridgeNumChannels: 2\r\nUniqueid: other-9",
        b"Event: UserEvent\r\nUserEvent: AcdNews\r\nCall: 20261121193819-761306518701",
        b"Event: DialEnd\r\nDestUniqueid: other-9\r\nDialStatus: ANSWER",
        b"Event: DeviceStateChange\r\nDevice: PJSIP/other\r\nState: UNAVAILABLE",
        b"Event: ",
    )
)
_NEAR_S = 0.01  # threads that hand in at about the same time


def of(message: Message) -> set[str]:
    """What the message is about: channels and bridges."""
    names = ("Uniqueid", "DestUniqueid", "BridgeUniqueid", "Device", "TransfereeUniqueid", "SecondTransfererUniqueid",
             "OrigTransfererUniqueid", "TransferTargetUniqueid", "DestBridgeUniqueid", "OrigBridgeUniqueid",
             "SecondBridgeUniqueid")  # fmt: skip
    return {message.get(name, "") for name in names} - {""}


def may_swap(one: Message, other: Message) -> bool:
    """Whether these neighbours could have come the other way round."""
    if of(one) & of(other):
        return False
    if float(other["Timestamp"]) - float(one["Timestamp"]) > _NEAR_S:
        return False
    return not (other.name == "Newchannel" and one.get("Linkedid") == other.get("Linkedid"))


def stamped(message: Message, like: Message) -> Message:
    """It is handed in when the other was."""
    headers = [(name, value) for name, value in message.headers[1:] if name != "Timestamp"]
    return Message.of(message.name, *headers, ("Timestamp", like["Timestamp"]))


@st.composite
def tellings(draw: st.DrawFn) -> tuple[str, list[Message]]:
    """A story, told otherwise."""
    story = draw(st.sampled_from(STORIES))
    told = replay.load(story)
    places = [first for first in range(len(told) - 1) if may_swap(told[first], told[first + 1])]
    for first in draw(st.lists(st.sampled_from(places), max_size=12)):
        one, other = told[first : first + 2]
        if may_swap(one, other):
            told[first : first + 2] = stamped(other, one), stamped(one, other)
    number = st.integers(0, len(told) - 1)
    doubled = draw(st.sets(number, max_size=10))
    strange = draw(st.dictionaries(number, st.sampled_from(UNKNOWN), max_size=10))
    messages = []
    for place, message in enumerate(told):
        messages += [message] * (2 if place in doubled else 1)
        messages += [stamped(strange[place], message)] if place in strange else []
    return story, messages


@pytest.mark.fault(14)
@settings(max_examples=100, deadline=None)
@given(tellings())
def test_other_orders_lead_to_the_same(telling: tuple[str, list[Message]]) -> None:
    story, messages = telling

    async def play() -> None:
        playing = replay.Replay()
        await playing.play(messages)
        rules.check(playing.core, playing.now)
        compare(playing, story)

    asyncio.run(play())
