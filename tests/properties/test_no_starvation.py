"""No caller starves: a wait is bounded while agents who may take the call keep coming free, and every queue ages.

A whole day of a small shop in virtual time. The agents answer at once and are free again after at most S seconds; the
callers wait for as long as it takes.

The bound. Let call X join at j with P_X points (its queue's and its own) and an ageing of a_X points a second. A call Y
goes before X at time t only when P_Y + a_Y (t - j_Y) >= P_X + a_X (t - j).

1. Y ages no faster than X (a_Y <= a_X) and joined later: then a_X (t - j) - a_Y (t - j_Y) >= a_X (j_Y - j), so Y had to
   join within (P_Y - P_X) / a_X of X, or it never goes before X at all.
2. Y ages faster, and no call of its queue waits for longer than W: then a_X (t - j) <= P_Y - P_X + a_Y W, so from
   j + (P_Y - P_X + a_Y W) / a_X on, no call of that queue goes before X.

Let H_X be the greatest of these spans over all queues. Whoever goes before X has joined by j + H_X. While X waits,
none of the m agents who may take it is idle; each of them takes a call at least every S seconds, and all those calls
go before X. So with N calls that join by j + H_X and were not served when X came, the wait w of X has
m floor(w / S) <= N, and

    w < (N / m + 1) S.

The queues are gone through from the fastest ageing to the slowest, so that W is known where it is needed. The bound
grows with what came before X and within H_X of it, and not with what comes ever after.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues import events as ev
from acd.queues.model import About, AgentId, AgentSpec, CallId, Plan, QueueName, QueueSpec, SurveyKind
from acd.queues.requirements import parse
from tests import rules

START = 1_700_000_000.0
TALK_S = 90.0
PATIENCE_S = 86_400.0
SKILLS = ("a", "b", "c")
CLOSE = 1e-6


@dataclass(frozen=True)
class Caller:
    """Somebody who calls `queue`, `at_s` seconds after the beginning, with points of their own."""

    at_s: float
    queue: int
    points: int = 0


@dataclass(frozen=True)
class Shop:
    """Per queue points and ageing (a minute); per agent the skills, one a queue; seconds until free again, in turn."""

    queues: tuple[tuple[int, float], ...]
    agents: tuple[frozenset[int], ...]
    callers: tuple[Caller, ...]
    busy_s: tuple[float, ...] = (TALK_S,)

    def plan(self) -> Plan:
        specs = [
            QueueSpec(
                QueueName(f"q{n}"),
                parse(f"{SKILLS[n]} >= 1"),
                frozenset({f"{n}"}),
                wrap_up_s=0,
                survey=SurveyKind.NONE,
                priority=priority,
                ageing_per_min=ageing,
                max_waiting=10_000,
                max_wait_s=PATIENCE_S,
            )
            for n, (priority, ageing) in enumerate(self.queues)
        ]
        agents = [
            AgentSpec(AgentId(f"{n}"), f"{n}", f"PJSIP/{n}", {SKILLS[skill]: 1 for skill in skills})
            for n, skills in enumerate(self.agents)
        ]
        callers = {number(caller.points): About(caller.points) for caller in self.callers}
        return Plan({spec.name: spec for spec in specs}, {spec.id: spec for spec in agents}, callers=callers)


def number(points: int) -> str:
    """Callers with the same points share a number."""
    return f"+7916{points + 5000:07d}"


@dataclass
class Day:
    """One run. `waits_s` by call, in the order of the callers; None for one who is never served."""

    shop: Shop
    until_s: float = PATIENCE_S
    waits_s: list[float | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.waits_s = [None] * len(self.shop.callers)
        self._core = Core(self.shop.plan())
        self._number = count()
        self._busy = count()
        self._happens: list[tuple[float, int, ev.Event]] = []
        for agent in self._core.engine.plan.agents:
            self._in(0.0, ev.AgentLogin(START, agent))
        for n, caller in enumerate(self.shop.callers):
            self._in(caller.at_s, self._entry(n, caller))
        heapify(self._happens)

    def _entry(self, n: int, caller: Caller) -> ev.CallEntered:
        at = START + caller.at_s
        return ev.CallEntered(at, CallId(f"{n}"), "main", f"{caller.queue}", number(caller.points), "", at)

    def _in(self, at_s: float, event: ev.Event) -> None:
        heappush(self._happens, (at_s, next(self._number), event))

    def run(self) -> Day:
        """Until nothing happens any more, or the day is over."""
        while self._happens and self._happens[0][0] <= self.until_s:
            at_s, _, event = heappop(self._happens)
            for command in self._core.handle(event):
                self._follow(command, at_s)
            rules.nobody_waits_beside_a_ready_agent(self._core, event.at)
        return self

    def _follow(self, command: cmd.Command, at_s: float) -> None:
        """An agent picks up at once, and the call ends some time later."""
        if isinstance(command, cmd.Ring):
            n = int(command.call_id)
            self.waits_s[n] = at_s - self.shop.callers[n].at_s
            gone_s = at_s + self.shop.busy_s[next(self._busy) % len(self.shop.busy_s)]
            self._in(at_s, ev.Connected(START + at_s, command.offer_id))
            self._in(gone_s, ev.CallerLeft(START + gone_s, command.call_id))


def bounds_s(shop: Shop, waits_s: list[float | None]) -> list[float]:
    """By caller: the bound of the module's docstring. `waits_s` is used for nothing but who was served when X came."""
    found = [math.inf] * len(shop.callers)
    longest: dict[int, float] = {}
    fastest_first = sorted(range(len(shop.queues)), key=lambda q: -shop.queues[q][1])
    most_points = defaultdict(lambda: -math.inf)
    for caller in shop.callers:
        most_points[caller.queue] = max(most_points[caller.queue], points_of(shop, caller))
    for queue in fastest_first:
        agents = sum(queue in skills for skills in shop.agents)
        for n, caller in enumerate(shop.callers):
            if caller.queue != queue:
                continue
            horizon_s = caller.at_s + max(
                _span_s(shop, caller, other, most_points[other], longest) for other in range(len(shop.queues))
            )
            ahead = sum(
                other.at_s <= horizon_s + CLOSE and other.at_s + _or_ever(waits_s[m]) >= caller.at_s
                for m, other in enumerate(shop.callers)
                if m != n
            )
            found[n] = (ahead / agents + 1) * max(shop.busy_s)
        longest[queue] = max((found[n] for n, c in enumerate(shop.callers) if c.queue == queue), default=0.0)
    return found


