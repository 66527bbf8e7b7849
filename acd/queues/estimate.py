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
from collections.abc import Sequence
from dataclasses import dataclass, replace

from acd.queues import matching
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

    None: nobody on duty may take it. Costs a walk over the waiting calls.
    """
    if call.queue != queue.name:
        call = replace(call, queue=queue.name)
    return outlook(shop, call, _ahead_of(shop, call, at), at).wait_s


def newcomers(shop: Shop, at: float) -> dict[QueueName, float]:
    """What somebody who would call now would have to wait, by queue; left out: nobody on duty may take such a call."""
    callers = [_newcomer(shop, queue, at) for queue in shop.plan.queues.values()]
    ahead: Counter[Rival] = Counter()
    waits: dict[QueueName, float] = {}
    for call in matching.line([*shop.waiting.values(), *callers], shop.plan, at):
        if call.id in shop.waiting:
            _goes_ahead(shop, call, ahead, at)
            continue
        wait_s = outlook(shop, call, ahead, at).wait_s
        if wait_s is not None and call.queue is not None:
            waits[call.queue] = wait_s
    return waits


def tell_s(call: Call, shop: Shop, at: float) -> float | None:
    """The estimate as the caller may hear it: never more than the last time without a cause. None as `estimate_s`."""
    if call.phase is not CallPhase.WAITING or call.queue not in shop.plan.queues:
        return None
    return _told(call, outlook(shop, call, _ahead_of(shop, call, at), at))


def tell_all(shop: Shop, at: float) -> dict[CallId, float]:
    """`tell_s` of every waiting call that has an estimate, in one walk over the line."""
    ahead: Counter[Rival] = Counter()
    told: dict[CallId, float] = {}
    for call in matching.line(shop.waiting.values(), shop.plan, at):
        wait_s = _told(call, outlook(shop, call, ahead, at))
        if wait_s is not None:
            told[call.id] = wait_s
        _goes_ahead(shop, call, ahead, at)
    return told


def outlook(shop: Shop, call: Call, ahead: Counter[Rival], at: float) -> Outlook:
    """The estimate of a call with these ahead of it in the line."""
    here = shop.desk.duty.here
    steps = [Step(step.opens_in_s, step.pool & here) for step in _steps(shop, call, at)]
    everybody = steps[-1].pool
    free = shop.desk.duty.free & ~shop.desk.duty.pool(call.refused_by) if matching.can_be_offered(call, at) else 0
    waits = [(step.opens_in_s, _wait_s(shop, call, step.pool, free, ahead)) for step in steps]
    rivals = sum(number for rival, number in ahead.items() if rival.pool & everybody)
    return Outlook(through_steps(waits), everybody.bit_count(), rivals)


def _wait_s(shop: Shop, call: Call, pool: int, free: int, ahead: Counter[Rival]) -> float | None:
    """The wait for these agents behind those ahead; nothing when more of them are free than callers are ahead."""
    if not pool or call.queue is None:
        return None
    shares = [(rival.queue, number * _share(rival.pool, pool)) for rival, number in ahead.items() if rival.pool & pool]
    places = math.fsum(share for _, share in shares)
    if places < (pool & free).bit_count():
        return 0.0
    handling_s = shop.pace.handling_s(call.queue) + sum(n * shop.pace.handling_s(queue) for queue, n in shares)
    leaving = sum(n * shop.pace.leaving_per_s(queue) for queue, n in shares) / places if places else 0.0
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


def _ahead_of(shop: Shop, call: Call, at: float) -> Counter[Rival]:
    """Those who come before the call, by kind."""
    mine = _rank(shop, call, at)
    return Counter(
        _rival(shop, other, at)
        for other in shop.waiting.values()
        if other.queue in shop.plan.queues and _is_rival(other) and _rank(shop, other, at) < mine
    )


def _rank(shop: Shop, call: Call, at: float) -> tuple[float, float, CallId]:
    return (-matching.score(call, matching.queue_of(call, shop.plan), at), call.joined_at, call.id)


def _goes_ahead(shop: Shop, call: Call, ahead: Counter[Rival], at: float) -> None:
    if _is_rival(call):
        ahead[_rival(shop, call, at)] += 1


def _is_rival(call: Call) -> bool:
    """A caller who is hanging up takes nobody's place."""
    return call.hung_up is not Side.CALLER


def _rival(shop: Shop, call: Call, at: float) -> Rival:
    """What the call competes for as things are: the agents of the steps that are open."""
    pool = next(step.pool for step in reversed(_steps(shop, call, at)) if step.opens_in_s <= 0.0)
    return Rival(matching.queue_of(call, shop.plan).name, pool & shop.desk.duty.here)


def _steps(shop: Shop, call: Call, at: float) -> list[Step]:
    """The requirement's agents, and from each deadline on more; a held call has its one agent until then."""
    queue, about = matching.queue_of(call, shop.plan), matching.attributes(call)
    pool, opens_in_s, steps = 0, 0.0, []
    if call.only is not None:
        pool = shop.desk.duty.pool((call.only,))
        steps.append(Step(0.0, pool))
        if call.only_until is None:
            return steps
        opens_in_s = max(0.0, call.only_until - at)
    pool |= shop.pools.of(queue.require, about)
    steps.append(Step(opens_in_s, pool))
    for relaxed in sorted(queue.relax, key=lambda step: step.after_s):
        pool |= shop.pools.of(relaxed.require, about)
        steps.append(Step(max(opens_in_s, call.joined_at + relaxed.after_s - at, 0.0), pool))
    return steps


def _newcomer(shop: Shop, queue: QueueSpec, at: float) -> Call:
    """Somebody of whom nothing is known but what is known of every call."""
    call = Call(CallId(f"~{queue.name}"), "", "", "", "", at, queue=queue.name, joined_at=at)
    call.attributes = shop.plan.attributes
    return call
