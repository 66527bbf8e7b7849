"""Being a process: what its signals mean, and when the collector of garbage looks around."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator

import structlog

log = structlog.get_logger(__name__)

GC_THRESHOLD = 20_000  # new objects between two looks: some hundred calls' worth


def spare_the_collector() -> None:
    """What is there now stays for good, and calls leave few cycles: look for them seldom."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    gc.enable()


@contextlib.asynccontextmanager
async def until_told(*numbers: signal.Signals) -> AsyncIterator[None]:
    """Leaves the block, wherever it is, at the first of these signals; further ones change nothing."""
    loop = asyncio.get_running_loop()
    told = asyncio.timeout(None)

    def tell() -> None:
        with contextlib.suppress(RuntimeError):  # it has been told, or the block is left already
            told.reschedule(0.0)

    for number in numbers:
        loop.add_signal_handler(number, tell)
    try:
        async with told:
            yield
    except TimeoutError:
        if not told.expired():
            raise
        log.info("stopping")
