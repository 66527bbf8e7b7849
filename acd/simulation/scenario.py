"""One run: a plan, who calls it, who serves, for how long; played to its end and told as a report."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import merge
from random import Random

from acd.ivr.core import Core
from acd.queues.model import Plan
from acd.simulation.people import Demand, Manners, Shift, callers
from acd.simulation.world import World


@dataclass(frozen=True, slots=True)
class Scenario:
    """Callers come from `begins_at` to `ends_at` (seconds since some midnight); who is inside then is served out."""

    plan: Plan
    demands: tuple[Demand, ...]
    shifts: tuple[Shift, ...]
    begins_at: float
    ends_at: float
    manners: Manners = field(default_factory=Manners)
    seed: int = 1


def play(scenario: Scenario) -> World:
    """Run it; the same scenario gives the same world, record by record."""
    core = Core(scenario.plan, draw=Random(f"{scenario.seed}:draws").randrange)
    world = World(core, scenario.manners, Random(f"{scenario.seed}:phones"))
    world.staff(scenario.shifts)
    streams = [callers(demand, scenario.begins_at, scenario.ends_at, scenario.seed) for demand in scenario.demands]
    world.run(merge(*streams, key=lambda caller: (caller.at, caller.did)))
    return world
