"""The proxy that fails: cut, mute, slow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from acd.lab.proxy import CutProxy, cut_proxy
from acd.tasks import spawn
from tests.deadlines import until

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[CutProxy]:
    """One in front of a server that says everything again."""

    busy = 0

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal busy
        busy += 1
        with contextlib.suppress(OSError):
            while data := await reader.read(100):
                writer.write(data)
        writer.close()
        busy -= 1

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, cut_proxy(server.sockets[0].getsockname()) as running:
        yield running
    await until(lambda: busy == 0)


async def say(ends: Ends, words: bytes) -> bytes:
    """What comes back."""
    reader, writer = ends
    writer.write(words)
    return await asyncio.wait_for(reader.readexactly(len(words)), 5)


async def test_a_cut_link_is_reset_and_the_next_one_works(proxy: CutProxy) -> None:
    first = await asyncio.open_connection(*proxy.address)
    assert await say(first, b"one") == b"one"
    assert proxy.cut() == 1
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await say(first, b"two")
    second = await asyncio.open_connection(*proxy.address)
    assert await say(second, b"three") == b"three"
    assert proxy.connections == 2
    for _, writer in (first, second):
        writer.close()


async def test_a_mute_link_stays_open_and_swallows_everything(proxy: CutProxy) -> None:
    first = await asyncio.open_connection(*proxy.address)
    assert await say(first, b"one") == b"one"
    assert proxy.mute() == 1
    asked = spawn(say(first, b"two"), "asked")
    second = await asyncio.open_connection(*proxy.address)
    assert await say(second, b"three") == b"three"
    assert not asked.done() and proxy.muted
    for _, writer in (first, second):
        writer.close()
    await asyncio.wait({asked})
    await until(lambda: not proxy.muted)
    assert isinstance(asked.exception(), asyncio.IncompleteReadError | ConnectionError)


async def test_a_slow_link_brings_everything_in_the_end(proxy: CutProxy) -> None:
    ends = await asyncio.open_connection(*proxy.address)
    assert await say(ends, b"one") == b"one"
    slow = spawn(proxy.hold_back(60), "slow")
    asked = spawn(say(ends, b"two"), "asked")
    done, _ = await asyncio.wait({asked}, timeout=0.05)
    assert not done
    slow.cancel()
    await until(asked.done)
    assert asked.result() == b"two"
    ends[1].close()
