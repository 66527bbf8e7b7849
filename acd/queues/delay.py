"""The formulas of an expected wait; `estimate` says what they are asked about.

A caller behind n others for the same s busy agents is served at the (n+1)-th departure from the line ahead: an agent
who becomes free, or, of those ahead, somebody who gives up. With i left ahead that happens at the rate s/h + i*theta
(h: mean handling time, theta: leaving rate), so the expected wait is

    sum over i = 0..n of 1 / (s/h + i*theta)

which without abandonment is (n+1) h / s. This is the queue-length predictor: W. Whitt, "Predicting queueing delays",
Management Science 45 (1999) 870-888; with abandonment QL_m of R. Ibrahim and W. Whitt, "Real-time delay estimation in
overloaded multiserver queues with abandonments", Management Science 55 (2009) 1729-1742.

Where queues share agents, those ahead are of several kinds, each to be served by agents of its own, some of whom are
mine. As long as a kind waits, every agent of its who becomes free goes there, so that I am left with the m of my agents
whom nobody ahead may take. A kind with the rate r is gone after an Erlang-distributed time; the chance that none of my
m was free before is F, the product over i = 1..n of (r + i*theta) / (r + i*theta + m/h), and the mean time until then
or until I am served is (1 - F) h / m. The kinds are gone through in the order in which they will be gone, each time
with one kind less; with one kind and all agents in common this is the sum above. Approximate are only the rates of
kinds that share agents with each other: they are cut down alike until they add up to their agents.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

EXACT_TERMS = 32  # of the sum; beyond, where the terms change little from one to the next, it is integrated
KINDS_LIMIT = 24  # taken one by one; the smallest beyond are taken together
NEVER = 1e-7  # a leaving rate that is so small a part of the serving rate is none


def expected_wait_s(ahead: float, agents: int, handling_s: float, leaving_per_s: float = 0.0) -> float:
    """Expected wait behind `ahead` others for the same agents; a part of a place counts as that part of its term.

    `agents` at least 1, `handling_s` seconds of an agent per call, `leaving_per_s` per waiting caller and second.
    """
    rate = agents / handling_s
    return 1.0 / rate + _gone_after_s(ahead, rate, leaving_per_s)


def wait_behind_s(mine: int, ahead: Mapping[int, float], handling_s: float, leaving_per_s: float = 0.0) -> float:
    """Expected wait for the agents `mine` behind those `ahead`: how many by the agents who may take them.

    Agents as bits, at least one of them in `mine` and in common with each kind ahead.
    """
    left = _few(ahead)
    waited_s, still_here = 0.0, 1.0
    while left:
        demanded = 0
        for pool in left:
            demanded |= pool
        rates = {pool: float(pool.bit_count()) for pool in left}
        cut = demanded.bit_count() / math.fsum(rates.values()) / handling_s
        first = min(left, key=lambda pool: (left[pool] / rates[pool], pool))
        gone = left.pop(first)
        others = (mine & ~demanded).bit_count() / handling_s
        rate = rates[first] * cut
        if others:
            missed = _nobody_free(gone, rate, leaving_per_s, others)
            waited_s += still_here * (1.0 - missed) / others
            still_here *= missed
        else:
            waited_s += still_here * _gone_after_s(gone, rate, leaving_per_s)
        spent = gone / rates[first]
        left = {pool: number - spent * rates[pool] for pool, number in left.items() if number > spent * rates[pool]}
    return waited_s + still_here * handling_s / mine.bit_count()


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


def _few(ahead: Mapping[int, float]) -> dict[int, float]:
    if len(ahead) <= KINDS_LIMIT:
        return dict(ahead)
    by_size = sorted(ahead.items(), key=lambda kind: kind[1], reverse=True)
    few, rest = dict(by_size[: KINDS_LIMIT - 1]), by_size[KINDS_LIMIT - 1 :]
    together = 0
    for pool, _ in rest:
        together |= pool
    few[together] = few.get(together, 0.0) + math.fsum(number for _, number in rest)
    return few


def _gone_after_s(number: float, rate: float, theta: float) -> float:
    """Mean time until so many have gone: the sum over i = 1..number of 1/(rate + i*theta)."""
    if theta <= NEVER * rate:
        return number / rate
    whole = math.floor(number)
    exact = min(whole, EXACT_TERMS)
    terms = math.fsum(1.0 / (rate + i * theta) for i in range(1, exact + 1))
    return terms + _integrated(rate, theta, exact, whole) + (number - whole) / (rate + (whole + 1) * theta)


def _integrated(rate: float, theta: float, after: int, last: int) -> float:
    """Sum of 1/(rate + i*theta) over i = after+1..last, by the Euler-Maclaurin formula up to the first derivative."""
    if last <= after:
        return 0.0
    first, final = 1.0 / (rate + after * theta), 1.0 / (rate + last * theta)
    integral = math.log(first / final) / theta
    return integral + (final - first) / 2 + theta * (first * first - final * final) / 12


def _nobody_free(number: float, rate: float, theta: float, others: float) -> float:
    """Chance that so many are gone before the first event of the rate `others` (F above)."""
    if theta <= NEVER * rate:
        return math.exp(number * -math.log1p(others / rate))
    low, high = rate / theta + 1.0, (rate + others) / theta + 1.0
    logs = math.lgamma(low + number) - math.lgamma(low) - math.lgamma(high + number) + math.lgamma(high)
    return math.exp(min(0.0, logs))
