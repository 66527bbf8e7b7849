"""Waiting for a fact with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(fact: Callable[[], object], within_s: float = 5.0, what: str = "") -> None:
    """Return as soon as `fact()` is true; fail the test after `within_s` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while not fact():
        if loop.time() > deadline:
            raise AssertionError(f"not true within {within_s} s: {what or fact}")
        await asyncio.sleep(0.005)
