"""(a) and (c): from the caller's 200 OK to the agent's INVITE, at several rates, in alternating rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from acd.lab.bench.ends import Habits
from acd.lab.bench.load import Sample, steady
from acd.lab.bench.stage import Stage
from acd.lab.bench.stats import median, rounded
from acd.lab.bench.systems import OURS, Opener, Shape
from acd.lab.usage import cpu_s

Say = Callable[[str], None]
HABITS = Habits(ring_s=0.1, talk_s=1.0)
HOPELESS_SHARE = 0.05
"""A system that loses more of its calls than this is not asked for a higher rate."""


async def offer_latency(
    stage: Stage, openers: Sequence[Opener], shape: Shape, rates: Sequence[float], seconds: float, rounds: int, say: Say
) -> dict[str, Any]:
    """Rounds ABCABC…; in each, one system after the other takes calls at each rate."""
    stage.ends.habits = HABITS
    made: list[dict[str, Any]] = []
    for number in range(rounds):
        for opener in openers:
            made += await _one_round(stage, opener, shape, rates, seconds, number, say)
    return {"queues": shape.queues, "agents": shape.agents, "rounds": made, "systems": summary(made)}


async def _one_round(
    stage: Stage, opener: Opener, shape: Shape, rates: Sequence[float], seconds: float, number: int, say: Say
) -> list[dict[str, Any]]:
    made = []
    async with opener(stage, shape) as running:
        await steady(stage.ends, running.dial, rates[0], min(1.0, seconds))  # nobody's first call is measured
        for rate in rates:
            pid = running.daemon.pid if running.daemon is not None else None
            cpu_before_s = cpu_s(pid) if pid is not None else 0.0
            sample = await steady(stage.ends, running.dial, rate, seconds)
            cpu_ms = 1000 * (cpu_s(pid) - cpu_before_s) / sample.calls if pid is not None else None
            made.append(
                {"system": running.name, "rate": rate, "round": number, **sample.as_json(), "cpu_ms": rounded(cpu_ms)}
            )
            say(_line(running.name, rate, sample, cpu_ms))
            if sample.failed > HOPELESS_SHARE * sample.calls:
                break
    return made


def _line(name: str, rate: float, sample: Sample, cpu_ms: float | None) -> str:
    cpu = f", {cpu_ms:.1f} ms of CPU a call" if cpu_ms is not None else ""
    return (
        f"{name} at {rate:g}/s: p50 {shown(sample.p50_ms)} ms, p95 {shown(sample.p95_ms)} ms, "
        f"{sample.failed} of {sample.calls} failed, {sample.repeated} repeated{cpu}"
    )


def shown(value: float | None) -> str:
    """For people."""
    return "-" if value is None else f"{value:.1f}"


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """System -> rate -> medians over the rounds, and failures added up."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in dict.fromkeys(entry["system"] for entry in rounds):
        of_system = [entry for entry in rounds if entry["system"] == name]
        found[name] = {}
        for rate in dict.fromkeys(entry["rate"] for entry in of_system):
            those = [entry for entry in of_system if entry["rate"] == rate]
            found[name][f"{rate:g}"] = {
                "p50_ms": rounded(median(entry["p50_ms"] for entry in those)),
                "p95_ms": rounded(median(entry["p95_ms"] for entry in those)),
                "calls": sum(entry["calls"] for entry in those),
                "failed": sum(entry["failed"] for entry in those),
                "repeated": sum(entry["repeated"] for entry in those),
                "answer_p95_ms": rounded(median(entry["answer_p95_ms"] for entry in those)),
            }
            if name == OURS:
                found[name][f"{rate:g}"]["cpu_ms"] = rounded(median(entry["cpu_ms"] for entry in those))
    return found
