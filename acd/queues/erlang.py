"""Erlang B, C and A: what theory says of one queue with one skill, Poisson arrivals and exponential talk.

Callers come at `calls_per_s`, each takes an agent for `handling_s` on the average (talk, wrap-up and all), `agents`
serve in the order of arrival. In Erlang C everybody waits for as long as it takes; in Erlang A (Palm's model, M/M/n+M)
patience is exponential with the mean `patience_s`. Good for thousands of agents: recursions and logarithms, no
factorials.

Sources: Erlang C as in any textbook, e.g. R. B. Cooper, "Introduction to Queueing Theory" (1981), ch. 3; Erlang A by
the steady state of the birth-death process (C. Palm, 1957; A. Mandelbaum and S. Zeltyn, "Service engineering in action:
the Palm/Erlang-A queue", 2007); the density of the offered wait is that of F. Baccelli and G. Hebuterne, "On queues
with impatient customers" (1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NEGLIGIBLE = 1e-16  # of the sum so far
RESCALE_ABOVE = 1e200
PANELS = 2000  # of the numerical integration over the time of the service level


@dataclass(frozen=True, slots=True)
class Service:
    """What callers and agents get in the long run. Shares 0..1, times in seconds (inf: the line grows for ever).

    `p_wait` of all callers, `abandonment` of all callers, `mean_wait_s` over all callers, `asa_s` over the answered,
    `service_level`: answered in time, as a share of all callers, `occupancy`: of the agents.
    """

    p_wait: float
    abandonment: float
    mean_wait_s: float
    asa_s: float
    service_level: float
    occupancy: float


def erlang_b(load: float, agents: int) -> float:
    """Share of callers lost when none may wait; `load` in Erlang. Recursion B(n) = aB(n-1) / (n + aB(n-1))."""
    blocked = 1.0
    for number in range(1, agents + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(calls_per_s: float, handling_s: float, agents: int, in_time_s: float) -> Service:
    """Nobody gives up. `in_time_s`: the wait that still counts as in time. ValueError for what makes no sense."""
    _check(calls_per_s, handling_s, agents, in_time_s)
    load = calls_per_s * handling_s
    if load >= agents:
        return Service(1.0, 0.0, math.inf, math.inf, 0.0, 1.0)
    blocked = erlang_b(load, agents)
    p_wait = blocked / (1.0 - load / agents * (1.0 - blocked))
    leaving_rate = (agents - load) / handling_s
    wait_s = p_wait / leaving_rate
    level = 1.0 - p_wait * math.exp(-leaving_rate * in_time_s)
    return Service(p_wait, 0.0, wait_s, wait_s, level, load / agents)


def erlang_a(calls_per_s: float, handling_s: float, agents: int, in_time_s: float, patience_s: float) -> Service:
    """Callers give up after an exponential time with the mean `patience_s`. ValueError for what makes no sense.

    Steady state relative to the state in which all agents are busy and nobody waits (p_n): below it, the sum is 1/B of
    Erlang B; above it, each state is the one before times calls / (agents/handling + waiting/patience). A caller who
    finds j waiting is served with the probability m / (m + (j+1)t), and then after a mean of the sum over k = 1..j+1 of
    1 / (m + kt), with m = agents / handling_s and t = 1 / patience_s.
    """
    _check(calls_per_s, handling_s, agents, in_time_s)
    if patience_s <= 0 or not math.isfinite(patience_s):
        raise ValueError("patience must be a positive number of seconds")
    if calls_per_s == 0:
        return Service(0.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    serving, leaving = agents / handling_s, 1.0 / patience_s
    blocked = erlang_b(calls_per_s * handling_s, agents)
    state = _waiting_states(calls_per_s, serving, leaving, 1.0 / blocked if blocked else math.inf)
    abandonment = leaving * state.waiting / calls_per_s
    served = 1.0 - abandonment
    in_time = 1.0 - state.p_wait + _answered_within(in_time_s, calls_per_s, serving, leaving, state.log_all_busy)
    return Service(
        p_wait=state.p_wait,
        abandonment=abandonment,
        mean_wait_s=state.waiting / calls_per_s,
        asa_s=state.served_wait_s / served,
        service_level=min(in_time, 1.0),
        occupancy=min(calls_per_s * served / serving, 1.0),
    )


@dataclass(frozen=True, slots=True)
class _States:
    p_wait: float  # all agents are busy
    waiting: float  # mean number
    served_wait_s: float  # mean over all callers, 0 for those who are not served
    log_all_busy: float  # log of the probability that all are busy and nobody waits


def _waiting_states(calls_per_s: float, serving: float, leaving: float, below: float) -> _States:
    """Sums over the states with 0, 1, 2... waiting. `below`: the sum up to the state with all busy, relative to it."""
    here, log_scale = 1.0, 0.0  # the present state's weight; all weights are to be multiplied by exp(log_scale)
    busy = waiting = served_wait_s = passage_s = 0.0
    below -= 1.0
    number = 0
    while True:
        rate = serving + (number + 1) * leaving
        passage_s += 1.0 / rate
        busy += here
        waiting += number * here
        served_wait_s += here * serving / rate * passage_s
        here *= calls_per_s / rate
        number += 1
        if calls_per_s < rate and number * here < NEGLIGIBLE * (busy + waiting):
            break
        if here > RESCALE_ABOVE:
            log_scale += math.log(here)
            busy, waiting, served_wait_s, below = (part / here for part in (busy, waiting, served_wait_s, below))
            here = 1.0
    total = below + busy
    return _States(busy / total, waiting / total, served_wait_s / total, -math.log(total) - log_scale)


def _answered_within(
    in_time_s: float, calls_per_s: float, serving: float, leaving: float, log_all_busy: float
) -> float:
    """Share of callers who wait, and are answered within the time: the integral of the density of the offered wait

        serving * p_n * exp(calls * (1 - exp(-leaving x)) / leaving - serving * x)

    times the chance exp(-leaving x) to be still there (Simpson's rule).
    """

    def density(x: float) -> float:
        stayed = -math.expm1(-leaving * x) / leaving
        return math.exp(log_all_busy + calls_per_s * stayed - serving * x - leaving * x)

    step_s = in_time_s / PANELS
    odd = math.fsum(density(number * step_s) for number in range(1, PANELS, 2))
    even = math.fsum(density(number * step_s) for number in range(2, PANELS, 2))
    return serving * step_s / 3 * (density(0.0) + 4 * odd + 2 * even + density(in_time_s))


def _check(calls_per_s: float, handling_s: float, agents: int, in_time_s: float) -> None:
    if not (math.isfinite(calls_per_s) and calls_per_s >= 0):
        raise ValueError("calls per second must be 0 or a positive number")
    if not (math.isfinite(handling_s) and handling_s > 0):
        raise ValueError("the handling time must be a positive number of seconds")
    if agents < 1:
        raise ValueError("there must be at least one agent")
    if not (math.isfinite(in_time_s) and in_time_s >= 0):
        raise ValueError("the time of the service level must be 0 or a positive number of seconds")
