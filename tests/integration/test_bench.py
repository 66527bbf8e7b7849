"""The benchmark runs on a real Asterisk and writes what it says it writes. No time is judged here."""

from __future__ import annotations

import json

import pytest

from acd.lab.bench.bench import run
from acd.lab.bench.plan import BenchPlan
from acd.lab.bench.report import markdown
from acd.lab.bench.systems import AMI_FLOOR, APP_QUEUE, BARE, OURS
from acd.lab.bench.targets import verdicts

pytestmark = pytest.mark.asterisk

TINY = BenchPlan(
    rates=(10.0,),
    seconds=1.0,
    rounds=1,
    queues=2,
    many_rounds=1,
    gap_agents=2,
    gap_waiting=3,
    gap_seconds=2.0,
    gap_rounds=1,
    peak_low=5.0,
    peak_high=15.0,
    peak_step=5.0,
    peak_seconds=1.0,
    peak_rounds=1,
    steady_seconds=1.0,
    waiting=10,
    talking=2,
    restarts=1,
    core_agents=(100,),
)


@pytest.mark.timeout(300)  # a minute on a machine that does nothing else
async def test_a_tiny_benchmark_has_every_part() -> None:
    said: list[str] = []
    results = await run(TINY, said.append)
    json.dumps(results)
    latency = results["offer_latency"]["systems"]
    assert set(latency) == {BARE, APP_QUEUE, AMI_FLOOR, OURS}
    assert [latency[name]["10"]["failed"] for name in latency] == [0, 0, 0, 0]
    assert all(latency[name]["10"]["p95_ms"] > 0 for name in latency)
    assert results["idle_gap"]["systems"][OURS]["gaps"] > 0
    assert set(results["many_queues"]["systems"]) == {APP_QUEUE, OURS}
    assert set(results["peak"]["systems"]) == {BARE, OURS}
    assert results["cost"]["cpu_ms_per_call"] > 0
    assert results["live"]["waiting"] == 10
    assert results["live"]["lost"] == 0
    assert len(results["live"]["restarts_s"]) == 1
    found = verdicts(results)
    assert [verdict.part for verdict in found] == ["a", "a", "b", "b", "c", "c", "d", "e", "e", "f", "f", "g"]
    assert all(verdict.value is not None for verdict in found)
    assert markdown(results, found)
    assert said
