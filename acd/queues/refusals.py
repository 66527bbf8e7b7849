"""Who refused this very call, and when such an agent is asked again.

An agent who refused is not offered the call again until nobody else is left. "Somebody else" is another agent on duty
(logged in, not paused, the phone reachable; busy, talking and wrapping up as well: they come free) who may take the
call by an open step and has not refused it. While there is one, the refuser is left out, but for `refused_others_s` at
most, so that a caller never waits for ever beside an idle agent; with nobody else it is `refused_pair_s`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from acd.queues.model import Agent, AgentId, Backoff, Call
from acd.queues.shop import Shop

May = Callable[[Agent], bool]
"""Whether the agent may take the call by an open step."""


def refused(shop: Shop, call: Call, agent_id: AgentId, at: float) -> None:
    """The agent refused the call at `at`."""
    backoff: Backoff = shop.backoff
    call.refused_by[agent_id] = at + backoff.refused_pair_s
    call.refused_until[agent_id] = at + backoff.refused_others_s
    shop.refused[call.id] = call
    shop.alarms.set(_alarm(call, agent_id), call.refused_by[agent_id])
    shop.changed(call)


def forgive(shop: Shop, call: Call, agent_id: AgentId) -> None:
    """The agent is meant to have the call now, whatever was before."""
    if call.refused_by.pop(agent_id, None) is not None:
        call.refused_until.pop(agent_id, None)
        shop.alarms.cancel(_alarm(call, agent_id))
        shop.changed(call)


def waits_again(shop: Shop, call: Call, at: float) -> None:
    """The call is back in the line: who refused it before is asked when the times of then are over."""
    for agent_id, again_at in call.refused_by.items():
        moment = again_at if again_at > at else call.refused_until.get(agent_id, at)
        if moment > at:
            shop.alarms.set(_alarm(call, agent_id), moment)


def look_again(shop: Shop, call: Call, agent_id: AgentId, at: float) -> None:
    """The timer came: the agent may be asked if nobody else is left; in any case when the longer time is over."""
    until = call.refused_until.get(agent_id, at)
    if until > at:
        shop.alarms.set(_alarm(call, agent_id), until)
    shop.changed(call)


def thinned_out(shop: Shop) -> None:
    """Somebody went off duty: for a waiting call that person may have been the last one else."""
    for call in shop.refused.values():
        shop.changed(call)


def cancel(shop: Shop, call: Call) -> None:
    """The call needs no more waking."""
    for agent_id in call.refused_by:
        shop.alarms.cancel(_alarm(call, agent_id))


def again_in_s(call: Call, agent_id: AgentId, on_duty: Iterable[Agent], may: May, at: float) -> float:
    """Seconds until the agent may be offered the call again; 0 for one who never refused it.

    Looks for somebody else only when that decides; costs nothing for a call that nobody refused.
    """
    again_at = call.refused_by.get(agent_id)
    if again_at is None:
        return 0.0
    until = call.refused_until.get(agent_id, again_at)
    if until > at and somebody_else(call, on_duty, may):
        return until - at
    return max(0.0, again_at - at)


def somebody_else(call: Call, on_duty: Iterable[Agent], may: May) -> bool:
    """Whether anybody on duty who has not refused the call may take it."""
    return any(agent.spec.id not in call.refused_by and may(agent) for agent in on_duty)


def _alarm(call: Call, agent_id: AgentId) -> str:
    return f"refused:{call.id}:{agent_id}"
