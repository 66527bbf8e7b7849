"""How long a caller will still wait, as far as can be said now.

By the place in the line, the agents on duty who may take the call, and the pace of its queue and of those ahead
(`pace`); the formulas and their sources are in `delay`. Ours is one line over many queues: those ahead count by how far
their agents are mine as well. A relaxation that is not open yet counts from its deadline on: the part of the wait that
is done by then is done at the earlier step's speed. Not foreseen: higher-ranking calls that are yet to come, and agents
who are yet to log in.

What a caller has been told (`tell_s`) is remembered with the call and does not grow, whatever the means do, unless
agents who may take the call have gone off duty or more calls that compete for them are ahead than there were. A call
that comes into another queue, or has been talked to and waits again, is told anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from acd.queues import matching
from acd.queues.delay import through_steps, wait_behind_s
from acd.queues.lanes import Lane
from acd.queues.matching import Standing
from acd.queues.model import Call, CallId, CallPhase, QueueName, QueueSpec, Told
from acd.queues.shop import Shop


@dataclass(frozen=True, slots=True)
class Rival:
    """A kind of caller in the line: of this queue, to be served by these agents (bits, see `duty`)."""

    queue: QueueName
    pool: int


@dataclass(frozen=True, slots=True)
class Step:
    """From `opens_in_s` on, these agents may take the call; each step's set holds the earlier ones'."""

    opens_in_s: float
    pool: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """An estimate with what it stands on: agents on duty who may (come to) take the call, and rivals ahead of it."""

    wait_s: float | None
    agents: int
    rivals: int


# -- of a call ------------------------------------------------------------------------------------------------------


def estimate_s(call: Call, queue: QueueSpec, shop: Shop, at: float) -> float | None:
    """Expected remaining wait, seconds, of a call in this queue or about to join it with the join time that it has.

    None: nobody on duty may take it. Costs a look into each lane, however many wait.
    """
    return _outlook(shop, call, queue, _ahead_of(shop, matching.standing(call, queue, at), at), at).wait_s


def newcomers(shop: Shop, at: float) -> dict[QueueName, float]:
    """What somebody who would call now would have to wait, by queue; left out: nobody on duty may take such a call."""
    waits: dict[QueueName, float] = {}
    for queue in shop.plan.queues.values():
        wait_s = estimate_s(_newcomer(shop, queue, at), queue, shop, at)
        if wait_s is not None:
            waits[queue.name] = wait_s
    return waits


def tell_s(call: Call, shop: Shop, at: float) -> float | None:
    """The estimate as the caller may hear it: never more than the last time without a cause. None as `estimate_s`."""
    queue = shop.plan.queues.get(call.queue) if call.queue is not None else None
    if call.phase is not CallPhase.WAITING or queue is None:
        return None
    ahead = _ahead_of(shop, matching.standing(call, queue, at), at)
    return _told(call, _outlook(shop, call, queue, ahead, at))


def tell_all(shop: Shop, at: float) -> dict[CallId, float]:
    """`tell_s` of every waiting call that has an estimate, in one walk over the line."""
    ahead: Counter[Rival] = Counter()
    told: dict[CallId, float] = {}
    for call_id in shop.lanes.line(at):
        call = shop.calls[call_id]
        wait_s = _told(call, _outlook(shop, call, matching.queue_of(call, shop.plan), ahead, at))
        if wait_s is not None:
            told[call_id] = wait_s
        placed = shop.lanes.placed(call_id)
        if placed is not None:
            _count(shop, ahead, placed[0], 1, (call_id,), at)
    return told


def _outlook(shop: Shop, call: Call, queue: QueueSpec, ahead: Counter[Rival], at: float) -> Outlook:
    """The estimate of a call with these ahead of it in the line."""
    here = shop.desk.duty.here
    steps = [Step(step.opens_in_s, step.pool & here) for step in _steps(shop, call, queue, at)]
    everybody = steps[-1].pool
    free = shop.desk.duty.free & ~shop.desk.duty.pool(call.refused_by) if matching.can_be_offered(call, at) else 0
    waits = [(step.opens_in_s, _wait_s(shop, queue, step.pool, free, ahead)) for step in steps]
    rivals = sum(number for rival, number in ahead.items() if rival.pool & everybody)
    return Outlook(through_steps(waits), everybody.bit_count(), rivals)


def _wait_s(shop: Shop, queue: QueueSpec, pool: int, free: int, ahead: Counter[Rival]) -> float | None:
    """The wait for these agents behind those ahead; nothing when more of them are free than callers are ahead."""
    if not pool:
        return None
    kinds: Counter[int] = Counter()
    places, leaving, handling_s = 0.0, 0.0, shop.pace.handling_s(queue.name)
    for rival, number in ahead.items():
        if rival.pool & pool:
            kinds[rival.pool] += number
            share = number * _share(rival.pool, pool)
            places += share
            handling_s += share * shop.pace.handling_s(rival.queue)
            leaving += share * shop.pace.leaving_per_s(rival.queue)
    if places < (pool & free).bit_count():
        return 0.0
    return wait_behind_s(pool, kinds, handling_s / (places + 1.0), leaving / places if places else 0.0)


def _share(theirs: int, mine: int) -> float:
    """The part of the agents they may get that I may get as well."""
    return (theirs & mine).bit_count() / theirs.bit_count()


def _told(call: Call, now: Outlook) -> float | None:
    before = call.told
    if now.wait_s is None:
        call.told = None  # everybody has left: whatever is said next is said anew
        return None
    wait_s = now.wait_s
    if before is not None and now.agents >= before.agents and now.rivals <= before.rivals:
        wait_s = min(wait_s, before.wait_s)
    call.told = Told(wait_s, now.agents, now.rivals)
    return wait_s


# -- the line and the agents ------------------------------------------------------------------------------------------


def _ahead_of(shop: Shop, standing: Standing, at: float) -> Counter[Rival]:
    """Those who come before whoever stands so, by kind."""
    ahead: Counter[Rival] = Counter()
    for lane, number in shop.lanes.ahead(standing, at):
        if number:
            _count(shop, ahead, lane, number, (call_id for _, _, call_id in islice(lane.line, number)), at)
    return ahead


def _count(shop: Shop, ahead: Counter[Rival], lane: Lane, number: int, who: Iterable[CallId], at: float) -> None:
    """These so many of the lane come before.

    Who may not be offered at the moment stands in a lane of nobody's, and will be back: such calls are looked at one
    by one, and only a caller who is hanging up takes nobody's place.
    """
    if lane.pool:
        ahead[Rival(lane.queue.name, lane.pool & shop.desk.duty.here)] += number
        return
    for call_id in who:
        call = shop.calls.get(call_id)
        if call is not None and call.hung_up is None:
            ahead[Rival(lane.queue.name, _open_pool(shop, call, lane.queue, at) & shop.desk.duty.here)] += 1


def _open_pool(shop: Shop, call: Call, queue: QueueSpec, at: float) -> int:
    """The agents of the steps that are open."""
    return next(step.pool for step in reversed(_steps(shop, call, queue, at)) if step.opens_in_s <= 0.0)


def _steps(shop: Shop, call: Call, queue: QueueSpec, at: float) -> list[Step]:
    """The requirement's agents, and from each deadline on more; a held call has its one agent until then."""
    pools = shop.able.steps(call, queue)
    held = matching.held_for(call, shop.plan, at)
    if held is None:
        return _opening(call, queue, pools, 0.0, 0, at)
    alone = shop.desk.duty.pool((held,))
    if call.only_until is None:
        return [Step(0.0, alone)]
    return [Step(0.0, alone), *_opening(call, queue, pools, call.only_until - at, alone, at)]


def _opening(call: Call, queue: QueueSpec, pools: tuple[int, ...], from_s: float, more: int, at: float) -> list[Step]:
    """The steps that open from `from_s` on; `more` may take the call beside each step's own agents."""
    deadlines = [from_s, *(max(from_s, call.joined_at + step.after_s - at) for step in queue.relax)]
    return [Step(opens_in_s, pool | more) for opens_in_s, pool in zip(deadlines, pools, strict=True)]


def _newcomer(shop: Shop, queue: QueueSpec, at: float) -> Call:
    """Somebody of whom nothing is known but what is known of every call."""
    call = Call(CallId(f"~{queue.name}"), "", "", "", "", at, queue=queue.name, joined_at=at)
    call.attributes = shop.plan.attributes
    return call
