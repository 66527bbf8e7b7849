"""A TCP proxy on loopback whose connections can be cut at will: a network that fails, without touching either end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from acd.tasks import spawn, stop

CHUNK = 65_536


class CutProxy:
    """Passes bytes between who connects to `port` and `target`. `connections` counts those ever made."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.connections = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return host, port

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    def cut(self) -> int:
        """Reset all connections, with nothing said to either end; how many there were. New ones are let in."""
        cut = len(self._writers)
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        return cut // 2

    async def close(self) -> None:
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
        both = {writer, far_writer}
        self._writers |= both
        there = spawn(_pump(reader, far_writer), "proxy there")
        back = spawn(_pump(far_reader, writer), "proxy back")
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        for one in both:
            one.transport.abort()
        self._writers -= both
        await stop(there, back)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
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
