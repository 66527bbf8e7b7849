"""A CRM that answers whatever bytes a test wants, or does not; and counts who asked what."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.deadlines import until

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(status: str, body: bytes = b"", *headers: str) -> Answer:
    """A whole answer, and the connection is kept."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]

    async def give(writer: asyncio.StreamWriter) -> None:
        writer.write("\r\n".join([*head, "", ""]).encode() + body)

    return give


def knows(**what: Any) -> Answer:
    """What an honest CRM says."""
    return answer("200 OK", json.dumps(what).encode())


def raw(data: bytes, *, then_close: bool = True) -> Answer:
    """These bytes, and the end of the connection."""

    async def give(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        if then_close:
            writer.close()

    return give


async def hangs(writer: asyncio.StreamWriter) -> None:
    """Nothing is said."""


async def drips(writer: asyncio.StreamWriter) -> None:
    """A letter at a time, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    await _for_ever(writer, b" ", 0.01)


async def floods(writer: asyncio.StreamWriter) -> None:
    """A body without end, as fast as it is taken."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await _for_ever(writer, b"1000\r\n" + b"x" * 0x1000 + b"\r\n", 0)


async def heads(writer: asyncio.StreamWriter) -> None:
    """Headers without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await _for_ever(writer, b"X-More: and more\r\n" * 100, 0)


async def _for_ever(writer: asyncio.StreamWriter, what: bytes, pause_s: float) -> None:
    with contextlib.suppress(OSError):
        while not writer.is_closing():
            writer.write(what)
            await writer.drain()
            await asyncio.sleep(pause_s)


class FakeCrm:
    """`url` is what the daemon is told; `asked` are the request lines, `headers` those of the last request."""

    def __init__(self) -> None:
        self.answer: Answer = hangs
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.connections = 0
        self.most_at_once = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{self.base}/lookup?number={{number}}&did={{did}}"

    @property
    def base(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await until(lambda: not self._writers, "everybody is gone")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self.most_at_once = max(self.most_at_once, len(self._writers))
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    head = (await reader.readuntil(b"\r\n\r\n")).decode()
                    line, *lines = head.strip().split("\r\n")
                    self.asked.append(line)
                    self.headers = {name: value for name, _, value in (one.partition(": ") for one in lines)}
                    await self.answer(writer)
        finally:
            self._writers.discard(writer)
            writer.close()


@contextlib.asynccontextmanager
async def fake_crm() -> AsyncIterator[FakeCrm]:
    """One for the block."""
    crm = FakeCrm()
    await crm.start()
    try:
        yield crm
    finally:
        await crm.close()
