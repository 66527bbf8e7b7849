"""Waiting for a fact, never for luck."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

DEADLINE_S = 10.0


async def until(fact: Callable[[], object], what: str = "", deadline_s: float = DEADLINE_S) -> None:
    """Return as soon as `fact()` holds; AssertionError naming `what` when it does not in time."""
    try:
        async with asyncio.timeout(deadline_s):
            while not fact():  # noqa: ASYNC110 - a fact may be anything: nobody announces it
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {deadline_s} s: {what or fact}") from None
