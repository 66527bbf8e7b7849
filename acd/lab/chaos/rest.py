"""What must be as it was when all is over: counts of the daemon and of Asterisk, the agents' states."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final

from acd.errors import LabError
from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from acd.lab.probe import order
from acd.lab.usage import open_files
from acd.records.database import POOL_SIZE

SETTLE_S: Final = 12.0
LOOK_S: Final = 0.5
FILES = "open files"
CHANNELS = "channels of Asterisk"
FILES_OF_A_CONNECTION: Final = 3  # to SQLite: the database, its log, the log's index
MORE: Final = {FILES: FILES_OF_A_CONNECTION * (POOL_SIZE - 1) + 2}
"""By how much a count may be higher: the pool keeps its connections to the database once it has needed them, and a
client's to the API stay for the next request.
"""
FIGURES: Final = ("acd_tasks", "acd_timers", "acd_ami_pending_actions", "acd_inbox_events", "acd_recorder_queued")
Counts = Mapping[str, float]


async def counts(daemon: LabDaemon, asterisk: LabAsterisk) -> Counts:
    """All of them now. LabError when one cannot be had."""
    figures = await daemon.api.figures()
    found = {name.removeprefix("acd_"): figures[name] for name in FIGURES}
    return {**found, FILES: float(open_files(daemon.pid)), CHANNELS: await _channels(asterisk)}


async def settled(daemon: LabDaemon, asterisk: LabAsterisk, base: Counts) -> Counts:
    """The counts once none is above `base`, or after a while."""
    until = time.monotonic() + SETTLE_S
    while True:
        found = await counts(daemon, asterisk)
        if not above(found, base) or time.monotonic() > until:
            return found
        await asyncio.sleep(LOOK_S)


def above(found: Counts, base: Counts) -> list[str]:
    """In words: which are higher than they were."""
    return [
        f"{name}: {base[name]:g} before, {value:g} after"
        for name, value in found.items()
        if value > base[name] + MORE.get(name, 0)
    ]


async def not_free(daemon: LabDaemon) -> list[str]:
    """In words: the agents who are not ready in the end, after a while. Rung out too often in a row is by rule."""
    until = time.monotonic() + SETTLE_S
    while True:
        agents = (await daemon.api.status())["agents"]
        held = [agent for agent in agents if not _free(agent)]
        if not held or time.monotonic() > until:
            return [f"{agent['id']} is {agent['state']} ({agent['reason']}) since {agent['since']}" for agent in held]
        await asyncio.sleep(LOOK_S)


def _free(agent: dict[str, Any]) -> bool:
    return agent["state"] == "ready" or (agent["state"], agent["reason"]) == ("paused", "missed")


async def _channels(asterisk: LabAsterisk) -> float:
    who = (asterisk.ami_host, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret)
    answer = await order(*who, 5.0, {"Action": "CoreStatus"})
    if answer is None or "CoreCurrentCalls" not in answer:
        raise LabError(f"Asterisk does not say how many channels it has: {answer}")
    return float(answer["CoreCurrentCalls"])
