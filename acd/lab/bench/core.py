"""How fast the brain decides, with no Asterisk near: `python -m acd.lab.bench.core`.

Times whole `Core.handle(event)` calls that lead to an offer, fact, figures, timers and all, in a shop of so many agents
with as many callers waiting, over as many as 500 skills and queues. Two kinds: an agent becomes ready while everybody
waits, and a caller enters while everybody is ready. The garbage collector is treated as the daemon treats it.

Both the clock on the wall and the CPU time of the thread are told: on a machine that does other things as well, the
difference is what the others took.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from random import Random

from acd.ivr.core import Core
from acd.process import GC_THRESHOLD
from acd.queues import events as ev
from acd.queues.commands import Ring
from acd.queues.found import FoundCall
from acd.queues.model import AgentId, AgentSpec, CallId, Plan, Prefer, QueueName, QueueSpec, Relaxation
from acd.queues.requirements import parse
from acd.queues.strategies import STRATEGIES

SIZES = (100, 1_000, 10_000)
SKILLS = 500
SKILLS_EACH = 10
DECISIONS = 2_000
START = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Decisions:
    """What decisions of one kind cost, in microseconds a decision; `cpu_` without what other processes took."""

    kind: str
    agents: int
    skills: int
    strategy: str
    decisions: int
    per_s: float
    p50_us: float
    p99_us: float
    max_us: float
    cpu_p50_us: float
    cpu_p99_us: float
    cpu_max_us: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All that was measured. Memory is of the Python objects, per waiting call."""

    decisions: tuple[Decisions, ...]
    everybody_at_once_s: float
    bytes_per_waiting_call: float


def shop(agents: int, skills: int, strategy: str, seed: int = 1) -> Plan:
    """A queue for each skill, a second step that asks for less; each agent has a few of the skills."""
    chance = Random(seed)
    names = [f"skill{number}" for number in range(skills)]
    lines = [
        QueueSpec(
            QueueName(name),
            parse(f"{name} >= 3"),
            frozenset({name}),
            (Relaxation(30.0, parse(f"{name} >= 1")),),
            strategy=strategy,
            prefer=Prefer.STEP,
            max_waiting=agents,
        )
        for name in names
    ]
    people = []
    for number in range(agents):
        levels = {name: chance.randint(1, 10) for name in chance.sample(names, min(SKILLS_EACH, skills))}
        people.append(AgentSpec(AgentId(str(number)), f"Agent {number}", f"PJSIP/{number}", levels))
    return Plan({one.name: one for one in lines}, {one.id: one for one in people})


class Hall:
    """A core with its clock and its callers."""

    def __init__(self, agents: int, skills: int, strategy: str) -> None:
        self.plan = shop(agents, skills, strategy)
        self.core = Core(self.plan, draw=Random(1).randrange)
        self.agents = list(self.plan.agents)
        self._chance = Random(2)
        self._dids = [queue.name for queue in self.plan.queues.values()]
        self._callers = 0
        self.now = START

    def tick(self) -> float:
        """A little later."""
        self.now += 0.002
        return self.now

    def caller(self) -> ev.CallEntered:
        """Somebody comes, to any of the queues."""
        self._callers += 1
        did, at = self._chance.choice(self._dids), self.tick()
        return ev.CallEntered(at, CallId(f"20260101000000-{self._callers:012}"), "main", did, "79160000001", "Иван", at)

    def all_log_in(self) -> None:
        """Everybody asks for work."""
        for agent_id in self.agents:
            self.core.handle(ev.AgentLogin(self.tick(), agent_id))

    def all_pause(self) -> None:
        """Everybody is logged in and away."""
        self.all_log_in()
        for agent_id in self.agents:
            self.core.handle(ev.AgentPause(self.tick(), agent_id, "lunch"))

    def callers_wait(self, number: int) -> None:
        """So many come, and nobody is free."""
        for _ in range(number):
            self.core.handle(self.caller())


def agent_becomes_ready(agents: int, skills: int, strategy: str) -> Decisions:
    """As many callers wait as there are agents; one agent after another comes back."""
    hall = Hall(agents, skills, strategy)
    hall.all_pause()
    hall.callers_wait(agents)
    order = Random(3).sample(hall.agents, len(hall.agents))

    def events() -> Iterator[ev.Event]:
        for agent_id in order:
            yield ev.AgentReady(hall.tick(), agent_id)

    return _timed("agent becomes ready", hall, events(), (agents, skills, strategy))


