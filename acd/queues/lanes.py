"""The waiting calls, sorted into lanes: all calls of a lane are of one queue and may be taken by the same agents.

Within a lane the order never changes by itself, for its calls age alike; so a lane is a sorted list, only its head
matters to an agent who becomes free, and the heads of all lanes that age alike stand in one `Ladder`, the lane's number
for a bit. An agent knows the lanes open to them as bits as well: the best call for them is one look into a ladder for
each rate of ageing there is (one, usually), however many calls, queues and skills there are.

A call that may not be offered now stands in a lane that nobody may take from, at its right place in the line.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from heapq import heappop, heappush, merge
from operator import or_

from acd.queues import bits, matching
from acd.queues.ladder import Ladder
from acd.queues.matching import Standing
from acd.queues.model import AgentId, Call, CallId, Plan, QueueName, QueueSpec
from acd.queues.pools import Pools, asked, pools_of

LANES_LIMIT = 4096
"""So many lanes may be kept though nobody waits in them; beyond, the empty ones are forgotten."""
BOUND_LIMIT = 4096
"""Most combinations of queue, open steps and attributes of a call whose lane is remembered."""


class Lane:
    """Calls of one queue for the same agents. `steps`: by each open step, who is qualified; `pool`: by any of them."""

    __slots__ = ("ageing", "line", "number", "opened", "pool", "queue", "steps")

    def __init__(self, number: int, queue: QueueSpec, opened: int, steps: tuple[int, ...]) -> None:
        self.number = number
        self.queue = queue
        self.opened = opened
        self.steps = steps
        self.pool = 0
        for step in steps:
            self.pool |= step
        self.ageing = matching.ageing(queue)
        self.line: list[Standing] = []

    def grown(self, at: float) -> int:
        """What the time it is adds to the score of every call here, in the exact units of `matching`."""
        return round(at * matching.MICRO) * self.ageing

    def skills(self) -> frozenset[str]:
        """What the open requirements name."""
        wanted = (self.queue.require, *(step.require for step in self.queue.relax[: self.opened]))
        return frozenset().union(*(one.skills() for one in wanted))

    def after(self, last: Standing) -> Standing | None:
        """The first call behind `last`, which need not be here any more."""
        place = bisect_right(self.line, last)
        return self.line[place] if place < len(self.line) else None


Turn = tuple[Standing, bool, Standing, Lane]
"""A call whose turn it is: standing now, whether the lane is walked on from it, lasting standing, lane."""


@dataclass(frozen=True, slots=True)
class Outset:
    """What the plan alone tells, before the first call comes. `asks`: names of what each queue asks of a call.

    `lanes`: those of the queues that ask for nothing; `open_to`: by agent, which of them, as bits.
    """

    asks: Mapping[QueueName, tuple[str, ...]]
    lanes: Sequence[tuple[QueueSpec, int, tuple[int, ...]]]
    open_to: Sequence[int]


def outset_of(plan: Plan) -> Outset:
    """The plan's; made once and kept with it."""
    known = plan.kept.get(Outset)
    if not isinstance(known, Outset):
        known = plan.kept[Outset] = _outset(plan)
    return known


def _outset(plan: Plan) -> Outset:
    pools = pools_of(plan)
    asks = {queue.name: asked(queue) for queue in plan.queues.values()}
    lanes = []
    for queue in plan.queues.values():
        if not asks[queue.name]:
            steps = tuple(pools.of(one, {}) for one in (queue.require, *(step.require for step in queue.relax)))
            lanes += [(queue, opened, steps[: opened + 1]) for opened in range(len(steps))]
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for number, (_, _, steps) in enumerate(lanes):
        alike[reduce(or_, steps)].append(number)
    open_to = [0] * len(plan.agents)
    for pool, numbers in alike.items():
        those = bits.of(numbers)
        for agent in bits.members(pool):
            open_to[agent] |= those
    return Outset(asks, lanes, open_to)


