"""A TCP proxy on loopback that fails as networks do, without touching either end: cut, mute, or slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from acd.tasks import spawn, stop

CHUNK = 65_536


class _Link:
    """One connection, both ways. `flows` is cleared while nothing is passed on; `mute`: nothing ever again."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.writers = (near, far)
        self.mute = False
        self.flows = asyncio.Event()
        self.flows.set()

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class CutProxy:
    """Passes bytes between who connects to `address` and `target`. `connections` counts those ever made."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.connections = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def start(self) -> None:
        """Listen on any port of loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self.connections += 1
        link = _Link(writer, far_writer)
        self._links.add(link)
        there = spawn(_pump(link, reader, far_writer), "proxy there")
        back = spawn(_pump(link, far_reader, writer), "proxy back")
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        link.abort()
        self._links.discard(link)
        await stop(there, back)


async def _pump(link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
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
