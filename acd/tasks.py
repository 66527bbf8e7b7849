"""One way to start background work: named, kept until done, and never failing in silence.

`asyncio.create_task` is banned by lint: a task nobody keeps may be collected half-way, and its exception is
seen by nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger(__name__)

_running: set[asyncio.Task[Any]] = set()


def spawn(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Start `work` as a task called `name`; its failure is logged, its cancellation is not."""
    task = asyncio.create_task(work, name=name)  # noqa: TID251
    _running.add(task)
    task.add_done_callback(_done)
    return task


def count() -> int:
    """How many spawned tasks are alive: a gauge that must return to where it was."""
    return len(_running)


def _done(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        log.error("task failed", task=task.get_name(), error=str(error), exc_info=error)


async def stop(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the given tasks and wait until they are gone."""
    live = [task for task in tasks if task is not None and not task.done()]
    for task in live:
        task.cancel()
    if live:
        await asyncio.wait(live)