def call_enters(agents: int, skills: int, strategy: str) -> Decisions:
    """Everybody is ready; one caller after another comes."""
    hall = Hall(agents, skills, strategy)
    hall.all_log_in()

    def events() -> Iterator[ev.Event]:
        while True:
            yield hall.caller()

    return _timed("call enters", hall, events(), (agents, skills, strategy))


def everybody_at_once(agents: int, skills: int = SKILLS) -> float:
    """Seconds that it takes to match them all in one event: the read-back of an Asterisk after an outage."""
    hall = Hall(agents, skills, "longest_idle")
    hall.core.handle(ev.NodeLost(hall.now, "main"))
    hall.all_log_in()
    calls = []
    for _ in range(agents):
        entered = hall.caller()
        calls.append(
            FoundCall(entered.call_id, entered.did, entered.number, entered.name, entered.at, "hold", entered.did)
        )
    picture = ev.NodeRead(hall.tick(), "main", False, tuple(calls), frozenset(hall.agents))
    with _as_the_daemon():
        began = time.thread_time()
        hall.core.handle(picture)
        return time.thread_time() - began


def bytes_per_waiting_call(calls: int) -> float:
    """What one caller in the line holds in memory."""
    hall = Hall(100, SKILLS, "longest_idle")
    hall.callers_wait(100)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    hall.callers_wait(calls)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / calls


class _as_the_daemon:  # noqa: N801 - reads as words
    """The collector as `acd.daemon` has it while it serves."""

    def __enter__(self) -> None:
        self._threshold = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._threshold)
        gc.unfreeze()


def _timed(kind: str, hall: Hall, events: Iterator[ev.Event], shape: tuple[int, int, str]) -> Decisions:
    """Handles events until so many have led to an offer, or there are no more."""
    wall: list[float] = []
    cpu: list[float] = []
    handle: Callable[[ev.Event], list[object]] = hall.core.handle  # type: ignore[assignment]
    with _as_the_daemon():
        for event in events:
            cpu_began, began = time.thread_time_ns(), time.perf_counter_ns()
            commands = handle(event)
            ended, cpu_ended = time.perf_counter_ns(), time.thread_time_ns()
            if any(isinstance(command, Ring) for command in commands):
                wall.append((ended - began) / 1000)
                cpu.append((cpu_ended - cpu_began) / 1000)
                if len(wall) >= min(DECISIONS, shape[0] // 2):
                    break
    wall.sort()
    cpu.sort()
    return Decisions(
        kind,
        *shape,
        len(wall),
        1e6 * len(wall) / sum(wall),
        *(_at(wall, share) for share in (0.5, 0.99, 1.0)),
        *(_at(cpu, share) for share in (0.5, 0.99, 1.0)),
    )


def _at(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def measure(sizes: tuple[int, ...] = SIZES, strategies: tuple[str, ...] = ("longest_idle",)) -> Figures:
    """The whole benchmark of the core."""
    found = [
        kind(agents, skills, strategy)
        for strategy in strategies
        for agents in sizes
        for skills in (5, SKILLS)
        for kind in (agent_becomes_ready, call_enters)
    ]
    return Figures(tuple(found), round(everybody_at_once(max(sizes)), 3), round(bytes_per_waiting_call(max(sizes))))


def main() -> None:
    """Prints a table, or JSON."""
    parser = argparse.ArgumentParser(description="how fast the brain decides")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--all-strategies", action="store_true", help="each of them instead of longest_idle alone")
    given = parser.parse_args()
    figures = measure(strategies=tuple(STRATEGIES) if given.all_strategies else ("longest_idle",))
    if given.json:
        print(json.dumps(asdict(figures), indent=1))
        return
    print("decision             agents skills strategy        per s    p50    p99    max us | CPU p50    p99    max us")
    for one in figures.decisions:
        print(
            f"{one.kind:20} {one.agents:6} {one.skills:6} {one.strategy:15} {one.per_s:6.0f} "
            f"{one.p50_us:6.1f} {one.p99_us:6.1f} {one.max_us:9.1f} | "
            f"{one.cpu_p50_us:7.1f} {one.cpu_p99_us:6.1f} {one.cpu_max_us:9.1f}"
        )
    print(f"{max(SIZES)} waiting and as many ready, matched in one event: {figures.everybody_at_once_s:.2f} s of CPU")
    print(f"memory per waiting call: {figures.bytes_per_waiting_call:.0f} bytes")


if __name__ == "__main__":
    main()
