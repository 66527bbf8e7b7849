"""The limits of a queue: when a call cannot wait in it, or not any longer.

Each limit is a function of its own and says `Overflowing` or nothing; where such a call goes is the queue's `overflow`
(`acd.queues.overflow`). A new limit is a function here and a place in one of the two tuples.

No limit turns away a call that somebody ready may take at once: `JOINING` is asked of calls that found nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from acd.queues import matching
from acd.queues.estimate import estimate_s
from acd.queues.model import Agent, Call, Nobody, Outcome, QueueSpec
from acd.queues.shop import Shop


class Reason(StrEnum):
    """Which limit it was; the names are those of the configuration's keys."""

    MAX_WAITING = "max_waiting"
    MAX_WAIT = "max_wait_s"
    NOBODY = "nobody"
    DIVERT_ABOVE = "divert_above_s"
    REMOVED = "removed"  # no key: the queue itself is gone


OUTCOMES = {
    Reason.MAX_WAITING: Outcome.OVERFLOWED,
    Reason.MAX_WAIT: Outcome.TIMED_OUT,
    Reason.NOBODY: Outcome.CLOSED,
    Reason.DIVERT_ABOVE: Outcome.OVERFLOWED,
    Reason.REMOVED: Outcome.OVERFLOWED,
}
"""How a call ends that is let go for this reason."""


@dataclass(frozen=True, slots=True)
class Overflowing:
    """The call cannot stay."""

    reason: Reason


Limit = Callable[[Call, QueueSpec, Shop, float], Overflowing | None]


def nobody(call: Call, queue: QueueSpec, shop: Shop, at: float) -> Overflowing | None:
    """Everybody who could ever serve the call, by any step, is logged out. Who is paused or away is still here."""
    if queue.nobody is Nobody.WAIT or any(somebody_for(call, queue, agent) for agent in shop.desk.agents.values()):
        return None
    return Overflowing(Reason.NOBODY)


def max_waiting(call: Call, queue: QueueSpec, shop: Shop, at: float) -> Overflowing | None:
    """As many calls as allowed wait in the queue without this one; those at somebody's phone are being served."""
    return Overflowing(Reason.MAX_WAITING) if len(shop.lines.of(queue.name)) > queue.max_waiting else None


def divert_above(call: Call, queue: QueueSpec, shop: Shop, at: float) -> Overflowing | None:
    """The call would have to wait longer than the queue thinks decent."""
    wait_s = estimate_s(call, queue, shop, at) if queue.divert_above_s else None
    if wait_s is None or wait_s <= queue.divert_above_s:
        return None
    return Overflowing(Reason.DIVERT_ABOVE)


def max_wait(call: Call, queue: QueueSpec, shop: Shop, at: float) -> Overflowing | None:
    """The call has been in this queue for as long as it may."""
    if at < deadline(call, queue):
        return None
    return Overflowing(Reason.MAX_WAIT)


def removed(call: Call, queue: QueueSpec, shop: Shop, at: float) -> Overflowing | None:
    """The plan does not have the queue any more."""
    return Overflowing(Reason.REMOVED) if queue.name not in shop.plan.queues else None


JOINING: tuple[Limit, ...] = (nobody, max_waiting, divert_above)
"""What is asked when a call has joined a queue and found nobody ready, in this order."""

STAYING: tuple[Limit, ...] = (removed, max_wait, nobody)
"""What is asked of a call in line, when its deadline has come, somebody has logged out or the plan is another one."""


def verdict(limits: tuple[Limit, ...], call: Call, queue: QueueSpec, shop: Shop, at: float) -> Overflowing | None:
    """What the first of these limits that has anything to say says."""
    return next((said for limit in limits if (said := limit(call, queue, shop, at)) is not None), None)


def deadline(call: Call, queue: QueueSpec) -> float:
    """When the call has waited long enough in this queue (seconds since 1970).

    Counted from when it was queued here, not from the place it brought along: a queue to which a call overflows after
    ten minutes elsewhere would otherwise be none at all.
    """
    return call.queued_at + queue.max_wait_s


def somebody_for(call: Call, queue: QueueSpec, agent: Agent) -> bool:
    """Whether the agent is logged in and may take the call, now or when a later step opens."""
    if not agent.logged_in:
        return False
    about = matching.attributes(call)
    wanted = (queue.require, *(step.require for step in queue.relax))
    return any(one.satisfied_by(agent.spec.skills, about) for one in wanted)
