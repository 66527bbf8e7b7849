"""A manager link for a moment: for a command that asks an Asterisk something beside the daemon, or without one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from acd import tasks
from acd.ami.client import AmiClient
from acd.ami.values import AmiSettings
from acd.errors import AmiDown

PATIENCE_S = 5.0
LOOK_EVERY_S = 0.05


@contextlib.asynccontextmanager
async def visit(settings: AmiSettings) -> AsyncIterator[AmiClient]:
    """The link while the block lasts. AmiDown, with what was the matter, when the first attempt fails or takes long."""
    client = AmiClient(settings)
    link = tasks.spawn(client.run(), f"visit to {settings.name}")
    try:
        await _first_link(client)
        yield client
    finally:
        await tasks.stop(link)


async def _first_link(client: AmiClient) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not client.connected:
                if client.counters.refused_logins or client.counters.attempts > 1:
                    raise TimeoutError
                await asyncio.sleep(LOOK_EVERY_S)
    except TimeoutError:
        raise AmiDown(client.status().last_error or "no answer") from None
