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

from acd.tasks import spawn, stop

CHUNK = 65_536
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


class DeafProxy:
    """Passes on everything but what is to be lost; `lost` counts that by name, of events and of actions."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.lost: Counter[str] = Counter()
        self._target = target
        self._losses: list[_Loss] = []
        self._orders: list[tuple[bytes, bytes]] = []
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    def lose(self, *names: str, about: str) -> None:
        """From now on events and UserEvents of these names are lost, on channels of this number's calls."""
        self._losses.append(_Loss(frozenset(name.encode() for name in names), about.encode()))

    def lose_order(self, action: str, word: str) -> None:
        """The next action of this name with this word in it does not arrive, and is answered with success."""
        self._orders.append((f"Action: {action}\r\n".encode(), word.encode()))

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        there = spawn(self._sift_orders(reader, far_writer, writer), "proxy there")
        back = spawn(self._sift(far_reader, writer), "proxy back")
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for one in (writer, far_writer):
            one.transport.abort()
        await stop(there, back)

    async def _sift_orders(
        self, reader: asyncio.StreamReader, far: asyncio.StreamWriter, near: asyncio.StreamWriter
    ) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                *blocks, rest = (rest + data).split(END)
                for block in blocks:
                    if not self._swallowed(block, near):
                        far.write(block + END)
                await far.drain()

    def _swallowed(self, block: bytes, near: asyncio.StreamWriter) -> bool:
        order = next((one for one in self._orders if block.startswith(one[0]) and one[1] in block), None)
        asked = _ACTION_ID.search(block)
        if order is None or asked is None:
            return False
        self._orders.remove(order)
        self.lost[order[0].decode().split()[1]] += 1
        near.write(b"Response: Success\r\nActionID: " + asked[1] + END)
        return True

    async def _sift(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
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