class Lanes:
    """All waiting calls that are in a queue of the plan."""

    def __init__(self, plan: Plan, pools: Pools, numbers: dict[AgentId, int]) -> None:
        self._plan = plan
        self._pools = pools
        self._numbers = numbers
        self._lanes: list[Lane] = []
        self._by_what: dict[tuple[QueueName, int, tuple[int, ...]], Lane] = {}
        self._by_bound: dict[tuple[object, ...], Lane] = {}
        self._heads: defaultdict[int, Ladder[Standing]] = defaultdict(Ladder)  # by rate of ageing
        self._placed: dict[CallId, tuple[Lane, Standing]] = {}
        self._due: list[tuple[float, CallId]] = []  # heap: when a waiting call is to be placed anew; may be out of date
        self._limit = LANES_LIMIT
        outset = outset_of(plan)
        self._asks = outset.asks
        for queue, opened, steps in outset.lanes:
            self._lane(queue, opened, steps)
        others = len(numbers) - len(outset.open_to)  # who only finish a call: nothing is open to them
        self._open_to = [*outset.open_to, *[0] * others]  # by agent: their lanes, as far as ...
        self._seen = [len(self._lanes)] * len(numbers)  # ... there were so many

    def __len__(self) -> int:
        return len(self._placed)

    # -- calls come and go ------------------------------------------------------------------------------------

    def take_up(self, call: Call, at: float) -> tuple[Lane, Standing]:
        """Where the waiting call belongs at `at`; it is taken from anywhere else, and `put` there if nobody has it."""
        queue = matching.queue_of(call, self._plan)
        place = self._lane_of(call, queue, at), matching.lasting(call, queue)
        if call.id in self._placed and self._placed[call.id] != place:
            self.remove(call.id)
        return place

    def put(self, call: Call, place: tuple[Lane, Standing], at: float) -> None:
        """Have the call wait there."""
        lane, key = place
        changes_at = matching.changes_at(call, lane.queue, at)
        if changes_at is not None:
            self._remember(changes_at, call.id)
        if call.id not in self._placed:
            self._placed[call.id] = place
            insort(lane.line, key)
            if lane.line[0] is key:
                self._heads[lane.ageing].put(lane.number, key)

    def remove(self, call_id: CallId) -> None:
        """The call waits no more."""
        placed = self._placed.pop(call_id, None)
        if placed is None:
            return
        lane, key = placed
        place = bisect_left(lane.line, key)
        del lane.line[place]
        if not lane.line:
            self._heads[lane.ageing].drop(lane.number)
        elif place == 0:
            self._heads[lane.ageing].put(lane.number, lane.line[0])

    def due(self, at: float) -> list[CallId]:
        """Calls for which the time that has passed may have made a difference."""
        came: list[CallId] = []
        while self._due and self._due[0][0] <= at:
            came.append(heappop(self._due)[1])
        return came

    def _remember(self, at: float, call_id: CallId) -> None:
        heappush(self._due, (at, call_id))
        if len(self._due) > 64 + 8 * len(self._placed):  # most of it is about calls that are gone
            self._due = sorted({entry for entry in self._due if entry[1] in self._placed or entry[1] == call_id})

    # -- which lane -------------------------------------------------------------------------------------------

    def _lane_of(self, call: Call, queue: QueueSpec, at: float) -> Lane:
        if not matching.can_be_offered(call, at):
            return self._lane(queue, 0, ())
        opened = matching.steps_open(call, queue, at)
        held = matching.held_for(call, self._plan, at)
        if held is not None:
            return self._lane(queue, opened, (1 << self._numbers[held],))
        about = matching.attributes(call) if self._asks[queue.name] else {}
        bound = (queue.name, opened, *(about.get(name) for name in self._asks[queue.name]))
        known = self._by_bound.get(bound)
        if known is None:
            wanted = matching.open_requirements(call, queue, at)
            known = self._lane(queue, opened, tuple(self._pools.of(one, about) for one in wanted))
            if len(self._by_bound) >= BOUND_LIMIT:
                self._by_bound.clear()
            self._by_bound[bound] = known
        return known

    def _lane(self, queue: QueueSpec, opened: int, steps: tuple[int, ...]) -> Lane:
        known = self._by_what.get((queue.name, opened, steps))
        if known is None:
            known = Lane(len(self._lanes), queue, opened, steps)
            self._lanes.append(known)
            self._by_what[queue.name, opened, steps] = known
        return known

    def tidy(self) -> None:
        """Forget the empty lanes when there are too many; only while every waiting call is in its place."""
        if len(self._lanes) <= self._limit:
            return
        kept = [lane for lane in self._lanes if lane.line]
        self._by_bound.clear()
        self._heads.clear()
        self._lanes = kept
        self._by_what = {(lane.queue.name, lane.opened, lane.steps): lane for lane in kept}
        for number, lane in enumerate(kept):
            lane.number = number
            self._heads[lane.ageing].put(number, lane.line[0])
        self._open_to = [0] * len(self._numbers)
        self._seen = [0] * len(self._numbers)
        self._limit = max(LANES_LIMIT, 2 * len(kept))

    # -- who is next ------------------------------------------------------------------------------------------

    def open_to(self, agent: int) -> int:
        """The lanes that the agent may take calls from, as bits."""
        seen = self._seen[agent]
        if seen < len(self._lanes):
            for lane in self._lanes[seen:]:
                if lane.pool >> agent & 1:
                    self._open_to[agent] |= 1 << lane.number
            self._seen[agent] = len(self._lanes)
        return self._open_to[agent]

    def best(self, among: int, at: float) -> Turn | None:
        """The call of these lanes that is served first; None when nobody waits there."""
        found: Turn | None = None
        for heads in self._heads.values():
            number = heads.first(among)
            if number >= 0:
                lane = self._lanes[number]
                turn = (now(lane, lane.line[0], at), False, lane.line[0], lane)
                if found is None or turn[0] < found[0]:
                    found = turn
        return found

    def placed(self, call_id: CallId) -> tuple[Lane, Standing] | None:
        """The call's lane and lasting standing in it; None when it does not wait."""
        return self._placed.get(call_id)

    # -- the line ---------------------------------------------------------------------------------------------

    def line(self, at: float, queue: QueueName | None = None) -> Iterator[CallId]:
        """Those who wait (in one queue), in the order in which they will be served; as far as it is asked for."""
        lanes = [lane for lane in self._lanes if lane.line and queue in (None, lane.queue.name)]
        for _, _, call_id in merge(*(self._standings(lane, at) for lane in lanes)):
            yield call_id

    @staticmethod
    def _standings(lane: Lane, at: float) -> Iterator[Standing]:
        grown = lane.grown(at)
        return ((lasts - grown, joined_at, call_id) for lasts, joined_at, call_id in lane.line)

    def ahead_of(self, call_id: CallId, at: float, queue: QueueName | None = None) -> int | None:
        """How many (of one queue) will be served before the call; None when it does not wait."""
        placed = self._placed.get(call_id)
        if placed is None:
            return None
        return sum(count for lane, count in self.ahead(now(*placed, at), at) if queue in (None, lane.queue.name))

    def ahead(self, standing: Standing, at: float) -> Iterator[tuple[Lane, int]]:
        """The lanes with how many in each, the first so many, are served before somebody who stands so at `at`."""
        lasts, joined_at, call_id = standing
        for lane in self._lanes:
            if lane.line:
                yield lane, bisect_left(lane.line, (lasts + lane.grown(at), joined_at, call_id))


def now(lane: Lane, key: Standing, at: float) -> Standing:
    """The standing at `at` of a call of the lane with this lasting one."""
    return key[0] - lane.grown(at), key[1], key[2]
