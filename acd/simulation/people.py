"""Who calls and who serves: arrivals, talk and patience by chance, agents by a rota. Pure; chance is handed in.

Every queue has its own streams of chance, made of the seed and the queue's name, and all that a caller brings along is
drawn when the caller arrives. So the same seed gives the same callers whoever serves them: two rotas are compared on
the very same day.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from acd.queues.model import AgentId, QueueName

Draw = Callable[[], float]
"""A random number of seconds."""

LOGNORMAL_CV = 1.0
"""Standard deviation by mean: as spread out as the exponential, with fewer very short calls; measured call centres
have about this (Brown et al., "Statistical Analysis of a Telephone Call Center", JASA 100, 2005)."""


class Shape(StrEnum):
    """How times scatter about their mean."""

    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    FIXED = "fixed"

    def draw(self, mean_s: float, chance: Random) -> float:
        """One time, seconds; an infinite mean gives an infinite time."""
        if self is Shape.FIXED or not math.isfinite(mean_s):
            return mean_s
        if self is Shape.EXPONENTIAL:
            return chance.expovariate(1.0 / mean_s)
        variance = math.log1p(LOGNORMAL_CV * LOGNORMAL_CV)
        return chance.lognormvariate(math.log(mean_s) - variance / 2, math.sqrt(variance))


@dataclass(frozen=True, slots=True)
class Demand:
    """The callers of one queue: Poisson arrivals, with mean talk and mean patience in seconds (inf: never give up)."""

    queue: QueueName
    did: str
    calls_per_hour: float
    talk_s: float
    patience_s: float
    talk: Shape = Shape.EXPONENTIAL
    patience: Shape = Shape.EXPONENTIAL


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller: when, where to, and what they bring along."""

    at: float
    did: str
    talk_s: float
    patience_s: float


@dataclass(frozen=True, slots=True)
class Shift:
    """The agent is logged in from `begins_at` to `ends_at`."""

    agent: AgentId
    begins_at: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Manners:
    """What agents do with a phone that rings: answer after `answer_s`, or, so often of 1, not at all.

    One who was paused for missing calls is back after `back_after_s`.
    """

    answer_s: float = 0.0
    no_answer: float = 0.0
    back_after_s: float = 120.0


def callers(demand: Demand, begins_at: float, ends_at: float, seed: int) -> Iterator[Caller]:
    """The callers of one queue in the order of their coming."""
    if demand.calls_per_hour <= 0:
        return
    arrivals, talks, patiences = (Random(f"{seed}:{demand.queue}:{what}") for what in ("calls", "talk", "patience"))
    per_s = demand.calls_per_hour / 3600.0
    at = begins_at + arrivals.expovariate(per_s)
    while at < ends_at:
        talk_s = demand.talk.draw(demand.talk_s, talks)
        yield Caller(at, demand.did, talk_s, demand.patience.draw(demand.patience_s, patiences))
        at += arrivals.expovariate(per_s)
