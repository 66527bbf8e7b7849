"""(b): how long an agent sits idle between the end of a call and the next INVITE while callers wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from acd.lab.bench.ends import Habits, Seen
from acd.lab.bench.offers import Say, shown
from acd.lab.bench.stage import Stage
from acd.lab.bench.stats import median, percentile, rounded
from acd.lab.bench.systems import Opener, Running, Shape

HABITS = Habits(ring_s=0.1, talk_s=1.0)
FILL_PER_S = 60.0
SETTLE_S = 1.5
"""After the last caller has come, until gaps count: every agent has had a call then."""


async def idle_gaps(
    stage: Stage, openers: Sequence[Opener], agents: int, waiting: int, seconds: float, rounds: int, say: Say
) -> dict[str, Any]:
    """As many callers wait all the time: for everyone who has been served another one calls."""
    stage.ends.habits = HABITS
    made: list[dict[str, Any]] = []
    for number in range(rounds):
        for opener in openers:
            async with opener(stage, Shape(1, agents)) as running:
                gaps_ms = await _gaps_ms(stage, running, agents, waiting, seconds)
            entry: dict[str, Any] = {
                "system": running.name,
                "round": number,
                "gaps": len(gaps_ms),
                "p50_ms": rounded(percentile(gaps_ms, 0.5)),
                "p95_ms": rounded(percentile(gaps_ms, 0.95)),
            }
            made.append(entry)
            say(
                f"{running.name}: idle p50 {shown(entry['p50_ms'])} ms, p95 {shown(entry['p95_ms'])} ms, "
                f"{len(gaps_ms)} gaps"
            )
    return {"agents": agents, "waiting": waiting, "rounds": made, "systems": _summary(made)}


async def _gaps_ms(stage: Stage, running: Running, agents: int, waiting: int, seconds: float) -> list[float]:
    ends = stage.ends
    began = time.monotonic()
    for number in range(agents + waiting):
        await asyncio.sleep(max(0.0, began + number / FILL_PER_S - time.monotonic()))
        running.dial(number)

    def another(_seen: Seen) -> None:
        running.dial(0)

    ends.on_ended = another
    try:
        await asyncio.sleep(SETTLE_S)
        for agent in ends.agents.values():
            agent.gaps_s.clear()
        await asyncio.sleep(seconds)
        return [1000 * gap_s for agent in ends.agents.values() for gap_s in agent.gaps_s]
    finally:
        ends.on_ended = None
        await ends.quiet(0.0)


def _summary(rounds: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found = {}
    for name in dict.fromkeys(entry["system"] for entry in rounds):
        those = [entry for entry in rounds if entry["system"] == name]
        found[name] = {
            "p50_ms": rounded(median(entry["p50_ms"] for entry in those)),
            "p95_ms": rounded(median(entry["p95_ms"] for entry in those)),
            "gaps": sum(entry["gaps"] for entry in those),
        }
    return found
