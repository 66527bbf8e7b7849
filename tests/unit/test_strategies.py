"""Each strategy by itself: the agents who may have a call go in as bits, the best of them come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pytest

from acd.config.schema import Strategy as Configured
from acd.queues import bits
from acd.queues.strategies import STRATEGIES
from acd.queues.views import AgentToday

TODAY = (AgentToday(5, 0, 90.0), AgentToday(3, 0, 200.0), AgentToday(3, 0, 10.0), AgentToday(9, 0, 0.0))
SUMS = (0b0100, 0b1001, 0b0010)  # agent 2 knows the least, agents 0 and 3 the same, agent 1 the most


@dataclass
class Case:
    """Four agents, the idlest last."""

    last: int = -1
    tiers: tuple[int, ...] = SUMS
    drawn: int = 0

    def foremost(self, strategy: str, able: int) -> int:
        figure = STRATEGIES[strategy].figure
        assert figure is not None
        return min(bits.members(able), key=lambda number: (figure(TODAY[number]), -number))

    def draw(self, number: int) -> int:
        assert 0 <= self.drawn < number
        return self.drawn


def best(name: str, *able: int, **case: int) -> list[int]:
    return list(bits.members(STRATEGIES[name].best(bits.of(able), Case(**case))))


@pytest.mark.parametrize(
    ("name", "able", "chosen"),
    [
        ("longest_idle", (0, 1, 2), [2]),
        ("fewest_calls", (0, 1, 3), [1]),
        ("fewest_calls", (0, 1, 2, 3), [2]),  # as many as the other, and idle for longer
        ("least_talk_time", (0, 1, 2), [2]),
        ("most_skilled", (0, 1, 2, 3), [1]),
        ("most_skilled", (0, 2, 3), [0, 3]),  # even: who is idle for longer is asked next
        ("least_skilled", (0, 1, 2, 3), [2]),
        ("least_skilled", (0, 1, 3), [0, 3]),
        ("top_down", (1, 2, 3), [1]),
        ("ring_all", (0, 1), [1]),
    ],
)
def test_who_comes_first(name, able, chosen):
    assert best(name, *able) == chosen


@pytest.mark.parametrize(("last", "chosen"), [(-1, 0), (0, 2), (1, 2), (2, 3), (3, 0)])
def test_round_robin_goes_on_after_the_last_offered_and_round_again(last, chosen):
    assert best("round_robin", 0, 2, 3, last=last) == [chosen]


@pytest.mark.parametrize(("drawn", "chosen"), [(0, 0), (1, 2), (2, 3)])
def test_random_takes_whom_the_draw_names(drawn, chosen):
    assert best("random", 0, 2, 3, drawn=drawn) == [chosen]


def test_only_ring_all_rings_at_all():
    assert [name for name, strategy in STRATEGIES.items() if strategy.rings_all] == ["ring_all"]


def test_the_configuration_takes_exactly_these():
    assert get_args(Configured) == tuple(STRATEGIES)
