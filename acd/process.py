"""Being a process: what its signals mean, when the collector of garbage looks around, when memory is given back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator

import structlog

log = structlog.get_logger(__name__)

GC_THRESHOLD = 20_000  # new objects between two looks: some hundred calls' worth

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of the GNU library
_MEMORY = {_M_MMAP_THRESHOLD: 64 * 1024, _M_TRIM_THRESHOLD: 128 * 1024, _M_TOP_PAD: 64 * 1024}


def give_memory_back() -> None:
    """What is large is the system's again as soon as it is freed.

    The GNU library learns from large pieces that were freed to keep such ones in its heap, where smaller ones that stay
    come to lie between them: two megabytes an hour that nobody held, without an end in sight (`make soak`). Does
    nothing with another library.
    """
    import ctypes  # noqa: PLC0415 - the start does not wait for it

    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        for option, size in _MEMORY.items():
            set_option(option, size)


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
