"""A TCP proxy between a daemon and its Asterisk that keeps chosen messages to itself: they were sent and never came.

async with deaf_proxy((host, port)) as proxy:
    proxy.lose("Hangup", "AcdDial", about="+79160000001")
    proxy.lose_order("Redirect", "acd-connect")     # once; it is answered as if it had been carried out
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from acd.lab.proxy import CHUNK, CutProxy, Link

END = b"\r\n\r\n"
_NAME = re.compile(rb"(?:\A|\r\n)(?:Event: (?!UserEvent\r)|UserEvent: )([A-Za-z]+)")
_ACTION_ID = re.compile(rb"\r\nActionID: ([^\r\n]+)")
_LINKED = re.compile(rb"\r\n(?:Dest)?Linkedid: (\S+)")


@dataclass
class _Loss:
    """Events that are lost. `linked`: the Linkedids under which `about` was seen: not every event names a number."""

    names: frozenset[bytes]
    about: bytes
    linked: set[bytes] = field(default_factory=set)

    def takes(self, name: bytes, block: bytes) -> bool:
        linked = set(_LINKED.findall(block))
        if self.about in block:
            self.linked |= linked
        return name in self.names and (self.about in block or not linked.isdisjoint(self.linked))


class DeafProxy(CutProxy):
    """Passes on everything but what is to be lost; `lost` counts that by name, of events and of actions."""

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target)
        self.lost: Counter[str] = Counter()
        self._losses: list[_Loss] = []
        self._orders: list[tuple[bytes, bytes]] = []

    def lose(self, *names: str, about: str) -> None:
        """From now on events and UserEvents of these names are lost, on channels of this number's calls."""
        self._losses.append(_Loss(frozenset(name.encode() for name in names), about.encode()))

    def lose_order(self, action: str, word: str) -> None:
        """The next action of this name with this word in it does not arrive, and is answered with success."""
        self._orders.append((f"Action: {action}\r\n".encode(), word.encode()))

    async def _there(self, link: Link, reader: asyncio.StreamReader) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                *blocks, rest = (rest + data).split(END)
                for block in blocks:
                    if not self._swallowed(block, link.near):
                        link.far.write(block + END)
                await link.far.drain()

    def _swallowed(self, block: bytes, near: asyncio.StreamWriter) -> bool:
        order = next((one for one in self._orders if block.startswith(one[0]) and one[1] in block), None)
        asked = _ACTION_ID.search(block)
        if order is None or asked is None:
            return False
        self._orders.remove(order)
        self.lost[order[0].decode().split()[1]] += 1
        near.write(b"Response: Success\r\nActionID: " + asked[1] + END)
        return True

    async def _back(self, link: Link, reader: asyncio.StreamReader) -> None:
        rest, writer = b"", link.near
        with contextlib.suppress(OSError):
            writer.write(await reader.readline())  # the greeting, with no empty line behind it
            while data := await reader.read(CHUNK):
                *blocks, rest = (rest + data).split(END)
                writer.write(b"".join(block + END for block in blocks if not self._is_lost(block)))
                await writer.drain()

    def _is_lost(self, block: bytes) -> bool:
        found = _NAME.search(block)
        if found is None or b"\r\nActionID: " in block:  # an answer
            return False
        taken = [loss for loss in self._losses if loss.takes(found[1], block)]  # all look: each learns
        if taken:
            self.lost[found[1].decode()] += 1
        return bool(taken)


@contextlib.asynccontextmanager
async def deaf_proxy(target: tuple[str, int]) -> AsyncIterator[DeafProxy]:
    """A proxy for the block."""
    proxy = DeafProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
