"""What the real Asterisk said, played again, gives the record that was made of it live."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acd.ami.messages import Message
from tests import rules
from tests.transcripts import replay

TRANSFERS = ("blind_to_agent", "blind_to_queue", "attended_to_agent", "attended_to_queue", "handed_early")
STORIES = ("served", "abandoned", "refused", "rung_out", "own_call", "feature_codes", *TRANSFERS)
CLOCKS_AGREE_S = 0.15  # live, a message is dated when it is worked on; here, when Asterisk sent it


def expected(story: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((replay.FOLDER / f"{story}.json").read_text(encoding="utf-8"))
    return told


async def played(messages: list[Message]) -> replay.Replay:
    playing = replay.Replay()
    await playing.play(messages)
    rules.check(playing.core, playing.now)
    return playing


def compare(playing: replay.Replay, story: str) -> None:
    told = expected(story)
    calls = [replay.picture(record) for record in playing.records()]
    assert len(calls) == len(told["calls"])
    for ours, theirs in zip(calls, told["calls"], strict=True):
        for duration in ("wait_s", "talk_s"):
            assert ours.pop(duration) == pytest.approx(theirs.pop(duration), abs=CLOCKS_AGREE_S)
        assert ours == theirs
    assert playing.agents == told["agents"]


@pytest.mark.parametrize("story", STORIES)
async def test_the_replay_gives_the_record_that_was_made_live(story: str) -> None:
    compare(await played(replay.load(story)), story)


@pytest.mark.parametrize("story", STORIES)
async def test_a_message_that_comes_twice_changes_nothing(story: str) -> None:
    messages = [message for message in replay.load(story) for _ in range(2)]
    compare(await played(messages), story)


@pytest.mark.parametrize("story", STORIES)
async def test_neighbouring_messages_of_different_channels_may_change_places(story: str) -> None:
    messages = replay.load(story)
    for first in range(0, len(messages) - 1, 2):
        one, other = messages[first : first + 2]
        if not _channels(one) & _channels(other):
            messages[first : first + 2] = [other, one]
    compare(await played(messages), story)


def _channels(message: Message) -> set[str]:
    return {message.get("Uniqueid", ""), message.get("DestUniqueid", ""), message.get("Linkedid", "")} - {""}


async def test_the_same_messages_lead_to_the_same_orders() -> None:
    first, second = await played(replay.load("served")), await played(replay.load("served"))
    assert first.link.sent == second.link.sent
    assert [name for name, _ in first.link.sent] != []


@pytest.mark.parametrize("story", STORIES)
def test_transcripts_hold_nothing_of_anybody(story: str) -> None:
    text = (replay.FOLDER / f"{story}.txt").read_text(encoding="utf-8").lower()
    for trace in ("@", "/root", "/home", "/tmp", "secret", "password"):
        assert trace not in text
