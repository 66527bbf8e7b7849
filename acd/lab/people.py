"""A crowd of simulated callers on one trunk, arriving as people do: independently, at a mean rate
(Poisson).

The same seed gives the same people at the same times; what becomes of them depends on the hotline.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import deque
from dataclasses import dataclass, field

import structlog

from acd.lab.agents import AgentCounts, AgentHabits, SimulatedAgent
from acd.lab.callers import CallerHabits, CallerStory, SimulatedCaller
from acd.lab.phone import Phone
from acd.lab.sip import SipError
from acd.tasks import spawn

__all__ = [
    "AgentCounts",
    "AgentHabits",
    "CallerHabits",
    "CallerStory",
    "Crowd",
    "CrowdCounts",
    "CrowdPlan",
    "SimulatedAgent",
    "SimulatedCaller",
]

log = structlog.get_logger(__name__)

_NAMES = ("Пётр", "Мария «М»", "Ольга Ивановна", "John Smith", "Zoë", 'ООО "Ромашка"', "")
_HANG_UP_LIMIT_S = 5.0
_STORIES_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class CrowdPlan:
    """Who calls, and how often."""

    dids: tuple[tuple[str, float], ...]
    """Dialled numbers with their relative frequency."""
    rate_per_s: float = 0.5
    """Mean arrivals a second."""
    duration_s: float = math.inf
    """Arrivals stop after this time."""
    drain_s: float = 30.0
    """Then those still on the line have so long to finish before they hang up."""
    max_live: int = 200
    """Callers at one time; who would be one more does not call and is counted as `skipped`."""
    seed: int = 1
    people: int = 10**9
    """How many there are; the fewer, the sooner one calls again."""
    names: tuple[str, ...] = _NAMES


@dataclass(slots=True)
class CrowdCounts:
    """What has become of the callers so far: each is in `live` or in one of the outcomes up to `cut`.

    `scored` to `hung_up` are of the answered; `skipped` never called.
    """

    offered: int = 0
    live: int = 0
    answered: int = 0
    abandoned: int = 0
    dropped: int = 0
    refused: int = 0
    cut: int = 0
    """Told to hang up because the crowd was being stopped."""
    scored: int = 0
    silent: int = 0
    rubbish: int = 0
    hung_up: int = 0
    skipped: int = 0

    def add(self, story: CallerStory) -> None:
        """Count one finished call."""
        setattr(self, story.outcome, getattr(self, story.outcome) + 1)
        if story.survey != "none":
            setattr(self, story.survey, getattr(self, story.survey) + 1)


@dataclass(slots=True)
class Crowd:
    """Callers without end. `run` until the plan is over; `stop_arrivals` ends it early."""

    trunk: Phone
    plan: CrowdPlan
    habits: CallerHabits = field(default_factory=CallerHabits)
    counts: CrowdCounts = field(default_factory=CrowdCounts)
    stories: deque[CallerStory] = field(default_factory=lambda: deque(maxlen=_STORIES_KEPT))
    _live: set[asyncio.Task[None]] = field(default_factory=set)
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> CrowdCounts:
        """Let people call as planned, see them off, return the counts. Cancelling makes all hang up."""
        try:
            await self._arrivals()
            if self._live:
                await asyncio.wait(set(self._live), timeout=self.plan.drain_s)
        finally:
            await self._hang_up_all()
        return self.counts

    def stop_arrivals(self) -> None:
        """Nobody new from now on."""
        self._enough.set()

    async def _arrivals(self) -> None:
        rng = random.Random(self.plan.seed)
        loop = asyncio.get_running_loop()
        started_s = next_s = loop.time()
        while not self._enough.is_set():
            next_s += rng.expovariate(self.plan.rate_per_s)
            if next_s - started_s > self.plan.duration_s:
                await self._pause(started_s + self.plan.duration_s - loop.time())
                return
            caller = self._next_caller(rng)
            if await self._pause(next_s - loop.time()):
                self._let_in(caller)

    async def _pause(self, seconds: float) -> bool:
        """False when it is enough."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._enough.wait()
        except TimeoutError:
            return True
        return False

    def _next_caller(self, rng: random.Random) -> SimulatedCaller:
        dids = [did for did, _ in self.plan.dids]
        weights = [weight for _, weight in self.plan.dids]
        did = rng.choices(dids, weights)[0]
        number = f"+79{rng.randrange(self.plan.people):09d}"
        own_rng = random.Random(rng.getrandbits(64))
        name = rng.choice(self.plan.names)
        return SimulatedCaller(self.trunk, did, number=number, name=name, habits=self.habits, rng=own_rng)

    def _let_in(self, caller: SimulatedCaller) -> None:
        if len(self._live) >= self.plan.max_live:
            self.counts.skipped += 1
            return
        self.counts.offered += 1
        task = spawn(self._one(caller), f"caller {caller.number}")
        self._live.add(task)
        task.add_done_callback(self._live.discard)

    async def _one(self, caller: SimulatedCaller) -> None:
        self.counts.live += 1
        try:
            story = await caller.run()
        except asyncio.CancelledError:
            self.counts.cut += 1
            raise
        except (SipError, OSError) as error:
            self.counts.refused += 1
            log.warning("caller could not call", number=caller.number, error=str(error))
        else:
            self.counts.add(story)
            self.stories.append(story)
        finally:
            self.counts.live -= 1

    async def _hang_up_all(self) -> None:
        """Callers who are told to stop hang up by themselves (see `SimulatedCaller.run`)."""
        live = set(self._live)
        for task in live:
            task.cancel()
        if live:
            await asyncio.wait(live, timeout=_HANG_UP_LIMIT_S)
