"""Whatever bytes come from the manager's port, in whatever pieces: no exception, no growth, and what follows is heard.

The bytes are what Asterisk really said (`tests/transcripts`), cut, doubled, mixed and mutilated, and plain rubbish.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.ami.actions import ListLimit, Order, PendingAction
from acd.ami.forgery import Trust, trust
from acd.ami.messages import Message, parse
from acd.ami.protocol import HardenedManager, HardenedProtocol
from acd.ami.values import AmiCounters, AmiSettings
from acd.errors import AmiError
from tests import rules
from tests.transcripts import replay
from tests.transcripts.test_replay import STORIES
from tests.unit.test_ami_protocol import Wire

GREETING = b"Asterisk Call Manager/11.0.0\r\n"
END = b"\r\n\r\n"
LIMIT_BYTES = 4_000
SAID = {story: (replay.FOLDER / f"{story}.txt").read_bytes() for story in STORIES}
BLOCKS = tuple(block for said in SAID.values() for block in said.split(END) if block)
KEYS = (b"@LIST@", b"@PING@", b"@ORDER@")  # stand for the ids of the actions that are unanswered
ANSWERS = (
    b"Response: Success\r\nActionID: @LIST@\r\nEventList: start\r\nMessage: will follow",
    b"Event: Status\r\nActionID: @LIST@\r\nChannel: PJSIP/1001-00000001",
    b"Event: StatusComplete\r\nActionID: @LIST@\r\nEventList: Complete\r\nListItems: 1",
    b"Event: StatusComplete\r\nActionID: @LIST@\r\nEventList: cancelled",
    b"Response: Success\r\nActionID: @PING@\r\nPing: Pong",
    b"Response: Error\r\nActionID: @PING@\r\nMessage: Permission denied",
    b"Response: Success\r\nActionID: @ORDER@",
    b"Response: Error\r\nActionID: @ORDER@\r\nMessage: No such channel",
    b"Response: Goodbye\r\nMessage: Thanks for all the fish.",
    b"Event: Shutdown\r\nPrivilege: system,all\r\nShutdown: Cleanly",
)
INSERTED = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"\r", b"\n", b"\r\n", END, b"\0", b": ", b"\xff\xfe", b"\r\nUniqueid: 1", b"Event: ", b"x" * 300]
    ),
)


@dataclass
class Peer:
    """One link; greeted, it has a list, an answer and an order outstanding."""

    greeted: bool = True
    seen: list[Message] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    failed: list[AmiError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counters = AmiCounters()
        limits = AmiSettings("main", "127.0.0.1", 1, "acd", "x", max_message_bytes=LIMIT_BYTES)
        manager = HardenedManager(limits, self.counters, self.seen.append, self.lost.append)
        self.protocol = HardenedProtocol(manager, limits, self.counters)
        self.protocol.connection_made(Wire())
        self.actions = (PendingAction("Status", [], ListLimit(5, 10_000)), PendingAction("Ping", []))
        order = Order("Setvar", [], self.failed.append)
        self.keys = (*(action.key for action in self.actions), order.key)
        if self.greeted:
            self.protocol.data_received(GREETING)
            for action in self.actions:
                self.protocol.send(action)
            self.protocol.order(order, at_once=True)

    def hear(self, data: bytes, cuts: list[int]) -> None:
        """The bytes in these pieces."""
        for mark, key in zip(KEYS, self.keys, strict=True):
            data = data.replace(mark, key.encode())
        places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
        for begin, end in pairwise(places):
            self.protocol.data_received(data[begin:end])
            assert len(self.protocol._buffer) <= LIMIT_BYTES + len(END), "what is kept is bounded"
        assert len(self.protocol.responses) <= len(KEYS)

    async def told(self) -> tuple[object, ...]:
        """Everything that came of it."""
        await asyncio.sleep(0)
        names = [repr(message.headers) for message in self.seen]
        for mark, key in zip(KEYS, self.keys, strict=True):
            names = [name.replace(key, mark.decode()) for name in names]
        answers = [_ending(action) for action in self.actions]
        return names, self.lost, answers, len(self.failed), self.counters.strays, self.counters.forged

    def close(self) -> None:
        self.protocol.close()


def _ending(action: PendingAction) -> str:
    if not action.future.done():
        return "none yet"
    error = action.future.exception()
    return type(error).__name__ if error else f"{len(action.responses)} messages"


@st.composite
def mutilated(draw: st.DrawFn) -> bytes:
    """A message of Asterisk's that something has happened to."""
    block = draw(st.sampled_from(BLOCKS + ANSWERS))
    for _ in range(draw(st.integers(0, 3))):
        begin = draw(st.integers(0, len(block)))
        end = draw(st.integers(begin, min(len(block), begin + 40)))
        block = block[:begin] + draw(INSERTED) + block[end:]
    return block


