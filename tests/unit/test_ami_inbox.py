"""The queue to the one consumer: its limits and its order."""

from __future__ import annotations

import asyncio

import pytest

from acd.ami.inbox import Inbox
from acd.ami.messages import Message
from acd.ami.values import LinkDown, LinkUp
from acd.errors import AmiDown

UP = LinkUp("main", 1, None, "11.0.0")
DOWN = LinkDown("main", 1, "test")
TICK = Message.of("Tick", ("Data", "x" * 86))  # 100 bytes and some


async def test_messages_and_markers_come_out_as_they_went_in():
    inbox = Inbox(10, 10_000)
    other = Message.of("Tock")
    inbox.mark(UP)
    assert inbox.put(TICK)
    assert inbox.put(other)
    inbox.mark(DOWN)
    assert [await inbox.get() for _ in range(4)] == [UP, TICK, other, DOWN]
    assert len(inbox) == 0


async def test_it_holds_so_many_messages_and_a_marker_pushes_them_out():
    inbox = Inbox(3, 10_000)
    assert [inbox.put(TICK) for _ in range(4)] == [True, True, True, False]
    inbox.mark(DOWN)
    assert len(inbox) == 1
    assert await inbox.get() == DOWN


async def test_it_holds_so_many_bytes_and_what_was_taken_or_forgotten_counts_no_more():
    inbox = Inbox(1000, 3 * TICK.size_bytes)
    for _ in range(5):
        assert [inbox.put(TICK) for _ in range(4)] == [True, True, True, False]
        for _ in range(3):
            await inbox.get()
    assert [inbox.put(TICK) for _ in range(3)] == [True, True, True]
    inbox.mark(DOWN, forget=True)
    assert [inbox.put(TICK) for _ in range(4)] == [True, True, True, False]


async def test_a_waiting_consumer_is_woken_and_a_cancelled_one_loses_nothing():
    inbox = Inbox(10, 10_000)
    waiting = asyncio.gather(inbox.get())
    await asyncio.sleep(0)
    inbox.put(TICK)
    assert await waiting == [TICK]
    cancelled = asyncio.gather(inbox.get())
    await asyncio.sleep(0)
    inbox.mark(UP)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await inbox.get() == UP


async def test_closing_wakes_the_consumer():
    inbox = Inbox(10, 10_000)
    waiting = asyncio.gather(inbox.get())
    await asyncio.sleep(0)
    inbox.close()
    with pytest.raises(AmiDown):
        await waiting
