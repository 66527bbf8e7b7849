"""The matcher: after every event, who takes whom, looking only at what the event changed.

Before an event nobody waits beside a ready agent who may have the call. So a new pair has a call that is news
(`Shop.fresh`, or time alone has changed its lot) or an agent who is news (`Readiness.news`). The calls that are news
and the lanes open to the agents who are news are gone through in the order of the line, and every other call left
alone. What comes of it is exactly what walking the whole line past all agents would give, by the definitions in
`matching` and the order of preference in `strategies`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from acd.queues.bits import Renumbering
from acd.queues.lanes import Lane, Turn, now
from acd.queues.matching import Standing
from acd.queues.model import Agent, Call, CallId, CallPhase, Prefer, QueueName
from acd.queues.readiness import Readiness
from acd.queues.refusals import again_in_s
from acd.queues.shop import Shop
from acd.queues.strategies import LONGEST_IDLE, RANDOM, STRATEGIES

RING_ALL_LIMIT = 50
"""Most phones that ring for one call at once."""

Draw = Callable[[int], int]
"""A whole number from 0 to below the one given, as `random.Random(seed).randrange` draws them."""


def always_the_first(_: int) -> int:
    """For those who bring no chance of their own."""
    return 0


@dataclass(frozen=True, slots=True)
class Choice:
    """A call and who is to be rung for it: one agent, or with `ring_all` everybody who may take it, in order."""

    call: Call
    agents: tuple[Agent, ...]


@dataclass(slots=True)
class _Case:
    """`strategies.Case` for one call."""

    matcher: Matcher
    lane: Lane
    last: int

    @property
    def tiers(self) -> tuple[int, ...]:
        return self.matcher.tiers(self.lane)

    def foremost(self, strategy: str, able: int) -> int:
        return self.matcher.readiness.foremost(strategy, able)

    def draw(self, number: int) -> int:
        return self.matcher.draw(number)


class Matcher:
    """The index over the shop's waiting calls and ready agents. After each event `sync`, `choices`, `settle`."""

    def __init__(self, shop: Shop, draw: Draw) -> None:
        self._shop = shop
        self.draw = draw
        agents = shop.desk.agents.values()
        self._pools = shop.pools
        self.readiness = Readiness(agents, shop.book.figures, self._in_use())
        self._lanes = shop.lanes
        self._last: dict[QueueName, int] = {}  # by queue: the agent whom a call was offered last
        self._news: dict[CallId, tuple[Lane, Standing]] = {}  # calls, and where they belong if nobody takes them

    def reconfigure(self, renumbered: Renumbering) -> None:
        """The shop has another plan, and the agents other numbers. All calls are news to it, so all pairs are seen.

        Whose turn it is in a queue goes on from the last one offered, or who was before that one and is still here.
        """
        shop = self._shop
        self._pools, self._lanes = shop.pools, shop.lanes
        self._news.clear()
        self.readiness.reconfigure(shop.desk.agents.values(), renumbered, self._in_use())
        for agent_id in shop.desk.touched:
            self.readiness.recount(agent_id)
        stayed = {
            queue: next((to for to in renumbered.to[number::-1] if to >= 0), -1)
            for queue, number in self._last.items()
            if queue in shop.plan.queues
        }
        self._last = stayed

    def _in_use(self) -> list[str]:
        return [queue.strategy for queue in self._shop.plan.queues.values()]

    # -- keeping up -------------------------------------------------------------------------------------------

    def sync(self, at: float) -> None:
        """Take in what has changed since the last time."""
        shop = self._shop
        for agent_id in shop.book.figures.take_changed():
            self.readiness.recount(agent_id)
        for agent_id in shop.desk.touched:
            self.readiness.update(agent_id, agent_id in shop.desk.ready)
        fresh = shop.take_fresh()
        for call_id in self._lanes.due(at):
            if call_id in shop.waiting:
                fresh[call_id] = shop.waiting[call_id]
        for call in fresh.values():
            if call.phase is CallPhase.WAITING and call.queue in shop.plan.queues:
                self._news[call.id] = self._lanes.take_up(call, at)
            else:
                self._lanes.remove(call.id)
                self._news.pop(call.id, None)

    def settle(self, at: float) -> None:
        """After the match: calls that are news and still wait take their places, as do agents who are still ready."""
        for call_id, place in self._news.items():
            call = self._shop.waiting.get(call_id)
            if call is None:
                continue
            self._lanes.put(call, place, at)
            if call.only is not None and call.only_until is not None and call.only_until > at:
                self._shop.alarms.set(f"only:{call.id}", call.only_until)
        self._news.clear()
        self._lanes.tidy()
        self.readiness.settle()

    # -- matching ---------------------------------------------------------------------------------------------

    def choices(self, at: float) -> Iterator[Choice]:
        """One after another, in the order of the line. Whoever takes one makes the offer before asking for the next.

        Two kinds of turns: a lane open to an agent who is news gives its head for as long as somebody takes it; `turns`
        holds the single calls that are news, and the lanes whose head was refused by all who are ready, which have to
        be walked.
        """
        turns = self._turns_of_news(at)
        lanes = self._lanes_of_news()
        while self.readiness.ready:
            head = self._lanes.best(lanes, at) if lanes else None
            if turns and (head is None or turns[0][:2] < head[:2]):
                _, walks, key, lane = heappop(turns)
            elif head is not None:
                _, walks, key, lane = head
            else:
                break
            choice = self._choice(key[2], lane, at)
            if choice is not None:
                yield choice
                self._take_in(choice, lane)
            if lanes >> lane.number & 1 and lane.line and lane.line[0] is key:  # nobody took it
                lanes ^= 1 << lane.number
                walks = True
            following = lane.after(key) if walks and lane.pool & self.readiness.ready else None
            if following is not None:
                heappush(turns, (now(lane, following, at), True, following, lane))

    def _turns_of_news(self, at: float) -> list[Turn]:
        ready = self.readiness.ready
        turns = [(now(lane, key, at), False, key, lane) for lane, key in self._news.values() if lane.pool & ready]
        heapify(turns)
        return turns

    def _lanes_of_news(self) -> int:
        lanes = 0
        for number in self.readiness.news:
            lanes |= self._lanes.open_to(number)
        return lanes

    def _take_in(self, choice: Choice, lane: Lane) -> None:
        """The offer is made: call and agents are spoken for."""
        if choice.call.phase is not CallPhase.WAITING:
            self._lanes.remove(choice.call.id)
            self._news.pop(choice.call.id, None)
        for agent in choice.agents:
            self.readiness.update(agent.spec.id, agent.spec.id in self._shop.desk.ready)
        self._last[lane.queue.name] = self.readiness.numbers[choice.agents[0].spec.id]

    # -- who --------------------------------------------------------------------------------------------------

    def _choice(self, call_id: CallId, lane: Lane, at: float) -> Choice | None:
        able = lane.pool & self.readiness.ready
        call = self._shop.waiting.get(call_id)
        if call is None or not able:
            return None
        able = self._willing(call, lane, able, at)
        if not able:
            return None
        chosen = []
        for _ in range(RING_ALL_LIMIT if STRATEGIES[lane.queue.strategy].rings_all else 1):
            number = self._best(able, lane)
            chosen.append(self.readiness.agents[number])
            able ^= 1 << number
            if not able:
                break
        return Choice(call, tuple(chosen))

    def _willing(self, call: Call, lane: Lane, able: int, at: float) -> int:
        """Those who have not refused this very call; when there are none, those who may be asked again."""
        if not call.refused_by:
            return able
        numbers = self.readiness.numbers
        refused = {agent_id: 1 << numbers[agent_id] for agent_id in call.refused_by if agent_id in numbers}
        others = able & ~sum(refused.values())
        if others:
            return others
        on_duty = self._shop.desk.on_duty()

        def may(agent: Agent) -> bool:
            return bool(lane.pool >> numbers[agent.spec.id] & 1)

        asked = (bit for who, bit in refused.items() if able & bit and not again_in_s(call, who, on_duty, may, at))
        return sum(asked)

    def _best(self, able: int, lane: Lane) -> int:
        """Steps 2 to 6 of the order in `strategies`."""
        if lane.queue.prefer is Prefer.STEP:
            able = next(able & step for step in lane.steps if able & step)
        able = able & ~self.readiness.capped or able
        if able & (able - 1):
            case = _Case(self, lane, self._last.get(lane.queue.name, -1))
            able = STRATEGIES[lane.queue.strategy].best(able, case)
        return self.readiness.foremost(LONGEST_IDLE, able) if able & (able - 1) else able.bit_length() - 1

    def tiers(self, lane: Lane) -> tuple[int, ...]:
        """All agents by what they know of what the lane's open requirements name."""
        return self._pools.tiers(lane.skills())

    def candidates(self, call: Call, at: float) -> int:
        """The ready agents who may be offered the waiting call now, as bits."""
        lane = self.lane_of(call)
        return self._willing(call, lane, lane.pool & self.readiness.ready, at) if lane is not None else 0

    def ranked(self, call: Call, able: int, most: int) -> list[int]:
        """The first `most` of these ready agents, best first. Chance would be drawn anew: with it, nobody is ranked."""
        lane = self.lane_of(call)
        if lane is None or lane.queue.strategy == RANDOM:
            return []
        by_figure = LONGEST_IDLE if STRATEGIES[lane.queue.strategy].rings_all else lane.queue.strategy
        even = not able & self.readiness.capped and (lane.queue.prefer is not Prefer.STEP or len(lane.steps) == 1)
        if even and STRATEGIES[by_figure].figure is not None:
            return self.readiness.several(by_figure, able, most)
        found: list[int] = []
        while able and len(found) < most:
            found.append(self._best(able, lane))
            able ^= 1 << found[-1]
        return found

    def lane_of(self, call: Call) -> Lane | None:
        """Where the waiting call stands, or will when nobody takes it."""
        place = self._news.get(call.id) or self._lanes.placed(call.id)
        return place[0] if place is not None else None

    def everybody(self) -> int:
        """All agents as bits."""
        return self._pools.everybody

    # -- the line ---------------------------------------------------------------------------------------------

    def line(self, at: float, queue: QueueName | None = None) -> Iterator[Call]:
        """The waiting calls (of one queue) in the order in which they will be served; costs what is taken of it."""
        return (self._shop.calls[call_id] for call_id in self._lanes.line(at, queue))

    def waiting(self) -> int:
        """How many wait in all queues."""
        return len(self._lanes)

    def position(self, call_id: CallId, at: float, queue: QueueName | None = None) -> int | None:
        """The waiting call's place in the line (of one queue), from 1, not walking it; None when it does not wait."""
        ahead = self._lanes.ahead_of(call_id, at, queue)
        return None if ahead is None else ahead + 1
