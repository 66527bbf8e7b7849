"""How much of everything: the whole benchmark, or a short look."""

from __future__ import annotations

from dataclasses import dataclass

from acd.lab.bench import core


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """Durations in seconds, rates in calls a second. The defaults are the whole benchmark, some nine minutes."""

    rates: tuple[float, ...] = (20.0, 40.0, 80.0)
    seconds: float = 3.0
    rounds: int = 3
    queues: int = 100
    many_rounds: int = 2
    gap_agents: int = 20
    gap_waiting: int = 200
    gap_seconds: float = 6.0
    gap_rounds: int = 3
    peak_low: float = 40.0
    peak_high: float = 360.0
    peak_step: float = 10.0
    peak_seconds: float = 3.0
    peak_rounds: int = 2
    steady_rate: float = 10.0
    steady_seconds: float = 15.0
    waiting: int = 450
    talking: int = 50
    restarts: int = 3
    core_agents: tuple[int, ...] = core.SIZES


WHOLE = BenchPlan()
QUICK = BenchPlan(
    rates=(20.0, 40.0),
    seconds=2.0,
    rounds=1,
    many_rounds=1,
    gap_seconds=3.0,
    gap_rounds=1,
    peak_high=200.0,
    peak_step=80.0,
    peak_seconds=2.0,
    peak_rounds=1,
    steady_seconds=4.0,
    waiting=200,
    restarts=1,
    core_agents=(100, 1_000),
)
