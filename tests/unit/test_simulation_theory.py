"""One skill, Poisson arrivals, exponential talk: the engine must do what Erlang says, within 3 standard errors.

Each figure is the mean of independent replications that begin with an empty shop, whose first hour is left out; the
standard error is that of these means. Seeded, so a run that agrees agrees always.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence

import pytest

from acd.queues.erlang import Service, erlang_a, erlang_c
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, QueueName
from acd.simulation.accuracy import accuracy
from acd.simulation.people import Demand, Shift
from acd.simulation.scenario import Scenario, play
from acd.simulation.world import World
from tests.playbooks.words import SALES, agent, plan, queue

HOUR_S = 3600.0
AHT_S = 60.0
IN_TIME_S = 10.0
AGENTS = 6
Figure = Callable[[Sequence[CallRecord]], float]


def replications(count: int, load: float, patience_s: float, hours: float) -> list[World]:
    ids = [str(1001 + number) for number in range(AGENTS)]
    theirs = plan(
        [agent(one, sales=5) for one in ids],
        [queue("sales", "sales >= 1", SALES, wrap_up_s=0.0, max_waiting=10_000, max_wait_s=1e6)],
    )
    demand = Demand(QueueName("sales"), SALES, load / AHT_S * HOUR_S, AHT_S, patience_s)
    shifts = tuple(Shift(AgentId(one), 0.0, math.inf) for one in ids)
    return [play(Scenario(theirs, (demand,), shifts, 0.0, hours * HOUR_S, seed=seed)) for seed in range(1, count + 1)]


def settled(world: World) -> list[CallRecord]:
    return [record for record in world.ended if record.entered_at >= HOUR_S]


def agrees(worlds: Sequence[World], figure: Figure, theory: float, what: str) -> None:
    means = [figure(settled(world)) for world in worlds]
    error = statistics.stdev(means) / math.sqrt(len(means))
    off = (statistics.fmean(means) - theory) / error
    assert abs(off) < 3, f"{what}: {statistics.fmean(means):.4f} +- {error:.4f}, theory {theory:.4f}, off by {off:.1f}"
    assert error < 0.1 * abs(theory), f"{what}: too few calls to say anything"


def share(of: Callable[[CallRecord], bool]) -> Figure:
    return lambda records: sum(map(of, records)) / len(records)


def wait_s(record: CallRecord) -> float:
    assert record.wait_s is not None
    return record.wait_s


def answered(record: CallRecord) -> bool:
    return record.answered_at is not None


def asa_s(records: Sequence[CallRecord]) -> float:
    return statistics.fmean(wait_s(record) for record in records if answered(record))


def common(worlds: Sequence[World], theory: Service) -> None:
    agrees(worlds, share(lambda record: wait_s(record) > 0), theory.p_wait, "P(wait)")
    agrees(worlds, lambda records: statistics.fmean(map(wait_s, records)), theory.mean_wait_s, "mean wait")
    agrees(worlds, asa_s, theory.asa_s, "ASA")
    in_time = share(lambda record: answered(record) and wait_s(record) <= IN_TIME_S)
    agrees(worlds, in_time, theory.service_level, "service level")


def test_who_never_gives_up_waits_as_in_erlang_c() -> None:
    """18 x 2 h at 4.5 Erlang on 6 agents: some 9,700 calls."""
    worlds = replications(18, load=4.5, patience_s=math.inf, hours=3.0)
    assert sum(len(settled(world)) for world in worlds) > 9_000
    common(worlds, erlang_c(4.5 / AHT_S, AHT_S, AGENTS, IN_TIME_S))


def test_who_gives_up_does_so_as_in_erlang_a() -> None:
    """11 x 2 h at 7 Erlang on 6 agents, more than they can serve, with a patience of a minute: some 9,200 calls."""
    worlds = replications(11, load=7.0, patience_s=60.0, hours=3.0)
    assert sum(len(settled(world)) for world in worlds) > 9_000
    theory = erlang_a(7.0 / AHT_S, AHT_S, AGENTS, IN_TIME_S, 60.0)
    common(worlds, theory)
    agrees(worlds, share(lambda record: not answered(record)), theory.abandonment, "abandonment")
    found = [accuracy(world.guesses, settled(world)) for world in worlds]
    bias = statistics.fmean(one.bias_s / one.mean_wait_s for one in found if one)
    error = statistics.fmean(one.relative for one in found if one)
    assert abs(bias) < 0.05, "the estimates are right on the average"
    assert error < 0.6, "and no worse than the exponential talk of those ahead makes them"


def test_estimates_without_abandonment_have_no_bias() -> None:
    (world,) = replications(1, load=5.4, patience_s=math.inf, hours=30.0)
    found = accuracy(world.guesses, settled(world))
    assert found is not None and found.calls > 5000
    assert found.bias_s == pytest.approx(0.0, abs=0.05 * found.mean_wait_s)
    assert found.relative < 0.6
