"""Following the feed: every delta after a number, in order, without gaps or repeats, or a plain end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from acd import tasks
from acd.ports import Delta, Feed


class TailEnded(Exception):
    """The subscription is over: we fell behind, the daemon stops, or `close` was called."""


class Tail:
    """A subscription that goes on after delta number `after`. One reader; `close` it in the end."""

    def __init__(self, feed: Feed, after: int) -> None:
        self._feed = feed
        self._deltas = feed.subscribe()
        self._step: asyncio.Task[Delta | None] | None = None
        self._last = after
        self._caught_up = False
        self._ended = False

    async def next(self, timeout_s: float) -> Sequence[Delta]:
        """The next deltas; empty when none came within `timeout_s`. TailEnded when there will be no more."""
        if self._ended:
            raise TailEnded
        if not self._caught_up:
            self._caught_up = True
            return self._since_last()
        if self._step is None:
            self._step = tasks.spawn(self._one(), "api feed step")
        done, _ = await asyncio.wait({self._step}, timeout=timeout_s)
        if not done:
            return ()
        step, self._step = self._step, None
        delta = None if step.cancelled() else step.result()
        if delta is None:
            raise TailEnded
        return self._in_order(delta)

    def _in_order(self, delta: Delta) -> Sequence[Delta]:
        if delta.number <= self._last:
            return ()
        if delta.number > self._last + 1:
            return self._since_last()
        self._last = delta.number
        return (delta,)

    def _since_last(self) -> Sequence[Delta]:
        missed = self._feed.since(self._last)
        if missed is None:
            raise TailEnded
        if missed:
            self._last = missed[-1].number
        return missed

    async def _one(self) -> Delta | None:
        try:
            return await anext(self._deltas)
        except StopAsyncIteration:
            return None

    def interrupt(self) -> None:
        """Make `next` raise TailEnded now."""
        if self._step is not None:
            self._step.cancel()

    def end(self) -> None:
        """Make `next` raise TailEnded, now or when it is next called."""
        self._ended = True
        self.interrupt()

    async def close(self) -> None:
        """Leave the feed."""
        step, self._step = self._step, None
        await tasks.stop(step)
        leave = getattr(self._deltas, "aclose", None)
        if leave is not None:
            await leave()