WHOLE = st.sampled_from(BLOCKS + ANSWERS).map(lambda block: block + END)
LONG = st.integers(-5, 5).map(lambda more: b"Event: Long\r\nValue: ".ljust(LIMIT_BYTES + more, b"x") + END)
PIECES = st.one_of(WHOLE, mutilated(), mutilated().map(lambda block: block + END), st.binary(max_size=200), LONG)
STREAMS = st.lists(PIECES, max_size=12).map(b"".join)
CUTS = st.lists(st.integers(0, 10**6), max_size=60)


@settings(max_examples=150, deadline=None)
@given(STREAMS, CUTS)
def test_how_the_bytes_are_cut_changes_nothing(stream: bytes, cuts: list[int]) -> None:
    async def both_ways() -> None:
        whole, pieces, bytewise = Peer(), Peer(), Peer()
        whole.hear(stream, [])
        pieces.hear(stream, cuts)
        bytewise.hear(stream, list(range(len(stream))))
        told = await whole.told()
        assert await pieces.told() == told
        assert await bytewise.told() == told
        for peer in (whole, pieces, bytewise):
            peer.close()

    asyncio.run(both_ways())


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=60), STREAMS, CUTS, st.sampled_from(STORIES))
def test_what_follows_the_rubbish_is_understood(rubbish: bytes, stream: bytes, cuts: list[int], story: str) -> None:
    """Unless the link was ended: then all is read back, and it was said once."""

    async def hear() -> None:
        peer = Peer()
        peer.hear(stream + rubbish + END, cuts)
        before = len(peer.seen)
        ended = peer.protocol.closed
        peer.hear(SAID[story], cuts)
        wanted = [parse(block) for block in SAID[story].split(END) if block]
        assert peer.seen[before:] == ([] if ended else wanted)
        assert len(peer.lost) == (1 if ended else 0)
        peer.close()

    asyncio.run(hear())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), st.just(GREETING[:-2]), st.just(b"\r\n")), max_size=80), CUTS)
def test_a_peer_that_greets_with_rubbish_is_left_or_waited_for(pieces: list[bytes], cuts: list[int]) -> None:
    async def hear() -> None:
        ends = []
        for how in ([], cuts):
            peer = Peer(greeted=False)
            peer.hear(b"".join(pieces), how)
            ends.append((peer.protocol.closed, peer.protocol.version, len(peer.lost), len(peer.seen)))
            peer.close()
        assert ends[0] == ends[1]

    asyncio.run(hear())


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(STORIES), st.lists(st.tuples(st.integers(0, 10**6), mutilated()), max_size=25))
def test_a_mutilated_story_breaks_nothing(story: str, changes: list[tuple[int, bytes]]) -> None:
    """Messages that have lost their sense among those that have not: translated or passed over, and the rules hold."""
    blocks = [block for block in SAID[story].split(END) if block]
    for where, block in changes:
        place = where % (len(blocks) + 1)
        blocks[place : place + where % 2] = [block]
    playing = replay.Replay()
    playing.begin(replay.load(story)[0])
    for block in b"".join(block + END for block in blocks).split(END):
        message = parse(block)
        if message is not None and trust(block) is Trust.GENUINE:
            playing.hear(message, playing.now + 0.01)
    rules.check(playing.core, playing.now)
    assert len(playing.translator._registry.callers) <= len(blocks)
