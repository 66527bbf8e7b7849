"""Changes for those who watch: numbered, kept for a while, and never waited for."""

from __future__ import annotations

import asyncio

from acd.feed import LiveFeed, Subscription
from acd.queues.views import NodeView

NODE = NodeView("main", True, 0.0, None)


def told(feed: LiveFeed, times: int = 1) -> None:
    for _ in range(times):
        feed.publish(node=NODE)


async def taken(subscription: Subscription) -> list[int]:
    """The numbers that are there until it ends."""
    return [delta.number async for delta in subscription]


async def test_everybody_hears_everything_from_now_on() -> None:
    feed = LiveFeed()
    told(feed)
    one = feed.subscribe()
    told(feed)
    other = feed.subscribe()
    told(feed)
    feed_heard = [await anext(one), await anext(one)]
    assert [delta.number for delta in feed_heard] == [2, 3]
    assert (await anext(other)).number == 3
    assert feed.last_number() == 3


async def test_a_watcher_who_falls_behind_is_cut_off_and_no_other() -> None:
    feed = LiveFeed(backlog=3)
    slow, quick = feed.subscribe(), feed.subscribe()
    for _ in range(5):
        told(feed)
        await anext(quick)
    assert await taken(slow) == []
    told(feed)
    assert (await anext(quick)).number == 6


async def test_a_watcher_who_left_is_forgotten() -> None:
    feed = LiveFeed()
    subscription = feed.subscribe()
    await subscription.aclose()
    told(feed)
    assert await taken(subscription) == []
    assert not feed._subscribers


async def test_closing_ends_every_watch_even_one_that_waits() -> None:
    feed = LiveFeed()
    waiting = feed.subscribe()

    async def close() -> None:
        feed.close()

    numbers, _ = await asyncio.gather(taken(waiting), close())
    assert numbers == []


def test_what_was_missed_can_be_had_for_a_while() -> None:
    feed = LiveFeed(kept=3)
    assert feed.since(0) == []
    told(feed, 5)
    assert [delta.number for delta in feed.since(2) or ()] == [3, 4, 5]
    assert feed.since(5) == []
    assert feed.since(1) is None, "some are gone"
    assert feed.since(6) is None, "never ours"


def test_a_change_says_what_kind_it_is() -> None:
    feed = LiveFeed()
    told(feed)
    (delta,) = feed.since(0) or ()
    assert (delta.kind, delta.node, delta.agent, delta.call) == ("node", NODE, None, None)
