"""A TCP proxy on loopback that fails as networks do, without touching either end: cut, mute, or slow.

It overhears the actions that a manager's client sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable

from acd.tasks import spawn, stop

CHUNK = 65_536
_ACTION = re.compile(rb"(?:\A|[\r\n])Action: *([A-Za-z]+)(?=[\r\n])", re.IGNORECASE)


class Link:
    """One connection, both ways. `flows` is cleared while nothing is passed on; `mute`: nothing ever again."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.mute = False
        self.flows = asyncio.Event()
        self.flows.set()

    def abort(self) -> None:
        """Reset it at both ends."""
        for writer in (self.near, self.far):
            writer.transport.abort()


class CutProxy:
    """Passes bytes between who connects to `address` and `target`. `connections` counts those ever made.

    `actions` counts by name what was sent towards the target. Another way to fail overrides `_there` or `_back`, which
    pass on one direction of one connection until its end.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.connections = 0
        self.actions: Counter[str] = Counter()
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def start(self) -> None:
        """Listen on any port of loopback."""
        self._server = await asyncio.start_server(self._let_in, "127.0.0.1", 0)

    def cut(self) -> int:
        """Reset all connections, with nothing said to either end; how many there were. New ones are let in."""
        cut = len(self._links)
        for link in self._links:
            link.abort()
        self._links.clear()
        return cut

    def mute(self) -> int:
        """Half-open: what is sent on the present connections, either way, is swallowed; how many there are.

        They stay open until one end gives up. New ones are let in and work.
        """
        for link in self._links:
            link.mute = True
            link.flows.set()
        return len(self._links)

    @property
    def muted(self) -> bool:
        """Whether a connection that swallows everything is still open."""
        return any(link.mute for link in self._links)

    async def hold_back(self, seconds: float) -> None:
        """For so long nothing passes on the present connections; then all of it at once."""
        links = tuple(self._links)
        for link in links:
            link.flows.clear()
        try:
            await asyncio.sleep(seconds)
        finally:
            for link in links:
                link.flows.set()

    async def close(self) -> None:
        """Let nobody in any more and cut who is."""
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()
        if self._serving:
            await asyncio.wait(self._serving)

    def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = spawn(self._serve(reader, writer), "proxy")
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        link = Link(writer, far_writer)
        self._links.add(link)
        there = spawn(self._there(link, reader), "proxy there")
        back = spawn(self._back(link, far_reader), "proxy back")
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        link.abort()
        self._links.discard(link)
        await stop(there, back)

    async def _there(self, link: Link, reader: asyncio.StreamReader) -> None:
        await _pump(link, reader, link.far, _Ear(self.actions).hear)

    async def _back(self, link: Link, reader: asyncio.StreamReader) -> None:
        await _pump(link, reader, link.near, lambda _: None)


class _Ear:
    """Counts the actions on one connection."""

    def __init__(self, actions: Counter[str]) -> None:
        self._actions = actions
        self._rest = b""

    def hear(self, data: bytes) -> None:
        """A bare CR or LF ends a line as well, as it does in Asterisk: an action in a value is one that is sent."""
        whole, ended, self._rest = (self._rest + data).rpartition(b"\n")
        self._actions.update(name.decode() for name in _ACTION.findall(whole + ended))


async def _pump(
    link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hear: Callable[[bytes], None]
) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            hear(data)
            await link.flows.wait()
            if not link.mute:
                writer.write(data)
                await writer.drain()


@contextlib.asynccontextmanager
async def cut_proxy(target: tuple[str, int]) -> AsyncIterator[CutProxy]:
    """A proxy for the block."""
    proxy = CutProxy(target)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
