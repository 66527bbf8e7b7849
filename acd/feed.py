"""Changes for those who watch: numbered, kept for a while, and never waited for.

A subscriber has a bounded queue of its own; one who does not drain it is cut off and comes back with its last number.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Self

from acd.ports import Delta
from acd.queues.journey import CallRecord
from acd.queues.views import AgentView, NodeView

KEPT_DELTAS = 2_000
SUBSCRIBER_BACKLOG = 500


Backlog = asyncio.Queue[Delta | None]


class Subscription:
    """An iterator over deltas. Closed by `aclose`, also when it was never read."""

    def __init__(self, queue: Backlog, subscribers: set[Backlog]) -> None:
        self._queue = queue
        self._subscribers = subscribers
        self._over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Delta:
        delta = None if self._over else await self._queue.get()
        if delta is None:
            await self.aclose()
            raise StopAsyncIteration
        return delta

    async def aclose(self) -> None:
        """Watch no longer."""
        self._over = True
        self._subscribers.discard(self._queue)


class LiveFeed:
    """ports.Feed, and the side that publishes."""

    def __init__(self, kept: int = KEPT_DELTAS, backlog: int = SUBSCRIBER_BACKLOG) -> None:
        self._kept: deque[Delta] = deque(maxlen=kept)
        self._backlog = backlog
        self._number = 0
        self._subscribers: set[Backlog] = set()

    def publish(
        self, *, agent: AgentView | None = None, call: CallRecord | None = None, node: NodeView | None = None
    ) -> None:
        """Tell everyone about one change; exactly one of the three is given."""
        self._number += 1
        kind = "agent" if agent else "call" if call else "node"
        delta = Delta(self._number, kind, agent, call, node)
        self._kept.append(delta)
        for queue in list(self._subscribers):
            self._hand(queue, delta)

    def _hand(self, queue: Backlog, delta: Delta) -> None:
        try:
            queue.put_nowait(delta)
        except asyncio.QueueFull:
            self._cut(queue)

    def _cut(self, queue: Backlog) -> None:
        self._subscribers.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def last_number(self) -> int:
        """The number of the newest delta; 0 before the first."""
        return self._number

    def since(self, number: int) -> Sequence[Delta] | None:
        """The deltas after `number`, or None when they are not all here any more (or never were ours)."""
        missing = self._number - number
        if missing < 0 or missing > len(self._kept):
            return None
        return list(islice(reversed(self._kept), missing))[::-1]

    def subscribe(self) -> Subscription:
        """Deltas from this moment on."""
        queue: Backlog = asyncio.Queue(self._backlog)
        self._subscribers.add(queue)
        return Subscription(queue, self._subscribers)

    def close(self) -> None:
        """End every subscription."""
        for queue in list(self._subscribers):
            self._cut(queue)
