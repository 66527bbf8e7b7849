"""(d): the highest rate at which the offer's p95 stays under 50 ms and nothing fails: no call is lost, no message has
to be said twice.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from acd.lab.bench.ends import Habits
from acd.lab.bench.load import Sample, steady
from acd.lab.bench.offers import Say, shown
from acd.lab.bench.stage import Stage
from acd.lab.bench.stats import median, rounded
from acd.lab.bench.systems import Opener, Running, Shape

HABITS = Habits(ring_s=0.05, talk_s=0.3)
LIMIT_MS = 50.0
PACE_KEPT = 0.97
"""When the load itself did not come at the rate asked for, that rate was not reached."""


async def peak(
    stage: Stage, openers: Sequence[Opener], low: float, high: float, step: float, seconds: float, rounds: int, say: Say
) -> dict[str, Any]:
    """For each system, by bisection between `low` and `high` calls a second down to `step`; medians over rounds."""
    stage.ends.habits = HABITS
    made: list[dict[str, Any]] = []
    for number in range(rounds):
        for opener in openers:
            async with opener(stage, Shape()) as running:
                rate = await _highest(stage, running, low, high, step, seconds, made, number, say)
            say(f"{running.name}: {rate:g} calls a second")
    found = {}
    for name in dict.fromkeys(entry["system"] for entry in made):
        best = [_best(made, name, number) for number in range(rounds)]
        found[name] = {"per_s": rounded(median(best), 1), "rounds": best}
    return {"limit_ms": LIMIT_MS, "tries": made, "systems": found}


async def _highest(
    stage: Stage,
    running: Running,
    low: float,
    high: float,
    step: float,
    seconds: float,
    made: list[dict[str, Any]],
    number: int,
    say: Say,
) -> float:
    """`low` is taken to hold; it is what is said when nothing above it does."""
    await steady(stage.ends, running.dial, low, 1.0)
    held = low
    until = time.monotonic() + 120.0
    while high - held > step and time.monotonic() < until:
        rate = float(round((held + high) / 2))
        sample = await steady(stage.ends, running.dial, rate, seconds)
        kept = holds(sample, rate)
        made.append({"system": running.name, "round": number, "rate": rate, "kept": kept, **sample.as_json()})
        say(
            f"{running.name} at {rate:g}/s: p95 {shown(sample.p95_ms)} ms, {sample.failed} failed, "
            f"{sample.repeated} repeated: {'kept' if kept else 'too much'}"
        )
        held, high = (rate, high) if kept else (held, rate)
        if not kept:  # what is left of a rate that was too much must not spoil the next
            await stage.idle(stage.asterisk.pid, *([running.daemon.pid] if running.daemon is not None else []))
    return held


def holds(sample: Sample, rate: float) -> bool:
    """Whether this round was one of a system that keeps up with `rate` calls a second."""
    return (
        sample.failed == 0
        and sample.repeated == 0
        and sample.p95_ms is not None
        and sample.p95_ms < LIMIT_MS
        and sample.rate_per_s >= PACE_KEPT * rate
    )


def _best(made: Sequence[dict[str, Any]], name: str, number: int) -> float:
    rates = [entry["rate"] for entry in made if entry["system"] == name and entry["round"] == number and entry["kept"]]
    return max(rates, default=0.0)
