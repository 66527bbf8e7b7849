"""How long a caller will still wait, as far as can be said now.

A caller behind n others in a queue with s busy agents is served at the (n+1)-th departure from the line ahead: an
agent who becomes free, or, of those ahead, somebody who gives up. With i left ahead that happens at the rate
s/h + i*theta (h: mean handling time, theta: leaving rate), so the expected wait is

    sum over i = 0..n of 1 / (s/h + i*theta)

which without abandonment is (n+1) h / s. This is the queue-length predictor: W. Whitt, "Predicting queueing delays",
Management Science 45 (1999) 870-888; with abandonment QL_m of R. Ibrahim and W. Whitt, "Real-time delay estimation in
overloaded multiserver queues with abandonments", Management Science 55 (2009) 1729-1742.

Ours is one line over many queues that share agents, so n is counted in shares: a call ahead of which a third of the
possible agents on duty are mine as well takes a third of a place from me; h and theta are means over my call and those
shares. A relaxation that is not open yet counts from its deadline on: the part of the wait that is done by then is done
at the earlier step's speed. Not foreseen: higher-ranking calls that are yet to come, and agents who are yet to log in.

What a caller has been told (`tell_s`) is remembered with the call and does not grow, whatever the means do, unless
agents who may take the call have gone off duty or more calls that compete for them are ahead than there were.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from acd.queues import matching
from acd.queues.lanes import Lane
from acd.queues.matching import Standing
from acd.queues.model import Call, CallId, CallPhase, QueueName, QueueSpec, Side, Told
from acd.queues.shop import Shop

EXACT_TERMS = 32  # of the sum; beyond, where the terms change little from one to the next, it is integrated


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


# -- formulas -----------------------------------------------------------------------------------------------------


def expected_wait_s(ahead: float, agents: int, handling_s: float, leaving_per_s: float = 0.0) -> float:
    """Expected wait behind `ahead` others (see above); a part of a place counts as that part of its term.

    `agents` at least 1, `handling_s` seconds of an agent per call, `leaving_per_s` per waiting caller and second.
    """
    rate = agents / max(handling_s, 1e-9)
    whole = math.floor(ahead)
    part = (ahead - whole) / (rate + (whole + 1) * leaving_per_s)
    if leaving_per_s <= 0.0:
        return (whole + 1) / rate + part
    exact = min(whole, EXACT_TERMS)
    terms = math.fsum(1.0 / (rate + i * leaving_per_s) for i in range(exact + 1))
    return terms + _integrated(rate, leaving_per_s, exact, whole) + part


def _integrated(rate: float, theta: float, after: int, last: int) -> float:
    """Sum of 1/(rate + i*theta) over i = after+1..last, by the Euler-Maclaurin formula up to the first derivative."""
    if last <= after:
        return 0.0
    first, final = 1.0 / (rate + after * theta), 1.0 / (rate + last * theta)
    integral = math.log(first / final) / theta
    return integral + (final - first) / 2 + theta * (first * first - final * final) / 12


def through_steps(steps: Sequence[tuple[float, float | None]]) -> float | None:
    """The wait when the agents who may take the call become more: (opens in s, the wait if it had always been open).

    Under a step whose wait is w, each second does 1/w of the wait. None: nobody is there in any step.
    """
    done, since_s, wait_s = 0.0, 0.0, None
    for opens_in_s, step_wait_s in steps:
        if wait_s is not None:
            if since_s + (1.0 - done) * wait_s <= opens_in_s:
                break
            done += (opens_in_s - since_s) / wait_s
        since_s = opens_in_s
        known = [wait for wait in (wait_s, step_wait_s) if wait is not None]
        wait_s = min(known, default=None)
    return None if wait_s is None else since_s + (1.0 - done) * wait_s


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
    queue = shop.queue_of(call)
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
    shares = [(rival.queue, number * _share(rival.pool, pool)) for rival, number in ahead.items() if rival.pool & pool]
    places = math.fsum(share for _, share in shares)
    if places < (pool & free).bit_count():
        return 0.0
    handling_s = shop.pace.handling_s(queue.name) + math.fsum(n * shop.pace.handling_s(name) for name, n in shares)
    leaving = math.fsum(n * shop.pace.leaving_per_s(name) for name, n in shares) / places if places else 0.0
    return expected_wait_s(places, pool.bit_count(), handling_s / (places + 1.0), leaving)


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
        if call is not None and call.hung_up is not Side.CALLER:
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
