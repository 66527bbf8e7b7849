"""How long a call will probably wait, as far as can be told from who is ahead of it and who is here."""

from __future__ import annotations

from acd.queues import matching
from acd.queues.model import Call, QueueSpec
from acd.queues.shop import Shop

UNKNOWN_HANDLE_S = 180.0  # until a call of the day has been served: three minutes, as most calls of a hotline


def estimate_s(call: Call, queue: QueueSpec, shop: Shop, at: float) -> float | None:
    """Seconds until the call's turn; None when nobody here may take it.

    Formula: (calls of the queue before it + 1) x mean handling time / agents. With n agents who are all busy, one
    becomes free every handling time / n (the mean of the first of n exponential times: M/M/n with a line).
    """
    agents = [agent for agent in shop.desk.agents.values() if agent.logged_in and agent.pause_reason is None]
    able = [agent for agent in agents if matching.qualified(call, agent, shop.plan, at)]
    if not able:
        return None
    ahead = sum((other.joined_at, other.id) < (call.joined_at, call.id) for other in shop.lines.of(queue.name))
    days = [shop.book.figures.agent(agent.spec.id) for agent in able]
    answered, talk_s = sum(day.answered for day in days), sum(day.talk_s for day in days)
    handle_s = talk_s / answered + queue.wrap_up_s if answered and talk_s else UNKNOWN_HANDLE_S
    return (ahead + 1) * handle_s / len(able)
