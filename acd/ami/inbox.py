"""The one queue between the link and the one consumer: bounded, in order, fair to the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from acd.ami.messages import Message
from acd.ami.values import LinkDown, LinkUp
from acd.errors import AmiDown

BURST: Final = 64
"""Messages handed out in a row before the loop gets a turn: a full queue must not starve timers and HTTP."""


class Inbox:
    """Messages are refused when it is full; markers never are, they push the messages out instead."""

    def __init__(self, max_messages: int, max_bytes: int) -> None:
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._bytes = 0
        self._items: deque[LinkUp | LinkDown | Message] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._handed_out = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, message: Message) -> bool:
        """Queue a message; False: full, nothing was queued and the link must be given up."""
        size_bytes = message.size_bytes
        if len(self._items) >= self._max_messages or self._bytes + size_bytes > self._max_bytes:
            return False
        self._bytes += size_bytes
        self._items.append(message)
        self._wake()
        return True

    def mark(self, marker: LinkUp | LinkDown, forget: bool = False) -> None:
        """Queue a marker behind all there is; `forget` (or no room) drops that first: a resync follows."""
        if forget or len(self._items) >= self._max_messages:
            self._items.clear()
            self._bytes = 0
        self._items.append(marker)
        self._wake()

    def close(self) -> None:
        """After what is queued, `get` raises AmiDown."""
        self._closed = True
        self._wake()

    async def get(self) -> LinkUp | LinkDown | Message:
        """The next item. One consumer only. Raises AmiDown once closed and empty."""
        if self._waiter is not None:
            raise RuntimeError("the manager client has one consumer")
        if self._handed_out >= BURST:
            self._handed_out = 0
            await asyncio.sleep(0)
        while not self._items:
            if self._closed:
                raise AmiDown("the manager client is closed")
            self._handed_out = 0
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._handed_out += 1
        item = self._items.popleft()
        if isinstance(item, Message):
            self._bytes -= item.size_bytes
        return item

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
