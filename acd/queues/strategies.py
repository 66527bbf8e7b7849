"""Who among those who may have the call: nine strategies, one entry of `STRATEGIES` each.

Who comes before whom is settled in this order, each step only among those whom the step before left even:

1. agents who have not refused this very call come before those who have (`refusals`);
2. with `prefer: step`, agents whom an earlier open step lets in come first;
3. agents who have answered `soft_cap_calls` or more calls today come last;
4. the queue's strategy;
5. who has been idle for the longest time (`idle_since`);
6. the agent's id.

round_robin, top_down and random leave nobody even, so 5 and 6 never speak there. ring_all rings at everybody whom steps
1 and 2 leave, those under the cap first and then in the order of longest_idle.

A strategy gets the agents whom steps 1 to 3 left, as bits (`bits.py`; bit `n` is the `n`th agent of the configuration),
and a `Case`; it answers with the best of them, again as bits. More than one means that they are even.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from acd.queues import bits
from acd.queues.views import AgentToday

LONGEST_IDLE: Final = "longest_idle"
"""The order that settles what a strategy leaves even."""
RANDOM: Final = "random"


class Case(Protocol):
    """What a strategy may ask about the choice it is to make."""

    @property
    def last(self) -> int:
        """The agent whom a call of this queue was offered last; -1 when there was none."""

    @property
    def tiers(self) -> tuple[int, ...]:
        """All agents by the sum of their levels of the skills that the open requirements name, smallest first."""

    def foremost(self, strategy: str, able: int) -> int:
        """The first of these by the strategy's `figure`, then by idle time and id."""

    def draw(self, number: int) -> int:
        """A whole number from 0 to below `number`, each as likely as another."""


class Ranked(Protocol):
    """What a strategy may tell of an agent whom it ranked."""

    @property
    def idle_s(self) -> float:
        """How long the agent has been idle, in seconds."""

    @property
    def today(self) -> AgentToday:
        """The agent's day."""

    @property
    def level(self) -> int:
        """The sum of the levels of the skills that the open requirements name."""

    @property
    def place(self) -> int:
        """The agent's place in the configuration, from 1."""


Best = Callable[[int, Case], int]
Tell = Callable[[Ranked], str]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How to choose. `figure`: what the ready agents are kept in order of, smallest first, for `Case.foremost`.

    `tell` says in words, without a comma, what ranked an agent.
    """

    best: Best
    tell: Tell
    figure: Callable[[AgentToday], float] | None = None
    rings_all: bool = False


def _by_figure(name: str, tell: Tell, figure: Callable[[AgentToday], float]) -> Strategy:
    return Strategy(lambda able, case: 1 << case.foremost(name, able), tell, figure)


def _round_robin(able: int, case: Case) -> int:
    """The next one after the last offered, in the order of the configuration, and round again."""
    later = able >> (case.last + 1)
    return 1 << (bits.lowest(later) + case.last + 1 if later else bits.lowest(able))


def _most_skilled(able: int, case: Case) -> int:
    return next(tier & able for tier in reversed(case.tiers) if tier & able)


def _least_skilled(able: int, case: Case) -> int:
    return next(tier & able for tier in case.tiers if tier & able)


def _top_down(able: int, _: Case) -> int:
    return 1 << bits.lowest(able)


def _random(able: int, case: Case) -> int:
    return 1 << bits.nth(able, case.draw(able.bit_count()))


def _idle(one: Ranked) -> str:
    return f"idle {one.idle_s:.1f} s"


def _level(one: Ranked) -> str:
    return f"levels of {one.level} in all"


STRATEGIES: Final[Mapping[str, Strategy]] = MappingProxyType(
    {
        "longest_idle": _by_figure("longest_idle", _idle, lambda _: 0.0),
        "round_robin": Strategy(_round_robin, lambda one: f"in turn at place {one.place}"),
        "fewest_calls": _by_figure(
            "fewest_calls", lambda one: f"{one.today.answered} calls today", lambda today: today.answered
        ),
        "least_talk_time": _by_figure(
            "least_talk_time", lambda one: f"talked {one.today.talk_s:.0f} s today", lambda today: today.talk_s
        ),
        "most_skilled": Strategy(_most_skilled, _level),
        "least_skilled": Strategy(_least_skilled, _level),
        "top_down": Strategy(_top_down, lambda one: f"place {one.place}"),
        RANDOM: Strategy(_random, lambda _: "drawn by lot"),
        "ring_all": Strategy(lambda able, case: 1 << case.foremost(LONGEST_IDLE, able), _idle, rings_all=True),
    }
)
"""By the name that the configuration knows; its order is the one that is shown."""