def points_of(shop: Shop, caller: Caller) -> float:
    return shop.queues[caller.queue][0] + caller.points


def _span_s(shop: Shop, caller: Caller, other: int, most: float, longest: dict[int, float]) -> float:
    """For how long after `caller` came calls of the queue `other` may still join (or stand) before it."""
    ageing_s = shop.queues[caller.queue][1] / 60
    head_start = most - points_of(shop, caller)
    if other in longest and shop.queues[other][1] > shop.queues[caller.queue][1]:
        head_start += shop.queues[other][1] / 60 * longest[other]
    return max(0.0, head_start / ageing_s)


def _or_ever(wait_s: float | None) -> float:
    return math.inf if wait_s is None else wait_s


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """Up to three queues with any points and ageing, agents for one or more of them, and somebody for each."""
    queues = draw(
        st.lists(st.tuples(st.integers(-10, 10), st.sampled_from([0.5, 1.0, 1.0, 2.0, 10.0])), min_size=1, max_size=3)
    )
    every = range(len(queues))
    one = st.frozensets(st.sampled_from(every), min_size=1)
    agents = [*draw(st.lists(one, max_size=2)), frozenset(every)]
    caller = st.builds(
        Caller,
        st.integers(0, 3600).map(float),
        st.sampled_from(every),
        st.sampled_from([0, 0, 0, -3, 2, 8]),
    )
    callers = draw(st.lists(caller, min_size=1, max_size=20))
    flood = draw(st.sampled_from([None, *every]))
    if flood is not None:  # more calls of one queue than all agents can serve, for an hour and a half
        callers += [Caller(float(at_s), flood) for at_s in range(0, 5400, int(TALK_S) // (2 * len(agents)))]
    busy_s = draw(st.lists(st.sampled_from([50.0, TALK_S, TALK_S]), min_size=1, max_size=4))
    return Shop(tuple(queues), tuple(agents), tuple(callers), tuple(busy_s))


@settings(deadline=None, max_examples=60)
@given(shops())
def test_every_wait_is_within_its_bound(shop: Shop) -> None:
    waits_s = Day(shop).run().waits_s
    for caller, wait_s, bound_s in zip(shop.callers, waits_s, bounds_s(shop, waits_s), strict=True):
        assert wait_s is not None, f"{caller} was never served"
        assert wait_s <= bound_s + CLOSE, f"{caller} waited {wait_s} s, bound {bound_s} s"


def flooded(ageing: float, hours: float, others_ageing: float = 1.0) -> Shop:
    """One modest caller, and for hours twice as many calls with 30 points more as the one agent can serve."""
    vip = [Caller(at_s, 0) for at_s in _every(30.0, hours)]
    return Shop(((30, others_ageing), (0, ageing)), (frozenset({0, 1}),), (Caller(600.0, 1), *vip), (60.0,))


def _every(seconds: float, hours: float) -> list[float]:
    return [n * seconds for n in range(int(hours * 3600 / seconds))]


def test_the_bound_does_not_grow_with_what_comes_ever_after() -> None:
    """30 points at a point a minute are 30 minutes: who comes more than 30 minutes later stands behind."""
    waits_s = []
    for hours in (2, 4, 8):
        shop = flooded(1.0, hours)
        day = Day(shop).run()
        assert day.waits_s[0] is not None
        assert day.waits_s[0] <= bounds_s(shop, day.waits_s)[0]
        waits_s.append(day.waits_s[0])
    # 20 of 40 calls were served before it came, 20 left and 60 in its half hour go before it: 80 minutes
    assert waits_s == [waits_s[0]] * 3
    assert 70 * 60 <= waits_s[0] <= 81 * 60


def test_without_ageing_priority_starves_as_the_documents_say() -> None:
    for hours in (2, 8):
        day = Day(flooded(0.0, hours, others_ageing=0.0), until_s=hours * 3600).run()
        assert day.waits_s[0] is None
