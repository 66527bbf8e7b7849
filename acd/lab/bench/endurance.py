"""(e) and (g): what a waiting call costs in memory, and how soon a new daemon is ready with five hundred calls live."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from acd.errors import LabError
from acd.lab.bench.ends import Habits, Seen
from acd.lab.bench.load import steady
from acd.lab.bench.offers import Say
from acd.lab.bench.stage import Stage
from acd.lab.bench.stats import median, rounded
from acd.lab.bench.systems import Running, Shape, ours
from acd.lab.daemon import LabDaemon
from acd.lab.usage import cpu_s, resident_bytes

LONG_TALK_S = 3600.0
FILL_PER_S = 60.0
ARRIVED_S = 30.0
SETTLE_S = 1.0
READY_EVERY_S = 0.01


async def cpu_per_call(stage: Stage, rate_per_s: float, seconds: float, say: Say) -> dict[str, Any]:
    """Processor time of the daemon's process at a steady rate, by all the calls of that time; nobody asks its API."""
    stage.ends.habits = Habits(ring_s=0.1, talk_s=1.0)
    async with ours(stage, Shape()) as running:
        assert running.daemon is not None
        await steady(stage.ends, running.dial, rate_per_s, 2.0)
        before_s = cpu_s(running.daemon.pid)
        sample = await steady(stage.ends, running.dial, rate_per_s, seconds)
        await asyncio.sleep(SETTLE_S)  # the last records are written
        cpu_ms = 1000 * (cpu_s(running.daemon.pid) - before_s) / sample.calls
    say(f"daemon: {cpu_ms:.2f} ms of CPU a call at {rate_per_s:g}/s")
    return {"cpu_ms_per_call": rounded(cpu_ms), "rate": rate_per_s, **sample.as_json()}


async def many_live(stage: Stage, waiting: int, talking: int, restarts: int, say: Say) -> dict[str, Any]:
    """Fill the line, weigh the daemon, then kill it and start it again."""
    stage.ends.habits = Habits(ring_s=0.05, talk_s=LONG_TALK_S)
    async with ours(stage, Shape(1, talking)) as running:
        assert running.daemon is not None
        stage.ends.on_ended = None
        calls = await _fill(running, talking, 0)
        await _until(lambda: all(seen.talked_at for seen in calls), "everybody talks")
        await asyncio.sleep(SETTLE_S)
        before = resident_bytes(running.daemon.pid)
        calls = await _fill(running, waiting, talking)
        await _until(lambda: all(seen.answered_at for seen in calls), "everybody waits")
        await asyncio.sleep(SETTLE_S)
        each_kib = (resident_bytes(running.daemon.pid) - before) / 1024 / waiting
        say(f"daemon: {each_kib:.1f} KiB a waiting call ({waiting} of them)")
        starts_s = [await _restart(running.daemon) for _ in range(restarts)]
        lost = sum(seen.ended_at is not None for seen in calls)
        say(f"daemon: ready after {', '.join(f'{s:.2f}' for s in starts_s)} s with {waiting + talking} live calls")
        await stage.ends.quiet(0.0)
    return {
        "kib_per_waiting_call": rounded(each_kib),
        "waiting": waiting,
        "talking": talking,
        "restart_s": rounded(median(starts_s)),
        "restarts_s": [rounded(s) for s in starts_s],
        "lost": lost,
    }


async def _fill(running: Running, count: int, first: int) -> list[Seen]:
    began = time.monotonic()
    calls = []
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / FILL_PER_S - time.monotonic()))
        calls.append(running.dial(first + number))
    return calls


async def _until(fact: Any, what: str) -> None:
    until = time.monotonic() + ARRIVED_S
    while not fact():
        if time.monotonic() > until:
            raise LabError(f"the benchmark waited {ARRIVED_S:.0f} s in vain until {what}")
        await asyncio.sleep(0.05)


async def _restart(daemon: LabDaemon) -> float:
    """Seconds from the start of the process to its first `ready`."""
    await daemon.kill()
    began = time.monotonic()
    await daemon.start(look_every_s=READY_EVERY_S)
    return time.monotonic() - began
